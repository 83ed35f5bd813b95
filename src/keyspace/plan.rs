//! Which rule claims which key: by its name, and where the rule demands it by its value.

use super::claim::{ByName, Wanted};
use super::glob::glob_of;
use super::probe::{self, Question, Verdict};
use super::{KeyspaceError, Scope, Wire};
use crate::manifest::keys::KeyRule;

/// What is looked for.
pub(crate) struct Plan {
    rules: Vec<KeyRule>,
    wanted: Wanted,
}

/// A key that is meant, and the rule that claims it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Claimed {
    pub(crate) rule: usize,
    pub(crate) key: Vec<u8>,
}

/// A key of which it is open who claims it: the rules before `next` do not.
struct Open {
    key: Vec<u8>,
    next: usize,
}

/// What is known of a key before its value is read.
enum Known {
    /// No rule claims it, or none that matters.
    NotMeant,
    /// This rule claims it, or one that is told apart by nobody.
    Meant(usize),
    /// It is up to the value.
    Open(usize, ByName),
}

/// A key that `rule` fits by name, and whose value decides.
struct Asked {
    key: Vec<u8>,
    rule: usize,
    by_name: ByName,
}

impl Plan {
    pub(crate) fn new(rules: &[KeyRule], scope: &Scope) -> Self {
        Self {
            rules: rules.to_vec(),
            wanted: Wanted::new(scope),
        }
    }

    /// Whether no key can be meant.
    pub(crate) fn is_empty(&self) -> bool {
        self.concerned().next().is_none()
    }

    /// The glob that every key fits that can be meant.
    pub(super) fn pattern(&self) -> Vec<u8> {
        let prefixes: Vec<&[u8]> = self.concerned().map(KeyRule::prefix).collect();
        glob_of(&prefixes)
    }

    fn concerned(&self) -> impl Iterator<Item = &KeyRule> {
        self.rules.iter().filter(|rule| self.wanted.concerns(rule))
    }

    /// Those of `keys` that are meant. A round decides what names decide, then asks the values of the
    /// keys that are left; what does not fit there goes on to the rules that follow.
    pub(super) fn claimed(
        &self,
        wire: &mut Wire,
        keys: Vec<Vec<u8>>,
    ) -> Result<Vec<Claimed>, KeyspaceError> {
        let mut claimed = Vec::new();
        let mut open: Vec<Open> = keys.into_iter().map(|key| Open { key, next: 0 }).collect();
        while !open.is_empty() {
            let asked = self.by_name(open, &mut claimed);
            open = self.by_value(wire, asked, &mut claimed)?;
        }
        Ok(claimed)
    }

    fn by_name(&self, open: Vec<Open>, claimed: &mut Vec<Claimed>) -> Vec<Asked> {
        let mut asked = Vec::new();
        for Open { key, next } in open {
            match self.known(&key, next) {
                Known::NotMeant => {}
                Known::Meant(rule) => claimed.push(Claimed { rule, key }),
                Known::Open(rule, by_name) => asked.push(Asked { key, rule, by_name }),
            }
        }
        asked
    }

    /// A value is read only where it makes a difference: not where the rules that follow say the same
    /// of a key whose value does not fit this one.
    fn known(&self, key: &[u8], next: usize) -> Known {
        let (rule, by_name) = match self.first_that_fits(key, next) {
            None | Some((_, ByName::NotMeant)) => return Known::NotMeant,
            Some((rule, ByName::Meant)) => return Known::Meant(rule),
            Some(fits) => fits,
        };
        let is_meant = match by_name {
            ByName::AskTheType { is_meant } => is_meant,
            _ if self.wanted.means_whomever() => true,
            _ => return Known::Open(rule, by_name),
        };
        match self.known(key, rule + 1) {
            Known::NotMeant if !is_meant => Known::NotMeant,
            Known::Meant(other) if is_meant && self.rules[rule].counts_as(&self.rules[other]) => {
                Known::Meant(rule)
            }
            _ => Known::Open(rule, by_name),
        }
    }

    fn first_that_fits(&self, key: &[u8], next: usize) -> Option<(usize, ByName)> {
        let rules = self.rules.iter().enumerate().skip(next);
        let mut judged = rules.map(|(rule, it)| (rule, self.wanted.by_name(it, key)));
        judged.find(|(_, by_name)| *by_name != ByName::DoesNotFit)
    }

    fn by_value(
        &self,
        wire: &mut Wire,
        asked: Vec<Asked>,
        claimed: &mut Vec<Claimed>,
    ) -> Result<Vec<Open>, KeyspaceError> {
        let questions = asked.iter().map(|it| Question {
            rule: &self.rules[it.rule],
            key: &it.key,
        });
        let verdicts = probe::ask(wire, &questions.collect::<Vec<_>>())?;
        let mut open = Vec::new();
        for (Asked { key, rule, by_name }, verdict) in asked.into_iter().zip(verdicts) {
            match verdict {
                Verdict::DoesNotFit => open.push(Open {
                    key,
                    next: rule + 1,
                }),
                verdict if self.is_meant(by_name, &verdict) => claimed.push(Claimed { rule, key }),
                _ => {}
            }
        }
        Ok(open)
    }

    fn is_meant(&self, by_name: ByName, verdict: &Verdict) -> bool {
        match verdict {
            Verdict::BelongsTo(user) => self.wanted.means(user),
            _ => by_name == ByName::AskTheType { is_meant: true },
        }
    }
}
