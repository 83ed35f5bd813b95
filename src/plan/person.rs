//! The columns by which the audit trail tells an account from a later one of the same key.

use crate::error::{Error, ManifestError, Result};
use crate::graph::Graph;
use crate::manifest::{Columns, Manifest, UserRows};
use crate::schema::Table;

/// What frameworks call the column that says when an account was made.
const USUAL: [&str; 18] = [
    "created_at",
    "createdAt",
    "created",
    "created_on",
    "created_date",
    "created_time",
    "date_created",
    "creation_date",
    "creation_time",
    "date_joined",
    "joined_at",
    "joined",
    "registered_at",
    "registered_on",
    "registered",
    "registration_date",
    "signup_date",
    "inserted_at",
];

/// Columns of the users table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PersonColumns {
    /// When the account was made.
    pub created: Option<String>,
    /// What it is called, where that is not known.
    pub name: Option<String>,
}

impl PersonColumns {
    /// The manifest's, else those of a usual name.
    ///
    /// Fails where the manifest names a column that does not exist.
    pub(super) fn of(users: &Table, graph: &Graph, manifest: &Manifest) -> Result<Self> {
        if graph.user_rows == UserRows::Many {
            // Without accounts there is nothing to a user but the value that names one.
            return Ok(Self {
                created: None,
                name: Some(graph.user_key.clone()),
            });
        }
        let column = |name: &str| users.column(name).map(|column| column.name.clone());
        let created = match &manifest.users.created {
            Some(name) => Some(column(name).ok_or_else(|| {
                Error::from(ManifestError::Column {
                    source_name: manifest.source.to_string(),
                    column: Columns::one(&users.name, name).to_string(),
                })
            })?),
            None => USUAL.iter().find_map(|name| column(name)),
        };
        Ok(Self {
            created,
            name: manifest.users.names.first().and_then(|name| column(name)),
        })
    }
}
