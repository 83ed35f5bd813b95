//! Whether Redis answers, and how many keys of the application it holds.

use crate::drain::REDIS_DEADLINE;
use crate::keyspace::{self, Deadline, Scope};
use crate::report::Line;
use crate::summary;
use crate::target::{NoServer, Target};

/// What is known of the application's Redis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedisStatus {
    /// It was left out, or nothing names one, for this reason.
    None(String),
    /// It did not answer to the end.
    Unreachable {
        /// Which one.
        server: String,
        /// Why not.
        reason: String,
    },
    /// It answered.
    Reachable {
        /// Which one.
        server: String,
        /// The application's keys, by pattern; those of several rules of one pattern together.
        keys: Vec<Line>,
    },
}

/// Counts the application's keys. One that does not answer is waited for once, not again where it
/// did not answer before.
pub(super) fn look(target: &Target, answered: bool) -> RedisStatus {
    let server = match &target.redis {
        Err(reason @ (NoServer::LeftOut | NoServer::Unknown(_))) => {
            return RedisStatus::None(reason.to_string());
        }
        Ok(server) => server,
    };
    let rules = &target.manifest.redis.keys;
    let unreachable = |reason: String| RedisStatus::Unreachable {
        server: server.to_string(),
        reason,
    };
    if !answered && !rules.is_empty() {
        return unreachable("it did not answer, see the warnings".into());
    }
    let deadline = Deadline::after(REDIS_DEADLINE);
    match keyspace::count(server, rules, &Scope::Application, deadline) {
        Err(error) => unreachable(error.to_string()),
        Ok(counts) => RedisStatus::Reachable {
            server: server.to_string(),
            keys: summary::by_pattern(rules, &counts.per_rule),
        },
    }
}
