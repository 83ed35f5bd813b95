//! Rows that say in a table of links alone whose they are: `book_authors`, `shares` with the role of an
//! owner. Such a row goes with the last link that makes it somebody's, and every link with its row.

use rusqlite::types::Value;

use super::candidate::{Candidate, Optional};
use super::candidates::Search;
use super::decide::Decider;
use super::keepers::{carrying, may_carry, may_keep};
use super::words::{book_word, is_in, singulars, words};
use crate::error::Result;
use crate::manifest::{Form, Literal, Meaning};

/// Words at the end of a link table's name that say nothing.
const LINKS: &str = "lnk link map mapping rel relation relationship join ref xref";
/// What somebody is whose row it is.
const AUTHORS: &str =
    "author owner creator uploader writer speaker presenter organizer organiser submitter proposer";
/// Words at the end of the column that says what somebody is to a row.
const ROLES: &str = "role type relation relationship permission access kind";
/// More roles than this are none.
const MOST_ROLES: u32 = 20;

impl Search<'_> {
    /// Decides which links make the rows they name somebody's. Whether there was one.
    pub(super) fn decide_authorship(
        &self,
        decider: &mut Decider,
        candidates: &mut Vec<Candidate>,
    ) -> Result<bool> {
        let mut any = false;
        for at in 0..candidates.len() {
            let candidate = &candidates[at];
            if !self.may_make_theirs(decider, candidates, candidate) {
                continue;
            }
            let Some((form, reason)) = self.makes_theirs(decider, candidate)? else {
                continue;
            };
            let keeper = carrying(&mut candidates[at], form, reason);
            decider.owned.insert(keeper.parent);
            candidates.push(keeper);
            any = true;
        }
        Ok(any)
    }

    /// A link that is a user's, to a row that may be without any other owner, and is no entry of the
    /// application's own, from which users choose.
    fn may_make_theirs(&self, decider: &Decider, all: &[Candidate], candidate: &Candidate) -> bool {
        let table = &self.schema.tables[candidate.parent];
        let known = |c: &Candidate| c.parent == candidate.parent && c.is(Meaning::Keeper);
        let somebodys = |c: &Candidate| {
            c.table == candidate.table && c.columns != candidate.columns && c.is(Meaning::Owner)
        };
        let theirs = |c: &Candidate| {
            c.table == candidate.parent && c.is(Meaning::Owner) && c.optional != Optional::Yes
        };
        let open = may_keep(decider, candidate) || may_carry(decider, candidate);
        let entry = book_word(&table.name).is_some() || decider.is_catalogue(candidate.parent);
        let settled = all.iter().any(|c| known(c) || theirs(c));
        open && !entry && candidate.parent != self.users && all.iter().any(somebodys) && !settled
    }

    /// Under which condition a link makes the row it names somebody's, and why.
    fn makes_theirs(
        &self,
        decider: &Decider,
        candidate: &Candidate,
    ) -> Result<Option<(Form, String)>> {
        let container = decider.is_container(candidate.parent);
        let link = &self.schema.tables[candidate.table].name;
        if self.is_named_for_authors(candidate) && !container {
            let reason = format!("`{link}` alone says whose it is: it goes with the last of them");
            return Ok(Some((Form::default(), reason)));
        }
        for column in &self.schema.tables[candidate.table].columns {
            let said = words(&column.name);
            if !said.last().is_some_and(|last| is_in(ROLES, last)) {
                continue;
            }
            let roles = self.evidence.few(link, &column.name, MOST_ROLES)?;
            for (value, _) in roles.unwrap_or_default() {
                let Value::Text(role) = value else { continue };
                let owner = words(&role).last().is_some_and(|last| is_in(AUTHORS, last));
                let mark = (column.name.as_str(), role.as_str());
                let counted = self
                    .evidence
                    .marked(candidate.table, &candidate.columns[0], mark)?;
                let alone = counted.beside == counted.rows;
                if owner
                    && counted.rows > 0
                    && counted.rows == counted.different
                    && (alone || !container)
                {
                    let reason = format!(
                        "it goes with whom `{link}` says to be its owner: `{}` is `{role}` in {} rows",
                        column.name, counted.rows
                    );
                    let when = [(column.name.clone(), Literal::Text(role))];
                    let form = Form {
                        when: when.into(),
                        ..Form::default()
                    };
                    return Ok(Some((form, reason)));
                }
            }
        }
        Ok(None)
    }

    /// `articles_author_lnk`, `book_authors`, `submission_speakers`.
    fn is_named_for_authors(&self, candidate: &Candidate) -> bool {
        let mut said = self.names.nouns(candidate.table).to_vec();
        while said.last().is_some_and(|last| is_in(LINKS, last)) {
            said.pop();
        }
        let of = singulars(self.names.nouns(candidate.parent));
        let author = said.pop().is_some_and(|last| is_in(AUTHORS, &last));
        author && of.last().is_some_and(|last| said.last() == Some(last))
    }
}
