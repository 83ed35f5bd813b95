//! SQL text: quoting, and the few phrases that every statement on a planned table is made of.
//!
//! Pure. Every name that comes from a database is quoted here: `a"b; DROP TABLE s--` is a legal name.

use crate::manifest::{Form, Literal};
use crate::plan::{FileSource, Link, RowIdentity};
use crate::schema::Affinity;

/// A quoted identifier.
#[must_use]
pub(crate) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A table of the main database, which no temporary table of the same name can hide.
#[must_use]
pub(crate) fn main_table(name: &str) -> String {
    format!("main.{}", quote(name))
}

/// The columns that identify a row, each behind `alias`: `c.rowid`, or `c."a", c."b"`.
#[must_use]
pub(crate) fn identity(alias: &str, identity: &RowIdentity) -> String {
    let columns = identity.columns().iter();
    joined(columns.map(|c| format!("{alias}.{}", quote(c))), ", ")
}

/// The same columns as a set table names them: `k0, k1`, each behind `alias`.
#[must_use]
pub(crate) fn set_columns(alias: &str, identity: &RowIdentity) -> String {
    joined(
        (0..identity.columns().len()).map(|at| format!("{alias}k{at}")),
        ", ",
    )
}

/// Creates a temporary table that holds rows of a table, with further columns: `, owner INTEGER`.
#[must_use]
pub(crate) fn create_set(name: &str, identity: &RowIdentity, columns: &str) -> String {
    match identity {
        RowIdentity::Rowid(_) => {
            format!("CREATE TEMP TABLE {name}(k0 INTEGER PRIMARY KEY{columns});")
        }
        RowIdentity::Key(_) => {
            let key = set_columns("", identity);
            format!("CREATE TEMP TABLE {name}({key}{columns}, PRIMARY KEY ({key})) WITHOUT ROWID;")
        }
    }
}

/// The row `alias` of a table is the row `set` of its set: the table's own column stands left, so
/// that its collation decides.
#[must_use]
pub(crate) fn same_row(alias: &str, set: &str, identity: &RowIdentity) -> String {
    let pairs = identity.columns().iter().enumerate();
    joined(
        pairs.map(|(at, column)| format!("{alias}.{} = {set}.k{at}", quote(column))),
        " AND ",
    )
}

/// A text in quotes. It holds no NUL.
#[must_use]
pub(crate) fn text(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

/// The row `child` names the row `parent`: compared with the parent's affinity and collation, as a
/// foreign key is (<https://sqlite.org/foreignkeys.html>).
#[must_use]
pub(crate) fn names(child: &str, parent: &str, link: &Link) -> String {
    let keep_out = if link.plain_comparison { "" } else { "+" };
    let columns = columns(child, link);
    let pairs = columns.into_iter().zip(&link.parent_columns);
    let pairs = pairs.map(|(c, p)| format!("{parent}.{} = {keep_out}{c}", quote(p)));
    joined(pairs.chain(counts(child, &link.form)), " AND ")
}

/// The values by which the row `child` names its parent.
#[must_use]
pub(crate) fn columns(child: &str, link: &Link) -> Vec<String> {
    let columns = link.columns.iter();
    columns
        .map(|column| held(&format!("{child}.{}", quote(column)), &link.form))
        .collect()
}

/// The value that stands in a column, null where none does.
pub(crate) fn held(column: &str, form: &Form) -> String {
    let json = |path: &String| {
        format!(
            "CASE WHEN json_valid({column}) THEN json_extract({column}, {}) END",
            text(path)
        )
    };
    let inner = form.json.as_ref().map_or_else(|| column.to_owned(), json);
    let length = |text: &String| text.chars().count();
    let before = form.prefix.as_ref().map_or(0, length);
    let behind = form.suffix.as_ref().map_or(0, length);
    let begins = { form.prefix.iter() }
        .map(|prefix| format!("substr({inner}, 1, {before}) = {}", text(prefix)));
    let ends = { form.suffix.iter() }.map(|suffix| {
        format!(
            "length({inner}) >= {} AND substr({inner}, -{behind}) = {}",
            before + behind,
            text(suffix)
        )
    });
    let stands = joined(begins.chain(ends), " AND ");
    if stands.is_empty() {
        return inner;
    }
    let value = match behind {
        0 => format!("substr({inner}, {})", before + 1),
        _ => format!(
            "substr({inner}, {}, length({inner}) - {})",
            before + 1,
            before + behind
        ),
    };
    format!("CASE WHEN {stands} THEN {value} END")
}

/// The value by which the row `child` names a file.
pub(crate) fn names_file(child: &str, source: &FileSource) -> String {
    held(&format!("{child}.{}", quote(&source.column)), &source.form)
}

/// The conditions under which the reference of the row `child` counts.
pub(crate) fn counts(child: &str, form: &Form) -> impl Iterator<Item = String> {
    form.when.iter().map(move |(column, value)| {
        let value = match value {
            Literal::Integer(number) => number.to_string(),
            Literal::Text(value) => text(value),
        };
        format!("{child}.{} = {value}", quote(column))
    })
}

/// A declared type that gives a column this affinity.
#[must_use]
pub(crate) fn type_of(affinity: Affinity) -> &'static str {
    match affinity {
        Affinity::Text => "TEXT",
        Affinity::Numeric => "NUMERIC",
        Affinity::Integer => "INTEGER",
        Affinity::Real => "REAL",
        Affinity::Blob => "BLOB",
    }
}

/// Parts joined by a separator.
pub(crate) fn joined(parts: impl IntoIterator<Item = String>, separator: &str) -> String {
    parts.into_iter().collect::<Vec<_>>().join(separator)
}
