#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "../../tests/support/redis_server.rs"]
mod redis_server;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use self::redis_server::RedisServer;
use super::{Cleared, RuleCleared, clear};
use crate::keyspace::fake_redis::{answering, counting, page};
use crate::keyspace::{Deadline, KeyspaceError, Scope, Server, count};
use crate::manifest::Manifest;
use crate::manifest::keys::KeyRule;
use crate::manifest::keys::tests::reference;
use crate::outbox::Erased;
use crate::user::UserKey;

const FILLED: &str = r#"
HSET vedfolnir:session:a user_id 1 platform_name x
HSET vedfolnir:session:b user_id 12
HSET vedfolnir:session:anonymous csrf x
SET vedfolnir:session:string x
HSET session:a user_id 1
HSET session:b user_id 12
HSET session:other-hash owner 1
SET session:other-string 1
SET user_platforms:1 "[{\"id\": 3}]"
SET user_platforms:12 "[]"
RPUSH user_platforms:13 x
SET user_platforms:1:x x
SET platform:1 "{\"user_id\": 12}"
SET platform:3 "{\"user_id\": 1}"
SET platform:4 "{\"user_id\": \"1\"}"
SET platform:5 "{\"user\": 1}"
SET platform:6 "{\"user_id\": 1"
SET platform:7 "[1]"
SET platform:8 "{\"user_id\": null}"
HSET platform:9 user_id 1
SET platform_stats:1:3 "{}"
SET platform_stats:12:1 "{}"
SET vedfolnir:user_active_task:1 t
SET vedfolnir:user_active_task:12 t
SADD vedfolnir:progress:user:1 x
SET vedfolnir:progress:user:1:b x
SET vedfolnir:progress:user:12 x
SET vedfolnir:user:1:prefs x
SET vedfolnir:user:12:prefs x
SET vedfolnir:metrics x
SET other x
SET "\xff\x00" x
"#;

fn filled() -> Option<RedisServer> {
    let server = RedisServer::start()?;
    server.feed_text(FILLED.as_bytes());
    Some(server)
}

fn cleared(server: &Server, rules: &[KeyRule], scope: &Scope, allowed: Duration) -> Cleared {
    clear(server, rules, scope, Deadline::after(allowed), &Erased(()))
}

/// Whether everything is to be tried, however long that takes: here a million keys.
fn is_soak() -> bool {
    std::env::var_os("RESET_APP_SOAK").is_some_and(|value| value != "0")
}

/// Clears, and checks that the count before it told the same.
#[track_caller]
fn clear_all_of(redis: &RedisServer, scope: &Scope) -> u64 {
    let (server, rules) = (Server::from_url(&redis.url(0)).unwrap(), reference());
    let allowed = Duration::from_secs(if is_soak() { 600 } else { 20 });
    let foretold = count(&server, &rules, scope, Deadline::after(allowed)).unwrap();
    let outcome = cleared(&server, &rules, scope, allowed);
    assert!(outcome.trouble.is_none(), "{:?}", outcome.trouble);
    let gone: Vec<u64> = outcome.per_rule.iter().map(|it| it.cleared).collect();
    assert_eq!(gone, foretold.per_rule);
    let again = cleared(&server, &rules, scope, allowed);
    assert!(
        again
            .per_rule
            .iter()
            .all(|it| *it == RuleCleared::default())
    );
    gone.iter().sum()
}

fn left(redis: &RedisServer) -> Vec<String> {
    let keys = redis.keys(0).into_iter();
    let mut keys: Vec<_> = keys.map(|key| key.escape_ascii().to_string()).collect();
    keys.sort_unstable();
    keys
}

const OTHERS: [&str; 11] = [
    "\\xff\\x00",
    "other",
    "platform:5",
    "platform:6",
    "platform:7",
    "platform:8",
    "platform:9",
    "session:other-hash",
    "session:other-string",
    "user_platforms:13",
    "user_platforms:1:x",
];

const NOBODYS: [&str; 3] = [
    "vedfolnir:metrics",
    "vedfolnir:session:anonymous",
    "vedfolnir:session:string",
];

const USER_12S: [&str; 8] = [
    "platform:1",
    "platform_stats:12:1",
    "session:b",
    "user_platforms:12",
    "vedfolnir:progress:user:12",
    "vedfolnir:session:b",
    "vedfolnir:user:12:prefs",
    "vedfolnir:user_active_task:12",
];

fn sorted(lists: &[&[&'static str]]) -> Vec<&'static str> {
    let mut all = lists.concat();
    all.sort_unstable();
    all
}

#[test]
fn the_application_loses_its_keys_and_other_programs_none() {
    let Some(redis) = filled() else { return };
    assert_eq!(clear_all_of(&redis, &Scope::Application), 21);
    assert_eq!(left(&redis), sorted(&[&OTHERS]));
}

#[test]
fn everyone_loses_keys_and_nobodys_stay() {
    let Some(redis) = filled() else { return };
    assert_eq!(clear_all_of(&redis, &Scope::Everyone(vec![])), 18);
    assert_eq!(left(&redis), sorted(&[&OTHERS, &NOBODYS]));
}

#[test]
fn user_12_survives_user_1() {
    let Some(redis) = filled() else { return };
    assert_eq!(
        clear_all_of(&redis, &Scope::Users(vec![UserKey::Integer(1)])),
        10
    );
    assert_eq!(left(&redis), sorted(&[&OTHERS, &NOBODYS, &USER_12S]));
}

#[test]
fn users_whose_keys_are_any_bytes_lose_theirs_only() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    redis.feed_text(
        br#"SET vedfolnir:user_active_task:a:b x
            SET vedfolnir:user_active_task:a x
            SET vedfolnir:user_active_task:* x
            SET "vedfolnir:user_active_task:\xff\x00\xfe" x
            HSET vedfolnir:session:1 user_id "\xff\x00\xfe"
            HSET vedfolnir:session:2 user_id *
            SET platform:1 "{\"user_id\": \"a:b\"}"
        "#,
    );
    let text = |bytes: &[u8]| UserKey::Text(bytes.to_vec());
    assert_eq!(clear_all_of(&redis, &Scope::Users(vec![text(b"*")])), 2);
    assert_eq!(
        clear_all_of(&redis, &Scope::Users(vec![text(b"\xff\0\xfe")])),
        2
    );
    assert_eq!(
        clear_all_of(&redis, &Scope::Everyone(vec![text(b"a:b")])),
        3
    );
    assert!(left(&redis).is_empty());
}

#[test]
fn documents_too_long_or_too_deep_stay() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let long = format!("{{\"user_id\": 1}}{}", " ".repeat(1 << 20));
    let deep = format!("{{\"user_id\": 1, \"x\": {}", "[".repeat(100_000));
    redis.run(&["SET", "platform:long", &long]);
    redis.run(&["SET", "platform:deep", &deep]);
    assert_eq!(clear_all_of(&redis, &Scope::Application), 0);
    assert_eq!(redis.keys(0).len(), 2);
}

#[test]
fn a_hundred_thousand_keys_go_while_another_client_writes() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let half: usize = if is_soak() { 500_000 } else { 50_000 };
    let fill = "for i = 1, tonumber(ARGV[1]) do redis.call('SET', 'vedfolnir:x:user:' .. (i % 2 + 1) .. ':' .. i, 'x') end";
    redis.run(&["EVAL", fill, "0", &(2 * half).to_string()]);
    let (stop, mut writer) = (Arc::new(AtomicBool::new(false)), redis.connect(0));
    let stopped = Arc::clone(&stop);
    let writing = thread::spawn(move || {
        for number in 0.. {
            if stopped.load(Ordering::SeqCst) {
                return;
            }
            ::redis::cmd("SET")
                .arg(format!("other:{number}"))
                .arg("x")
                .exec(&mut writer)
                .unwrap();
        }
    });
    assert_eq!(
        clear_all_of(&redis, &Scope::Users(vec![UserKey::Integer(1)])),
        half as u64
    );
    stop.store(true, Ordering::SeqCst);
    writing.join().unwrap();
    let remaining = redis.keys(0);
    assert_eq!(
        remaining
            .iter()
            .filter(|key| key.starts_with(b"vedfolnir:"))
            .count(),
        half
    );
    assert!(
        !remaining
            .iter()
            .any(|key| key.starts_with(b"vedfolnir:x:user:1:"))
    );
}

/// How often a command was called since the last time it was asked.
fn calls(redis: &RedisServer, command: &str) -> usize {
    let stats: String = ::redis::cmd("INFO")
        .arg("commandstats")
        .query(&mut redis.connect(0))
        .unwrap();
    let line = stats
        .lines()
        .find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")));
    let calls = line.map_or("0", |line| line.split(',').next().unwrap());
    calls.parse().unwrap()
}

#[test]
fn only_values_that_decide_are_read() {
    let rules = Manifest::builtin().unwrap().redis.keys;
    let user = |user| Scope::Users(vec![UserKey::Integer(user)]);
    let filled = || {
        let redis = filled()?;
        redis.run(&["DEL", "platform:7", "platform:9"]);
        redis.run(&["CONFIG", "RESETSTAT"]);
        Some(redis)
    };
    // Of the sessions that are the application's anyway none, with or without a user; of user 1 all,
    // but of what is named for somebody only what is named for user 1.
    for (scope, hget, strlen, types) in [
        (Scope::Application, 4, 6, 5),
        (Scope::Everyone(vec![]), 4, 6, 5),
        (user(1), 8, 6, 2),
        (user(3), 8, 6, 0),
    ] {
        let Some(redis) = filled() else { return };
        let server = Server::from_url(&redis.url(0)).unwrap();
        let foretold = count(
            &server,
            &rules,
            &scope,
            Deadline::after(Duration::from_secs(20)),
        );
        foretold.unwrap();
        let read = ["hget", "strlen", "type", "hgetall", "get"].map(|name| calls(&redis, name));
        assert_eq!(read, [hget, strlen, types, 0, 0], "{scope:?}");
    }
}

/// A server with one session page, which answers `UNLINK` so.
fn unlinking(answer: &'static [u8]) -> Cleared {
    let port = answering(move |words| match words[0].as_slice() {
        b"SCAN" => Some(page(0, &["vedfolnir:a", "vedfolnir:b"])),
        b"UNLINK" => Some(answer.to_vec()),
        _ => None,
    });
    let server = Server::from_parts("127.0.0.1", port, 0, None);
    cleared(
        &server,
        &reference(),
        &Scope::Application,
        Duration::from_millis(500),
    )
}

#[test]
fn only_a_plausible_number_tells_that_keys_are_gone() {
    for answer in [
        &b"+OK\r\n"[..],
        b"+QUEUED\r\n",
        b"$1\r\n2\r\n",
        b":3\r\n",
        b":-1\r\n",
        b"$-1\r\n",
        b"-READONLY x\r\n",
        b"-MOVED 1 127.0.0.1:1\r\n",
        b"-OOM x\r\n",
        b"-NOPERM x\r\n",
        b"",
    ] {
        let outcome = unlinking(answer);
        let told = answer.escape_ascii();
        assert!(outcome.trouble.is_some(), "{told}");
        assert_eq!(
            outcome.per_rule[9],
            RuleCleared {
                found: 2,
                cleared: 0
            },
            "{told}"
        );
    }
    for (answer, cleared) in [(&b":2\r\n"[..], 2), (b":1\r\n", 1), (b":0\r\n", 0)] {
        let outcome = unlinking(answer);
        assert!(outcome.trouble.is_none());
        assert_eq!(outcome.per_rule[9], RuleCleared { found: 2, cleared });
    }
}

#[test]
fn what_was_removed_before_the_trouble_is_told() {
    let port = answering(
        |words| match (words[0].as_slice(), words.get(1)?.as_slice()) {
            (b"SCAN", b"0") => Some(page(7, &["vedfolnir:a"])),
            (b"SCAN", b"7") => Some(page(8, &["vedfolnir:b"])),
            (b"UNLINK", _) => Some(b":1\r\n".to_vec()),
            _ => None,
        },
    );
    let server = Server::from_parts("127.0.0.1", port, 0, None);
    let outcome = cleared(
        &server,
        &reference(),
        &Scope::Application,
        Duration::from_secs(5),
    );
    assert!(matches!(
        outcome.trouble,
        Some(KeyspaceError::Unreachable { .. })
    ));
    assert_eq!(
        outcome.per_rule[9],
        RuleCleared {
            found: 2,
            cleared: 1
        }
    );
}

fn slowly(answer: &[u8]) -> Vec<u8> {
    thread::sleep(Duration::from_millis(30));
    answer.to_vec()
}

#[test]
fn nothing_is_removed_after_the_deadline() {
    let (port, unlinks) = counting("UNLINK", |words| match words[0].as_slice() {
        b"SCAN" => Some(page(7, &["vedfolnir:a"])),
        _ => Some(slowly(b":1\r\n")),
    });
    let server = Server::from_parts("127.0.0.1", port, 0, None);
    let (start, allowed) = (Instant::now(), Duration::from_millis(300));
    let outcome = cleared(&server, &reference(), &Scope::Application, allowed);
    assert!(start.elapsed() < allowed * 5);
    assert!(
        matches!(outcome.trouble, Some(KeyspaceError::Late { .. })),
        "{:?}",
        outcome.trouble
    );
    assert!(outcome.per_rule[9].cleared > 0);
    let sent = unlinks.load(Ordering::SeqCst);
    thread::sleep(Duration::from_millis(300));
    assert!(
        unlinks.load(Ordering::SeqCst) <= sent + 1,
        "one may have been on its way"
    );
}
