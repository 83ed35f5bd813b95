//! What the name of a column says of the table that it names, and how far its values bear that out.

use super::candidates::{Search, is_number};
use super::evidence::Match;
use super::names::{Spoken, has_prefix};
use super::words::{
    Role, holds_files, is_plural, means_person, names_doer, names_something, role, shows_file,
    speaks_only_of_person, surely_names,
};
use crate::error::Result;
use crate::manifest::Form;
use crate::schema::{Affinity, Column};

/// What the name of a column says.
pub(super) struct Named<'n> {
    pub(super) said: &'n [String],
    pub(super) stem: &'n [String],
    pub(super) spoken: Spoken,
    pub(super) of_user: bool,
    /// All columns of its table begin with the same word, and keys end in no word of their own.
    pub(super) prefixed: bool,
}

impl Named<'_> {
    /// Enough without values: in a new database names must do.
    pub(super) fn can_be_expected(&self) -> bool {
        let bare = matches!(self.said, [one] if one == "uid" || one == "userid");
        if self.of_user {
            return (surely_names(self.said)
                && (self.spoken == Spoken::Wholly || speaks_only_of_person(self.stem)))
                || bare;
        }
        surely_names(self.said) && self.spoken >= Spoken::ByEnd
    }

    /// Name and values together are enough.
    pub(super) fn fits(&self, found: Match) -> bool {
        if (names_something(self.said) || self.prefixed) && self.spoken == Spoken::Wholly {
            return found.is_most(50);
        }
        found.is_most(95)
    }
}

impl Search<'_> {
    /// The tables that a column may name, by the words of its name, the likeliest first.
    pub(super) fn parents(
        &self,
        (at, column): (usize, &Column),
        said: &[String],
        stem: &[String],
    ) -> Vec<(usize, Spoken)> {
        let person = (means_person(stem) && role(stem) != Role::Unknown)
            || names_doer(stem, self.names.nouns(at)).is_some();
        let (wholly, others): (Vec<_>, Vec<_>) = { self.names.spoken(self.schema, at, stem) }
            .into_iter()
            .partition(|(_, spoken)| *spoken == Spoken::Wholly);
        let mut parents = wholly;
        let same_key = self.names.with_key_named(self.schema, at, &column.name);
        parents.extend(same_key.map(|table| (table, Spoken::Wholly)));
        if stem.last().is_some_and(|last| last == "parent") {
            parents.insert(0, (at, Spoken::ByEnd));
        }
        // `last_post_id`, `by_actor`
        for skipped in 1..stem.len() {
            let ends = self.names.spoken(self.schema, at, &stem[skipped..]);
            let same = |(table, _): &(usize, Spoken)| {
                self.names.nouns(*table).len() == stem.len() - skipped
            };
            let heads = ends
                .into_iter()
                .filter(same)
                .filter(|_| person || names_something(said));
            parents.extend(heads.map(|(table, _)| (table, Spoken::Loosely)));
        }
        if person && !others.contains(&(self.users, Spoken::ByEnd)) {
            parents.push((self.users, Spoken::Loosely));
        }
        let shortened = self.names.abbreviated(self.schema, stem);
        let prefixed = has_prefix(&self.schema.tables[at]);
        let shortened = shortened.filter(|_| names_something(said) || prefixed);
        let how = if prefixed {
            Spoken::Wholly
        } else {
            Spoken::ByEnd
        };
        parents.extend(shortened.map(|table| (table, how)));
        parents.extend(others);
        if !names_something(said) {
            return parents;
        }
        if shows_file(stem) {
            let holds = |other: &usize| *other != at && holds_files(self.names.nouns(*other));
            let holders = (0..self.schema.tables.len()).filter(holds);
            parents.extend(holders.map(|holder| (holder, Spoken::Loosely)));
        }
        for skipped in 1..stem.len() {
            let ends = self.names.spoken(self.schema, at, &stem[skipped..]);
            parents.extend(
                ends.into_iter()
                    .map(|(parent, _)| (parent, Spoken::Loosely)),
            );
        }
        parents
    }

    /// A number that is a key can be anything: a count, a version, a flag. It names something only where
    /// the column's name says what.
    pub(super) fn may_be_chance(&self, at: usize, column: &Column, named: &Named) -> Result<bool> {
        if names_something(named.said) {
            return Ok(false);
        }
        let values = self.sample_of(at, column)?;
        if !values.iter().all(is_number) {
            return Ok(false);
        }
        let of_person = named.of_user && speaks_only_of_person(named.stem);
        let several = values.windows(2).any(|pair| pair[0] != pair[1]);
        let sure = of_person || (named.spoken == Spoken::Wholly && several);
        Ok(is_plural(named.said) || !sure)
    }

    /// The names of several tables end in a word, and numbers that fit one of them fit another as well,
    /// as far as that can be told.
    pub(super) fn may_name_another(
        &self,
        (at, column): (usize, &Column),
        stem: &[String],
        (parent, key): (usize, &str),
    ) -> Result<bool> {
        let values = self.sample_of(at, column)?;
        let spoken = self.names.spoken(self.schema, at, stem);
        let by_end = spoken.iter().any(|(table, _)| *table == parent);
        if !by_end
            || !values.iter().all(is_number)
            || self.evidence.hardly_by_chance(&values, parent, key)?
        {
            return Ok(false);
        }
        for (other, _) in spoken.into_iter().filter(|(t, _)| *t != parent && *t != at) {
            let Some(key) = self.single_key(other) else {
                return Ok(true);
            };
            let found = self.count(at, &column.name, &Form::default(), (other, &key))?;
            if found.is_most(95) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn sample_of(&self, at: usize, column: &Column) -> Result<Vec<rusqlite::types::Value>> {
        let mut columns = self.schema.tables[at].columns.iter();
        let position = columns.position(|c| c.name == column.name);
        position.map_or(Ok(Vec::new()), |position| {
            self.evidence.sample(at, position)
        })
    }

    /// A column may hold the same kind of values as the key that it may name: its declared type does not
    /// exclude what the key's values are, or are declared to be.
    pub(super) fn agree(&self, column: &Column, (parent, key): (usize, &str)) -> Result<bool> {
        let of_key = &self.schema.tables[parent].columns;
        let Some(position) = of_key.iter().position(|c| c.name == key) else {
            return Ok(true);
        };
        let of_key = match self.evidence.sample(parent, position)?.first() {
            Some(value) => Some(matches!(value, rusqlite::types::Value::Integer(_))),
            None => holds_numbers(of_key[position].affinity),
        };
        let of_column = holds_numbers(column.affinity);
        Ok(of_key.is_none() || of_column.is_none() || of_key == of_column)
    }
}

/// Whether a column of this affinity holds numbers; none where it holds what it is given, as one of
/// the type `uuid` does.
fn holds_numbers(affinity: Affinity) -> Option<bool> {
    match affinity {
        Affinity::Integer | Affinity::Real => Some(true),
        Affinity::Text => Some(false),
        Affinity::Numeric | Affinity::Blob => None,
    }
}
