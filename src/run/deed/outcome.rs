//! What a deed came to, as a report.

use super::{Deed, Gone};
use crate::drain::{Drained, KeysCleared};
use crate::error::Result;
use crate::report::{Report, Stage};
use crate::summary;
use crate::survey::Collateral;

impl Deed<'_> {
    /// What goes with one user.
    pub(super) fn gone_with(&self, position: i64) -> Result<Gone> {
        let survey = &self.picture.survey;
        Ok(Gone {
            rows: survey.going_with(self.connection, position)?,
            collateral: survey.collateral_of(self.connection, position)?,
        })
    }

    pub(super) fn report(mut self, drained: &Drained, keys: KeysCleared) -> Result<Report> {
        let target = self.picture.target;
        let written = self.written();
        self.counts.keys = keys;
        for (line, files) in &drained.removed {
            self.counts.add_files(line, *files);
        }
        let findings = self.picture.findings;
        let mentions = self.picture.survey.mentions(self.connection)?;
        Ok(Report {
            run: Some(self.record.run),
            users_processed: self.users,
            summary: summary::lines(&target.manifest, &self.counts),
            collateral: Collateral::merged(self.collateral),
            mentions: mentions.set,
            still_named: mentions.still_named,
            reassigned: mentions.reassigned,
            refused: findings
                .refused
                .into_iter()
                .chain(drained.refused.iter().cloned())
                .collect(),
            refused_more: findings.refused_more,
            left: drained.left.clone(),
            failed: self.failed,
            not_begun: self.not_begun,
            written,
            warnings: drained.warnings.clone(),
            stopped: self.stopped,
            counts: self.counts,
            ..Report::empty(target, Stage::Done, self.picture.job.operation.name())
        })
    }
}
