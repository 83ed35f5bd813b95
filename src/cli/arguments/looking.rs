//! Commands that only look: what they are asked.

use clap::{Args, ValueEnum};
use reset_app::run::Job;
use reset_app::survey::Selection;

/// What to explain, and how.
#[derive(Args, Debug)]
pub(crate) struct Explaining {
    /// A table, or a user by key or name, whose rows are counted [default: everything]
    #[arg(value_name = "USER|TABLE")]
    pub(crate) about: Option<String>,

    /// Draw the users' tables as a graph
    #[arg(long, value_enum, value_name = "LANGUAGE")]
    pub(crate) graph: Option<GraphLanguage>,
}

/// A language in which a graph is written.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum GraphLanguage {
    Mermaid,
    Dot,
}

/// Whom to search for.
#[derive(Args, Debug)]
#[group(required = true)]
pub(crate) struct Verifying {
    /// The user, by key or name
    #[arg(value_name = "USER")]
    user: Option<String>,

    /// Every user
    #[arg(long, conflicts_with = "user")]
    all: bool,
}

impl Verifying {
    /// A job of the same selection, which is not done.
    pub(crate) fn job(&self) -> Job {
        Job {
            selection: match &self.user {
                Some(user) => Selection::Only(vec![user.clone()]),
                None => Selection::All,
            },
            ..Job::default()
        }
    }
}
