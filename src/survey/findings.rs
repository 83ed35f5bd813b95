//! What the survey of files comes to, beside the files themselves.

use std::collections::BTreeSet;
use std::io;

use crate::roots::Refusal;

/// How many refused paths are kept by name; more are counted.
pub(super) const NAMED: usize = 1000;

/// A path that stays although a user's row names it or a user's directory holds it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kept {
    /// The path, fit for a terminal.
    pub path: String,
    /// Why it stays.
    pub reason: String,
}

/// A user of whom a file could not be removed.
#[derive(Debug)]
pub struct Trouble {
    /// The user's position.
    pub position: i64,
    /// The file.
    pub path: String,
    /// Why.
    pub error: io::Error,
}

impl Trouble {
    /// As it is listed in a preview.
    pub(crate) fn to_kept(&self) -> Kept {
        Kept {
            path: self.path.clone(),
            reason: self.error.to_string(),
        }
    }
}

/// What the files of a run have come to so far.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// Paths refused: malformed, outside every root, protected, behind a link, on another mount.
    pub(crate) refused: BTreeSet<Kept>,
    /// Refused paths beyond those named.
    pub(crate) refused_more: u64,
    /// Files that stay because it cannot be told whether a row which stays names them.
    pub(crate) doubtful: Vec<Kept>,
    /// Users who cannot be started.
    pub(crate) trouble: Vec<Trouble>,
    /// Paths that rows name, whether or not a file is there.
    pub(crate) named: u64,
    /// Those of them where one is.
    pub(crate) present: u64,
}

impl Findings {
    pub(crate) fn refuse(&mut self, path: String, refusal: &Refusal) {
        self.keep(path, refusal.to_string());
    }

    pub(super) fn keep(&mut self, path: String, reason: String) {
        let kept = Kept {
            path: shortened(path),
            reason,
        };
        if self.refused.len() < NAMED {
            self.refused.insert(kept);
        } else if !self.refused.contains(&kept) {
            self.refused_more += 1;
        }
    }
}

/// A hostile path may be as long as a row can be: both ends and the length are told.
fn shortened(path: String) -> String {
    const SHOWN: usize = 300;
    let characters = path.chars().count();
    if characters <= SHOWN {
        return path;
    }
    let start: String = path.chars().take(SHOWN / 2).collect();
    let end: String = path.chars().skip(characters - SHOWN / 2).collect();
    format!("{start}…{end} ({characters} characters)")
}
