//! Files that are named by the bare key of a row: `attachments/12.png`, `photos/at-12.data`.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::types::Value;

use super::candidates::Search;
use super::files::FileProposal;
use super::tree::Tree;
use super::words::{holds_files, singulars, words};
use crate::error::Result;

/// Fewer numbers are keys by chance.
const LEAST: usize = 3;

/// Files of one directory whose names begin alike and hold a number: the numbers by what follows them.
type Numbers = BTreeMap<String, BTreeSet<i64>>;

impl Search<'_> {
    /// The keys of users' rows by which files are named, in directories that are named for their tables.
    /// `known` are columns that name files: where those say it, keys say nothing more.
    pub(super) fn numbered_files(
        &self,
        owned: &BTreeSet<usize>,
        tree: &Tree,
        known: &[FileProposal],
    ) -> Result<Vec<FileProposal>> {
        let mut found = Vec::new();
        for ((directory, before), numbers) in numbered(tree) {
            let named = |one: &FileProposal| within(&directory, &one.root);
            for &at in owned.iter().filter(|_| !known.iter().any(named)) {
                let Some(key) = self.single_key(at) else {
                    continue;
                };
                let all: BTreeSet<i64> = numbers.values().flatten().copied().collect();
                let users = at != self.users && self.all_keys(&all, (self.users, self.user_key))?;
                let nearly_all = all.len() as u64 * 10 >= self.evidence.rows(at)? * 8;
                let speaks = self.is_named_for(&directory, at)
                    || (nearly_all && self.holds_files(&directory, at));
                if all.len() < LEAST || !speaks || users || !self.all_keys(&all, (at, &key))? {
                    continue;
                }
                found.extend(numbers.keys().map(|after| FileProposal {
                    table: self.schema.tables[at].name.clone(),
                    column: key.clone(),
                    json: None,
                    path: Some(format!("{directory}/{before}{{value}}{after}")),
                    root: directory.clone(),
                    evidence: format!("{} numbers in the names of files are its keys", all.len()),
                }));
            }
        }
        Ok(found)
    }

    /// A step of the path says what the rows of the table are.
    fn is_named_for(&self, directory: &str, table: usize) -> bool {
        let of = self.names.nouns(table).last();
        let says = |step: &str| singulars(&words(step)).last() == of;
        of.is_some() && directory.split('/').any(says)
    }

    /// A step of the path says that it holds files, as the table does: `upload/12.png` of `attachments`.
    fn holds_files(&self, directory: &str, table: usize) -> bool {
        let says = |step: &str| holds_files(&singulars(&words(step)));
        holds_files(self.names.nouns(table)) && directory.split('/').any(says)
    }

    fn all_keys(&self, numbers: &BTreeSet<i64>, (table, key): (usize, &str)) -> Result<bool> {
        let values: Vec<Value> = numbers.iter().copied().map(Value::Integer).collect();
        Ok(self.evidence.fitting(&values, table, key)? == values.len() as u64)
    }
}

fn within(directory: &str, root: &str) -> bool {
    let rest = directory.strip_prefix(root);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The files of a tree whose names hold one number, as it is written without zeros in front.
fn numbered(tree: &Tree) -> BTreeMap<(String, String), Numbers> {
    let mut found: BTreeMap<(String, String), Numbers> = BTreeMap::new();
    for path in &tree.files {
        let Some((directory, name)) = path.rsplit_once('/') else {
            continue;
        };
        let Some((before, number, after)) = around_number(name) else {
            continue;
        };
        if !path.contains(['{', '}', '*']) {
            let numbers = found.entry((directory.into(), before.into())).or_default();
            numbers.entry(after.into()).or_default().insert(number);
        }
    }
    found
}

/// What stands before and behind the only number of a name.
fn around_number(name: &str) -> Option<(&str, i64, &str)> {
    let start = name.find(|letter: char| letter.is_ascii_digit())?;
    let (before, rest) = name.split_at(start);
    let end = rest.find(|letter: char| !letter.is_ascii_digit());
    let (digits, after) = rest.split_at(end.unwrap_or(rest.len()));
    // `12.mp4` holds one number and an ending.
    let more = after.split('.').next().unwrap_or_default();
    let single = !more.contains(|letter: char| letter.is_ascii_digit());
    let number = digits.parse().ok().filter(|_| !digits.starts_with('0'))?;
    single.then_some((before, number, after))
}

#[cfg(test)]
mod tests {
    use super::around_number;

    #[test]
    fn the_only_number_of_a_name_may_be_a_key() {
        for (name, expected) in [
            ("12.png", Some(("", 12, ".png"))),
            ("at-12.data", Some(("at-", 12, ".data"))),
            ("12", Some(("", 12, ""))),
            ("12.mp4", Some(("", 12, ".mp4"))),
            ("0012.png", None),
            ("12-2.png", None),
            ("a.png", None),
            ("99999999999999999999.png", None),
        ] {
            assert_eq!(around_number(name), expected, "{name}");
        }
    }
}
