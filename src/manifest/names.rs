//! `table.column` as it is written in a manifest.

use std::fmt;
use std::fmt::Write as _;
use std::str::FromStr;

use serde::Deserialize;

/// A table and one or more of its columns: `posts.user_id`, `links.owner,kind`.
///
/// A name that holds a dot, a comma or a quote is written as a quoted SQL identifier:
/// `"odd.table"."a ""column"""`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Columns {
    /// The table.
    pub table: String,
    /// Its columns, in the order written; at least one.
    pub columns: Vec<String>,
}

impl Columns {
    /// One column of a table.
    #[must_use]
    pub fn one(table: &str, column: &str) -> Self {
        Self {
            table: table.into(),
            columns: vec![column.into()],
        }
    }

    /// As a key, or a value, of TOML.
    #[must_use]
    pub fn to_toml(&self) -> String {
        quoted(&self.to_string())
    }
}

/// A basic string of TOML, whatever it holds (<https://toml.io/en/v1.0.0#string>).
#[must_use]
pub(crate) fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            _ if letter.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(letter));
            }
            _ => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}

impl fmt::Display for Columns {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.", plain_or_quoted(&self.table))?;
        let columns: Vec<String> = self.columns.iter().map(|c| plain_or_quoted(c)).collect();
        out.write_str(&columns.join(","))
    }
}

fn plain_or_quoted(name: &str) -> String {
    let plain = !name.is_empty() && !name.contains(['.', ',', '"']) && name.trim() == name;
    if plain {
        name.into()
    } else {
        format!("\"{}\"", name.replace('"', "\"\""))
    }
}

impl TryFrom<String> for Columns {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl FromStr for Columns {
    type Err = String;

    /// Fails with a sentence when the text is not `table.column`.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not of the form `table.column`");
        let (table, mut rest) = name(text, '.').ok_or_else(wrong)?;
        let mut columns = Vec::new();
        while let Some(tail) = rest {
            let (column, after) = name(tail, ',').ok_or_else(wrong)?;
            columns.push(column);
            rest = after;
        }
        if columns.is_empty() {
            return Err(wrong());
        }
        Ok(Self { table, columns })
    }
}

/// One name up to `end`, and what follows `end`; `None` where the text is malformed.
fn name(text: &str, end: char) -> Option<(String, Option<&str>)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let (name, rest) = match text.split_once(end) {
            Some((name, rest)) => (name, Some(rest)),
            None => (text, None),
        };
        let plain = !name.is_empty() && !name.contains(['"', '.', ',']);
        return plain.then(|| (name.to_owned(), rest));
    };
    let (name, rest) = unquote(quoted)?;
    match rest.strip_prefix(end) {
        Some(rest) => Some((name, Some(rest))),
        None => rest.is_empty().then_some((name, None)),
    }
}

fn unquote(text: &str) -> Option<(String, &str)> {
    let mut name = String::new();
    let mut rest = text;
    loop {
        let at = rest.find('"')?;
        name.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        match rest.strip_prefix('"') {
            Some(more) => {
                name.push('"');
                rest = more;
            }
            None => return (!name.is_empty()).then_some((name, rest)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_quoted_and_composite_names_are_read_and_written_back() {
        for text in ["posts.user_id", "a.b,c", "\"odd.table\".\"x\"\"y\",z"] {
            let read: Columns = text.parse().unwrap();
            assert_eq!(read.to_string().parse::<Columns>().unwrap(), read);
        }
        let odd: Columns = "\"odd.table\".\"x\"\"y\",z".parse().unwrap();
        assert_eq!(odd.table, "odd.table");
        assert_eq!(odd.columns, ["x\"y", "z"]);
    }

    #[test]
    fn whatever_a_name_holds_toml_reads_it_back() {
        for name in [
            "plain",
            "o'd\"d\\",
            "\n\t\r\0\u{1}\u{7f}\u{85}",
            "]#=",
            "\u{fffd}é",
        ] {
            let text = format!("{} = {}", quoted(name), quoted(name));
            let read: toml::Table = toml::from_str(&text).unwrap();
            assert_eq!(read[name].as_str(), Some(name));
        }
    }

    #[test]
    fn what_names_no_column_is_refused() {
        for text in [
            "", "posts", "posts.", ".x", "a.b.c", "a.b,", "\"a.b", "\"a\"b.c",
        ] {
            assert!(text.parse::<Columns>().is_err(), "{text}");
        }
    }
}
