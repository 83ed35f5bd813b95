//! The manifest: what the schema of a database does not say.
//!
//! Which table holds the users, which references mean ownership, where files lie, which Redis
//! keys are whose, and how the summary is laid out. Read from TOML; a key nobody knows is refused
//! with its line and column, because a misspelt decision is a decision not taken.

pub mod environment;
pub mod keys;
mod names;
mod notes;
mod path;
mod reference;
pub mod reset;
mod sought;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::{Error, ManifestError, Result};
use environment::Environment;
use keys::KeyRule;
pub use names::Columns;
pub(crate) use names::quoted;
pub use notes::Notes;
pub(crate) use path::hyphenated;
pub use path::{Directory, FilePath, FilePathError};
pub use reference::{Decision, Form, List, Literal, Meaning, Undeclared};
use reset::Reset;
pub(crate) use sought::Sought;

/// The file that holds the manifest, in the application's root.
pub const FILE_NAME: &str = "reset-app.toml";

const BUILTIN: &str = include_str!("manifest/builtin.toml");

/// What the operator declares about an application.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The application itself.
    #[serde(default)]
    pub application: Application,
    /// The table of the users.
    pub users: Users,
    /// Decisions on references, and references the database does not declare.
    #[serde(default)]
    pub references: BTreeMap<Columns, Decision>,
    /// Tables that are no user's.
    #[serde(default)]
    pub tables: Tables,
    /// Where users' files are.
    #[serde(default)]
    pub files: Files,
    /// The application's keys in Redis.
    #[serde(default)]
    pub redis: Redis,
    /// Which tables hold sessions.
    #[serde(default)]
    pub sessions: Sessions,
    /// The variables of a fresh `.env`.
    #[serde(default)]
    pub environment: Environment,
    /// What a complete reset makes anew, keeps and empties.
    #[serde(default)]
    pub reset: Reset,
    /// The lines of the summary, in order.
    #[serde(default)]
    pub summary: Vec<SummaryLine>,
    /// Where the manifest came from.
    #[serde(skip)]
    pub source: Source,
    /// What it was read from.
    #[serde(skip)]
    pub text: String,
}

/// Where a manifest came from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Source {
    /// The one for the reference application that this program carries.
    #[default]
    Builtin,
    /// A file.
    File(PathBuf),
}

/// `[application]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Application {
    /// A name for messages.
    #[serde(default)]
    pub name: String,
    /// The database, relative to the root, where no other source names one.
    pub database: Option<PathBuf>,
    /// `production` arms the environment guard.
    pub environment: Option<String>,
}

/// `[users]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Users {
    /// The table with one row a user.
    pub table: String,
    /// The column of the key; the table's primary key unless given.
    pub key: Option<String>,
    /// Columns by which `--only`, `--except` and `delete-user` find a user, beside the key.
    #[serde(default)]
    pub names: Vec<String>,
    /// The column that says when an account was made; one of the usual names unless given.
    pub created: Option<String>,
    /// How many rows of the table are one user's.
    #[serde(default)]
    pub rows: UserRows,
}

/// How many rows of the users table are one user's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UserRows {
    /// One: the account.
    #[default]
    One,
    /// All that hold the key: the application has no accounts, and knows a user by a value of that
    /// column. The rows are data, and go.
    Many,
}

/// `[tables]`: those that no owner reference makes a user's.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tables {
    /// Bookkeeping and catalogues of the application: nobody's.
    #[serde(default)]
    pub kept: Vec<String>,
    /// What users share: nobody's alone.
    #[serde(default)]
    pub shared: Vec<String>,
}

/// `[files]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Files {
    /// Directories that hold users' files, relative to the application's root.
    #[serde(default)]
    pub roots: Vec<PathBuf>,
    /// Columns whose values name files.
    #[serde(default)]
    pub columns: Vec<FileColumn>,
    /// Directories that belong to one user; `{user}` stands for the key, `{column}` for that column
    /// of the users table.
    #[serde(default)]
    pub directories: Vec<Directory>,
    /// The summary line that counts those directories.
    #[serde(default = "directories_line")]
    pub directories_line: String,
    /// The summary line that counts files in those directories which no row names.
    #[serde(default = "other_line")]
    pub other_line: String,
}

/// A column whose values name files.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileColumn {
    /// The column.
    pub column: Columns,
    /// Where in JSON the value stands, if the column holds JSON: `$.cover.path`.
    pub json: Option<String>,
    /// Where the file of a value stands: `{value}` is the value, `{stem}` the value without its
    /// extension, `{name}` what stands behind its last `/`, `*` any part of one name. The value itself unless given.
    pub path: Option<FilePath>,
    /// The summary line that counts its files.
    #[serde(default = "files_line")]
    pub line: String,
}

/// `[redis]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redis {
    /// The application's keys; a key belongs to the first rule that fits.
    #[serde(default)]
    pub keys: Vec<KeyRule>,
}

/// `[sessions]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sessions {
    /// Tables whose rows are sessions of users: all that `--sessions-only` deletes.
    #[serde(default)]
    pub tables: Vec<String>,
}

/// One line of the summary. Files, directories and Redis keys name the line they count for.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SummaryLine {
    /// Its text.
    pub line: String,
    /// The tables whose rows it counts.
    #[serde(default)]
    pub tables: Vec<String>,
    /// Shown only when it has something to count.
    #[serde(default)]
    pub only_if_any: bool,
}

fn directories_line() -> String {
    "User Directories".into()
}

fn other_line() -> String {
    "Other Files".into()
}

fn files_line() -> String {
    "Files".into()
}

impl Manifest {
    /// The manifest of the reference application.
    ///
    /// Fails only if this program was built with a broken one, which a test rules out.
    pub fn builtin() -> Result<Self> {
        Self::parse(BUILTIN, Source::Builtin)
    }

    /// The manifest that serves `root`: `config` if given, else `reset-app.toml` of the root if it
    /// exists, else the built-in one.
    ///
    /// Fails if the file cannot be read or is no valid manifest.
    pub fn find(root: &Path, config: Option<&Path>) -> Result<Self> {
        if let Some(file) = config {
            return Self::read(&root.join(file));
        }
        let file = root.join(FILE_NAME);
        match file.symlink_metadata() {
            Ok(_) => Self::read(&file),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Self::builtin(),
            Err(error) => Err(unreadable(&file, error)),
        }
    }

    /// Reads a manifest from a file.
    pub fn read(file: &Path) -> Result<Self> {
        let text = fs::read_to_string(file).map_err(|error| unreadable(file, error))?;
        Self::parse(&text, Source::File(file.to_owned()))
    }

    /// Reads a manifest from its text.
    ///
    /// Fails with line, column and reason where the text is not TOML, holds an unknown key, or
    /// contradicts itself.
    pub fn parse(text: &str, source: Source) -> Result<Self> {
        let mut manifest: Self = toml::from_str(text).map_err(|error| {
            Error::from(ManifestError::Invalid {
                source_name: source.to_string(),
                reason: error.to_string().trim_end().to_owned(),
            })
        })?;
        manifest.source = source;
        text.clone_into(&mut manifest.text);
        manifest.validate()?;
        Ok(manifest)
    }

    fn validate(&self) -> Result<()> {
        let broken = |reason: String| {
            Error::from(ManifestError::Invalid {
                source_name: self.source.to_string(),
                reason,
            })
        };
        for (index, line) in self.summary.iter().enumerate() {
            if self.summary[..index].iter().any(|l| l.line == line.line) {
                return Err(broken(format!("the summary has two lines `{}`", line.line)));
            }
        }
        let mut tables = self.summary.iter().flat_map(|line| &line.tables);
        while let Some(table) = tables.next() {
            if tables
                .clone()
                .any(|other| other.eq_ignore_ascii_case(table))
            {
                return Err(broken(format!(
                    "the summary counts the table `{table}` twice"
                )));
            }
        }
        for column in &self.files.columns {
            if column.column.columns.len() != 1 {
                let text = format!("`{}` in [files] must name one column", column.column);
                return Err(broken(text));
            }
            if !column.json.as_ref().is_none_or(|path| is_json_path(path)) {
                let text = format!(
                    "a path of JSON begins with `$`: `{}` in [files]",
                    column.column
                );
                return Err(broken(text));
            }
        }
        for outer in &self.files.directories {
            for inner in &self.files.directories {
                if outer.may_hold(inner) {
                    let text = format!(
                        "the directory `{outer}` of one user may hold the directories `{inner}` of others"
                    );
                    return Err(broken(text));
                }
            }
        }
        if !self.files.directories.is_empty() && self.files.roots.is_empty() {
            return Err(broken("[files] has directories but no roots".into()));
        }
        for (from, decision) in &self.references {
            for one in decision.undeclared() {
                if let Some(fault) = one.fault() {
                    return Err(broken(format!("the reference `{from}` cannot be: {fault}")));
                }
            }
        }
        self.reset
            .fault()
            .map_or(Ok(()), |fault| Err(broken(fault)))
    }

    /// Every table that a run needs, with the place that names it: not those of which nothing is
    /// deleted.
    pub fn tables(&self) -> impl Iterator<Item = (&str, &'static str)> {
        let references = self.references.iter().flat_map(|(from, decision)| {
            let to = decision
                .undeclared()
                .iter()
                .map(|one| one.to.table.as_str());
            std::iter::once(from.table.as_str()).chain(to)
        });

        let files = self.files.columns.iter().map(|c| c.column.table.as_str());
        let summary = self.summary.iter().flat_map(|l| &l.tables);
        std::iter::once((self.users.table.as_str(), "[users]"))
            .chain(references.map(|t| (t, "[references]")))
            .chain(files.map(|t| (t, "[files]")))
            .chain(summary.map(|t| (t.as_str(), "[[summary]]")))
            .chain(
                self.sessions
                    .tables
                    .iter()
                    .map(|t| (t.as_str(), "[sessions]")),
            )
            .chain(self.reset.keep.iter().map(|t| (t.as_str(), "[reset]")))
    }
}

fn unreadable(file: &Path, error: std::io::Error) -> Error {
    Error::from(ManifestError::Unreadable {
        file: file.to_owned(),
        error,
    })
}

impl std::fmt::Display for Source {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Builtin => out.write_str("the built-in manifest"),
            Self::File(file) => write!(out, "the manifest `{}`", file.display()),
        }
    }
}

fn is_json_path(path: &str) -> bool {
    path.starts_with('$') && !path.contains('\0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_builtin_manifest_is_valid() {
        let manifest = Manifest::builtin().unwrap();
        assert_eq!(manifest.users.table, "users");
        assert_eq!(
            manifest.summary.iter().filter(|l| !l.only_if_any).count(),
            14
        );
    }

    #[test]
    fn an_unknown_key_is_refused_with_line_and_column() {
        let text = "[users]\ntable = \"users\"\nnmaes = [\"x\"]\n";
        let error = Manifest::parse(text, Source::Builtin)
            .unwrap_err()
            .to_string();
        assert!(error.contains("line 3, column 1"), "{error}");
        assert!(error.contains("nmaes"), "{error}");
    }

    #[test]
    fn a_directory_without_the_user_would_be_everybodys() {
        let text = "users.table = \"u\"\n[files]\nroots = [\"x\"]\ndirectories = [\"x/all\"]\n";
        assert!(Manifest::parse(text, Source::Builtin).is_err());
    }

    #[test]
    fn a_users_directory_cannot_hold_those_of_others() {
        let with = |directories: &str| {
            let text = format!(
                "users.table = \"u\"\n[files]\nroots = [\"m\"]\ndirectories = [{directories}]\n"
            );
            Manifest::parse(&text, Source::Builtin).is_ok()
        };
        assert!(!with("\"m/{user}\", \"m/shared/{user}\""));
        assert!(!with("\"m/a_{user}/x\", \"m/a_b/x/{user}\""));
        assert!(with("\"m/{user}\", \"m/{user}/tmp\""));
        assert!(with("\"m/user_{user}\", \"m/shared/{user}\""));
    }

    #[test]
    fn a_table_is_counted_in_one_line() {
        let line = "[[summary]]\nline = \"a\"\ntables = [\"t\"]\n";
        let text = format!(
            "users.table = \"u\"\n{line}{}",
            line.replace("\"a\"", "\"b\"")
        );
        assert!(Manifest::parse(&text, Source::Builtin).is_err());
    }

    #[test]
    fn a_wrong_meaning_is_named() {
        let text = "users.table = \"u\"\n[references]\n\"a.b\" = \"onwer\"\n";
        let error = Manifest::parse(text, Source::Builtin)
            .unwrap_err()
            .to_string();
        assert!(error.contains("\"owner\""), "{error}");
    }
}
