//! The application's keys as `Redis` itself writes them down: value, type and time to live
//! (<https://redis.io/docs/latest/commands/dump/>).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use ::redis::Value;

use super::wire::Request;
use super::{Deadline, KeyspaceError, Plan, Scope, Server, Tally, Walk, Wire, within};
use crate::manifest::keys::KeyRule;

/// The values of so many keys are asked for at once.
const KEYS_AT_ONCE: usize = 100;

/// What a key holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dumped {
    /// Value and type.
    pub(crate) payload: Vec<u8>,
    /// Milliseconds until it goes; none where it stays.
    pub(crate) ttl: Option<u64>,
}

/// How the application's Redis keys differ from those that were saved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyDifference {
    /// Those that hold something else, or live longer.
    pub changed: u64,
    /// Those that are gone.
    pub missing: u64,
    /// Those that were not saved.
    pub new: u64,
    /// Those whose time to live has only run on: no difference, but a restore sets it anew.
    pub aged: u64,
}

impl KeyDifference {
    /// How many keys differ; not those that have only aged.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.changed + self.missing + self.new
    }

    /// Counts a key that was saved: what became of it, if it is there.
    pub(crate) fn count(&mut self, since: Option<Since>) {
        match since {
            None => self.missing += 1,
            Some(Since::Same) => {}
            Some(Since::Aged) => self.aged += 1,
            Some(Since::Changed) => self.changed += 1,
        }
    }

    /// The difference of all keys that are there to all that were saved.
    pub(crate) fn between<'d>(
        now: &Dump,
        saved: impl Iterator<Item = (&'d Vec<u8>, &'d Dumped)>,
    ) -> Self {
        let mut difference = Self {
            new: now.len() as u64,
            ..Self::default()
        };
        for (key, saved) in saved {
            let since = now.get(key).map(|now| now.since(saved));
            difference.new -= u64::from(since.is_some());
            difference.count(since);
        }
        difference
    }
}

/// What became of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Since {
    /// It is what it was, and stays so.
    Same,
    /// Its time to live has run on, as it does by itself.
    Aged,
    Changed,
}

impl Dumped {
    /// What became of `earlier`.
    pub(crate) fn since(&self, earlier: &Self) -> Since {
        match (self.ttl, earlier.ttl) {
            _ if self.payload != earlier.payload => Since::Changed,
            (None, None) => Since::Same,
            (Some(now), Some(then)) if now <= then => Since::Aged,
            _ => Since::Changed,
        }
    }
}

/// Keys, each with what it holds.
pub(crate) type Dump = BTreeMap<Vec<u8>, Dumped>;

/// Every key of the application. Changes nothing.
///
/// # Errors
///
/// Whatever keeps it from being complete by `deadline`.
pub(crate) fn dump(
    server: &Server,
    rules: &[KeyRule],
    deadline: Deadline,
) -> Result<Dump, KeyspaceError> {
    let plan = Plan::new(rules, &Scope::Application);
    if plan.is_empty() {
        return Ok(Dump::new());
    }
    let found = Arc::new(Mutex::new(Dump::new()));
    let (target, keys) = (server.clone(), Arc::clone(&found));
    let tally = Arc::new(Tally::new(rules.len()));
    within(server, deadline, move || {
        let mut walk = Walk::start(Wire::open(&target, deadline)?, plan, tally);
        while let Some(page) = walk.next_page()? {
            let names: Vec<Vec<u8>> = page.into_iter().map(|claimed| claimed.key).collect();
            let dumped = of_keys(walk.wire(), &names)?;
            if let Ok(mut keys) = keys.lock() {
                keys.extend(dumped);
            }
        }
        Ok(())
    })?;
    let mut found = found.lock().map_err(|_| KeyspaceError::broken(server))?;
    Ok(std::mem::take(&mut found))
}

/// What these keys hold; nothing of one that is gone.
pub(crate) fn of_keys(wire: &mut Wire, keys: &[Vec<u8>]) -> Result<Dump, KeyspaceError> {
    let mut dump = Dump::new();
    for keys in keys.chunks(KEYS_AT_ONCE) {
        let requests = keys
            .iter()
            .flat_map(|key| ["DUMP", "PTTL"].map(|name| Request::new(name).arg(key)));
        let answers = wire.ask_all(&requests.collect::<Vec<_>>())?;
        for (key, answer) in keys.iter().zip(answers.chunks(2)) {
            dump.extend(dumped(wire, answer)?.map(|dumped| (key.clone(), dumped)));
        }
    }
    Ok(dump)
}

/// The answers to DUMP and PTTL of one key.
fn dumped(wire: &Wire, answers: &[Value]) -> Result<Option<Dumped>, KeyspaceError> {
    match answers {
        [Value::Nil, _] | [_, Value::Int(-2)] => Ok(None),
        [Value::BulkString(payload), Value::Int(ttl)] => Ok(Some(Dumped {
            payload: payload.clone(),
            ttl: u64::try_from(*ttl).ok(),
        })),
        [Value::ServerError(error), _] => Err(wire.refusal("DUMP", error)),
        [_, Value::ServerError(error)] => Err(wire.refusal("PTTL", error)),
        _ => Err(KeyspaceError::answer(wire.server(), "DUMP")),
    }
}
