//! `[[environment]]`: the variables of a fresh `.env`, and how each gets its value.

mod text;

use std::collections::BTreeSet;

use serde::Deserialize;

pub use text::Text;

/// Letters, digits and punctuation that no shell, URL or `.env` file wants quoted.
pub const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.,+";

/// Fewer bits than these can be guessed.
const BITS: usize = 64;
const MOST: usize = 1024;

/// The variables, in the order written; no name twice, and no reference that leads nowhere.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(try_from = "Vec<Variable>")]
pub struct Environment(Vec<Variable>);

/// One variable.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Entry")]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// How it gets its value.
    pub kind: Kind,
}

/// How a variable gets its value.
#[derive(Clone, Debug)]
pub enum Kind {
    /// URL-safe base64, without padding, of this many random bytes.
    Token(usize),
    /// A Fernet key: 32 random bytes in URL-safe base64, with padding.
    Fernet,
    /// Characters drawn at random.
    Password {
        /// How many.
        length: usize,
        /// From which: different ones, printable ASCII, no space.
        alphabet: String,
    },
    /// Whatever somebody answers.
    Ask {
        /// What is asked.
        question: String,
        /// The value where nobody answers.
        default: Option<String>,
    },
    /// Always the same, but for references to other variables.
    Fixed(Text),
}

impl Environment {
    /// The variables.
    #[must_use]
    pub fn variables(&self) -> &[Variable] {
        &self.0
    }
}

impl Kind {
    /// Its name in the manifest.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Token(_) => "token",
            Self::Fernet => "fernet",
            Self::Password { .. } => "password",
            Self::Ask { .. } => "ask",
            Self::Fixed(_) => "fixed",
        }
    }

    /// The variables that have a value before this one can have its own.
    fn references(&self) -> impl Iterator<Item = &str> {
        let text = match self {
            Self::Fixed(text) => Some(text),
            _ => None,
        };
        text.into_iter().flat_map(Text::references)
    }
}

/// The entry as written, before it is checked.
#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
enum Entry {
    Token {
        name: String,
        #[serde(default = "bytes")]
        bytes: usize,
    },
    Fernet {
        name: String,
    },
    Password {
        name: String,
        #[serde(default = "length")]
        length: usize,
        #[serde(default = "alphabet")]
        alphabet: String,
    },
    Ask {
        name: String,
        question: String,
        default: Option<String>,
    },
    Fixed {
        name: String,
        value: String,
    },
}

fn bytes() -> usize {
    32
}

fn length() -> usize {
    24
}

fn alphabet() -> String {
    ALPHABET.into()
}

impl TryFrom<Entry> for Variable {
    type Error = String;

    fn try_from(entry: Entry) -> Result<Self, String> {
        let (name, kind) = match entry {
            Entry::Token { name, bytes } => (name, Kind::Token(bytes)),
            Entry::Fernet { name } => (name, Kind::Fernet),
            Entry::Password {
                name,
                length,
                alphabet,
            } => (name, Kind::Password { length, alphabet }),
            Entry::Ask {
                name,
                question,
                default,
            } => (name, Kind::Ask { question, default }),
            Entry::Fixed { name, value } => (name, Kind::Fixed(Text::from(value.as_str()))),
        };
        if !text::is_name(&name) {
            return Err(format!(
                "`{}` is no name of a variable: write letters, digits and `_`, and no digit first",
                name.escape_debug()
            ));
        }
        match flaw(&kind) {
            Some(flaw) => Err(format!("`{name}`: {flaw}")),
            None => Ok(Self { name, kind }),
        }
    }
}

/// What is wrong with a kind, if anything is.
fn flaw(kind: &Kind) -> Option<String> {
    match kind {
        Kind::Token(bytes) => too_weak(*bytes, bytes.saturating_mul(8)),
        Kind::Password { length, alphabet } => unusable(alphabet).or_else(|| {
            too_weak(
                *length,
                length.saturating_mul(alphabet.len().ilog2() as usize),
            )
        }),
        Kind::Ask {
            default: Some(text),
            ..
        } if text.is_empty() || text.contains(char::is_control) => {
            Some("its `default` is empty or holds a control character".into())
        }
        Kind::Fixed(text) if text.holds_control() => {
            Some("its `value` holds a control character other than a line break".into())
        }
        Kind::Fernet | Kind::Ask { .. } | Kind::Fixed(_) => None,
    }
}

fn too_weak(size: usize, bits: usize) -> Option<String> {
    if size > MOST {
        return Some(format!("{size} is too much: {MOST} will do"));
    }
    (bits < BITS).then(|| format!("it has {bits} bits and can be guessed: {BITS} are the least"))
}

fn unusable(alphabet: &str) -> Option<String> {
    let different: BTreeSet<char> = alphabet.chars().collect();
    let fits = different.len() > 1
        && different.len() == alphabet.len()
        && different.iter().all(char::is_ascii_graphic);
    (!fits).then(|| "its `alphabet` must be different printable ASCII characters, no space".into())
}

impl TryFrom<Vec<Variable>> for Environment {
    type Error = String;

    fn try_from(variables: Vec<Variable>) -> Result<Self, String> {
        for (index, variable) in variables.iter().enumerate() {
            if variables[..index].iter().any(|v| v.name == variable.name) {
                return Err(format!("`{}` is listed twice", variable.name));
            }
        }
        match unresolvable(&variables) {
            Some(flaw) => Err(flaw),
            None => Ok(Self(variables)),
        }
    }
}

/// A reference to a variable that is not listed, or that refers back to where it came from.
fn unresolvable(variables: &[Variable]) -> Option<String> {
    let is_listed = |name: &str| variables.iter().any(|v| v.name == name);
    for Variable { name, kind } in variables {
        if let Some(unknown) = kind.references().find(|other| !is_listed(other)) {
            return Some(format!(
                "`{name}` refers to `{unknown}`, which is not listed"
            ));
        }
    }
    let mut resolved = BTreeSet::new();
    loop {
        let known = resolved.len();
        for Variable { name, kind } in variables {
            if kind.references().all(|other| resolved.contains(other)) {
                resolved.insert(name.as_str());
            }
        }
        if resolved.len() == known {
            break;
        }
    }
    let circular = variables
        .iter()
        .find(|v| !resolved.contains(v.name.as_str()))?;
    Some(format!(
        "`{}` refers to itself, by way of others",
        circular.name
    ))
}

#[cfg(test)]
mod tests;
