//! Which rows go with which user.
//!
//! For every table of the plan a temporary table holds the rows that go and, for each, the position
//! of the first user (in the order of the run) who takes it along. All users are surveyed together,
//! so the counts of a preview are cumulative: a row that two users reach is counted once.
//!
//! Outside cycles a table is complete as soon as its parents are. In a group of tables that reach
//! each other the users are taken one after another, each claiming what it reaches; a row once
//! claimed by an earlier user is not visited again, so the cost stays linear in the rows.

use std::cell::Cell;

use rusqlite::{Connection, params};

use super::lists;
use super::lookup::{Lookups, Sets};
use super::targets::Targets;
use crate::error::{Error, Result};
use crate::plan::{Group, Link, Mention, Plan, PlannedTable, RowIdentity};
use crate::sql::{create_set, identity, main_table, same_row, set_columns};

/// The set of the rows of table `at` that go.
pub(crate) fn set_name(at: usize) -> String {
    format!("temp.gone_{at}")
}

/// The set of the rows that mention what goes, of mention `at`.
pub(crate) fn mention_set(at: usize) -> String {
    format!("temp.mention_{at}")
}

/// The column of every set.
const OWNER: &str = ", owner INTEGER NOT NULL";

/// The rows that go, in temporary tables of one connection.
#[derive(Debug)]
pub(crate) struct Rows<'p> {
    pub(super) plan: &'p Plan,
    pub(super) lookups: Lookups<'p>,
    /// The sets have an index by owner.
    indexed: Cell<bool>,
}

impl<'p> Rows<'p> {
    /// Prepares empty sets on a connection.
    pub(crate) fn prepare(connection: &Connection, plan: &'p Plan) -> Result<Self> {
        for (at, table) in plan.tables.iter().enumerate() {
            let cyclic = plan
                .groups
                .iter()
                .any(|g| g.cyclic && g.tables.contains(&at));
            connection
                .execute_batch(&set_sql(at, &table.identity, cyclic))
                .map_err(Error::surveying)?;
            if !table.keepers.is_empty() {
                let candidates = owned_set(&format!("kept_{at}"), &table.identity);
                let whose = super::collateral::whose_sql(at, &table.identity);
                connection
                    .execute_batch(&format!("{candidates} {whose}"))
                    .map_err(Error::surveying)?;
            }
        }
        for (at, mention) in plan.mentions.iter().enumerate() {
            connection
                .execute_batch(&mention_sql(at, mention))
                .map_err(Error::surveying)?;
        }
        Ok(Self {
            plan,
            lookups: Lookups::new(connection, plan)?,
            indexed: Cell::new(false),
        })
    }

    /// Finds the rows of the targets: of all of them in their order, or of one; and, for the
    /// position `unowned`, every row of a user-data table that no user of the database owns.
    ///
    /// What the sets held before is forgotten. Reads the main database only.
    pub(crate) fn find(
        &self,
        connection: &Connection,
        only: Option<i64>,
        unowned: Option<i64>,
    ) -> Result<()> {
        self.clear(connection)?;
        Targets::seed(connection, self.plan, only)?;
        match unowned {
            Some(position) => self.spread_and_add_unowned(connection, position)?,
            None => self.spread(connection)?,
        }
        self.find_all_mentions(connection)
    }

    /// Finds the rows that nobody owns, for the position `owner`, whatever was found before.
    pub(crate) fn find_unowned(&self, connection: &Connection, owner: i64) -> Result<()> {
        self.clear(connection)?;
        self.spread_and_add_unowned(connection, owner)?;
        self.find_all_mentions(connection)
    }

    /// What users who are not meant own is found too, so as not to be taken for nobody's, and then
    /// left out.
    fn spread_and_add_unowned(&self, connection: &Connection, owner: i64) -> Result<()> {
        const SOMEBODY_ELSE: i64 = i64::MAX;
        Targets::seed_others(connection, self.plan, SOMEBODY_ELSE)?;
        self.spread(connection)?;
        self.add_unowned(connection, owner)?;
        for at in 0..self.plan.tables.len() {
            let sql = format!("DELETE FROM {} WHERE owner = ?1", set_name(at));
            execute(connection, &sql, [SOMEBODY_ELSE])?;
        }
        Ok(())
    }

    fn spread(&self, connection: &Connection) -> Result<()> {
        for (before, group) in self.plan.groups.iter().enumerate() {
            self.lookups.completed(before);
            self.enter_group(connection, group)?;
            if group.cyclic {
                self.spread_in_group(connection, group)?;
            }
        }
        Ok(())
    }

    fn find_all_mentions(&self, connection: &Connection) -> Result<()> {
        self.lookups.completed(self.plan.groups.len());
        (0..self.plan.mentions.len()).try_for_each(|at| self.find_mentions(connection, at))?;
        self.index_by_owner(connection)
    }

    /// An index is made of full sets at less cost than kept in order while they fill.
    fn index_by_owner(&self, connection: &Connection) -> Result<()> {
        if self.indexed.replace(true) {
            return Ok(());
        }
        let acyclic = self.plan.groups.iter().filter(|group| !group.cyclic);
        let sets = acyclic.flat_map(|group| group.tables.clone()).map(set_name);
        let mentions = (0..self.plan.mentions.len()).map(mention_set);
        sets.chain(mentions).try_for_each(|set| {
            let table = set.trim_start_matches("temp.");
            let sql = format!("CREATE INDEX {set}_owner ON {table}(owner)");
            connection.execute_batch(&sql).map_err(Error::surveying)
        })
    }

    /// Whether the sets are to hold few rows or most.
    pub(super) fn start_from(&self, sets: Sets) {
        self.lookups.start_from(sets);
    }

    /// Another connection has written: copies of its tables are stale.
    pub(crate) fn forget_copies(&self, connection: &Connection) -> Result<()> {
        self.lookups.forget(connection)
    }

    /// Indexes have come or gone: lookups are found anew.
    pub(crate) fn renew_lookups(&mut self, connection: &Connection) -> Result<()> {
        self.lookups.forget(connection)?;
        let sets = self.lookups.sets();
        self.lookups = Lookups::new(connection, self.plan)?;
        self.lookups.start_from(sets);
        Ok(())
    }

    /// Adds, for the position `owner`, every row of a user-data table that no set holds.
    fn add_unowned(&self, connection: &Connection, owner: i64) -> Result<()> {
        let tables = self.plan.tables.iter().enumerate().skip(1);
        let has_owner = |(_, table): &(usize, &PlannedTable)| !table.owners.is_empty();
        for (at, table) in tables.filter(has_owner) {
            let sql = format!(
                "INSERT INTO {set} ({}, owner) SELECT {}, ?1 FROM {} AS c \
                 WHERE NOT EXISTS (SELECT 1 FROM {set} AS s WHERE {})",
                set_columns("", &table.identity),
                identity("c", &table.identity),
                main_table(&table.name),
                same_row("c", "s", &table.identity),
                set = set_name(at),
            );
            execute(connection, &sql, [owner])?;
        }
        Ok(())
    }

    fn clear(&self, connection: &Connection) -> Result<()> {
        let sets = (0..self.plan.tables.len()).map(set_name);
        for set in sets.chain((0..self.plan.mentions.len()).map(mention_set)) {
            run(connection, &format!("DELETE FROM {set}"))?;
        }
        Ok(())
    }

    /// Rows that name a row of a table before this group.
    fn enter_group(&self, connection: &Connection, group: &Group) -> Result<()> {
        for at in group.tables.clone() {
            let outside = |link: &&Link| !group.tables.contains(&link.parent);
            for link in self.plan.tables[at].owners.iter().filter(outside) {
                if is_empty(connection, &set_name(link.parent))? {
                    continue;
                }
                let table = &self.plan.tables[at];
                let found =
                    self.lookups
                        .find(connection, &table.name, link, &set_name(link.parent))?;
                let keys = set_columns("", &table.identity);
                let sql = format!(
                    "INSERT INTO {set} ({keys}, owner) SELECT {}, s.owner FROM {} WHERE {} {}",
                    found.identity,
                    found.from,
                    found.condition,
                    format_args!(
                        "ON CONFLICT ({keys}) DO UPDATE SET owner = excluded.owner WHERE excluded.owner < owner"
                    ),
                    set = set_name(at),
                );
                run(connection, &sql)?;
            }
            self.enter_kept(connection, at, group)?;
        }
        Ok(())
    }

    /// Within a group: for one user after another, rows that name a row just found.
    fn spread_in_group(&self, connection: &Connection, group: &Group) -> Result<()> {
        let mut next = next_owner(connection, group, i64::MIN)?;
        while let Some(owner) = next {
            let mut wave = 0;
            while self.spread_once(connection, group, owner, wave)? {
                wave += 1;
            }
            next = next_owner(connection, group, owner)?;
        }
        Ok(())
    }

    fn spread_once(
        &self,
        connection: &Connection,
        group: &Group,
        owner: i64,
        wave: i64,
    ) -> Result<bool> {
        let mut more = false;
        for (at, link) in inner_links(self.plan, group) {
            let table = &self.plan.tables[at];
            let found = self
                .lookups
                .find(connection, &table.name, link, &set_name(link.parent))?;
            let keys = set_columns("", &table.identity);
            let sql = format!(
                "INSERT INTO {set} ({keys}, owner, wave) SELECT {}, ?1, ?2 + 1 FROM {} \
                 WHERE s.owner = ?1 AND s.wave = ?2 AND {} \
                 ON CONFLICT ({keys}) DO UPDATE SET owner = excluded.owner, wave = excluded.wave \
                 WHERE excluded.owner < owner",
                found.identity,
                found.from,
                found.condition,
                set = set_name(at),
            );
            more |= execute(connection, &sql, params![owner, wave])? > 0;
        }
        for at in group.tables.clone() {
            more |= self.spread_kept(connection, at, (group, owner, wave))?;
        }
        Ok(more)
    }

    /// Rows that mention what goes and still stand when it does: rows that stay, and rows of a
    /// later user.
    fn find_mentions(&self, connection: &Connection, at: usize) -> Result<()> {
        let mention = &self.plan.mentions[at];
        let parents = set_name(mention.link.parent);
        if is_empty(connection, &parents)? {
            return Ok(());
        }
        let found = match mention.link.form.list {
            Some(list) => lists::find(self.plan, mention, list, &parents),
            None => self
                .lookups
                .find(connection, &mention.table, &mention.link, &parents)?,
        };
        let gone_before = match mention.planned {
            Some(table) if table > 0 || self.plan.going().any(|at| at == 0) => format!(
                "AND NOT EXISTS (SELECT 1 FROM {} AS g WHERE ({}) = ({}) AND g.owner <= s.owner)",
                set_name(table),
                set_columns("g.", &mention.identity),
                found.identity
            ),
            _ => String::new(),
        };
        let sql = format!(
            "INSERT OR IGNORE INTO {} ({}, owner) SELECT {}, s.owner FROM {} WHERE {} {gone_before}",
            mention_set(at),
            set_columns("", &mention.identity),
            found.identity,
            found.from,
            found.condition,
        );
        run(connection, &sql)
    }
}

fn next_owner(connection: &Connection, group: &Group, after: i64) -> Result<Option<i64>> {
    let mut next: Option<i64> = None;
    for at in group.tables.clone() {
        let sql = format!("SELECT min(owner) FROM {} WHERE owner > ?1", set_name(at));
        let mut statement = connection.prepare_cached(&sql).map_err(Error::surveying)?;
        let first: Option<i64> = statement
            .query_row([after], |row| row.get(0))
            .map_err(Error::surveying)?;
        next = first.into_iter().chain(next).min();
    }
    Ok(next)
}

fn set_sql(at: usize, identity: &RowIdentity, cyclic: bool) -> String {
    if cyclic {
        let columns = ", owner INTEGER NOT NULL, wave INTEGER NOT NULL DEFAULT 0, \
                       waits INTEGER NOT NULL DEFAULT 0, level INTEGER";
        return format!(
            "{} CREATE INDEX temp.gone_{at}_wave ON gone_{at}(owner, wave); \
             CREATE INDEX temp.gone_{at}_level ON gone_{at}(owner, level, waits);",
            create_set(&format!("gone_{at}"), identity, columns)
        );
    }
    create_set(&format!("gone_{at}"), identity, OWNER)
}

fn mention_sql(at: usize, mention: &Mention) -> String {
    create_set(&format!("mention_{at}"), &mention.identity, OWNER)
}

fn owned_set(name: &str, identity: &RowIdentity) -> String {
    let create = create_set(name, identity, OWNER);
    format!("{create} CREATE INDEX temp.{name}_owner ON {name}(owner);")
}

pub(super) fn inner_links<'p>(plan: &'p Plan, group: &Group) -> Vec<(usize, &'p Link)> {
    let tables = group.tables.clone();
    let inside = |link: &&Link| group.tables.contains(&link.parent);
    tables
        .flat_map(|at| {
            plan.tables[at]
                .owners
                .iter()
                .filter(inside)
                .map(move |link| (at, link))
        })
        .collect()
}

pub(super) fn is_empty(connection: &Connection, set: &str) -> Result<bool> {
    let sql = format!("SELECT NOT EXISTS (SELECT 1 FROM {set})");
    let mut statement = connection.prepare_cached(&sql).map_err(Error::surveying)?;
    statement
        .query_row([], |row| row.get(0))
        .map_err(Error::surveying)
}

fn run(connection: &Connection, sql: &str) -> Result<()> {
    execute(connection, sql, []).map(drop)
}

pub(super) fn execute(
    connection: &Connection,
    sql: &str,
    params: impl rusqlite::Params,
) -> Result<usize> {
    log::trace!("{sql}");
    let mut statement = connection.prepare_cached(sql).map_err(Error::surveying)?;
    statement.execute(params).map_err(Error::surveying)
}
