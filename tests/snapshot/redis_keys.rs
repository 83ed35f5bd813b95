//! Redis keys in a snapshot: the application's, with type and time to live; no other program's.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::support::install::Install;
use crate::support::redis_server::RedisServer;
use crate::support::run::Outcome;
use crate::support::small::small;
use crate::{command, inside};

const SAVE: [&str; 4] = ["snapshot", "save", "clean", "--with-redis"];
const RESTORE: [&str; 5] = ["snapshot", "restore", "clean", "--with-redis", "--force"];

fn with(redis: &RedisServer, install: &Install, words: &[&str]) -> Outcome {
    command(install, words).env("REDIS_URL", redis.url(0)).run()
}

/// Keys of every type, those of the application and others.
const KEYS: &[u8] = b"SET vedfolnir:session:text '{\"user_id\": 1}' EX 1000
SET vedfolnir:session:ages '{\"user_id\": 2}' EX 1000
HSET vedfolnir:session:hash user_id 1 more x
RPUSH vedfolnir:queue a b c
SADD session:set one two
ZADD session:sorted 1 a 2.5 b
XADD user_sessions:stream 1-1 f v
SET other:program 1
HSET other:hash a b
";

#[test]
fn the_applications_keys_come_back_as_they_were_and_no_others_change() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let install = small();
    redis.feed_text(KEYS);
    let before = redis.dump(0);
    with(&redis, &install, &SAVE).expect(0);
    let unchanged = with(&redis, &install, &RESTORE).expect(0);
    unchanged.says(["is as it was saved"]);
    assert_eq!(redis.dump(0), before);

    let claimed = fs::read(inside(&install, "clean", "keys")).unwrap();
    let is_claimed = |key: &[u8]| claimed.windows(key.len()).any(|at| at == key);
    assert!(is_claimed(b"vedfolnir:session:hash") && !is_claimed(b"other:"));
    redis.feed_text(
        b"DEL vedfolnir:session:hash
SET vedfolnir:session:text changed
SET vedfolnir:session:new 1
HSET vedfolnir:session:hash user_id 2
SET other:new 1
",
    );
    let diff = ["snapshot", "diff", "clean", "--with-redis"];
    with(&redis, &install, &diff).expect(5).says([
        "Redis keys that differ: 3",
        "2 changed, 0 missing, 1 not in the snapshot",
    ]);
    with(&redis, &install, &diff[..3]).expect(0);
    install.execute("DELETE FROM images");
    let preview = [&RESTORE[..4], &["--dry-run", "--format", "json"]].concat();
    let preview = with(&redis, &install, &preview).expect(0).json();
    let kinds = serde_json::json!({"changed": 2, "missing": 0, "new": 1, "aged": 1});
    assert_eq!(preview["keys"], kinds);
    with(&redis, &install, &RESTORE).expect(0).says([
        "Redis keys put back or removed: 3",
        "2 changed, 0 missing, 1 not in the snapshot",
        "live as long as when they were saved: 1",
    ]);
    let mut expected = before;
    expected.extend(
        redis
            .dump(0)
            .into_iter()
            .filter(|(key, _)| key == b"other:new"),
    );
    expected.sort();
    let mut after = redis.dump(0);
    after.sort();
    assert_eq!(after, expected);
    let left: i64 = redis::from_redis_value(redis.run(&["TTL", "vedfolnir:session:text"])).unwrap();
    assert!((900..=1000).contains(&left), "{left}");
    assert!(install.query_count("SELECT count(*) FROM images") > 0);
}

#[test]
fn without_redis_or_without_keys_a_restore_that_needs_them_changes_nothing() {
    let install = small();
    command(&install, &["snapshot", "save", "clean"])
        .run()
        .expect(0);
    install.execute("DELETE FROM images");
    let before = install.digest();
    command(
        &install,
        &[&RESTORE[..], &["--redis", "redis://127.0.0.1:1"]].concat(),
    )
    .run()
    .expect(4)
    .complains(["`clean` holds no Redis keys"]);
    command(&install, &[&RESTORE[..], &["--no-redis"]].concat())
        .run()
        .expect(4)
        .complains(["`--with-redis` needs a Redis"]);
    let save = [
        "snapshot",
        "save",
        "other",
        "--with-redis",
        "--redis",
        "redis://127.0.0.1:1",
    ];
    command(&install, &save)
        .run()
        .expect(1)
        .complains(["nothing of it is left", "127.0.0.1:1"]);
    assert_eq!(install.digest(), before);
}

#[test]
fn where_redis_is_gone_rows_and_files_come_back_and_resume_brings_the_keys() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let install = small();
    redis.feed_text(KEYS);
    let before = redis.dump(0);
    with(&redis, &install, &SAVE).expect(0);
    redis.feed_text(b"DEL vedfolnir:session:hash\n");
    install.execute("DELETE FROM images");
    let away = [&RESTORE[..], &["--redis", "redis://127.0.0.1:1"]].concat();
    // What keeps it from its end is told by the same command once more.
    for _ in 0..2 {
        command(&install, &away).run().expect(3).says(["Redis: "]);
    }
    assert!(install.query_count("SELECT count(*) FROM images") > 0);
    with(&redis, &install, &["resume"]).expect(0);
    assert_eq!(redis.dump(0), before);
}

#[test]
fn a_restore_whose_snapshot_is_lost_is_given_up_and_the_next_command_runs() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let install = small();
    redis.feed_text(KEYS);
    with(&redis, &install, &SAVE).expect(0);
    let give_up = ["resume", "--give-up"];
    with(&redis, &install, &give_up)
        .expect(0)
        .says(["nothing to give up"]);
    install.execute("DELETE FROM images");
    let away = [&RESTORE[..], &["--redis", "redis://127.0.0.1:1"]].concat();
    command(&install, &away).run().expect(3);
    fs::remove_dir_all(inside(&install, "clean", "")).unwrap();
    let run = install.query_bytes("SELECT DISTINCT run FROM _reset_app_outbox");
    let run = String::from_utf8(run.concat()).unwrap();
    let left = install.path(format!("storage/images/.reset-app-{run}"));
    fs::create_dir(&left).unwrap();
    fs::set_permissions(&left, fs::Permissions::from_mode(0o700)).unwrap();
    fs::write(left.join("1"), "made for the restore").unwrap();
    let delete = ["delete-user", "1", "--force"];
    let before = install.digest();
    with(&redis, &install, &delete)
        .expect(4)
        .complains(["finish it with `reset-app resume` first"]);
    with(&redis, &install, &["resume"])
        .expect(1)
        .complains(["`reset-app resume --give-up`"]);
    with(&redis, &install, &["resume", "--give-up", "--dry-run"])
        .expect(0)
        .says(["clean would be given up"]);
    assert_eq!(install.digest(), before);
    with(&redis, &install, &give_up)
        .expect(0)
        .says(["clean was given up", "the rows are back"]);
    assert!(!left.exists());
    with(&redis, &install, &delete).expect(0);
    assert!(install.query_count("SELECT count(*) FROM images") > 0);
}
