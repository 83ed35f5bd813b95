//! The comments of a manifest: what `init`, or a person, wrote down as the reason of an entry.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Columns;

/// The comment of each entry: what stands behind it on its line, or else the comment lines directly
/// above it.
#[derive(Clone, Debug, Default)]
pub struct Notes {
    users: Option<String>,
    references: BTreeMap<Columns, Vec<Option<String>>>,
    tables: BTreeMap<String, String>,
    directories: Vec<Option<String>>,
    file_columns: Vec<Option<String>>,
}

impl Notes {
    /// Reads the comments of a text; none, where the text is not TOML.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let Ok(document) = DeTable::parse(text) else {
            return Self::default();
        };
        let (document, page) = (document.get_ref(), Page(text));
        let users = value(document, "users").and_then(|users| page.above(users.span().start));
        Self {
            users,
            references: page.references(document),
            tables: page.tables(document),
            directories: elements(document, "files", "directories")
                .map(|one| page.at(one.span()))
                .collect(),
            file_columns: elements(document, "files", "columns")
                .map(|one| page.at(one.span()))
                .collect(),
        }
    }

    /// Of `[users]`.
    #[must_use]
    pub fn users(&self) -> Option<&str> {
        self.users.as_deref()
    }

    /// Of the `nth` reference of a line under `[references]`.
    #[must_use]
    pub fn reference(&self, from: &Columns, nth: usize) -> Option<&str> {
        self.references.get(from)?.get(nth)?.as_deref()
    }

    /// Of a table under `[tables]`.
    #[must_use]
    pub fn table(&self, name: &str) -> Option<&str> {
        let mut tables = self.tables.iter();
        let (_, note) = tables.find(|(table, _)| table.eq_ignore_ascii_case(name))?;
        Some(note)
    }

    /// Of the `nth` directory of one user.
    #[must_use]
    pub fn directory(&self, nth: usize) -> Option<&str> {
        self.directories.get(nth)?.as_deref()
    }

    /// Of the `nth` column that names files.
    #[must_use]
    pub fn file_column(&self, nth: usize) -> Option<&str> {
        self.file_columns.get(nth)?.as_deref()
    }
}

fn value<'t, 'i>(table: &'t DeTable<'i>, key: &str) -> Option<&'t Spanned<DeValue<'i>>> {
    table.get(key)
}

fn inner<'t, 'i>(document: &'t DeTable<'i>, key: &str) -> Option<&'t DeTable<'i>> {
    value(document, key)?.get_ref().as_table()
}

fn elements<'t, 'i>(
    document: &'t DeTable<'i>,
    table: &str,
    key: &str,
) -> impl Iterator<Item = &'t Spanned<DeValue<'i>>> + use<'t, 'i> {
    let array = inner(document, table).and_then(|table| value(table, key)?.get_ref().as_array());
    array.into_iter().flat_map(|array| array.iter())
}

struct Page<'t>(&'t str);

impl Page<'_> {
    fn references(&self, document: &DeTable) -> BTreeMap<Columns, Vec<Option<String>>> {
        let lines = inner(document, "references").into_iter().flatten();
        let notes = lines.filter_map(|(key, decision)| {
            let from: Columns = key.get_ref().parse().ok()?;
            let notes = match decision.get_ref().as_array() {
                Some(several) => several.iter().map(|one| self.at(one.span())).collect(),
                None => vec![self.at(key.span().start..decision.span().end)],
            };
            Some((from, notes))
        });
        notes.collect()
    }

    fn tables(&self, document: &DeTable) -> BTreeMap<String, String> {
        let named = ["kept", "shared"]
            .into_iter()
            .flat_map(|list| elements(document, "tables", list));
        let notes = named.filter_map(|table| {
            let name = table.get_ref().as_str()?.to_owned();
            Some((name, self.at(table.span())?))
        });
        notes.collect()
    }

    /// What is said of the entry that stands here.
    fn at(&self, span: Range<usize>) -> Option<String> {
        self.behind(span.end).or_else(|| self.above(span.start))
    }

    fn behind(&self, end: usize) -> Option<String> {
        let rest = self.0.get(end..)?.lines().next()?.trim_start();
        let rest = rest.strip_prefix(',').unwrap_or(rest);
        comment(rest).filter(|note| !note.is_empty())
    }

    fn above(&self, start: usize) -> Option<String> {
        let before = self.0.get(..start)?;
        let line = before.rfind('\n').map_or(0, |newline| newline + 1);
        let lines = before[..line].lines().rev();
        let mut notes: Vec<String> = lines.map_while(comment).collect();
        notes.reverse();
        Some(notes.join(" ")).filter(|note| !note.is_empty())
    }
}

/// The text of a comment that stands alone.
fn comment(text: &str) -> Option<String> {
    let note = text.trim().strip_prefix('#')?;
    Some(note.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# Written by somebody.

# its name says so
[users]
table = \"users\"
[references]
# posts
\"posts.u\" = \"owner\"  # every row has one; 2 of 2 # values
\"posts.\\\"a.b\\\"\" = [
  { is = \"owner\", to = \"a.id\", when = { kind = 1 } },  # the first
  { is = \"owner\", to = \"b.id\", when = { kind = 2 } }
]
# Two lines,
# one reason.
\"posts.v\" = { is = \"mention\", to = \"users.id\" }
\"posts.w\" = \"mention\"
[tables]
kept = [
  \"books\",  # the application's own
  \"shelves\",
]
shared = [\"rooms\"]  # everybody's
[files]
roots = [\"m\"]
directories = [\"m/{user}\"] # 2 of 2
# 3 of 3 are files
[[files.columns]]
column = \"posts.f\"
[[files.columns]]
column = \"posts.g\"
";

    #[test]
    fn an_entry_has_the_comment_behind_it_or_else_above_it() {
        let notes = Notes::of(TEXT);
        let reference =
            |from: &str, nth: usize| notes.reference(&from.parse().unwrap(), nth).unwrap_or("");
        assert_eq!(notes.users(), Some("its name says so"));
        assert_eq!(
            reference("posts.u", 0),
            "every row has one; 2 of 2 # values"
        );
        assert_eq!(reference("posts.\"a.b\"", 0), "the first");
        assert_eq!(reference("posts.\"a.b\"", 1), "");
        assert_eq!(reference("posts.v", 0), "Two lines, one reason.");
        assert_eq!(reference("posts.w", 0), "");
        assert_eq!(notes.table("BOOKS"), Some("the application's own"));
        assert_eq!(notes.table("shelves"), None);
        assert_eq!(notes.file_column(0), Some("3 of 3 are files"));
        assert_eq!(notes.file_column(1), None);
    }
}
