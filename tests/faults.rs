//! Runs whose system calls fail: I/O errors, no space, no permission.
//!
//! After each the exit code must be honest (0 only where everything is gone), nothing damaged, no
//! user halved; and one run without the fault must end where an uninterrupted one does.
//! `RESET_APP_SOAK=1` tries every point.

#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use support::install::{DATABASE, Install};
use support::nobody::{self, mode};
use support::run::{Outcome, has_tool, is_root, say};
use support::small::small;
use support::strace::{CHANGING, READING, counts};
use support::subjects::{Deletion, Drop, Init, Reset, Restore, Resumed, Save, Secrets};
use support::sweep::{
    Checked, JOURNALS, Journal, Point, Series, Subject, check_honesty, finish, in_both_modes,
    series, strace, strace_from, sweep,
};

const ERRORS: [&str; 5] = [
    "error=EIO",
    "error=ENOSPC",
    "error=EROFS",
    "error=EACCES",
    "error=ENOSYS",
];

/// Lets system calls of commands fail; in a sample so often of each kind.
fn fail(what: &str, most: usize, subjects: &[Box<dyn Subject>]) {
    if has_tool("strace", "no system call failed") {
        let syscalls = [&CHANGING[..], &READING].concat();
        let series = series(subjects, &syscalls, &ERRORS, most);
        sweep(what, &series, fail_and_finish);
    }
}

/// What a run left after an exit 0 counts, too: beside the files, told, or nobody's, it goes with
/// whatever comes next.
fn fail_and_finish(series: &Series<'_>, nth: usize) -> Checked<Point> {
    let (subject, install) = (series.subject, series.subject.install());
    let Some(outcome) = series.hinder(&install, nth)? else {
        return Ok(Point::NotReached);
    };
    check_honesty(subject, &install, &outcome)?;
    subject
        .check_middle(&install)
        .and_then(|()| finish(subject, &install, nth))
        .map_err(|error| format!("{error}\nafter {outcome}"))?;
    Ok(Point::Held)
}

#[test]
fn a_fault_is_told_and_the_next_run_ends_as_any_other() {
    let everyone = in_both_modes(|journal| vec![Box::new(Deletion::everyone(journal, &[]))]);
    fail("faults", 12, &everyone);
    let many = in_both_modes(|journal| vec![Box::new(Deletion::many_rows(journal, &[]))]);
    fail("faults of runs that change indexes", 3, &many);
    let album = in_both_modes(|journal| vec![Box::new(Deletion::everyone_with_album(journal))]);
    fail("faults of runs with files beside", 2, &album);
}

#[test]
fn a_fault_of_a_deletion_of_one_user_is_told_and_the_next_ends_as_any_other() {
    let subjects = in_both_modes(|journal| {
        vec![
            Box::new(Deletion::user(journal, &["--delete-accounts"])),
            Box::new(Deletion::user(journal, &["--snapshot", "before"])),
            Box::new(Deletion::scrubbed(journal)),
            Box::new(Deletion::replay(journal)),
        ]
    });
    fail("faults of deletions of one user", 2, &subjects);
}

#[test]
fn a_fault_of_a_resume_is_told_and_the_next_ends_as_any_other() {
    let subjects = in_both_modes(|journal| {
        let deletion = Deletion::everyone(journal, &[]);
        vec![Box::new(Resumed::new(deletion, "renameat2"))]
    });
    fail("faults of resumes", 4, &subjects);
}

#[test]
fn a_fault_of_a_reset_is_told_and_the_next_ends_as_any_other() {
    let subjects = in_both_modes(|journal| vec![Box::new(Reset::new(journal))]);
    fail("faults of resets", 4, &subjects);
}

#[test]
fn a_fault_of_a_restore_is_told_and_the_next_ends_as_any_other() {
    let subjects = in_both_modes(|journal| vec![Box::new(Restore::new(journal))]);
    fail("faults of restores", 4, &subjects);
}

#[test]
fn a_fault_of_a_save_is_told_and_leaves_a_whole_snapshot_or_none() {
    let subjects = in_both_modes(|journal| vec![Box::new(Save::new(journal))]);
    fail("faults of saves", 4, &subjects);
}

#[test]
fn a_fault_of_what_writes_or_removes_files_alone_is_told_and_the_next_ends_as_any_other() {
    let subjects: Vec<Box<dyn Subject>> = vec![
        Box::new(Drop::new(Journal::Wal)),
        Box::new(Init::new(Journal::Wal)),
        Box::new(Secrets::new()),
    ];
    fail("faults of drops, inits and secrets", 3, &subjects);
}

/// Where all but the end is done: the record of a restore goes, `init` has looked at most directories.
/// Calls of these kinds are too many for a sample to meet the last.
#[test]
fn a_fault_of_one_of_the_last_reads_is_told_and_the_next_ends_as_any_other() {
    const LAST: usize = 12;
    if !has_tool("strace", "no system call failed") {
        return;
    }
    let subjects: [(Box<dyn Subject>, _); 3] = [
        (Box::new(Restore::new(Journal::Wal)), "pread64"),
        (Box::new(Restore::new(Journal::Delete)), "pread64"),
        (Box::new(Init::new(Journal::Wal)), "getdents64"),
    ];
    for (subject, syscall) in &subjects {
        let reads = counts(subject.command(&subject.install()), &[syscall])[syscall];
        for nth in reads.saturating_sub(LAST).max(1)..=reads {
            let install = subject.install();
            let wrapper = strace("error=EIO", syscall, nth);
            let outcome = subject.command(&install).under(wrapper).run();
            let held = check_honesty(&**subject, &install, &outcome)
                .and_then(|()| subject.check_middle(&install))
                .and_then(|()| finish(&**subject, &install, nth));
            held.unwrap_or_else(|error| panic!("{subject:?}: EIO at {syscall} {nth}: {error}"));
        }
    }
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
    let deletions = JOURNALS.into_iter().flat_map(|journal| {
        [
            Deletion::everyone(journal, &[]),
            Deletion::many_rows(journal, &[]),
        ]
    });
    for deletion in deletions {
        let counts = counts(
            deletion.command(&deletion.install()),
            &lasting.map(|(syscall, _)| syscall),
        );
        for (syscall, how) in lasting {
            let eighths = (0..=8).map(|eighth| counts[syscall] * eighth / 8);
            let steps = if counts[syscall] > 40 { 1 } else { 4 };
            for nth in eighths.step_by(steps).collect::<BTreeSet<_>>() {
                let install = deletion.install();
                let wrapper = strace_from(how, syscall, nth.max(1));
                let outcome = deletion.command(&install).under(wrapper).run();
                let held = check_honesty(&deletion, &install, &outcome)
                    .and_then(|()| deletion.check_middle(&install))
                    .and_then(|()| finish(&deletion, &install, 0));
                held.unwrap_or_else(|error| {
                    panic!("{deletion:?}: {how} at {syscall} {nth} and on: {error}")
                });
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
        let deletion = Deletion::everyone(journal, &[]);
        let install = deletion.install();
        let limited = format!("ulimit -f {blocks}; trap '' XFSZ; exec \"$@\"");
        let limited = ["bash", "-c", &limited, "bash"];
        let outcome = deletion.command(&install).under(limited).run();
        assert_ne!(outcome.code(), Some(0), "{blocks} blocks: {outcome}");
        check_honesty(&deletion, &install, &outcome).unwrap();
        deletion.check_middle(&install).unwrap();
        finish(&deletion, &install, 0).unwrap();
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

impl std::ops::Drop for Mount<'_> {
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
        let deletion = Deletion::everyone(journal, &[]);
        let install = deletion.install_in(directory.path());
        fill(&directory.path().join("ballast"));
        let outcome = deletion.run(&install);
        assert!(matches!(outcome.code(), Some(1 | 3)), "{outcome}");
        deletion.check_middle(&install).unwrap();
        assert_eq!(deletion.legal_state(&install), Ok(0), "{outcome}");
        mount.remount("size=32m");
        finish(&deletion, &install, 0).unwrap();
    }
}

/// Leaves no room for another page.
fn fill(file: &Path) {
    use std::io::Write;
    let mut file = fs::File::create(file).unwrap();
    while file.write_all(&[0; 4096]).is_ok() {}
}

/// The command as nobody's.
fn as_nobody(install: &Install, arguments: &[&str]) -> Outcome {
    nobody::run(install.root(), arguments)
}

/// An install of nobody's, if the tests may make one.
fn install_of_nobody() -> Option<Install> {
    let install = small();
    nobody::takes(install.root()).then_some(install)
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

/// Work that threads share is done by the calling one where the system gives none.
#[test]
fn a_system_that_gives_no_thread_is_done_without() {
    let Some(install) = install_of_nobody() else {
        return;
    };
    let alone = |arguments: &[&str]| nobody::run_without_threads(install.root(), arguments);
    alone(&["snapshot", "save", "clean", "--force", "--no-redis"]).expect(0);
    alone(&DELETE).expect(0);
    assert_eq!(install.query_count("SELECT count(*) FROM posts"), 0);
    assert!(!install.has("storage/images/user_1"));
    alone(&["snapshot", "restore", "clean", "--force", "--no-redis"]).expect(0);
    assert!(install.has("storage/images/user_1/bridge.jpg"));
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
