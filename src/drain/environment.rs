//! The file that holds the environment: it goes when everything else is done, because it says where
//! everything else is.

use super::files::{Fate, Taking, settle};
use super::{Drain, Drained};
use crate::error::{Error, ResetError, Result};
use crate::outbox::{self, Kind, shown_path};
use crate::roots::RESERVED;
use crate::storage::{self, Quarantine};

impl Drain<'_> {
    /// Removes the recorded file, if nothing else is left to remove.
    pub(super) fn environment(&self, drained: &mut Drained) -> Result<()> {
        let records = outbox::paths(self.connection, Kind::Environment, 0, usize::MAX)?;
        let (_, others) = outbox::pending(self.connection)?;
        if records.is_empty() || others > 0 {
            return Ok(());
        }
        let roots = self.target.environment_roots()?;
        let drain = Drain {
            roots: &roots,
            ..*self
        };
        for record in records {
            let quarantine = Quarantine::open(&roots, &record.run, self.erased);
            let mut quarantine = quarantine.map_err(|_| Error::OutboxRow)?;
            let path = shown_path(&record);
            let fate = drain.take_unnamed(&mut quarantine, &record, drained);
            let (mut taking, mut done) = (Vec::new(), Vec::new());
            match fate {
                Fate::Dropped => done.push(record.id),
                Fate::Stays => {}
                Fate::Taken { counts } => {
                    if counts {
                        drained.environment = Some(path);
                    }
                    taking.push(Taking {
                        record,
                        counts: false,
                    });
                }
            }
            done.extend(settle(&taking, &quarantine.purge(), drained));
            self.take_out(done)?;
        }
        Ok(())
    }

    /// Whether nothing recorded is left to remove.
    pub(super) fn paths_are_done(&self) -> Result<bool> {
        let (_, paths) = outbox::pending(self.connection)?;
        let environment = outbox::paths(self.connection, Kind::Environment, 0, 1)?;
        Ok(paths == 0 && environment.is_empty())
    }

    /// Removes the quarantine in which that file was, should it still stand.
    pub(super) fn remove_quarantine_of_environment(&self, run: &str) -> Result<()> {
        let roots = self.target.environment_roots()?;
        let trouble = |error| {
            Error::from(ResetError::Trouble {
                path: format!("{RESERVED}-{run}"),
                error,
            })
        };
        for leftover in storage::leftovers(&roots).map_err(trouble)? {
            if leftover.run == run {
                storage::remove_empty(&roots, &leftover, self.erased).map_err(trouble)?;
            }
        }
        Ok(())
    }
}
