//! Where in a `.env` file the values stand.

use std::ops::Range;

/// `NAME=value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Assignment {
    pub(super) name: String,
    /// The bytes of its value as written: with its quotes, without what follows.
    pub(super) value: Range<usize>,
    /// The line in which it starts, from 1.
    pub(super) line: usize,
}

/// The assignments of a text, in order.
///
/// Fails with the line that is neither an assignment nor a comment nor empty.
pub(super) fn assignments(text: &str) -> Result<Vec<Assignment>, usize> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let line = 1 + text[..at].matches('\n').count();
        let statement = text[at..].trim_start_matches([' ', '\t']);
        let start = text.len() - statement.len();
        at = if statement.is_empty() || statement.starts_with(['#', '\r', '\n']) {
            end_of_line(text, start)
        } else {
            let assignment = assignment(text, start, line).ok_or(line)?;
            let end = rest(text, assignment.value.end).ok_or(line)?;
            found.push(assignment);
            end
        };
    }
    Ok(found)
}

/// The assignment that starts at a place.
fn assignment(text: &str, start: usize, line: usize) -> Option<Assignment> {
    let (name, equals) = name(text, start)?;
    let after = equals + 1;
    let blank = text[after..].len() - text[after..].trim_start_matches([' ', '\t']).len();
    let first = after + blank;
    let value = match text[first..].chars().next() {
        None | Some('#' | '\r' | '\n') => after..after,
        Some(_) => first..value_end(text, first)?,
    };
    Some(Assignment {
        name: name.into(),
        value,
        line,
    })
}

/// The name, and where its `=` stands. A leading `export` is none, unless it is all there is.
fn name(text: &str, start: usize) -> Option<(&str, usize)> {
    let (line, _) = text[start..].split_once('=')?;
    let bare = line.trim_end_matches([' ', '\t']);
    let exported = bare
        .strip_prefix("export")
        .filter(|rest| rest.starts_with([' ', '\t']));
    let name = exported.map_or(bare, |rest| rest.trim_start_matches([' ', '\t']));
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
    let fits = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(is_part);
    fits.then_some((name, start + line.len()))
}

/// Where a value that starts at a place ends: at white space outside quotes.
fn value_end(text: &str, start: usize) -> Option<usize> {
    let mut quote = None;
    let mut characters = text[start..].char_indices();
    while let Some((at, character)) = characters.next() {
        match (quote, character) {
            (None, ' ' | '\t' | '\r' | '\n') => return Some(start + at),
            (None, '\'' | '"') => quote = Some(character),
            (Some(open), close) if open == close => quote = None,
            (None | Some('"'), '\\') => drop(characters.next()),
            _ => {}
        }
    }
    quote.is_none().then_some(text.len())
}

/// The start of the next line, if nothing but white space and a comment precedes it.
fn rest(text: &str, value_end: usize) -> Option<usize> {
    let after = text[value_end..].trim_start_matches([' ', '\t', '\r']);
    let ends = after.is_empty() || after.starts_with(['#', '\n']);
    ends.then(|| end_of_line(text, value_end))
}

fn end_of_line(text: &str, from: usize) -> usize {
    text[from..]
        .find('\n')
        .map_or(text.len(), |at| from + at + 1)
}
