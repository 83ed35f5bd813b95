//! The full-text indexes that hold words of rows which go.

use crate::full_text::{Content, FullText, Version};
use crate::schema::{Event, Schema};

/// A full-text index of rows that go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedIndex {
    /// The virtual table.
    pub table: String,
    /// Which module it is of.
    pub version: Version,
    /// How it comes to forget what goes.
    pub feed: Feed,
}

/// How an index comes to forget a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Feed {
    /// Its rows are deleted: it is a table of the plan, or a trigger on one sees to it.
    Itself,
    /// Its text is in a table of the plan, and a trigger takes it out of the index.
    Trigger,
    /// Its text is in a table of the plan, and nothing of the database takes it out of the index.
    Nothing {
        /// The table, as a position in [`Plan::tables`](super::Plan::tables).
        content: usize,
        /// The column of that table that holds the index's rowid.
        rowid: String,
    },
    /// Its text is in a view, of which nobody knows which rows go.
    View,
}

pub(super) fn of(schema: &Schema, step: &[Option<usize>]) -> Vec<PlannedIndex> {
    let planned = |name: &str| {
        let at = schema
            .tables
            .iter()
            .position(|t| t.name.eq_ignore_ascii_case(name))?;
        step[at]
    };
    let is_fed = |index: &str| {
        let mut triggers = schema.triggers.iter();
        triggers.any(|trigger| trigger.names(index) && planned(&trigger.table).is_some())
    };
    let feed = |index: &FullText| match &index.content {
        Content::Table { name, rowid } => {
            let takes_out = |trigger: &crate::schema::Trigger| {
                trigger.event == Event::Delete
                    && trigger.names(&index.table)
                    && trigger.table.eq_ignore_ascii_case(name)
            };
            match planned(name) {
                Some(_) if schema.triggers.iter().any(takes_out) => Some(Feed::Trigger),
                Some(content) => Some(Feed::Nothing {
                    content,
                    rowid: rowid.clone(),
                }),
                None if schema.table(name).is_none() => Some(Feed::View),
                None => None,
            }
        }
        Content::Own | Content::None(_) => {
            let goes = planned(&index.table).is_some() || is_fed(&index.table);
            goes.then_some(Feed::Itself)
        }
    };
    let indexes = FullText::all(schema);
    indexes
        .filter_map(|index| {
            Some(PlannedIndex {
                feed: feed(&index)?,
                table: index.table,
                version: index.version,
            })
        })
        .collect()
}
