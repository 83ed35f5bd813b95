//! What `status` says is there, and that it changes nothing.

#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::fs;
use std::net::TcpListener;

use serde_json::{Value, json};
use support::install::{Install, assert_same};
use support::redis_server::RedisServer;
use support::run::{Outcome, reset_app};
use support::small::small;

/// Looks twice, as text and as JSON; neither changes anything.
#[track_caller]
fn status(install: &Install, words: &[&str]) -> (Outcome, Value) {
    let before = install.tree();
    let run = || {
        reset_app()
            .root(install.root())
            .args(["status"])
            .args(words)
    };
    let text = run().run().expect(0);
    let object = run().args(["--format", "json"]).run().expect(0).json();
    assert_same("the root", &before, &install.tree());
    (text, object)
}

fn root<'a>(object: &'a Value, name: &str) -> &'a Value {
    let mut roots = object["storage"].as_array().unwrap().iter();
    roots.find(|root| root["directory"] == name).unwrap()
}

#[test]
fn the_journal_mode_is_told_also_of_an_idle_database() {
    for (install, mode) in [(small(), "rollback"), (small().wal(), "wal")] {
        let (text, object) = status(&install, &["--no-redis"]);
        assert_eq!(object["database"]["journal_mode"], mode);
        text.says([&*format!("journal mode {mode}")]);
        let connection = install.connect();
        connection
            .execute_batch("UPDATE users SET role = role; BEGIN; SELECT 1 FROM users")
            .unwrap();
        let object =
            reset_app()
                .root(install.root())
                .args(["status", "--no-redis", "--format", "json"]);
        assert_eq!(
            object.run().expect(0).json()["database"]["journal_mode"],
            mode
        );
    }
}

#[test]
fn a_file_that_no_row_names_in_no_users_directory_is_a_stray() {
    let install = small();
    let strays = |install: &Install| {
        let (_, object) = status(install, &["--no-redis"]);
        root(&object, "storage/images")["strays"].as_u64().unwrap()
    };
    let known = strays(&install);
    fs::write(install.path("storage/images/stray.png"), "12345").unwrap();
    fs::write(install.path("storage/images/user_1/other.txt"), "a user's").unwrap();
    fs::create_dir_all(install.path("storage/images/user_99")).unwrap();
    fs::write(
        install.path("storage/images/user_99/left.png"),
        "of a user who is gone",
    )
    .unwrap();
    assert_eq!(strays(&install), known + 2);
    install.execute("UPDATE images SET local_path = 'storage/images/stray.png' WHERE id = 9");
    // What the row named before is named by another row, too.
    assert_eq!(strays(&install), known + 1);
}

#[test]
fn storage_and_logs_are_measured() {
    let install = small();
    let (_, before) = status(&install, &["--no-redis"]);
    fs::write(install.path("storage/images/more.png"), "12345").unwrap();
    fs::remove_dir_all(install.path("storage/backups")).ok();
    fs::create_dir_all(install.path("logs/old")).unwrap();
    fs::write(install.path("logs/old/x.log"), "123").unwrap();
    let (text, after) = status(&install, &["--no-redis"]);
    let sizes = |object: &Value| {
        let images = root(object, "storage/images");
        (
            images["files"].as_u64().unwrap(),
            images["bytes"].as_u64().unwrap(),
        )
    };
    let (files, bytes) = sizes(&before);
    assert_eq!(sizes(&after), (files + 1, bytes + 5));
    let missing = root(&after, "storage/backups");
    assert_eq!(
        (&missing["exists"], &missing["files"]),
        (&json!(false), &Value::Null)
    );
    let of_logs = |object: &Value| object["logs"][0]["bytes"].as_u64().unwrap();
    assert_eq!(of_logs(&after), of_logs(&before) + 3);
    text.says(["storage/backups: does not exist", "logs: "]);
}

#[test]
fn what_was_not_looked_at_is_not_zero() {
    let install = small();
    let (text, object) = status(&install, &["--no-redis", "--no-files"]);
    assert_eq!(
        (&object["storage"], &object["logs"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(object["redis_keys"], Value::Null);
    text.says([
        "Storage: not checked",
        "Logs: not checked",
        "Redis is left out",
    ]);
    // No file that rows name is there: another directory's files.
    let images = install.path("storage/images");
    fs::rename(&images, install.path("storage/elsewhere")).unwrap();
    fs::create_dir(&images).unwrap();
    let (text, object) = status(&install, &["--no-redis"]);
    let root = root(&object, "storage/images");
    assert_eq!((&root["files"], &root["strays"]), (&json!(0), &Value::Null));
    text.says(["whose the files are was not checked"]);
}

#[test]
fn redis_answers_or_does_not() {
    let install = small();
    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let (text, object) = status(&install, &["--redis", &format!("redis://{closed}")]);
    assert_eq!(
        (&object["redis_reachable"], &object["redis_keys"]),
        (&json!(false), &Value::Null)
    );
    text.says(["out of reach", "not checked"]);
    let Some(server) = RedisServer::start() else {
        return;
    };
    let fixture =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/example/redis.txt");
    server.feed(&fixture);
    let (text, object) = status(&install, &["--redis", &server.url(0)]);
    assert_eq!(object["redis_reachable"], true);
    let keys = object["redis_keys"].as_array().unwrap();
    let sessions = keys
        .iter()
        .find(|keys| keys["line"] == "vedfolnir:session:*")
        .unwrap();
    assert_eq!(sessions["count"], 2);
    text.says(["answers", "vedfolnir:session:*: 2"]);
}

#[test]
fn variables_are_set_or_missing_and_their_values_nobodys_concern() {
    let install = small();
    fs::write(
        install.path(".env"),
        "FLASK_SECRET_KEY=whisper-1\nREDIS_PASSWORD=\nUNHEARD_OF=whisper-2\n",
    )
    .unwrap();
    let (text, object) = status(&install, &["--no-redis"]);
    let environment = &object["environment"];
    let has = |list: &str, name: &str| {
        environment[list]
            .as_array()
            .unwrap()
            .iter()
            .any(|one| one == name)
    };
    assert!(has("set", "FLASK_SECRET_KEY") && has("missing", "PLATFORM_ENCRYPTION_KEY"));
    assert_eq!(
        (&environment["exists"], &environment["others"]),
        (&json!(true), &json!(1))
    );
    assert!(!format!("{text}{object}").contains("whisper"));
    fs::remove_file(install.path(".env")).unwrap();
    let (text, object) = status(&install, &["--no-redis"]);
    assert_eq!(object["environment"]["exists"], false);
    text.says(["Variables of .env (there is none):"]);
}

#[test]
fn snapshots_are_listed_with_their_age() {
    let install = small();
    let (text, object) = status(&install, &["--no-redis"]);
    assert_eq!(object["snapshots"], json!([]));
    text.says(["Snapshots: none"]);
    let save = ["snapshot", "save", "clean", "--no-redis"];
    reset_app().root(install.root()).args(save).run().expect(0);
    fs::create_dir(install.path(".reset-app/snapshots/half")).unwrap();
    let (text, object) = status(&install, &["--no-redis"]);
    let snapshot = &object["snapshots"][0];
    assert_eq!(snapshot["name"], "clean");
    assert!(snapshot["age_seconds"].as_i64().unwrap() >= 0);
    assert_eq!(object["damaged_snapshots"][0]["name"], "half");
    text.says(["clean: ", " old, ", "half: damaged"]);
}

#[test]
fn a_trail_that_cannot_be_read_is_not_none() {
    let install = small();
    fs::create_dir_all(install.path(".reset-app/audit.jsonl")).unwrap();
    let run = reset_app()
        .root(install.root())
        .args(["status", "--no-redis"]);
    run.run().expect(4).complains(["is a directory"]);
    fs::remove_dir(install.path(".reset-app/audit.jsonl")).unwrap();
    fs::write(install.path(".reset-app/audit.jsonl"), "something else\n").unwrap();
    let (text, object) = status(&install, &["--no-redis"]);
    assert!(object["audit"]["unreadable"].is_string());
    text.says(["Audit trail: not checked"]);
}

#[test]
fn a_file_that_a_row_of_nobody_names_is_no_stray() {
    let install = small();
    let strays = |install: &Install| {
        let (_, object) = status(install, &["--no-redis"]);
        root(&object, "storage/images")["strays"].as_u64().unwrap()
    };
    let known = strays(&install);
    fs::write(
        install.path("storage/images/orphan.png"),
        "of a row without a user",
    )
    .unwrap();
    assert_eq!(strays(&install), known + 1);
    install.execute(
        "INSERT INTO images (id, post_id, image_url, local_path, attachment_index, status)
         VALUES (99, 9999, 'x', 'storage/images/orphan.png', 0, 'pending')",
    );
    assert_eq!(strays(&install), known);
}
