//! Patterns of paths: where the file of a value stands, and which directory is a user's.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;

/// Where the file of a column's value stands: `media/{value}`, `images/*/*/{value}`,
/// `uploads/{stem}__*`, `uploads/{name}`.
///
/// One part holds the placeholder; `*` stands for any part of one name.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct FilePath {
    text: String,
    before: String,
    holds: Holds,
    after: String,
}

/// What of a value the path holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holds {
    Value,
    Hyphenated,
    Stem,
    Name,
}

/// A directory of one user: `storage/user_{user}`, `home/{name}`, `media/{user:uuid}`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Directory {
    text: String,
    before: String,
    column: Option<String>,
    spelling: Spelling,
    after: String,
}

/// How a value is written in a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spelling {
    /// As it stands in its column.
    Same,
    /// With the hyphens of a UUID, which it stands without.
    Hyphenated,
}

/// Why a pattern cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FilePathError {
    /// Not one placeholder.
    #[error(
        "the path `{0}` must hold `{{value}}`, `{{stem}}` or `{{name}}` once, or every row would name it"
    )]
    NoValue(String),
    /// Not one placeholder.
    #[error("the directory `{0}` must hold `{{user}}` once, or it would be everybody's")]
    NoUser(String),
    /// `*{value}`.
    #[error("in `{0}` a `*` stands before the placeholder in the same name: which part is meant?")]
    StarBefore(String),
}

impl FilePath {
    /// The path of a value, where the pattern says it exactly; `None` where files must be looked
    /// through.
    #[must_use]
    pub fn of(&self, value: &[u8]) -> Option<Vec<u8>> {
        if self.text.contains('*') {
            return None;
        }
        let held = self.held(value);
        let held = if self.before.is_empty() {
            &*held
        } else {
            without_leading_slash(&held)
        };
        Some([self.before.as_bytes(), held, self.after.as_bytes()].concat())
    }

    /// What a path holds of this value.
    #[must_use]
    pub fn held<'v>(&self, value: &'v [u8]) -> Cow<'v, [u8]> {
        match self.holds {
            Holds::Value => Cow::Borrowed(value),
            Holds::Hyphenated => hyphenated(value),
            Holds::Stem => Cow::Borrowed(stem(value)),
            Holds::Name => Cow::Borrowed(last_name(value)),
        }
    }

    /// The directory below which every file of this pattern stands; empty if that is the
    /// application's own.
    #[must_use]
    pub fn top(&self) -> &str {
        let spelt = self.before.split('*').next().unwrap_or_default();
        spelt.rsplit_once('/').map_or("", |(top, _)| top)
    }

    /// What stands before the placeholder.
    pub(crate) fn before(&self) -> &str {
        &self.before
    }

    /// What stands behind it.
    pub(crate) fn after(&self) -> &[u8] {
        self.after.as_bytes()
    }
}

/// The directories of a pattern with their `/`, and what stands before the placeholder in its name.
pub(super) fn split_name(before: &str) -> Option<(&str, &str)> {
    let at = before.rfind('/')? + 1;
    Some(before.split_at(at))
}

pub(super) fn without_leading_slash(value: &[u8]) -> &[u8] {
    let slashes = value.iter().take_while(|byte| **byte == b'/').count();
    &value[slashes..]
}

/// What stands behind the last `/`, and before a `?`: of an address the name of the file.
fn last_name(value: &[u8]) -> &[u8] {
    let end = value.iter().position(|byte| *byte == b'?');
    let path = &value[..end.unwrap_or(value.len())];
    let slash = path.iter().rposition(|byte| *byte == b'/');
    slash.map_or(path, |at| &path[at + 1..])
}

/// A UUID that stands without its hyphens, with them; anything else as it is.
pub(crate) fn hyphenated(value: &[u8]) -> Cow<'_, [u8]> {
    if value.len() != 32 || !value.iter().all(u8::is_ascii_hexdigit) {
        return Cow::Borrowed(value);
    }
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|part| &value[part]);
    Cow::Owned(parts.join(&b'-'))
}

fn stem(value: &[u8]) -> &[u8] {
    let name = value
        .iter()
        .rposition(|byte| *byte == b'/')
        .map_or(0, |at| at + 1);
    match value.iter().rposition(|byte| *byte == b'.') {
        Some(dot) if dot > name => &value[..dot],
        _ => value,
    }
}

impl TryFrom<String> for FilePath {
    type Error = FilePathError;

    fn try_from(text: String) -> Result<Self, FilePathError> {
        let words = [
            ("{value}", Holds::Value),
            ("{value:uuid}", Holds::Hyphenated),
            ("{stem}", Holds::Stem),
            ("{name}", Holds::Name),
        ];
        let places: usize = words
            .iter()
            .map(|(word, _)| text.matches(word).count())
            .sum();
        let found = words
            .into_iter()
            .find(|(word, _)| text.contains(word))
            .filter(|_| places == 1);
        let parts = found.and_then(|(word, holds)| Some((text.split_once(word)?, holds)));
        let Some(((before, after), holds)) = parts else {
            return Err(FilePathError::NoValue(text));
        };
        let name = split_name(before).map_or(before, |(_, name)| name);
        if name.contains('*') {
            return Err(FilePathError::StarBefore(text));
        }
        Ok(Self {
            before: before.into(),
            after: after.into(),
            holds,
            text,
        })
    }
}

impl Directory {
    /// The column of the users table that stands in the path; `None` for the key.
    #[must_use]
    pub fn column(&self) -> Option<&str> {
        self.column.as_deref()
    }

    /// The directory of the user for whom this value stands; `Err` with a readable path where the
    /// value would lead elsewhere.
    ///
    /// # Errors
    /// If the value is no single name of a path.
    pub fn of(&self, value: &[u8]) -> Result<Vec<u8>, String> {
        let one_component = !value.iter().any(|byte| matches!(byte, b'/' | 0))
            && !matches!(value, b"" | b"." | b"..");
        if one_component {
            let value = match self.spelling {
                Spelling::Same => Cow::Borrowed(value),
                Spelling::Hyphenated => hyphenated(value),
            };
            return Ok([self.before.as_bytes(), &value, self.after.as_bytes()].concat());
        }
        let shown = String::from_utf8_lossy(value).escape_debug().to_string();
        Err(format!("{}{shown}{}", self.before, self.after))
    }

    /// Whether some user's directory of this pattern holds every user's of the pattern `inner`: its
    /// placeholder then stands for a name that `inner` spells out.
    #[must_use]
    pub fn may_hold(&self, inner: &Self) -> bool {
        let components = |pattern: &str| -> Vec<String> {
            let names = pattern.split('/').filter(|name| !matches!(*name, "" | "."));
            names.map(str::to_owned).collect()
        };
        let (outer, inner) = (components(&self.text), components(&inner.text));
        let fits = |(outer, inner): (&String, &String)| match outer.split_once('{') {
            Some((before, rest)) => {
                let after = rest.split_once('}').map_or("", |(_, after)| after);
                inner.len() >= before.len() + after.len()
                    && inner.starts_with(before)
                    && inner.ends_with(after)
            }
            None => outer == inner,
        };
        let spelt_out = inner
            .iter()
            .take(outer.len())
            .all(|name| !name.contains('{'));
        outer.len() < inner.len() && spelt_out && outer.iter().zip(&inner).all(fits)
    }
}

impl TryFrom<String> for Directory {
    type Error = FilePathError;

    fn try_from(text: String) -> Result<Self, FilePathError> {
        let parts = text.split_once('{').and_then(|(before, rest)| {
            let (column, after) = rest.split_once('}')?;
            let single = !column.is_empty() && !after.contains(['{', '}']) && !before.contains('}');
            single.then(|| (before.to_owned(), column.to_owned(), after.to_owned()))
        });
        let Some((before, column, after)) = parts else {
            return Err(FilePathError::NoUser(text));
        };
        let (column, spelling) = match column.strip_suffix(":uuid") {
            Some(column) => (column.to_owned(), Spelling::Hyphenated),
            None => (column, Spelling::Same),
        };
        Ok(Self {
            before,
            column: (column != "user").then_some(column),
            spelling,
            after,
            text,
        })
    }
}

impl fmt::Display for FilePath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

impl fmt::Display for Directory {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> FilePath {
        FilePath::try_from(text.to_owned()).unwrap()
    }

    #[test]
    fn a_path_without_stars_says_where_the_file_of_a_value_is() {
        let of = |pattern: &str, value: &str| path(pattern).of(value.as_bytes());
        assert_eq!(
            of("media/{value}", "a/b.jpg"),
            Some(b"media/a/b.jpg".to_vec())
        );
        assert_eq!(
            of("public/{value}", "/a.jpg"),
            Some(b"public/a.jpg".to_vec())
        );
        assert_eq!(of("x/{stem}.txt", "a.b.jpg"), Some(b"x/a.b.txt".to_vec()));
        assert_eq!(
            of("x/{name}", "https://h/a/b.jpg"),
            Some(b"x/b.jpg".to_vec())
        );
        assert_eq!(of("x/{name}", "./a/b.jpg?v=1/2"), Some(b"x/b.jpg".to_vec()));
        assert_eq!(of("x/*/{value}", "a"), None);
        assert_eq!(
            of("x/{value:uuid}.png", "f81d4fae7dec11d0a76500a0c91e6bf6"),
            Some(b"x/f81d4fae-7dec-11d0-a765-00a0c91e6bf6.png".to_vec())
        );
        assert_eq!(of("x/{value:uuid}", "12"), Some(b"x/12".to_vec()));
    }

    #[test]
    fn the_top_of_a_pattern_holds_all_of_its_files() {
        for (pattern, top) in [
            ("media/x/{value}", "media/x"),
            ("i/*/{value}", "i"),
            ("u/a_{stem}_*", "u"),
            ("{value}", ""),
        ] {
            assert_eq!(path(pattern).top(), top, "{pattern}");
        }
    }

    #[test]
    fn a_pattern_without_the_value_would_be_every_rows() {
        for text in ["media/x", "{value}/{value}", "{value}{stem}", "a/*{value}"] {
            assert!(FilePath::try_from(text.to_owned()).is_err(), "{text}");
        }
    }

    #[test]
    fn a_directory_names_one_user() {
        for text in ["x", "x/{}", "{user}/{user}", "{a}{b}", "}x{"] {
            assert!(Directory::try_from(text.to_owned()).is_err(), "{text}");
        }
        let home = Directory::try_from("home/{name}/x".to_owned()).unwrap();
        assert_eq!(home.column(), Some("name"));
        let media = Directory::try_from("media/{user:uuid}".to_owned()).unwrap();
        let found = media.of(b"f81d4fae7dec11d0a76500a0c91e6bf6").unwrap();
        assert_eq!(found, b"media/f81d4fae-7dec-11d0-a765-00a0c91e6bf6");
        assert_eq!(media.column(), None);
        assert_eq!(home.of(b"ann"), Ok(b"home/ann/x".to_vec()));
        for value in ["..", "", "a/b", "."] {
            assert!(home.of(value.as_bytes()).is_err(), "{value}");
        }
    }
}
