//! Progress bars on stderr, only where a person looks at it.

use std::io::{self, IsTerminal};
use std::thread;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use reset_app::watch::Watch;

use super::arguments::Arguments;
use super::signals;

/// The bar of a run: users and rows while rows go, files afterwards.
#[derive(Debug)]
pub(crate) struct Bars {
    bar: ProgressBar,
    files: bool,
    rows: u64,
}

/// A bar, hidden where nobody would see it.
pub(crate) fn bars(arguments: &Arguments) -> Bars {
    let seen = io::stderr().is_terminal() && !arguments.no_progress && !arguments.quiet;
    Bars {
        bar: if seen {
            ProgressBar::no_length()
        } else {
            ProgressBar::hidden()
        },
        files: false,
        rows: 0,
    }
}

impl Bars {
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn style(&self, template: &str) {
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.bar.set_style(style);
        }
        // `indicatif` panics where the system gives it no thread to tick on.
        if !self.bar.is_hidden() && thread::Builder::new().spawn(|| {}).is_ok() {
            self.bar.enable_steady_tick(Duration::from_millis(200));
        }
    }
}

impl Watch for Bars {
    fn users(&mut self, done: u64, total: u64) {
        if self.bar.length() != Some(total) {
            self.style("{bar:30} {pos}/{len} users, {msg}, {eta} left");
            self.bar.set_length(total);
        }
        self.bar.set_position(done);
    }

    fn rows(&mut self, done: u64) {
        self.rows = done;
        self.bar.set_message(format!("{done} rows"));
    }

    fn files(&mut self, pending: u64) {
        if !self.files {
            self.files = true;
            self.style("{bar:30} {pos}/{len} files, {msg}, {eta} left");
            self.bar.reset();
            self.bar.set_length(pending);
            self.bar.set_message(format!("{} rows deleted", self.rows));
        }
        let total = self.bar.length().unwrap_or(pending).max(pending);
        self.bar.set_position(total - pending);
    }

    fn tables(&mut self, done: u64, total: u64) {
        if done == 1 {
            self.style("{bar:30} {pos}/{len} parts of the tables searched, {eta} left");
            self.bar.reset();
            self.bar.set_length(total);
        }
        self.bar.set_position(done);
    }

    fn read(&mut self, done: u64) {
        if done == 1 {
            self.style("{spinner} {pos} files searched");
            self.bar.reset();
            self.bar.unset_length();
        }
        self.bar.set_position(done);
    }

    fn stop(&self) -> bool {
        signals::received().is_some()
    }
}
