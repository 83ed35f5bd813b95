//! The chain: each line carries the hash of the one before, as `previous`.
//!
//! Lines of earlier versions carry none. They may stand before the first that does, never after.

use serde_json::Value;

use super::lines::Line;
use super::position::Position;

/// Where a chain is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Break {
    /// The first line that does not carry the hash of the one before, from 1.
    pub(crate) line: u64,
}

/// A chain, followed so far.
#[derive(Debug, Default)]
pub(super) struct Followed {
    /// The end of what was followed.
    pub(super) position: Position,
    /// Lines of earlier versions, which are in no chain.
    pub(super) unchained: u64,
    /// The first break.
    pub(super) broken: Option<Break>,
    /// The last one.
    pub(super) last_broken: Option<Break>,
}

impl Followed {
    /// Follows one whole line. Its object, if it holds one.
    pub(super) fn follow(&mut self, line: Line) -> Option<Value> {
        let object = line
            .text
            .and_then(|text| serde_json::from_slice(&text).ok())
            .filter(Value::is_object);
        let previous = object.as_ref().and_then(|object| object.get("previous"));
        let earlier = object.is_some() && previous.is_none();
        self.position.lines += 1;
        if earlier && self.unchained + 1 == self.position.lines {
            self.unchained += 1;
        } else if previous.and_then(Value::as_str) != Some(&self.position.hash) {
            let broken = Break {
                line: self.position.lines,
            };
            self.broken.get_or_insert(broken);
            self.last_broken = Some(broken);
        }
        self.position.hash = line.hash;
        object
    }

    /// The text of a line that follows, with its newline; it is followed then.
    pub(super) fn add(&mut self, mut object: Value) -> Vec<u8> {
        object["previous"] = Value::String(self.position.hash.clone());
        let time = object
            .as_object_mut()
            .and_then(|object| object.remove("time"));
        let rest = object.to_string();
        // The time first, as a person reads it, and as `file` knows a trail by.
        let text = format!(
            "{}{},{}\n",
            super::file::BEGINNING,
            time.unwrap_or_default(),
            &rest[1..]
        );
        self.position = Position {
            lines: self.position.lines + 1,
            hash: super::key::sha256(text.as_bytes()),
        };
        text.into_bytes()
    }
}
