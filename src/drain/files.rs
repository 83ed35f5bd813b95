//! Files of the outbox, in batches.

use std::collections::BTreeSet;
use std::thread;

use super::crew::{Crew, Finished, Load, TOGETHER};
use super::names::{Names, Naming};
use super::{Drain, Drained};
use crate::database::Guests;
use crate::error::{Error, Result};
use crate::outbox::{self, FileRecord, Kind, shown_path};
use crate::roots::{Place, Refusal, Roots};
use crate::storage::{PurgeReport, Quarantine, Released, Taken};
use crate::survey::NAMED_BY_ANOTHER;
use crate::watch::Watch;

/// How many files one thread takes under one hold of the write lock, while nothing else is to be done
/// under it.
pub(super) const BATCH: usize = TOGETHER;

/// One outbox row on its way through a batch.
pub(super) struct Taking {
    pub(super) record: FileRecord,
    /// It was taken, and counts once the purge has settled it.
    pub(super) counts: bool,
}

impl Drain<'_> {
    /// Removes every recorded file that no row names: while some are purged, the next are taken.
    pub(crate) fn files(&self, drained: &mut Drained, watch: &mut dyn Watch) -> Result<()> {
        let (_, pending) = outbox::pending(self.connection)?;
        watch.files(pending);
        if outbox::paths(self.connection, Kind::File, 0, 1)?.is_empty() {
            return Ok(());
        }
        thread::scope(|scope| self.files_by(Crew::hire(scope), pending, drained, watch))
    }

    fn files_by<'r>(
        &'r self,
        mut crew: Crew<'r>,
        mut pending: u64,
        drained: &mut Drained,
        watch: &mut dyn Watch,
    ) -> Result<()> {
        let (mut known, mut done) = (None, Vec::new());
        let mut next = Next::After(0);
        while let Next::After(after) = next {
            let mut kept = Vec::new();
            next = self.in_transaction(|| {
                outbox::remove(self.connection, std::mem::take(&mut done))?;
                let now = self.refresh_names(known.take())?;
                let names = &*known.insert(now);
                self.give(
                    &mut crew,
                    (after, names),
                    &mut kept,
                    (&mut *drained, &mut done),
                )
            })?;
            for load in kept {
                done.extend(give_back(load, drained));
            }
            let finished = match next {
                Next::After(_) => crew.wait(),
                Next::Nothing => crew.finish(),
            };
            done.extend(finished.into_iter().flat_map(|load| load.settle(drained)));
            pending = pending.saturating_sub(done.len() as u64);
            watch.files(pending);
        }
        self.take_out(done)
    }

    /// Under the lock: whoever is free takes what no row names. What a row names is `kept`.
    fn give<'r>(
        &'r self,
        crew: &mut Crew<'r>,
        (mut after, known): (i64, &Names),
        kept: &mut Vec<Kept<'r>>,
        (drained, done): (&mut Drained, &mut Vec<i64>),
    ) -> Result<Next> {
        let mut guests = Guests::default();
        while crew.is_free() {
            let batch = outbox::paths(self.connection, Kind::File, after, BATCH)?;
            let Some(batch) = runs(batch).into_iter().next() else {
                return Ok(Next::Nothing);
            };
            after = batch.last().map_or(after, |last| last.id);
            let mut going = self.load(self.roots, &batch)?;
            let mut named = Kept {
                quarantine: self.load(self.roots, &batch)?.quarantine,
                files: Vec::new(),
            };
            for record in batch {
                let place = match self.standing(&record, drained) {
                    Ok(place) => place,
                    Err(Fate::Dropped) => {
                        done.push(record.id);
                        continue;
                    }
                    Err(_) => continue,
                };
                match self.naming(&place, known)? {
                    Naming::Nothing => going.files.push((record, place)),
                    naming => named.files.push((record, place, naming)),
                }
            }
            kept.extend((!named.files.is_empty()).then_some(named));
            guests.extend(crew.give(going));
        }
        Ok(Next::After(after))
    }

    /// An empty load for records of one run.
    pub(super) fn load<'r>(&self, roots: &'r Roots, batch: &[FileRecord]) -> Result<Load<'r>> {
        let run = batch.first().map_or("", |record| &record.run);
        let quarantine = Quarantine::open(roots, run, self.erased);
        Ok(Load {
            quarantine: quarantine.map_err(|_| Error::OutboxRow)?,
            files: Vec::new(),
        })
    }

    /// The same, of a file that no row is asked about.
    pub(super) fn take_unnamed(
        &self,
        quarantine: &mut Quarantine,
        record: &FileRecord,
        drained: &mut Drained,
    ) -> Fate {
        match self.standing(record, drained) {
            Ok(place) => take_listed(quarantine, record, &place, drained),
            Err(fate) => fate,
        }
    }

    /// The place of a record, through the gate. A record whose root is not there now (unmounted,
    /// renamed, no longer in the manifest) stays: its file may be there again.
    pub(super) fn standing(
        &self,
        record: &FileRecord,
        drained: &mut Drained,
    ) -> std::result::Result<Place, Fate> {
        let root_is_missing = |place: &Place| {
            let name = place.root_name();
            self.roots.missing().any(|missing| missing == name)
        };
        match record.place(self.roots) {
            Ok(place) if root_is_missing(&place) => {
                drained.leave(place.to_string(), &"its root does not exist");
                Err(Fate::Stays)
            }
            Ok(place) => Ok(place),
            Err(refusal @ Refusal::UnknownRoot(_)) => {
                drained.leave(shown_path(record), &refusal);
                Err(Fate::Stays)
            }
            Err(refusal) => {
                drained.refuse(shown_path(record), &refusal);
                Err(Fate::Dropped)
            }
        }
    }
}

/// Files that rows name, or may name, and the quarantine in which an earlier run may hold them.
struct Kept<'r> {
    quarantine: Quarantine<'r>,
    files: Vec<(FileRecord, Place, Naming)>,
}

/// Where the outbox goes on.
enum Next {
    After(i64),
    Nothing,
}

/// What becomes of an outbox row.
pub(super) enum Fate {
    /// It is not to be done: it goes without ado.
    Dropped,
    /// It stays for the next run.
    Stays,
    /// The purge settles it.
    Taken { counts: bool },
}

fn take_listed(
    quarantine: &mut Quarantine,
    record: &FileRecord,
    place: &Place,
    drained: &mut Drained,
) -> Fate {
    let taken = quarantine.take(record.id, place, &record.identity);
    judge(place, taken, drained)
}

/// What becomes of the outbox row of a file at `place`.
fn judge(place: &Place, taken: Taken, drained: &mut Drained) -> Fate {
    match taken {
        Taken::Quarantined | Taken::Removed => {
            drained.shared.remove(place);
            Fate::Taken { counts: true }
        }
        Taken::Missing => Fate::Taken { counts: false },
        Taken::Replaced => {
            drained.refuse(
                place.to_string(),
                &"another file stands there than was listed",
            );
            Fate::Taken { counts: false }
        }
        Taken::Stranded { held } => {
            let reason = format!(
                "another file than was listed is held in `{}`",
                crate::roots::shown(&held)
            );
            drained.leave(place.to_string(), &reason);
            Fate::Stays
        }
        Taken::Refused(refusal) => {
            drained.refuse(place.to_string(), &refusal);
            Fate::Dropped
        }
        Taken::Failed(error) => {
            drained.leave(place.to_string(), &error);
            Fate::Stays
        }
    }
}

fn release(
    quarantine: &mut Quarantine,
    record: &FileRecord,
    (place, naming): (Place, Naming),
    drained: &mut Drained,
) -> Fate {
    match quarantine.release(record.id, &place) {
        Released::NotHeld | Released::Returned => match naming {
            Naming::InDoubt(reason) => {
                drained.leave(place.to_string(), &reason);
                Fate::Stays
            }
            Naming::Nothing | Naming::Row => {
                drained.shared.insert(place, NAMED_BY_ANOTHER.into());
                Fate::Taken { counts: false }
            }
        },
        Released::Stranded { held } => {
            let reason = format!(
                "a row that stays names it, but it is held in `{}`",
                crate::roots::shown(&held)
            );
            drained.leave(place.to_string(), &reason);
            Fate::Stays
        }
        Released::Failed(error) => {
            drained.leave(place.to_string(), &error);
            Fate::Stays
        }
    }
}

/// Gives back what an earlier run took of files that rows name now.
fn give_back(mut kept: Kept, drained: &mut Drained) -> Vec<i64> {
    let mut taking = Vec::new();
    for (record, place, naming) in kept.files {
        let fate = release(&mut kept.quarantine, &record, (place, naming), drained);
        if let Fate::Taken { counts } = fate {
            taking.push(Taking { record, counts });
        }
    }
    settle(&taking, &kept.quarantine.purge_beside_others(), drained)
}

impl Finished {
    /// Counts and reports; answers the outbox rows that may go.
    fn settle(self, drained: &mut Drained) -> Vec<i64> {
        let (mut taking, mut done) = (Vec::new(), Vec::new());
        for (record, place, taken) in self.files {
            match judge(&place, taken, drained) {
                Fate::Dropped => done.push(record.id),
                Fate::Stays => {}
                Fate::Taken { counts } => taking.push(Taking { record, counts }),
            }
        }
        done.extend(settle(&taking, &self.report, drained));
        done
    }

    /// The same, of what went without a question; all else is left to be asked again and told then.
    pub(super) fn settle_plain(mut self, drained: &mut Drained) -> Vec<i64> {
        let is_plain = |taken: &Taken| matches!(taken, Taken::Quarantined | Taken::Removed);
        self.files.retain(|(_, _, taken)| is_plain(taken));
        self.report.failed.clear();
        self.report.remaining.clear();
        self.settle(drained)
    }
}

/// Consecutive records of one run each.
pub(super) fn runs(batch: Vec<FileRecord>) -> Vec<Vec<FileRecord>> {
    let mut runs: Vec<Vec<FileRecord>> = Vec::new();
    for record in batch {
        match runs.last_mut() {
            Some(run) if run.last().is_some_and(|last| last.run == record.run) => run.push(record),
            _ => runs.push(vec![record]),
        }
    }
    runs
}

/// Counts what is settled, reports what is not, and returns the outbox rows that may go.
pub(super) fn settle(taking: &[Taking], report: &PurgeReport, drained: &mut Drained) -> Vec<i64> {
    let settled: BTreeSet<i64> = report.settled.iter().copied().collect();
    let mut done = Vec::new();
    for Taking { record, counts } in taking {
        if settled.contains(&record.id) {
            done.push(record.id);
            if *counts {
                log::debug!("removed `{}`", shown_path(record));
                drained.count(record);
            }
        }
    }
    for failure in &report.failed {
        let record = taking.iter().find(|taking| taking.record.id == failure.id);
        let path = record.map_or_else(String::new, |taking| shown_path(&taking.record));
        drained.leave(path, &failure.error);
    }
    for remaining in &report.remaining {
        drained.leave(crate::roots::shown(&remaining.path), &remaining.error);
    }
    done
}
