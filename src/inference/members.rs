//! What users share goes with the last who takes part in it: a private project, a closed room.

use super::candidate::{Candidate, Kind, Optional};
use super::candidates::Search;
use super::decide::Decider;
use super::evidence::{Match, Pairs, grouped};
use super::words::Role;
use crate::error::Result;
use crate::manifest::Meaning;

/// In fewer rows whoever made what is shared takes part in it by chance.
const FEW: u64 = 2;

impl Search<'_> {
    /// Decides which memberships keep what they are of. Whether there was one.
    pub(super) fn decide_members(
        &self,
        decider: &mut Decider,
        candidates: &mut [Candidate],
    ) -> Result<bool> {
        let mut any = false;
        for at in 0..candidates.len() {
            let Some(reason) = self.lives_by(decider, candidates, at)? else {
                continue;
            };
            let parent = candidates[at].parent;
            candidates[at].decided = Some((Meaning::Keeper, reason));
            decider.owned.insert(parent);
            any = true;
        }
        Ok(any)
    }

    /// Why the row that is named goes with the last who takes part in it: whoever made it takes part in
    /// every one, so that one without anybody is left over. An entry of the application's own, which
    /// nobody made, stays.
    fn lives_by(&self, decider: &Decider, all: &[Candidate], at: usize) -> Result<Option<String>> {
        let candidate = &all[at];
        let open = candidate.decided.is_none()
            && candidate.optional != Optional::Yes
            && decider.owned.contains(&candidate.table)
            && !decider.owned.contains(&candidate.parent)
            && decider.is_container(candidate.parent);
        let Some(member) = decider.is_membership(candidate, all).filter(|_| open) else {
            return Ok(None);
        };
        let members = Members {
            of: candidate,
            person: member,
        };
        let made = |c: &&Candidate| {
            c.table == candidate.parent
                && members.are_named_by(c)
                && c.optional != Optional::Yes
                && c.is(Meaning::Mention)
                && matches!(decider.role_of(c), Role::Owner | Role::Creator)
        };
        for maker in all.iter().filter(made) {
            let whole = &self.schema.tables[candidate.parent];
            let found = self.take_part(&members, &candidate.parent_columns[0], maker)?;
            let all_do = found.of >= FEW && found.fitting == found.of;
            if all_do && self.only_members_act(&members, all)? {
                return Ok(Some(format!(
                    "it goes with the last who takes part: `{}` takes part in {} of {} rows of `{}`",
                    maker.columns[0],
                    grouped(found.fitting),
                    grouped(found.of),
                    whole.name,
                )));
            }
        }
        Ok(None)
    }

    /// Nobody else's rows hang on what these members share: those of somebody who left would go too.
    fn only_members_act(&self, members: &Members, all: &[Candidate]) -> Result<bool> {
        let within = |c: &&Candidate| {
            c.parent == members.of.parent
                && c.table != members.of.table
                && !c.is_of_itself()
                && c.kind == Kind::Plain
                && c.form.is_plain()
                && c.columns.len() == 1
        };
        for inside in all.iter().filter(within) {
            let by = |c: &&Candidate| c.table == inside.table && members.are_named_by(c);
            for person in all.iter().filter(by) {
                let found = self.take_part(members, &inside.columns[0], person)?;
                if found.fitting < found.of {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// How many rows of a person's table name, in `column`, something of which the person is a member.
    fn take_part(&self, members: &Members, column: &str, person: &Candidate) -> Result<Match> {
        let name = |table: usize| self.schema.tables[table].name.as_str();
        let (of, member) = (members.of, members.person);
        self.evidence.pairs(Pairs {
            of: (name(person.table), column, &person.columns[0]),
            among: (name(of.table), &of.columns[0], &member.columns[0]),
        })
    }
}

/// A table that says who takes part in what.
struct Members<'a> {
    /// What they take part in.
    of: &'a Candidate,
    /// Who takes part.
    person: &'a Candidate,
}

impl Members<'_> {
    /// Whether a reference names a person in the same way.
    fn are_named_by(&self, candidate: &Candidate) -> bool {
        candidate.parent == self.person.parent
            && candidate.parent_columns == self.person.parent_columns
            && candidate.form.is_plain()
            && candidate.columns.len() == 1
    }
}
