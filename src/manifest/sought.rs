//! Files that are looked for by a pattern, among absolute paths.

use std::borrow::Cow;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::path::{FilePath, split_name, without_leading_slash};

/// A pattern with every directory spelt out, from the top of the file system on: so it fits a path
/// whichever way the pattern and the root are written.
#[derive(Debug)]
pub(crate) struct Sought<'p> {
    pattern: &'p FilePath,
    directories: Vec<Cow<'p, [u8]>>,
    /// What stands before the placeholder in its name.
    first: &'p [u8],
}

impl<'p> Sought<'p> {
    /// The pattern, seen from the directory to which relative paths refer.
    pub(crate) fn from(base: &Path, pattern: &'p FilePath) -> Self {
        let before = pattern.before();
        let (spelt, first) = split_name(before).unwrap_or(("", before));
        let mut directories = Vec::new();
        if !before.starts_with('/') {
            let names = names(base.as_os_str().as_bytes());
            directories.extend(names.map(|name| Cow::Owned(name.to_owned())));
        }
        for name in names(spelt.as_bytes()) {
            if name == b".." {
                directories.pop();
            } else {
                directories.push(Cow::Borrowed(name));
            }
        }
        Self {
            pattern,
            directories,
            first: first.as_bytes(),
        }
    }

    /// Whether a file of this pattern may stand below a directory.
    pub(crate) fn may_stand_below(&self, directory: &Path) -> bool {
        let names = names(directory.as_os_str().as_bytes());
        let mut pairs = self.directories.iter().zip(names);
        pairs.all(|(wanted, name)| fits(wanted, name))
    }

    /// The same, of the file of this value.
    pub(crate) fn of_value_may_stand_below(&self, value: &[u8], directory: &Path) -> bool {
        let rest = [self.first, &self.held(value), self.pattern.after()].concat();
        let wanted = self.directories.iter().map(|name| &**name);
        let wanted: Vec<&[u8]> = wanted.chain(names(&rest)).collect();
        let names: Vec<&[u8]> = names(directory.as_os_str().as_bytes()).collect();
        names.len() < wanted.len() && wanted.iter().zip(names).all(|(it, name)| fits(it, name))
    }

    /// What the path of a value holds of it.
    pub(crate) fn held<'v>(&self, value: &'v [u8]) -> Cow<'v, [u8]> {
        match self.pattern.held(value) {
            held if self.pattern.before().is_empty() => held,
            Cow::Borrowed(held) => Cow::Borrowed(without_leading_slash(held)),
            Cow::Owned(held) => Cow::Owned(held),
        }
    }

    /// What the values are that name the file at `path`, as far as the pattern tells: with `*` behind
    /// the placeholder there may be several readings.
    pub(crate) fn readings<'f>(&self, path: &'f Path) -> Vec<&'f [u8]> {
        let path = path.as_os_str().as_bytes();
        let mut rest = path.strip_prefix(b"/").unwrap_or(path);
        for wanted in &self.directories {
            let Some(slash) = rest.iter().position(|byte| *byte == b'/') else {
                return Vec::new();
            };
            if !fits(wanted, &rest[..slash]) {
                return Vec::new();
            }
            rest = &rest[slash + 1..];
        }
        let Some(rest) = rest.strip_prefix(self.first) else {
            return Vec::new();
        };
        let after = self.pattern.after();
        let ends = (1..=rest.len()).filter(|&end| fits(after, &rest[end..]));
        ends.map(|end| &rest[..end]).collect()
    }
}

/// The names in a path.
fn names(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let parts = path.split(|byte| *byte == b'/');
    parts.filter(|name| !matches!(*name, b"" | b"."))
}

/// Whether the whole text fits a pattern in which `*` stands for anything but `/`.
fn fits(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        if pattern.get(p) == Some(&b'*') {
            star = Some((p, t));
            p += 1;
        } else if pattern.get(p) == Some(&text[t]) {
            (p, t) = (p + 1, t + 1);
        } else {
            match star {
                Some((at, from)) if text[from] != b'/' => {
                    star = Some((at, from + 1));
                    (p, t) = (at + 1, from + 1);
                }
                _ => return false,
            }
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> FilePath {
        FilePath::try_from(text.to_owned()).unwrap()
    }

    fn readings(pattern: &str, file: &str) -> Vec<String> {
        let pattern = path(pattern);
        let sought = Sought::from(Path::new("/app"), &pattern);
        let readings = sought.readings(Path::new(file));
        let text = |reading: &&[u8]| String::from_utf8_lossy(reading).into_owned();
        readings.iter().map(text).collect()
    }

    #[test]
    fn a_file_is_read_back_to_the_values_that_name_it() {
        assert_eq!(
            readings("i/*/*/{value}", "/app/i/a/ab/Foo.jpg"),
            ["Foo.jpg"]
        );
        assert_eq!(
            readings("i/t/*/{value}/*", "/app/i/t/a/Foo.jpg/9px"),
            ["Foo.jpg"]
        );
        assert_eq!(
            readings("u/{stem}__*", "/app/u/12__ab__c"),
            ["12", "12__ab"]
        );
        assert!(readings("i/*/{value}", "/app/i/a/ab/Foo.jpg").contains(&"ab/Foo.jpg".to_owned()));
        assert!(readings("i/*/{value}", "/app/j/a/Foo.jpg").is_empty());
        assert!(readings("i/*/{value}", "/i/a/Foo.jpg").is_empty());
        assert!(readings("{stem}_*", "/app/a").is_empty());
    }

    #[test]
    fn one_directory_may_be_written_in_many_ways() {
        for pattern in [
            "./i/*/{value}",
            "i//*/{value}",
            "/app/i/*/{value}",
            "j/../i/*/{value}",
        ] {
            assert_eq!(
                readings(pattern, "/app/i/a/Foo.jpg"),
                ["Foo.jpg"],
                "{pattern}"
            );
        }
    }

    #[test]
    fn a_file_of_a_pattern_stands_below_some_directories_only() {
        let below = |pattern: &str, directory: &str| {
            let pattern = path(pattern);
            Sought::from(Path::new("/app"), &pattern).may_stand_below(Path::new(directory))
        };
        for directory in ["/", "/app", "/app/i", "/app/i/x", "/app/i/x/y"] {
            assert!(below("i/*/{value}", directory), "{directory}");
        }
        for directory in ["/app/j", "/i"] {
            assert!(!below("i/*/{value}", directory), "{directory}");
        }
    }

    #[test]
    fn the_file_of_a_value_stands_where_the_value_says() {
        let below = |pattern: &str, value: &str| {
            let pattern = path(pattern);
            let sought = Sought::from(Path::new("/app"), &pattern);
            sought.of_value_may_stand_below(value.as_bytes(), Path::new("/app/i/lost+found"))
        };
        assert!(below("i/*/{value}", "a.jpg"));
        assert!(below("i/*/{value}", "x/a.jpg"));
        assert!(below("i/{value}_*", "lost+found/a"));
        assert!(!below("i/{value}_*", "a"));
        assert!(!below("i/thumbs/{value}_*", "a"));
        assert!(!below("i/{value}_*", "lost+found"));
    }
}
