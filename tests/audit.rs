//! The audit trail, as somebody meets it who runs the command.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;
use support::install::{Install, assert_same};
use support::run::{Outcome, has_tool, reset_app};
use support::small::small;
use support::sweep::strace;
use support::trail::{KEY, TRAIL, Trail};

const DELETE: [&str; 2] = ["delete-all-user-data", "--force"];

fn run(install: &Install, words: &[&str]) -> Outcome {
    let run = reset_app().root(install.root()).args(["--no-redis"]);
    run.args(words).run()
}

fn lines(install: &Install, trail: &str) -> Vec<Value> {
    let text = fs::read_to_string(install.path(trail)).unwrap();
    let lines = text.lines().map(serde_json::from_str);
    lines.collect::<Result<_, _>>().unwrap()
}

fn user(line: &Value) -> &str {
    line["user"].as_str().unwrap()
}

#[test]
fn a_users_line_says_what_went_and_names_nobody() {
    let install = small();
    run(
        &install,
        &["delete-user", "1", "--delete-accounts", "--force"],
    )
    .expect(0);
    let lines = lines(&install, TRAIL);
    let line = &lines[0];
    assert_eq!(line["operation"], "delete-user");
    assert_eq!(
        (&line["accounts"], &line["extent"]),
        (&"deleted".into(), &"everything".into())
    );
    assert_eq!(line["by"], "created");
    assert_eq!(line["rows"]["users"], 1);
    assert!(user(line).starts_with("hmac-sha256:"), "{line}");
    let text = fs::read_to_string(install.path(TRAIL)).unwrap();
    for name in install.query_bytes("SELECT username FROM users") {
        assert!(!text.contains(std::str::from_utf8(&name).unwrap()));
    }
    assert!(
        !fs::read_to_string(install.path(".env"))
            .unwrap_or_default()
            .contains(fs::read_to_string(install.path(KEY)).unwrap().trim())
    );
    Trail::of(install.root()).unwrap();
}

#[test]
fn a_user_is_the_same_in_every_run_and_a_new_one_with_the_old_key_is_not() {
    let install = small();
    let delete = ["delete-user", "1", "--force"];
    run(&install, &delete).expect(0);
    run(&install, &delete).expect(0);
    install.execute("UPDATE users SET created_at = '2031-01-01 00:00:00' WHERE id = 1");
    run(&install, &delete).expect(0);
    install.execute("UPDATE users SET created_at = NULL WHERE id = 1");
    run(&install, &delete).expect(0);
    let lines = lines(&install, TRAIL);
    let users: Vec<&Value> = lines
        .iter()
        .filter(|line| line["user"].is_string())
        .collect();
    assert_eq!(user(users[0]), user(users[1]));
    let names: BTreeSet<&str> = users.iter().map(|line| user(line)).collect();
    assert_eq!(names.len(), 3);
    assert_eq!(
        (&users[2]["by"], &users[3]["by"]),
        (&"created".into(), &"name".into())
    );
}

#[test]
fn the_manifest_names_the_column() {
    let install = small();
    let builtin = include_str!("../src/manifest/builtin.toml");
    let with = |column: &str| {
        let manifest = builtin.replace(
            "table = \"users\"",
            &format!("table = \"users\"\ncreated = \"{column}\""),
        );
        fs::write(install.path("reset-app.toml"), manifest).unwrap();
    };
    with("born");
    run(&install, &DELETE).expect(4).complains(["users.born"]);
    with("last_login");
    install.execute("UPDATE users SET last_login = NULL");
    run(&install, &DELETE).expect(0);
    assert_eq!(lines(&install, TRAIL)[0]["by"], "name");
}

#[test]
fn without_a_trail_nothing_is_kept() {
    let install = small();
    run(&install, &[&DELETE[..], &["--audit-log", "none"]].concat()).expect(0);
    assert!(!install.has(".reset-app"));
    run(&install, &["status", "--audit-log", "none"])
        .expect(0)
        .says(["Audit trail: none is kept"]);
}

#[test]
fn a_trail_of_another_name_has_a_key_of_its_own() {
    let install = small();
    run(
        &install,
        &[&DELETE[..], &["--audit-log", "logs/gone.log"]].concat(),
    )
    .expect(0);
    assert!(install.has("logs/gone.key") && !install.has(".reset-app"));
    run(&install, &DELETE).expect(0);
    let (one, other) = (lines(&install, "logs/gone.log"), lines(&install, TRAIL));
    assert_ne!(user(&one[0]), user(&other[0]));
    assert_ne!(one[0]["key"], other[0]["key"]);
}

/// Even where it lies in a root, in a directory of a user that goes.
#[test]
fn the_trail_and_its_key_stay() {
    let install = small();
    fs::create_dir_all(install.path("storage/images/user_1")).unwrap();
    let trail = "storage/images/user_1/audit.log";
    let delete = [&DELETE[..], &["--audit-log", trail]].concat();
    run(&install, &delete).expect(3);
    run(&install, &delete).expect(3);
    assert!(install.has(trail) && install.has("storage/images/user_1/audit.key"));
}

#[test]
fn no_file_of_the_application_is_taken_for_a_trail() {
    let install = small();
    fs::hard_link(install.database(), install.path("link.db")).unwrap();
    fs::write(install.path("notes.txt"), "mine").unwrap();
    let before = install.tree();
    for trail in [
        "storage/database/vedfolnir.db",
        "storage/../storage/database/vedfolnir.db",
        "storage/database/vedfolnir.db-wal",
        "link.db",
        ".env",
        "notes.txt",
        ".reset-app/audit.key",
        "storage",
        "storage/database/..",
    ] {
        let outcome = run(&install, &[&DELETE[..], &["--audit-log", trail]].concat());
        outcome.expect(4).complains(["--audit-log"]);
        assert_same(trail, &before, &install.tree());
    }
}

#[test]
fn a_broken_chain_is_said_and_deletes_all_the_same() {
    let install = small();
    run(&install, &["delete-user", "1", "--force"]).expect(0);
    let text = fs::read_to_string(install.path(TRAIL)).unwrap();
    fs::write(
        install.path(TRAIL),
        text.replacen("delete-user", "keep-user", 1),
    )
    .unwrap();
    let complaint = "line 2 does not follow from the line before";
    run(&install, &["status"])
        .expect(0)
        .says(["BROKEN", complaint]);
    let status = run(&install, &["status", "--format", "json"])
        .expect(0)
        .json();
    assert_eq!(status["audit"]["intact"], false);
    assert_eq!(status["audit"]["broken_at_line"], 2);
    run(&install, &DELETE).expect(0).says([complaint]);
    assert_eq!(install.query_count("SELECT count(*) FROM posts"), 0);
}

#[test]
fn a_lost_key_is_said() {
    let install = small();
    run(&install, &["delete-user", "1", "--force"]).expect(0);
    fs::remove_file(install.path(KEY)).unwrap();
    run(&install, &["status"])
        .expect(0)
        .says(["its key is missing"]);
    run(&install, &DELETE)
        .expect(0)
        .complains(["audit.key", "was gone"]);
}

/// Killed after the first commit: the lines belong into the trail that the run began with.
#[test]
fn an_interrupted_run_is_finished_with_its_own_trail() {
    if !has_tool("strace", "no run was killed") {
        return;
    }
    for own in [
        &["--audit-log", "logs/one.log"][..],
        &["--audit-log", "none"],
    ] {
        let install = small();
        let delete = [&DELETE[..], own].concat();
        let killed = reset_app()
            .root(install.root())
            .args(["--no-redis"])
            .args(&delete);
        let killed = killed.under(strace("signal=KILL", "renameat2", 1)).run();
        assert!(killed.was_killed(), "{killed}");
        if own[1] == "none" {
            run(&install, &["resume"]).expect(0);
            assert!(Trail::of(install.root()).unwrap().users().next().is_none());
            continue;
        }
        for other in [&[][..], &["--audit-log", "none"]] {
            let before = install.dump();
            for command in [&["resume"][..], &DELETE, &["resume", "--dry-run"]] {
                run(&install, &[command, other].concat())
                    .expect(4)
                    .complains(["resume --audit-log", "logs/one.log"]);
            }
            run(&install, &[&["status"], other].concat()).expect(0);
            assert_same("the database", &before, &install.dump());
        }
        run(&install, &[&["resume"], own].concat()).expect(0);
        assert!(
            lines(&install, "logs/one.log")
                .iter()
                .any(|line| line["finished"] == true)
        );
    }
}
