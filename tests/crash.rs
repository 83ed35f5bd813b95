//! Runs that are killed: at every system call that changes something, again while they recover, and
//! by signals that they can hear.
//!
//! After each kill the middle must hold (no half user, no row without its file, nothing else
//! touched); after one rerun everything must be as an uninterrupted run leaves it.
//! `RESET_APP_SOAK=1` tries every point; without it the kinds with many points are sampled.

#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

use support::install::Install;
use support::run::{Invocation, has_tool, reset_app};
use support::sweep::{Case, Journal, OUTBOX, Point, Series, is_soak, strace, strace_from, sweep};
use support::trail::TRAIL;

/// Every system call by which the tool changes something, and those that lead up to it; with each
/// the stride of a sample that takes less than a minute altogether.
const SYSCALLS: [(&str, usize); 16] = [
    ("pwrite64", 17),
    ("openat", 5),
    ("fsync", 3),
    ("openat2", 3),
    ("fdatasync", 1),
    ("unlink", 2),
    ("unlinkat", 1),
    ("rename", 1),
    ("renameat", 1),
    ("renameat2", 1),
    ("mkdir", 1),
    ("mkdirat", 1),
    ("rmdir", 1),
    ("ftruncate", 1),
    ("write", 1),
    ("flock", 1),
];

/// The kinds with most points first, so that both threads end together; each case starts its sample
/// elsewhere, so that together they try more.
fn series<'a>(cases: &'a [Case], how: &'static str) -> Vec<Series<'a>> {
    let of_syscall = |(syscall, stride)| {
        let stride = if is_soak() { 1 } else { stride };
        cases.iter().enumerate().map(move |(at, case)| Series {
            case,
            how,
            syscall,
            first: 1 + (at * stride / cases.len()),
            stride,
        })
    };
    SYSCALLS.into_iter().flat_map(of_syscall).collect()
}

const JOURNALS: [Journal; 2] = [Journal::Wal, Journal::Delete];

fn cases(of_journal: impl Fn(Journal) -> Vec<Case>) -> Vec<Case> {
    JOURNALS.into_iter().flat_map(of_journal).collect()
}

/// The same command once more, after which nothing may be left to do.
fn finish(case: &Case, install: &Install) -> Result<Point, String> {
    let rerun = case.run(install);
    if rerun.code() != Some(0) {
        return Err(format!("the rerun failed: {rerun}"));
    }
    case.check_end(install)
        .map_err(|error| format!("{error}\n{rerun}"))?;
    Ok(Point::Held)
}

fn has_outbox(install: &Install) -> bool {
    install.dump().tables().any(|table| table == OUTBOX)
}

fn resume(install: &Install) -> Invocation {
    reset_app()
        .root(install.root())
        .args(["resume", "--no-redis"])
}

#[test]
fn a_run_killed_anywhere_is_finished_by_the_next() {
    if !has_tool("strace", "no run was killed") {
        return;
    }
    let cases = cases(|journal| {
        vec![
            Case::everyone(journal, &[]),
            Case::one(journal, &[]),
            Case::everyone(journal, &["--delete-accounts"]),
        ]
    });
    sweep(
        "killed runs",
        &series(&cases, "signal=KILL"),
        |series, nth| {
            let (case, install) = (series.case, series.case.install());
            let killed = case.run_hindered(&install, series.how, series.syscall, nth);
            if !killed.was_killed() {
                assert_eq!(killed.code(), Some(0), "{killed}");
                return Ok(Point::NotReached);
            }
            case.check_middle(&install)?;
            finish(case, &install)
        },
    );
}

/// The files of the first user are on their way while the second is erased.
#[test]
fn a_run_killed_while_files_go_beside_it_is_finished_by_the_next() {
    if !has_tool("strace", "no run was killed") {
        return;
    }
    let cases = JOURNALS.map(Case::everyone_with_album);
    cases.iter().for_each(assert_files_go_beside);
    let stride = |many: usize| if is_soak() { 1 } else { many };
    let syscalls = [
        ("renameat2", stride(9)),
        ("unlink", stride(9)),
        ("fsync", stride(2)),
        ("pwrite64", stride(41)),
    ];
    let of_case = |case| {
        syscalls.map(|(syscall, stride)| Series {
            case,
            how: "signal=KILL",
            syscall,
            first: 1,
            stride,
        })
    };
    let series: Vec<_> = cases.iter().flat_map(of_case).collect();
    sweep("killed runs with files beside", &series, |series, nth| {
        let (case, install) = (series.case, series.case.install());
        let killed = case.run_hindered(&install, series.how, series.syscall, nth);
        if !killed.was_killed() {
            assert_eq!(killed.code(), Some(0), "{killed}");
            return Ok(Point::NotReached);
        }
        case.check_middle(&install)?;
        finish(case, &install)
    });
}

/// Or else the sweep says nothing.
fn assert_files_go_beside(case: &Case) {
    let install = case.install();
    let killed = case.run_hindered(&install, "signal=KILL", "renameat2", 1);
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
    let cases = cases(|journal| vec![Case::many_rows(journal, &["--delete-accounts"])]);
    let without = AtomicUsize::new(0);
    sweep(
        "killed runs that change indexes",
        &series(&cases, "signal=KILL"),
        |series, nth| {
            let (case, install) = (series.case, series.case.install());
            let killed = case.run_hindered(&install, series.how, series.syscall, nth);
            if !killed.was_killed() {
                assert_eq!(killed.code(), Some(0), "{killed}");
                return Ok(Point::NotReached);
            }
            case.check_middle(&install)?;
            without.fetch_add(
                usize::from(case.check_structure(&install).is_err()),
                Ordering::Relaxed,
            );
            if nth % 2 == 0 {
                resume(&install).run().expect(0);
                case.check_structure(&install)?;
            }
            finish(case, &install)
        },
    );
    assert!(
        without.into_inner() > 10,
        "no run was killed while an index was missing"
    );
}

/// The account is gone after the kill, and the same command names it again.
#[test]
fn a_run_killed_after_it_deleted_an_account_is_finished_by_the_next() {
    if !has_tool("strace", "no run was killed") {
        return;
    }
    let cases = cases(|journal| vec![Case::one(journal, &["--delete-accounts"])]);
    sweep(
        "killed runs of one account",
        &series(&cases, "signal=KILL"),
        |series, nth| {
            let (case, install) = (series.case, series.case.install());
            if !case
                .run_hindered(&install, series.how, series.syscall, nth)
                .was_killed()
            {
                return Ok(Point::NotReached);
            }
            case.check_middle(&install)?;
            if case.legal_state(&install) == Ok(1) && !has_outbox(&install) {
                // Killed after the end: by then nobody knows the user any more.
                case.run(&install)
                    .expect(4)
                    .complains(["no user has the key or name `1`"]);
                return case.check_end(&install).map(|()| Point::Held);
            }
            finish(case, &install)
        },
    );
}

#[test]
fn a_killed_resume_is_finished_by_the_next() {
    if !has_tool("strace", "no resume was killed") {
        return;
    }
    let cases = cases(|journal| {
        vec![
            Case::everyone(journal, &[]),
            Case::everyone(journal, &["--delete-accounts"]),
        ]
    });
    sweep(
        "killed resumes",
        &series(&cases, "signal=KILL"),
        |series, nth| {
            let (case, install) = (series.case, series.case.install());
            let killed = case.run_hindered(&install, "signal=KILL", "renameat2", 1);
            assert!(killed.was_killed(), "{killed}");
            assert_eq!(
                case.legal_state(&install),
                Ok(2),
                "killed before both users were gone"
            );
            let wrapper = strace(series.how, series.syscall, nth);
            if !resume(&install).under(wrapper).run().was_killed() {
                return Ok(Point::NotReached);
            }
            case.check_middle(&install)?;
            let again = resume(&install).run();
            if again.code() != Some(0) {
                return Err(format!("the second resume failed: {again}"));
            }
            case.check_end(&install)
                .map_err(|error| format!("{error}\n{again}"))?;
            Ok(Point::Held)
        },
    );
}

/// A power loss may leave half of the last line.
#[test]
fn a_torn_line_of_the_trail_is_trimmed() {
    let case = Case::everyone(Journal::Delete, &[]);
    let install = case.install();
    case.run(&install).expect(0);
    let trail = install.path(TRAIL);
    let whole = fs::read(&trail).unwrap();
    fs::write(
        &trail,
        [&whole, b"{\"id\":\"20990101T000000Z-00".as_slice()].concat(),
    )
    .unwrap();
    case.run(&install).expect(0);
    assert!(fs::read(&trail).unwrap().starts_with(&whole));
    case.check_end(&install).unwrap();
}

/// The first signal ends the run after the user in hand, and that user is done with: nothing of it
/// is left to `resume`.
#[test]
fn a_signal_stops_a_run_between_two_users() {
    if !has_tool("strace", "no run was signalled") {
        return;
    }
    let cases = cases(|journal| vec![Case::everyone(journal, &[])]);
    for (signal, number) in [("signal=TERM", 15), ("signal=INT", 2)] {
        let stopped = AtomicUsize::new(0);
        sweep(signal, &series(&cases, signal), |series, nth| {
            let (case, install) = (series.case, series.case.install());
            if nth > case.count(series.syscall) {
                return Ok(Point::NotReached);
            }
            let outcome = case.run_hindered(&install, series.how, series.syscall, nth);
            case.check_middle(&install)?;
            match outcome.code() {
                // Too late to stop anything.
                Some(0) => return case.check_end(&install).map(|()| Point::Held),
                Some(code) if code == 128 + number => {
                    stopped.fetch_add(1, Ordering::Relaxed);
                    if has_outbox(&install) {
                        return Err(format!("the user in hand is not finished: {outcome}"));
                    }
                }
                // Before it listens to signals.
                None if outcome.signal() == Some(number) => {}
                _ => return Err(format!("{outcome}")),
            }
            finish(case, &install)
        });
        assert!(
            stopped.into_inner() > 0,
            "{signal}: no run was stopped between two users"
        );
    }
}

#[test]
fn a_second_signal_stops_at_once() {
    if !has_tool("strace", "no run was signalled") {
        return;
    }
    for journal in JOURNALS {
        let case = Case::everyone(journal, &[]);
        let install = case.install();
        // Both users are gone, no file is.
        let outcome = reset_app()
            .root(install.root())
            .args(case.command())
            .under(strace_from("signal=TERM", "renameat2", 1))
            .run();
        assert_eq!(outcome.signal(), Some(15), "{outcome}");
        case.check_middle(&install).unwrap();
        assert_eq!(case.legal_state(&install), Ok(2));
        finish(&case, &install).map(drop).unwrap();
    }
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
