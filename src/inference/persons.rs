//! References to persons: whose a row is, and who is only named in it.

use super::candidate::{Candidate, Chance, Kind, Optional};
use super::decide::{Decided, Decider, Verdict, mention, owner};
use super::words::{Role, is_key_word, means_person};
use crate::manifest::Meaning;
use crate::schema::Action;

/// What other references to persons the same row holds.
#[derive(Clone, Copy)]
struct Others {
    /// One that says for certain whose the row is.
    sure: bool,
    /// One that says who made or sent it.
    sent: bool,
    count: usize,
}

impl Decider<'_> {
    pub(super) fn of_person(&self, all: &[Candidate], at: usize) -> Verdict {
        let candidate = &all[at];
        if !self.names_person(candidate) || candidate.table == self.users {
            return None;
        }
        Some(self.or_dependent(all, at, self.meaning_of_person(all, at)))
    }

    /// A row that can neither stay with an account that goes nor be without one, goes with it; unless
    /// others share the row: that is for a person to decide.
    fn or_dependent(&self, all: &[Candidate], at: usize, decided: Decided) -> Decided {
        let candidate = &all[at];
        let table = candidate.table;
        let enforced = matches!(
            candidate.on_delete,
            Some(Action::NoAction | Action::Restrict | Action::SetNull)
        );
        let blocks = enforced
            && candidate.optional == Optional::No
            && candidate.parent == self.users
            && matches!(decided.0, Meaning::Mention | Meaning::Undecided);
        let shared = self.is_container(table)
            || self.persons.contains(&table)
            || self.members_of(table, all).is_some()
            || self.part_of(table, all).is_some()
            || self.book(table, all).is_some()
            || self.is_entered_by_another(candidate, all)
            || (self.role_of(candidate) == Role::Creator
                && self.is_noted_everywhere(candidate, all));
        if !blocks || shared {
            return decided;
        }
        let reason = format!("{}; but the row cannot be without the account", decided.1);
        (Meaning::Dependent, reason)
    }

    fn meaning_of_person(&self, all: &[Candidate], at: usize) -> Decided {
        let candidate = &all[at];
        if candidate.kind == Kind::List {
            return mention("several users share the row");
        }
        if candidate.kind == Kind::Generic {
            return self.of_generic(all, candidate);
        }
        if candidate.chance == Chance::Likely {
            return mention("in doubt: that its values are users' names may be chance");
        }
        if self.persons.contains(&candidate.table)
            && candidate.table != candidate.parent
            && !self.is_key_to(candidate)
        {
            return mention("each row is a person, who belongs to nobody else");
        }
        // `auth.id` is `user.id`: a table of its own for what else there is of an account.
        let only_key = candidate.stem.iter().all(|word| is_key_word(word));
        if only_key && self.is_key_to(candidate) && self.names_by_key(candidate) {
            return owner("the row has the account's own key: it is its other half");
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
            return self.of_json(all, candidate, others().count());
        }
        if candidate.on_delete == Some(Action::Cascade) {
            return owner("ON DELETE CASCADE: the database deletes the row with the account");
        }
        let by_key = |c: &Candidate| {
            self.names_by_key(c) && c.form.fills_column() && self.role_of(c) == Role::Owner
        };
        if !self.names_by_key(candidate) && others().any(|(_, c)| by_key(c)) {
            return mention("another column says by its key whose the row is");
        }
        let sure = others().any(|(_, c)| self.is_certain_owner(c) || self.outdoes(c, candidate));
        let sent = others().any(|(_, c)| matches!(self.role_of(c), Role::Owner | Role::Creator));
        self.by_role(
            all,
            candidate,
            Others {
                sure,
                sent,
                count: others().count(),
            },
        )
    }

    /// A user where another column says that one is meant.
    fn of_generic(&self, all: &[Candidate], candidate: &Candidate) -> Decided {
        let done_to_it =
            self.role_of(candidate) == Role::Mentioned && means_person(&candidate.stem);
        let acts = matches!(self.role_of(candidate), Role::Owner | Role::Creator);
        let whose = |c: &&Candidate| c.table == candidate.table && self.is_certain_owner(c);
        let whose = all.iter().filter(|c| self.names_person(c)).find(whose);
        match self.names_by_key(candidate) {
            false => {
                owner("under this condition the row bears a user's name, and says nobody else")
            }
            true if done_to_it => mention(says_what_was_done(candidate)),
            true if candidate.optional == Optional::Yes && acts && whose.is_some() => {
                mention("the row is somebody's already, and only says who acted")
            }
            true => {
                owner("the row hangs on the user's own, as it may hang on rows of other tables")
            }
        }
    }

    /// A user at a path of JSON: whose the row is, where it tells of nobody else.
    fn of_json(&self, all: &[Candidate], candidate: &Candidate, others: usize) -> Decided {
        let by_name = !self.names_by_key(candidate);
        let shared = self.is_container(candidate.table)
            || self.book(candidate.table, all).is_some()
            || (!by_name && self.has_other_parent(all, candidate));
        // An address in it is that of whom the row tells, whatever it is called.
        let says_whose = match self.role_of(candidate) {
            Role::Owner => true,
            Role::Unknown => by_name,
            _ => false,
        };
        if others == 0 && !shared && says_whose {
            owner("the row tells of this user, and names nobody else's row")
        } else {
            mention("the row holds more than this user")
        }
    }

    fn by_role(&self, all: &[Candidate], candidate: &Candidate, others: Others) -> Decided {
        let word = candidate.stem.join("_");
        match self.role_of(candidate) {
            Role::Owner => self.of_owner(candidate, &word, others.sure, all),
            Role::Creator => self.of_creator(candidate, &word, others.sure, all),
            Role::Mentioned
                if self.is_the_act(candidate) && candidate.optional != Optional::Yes =>
            {
                owner(format!(
                    "the row is what they did, as the table's name says: `{word}`"
                ))
            }
            Role::Mentioned => mention(says_what_was_done(candidate)),
            Role::Recipient if others.sent => {
                mention("the row is addressed to them, and somebody else's")
            }
            Role::Recipient => owner("the row is addressed to them, and names no sender"),
            Role::Unknown => {
                let can_stay = candidate.on_delete.is_none() || candidate.optional != Optional::No;
                let members = self.members_of(candidate.table, all);
                match members.filter(|_| can_stay) {
                    Some(members) => mention(format!("others take part in it (`{members}`)")),
                    None => Self::of_unknown(candidate, others.count),
                }
            }
        }
    }

    fn of_owner(
        &self,
        candidate: &Candidate,
        word: &str,
        other: bool,
        all: &[Candidate],
    ) -> Decided {
        let sure = candidate.optional == Optional::No;
        if !sure && let Some(whole) = self.records(candidate, all) {
            return mention(format!(
                "the row records what became of one of `{whole}`, whose it is"
            ));
        }
        if self.is_entered_by_another(candidate, all) {
            return mention(format!(
                "`{word}` is noted of accounts or of the application's own rows, too, beside who entered a row"
            ));
        }
        let shared = self.is_container(candidate.table);
        if let Some(members) = self.members_of(candidate.table, all).filter(|_| shared) {
            if !sure || candidate.on_delete.is_none() {
                return mention(format!(
                    "others take part in it (`{members}`), and it can do without `{word}`"
                ));
            }
            if !self.others_act_within(candidate.table, all) {
                return owner(format!(
                    "others only take part in it (`{members}`): nothing that hangs on it is theirs"
                ));
            }
            return (
                Meaning::Undecided,
                format!("others take part in it (`{members}`), but it cannot do without `{word}`"),
            );
        }
        if !sure
            && shared
            && candidate.on_delete == Some(Action::SetNull)
            && Self::is_named(candidate.table, all)
        {
            return mention("ON DELETE SET NULL, and others use what stands in it");
        }
        if !sure && self.has_surer_maker(candidate, all) {
            return mention(format!(
                "`{word}` is empty in some rows, and every row says who made it"
            ));
        }
        match (sure, other) {
            (false, true) => mention("another column says whose the row is; this one may be empty"),
            (true, _) => owner(format!(
                "`{word}` says whose the row is, and every row has one{}",
                self.or_anothers(candidate, all)
            )),
            (false, false) => owner(format!("`{word}` says whose the row is")),
        }
    }

    /// What is to be said where other columns say as well whose the row is.
    fn or_anothers(&self, candidate: &Candidate, all: &[Candidate]) -> String {
        let beside = |c: &&Candidate| {
            c.table == candidate.table
                && c.columns != candidate.columns
                && self.names_person(c)
                && self.is_certain_owner(c)
        };
        let others = all.iter().filter(beside);
        let others: Vec<String> = others
            .map(|c| format!("`{}`", c.columns.join(", ")))
            .collect();
        if others.is_empty() {
            return String::new();
        }
        let others = others.join(" and ");
        format!(
            "; so does {others}, and the row goes with either: \"mention\" for one of them keeps it for the other"
        )
    }

    /// Rows have a maker, whose they are, also where this column says nobody: it says who is to do
    /// what the row tells of.
    fn has_surer_maker(&self, candidate: &Candidate, all: &[Candidate]) -> bool {
        let maker = |(at, c): &(usize, &Candidate)| {
            c.table == candidate.table
                && c.values > candidate.values
                && c.optional != Optional::Yes
                && self.names_person(c)
                && self.names_by_key(c)
                && self.role_of(c) == Role::Creator
                && self.meaning_of_person(all, *at).0 == Meaning::Owner
        };
        candidate.values > 0 && all.iter().enumerate().any(|one| maker(&one))
    }

    fn of_creator(
        &self,
        candidate: &Candidate,
        word: &str,
        other: bool,
        all: &[Candidate],
    ) -> Decided {
        if let Some(book) = self.book(candidate.table, all) {
            return mention(format!(
                "the application's own books (`{book}`), whoever made the row"
            ));
        }
        if self.is_noted_everywhere(candidate, all) {
            return mention(format!(
                "`{word}` is noted of accounts or of the application's own rows, too: who entered a row"
            ));
        }
        if let Some(members) = self.members_of(candidate.table, all) {
            return mention(format!("others take part in it (`{members}`)"));
        }
        if self.is_container(candidate.table) {
            return mention("others use what stands in it, whoever made it");
        }
        if candidate.optional != Optional::No
            && let Some(whole) = self.records(candidate, all)
        {
            return mention(format!(
                "the row records what became of one of `{whole}`, whose it is"
            ));
        }
        if self.are_accounts(candidate.table) {
            return mention("each row is a person, whoever entered it");
        }
        if let Some((part, whole)) = self.part_of(candidate.table, all) {
            return mention(format!(
                "rows of `{whole}`, which may be anybody's, are made of it (`{part}`)"
            ));
        }
        if other {
            return mention(format!(
                "another column says whose the row is, whoever `{word}` is"
            ));
        }
        owner(format!("`{word}` made the row"))
    }

    fn of_unknown(candidate: &Candidate, others: usize) -> Decided {
        let named_by_name = candidate.on_delete.is_none();
        match (candidate.optional, others) {
            (_, 0) if named_by_name => owner("it is the only person the row names"),
            (Optional::No, 0) => {
                owner("it is the only person the row names, and every row has one")
            }
            (Optional::No, _) if candidate.on_delete.is_some() => (
                Meaning::Undecided,
                "its name does not say what the person has to do with the row".into(),
            ),
            _ => mention("in doubt: its name does not say what the person has to do with the row"),
        }
    }
}

fn says_what_was_done(candidate: &Candidate) -> String {
    let word = candidate.stem.join("_");
    format!("`{word}` says what somebody did to the row, or is to do with it")
}
