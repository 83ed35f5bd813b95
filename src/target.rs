//! What a run is about: the application's directory, its manifest, its database, its Redis, and
//! which source named each.

mod audit;
mod environment;
mod found;
pub(crate) mod notes;
mod sources;
pub(crate) mod unfinished;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

pub(crate) use audit::KEYS as AUDIT_KEYS;

use crate::database;
use crate::error::{Error, Result};
use crate::keyspace::Server;
use crate::manifest::{Manifest, Source};

/// What the caller says; everything else is found out.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The application's directory; the working directory unless given.
    pub root: Option<PathBuf>,
    /// The manifest; `reset-app.toml` of the root, or the built-in one, unless given.
    pub config: Option<PathBuf>,
    /// The database, a path or a `sqlite:///` URL, if the caller decides it.
    pub database: Option<String>,
    /// Redis.
    pub redis: RedisChoice,
    /// Whether files are part of the run.
    pub files: FilesChoice,
    /// The audit trail.
    pub audit: AuditChoice,
    /// Environment variables, as far as they count: `DATABASE_URL`, `REDIS_*`.
    pub environment: BTreeMap<String, String>,
}

/// Which Redis, if any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum RedisChoice {
    /// The one the environment or `.env` names, if they do.
    #[default]
    Environment,
    /// The one at this URL.
    Url(String),
    /// None.
    None,
}

/// Why there is no Redis to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoServer {
    /// The caller left it out.
    LeftOut,
    /// Nothing names one, or what names one cannot be used, for this reason.
    Unknown(String),
}

impl fmt::Display for NoServer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LeftOut => out.write_str("Redis is left out"),
            Self::Unknown(reason) => out.write_str(reason),
        }
    }
}

/// Whether files are part of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FilesChoice {
    /// They are.
    #[default]
    Remove,
    /// Rows only; no file is looked at.
    Leave,
}

/// Where the audit trail is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AuditChoice {
    /// In `.reset-app/audit.jsonl` of the application's directory.
    #[default]
    Default,
    /// In this file; a relative path refers to the application's directory.
    File(PathBuf),
    /// Nowhere.
    None,
}

/// An application's directory and manifest: what is known of it without its database.
#[derive(Clone, Debug)]
pub struct Home {
    /// Its directory, absolute, links resolved.
    pub root: PathBuf,
    /// Its manifest.
    pub manifest: Manifest,
}

impl Home {
    /// Finds the application's directory and manifest.
    ///
    /// Fails where one of them cannot be used.
    pub fn find(settings: &Settings) -> Result<Self> {
        let root = root(settings.root.as_deref())?;
        let manifest = Manifest::find(&root, settings.config.as_deref())?;
        Ok(Self { root, manifest })
    }
}

/// An application, found.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its directory, absolute, links resolved.
    pub root: PathBuf,
    /// Its manifest.
    pub manifest: Manifest,
    /// Its database, absolute, links resolved.
    pub database: PathBuf,
    /// Which source named the database.
    pub database_source: &'static str,
    /// Its Redis, or why there is none to look at.
    pub redis: std::result::Result<Server, NoServer>,
    /// Whether files are part of the run.
    pub files: FilesChoice,
    /// The file of the audit trail, absolute; none where none is kept.
    pub audit: Option<PathBuf>,
    /// The names under which a variable says that this is production, if one does.
    pub production: Option<String>,
}

/// Variables that may say `production`.
pub const ENVIRONMENT_VARIABLES: [&str; 6] = [
    "APP_ENV",
    "FLASK_ENV",
    "DJANGO_ENV",
    "RAILS_ENV",
    "NODE_ENV",
    "ENVIRONMENT",
];

impl Target {
    /// Finds the application.
    ///
    /// Fails where its directory, manifest or database cannot be used, or two sources name two
    /// databases.
    pub fn find(settings: &Settings) -> Result<Self> {
        let Home { root, manifest } = Home::find(settings)?;
        let variables = sources::Variables::read(&root, &settings.environment)?;
        let (database, database_source) =
            sources::database(&root, settings, &manifest, &variables)?;
        let target = Self {
            database: database::existing(&database)?,
            database_source,
            redis: sources::redis(&settings.redis, &variables)?,
            files: settings.files,
            audit: audit::file(&settings.audit, &root),
            production: production(&manifest, &variables),
            manifest,
            root,
        };
        audit::require_own_file(&target)?;
        Ok(target)
    }

    /// The files of the application that are never touched, even inside a root.
    #[must_use]
    pub fn protected(&self) -> Vec<PathBuf> {
        let mut paths = self.application_files();
        if let Some(trail) = &self.audit {
            paths.push(trail.clone());
            paths.extend(audit::KEYS.map(|ending| trail.with_extension(ending)));
        }
        paths
    }

    /// Those that are not the audit trail's.
    fn application_files(&self) -> Vec<PathBuf> {
        let neighbours = ["-wal", "-shm", "-journal", crate::run_lock::SUFFIX];
        let mut paths = vec![
            self.database.clone(),
            self.root.join(".env"),
            self.root.join(STATE_DIRECTORY),
        ];
        paths.extend(neighbours.map(|suffix| database::neighbour(&self.database, suffix)));
        if let Source::File(manifest) = &self.manifest.source {
            paths.push(manifest.clone());
        }
        let reset = &self.manifest.reset;
        let scripts = reset.structure.iter().chain(&reset.seed);
        let named = scripts.chain([&reset.environment_file]);
        paths.extend(named.map(|file| self.root.join(file)));
        paths
    }

    /// The name that consent to this target repeats: the database's file name.
    #[must_use]
    pub fn name(&self) -> String {
        let name = self.database.file_name().unwrap_or_default();
        crate::roots::shown(Path::new(name))
    }
}

/// The database of an application that has no manifest yet, and its directory: what `init` looks at.
///
/// Fails where the directory or the database cannot be used, or nothing says which database it is.
pub(crate) fn undescribed(settings: &Settings) -> Result<(PathBuf, PathBuf)> {
    let root = root(settings.root.as_deref())?;
    let variables = sources::Variables::read(&root, &settings.environment)?;
    let mut manifest = Manifest::builtin()?;
    manifest.application.database = None;
    let named = match sources::database(&root, settings, &manifest, &variables) {
        Err(Error::NoDatabaseNamed) => found::database(&root)?,
        named => named?.0,
    };
    Ok((root, database::existing(&named)?))
}

/// The variables that the `.env` of a directory sets to something; none where there is no `.env`.
///
/// Fails where it cannot be read.
pub(crate) fn dotenv_names(root: &Path) -> Result<Option<BTreeSet<String>>> {
    if !root.join(".env").exists() {
        return Ok(None);
    }
    let variables = sources::Variables::read(root, &BTreeMap::new())?;
    Ok(Some(variables.dotenv_names()))
}

/// Where this program keeps what is its own, in the application's directory.
pub const STATE_DIRECTORY: &str = ".reset-app";

fn root(given: Option<&Path>) -> Result<PathBuf> {
    let root = given.unwrap_or(Path::new("."));
    let unusable = |error| Error::Root {
        root: root.into(),
        error,
    };
    let absolute = root.canonicalize().map_err(unusable)?;
    if absolute.is_dir() {
        return Ok(absolute);
    }
    Err(unusable(std::io::Error::from(
        std::io::ErrorKind::NotADirectory,
    )))
}

fn production(manifest: &Manifest, variables: &sources::Variables) -> Option<String> {
    let is = |value: &str| {
        matches!(
            value.trim().to_ascii_lowercase().as_str(),
            "production" | "prod"
        )
    };
    if manifest.application.environment.as_deref().is_some_and(is) {
        return Some(manifest.source.to_string());
    }
    let says = |name: &&&str| variables.get(name).is_some_and(|value| is(&value));
    ENVIRONMENT_VARIABLES
        .iter()
        .find(says)
        .map(|name| format!("`{name}`"))
}

/// The variables of this process that count here, for [`Settings::environment`].
#[must_use]
pub fn process_environment() -> BTreeMap<String, String> {
    let counts = |name: &str| {
        name == "DATABASE_URL"
            || name.starts_with("REDIS_")
            || ENVIRONMENT_VARIABLES.contains(&name)
    };
    let text = |(name, value): (OsString, OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    std::env::vars_os()
        .filter_map(text)
        .filter(|(name, _)| counts(name))
        .collect()
}
