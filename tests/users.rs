//! One user: who is meant, what goes with the account, and what is asked of others.

#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::collections::BTreeSet;
use std::path::Path;

use support::application::Application;
use support::install::{Install, assert_same};
use support::redis_server::RedisServer;
use support::run::{Invocation, Outcome, reset_app};
use support::small::small;

fn on(install: &Install) -> Invocation {
    reset_app().root(install.root())
}

fn delete(install: &Install, words: &[&str]) -> Outcome {
    let invocation = on(install).args(["--no-redis"]).args(words);
    invocation.args(["--force"]).run()
}

/// Previews and does it; the two must agree in every line.
#[track_caller]
fn previewed(install: &Install, words: &[&str]) -> Outcome {
    let before = install.tree();
    let preview = on(install).args(["--no-redis", "--dry-run"]).args(words);
    let preview = preview.run().expect(0);
    assert_same("the root after a preview", &before, &install.tree());
    let deed = delete(install, words);
    assert_eq!(preview.body(), deed.body(), "preview, then deed");
    deed
}

/// Nothing may change.
#[track_caller]
fn refused<'a>(install: &Install, words: &[&str], complaints: impl IntoIterator<Item = &'a str>) {
    let before = install.tree();
    delete(install, words).expect(4).complains(complaints);
    assert_same("the root", &before, &install.tree());
}

#[test]
fn key_name_and_address_mean_the_same_user() {
    let by_key = Install::copy("busy");
    previewed(&by_key, &["delete-user", "12"]).expect(0);
    for name in ["luca", "luca@vedfolnir.example"] {
        let install = Install::copy("busy");
        delete(&install, &["delete-user", name]).expect(0);
        assert_same("the database", &by_key.dump(), &install.dump());
    }
}

/// The bytes of a UUID name users in the database; in paths and on the command line its digits do.
#[test]
fn a_user_whose_key_is_binary_is_found_by_its_digits() {
    let application = Application::new(
        "CREATE TABLE users(id BLOB PRIMARY KEY NOT NULL, name TEXT, email TEXT) WITHOUT ROWID;
         CREATE TABLE posts(id INTEGER PRIMARY KEY, user_id BLOB NOT NULL REFERENCES users ON DELETE CASCADE, body TEXT);
         INSERT INTO users VALUES (x'00112233445566778899aabbccddeeff', 'ann', 'ann@example.org'),
           (x'0102030405060708090a0b0c0d0e0f10', 'ben', 'ben@example.org'), (x'0a', 'cem', 'cem@example.org');
         INSERT INTO posts(user_id, body) SELECT id, name FROM users;",
        "[users]\ntable = \"users\"\nnames = [\"name\"]\n\
         [files]\nroots = [\"media\"]\ndirectories = [\"media/{user}\"]\n",
    );
    application.file("media/00112233-4455-6677-8899-aabbccddeeff/a.jpg");
    application.file("media/01020304-0506-0708-090a-0b0c0d0e0f10/b.jpg");
    application.file("media/0a/c.jpg");
    let unknown = application.run(&["delete-user", "00112233-4455-6677-8899-aabbccddee00"]);
    unknown.expect(4);
    for key in [
        "00112233-4455-6677-8899-AABBCCDDEEFF",
        "0102030405060708090a0b0c0d0e0f10",
    ] {
        let words = ["delete-user", key, "--delete-accounts", "--verify"];
        application.run(&words).expect(0);
    }
    assert_eq!(
        application.count("SELECT count(*) FROM users WHERE name = 'cem'"),
        1
    );
    assert_eq!(application.count("SELECT count(*) FROM users"), 1);
    assert_eq!(application.count("SELECT count(*) FROM posts"), 1);
    assert!(!application.has("media/00112233-4455-6677-8899-aabbccddeeff"));
    assert!(!application.has("media/01020304-0506-0708-090a-0b0c0d0e0f10"));
    assert!(application.has("media/0a/c.jpg"));
}

#[test]
fn an_unknown_and_an_ambiguous_name_are_refused() {
    let install = Install::copy("busy");
    install.execute("UPDATE users SET username = '7' WHERE id = 9");
    let looked = "`nobody`; it was looked for in `users.id`, `users.username`, `users.email`";
    refused(&install, &["delete-user", "nobody"], [looked]);
    refused(&install, &["delete-user", "lucca"], ["is `luca` meant?"]);
    refused(&install, &["delete-user", "7"], ["several users", "7", "9"]);
}

#[test]
fn the_account_stays_unless_asked_for() {
    let install = Install::copy("busy");
    previewed(&install, &["delete-user", "4"]).expect(0);
    assert_eq!(
        install.query_count("SELECT count(*) FROM users WHERE id = 4"),
        1
    );
    assert_eq!(
        install.query_count("SELECT count(*) FROM posts WHERE user_id = 4"),
        0
    );
    let deed = previewed(&install, &["delete-user", "4", "--delete-accounts"]).expect(0);
    assert_eq!(deed.line("Accounts"), Some(1));
    assert_eq!(
        install.query_count("SELECT count(*) FROM users WHERE id = 4"),
        0
    );
}

#[test]
fn mentions_that_cannot_be_null_block_an_account_or_are_inherited() {
    let install = Install::copy("busy");
    let words = ["delete-user", "2", "--delete-accounts"];
    let held = "SELECT count(*) FROM system_configuration WHERE updated_by = 2";
    let (held_by_2, held_by_5) = (
        install.query_count(held),
        "SELECT count(*) FROM system_configuration WHERE updated_by = 5",
    );
    let before = install.query_count(held_by_5);
    assert!(held_by_2 > 0);
    refused(
        &install,
        &words,
        [
            "`system_configuration.updated_by`",
            "`alert_configuration.created_by`",
            "--reassign-to",
        ],
    );
    refused(
        &install,
        &[&words[..], &["--reassign-to", "2"]].concat(),
        ["same run"],
    );
    refused(
        &install,
        &[&words[..], &["--reassign-to", "nobody"]].concat(),
        ["`nobody`"],
    );
    previewed(&install, &[&words[..], &["--reassign-to", "5"]].concat())
        .expect(0)
        .says(["mention the heir"]);
    assert_eq!(install.query_count(held), 0);
    assert_eq!(install.query_count(held_by_5), before + held_by_2);
    let dangling =
        "SELECT count(*) FROM pragma_foreign_key_check WHERE \"table\" = 'system_configuration'";
    assert_eq!(install.query_count(dangling), 0);
}

/// Messages between users who both go: none of them stays, and yet none can do without either.
#[test]
fn rows_that_go_later_in_the_same_run_block_an_account_with_the_way_out() {
    let application = Application::new(
        "CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
         CREATE TABLE messages(id INTEGER PRIMARY KEY, sender INTEGER NOT NULL REFERENCES users(id),
           recipient INTEGER NOT NULL REFERENCES users(id));
         INSERT INTO users VALUES (1, 'ann'), (2, 'ben');
         INSERT INTO messages VALUES (1, 1, 2), (2, 2, 1);",
        "[users]\ntable = 'users'\nnames = ['name']\n[references]\n\
         'messages.sender' = 'owner'\n'messages.recipient' = 'mention'",
    );
    let words = ["delete-all-user-data", "--delete-accounts"];
    let run = |words: &[&str]| application.run(words);
    run(&words).expect(4).complains([
        "1 row with `messages.recipient`, which names a row of `users` (1 of them would go with a later user)",
        "run first without `--delete-accounts`, then with it",
    ]);
    run(&words[..1]).expect(0);
    run(&words).expect(0);
    assert_eq!(application.count("SELECT count(*) FROM users"), 0);
}

/// Found in the deed only: what is unique to each may be there twice once it is one user's.
#[test]
fn an_heir_who_has_the_like_already_is_told() {
    let application = Application::new(
        "CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
         CREATE TABLE sites(id INTEGER PRIMARY KEY, keeper INTEGER NOT NULL REFERENCES users(id),
           host TEXT, UNIQUE (keeper, host));
         INSERT INTO users VALUES (1, 'ann'), (2, 'ben');
         INSERT INTO sites VALUES (1, 1, 'h'), (2, 2, 'h');",
        "[users]\ntable = 'users'\nnames = ['name']\n[references]\n\
         'sites.keeper' = 'mention'",
    );
    let words = [
        "delete-user",
        "ann",
        "--delete-accounts",
        "--reassign-to",
        "ben",
    ];
    let outcome = application.run(&words).expect(1);
    outcome.complains([
        "UNIQUE constraint failed: sites.keeper, sites.host",
        "name another user",
    ]);
    assert_eq!(application.count("SELECT count(*) FROM users"), 2);
}

#[test]
fn rows_of_others_are_counted_by_owner_and_can_be_refused() {
    let install = Install::copy("busy");
    refused(
        &install,
        &["delete-user", "1", "--no-collateral"],
        ["`job_audit_log`, of user 10", "`posts`, of user 12"],
    );
    previewed(&install, &["delete-user", "1"])
        .expect(0)
        .says(["1 row of `posts` of user 12"]);
    assert_eq!(
        install.query_count("SELECT count(*) FROM posts WHERE id = 1032"),
        0
    );
}

#[test]
fn a_reused_key_is_warned_of() {
    let install = Install::copy("busy");
    let highest = ["delete-user", "20", "--delete-accounts"];
    previewed(&install, &highest).says(["the next account inherits"]);
    let other = ["delete-user", "19", "--delete-accounts"];
    let outcome = delete(&Install::copy("busy"), &other);
    assert!(!outcome.stdout.contains("inherits"), "{outcome}");
}

#[test]
fn an_application_without_keys_in_redis_is_not_warned_of_redis() {
    let application = Application::new(
        "CREATE TABLE users(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE);
         INSERT INTO users(name) VALUES ('ann'), ('ben');",
        "[users]\ntable = 'users'\nnames = ['name']",
    );
    let on = || reset_app().root(application.root.path());
    for words in [
        &["delete-user", "ann", "--delete-accounts", "--dry-run"][..],
        &["verify", "ann"],
        &["delete-user", "ann", "--delete-accounts", "--force"],
        &["reset-complete", "--force"],
    ] {
        let outcome = on().args(words).run().expect(0);
        assert!(!outcome.stdout.contains("Warnings:"), "{outcome}");
    }
}

/// Ids are not handed out again where the database keeps count of them.
#[test]
fn a_key_that_is_counted_is_not_handed_out_again() {
    let application = Application::new(
        "CREATE TABLE users(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE);
         CREATE TABLE notes(id INTEGER PRIMARY KEY AUTOINCREMENT,
           user_id INTEGER NOT NULL REFERENCES users(id));
         INSERT INTO users(name) VALUES ('ann'), ('ben');
         INSERT INTO notes(user_id) VALUES (1), (2), (2);",
        "[users]\ntable = 'users'\nnames = ['name']\n[references]\n'notes.user_id' = 'owner'",
    );
    let outcome = application.run(&["delete-user", "ben", "--delete-accounts"]);
    assert!(!outcome.stdout.contains("inherits"), "{outcome}");
    outcome.expect(0);
    let sequences =
        "SELECT group_concat(name || seq) FROM (SELECT * FROM sqlite_sequence ORDER BY name)";
    let sequences: String = application
        .database()
        .query_row(sequences, [], |row| row.get(0))
        .unwrap();
    assert_eq!(sequences, "notes3,users2");
    let next = "INSERT INTO users(name) VALUES ('new') RETURNING id";
    assert_eq!(application.count(next), 3);
}

/// User 2 has a post, with an image, on user 1's connection, and a row names a file that one of
/// user 1's names too.
#[test]
fn two_users_who_share_a_file_a_thread_and_a_connection_lose_what_is_the_ones_who_goes() {
    for install in [small(), small().wal()] {
        install.execute(
            "INSERT INTO posts (id, post_id, user_id, post_url, platform_connection_id)
               VALUES (70, 'reply', 2, 'u', 1), (71, 'own', 2, 'u', 2);
             INSERT INTO images (id, post_id, image_url, local_path, attachment_index, status)
               VALUES (70, 70, 'u', 'storage/images/reply.jpg', 0, 'posted'),
                      (71, 71, 'u', 'storage/images/own.jpg', 0, 'posted');",
        );
        for name in ["reply.jpg", "own.jpg"] {
            std::fs::write(install.path(format!("storage/images/{name}")), name).unwrap();
        }
        let whose = |table: &str| {
            install.query_count(&format!("SELECT count(*) FROM {table} WHERE user_id = 2"))
        };
        let theirs = [
            "posts",
            "platform_connections",
            "user_sessions",
            "processing_runs",
        ];
        let before = theirs.map(whose);
        previewed(&install, &["delete-user", "1"]).expect(0).says([
            "1 row of `posts` of user 2",
            "1 row of `images` of user 2",
            "storage/images/cats_2.jpg: a row that stays names it",
        ]);
        let after = theirs.map(whose);
        assert_eq!(
            after[0],
            before[0] - 1,
            "the reply on the connection that went"
        );
        assert_eq!(after[1..], before[1..]);
        for (file, stays) in [("cats_2", true), ("own", true), ("reply", false)] {
            let path = format!("storage/images/{file}.jpg");
            assert_eq!(install.has(&path), stays, "{path}");
        }
    }
}

#[test]
fn sessions_only_ends_sessions_and_deletes_nothing_else() {
    let Some(server) = RedisServer::start() else {
        return;
    };
    let install = Install::copy("busy");
    server.feed(Path::new("fixtures/busy/redis.txt"));
    let before = install.dump();
    let words = [
        "delete-user",
        "1",
        "--sessions-only",
        "--force",
        "--redis",
        &server.url(0),
    ];
    on(&install).args(words).run().expect(0);
    let after = install.dump();
    assert_same(
        "all but sessions",
        &before.without(&["user_sessions"]),
        &after.clone().without(&["user_sessions"]),
    );
    assert_eq!(
        install.query_count("SELECT count(*) FROM user_sessions WHERE user_id = 1"),
        0
    );
    assert_ne!(install.query_count("SELECT count(*) FROM user_sessions"), 0);
    assert!(
        server
            .keys(0)
            .iter()
            .all(|key| key != b"vedfolnir:user:1:profile")
    );
}

#[test]
fn clear_redis_clears_what_it_counts_and_leaves_other_programs_alone() {
    let Some(server) = RedisServer::start() else {
        return;
    };
    let install = Install::copy("busy");
    server.feed(Path::new("fixtures/busy/redis.txt"));
    let keys = server.keys(0).len() as u64;
    let url = server.url(0);
    let preview = on(&install)
        .args(["clear-redis", "--dry-run", "--redis", &url])
        .run()
        .expect(0);
    assert_eq!(server.keys(0).len() as u64, keys);
    let deed = on(&install)
        .args(["--clear-redis", "-f", "-v", "--redis", &url])
        .run()
        .expect(0);
    assert_eq!(preview.summary(), deed.summary());
    let lines = &preview.summary()[1..];
    for line in &lines[..lines.len() - 1] {
        let (pattern, keys) = line.rsplit_once(": ").unwrap();
        let told = format!("info: redis `{pattern}`: {keys} found, {keys} cleared, 0 left\n");
        assert_eq!(deed.stderr.matches(&told).count(), 1, "{told}{deed}");
    }
    let left: BTreeSet<String> = server
        .keys(0)
        .iter()
        .map(|key| String::from_utf8_lossy(key).into_owned())
        .collect();
    let ours = left.iter().filter(|key| key.starts_with("vedfolnir:"));
    assert_eq!(ours.count(), 0, "{left:?}");
    assert!(
        left.contains("session:x") && left.contains("platform:9"),
        "{left:?}"
    );
    assert_eq!(deed.line("Total Items"), Some(keys - left.len() as u64));
}
