//! References to rows that belong to users: what hangs on them, and what only points at them.

use super::candidate::{Alone, Candidate, Chance, Kind, Optional};
use super::decide::{Decided, Decider, Verdict, mention, owner};
use super::words::{Role, role, singulars};
use crate::manifest::Meaning;
use crate::schema::Action;

/// How far a decision looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// At what the reference itself says.
    AtIt,
    /// Also at what else names or owns the row.
    AtOthersToo,
}

impl Decider<'_> {
    /// A reference to a row that belongs to a user.
    pub(super) fn of_content(&self, all: &[Candidate], at: usize, look: Look) -> Verdict {
        let sure = self.surely(all, at);
        match look {
            Look::AtIt => sure,
            Look::AtOthersToo => sure.or_else(|| Some(self.unsurely(all, at))),
        }
    }

    fn surely(&self, all: &[Candidate], at: usize) -> Verdict {
        let candidate = &all[at];
        let parent = &self.schema.tables[candidate.parent].name;
        let sure = candidate.optional == Optional::No;
        let is_mentioned = role(&candidate.stem) == Role::Mentioned && !candidate.is_of_itself();
        if candidate.on_delete == Some(Action::Cascade) {
            return Some(owner(format!(
                "ON DELETE CASCADE: the row hangs on `{parent}`"
            )));
        }
        if candidate.kind == Kind::List {
            return Some(mention("the row is not of one of them alone"));
        }
        if candidate.chance == Chance::Likely {
            return Some(mention(
                "in doubt: nothing but its values says that it names one",
            ));
        }
        if candidate.is_of_itself() {
            return Some(mention("a row of the same table, which stands without it"));
        }
        if self.persons.contains(&candidate.table) {
            return Some(mention("the row is a person, who stands without it"));
        }
        let in_passing = self.names_in_passing(candidate);
        if let Some(book) = self.book(candidate.table, all)
            && ((!sure && !self.is_named_for(candidate)) || in_passing)
        {
            return Some(mention(format!("the application's own books (`{book}`)")));
        }
        if in_passing && (self.is_container(candidate.table) || self.is_catalogue(candidate.table))
        {
            let word = candidate.stem.join("_");
            return Some(mention(format!(
                "users share the row, of which it is only the `{word}`"
            )));
        }
        if is_mentioned || Self::hangs_on(all, candidate.parent, candidate.table) {
            return Some(mention(format!("the row only points at one of `{parent}`")));
        }
        if candidate.repeats.is_none() && self.only_chooses(all, candidate) {
            return Some(mention("the row is somebody's own, who chose it"));
        }
        if sure {
            return Some(owner(format!("every row hangs on one of `{parent}`")));
        }
        None
    }

    /// `preferences.home_page_id`: a row of somebody names another, in a word beside that of its table.
    fn only_chooses(&self, all: &[Candidate], candidate: &Candidate) -> bool {
        let own = |c: &Candidate| {
            c.table == candidate.table
                && self.persons.contains(&c.parent)
                && self.is_certain_owner(c)
        };
        let undeclared = candidate.on_delete.is_none() && candidate.kind == Kind::Plain;
        undeclared && self.is_qualified(candidate) && all.iter().any(own)
    }

    /// `dataset_permissions.dataset_id`, `default_history_permissions.history_id`: its table is named for what
    /// it names.
    fn is_named_for(&self, candidate: &Candidate) -> bool {
        let (own, of) = (
            self.names.nouns(candidate.table),
            self.names.nouns(candidate.parent),
        );
        !of.is_empty() && own.windows(of.len()).any(|nouns| nouns == of)
    }

    /// `site.root_page_id`, `team.logo_id`, not `label.repo_id`: the column's word is neither that of what it names nor of
    /// what its table is a part of, so that the row is more than what it names.
    fn names_in_passing(&self, candidate: &Candidate) -> bool {
        let (own, of) = (
            self.names.nouns(candidate.table),
            self.names.nouns(candidate.parent),
        );
        let shortens = |word: &String| of.last().is_some_and(|last| last.starts_with(&**word));
        let named_for = |said: Vec<String>| {
            of.ends_with(&said) || matches!(&said[..], [word] if shortens(word))
        };
        let Some(column) = candidate.columns.last() else {
            return false;
        };
        let said = self.names.stems(self.schema, candidate.table, column);
        let fits = own.starts_with(of) || said.iter().any(|said| named_for(singulars(said)));
        candidate.kind == Kind::Plain && !fits
    }

    /// The column says more than what it names: `home_page_id`, not `page_id`.
    fn is_qualified(&self, candidate: &Candidate) -> bool {
        let said = singulars(&candidate.stem);
        let (own, of) = (
            self.names.nouns(candidate.table),
            self.names.nouns(candidate.parent),
        );
        said.len() > 1 && !of.ends_with(&said) && !own.ends_with(&said[..1])
    }

    fn unsurely(&self, all: &[Candidate], at: usize) -> Decided {
        let candidate = &all[at];
        let parent = &self.schema.tables[candidate.parent].name;
        let part = self.is_leaf(all, candidate) && !self.names_in_passing(candidate);
        if self.kept.contains(&candidate.parent) && !(part && self.is_named_for(candidate)) {
            return mention(format!(
                "the row names one of `{parent}`, which stays as long as it does"
            ));
        }
        if let Some(repeats) = &candidate.repeats {
            return owner(format!(
                "an entry about one of `{parent}`, whose words it repeats (`{repeats}`)"
            ));
        }
        // A column that holds nothing says of no row whose it is, where another does.
        let owners = || {
            all.iter().filter(|c| {
                let says = c.values > 0 || candidate.values == 0;
                c.table == candidate.table && c.is(Meaning::Owner) && says
            })
        };
        match candidate.kind {
            Kind::Generic
                if owners()
                    .any(|c| c.optional == Optional::No && self.persons.contains(&c.parent)) =>
            {
                mention("the row is somebody's already, and only tells of it")
            }
            Kind::Generic => owner(format!("the row hangs on one of `{parent}`")),
            _ if candidate.alone == Alone::Yes && !self.names_in_passing(candidate) => owner(
                format!("where the row names one of `{parent}`, nothing else says whose it is"),
            ),
            _ if owners().next().is_some() => {
                mention("the row is somebody's already, and may be without")
            }
            _ if part => owner(format!("the row is nobody's but that of one of `{parent}`")),
            _ if candidate.optional == Optional::Never && !self.is_qualified(candidate) => owner(
                format!("no row is without one of `{parent}`, and none is anybody else's"),
            ),
            _ => mention("in doubt: the row may be without"),
        }
    }
}
