//! What can go wrong between here and Redis.

use std::io;
use std::time::Duration;

use super::{Deadline, Server};

/// Why Redis was not looked at, or not to the end. No sentence holds a credential.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyspaceError {
    /// The address cannot be used.
    #[error("the address of Redis is not usable: {reason}")]
    Address {
        /// What is wrong with it.
        reason: String,
    },
    /// No connection, or it broke.
    #[error("could not reach Redis at `{server}`: {}", in_words(source))]
    Unreachable {
        /// Where.
        server: String,
        /// What the system says.
        source: io::Error,
    },
    /// The deadline has passed.
    #[error("Redis at `{server}` did not finish within {} s", allowed.as_secs_f64())]
    Late {
        /// Where.
        server: String,
        /// How long the phase was allowed to take.
        allowed: Duration,
    },
    /// Redis demands a password, or refuses the one it was given.
    #[error("Redis at `{server}` did not accept the user name or password: {reason}")]
    Login {
        /// Where.
        server: String,
        /// The code of the refusal (`NOAUTH`, `WRONGPASS`), never its text.
        reason: String,
    },
    /// An error answer.
    #[error("Redis at `{server}` refused `{command}`: {reason}")]
    Refused {
        /// Where.
        server: String,
        /// The command.
        command: &'static str,
        /// The answer, shortened.
        reason: String,
    },
    /// An answer that this command cannot have.
    #[error("Redis at `{server}` gave an answer to `{command}` that is none")]
    Answer {
        /// Where.
        server: String,
        /// The command.
        command: &'static str,
    },
    /// SCAN that does not come to an end.
    #[error(
        "Redis at `{server}` did not come to the end of its keys after {answers} answers to `SCAN`"
    )]
    Endless {
        /// Where.
        server: String,
        /// How many answers were read.
        answers: u64,
    },
    /// BUG: the thread that talks to Redis ended without an outcome.
    #[error("the work with Redis at `{server}` ended without an outcome")]
    Broken {
        /// Where.
        server: String,
    },
}

impl KeyspaceError {
    pub(crate) fn address(reason: impl Into<String>) -> Self {
        Self::Address {
            reason: reason.into(),
        }
    }

    pub(crate) fn unreachable(server: &Server, source: io::Error) -> Self {
        Self::Unreachable {
            server: server.to_string(),
            source,
        }
    }

    pub(crate) fn late(server: &Server, deadline: Deadline) -> Self {
        Self::Late {
            server: server.to_string(),
            allowed: deadline.allowed(),
        }
    }

    pub(crate) fn answer(server: &Server, command: &'static str) -> Self {
        Self::Answer {
            server: server.to_string(),
            command,
        }
    }

    pub(crate) fn endless(server: &Server, answers: u64) -> Self {
        Self::Endless {
            server: server.to_string(),
            answers,
        }
    }

    pub(crate) fn broken(server: &Server) -> Self {
        Self::Broken {
            server: server.to_string(),
        }
    }

    /// An error answer. A server may echo the arguments of a command it does not know: of an answer to
    /// `AUTH`, only the code is kept.
    pub(crate) fn refused(server: &Server, command: &'static str, code: &str, text: &str) -> Self {
        let (server, code) = (server.to_string(), shortened(code, 20));
        if command == "AUTH" || matches!(code.as_str(), "NOAUTH" | "WRONGPASS") {
            return Self::Login {
                server,
                reason: code,
            };
        }
        let reason = format!("{code} {}", shortened(text, 160));
        Self::Refused {
            server,
            command,
            reason: reason.trim_end().to_owned(),
        }
    }
}

fn shortened(text: &str, most: usize) -> String {
    text.chars()
        .take(most)
        .flat_map(char::escape_debug)
        .collect()
}

/// `Connection refused (os error 111)` as `connection refused`.
fn in_words(cause: &io::Error) -> String {
    let text = cause.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut letters = text.chars();
    let first = letters
        .next()
        .map(|letter| letter.to_lowercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}
