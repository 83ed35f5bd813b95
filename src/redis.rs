//! The one home of Redis deletion: the application's keys go, key by key.
//!
//! Only keys that a rule claims are named to `UNLINK`; a whole database is never flushed, for Redis may be
//! shared with other programs, and no redirection to another server is followed.

mod put_back;

use std::collections::BTreeMap;
use std::sync::Arc;

use ::redis::Value;

use crate::keyspace::{
    Claimed, Deadline, KeyspaceError, Plan, Request, Scope, Server, Tally, Walk, Wire, within,
};
use crate::manifest::keys::KeyRule;
use crate::outbox::Erased;

pub(crate) use put_back::put_back;

/// How many keys one `UNLINK` names.
const KEYS_A_COMMAND: usize = 500;

/// What became of the keys.
#[derive(Debug, Default)]
pub struct Cleared {
    /// For each rule, in the order of the rules.
    pub per_rule: Vec<RuleCleared>,
    /// What kept the work from being complete; the counts are then what is known to have been done.
    pub trouble: Option<KeyspaceError>,
}

/// What became of the keys of one rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RuleCleared {
    /// Distinct keys that were found.
    pub found: u64,
    /// Keys that Redis says it has removed. Below `found` if some expired meanwhile, above it if some were
    /// made anew and removed again.
    pub cleared: u64,
}

/// Removes the keys of `rules` that belong to whom `scope` names, in one pass over the keys.
///
/// Returns by `deadline`; after it no further command is sent. A failure is not an `Err`: what was
/// removed before it is reported with it.
#[must_use]
pub fn clear(
    server: &Server,
    rules: &[KeyRule],
    scope: &Scope,
    deadline: Deadline,
    _after: &Erased,
) -> Cleared {
    let (found, gone) = (tally(rules), tally(rules));
    let (target, plan) = (server.clone(), Plan::new(rules, scope));
    let mut trouble = None;
    if !plan.is_empty() {
        let (found, gone) = (Arc::clone(&found), Arc::clone(&gone));
        let work = move || unlink_all(&target, deadline, plan, found, &gone);
        trouble = within(server, deadline, work).err();
    }
    let counts = found.counts().into_iter().zip(gone.counts());
    let per_rule: Vec<_> = counts
        .map(|(found, cleared)| RuleCleared { found, cleared })
        .collect();
    Cleared { per_rule, trouble }
}

fn tally(rules: &[KeyRule]) -> Arc<Tally> {
    Arc::new(Tally::new(rules.len()))
}

fn unlink_all(
    server: &Server,
    deadline: Deadline,
    plan: Plan,
    found: Arc<Tally>,
    gone: &Tally,
) -> Result<(), KeyspaceError> {
    let mut walk = Walk::start(Wire::open(server, deadline)?, plan, found);
    while let Some(page) = walk.next_page()? {
        unlink(walk.wire(), page, gone)?;
    }
    Ok(())
}

/// Removes one page's keys, a command for each rule and each [`KEYS_A_COMMAND`], all sent at once.
fn unlink(wire: &mut Wire, page: Vec<Claimed>, gone: &Tally) -> Result<(), KeyspaceError> {
    let mut by_rule: BTreeMap<usize, Vec<Vec<u8>>> = BTreeMap::new();
    for Claimed { rule, key } in page {
        by_rule.entry(rule).or_default().push(key);
    }
    let commands = by_rule
        .iter()
        .flat_map(|(rule, keys)| keys.chunks(KEYS_A_COMMAND).map(|keys| (*rule, keys)));
    let commands: Vec<_> = commands.collect();
    if commands.is_empty() {
        return Ok(());
    }
    let request = |(_, keys): &(usize, &[Vec<u8>])| Request::new("UNLINK").arg(*keys);
    let requests: Vec<_> = commands.iter().map(request).collect();
    wire.send(&requests)?;
    for ((rule, keys), request) in commands.iter().zip(&requests) {
        let answer = wire.answer(request)?;
        let count = removed(wire, keys.len(), &answer)?;
        log::debug!(
            "redis {}: {count} of {} unlinked",
            wire.server(),
            keys.len()
        );
        gone.add(*rule, count);
    }
    Ok(())
}

/// How many keys an answer says are gone: a number, and no more than were named.
fn removed(wire: &Wire, named: usize, answer: &Value) -> Result<u64, KeyspaceError> {
    let count = match answer {
        Value::Int(count) => u64::try_from(*count).ok(),
        Value::ServerError(error) => return Err(wire.refusal("UNLINK", error)),
        _ => None,
    };
    let plausible = count.filter(|count| usize::try_from(*count).is_ok_and(|count| count <= named));
    plausible.ok_or_else(|| KeyspaceError::answer(wire.server(), "UNLINK"))
}

#[cfg(test)]
mod tests;
