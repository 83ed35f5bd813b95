//! Full-text indexes that hold their own text, and the table whose rows they index.

use std::collections::BTreeSet;

use rusqlite::types::Value;

use super::candidate::{Candidate, Kind, Optional};
use super::candidates::Search;
use super::decide::Decider;
use super::names::is_plain;
use super::words::{singulars, words};
use crate::error::Result;
use crate::full_text::{Content, Deletion, FullText};
use crate::manifest::{Form, Meaning};

/// Words of an index's name that are not the name of what it indexes.
const INDEX: &[&str] = &[
    "fts",
    "fts3",
    "fts4",
    "fts5",
    "search",
    "index",
    "idx",
    "searchindex",
    "fulltext",
    "full",
    "text",
    "docs",
    "virtual",
];

impl Search<'_> {
    /// An index's rows belong to the rows that have the same number, where those belong to a user.
    pub(super) fn full_text(&self, decider: &Decider) -> Result<Vec<Candidate>> {
        let mut found = Vec::new();
        for (at, table) in self.schema.tables.iter().enumerate() {
            let content = FullText::of(table).map(|index| index.content);
            let kept = content == Some(Content::Own);
            let forgets = kept || content == Some(Content::None(Deletion::Possible));
            let fed = self.schema.triggers.iter().any(|t| t.names(&table.name));
            if !forgets || fed {
                continue;
            }
            if kept && let Some(candidate) = self.by_column(at, decider)? {
                found.push(candidate);
                continue;
            }
            let indexed = self.indexed_by(at, kept, decider)?;
            let Some((parent, key)) =
                indexed.and_then(|parent| Some((parent, self.single_key(parent)?)))
            else {
                continue;
            };
            let name = &self.schema.tables[parent].name;
            found.push(Candidate {
                table: at,
                columns: vec!["rowid".into()],
                parent,
                parent_columns: vec![key.clone()],
                form: Form::default(),
                on_delete: None,
                optional: Optional::No,
                stem: Vec::new(),
                values: 1,
                evidence: self
                    .rowids(at, (parent, &key))?
                    .sentence(&self.target(parent, &key)),
                kind: Kind::Plain,
                chance: super::candidate::Chance::Unlikely,
                alone: super::candidate::Alone::No,
                repeats: None,
                decided: Some((Meaning::Owner, format!("a full-text index of `{name}`"))),
            });
        }
        Ok(found)
    }

    /// A column of the index names a row that belongs to a user: `post_id UNINDEXED`.
    fn by_column(&self, at: usize, decider: &Decider) -> Result<Option<Candidate>> {
        for column in &self.schema.tables[at].columns {
            let candidate = self
                .by_key(at, column)?
                .filter(|c| decider.owned.contains(&c.parent));
            if let Some(mut candidate) = candidate {
                let name = &self.schema.tables[candidate.parent].name;
                candidate.decided = Some((
                    Meaning::Owner,
                    format!("a full-text index of what is in `{name}`"),
                ));
                return Ok(Some(candidate));
            }
        }
        Ok(None)
    }

    fn rowids(&self, at: usize, parent: (usize, &str)) -> Result<super::evidence::Match> {
        self.count(at, "rowid", &Form::default(), parent)
    }

    /// The table that an index is of: by its name, or by its text, if it keeps that.
    fn indexed_by(&self, at: usize, kept: bool, decider: &Decider) -> Result<Option<usize>> {
        let mut bare = words(&self.schema.tables[at].name);
        bare.retain(|word| !INDEX.contains(&word.as_str()));
        let bare = singulars(&bare);
        let spoken = self
            .names
            .spoken(self.schema, at, &bare)
            .into_iter()
            .map(|(table, _)| table);
        let owned = decider.owned.iter().copied();
        for table in spoken.chain(owned) {
            let table_is_owned =
                decider.owned.contains(&table) && is_plain(&self.schema.tables[table]);
            let Some(key) = self.single_key(table).filter(|_| table_is_owned) else {
                continue;
            };
            if !self.schema.tables[table].is_rowid_alias(&key) {
                continue;
            }
            let found = self.rowids(at, (table, &key))?;
            let nouns = self.names.nouns(table);
            let fits = match (found.of, kept) {
                (0, _) => nouns == bare,
                (_, true) => found.is_most(75) && self.shares_text(at, (table, &key))?,
                (_, false) => found.is_most(75) && nouns == bare,
            };
            if fits {
                return Ok(Some(table));
            }
        }
        Ok(None)
    }

    /// In nearly all rows some column of the index holds the words of one of the table: rowids alone fit
    /// any table.
    fn shares_text(&self, index: usize, (table, key): (usize, &str)) -> Result<bool> {
        let rows = self.evidence.beside((index, "rowid"), (table, key))?;
        let of_index = self.schema.tables[index].columns.len();
        let words_at = |row: &[Value], at: usize| match &row[at] {
            Value::Text(text) => words(text),
            _ => Vec::new(),
        };
        let alike = |one: usize, other: usize| {
            let holds = |row: &&Vec<Value>| {
                let (index, table) = (words_at(row, one), words_at(row, other));
                !index.is_empty() && index == table
            };
            let distinct: BTreeSet<Vec<String>> =
                rows.iter().map(|row| words_at(row, other)).collect();
            let least = rows.len().min(2);
            rows.iter().filter(holds).count() * 10 >= rows.len() * 8 && distinct.len() >= least
        };
        let width = of_index + self.schema.tables[table].columns.len();
        let pairs = (0..of_index).any(|one| (of_index..width).any(|other| alike(one, other)));
        Ok(!rows.is_empty() && pairs)
    }
}
