//! Runs that are killed: at every system call that changes something, again while they recover, and
//! by signals that they can hear.
//!
//! After each kill the middle must hold (no half user, no row without its file, nothing else
//! touched); after one rerun everything must be as an uninterrupted run leaves it.
//! `RESET_APP_SOAK=1` tries every point; without it the kinds with many points are sampled.

#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use support::run::has_tool;
use support::sweep::{Case, Journal, Point, Series, is_soak, sweep};

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
fn series(cases: &[Case]) -> Vec<Series<'_>> {
    let of_syscall = |(syscall, stride)| {
        let stride = if is_soak() { 1 } else { stride };
        cases.iter().enumerate().map(move |(at, case)| Series {
            case,
            how: "signal=KILL",
            syscall,
            first: 1 + (at * stride / cases.len()),
            stride,
        })
    };
    SYSCALLS.into_iter().flat_map(of_syscall).collect()
}

#[test]
fn a_run_killed_anywhere_is_finished_by_the_next() {
    if !has_tool("strace", "no run was killed") {
        return;
    }
    let cases: Vec<Case> = [Journal::Wal, Journal::Delete]
        .into_iter()
        .flat_map(|journal| {
            [
                Case::everyone(journal, &[]),
                Case::one(journal, &[]),
                Case::everyone(journal, &["--delete-accounts"]),
            ]
        })
        .collect();
    sweep("killed runs", &series(&cases), |series, nth| {
        let (case, install) = (series.case, series.case.install());
        let killed = case.run_hindered(&install, series.how, series.syscall, nth);
        if !killed.was_killed() {
            assert_eq!(killed.code(), Some(0), "{killed}");
            return Ok(Point::NotReached);
        }
        case.check_middle(&install)?;
        let rerun = case.run(&install);
        if rerun.code() != Some(0) {
            return Err(format!("the rerun failed: {rerun}"));
        }
        case.check_end(&install).map_err(|error| format!("{error}\n{rerun}"))?;
        Ok(Point::Held)
    });
}
