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
use support::strace::CHANGING;
use support::subjects::{Deletion, Reset, Restore, Save};
use support::sweep::{Checked, Journal, Point, Series, Subject, finish, series, sweep};
use tempfile::TempDir;

/// The kind whose last run is not killed, and loses power after its end.
const AFTER_THE_END: &str = "fsync";

/// An application's disks, ready to be inserted.
struct Installed<'a> {
    subject: &'a dyn Subject,
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

impl<'a> Installed<'a> {
    fn new(subject: &'a dyn Subject, disks: usize) -> Self {
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
        subject.template().copy_to(&base);
        subject.prepare(&subject.template().standing_at(&base));
        let database = (disks == 2).then(|| machine.database.eject());
        Self {
            subject,
            whole: machine.whole.eject(),
            database,
        }
    }

    fn switch_on(&self, machine: &mut Machine) -> Install {
        machine.switch_on(&self.whole, self.database.as_deref(), Number::AsBefore);
        let base = machine.base.path().canonicalize().unwrap();
        self.subject.template().standing_at(&base)
    }
}

fn try_point(
    installed: &Installed<'_>,
    machine: &mut Machine,
    series: &Series<'_>,
    nth: usize,
) -> Checked<Point> {
    let (subject, install) = (series.subject, installed.switch_on(machine));
    let has_two = installed.database.is_some();
    let number = if nth.is_multiple_of(2) {
        Number::Another
    } else {
        Number::AsBefore
    };
    let Some(killed) = series.hinder(&install, nth)? else {
        if series.syscall == AFTER_THE_END {
            machine.lose_power(has_two, number);
            subject
                .check_done(&install)
                .map_err(|error| format!("after its end: {error}"))?;
        }
        return Ok(Point::NotReached);
    };
    assert!(killed.was_killed(), "{killed}");
    machine.lose_power(has_two, number);
    subject.check_middle(&install)?;
    finish(subject, &install, nth)?;
    Ok(Point::Held)
}

/// Loses power during commands, each with one disk or two.
fn lose_power<const N: usize>(what: &str, most: usize, subjects: [(Box<dyn Subject>, usize); N]) {
    if !has_tool("strace", "no run lost power") || !has_disks("no run lost power") {
        return;
    }
    let (subjects, disks): (Vec<_>, Vec<_>) = subjects.into_iter().unzip();
    let series = series(&subjects, &CHANGING, &["signal=KILL"], most);
    let installed: Vec<_> = subjects
        .iter()
        .zip(disks)
        .map(|(subject, disks)| Installed::new(subject.as_ref(), disks))
        .collect();
    let machines = Mutex::new(vec![Machine::new(), Machine::new()]);
    sweep(what, &series, |series, nth| {
        let of = |installed: &&Installed| std::ptr::addr_eq(installed.subject, series.subject);
        let installed = installed.iter().find(of).unwrap();
        let mut machine = machines.lock().unwrap().pop().unwrap();
        let tried = try_point(installed, &mut machine, series, nth);
        machine.switch_off();
        machines.lock().unwrap().push(machine);
        tried
    });
}

/// One command in both journal modes, on one disk and on two.
fn on_disks(command: impl Fn(Journal) -> Box<dyn Subject>) -> [(Box<dyn Subject>, usize); 4] {
    [
        (command(Journal::Wal), 1),
        (command(Journal::Wal), 2),
        (command(Journal::Delete), 1),
        (command(Journal::Delete), 2),
    ]
}

#[test]
fn a_run_that_lost_power_anywhere_is_finished_by_the_next() {
    let deletions = on_disks(|journal| Box::new(Deletion::everyone(journal, &[])));
    lose_power("power losses", 10, deletions);
}

/// The files of the first user are on their way while others are erased: those whose commits are not
/// durable yet keep theirs.
#[test]
fn a_run_that_lost_power_while_files_go_beside_it_is_finished_by_the_next() {
    let deletions = on_disks(|journal| Box::new(Deletion::everyone_with_album(journal)));
    lose_power("power losses with files beside", 3, deletions);
}

#[test]
fn a_reset_that_lost_power_anywhere_is_finished_by_the_next() {
    let resets = on_disks(|journal| Box::new(Reset::new(journal)));
    lose_power("power losses of resets", 2, resets);
}

#[test]
fn a_restore_that_lost_power_anywhere_is_finished_by_the_next() {
    let [one, two, three, four] = on_disks(|journal| Box::new(Restore::new(journal)));
    let of_files = || Box::new(Restore::of_files(Journal::Delete));
    let restores = [one, two, three, four, (of_files(), 1)];
    lose_power("power losses of restores", 2, restores);
}

#[test]
fn a_save_that_lost_power_anywhere_leaves_a_whole_snapshot_or_none() {
    let saves = on_disks(|journal| Box::new(Save::new(journal)));
    lose_power("power losses of saves", 2, saves);
}
