//! What may be typed behind `init`.

use std::path::PathBuf;

use clap::Args;
use reset_app::inference::UsersChoice;
use reset_app::init::{Existing, Request};

use super::Arguments;

/// How a manifest is written.
#[derive(Args, Debug)]
pub(crate) struct Initialising {
    /// The users table, or the column that names users where there is no such table (`table.column`)
    #[arg(long, value_name = "TABLE")]
    users: Option<String>,

    /// Where the manifest is written [default: reset-app.toml of the root]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Initialising {
    pub(crate) fn request(&self, arguments: &Arguments) -> Request {
        Request {
            settings: arguments.settings(),
            users: match &self.users {
                Some(users) => UsersChoice::Named(users.clone()),
                None => UsersChoice::Find,
            },
            output: self.output.clone().or_else(|| arguments.config.clone()),
            existing: if arguments.asking.force {
                Existing::Replace
            } else {
                Existing::Refuse
            },
        }
    }
}
