//! Rows that are parts of others, which name them: the text of a revision, the file of an attachment,
//! the address of a customer. They belong to no user, and go with the last row that names them.

use super::candidate::{Candidate, Kind, Optional};
use super::candidates::Search;
use super::decide::Decider;
use super::evidence::{Match, Place, grouped};
use super::vocabulary::{CATALOGUES, DOCUMENTS, MOMENTS, PARTS, SAYINGS, TALKS, TITLES, VERSIONS};
use super::words::{book_word, is_in, words};
use crate::error::Result;
use crate::manifest::{Form, Meaning};
use crate::schema::{Action, Affinity, Column};

/// Fewer rows that are named once each are so by chance.
const FEW: u64 = 5;

impl Search<'_> {
    /// Decides which references keep what they name. Whether there was one.
    pub(super) fn decide_keepers(
        &self,
        decider: &mut Decider,
        candidates: &mut Vec<Candidate>,
    ) -> Result<bool> {
        let mut any = false;
        for at in 0..candidates.len() {
            let candidate = &candidates[at];
            let carries = candidate.decided.is_none() && may_carry(decider, candidate);
            if !(may_keep(decider, candidate) || carries)
                || decider.owned.contains(&candidate.parent)
            {
                continue;
            }
            let Some(reason) = self.keeps(candidates, at)? else {
                continue;
            };
            let parent = candidates[at].parent;
            if carries {
                let keeper = carrying(&mut candidates[at], Form::default(), reason);
                candidates.push(keeper);
            } else {
                candidates[at].decided = Some((Meaning::Keeper, reason));
            }
            decider.owned.insert(parent);
            decider.kept.insert(parent);
            let others = |c: &Candidate| {
                c.decided.is_none()
                    && c.on_delete != Some(Action::Cascade)
                    && c.parent == parent
                    && c.kind == Kind::Plain
                    && c.columns.len() == 1
            };
            let owned = |c: &Candidate| decider.owned.contains(&c.table) && c.table != parent;
            for other in candidates.iter_mut().filter(|c| others(c) && owned(c)) {
                other.decided = Some((
                    Meaning::Keeper,
                    "another of the rows that it is a part of".into(),
                ));
            }
            any = true;
        }
        Ok(any)
    }

    /// Why the row that is named is a part of those that name it, if it is.
    fn keeps(&self, all: &[Candidate], at: usize) -> Result<Option<String>> {
        let candidate = &all[at];
        let (parent, table) = (candidate.parent, &self.schema.tables[candidate.parent]);
        let last = self.names.nouns(parent).last().map_or("", String::as_str);
        // Each stands in one row alone, as the database sees to: settings of their own.
        let of_one = candidate.on_delete.is_some()
            && candidate.optional == Optional::No
            && self.schema.tables[candidate.table].is_key(&candidate.columns);
        let book = book_word(&table.name).is_some() && !of_one;
        if book || self.names_persons(all, parent) {
            return Ok(None);
        }
        let cascades = candidate.on_delete == Some(Action::Cascade);
        if let Some(reason) = self.consists_of(all, at).filter(|_| !cascades) {
            return Ok(Some(reason));
        }
        let found = self.count_of(candidate)?;
        let distinct = self.evidence.distinct(self.place(candidate))?;
        let mut named = 0;
        for other in all
            .iter()
            .filter(|c| c.parent == parent && c.columns.len() == 1 && c.table != parent)
        {
            if other.kind != Kind::List {
                named += self.evidence.distinct(self.place(other))?;
            }
        }
        let rows = self.evidence.rows(parent)?;
        let nearly_all = rows > 0 && named * 100 >= rows * 80;
        let most = rows > 0 && named * 100 >= rows * 50;
        let once = found.of == distinct && found.fitting >= FEW && !cascades;
        let is_part = is_in(PARTS, last);
        let is_entry = is_in(CATALOGUES, last) || self.has_titles(parent);
        let reason = if once && nearly_all && of_one {
            "each can be named but once: it is a part of the row that names it"
        } else if once && nearly_all && self.bears_name(all, candidate)? {
            "each is named once, and bears the name of the user whose row names it"
        } else if is_part
            && !is_entry
            && (most || rows == 0)
            && !self.only_points(all, at, found)?
        {
            "it is a part of the rows that name it, as its name says"
        } else {
            return Ok(None);
        };
        Ok(Some(format!(
            "{reason}; {} of {} rows of `{}` are named",
            grouped(named.min(rows)),
            grouped(rows),
            table.name
        )))
    }

    /// The row says no more than that somebody, or something of theirs, has to do with what it names: a
    /// favourite, a view, a place in a list. What stands in many lists is a part of none.
    fn only_points(&self, all: &[Candidate], at: usize, found: Match) -> Result<bool> {
        let candidate = &all[at];
        let table = &self.schema.tables[candidate.table];
        let others = || {
            let others = all.iter().enumerate().filter(|(other, _)| *other != at);
            others
                .map(|(_, c)| c)
                .filter(|c| c.table == candidate.table)
        };
        let points = |column: &Column| {
            let names = |c: &Candidate| c.columns.contains(&column.name);
            let moment = words(&column.name)
                .last()
                .is_some_and(|last| is_in(MOMENTS, last));
            names(candidate)
                || others().any(names)
                || table.key().contains(&column.name.as_str())
                || column.affinity != Affinity::Text
                || moment
        };
        if !table.columns.iter().all(points) {
            return Ok(false);
        }
        let (nouns, user, of) = (
            self.names.nouns(candidate.table),
            self.names.nouns(self.users),
            self.names.nouns(candidate.parent),
        );
        let named_for_both = nouns == [user, of].concat() || nouns == [of, user].concat();
        if others().any(|c| c.parent == self.users) {
            return Ok(!named_for_both);
        }
        let distinct = self.evidence.distinct(self.place(candidate))?;
        Ok(others().next().is_some() && distinct * 100 < found.of * 80)
    }

    /// A row that is named bears the name of the user whose row names it. That it is named once is not
    /// enough: so is a book that was lent once, an article that had one comment.
    fn bears_name(&self, all: &[Candidate], candidate: &Candidate) -> Result<bool> {
        let whose = |c: &&Candidate| {
            c.table == candidate.table
                && c.parent == self.users
                && c.is(Meaning::Owner)
                && c.form.is_plain()
                && c.columns.len() == 1
        };
        let names = || self.user_names.iter();
        let whose = all.iter().filter(whose);
        let whose = whose.map(|c| (c.columns[0].as_str(), c.parent_columns[0].as_str()));
        let itself = (candidate.table == self.users).then_some((self.user_key, self.user_key));
        for (column, key) in whose.chain(itself) {
            let user = (self.users, key);
            let part = (candidate.parent, candidate.parent_columns[0].as_str());
            let naming = (candidate.table, [candidate.columns[0].as_str(), column]);
            for name in names() {
                if self.evidence.bear_names(naming, part, (user, name))? {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Its rows are the versions of a document.
    pub(super) fn is_version(&self, candidate: &Candidate) -> bool {
        let last = |table: usize| self.names.nouns(table).last().map_or("", String::as_str);
        let (of, whole) = (
            self.names.nouns(candidate.table),
            self.names.nouns(candidate.parent),
        );
        let document = is_in(DOCUMENTS, last(candidate.parent))
            || (of.len() > whole.len() && of.starts_with(whole));
        is_in(VERSIONS, last(candidate.table)) && document
    }

    /// A page without an owner is made of its revisions, a conversation of its messages.
    fn consists_of(&self, all: &[Candidate], at: usize) -> Option<String> {
        let candidate = &all[at];
        let last = |table: usize| self.names.nouns(table).last().map_or("", String::as_str);
        let versions = self.is_version(candidate);
        let sayings = is_in(SAYINGS, last(candidate.table)) && is_in(TALKS, last(candidate.parent));
        let by_whom = |c: &Candidate| c.table == candidate.table && c.is(Meaning::Owner);
        let whole = candidate.optional != Optional::Yes && all.iter().any(by_whom);
        let parts = &self.schema.tables[candidate.table].name;
        (whole && (versions || sayings))
            .then(|| format!("it belongs to nobody, and consists of its `{parts}`"))
    }

    /// Its rows name persons, or are persons: they are no parts of anything.
    pub(super) fn names_persons(&self, all: &[Candidate], table: usize) -> bool {
        let names = all
            .iter()
            .any(|c| c.table == table && c.parent == self.users && c.kind == Kind::Plain);
        let columns = &self.schema.tables[table].columns;
        let address = columns.iter().any(|column| {
            let said = words(&column.name);
            said.last()
                .is_some_and(|last| matches!(last.as_str(), "email" | "password"))
        });
        names || address
    }

    fn has_titles(&self, table: usize) -> bool {
        let table = &self.schema.tables[table];
        let is_title = |name: &str| words(name).last().is_some_and(|last| is_in(TITLES, last));
        let unique = table
            .columns
            .iter()
            .filter(|c| table.is_key(std::slice::from_ref(&c.name)));
        let titled = |c: &&crate::schema::Column| is_title(&c.name);
        unique.filter(titled).count() > 0
    }

    fn place<'c>(&'c self, candidate: &'c Candidate) -> Place<'c> {
        Place {
            table: &self.schema.tables[candidate.table].name,
            column: &candidate.columns[0],
            form: &candidate.form,
        }
    }

    fn count_of(&self, candidate: &Candidate) -> Result<Match> {
        self.evidence.matches(
            self.place(candidate),
            candidate.parent,
            &candidate.parent_columns[0],
        )
    }
}

/// An undecided reference of a row that is a user's.
pub(super) fn may_keep(decider: &Decider, candidate: &Candidate) -> bool {
    candidate.decided.is_none()
        && candidate.on_delete != Some(Action::Cascade)
        && is_of_users_row(decider, candidate)
}

/// A reference of a row that is a user's, with which the database takes the row along.
pub(super) fn may_carry(decider: &Decider, candidate: &Candidate) -> bool {
    candidate.on_delete == Some(Action::Cascade)
        && (candidate.decided.is_none() || candidate.is(Meaning::Owner))
        && is_of_users_row(decider, candidate)
}

fn is_of_users_row(decider: &Decider, candidate: &Candidate) -> bool {
    candidate.kind == Kind::Plain
        && candidate.columns.len() == 1
        && decider.owned.contains(&candidate.table)
        && !candidate.is_of_itself()
}

/// A row goes with what it names, and what it names with the last such row: the second of the two
/// references that one column then holds.
pub(super) fn carrying(candidate: &mut Candidate, form: Form, reason: String) -> Candidate {
    let mut keeper = candidate.clone();
    keeper.form = form;
    keeper.on_delete = None;
    keeper.decided = Some((Meaning::Keeper, reason));
    if candidate.decided.is_none() {
        let hangs = "the row hangs on what it names, as that on it";
        candidate.decided = Some((Meaning::Owner, hangs.into()));
    }
    keeper
}
