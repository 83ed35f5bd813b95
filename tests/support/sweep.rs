//! Commands that are cut off or hindered at each of their system calls, what must hold then, and how many
//! such points there were.

use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::scope;
use std::time::Instant;

pub(crate) use super::figures::is_soak;
use super::figures::{Share, write_down};
use super::install::{Install, Lines, difference};
use super::run::{Invocation, Outcome, reset_app, say};
use super::strace::{counts, hindered};
pub(crate) use super::strace::{strace, strace_from};

/// The outbox, which is no part of the application's data.
pub(crate) const OUTBOX: &str = "_reset_app_outbox";

/// What was found, or what is not as was promised.
pub(crate) type Checked<T = ()> = Result<T, String>;

/// How the database keeps its journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Journal {
    Wal,
    Delete,
}

pub(crate) const JOURNALS: [Journal; 2] = [Journal::Wal, Journal::Delete];

impl Journal {
    /// An install of which the database keeps its journal so.
    pub(crate) fn of(self, install: Install) -> Install {
        match self {
            Self::Wal => install.wal(),
            Self::Delete => install,
        }
    }
}

/// A command that changes something, and what must hold of it.
pub(crate) trait Subject: fmt::Debug + Sync {
    /// The application before the command.
    fn template(&self) -> &Install;

    /// A fresh copy of it.
    fn install(&self) -> Install {
        let install = self.template().again();
        self.prepare(&install);
        install
    }

    /// What is done to a copy before the command: what a copy of a template would not keep.
    fn prepare(&self, _: &Install) {}

    /// The arguments.
    fn words(&self) -> Vec<&str>;

    /// The command on an install.
    fn command(&self, install: &Install) -> Invocation {
        reset_app().root(install.root()).args(self.words())
    }

    /// What must hold at every moment.
    fn check_middle(&self, install: &Install) -> Checked;

    /// Whether everything is as an uninterrupted run leaves it, with nothing left to do.
    fn check_end(&self, install: &Install) -> Checked;

    /// The same, but for what may stand beside the database when it could not be closed well.
    fn check_done(&self, install: &Install) -> Checked {
        self.check_end(install)
    }

    /// Whether nothing has been changed yet.
    fn is_untouched(&self, install: &Install) -> bool;

    /// What whoever finds it so does next, which must end well; at other points other things.
    fn rerun(&self, install: &Install, nth: usize) -> Checked<Outcome>;
}

/// The commands, each on a database of each journal mode.
pub(crate) fn in_both_modes(
    of_journal: impl Fn(Journal) -> Vec<Box<dyn Subject>>,
) -> Vec<Box<dyn Subject>> {
    JOURNALS.into_iter().flat_map(of_journal).collect()
}

/// The next run, after which everything must be as an uninterrupted one leaves it.
pub(crate) fn finish(subject: &dyn Subject, install: &Install, nth: usize) -> Checked {
    let rerun = subject.rerun(install, nth)?;
    subject
        .check_end(install)
        .map_err(|error| format!("{error}\n{rerun}"))
}

/// Whether the code with which a run ended tells the truth.
pub(crate) fn check_honesty(
    subject: &dyn Subject,
    install: &Install,
    outcome: &Outcome,
) -> Checked {
    let told = match outcome.code() {
        Some(0) => subject
            .check_done(install)
            .map_err(|error| format!("exit 0, but {error}")),
        Some(1 | 3) if !(outcome.stderr.is_empty() && outcome.stdout.is_empty()) => Ok(()),
        // Refused, or before `main`: the loader finds no library.
        Some(4 | 127) if subject.is_untouched(install) => Ok(()),
        _ => Err("neither done, nor failed, nor refused".into()),
    };
    told.map_err(|error| format!("{error}\n{outcome}"))
}

/// Points of one kind: `first`, `first + stride`, … until a run does not reach its point.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Series<'a> {
    pub(crate) subject: &'a dyn Subject,
    pub(crate) how: &'static str,
    pub(crate) syscall: &'static str,
    pub(crate) first: usize,
    pub(crate) stride: usize,
    /// How many there were when nothing hindered the command; a hindered one may come to more.
    count: usize,
}

/// So that a share is not the first points of all series.
const SPREAD: usize = 97;

/// All points at which the commands can be hindered in these ways, or a share of them; or a sample: of
/// each kind of system call about `most` altogether, shared out among commands and ways.
pub(crate) fn series<'a>(
    subjects: &'a [Box<dyn Subject>],
    syscalls: &[&'static str],
    hows: &[&'static str],
    most: usize,
) -> Vec<Series<'a>> {
    let shares = subjects.len() * hows.len();
    let mut series = Vec::new();
    for (at, subject) in subjects.iter().enumerate() {
        let subject = subject.as_ref();
        let counts = counts(subject.command(&subject.install()), syscalls);
        for (number, (syscall, count)) in counts.into_iter().enumerate() {
            for (kind, how) in hows.iter().enumerate() {
                let place = at * hows.len() + kind + number;
                let (first, stride) = if is_soak() {
                    let Share { number, of } = Share::taken();
                    ((place * SPREAD + number) % of, of)
                } else {
                    let stride = (count * shares).div_ceil(most);
                    (place % shares * stride / shares, stride)
                };
                let points = Series {
                    subject,
                    how,
                    syscall,
                    first: 1 + first,
                    stride,
                    count,
                };
                series.extend((points.first <= count).then_some(points));
            }
        }
    }
    series
}

impl Series<'_> {
    /// About how many points these are.
    fn expected(&self) -> usize {
        (self.count + self.stride - self.first) / self.stride
    }

    /// Hinders the command at one point; none if it does not come to it, which is only right of one that
    /// comes to its end.
    pub(crate) fn hinder(&self, install: &Install, nth: usize) -> Checked<Option<Outcome>> {
        let run = self.subject.command(install);
        let (outcome, reached) = hindered(run, self.how, self.syscall, nth);
        match outcome.code() {
            _ if reached => Ok(Some(outcome)),
            Some(0 | 3) => Ok(None),
            _ => Err(format!("nothing hindered it, but it failed: {outcome}")),
        }
    }
}

/// Kills the command, and runs what finishes it.
pub(crate) fn kill_and_finish(series: &Series<'_>, nth: usize) -> Checked<Point> {
    let (subject, install) = (series.subject, series.subject.install());
    let Some(killed) = series.hinder(&install, nth)? else {
        return Ok(Point::NotReached);
    };
    if !killed.was_killed() {
        return Err(format!("was not killed: {killed}"));
    }
    subject.check_middle(&install)?;
    finish(subject, &install, nth)?;
    Ok(Point::Held)
}

/// What happened at a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Point {
    /// The run came to its end before it.
    NotReached,
    /// All that was promised held.
    Held,
}

/// A sweep ends after so many violations.
const ENOUGH: usize = 20;

/// Tries every point of every series, two at a time, tells how many there were, and fails if
/// anything promised did not hold.
pub(crate) fn sweep(
    what: &str,
    series: &[Series<'_>],
    try_point: impl Fn(&Series<'_>, usize) -> Checked<Point> + Sync,
) {
    let started = Instant::now();
    if is_soak() {
        let expected: usize = series.iter().map(Series::expected).sum();
        say(&format!("{what}: about {expected} points"));
    }
    let (next, points) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let violations = Mutex::new(Vec::new());
    let work = || {
        while let Some(series) = series.get(next.fetch_add(1, Ordering::Relaxed)) {
            let last = if is_soak() { usize::MAX } else { series.count };
            for nth in (series.first..=last).step_by(series.stride) {
                match try_point(series, nth) {
                    Ok(Point::NotReached) => break,
                    Ok(Point::Held) => {}
                    Err(violation) => {
                        let mut violations = violations.lock().unwrap();
                        violations.push(series.tell(nth, &violation));
                        if violations.len() >= ENOUGH {
                            return;
                        }
                    }
                }
                points.fetch_add(1, Ordering::Relaxed);
            }
        }
    };
    scope(|threads| {
        threads.spawn(work);
        threads.spawn(work);
    });
    let (points, violations) = (points.into_inner(), violations.into_inner().unwrap());
    conclude(what, points, &violations, started);
}

impl Series<'_> {
    fn tell(&self, nth: usize, violation: &str) -> String {
        let Series {
            subject,
            how,
            syscall,
            ..
        } = self;
        format!("{subject:?}: {how} at {syscall} {nth}: {violation}")
    }
}

fn conclude(what: &str, points: usize, violations: &[String], started: Instant) {
    let took = started.elapsed().as_secs_f32();
    let found = violations.len();
    say(&format!(
        "{what}: {points} points, {found} violations, {took:.1} s"
    ));
    write_down(what, points, found, took);
    let may_be_none = is_soak() && Share::taken().of > 1;
    assert!(points > 0 || may_be_none, "{what}: no point was tried");
    let shown: Vec<_> = violations.iter().take(5).map(String::as_str).collect();
    assert!(
        violations.is_empty(),
        "{found} violations, such as\n{}",
        shown.join("\n\n")
    );
}

/// That two states are the same.
pub(crate) fn same(what: &str, before: &impl Lines, after: &impl Lines) -> Checked {
    match difference(before, after) {
        none if none.is_empty() => Ok(()),
        difference => Err(format!("{what} differ:\n{difference}")),
    }
}

/// That the database is whole.
pub(crate) fn check_integrity(install: &Install) -> Checked {
    let found = install.query_bytes("PRAGMA integrity_check");
    if found != [b"ok"] {
        let found = found.concat().escape_ascii().to_string();
        return Err(format!("the database is damaged: {found}"));
    }
    Ok(())
}

/// That it ended well.
pub(crate) fn ends_well(run: Invocation) -> Checked<Outcome> {
    let outcome = run.run();
    match outcome.code() {
        Some(0) => Ok(outcome),
        _ => Err(format!("the next run failed: {outcome}")),
    }
}
