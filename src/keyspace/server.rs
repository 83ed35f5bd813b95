//! Which Redis, and how to log in there.

use std::fmt;
use std::path::PathBuf;

use percent_encoding::percent_decode_str;

use super::KeyspaceError;

const PORT: u16 = 6379;

/// A Redis server, one of its databases, and the credentials for it. Neither `Debug` nor `Display` shows
/// the credentials.
#[derive(Clone, PartialEq, Eq)]
pub struct Server {
    pub(super) address: Address,
    pub(super) db: u32,
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
}

#[derive(Clone, PartialEq, Eq)]
pub(super) enum Address {
    Tcp { host: String, port: u16 },
    Tls { host: String, port: u16 },
    Unix(PathBuf),
}

impl Server {
    /// The server of a URL: `redis://[user][:password@]host[:port][/db]`, `rediss://…` for TLS, or
    /// `unix:///path[?db=n]`. A `db` in the query counts more than one in the path; user and password
    /// are percent-decoded.
    ///
    /// # Errors
    ///
    /// If it is no such URL, names no host, or no number of a database. The message does not repeat it.
    pub fn from_url(url: &str) -> Result<Self, KeyspaceError> {
        let Some(url) = ::redis::parse_redis_url(url) else {
            return Err(KeyspaceError::address(
                "it is no `redis://`, `rediss://` or `unix://` URL (are all special characters of the password percent-encoded?)",
            ));
        };
        if url.fragment().is_some() {
            return Err(KeyspaceError::address(
                "a URL of Redis has no part after `#`",
            ));
        }
        let query = |name: &str| {
            url.query_pairs()
                .find(|pair| pair.0 == name)
                .map(|pair| pair.1.into_owned())
        };
        let local = url.scheme().ends_with("unix");
        let path = if local {
            ""
        } else {
            url.path().trim_matches('/')
        };
        let db = query("db").unwrap_or_else(|| path.to_owned());
        Ok(Self {
            address: address(url.scheme(), url.host_str(), url.port(), url.path())?,
            db: if db.is_empty() {
                0
            } else {
                db.parse().map_err(|_| no_database())?
            },
            user: filled(decoded(url.username())?).or_else(|| query("user")),
            password: filled(decoded(url.password().unwrap_or_default())?)
                .or_else(|| query("pass")),
        })
    }

    /// The server at a host's name or address and a port, and its database `db`. An empty password is
    /// none.
    #[must_use]
    pub fn from_parts(host: &str, port: u16, db: u32, password: Option<&str>) -> Self {
        Self {
            address: Address::Tcp {
                host: host.to_owned(),
                port,
            },
            db,
            user: None,
            password: password.map(str::to_owned).and_then(filled),
        }
    }

    /// `127.0.0.1:6379/0`: where it is and which database, for messages.
    #[must_use]
    pub fn display(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for Server {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.address {
            Address::Tcp { host, port } | Address::Tls { host, port } if host.contains(':') => {
                write!(out, "[{}]:{port}/{}", host.escape_debug(), self.db)
            }
            Address::Tcp { host, port } | Address::Tls { host, port } => {
                write!(out, "{}:{port}/{}", host.escape_debug(), self.db)
            }
            Address::Unix(path) => write!(out, "{} db {}", path.display(), self.db),
        }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Server({self})")
    }
}

fn address(
    scheme: &str,
    host: Option<&str>,
    port: Option<u16>,
    path: &str,
) -> Result<Address, KeyspaceError> {
    if scheme.ends_with("unix") {
        return match decoded(path)?.as_str() {
            "" | "/" => Err(KeyspaceError::address("it names no socket")),
            path => Ok(Address::Unix(PathBuf::from(path))),
        };
    }
    let host = host.unwrap_or_default().trim_matches(['[', ']']).to_owned();
    if host.is_empty() {
        return Err(KeyspaceError::address("it names no host"));
    }
    let port = port.unwrap_or(PORT);
    Ok(match scheme {
        "rediss" | "valkeys" => Address::Tls { host, port },
        _ => Address::Tcp { host, port },
    })
}

/// What stands there may be a part of the password, so it is not repeated.
fn no_database() -> KeyspaceError {
    KeyspaceError::address("what follows the host is no number of a database")
}

fn filled(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

fn decoded(text: &str) -> Result<String, KeyspaceError> {
    let decoded = percent_decode_str(text).decode_utf8();
    let decoded =
        decoded.map_err(|_| KeyspaceError::address("it is not UTF-8 once percent-decoded"))?;
    Ok(decoded.into_owned())
}

#[cfg(test)]
mod tests;
