//! `resume`, of what a killed command left.

use std::fmt;

use super::super::install::Install;
use super::super::run::Outcome;
use super::super::strace::hindered;
use super::super::sweep::{Checked, Subject, ends_well};

/// `resume`, after a command was killed at its first system call of a kind.
#[derive(Debug)]
pub(crate) struct Resumed<S> {
    command: S,
    killed_at: &'static str,
}

impl<S: Subject> Resumed<S> {
    pub(crate) fn new(command: S, killed_at: &'static str) -> Self {
        Self { command, killed_at }
    }
}

impl<S: Subject> Subject for Resumed<S> {
    fn template(&self) -> &Install {
        self.command.template()
    }

    fn install(&self) -> Install {
        let install = self.command.install();
        let run = self.command.command(&install);
        let (killed, _) = hindered(run, "signal=KILL", self.killed_at, 1);
        assert!(killed.was_killed(), "{killed}");
        assert!(!self.command.is_untouched(&install), "nothing to resume");
        install
    }

    fn words(&self) -> Vec<&str> {
        vec!["resume", "--no-redis"]
    }

    fn check_middle(&self, install: &Install) -> Checked {
        self.command.check_middle(install)
    }

    fn check_end(&self, install: &Install) -> Checked {
        self.command.check_end(install)
    }

    fn check_done(&self, install: &Install) -> Checked {
        self.command.check_done(install)
    }

    /// Refused with the work undone: as it was found.
    fn is_untouched(&self, install: &Install) -> bool {
        self.command.check_middle(install).is_ok()
    }

    fn rerun(&self, install: &Install, nth: usize) -> Checked<Outcome> {
        // Whoever does not know `resume`, or that it was done, gives the command again.
        if nth.is_multiple_of(3) || self.command.check_end(install).is_ok() {
            return self.command.rerun(install, nth);
        }
        ends_well(self.command(install))
    }
}
