//! Snapshots: whatever happens to rows, structure and files afterwards is undone to the byte, the
//! mode and the time, or nothing is touched and the reason said.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, clippy::format_push_string)]

mod changes;
mod redis_keys;
mod refused;
#[path = "../support/mod.rs"]
mod support;

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::PathBuf;

use proptest::prelude::*;
use proptest::test_runner::{Config, FileFailurePersistence};
use reset_app::snapshot::{Archive, Asking, Guard, Restored, Snapshot, Structure};
use reset_app::target::{RedisChoice, Settings, Target};
use support::install::Install;
use support::nobody;
use support::run::{Invocation, reset_app};
use support::small::small;
use support::state::State;

pub(crate) fn target(install: &Install) -> Target {
    Target::find(&Settings {
        root: Some(install.root().into()),
        redis: RedisChoice::None,
        ..Settings::default()
    })
    .unwrap()
}

pub(crate) fn archive(install: &Install) -> Archive {
    Archive::of(&target(install), None).unwrap()
}

pub(crate) fn save(install: &Install, name: &str) -> Snapshot {
    Snapshot::save(&target(install), &archive(install), name).unwrap()
}

pub(crate) fn restore(install: &Install, name: &str) -> Restored {
    restored(&target(install), name)
}

fn restored(target: &Target, name: &str) -> Restored {
    let archive = Archive::of(target, None).unwrap();
    Snapshot::restore(target, &archive, name, Structure::Any, Asking::Nobody).unwrap()
}

pub(crate) fn command(install: &Install, words: &[&str]) -> Invocation {
    reset_app().root(install.root()).args(words)
}

/// A path inside a snapshot.
pub(crate) fn inside(install: &Install, name: &str, file: &str) -> PathBuf {
    install.path(format!(".reset-app/snapshots/{name}/{file}"))
}

/// A commit in a database that vacuums itself moves pages: those of a snapshot must not be written
/// under it.
#[test]
fn a_database_that_has_come_to_vacuum_itself_goes_back_whole() {
    for (before, after) in [("INCREMENTAL", "FULL"), ("NONE", "FULL"), ("FULL", "NONE")] {
        let install = small().again();
        let filled = format!(
            "PRAGMA auto_vacuum = {before}; VACUUM; CREATE TABLE filler(id INTEGER PRIMARY KEY, v);
             WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 60)
             INSERT INTO filler SELECT i, printf('%.3500c', 'y') FROM n;
             DELETE FROM filler WHERE id BETWEEN 10 AND 17"
        );
        install.connect().execute_batch(&filled).unwrap();
        let (rows, pragma) = (install.dump(), |name: &str| -> i64 {
            let sql = format!("PRAGMA {name}");
            install
                .connect()
                .query_row(&sql, [], |row| row.get(0))
                .unwrap()
        });
        let mode = pragma("auto_vacuum");
        save(&install, "clean");
        let changed = format!(
            "PRAGMA auto_vacuum = {after}; {} DELETE FROM filler WHERE id > 40",
            if before == "INCREMENTAL" {
                ""
            } else {
                "VACUUM;"
            }
        );
        install.connect().execute_batch(&changed).unwrap();
        assert_ne!(pragma("auto_vacuum"), mode);
        restore(&install, "clean");
        support::sweep::check_integrity(&install).unwrap();
        support::install::assert_same("rows", &rows, &install.dump());
        assert_eq!(pragma("auto_vacuum"), mode, "{before} → {after}");
    }
}

proptest! {
    #![proptest_config(Config {
        cases: if support::sweep::is_soak() { 2000 } else { 48 },
        max_shrink_iters: 200,
        failure_persistence: Some(Box::new(FileFailurePersistence::Off)),
        ..Config::default()
    })]

    #[test]
    fn whatever_changes_is_undone(
        wal in any::<bool>(),
        rounds in prop::collection::vec(prop::collection::vec(changes::change(), 0..8), 1..4),
    ) {
        let install = if wal { small().wal() } else { small() }.again();
        let before = State::of(&install);
        save(&install, "clean");
        before.assert_same(&State::of(&install));
        // Found before the changes, which may leave a `.env` that is none.
        let (target, archive) = (target(&install), archive(&install));
        for changes in rounds {
            for change in &changes {
                changes::apply(change, &install);
            }
            let restored = restored(&target, "clean");
            prop_assert!(restored.left.is_empty(), "{:?}", restored.left);
            before.assert_same(&State::of(&install));
            prop_assert!(Snapshot::diff(&target, &archive, "clean").unwrap().1.is_none());
        }
    }
}

#[test]
fn a_deletion_takes_the_snapshot_that_undoes_it() {
    let install = small();
    let before = State::of(&install);
    let deleted = command(
        &install,
        &[
            "--delete-all-user-data",
            "--force",
            "--no-redis",
            "--snapshot",
            "before",
        ],
    );
    deleted.run().expect(0).says(["A snapshot was taken first"]);
    assert!(!install.has("storage/images/user_1"));
    let diff = command(
        &install,
        &["snapshot", "diff", "before", "--format", "json"],
    );
    let diff = diff.run().expect(5).json();
    assert_eq!(diff["same"], false);
    assert!(diff["files"]["missing"].as_u64().unwrap() > 0);
    command(&install, &["snapshot", "restore", "before", "--force"])
        .run()
        .expect(0);
    before.assert_same(&State::of(&install));
    command(&install, &["snapshot", "diff", "before"])
        .run()
        .expect(0);
    let trail = fs::read_to_string(install.path(".reset-app/audit.jsonl")).unwrap();
    let last: serde_json::Value = serde_json::from_str(trail.lines().last().unwrap()).unwrap();
    assert_eq!(last["operation"], "snapshot restore");
    assert_eq!(last["snapshot"], "before");
}

#[test]
fn a_complete_reset_is_undone_with_its_logs_and_environment() {
    let install = small();
    let before = State::of(&install);
    let words = [
        "--reset-complete",
        "--force",
        "--no-redis",
        "--snapshot",
        "before",
    ];
    command(&install, &words).run().expect(0);
    assert!(!install.has(".env") && !install.has("logs/vedfolnir.log"));
    command(&install, &["snapshot", "restore", "before", "--force"])
        .run()
        .expect(0);
    before.assert_same(&State::of(&install));
}

#[test]
fn without_its_snapshot_nothing_is_deleted() {
    let install = small();
    save(&install, "taken");
    let before = install.digest();
    let words = [
        "--delete-all-user-data",
        "--force",
        "--no-redis",
        "--snapshot",
        "taken",
    ];
    // Before anybody is asked, and in the preview as well.
    for words in [&words[..], &[&words[..], &["--dry-run"]].concat()] {
        command(&install, words)
            .run()
            .expect(4)
            .complains(["snapshot drop taken"]);
        assert_eq!(install.digest(), before);
    }
    let mut preview = words.to_vec();
    preview[4] = "free";
    preview.push("--dry-run");
    command(&install, &preview).run().expect(0);
    assert_eq!(install.digest(), before);
}

#[test]
fn an_application_that_has_the_database_open_goes_on_with_the_restored_rows() {
    for install in [small(), small().wal()] {
        save(&install, "clean");
        let application = install.connect();
        let inode = fs::metadata(install.database()).unwrap().ino();
        let count = || -> i64 {
            let sql = "SELECT count(*) FROM posts";
            application.query_row(sql, [], |row| row.get(0)).unwrap()
        };
        let before = count();
        application.execute_batch("DELETE FROM posts").unwrap();
        restore(&install, "clean");
        assert_eq!(count(), before);
        application
            .execute_batch("INSERT INTO compliance_metrics (metric_name) VALUES ('after')")
            .unwrap();
        assert_eq!(fs::metadata(install.database()).unwrap().ino(), inode);
        let found: String = application
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .unwrap();
        assert_eq!(found, "ok");
    }
}

/// Compiled, that is shown.
#[test]
fn whatever_the_library_hands_out_may_go_to_another_thread() {
    fn may_go<T: Send + Sync + 'static>() {}
    may_go::<reset_app::run::App>();
    may_go::<reset_app::run::Job>();
    may_go::<reset_app::run::Reset>();
    may_go::<reset_app::report::Report>();
    may_go::<reset_app::status::Status>();
    may_go::<reset_app::error::Error>();
    may_go::<Settings>();
    may_go::<Target>();
    may_go::<Snapshot>();
    may_go::<Archive>();
    may_go::<Restored>();
    may_go::<Guard>();
}

#[test]
fn tests_that_run_at_once_on_copies_do_not_disturb_each_other() {
    let saved: Vec<Install> = (0..8)
        .map(|at| if at % 2 == 0 { small() } else { small().wal() })
        .collect();
    std::thread::scope(|threads| {
        for install in &saved {
            threads.spawn(move || {
                let before = State::of(install);
                save(install, "clean");
                for _ in 0..5 {
                    install.execute("DELETE FROM images; CREATE TABLE added(a)");
                    fs::remove_dir_all(install.path("storage/images/user_1")).unwrap();
                    restore(install, "clean");
                    before.assert_same(&State::of(install));
                }
            });
        }
    });
}

#[test]
fn a_guard_that_cannot_go_back_says_so() {
    let install = small();
    let guard = |name| Guard::new(target(&install), archive(&install), name);
    let unknown = guard("cleen").unwrap_err().to_string();
    assert!(unknown.contains("no snapshot `cleen`"), "{unknown}");
    let saved = save(&install, "clean");
    let guard = guard("clean").unwrap();
    fs::remove_dir_all(saved.path).unwrap();
    let dropped = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(guard)));
    let said = dropped.unwrap_err();
    let said = said.downcast_ref::<String>().unwrap();
    assert!(said.contains("no snapshot `clean`"), "{said}");
}

#[test]
fn a_guard_goes_back_when_a_test_ends_on_any_thread() {
    let install = small();
    let before = State::of(&install);
    save(&install, "clean");
    let guard = Guard::new(target(&install), archive(&install), "clean").unwrap();
    let test = || {
        let _guard = guard;
        install.execute("DELETE FROM images; CREATE TABLE added(a)");
        fs::remove_dir_all(install.path("storage/images/user_1")).unwrap();
        panic!("as a test does that fails");
    };
    std::thread::scope(|threads| assert!(threads.spawn(test).join().is_err()));
    before.assert_same(&State::of(&install));
}

#[test]
fn a_database_whose_pages_were_all_moved_goes_back() {
    for install in [small(), small().wal()] {
        let before = State::of(&install);
        save(&install, "clean");
        let sql = "CREATE TABLE added(a PRIMARY KEY, b) WITHOUT ROWID; INSERT INTO added VALUES (1, x'00'); VACUUM";
        install.execute(sql);
        for _ in 0..2 {
            restore(&install, "clean");
            before.assert_same(&State::of(&install));
            assert_eq!(install.query_bytes("PRAGMA integrity_check"), [b"ok"]);
        }
    }
}

#[test]
fn a_writer_that_does_not_end_stops_a_restore_before_anything_is_changed() {
    let install = small();
    save(&install, "clean");
    install.execute("DELETE FROM images");
    fs::remove_file(install.path("storage/images/crumbs.png")).unwrap();
    let before = State::of(&install);
    let application = install.connect();
    application.execute_batch("BEGIN IMMEDIATE").unwrap();
    command(&install, &["snapshot", "restore", "clean", "--force"])
        .run()
        .expect(1);
    application.execute_batch("ROLLBACK").unwrap();
    before.assert_same(&State::of(&install));
}

/// Every saved state of the two rows is one that the application committed.
#[test]
fn what_is_saved_while_the_application_writes_is_one_moment() {
    for install in [small(), small().wal()] {
        install.execute("CREATE TABLE pair(a, b); INSERT INTO pair VALUES (0, 0)");
        let stop = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|threads| {
            threads.spawn(|| {
                let application = install.connect();
                application
                    .busy_timeout(std::time::Duration::from_secs(20))
                    .unwrap();
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    application
                        .execute_batch("BEGIN IMMEDIATE; UPDATE pair SET a = a + 1; UPDATE pair SET b = b + 1; COMMIT")
                        .unwrap();
                    std::thread::sleep(std::time::Duration::from_millis(2));
                }
            });
            let saved = ["one", "two", "three"]
                .map(|name| Snapshot::save(&target(&install), &archive(&install), name));
            stop.store(true, std::sync::atomic::Ordering::Relaxed);
            for (name, saved) in ["one", "two", "three"].iter().zip(saved) {
                saved.unwrap();
                let saved = inside(&install, name, "database.sqlite");
                let saved = rusqlite::Connection::open(saved).unwrap();
                let same: bool = saved
                    .query_row("SELECT a = b FROM pair", [], |row| row.get(0))
                    .unwrap();
                assert!(same);
            }
        });
    }
}

#[test]
fn only_its_owner_may_look_into_a_snapshot_and_it_shares_no_file() {
    let install = small();
    let snapshot = save(&install, "clean");
    let mut pending = vec![snapshot.path.parent().unwrap().to_owned()];
    while let Some(directory) = pending.pop() {
        assert_eq!(fs::metadata(&directory).unwrap().mode() & 0o7777, 0o700);
        for entry in fs::read_dir(directory).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                pending.push(entry.path());
            } else {
                let data = entry.metadata().unwrap();
                assert_eq!(
                    (data.mode() & 0o7777, data.nlink()),
                    (0o600, 1),
                    "{:?}",
                    entry.path()
                );
            }
        }
    }
}

#[test]
fn the_database_and_what_is_this_programs_own_stay_even_inside_a_root() {
    let install = small();
    let manifest = fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/src/manifest/builtin.toml"
    ));
    let manifest = manifest.unwrap().replace(
        r#"roots = ["storage/images", "storage/temp", "storage/backups"]"#,
        r#"roots = ["storage", "storage/images"]"#,
    );
    fs::write(install.path("reset-app.toml"), manifest).unwrap();
    save(&install, "clean");
    let before = State::of(&install);
    install.execute("DELETE FROM images");
    fs::create_dir(install.path("storage/images/.reset-app-20200101T000000Z-00000001")).unwrap();
    fs::remove_file(install.path("storage/images/crumbs.png")).unwrap();
    let inode = fs::metadata(install.database()).unwrap().ino();
    restore(&install, "clean");
    assert_eq!(fs::metadata(install.database()).unwrap().ino(), inode);
    let after = State::of(&install);
    assert_eq!(before.rows, after.rows);
    assert!(install.has("storage/images/crumbs.png"));
    assert!(!install.has("storage/database/vedfolnir.db.reset-app-lock"));
}

#[test]
fn links_that_lead_out_of_a_root_are_saved_as_links_and_what_they_name_is_left_alone() {
    let install = small();
    symlink(install.outside(), install.path("storage/images/out")).unwrap();
    let canary = install.outside().join("canary.txt");
    symlink(canary, install.path("storage/images/user_1/canary")).unwrap();
    let before = State::of(&install);
    let canaries = install.canaries();
    save(&install, "clean");
    fs::remove_file(install.path("storage/images/out")).unwrap();
    fs::create_dir(install.path("storage/images/out")).unwrap();
    fs::write(install.path("storage/images/out/x"), "x").unwrap();
    fs::remove_dir_all(install.path("storage/images/user_1")).unwrap();
    symlink(install.outside(), install.path("storage/images/user_1")).unwrap();
    restore(&install, "clean");
    before.assert_same(&State::of(&install));
    support::install::assert_same("canaries", &canaries, &install.canaries());
}

#[test]
fn what_a_snapshot_does_not_hold_is_said_when_it_is_saved() {
    let install = small();
    let pipe = install.path("storage/images/pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR).unwrap();
    let said = ["Warnings:", "`storage/images/pipe` is a pipe"];
    command(&install, &["snapshot", "save", "clean"])
        .run()
        .expect(0)
        .says(said);
}

/// A test that wants an application to fail takes its permissions away.
#[test]
fn what_its_owner_has_closed_is_opened_and_goes_back() {
    let install = small();
    for directory in ["user_1/closed/in", "user_1/listed"] {
        fs::create_dir_all(install.path(format!("storage/images/{directory}"))).unwrap();
    }
    fs::write(install.path("storage/images/user_1/closed/in/a"), "a").unwrap();
    fs::write(install.path("storage/images/user_1/listed/b"), "b").unwrap();
    if !nobody::takes(install.root()) {
        return;
    }
    let before = State::of(&install);
    nobody::run(install.root(), &["snapshot", "save", "clean"]).expect(0);
    fs::remove_file(install.path("storage/images/user_1/closed/in/a")).unwrap();
    fs::create_dir(install.path("storage/images/new")).unwrap();
    fs::write(install.path("storage/images/new/c"), "c").unwrap();
    nobody::give(&install.path("storage/images/new"));
    for (path, mode) in [
        ("user_1/bridge.jpg", 0),
        ("user_1/closed/in", 0),
        ("user_1/closed", 0),
        ("user_1/listed", 0o600),
        ("new", 0o100),
    ] {
        nobody::mode(&install.path(format!("storage/images/{path}")), mode);
    }
    let restore = ["snapshot", "restore", "clean", "--force"];
    nobody::run(install.root(), &restore).expect(0);
    before.assert_same(&State::of(&install));
    nobody::run(install.root(), &["snapshot", "diff", "clean"]).expect(0);
}

#[test]
fn a_root_that_is_gone_comes_back() {
    let install = small();
    let before = State::of(&install);
    save(&install, "clean");
    for gone in ["storage/images", "storage/temp"] {
        fs::remove_dir_all(install.path(gone)).unwrap();
    }
    restore(&install, "clean");
    before.assert_same(&State::of(&install));
}

#[test]
fn a_hole_in_a_file_takes_no_room_in_the_snapshot_nor_afterwards() {
    use std::os::unix::fs::FileExt;
    const MB: u64 = 1 << 20;
    let install = small();
    let path = install.path("storage/images/sparse.bin");
    let file = fs::File::create(&path).unwrap();
    file.write_all_at(b"middle", 8 * MB + 7).unwrap();
    file.set_len(24 * MB + 1).unwrap();
    let before = State::of(&install);
    save(&install, "clean");
    let room = |directory: PathBuf| -> u64 {
        let entries = fs::read_dir(directory).unwrap();
        let room = entries.map(|entry| entry.unwrap().metadata().unwrap().blocks() * 512);
        room.sum()
    };
    assert!(room(inside(&install, "clean", "content/0")) < MB);
    fs::remove_file(&path).unwrap();
    restore(&install, "clean");
    before.assert_same(&State::of(&install));
    assert!(room(install.path("storage/images")) < MB);
}

#[test]
fn with_no_files_only_rows_are_saved_and_put_back() {
    let install = small();
    command(&install, &["snapshot", "save", "rows", "--no-files"])
        .run()
        .expect(0);
    install.execute("DELETE FROM images");
    fs::remove_file(install.path("storage/images/crumbs.png")).unwrap();
    command(&install, &["snapshot", "restore", "rows", "--force"])
        .run()
        .expect(0);
    assert!(install.query_count("SELECT count(*) FROM images") > 0);
    assert!(!install.has("storage/images/crumbs.png"));
}

#[test]
fn snapshots_are_listed_by_name_and_dropped_by_name_or_age() {
    let install = small();
    for name in ["b", "a"] {
        save(&install, name);
    }
    let listed = command(&install, &["snapshot", "list", "--format", "json"])
        .run()
        .expect(0)
        .json();
    let names: Vec<_> = listed["snapshots"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["name"].clone())
        .collect();
    assert_eq!(names, ["a", "b"]);
    command(&install, &["snapshot", "drop", "--older-than", "30d"])
        .run()
        .expect(0)
        .says(["No snapshot is that old."]);
    command(&install, &["snapshot", "drop", "a", "--dry-run"])
        .run()
        .expect(0)
        .says(["Would drop a"]);
    command(&install, &["snapshot", "drop", "a"])
        .run()
        .expect(0)
        .says(["Dropped a"]);
    command(&install, &["snapshot", "drop", "a"])
        .run()
        .expect(4)
        .complains(["there are: b"]);
    std::thread::sleep(std::time::Duration::from_millis(1100));
    command(&install, &["snapshot", "drop", "--older-than", "0m"])
        .run()
        .expect(0)
        .says(["Dropped b"]);
    command(&install, &["snapshot", "list"])
        .run()
        .expect(0)
        .says(["No snapshots in"]);
    for age in ["30", "d", "-1d", "1y", "ä"] {
        command(&install, &["snapshot", "drop", "--older-than", age])
            .run()
            .expect(2);
    }
}

#[test]
fn a_preview_of_a_restore_changes_nothing() {
    for install in [small(), small().wal()] {
        save(&install, "clean");
        install.execute("DELETE FROM images");
        fs::write(install.path("storage/images/new"), "new").unwrap();
        fs::set_permissions(install.path("storage/temp"), Permissions::from_mode(0o700)).unwrap();
        let before = install.digest();
        let preview = command(
            &install,
            &[
                "snapshot",
                "restore",
                "clean",
                "--dry-run",
                "--format",
                "json",
            ],
        );
        let preview = preview.run().expect(0).json();
        assert_eq!(preview["files"]["new"], 1);
        assert_eq!(preview["tables"][0]["table"], "images");
        command(&install, &["snapshot", "diff", "clean"])
            .run()
            .expect(5);
        command(&install, &["snapshot", "restore", "clean"])
            .run()
            .expect(4);
        assert_eq!(install.digest(), before);
    }
}

#[test]
fn a_shell_that_allows_few_open_files_keeps_nothing_from_going_and_coming_back() {
    let install = small();
    for number in 0..300 {
        let directory = install.path(format!("storage/images/user_1/{number}"));
        fs::create_dir(&directory).unwrap();
        fs::write(directory.join("picture.png"), "x").unwrap();
    }
    let before = State::of(&install);
    let frugal = |words: &[&str]| {
        let shell = ["sh", "-c", "ulimit -Sn 64; exec \"$0\" \"$@\""];
        command(&install, words).under(shell).run().expect(0)
    };
    frugal(&["snapshot", "save", "clean"]);
    frugal(&["--delete-all-user-data", "--force"]);
    frugal(&["snapshot", "restore", "clean", "--force"]);
    before.assert_same(&State::of(&install));
}
