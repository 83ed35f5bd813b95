//! What is wrong with a manifest, by itself or beside the database.

use std::io;
use std::path::PathBuf;

/// Why a manifest cannot be used. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// A database without a table.
    #[error("the database holds no table; is it the right file?")]
    NoTables,
    /// Another application's database, and no manifest.
    #[error(
        "this is not a database of {application}, whose manifest is built in: it has no table `{table}`; \
         `reset-app init` describes your application in a `reset-app.toml` in its root"
    )]
    NotBuiltin {
        /// The reference application.
        application: String,
        /// The first table that is missing.
        table: String,
    },
    /// The users table is missing.
    #[error(
        "the users table `{table}` that {source_name} names is not in the database; is it the right one?"
    )]
    UsersTableMissing {
        /// The table.
        table: String,
        /// The manifest.
        source_name: String,
    },
    /// The users table has no usable key.
    #[error(
        "users cannot be told apart in `{table}`: {reason}; name a unique column as `key` in [users]"
    )]
    UserKey {
        /// The users table.
        table: String,
        /// Why.
        reason: &'static str,
    },
    /// The manifest cannot be read.
    #[error("could not read the manifest `{}`: {error}; name another with `--config`, or write one with `reset-app init`", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The manifest is not valid.
    #[error("{source_name} is not valid: {reason}")]
    Invalid {
        /// The manifest.
        source_name: String,
        /// Why, with line and column.
        reason: String,
    },
    /// The manifest names a table that does not exist.
    #[error(
        "{source_name} names the table `{table}` in {place}, which is not in the database; `reset-app check` lists all such"
    )]
    Table {
        /// The manifest.
        source_name: String,
        /// The section.
        place: &'static str,
        /// The table.
        table: String,
    },
    /// The manifest names a column that does not exist.
    #[error(
        "{source_name} names `{column}`, which is not in the database; `reset-app check` lists all such"
    )]
    Column {
        /// The manifest.
        source_name: String,
        /// `table.column`.
        column: String,
    },
    /// The manifest decides on a foreign key that is not declared.
    #[error(
        "{source_name} decides on `{column}`, which the database does not declare as a foreign key; \
         write `\"{column}\" = {{ is = \"owner\", to = \"table.column\" }}` to declare it there"
    )]
    NotDeclared {
        /// The manifest.
        source_name: String,
        /// `table.column`.
        column: String,
    },
    /// The manifest says that a foreign key names nothing.
    #[error(
        "{source_name} says that `{column}` names nothing, but the database declares it as a foreign key; \
         write \"mention\" if its row only names what it names"
    )]
    Declared {
        /// The manifest.
        source_name: String,
        /// `table.column`.
        column: String,
    },
    /// The manifest declares a reference that cannot be.
    #[error(
        "{source_name} declares a reference from `{from}` to `{to}`, but these are not as many columns of ordinary tables"
    )]
    NotAlike {
        /// The manifest.
        source_name: String,
        /// The child's columns.
        from: String,
        /// The parent's.
        to: String,
    },
    /// The manifest declares a reference of a full-text index that has no rows of its own.
    #[error("{source_name} declares a reference of the full-text index `{table}`, but {reason}")]
    FullText {
        /// The manifest.
        source_name: String,
        /// The index.
        table: String,
        /// Why that cannot be.
        reason: &'static str,
    },
}
