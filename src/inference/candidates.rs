//! Columns that name rows: those that the database declares, and those that their names and values
//! show. What they mean is decided elsewhere.

use super::evidence::{Evidence, Match, Place};
use super::names::{Names, Spoken, is_plain};
use super::words::{
    Role, holds_files, is_key_word, means_person, names_by_name, names_something, role, shows_file,
    singulars, stem, surely_names, words,
};
use crate::error::Result;
use crate::manifest::{Form, Meaning, UserRows};
use crate::schema::{Action, Column, Schema, Table};

/// A column, or several, that names rows of a table.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) table: usize,
    pub(super) columns: Vec<String>,
    pub(super) parent: usize,
    pub(super) parent_columns: Vec<String>,
    pub(super) form: Form,
    /// None where the database does not declare it.
    pub(super) on_delete: Option<Action>,
    /// Whether a row may be without.
    pub(super) optional: Optional,
    /// The words of the column that say what it names.
    pub(super) stem: Vec<String>,
    /// What its values show.
    pub(super) evidence: String,
    pub(super) kind: Kind,
    /// What it means, once that is decided, and why.
    pub(super) decided: Option<(Meaning, String)>,
}

/// Whether a row may be without what a reference names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Optional {
    /// It may.
    Yes,
    /// Every row names something.
    No,
}

/// How a reference was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// By a foreign key, a name, or its values.
    Plain,
    /// By a type beside it.
    Generic,
    /// In a list, of which the row is not one member's alone.
    List,
}

impl Candidate {
    /// Whether it names a row of its own table.
    pub(super) fn is_of_itself(&self) -> bool {
        self.table == self.parent
    }

    /// What it says of the person it names.
    pub(super) fn role(&self) -> Role {
        role(&self.stem)
    }

    /// Whether a meaning was decided that is `meaning`.
    pub(super) fn is(&self, meaning: Meaning) -> bool {
        self.decided
            .as_ref()
            .is_some_and(|(decided, _)| *decided == meaning)
    }
}

/// What is known while candidates are looked for.
#[derive(Debug)]
pub(super) struct Search<'a> {
    pub(super) schema: &'a Schema,
    pub(super) names: &'a Names,
    pub(super) evidence: &'a Evidence<'a>,
    pub(super) users: usize,
    pub(super) user_key: &'a str,
    /// Columns of the users table by which a person is named.
    pub(super) user_names: &'a [String],
    /// How many rows of the users table are one user's.
    pub(super) user_rows: UserRows,
}

impl Search<'_> {
    /// The foreign keys of the database.
    pub(super) fn declared(&self) -> Result<Vec<Candidate>> {
        let mut found = Vec::new();
        for (at, table) in self.schema.tables.iter().enumerate() {
            for key in table.foreign_keys.iter().filter(|key| key.fault.is_none()) {
                let parent = self.schema.tables.iter();
                let Some(parent) =
                    { parent }.position(|t| t.name.eq_ignore_ascii_case(&key.parent))
                else {
                    continue;
                };
                let evidence = match (&key.columns[..], &key.parent_columns[..]) {
                    ([column], [target]) => {
                        let found = self.count(at, column, &Form::default(), (parent, target))?;
                        found.sentence(&self.target(parent, target))
                    }
                    _ => "a foreign key of several columns".into(),
                };
                found.push(Candidate {
                    table: at,
                    columns: key.columns.clone(),
                    parent,
                    parent_columns: key.parent_columns.clone(),
                    form: Form::default(),
                    on_delete: Some(key.on_delete),
                    optional: optional(table, &key.columns),
                    stem: self.stem_of(at, &key.columns[0]),
                    evidence,
                    kind: Kind::Plain,
                    decided: None,
                });
            }
        }
        Ok(found)
    }

    /// Columns that no foreign key covers, and whose name and values say that they name something.
    pub(super) fn named(&self, known: &[Candidate]) -> Result<Vec<Candidate>> {
        let mut found = Vec::new();
        for (at, table) in self
            .schema
            .tables
            .iter()
            .enumerate()
            .filter(|(_, t)| is_plain(t))
        {
            for column in self.open_columns(at, table, known) {
                let spoken = self.by_key(at, column)?;
                let candidate = match spoken {
                    None => self.by_name_of_person(at, column)?,
                    key => key,
                };
                found.extend(candidate);
            }
        }
        Ok(found)
    }

    /// Columns that no candidate covers yet and that are not the row's own key.
    pub(super) fn open_columns<'t>(
        &self,
        at: usize,
        table: &'t Table,
        known: &'t [Candidate],
    ) -> impl Iterator<Item = &'t Column> + use<'t> {
        let users = self.users;
        let nouns = self.names.nouns(at).to_vec();
        let own_key = move |column: &Column| {
            let bare = singulars(&stem(&words(&column.name)));
            let says_itself = nouns.ends_with(&bare) || bare.iter().all(|word| is_key_word(word));
            table.primary_key.len() == 1 && table.key()[0] == column.name && says_itself
        };
        let covered = move |column: &Column| {
            known
                .iter()
                .any(|c| c.table == at && c.columns.len() == 1 && c.columns[0] == column.name)
        };
        let is_name = move |column: &Column| at == users && names_by_name(&words(&column.name));
        table
            .columns
            .iter()
            .filter(move |column| !own_key(column) && !covered(column) && !is_name(column))
    }

    /// A column named for a table, or for what somebody did, whose values are keys of that table.
    fn by_key(&self, at: usize, column: &Column) -> Result<Option<Candidate>> {
        let said = words(&column.name);
        for stem in self.names.stems(self.schema, at, &column.name) {
            for (parent, spoken) in self.parents(at, &said, &stem) {
                if parent == at && !self.may_name_itself(at, column, &stem) {
                    continue;
                }
                for key in self.row_keys(parent, column) {
                    let found = self.count(at, &column.name, &Form::default(), (parent, &key))?;
                    if accepts(found, &said, spoken, parent == self.users) {
                        return Ok(Some(self.candidate(
                            at,
                            column,
                            (parent, &key),
                            stem,
                            found,
                        )));
                    }
                }
            }
        }
        Ok(None)
    }

    /// The tables that a column may name, by the words of its name, the likeliest first.
    fn parents(&self, at: usize, said: &[String], stem: &[String]) -> Vec<(usize, Spoken)> {
        let mut parents = self.names.spoken(self.schema, at, stem);
        if stem.last().is_some_and(|last| last == "parent") {
            parents.insert(0, (at, Spoken::ByEnd));
        }
        let person = names_something(said) || means_person(stem);
        let is_known =
            |parents: &[(usize, Spoken)]| parents.iter().any(|(parent, _)| *parent == self.users);
        if person && role(stem) != Role::Unknown && !is_known(&parents) {
            parents.push((self.users, Spoken::Loosely));
        }
        if !names_something(said) {
            return parents;
        }
        if shows_file(stem) {
            let holds = |other: &usize| *other != at && holds_files(self.names.nouns(*other));
            let holders = (0..self.schema.tables.len()).filter(holds);
            parents.extend(holders.map(|holder| (holder, Spoken::Loosely)));
        }
        // `last_post_id`, `parent_comment_id`
        for skipped in 1..stem.len() {
            let ends = self.names.spoken(self.schema, at, &stem[skipped..]);
            parents.extend(
                ends.into_iter()
                    .map(|(parent, _)| (parent, Spoken::Loosely)),
            );
        }
        parents
    }

    /// A column whose name speaks of a person and whose values are names or addresses of users.
    fn by_name_of_person(&self, at: usize, column: &Column) -> Result<Option<Candidate>> {
        let said = words(&column.name);
        let bare: Vec<String> = match said.as_slice() {
            [first @ .., _] if names_by_name(&said) && !first.is_empty() => first.to_vec(),
            _ => stem(&said),
        };
        let by_name = names_by_name(&said);
        if !by_name && role(&bare) == Role::Unknown {
            return Ok(None);
        }
        let address = said
            .iter()
            .any(|word| matches!(word.as_str(), "email" | "mail"));
        for name in self.user_names {
            let found = self.count(at, &column.name, &Form::default(), (self.users, name))?;
            let is_address = words(name)
                .iter()
                .any(|word| matches!(word.as_str(), "email" | "mail"));
            let enough = if address && is_address {
                found.fitting > 0
            } else {
                found.is_most(95)
            };
            if enough {
                return Ok(Some(self.candidate(
                    at,
                    column,
                    (self.users, name),
                    bare,
                    found,
                )));
            }
        }
        Ok(None)
    }

    pub(super) fn candidate(
        &self,
        at: usize,
        column: &Column,
        (parent, key): (usize, &str),
        stem: Vec<String>,
        found: Match,
    ) -> Candidate {
        let table = &self.schema.tables[at];
        Candidate {
            table: at,
            columns: vec![column.name.clone()],
            parent,
            parent_columns: vec![key.into()],
            form: Form::default(),
            on_delete: None,
            optional: self.optional_by_values(at, table, column),
            stem,
            evidence: found.sentence(&self.target(parent, key)),
            kind: Kind::Plain,
            decided: None,
        }
    }

    /// A column that may not be null may still say `nobody` with 0 or nothing at all.
    fn optional_by_values(&self, at: usize, table: &Table, column: &Column) -> Optional {
        use rusqlite::types::Value;
        let position = table.columns.iter().position(|c| c.name == column.name);
        let values = position.and_then(|position| self.evidence.sample(at, position).ok());
        let nobody = |value: &Value| match value {
            Value::Integer(number) => *number <= 0,
            Value::Text(text) => text.is_empty() || text == "0",
            _ => false,
        };
        if !column.not_null || values.is_some_and(|values| values.iter().any(nobody)) {
            Optional::Yes
        } else {
            Optional::No
        }
    }

    /// A column named for its own table must say that another row of it is meant.
    fn may_name_itself(&self, at: usize, column: &Column, stem: &[String]) -> bool {
        let whole = self.names.nouns(at).ends_with(&singulars(stem));
        let in_key = self.schema.tables[at].key().contains(&column.name.as_str());
        !in_key && !whole
    }

    pub(super) fn count(
        &self,
        at: usize,
        column: &str,
        form: &Form,
        (parent, key): (usize, &str),
    ) -> Result<Match> {
        let place = Place {
            table: &self.schema.tables[at].name,
            column,
            form,
        };
        self.evidence.matches(place, parent, key)
    }

    /// The one column of a table's key; of the users table, the users' key.
    pub(super) fn single_key(&self, table: usize) -> Option<String> {
        if table == self.users {
            return Some(self.user_key.into());
        }
        match &self.schema.tables[table].key()[..] {
            [one] => Some((*one).to_owned()),
            _ => None,
        }
    }

    /// The columns by which a row of a table may be named: a unique one of the same name as the
    /// column that names it, the key, and of the users table also the primary key, where users have
    /// another.
    fn row_keys(&self, table: usize, column: &Column) -> Vec<String> {
        let of = &self.schema.tables[table];
        let same = of
            .column(&column.name)
            .filter(|same| of.is_key(std::slice::from_ref(&same.name)));
        let mut keys: Vec<String> = same.map(|same| same.name.clone()).into_iter().collect();
        keys.extend(self.single_key(table));
        if let [primary] = &of.key()[..] {
            keys.push((*primary).to_owned());
        }
        keys.dedup();
        keys
    }

    pub(super) fn target(&self, table: usize, column: &str) -> String {
        crate::manifest::Columns::one(&self.schema.tables[table].name, column).to_string()
    }

    /// The shortest stem of a column's name: without the words of its own table.
    pub(super) fn stem_of(&self, table: usize, column: &str) -> Vec<String> {
        let stems = self.names.stems(self.schema, table, column);
        stems.into_iter().last().unwrap_or_default()
    }
}

/// Whether name and values together are enough. `said`: the words of the column's name.
fn accepts(found: Match, said: &[String], spoken: Spoken, users: bool) -> bool {
    if found.of == 0 {
        return surely_names(said) && (spoken == Spoken::Wholly || users);
    }
    if names_something(said) && spoken == Spoken::Wholly {
        return found.is_most(50);
    }
    found.is_most(95)
}

fn optional(table: &Table, columns: &[String]) -> Optional {
    let may = columns
        .iter()
        .filter_map(|name| table.column(name))
        .any(|column| !column.not_null);
    if may { Optional::Yes } else { Optional::No }
}
