//! Signals that a run can hear.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::run::has_tool;
use crate::support::strace::CHANGING;
use crate::support::subjects::{Deletion, has_outbox};
use crate::support::sweep::{
    JOURNALS, Journal, Point, Subject, finish, series, strace_from, sweep,
};

fn deletions() -> Vec<Box<dyn Subject>> {
    let everyone = |journal| Box::new(Deletion::everyone(journal, &[])) as Box<dyn Subject>;
    JOURNALS.into_iter().map(everyone).collect()
}

/// The first signal ends the run after the user in hand, and that user is done with: nothing of it
/// is left to `resume`.
#[test]
fn a_signal_stops_a_run_between_two_users() {
    if !has_tool("strace", "no run was signalled") {
        return;
    }
    let deletions = deletions();
    for (signal, number) in [("signal=TERM", 15), ("signal=INT", 2)] {
        let stopped = AtomicUsize::new(0);
        let series = series(&deletions, &CHANGING, &[signal], 3);
        let what = format!(
            "runs stopped by SIG{}",
            signal.trim_start_matches("signal=")
        );
        sweep(&what, &series, |series, nth| {
            let (subject, install) = (series.subject, series.subject.install());
            let Some(outcome) = series.hinder(&install, nth)? else {
                return Ok(Point::NotReached);
            };
            subject.check_middle(&install)?;
            match outcome.code() {
                // Too late to stop anything.
                Some(0) => return subject.check_end(&install).map(|()| Point::Held),
                Some(code) if code == 128 + number => {
                    stopped.fetch_add(1, Ordering::Relaxed);
                    if !outcome.stdout.contains("users whose turn did not come: ") {
                        return Err(format!("does not tell of the others: {outcome}"));
                    }
                    if has_outbox(&install) {
                        return Err(format!("the user in hand is not finished: {outcome}"));
                    }
                }
                // Before it listens to signals.
                None if outcome.signal() == Some(number) => {}
                _ => return Err(format!("{outcome}")),
            }
            finish(subject, &install, nth)?;
            Ok(Point::Held)
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
    for journal in [Journal::Wal, Journal::Delete] {
        let deletion = Deletion::everyone(journal, &[]);
        let install = deletion.install();
        // Both users are gone, no file is.
        let signals = strace_from("signal=TERM", "renameat2", 1);
        let outcome = deletion.command(&install).under(signals).run();
        assert_eq!(outcome.signal(), Some(15), "{outcome}");
        deletion.check_middle(&install).unwrap();
        assert_eq!(deletion.legal_state(&install), Ok(2));
        finish(&deletion, &install, 0).unwrap();
    }
}
