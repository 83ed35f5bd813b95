//! Runs during which the power fails: what was not flushed is not on the disk, and the next run finds
//! only what is (invariants 2 and 3, on ext4).
//!
//! The application lies on one disk, or on two: the database on one, everything else on the other.
//! After each power loss the middle must hold; after one rerun everything must be as an uninterrupted
//! run leaves it. `RESET_APP_SOAK=1` tries every point. Only root can mount: else this is skipped.

#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::fs;
use std::sync::Mutex;

use support::disk::{Disk, Image, Number, blank, has_disks};
use support::install::{DATABASE, Install};
use support::run::has_tool;
use support::sweep::{Case, Journal, Point, Series, is_soak, sweep};
use tempfile::TempDir;

/// What changes the disk or flushes it, with the stride of a sample of less than half a minute.
const SYSCALLS: [(&str, usize); 10] = [
    ("pwrite64", 29),
    ("fsync", 2),
    ("fdatasync", 1),
    ("unlinkat", 2),
    ("unlink", 3),
    ("renameat2", 1),
    ("mkdirat", 2),
    ("ftruncate", 2),
    ("flock", 2),
    ("write", 3),
];

/// The kind whose last run is not killed, and loses power after its end.
const AFTER_THE_END: &str = "fsync";

/// An application's disks, ready to be inserted.
struct Installed {
    case: Case,
    whole: Image,
    /// Where the database has one of its own.
    database: Option<Image>,
}

/// Disks, and the place where they are mounted, one below the other.
struct Machine {
    database: Disk,
    whole: Disk,
    base: TempDir,
}

impl Machine {
    fn new() -> Self {
        let base = TempDir::new().unwrap();
        let whole = base.path().canonicalize().unwrap();
        let database = whole.join("app").join(DATABASE);
        Self {
            database: Disk::new(database.parent().unwrap()).unwrap(),
            whole: Disk::new(&whole).unwrap(),
            base,
        }
    }

    fn switch_on(&mut self, whole: &[u8], database: Option<&[u8]>, number: Number) {
        self.switch_off();
        self.whole.insert(whole, number).unwrap();
        if let Some(database) = database {
            self.database.insert(database, number).unwrap();
        }
    }

    fn switch_off(&mut self) {
        self.database.remove();
        self.whole.remove();
    }

    /// Off without warning, and on again.
    fn lose_power(&mut self, has_two: bool, number: Number) {
        let whole = self.whole.image();
        let database = has_two.then(|| self.database.image());
        self.switch_on(&whole, database.as_deref(), number);
    }
}

impl Installed {
    fn new(case: Case, disks: usize) -> Self {
        let mut machine = Machine::new();
        let base = machine.base.path().canonicalize().unwrap();
        machine
            .whole
            .insert(&blank().unwrap(), Number::AsBefore)
            .unwrap();
        if disks == 2 {
            let directory = base.join("app").join(DATABASE);
            fs::create_dir_all(directory.parent().unwrap()).unwrap();
            machine
                .database
                .insert(&blank().unwrap(), Number::AsBefore)
                .unwrap();
        }
        case.template().copy_to(&base);
        let database = (disks == 2).then(|| machine.database.eject());
        Self {
            case,
            whole: machine.whole.eject(),
            database,
        }
    }

    fn switch_on(&self, machine: &mut Machine) -> Install {
        machine.switch_on(&self.whole, self.database.as_deref(), Number::AsBefore);
        let base = machine.base.path().canonicalize().unwrap();
        self.case.template().standing_at(&base)
    }
}

fn try_point(
    installed: &Installed,
    machine: &mut Machine,
    series: &Series<'_>,
    nth: usize,
) -> Result<Point, String> {
    let (case, install) = (series.case, installed.switch_on(machine));
    let (has_two, number) = (
        installed.database.is_some(),
        if nth.is_multiple_of(2) {
            Number::Another
        } else {
            Number::AsBefore
        },
    );
    let outcome = case.run_hindered(&install, series.how, series.syscall, nth);
    if !outcome.was_killed() {
        assert_eq!(outcome.code(), Some(0), "{outcome}");
        if series.syscall == AFTER_THE_END {
            machine.lose_power(has_two, number);
            case.check_done(&install)
                .map_err(|error| format!("after its end: {error}"))?;
        }
        return Ok(Point::NotReached);
    }
    machine.lose_power(has_two, number);
    case.check_middle(&install)?;
    let rerun = case.run(&install);
    if rerun.code() != Some(0) {
        return Err(format!("the rerun failed: {rerun}"));
    }
    case.check_end(&install)
        .map_err(|error| format!("{error}\n{rerun}"))?;
    Ok(Point::Held)
}

#[test]
fn a_run_that_lost_power_anywhere_is_finished_by_the_next() {
    if !has_tool("strace", "no run lost power") || !has_disks("no run lost power") {
        return;
    }
    let cases = [Journal::Wal, Journal::Delete]
        .map(|journal| [1, 2].map(|disks| Installed::new(Case::everyone(journal, &[]), disks)));
    let cases = cases.as_flattened();
    let series: Vec<_> = SYSCALLS
        .iter()
        .flat_map(|(syscall, stride)| {
            let stride = if is_soak() { 1 } else { *stride };
            cases.iter().enumerate().map(move |(at, installed)| Series {
                case: &installed.case,
                how: "signal=KILL",
                syscall,
                first: 1 + at * stride / cases.len(),
                stride,
            })
        })
        .collect();
    let machines = Mutex::new(vec![Machine::new(), Machine::new()]);
    sweep("power losses", &series, |series, nth| {
        let installed = cases
            .iter()
            .find(|installed| std::ptr::eq(&raw const installed.case, series.case))
            .unwrap();
        let mut machine = machines.lock().unwrap().pop().unwrap();
        let tried = try_point(installed, &mut machine, series, nth);
        machine.switch_off();
        machines.lock().unwrap().push(machine);
        tried
    });
}
