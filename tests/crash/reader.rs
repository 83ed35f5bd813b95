//! Somebody who reads all the time while a run is killed and finished.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};

use rusqlite::Connection;

use crate::support::install::{Dump, Install, Lines};
use crate::support::run::has_tool;
use crate::support::strace::CHANGING;
use crate::support::subjects::Deletion;
use crate::support::sweep::{
    Checked, JOURNALS, OUTBOX, Point, Series, Subject, finish, series, sweep,
};

/// A process of its own: a handle on the database that is closed in this one would take its locks.
struct Reader(Child);

impl Reader {
    /// Returns when it has read the database once.
    fn of(install: &Install) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args([
            "--exact",
            "reader::inside_reader",
            "--ignored",
            "--nocapture",
        ]);
        command.env("READ", install.database());
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = piped.spawn().unwrap();
        let mut first = String::new();
        let mut output = BufReader::with_capacity(1, child.stdout.as_mut().unwrap());
        while !first.starts_with("view ") {
            first.clear();
            assert_ne!(output.read_line(&mut first).unwrap(), 0, "no reader");
        }
        Self(child)
    }

    /// What it has seen, but for the first view.
    fn stop(mut self) -> Checked<Vec<String>> {
        drop(self.0.stdin.take());
        let mut seen = String::new();
        let mut output = self.0.stdout.take().unwrap();
        output.read_to_string(&mut seen).unwrap();
        if !self.0.wait().unwrap().success() {
            return Err(format!("the reader failed: {seen}"));
        }
        let views = seen.lines().filter_map(|line| line.strip_prefix("view "));
        Ok(views.map(str::to_owned).collect())
    }
}

fn digest(dump: Dump) -> String {
    use sha2::{Digest, Sha256};
    let rows = dump.without_table(OUTBOX).lines().join("\n");
    format!("{:x?}", Sha256::digest(rows)).replace([' ', ','], "")
}

#[test]
#[ignore = "run by the test below"]
fn inside_reader() {
    let reader = Connection::open(std::env::var_os("READ").unwrap()).unwrap();
    reader
        .busy_timeout(std::time::Duration::from_secs(30))
        .unwrap();
    let (end, ended) = std::sync::mpsc::channel::<()>();
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        drop(end);
    });
    let (mut last, pause) = (String::new(), std::time::Duration::from_millis(1));
    while ended.recv_timeout(pause) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
        reader.execute_batch("BEGIN").unwrap();
        let view = digest(Dump::read(&reader));
        reader.execute_batch("COMMIT").unwrap();
        if view != last {
            // On a line of its own, whatever the harness has written on this one.
            println!("\nview {view}");
            std::io::stdout().flush().unwrap();
            last = view;
        }
    }
}

/// It never sees half a user, and stands in nobody's way.
#[test]
fn a_reader_beside_a_killed_run_and_the_next_sees_whole_users_only() {
    if !has_tool("strace", "no run was killed") {
        return;
    }
    let deletions = JOURNALS.map(|journal| Deletion::everyone(journal, &[]));
    let legal: Vec<String> = deletions
        .iter()
        .flat_map(Deletion::legal)
        .map(|dump| digest(dump.clone()))
        .collect();
    let subjects: Vec<Box<dyn Subject>> = deletions
        .into_iter()
        .map(|deletion| Box::new(deletion) as Box<dyn Subject>)
        .collect();
    let series = series(&subjects, &CHANGING, &["signal=KILL"], 2);
    sweep("killed runs beside a reader", &series, |series, nth| {
        try_point(series, nth, &legal)
    });
}

fn try_point(series: &Series<'_>, nth: usize, legal: &[String]) -> Checked<Point> {
    let (subject, install) = (series.subject, series.subject.install());
    let reader = Reader::of(&install);
    let killed = series.hinder(&install, nth)?.is_some();
    if killed {
        let rerun = subject.rerun(&install, nth)?;
        subject
            .check_done(&install)
            .map_err(|error| format!("{error}\n{rerun}"))?;
    }
    let seen = reader.stop()?;
    if let Some(half) = seen.iter().find(|view| !legal.contains(view)) {
        return Err(format!("the reader saw half a user: {half}"));
    }
    if !killed {
        return Ok(Point::NotReached);
    }
    finish(subject, &install, nth)?;
    Ok(Point::Held)
}
