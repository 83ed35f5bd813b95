//! What each reference means, from what its names, its declaration and its surroundings say. Pure but
//! for what was counted before.

use std::collections::BTreeSet;

use super::candidate::{Candidate, Kind};
use super::candidates::Search;
use super::content::Look;
use super::names::Names;
use super::words::{Role, names_doer, singulars};
use crate::manifest::{Meaning, UserRows};
use crate::schema::Schema;

/// What is known while references are decided.
#[derive(Debug)]
pub(super) struct Decider<'a> {
    pub(super) schema: &'a Schema,
    pub(super) names: &'a Names,
    pub(super) users: usize,
    pub(super) user_key: String,
    user_rows: UserRows,
    /// Users, and tables of which each row is one user: an actor, a profile.
    pub(super) persons: BTreeSet<usize>,
    /// Tables whose rows belong to users.
    pub(super) owned: BTreeSet<usize>,
    /// Those of them whose rows are parts of the rows that name them.
    pub(super) kept: BTreeSet<usize>,
}

/// A decision and its reason; none where there is nothing to go by.
pub(super) type Verdict = Option<Decided>;

/// A meaning and its reason.
pub(super) type Decided = (Meaning, String);

impl<'a> Decider<'a> {
    pub(super) fn new(search: &Search<'a>, candidates: &[Candidate]) -> Self {
        let users = search.users;
        let mut decider = Self {
            schema: search.schema,
            names: search.names,
            users,
            user_key: search.user_key.to_owned(),
            user_rows: search.user_rows,
            persons: BTreeSet::from([users]),
            owned: BTreeSet::from([users]),
            kept: BTreeSet::new(),
        };
        while let Some(person) = candidates
            .iter()
            .find(|c| decider.stands_for_person(c, candidates))
        {
            decider.persons.insert(person.table);
        }
        decider
    }

    /// Whether a reference names a person. Where a user has many rows, only the users' key names one;
    /// the key of a row names that row.
    pub(super) fn names_person(&self, candidate: &Candidate) -> bool {
        let by_row = self.user_rows == UserRows::Many
            && candidate.parent == self.users
            && candidate.parent_columns != [self.user_key.clone()];
        self.persons.contains(&candidate.parent) && !by_row
    }

    /// Each row of its table is one person, and other tables name the person by it.
    fn stands_for_person(&self, candidate: &Candidate, all: &[Candidate]) -> bool {
        let table = &self.schema.tables[candidate.table];
        let one_each = table.is_key(&candidate.columns);
        let of_person =
            self.persons.contains(&candidate.parent) && !self.persons.contains(&candidate.table);
        let named = all.iter().any(|c| {
            c.parent == candidate.table && c.table != candidate.table && c.kind == Kind::Plain
        });
        let plain = candidate.kind == Kind::Plain && candidate.form.is_plain();
        let one_of_several = all.iter().any(|c| self.is_one_of_several(c, candidate));
        of_person
            && one_each
            && plain
            && named
            && !one_of_several
            && self.role_of(candidate) == Role::Owner
    }

    /// `email_addresses.user_id` beside `email_addresses.email`, which is some user's: one person may have
    /// several such rows.
    fn is_one_of_several(&self, whose: &Candidate, candidate: &Candidate) -> bool {
        whose.table == candidate.table
            && self.persons.contains(&whose.parent)
            && self.names_by_key(whose)
            && !self.names_by_key(candidate)
            && !self.schema.tables[whose.table].is_key(&whose.columns)
            && self.role_of(whose) == Role::Owner
    }

    /// References by a name, or inside JSON, in rows of which a key says whose they are: what looks
    /// like the same user's name may be any name.
    pub(super) fn redundant(&self, all: &[Candidate]) -> BTreeSet<usize> {
        let by_key = |c: &Candidate| {
            self.names_person(c)
                && self.names_by_key(c)
                && c.form.is_plain()
                && self.role_of(c) == Role::Owner
        };
        let says_whose: BTreeSet<usize> =
            all.iter().filter(|c| by_key(c)).map(|c| c.table).collect();
        let is_redundant = |c: &Candidate| {
            let loose = !self.names_by_key(c) || !c.form.fills_column();
            let same = matches!(self.role_of(c), Role::Owner | Role::Unknown);
            c.on_delete.is_none()
                && c.kind != Kind::List
                && self.names_person(c)
                && loose
                && same
                && says_whose.contains(&c.table)
        };
        let numbered = all.iter().enumerate();
        numbered
            .filter(|(_, c)| is_redundant(c))
            .map(|(at, _)| at)
            .collect()
    }

    /// Decides the references to persons, by names and declarations.
    pub(super) fn decide_persons(&mut self, candidates: &mut [Candidate]) {
        let verdicts: Vec<Verdict> = (0..candidates.len())
            .map(|at| self.of_person(candidates, at))
            .collect();
        self.note(candidates, verdicts);
    }

    /// Decides the references to rows that belong to users, until nothing more is owned.
    pub(super) fn decide_content(&mut self, candidates: &mut [Candidate]) {
        for look in [Look::AtIt, Look::AtOthersToo] {
            loop {
                let open = |c: &Candidate| {
                    c.decided.is_none() && self.owned.contains(&c.parent) && c.table != self.users
                };
                let verdicts = (0..candidates.len()).map(|at| {
                    let candidate = &candidates[at];
                    let possible = open(candidate) && !self.names_person(candidate);
                    possible
                        .then(|| self.of_content(candidates, at, look))
                        .flatten()
                });
                let verdicts: Vec<Verdict> = verdicts.collect();
                if !self.note(candidates, verdicts) {
                    break;
                }
            }
        }
    }

    /// Takes verdicts down. Whether there was one.
    fn note(&mut self, candidates: &mut [Candidate], verdicts: Vec<Verdict>) -> bool {
        let mut any = false;
        for (candidate, verdict) in candidates.iter_mut().zip(verdicts) {
            let Some(verdict) = verdict else { continue };
            any = true;
            if matches!(verdict.0, Meaning::Owner | Meaning::Dependent) {
                self.owned.insert(candidate.table);
            }
            candidate.decided = Some(verdict);
        }
        any
    }

    /// The role of a person, also where the column is named for the table that it names.
    pub(super) fn role_of(&self, candidate: &Candidate) -> Role {
        match candidate.role() {
            Role::Unknown => {
                let nouns = self.names.nouns(candidate.parent);
                let named_for =
                    !candidate.stem.is_empty() && nouns.ends_with(&singulars(&candidate.stem));
                let doer = || names_doer(&candidate.stem, self.names.nouns(candidate.table));
                let called_alike =
                    candidate.parent == self.users && candidate.columns == candidate.parent_columns;
                if named_for || called_alike {
                    Role::Owner
                } else {
                    doer().unwrap_or(Role::Unknown)
                }
            }
            role => role,
        }
    }
}

pub(super) fn owner(reason: impl Into<String>) -> Decided {
    (Meaning::Owner, reason.into())
}

pub(super) fn mention(reason: impl Into<String>) -> Decided {
    (Meaning::Mention, reason.into())
}
