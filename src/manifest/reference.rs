//! The right side of a line in `[references]`: what a reference means, and where its value stands.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Columns;

/// What a reference means for the row that holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Meaning {
    /// The row belongs to what it names and goes with it.
    Owner,
    /// The row only names it and stays.
    Mention,
    /// The row stays as long as the account it names stays, and goes with it otherwise.
    Dependent,
    /// What it names belongs to the rows that name it, and goes with the last of them.
    Keeper,
    /// Not known yet; a run that meets it is refused.
    Undecided,
    /// The column names no row, though it looks as if.
    Nothing,
}

impl Meaning {
    /// The word as it is written in a manifest.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Mention => "mention",
            Self::Dependent => "dependent",
            Self::Keeper => "keeper",
            Self::Undecided => "undecided",
            Self::Nothing => "nothing",
        }
    }
}

/// The right side of a line in `[references]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(
    untagged,
    expecting = "expected \"owner\", \"mention\", \"keeper\", \"undecided\", \"nothing\", { is = …, to = \"table.column\" } or a list of such"
)]
pub enum Decision {
    /// A decision on a foreign key that the database declares.
    Declared(Meaning),
    /// A reference that only the manifest declares.
    Undeclared(Undeclared),
    /// Several: a column names rows of this table or that.
    Several(Vec<Undeclared>),
}

impl Decision {
    /// The references that only the manifest declares.
    #[must_use]
    pub fn undeclared(&self) -> &[Undeclared] {
        match self {
            Self::Declared(_) => &[],
            Self::Undeclared(one) => std::slice::from_ref(one),
            Self::Several(several) => several,
        }
    }
}

/// `{ is = "owner", to = "users.id" }`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Undeclared {
    /// What it means.
    pub is: Meaning,
    /// What it names.
    pub to: Columns,
    /// What other columns of the row must hold for the reference to count.
    #[serde(default)]
    pub when: BTreeMap<String, Literal>,
    /// The column holds JSON, and the value stands at this path of it.
    pub json: Option<String>,
    /// The value stands behind this text.
    pub prefix: Option<String>,
    /// The value stands before this text.
    pub suffix: Option<String>,
    /// The column holds several values.
    pub list: Option<List>,
}

/// How the value of a reference stands in its columns; plainly, unless something is given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Form {
    /// What other columns of the row must hold.
    pub when: BTreeMap<String, Literal>,
    /// The path of the value in a column of JSON.
    pub json: Option<String>,
    /// The text before the value.
    pub prefix: Option<String>,
    /// The text behind the value.
    pub suffix: Option<String>,
    /// How several values stand in one column.
    pub list: Option<List>,
}

/// A value that a column is compared with.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(untagged)]
pub enum Literal {
    /// An integer.
    Integer(i64),
    /// Text.
    Text(String),
}

/// How several values stand in one column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
pub enum List {
    /// `1,2,3`.
    #[serde(rename = ",")]
    Commas,
    /// A JSON array.
    #[serde(rename = "json")]
    Json,
}

impl Undeclared {
    /// A plain reference.
    #[must_use]
    pub fn plain(is: Meaning, to: Columns) -> Self {
        Self {
            is,
            to,
            when: BTreeMap::new(),
            json: None,
            prefix: None,
            suffix: None,
            list: None,
        }
    }

    /// How its value stands in its columns.
    #[must_use]
    pub fn form(&self) -> Form {
        Form {
            when: self.when.clone(),
            json: self.json.clone(),
            prefix: self.prefix.clone(),
            suffix: self.suffix.clone(),
            list: self.list,
        }
    }

    /// What is wrong with it by itself, if anything.
    pub(super) fn fault(&self) -> Option<&'static str> {
        let texts = self.when.values().filter_map(|value| match value {
            Literal::Text(text) => Some(text),
            Literal::Integer(_) => None,
        });
        let around = || self.prefix.iter().chain(&self.suffix);
        let mut texts = texts.chain(&self.json).chain(around());
        let one_column = self.to.columns.len() == 1;
        let is_part = around().next().is_some();
        let special = self.json.is_some() || is_part || self.list.is_some();
        match self {
            _ if texts.any(|text| text.contains('\0')) => Some("it holds a NUL"),
            _ if special && !one_column => {
                Some("`json`, `prefix`, `suffix` and `list` are for one column")
            }
            _ if self.list.is_some() && self.is != Meaning::Mention => {
                Some("a list of rows can only be a mention, for the row is not one of theirs alone")
            }
            _ if self
                .json
                .as_ref()
                .is_some_and(|path| !path.starts_with('$')) =>
            {
                Some("a path of JSON begins with `$`")
            }
            _ if around().any(String::is_empty) => Some("the prefix or the suffix is empty"),
            _ if is_part && self.list.is_some() => {
                Some("`prefix` or `suffix` and `list` do not go together")
            }
            _ if self.is == Meaning::Nothing => Some("it names something, so it is not `nothing`"),
            _ => None,
        }
    }
}

impl Form {
    /// The value is a column as it stands.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }

    /// The column holds the value alone, so that setting it to null removes just the reference.
    #[must_use]
    pub fn fills_column(&self) -> bool {
        self.json.is_none() && self.list.is_none()
    }
}
