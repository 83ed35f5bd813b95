//! References that only the values show: inside JSON, in lists, behind a prefix, and names of users
//! in columns that do not say so.

use std::collections::BTreeMap;

use rusqlite::types::Value;
use serde_json::Value as Json;

use super::candidate::{Candidate, Chance, Kind};
use super::candidates::{Search, is_number};
use super::names::is_plain;
use super::prefix::common_prefix;
use super::words::{means_person, names_by_name, singulars, stem, words};
use crate::error::Result;
use crate::manifest::{Form, List};
use crate::schema::{Column, Table};

/// So many different paths of one column are compared.
const PATHS: usize = 64;
/// A text longer than this is no name.
const LONGEST_NAME: usize = 128;
/// A text inside JSON longer than this names nothing.
const LONGEST_IN_JSON: usize = 512;

impl Search<'_> {
    /// References that the values of open columns show.
    pub(super) fn shown(&self, known: &[Candidate]) -> Result<Vec<Candidate>> {
        let mut found = Vec::new();
        for (at, table) in self
            .schema
            .tables
            .iter()
            .enumerate()
            .filter(|(_, t)| is_plain(t))
        {
            for column in self.open_columns(at, table, known) {
                let Some(position) = table.columns.iter().position(|c| c.name == column.name)
                else {
                    continue;
                };
                let texts = self.evidence.texts(at, position)?;
                if texts.is_empty() {
                    continue;
                }
                if let Some(candidate) = self.at_host((at, column), &texts, known)? {
                    found.push(candidate);
                } else if most(&texts, |text| text.trim_start().starts_with('{')) {
                    found.extend(self.in_json(at, column, &texts)?);
                } else if let Some(list) = list_form(&texts) {
                    found.extend(self.in_list(at, column, (list, &texts))?);
                } else if let Some(prefix) = common_prefix(&texts) {
                    found.extend(self.behind_prefix(at, column, &prefix)?);
                } else if !known
                    .iter()
                    .any(|c| c.table == at && c.parent == self.users)
                {
                    found.extend(self.name_of_user(at, table, column, &texts)?);
                }
            }
        }
        Ok(found)
    }

    /// A user's key or name at a path of a column of JSON.
    fn in_json(&self, at: usize, column: &Column, texts: &[String]) -> Result<Vec<Candidate>> {
        let mut paths: BTreeMap<String, (Vec<String>, Vec<Value>)> = BTreeMap::new();
        for text in texts {
            if let Ok(json @ Json::Object(_)) = serde_json::from_str(text) {
                collect(&json, "$", &[], &mut paths);
            }
        }
        let mut found = Vec::new();
        for (path, (said, values)) in paths.into_iter().take(PATHS) {
            let form = Form {
                json: Some(path),
                ..Form::default()
            };
            for target in self.user_columns() {
                let by_key = target == self.user_key;
                let numbers = values.iter().all(is_number);
                // A small number is anything; a name or a long key is hardly by chance.
                if numbers && !self.speaks_of_user(&said) {
                    continue;
                }
                let text_only = !by_key && numbers;
                if text_only
                    || self.evidence.fitting(&values, self.users, &target)? * 20
                        < values.len() as u64 * 19
                {
                    continue;
                }
                let counted = self.count(at, &column.name, &form, (self.users, &target))?;
                if counted.is_most(90) {
                    let mut candidate =
                        self.candidate(at, column, (self.users, &target), stem(&said), counted);
                    candidate.form = form;
                    found.push(candidate);
                    break;
                }
            }
        }
        Ok(found)
    }

    fn speaks_of_user(&self, said: &[String]) -> bool {
        let bare = stem(said);
        let nouns = self.names.nouns(self.users);
        bare.len() < said.len() && (means_person(&bare) || nouns.ends_with(&singulars(&bare)))
    }

    /// Several users in one column.
    fn in_list(
        &self,
        at: usize,
        column: &Column,
        (list, texts): (List, &[String]),
    ) -> Result<Option<Candidate>> {
        let values: Vec<Value> = texts
            .iter()
            .flat_map(|text| elements(text, list))
            .take(2000)
            .collect();
        let numbers = values.iter().all(is_number);
        let said = singulars(&words(&column.name));
        let bare = stem(&said);
        let speaks = means_person(&bare) || self.names.nouns(self.users).ends_with(&bare);
        if values.is_empty() || (numbers && !speaks) {
            return Ok(None);
        }
        for target in self.user_columns() {
            let fitting = self.evidence.fitting(&values, self.users, &target)?;
            if fitting * 20 < values.len() as u64 * 19 {
                continue;
            }
            let mut candidate = self.candidate(
                at,
                column,
                (self.users, &target),
                bare,
                super::evidence::Match::default(),
            );
            candidate.form.list = Some(list);
            candidate.kind = Kind::List;
            candidate.evidence = format!(
                "{fitting} of {} values in its lists are {}",
                values.len(),
                self.target(self.users, &target)
            );
            return Ok(Some(candidate));
        }
        Ok(None)
    }

    /// Text that is nearly always the name of a user, in a table that names users in no other way.
    fn name_of_user(
        &self,
        at: usize,
        table: &Table,
        column: &Column,
        texts: &[String],
    ) -> Result<Option<Candidate>> {
        let name_like = |text: &str| text.len() <= LONGEST_NAME && !text.contains('\n');
        if at == self.users || table.columns.len() < 2 || !texts.iter().all(|text| name_like(text))
        {
            return Ok(None);
        }
        for target in self.user_columns() {
            if self
                .evidence
                .fitting(&as_values(texts), self.users, &target)?
                * 20
                < texts.len() as u64 * 19
            {
                continue;
            }
            let found = self.count(at, &column.name, &Form::default(), (self.users, &target))?;
            let several = super::evidence::Place {
                table: &table.name,
                column: &column.name,
                form: &Form::default(),
            };
            if found.is_most(95) && self.evidence.distinct(several)? > 1 {
                let said = words(&column.name);
                let bare = stem(&said);
                let speaks = names_by_name(&said)
                    || means_person(&bare)
                    || self.holds_addresses(at, column)?;
                let mut candidate = self.candidate(at, column, (self.users, &target), bare, found);
                candidate.chance = if speaks {
                    Chance::Unlikely
                } else {
                    Chance::Likely
                };
                return Ok(Some(candidate));
            }
        }
        Ok(None)
    }

    /// The columns by which a user can be named: the key, then names.
    pub(super) fn user_columns(&self) -> Vec<String> {
        let names = self
            .user_names
            .iter()
            .filter(|name| **name != self.user_key);
        std::iter::once(self.user_key.to_owned())
            .chain(names.cloned())
            .collect()
    }
}

/// The values inside objects of JSON, by path; nothing where most texts are none.
pub(super) fn values_in_json(texts: &[String]) -> Vec<(String, Vec<Value>)> {
    if texts.is_empty() || !most(texts, |text| text.trim_start().starts_with('{')) {
        return Vec::new();
    }
    let mut paths = BTreeMap::new();
    for text in texts {
        if let Ok(json @ Json::Object(_)) = serde_json::from_str(text) {
            collect(&json, "$", &[], &mut paths);
        }
    }
    let paths = paths.into_iter().take(PATHS);
    paths.map(|(path, (_, values))| (path, values)).collect()
}

fn as_values(texts: &[String]) -> Vec<Value> {
    texts.iter().cloned().map(Value::Text).collect()
}

fn most(texts: &[String], is: impl Fn(&str) -> bool) -> bool {
    texts.iter().filter(|text| is(text)).count() * 2 > texts.len()
}

/// The numbers and texts of an object, by path, with the words of the last two names of the path.
fn collect(
    json: &Json,
    path: &str,
    said: &[String],
    found: &mut BTreeMap<String, (Vec<String>, Vec<Value>)>,
) {
    let Json::Object(object) = json else {
        let value = match json {
            Json::Number(number) => number.as_i64().map(Value::Integer),
            Json::String(text) if !text.is_empty() && text.len() <= LONGEST_IN_JSON => {
                Some(Value::Text(text.clone()))
            }
            _ => None,
        };
        if let Some(value) = value {
            let entry = found
                .entry(path.to_owned())
                .or_insert_with(|| (said.to_vec(), Vec::new()));
            entry.1.push(value);
        }
        return;
    };
    if path.matches(['.', '"']).count() > 12 || found.len() > PATHS * 4 {
        return;
    }
    for (name, value) in object {
        let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let Some(step) = (if plain {
            Some(name.clone())
        } else {
            quoted(name)
        }) else {
            continue;
        };
        let last = said.iter().rev().take(1).rev().cloned();
        let said: Vec<String> = last.chain(words(name)).collect();
        collect(value, &format!("{path}.{step}"), &said, found);
    }
}

/// A name that a path of `SQLite` can hold in quotes.
fn quoted(name: &str) -> Option<String> {
    (!name.contains(['"', '\\', '\0'])).then(|| format!("\"{name}\""))
}

/// How most of these texts are lists, if they are.
fn list_form(texts: &[String]) -> Option<List> {
    let array = |text: &str| text.trim_start().starts_with('[');
    if most(texts, array) {
        return Some(List::Json);
    }
    let short = |part: &str| {
        !part.trim().is_empty() && part.trim().len() <= 64 && !part.trim().contains(' ')
    };
    let commas = |text: &str| text.contains(',') && text.split(',').all(short);
    most(texts, commas).then_some(List::Commas)
}

fn elements(text: &str, list: List) -> Vec<Value> {
    let texts: Vec<Value> = match list {
        List::Commas => text
            .split(',')
            .map(|part| Value::Text(part.trim().to_owned()))
            .collect(),
        List::Json => match serde_json::from_str(text) {
            Ok(Json::Array(array)) => array
                .into_iter()
                .filter_map(|one| match one {
                    Json::Number(number) => number.as_i64().map(Value::Integer),
                    Json::String(text) => Some(Value::Text(text)),
                    _ => None,
                })
                .collect(),
            _ => Vec::new(),
        },
    };
    texts
}
