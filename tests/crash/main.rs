//! Commands that are killed: at every system call that changes something, again while they recover,
//! beside somebody who reads, and by signals that they can hear.
//!
//! After each kill the middle must hold (no half user, no row without its file, nothing else
//! touched); after one rerun everything must be as an uninterrupted run leaves it.
//! `RESET_APP_SOAK=1` tries every point; without it the kinds with many points are sampled.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic)]

mod keys;
mod reader;
mod signals;
#[path = "../support/mod.rs"]
mod support;

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

use support::figures::Share;
use support::install::Install;
use support::run::{has_tool, reset_app};
use support::strace::CHANGING;
use support::subjects::{Deletion, Drop, Init, Reset, Restore, Resumed, Save, Secrets};
use support::sweep::{
    JOURNALS, Journal, OUTBOX, Point, Subject, finish, in_both_modes, kill_and_finish, series,
    strace, sweep,
};
use support::trail::TRAIL;

/// Kills commands; in a sample so often at each kind of system call.
fn kill(what: &str, most: usize, subjects: &[Box<dyn Subject>]) {
    if has_tool("strace", "no command was killed") {
        let series = series(subjects, &CHANGING, &["signal=KILL"], most);
        sweep(what, &series, kill_and_finish);
    }
}

#[test]
fn a_run_killed_anywhere_is_finished_by_the_next() {
    let subjects = in_both_modes(|journal| {
        vec![
            Box::new(Deletion::everyone(journal, &[])),
            Box::new(Deletion::one(journal, &[])),
            Box::new(Deletion::everyone(journal, &["--delete-accounts"])),
            Box::new(Deletion::with_unowned(journal)),
        ]
    });
    kill("killed runs", 8, &subjects);
}

/// The files of the first user are on their way while the second is erased.
#[test]
fn a_run_killed_while_files_go_beside_it_is_finished_by_the_next() {
    if !has_tool("strace", "no run was killed") {
        return;
    }
    let deletions = JOURNALS.map(Deletion::everyone_with_album);
    deletions.iter().for_each(assert_files_go_beside);
    let subjects = deletions.map(|deletion| Box::new(deletion) as Box<dyn Subject>);
    kill("killed runs with files beside", 6, &subjects);
}

/// Or else the sweep says nothing.
fn assert_files_go_beside(deletion: &Deletion) {
    let install = deletion.install();
    let kill = strace("signal=KILL", "renameat2", 1);
    let killed = deletion.command(&install).under(kill).run();
    assert!(killed.was_killed(), "{killed}");
    let recorded = format!("SELECT count(*) FROM {OUTBOX} WHERE kind = 'user'");
    let users = install.query_count("SELECT count(*) FROM users");
    assert!(
        install.query_count(&recorded) < users,
        "all users were erased before the first file went"
    );
}

/// Indexes that the run dropped and made for its own sake are as before after `resume`, or after the
/// next run (invariant 8).
#[test]
fn a_run_killed_while_its_indexes_are_changed_is_finished_by_the_next() {
    if !has_tool("strace", "no run was killed") {
        return;
    }
    let options = &["--delete-accounts"];
    let before = Deletion::many_rows(Journal::Wal, options);
    let subjects = in_both_modes(|journal| vec![Box::new(Deletion::many_rows(journal, options))]);
    let series = series(&subjects, &CHANGING, &["signal=KILL"], 6);
    let changed = AtomicUsize::new(0);
    sweep("killed runs that change indexes", &series, |series, nth| {
        let (subject, install) = (series.subject, series.subject.install());
        let Some(killed) = series.hinder(&install, nth)? else {
            return Ok(Point::NotReached);
        };
        assert!(killed.was_killed(), "{killed}");
        subject.check_middle(&install)?;
        let is_changed = before.check_structure(&install).is_err();
        changed.fetch_add(usize::from(is_changed), Ordering::Relaxed);
        if nth % 2 == 0 {
            reset_app()
                .root(install.root())
                .args(["resume"])
                .run()
                .expect(0);
            before.check_structure(&install)?;
        }
        finish(subject, &install, nth)?;
        Ok(Point::Held)
    });
    let few = if Share::taken().of > 1 { 0 } else { 5 };
    assert!(
        changed.into_inner() > few,
        "no run was killed while its indexes were changed"
    );
}

/// Where the account is gone after the kill, the same command names it again.
#[test]
fn a_deletion_of_one_user_killed_anywhere_is_finished_by_the_next() {
    let account = "--delete-accounts";
    let subjects = in_both_modes(|journal| {
        vec![
            Box::new(Deletion::user(journal, &[])),
            Box::new(Deletion::user(journal, &[account])),
            Box::new(Deletion::user(journal, &[account, "--reassign-to", "2"])),
            Box::new(Deletion::user(journal, &["--sessions-only"])),
            Box::new(Deletion::user(journal, &["--snapshot", "before"])),
            Box::new(Deletion::scrubbed(journal)),
        ]
    });
    kill("killed deletions of one user", 6, &subjects);
}

#[test]
fn a_run_over_hostile_rows_killed_anywhere_is_finished_by_the_next() {
    let subjects = in_both_modes(|journal| vec![Box::new(Deletion::hostile(journal))]);
    kill("killed runs over hostile rows", 3, &subjects);
}

#[test]
fn a_killed_resume_is_finished_by_the_next() {
    let subjects = in_both_modes(|journal| {
        let everyone = |options| Deletion::everyone(journal, options);
        vec![
            Box::new(Resumed::new(everyone(&[]), "renameat2")),
            Box::new(Resumed::new(everyone(&["--delete-accounts"]), "renameat2")),
            Box::new(Resumed::new(Reset::new(journal), "renameat2")),
            Box::new(Resumed::new(Restore::new(journal), "utimensat")),
            Box::new(Resumed::new(Restore::of_files(journal), "utimensat")),
        ]
    });
    kill("killed resumes", 4, &subjects);
}

#[test]
fn a_reset_killed_anywhere_is_finished_by_resume_or_the_same_command() {
    let subjects = in_both_modes(|journal| vec![Box::new(Reset::new(journal))]);
    kill("killed resets", 4, &subjects);
}

#[test]
fn a_replay_killed_anywhere_is_finished_by_the_next() {
    let subjects = in_both_modes(|journal| vec![Box::new(Deletion::replay(journal))]);
    kill("killed replays", 2, &subjects);
}

#[test]
fn a_restore_killed_anywhere_is_finished_by_the_next() {
    let subjects = in_both_modes(|journal| vec![Box::new(Restore::new(journal))]);
    kill("killed restores", 4, &subjects);
    let of_files: [Box<dyn Subject>; 1] = [Box::new(Restore::of_files(Journal::Wal))];
    kill("killed restores of files", 4, &of_files);
}

#[test]
fn a_save_killed_anywhere_leaves_a_whole_snapshot_or_none() {
    let subjects = in_both_modes(|journal| vec![Box::new(Save::new(journal))]);
    kill("killed saves", 3, &subjects);
}

#[test]
fn what_writes_or_removes_files_alone_killed_anywhere_is_finished_by_the_next() {
    let subjects: Vec<Box<dyn Subject>> = vec![
        Box::new(Drop::new(Journal::Wal)),
        Box::new(Init::new(Journal::Wal)),
        Box::new(Init::new(Journal::Delete)),
        Box::new(Secrets::new()),
    ];
    kill("killed drops, inits and secrets", 4, &subjects);
}

/// A power loss may leave half of the last line.
#[test]
fn a_torn_line_of_the_trail_is_trimmed() {
    let deletion = Deletion::everyone(Journal::Delete, &[]);
    let install = deletion.install();
    deletion.run(&install).expect(0);
    let trail = install.path(TRAIL);
    let whole = fs::read(&trail).unwrap();
    let torn = b"{\"id\":\"20990101T000000Z-00".as_slice();
    fs::write(&trail, [&whole, torn].concat()).unwrap();
    finish(&deletion, &install, 0).unwrap();
    assert!(fs::read(&trail).unwrap().starts_with(&whole));
}

#[test]
fn a_run_without_files_still_finishes_the_files_of_an_interrupted_one() {
    if !has_tool("strace", "nothing is killed") {
        return;
    }
    let install = Install::copy("example");
    let delete = ["--delete-all-user-data", "--force", "--no-redis"];
    let on = || reset_app().root(install.root()).args(delete);
    let killed = on().under(strace("signal=KILL", "renameat2", 1)).run();
    assert!(killed.was_killed(), "{killed}");
    assert!(install.has("storage/images/user_1/bridge.jpg"));
    on().args(["--no-files"]).run().expect(0);
    assert_eq!(
        install.tree().below("storage/images").files().count(),
        0,
        "invariant 3: the outbox was dropped before its work was done"
    );
    let outbox = "SELECT count(*) FROM sqlite_schema WHERE name = '_reset_app_outbox'";
    assert_eq!(install.query_count(outbox), 0);
}
