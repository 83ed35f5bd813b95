//! Files that a run took out of their places, and of which nothing tells any more: the database was
//! put back after the run was interrupted.

use rusqlite::Connection;

use super::recovery;
use crate::error::Result;
use crate::roots::{Roots, shown};
use crate::storage::{self, Leftover};
use crate::target::Target;

/// A warning for each private directory that holds something and that no recorded run made.
pub(super) fn warnings(
    target: &Target,
    connection: &Connection,
    roots: &Roots,
) -> Result<Vec<String>> {
    let runs = recovery::records(target, connection)?;
    let is_forgotten = |leftover: &&Leftover| {
        leftover.entries != Some(0) && runs.iter().all(|run| run.run != leftover.run)
    };
    let leftovers = match storage::leftovers(roots) {
        Ok(leftovers) => leftovers,
        Err(error) => {
            let warning = format!("files that earlier runs took were not looked for: {error}");
            return Ok(vec![warning]);
        }
    };
    Ok(leftovers.iter().filter(is_forgotten).map(warning).collect())
}

fn warning(leftover: &Leftover) -> String {
    let files = match leftover.entries {
        Some(1) => "1 file".into(),
        Some(files) => format!("{files} files"),
        None => "files".into(),
    };
    format!(
        "`{}` holds {files} that a run took, and this database knows nothing of that run, as when an older copy of it was \
         put back: move back what is missed, and remove the rest",
        shown(&leftover.path)
    )
}
