//! Rows that bear a user's name where another column holds a certain value: the pages of a namespace,
//! the settings of a scope.

use std::collections::BTreeMap;

use rusqlite::types::Value;

use super::candidate::{Candidate, Kind, Optional};
use super::candidates::Search;
use super::evidence::Place;
use super::names::is_plain;
use super::words::{Role, stem, words};
use crate::error::Result;
use crate::manifest::{Form, Literal};
use crate::schema::{Column, Table};

/// More kinds than this are no kinds.
const MOST_KINDS: u32 = 20;
/// Fewer names are chance.
const LEAST: u64 = 3;

impl Search<'_> {
    /// References by name, under a condition, of tables that say in no other way whose their rows are.
    pub(super) fn named_under_conditions(&self, known: &[Candidate]) -> Result<Vec<Candidate>> {
        let says_more = |at: usize| {
            known.iter().any(|c| {
                let sure = c.optional != Optional::Yes && c.role() != Role::Mentioned;
                c.table == at && (c.parent == self.users || sure)
            })
        };
        let mut found = Vec::new();
        for (at, table) in self.schema.tables.iter().enumerate() {
            if at == self.users || !is_plain(table) || says_more(at) {
                continue;
            }
            for column in self.open_columns(at, table, known) {
                if let Some(name) = self.name_among(at, table, column)? {
                    found.extend(self.where_names(at, column, &name)?);
                }
            }
        }
        Ok(found)
    }

    /// The users' column of which some values of this one are.
    fn name_among(&self, at: usize, table: &Table, column: &Column) -> Result<Option<String>> {
        let Some(position) = table.columns.iter().position(|c| c.name == column.name) else {
            return Ok(None);
        };
        let texts = self.evidence.texts(at, position)?.into_iter();
        let texts = texts.filter(|text| text.len() >= 3 && text.chars().any(char::is_alphabetic));
        let mut values: Vec<Value> = texts.map(Value::Text).collect();
        values.dedup();
        for name in self.user_names {
            if self.evidence.fitting(&values, self.users, name)? >= LEAST {
                return Ok(Some(name.clone()));
            }
        }
        Ok(None)
    }

    /// The conditions under which all values are names of users, and of several.
    fn where_names(&self, at: usize, column: &Column, name: &str) -> Result<Vec<Candidate>> {
        let table = &self.schema.tables[at];
        let mut found = Vec::new();
        for kind in table.columns.iter().filter(|c| c.name != column.name) {
            let Some(kinds) = self.evidence.few(&table.name, &kind.name, MOST_KINDS)? else {
                continue;
            };
            for (value, _) in kinds.into_iter().filter(|(_, rows)| *rows >= LEAST) {
                let literal = match value {
                    Value::Integer(number) => Literal::Integer(number),
                    Value::Text(text) if !text.contains('\0') => Literal::Text(text),
                    _ => continue,
                };
                let form = Form {
                    when: BTreeMap::from([(kind.name.clone(), literal)]),
                    ..Form::default()
                };
                let target = (self.users, name);
                let counted = self.count(at, &column.name, &form, target)?;
                let place = Place {
                    table: &table.name,
                    column: &column.name,
                    form: &form,
                };
                if counted.is_most(100) && self.evidence.distinct(place)? >= LEAST {
                    let said = stem(&words(&column.name));
                    let mut candidate = self.candidate(at, column, target, said, counted);
                    candidate.form = form;
                    candidate.kind = Kind::Generic;
                    found.push(candidate);
                }
            }
            if !found.is_empty() {
                break;
            }
        }
        Ok(found)
    }
}
