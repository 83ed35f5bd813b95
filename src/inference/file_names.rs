//! Files by what stands in their paths, and how a value names them. Pure.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::tree::Tree;
use crate::manifest::hyphenated;

/// A shorter part of a name is met by chance.
const LONG: usize = 8;

/// How the file of a value was found: the directories before it, what stands before the value in its
/// name, what of the value that holds, and what follows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Shape {
    pub(super) directories: usize,
    pub(super) before: String,
    pub(super) part: &'static str,
    pub(super) after: String,
}

/// A file that a value names.
pub(super) struct Hit<'v> {
    pub(super) value: &'v str,
    pub(super) path: String,
    pub(super) directories: Vec<String>,
}

/// Files by the ends and parts of their paths.
pub(super) struct Index<'t> {
    names: BTreeMap<&'t str, Vec<&'t str>>,
    directories: BTreeMap<&'t str, Vec<(&'t str, usize)>>,
    starts: BTreeMap<&'t str, Vec<&'t str>>,
    /// Paths by what stands in their names between a separator and the extension, and where it begins.
    ends: BTreeMap<&'t str, Vec<(&'t str, usize)>>,
}

impl<'t> Index<'t> {
    pub(super) fn of(tree: &'t Tree) -> Self {
        let mut index = Self {
            names: BTreeMap::new(),
            directories: BTreeMap::new(),
            starts: BTreeMap::new(),
            ends: BTreeMap::new(),
        };
        for path in &tree.files {
            let name = path.rsplit('/').next().unwrap_or(path);
            index.names.entry(name).or_default().push(path);
            for (at, directory) in path.split('/').enumerate() {
                if directory.len() >= 4 && directory.len() < path.len() {
                    index
                        .directories
                        .entry(directory)
                        .or_default()
                        .push((path, at));
                }
            }
            let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
            for (at, separator) in stem.match_indices(['_', '-']) {
                let rest = &stem[at + separator.len()..];
                if rest.len() >= LONG {
                    let begins = path.len() - name.len() + at + separator.len();
                    index.ends.entry(rest).or_default().push((path, begins));
                }
            }
            for (at, letter) in name.char_indices().skip(4) {
                if !letter.is_alphanumeric() {
                    index.starts.entry(&name[..at]).or_default().push(path);
                }
            }
        }
        index
    }

    pub(super) fn look_up<'v>(&self, value: &'v str, hits: &mut BTreeMap<Shape, Vec<Hit<'v>>>) {
        let plain = without_query(value).trim_start_matches('/');
        self.look_up_as(value, (plain, "{value}"), hits);
        if let Cow::Owned(uuid) = hyphenated(value.as_bytes()) {
            let uuid = String::from_utf8_lossy(&uuid);
            self.look_up_as(value, (&uuid, "{value:uuid}"), hits);
        }
    }

    /// Looks up what a path would hold of a value, for which `part` stands in a pattern.
    fn look_up_as<'v>(
        &self,
        value: &'v str,
        (plain, part): (&str, &'static str),
        hits: &mut BTreeMap<Shape, Vec<Hit<'v>>>,
    ) {
        let name = plain.rsplit('/').next().unwrap_or(plain);
        for path in self.names.get(name).into_iter().flatten() {
            let whole = path.strip_suffix(plain).filter(|_| !value.contains('?'));
            if let Some(before) = whole.filter(|before| before.is_empty() || before.ends_with('/'))
            {
                note(hits, (value, path), before, (part, String::new()));
            } else if same_directory(plain, path) {
                let before = &path[..path.len() - name.len()];
                note(hits, (value, path), before, ("{name}", String::new()));
            }
        }
        if plain.contains('/') {
            return self.beside(value, (plain, part), hits);
        }
        for (path, at) in self.directories.get(plain).into_iter().flatten() {
            let names: Vec<&str> = path.split('/').collect();
            if *at + 1 < names.len() && (looks_like_path(plain) || plain.len() >= LONG) {
                let below = "/*".repeat(names.len() - at - 1);
                let before: String = names[..*at].iter().flat_map(|name| [*name, "/"]).collect();
                note(hits, (value, path), &before, (part, below));
            }
        }
        for (path, begins) in self.ends.get(plain).into_iter().flatten() {
            let (before, rest) = path.split_at(*begins);
            let after = rest[plain.len()..].to_owned();
            note(hits, (value, path), before, (part, after));
        }
        self.beside(value, (plain, part), hits);
    }

    /// Files beside the one that a value names, whose names begin with the same: thumbnails.
    fn beside<'v>(
        &self,
        value: &'v str,
        (plain, part): (&str, &'static str),
        hits: &mut BTreeMap<Shape, Vec<Hit<'v>>>,
    ) {
        let (directory, name) = plain.rsplit_once('/').map_or(("", plain), |(d, n)| (d, n));
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        if stem.len() < 4 {
            return;
        }
        let part = if stem == name { part } else { "{stem}" };
        for path in self.starts.get(stem).into_iter().flatten() {
            let (before, file) = path.rsplit_once('/').map_or(("", *path), |(b, f)| (b, f));
            let above = if directory.is_empty() {
                Some(before)
            } else {
                before
                    .strip_suffix(directory)
                    .map(|above| above.trim_end_matches('/'))
            };
            let Some(above) = above.filter(|_| file != name) else {
                continue;
            };
            let rest = &file[stem.len()..];
            let mark: String = rest
                .chars()
                .take_while(|c| !c.is_alphanumeric() && *c != '{' && *c != '*')
                .collect();
            // `thumbs/0007.webp` is derived from `originals/0007.pdf`; beside it, it is another file.
            let after = if rest.starts_with('.') && name.contains('.') {
                let elsewhere = !self
                    .names
                    .get(name)
                    .into_iter()
                    .flatten()
                    .any(|p| p.starts_with(before));
                if !elsewhere || rest[1..].contains('.') {
                    continue;
                }
                rest.to_owned()
            } else {
                format!("{mark}*")
            };
            let above = if above.is_empty() {
                String::new()
            } else {
                format!("{above}/")
            };
            note(hits, (value, path), &above, (part, after));
        }
    }
}

/// The last directory of a value is that of the path: `https://host/media/a.jpg` is `media/a.jpg`.
fn same_directory(value: &str, path: &str) -> bool {
    let directory = |text: &str| Some(text.rsplit('/').nth(1)?.to_owned());
    let directory_of_value = directory(value).filter(|name| !name.is_empty());
    directory_of_value.is_some() && directory_of_value == directory(path)
}

fn note<'v>(
    hits: &mut BTreeMap<Shape, Vec<Hit<'v>>>,
    (value, path): (&'v str, &str),
    before: &str,
    (part, after): (&'static str, String),
) {
    let (above, name) = before.rsplit_once('/').unwrap_or(("", before));
    let directories: Vec<String> = above
        .split('/')
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect();
    let shape = Shape {
        directories: directories.len(),
        before: name.to_owned(),
        part,
        after,
    };
    hits.entry(shape).or_default().push(Hit {
        value,
        path: path.to_owned(),
        directories,
    });
}

/// An address without what follows the path.
pub(super) fn without_query(value: &str) -> &str {
    value.split('?').next().unwrap_or(value)
}

/// A value with an extension or a directory.
pub(super) fn looks_like_path(value: &str) -> bool {
    let value = without_query(value);
    let name = value.rsplit('/').next().unwrap_or(value);
    let extension = name.rsplit_once('.').is_some_and(|(stem, end)| {
        !stem.is_empty() && (1..=5).contains(&end.len()) && end.chars().all(char::is_alphanumeric)
    });
    extension || (value.contains('/') && !value.contains(' '))
}
