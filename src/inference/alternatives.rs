//! Rows that say in one of several columns whose they are: a subscription of a user, or of one of a
//! user's addresses.

use super::candidate::{Alone, Candidate, Kind, Optional};
use super::candidates::Search;
use super::decide::Decider;
use crate::error::Result;
use crate::manifest::Meaning;

impl Search<'_> {
    /// Notes which references stand only in rows of which nothing else says whose they are.
    pub(super) fn note_alternatives(
        &self,
        decider: &Decider,
        candidates: &mut [Candidate],
    ) -> Result<()> {
        for at in 0..candidates.len() {
            let candidate = &candidates[at];
            let open = candidate.decided.is_none()
                && candidate.optional == Optional::Yes
                && candidate.kind == Kind::Plain
                && candidate.columns.len() == 1
                && !candidate.is_of_itself()
                && !decider.persons.contains(&candidate.table);
            if !open {
                continue;
            }
            let says_whose = |c: &&Candidate| c.table == candidate.table && c.is(Meaning::Owner);
            let owners: Vec<&Candidate> = candidates.iter().filter(says_whose).collect();
            let optional = |c: &&Candidate| c.optional == Optional::Yes && c.columns.len() == 1;
            if owners.is_empty() || !owners.iter().all(optional) {
                continue;
            }
            let columns: Vec<&str> = owners.iter().map(|c| c.columns[0].as_str()).collect();
            let column = &candidate.columns[0];
            if self
                .evidence
                .stands_alone(candidate.table, column, &columns)?
            {
                candidates[at].alone = Alone::Yes;
            }
        }
        Ok(())
    }
}
