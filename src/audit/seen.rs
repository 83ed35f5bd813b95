//! A look at a trail that changes nothing.

use std::io::{self, BufReader};

use serde_json::Value;

use super::chain::Followed;
use super::key::{self, Key};
use super::position::Position;
use super::{file, lines};
use crate::error::{AuditError, Error, Result};
use crate::roots::shown;
use crate::target::Target;

/// What a trail holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its file.
    pub file: String,
    /// Its end; none where there is no trail yet.
    pub position: Position,
    /// The time of its last line.
    pub last: Option<String>,
    /// Whether each line follows from the one before.
    pub chain: Chain,
    /// Whether the key by which it names users is there.
    pub key: KeyState,
}

/// Whether each line of a trail follows from the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chain {
    /// Each does. So many lines at the beginning are of an earlier version, which chained none.
    Intact {
        /// Lines at the beginning without a chain.
        unchained: u64,
    },
    /// One does not.
    Broken {
        /// The first that does not, from 1.
        line: u64,
    },
}

/// Whether the key of a trail is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// It is.
    Present,
    /// It is, and others than its owner may read it.
    OpenToOthers,
    /// It is not.
    Missing,
    /// It cannot be used, for this reason.
    Unusable(String),
}

/// Reads a trail to its end; none where the application keeps none.
///
/// Fails where it cannot be read.
pub fn look(target: &Target) -> Result<Option<Seen>> {
    let Some(path) = &target.audit else {
        return Ok(None);
    };
    let mut last = None;
    let followed = each_line(target, &mut |_, object| {
        last = object["time"].as_str().map(str::to_owned).or(last.take());
    })?;
    let key = key::beside(path);
    Ok(Some(Seen {
        file: shown(path),
        position: followed.position,
        last,
        chain: match followed.broken {
            Some(broken) => Chain::Broken { line: broken.line },
            None => Chain::Intact {
                unchained: followed.unchained,
            },
        },
        key: match Key::read(&key) {
            Ok(Some(_)) if key::is_open_to_others(&key) => KeyState::OpenToOthers,
            Ok(Some(_)) => KeyState::Present,
            Ok(None) => KeyState::Missing,
            Err(error) => KeyState::Unusable(error.to_string()),
        },
    }))
}

/// The end of a trail, for a copy of the data to remember; none where the application keeps none.
///
/// To be taken before the data is: what is erased in between is then replayed once too often, which
/// harms nobody.
pub fn position(target: &Target) -> Result<Option<Position>> {
    Ok(look(target)?.map(|seen| seen.position))
}

/// Hands every whole line to `work`, with the chain as far as that line. A torn tail is no line; a
/// line that is no object is an empty one.
pub(super) fn each_line(
    target: &Target,
    work: &mut dyn FnMut(&Followed, &Value),
) -> Result<Followed> {
    let mut followed = Followed::default();
    let Some(path) = &target.audit else {
        return Ok(followed);
    };
    let unreadable = |error| {
        let file = path.clone();
        Error::from(AuditError::Read { file, error })
    };
    let mut reader = match file::open_existing(path) {
        Ok(file) => BufReader::new(file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(followed),
        Err(error) => return Err(unreadable(error)),
    };
    while let Some(line) = lines::next(&mut reader).map_err(unreadable)? {
        if followed.position.lines == 0 && !file::is_first(line.text.as_deref(), line.whole) {
            let file = path.clone();
            return Err(Error::from(AuditError::NotATrail { file }));
        }
        if line.whole {
            let object = followed.follow(line).unwrap_or(Value::Null);
            work(&followed, &object);
        }
    }
    Ok(followed)
}
