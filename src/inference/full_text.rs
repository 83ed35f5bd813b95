//! Full-text indexes that hold their own text, and the table whose rows they index.

use super::candidates::{Candidate, Kind, Optional, Search};
use super::decide::Decider;
use super::names::is_plain;
use super::words::{singulars, words};
use crate::error::Result;
use crate::full_text::{Content, FullText};
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
            let own = FullText::of(table).is_some_and(|index| index.content == Content::Own);
            if !own {
                continue;
            }
            let Some(parent) = self.indexed_by(at, decider)? else {
                continue;
            };
            let Some(key) = self.single_key(parent) else {
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
                evidence: self
                    .rowids(at, (parent, &key))?
                    .sentence(&self.target(parent, &key)),
                kind: Kind::Plain,
                decided: Some((Meaning::Owner, format!("a full-text index of `{name}`"))),
            });
        }
        Ok(found)
    }

    fn rowids(&self, at: usize, parent: (usize, &str)) -> Result<super::evidence::Match> {
        self.count(at, "rowid", &Form::default(), parent)
    }

    /// The table that an index is of: by its name, or by its text.
    fn indexed_by(&self, at: usize, decider: &Decider) -> Result<Option<usize>> {
        let nouns = singulars(&words(&self.schema.tables[at].name));
        let bare: Vec<String> = nouns
            .into_iter()
            .filter(|noun| !INDEX.contains(&noun.as_str()))
            .collect();
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
            if self.rowids(at, (table, &key))?.is_most(90) && self.shares_text(at, table)? {
                return Ok(Some(table));
            }
        }
        Ok(None)
    }

    /// Some text of the index stands in the table.
    fn shares_text(&self, index: usize, table: usize) -> Result<bool> {
        let texts = |at: usize| -> Result<Vec<String>> {
            let mut texts = Vec::new();
            for column in 0..self.schema.tables[at].columns.len() {
                texts.extend(self.evidence.texts(at, column)?);
            }
            Ok(texts)
        };
        let words_of = |text: &String| {
            words(text)
                .into_iter()
                .filter(|word| word.len() > 3)
                .collect::<Vec<_>>()
        };
        let of_table: std::collections::BTreeSet<String> =
            texts(table)?.iter().flat_map(words_of).collect();
        let of_index: Vec<String> = texts(index)?.iter().flat_map(words_of).collect();
        let shared = of_index
            .iter()
            .filter(|word| of_table.contains(*word))
            .count();
        Ok(!of_index.is_empty() && shared * 2 >= of_index.len())
    }
}
