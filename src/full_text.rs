//! Full-text indexes: what each of them holds, and where its words come from.
//!
//! | `content=` | its text | a deleted row |
//! |---|---|---|
//! | not given | in the index itself | is deleted from it like a row of any table |
//! | a table | in that table | a trigger takes it out of the index, or this program does, before its text is gone |
//! | empty | nowhere | only where the index knows `contentless_delete`, or a trigger gives it the words |
//!
//! <https://sqlite.org/fts5.html>, <https://sqlite.org/fts3.html>

use crate::schema::{Module, Schema, Table, TableKind, unquoted};

/// One index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FullText {
    /// The virtual table.
    pub table: String,
    /// Which module it is of.
    pub version: Version,
    /// Where its text is.
    pub content: Content,
}

/// A full-text module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// `fts3`
    Three,
    /// `fts4`
    Four,
    /// `fts5`
    Five,
}

/// Where the text of an index is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// In the index.
    Own,
    /// In this table, whose rows have the index's rowids.
    Table {
        /// The table, or a view.
        name: String,
        /// The column that holds the rowid.
        rowid: String,
    },
    /// Nowhere: the index knows words and rowids only.
    None(Deletion),
}

/// Whether rows can be deleted from an index that keeps no text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deletion {
    /// `contentless_delete=1`
    Possible,
    /// Only by whoever knows the words.
    Impossible,
}

/// Whether a table is a full-text index that holds its words itself and that no trigger feeds: what
/// it has to do with other tables, only a manifest can say.
pub(crate) fn stands_alone(schema: &Schema, table: &Table) -> bool {
    let fed = schema.triggers.iter().any(|t| t.names(&table.name));
    let apart = |index: FullText| !matches!(index.content, Content::Table { .. });
    !fed && FullText::of(table).is_some_and(apart)
}

/// Indexes that keep no text, cannot be told to forget a row, and are given its words by no trigger.
pub(crate) fn unforgetting(schema: &Schema) -> impl Iterator<Item = String> + '_ {
    let fed = |index: &FullText| schema.triggers.iter().any(|t| t.names(&index.table));
    let deaf = |index: &FullText| index.content == Content::None(Deletion::Impossible);
    let indexes = FullText::all(schema).filter(move |index| deaf(index) && !fed(index));
    indexes.map(|index| index.table)
}

impl FullText {
    /// The full-text index that a table is, if it is one.
    #[must_use]
    pub fn of(table: &Table) -> Option<Self> {
        let module = table.module.as_ref()?;
        let version = match module.name.as_str() {
            "fts3" => Version::Three,
            "fts4" => Version::Four,
            "fts5" => Version::Five,
            _ => return None,
        };
        Some(Self {
            table: table.name.clone(),
            version,
            content: content(module, version),
        })
    }

    /// Every full-text index of a database.
    pub fn all(schema: &Schema) -> impl Iterator<Item = Self> + '_ {
        schema.tables.iter().filter_map(Self::of)
    }

    /// Whether `shadow` is a table in which this index keeps its data.
    #[must_use]
    pub fn keeps_data_in(&self, shadow: &Table) -> bool {
        let start = shadow.name.get(..self.table.len());
        let rest = shadow.name.get(self.table.len()..);
        shadow.kind == TableKind::Shadow
            && start.is_some_and(|start| start.eq_ignore_ascii_case(&self.table))
            && rest.is_some_and(|rest| rest.starts_with('_'))
    }
}

/// FTS3 knows no options: what looks like one is a column of it.
fn content(module: &Module, version: Version) -> Content {
    if version == Version::Three {
        return Content::Own;
    }
    match option(module, "content") {
        None => Content::Own,
        Some(name) if name.is_empty() => {
            let can = option(module, "contentless_delete").is_some_and(|value| value == "1");
            Content::None(if can && version == Version::Five {
                Deletion::Possible
            } else {
                Deletion::Impossible
            })
        }
        Some(name) => Content::Table {
            name,
            rowid: match version {
                Version::Five => option(module, "content_rowid"),
                Version::Three | Version::Four => None,
            }
            .unwrap_or_else(|| "rowid".into()),
        },
    }
}

/// The value of `name=value`; the last one counts, as the modules read them in order.
fn option(module: &Module, name: &str) -> Option<String> {
    let mut values = module.arguments.iter().filter_map(|argument| {
        let (key, value) = argument.split_once('=')?;
        key.trim()
            .eq_ignore_ascii_case(name)
            .then(|| unquoted(value.trim()))
    });
    values.next_back()
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    fn index(sql: &str) -> FullText {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(sql).unwrap();
        let schema = crate::schema::read(&connection).unwrap();
        FullText::all(&schema).next().unwrap()
    }

    #[test]
    fn the_text_is_in_the_index_in_a_table_or_nowhere() {
        let table = |name: &str, rowid: &str| Content::Table {
            name: name.into(),
            rowid: rowid.into(),
        };
        let expected = [
            ("USING fts3(a)", Version::Three, Content::Own),
            (
                "USING fts4(a, content=\"t\")",
                Version::Four,
                table("t", "rowid"),
            ),
            (
                "USING fts4(a, content=\"\")",
                Version::Four,
                Content::None(Deletion::Impossible),
            ),
            ("USING fts5(a)", Version::Five, Content::Own),
            (
                "USING fts5(a, content='t', content_rowid='id')",
                Version::Five,
                table("t", "id"),
            ),
            (
                "USING fts5(a, content='')",
                Version::Five,
                Content::None(Deletion::Impossible),
            ),
            (
                "USING fts5(a, content='', contentless_delete=1)",
                Version::Five,
                Content::None(Deletion::Possible),
            ),
        ];
        for (using, version, content) in expected {
            let sql = format!(
                "CREATE TABLE t(id INTEGER PRIMARY KEY, a); CREATE VIRTUAL TABLE i {using}"
            );
            let found = index(&sql);
            assert_eq!(
                (found.version, found.content),
                (version, content),
                "{using}"
            );
        }
    }

    #[test]
    fn an_index_knows_the_tables_it_keeps_its_data_in() {
        let sql = "CREATE VIRTUAL TABLE \"I x\" USING fts5(a); CREATE TABLE \"i x_mine\"(a);";
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(sql).unwrap();
        let schema = crate::schema::read(&connection).unwrap();
        let found = FullText::all(&schema).next().unwrap();
        let kept = schema.tables.iter().filter(|t| found.keeps_data_in(t));
        let kept: Vec<&str> = kept.map(|t| &*t.name).collect();
        assert_eq!(
            kept,
            [
                "I x_config",
                "I x_content",
                "I x_data",
                "I x_docsize",
                "I x_idx"
            ]
        );
    }
}
