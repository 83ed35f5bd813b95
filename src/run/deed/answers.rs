//! How the database itself answers a deletion: with rows that triggers write, and with words that
//! stay in full-text indexes.

use super::Deed;
use crate::erase::Deletion;
use crate::error::{Error, Result};
use crate::full_text::unforgetting;
use crate::plan::Accounts;
use crate::report::Written;
use crate::scrub;
use crate::survey::{Kept, TableCount};

impl Deed<'_> {
    /// A trigger may have answered the deletion with new rows of the user: they go too, as long as
    /// that comes to an end.
    pub(super) fn delete_what_triggers_wrote(
        &mut self,
        deletion: &Deletion,
        position: i64,
        rows: &mut [TableCount],
    ) -> Result<()> {
        const PASSES: usize = 3;
        if self.picture.survey.plan.accounts == Accounts::Delete {
            return Ok(());
        }
        self.surveyed = false;
        for _ in 0..PASSES {
            self.picture.survey.take_again(self.connection, position)?;
            let more = self.picture.survey.going_with(self.connection, position)?;
            if more.iter().all(|table| table.rows == 0) {
                return Ok(());
            }
            self.delete_rows(deletion, position)?;
            for (sum, table) in rows.iter_mut().zip(more) {
                sum.rows += table.rows;
            }
        }
        Err(Error::RowsWritten)
    }

    /// Where the tables stand that triggers write, before rows are deleted.
    pub(super) fn marks(&self) -> Result<Vec<i64>> {
        let watched = self.picture.scene.watched.iter();
        watched
            .map(|watched| watched.mark(self.connection))
            .collect()
    }

    /// How many rows each of them got since.
    pub(super) fn written_since(&self, marks: &[i64]) -> Result<Vec<u64>> {
        let watched = self.picture.scene.watched.iter().zip(marks);
        watched
            .map(|(watched, mark)| watched.since(self.connection, *mark))
            .collect()
    }

    /// What triggers wrote in the whole run.
    pub(super) fn written(&self) -> Vec<Written> {
        let watched = self.picture.scene.watched.iter().zip(&self.written);
        let some = watched.filter(|(_, rows)| **rows > 0);
        some.map(|(watched, rows)| watched.written(*rows)).collect()
    }

    /// Once for all users: an index is merged as a whole.
    pub(super) fn keep_indexes_in_step(&self) -> Vec<Kept> {
        if self.rows == 0 {
            return Vec::new();
        }
        let failed = scrub::keep_in_step(self.connection, self.picture.survey.plan);
        let failed = failed.into_iter().map(|(table, error)| {
            let reason = format!("{error}; run again, with the same user or another");
            (table, reason)
        });
        let unforgetting = unforgetting(&self.picture.scene.schema).map(|table| {
            let reason = "those of deleted rows are in it until the application makes it anew";
            (table, reason.into())
        });
        let kept = |(table, reason): (String, String)| Kept {
            path: format!("words in the full-text index `{table}`"),
            reason,
        };
        failed.chain(unforgetting).map(kept).collect()
    }
}
