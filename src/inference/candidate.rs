//! A reference that was found: by a declaration, a name, or values. Pure.

use super::words::{Role, role};
use crate::manifest::{Form, Meaning};
use crate::schema::Action;

/// A column, or several, that names rows of a table.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) table: usize,
    pub(super) columns: Vec<String>,
    pub(super) parent: usize,
    pub(super) parent_columns: Vec<String>,
    pub(super) form: Form,
    /// None where the database does not declare it.
    pub(super) on_delete: Option<Action>,
    /// Whether a row may be without.
    pub(super) optional: Optional,
    /// The words of the column that say what it names.
    pub(super) stem: Vec<String>,
    /// How many values there are, as far as they were compared.
    pub(super) values: u64,
    /// What they show.
    pub(super) evidence: String,
    pub(super) kind: Kind,
    /// How far its values can be relied on.
    pub(super) chance: Chance,
    /// The column that repeats a text of the row it names, in a log.
    pub(super) repeats: Option<String>,
    /// Where it holds something, nothing else says whose the row is.
    pub(super) alone: Alone,
    /// What it means, once that is decided, and why.
    pub(super) decided: Option<(Meaning, String)>,
}

/// Whether a row may be without what a reference names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Optional {
    /// It may.
    Yes,
    /// It may, and no row is: the application always names something.
    Never,
    /// Every row names something.
    No,
}

/// Whether values may fit by chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chance {
    /// They do not, or a name speaks for them.
    Unlikely,
    /// They may: one name in a column that need not hold any.
    Likely,
}

/// Whether a reference stands where others, that say whose a row is, are empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alone {
    /// It stands beside them, or there are none.
    No,
    /// It stands only where they are empty.
    Yes,
}

/// How a reference was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// By a foreign key, a name, or its values.
    Plain,
    /// By a type beside it.
    Generic,
    /// In a list, of which the row is not one member's alone.
    List,
}

impl Candidate {
    /// Whether it names a row of its own table.
    pub(super) fn is_of_itself(&self) -> bool {
        self.table == self.parent
    }

    /// What it says of the person it names.
    pub(super) fn role(&self) -> Role {
        role(&self.stem)
    }

    /// Whether a meaning was decided that is `meaning`.
    pub(super) fn is(&self, meaning: Meaning) -> bool {
        self.decided
            .as_ref()
            .is_some_and(|(decided, _)| *decided == meaning)
    }
}
