//! Rows that go because nothing keeps them any longer: the last row that named them goes.
//!
//! The opposite of ownership. A kept row is a candidate as soon as a row that carries it goes; it
//! goes if every row that names it goes, with the last user who takes one of them along. Each step
//! looks at the candidates alone, by the same lookups as everything else.

use rusqlite::Connection;

use super::rows::{Rows, execute, is_empty, set_name};
use crate::error::Result;
use crate::plan::{Accounts, Group, Hold, Keeper};
use crate::sql::{identity, main_table, names, same_row, set_columns};

/// Which users' rows have been found so far: those up to a position, or all.
#[derive(Clone, Copy)]
enum Found {
    All,
    UpTo(i64),
}

fn candidates(at: usize) -> String {
    format!("temp.kept_{at}")
}

impl Rows<'_> {
    /// Rows of a table that rows of tables before its group kept.
    pub(super) fn enter_kept(
        &self,
        connection: &Connection,
        at: usize,
        group: &Group,
    ) -> Result<()> {
        let outside = |k: &&Keeper| k.planned.is_some_and(|p| !group.tables.contains(&p));
        self.nominate(connection, at, "", outside)?;
        self.claim(connection, at, (Found::All, ""))?;
        Ok(())
    }

    /// Rows of a table that rows of its group, just found with the user `owner`, kept. Whether there
    /// are any.
    pub(super) fn spread_kept(
        &self,
        connection: &Connection,
        at: usize,
        (group, owner, wave): (&Group, i64, i64),
    ) -> Result<bool> {
        let inside = |k: &&Keeper| k.planned.is_some_and(|p| group.tables.contains(&p));
        let just_found = format!("AND s.owner = {owner} AND s.wave = {wave}");
        self.nominate(connection, at, &just_found, inside)?;
        // What a row before the group carries may have been held by a row just found.
        let before = |k: &&Keeper| k.planned.is_some_and(|p| p < group.tables.start);
        self.add_nominees(connection, at, &format!("AND s.owner <= {owner}"), before)?;
        let with_wave = format!("{}", wave + 1);
        self.claim(connection, at, (Found::UpTo(owner), &with_wave))
    }

    /// The rows that rows which go carry.
    fn nominate(
        &self,
        connection: &Connection,
        at: usize,
        which: &str,
        counts: impl Fn(&&Keeper) -> bool,
    ) -> Result<()> {
        let table = &self.plan.tables[at];
        if table.keepers.is_empty() {
            return Ok(());
        }
        execute(connection, &format!("DELETE FROM {}", candidates(at)), [])?;
        self.add_nominees(connection, at, which, counts)
    }

    fn add_nominees(
        &self,
        connection: &Connection,
        at: usize,
        which: &str,
        counts: impl Fn(&&Keeper) -> bool,
    ) -> Result<()> {
        let table = &self.plan.tables[at];
        for keeper in table.keepers.iter().filter(counts) {
            let Some(from) = keeper.planned.filter(|from| self.goes(*from)) else {
                continue;
            };
            if keeper.hold == Hold::Holds || is_empty(connection, &set_name(from))? {
                continue;
            }
            let keys = set_columns("", &table.identity);
            let sql = format!(
                "INSERT INTO {} ({keys}, owner) SELECT {}, s.owner FROM {} AS s CROSS JOIN {} AS c ON {} \
                 CROSS JOIN {} AS p ON {} WHERE true {which} \
                 ON CONFLICT ({keys}) DO UPDATE SET owner = max(owner, excluded.owner)",
                candidates(at),
                identity("p", &table.identity),
                set_name(from),
                main_table(&keeper.table),
                same_row("c", "s", &keeper.identity),
                main_table(&table.name),
                names("c", "p", &keeper.link),
            );
            execute(connection, &sql, [])?;
        }
        Ok(())
    }

    /// Candidates that nothing holds any longer go with the last user who takes one of their keepers.
    fn claim(
        &self,
        connection: &Connection,
        at: usize,
        (found, wave): (Found, &str),
    ) -> Result<bool> {
        let table = &self.plan.tables[at];
        if table.keepers.is_empty() || is_empty(connection, &candidates(at))? {
            return Ok(false);
        }
        for keeper in &table.keepers {
            self.drop_held(connection, at, keeper, found)?;
        }
        let keys = set_columns("", &table.identity);
        let (column, value, set) = match wave {
            "" => ("", String::new(), ""),
            wave => (", wave", format!(", {wave}"), ", wave = excluded.wave"),
        };
        let sql = format!(
            "INSERT INTO {} ({keys}, owner{column}) SELECT {keys}, owner{value} FROM {} WHERE true \
             ON CONFLICT ({keys}) DO UPDATE SET owner = excluded.owner{set} WHERE excluded.owner < owner",
            set_name(at),
            candidates(at),
        );
        Ok(execute(connection, &sql, [])? > 0)
    }

    fn drop_held(
        &self,
        connection: &Connection,
        at: usize,
        keeper: &Keeper,
        found: Found,
    ) -> Result<()> {
        let key = &self.plan.tables[at].identity;
        let set = candidates(at);
        let naming = self
            .lookups
            .find(connection, &keeper.table, &keeper.link, &set)?;
        let (keys, of_set) = (set_columns("", key), set_columns("s.", key));
        let Some(from) = keeper.planned.filter(|from| self.goes(*from)) else {
            let sql = format!(
                "DELETE FROM {set} WHERE ({keys}) IN (SELECT {of_set} FROM {} WHERE {})",
                naming.from, naming.condition
            );
            return execute(connection, &sql, []).map(drop);
        };
        let up_to = match found {
            Found::All => String::new(),
            Found::UpTo(owner) => format!("AND g.owner <= {owner}"),
        };
        let goes = format!(
            "{} AS g WHERE ({}) = ({}) {up_to}",
            set_name(from),
            set_columns("g.", &keeper.identity),
            naming.identity
        );
        let sql = format!(
            "DELETE FROM {set} WHERE ({keys}) IN (SELECT {of_set} FROM {} WHERE {} \
             AND NOT EXISTS (SELECT 1 FROM {goes}))",
            naming.from, naming.condition
        );
        execute(connection, &sql, [])?;
        let same = same_keys(key.columns().len());
        let sql = format!(
            "UPDATE {set} AS k SET owner = last.owner FROM (SELECT {of_set}, \
             max((SELECT g.owner FROM {goes})) AS owner FROM {} WHERE {} GROUP BY {of_set}) AS last \
             WHERE {same} AND last.owner > k.owner",
            naming.from, naming.condition
        );
        execute(connection, &sql, []).map(drop)
    }

    /// The accounts' own rows are in a set also where they stay.
    fn goes(&self, table: usize) -> bool {
        table > 0 || self.plan.accounts == Accounts::Delete
    }
}

fn same_keys(columns: usize) -> String {
    let pairs = (0..columns).map(|at| format!("k.k{at} = last.k{at}"));
    crate::sql::joined(pairs, " AND ")
}
