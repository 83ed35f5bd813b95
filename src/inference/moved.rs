//! Rows that were moved to another table, and are still named by the key they had.

use super::candidate::{Candidate, Kind};
use super::candidates::Search;
use super::evidence::Match;
use super::names::is_plain;
use crate::error::Result;
use crate::manifest::Form;
use crate::schema::Column;

impl Search<'_> {
    /// Rows that were moved to another table under their old key are still named by it: a second
    /// reference of a column of which some values are keys of neither table alone.
    pub(super) fn moved(&self, known: &[Candidate]) -> Result<Vec<Candidate>> {
        let mut found = Vec::new();
        let plain = |c: &&Candidate| {
            c.kind == Kind::Plain
                && c.on_delete.is_none()
                && c.form.is_plain()
                && c.columns.len() == 1
                && c.parent != self.users
                && !c.is_of_itself()
        };
        for candidate in known.iter().filter(plain) {
            let here =
                self.count_candidate(candidate, (candidate.parent, &candidate.parent_columns[0]))?;
            if here.fitting == here.of {
                continue;
            }
            for (elsewhere, column) in self.former_keys(candidate)? {
                let there = self.count_candidate(candidate, (elsewhere, &column))?;
                if there.fitting > 0 && here.fitting + there.fitting == here.of {
                    let mut second = candidate.clone();
                    second.parent = elsewhere;
                    second.evidence = there.sentence(&self.target(elsewhere, &column));
                    second.parent_columns = vec![column];
                    found.push(second);
                }
            }
        }
        Ok(found)
    }

    fn count_candidate(&self, candidate: &Candidate, target: (usize, &str)) -> Result<Match> {
        self.count(
            candidate.table,
            &candidate.columns[0],
            &Form::default(),
            target,
        )
    }

    /// Unique columns of other tables that are named for the parent and hold none of its keys.
    fn former_keys(&self, candidate: &Candidate) -> Result<Vec<(usize, String)>> {
        let (parent, key) = (candidate.parent, &candidate.parent_columns[0]);
        let mut found = Vec::new();
        for (at, table) in self.schema.tables.iter().enumerate() {
            if at == parent || at == candidate.table || !is_plain(table) {
                continue;
            }
            let unique = |c: &&Column| table.is_key(std::slice::from_ref(&c.name));
            for column in table.columns.iter().filter(unique) {
                let said = self.names.words(&column.name);
                let speaks = self.names.stems(self.schema, at, &column.name);
                let mut spoken = Vec::new();
                for stem in speaks {
                    spoken.extend(self.parents((at, column), &said, &stem)?);
                }
                let speaks = spoken.iter().any(|(named, _)| *named == parent);
                let counted = self.count(at, &column.name, &Form::default(), (parent, key))?;
                if speaks && counted.of > 0 && counted.fitting == 0 {
                    found.push((at, column.name.clone()));
                }
            }
        }
        Ok(found)
    }
}
