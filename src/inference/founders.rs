//! Documents that do not say whose they are, and whose versions do: a page is its first author's.

use super::candidate::{Candidate, Optional};
use super::candidates::Search;
use super::decide::Decider;
use super::keepers::{carrying, may_carry, may_keep};
use super::words::{is_in, words};
use crate::error::Result;
use crate::manifest::{Form, Literal, Meaning};
use crate::schema::{Action, Column};

/// Words of a column that numbers the versions of a document, or names the one before.
const MARKS: &str =
    "version number revision rev no seq parent previous prev first initial original";

impl Search<'_> {
    /// Decides which documents belong to whoever wrote their first version.
    pub(super) fn decide_founders(
        &self,
        decider: &mut Decider,
        candidates: &mut Vec<Candidate>,
    ) -> Result<()> {
        for at in 0..candidates.len() {
            let candidate = &candidates[at];
            let theirs = |c: &Candidate| {
                c.table == candidate.parent && c.is(Meaning::Owner) && c.form.when.is_empty()
            };
            let open = may_keep(decider, candidate) || may_carry(decider, candidate);
            if !open || candidates.iter().any(theirs) {
                continue;
            }
            if let Some((column, value)) = self.first_version(candidates, at)? {
                let reason = format!(
                    "nothing else says whose it is: it is theirs who wrote its first version (`{column}` is {value})"
                );
                let form = Form {
                    when: [(column, Literal::Integer(value))].into(),
                    ..Form::default()
                };
                let keeper = carrying(&mut candidates[at], form, reason);
                decider.owned.insert(keeper.parent);
                candidates.push(keeper);
            }
        }
        Ok(())
    }

    /// What marks the first version of a document that says nowhere else whose it is: `version = 1`,
    /// `parent_id = 0`.
    fn first_version(&self, all: &[Candidate], at: usize) -> Result<Option<(String, i64)>> {
        let candidate = &all[at];
        let by_whom = |c: &Candidate| c.table == candidate.table && c.is(Meaning::Owner);
        let declared = matches!(candidate.on_delete, None | Some(Action::Cascade));
        let possible = declared
            && candidate.optional != Optional::Yes
            && self.is_version(candidate)
            && !self.names_persons(all, candidate.parent)
            && all.iter().any(by_whom);
        if !possible {
            return Ok(None);
        }
        let table = &self.schema.tables[candidate.table];
        let marks = |column: &&Column| {
            let said = words(&column.name);
            said.iter().any(|word| is_in(MARKS, word)) && column.name != candidate.columns[0]
        };
        for column in table.columns.iter().filter(marks) {
            for value in [0, 1] {
                let mark = (column.name.as_str(), value);
                if self
                    .evidence
                    .marks_first(candidate.table, &candidate.columns[0], mark)?
                {
                    return Ok(Some((column.name.clone(), value)));
                }
            }
        }
        Ok(None)
    }
}
