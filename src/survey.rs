//! The survey: what goes with each user under a plan. Reads only.
//!
//! Rows first, by key, in temporary tables; then files, from the rows found and the users'
//! directories. The preview prints what is found here and the deed deletes by it, so the two cannot
//! disagree.

mod aliases;
mod collateral;
mod contents;
mod counts;
mod due;
mod file_table;
mod files;
mod findings;
mod heir;
mod keepers;
mod letters;
mod levels;
mod lists;
mod looks;
mod lookup;
mod loose;
mod mentioned;
mod named_files;
mod namesakes;
mod person;
mod renamed;
mod right_root;
mod rows;
mod standing_files;
mod strays;
mod survivors;
mod targets;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use rusqlite::Connection;

pub(crate) use aliases::Doubts;
pub use collateral::Collateral;
pub(crate) use contents::Contents;
pub use contents::Emptied;
pub(crate) use counts::Mentions;
pub use counts::{MentionCount, TableCount};
pub(crate) use file_table::number;
pub(crate) use files::{Files, NAMED_BY_ANOTHER, STILL_HOLDS};
pub(crate) use findings::Findings;
pub use findings::{Kept, Trouble};
use heir::Heir;
pub(crate) use person::{each_person, person_at, person_of};
pub(crate) use rows::{Rows, mention_set, set_name};
pub use strays::Held;
pub(crate) use strays::{held, with_strays};
pub(crate) use survivors::{NAMED, Rows as NamingRows, are_spelt_plainly, mark as mark_shared};
pub use targets::Selection;
pub(crate) use targets::{Targets, name_of};

use lookup::Sets;

use crate::database::data_version;
use crate::error::{Error, Result};
use crate::manifest::Users;
use crate::plan::{Accounts, Plan};
use crate::sql::{main_table, quote};

/// Whether rows that nobody owns go as well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unowned {
    /// They stay and are reported.
    #[default]
    Keep,
    /// They go, after the last user.
    Delete,
}

/// Whose rows are asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    pub(crate) selection: &'a Selection,
    pub(crate) unowned: Unowned,
    /// Who is given mentions of accounts that can neither stay nor be set to null.
    pub(crate) reassign_to: Option<&'a str>,
}

/// The rows of a run, found on one connection.
#[derive(Debug)]
pub(crate) struct Survey<'p> {
    pub(crate) plan: &'p Plan,
    pub(crate) targets: Targets,
    pub(crate) rows: Rows<'p>,
    /// The state of the database that was surveyed.
    pub(crate) version: i64,
    /// The position of rows that nobody owns, if they go.
    pub(crate) unowned: Option<i64>,
    /// Who is given what mentions an account that goes.
    pub(crate) heir: Option<Heir>,
}

/// What the survey of rows found, as values.
#[derive(Clone, Debug, Default)]
pub(crate) struct RowFindings {
    pub(crate) going: Vec<TableCount>,
    pub(crate) unowned: Vec<TableCount>,
    pub(crate) mentions: Mentions,
    pub(crate) collateral: Vec<Collateral>,
}

impl<'p> Survey<'p> {
    /// Finds the rows of everyone selected. Inside a read transaction, so that it sees one state.
    ///
    /// Fails where a selected user does not exist, the heir does not or goes too, or a row that
    /// stays blocks the deletion or cannot name the heir.
    pub(crate) fn take(
        connection: &Connection,
        plan: &'p Plan,
        users: &Users,
        request: Request,
    ) -> Result<Self> {
        let targets = Targets::resolve(connection, plan, users, request.selection)?;
        let heir = request.reassign_to;
        let heir = heir.map(|name| Heir::find(connection, plan, users, name));
        let heir = heir.transpose()?;
        let rows = Rows::prepare(connection, plan)?;
        let unowned = (request.unowned == Unowned::Delete).then_some(targets.last + 1);
        // The sets grow by what nobody owns when all else is found.
        let few = !targets.everyone && unowned.is_none();
        rows.start_from(if few { Sets::FEW } else { Sets::Most });
        rows.find(connection, None, unowned)?;
        let survey = Self {
            version: data_version(connection)?,
            plan,
            targets,
            rows,
            unowned,
            heir,
        };
        survey.refuse_blocked(connection)?;
        Ok(survey)
    }

    fn refuse_blocked(&self, connection: &Connection) -> Result<()> {
        let blocking = counts::blocking(connection, self.plan, self.heir.is_some())?;
        if !blocking.is_empty() {
            return Err(Error::Blocked(blocking));
        }
        if let Some(heir) = &self.heir {
            heir.refuse_unfit(connection, self.plan)?;
        }
        loose::refuse(connection, self.plan)
    }

    /// Counts what was found.
    pub(crate) fn findings(&self, connection: &Connection) -> Result<RowFindings> {
        let everyone = self.targets.everyone;
        Ok(RowFindings {
            going: counts::going(connection, self.plan, None)?,
            unowned: if everyone {
                counts::unowned(connection, self.plan)?
            } else {
                Vec::new()
            },
            mentions: counts::mentions(connection, self.plan)?,
            collateral: if everyone {
                Vec::new()
            } else {
                collateral::count(connection, self.plan, None)?
            },
        })
    }

    /// Rows of the users table whose key is null, where everyone is meant.
    pub(crate) fn keyless_users(&self, connection: &Connection) -> Result<i64> {
        if !self.targets.everyone {
            return Ok(0);
        }
        let (users, key) = (
            main_table(&self.plan.tables[0].name),
            quote(&self.plan.user_key),
        );
        let sql = format!("SELECT count(*) FROM {users} WHERE {key} IS NULL");
        let count = connection.query_row(&sql, [], |row| row.get(0));
        count.map_err(Error::surveying)
    }

    /// Whether the account with the highest key goes, where keys are handed out again.
    pub(crate) fn highest_key_goes(&self, connection: &Connection, reused: bool) -> Result<bool> {
        if !reused || self.plan.accounts == Accounts::Keep {
            return Ok(false);
        }
        let (users, key) = (
            main_table(&self.plan.tables[0].name),
            quote(&self.plan.user_key),
        );
        let sql = format!(
            "SELECT EXISTS (SELECT 1 FROM temp.target WHERE key = (SELECT max({key}) FROM {users}))"
        );
        let goes = connection.query_row(&sql, [], |row| row.get(0));
        goes.map_err(Error::surveying)
    }

    /// Rows that go with one user, by table.
    pub(crate) fn going_with(
        &self,
        connection: &Connection,
        position: i64,
    ) -> Result<Vec<TableCount>> {
        counts::going(connection, self.plan, Some(position))
    }

    /// Rows of users who stay that go with one user.
    pub(crate) fn collateral_of(
        &self,
        connection: &Connection,
        position: i64,
    ) -> Result<Vec<Collateral>> {
        if self.targets.everyone {
            return Ok(Vec::new());
        }
        collateral::count(connection, self.plan, Some(position))
    }

    /// How many rows those are.
    pub(crate) fn collateral_rows(&self, connection: &Connection, position: i64) -> Result<u64> {
        let collateral = self.collateral_of(connection, position)?;
        Ok(collateral.iter().map(|collateral| collateral.rows).sum())
    }

    /// How many rows those are for each position that has any.
    pub(crate) fn collateral_by_position(
        &self,
        connection: &Connection,
    ) -> Result<BTreeMap<i64, u64>> {
        let mut rows = BTreeMap::new();
        let mut next = Targets::next(connection, 0)?;
        while let Some(position) = next.filter(|_| !self.targets.everyone) {
            let count = self.collateral_rows(connection, position)?;
            rows.extend((count > 0).then_some((position, count)));
            next = Targets::next(connection, position)?;
        }
        Ok(rows)
    }

    /// Before the first user goes: nothing has been mentioned.
    pub(crate) fn begin_mentions(&self, connection: &Connection) -> Result<()> {
        mentioned::prepare(connection, self.plan)?;
        match self.heir {
            Some(_) => renamed::follow(connection, self.plan),
            None => Ok(()),
        }
    }

    /// Notes what mentions the rows that go with one user, in that user's transaction.
    pub(crate) fn note_mentions(&self, connection: &Connection, position: i64) -> Result<()> {
        mentioned::note(connection, self.plan, position)
    }

    /// Mentions, by rows that stand, of what has gone.
    pub(crate) fn mentions(&self, connection: &Connection) -> Result<Mentions> {
        mentioned::count(connection, self.plan)
    }

    /// Finds the rows of one user anew, because the database has changed since the survey. The rows
    /// found for others are forgotten: from here on every user is surveyed alone.
    ///
    /// Fails where the user is gone, or a row that stays blocks the deletion.
    pub(crate) fn take_again(&self, connection: &Connection, position: i64) -> Result<()> {
        self.rows.forget_copies(connection)?;
        if self.unowned == Some(position) {
            self.rows.start_from(Sets::Most);
            self.rows.find_unowned(connection, position)?;
        } else {
            self.rows.start_from(Sets::FEW);
            self.rows.find(connection, Some(position), None)?;
            if Targets::is_gone(connection)? {
                return Err(Error::UserGone);
            }
        }
        self.refuse_blocked(connection)
    }
}
