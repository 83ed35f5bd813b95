//! Reading what the application's keys hold, bounded, for whoever searches it.

use std::sync::{Arc, Mutex};

use ::redis::Value;

use super::plan::Claimed;
use super::wire::Request;
use super::{Deadline, KeyspaceError, Plan, Scope, Server, Tally, Walk, Wire, within};
use crate::manifest::keys::KeyRule;
use crate::user::UserKey;

/// Of a string so many bytes are read.
const MOST_BYTES: i64 = 1 << 20;

/// Of anything else so many elements.
const MOST_ELEMENTS: i64 = 10_000;

/// A key of the application.
#[derive(Debug)]
pub(crate) struct KeyRead {
    pub(crate) key: Vec<u8>,
    /// A rule says that it belongs to one of the users asked for.
    pub(crate) claimed: bool,
    /// What it holds, piece by piece.
    pub(crate) pieces: Vec<Vec<u8>>,
    /// It holds more than was read.
    pub(crate) cut: bool,
}

/// Reads every key of the application and keeps what `wanted` makes of it. Changes nothing.
///
/// The number of keys read, and what was kept.
///
/// # Errors
///
/// Whatever keeps the reading from being complete by `deadline`.
pub(crate) fn read<T: Send + 'static>(
    server: &Server,
    rules: &[KeyRule],
    users: &[UserKey],
    deadline: Deadline,
    wanted: impl Fn(&KeyRead) -> Option<T> + Send + 'static,
) -> Result<(u64, Vec<T>), KeyspaceError> {
    let kept = Arc::new(Mutex::new((0, Vec::new())));
    let plan = Plan::new(rules, &Scope::Application);
    if !plan.is_empty() {
        let (target, theirs) = (
            server.clone(),
            Plan::new(rules, &Scope::Users(users.to_vec())),
        );
        let (tally, kept) = (Arc::new(Tally::new(rules.len())), Arc::clone(&kept));
        within(server, deadline, move || {
            let mut walk = Walk::start(Wire::open(&target, deadline)?, plan, tally);
            while let Some(page) = walk.next_page()? {
                let found = read_page(walk.wire(), page, &theirs)?;
                let count = found.len() as u64;
                let found: Vec<T> = found.iter().filter_map(&wanted).collect();
                if let Ok(mut kept) = kept.lock() {
                    kept.0 += count;
                    kept.1.extend(found);
                }
            }
            Ok(())
        })?;
    }
    let mut kept = kept.lock().map_err(|_| KeyspaceError::broken(server))?;
    Ok((kept.0, std::mem::take(&mut kept.1)))
}

fn read_page(
    wire: &mut Wire,
    page: Vec<Claimed>,
    theirs: &Plan,
) -> Result<Vec<KeyRead>, KeyspaceError> {
    let keys: Vec<Vec<u8>> = page.into_iter().map(|claimed| claimed.key).collect();
    let claimed = theirs.claimed(wire, keys.clone())?;
    let claimed: std::collections::HashSet<Vec<u8>> =
        claimed.into_iter().map(|claimed| claimed.key).collect();
    let types: Vec<Request> = keys
        .iter()
        .map(|key| Request::new("TYPE").arg(key))
        .collect();
    let types = wire.ask_all(&types)?;
    let mut read = Vec::with_capacity(keys.len());
    for (key, kind) in keys.into_iter().zip(types) {
        let Value::SimpleString(kind) = kind else {
            return Err(KeyspaceError::answer(wire.server(), "TYPE"));
        };
        let (pieces, cut) = value(wire, &key, &kind)?;
        read.push(KeyRead {
            claimed: claimed.contains(&key),
            key,
            pieces,
            cut,
        });
    }
    Ok(read)
}

fn value(wire: &mut Wire, key: &[u8], kind: &str) -> Result<(Vec<Vec<u8>>, bool), KeyspaceError> {
    let (length, request) = match kind {
        "string" => (
            "STRLEN",
            Request::new("GETRANGE").arg(key).arg(0).arg(MOST_BYTES),
        ),
        "hash" => (
            "HLEN",
            Request::new("HSCAN")
                .arg(key)
                .arg(0)
                .arg("COUNT")
                .arg(MOST_ELEMENTS),
        ),
        "list" => (
            "LLEN",
            Request::new("LRANGE").arg(key).arg(0).arg(MOST_ELEMENTS),
        ),
        "set" => (
            "SCARD",
            Request::new("SSCAN")
                .arg(key)
                .arg(0)
                .arg("COUNT")
                .arg(MOST_ELEMENTS),
        ),
        "zset" => (
            "ZCARD",
            Request::new("ZRANGE").arg(key).arg(0).arg(MOST_ELEMENTS),
        ),
        "stream" => (
            "XLEN",
            Request::new("XRANGE")
                .arg(key)
                .arg("-")
                .arg("+")
                .arg("COUNT")
                .arg(MOST_ELEMENTS),
        ),
        // It went meanwhile, or is of a module.
        other => return Ok((Vec::new(), other != "none")),
    };
    let most = if kind == "string" {
        MOST_BYTES
    } else {
        MOST_ELEMENTS
    };
    let answers = wire.ask_all(&[Request::new(length).arg(key), request])?;
    let cut = matches!(answers.first(), Some(Value::Int(length)) if *length > most);
    let mut pieces = Vec::new();
    for answer in answers.into_iter().skip(1) {
        flatten(answer, &mut pieces);
    }
    Ok((pieces, cut))
}

/// Every piece of an answer, however it is nested; the parser has bounded that.
fn flatten(answer: Value, pieces: &mut Vec<Vec<u8>>) {
    let mut open = vec![answer];
    while let Some(value) = open.pop() {
        match value {
            Value::BulkString(bytes) => pieces.push(bytes),
            Value::SimpleString(text) => pieces.push(text.into_bytes()),
            Value::Array(values) | Value::Set(values) => open.extend(values),
            Value::Map(pairs) => open.extend(pairs.into_iter().flat_map(|(k, v)| [k, v])),
            _ => {}
        }
    }
}
