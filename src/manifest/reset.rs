//! `[reset]`: what a complete reset makes anew, keeps and empties.

use std::path::{Component, Path, PathBuf};

use serde::Deserialize;

/// `[reset]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Reset {
    /// A file of SQL that makes the structure; without one it is made as the database has it.
    pub structure: Option<PathBuf>,
    /// A file of SQL that fills it.
    pub seed: Option<PathBuf>,
    /// Tables whose rows are kept, beside those in which migration tools keep their books.
    pub keep: Vec<String>,
    /// Directories that are emptied beside the roots, such as logs.
    pub empty: Vec<PathBuf>,
    /// The file that holds the environment, and goes.
    pub environment_file: PathBuf,
    /// What is to be done afterwards, a line each.
    pub next_steps: Vec<String>,
}

impl Default for Reset {
    fn default() -> Self {
        Self {
            structure: None,
            seed: None,
            keep: Vec::new(),
            empty: Vec::new(),
            environment_file: ".env".into(),
            next_steps: Vec::new(),
        }
    }
}

/// Tables in which common migration tools keep their books.
pub const BOOKS: [&str; 18] = [
    "__diesel_schema_migrations",
    "__drizzle_migrations",
    "__EFMigrationsHistory",
    "_prisma_migrations",
    "_sqlx_migrations",
    "alembic_version",
    "ar_internal_metadata",
    "directus_migrations",
    "django_migrations",
    "flyway_schema_history",
    "goose_db_version",
    "knex_migrations",
    "knex_migrations_lock",
    "migrations",
    "refinery_schema_history",
    "schema_migrations",
    "seaql_migrations",
    "sequelizemeta",
];

impl Reset {
    /// Whether the rows of a table are kept because it holds the books of a migration tool.
    #[must_use]
    pub fn is_book(table: &str) -> bool {
        BOOKS.iter().any(|book| book.eq_ignore_ascii_case(table))
    }

    /// Why it cannot be, if it cannot.
    pub(super) fn fault(&self) -> Option<String> {
        let inside = |path: &Path| {
            let mut components = path.components().peekable();
            components.peek().is_some()
                && components.all(|one| matches!(one, Component::Normal(_) | Component::CurDir))
        };
        if !inside(&self.environment_file) || self.environment_file.file_name().is_none() {
            return Some(format!(
                "the environment file `{}` in [reset] must be a path below the application's directory",
                self.environment_file.display()
            ));
        }
        let outside = self
            .empty
            .iter()
            .find(|path| !inside(path) || path.components().all(|one| one == Component::CurDir));
        outside.map(|path| {
            format!(
                "the directory `{}` that [reset] empties must lie below the application's directory",
                path.display()
            )
        })
    }
}
