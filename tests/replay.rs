//! Erasing again whom the trail names, after the data was put back.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fs;

use reset_app::consent::Consent;
use reset_app::run::App;
use reset_app::target::{RedisChoice, Settings};
use reset_app::watch::Nobody;
use serde_json::{Value, json};
use support::install::{Install, assert_same};
use support::run::{Outcome, reset_app};
use support::small::small;
use support::subjects::put_trail_back;
use support::trail::{KEY, TRAIL, append, position};

fn run(install: &Install, words: &[&str]) -> Outcome {
    let run = reset_app().root(install.root()).args(["--no-redis"]);
    run.args(words).run()
}

fn erase(install: &Install, words: &[&str]) {
    let words = [&["delete-user", "--force"], words].concat();
    run(install, &words).expect(0);
}

/// An install from which users were erased, and the same one as it was before, with the trail of the
/// first, which tells of the restore.
fn restored(users: &[&[&str]]) -> (Install, Install) {
    let copy = small();
    let erased = copy.again();
    for user in users {
        erase(&erased, user);
    }
    put_trail_back(&erased, &copy);
    tell_of_restore(&copy, 0);
    (erased, copy)
}

fn tell_of_restore(install: &Install, lines: usize) {
    let restore = json!({
        "time": "2026-01-01T00:00:00Z", "run": "restore", "id": "restore",
        "operation": "snapshot restore", "snapshot": "before",
        "position": position(install.root(), lines),
    });
    append(install.root(), restore);
}

/// Previews, erases, and compares the two.
#[track_caller]
fn replay(install: &Install, words: &[&str]) -> Outcome {
    let words = [&["replay"], words].concat();
    let before = install.tree();
    let preview = run(install, &[&words[..], &["--dry-run"]].concat()).expect(0);
    assert_same("the root after a preview", &before, &install.tree());
    let deed = run(install, &[&words[..], &["--force"]].concat());
    assert_eq!(preview.summary(), deed.summary(), "{preview}\n{deed}");
    deed
}

/// Nothing is changed, and the reason is said.
#[track_caller]
fn refused<'a>(install: &Install, words: &[&str], complaints: impl IntoIterator<Item = &'a str>) {
    let before = install.tree();
    let words = [&["replay", "--force"], words].concat();
    run(install, &words).expect(4).complains(complaints);
    assert_same("the root", &before, &install.tree());
}

fn count(install: &Install, sql: &str) -> i64 {
    install.query_count(&format!("SELECT count(*) FROM {sql}"))
}

#[test]
fn the_erased_are_erased_again_in_the_same_way() {
    let ways: [&[&[&str]]; 4] = [
        &[&["1"]],
        &[&["1", "--delete-accounts"], &["2", "--delete-accounts"]],
        &[&["2", "--sessions-only"]],
        &[
            &["2", "--sessions-only"],
            &["1"],
            &["1", "--delete-accounts"],
        ],
    ];
    for users in ways {
        let (erased, copy) = restored(users);
        run(&copy, &["replay", "--force"])
            .expect(0)
            .says(["snapshot `before`"]);
        assert_same("the database", &erased.dump(), &copy.dump());
        let files = |install: &Install| {
            let tree = install.tree();
            tree.retain(|path| {
                path.starts_with(b"storage/") && !path.starts_with(b"storage/database")
            })
        };
        assert_same("the files", &files(&erased), &files(&copy));
    }
}

#[test]
fn the_preview_of_a_replay_counts_what_it_erases() {
    let (_, copy) = restored(&[&["1", "--delete-accounts"]]);
    let outcome = replay(&copy, &[]).expect(0);
    outcome.says(["names 1 user after", "found in this database: 1"]);
    assert_eq!(count(&copy, "users WHERE id = 1"), 0);
}

#[test]
fn a_new_user_who_got_an_old_id_is_left_alone() {
    let (_, copy) = restored(&[&["1"], &["2"]]);
    copy.execute("UPDATE users SET created_at = '2031-05-05 10:00:00' WHERE id = 2");
    let posts = count(&copy, "posts WHERE user_id = 2");
    assert!(posts > 0);
    let preview = run(&copy, &["replay", "--dry-run", "--format", "json"])
        .expect(0)
        .json();
    assert_eq!(preview["users_processed"], 1);
    assert_eq!(preview["replay"]["named"], 2);
    assert_eq!(preview["replay"]["absent"], 1);
    assert_eq!(preview["replay"]["snapshot"], "before");
    replay(&copy, &[]).expect(0);
    assert_eq!(count(&copy, "posts WHERE user_id = 1"), 0);
    assert_eq!(count(&copy, "posts WHERE user_id = 2"), posts);
}

#[test]
fn a_replay_that_is_done_finds_nobody() {
    let (_, copy) = restored(&[&["1"], &["2"]]);
    replay(&copy, &[]).expect(0);
    copy.execute("INSERT INTO posts (post_id, user_id, post_url) VALUES ('new', 1, 'x')");
    let again = replay(&copy, &[]).expect(0);
    again.says(["Nobody to replay."]);
    assert_eq!(count(&copy, "posts WHERE user_id = 1"), 1, "made since");
    let report = run(&copy, &["replay", "--force", "--format", "json"])
        .expect(0)
        .json();
    assert_eq!(
        (&report["operation"], &report["total_items"]),
        (&"replay".into(), &0.into())
    );
}

#[test]
fn who_was_erased_since_the_restore_is_not_erased_again_but_more_is() {
    let (_, copy) = restored(&[&["1", "--delete-accounts"], &["2"]]);
    erase(&copy, &["1"]);
    erase(&copy, &["2"]);
    let report = run(&copy, &["replay", "--force", "--format", "json"])
        .expect(0)
        .json();
    assert_eq!(
        report["replay"]["named"], 1,
        "the account of user 1 is still there"
    );
    assert_eq!(count(&copy, "users WHERE id = 1"), 0);
}

#[test]
fn only_later_lines_count() {
    let copy = small();
    let erased = copy.again();
    erase(&erased, &["1"]);
    erase(&erased, &["2"]);
    put_trail_back(&erased, &copy);
    let since = position(copy.root(), 2);
    let since = format!("2:{}", since["hash"].as_str().unwrap());
    replay(&copy, &["--since", &since])
        .expect(0)
        .says(["names 1 user after"]);
    assert!(count(&copy, "posts WHERE user_id = 1") > 0);
    assert_eq!(count(&copy, "posts WHERE user_id = 2"), 0);
    tell_of_restore(&copy, 2);
    replay(&copy, &[]).expect(0);
    assert!(count(&copy, "posts WHERE user_id = 1") > 0);
}

#[test]
fn a_trail_that_cannot_be_gone_by_is_refused() {
    let copy = small();
    refused(&copy, &[], ["tells of no `snapshot restore`", "--since"]);
    refused(&copy, &["--audit-log", "none"], ["no audit trail"]);
    let (_, copy) = restored(&[&["1"], &["2"]]);
    refused(
        &copy,
        &["--since", "9"],
        ["does not hold the position `9`", "of 5 lines"],
    );
    let wrong = format!("1:{}", "a".repeat(64));
    refused(&copy, &["--since", &wrong], ["does not hold the position"]);
    run(&copy, &["replay", "--since", "x"]).expect(2);

    let trail = fs::read_to_string(copy.path(TRAIL)).unwrap();
    let key = fs::read(copy.path(KEY)).unwrap();
    fs::write(
        copy.path(TRAIL),
        trail.replacen("delete-user", "keep-user", 1),
    )
    .unwrap();
    refused(&copy, &[], ["line 2", "does not follow"]);
    let cut: String = trail.split_inclusive('\n').skip(1).collect();
    fs::write(copy.path(TRAIL), cut).unwrap();
    refused(&copy, &[], ["line 1", "does not follow"]);

    fs::write(copy.path(TRAIL), &trail).unwrap();
    fs::remove_file(copy.path(KEY)).unwrap();
    refused(&copy, &[], ["audit.key` is missing"]);
    fs::write(copy.path(KEY), "0".repeat(64)).unwrap();
    refused(&copy, &[], ["not the one", "audit.key"]);
    fs::write(copy.path(KEY), key).unwrap();
    replay(&copy, &[]).expect(0);
}

/// Old trails named users by their keys, and there are tables that say neither when an account was
/// made nor what it is called.
#[test]
fn whom_a_line_does_not_tell_from_others_is_left_and_said() {
    let copy = small();
    erase(&copy, &["1"]);
    let old = json!({
        "time": "2026-01-01T00:00:00Z", "run": "old", "id": "old/1", "operation": "delete-user", "user": "2",
    });
    append(copy.root(), old);
    tell_of_restore(&copy, 2);
    let outcome = replay(&copy, &[]).expect(3);
    outcome.says(["Nobody to replay.", "1 of its lines", "delete-user"]);
    assert!(count(&copy, "posts WHERE user_id = 2") > 0);
}

/// Between the question and the deed.
#[test]
fn whoever_gets_the_key_of_an_account_while_it_is_asked_is_left_alone() {
    let (_, copy) = restored(&[&["1"]]);
    let app = App::open(&Settings {
        root: Some(copy.root().into()),
        redis: RedisChoice::None,
        ..Settings::default()
    });
    let posts = count(&copy, "posts WHERE user_id = 1");
    let mut ask = |preview: &reset_app::run::Preview<'_>| {
        let replay = preview.report().unwrap().replay;
        assert_eq!(replay.unwrap().named, 1);
        copy.execute("UPDATE users SET created_at = '2031-05-05 10:00:00' WHERE id = 1");
        Ok(Consent::forced())
    };
    let report = app
        .unwrap()
        .replay((None, None), &mut ask, &mut Nobody)
        .unwrap();
    assert!(report.failed[0].reason.contains("gone since the preview"));
    assert_eq!(count(&copy, "posts WHERE user_id = 1"), posts);
}

#[test]
fn the_report_is_one_object() {
    let (_, copy) = restored(&[&["1", "--delete-accounts"], &["2"]]);
    let report: Value = run(&copy, &["replay", "--force", "--format", "json"])
        .expect(0)
        .json();
    assert_eq!(
        (&report["operation"], &report["dry_run"]),
        (&"replay".into(), &false.into())
    );
    assert_eq!(report["users_processed"], 2);
    let posts = report["summary"].as_array().unwrap().iter();
    let posts: Vec<&Value> = posts.filter(|line| line["line"] == "Posts").collect();
    assert_eq!(posts[0]["count"], count(&small(), "posts"));
}

#[test]
fn a_snapshot_that_is_restored_brings_back_whom_replay_erases() {
    for in_wal in [true, false] {
        let install = if in_wal { small().wal() } else { small() };
        erase(&install, &["2", "--sessions-only"]);
        run(&install, &["snapshot", "save", "before"]).expect(0);
        erase(&install, &["1", "--delete-accounts"]);
        let erased = install.dump();
        run(&install, &["snapshot", "restore", "before", "--force"]).expect(0);
        assert_eq!(count(&install, "users WHERE id = 1"), 1);
        let preview = run(&install, &["replay", "--dry-run", "--format", "json"])
            .expect(0)
            .json();
        assert_eq!(preview["replay"]["snapshot"], "before");
        replay(&install, &["--snapshot", "again"]).expect(0);
        assert_same("the database", &erased, &install.dump());
        assert!(install.has(".reset-app/snapshots/again"));
    }
}
