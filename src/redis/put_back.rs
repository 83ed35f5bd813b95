//! Keys put back to what they were: those that hold something else are written, those that were not
//! there go.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use ::redis::Value;

use super::{tally, unlink};
use crate::keyspace::{
    Claimed, Deadline, Dump, Dumped, KeyspaceError, Plan, Request, Scope, Server, Walk, Wire,
    of_keys, within,
};
use crate::manifest::keys::{KeyRule, is_claimed};
use crate::outbox::Erased;

/// So many keys are written at once.
const KEYS_AT_ONCE: usize = 100;

/// Makes the keys of the application those of `saved`, each with its type and time to live. Of those,
/// only what a rule claims by its name is written. How many keys were written or removed.
///
/// Returns by `deadline`. It repeats safely.
///
/// # Errors
///
/// Whatever keeps it from being complete.
pub(crate) fn put_back(
    server: &Server,
    rules: &[KeyRule],
    saved: Dump,
    deadline: Deadline,
    _after: &Erased,
) -> Result<u64, KeyspaceError> {
    let plan = Plan::new(rules, &Scope::Application);
    if plan.is_empty() {
        return Ok(0);
    }
    let changed = Arc::new(Mutex::new(0));
    let (target, count, rules) = (server.clone(), Arc::clone(&changed), rules.to_vec());
    within(server, deadline, move || {
        let (found, gone) = (tally(&rules), tally(&rules));
        let mut walk = Walk::start(Wire::open(&target, deadline)?, plan, found);
        let mut as_saved = BTreeSet::new();
        while let Some(page) = walk.next_page()? {
            let (known, new): (Vec<_>, Vec<_>) = page
                .into_iter()
                .partition(|one| saved.contains_key(&one.key));
            unlink(walk.wire(), new, &gone)?;
            as_saved.extend(those_as_saved(walk.wire(), known, &saved)?);
        }
        let differ =
            |(key, _): &(&Vec<u8>, &Dumped)| !as_saved.contains(*key) && is_claimed(&rules, key);
        let wanted: Vec<_> = saved.iter().filter(differ).collect();
        write(walk.wire(), &wanted)?;
        if let Ok(mut count) = count.lock() {
            *count = wanted.len() as u64 + gone.counts().iter().sum::<u64>();
        }
        Ok(())
    })?;
    let changed = changed.lock().map_err(|_| KeyspaceError::broken(server))?;
    Ok(*changed)
}

/// Keys that need not be written. A time to live goes on, so what has one is written.
fn those_as_saved(
    wire: &mut Wire,
    keys: Vec<Claimed>,
    saved: &Dump,
) -> Result<Vec<Vec<u8>>, KeyspaceError> {
    let keys: Vec<Vec<u8>> = keys.into_iter().map(|claimed| claimed.key).collect();
    let now = of_keys(wire, &keys)?;
    let same = |key: &Vec<u8>, now: &Dumped| now.ttl.is_none() && saved.get(key) == Some(now);
    let same = now.iter().filter(|(key, now)| same(key, now));
    Ok(same.map(|(key, _)| key.clone()).collect())
}

fn write(wire: &mut Wire, keys: &[(&Vec<u8>, &Dumped)]) -> Result<(), KeyspaceError> {
    for keys in keys.chunks(KEYS_AT_ONCE) {
        let request = |(key, dumped): &(&Vec<u8>, &Dumped)| {
            let request = Request::new("RESTORE")
                .arg(*key)
                .arg(dumped.ttl.unwrap_or(0));
            request.arg(&dumped.payload).arg("REPLACE")
        };
        for answer in wire.ask_all(&keys.iter().map(request).collect::<Vec<_>>())? {
            match answer {
                Value::Okay => {}
                Value::ServerError(error) => return Err(wire.refusal("RESTORE", &error)),
                _ => return Err(KeyspaceError::answer(wire.server(), "RESTORE")),
            }
        }
    }
    Ok(())
}
