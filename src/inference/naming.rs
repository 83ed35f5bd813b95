//! What the name of a column says of the table that it names, and how far its values bear that out.

use super::candidates::{Search, is_number};
use super::evidence::{Match, Place};
use super::names::{Spoken, has_prefix};
use super::words::{
    Role, holds_files, is_key_word, is_plural, means_person, names_doer, names_something, role,
    shows_file, speaks_only_of_person, surely_names, words,
};
use crate::error::Result;
use crate::manifest::Form;
use crate::schema::{Affinity, Column};

/// Fewer different values fit a table by chance.
const SEVERAL: u64 = 3;

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
    ) -> Result<Vec<(usize, Spoken)>> {
        let person = (means_person(stem) && role(stem) != Role::Unknown)
            || names_doer(stem, self.names.nouns(at)).is_some();
        let (wholly, others): (Vec<_>, Vec<_>) = { self.names.spoken(self.schema, at, stem) }
            .into_iter()
            .partition(|(_, spoken)| *spoken == Spoken::Wholly);
        let mut parents = wholly;
        let same_key = self.with_its_key(at, column)?;
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
            return Ok(parents);
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
        Ok(parents)
    }

    /// The table whose key a column is called like. Short keys (`tid`, `pid`) are those of several: then the
    /// table for which the column's own is named, or the only one that has all of the values.
    fn with_its_key(&self, at: usize, column: &Column) -> Result<Option<usize>> {
        let said = words(&column.name);
        let says_more = said.iter().any(|word| !is_key_word(word));
        if at != self.users && says_more && column.name == self.user_key {
            return Ok(Some(self.users));
        }
        let tables = self.names.with_key_named(self.schema, at, &column.name);
        if said.len() > 1 {
            return Ok(<[usize; 1]>::try_from(tables).ok().map(|[one]| one));
        }
        let short = said
            .iter()
            .any(|word| word.ends_with("id") && !is_key_word(word));
        let mut fitting = Vec::new();
        for table in tables.into_iter().filter(|_| short) {
            let found = self.count(at, &column.name, &Form::default(), (table, &column.name))?;
            fitting.extend((found.of > 0 && found.is_most(100)).then_some(table));
        }
        let named_for = fitting
            .iter()
            .find(|&&table| self.names.begins_with(at, table));
        if let Some(&table) = named_for {
            return Ok(Some(table));
        }
        let own_key = self.schema.tables[at].key() == [&*column.name];
        let several = !own_key && fitting.len() == 1 && self.distinct(at, column)? >= SEVERAL;
        let only = fitting.first().filter(|_| several).copied();
        // `pid` may also be that of the parent, a row of the same table.
        let own = self
            .single_key(at)
            .filter(|_| said == ["pid"] && only.is_some());
        let Some(own) = own else { return Ok(only) };
        let found = self.count(at, &column.name, &Form::default(), (at, &own))?;
        Ok(only.filter(|_| !found.is_most(100)))
    }

    fn distinct(&self, at: usize, column: &Column) -> Result<u64> {
        let (table, form) = (&self.schema.tables[at].name, Form::default());
        let column = &column.name;
        self.evidence.distinct(Place {
            table,
            column,
            form: &form,
        })
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
