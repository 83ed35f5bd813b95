//! Keys put back to what they were: those that hold something else are written, those that were not
//! there go.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use ::redis::Value;

use super::{tally, unlink};
use crate::keyspace::{
    Deadline, Dump, Dumped, KeyDifference, KeyspaceError, Plan, Request, Scope, Server, Since,
    Walk, Wire, of_keys, within,
};
use crate::manifest::keys::{KeyRule, is_claimed};
use crate::outbox::Erased;

/// So many keys are written at once.
const KEYS_AT_ONCE: usize = 100;

/// Makes the keys of the application those of `saved`, each with its type and time to live. Of those,
/// only what a rule claims by its name is written. How they differed.
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
) -> Result<KeyDifference, KeyspaceError> {
    let plan = Plan::new(rules, &Scope::Application);
    if plan.is_empty() {
        return Ok(KeyDifference::default());
    }
    let differed = Arc::new(Mutex::new(KeyDifference::default()));
    let (target, told, rules) = (server.clone(), Arc::clone(&differed), rules.to_vec());
    within(server, deadline, move || {
        let (found, gone) = (tally(&rules), tally(&rules));
        let mut walk = Walk::start(Wire::open(&target, deadline)?, plan, found);
        let mut known = BTreeMap::new();
        while let Some(page) = walk.next_page()? {
            let (old, new): (Vec<_>, Vec<_>) = page
                .into_iter()
                .partition(|one| saved.contains_key(&one.key));
            unlink(walk.wire(), new, &gone)?;
            let old: Vec<Vec<u8>> = old.into_iter().map(|claimed| claimed.key).collect();
            for (key, now) in of_keys(walk.wire(), &old)? {
                let since = saved.get(&key).map(|saved| now.since(saved));
                known.extend(since.map(|since| (key, since)));
            }
        }
        let mut difference = KeyDifference {
            new: gone.counts().iter().sum(),
            ..KeyDifference::default()
        };
        let mut wanted = Vec::new();
        for (key, saved) in saved.iter().filter(|(key, _)| is_claimed(&rules, key)) {
            let since = known.get(key).copied();
            difference.count(since);
            // A time to live goes on, so what has one is written.
            if since != Some(Since::Same) {
                wanted.push((key, saved));
            }
        }
        write(walk.wire(), &wanted)?;
        if let Ok(mut told) = told.lock() {
            *told = difference;
        }
        Ok(())
    })?;
    let differed = differed.lock().map_err(|_| KeyspaceError::broken(server))?;
    Ok(*differed)
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
