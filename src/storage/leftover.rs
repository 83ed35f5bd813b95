//! Quarantines that stand in the roots, whoever left them.

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use rustix::fs::{AtFlags, unlinkat};

use super::touched::flush;
use super::{cell, is_run_name};
use crate::outbox::Erased;
use crate::roots::{Kind, RESERVED, Roots, entry_if_any, names, names_that};

/// A quarantine found in a root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leftover {
    root: usize,
    /// Its path, from the name of its root on.
    pub path: PathBuf,
    /// The run that made it.
    pub run: String,
    /// How many entries it holds; `None` if it cannot be read or is not ours.
    pub entries: Option<usize>,
}

/// The quarantines that stand at the top of the roots, in the order of the roots. Changes nothing.
///
/// # Errors
/// If a root cannot be read.
pub fn leftovers(roots: &Roots) -> io::Result<Vec<Leftover>> {
    let mut found = Vec::new();
    for (root, name, top) in roots.present() {
        for (entry, _) in names_that(top, |name| run_of(name).is_some())? {
            let Some(run) = run_of(entry.as_bytes()) else {
                continue;
            };
            let standing = entry_if_any(top, &entry)?;
            if standing.is_none_or(|standing| standing.identity.kind != Kind::Directory) {
                continue;
            }
            let cell = cell::existing(top, &format!("{RESERVED}-{run}"))
                .ok()
                .flatten();
            let entries = cell
                .and_then(|cell| names(&cell).ok())
                .map(|names| names.len());
            found.push(Leftover {
                root,
                path: name.join(&entry),
                run,
                entries,
            });
        }
    }
    Ok(found)
}

fn run_of(name: &[u8]) -> Option<String> {
    let run = name.strip_prefix(RESERVED.as_bytes())?.strip_prefix(b"-")?;
    let run = std::str::from_utf8(run).ok()?;
    is_run_name(run).then(|| run.to_owned())
}

/// Removes a quarantine that holds nothing, and flushes its root.
///
/// # Errors
/// If it is not empty, not ours, or cannot be removed.
pub fn remove_empty(roots: &Roots, leftover: &Leftover, _: &Erased) -> io::Result<()> {
    let Some(top) = roots.directory(leftover.root) else {
        return Ok(());
    };
    let name = format!("{RESERVED}-{}", leftover.run);
    if cell::existing(top, &name)?.is_some() {
        unlinkat(top, &name, AtFlags::REMOVEDIR)?;
    }
    Ok(flush(top)?)
}
