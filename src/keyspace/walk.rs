//! One pass over the keys: SCAN, page by page, and which rule claims which key.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ::redis::Value;

use super::claim::{ByName, Wanted};
use super::probe::{self, Question, Verdict};
use super::wire::Request;
use super::{KeyspaceError, Scope, Wire};
use crate::manifest::keys::KeyRule;

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

/// What is looked for.
pub(crate) struct Plan {
    rules: Vec<KeyRule>,
    wanted: Wanted,
}

/// A key that is meant, and the rule that claims it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Claimed {
    pub(crate) rule: usize,
    pub(crate) key: Vec<u8>,
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

impl Plan {
    pub(crate) fn new(rules: &[KeyRule], scope: &Scope) -> Self {
        Self {
            rules: rules.to_vec(),
            wanted: Wanted::new(scope),
        }
    }

    /// Whether no key can be meant.
    pub(crate) fn is_empty(&self) -> bool {
        self.concerned().next().is_none()
    }

    fn concerned(&self) -> impl Iterator<Item = &KeyRule> {
        self.rules.iter().filter(|rule| self.wanted.concerns(rule))
    }
}

impl Walk {
    /// Begins the pass; what it finds is counted in `found`, each key once.
    pub(crate) fn start(wire: Wire, plan: Plan, found: Arc<Tally>) -> Self {
        let prefixes: Vec<&[u8]> = plan.concerned().map(KeyRule::prefix).collect();
        let pattern = glob_of(&prefixes);
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

/// A key of which it is open who claims it: the first `next` rules do not.
struct Open {
    key: Vec<u8>,
    next: usize,
}

impl Plan {
    /// The keys that are meant. Each round asks about every open key for one rule.
    fn claimed(&self, wire: &mut Wire, keys: Vec<Vec<u8>>) -> Result<Vec<Claimed>, KeyspaceError> {
        let mut claimed = Vec::new();
        let mut open: Vec<Open> = keys.into_iter().map(|key| Open { key, next: 0 }).collect();
        while !open.is_empty() {
            let asked = self.by_name(open, &mut claimed);
            open = self.by_value(wire, asked, &mut claimed)?;
        }
        Ok(claimed)
    }

    /// Decides what a name decides; returns the keys whose value must be asked for the rule at `next`.
    fn by_name(&self, open: Vec<Open>, claimed: &mut Vec<Claimed>) -> Vec<(Open, ByName)> {
        let mut asked = Vec::new();
        for Open { key, next } in open {
            let rules = self.rules.iter().enumerate().skip(next);
            let mut judged = rules.map(|(rule, it)| (rule, self.wanted.by_name(it, &key)));
            let Some((rule, verdict)) = judged.find(|(_, verdict)| *verdict != ByName::DoesNotFit)
            else {
                continue;
            };
            drop(judged);
            match verdict {
                ByName::Fits { is_meant } if self.rules[rule].value_type().is_none() => {
                    if is_meant {
                        claimed.push(Claimed { rule, key });
                    }
                }
                _ => asked.push((Open { key, next: rule }, verdict)),
            }
        }
        asked
    }

    /// Decides what a value decides; returns the keys that a later rule may claim.
    fn by_value(
        &self,
        wire: &mut Wire,
        asked: Vec<(Open, ByName)>,
        claimed: &mut Vec<Claimed>,
    ) -> Result<Vec<Open>, KeyspaceError> {
        let question = |(open, _): &(Open, ByName)| (open.next, open.key.clone());
        let keys: Vec<_> = asked.iter().map(question).collect();
        let questions: Vec<_> = keys
            .iter()
            .map(|(rule, key)| Question {
                rule: &self.rules[*rule],
                key,
            })
            .collect();
        let mut open = Vec::new();
        for ((Open { key, next: rule }, by_name), verdict) in
            asked.into_iter().zip(probe::ask(wire, &questions)?)
        {
            let is_meant = match verdict {
                Verdict::DoesNotFit => {
                    open.push(Open {
                        key,
                        next: rule + 1,
                    });
                    continue;
                }
                Verdict::Fits => by_name == ByName::Fits { is_meant: true },
                Verdict::BelongsTo(user) => self.wanted.means(&user),
            };
            if is_meant {
                claimed.push(Claimed { rule, key });
            }
        }
        Ok(open)
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

/// The most selective single glob that matches whatever begins with one of `prefixes`: what they have
/// in common, then one of the bytes that follow, then anything.
fn glob_of(prefixes: &[&[u8]]) -> Vec<u8> {
    let common = common_prefix(prefixes);
    let mut glob = Vec::new();
    for byte in common {
        escape(*byte, &mut glob);
    }
    let mut following: Vec<Option<&u8>> = prefixes
        .iter()
        .map(|prefix| prefix.get(common.len()))
        .collect();
    following.sort_unstable();
    following.dedup();
    if let Some(following) = following.into_iter().collect::<Option<Vec<_>>>() {
        glob.push(b'[');
        for byte in following {
            escape(*byte, &mut glob);
        }
        glob.push(b']');
    }
    glob.push(b'*');
    glob
}

fn common_prefix<'p>(prefixes: &[&'p [u8]]) -> &'p [u8] {
    let Some((first, others)) = prefixes.split_first() else {
        return &[];
    };
    let shared = |other: &&[u8]| first.iter().zip(*other).take_while(|(a, b)| a == b).count();
    let length = others.iter().map(shared).min().unwrap_or(first.len());
    &first[..length]
}

fn escape(byte: u8, glob: &mut Vec<u8>) {
    if b"*?[]^-\\".contains(&byte) {
        glob.push(b'\\');
    }
    glob.push(byte);
}

#[cfg(test)]
mod tests {
    use super::glob_of;

    #[test]
    fn one_glob_selects_all_prefixes() {
        assert_eq!(glob_of(&[b"v:session:", b"v:user:"]), b"v:[su]*");
        assert_eq!(glob_of(&[b"v:", b"s:", b"u", b"s"]), b"[suv]*");
        assert_eq!(glob_of(&[b"v:a", b"v:"]), b"v:*");
        assert_eq!(glob_of(&[b"v:a"]), b"v:a*");
        assert_eq!(glob_of(&[b"a", b"]", b"-", b"^"]), b"[\\-\\]\\^a]*");
        assert_eq!(glob_of(&[b"a*[b"]), b"a\\*\\[b*");
    }
}
