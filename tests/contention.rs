//! Others who use the database, the files or the tool itself while it runs, or before it goes on.

#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{ScopedJoinHandle, scope, sleep};
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode};
use support::install::{DATABASE, Install, Tree, assert_same};
use support::run::{Invocation, Outcome, has_tool, is_root, reset_app, say};
use support::small::small;
use support::subjects::{ALBUM, Deletion};
use support::sweep::{JOURNALS, Journal, Subject, strace, strace_from};

const DELETE: [&str; 3] = ["--delete-all-user-data", "--force", "--no-redis"];
const PREVIEW: [&str; 3] = ["--delete-all-user-data", "--dry-run", "--no-redis"];

fn on(install: &Install) -> Invocation {
    reset_app().root(install.root())
}

fn copy_of(name: &str, journal: Journal) -> Install {
    journal.of(Install::copy(name))
}

/// The application's own connection: no foreign keys, a busy timeout as its framework sets it.
fn application(install: &Install) -> Connection {
    let connection = install.connect();
    connection.busy_timeout(Duration::from_secs(30)).unwrap();
    connection
}

#[test]
fn a_locked_database_ends_the_run_in_time_and_unchanged() {
    for journal in JOURNALS {
        let install = copy_of("example", journal);
        let (dump, files) = (install.dump(), install.tree().below("storage/images"));
        let writer = install.connect();
        writer.execute_batch("BEGIN IMMEDIATE").unwrap();
        let outcome = on(&install)
            .args(DELETE)
            .run()
            .expect(1)
            .complains(["locked by another program"])
            .says(["users whose turn did not come: 1"]);
        // The busy timeout is five seconds.
        assert!(
            outcome.took > Duration::from_secs(3) && outcome.took < Duration::from_secs(8),
            "{outcome}"
        );
        writer.execute_batch("ROLLBACK").unwrap();
        drop(writer);
        assert_same("the database", &dump, &install.dump());
        assert_same("files", &files, &install.tree().below("storage/images"));
        on(&install).args(DELETE).run().expect(0);
    }
}

#[test]
fn a_reader_in_rollback_mode_holds_the_commit_up_and_no_more() {
    let install = copy_of("example", Journal::Delete);
    let reader = install.connect();
    reader.execute_batch("BEGIN").unwrap();
    let posts = |reader: &Connection| {
        reader
            .query_row("SELECT count(*) FROM posts", [], |row| row.get::<_, i64>(0))
            .unwrap()
    };
    assert_eq!(posts(&reader), 5);
    let mut running = on(&install).args(DELETE).start();
    sleep(Duration::from_secs(2));
    assert!(running.is_running(), "did not wait for the reader");
    assert_eq!(posts(&reader), 5, "the reader's view changed");
    reader.execute_batch("COMMIT").unwrap();
    let outcome = running.wait().expect(0);
    assert_eq!(outcome.line("Posts"), Some(5), "{outcome}");
}

#[test]
fn a_reader_that_stays_makes_the_run_fail_with_nothing_changed() {
    let install = copy_of("example", Journal::Delete);
    let dump = install.dump();
    let reader = install.connect();
    reader.execute_batch("BEGIN; SELECT * FROM posts").unwrap();
    reader
        .query_row("SELECT count(*) FROM posts", [], |row| row.get::<_, i64>(0))
        .unwrap();
    on(&install)
        .args(DELETE)
        .run()
        .expect(1)
        .complains(["locked by another program"]);
    drop(reader);
    assert_same("the database", &dump, &install.dump());
    assert!(install.has("storage/images/user_1/bridge.jpg"));
    on(&install).args(DELETE).run().expect(0);
}

#[test]
fn a_reader_in_wal_mode_holds_nothing_up() {
    let install = copy_of("example", Journal::Wal);
    let reader = install.connect();
    reader.execute_batch("BEGIN").unwrap();
    let posts = |reader: &Connection| {
        reader
            .query_row("SELECT count(*) FROM posts", [], |row| row.get::<_, i64>(0))
            .unwrap()
    };
    assert_eq!(posts(&reader), 5);
    let outcome = on(&install).args(DELETE).run().expect(0);
    assert!(outcome.took < Duration::from_secs(4), "{outcome}");
    assert_eq!(posts(&reader), 5, "the reader's view changed");
    reader.execute_batch("COMMIT").unwrap();
    assert_eq!(posts(&reader), 0);
}

/// Invariant 11: one run at a time.
#[test]
fn two_runs_at_once_end_as_one() {
    for journal in JOURNALS {
        let (install, alone) = (copy_of("busy", journal), copy_of("busy", journal));
        on(&alone).args(DELETE).run().expect(0);
        let running: Vec<_> = (0..4).map(|_| on(&install).args(DELETE).start()).collect();
        let outcomes: Vec<Outcome> = running
            .into_iter()
            .map(support::run::Running::wait)
            .collect();
        let posts: Vec<_> = outcomes
            .iter()
            .filter(|one| one.code() == Some(0))
            .map(|one| one.line("Posts").unwrap())
            .collect();
        assert_eq!(posts.iter().sum::<u64>(), 23, "{posts:?}");
        for other in outcomes.iter().filter(|one| one.code() != Some(0)) {
            assert_eq!(other.code(), Some(1), "{other}");
            assert!(other.stderr.contains("another run"), "{other}");
        }
        assert_same("the database", &alone.dump(), &install.dump());
        let files = |install: &Install| install.tree().below("storage").without(DATABASE);
        assert_same("files", &files(&alone), &files(&install));
    }
}

/// The rows of each user as the application sees them in one transaction: of posts and of images.
fn users(connection: &Connection) -> rusqlite::Result<BTreeMap<i64, (i64, i64)>> {
    let sql = "SELECT u.id,
            (SELECT count(*) FROM posts AS p WHERE p.user_id = u.id AND p.id BETWEEN 1001 AND 1030),
            (SELECT count(*) FROM images AS i JOIN posts AS p ON p.id = i.post_id
              WHERE p.user_id = u.id AND i.id BETWEEN 5001 AND 5099)
        FROM users AS u";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?))))?;
    rows.collect()
}

/// Tells the threads beside a run to end, also where the test fails: they would be waited for.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Waits until the thread has done so much more.
#[track_caller]
fn wait_for_more<T>(counter: &AtomicU64, thread: &ScopedJoinHandle<T>) {
    let enough = counter.load(Ordering::Relaxed) + 5;
    while counter.load(Ordering::Relaxed) < enough {
        assert!(!thread.is_finished(), "the application has ended");
        sleep(Duration::from_millis(1));
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
    )
}

/// An application that never rests: one thread reads, one writes rows that are nobody's, and files.
#[test]
fn an_application_beside_a_run_loses_nothing_and_sees_no_half_user() {
    for journal in JOURNALS {
        let install = copy_of("busy", journal);
        let whole = users(&install.connect()).unwrap();
        let (done, written, views) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
        let outcome = scope(|threads| {
            let reading = threads.spawn(|| {
                let reader = application(&install);
                while !done.load(Ordering::Relaxed) {
                    for (user, seen) in users(&reader).unwrap() {
                        assert!(
                            seen == (0, 0) || seen == whole[&user],
                            "half of user {user}: {seen:?}"
                        );
                    }
                    views.fetch_add(1, Ordering::Relaxed);
                    sleep(Duration::from_millis(1));
                }
            });
            let writing = threads.spawn(|| {
                let writer = application(&install);
                let insert =
                    "INSERT INTO compliance_metrics (id, metric_name) VALUES (?1, 'beside')";
                while !done.load(Ordering::Relaxed) {
                    let number = 1000 + written.load(Ordering::Relaxed);
                    match writer.execute(insert, [number]) {
                        Ok(_) => {
                            let file = format!("storage/images/beside_{number}.jpg");
                            fs::write(install.path(file), "new").unwrap();
                            written.fetch_add(1, Ordering::Relaxed);
                        }
                        Err(error) => assert!(is_busy(&error), "{error}"),
                    }
                    sleep(Duration::from_millis(3));
                }
            });
            let _stop = Stop(&done);
            wait_for_more(&views, &reading);
            wait_for_more(&written, &writing);
            let outcome = on(&install).args(DELETE).run();
            wait_for_more(&views, &reading);
            wait_for_more(&written, &writing);
            outcome
        });
        let outcome = outcome.expect(0);
        assert_eq!(outcome.line("Posts"), Some(23), "{outcome}");
        let written = written.into_inner();
        let rows = "SELECT count(*) FROM compliance_metrics WHERE metric_name = 'beside'";
        assert_eq!(install.query_count(rows).unsigned_abs(), written);
        let files = install
            .tree()
            .files()
            .filter(|path| path.starts_with(b"storage/images/beside_"))
            .count();
        assert_eq!(files as u64, written);
        assert_eq!(install.query_bytes("PRAGMA integrity_check"), [b"ok"]);
    }
}

/// A row that the application adds to a user between the preview and that user's turn goes with the
/// user or stays whole, and its file with it.
#[test]
fn rows_added_to_users_beside_a_run_keep_their_files_or_go_with_them() {
    for journal in JOURNALS {
        let install = copy_of("busy", journal);
        let (done, written) = (AtomicBool::new(false), AtomicU64::new(0));
        let outcome = scope(|threads| {
            let writing = threads.spawn(|| {
                let writer = application(&install);
                for number in 0.. {
                    if done.load(Ordering::Relaxed) {
                        return;
                    }
                    let file = format!("storage/images/added_{number}.jpg");
                    fs::write(install.path(&file), "new").unwrap();
                    let (post, image) = (20_000 + number, 30_000 + number);
                    let sql = format!(
                        "BEGIN IMMEDIATE;
                         INSERT INTO posts (id, post_id, user_id, post_url) VALUES ({post}, 'a-{number}', 18, 'u');
                         INSERT INTO images (id, post_id, image_url, local_path, attachment_index, status)
                             VALUES ({image}, {post}, 'u', '{file}', 0, 'pending');
                         COMMIT"
                    );
                    writer.execute_batch(&sql).unwrap();
                    written.fetch_add(1, Ordering::Relaxed);
                    sleep(Duration::from_millis(2));
                }
            });
            let _stop = Stop(&done);
            wait_for_more(&written, &writing);
            on(&install).args(DELETE).run()
        });
        outcome.expect(0);
        let named = install.query_bytes("SELECT local_path FROM images");
        for path in &named {
            assert!(install.has(path), "lost its file: {}", path.escape_ascii());
        }
        let halves = "SELECT count(*) FROM images WHERE post_id NOT IN (SELECT id FROM posts)";
        assert_eq!(install.query_count(halves), 0);
        on(&install).args(DELETE).run().expect(0);
        let left = install
            .tree()
            .files()
            .filter(|path| path.starts_with(b"storage/images/added_"))
            .count();
        assert_eq!(left, 0, "files of rows that are gone");
    }
}

/// A preview that must succeed, or be refused, without a trace: byte for byte, name for name.
#[track_caller]
fn preview_leaves_no_trace(what: &str, install: &Install, code: i32) -> Outcome {
    let before = install.tree();
    for arguments in [&PREVIEW[..], &["status", "--no-redis"]] {
        let outcome = on(install).args(arguments).run();
        assert_same(what, &before, &install.tree());
        let expected = if arguments == PREVIEW {
            Some(code)
        } else {
            outcome.code()
        };
        assert_eq!(outcome.code(), expected, "{what}: {outcome}");
    }
    on(install).args(PREVIEW).run()
}

/// Leaves the journals of a writer that died: the files as they are while it is still open.
fn killed_while(install: &Install, sql: &str) -> Install {
    let writer = install.connect();
    writer.execute_batch(sql).unwrap();
    let left = install.again();
    drop(writer);
    left
}

const WRITE: &str = "PRAGMA wal_autocheckpoint = 0; DELETE FROM images WHERE id = 10";

#[test]
fn a_preview_leaves_no_trace_of_an_idle_database() {
    let counts = |outcome: &Outcome| outcome.line("Images (DB)");
    let idle = Install::copy("example").wal();
    assert_eq!(
        counts(&preview_leaves_no_trace("idle WAL", &idle, 0)),
        Some(10)
    );
    for mode in ["DELETE", "TRUNCATE", "PERSIST"] {
        let install = Install::copy("example");
        let sql =
            format!("PRAGMA journal_mode = {mode}; UPDATE users SET last_name = 'x' WHERE id = 1");
        install.connect().execute_batch(&sql).unwrap();
        assert_eq!(
            counts(&preview_leaves_no_trace(mode, &install, 0)),
            Some(10)
        );
    }
}

#[test]
fn a_preview_leaves_no_trace_of_what_a_killed_process_left() {
    let install = killed_while(&Install::copy("example").wal(), WRITE);
    assert!(install.has(format!("{DATABASE}-wal")) && install.has(format!("{DATABASE}-shm")));
    let outcome = preview_leaves_no_trace("WAL with -wal and -shm", &install, 0);
    assert_eq!(
        outcome.line("Images (DB)"),
        Some(9),
        "the -wal was not read"
    );

    fs::remove_file(install.path(format!("{DATABASE}-shm"))).unwrap();
    let outcome = preview_leaves_no_trace("WAL with -wal alone", &install, 0);
    assert_eq!(
        outcome.line("Images (DB)"),
        Some(9),
        "the -wal was not read"
    );
}

#[test]
fn a_hot_journal_is_refused_by_a_preview_and_rolled_back_by_resume() {
    let whole = Install::copy("example");
    let install = killed_while(
        &whole,
        "PRAGMA cache_size = 1; PRAGMA cache_spill = 1; BEGIN IMMEDIATE; \
         DELETE FROM job_audit_log; DELETE FROM images; DELETE FROM posts; DELETE FROM user_sessions",
    );
    assert!(
        install.has(format!("{DATABASE}-journal")),
        "nothing was spilled"
    );
    let outcome = preview_leaves_no_trace("hot journal", &install, 4);
    outcome.complains(["hot journal", "reset-app resume"]);
    on(&install).args(["resume", "--no-redis"]).run().expect(0);
    assert_same("the database", &whole.dump(), &install.dump());
    on(&install).args(PREVIEW).run().expect(0);
}

/// Read-only for everybody, root included: a file system that is mounted so.
#[test]
fn a_preview_works_in_a_read_only_directory() {
    if !is_root() || !has_tool("unshare", "no read-only file system was tried") {
        return say("SKIPPED: only root can mount, no preview of a read-only directory");
    }
    for install in [
        Install::copy("example"),
        Install::copy("example").wal(),
        killed_while(&Install::copy("example").wal(), WRITE),
    ] {
        let root = install.root().display();
        let mounted = format!(
            "mount --bind -o ro {root} {root} && mount -o remount,ro,bind {root} && exec \"$@\""
        );
        let before = install.tree();
        on(&install)
            .args(PREVIEW)
            .under(["unshare", "-m", "sh", "-c", &mounted, "sh"])
            .run()
            .expect(0);
        assert_same("root", &before, &install.tree());
        on(&install)
            .args(DELETE)
            .under(["unshare", "-m", "sh", "-c", &mounted, "sh"])
            .run()
            .expect(1);
        assert_same("root", &before, &install.tree());
    }
}

/// The files, and the names in the directories around the database. Not the database itself: closing
/// any handle on it would take the application its locks.
fn beside_the_database(install: &Install) -> (Tree, Vec<PathBuf>) {
    let database = install.path(DATABASE);
    let name = database.file_name().unwrap().to_str().unwrap();
    let directories = database.ancestors().skip(1).take(3);
    let entries = directories.flat_map(|directory| fs::read_dir(directory).unwrap());
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    names.retain(|path| {
        !path
            .file_name()
            .unwrap()
            .to_str()
            .unwrap()
            .starts_with(name)
    });
    names.sort();
    (Tree::of(&install.path("storage/images")), names)
}

/// In WAL mode the application writes on while somebody looks; all that may change is what it writes.
#[test]
fn a_preview_beside_a_writing_application_disturbs_nobody() {
    for journal in JOURNALS {
        let install = copy_of("busy", journal);
        let (done, written) = (AtomicBool::new(false), AtomicU64::new(0));
        scope(|threads| {
            let writing = threads.spawn(|| {
                let writer = application(&install);
                while !done.load(Ordering::Relaxed) {
                    let number = written.load(Ordering::Relaxed);
                    let insert =
                        "INSERT INTO compliance_metrics (id, metric_name) VALUES (?1, 'beside')";
                    writer.execute(insert, [1000 + number]).unwrap();
                    written.fetch_add(1, Ordering::Relaxed);
                    sleep(Duration::from_millis(2));
                }
            });
            let _stop = Stop(&done);
            wait_for_more(&written, &writing);
            let before = beside_the_database(&install);
            for _ in 0..10 {
                let outcome = on(&install).args(PREVIEW).run();
                assert_eq!(outcome.line("Posts"), Some(23), "{journal:?}: {outcome}");
                assert_eq!(outcome.code(), Some(0), "{journal:?}: {outcome}");
            }
            assert_eq!(before, beside_the_database(&install));
            wait_for_more(&written, &writing);
        });
        let rows = "SELECT count(*) FROM compliance_metrics WHERE metric_name = 'beside'";
        assert_eq!(
            install.query_count(rows).unsigned_abs(),
            written.into_inner()
        );
    }
}

/// As on a slow disk, where commits follow each other and take long.
#[test]
fn a_preview_finds_the_moments_between_commits() {
    let install = copy_of("busy", Journal::Delete);
    let (done, held) = (AtomicBool::new(false), AtomicU64::new(0));
    scope(|threads| {
        let writing = threads.spawn(|| {
            let writer = application(&install);
            while !done.load(Ordering::Relaxed) {
                writer.execute_batch("BEGIN EXCLUSIVE").unwrap();
                let sql = "UPDATE compliance_metrics SET metric_name = 'beside' || ?1";
                writer
                    .execute(sql, [held.fetch_add(1, Ordering::Relaxed)])
                    .unwrap();
                sleep(Duration::from_millis(300));
                writer.execute_batch("COMMIT").unwrap();
                sleep(Duration::from_millis(3));
            }
        });
        let _stop = Stop(&done);
        wait_for_more(&held, &writing);
        for _ in 0..3 {
            let outcome = on(&install).args(PREVIEW).run().expect(0);
            assert_eq!(outcome.line("Posts"), Some(23), "{outcome}");
        }
    });
}

/// Both users' rows are gone, all of their files are still there.
fn killed_after_commit(case: &Deletion) -> Install {
    let install = case.install();
    let killed = case
        .command(&install)
        .under(strace("signal=KILL", "renameat2", 1))
        .run();
    assert!(killed.was_killed(), "{killed}");
    assert_eq!(case.legal_state(&install), Ok(2));
    install
}

#[test]
fn a_file_made_after_the_commit_survives_the_resume() {
    if !has_tool("strace", "no run was killed") {
        return;
    }
    for journal in JOURNALS {
        let case = Deletion::everyone(journal, &[]);
        let install = killed_after_commit(&case);
        // Another file under a listed name, as a new upload makes it: of the same size, in the same
        // second; and one that nobody listed, in a directory that is to go.
        let listed = install.path("storage/images/user_1/bridge.jpg");
        let content = vec![b'n'; usize::try_from(listed.metadata().unwrap().len()).unwrap()];
        replace(&listed, &content);
        let new = install.path("storage/images/user_2/new.jpg");
        fs::write(&new, "new").unwrap();
        let outcome = on(&install).args(["resume", "--no-redis"]).run();
        assert_eq!(fs::read(&listed).unwrap(), content, "{outcome}");
        assert_eq!(fs::read(&new).unwrap(), b"new", "{outcome}");
        // What was listed and is as it was is gone.
        assert!(!install.has("storage/images/user_2/bread.png"), "{outcome}");
        assert!(!install.has("storage/images/cats_2.jpg"), "{outcome}");
        assert_eq!(
            outcome.code(),
            Some(3),
            "a file that was kept is not told: {outcome}"
        );
        assert!(outcome.stdout.contains("user_1/bridge.jpg"), "{outcome}");
        on(&install).args(["resume", "--no-redis"]).run().expect(0);
    }
}

/// A directory goes once the file can that somebody made immutable after the commit.
#[test]
fn a_directory_waits_for_a_file_that_cannot_go() {
    if !has_tool("strace", "no run was killed") {
        return;
    }
    for journal in JOURNALS {
        let install = killed_after_commit(&Deletion::everyone(journal, &[]));
        let file = install.path("storage/images/user_1/bridge.jpg");
        let chattr = |flag: &str| {
            let done = Command::new("chattr").arg(flag).arg(&file).output();
            done.is_ok_and(|done| done.status.success())
        };
        if !chattr("+i") {
            say("chattr +i is not permitted here: no file was immutable");
            return;
        }
        let resume = || on(&install).args(["resume", "--no-redis"]).run();
        let outcome = resume();
        assert!(chattr("-i"));
        outcome.expect(3).says(["user_1/bridge.jpg"]);
        assert!(file.exists() && !install.has("storage/images/user_2"));
        resume().expect(0);
        assert!(!install.has("storage/images/user_1"));
    }
}

/// Removed and made again, so that the file system may give the same inode to it.
fn replace(path: &Path, content: &[u8]) {
    let modified = path.metadata().unwrap().modified().unwrap();
    fs::remove_file(path).unwrap();
    fs::write(path, content).unwrap();
    fs::File::options()
        .write(true)
        .open(path)
        .unwrap()
        .set_modified(modified)
        .unwrap();
}

#[test]
fn a_file_that_a_new_row_names_survives_the_resume() {
    if !has_tool("strace", "no run was killed") {
        return;
    }
    for journal in JOURNALS {
        let case = Deletion::everyone(journal, &[]);
        let install = killed_after_commit(&case);
        install.execute(
            "INSERT INTO posts (id, post_id, user_id, post_url) VALUES (77, 'new', 2, 'u');
             INSERT INTO images (id, post_id, image_url, local_path, attachment_index, status)
             VALUES (77, 77, 'u', 'storage//images/./cats_2.jpg', 0, 'posted')",
        );
        on(&install).args(["resume", "--no-redis"]).run().expect(0);
        assert!(install.has("storage/images/cats_2.jpg"));
        assert!(!install.has("storage/images/user_1"));
    }
}

/// While files are on their way, nobody can write: who can, finds every file taken that will go, and
/// what is there stays for the row that names it.
#[test]
fn a_row_that_names_a_file_beside_the_run_keeps_it() {
    if !has_tool("strace", "no file was slow to go") {
        return;
    }
    for journal in JOURNALS {
        let case = Deletion::everyone_with_album(journal);
        let install = case.install();
        let slowly = strace_from("delay_enter=10000", "renameat2", 1);
        let (outcome, named) = scope(|threads| {
            let run = threads.spawn(|| case.command(&install).under(slowly).run());
            while !files_are_on_their_way(&install) && !run.is_finished() {
                sleep(Duration::from_millis(1));
            }
            let named = name_the_album(&install);
            (run.join().unwrap(), named)
        });
        for path in &named {
            assert!(install.has(path), "{path} lost its file: {outcome}");
        }
        assert!(
            named.len() < ALBUM,
            "no file went beside the run: {outcome}"
        );
    }
}

fn files_are_on_their_way(install: &Install) -> bool {
    let entries = fs::read_dir(install.path("storage/images")).unwrap();
    let mut names = entries.map(|entry| entry.unwrap().file_name());
    names.any(|name| name.as_encoded_bytes().starts_with(b".reset-app-"))
}

/// Rows of user 1, whose turn is over, that name what is there of that user's album.
fn name_the_album(install: &Install) -> Vec<String> {
    let application = application(install);
    let post = "BEGIN IMMEDIATE; INSERT INTO posts (id, post_id, user_id, post_url) VALUES (77, 'new', 1, 'u')";
    application.execute_batch(post).unwrap();
    let album = (0..ALBUM).map(|at| format!("storage/images/user_1/album/{at}"));
    let named: Vec<String> = album.filter(|path| install.has(path)).collect();
    for path in &named {
        let image = "INSERT INTO images (post_id, image_url, local_path, attachment_index, status) \
                     SELECT 77, 'u', ?1, count(*), 'posted' FROM images";
        application.execute(image, [path]).unwrap();
    }
    application.execute_batch("COMMIT").unwrap();
    named
}

#[test]
fn a_second_run_waits_for_the_first_and_is_refused_in_time() {
    if !has_tool("strace", "no run was slow") {
        return;
    }
    let install = small();
    // Sleeps nine seconds at its first rename.
    let slow = [
        "strace",
        "-f",
        "-qq",
        "-o",
        "/dev/null",
        "-e",
        "trace=renameat2",
    ];
    let slow = slow
        .into_iter()
        .chain(["-e", "inject=renameat2:delay_enter=9000000:when=1"]);
    let first = on(&install).args(DELETE).under(slow).start();
    let started = Instant::now();
    sleep(Duration::from_secs(1));
    let second = on(&install)
        .args(DELETE)
        .run()
        .expect(1)
        .complains(["another run"]);
    assert!(
        second.took > Duration::from_secs(3) && second.took < Duration::from_secs(8),
        "{second}"
    );
    let first = first.wait().expect(0);
    assert!(started.elapsed() > Duration::from_secs(8), "{first}");
    on(&install)
        .args(DELETE)
        .run()
        .expect(0)
        .says(["Total Items: 0"]);
}

/// A run that waits for a lock sleeps meanwhile.
#[test]
fn a_run_that_waits_does_not_keep_a_processor_busy() {
    for journal in JOURNALS {
        let install = copy_of("example", journal);
        let writer = install.connect();
        writer.execute_batch("BEGIN IMMEDIATE").unwrap();
        let shell = "TIMEFORMAT='processor %U %S'; time \"$@\"";
        let outcome = on(&install)
            .args(DELETE)
            .under(["bash", "-c", shell, "bash"])
            .run()
            .expect(1);
        drop(writer);
        let times = outcome
            .stderr
            .lines()
            .find_map(|line| line.strip_prefix("processor "));
        let times = times
            .unwrap()
            .split(' ')
            .map(|time| time.parse::<f32>().unwrap());
        let busy: f32 = times.sum();
        let waited = outcome.took.as_secs_f32();
        assert!(busy < waited / 4.0, "{busy} s of {waited}: {outcome}");
    }
}
