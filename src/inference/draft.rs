//! What was inferred, as values.

use std::collections::BTreeSet;

use super::candidate::Candidate;
use super::directories::DirectoryProposal;
use super::files::FileProposal;
use crate::manifest::{Columns, Form, Meaning, UserRows};

/// A manifest, proposed.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The database, as it is written into the manifest.
    pub database: Option<String>,
    /// The users.
    pub users: ProposedUsers,
    /// Every reference to what belongs to users, by table and column.
    pub references: Vec<Reference>,
    /// The application's own books.
    pub kept: Vec<ProposedTable>,
    /// Tables of which no row is one user's.
    pub shared: Vec<ProposedTable>,
    /// Tables of sessions.
    pub sessions: Vec<String>,
    /// Directories that hold users' files.
    pub roots: Vec<String>,
    /// Columns that name files.
    pub files: Vec<FileProposal>,
    /// Directories of one user.
    pub directories: Vec<DirectoryProposal>,
    /// What could not be looked at, or needs to be looked at by a person.
    pub warnings: Vec<String>,
}

/// The table with the users.
#[derive(Clone, Debug)]
pub struct ProposedUsers {
    /// The table.
    pub table: String,
    /// The key, where it is not the primary key.
    pub key: Option<String>,
    /// Columns by which a user is found.
    pub names: Vec<String>,
    /// How many rows are one user's.
    pub rows: UserRows,
    /// Why this table.
    pub reasons: Vec<String>,
}

impl ProposedUsers {
    /// Whether several rows may be one user's.
    #[must_use]
    pub fn many_rows(&self) -> bool {
        self.rows == UserRows::Many
    }
}

/// A reference, decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The columns that hold it.
    pub from: Columns,
    /// What it names.
    pub to: Columns,
    /// How its value stands there.
    pub form: Form,
    /// What it means.
    pub is: Meaning,
    /// Whether the database declares it.
    pub declared: bool,
    /// Why it means that.
    pub reason: String,
    /// What its values show.
    pub evidence: String,
}

impl Reference {
    /// Reason and evidence in one line.
    #[must_use]
    pub fn because(&self) -> String {
        format!("{}; {}", self.reason, self.evidence)
    }
}

/// A table that is no user's, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProposedTable {
    /// Its name.
    pub name: String,
    /// Why.
    pub reason: String,
}

/// The tables with rows that go with a user, by what was decided.
pub(super) fn going(users: usize, candidates: &[Candidate]) -> BTreeSet<usize> {
    let mut going = BTreeSet::from([users]);
    loop {
        let next = candidates.iter().find_map(|c| {
            let owned = c.is(Meaning::Owner) || c.is(Meaning::Dependent);
            let (from, to) = match () {
                () if owned => (c.parent, c.table),
                () if c.is(Meaning::Keeper) => (c.table, c.parent),
                () => return None,
            };
            (going.contains(&from) && !going.contains(&to)).then_some(to)
        });
        match next {
            Some(table) => going.insert(table),
            None => return going,
        };
    }
}
