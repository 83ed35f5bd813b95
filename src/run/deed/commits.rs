//! The commits of a deed: one a user, durable several at a time.

use super::Deed;
use crate::database::{self, Durability, schema_version};
use crate::erase::{self, Commit, Deletion, Restructured};
use crate::error::{Error, Result};
use crate::outbox;

/// How many users' commits one sync makes durable. What follows a user's commit waits for it
/// (invariant 2).
const TOGETHER: u64 = 10;

impl Deed<'_> {
    /// When the commit of the user at a position is to be durable.
    pub(super) fn durability(&self, position: i64) -> Durability {
        let survey = &self.picture.survey;
        let last = position == survey.unowned.unwrap_or(survey.targets.last);
        if last || self.undurable + 1 >= TOGETHER {
            Durability::AtOnce
        } else {
            Durability::WithALaterOne
        }
    }

    /// Before the first user: indexes for the run. Where they cannot be had, it does without, and the
    /// answer says so.
    pub(super) fn adapt_indexes(&mut self) -> Result<Option<String>> {
        let survey = &self.picture.survey;
        let users = survey.targets.count.unsigned_abs();
        match erase::adapt(self.connection, survey.plan, users, &self.record) {
            Ok(restructured) => self.follow(restructured).map(|()| None),
            Err(error) => Ok(Some(format!(
                "the indexes could not be changed for the run, which was the slower for it: {error}"
            ))),
        }
    }

    /// The structure was changed by this program itself, and by nobody else in between.
    pub(super) fn follow(&mut self, restructured: Option<Restructured>) -> Result<()> {
        if let Some((before, after)) = restructured
            && before == self.schema_version
        {
            self.schema_version = after;
            self.picture.survey.rows.renew_lookups(self.connection)?;
        }
        Ok(())
    }

    pub(super) fn committed(&mut self, commit: Commit, position: i64) -> Result<()> {
        match commit {
            Commit::Done(erased) => {
                self.undurable = match &erased {
                    Some(erased) => {
                        self.beside
                            .iter_mut()
                            .for_each(|b| b.erased(position, erased));
                        0
                    }
                    None => self.undurable + 1,
                };
                self.erased = erased.or(self.erased.take());
                self.schema_version = schema_version(self.connection)?;
                self.checkpoints.committed();
                Ok(())
            }
            Commit::RolledBack(error) => Err(error),
            Commit::Unknown(error) => {
                self.undurable += 1;
                let fresh = database::open(&self.picture.target.database)?;
                Err(Error::Commit {
                    happened: outbox::holds_user(&fresh, &self.record.run, position)?,
                    cause: Box::new(error),
                })
            }
        }
    }

    /// Makes every commit durable: those of users erased before a run was stopped, or before others
    /// failed.
    pub(super) fn settle(&mut self) -> Result<()> {
        if self.undurable == 0 {
            return Ok(());
        }
        let users = self.users;
        self.commit_alone(|deed| outbox::record_progress(deed.connection, &deed.record.run, users))
    }

    /// Nobody to erase, but the keys of everyone may still be cleared: that takes a commit too.
    pub(super) fn record_alone(&mut self) -> Result<()> {
        self.commit_alone(|deed| outbox::begin(deed.connection, &deed.record))
    }

    fn commit_alone(&mut self, work: impl FnOnce(&Self) -> Result<()>) -> Result<()> {
        let deletion = Deletion::begin(self.connection, Durability::AtOnce)?;
        work(self)?;
        self.erased = deletion.commit_or_error()?;
        self.undurable = 0;
        Ok(())
    }
}
