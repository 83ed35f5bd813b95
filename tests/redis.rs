//! Counting keys: in a real Redis, and in servers that answer whatever they like.

#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::io::Write;
use std::time::{Duration, Instant};

use reset_app::keyspace::{Deadline, KeyCounts, KeyspaceError, Scope, Server, count};
use reset_app::manifest::keys::KeyRule;
use reset_app::user::UserKey;
use support::fake_redis::{answering, nobody, page, serving};
use support::redis_server::RedisServer;

#[derive(serde::Deserialize)]
struct Rules {
    keys: Vec<KeyRule>,
}

fn rules() -> Vec<KeyRule> {
    let toml = "
        keys = [
            { match = 'app:session:*', user = { hash = 'user_id' }, line = 'Sessions' },
            { match = 'app:*:{user}', type = 'string', line = 'Keys' },
            { match = 'app:*', line = 'Keys' },
        ]";
    toml::from_str::<Rules>(toml).unwrap().keys
}

fn seconds(seconds: u64) -> Deadline {
    Deadline::after(Duration::from_secs(seconds))
}

fn counted(server: &RedisServer, scope: &Scope) -> Vec<u64> {
    let server = Server::from_url(&server.url(0)).unwrap();
    count(&server, &rules(), scope, seconds(20))
        .unwrap()
        .per_rule
}

/// Counts at a fake server within 400 ms, and checks that it took no longer.
fn count_at(port: u16) -> Result<KeyCounts, KeyspaceError> {
    let server = Server::from_parts("127.0.0.1", port, 0, None);
    hurried(&server)
}

fn hurried(server: &Server) -> Result<KeyCounts, KeyspaceError> {
    let (start, allowed) = (Instant::now(), Duration::from_millis(400));
    let result = count(
        server,
        &rules(),
        &Scope::Application,
        Deadline::after(allowed),
    );
    assert!(start.elapsed() < allowed * 5, "{:?}", start.elapsed());
    result
}

fn saying(bytes: &'static [u8]) -> u16 {
    answering(move |_| Some(bytes.to_vec()))
}

#[track_caller]
fn assert_late(result: &Result<KeyCounts, KeyspaceError>) {
    assert!(
        matches!(result, Err(KeyspaceError::Late { .. })),
        "{result:?}"
    );
}

#[test]
fn each_scope_counts_its_own_and_changes_nothing() {
    let Some(server) = RedisServer::start() else {
        return;
    };
    server.feed_text(
        b"# sessions of two users, of nobody, and of another type
          HSET app:session:a user_id 1
          HSET app:session:b user_id 12
          HSET app:session:c other 1
          SET app:session:d x
          SET app:task:1 x
          SET app:task:12 \"y z\"
          RPUSH app:list:1 x
          SET app:cache x
          SET other:1 x
        ",
    );
    let before = server.dump(0);
    assert_eq!(counted(&server, &Scope::Everyone(vec![])), [2, 3, 0]);
    assert_eq!(
        counted(&server, &Scope::Users(vec![UserKey::Integer(1)])),
        [1, 1, 0]
    );
    assert_eq!(
        counted(&server, &Scope::Users(vec![UserKey::Integer(2)])),
        [0, 0, 0]
    );
    assert_eq!(counted(&server, &Scope::Users(vec![])), [0, 0, 0]);
    assert_eq!(counted(&server, &Scope::Application), [2, 3, 3]);
    assert_eq!(server.dump(0), before);
}

#[test]
fn only_the_named_database_is_looked_at() {
    let Some(server) = RedisServer::start() else {
        return;
    };
    ::redis::cmd("SET")
        .arg("app:x:1")
        .arg("x")
        .exec(&mut server.connect(3))
        .unwrap();
    let at = |db| {
        count(
            &Server::from_url(&server.url(db)).unwrap(),
            &rules(),
            &Scope::Application,
            seconds(5),
        )
    };
    assert_eq!(at(3).unwrap().per_rule, [0, 1, 0]);
    assert_eq!(at(0).unwrap().per_rule, [0, 0, 0]);
    let refusal = at(99).unwrap_err().to_string();
    assert!(refusal.contains("refused `SELECT`: ERR"), "{refusal}");
}

#[test]
fn a_password_is_used_and_a_wrong_one_is_not_shown() {
    let Some(server) = RedisServer::start_with(Some("p4ss")) else {
        return;
    };
    let at = |password| {
        let server = Server::from_parts("127.0.0.1", server.port(), 0, password);
        count(&server, &rules(), &Scope::Application, seconds(5))
    };
    assert_eq!(at(Some("p4ss")).unwrap().per_rule, [0, 0, 0]);
    for password in [Some("wrong-one"), None] {
        let error = at(password).unwrap_err();
        assert!(matches!(error, KeyspaceError::Login { .. }), "{error}");
        assert!(!error.to_string().contains("wrong-one"), "{error}");
    }
}

#[test]
fn nobody_there_is_unreachable() {
    let port = nobody();
    let error = count_at(port).unwrap_err().to_string();
    let expected = format!("could not reach Redis at `127.0.0.1:{port}/0`: connection refused");
    assert_eq!(error, expected);
    let server = Server::from_url("unix:///nowhere/redis.sock").unwrap();
    let error = hurried(&server).unwrap_err().to_string();
    assert!(error.ends_with("no such file or directory"), "{error}");
}

#[test]
fn a_connection_that_breaks_is_unreachable() {
    for answer in [&b""[..], b"*2\r\n$1\r\n0\r\n*1\r\n$10\r\napp"] {
        let port = serving(move |mut stream| {
            let _ = std::io::Read::read(&mut stream, &mut [0; 10]);
            let _ = stream.write_all(answer);
        });
        let result = count_at(port);
        assert!(
            matches!(result, Err(KeyspaceError::Unreachable { .. })),
            "{result:?}"
        );
    }
}

#[test]
fn silence_half_an_answer_and_drops_end_at_the_deadline() {
    let hold = || std::thread::sleep(Duration::from_secs(3));
    assert_late(&count_at(serving(move |_stream| hold())));
    let half = serving(move |mut stream| {
        let _ = stream.write_all(b"*2\r\n$1\r\n0\r\n*1\r\n$10\r\napp");
        hold();
    });
    assert_late(&count_at(half));
    let drip = serving(|mut stream| {
        while stream.write_all(b"*").is_ok() {
            std::thread::sleep(Duration::from_millis(150));
        }
    });
    assert_late(&count_at(drip));
}

/// Nobody waits for the thread that is late; it must end by itself.
#[test]
fn the_connection_is_given_up_after_the_deadline() {
    let (closed, is_closed) = std::sync::mpsc::channel();
    let port = serving(move |mut stream| {
        while stream.write_all(b"*").is_ok() {
            std::thread::sleep(Duration::from_millis(50));
        }
        closed.send(()).unwrap();
    });
    assert_late(&count_at(port));
    is_closed.recv_timeout(Duration::from_secs(2)).unwrap();
}

#[test]
fn tls_to_a_server_without_it_is_an_error() {
    let port = saying(b"-ERR unknown command\r\n");
    let server = Server::from_url(&format!("rediss://127.0.0.1:{port}")).unwrap();
    assert!(hurried(&server).is_err());
    let silent = serving(|_stream| std::thread::sleep(Duration::from_secs(3)));
    let server = Server::from_url(&format!("rediss://localhost:{silent}")).unwrap();
    assert_late(&hurried(&server));
}

#[test]
fn the_sentence_names_server_and_time() {
    let port = serving(|_stream| std::thread::sleep(Duration::from_secs(3)));
    let error = count_at(port).unwrap_err().to_string();
    let expected = format!("Redis at `127.0.0.1:{port}/0` did not finish within 0.4 s");
    assert_eq!(error, expected);
}

#[test]
fn a_scan_without_end_ends_at_the_deadline() {
    assert_late(&count_at(answering(|_| Some(page(7, &["app:x"])))));
}

#[test]
fn answers_without_end_end() {
    let huge = serving(|mut stream| {
        let _ = stream.write_all(b"$99999999999999\r\n");
        while stream.write_all(&[b'x'; 16384]).is_ok() {}
    });
    let server = Server::from_parts("127.0.0.1", huge, 0, None);
    let error = count(&server, &rules(), &Scope::Application, seconds(20))
        .unwrap_err()
        .to_string();
    assert!(error.ends_with("the answers are too long"), "{error}");
    assert_late(&count_at(saying(b"$99999999999999\r\nx")));
    assert_late(&count_at(saying(b"*2147483647\r\n$1\r\n0\r\n")));
}

#[test]
fn error_answers_are_told() {
    for (answer, told) in [
        (
            &b"-LOADING Redis is loading\r\n"[..],
            "refused `SCAN`: LOADING Redis is loading",
        ),
        (
            b"-OOM command not allowed\r\n",
            "refused `SCAN`: OOM command not allowed",
        ),
        (
            b"-MOVED 3999 127.0.0.1:6381\r\n",
            "refused `SCAN`: MOVED 3999 127.0.0.1:6381",
        ),
        (
            b"-READONLY You can't write\r\n",
            "refused `SCAN`: READONLY You can\\'t write",
        ),
        (
            b"-NOAUTH Authentication required.\r\n",
            "did not accept the user name or password: NOAUTH",
        ),
    ] {
        let error = count_at(saying(answer)).unwrap_err().to_string();
        assert!(error.ends_with(told), "{error}");
    }
}

#[test]
fn an_echoed_password_is_not_told() {
    let port = answering(|words| {
        Some(
            format!(
                "-ERR unknown {words:?} {}\r\n",
                String::from_utf8_lossy(&words[1])
            )
            .into_bytes(),
        )
    });
    let server = Server::from_parts("127.0.0.1", port, 0, Some("s3cret"));
    let error = hurried(&server).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("s3cret"), "{error}");
}

#[test]
fn answers_of_the_wrong_kind_are_errors() {
    let nested = b"*1\r\n".repeat(2_000_000);
    let result = count_at(answering(move |_| Some(nested.clone())));
    assert!(
        matches!(result, Err(KeyspaceError::Answer { .. })),
        "{result:?}"
    );
    for answer in [
        &b"+OK\r\n"[..],
        b":0\r\n",
        b"$-1\r\n",
        b"$-5\r\n",
        b"*-1\r\n",
        b"*0\r\n",
        b"*1\r\n$1\r\n0\r\n",
        b"*2\r\n$1\r\n0\r\n$1\r\nx\r\n",
        b"*2\r\n$1\r\n0\r\n*1\r\n:5\r\n",
        b"*2\r\n$1\r\nx\r\n*0\r\n",
        b"*2\r\n:0\r\n*0\r\n",
        b">1\r\n$1\r\nx\r\n",
        b"HTTP/1.1 400 Bad Request\r\n\r\n<html>",
        b"\0\0\0\0\r\n",
    ] {
        let result = count_at(saying(answer));
        let told = answer.escape_ascii();
        assert!(
            matches!(result, Err(KeyspaceError::Answer { .. })),
            "{told}: {result:?}"
        );
    }
}

#[test]
fn keys_without_the_prefix_are_not_believed_and_repeated_ones_counted_once() {
    let port = answering(|words| {
        let is_first = words[1] == b"0";
        Some(match words[0].as_slice() {
            b"SCAN" => page(u64::from(is_first), &["app:x", "other:x", "app:x"]),
            _ => return None,
        })
    });
    assert_eq!(count_at(port).unwrap().per_rule, [0, 0, 1]);
}

/// Counts over TLS in a process of its own, for which `SSL_CERT_FILE` names the only authority.
#[test]
fn tls_is_spoken_with_a_server_of_a_trusted_authority_only() {
    let Some(server) = RedisServer::start_with_tls() else {
        return;
    };
    let inner = |authority: &std::path::Path| {
        let mut command = std::process::Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "inside_count_over_tls", "--ignored"]);
        command
            .env("SSL_CERT_FILE", authority)
            .env_remove("SSL_CERT_DIR");
        command
            .env("REDIS_OVER_TLS", server.tls_url())
            .output()
            .unwrap()
            .status
            .success()
    };
    assert!(inner(&server.certificate()));
    assert!(!inner(std::path::Path::new("/dev/null")));
}

#[test]
#[ignore = "run by the test above"]
fn inside_count_over_tls() {
    let server = Server::from_url(&std::env::var("REDIS_OVER_TLS").unwrap()).unwrap();
    let counts = count(&server, &rules(), &Scope::Application, seconds(10)).unwrap();
    assert_eq!(counts.per_rule, [0, 0, 0]);
}
