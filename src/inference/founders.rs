//! Documents that do not say whose they are, and whose versions do: a page is its first author's.

use super::candidate::{Candidate, Optional};
use super::candidates::Search;
use super::decide::Decider;
use super::keepers::may_keep;
use super::words::{is_in, words};
use crate::error::Result;
use crate::manifest::{Literal, Meaning};
use crate::schema::Column;

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
            if !may_keep(decider, candidate) || candidates.iter().any(theirs) {
                continue;
            }
            if let Some(first) = self.first_version(candidates, at)? {
                let every = founded(&mut candidates[at], first);
                decider.owned.insert(every.parent);
                candidates.push(every);
            }
        }
        Ok(())
    }

    /// What marks the first version of a document that says nowhere else whose it is: `version = 1`,
    /// `parent_id = 0`.
    fn first_version(&self, all: &[Candidate], at: usize) -> Result<Option<(String, i64)>> {
        let candidate = &all[at];
        let by_whom = |c: &Candidate| c.table == candidate.table && c.is(Meaning::Owner);
        let possible = candidate.on_delete.is_none()
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

/// A document goes with its first version, and every version with its document: the second of the
/// two references that one column then holds.
fn founded(candidate: &mut Candidate, (column, value): (String, i64)) -> Candidate {
    let mut every = candidate.clone();
    every.decided = Some((Meaning::Owner, "a version goes with what it is of".into()));
    let reason = format!(
        "nothing else says whose it is: it is theirs who wrote its first version (`{column}` is {value})"
    );
    candidate.form.when.insert(column, Literal::Integer(value));
    candidate.decided = Some((Meaning::Keeper, reason));
    every
}
