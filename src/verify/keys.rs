//! Searching the application's keys in Redis. Whatever is wrong with Redis is a warning (invariant 9).

use std::sync::Arc;
use std::time::Duration;

use super::collect::{Collector, Place};
use super::judge::Verdict;
use super::tokens::{Kind, Meaning, Reading, Tokens};
use super::{Search, Stage};
use crate::keyspace::{self, Deadline, KeyRead};
use crate::survey::Kept;
use crate::user::UserKey;

/// Reading what all keys hold takes longer than reading their names.
const DEADLINE: Duration = Duration::from_secs(60);

struct KeyHit {
    key: String,
    claimed: bool,
    in_name: Vec<Meaning>,
    in_value: Vec<Meaning>,
    cut: bool,
}

/// The number of keys, if they were looked at.
pub(super) fn search(search: &Search<'_>, collector: &mut Collector) -> Option<u64> {
    if search.rules.is_empty() {
        return None;
    }
    let server = match search.redis.as_ref()? {
        Ok(server) => *server,
        Err(reason) => {
            collector
                .warnings
                .push(format!("{reason}; its keys were not searched"));
            return None;
        }
    };
    let users: Vec<UserKey> = search.identifiers.keys.values().cloned().collect();
    let one = match &search.identifiers.keys.iter().collect::<Vec<_>>()[..] {
        [(position, _)] => Some(**position),
        _ => None,
    };
    let tokens = Arc::clone(&search.identifiers.tokens);
    let wanted = move |read: &KeyRead| hit(read, &tokens, one);
    let deadline = Deadline::after(DEADLINE);
    match keyspace::read(server, search.rules, &users, deadline, wanted) {
        Ok((keys, hits)) => {
            for hit in hits {
                add(search.stage, hit, collector);
            }
            Some(keys)
        }
        Err(error) => {
            collector
                .warnings
                .push(format!("{error}; its keys were not searched"));
            None
        }
    }
}

fn hit(read: &KeyRead, tokens: &Tokens, one: Option<i64>) -> Option<KeyHit> {
    let mut in_name = Vec::new();
    tokens.search(&read.key, Reading::Name, &mut |meaning| {
        in_name.push(meaning);
    });
    if read.claimed {
        in_name.extend(one.map(|position| (position, Kind::Key)));
    }
    let mut in_value = Vec::new();
    for piece in &read.pieces {
        tokens.search(piece, Reading::Text, &mut |meaning| in_value.push(meaning));
    }
    let any = read.claimed || read.cut || !in_name.is_empty() || !in_value.is_empty();
    any.then(|| KeyHit {
        key: read.key.escape_ascii().to_string(),
        claimed: read.claimed,
        in_name,
        in_value,
        cut: read.cut,
    })
}

fn add(stage: Stage, hit: KeyHit, collector: &mut Collector) {
    let verdict = match (stage, hit.claimed) {
        (Stage::Before, true) => Verdict::Covered("the key goes with the user"),
        (Stage::Before, false) => super::judge::UNCOVERED,
        (Stage::After(_), _) => super::judge::BEHIND,
    };
    if hit.cut {
        collector.unsearched.push(Kept {
            path: format!("the Redis key `{}`", hit.key),
            reason: "it holds more than was read, or is of a type that cannot be".into(),
        });
    }
    if hit.claimed || !hit.in_name.is_empty() {
        collector.once(verdict, Place::KeyName(hit.key.clone()), &hit.in_name);
    }
    if !hit.in_value.is_empty() {
        collector.once(verdict, Place::Key(hit.key), &hit.in_value);
    }
}
