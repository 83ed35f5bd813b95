//! How a table stands among the others: what shares it, what it is made of, what it is for.

use std::collections::BTreeSet;

use super::candidate::{Candidate, Kind, Optional};
use super::decide::Decider;
use super::vocabulary::{ACCOUNTS, CATALOGUES, CONTAINERS, ITEMS, LOGS, MEMBERS, TRACES, VERSIONS};
use super::words::{Role, book_word, is_in, role, singular, words};
use crate::manifest::Meaning;

/// In fewer tables a column is not noted everywhere.
const EVERYWHERE: usize = 5;

impl Decider<'_> {
    /// `reviews.reviewer_id`: the table's own name is that of the act.
    pub(super) fn is_the_act(&self, candidate: &Candidate) -> bool {
        let nouns = self.names.nouns(candidate.table);
        let root = |word: &String| word.chars().take(5).collect::<String>();
        candidate
            .stem
            .iter()
            .filter(|word| word.len() >= 5)
            .any(|word| nouns.iter().any(|noun| root(noun) == root(word)))
    }

    /// `author` beside `history_user`: the one is simply the row's user.
    pub(super) fn outdoes(&self, plain: &Candidate, candidate: &Candidate) -> bool {
        self.is_qualified_person(candidate)
            && !self.is_qualified_person(plain)
            && self.role_of(plain) == Role::Owner
    }

    fn is_qualified_person(&self, candidate: &Candidate) -> bool {
        let nouns = self.names.nouns(candidate.table);
        let says_nothing = |word: &&String| role(std::slice::from_ref(*word)) == Role::Unknown;
        let mut words = candidate.stem.iter().filter(says_nothing);
        words.any(|word| !nouns.contains(&singular(word)))
    }

    pub(super) fn is_certain_owner(&self, candidate: &Candidate) -> bool {
        self.names_by_key(candidate)
            && candidate.optional == Optional::No
            && self.role_of(candidate) == Role::Owner
            && candidate.form.json.is_none()
    }

    /// It names a person by a key, which is surer than a name.
    pub(super) fn names_by_key(&self, candidate: &Candidate) -> bool {
        candidate.parent != self.users || candidate.parent_columns == [self.user_key.clone()]
    }

    /// Its table is the person's other half: `actors.user_id`, unique.
    pub(super) fn is_key_to(&self, candidate: &Candidate) -> bool {
        self.schema.tables[candidate.table].is_key(&candidate.columns)
    }

    pub(super) fn is_container(&self, table: usize) -> bool {
        let last = self.names.nouns(table).last();
        last.is_some_and(|last| is_in(CONTAINERS, last))
    }

    pub(super) fn is_catalogue(&self, table: usize) -> bool {
        let last = self.names.nouns(table).last();
        last.is_some_and(|last| is_in(CATALOGUES, last))
    }

    /// Its rows are other people with an address: members, customers.
    pub(super) fn are_accounts(&self, table: usize) -> bool {
        let last = self.names.nouns(table).last().map_or("", String::as_str);
        let mut columns = self.schema.tables[table].columns.iter();
        let address = columns.any(|column| {
            let said = words(&column.name);
            said.iter().any(|word| word == "email" || word == "mail")
        });
        address && is_in(ACCOUNTS, last)
    }

    /// What the rows of its table are versions or records of, where each of them is one of something.
    pub(super) fn records(&self, candidate: &Candidate, all: &[Candidate]) -> Option<&str> {
        let last = self.names.nouns(candidate.table).last()?;
        let says = |list: &str| list.split(' ').any(|word| last.ends_with(word));
        let traces = self.has_traces(candidate.table);
        if !says(VERSIONS) && (!says(LOGS) || traces) {
            return None;
        }
        let somebodys = |c: &Candidate| {
            c.kind == Kind::Generic
                || all
                    .iter()
                    .any(|of| of.table == c.parent && self.persons.contains(&of.parent))
        };
        let whole = all.iter().find(|c| {
            c.table == candidate.table
                && c.optional == Optional::No
                && c.kind != Kind::List
                && !self.persons.contains(&c.parent)
                && !c.is_of_itself()
                && somebodys(c)
        })?;
        Some(&self.schema.tables[whole.parent].name)
    }

    /// In many tables a column of this name says who entered the row, also that of an account or of one of
    /// the application's own books, which is nobody's: no row is theirs for it.
    pub(super) fn is_noted_everywhere(&self, candidate: &Candidate, all: &[Candidate]) -> bool {
        let alike = |c: &&Candidate| self.names_person(c) && c.columns == candidate.columns;
        let tables: BTreeSet<usize> = all.iter().filter(alike).map(|c| c.table).collect();
        let nobodys = |&table: &usize| table == self.users || self.book(table, all).is_some();
        tables.len() >= EVERYWHERE && tables.iter().any(nobodys)
    }

    /// Everywhere it stands beside a column that says who entered the row: who last had to do with it.
    pub(super) fn is_entered_by_another(&self, candidate: &Candidate, all: &[Candidate]) -> bool {
        let entered = |c: &&Candidate| {
            c.table == candidate.table
                && self.names_person(c)
                && self.role_of(c) == Role::Creator
                && self.is_noted_everywhere(c, all)
        };
        self.is_noted_everywhere(candidate, all) && all.iter().any(|c| entered(&c))
    }

    /// Its rows tell from where somebody did something: they are about that person.
    fn has_traces(&self, table: usize) -> bool {
        let mut columns = self.schema.tables[table].columns.iter();
        columns.any(|column| words(&column.name).iter().any(|word| is_in(TRACES, word)))
    }

    /// A table that says which persons take part in the rows of this one.
    pub(super) fn members_of(&self, table: usize, all: &[Candidate]) -> Option<&str> {
        let listed = all
            .iter()
            .find(|c| c.table == table && c.kind == Kind::List && self.persons.contains(&c.parent));
        let member = |c: &&Candidate| c.parent == table && self.is_membership(c, all).is_some();
        let found = all.iter().find(member).or(listed)?;
        Some(&self.schema.tables[found.table].name)
    }

    /// The reference by which a row names the person who takes part in what `candidate` names.
    pub(super) fn is_membership<'c>(
        &self,
        candidate: &Candidate,
        all: &'c [Candidate],
    ) -> Option<&'c Candidate> {
        let nouns = self.names.nouns(candidate.table);
        let says = nouns.iter().any(|noun| is_in(MEMBERS, noun))
            || nouns.ends_with(self.names.nouns(self.users));
        let plain = candidate.kind == Kind::Plain
            && !candidate.is_of_itself()
            && !self.persons.contains(&candidate.table);
        let person = all.iter().find(|other| {
            other.table == candidate.table
                && self.persons.contains(&other.parent)
                && self.role_of(other) == Role::Owner
        });
        person.filter(|_| says && plain)
    }

    /// Rows that hang on rows of `container`, over any number of steps, say whose they are. Who only takes
    /// part in it has nothing there.
    pub(super) fn others_act_within(&self, container: usize, all: &[Candidate]) -> bool {
        let plain = |c: &&Candidate| c.kind == Kind::Plain && !self.persons.contains(&c.table);
        let takes_part =
            |c: &Candidate| c.parent == container && self.is_membership(c, all).is_some();
        let mut within = BTreeSet::from([container]);
        let hangs = |c: &&Candidate, within: &BTreeSet<usize>| {
            within.contains(&c.parent) && !within.contains(&c.table) && !takes_part(c)
        };
        while let Some(next) = all.iter().filter(plain).find(|c| hangs(c, &within)) {
            within.insert(next.table);
        }
        within.remove(&container);
        let mut of_persons = all.iter().filter(|c| self.persons.contains(&c.parent));
        of_persons.any(|c| within.contains(&c.table) && self.role_of(c) != Role::Mentioned)
    }

    /// Rows of another table name rows of this one.
    pub(super) fn is_named(table: usize, all: &[Candidate]) -> bool {
        all.iter().any(|c| c.parent == table && c.table != table)
    }

    /// Rows of another table consist of rows of this one: an order of products, a post of tags. What
    /// names the whole itself, as a task names its project, stands in it and is no part to choose.
    pub(super) fn part_of(&self, table: usize, all: &[Candidate]) -> Option<(&str, &str)> {
        let naming = all
            .iter()
            .filter(|c| c.parent == table && c.table != table && c.kind == Kind::Plain);
        for part in naming {
            let nouns = self.names.nouns(part.table);
            let chosen = self.is_catalogue(table) || self.is_container(table);
            let lists = (chosen && nouns.ends_with(self.names.nouns(table)))
                || nouns.last().is_some_and(|last| is_in(ITEMS, last));
            let within = |whole: usize| all.iter().any(|c| c.table == table && c.parent == whole);
            let whole = all.iter().find(|c| {
                lists
                    && !within(c.parent)
                    && c.table == part.table
                    && c.parent != table
                    && !c.is_of_itself()
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

    pub(super) fn has_other_parent(&self, all: &[Candidate], candidate: &Candidate) -> bool {
        all.iter().any(|c| {
            c.table == candidate.table
                && !self.persons.contains(&c.parent)
                && self.owned.contains(&c.parent)
        })
    }

    /// Rows of `table` hang on rows of `container` already.
    pub(super) fn hangs_on(all: &[Candidate], table: usize, container: usize) -> bool {
        all.iter()
            .any(|c| c.table == table && c.parent == container && c.is(Meaning::Owner))
    }

    /// Nobody names its rows, or its name says that it is a part of what it names.
    pub(super) fn is_leaf(&self, all: &[Candidate], candidate: &Candidate) -> bool {
        let nouns = self.names.nouns(candidate.table);
        let named_for = nouns.starts_with(self.names.nouns(candidate.parent));
        named_for || !Self::is_named(candidate.table, all)
    }
}
