//! Generic references: a column that says of which table a row is meant, beside one that says which.
//!
//! `commentable_type` and `commentable_id`, `content_type_id` and `object_id`, `collection` and
//! `item`: the frameworks differ, the values tell. Each kind of row that is named becomes a reference
//! of its own under a condition.

use std::collections::BTreeMap;

use rusqlite::types::Value;

use super::candidates::{Candidate, Kind, Optional, Search};
use super::names::is_plain;
use super::words::{is_in, singulars, words};
use crate::error::Result;
use crate::manifest::{Form, Literal};
use crate::schema::{Column, Table};

/// More kinds than this are no kinds.
const KINDS: u32 = 200;

/// Words of the column that says which row is meant, where it is not named like its type.
const OBJECTS: &[&str] = &[
    "object id",
    "item",
    "item id",
    "record id",
    "record",
    "object pk",
    "object",
    "entity id",
    "entity",
    "target id",
    "subject id",
    "resource id",
    "row id",
    "instance id",
    "ref id",
    "reference id",
    "model id",
    "primary key",
    "key",
    "element id",
    "foreign key",
    "foreign id",
    "parent id",
    "source id",
];

impl Search<'_> {
    /// The generic references of the database.
    pub(super) fn generic(&self, known: &[Candidate]) -> Result<Vec<Candidate>> {
        let catalogues = self.catalogues()?;
        let mut found = Vec::new();
        for (at, table) in self
            .schema
            .tables
            .iter()
            .enumerate()
            .filter(|(_, t)| is_plain(t))
        {
            for kind in &table.columns {
                let Some(object) = object_beside(at, table, kind, known) else {
                    continue;
                };
                let kinds = self.kinds(at, kind, known, &catalogues)?;
                if kinds.is_empty() {
                    continue;
                }
                for (literal, parent) in kinds {
                    found.extend(self.of_kind(at, (kind, object), literal, parent)?);
                }
                break;
            }
        }
        Ok(found)
    }

    fn of_kind(
        &self,
        at: usize,
        (kind, object): (&Column, &Column),
        literal: Literal,
        parent: usize,
    ) -> Result<Option<Candidate>> {
        let Some(key) = self.single_key(parent) else {
            return Ok(None);
        };
        let form = Form {
            when: BTreeMap::from([(kind.name.clone(), literal)]),
            ..Form::default()
        };
        let counted = self.count(at, &object.name, &form, (parent, &key))?;
        // What was deleted may still be spoken of: a history names rows that are gone.
        if counted.fitting == 0 {
            return Ok(None);
        }
        let said = self.stem_of(at, &object.name);
        let mut candidate = self.candidate(at, object, (parent, &key), said, counted);
        candidate.form = form;
        candidate.kind = Kind::Generic;
        if !kind.not_null || !object.not_null {
            candidate.optional = Optional::Yes;
        }
        Ok(Some(candidate))
    }

    /// The tables that the values of a column mean.
    fn kinds(
        &self,
        at: usize,
        kind: &Column,
        known: &[Candidate],
        catalogues: &BTreeMap<usize, Vec<(Value, usize)>>,
    ) -> Result<Vec<(Literal, usize)>> {
        let table = &self.schema.tables[at].name;
        let named = known
            .iter()
            .find(|c| c.table == at && c.columns == [kind.name.clone()]);
        let Some(values) = self.evidence.few(table, &kind.name, KINDS)? else {
            return Ok(Vec::new());
        };
        let of_catalogue = named.and_then(|c| catalogues.get(&c.parent));
        let parent = |value: &Value| match (of_catalogue, value) {
            (Some(rows), value) => rows.iter().find(|(key, _)| key == value).map(|(_, to)| *to),
            (None, Value::Text(text)) => self.names.of_type(self.schema, at, text),
            _ => None,
        };
        let literal = |value: &Value| match value {
            Value::Integer(number) => Some(Literal::Integer(*number)),
            Value::Text(text) if !text.contains('\0') => Some(Literal::Text(text.clone())),
            _ => None,
        };
        let kinds = values
            .iter()
            .filter_map(|(value, _)| Some((literal(value)?, parent(value)?)));
        Ok(kinds.collect())
    }

    /// Tables whose rows stand for tables, as Django's content types do: by application and model.
    fn catalogues(&self) -> Result<BTreeMap<usize, Vec<(Value, usize)>>> {
        let mut found = BTreeMap::new();
        for (at, table) in self
            .schema
            .tables
            .iter()
            .enumerate()
            .filter(|(_, t)| is_plain(t))
        {
            let model = table.column("model").or_else(|| table.column("table_name"));
            let label = table.column("app_label").or(model);
            let (Some(model), Some(label), Some(key)) = (model, label, self.single_key(at)) else {
                continue;
            };
            let rows = self
                .evidence
                .catalogue(&table.name, [&key, &label.name, &model.name])?;
            let means = |(key, label, model): (Value, String, String)| {
                let whole = format!("{label}_{model}");
                let squeezed = |name: &str| name.replace('_', "").to_lowercase();
                let same = |t: &Table| {
                    squeezed(&t.name) == squeezed(&whole) || t.name.eq_ignore_ascii_case(&model)
                };
                let to = self.schema.tables.iter().position(same)?;
                Some((key, to))
            };
            let rows: Vec<(Value, usize)> = rows.into_iter().filter_map(means).collect();
            if !rows.is_empty() {
                found.insert(at, rows);
            }
        }
        Ok(found)
    }
}

/// The column that says which row is meant, beside one that says of which kind.
fn object_beside<'t>(
    at: usize,
    table: &'t Table,
    kind: &Column,
    known: &[Candidate],
) -> Option<&'t Column> {
    let said = words(&kind.name);
    let bare: Vec<String> = said
        .iter()
        .filter(|word| {
            !matches!(
                word.as_str(),
                "type" | "types" | "kind" | "class" | "id" | "name" | "model"
            )
        })
        .cloned()
        .collect();
    let free = |column: &&Column| {
        column.name != kind.name
            && !known
                .iter()
                .any(|c| c.table == at && c.columns.contains(&column.name))
    };
    let columns = || table.columns.iter().filter(free);
    let same = |column: &&Column| {
        let other = words(&column.name);
        !bare.is_empty()
            && bare.len() < said.len()
            && other.len() == bare.len() + 1
            && other.starts_with(&bare)
            && matches!(
                other.last().map(String::as_str),
                Some("id" | "key" | "uuid" | "pk" | "ref")
            )
    };
    let plain = |column: &&Column| {
        let of = singulars(&words(&column.name)).join(" ");
        OBJECTS.contains(&of.as_str())
    };
    let speaks = says_kind(&said);
    let own_key = |column: &&Column| table.primary_key.len() == 1 && table.key()[0] == column.name;
    columns().find(same).or_else(|| {
        columns()
            .filter(|_| speaks)
            .filter(|c| !own_key(c))
            .find(plain)
    })
}

/// Whether the words of a column say that it tells of which kind something is.
fn says_kind(said: &[String]) -> bool {
    const KINDS: &str = "type kind class model table collection entity resource relation";
    singulars(said).iter().any(|word| is_in(KINDS, word))
}
