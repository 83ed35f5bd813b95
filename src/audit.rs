//! The audit trail: one JSON line per user and per run, in `<root>/.reset-app/audit.jsonl` unless
//! another file is named.
//!
//! Written from the outbox, so that a crash neither loses nor doubles a line: a line whose id the
//! trail already holds is not written again, and a line that a crash cut off is trimmed first.
//!
//! Each line carries the hash of the one before, so that a line which was changed, removed or put
//! in between is noticed; what was cut off the end is noticed by whoever has noted a [`Position`].
//! A broken chain is said and gone on with: nobody's data stays because somebody wrote into a file.
//!
//! No names and no addresses: a user is a keyed hash.

mod chain;
mod file;
mod key;
mod lines;
mod named;
mod position;
mod seen;
mod trail;

use jiff::Timestamp;

use chain::Break;
pub(crate) use key::Key;
pub(crate) use named::{Named, Way, key as key_of, named};
pub use position::{Position, Since};
pub use seen::{Chain, KeyState, Seen, look, position};
pub(crate) use trail::Trail;

/// The operation whose line says that the data was put back.
pub(crate) const RESTORE: &str = "snapshot restore";

/// The time, as the trail gives it (RFC 3339, UTC, seconds).
pub(crate) fn now() -> String {
    Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests;
