//! Saves and restores that are killed, or hindered, at every system call that changes something.

use std::fs;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::state::State;
use crate::support::install::Install;
use crate::support::run::{Outcome, has_tool, say};
use crate::support::small::small;
use crate::support::sweep::{is_soak, strace};
use crate::{command, inside};

/// With each kind of system call the stride of a sample.
const SYSCALLS: [(&str, usize); 17] = [
    ("openat", 61),
    ("pwrite64", 13),
    ("write", 11),
    ("fsync", 7),
    ("fdatasync", 2),
    ("renameat", 3),
    ("renameat2", 1),
    ("rename", 1),
    ("unlinkat", 3),
    ("unlink", 1),
    ("mkdir", 1),
    ("mkdirat", 2),
    ("rmdir", 1),
    ("ftruncate", 1),
    ("symlinkat", 1),
    ("utimensat", 5),
    ("copy_file_range", 7),
];

/// One install before a command, and what it was when its snapshot was taken.
struct Case {
    template: Install,
    before: State,
    saved: State,
}

impl Case {
    /// An install with a snapshot and many changes since.
    fn to_restore(template: Install) -> Self {
        let saved = State::of(&template);
        command(&template, &["snapshot", "save", "clean"])
            .run()
            .expect(0);
        template.execute("DELETE FROM images; UPDATE users SET email = 'x' || id");
        let images = template.path("storage/images");
        fs::write(images.join("crumbs.png"), "other").unwrap();
        fs::remove_dir_all(images.join("user_1")).unwrap();
        fs::create_dir_all(images.join("new/er")).unwrap();
        fs::write(images.join("new/er/file"), "new").unwrap();
        fs::remove_file(template.path(".env")).unwrap();
        Self {
            before: State::of(&template),
            saved,
            template,
        }
    }

    fn of(template: Install) -> Self {
        let state = State::of(&template);
        Self {
            before: state.clone(),
            saved: state,
            template,
        }
    }
}

/// A copy that keeps times and owners.
fn again(install: &Install) -> Install {
    let copy = install.again();
    for part in ["storage", "logs", ".reset-app", ".env"] {
        let (from, to) = (install.path(part), copy.path(part));
        if !from.exists() {
            continue;
        }
        let _ = fs::remove_dir_all(&to).or_else(|_| fs::remove_file(&to));
        let copied = std::process::Command::new("cp")
            .arg("-a")
            .args([&from, &to])
            .status();
        assert!(copied.unwrap().success());
    }
    copy
}

/// Tries points until the command is not reached by one; `check` says what was not as promised.
fn sweep(
    what: &str,
    cases: &[Case],
    hows: &[&str],
    words: &[&str],
    check: impl Fn(&Case, &Install, &Outcome, usize) -> Result<(), String> + Sync,
) {
    let mut series = Vec::new();
    for (syscall, stride) in SYSCALLS {
        for (at, case) in cases.iter().enumerate() {
            for how in hows {
                let stride = if is_soak() { 1 } else { stride };
                series.push((syscall, stride, 1 + at % stride, case, *how));
            }
        }
    }
    let (next, points) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let violations = Mutex::new(Vec::new());
    let work = || {
        while let Some((syscall, stride, first, case, how)) =
            series.get(next.fetch_add(1, Ordering::Relaxed))
        {
            let mut nth = *first;
            loop {
                let install = again(&case.template);
                let log = tempfile::NamedTempFile::new().unwrap();
                let mut wrapper = strace(how, syscall, nth);
                let null = wrapper
                    .iter_mut()
                    .find(|word| *word == "/dev/null")
                    .unwrap();
                *null = log.path().to_str().unwrap().into();
                let ended = command(&install, words).under(wrapper).run();
                let log = fs::read_to_string(log.path()).unwrap();
                if !ended.was_killed() && !log.contains("(INJECTED)") {
                    break;
                }
                points.fetch_add(1, Ordering::Relaxed);
                if let Err(violation) = check(case, &install, &ended, nth) {
                    let violation = format!("{how} at {syscall} {nth}: {violation}\n{ended}");
                    violations.lock().unwrap().push(violation);
                }
                nth += stride;
            }
        }
    };
    std::thread::scope(|threads| {
        threads.spawn(work);
        threads.spawn(work);
    });
    let violations = violations.into_inner().unwrap();
    say(&format!(
        "{what}: {} points, {} violations",
        points.load(Ordering::Relaxed),
        violations.len()
    ));
    assert!(points.into_inner() > 20);
    assert!(violations.is_empty(), "{}", violations[0]);
}

fn same(what: &str, one: &State, other: &State) -> Result<(), String> {
    match one.differs_from(other) {
        none if none.is_empty() => Ok(()),
        difference => Err(format!("{what}: {difference}")),
    }
}

fn intact(install: &Install) -> Result<(), String> {
    match install.query_bytes("PRAGMA integrity_check") {
        ok if ok == [b"ok"] => Ok(()),
        found => Err(format!("damaged: {}", found.concat().escape_ascii())),
    }
}

const RESTORE: [&str; 4] = ["snapshot", "restore", "clean", "--force"];

/// The rows are those of before or those saved; the next run makes everything as it was saved.
fn is_finished(case: &Case, install: &Install, ended: &Outcome, nth: usize) -> Result<(), String> {
    intact(install)?;
    let middle = State::of(install);
    let restored = middle.rows == case.saved.rows;
    if !restored && middle.rows != case.before.rows {
        return Err("the rows are neither those of before nor those saved".into());
    }
    if !restored {
        same("files without rows", &case.before, &middle)?;
    }
    if ended.code() == Some(0) {
        same("done", &case.saved, &middle)?;
    }
    // So that nothing is too recent to be taken for what it was.
    std::thread::sleep(std::time::Duration::from_millis(25));
    // The remedy that is named, and the same command, finish it alike.
    if nth.is_multiple_of(2) && restored {
        let resumed = command(install, &["resume", "--no-redis"]).run();
        if resumed.code() != Some(0) {
            return Err(format!("resume failed: {resumed}"));
        }
    } else {
        let rerun = command(install, &RESTORE).run();
        if rerun.code() != Some(0) {
            return Err(format!("the rerun failed: {rerun}"));
        }
    }
    same("finished", &case.saved, &State::of(install))?;
    let left = install.tree();
    let left = left.paths().map(|path| path.escape_ascii().to_string());
    let left: Vec<_> = left
        .filter(|path| path.contains(".reset-app-") || path.contains(".unfinished"))
        .filter(|path| !path.contains(".unfinished") || !nth.is_multiple_of(2))
        .collect();
    if !left.is_empty() {
        return Err(format!("left: {left:?}"));
    }
    if install
        .dump()
        .tables()
        .any(|table| table == "_reset_app_outbox")
    {
        return Err("the outbox is left".into());
    }
    Ok(())
}

fn restores() -> Vec<Case> {
    [small(), small().wal()]
        .into_iter()
        .map(Case::to_restore)
        .collect()
}

#[test]
fn a_restore_killed_anywhere_is_finished_by_the_next_run() {
    if has_tool("strace", "no restore was killed") {
        sweep(
            "killed restores",
            &restores(),
            &["signal=KILL"],
            &RESTORE,
            is_finished,
        );
    }
}

#[test]
fn a_restore_hindered_anywhere_is_finished_by_the_next_run() {
    if has_tool("strace", "no restore was hindered") {
        let hows = ["error=EIO", "error=ENOSPC"];
        sweep(
            "hindered restores",
            &restores(),
            &hows,
            &RESTORE,
            is_finished,
        );
    }
}

/// There is a whole snapshot or none, and the application is untouched.
fn is_whole_or_not_there(
    case: &Case,
    install: &Install,
    ended: &Outcome,
    _: usize,
) -> Result<(), String> {
    same("the application", &case.before, &State::of(install))?;
    let there = inside(install, "clean", "snapshot.json").exists();
    if ended.code() == Some(0) && !there {
        return Err("there is no snapshot".into());
    }
    if inside(install, "clean", "").exists() && !there {
        return Err("there is half a snapshot".into());
    }
    let name = if there { "second" } else { "clean" };
    let again = command(install, &["snapshot", "save", name]).run();
    if again.code() != Some(0) {
        return Err(format!("the next save failed: {again}"));
    }
    fs::remove_file(install.path("storage/images/crumbs.png")).unwrap();
    install.execute("DELETE FROM images");
    let restored = command(install, &RESTORE).run();
    if restored.code() != Some(0) {
        return Err(format!("cannot be restored: {restored}"));
    }
    same("restored", &case.saved, &State::of(install))?;
    let left = install.tree();
    if left
        .paths()
        .any(|path| path.escape_ascii().to_string().contains("unfinished"))
    {
        return Err("an unfinished snapshot is left".into());
    }
    Ok(())
}

fn saves() -> Vec<Case> {
    [small(), small().wal()].into_iter().map(Case::of).collect()
}

const SAVE: [&str; 3] = ["snapshot", "save", "clean"];

#[test]
fn a_save_killed_anywhere_leaves_a_whole_snapshot_or_none() {
    if has_tool("strace", "no save was killed") {
        sweep(
            "killed saves",
            &saves(),
            &["signal=KILL"],
            &SAVE,
            is_whole_or_not_there,
        );
    }
}

#[test]
fn a_save_hindered_anywhere_leaves_a_whole_snapshot_or_none() {
    if has_tool("strace", "no save was hindered") {
        let hows = ["error=EIO", "error=ENOSPC"];
        sweep(
            "hindered saves",
            &saves(),
            &hows,
            &SAVE,
            is_whole_or_not_there,
        );
    }
}
