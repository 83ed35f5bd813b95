//! Whom the lines of a trail name that were written after a copy of the data was taken, and who are
//! therefore back when the copy is.
//!
//! The last line that tells of a restore says from which position on, and where the lines end that
//! count: what later lines erased is erased already. So a replay that was interrupted goes on, and
//! one that is done finds nobody.

use std::collections::BTreeMap;

use serde_json::Value;

use super::RESTORE;
use super::chain::Followed;
use super::key::{Key, SCHEME, beside};
use super::position::{Position, Since};
use super::seen::each_line;
use crate::error::{AuditError, Error, Result};
use crate::plan::{Accounts, Extent};
use crate::target::Target;
use crate::user::Mark;

/// How a user was erased, as far as doing it again needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Way {
    /// How much of the data went.
    pub(crate) extent: Extent,
    /// Whether the account did.
    pub(crate) accounts: Accounts,
    /// Who was given the account's mentions, under the name of the trail.
    pub(crate) heir: Option<String>,
    /// The line that says so, the first one of them.
    pub(crate) line: u64,
}

/// Whom lines name.
#[derive(Debug, Default)]
pub(crate) struct Named {
    /// After which position.
    pub(crate) since: Option<Since>,
    /// The snapshot that was put back, if a line says so.
    pub(crate) snapshot: Option<String>,
    /// Who, under their names of the trail, and how.
    pub(crate) users: BTreeMap<String, Way>,
    /// Lines about users that cannot be told from others who got their keys.
    pub(crate) unclear: u64,
}

/// Reads whom lines after `since` name; after the position of the last restore, unless given.
///
/// Fails where there is no trail, no restore to go by, the trail does not hold the position, or the
/// chain is broken after it: then nothing can be told from the lines.
pub(crate) fn named(target: &Target, since: Option<&Since>) -> Result<Named> {
    if target.audit.is_none() {
        return Err(Error::from(AuditError::NoTrail));
    }
    let restore = match since {
        Some(since) => Restore {
            since: since.clone(),
            snapshot: None,
            line: u64::MAX,
        },
        None => last_restore(target)?,
    };
    let mut reading = Reading {
        found: restore.since.is_at(&Position::default()).then_some(0),
        named: Named {
            since: Some(restore.since.clone()),
            snapshot: restore.snapshot.clone(),
            ..Named::default()
        },
        restore,
        key: None,
    };
    let end = each_line(target, &mut |followed, line| reading.read(followed, line))?;
    reading.finish(target, &end)
}

/// A line that tells of a restore.
#[derive(Debug)]
struct Restore {
    since: Since,
    snapshot: Option<String>,
    /// Which one it is.
    line: u64,
}

fn last_restore(target: &Target) -> Result<Restore> {
    let mut last = None;
    each_line(target, &mut |followed, line| {
        if line["operation"] == RESTORE && line["snapshot"].is_string() {
            last = Some((followed.position.lines, line.clone()));
        }
    })?;
    let (at, line) = last.ok_or(AuditError::NoRestore)?;
    let snapshot = line["snapshot"].as_str().map(str::to_owned);
    let position = serde_json::from_value::<Position>(line["position"].clone());
    let position = position.map_err(|_| AuditError::NoPosition {
        snapshot: snapshot.clone().unwrap_or_default(),
    })?;
    Ok(Restore {
        since: position.into(),
        snapshot,
        line: at,
    })
}

struct Reading {
    restore: Restore,
    named: Named,
    /// The line at which the position was come to.
    found: Option<u64>,
    /// Under which key the lines that count name users, and another one if there are two.
    key: Option<(String, Option<String>)>,
}

impl Reading {
    fn read(&mut self, followed: &Followed, line: &Value) {
        let at = followed.position.lines;
        if self.found.is_none() {
            let here = self.restore.since.is_at(&followed.position);
            self.found = here.then_some(at);
            return;
        }
        let Some(user) = line["user"].as_str() else {
            return;
        };
        let clear = user.starts_with(SCHEME) && line["by"] != Mark::None.name();
        if at > self.restore.line {
            self.was_erased_again(user, &way(line, at));
        } else if clear {
            self.note_key(line["key"].as_str().unwrap_or_default());
            let way = way(line, at);
            let known = self.named.users.entry(user.to_owned());
            known.and_modify(|known| known.add(&way)).or_insert(way);
        } else {
            self.named.unclear += 1;
        }
    }

    fn was_erased_again(&mut self, user: &str, way: &Way) {
        if self
            .named
            .users
            .get(user)
            .is_some_and(|known| way.covers(known))
        {
            self.named.users.remove(user);
        }
    }

    fn note_key(&mut self, key: &str) {
        match &mut self.key {
            None => self.key = Some((key.to_owned(), None)),
            Some((one, other)) if one != key => *other = Some(key.to_owned()),
            Some(_) => {}
        }
    }

    fn finish(self, target: &Target, end: &Followed) -> Result<Named> {
        let Some(from) = self.found else {
            return Err(Error::from(AuditError::NoSuchPosition {
                since: self.restore.since.to_string(),
                lines: end.position.lines,
            }));
        };
        if let Some(broken) = end.last_broken.filter(|broken| broken.line > from) {
            let line = broken.line;
            return Err(Error::from(AuditError::Broken { line }));
        }
        if !self.named.users.is_empty() {
            let id = key(target)?.id();
            if self.key != Some((id, None)) {
                let file = target.audit.as_deref().map(beside).unwrap_or_default();
                return Err(Error::from(AuditError::OtherKey { file }));
            }
        }
        Ok(self.named)
    }
}

/// The key of an application's trail.
///
/// Fails where it is not there.
pub(crate) fn key(target: &Target) -> Result<Key> {
    let file = target.audit.as_deref().map(beside).unwrap_or_default();
    let key = Key::read(&file)?;
    key.ok_or_else(|| Error::from(AuditError::KeyMissing { file }))
}

fn way(line: &Value, at: u64) -> Way {
    Way {
        extent: if line["extent"] == "sessions" {
            Extent::Sessions
        } else {
            Extent::Everything
        },
        accounts: if line["accounts"] == "deleted" {
            Accounts::Delete
        } else {
            Accounts::Keep
        },
        heir: line["heir"].as_str().map(str::to_owned),
        line: at,
    }
}

impl Way {
    /// Whether a user erased in this way is erased in the other as well.
    fn covers(&self, other: &Self) -> bool {
        let everything = self.extent == Extent::Everything || other.extent == Extent::Sessions;
        let account = self.accounts == Accounts::Delete || other.accounts == Accounts::Keep;
        everything && account
    }

    /// The user was erased in the other way as well, later.
    fn add(&mut self, later: &Self) {
        if later.extent == Extent::Everything {
            self.extent = Extent::Everything;
        }
        if later.accounts == Accounts::Delete {
            self.accounts = Accounts::Delete;
            self.heir.clone_from(&later.heir);
            self.line = later.line;
        }
    }
}
