//! Rows that are parts of others, which name them: the text of a revision, the file of an attachment,
//! the address of a customer. They belong to no user, and go with the last row that names them.

use super::candidate::{Candidate, Kind, Optional};
use super::candidates::Search;
use super::decide::Decider;
use super::evidence::{Match, Place, grouped};
use super::vocabulary::{CATALOGUES, DOCUMENTS, PARTS, SAYINGS, TALKS, TITLES, VERSIONS};
use super::words::{book_word, is_in, words};
use crate::error::Result;
use crate::manifest::{Form, Meaning};
use crate::schema::Action;

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
        if book_word(&table.name).is_some() || self.names_persons(all, parent) {
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
        let reason = match (once && nearly_all, is_part && !is_entry) {
            (true, _) => "each is named once: it is a part of the row that names it",
            (_, true) if most || rows == 0 => {
                "it is a part of the rows that name it, as its name says"
            }
            _ => return Ok(None),
        };
        Ok(Some(format!(
            "{reason}; {} of {} rows of `{}` are named",
            grouped(named.min(rows)),
            grouped(rows),
            table.name
        )))
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
            said.iter()
                .any(|word| word == "email" || word == "password")
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
