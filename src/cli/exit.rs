//! The exit codes: an interface, chosen in this one place.

use std::process::ExitCode;

use reset_app::error::{Class, Error};
use reset_app::report::Report;
use reset_app::verify::Verification;

use super::signals;

/// What `--help` says of them.
pub(crate) const HELP: &str = "\
Exit codes:
  0    done (Redis out of reach is a warning)
  1    failed; what was committed is complete, the message says what was not started
  2    usage
  3    done, except what is listed, each with its remedy
  4    refused before anything changed
  5    verify or check found something that nothing accounts for, or diff a difference
  130  stopped by SIGINT; consistent; resume, or run again
  143  stopped by SIGTERM; consistent; resume, or run again";

/// How the command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Done,
    Failed,
    Usage,
    Except,
    Refused,
    /// A check found something.
    Found,
    /// By the signal of this number.
    Stopped(u8),
}

impl Exit {
    pub(crate) fn of_error(error: &Error) -> Self {
        match error.class() {
            Class::Refused => Self::Refused,
            Class::Failed => Self::Failed,
        }
    }

    pub(crate) fn of_report(report: &Report) -> Self {
        if report.stopped {
            return Self::Stopped(signals::received().unwrap_or(signals::SIGINT));
        }
        if !report.failed.is_empty() {
            return Self::Failed;
        }
        let verified = report.verification.as_ref().map(Self::of_verification);
        if let Some(found @ Self::Found) = verified {
            return found;
        }
        if report.is_complete() && verified.is_none_or(|exit| exit == Self::Done) {
            Self::Done
        } else {
            Self::Except
        }
    }
}

impl Exit {
    pub(crate) fn of_verification(verification: &Verification) -> Self {
        match (verification.is_clean(), verification.is_whole()) {
            (false, _) => Self::Found,
            (true, false) => Self::Except,
            (true, true) => Self::Done,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Except => 3,
            Exit::Refused => 4,
            Exit::Found => 5,
            Exit::Stopped(signal) => 128 + signal,
        })
    }
}
