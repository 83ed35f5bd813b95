//! What each reference means, from what its names, its declaration and its surroundings say. Pure but
//! for what was counted before.

use std::collections::BTreeSet;

use super::candidates::{Candidate, Kind, Optional, Search};
use super::names::Names;
use super::words::{Role, book_word, role, singulars};
use crate::manifest::{Meaning, UserRows};
use crate::schema::{Action, Schema};

/// Tables that users share once there are several, by the last word of their name.
const CONTAINERS: &[&str] = &[
    "category",
    "group",
    "team",
    "organization",
    "organisation",
    "org",
    "workspace",
    "space",
    "board",
    "channel",
    "room",
    "forum",
    "section",
    "project",
    "tenant",
    "company",
    "department",
    "course",
    "class",
    "tag",
    "label",
    "role",
    "type",
    "status",
    "site",
    "store",
    "shop",
    "community",
    "server",
    "guild",
    "club",
    "household",
];

/// Tables that say who takes part in what users share.
const MEMBERS: &[&str] = &[
    "member",
    "membership",
    "participant",
    "participation",
    "collaborator",
    "user",
    "invitee",
];

/// What is known while references are decided.
#[derive(Debug)]
pub(super) struct Decider<'a> {
    pub(super) schema: &'a Schema,
    pub(super) names: &'a Names,
    pub(super) users: usize,
    user_key: String,
    user_rows: UserRows,
    /// Users, and tables of which each row is one user: an actor, a profile.
    pub(super) persons: BTreeSet<usize>,
    /// Tables whose rows belong to users.
    pub(super) owned: BTreeSet<usize>,
    /// Those of them whose rows are parts of the rows that name them.
    pub(super) kept: BTreeSet<usize>,
}

type Verdict = Option<(Meaning, String)>;

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
        of_person && one_each && plain && named && self.role_of(candidate) == Role::Owner
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

    /// Decides everything that can be decided by names and declarations.
    pub(super) fn decide(&mut self, candidates: &mut [Candidate]) {
        let verdicts: Vec<Verdict> = (0..candidates.len())
            .map(|at| self.of_person(candidates, at))
            .collect();
        self.note(candidates, verdicts);
        self.decide_content(candidates);
    }

    /// Decides the references to rows that belong to users, until nothing more is owned.
    pub(super) fn decide_content(&mut self, candidates: &mut [Candidate]) {
        for certain in [true, false] {
            loop {
                let open = |c: &Candidate| {
                    c.decided.is_none() && self.owned.contains(&c.parent) && c.table != self.users
                };
                let verdicts = (0..candidates.len()).map(|at| {
                    let candidate = &candidates[at];
                    let possible = open(candidate) && !self.names_person(candidate);
                    possible
                        .then(|| self.of_content(candidates, at, certain))
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
            if verdict.0 == Meaning::Owner {
                self.owned.insert(candidate.table);
            }
            candidate.decided = Some(verdict);
        }
        any
    }

    /// The role of a person, also where the column is named for the table that it names.
    fn role_of(&self, candidate: &Candidate) -> Role {
        match candidate.role() {
            Role::Unknown => {
                let nouns = self.names.nouns(candidate.parent);
                let named_for =
                    !candidate.stem.is_empty() && nouns.ends_with(&singulars(&candidate.stem));
                if named_for {
                    Role::Owner
                } else {
                    Role::Unknown
                }
            }
            role => role,
        }
    }

    fn of_person(&self, all: &[Candidate], at: usize) -> Verdict {
        let candidate = &all[at];
        if !self.names_person(candidate) || candidate.table == self.users {
            return None;
        }
        let word = candidate.stem.join("_");
        if candidate.kind == Kind::List {
            return mention("several users share the row");
        }
        if self.persons.contains(&candidate.table)
            && candidate.table != candidate.parent
            && !self.is_key_to(candidate)
        {
            return mention("each row is a person, who belongs to nobody else");
        }
        let others = || {
            all.iter().enumerate().filter(|(other, c)| {
                *other != at
                    && c.table == candidate.table
                    && self.persons.contains(&c.parent)
                    && c.kind != Kind::List
            })
        };
        if candidate.form.json.is_some() {
            let alone = others().all(|(_, c)| c.form.json.is_some())
                && !self.has_other_parent(all, candidate);
            return match (alone, self.role_of(candidate)) {
                (true, Role::Owner) => {
                    owner("the row tells of this user, and names nobody else's row")
                }
                _ => mention("the row holds more than this user"),
            };
        }
        if candidate.on_delete == Some(Action::Cascade) {
            return owner("ON DELETE CASCADE: the database deletes the row with the account");
        }
        let by_key = |c: &Candidate| self.names_by_key(c) && self.role_of(c) == Role::Owner;
        if !self.names_by_key(candidate) && others().any(|(_, c)| by_key(c)) {
            return mention("another column says by its key whose the row is");
        }
        match self.role_of(candidate) {
            Role::Owner => self.of_owner(
                candidate,
                &word,
                others().any(|(_, c)| self.is_certain_owner(c)),
                all,
            ),
            Role::Creator => self.of_creator(candidate, &word, all),
            Role::Mentioned if self.is_the_act(candidate) && candidate.optional == Optional::No => {
                owner(format!(
                    "the row is what they did, as the table's name says: `{word}`"
                ))
            }
            Role::Mentioned => mention(format!(
                "`{word}` says what somebody did to the row, or is to do with it"
            )),
            Role::Recipient
                if others()
                    .any(|(_, c)| matches!(self.role_of(c), Role::Owner | Role::Creator)) =>
            {
                mention("the row is addressed to them, and somebody else's")
            }
            Role::Recipient => owner("the row is addressed to them, and names no sender"),
            Role::Unknown => self.of_unknown(candidate, others().count()),
        }
    }

    fn of_owner(
        &self,
        candidate: &Candidate,
        word: &str,
        other: bool,
        all: &[Candidate],
    ) -> Verdict {
        let sure = candidate.optional == Optional::No;
        if let Some(members) = self.members_of(candidate.table, all) {
            if !sure || candidate.on_delete.is_none() {
                return mention(format!(
                    "others take part in it (`{members}`), and it can do without `{word}`"
                ));
            }
            return Some((
                Meaning::Undecided,
                format!("others take part in it (`{members}`), but it cannot do without `{word}`"),
            ));
        }
        if !sure
            && self.is_container(candidate.table)
            && candidate.on_delete == Some(Action::SetNull)
        {
            return mention("ON DELETE SET NULL, and others use what stands in it");
        }
        match (sure, other) {
            (false, true) => mention("another column says whose the row is; this one may be empty"),
            (true, _) => owner(format!(
                "`{word}` says whose the row is, and every row has one"
            )),
            (false, false) => owner(format!("`{word}` says whose the row is")),
        }
    }

    fn of_creator(&self, candidate: &Candidate, word: &str, all: &[Candidate]) -> Verdict {
        if let Some(book) = self.book(candidate.table, all) {
            return mention(format!(
                "the application's own books (`{book}`), whoever made the row"
            ));
        }
        if let Some(members) = self.members_of(candidate.table, all) {
            return mention(format!("others take part in it (`{members}`)"));
        }
        if self.is_container(candidate.table) {
            return mention("others use what stands in it, whoever made it");
        }
        if let Some((part, whole)) = self.part_of(candidate.table, all) {
            return mention(format!(
                "rows of `{whole}`, which may be anybody's, are made of it (`{part}`)"
            ));
        }
        owner(format!("`{word}` made the row"))
    }

    fn of_unknown(&self, candidate: &Candidate, others: usize) -> Verdict {
        let named_by_name = candidate.on_delete.is_none();
        match (candidate.optional, others) {
            (_, 0) if named_by_name => owner("it is the only person the row names"),
            (Optional::No, 0) => {
                owner("it is the only person the row names, and every row has one")
            }
            (Optional::No, _) if candidate.on_delete.is_some() => Some((
                Meaning::Undecided,
                "its name does not say what the person has to do with the row".into(),
            )),
            _ => mention("in doubt: its name does not say what the person has to do with the row"),
        }
    }

    /// A reference to a row that belongs to a user. `certain`: only what needs no look at the others.
    fn of_content(&self, all: &[Candidate], at: usize, certain: bool) -> Verdict {
        let candidate = &all[at];
        let parent = &self.schema.tables[candidate.parent].name;
        let sure = candidate.optional == Optional::No;
        let is_mentioned = role(&candidate.stem) == Role::Mentioned && !candidate.is_of_itself();
        if candidate.on_delete == Some(Action::Cascade) {
            return owner(format!("ON DELETE CASCADE: the row hangs on `{parent}`"));
        }
        if candidate.kind == Kind::List {
            return mention("the row is not of one of them alone");
        }
        if candidate.is_of_itself() {
            return mention("a row of the same table, which stands without it");
        }
        if self.persons.contains(&candidate.table) {
            return mention("the row is a person, who stands without it");
        }
        if is_mentioned || self.hangs_on(all, candidate.parent, candidate.table) {
            return mention(format!("the row only points at one of `{parent}`"));
        }
        if sure {
            return owner(format!("every row hangs on one of `{parent}`"));
        }
        if certain {
            return None;
        }
        if self.kept.contains(&candidate.parent) {
            return mention(format!(
                "the row names one of `{parent}`, which stays as long as it does"
            ));
        }
        let owners = || {
            all.iter()
                .filter(|c| c.table == candidate.table && c.is(Meaning::Owner))
        };
        match candidate.kind {
            Kind::Generic
                if owners()
                    .any(|c| c.optional == Optional::No && self.persons.contains(&c.parent)) =>
            {
                mention("the row is somebody's already, and only tells of it")
            }
            Kind::Generic => owner(format!("the row hangs on one of `{parent}`")),
            _ if owners().next().is_some() => {
                mention("the row is somebody's already, and may be without")
            }
            _ if self.is_leaf(all, candidate) => {
                owner(format!("the row is nobody's but that of one of `{parent}`"))
            }
            _ => mention("in doubt: the row may be without, and others name it"),
        }
    }

    /// `reviews.reviewer_id`: the table's own name is that of the act.
    fn is_the_act(&self, candidate: &Candidate) -> bool {
        let nouns = self.names.nouns(candidate.table);
        let root = |word: &String| word.chars().take(5).collect::<String>();
        candidate
            .stem
            .iter()
            .filter(|word| word.len() >= 5)
            .any(|word| nouns.iter().any(|noun| root(noun) == root(word)))
    }

    fn is_certain_owner(&self, candidate: &Candidate) -> bool {
        self.names_by_key(candidate)
            && candidate.optional == Optional::No
            && self.role_of(candidate) == Role::Owner
            && candidate.form.json.is_none()
    }

    /// It names a person by a key, which is surer than a name.
    fn names_by_key(&self, candidate: &Candidate) -> bool {
        candidate.parent != self.users || candidate.parent_columns == [self.user_key.clone()]
    }

    /// Its table is the person's other half: `actors.user_id`, unique.
    fn is_key_to(&self, candidate: &Candidate) -> bool {
        self.schema.tables[candidate.table].is_key(&candidate.columns)
    }

    fn is_container(&self, table: usize) -> bool {
        let last = self.names.nouns(table).last();
        last.is_some_and(|last| CONTAINERS.contains(&last.as_str()))
    }

    /// A table that says which persons take part in the rows of this one.
    fn members_of(&self, table: usize, all: &[Candidate]) -> Option<&str> {
        let names_it =
            |c: &&Candidate| c.parent == table && c.table != table && c.kind == Kind::Plain;
        let member_table = |c: &&Candidate| {
            let nouns = self.names.nouns(c.table);
            let says = nouns.iter().any(|noun| MEMBERS.contains(&noun.as_str()))
                || nouns.ends_with(self.names.nouns(self.users));
            let persons = all.iter().any(|other| {
                other.table == c.table
                    && self.persons.contains(&other.parent)
                    && self.role_of(other) == Role::Owner
            });
            says && persons && !self.persons.contains(&c.table)
        };
        let found = all.iter().filter(names_it).find(member_table)?;
        Some(&self.schema.tables[found.table].name)
    }

    /// Rows of another table consist of rows of this one: an order of products, a post of tags.
    fn part_of(&self, table: usize, all: &[Candidate]) -> Option<(&str, &str)> {
        let naming = all
            .iter()
            .filter(|c| c.parent == table && c.table != table && c.kind == Kind::Plain);
        for part in naming {
            let whole = all.iter().find(|c| {
                let nouns = self.names.nouns(part.table);
                c.table == part.table
                    && c.parent != table
                    && !self.persons.contains(&c.parent)
                    && nouns.starts_with(self.names.nouns(c.parent))
            });
            if let Some(whole) = whole {
                return Some((
                    &self.schema.tables[part.table].name,
                    &self.schema.tables[whole.parent].name,
                ));
            }
        }
        None
    }

    /// A book's rows are nobody's; but one that says whose its rows are is no book.
    pub(super) fn book(&self, table: usize, all: &[Candidate]) -> Option<String> {
        let says_whose = all.iter().any(|c| {
            c.table == table
                && self.persons.contains(&c.parent)
                && self.role_of(c) == Role::Owner
                && c.kind != Kind::List
        });
        (!says_whose)
            .then(|| book_word(&self.schema.tables[table].name))
            .flatten()
    }

    fn has_other_parent(&self, all: &[Candidate], candidate: &Candidate) -> bool {
        all.iter().any(|c| {
            c.table == candidate.table
                && !self.persons.contains(&c.parent)
                && self.owned.contains(&c.parent)
        })
    }

    /// Rows of `table` hang on rows of `container` already.
    fn hangs_on(&self, all: &[Candidate], table: usize, container: usize) -> bool {
        all.iter()
            .any(|c| c.table == table && c.parent == container && c.is(Meaning::Owner))
    }

    /// Nobody names its rows, or its name says that it is a part of what it names.
    fn is_leaf(&self, all: &[Candidate], candidate: &Candidate) -> bool {
        let nouns = self.names.nouns(candidate.table);
        let named_for = nouns.starts_with(self.names.nouns(candidate.parent));
        let named = all
            .iter()
            .any(|c| c.parent == candidate.table && c.table != candidate.table);
        named_for || !named
    }
}

fn owner(reason: impl Into<String>) -> Verdict {
    Some((Meaning::Owner, reason.into()))
}

fn mention(reason: impl Into<String>) -> Verdict {
    Some((Meaning::Mention, reason.into()))
}
