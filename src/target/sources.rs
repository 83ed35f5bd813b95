//! Who says where the database and Redis are: the option, the manifest, the environment, `.env`.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use percent_encoding::percent_decode_str;

use super::{NoServer, RedisChoice, Settings};
use crate::error::{Error, Result};
use crate::keyspace::Server;
use crate::manifest::Manifest;

/// The variables of the environment, and those of the root's `.env` where the environment has none.
#[derive(Debug)]
pub(super) struct Variables {
    environment: BTreeMap<String, String>,
    dotenv: BTreeMap<String, String>,
}

impl Variables {
    /// Reads the root's `.env`, if there is one.
    pub(super) fn read(root: &Path, environment: &BTreeMap<String, String>) -> Result<Self> {
        let file = root.join(".env");
        let unreadable = |reason: String| Error::Dotenv {
            file: file.clone(),
            reason,
        };
        if file.metadata().is_ok_and(|found| !found.is_file()) {
            return Err(unreadable("it is not a regular file".into()));
        }
        let dotenv = match dotenvy::from_path_iter(&file) {
            Err(dotenvy::Error::Io(error)) if error.kind() == io::ErrorKind::NotFound => {
                BTreeMap::new()
            }
            Err(error) => return Err(unreadable(without_content(&error))),
            Ok(lines) => lines
                .collect::<Result<_, _>>()
                .map_err(|error| unreadable(without_content(&error)))?,
        };
        Ok(Self {
            environment: environment.clone(),
            dotenv,
        })
    }

    /// The names of those that `.env` sets to something.
    pub(super) fn dotenv_names(&self) -> BTreeSet<String> {
        let set = self.dotenv.iter().filter(|(_, value)| !value.is_empty());
        set.map(|(name, _)| name.clone()).collect()
    }

    pub(super) fn get(&self, name: &str) -> Option<String> {
        let found = self.environment.get(name).or_else(|| self.dotenv.get(name));
        found.filter(|value| !value.is_empty()).cloned()
    }
}

/// A line of `.env` may be a secret: its number of bytes is all that is told of it.
fn without_content(error: &dotenvy::Error) -> String {
    match error {
        dotenvy::Error::LineParse(line, at) => {
            format!(
                "a line of {} bytes cannot be parsed at byte {at}; quote its value",
                line.len()
            )
        }
        dotenvy::Error::Io(error) => error.to_string(),
        _ => "it cannot be parsed".into(),
    }
}

/// The database and the source that named it.
pub(super) fn database(
    root: &Path,
    settings: &Settings,
    manifest: &Manifest,
    variables: &Variables,
) -> Result<(PathBuf, &'static str)> {
    if let Some(given) = &settings.database {
        return Ok((root.join(path_of(given, "--database")?), "--database"));
    }
    let mut named: Vec<(PathBuf, &'static str)> = Vec::new();
    let built_in = manifest.source == crate::manifest::Source::Builtin;
    if let Some(path) = manifest.application.database.as_ref().filter(|_| !built_in) {
        named.push((root.join(path), "the manifest"));
    }
    for (values, source) in [
        (&variables.environment, "DATABASE_URL"),
        (&variables.dotenv, ".env"),
    ] {
        if let Some(url) = values.get("DATABASE_URL").filter(|url| !url.is_empty()) {
            named.push((root.join(path_of(url, source)?), source));
        }
    }
    // `.env`, which may have named it, is gone before a complete reset ends.
    if let Some(path) = super::unfinished::database(root) {
        named.push((path, "an interrupted reset-complete"));
    }
    let default = manifest.application.database.as_ref().filter(|_| built_in);
    let Some((path, source)) = named.first().cloned() else {
        let path = default.ok_or(Error::NoDatabaseNamed)?;
        return Ok((root.join(path), "the default"));
    };
    match named
        .into_iter()
        .find(|(other, _)| !same_file(&path, other))
    {
        None => Ok((path, source)),
        Some((other, second)) => Err(Error::TwoDatabases {
            first: source,
            one: path,
            second,
            other,
        }),
    }
}

fn same_file(one: &Path, other: &Path) -> bool {
    one == other || matches!((one.canonicalize(), other.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

/// The path in a `sqlite:` URL (three slashes: relative, four: absolute, as `SQLAlchemy`, Django and
/// Rails write them; `file:` as Prisma does), or the path itself.
fn path_of(text: &str, place: &'static str) -> Result<PathBuf> {
    let text = text.trim().trim_matches(['"', '\'']);
    // A server's address, however misspelt: it is not taken for a path, which a message would show.
    if let Some((before, _)) = text.split_once("//").filter(|(_, rest)| rest.contains('@')) {
        return Err(Error::OtherEngine {
            place,
            scheme: before.trim_end_matches(':').into(),
        });
    }
    let Some((scheme, rest)) = text.split_once(':').filter(|(scheme, _)| is_scheme(scheme)) else {
        return Ok(PathBuf::from(text));
    };
    let dialect = scheme
        .split('+')
        .next()
        .unwrap_or(scheme)
        .to_ascii_lowercase();
    if !matches!(dialect.as_str(), "sqlite" | "sqlite3" | "file") {
        return Err(Error::OtherEngine {
            place,
            scheme: scheme.into(),
        });
    }
    let path = rest.split(['?', '#']).next().unwrap_or(rest);
    let path = match path.strip_prefix("///") {
        Some(path) if dialect != "file" => path,
        Some(path) => return Ok(decoded(&format!("/{path}"))),
        None => path.strip_prefix("//").unwrap_or(path),
    };
    Ok(decoded(path))
}

fn decoded(path: &str) -> PathBuf {
    use std::os::unix::ffi::OsStringExt;
    let bytes: Vec<u8> = percent_decode_str(path).collect();
    std::ffi::OsString::from_vec(bytes).into()
}

/// RFC 3986, 3.1. One letter is a drive, not a scheme.
fn is_scheme(text: &str) -> bool {
    let rest = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    text.len() > 1 && text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(rest)
}

/// The application's Redis: a URL, or the parts that other variables give; or why there is none.
///
/// Fails only on a URL that the caller gave: whatever else is wrong with Redis is no reason to stop.
pub(super) fn redis(
    choice: &RedisChoice,
    variables: &Variables,
) -> Result<std::result::Result<Server, NoServer>> {
    match choice {
        RedisChoice::None => Ok(Err(NoServer::LeftOut)),
        RedisChoice::Url(url) => Ok(Ok(Server::from_url(url)?)),
        RedisChoice::Environment => Ok(named_redis(variables)),
    }
}

fn named_redis(variables: &Variables) -> std::result::Result<Server, NoServer> {
    if let Some(url) = variables.get("REDIS_URL") {
        return Server::from_url(&url)
            .map_err(|error| NoServer::Unknown(format!("`REDIS_URL`: {error}")));
    }
    let Some(host) = variables.get("REDIS_HOST") else {
        let reason = "nothing names a Redis (`--redis`, `REDIS_URL`, `REDIS_HOST`)";
        return Err(NoServer::Unknown(reason.into()));
    };
    let port = number(variables, "REDIS_PORT", 6379)?;
    let db = number(variables, "REDIS_DB", 0)?;
    let password = variables.get("REDIS_PASSWORD");
    Ok(Server::from_parts(&host, port, db, password.as_deref()))
}

fn number<N: FromStr>(
    variables: &Variables,
    name: &str,
    default: N,
) -> std::result::Result<N, NoServer> {
    let Some(text) = variables.get(name) else {
        return Ok(default);
    };
    text.trim()
        .parse()
        .map_err(|_| NoServer::Unknown(format!("`{name}` holds no number that Redis could use")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_every_common_spelling_name_the_same_file() {
        let expected = [
            ("storage/app.db", "storage/app.db"),
            ("/var/app.db", "/var/app.db"),
            ("sqlite:///storage/app.db", "storage/app.db"),
            ("sqlite:////var/app.db", "/var/app.db"),
            ("sqlite+pysqlite:////var/a%20b.db?timeout=5", "/var/a b.db"),
            ("sqlite3:storage/app.db", "storage/app.db"),
            ("file:./dev.db", "./dev.db"),
            ("file:///var/app.db", "/var/app.db"),
        ];
        for (text, path) in expected {
            assert_eq!(
                path_of(text, "test").unwrap(),
                PathBuf::from(path),
                "{text}"
            );
        }
    }

    #[test]
    fn another_engine_is_an_error() {
        for url in ["postgresql://app:secret@db/app", "mysql+pymysql://x/y"] {
            let error = path_of(url, "DATABASE_URL").unwrap_err().to_string();
            assert!(
                !error.contains("secret") && error.contains("not SQLite"),
                "{error}"
            );
        }
    }
}
