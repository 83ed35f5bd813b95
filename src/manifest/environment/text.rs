//! A fixed value: literal text and `{NAME}`.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What RFC 3986 lets stand in a URL's user and password as it is.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b',')
    .remove(b'+')
    .remove(b'=');

/// Text with references to variables. A brace that encloses no name is a brace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(String),
    Reference {
        name: String,
        /// It stands where a URL has user and password, so it is percent-encoded.
        in_url: bool,
    },
}

impl Text {
    /// The variables it refers to.
    pub fn references(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Reference { name, .. } => Some(name.as_str()),
            Part::Literal(_) => None,
        })
    }

    /// The text with `value` for each reference; `None` where one has none.
    pub(crate) fn resolve<'v>(&self, value: impl Fn(&str) -> Option<&'v str>) -> Option<String> {
        let resolved = |part: &Part| match part {
            Part::Literal(text) => Some(text.clone()),
            Part::Reference { name, in_url } => {
                let value = value(name)?;
                Some(if *in_url {
                    utf8_percent_encode(value, RESERVED).to_string()
                } else {
                    value.to_owned()
                })
            }
        };
        self.0.iter().map(resolved).collect()
    }

    pub(super) fn holds_control(&self) -> bool {
        let is_control = |c: char| c.is_control() && c != '\n';
        self.0.iter().any(|part| match part {
            Part::Literal(text) => text.contains(is_control),
            Part::Reference { .. } => false,
        })
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        let mut parts = Vec::new();
        let mut literal = 0;
        for (at, _) in text.match_indices('{') {
            let Some(name) = enclosed(&text[at + 1..]) else {
                continue;
            };
            let end = at + name.len() + 2;
            parts.push(Part::Literal(text[literal..at].into()));
            parts.push(Part::Reference {
                name: name.into(),
                in_url: text[..at].contains("://") && text[end..].contains('@'),
            });
            literal = end;
        }
        parts.push(Part::Literal(text[literal..].into()));
        Self(parts)
    }
}

fn enclosed(text: &str) -> Option<&str> {
    let (name, _) = text.split_once('}')?;
    is_name(name).then_some(name)
}

/// Whether a shell would take it as the name of a variable.
pub(super) fn is_name(text: &str) -> bool {
    let rest = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && text.chars().all(rest)
}
