//! Runs whose system calls fail: I/O errors, no space, no permission.
//!
//! After each the exit code must be honest (0 only where everything is gone), nothing damaged, no
//! user halved; and one run without the fault must end where an uninterrupted one does.
//! `RESET_APP_SOAK=1` tries every point.

#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::Command;

use support::install::{DATABASE, Install};
use support::run::{Outcome, has_tool, is_root, reset_app, say};
use support::small::small;
use support::sweep::{Case, Journal, Point, Series, is_soak, sweep};

/// Every system call that has to do with a file, with the stride of the sample: the points of one kind
/// are shared out among the errors.
const SYSCALLS: [(&str, usize); 22] = [
    ("pwrite64", 131),
    ("pread64", 131),
    ("openat", 29),
    ("openat2", 19),
    ("statx", 61),
    ("newfstatat", 61),
    ("fstat", 61),
    ("fsync", 19),
    ("fdatasync", 19),
    ("fcntl", 131),
    ("getdents64", 31),
    ("lseek", 31),
    ("unlink", 7),
    ("unlinkat", 3),
    ("renameat2", 3),
    ("renameat", 1),
    ("linkat", 1),
    ("mkdir", 1),
    ("mkdirat", 1),
    ("rmdir", 1),
    ("ftruncate", 3),
    ("flock", 1),
];

const ERRORS: [&str; 5] = [
    "error=EIO",
    "error=ENOSPC",
    "error=EROFS",
    "error=EACCES",
    "error=ENOSYS",
];

fn series(cases: &[Case]) -> Vec<Series<'_>> {
    let mut series = Vec::new();
    for (syscall, stride) in SYSCALLS {
        let stride = if is_soak() { 1 } else { stride };
        for (kind, how) in ERRORS.into_iter().enumerate() {
            series.extend(cases.iter().enumerate().map(|(at, case)| Series {
                case,
                how,
                syscall,
                first: 1 + (kind * cases.len() + at) * stride / (ERRORS.len() * cases.len()),
                stride,
            }));
        }
    }
    series
}

/// Whether the code tells the truth about what is left.
fn check_honesty(case: &Case, install: &Install, outcome: &Outcome) -> Result<(), String> {
    match outcome.code() {
        Some(0) => case
            .check_done(install)
            .map_err(|error| format!("exit 0, but {error}")),
        Some(1 | 3) if !(outcome.stderr.is_empty() && outcome.stdout.is_empty()) => Ok(()),
        // Refused, or before `main`: the loader finds no library.
        Some(4 | 127) if case.legal_state(install) == Ok(0) => Ok(()),
        _ => Err("neither done, nor failed, nor refused".into()),
    }
    .map_err(|error| format!("{error}\n{outcome}"))
}

#[test]
fn a_fault_is_told_and_the_next_run_ends_as_any_other() {
    if !has_tool("strace", "no system call failed") {
        return;
    }
    let cases = [
        Case::everyone(Journal::Wal, &[]),
        Case::everyone(Journal::Delete, &[]),
        Case::many_rows(Journal::Wal, &[]),
    ];
    sweep("faults", &series(&cases), |series, nth| {
        let (case, install) = (series.case, series.case.install());
        if nth > case.count(series.syscall) {
            return Ok(Point::NotReached);
        }
        let outcome = case.run_hindered(&install, series.how, series.syscall, nth);
        check_honesty(case, &install, &outcome)?;
        case.check_middle(&install)
            .map_err(|error| format!("{error}\n{outcome}"))?;
        let rerun = case.run(&install);
        if rerun.code() != Some(0) {
            return Err(format!("the next run failed: {rerun}\nafter {outcome}"));
        }
        case.check_end(&install)
            .map_err(|error| format!("{error}\n{rerun}\nafter {outcome}"))?;
        Ok(Point::Held)
    });
}

/// From some call on, all fail: a disk that is full stays full.
#[test]
fn a_lasting_fault_is_told_and_the_next_run_ends_as_any_other() {
    if !has_tool("strace", "no system call failed") {
        return;
    }
    let lasting = [
        ("pwrite64", "error=ENOSPC"),
        ("fsync", "error=EIO"),
        ("unlinkat", "error=EACCES"),
        ("renameat2", "error=EIO"),
    ];
    let cases = [Journal::Wal, Journal::Delete]
        .into_iter()
        .flat_map(|journal| [Case::everyone(journal, &[]), Case::many_rows(journal, &[])]);
    for case in cases {
        for (syscall, how) in lasting {
            let count = case.count(syscall);
            let eighths = (0..=8).map(|eighth| count * eighth / 8);
            let points: BTreeSet<_> = eighths.step_by(if count > 40 { 1 } else { 4 }).collect();
            for nth in points {
                let install = case.install();
                let wrapper = support::sweep::strace_from(how, syscall, nth.max(1));
                let outcome = reset_app()
                    .root(install.root())
                    .args(case.command())
                    .under(wrapper)
                    .run();
                let context = |error| panic!("{case:?}: {how} at {syscall} {nth} and on: {error}");
                check_honesty(&case, &install, &outcome).unwrap_or_else(context);
                case.check_middle(&install).unwrap_or_else(context);
                case.run(&install).expect(0);
                case.check_end(&install).unwrap_or_else(context);
            }
        }
    }
}

/// No file may grow beyond a size that the database has and its journal has not.
#[test]
fn a_disk_that_fills_up_during_the_transaction_changes_nothing() {
    for (journal, blocks) in [
        (Journal::Delete, 1),
        (Journal::Delete, 8),
        (Journal::Wal, 8),
        (Journal::Wal, 64),
    ] {
        let case = Case::everyone(journal, &[]);
        let install = case.install();
        let limited = format!("ulimit -f {blocks}; trap '' XFSZ; exec \"$@\"");
        let outcome = reset_app()
            .root(install.root())
            .args(case.command())
            .under(["bash", "-c", &limited, "bash"])
            .run();
        assert_ne!(outcome.code(), Some(0), "{blocks} blocks: {outcome}");
        check_honesty(&case, &install, &outcome).unwrap();
        case.check_middle(&install).unwrap();
        case.run(&install).expect(0);
        case.check_end(&install).unwrap();
    }
}

/// A file system of the test's own, gone when it is dropped.
struct Mount<'a>(&'a Path);

impl Mount<'_> {
    fn tmpfs<'a>(at: &'a Path, options: &str) -> Option<Mount<'a>> {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(at);
        let mounted = is_root() && mount.status().is_ok_and(|status| status.success());
        if !mounted {
            say("SKIPPED: no file system can be mounted, no real disk was full");
        }
        mounted.then_some(Mount(at))
    }

    fn remount(&self, options: &str) {
        let options = format!("remount,{options}");
        let status = Command::new("mount")
            .args(["-o", &options])
            .arg(self.0)
            .status();
        assert!(status.unwrap().success());
    }
}

impl Drop for Mount<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0).status();
    }
}

#[test]
fn a_full_disk_changes_nothing_and_room_mends_it() {
    for journal in [Journal::Delete, Journal::Wal] {
        let directory = tempfile::tempdir().unwrap();
        let Some(mount) = Mount::tmpfs(directory.path(), "size=8m") else {
            return;
        };
        let case = Case::everyone(journal, &[]);
        let install = case.install_in(directory.path());
        fill(&directory.path().join("ballast"));
        let outcome = case.run(&install);
        assert!(matches!(outcome.code(), Some(1 | 3)), "{outcome}");
        case.check_middle(&install).unwrap();
        assert_eq!(case.legal_state(&install), Ok(0), "{outcome}");
        mount.remount("size=32m");
        case.run(&install).expect(0);
        case.check_end(&install).unwrap();
    }
}

/// Leaves no room for another page.
fn fill(file: &Path) {
    use std::io::Write;
    let mut file = fs::File::create(file).unwrap();
    while file.write_all(&[0; 4096]).is_ok() {}
}

/// Who the tests run as where they need to be nobody special.
const NOBODY: u32 = 65534;

/// The install as nobody's, below a directory that nobody may enter; and the command as nobody's.
fn as_nobody(install: &Install, arguments: &[&str]) -> Outcome {
    let nobody = NOBODY.to_string();
    let drop_rights = [
        "setpriv",
        "--reuid",
        &nobody,
        "--regid",
        &nobody,
        "--clear-groups",
    ];
    reset_app()
        .root(install.root())
        .args(arguments)
        .under(drop_rights)
        .run()
}

fn give_to_nobody(path: &Path) {
    chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            give_to_nobody(&entry.unwrap().path());
        }
    }
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// An install of nobody's, if the tests may make one; the binary must be within reach as well.
fn install_of_nobody() -> Option<Install> {
    if !is_root() || !has_tool("setpriv", "nothing was tried without root's rights") {
        say("SKIPPED: only root can become nobody, permissions were not tested");
        return None;
    }
    let install = small();
    let mut above = install.root().parent();
    give_to_nobody(above.unwrap());
    while let Some(directory) = above.filter(|directory| *directory != Path::new("/tmp")) {
        if directory.starts_with("/tmp") {
            mode(directory, 0o755);
        }
        above = directory.parent();
    }
    let reached = as_nobody(&install, &["--version"]);
    if reached.code() != Some(0) {
        say("SKIPPED: nobody can reach the command, permissions were not tested");
        return None;
    }
    Some(install)
}

const DELETE: [&str; 3] = ["--delete-all-user-data", "--force", "--no-redis"];

#[test]
fn a_database_that_may_not_be_written_is_left_alone() {
    let Some(install) = install_of_nobody() else {
        return;
    };
    mode(&install.database(), 0o444);
    let before = install.digest();
    as_nobody(&install, &DELETE)
        .expect(1)
        .complains(["may not be written", "check the permissions"]);
    assert_eq!(install.digest(), before);
    as_nobody(
        &install,
        &["--delete-all-user-data", "--dry-run", "--no-redis"],
    )
    .expect(0);
    assert_eq!(install.digest(), before);
}

#[test]
fn a_database_in_a_read_only_directory_is_left_alone() {
    let Some(install) = install_of_nobody() else {
        return;
    };
    mode(install.database().parent().unwrap(), 0o555);
    let before = install.digest();
    as_nobody(&install, &DELETE)
        .expect(1)
        .complains([DATABASE, "ermission denied"]);
    assert_eq!(install.digest(), before);
}

#[test]
fn an_unreadable_database_is_left_alone() {
    let Some(install) = install_of_nobody() else {
        return;
    };
    mode(&install.database(), 0o000);
    let outcome = as_nobody(&install, &DELETE);
    assert!(matches!(outcome.code(), Some(1 | 4)), "{outcome}");
    outcome.complains(["vedfolnir.db"]);
}

/// Files in a directory that may not be written: their users are not started, or their files stay
/// in the outbox; either is told, and mending the permissions is enough.
#[test]
fn files_that_may_not_be_removed_are_named_and_resumed() {
    let Some(install) = install_of_nobody() else {
        return;
    };
    let directory = install.path("storage/images/user_1");
    mode(&directory, 0o555);
    let outcome = as_nobody(&install, &DELETE);
    assert!(matches!(outcome.code(), Some(1 | 3)), "{outcome}");
    assert!(install.has("storage/images/user_1/bridge.jpg"));
    assert!(!install.has("storage/images/user_2"), "{outcome}");
    let told = format!("{}{}", outcome.stdout, outcome.stderr);
    assert!(
        told.contains("storage/images/user_1") && told.contains("ermission denied"),
        "{outcome}"
    );
    mode(&directory, 0o755);
    as_nobody(&install, &DELETE).expect(0);
    assert!(!install.has("storage/images/user_1"));
    assert_eq!(install.query_count("SELECT count(*) FROM posts"), 0);
}

#[test]
fn a_trail_that_cannot_be_written_stops_a_run_before_it_deletes() {
    let Some(install) = install_of_nobody() else {
        return;
    };
    mode(install.root(), 0o555);
    let before = install.dump();
    as_nobody(&install, &DELETE)
        .expect(1)
        .complains(["audit trail", "ermission denied"]);
    support::install::assert_same("the database", &before, &install.dump());
}
