//! The application's Redis keys in a snapshot, where they are asked for.

use std::fs;
use std::path::Path;

use super::error::SnapshotError;
use super::meta::{self, About, AboutKeys, KEYS, damaged};
use crate::drain::REDIS_DEADLINE;
use crate::error::Result;
use crate::keyspace::{self, Deadline, Dump, Dumped, KeyDifference, Server};
use crate::manifest::keys::is_claimed;
use crate::outbox::Erased;
use crate::redis;
use crate::survey::Kept;
use crate::target::Target;

/// The keys as they are now, as the text of a file, and what is known of it.
///
/// Fails where there is no Redis, or it does not answer in time.
pub(super) fn save(target: &Target) -> Result<(Vec<u8>, AboutKeys)> {
    let rules = &target.manifest.redis.keys;
    let dump = keyspace::dump(server(target)?, rules, Deadline::after(REDIS_DEADLINE));
    let dump = dump.map_err(SnapshotError::keys)?;
    let bytes = written(&dump);
    let about = AboutKeys {
        count: dump.len() as u64,
        sha256: meta::digest(&bytes),
    };
    Ok((bytes, about))
}

/// The keys of the snapshot at `path`.
///
/// Fails where it holds none, or not what was saved, or there is no Redis to put them back to.
pub(super) fn read(target: &Target, path: &Path, about: &About) -> Result<Dump> {
    server(target)?;
    let name = &about.name;
    let Some(known) = &about.keys else {
        return Err(SnapshotError::NoKeys { name: name.clone() }.into());
    };
    let broken = || damaged(name, format!("`{KEYS}` is not as it was saved"));
    let bytes = fs::read(path.join(KEYS)).map_err(|_| broken())?;
    if meta::digest(&bytes) != known.sha256 {
        return Err(broken().into());
    }
    Ok(parsed(&bytes).ok_or_else(broken)?)
}

/// Puts them back: how they differed, or why they could not be.
pub(super) fn put_back(
    target: &Target,
    saved: Dump,
    proof: &Erased,
) -> std::result::Result<KeyDifference, Kept> {
    let rules = &target.manifest.redis.keys;
    let deadline = Deadline::after(REDIS_DEADLINE);
    let done = server(target).map_err(|error| error.to_string());
    let done = done.and_then(|server| {
        let done = redis::put_back(server, rules, saved, deadline, proof);
        done.map_err(|error| error.to_string())
    });
    done.map_err(unreachable)
}

/// How those that are there now differ from those that were saved, of the application's; or why that
/// cannot be told. Changes nothing.
pub(super) fn compare(target: &Target, saved: &Dump) -> std::result::Result<KeyDifference, Kept> {
    let rules = &target.manifest.redis.keys;
    let deadline = Deadline::after(REDIS_DEADLINE);
    let now = server(target).map_err(|error| error.to_string());
    let now = now.and_then(|server| {
        let now = keyspace::dump(server, rules, deadline);
        now.map_err(|error| error.to_string())
    });
    let now = now.map_err(unreachable)?;
    let saved = saved.iter().filter(|(key, _)| is_claimed(rules, key));
    Ok(KeyDifference::between(&now, saved))
}

fn unreachable(reason: String) -> Kept {
    let path = "Redis".into();
    Kept { path, reason }
}

fn server(target: &Target) -> Result<&Server, SnapshotError> {
    target
        .redis
        .as_ref()
        .map_err(|reason| SnapshotError::NoRedis {
            reason: reason.to_string(),
        })
}

/// Of each key its length, itself, its time to live (or -1), the length of its value, and that.
fn written(dump: &Dump) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (key, Dumped { payload, ttl }) in dump {
        let ttl = ttl.and_then(|ttl| i64::try_from(ttl).ok()).unwrap_or(-1);
        bytes.extend((key.len() as u64).to_le_bytes());
        bytes.extend(key);
        bytes.extend(ttl.to_le_bytes());
        bytes.extend((payload.len() as u64).to_le_bytes());
        bytes.extend(payload);
    }
    bytes
}

fn parsed(mut bytes: &[u8]) -> Option<Dump> {
    let mut dump = Dump::new();
    while !bytes.is_empty() {
        let key = taken(&mut bytes)?;
        let ttl = i64::from_le_bytes(bytes.split_off(..8)?.try_into().ok()?);
        let payload = taken(&mut bytes)?;
        let ttl = u64::try_from(ttl).ok();
        dump.insert(key, Dumped { payload, ttl });
    }
    Some(dump)
}

fn taken(bytes: &mut &[u8]) -> Option<Vec<u8>> {
    let length = u64::from_le_bytes(bytes.split_off(..8)?.try_into().ok()?);
    Some(bytes.split_off(..usize::try_from(length).ok()?)?.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_key_holds_is_read_as_it_was_written() {
        let dumped = |ttl| Dumped {
            payload: vec![0, 1, 255],
            ttl,
        };
        let dump = Dump::from([
            (b"a\0\xff".to_vec(), dumped(None)),
            (Vec::new(), dumped(Some(7))),
        ]);
        let bytes = written(&dump);
        assert_eq!(parsed(&bytes).unwrap(), dump);
        assert_eq!(parsed(&[]), Some(Dump::new()));
        for torn in 1..bytes.len() {
            let parsed = parsed(&bytes[..torn]);
            assert!(parsed.is_none_or(|parsed| parsed.len() < 2), "{torn}");
        }
    }
}
