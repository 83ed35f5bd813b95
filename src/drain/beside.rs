//! Files of users whose erasure is durable, taken and purged while later users are erased.
//!
//! Only what went without a question is settled here. Everything else (a file that was replaced, one
//! that could not be removed) stays in the outbox, for [`Drain::files`](super::Drain::files) to look
//! at again when all users are erased, and to report.

use std::thread::Scope;

use rusqlite::Connection;

use super::Drained;
use super::crew::{Crew, Load};
use crate::database::{Guests, transaction};
use crate::error::{Error, Result};
use crate::outbox::{self, Erased};
use crate::roots::{Kind, Roots};
use crate::storage::Quarantine;

/// How many files one thread takes beside one user's rows, whose commit waits until they are taken.
const SLICE: usize = 48;

/// Fewer files than this wait for more.
const LEAST: usize = 32;

/// The files of one run on their way.
#[derive(Debug)]
pub(crate) struct Beside<'r> {
    crew: Crew<'r>,
    roots: &'r Roots,
    run: String,
    /// The users up to this position are erased, durably.
    erased: Option<(i64, Erased)>,
    /// Files of users up to that position that were not handed out.
    due: usize,
    /// Files recorded of users after it.
    undue: usize,
    /// The last outbox row that was handed out.
    after: i64,
    /// Outbox rows that may go.
    done: Vec<i64>,
    drained: Drained,
}

impl<'r> Beside<'r> {
    /// Starts the threads, which end with the answer of [`end`](Self::end), or when it is dropped.
    /// What is counted is added to `drained`.
    pub(crate) fn start<'scope>(
        scope: &'scope Scope<'scope, '_>,
        roots: &'r Roots,
        run: &str,
        drained: Drained,
    ) -> Self
    where
        'r: 'scope,
    {
        Self {
            crew: Crew::hire(scope),
            roots,
            run: run.to_owned(),
            erased: None,
            due: 0,
            undue: 0,
            after: 0,
            done: Vec::new(),
            drained,
        }
    }

    /// Something was recorded of the user who is being erased.
    pub(crate) fn recorded(&mut self, what: Kind) {
        self.undue += usize::from(what != Kind::Directory);
    }

    /// The erasure of every user up to this position is durable (invariant 2).
    pub(crate) fn erased(&mut self, position: i64, proof: &Erased) {
        self.erased = Some((position, proof.clone()));
        self.due += std::mem::take(&mut self.undue);
    }

    /// Has files of such users taken. Inside a transaction that holds the write lock until the guests
    /// are gone, and only as long as the rows that name files are those of the survey or fewer:
    /// then no row names a file that was recorded (invariant 5).
    pub(crate) fn take(&mut self, connection: &Connection, guests: &mut Guests) -> Result<()> {
        let Some((position, proof)) = self.erased.clone() else {
            return Ok(());
        };
        self.settle();
        outbox::remove(connection, std::mem::take(&mut self.done))?;
        // The outbox is read through for them, so not for every user.
        while self.due >= LEAST && self.crew.is_free() {
            let upto = (&*self.run, position);
            let batch = outbox::files_up_to(connection, upto, self.after, SLICE)?;
            if batch.is_empty() {
                self.due = 0;
                return Ok(());
            }
            self.due = self.due.saturating_sub(batch.len());
            self.after = batch.last().map_or(self.after, |last| last.id);
            let quarantine = Quarantine::open(self.roots, &self.run, &proof);
            let quarantine = quarantine.map_err(|_| Error::OutboxRow)?;
            let files = batch.into_iter().filter_map(|record| {
                let place = record.place(self.roots).ok()?;
                Some((record, place))
            });
            let files = files.collect();
            guests.extend(self.crew.give(Load { quarantine, files }));
        }
        Ok(())
    }

    fn settle(&mut self) {
        for finished in self.crew.finished() {
            self.done.extend(finished.settle_plain(&mut self.drained));
        }
    }

    /// Waits for what is under way, and answers what was done. An outbox row that cannot be taken out
    /// now is found done when all files are asked for.
    pub(crate) fn end(mut self, connection: &Connection) -> Drained {
        for finished in self.crew.finish() {
            self.done.extend(finished.settle_plain(&mut self.drained));
        }
        if self.done.is_empty() {
            return self.drained;
        }
        let recorded = transaction(connection, || outbox::remove(connection, self.done));
        if let Err(error) = recorded {
            log::debug!("files are gone, and still recorded: {error}");
        }
        self.drained
    }
}
