//! Whether a key is meant, as far as its name and its user tell.

use std::collections::HashSet;

use super::Scope;
use crate::manifest::keys::{KeyRule, Match};
use crate::user::UserKey;

/// A scope, made ready to be asked for every key.
pub(super) enum Wanted {
    Everyone(HashSet<Vec<u8>>),
    Users(HashSet<Vec<u8>>),
    Application,
}

/// What a rule says of a key by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ByName {
    /// Another rule may fit.
    DoesNotFit,
    /// The rule fits, and the key is meant.
    Meant,
    /// The rule fits, and the key is not meant.
    NotMeant,
    /// The rule fits if the value is of its type; then the key is meant or not.
    AskTheType {
        /// Whether it is meant, then.
        is_meant: bool,
    },
    /// The rule fits if the value holds a user, who decides whether the key is meant.
    AskTheUser,
}

impl Wanted {
    pub(super) fn new(scope: &Scope) -> Self {
        match scope {
            Scope::Everyone(known) => Self::Everyone(bytes_of(known)),
            Scope::Users(users) => Self::Users(bytes_of(users)),
            Scope::Application => Self::Application,
        }
    }

    /// Whether keys of this rule can be meant at all.
    pub(super) fn concerns(&self, rule: &KeyRule) -> bool {
        match self {
            Self::Application => true,
            Self::Everyone(_) => rule.is_of_users() || rule.is_of_everyone(),
            Self::Users(users) => rule.is_of_users() && !users.is_empty(),
        }
    }

    pub(super) fn by_name(&self, rule: &KeyRule, key: &[u8]) -> ByName {
        let named = |users: &HashSet<Vec<u8>>| rule.names_user(key, |user| users.contains(user));
        let is_meant = match (self, rule.matches(key)) {
            (Self::Everyone(users) | Self::Users(users), _) if named(users) => true,
            (_, None) => return ByName::DoesNotFit,
            (_, Some(_)) if rule.field().is_some() => return ByName::AskTheUser,
            (Self::Application, Some(_)) => true,
            (Self::Everyone(_), Some(Match { user })) => user.is_some() || rule.is_of_everyone(),
            (Self::Users(_), Some(_)) => false,
        };
        match rule.value_type() {
            Some(_) => ByName::AskTheType { is_meant },
            None if is_meant => ByName::Meant,
            None => ByName::NotMeant,
        }
    }

    /// Whether a key whose value holds a user is meant, whoever that is.
    pub(super) fn means_whomever(&self) -> bool {
        !matches!(self, Self::Users(_))
    }

    /// Whether a key whose value holds `user` is meant.
    pub(super) fn means(&self, user: &[u8]) -> bool {
        match self {
            Self::Users(users) => users.contains(user),
            Self::Everyone(_) | Self::Application => true,
        }
    }
}

fn bytes_of(users: &[UserKey]) -> HashSet<Vec<u8>> {
    users.iter().map(|user| user.bytes().into_owned()).collect()
}
