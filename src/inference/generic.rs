//! Generic references: a column that says of which table a row is meant, beside one that says which.
//!
//! `commentable_type` and `commentable_id`, `content_type_id` and `object_id`, `collection` and
//! `item`: the frameworks differ, the values tell. Each kind of row that is named becomes a reference
//! of its own under a condition.

use std::collections::BTreeMap;

use rusqlite::types::Value;

use super::candidate::{Candidate, Kind, Optional};
use super::candidates::Search;
use super::names::{Spoken, is_plain};
use super::words::{is_in, singulars, stem, words};
use crate::error::Result;
use crate::manifest::{Form, Literal};
use crate::schema::{Column, Table};

/// More kinds than this are no kinds.
const MOST_KINDS: u32 = 200;

/// Words of a column that says of which kind something is.
const KINDS: &str = "type kind class model table collection entity resource relation";

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
            let mut used: Vec<&str> = Vec::new();
            for kind in Self::kind_columns(at, table, known, &catalogues) {
                let Some(object) = self
                    .object_beside(at, table, kind, known)
                    .filter(|o| !used.contains(&o.name.as_str()))
                else {
                    continue;
                };
                let kinds = self.kinds(at, kind, known, &catalogues)?;
                let mut any = false;
                for (literal, parent) in kinds {
                    let candidate = self.of_kind(at, (kind, object), literal, parent)?;
                    any |= candidate.is_some();
                    found.extend(candidate);
                }
                used.extend(any.then_some(object.name.as_str()));
            }
        }
        Ok(found)
    }

    /// The columns that may say of which kind a row is: first those that name an entry of a catalogue.
    fn kind_columns<'t>(
        at: usize,
        table: &'t Table,
        known: &[Candidate],
        catalogues: &BTreeMap<usize, Vec<(Value, usize)>>,
    ) -> Vec<&'t Column> {
        let by_catalogue = |column: &&Column| {
            let of = |c: &Candidate| {
                c.table == at
                    && c.columns == [column.name.clone()]
                    && catalogues.contains_key(&c.parent)
            };
            known.iter().any(of)
        };
        let (mut first, others): (Vec<_>, Vec<_>) = table.columns.iter().partition(by_catalogue);
        first.extend(others);
        first
    }

    /// Whether another column says of which table a row is meant by this one: `owner_type` beside
    /// `owner_id`.
    pub(super) fn has_type_beside(&self, at: usize, column: &Column) -> bool {
        let said = words(&column.name);
        let mut columns = self.schema.tables[at].columns.iter();
        columns.any(|kind| kind.name != column.name && is_same(&words(&kind.name), &said))
    }

    /// The column that says which row is meant, beside one that says of which kind.
    fn object_beside<'t>(
        &self,
        at: usize,
        table: &'t Table,
        kind: &Column,
        known: &[Candidate],
    ) -> Option<&'t Column> {
        let said = words(&kind.name);
        let is_known = |column: &Column| {
            let mut known = known.iter();
            known.any(|c| c.table == at && c.columns.contains(&column.name))
        };
        let own_key =
            |column: &Column| table.primary_key.len() == 1 && table.key()[0] == column.name;
        let free = || {
            let columns = table.columns.iter();
            columns.filter(|c| c.name != kind.name && !is_known(c))
        };
        let modifiers: Vec<String> = said
            .iter()
            .take_while(|word| !is_in(KINDS, word) && *word != "content")
            .cloned()
            .collect();
        let named =
            |column: &&Column| is_object(&words(&column.name), &modifiers) && !own_key(column);
        // `model_id` where there are `models` names one of those, whatever the kind is.
        let names_table = |column: &&Column| {
            let spoken = self
                .names
                .spoken(self.schema, at, &stem(&words(&column.name)));
            spoken.iter().any(|(_, how)| *how == Spoken::Wholly)
        };
        let objects = || free().filter(|c| says_kind(&said) && named(c) && !names_table(c));
        let qualified = |column: &&Column| {
            let first = words(&column.name).into_iter().next();
            first.is_some() && first.as_ref() == modifiers.first()
        };
        { free() }
            .find(|column| is_same(&said, &words(&column.name)))
            .or_else(|| objects().find(qualified))
            .or_else(|| objects().next())
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
        let Some(values) = self.evidence.few(table, &kind.name, MOST_KINDS)? else {
            return Ok(Vec::new());
        };
        let of_catalogue = named.and_then(|c| catalogues.get(&c.parent));
        let parent = |value: &Value| match (of_catalogue, value) {
            (Some(rows), value) => rows.iter().find(|(key, _)| key == value).map(|(_, to)| *to),
            (None, Value::Text(text)) => {
                let class = self.names.of_type(self.schema, at, text);
                class.or_else(|| {
                    self.names
                        .is_class_of(self.users, text)
                        .then_some(self.users)
                })
            }
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

/// `commentable_id` beside `commentable_type`, `assigned_to` beside `assigned_type`.
fn is_same(kind: &[String], object: &[String]) -> bool {
    const TYPES: &str = "type types kind class id name model";
    let bare: Vec<&String> = kind.iter().filter(|word| !is_in(TYPES, word)).collect();
    let Some((last, first)) = object.split_last() else {
        return false;
    };
    !bare.is_empty()
        && bare.len() < kind.len()
        && first.iter().eq(bare)
        && is_in("id key uuid pk ref to", last)
}

/// `object_id`; behind the words before the kind, where there are some: `to_object_id` beside
/// `to_content_type_id`.
fn is_object(said: &[String], modifiers: &[String]) -> bool {
    let (said, modifiers) = (singulars(said), singulars(modifiers));
    let bare = said.strip_prefix(modifiers.as_slice()).unwrap_or(&said);
    OBJECTS.contains(&bare.join(" ").as_str())
}

/// Whether the words of a column say that it tells of which kind something is.
fn says_kind(said: &[String]) -> bool {
    singulars(said).iter().any(|word| is_in(KINDS, word))
}
