//! Directories that carry a user's key or name. Pure but for the samples.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use rusqlite::types::Value;

use super::candidates::Search;
use super::tree::Tree;
use super::words::{singulars, words};
use crate::error::Result;
use crate::manifest::hyphenated;

/// A directory of each user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryProposal {
    /// The pattern, with `{user}` or a column.
    pub pattern: String,
    /// The directory above.
    pub root: String,
    /// What was seen.
    pub evidence: String,
}

impl Search<'_> {
    /// Directories that carry users' keys, or what stands in these columns by which they are named.
    pub(super) fn users_directories(
        &self,
        tree: &Tree,
        names: &[String],
    ) -> Result<Vec<DirectoryProposal>> {
        let table = &self.schema.tables[self.users];
        let columns = std::iter::once(self.user_key).chain(names.iter().map(String::as_str));
        let mut found: Vec<DirectoryProposal> = Vec::new();
        for (place, column) in columns.enumerate() {
            let Some(at) = table.columns.iter().position(|c| c.name == column) else {
                continue;
            };
            let text = |value: Value| match value {
                Value::Integer(number) => Some(number.to_string()),
                Value::Text(text) if text.len() > 1 => Some(text),
                _ => None,
            };
            let values = self.evidence.sample(self.users, at)?;
            let values: BTreeSet<String> = values.into_iter().filter_map(text).collect();
            let placeholder = if place == 0 { "user" } else { column };
            let spelt = with_hyphens(&values);
            let proposals = patterns(&tree.directories, &values, placeholder).into_iter();
            let hyphenated = format!("{placeholder}:uuid");
            for proposal in proposals.chain(patterns(&tree.directories, &spelt, &hyphenated)) {
                if !found.iter().any(|known| known.root == proposal.root) {
                    found.push(proposal);
                }
            }
        }
        Ok(found)
    }
}

/// The UUIDs that stand without their hyphens, with them.
fn with_hyphens(values: &BTreeSet<String>) -> BTreeSet<String> {
    let spelt = values.iter().map(|value| hyphenated(value.as_bytes()));
    let spelt = spelt.filter(|value| matches!(value, Cow::Owned(_)));
    spelt
        .map(|value| String::from_utf8_lossy(&value).into_owned())
        .collect()
}

/// Words of a path that speak of users.
const USERS: &[&str] = &[
    "user", "home", "member", "account", "profile", "people", "person", "customer", "author",
    "avatar",
];

/// Patterns of directories whose names hold these values, which stand in paths as `placeholder`.
fn patterns(
    directories: &[String],
    values: &BTreeSet<String>,
    placeholder: &str,
) -> Vec<DirectoryProposal> {
    let mut found: BTreeMap<(String, String, String), BTreeSet<&str>> = BTreeMap::new();
    let mut siblings: BTreeMap<&str, u64> = BTreeMap::new();
    for path in directories {
        let (above, name) = path.rsplit_once('/').unwrap_or(("", path));
        *siblings.entry(above).or_default() += 1;
        for (start, end) in parts(name) {
            let part = &name[start..end];
            if values.contains(part) {
                let key = (
                    above.to_owned(),
                    name[..start].to_owned(),
                    name[end..].to_owned(),
                );
                found.entry(key).or_default().insert(part);
            }
        }
    }
    let proposals = found
        .into_iter()
        .filter_map(|((above, before, after), users)| {
            let count = users.len() as u64;
            let speaks =
                says_users(&before) || says_users(above.rsplit('/').next().unwrap_or_default());
            let numbers = users
                .iter()
                .all(|user| user.chars().all(|c| c.is_ascii_digit()));
            let most =
                count > 1 && count * 2 >= siblings.get(above.as_str()).copied().unwrap_or_default();
            let plain = !format!("{above}{before}{after}").contains(['{', '}']);
            let certain = (speaks || (most && !numbers)) && plain && !above.is_empty();
            certain.then(|| DirectoryProposal {
                pattern: format!("{above}/{before}{{{placeholder}}}{after}"),
                evidence: format!("{count} users have one"),
                root: above,
            })
        });
    proposals.collect()
}

fn says_users(text: &str) -> bool {
    singulars(&words(text))
        .iter()
        .any(|word| USERS.contains(&word.as_str()))
}

/// The whole name, and each part of it that stands between its separators.
fn parts(name: &str) -> Vec<(usize, usize)> {
    let mut parts = vec![(0, name.len())];
    let separators = name
        .char_indices()
        .filter(|(_, c)| matches!(c, '_' | '-' | '.'));
    for (at, separator) in separators {
        parts.push((at + separator.len_utf8(), name.len()));
        parts.push((0, at));
    }
    parts.retain(|(start, end)| start < end);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(directories: &[&str], values: &[&str]) -> Vec<String> {
        let directories: Vec<String> = directories.iter().map(|d| (*d).to_owned()).collect();
        let values = values.iter().map(|v| (*v).to_owned()).collect();
        patterns(&directories, &values, "user")
            .into_iter()
            .map(|p| p.pattern)
            .collect()
    }

    #[test]
    fn numbers_are_users_only_where_the_path_says_so() {
        assert_eq!(
            of(&["m/user_1", "m/user_2", "m/x"], &["1", "2"]),
            ["m/user_{user}"]
        );
        assert_eq!(of(&["users/1", "users/2"], &["1"]), ["users/{user}"]);
        assert!(of(&["media/1", "media/2"], &["1", "2"]).is_empty());
    }

    #[test]
    fn a_key_may_stand_in_a_path_with_the_hyphens_that_its_column_leaves_away() {
        let keys = ["f81d4fae7dec11d0a76500a0c91e6bf6".to_owned(), "ann".into()];
        let spelt = with_hyphens(&keys.into());
        assert_eq!(
            spelt,
            ["f81d4fae-7dec-11d0-a765-00a0c91e6bf6".to_owned()].into()
        );
    }

    #[test]
    fn names_are_users_where_most_directories_are_theirs() {
        assert_eq!(
            of(&["d/ann", "d/bob", "d/skel"], &["ann", "bob"]),
            ["d/{user}"]
        );
        assert!(of(&["d/ann", "d/a", "d/b", "d/c"], &["ann"]).is_empty());
        assert!(
            of(&["ann", "bob"], &["ann", "bob"]).is_empty(),
            "the application's own directory"
        );
    }
}
