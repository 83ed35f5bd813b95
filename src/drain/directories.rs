//! Directories of the outbox: removed when empty, after the files.

use super::files::{BATCH, Fate, Taking, runs, settle};
use super::{Drain, Drained};
use crate::error::{Error, Result};
use crate::outbox::{self, FileRecord, Kind};
use crate::storage::{DirectoryRemoval, Quarantine};
use crate::survey::STILL_HOLDS;

impl Drain<'_> {
    /// Removes every recorded directory that is empty; one that is not stays, and is no longer
    /// recorded.
    pub(crate) fn directories(&self, drained: &mut Drained) -> Result<()> {
        outbox::list_files(self.connection)?;
        let mut after = 0;
        loop {
            let batch = outbox::paths(self.connection, Kind::Directory, after, BATCH)?;
            let Some(last) = batch.last() else {
                return Ok(());
            };
            after = last.id;
            for run in runs(batch) {
                self.directory_batch(run, drained)?;
            }
        }
    }

    fn directory_batch(&self, records: Vec<FileRecord>, drained: &mut Drained) -> Result<()> {
        let Some(run) = records.first().map(|record| record.run.clone()) else {
            return Ok(());
        };
        let quarantine = Quarantine::open(self.roots, &run, self.erased);
        let mut quarantine = quarantine.map_err(|_| Error::OutboxRow)?;
        let (mut taking, mut done) = (Vec::new(), Vec::new());
        for record in records {
            match self.remove_directory(&mut quarantine, &record, drained)? {
                Fate::Dropped => done.push(record.id),
                Fate::Stays => {}
                Fate::Taken { counts } => taking.push(Taking { record, counts }),
            }
        }
        let report = quarantine.purge();
        done.extend(settle(&taking, &report, drained));
        self.take_out(done)
    }

    fn remove_directory(
        &self,
        quarantine: &mut Quarantine,
        record: &FileRecord,
        drained: &mut Drained,
    ) -> Result<Fate> {
        let place = match self.standing(record, drained) {
            Ok(place) => place,
            Err(fate) => return Ok(fate),
        };
        let removal = quarantine.remove_directory(record.id, &place, &record.identity);
        Ok(match removal {
            DirectoryRemoval::Removed => Fate::Taken {
                counts: !record.line.is_empty(),
            },
            DirectoryRemoval::Missing => Fate::Taken { counts: false },
            // It goes when the file has gone that could not be removed now.
            DirectoryRemoval::NotEmpty if outbox::holds_beneath(self.connection, record)? => {
                Fate::Stays
            }
            DirectoryRemoval::NotEmpty => {
                if !record.line.is_empty() {
                    drained.shared.insert(place, STILL_HOLDS.into());
                }
                Fate::Taken { counts: false }
            }
            DirectoryRemoval::Replaced => {
                drained.refuse(
                    place.to_string(),
                    &"another directory stands there than was listed",
                );
                Fate::Taken { counts: false }
            }
            DirectoryRemoval::Refused(refusal) => {
                drained.refuse(place.to_string(), &refusal);
                Fate::Dropped
            }
            DirectoryRemoval::Failed(error) => {
                drained.leave(place.to_string(), &error);
                Fate::Stays
            }
        })
    }
}
