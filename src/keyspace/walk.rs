//! One pass over the keys: SCAN, page by page. Redis is asked for the next page before this one is
//! worked on.

use std::collections::HashSet;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};
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
    next: Next,
    pages: u64,
    seen: Seen,
}

/// The page that comes next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    /// The first one, which is not asked for yet.
    First,
    /// One that is asked for.
    Asked,
    /// None: all keys have been looked at.
    None,
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
            next: Next::First,
            pages: 0,
            seen: Seen::default(),
        }
    }

    /// The keys that are meant among the next ones; `None` when all have been looked at.
    pub(crate) fn next_page(&mut self) -> Result<Option<Vec<Claimed>>, KeyspaceError> {
        if self.next == Next::None {
            return Ok(None);
        }
        if self.pages == MOST_PAGES {
            return Err(KeyspaceError::endless(self.wire.server(), self.pages));
        }
        if self.next == Next::First {
            self.ask_for_page(0)?;
        }
        let answer = self.wire.answer_ahead()?;
        self.pages += 1;
        let (cursor, keys) =
            page(answer).ok_or_else(|| KeyspaceError::answer(self.wire.server(), "SCAN"))?;
        self.next = Next::None;
        if cursor != 0 {
            self.ask_for_page(cursor)?;
        }
        let claimed = self.plan.claimed(&mut self.wire, keys)?;
        for Claimed { rule, key } in &claimed {
            if self.seen.is_new(key) {
                self.found.add(*rule, 1);
            }
        }
        Ok(Some(claimed))
    }

    fn ask_for_page(&mut self, cursor: u64) -> Result<(), KeyspaceError> {
        let scan = Request::new("SCAN").arg(cursor);
        let scan = scan.arg("MATCH").arg(&self.pattern);
        self.wire.send_ahead(scan.arg("COUNT").arg(KEYS_A_PAGE))?;
        self.next = Next::Asked;
        Ok(())
    }

    pub(crate) fn wire(&mut self) -> &mut Wire {
        &mut self.wire
    }
}

/// Keys that were seen before: SCAN may tell of a key more than once.
#[derive(Default)]
struct Seen {
    hasher: RandomState,
    hashes: HashSet<u64, BuildHasherDefault<AsIs>>,
}

impl Seen {
    fn is_new(&mut self, key: &[u8]) -> bool {
        self.hashes.insert(self.hasher.hash_one(key))
    }
}

/// What is hashed already.
#[derive(Default)]
struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0 << 8 | u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
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
