//! Columns that name rows: those that the database declares, and those that their names and values
//! show. What they mean is decided elsewhere.

use super::candidate::{Alone, Candidate, Chance, Kind, Optional};
use super::evidence::{Evidence, Match, Place};
use super::names::{Names, Spoken, has_prefix, is_plain};
use super::naming::Named;
use super::users::unique_id;
use super::words::{Role, is_key_word, names_by_name, role, singulars, stem, words};
use crate::error::Result;
use crate::manifest::{Form, UserRows};
use crate::schema::{Column, Schema, Table};

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
                let (values, evidence) = match (&key.columns[..], &key.parent_columns[..]) {
                    ([column], [target]) => {
                        let found = self.count(at, column, &Form::default(), (parent, target))?;
                        (found.of, found.sentence(&self.target(parent, target)))
                    }
                    _ => (1, "a foreign key of several columns".into()),
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
                    values,
                    evidence,
                    kind: Kind::Plain,
                    chance: Chance::Unlikely,
                    alone: Alone::No,
                    repeats: None,
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
    pub(super) fn by_key(&self, at: usize, column: &Column) -> Result<Option<Candidate>> {
        let said = self.names.words(&column.name);
        for stem in self.names.stems(self.schema, at, &column.name) {
            for (parent, spoken) in self.parents((at, column), &said, &stem)? {
                if parent == at && !self.may_name_itself(at, column, &stem) {
                    continue;
                }
                for key in self.row_keys(parent, column) {
                    let found = self.count(at, &column.name, &Form::default(), (parent, &key))?;
                    let named = Named {
                        said: &said,
                        stem: &stem,
                        spoken,
                        of_user: parent == self.users,
                        prefixed: said.len() > stem.len() && has_prefix(&self.schema.tables[at]),
                    };
                    if spoken == Spoken::Loosely
                        && (self.has_type_beside(at, column)
                            || self.may_name_another((at, column), &stem, (parent, &key))?)
                    {
                        continue;
                    }
                    let accepted = if found.of == 0 {
                        named.can_be_expected() && self.agree(column, (parent, &key))?
                    } else {
                        named.fits(found) && !self.may_be_chance(at, column, &named)?
                    };
                    if accepted {
                        let target = (parent, key.as_str());
                        return Ok(Some(self.candidate(at, column, target, stem, found)));
                    }
                }
            }
        }
        Ok(None)
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
                let mut candidate = self.candidate(at, column, (self.users, name), bare, found);
                candidate.chance = self.chance(at, column, found)?;
                return Ok(Some(candidate));
            }
        }
        Ok(None)
    }

    /// One name in all rows of several may stand there for another reason; an address hardly does.
    fn chance(&self, at: usize, column: &Column, found: Match) -> Result<Chance> {
        let form = Form::default();
        let place = Place {
            table: &self.schema.tables[at].name,
            column: &column.name,
            form: &form,
        };
        let one = self.evidence.distinct(place)? < 2;
        let likely = one && found.of > 0 && !self.holds_addresses(at, column)?;
        Ok(if likely {
            Chance::Likely
        } else {
            Chance::Unlikely
        })
    }

    /// Its values are e-mail addresses.
    pub(super) fn holds_addresses(&self, at: usize, column: &Column) -> Result<bool> {
        let table = &self.schema.tables[at];
        let Some(position) = table.columns.iter().position(|c| c.name == column.name) else {
            return Ok(false);
        };
        let texts = self.evidence.texts(at, position)?;
        Ok(!texts.is_empty() && texts.iter().all(|text| text.contains('@')))
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
            values: found.of,
            evidence: found.sentence(&self.target(parent, key)),
            kind: Kind::Plain,
            chance: Chance::Unlikely,
            alone: Alone::No,
            repeats: None,
            decided: None,
        }
    }

    /// A column that may not be null may still say `nobody` with 0 or nothing at all; one that may
    /// be is null nowhere, where the application does not let the database check.
    fn optional_by_values(&self, at: usize, table: &Table, column: &Column) -> Optional {
        use rusqlite::types::Value;
        const FEW: usize = 3;
        let position = table.columns.iter().position(|c| c.name == column.name);
        let values = position
            .and_then(|position| self.evidence.cells(at, position).ok())
            .unwrap_or_default();
        let nobody = |value: &Value| match value {
            Value::Null => true,
            Value::Integer(number) => *number <= 0,
            Value::Text(text) => text.is_empty() || text == "0",
            _ => false,
        };
        match (values.iter().any(nobody), column.not_null) {
            (false, true) => Optional::No,
            (false, false) if values.len() >= FEW => Optional::Never,
            _ => Optional::Yes,
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
            [] => unique_id(&self.schema.tables[table]),
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

/// Whether a value could be a count as well as a key.
pub(super) fn is_number(value: &rusqlite::types::Value) -> bool {
    use rusqlite::types::Value;
    match value {
        Value::Integer(_) => true,
        Value::Text(text) => text.parse::<f64>().is_ok(),
        _ => false,
    }
}

fn optional(table: &Table, columns: &[String]) -> Optional {
    let may = columns
        .iter()
        .filter_map(|name| table.column(name))
        .any(|column| !column.not_null);
    if may { Optional::Yes } else { Optional::No }
}
