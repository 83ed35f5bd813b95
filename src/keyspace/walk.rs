//! One pass over the keys: SCAN, page by page.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ::redis::Value;

use super::plan::{Claimed, Plan};
use super::wire::Request;
use super::{KeyspaceError, Wire};

/// How many keys Redis looks at for one answer.
const KEYS_A_PAGE: u32 = 1000;

/// After so many answers a SCAN is taken for endless.
const MOST_PAGES: u64 = 1_000_000;

/// One number for each rule; read by the caller also when the thread that counts is late.
pub(crate) struct Tally(Vec<AtomicU64>);

impl Tally {
    pub(crate) fn new(rules: usize) -> Self {
        Self((0..rules).map(|_| AtomicU64::new(0)).collect())
    }

    pub(crate) fn add(&self, rule: usize, count: u64) {
        self.0[rule].fetch_add(count, Ordering::SeqCst);
    }

    pub(crate) fn counts(&self) -> Vec<u64> {
        self.0
            .iter()
            .map(|count| count.load(Ordering::SeqCst))
            .collect()
    }
}

/// The pass. Each key that is there all the time is seen at least once.
pub(crate) struct Walk {
    wire: Wire,
    plan: Plan,
    found: Arc<Tally>,
    pattern: Vec<u8>,
    cursor: Option<u64>,
    pages: u64,
    seen: HashSet<u64>,
    hasher: RandomState,
}

impl Walk {
    /// Begins the pass; what it finds is counted in `found`, each key once.
    pub(crate) fn start(wire: Wire, plan: Plan, found: Arc<Tally>) -> Self {
        let pattern = plan.pattern();
        log::debug!(
            "redis {}: scanning `{}`",
            wire.server(),
            pattern.escape_ascii()
        );
        Self {
            wire,
            plan,
            found,
            pattern,
            cursor: Some(0),
            pages: 0,
            seen: HashSet::new(),
            hasher: RandomState::new(),
        }
    }

    /// The keys that are meant among the next ones; `None` when all have been looked at.
    pub(crate) fn next_page(&mut self) -> Result<Option<Vec<Claimed>>, KeyspaceError> {
        let Some(cursor) = self.cursor else {
            return Ok(None);
        };
        if self.pages == MOST_PAGES {
            return Err(KeyspaceError::endless(self.wire.server(), self.pages));
        }
        self.pages += 1;
        let scan = Request::new("SCAN").arg(cursor);
        let scan = scan
            .arg("MATCH")
            .arg(&self.pattern)
            .arg("COUNT")
            .arg(KEYS_A_PAGE);
        let answer = self.wire.ask(&scan)?;
        let (next, keys) =
            page(answer).ok_or_else(|| KeyspaceError::answer(self.wire.server(), "SCAN"))?;
        self.cursor = (next != 0).then_some(next);
        let claimed = self.plan.claimed(&mut self.wire, keys)?;
        for Claimed { rule, key } in &claimed {
            if self.seen.insert(self.hasher.hash_one(key)) {
                self.found.add(*rule, 1);
            }
        }
        Ok(Some(claimed))
    }

    pub(crate) fn wire(&mut self) -> &mut Wire {
        &mut self.wire
    }
}

/// The cursor and the keys of an answer to SCAN.
fn page(answer: Value) -> Option<(u64, Vec<Vec<u8>>)> {
    let Value::Array(parts) = answer else {
        return None;
    };
    let [Value::BulkString(cursor), Value::Array(keys)] = <[Value; 2]>::try_from(parts).ok()?
    else {
        return None;
    };
    let cursor = std::str::from_utf8(&cursor).ok()?.parse().ok()?;
    let bytes = |key| match key {
        Value::BulkString(key) => Some(key),
        _ => None,
    };
    Some((cursor, keys.into_iter().map(bytes).collect::<Option<_>>()?))
}

#[cfg(test)]
mod tests;
