//! The keys of the application that Redis holds: found and counted, never changed.
//!
//! Redis can neither fail nor delay the rest (invariant 9): the work runs on a thread of its own, one
//! deadline holds for all of it, from the look-up of the host's name to the last answer, and every
//! answer is checked for its type.

mod claim;
mod deadline;
mod dump;
mod error;
mod glob;
mod plan;
mod probe;
mod read;
mod server;
mod socket;
mod walk;
mod wire;

#[cfg(test)]
#[path = "../tests/support/fake_redis.rs"]
pub(crate) mod fake_redis;

use std::sync::Arc;

use crate::manifest::keys::KeyRule;
use crate::user::UserKey;

pub use deadline::Deadline;
pub use error::KeyspaceError;
pub use server::Server;

pub(crate) use deadline::within;
pub use dump::KeyDifference;
pub(crate) use dump::{Dump, Dumped, Since, dump, of_keys};
pub(crate) use plan::{Claimed, Plan};
pub(crate) use read::{KeyRead, read};
pub(crate) use walk::{Tally, Walk};
pub(crate) use wire::{Request, Wire};

/// Whose keys are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Every key that belongs to a user, whoever it is. The users that are known are given so that one
    /// whose key contains `:` is recognized inside a key's name; the list limits nothing and may be empty.
    Everyone(Vec<UserKey>),
    /// The keys of these users.
    Users(Vec<UserKey>),
    /// All keys of the application, also those that belong to nobody.
    Application,
}

/// How many keys there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyCounts {
    /// Distinct keys of each rule, in the order of the rules.
    pub per_rule: Vec<u64>,
}

/// Counts the keys of `rules` that belong to whom `scope` names, without changing anything.
///
/// One pass over the keys; keys that come and go meanwhile may or may not be counted.
///
/// # Errors
///
/// Whatever keeps the count from being complete by `deadline`: there are no partial counts.
pub fn count(
    server: &Server,
    rules: &[KeyRule],
    scope: &Scope,
    deadline: Deadline,
) -> Result<KeyCounts, KeyspaceError> {
    let found = Arc::new(Tally::new(rules.len()));
    let (target, plan) = (server.clone(), Plan::new(rules, scope));
    if !plan.is_empty() {
        let tally = Arc::clone(&found);
        within(server, deadline, move || {
            let mut walk = Walk::start(Wire::open(&target, deadline)?, plan, tally);
            while walk.next_page()?.is_some() {}
            Ok(())
        })?;
    }
    let per_rule = found.counts();
    for (rule, found) in rules.iter().zip(&per_rule) {
        log::debug!("redis `{rule}`: {found} found");
    }
    Ok(KeyCounts { per_rule })
}
