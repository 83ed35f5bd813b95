//! Finding the rows that name given rows, at a cost that grows with the rows found.
//!
//! Where the database has an index for a reference, it serves. Where it has none, the table is
//! read once and the columns of all its unindexed references are copied into an indexed temporary
//! table, so that no table is scanned twice however many users, levels or references there are.
//! For some users only rows are copied that can name what is looked for: those of a table whose set
//! is complete by then.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

use rusqlite::Connection;

use crate::error::{Error, Result};
use crate::plan::{Link, Plan, RowIdentity};
use crate::sql::{
    columns, counts, create_set, identity, joined, main_table, names, quote, same_row, set_columns,
    type_of,
};

/// A table and one of its links, with where rows that hold it are looked up.
#[derive(Debug)]
struct Lookup<'p> {
    link: &'p Link,
    /// The number of the link among those of its copy; `None` where an index of the database serves.
    copied: Option<usize>,
    /// What is looked up by it is in the set of its parent.
    by_set: bool,
}

/// What the sets hold that lookups start from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sets {
    /// Most rows: no copy leaves one out.
    Most,
    /// Few rows. Those of the tables of so many groups are all there.
    Few {
        /// How many groups.
        complete: usize,
    },
}

impl Sets {
    /// Few rows, and none yet.
    pub(super) const FEW: Self = Self::Few { complete: 0 };
}

/// The lookups of every link of a plan.
#[derive(Debug)]
pub(super) struct Lookups<'p> {
    plan: &'p Plan,
    tables: Vec<TableLookups<'p>>,
    copies: RefCell<BTreeSet<usize>>,
    sets: Cell<Sets>,
}

#[derive(Debug)]
struct TableLookups<'p> {
    table: &'p str,
    identity: &'p RowIdentity,
    lookups: Vec<Lookup<'p>>,
}

impl<'p> Lookups<'p> {
    /// Asks `SQLite`, link by link, whether an index would serve.
    pub(super) fn new(connection: &Connection, plan: &'p Plan) -> Result<Self> {
        let mut tables: Vec<TableLookups<'p>> = Vec::new();
        let owners = plan.tables.iter();
        let owners = owners.flat_map(|t| {
            t.owners
                .iter()
                .map(move |link| (t.name.as_str(), &t.identity, link))
        });
        let mentions = plan
            .mentions
            .iter()
            .map(|m| (m.table.as_str(), &m.identity, &m.link));
        let keepers = plan.tables.iter().flat_map(|t| &t.keepers);
        let keepers = keepers.map(|k| (k.table.as_str(), &k.identity, &k.link));
        let by_set = owners.chain(mentions).map(|link| (link, true));
        // Keepers are those of rows that may go.
        let links = by_set.chain(keepers.map(|link| (link, false)));
        for ((table, identity, link), by_set) in links {
            let at = tables
                .iter()
                .position(|t| t.table == table)
                .unwrap_or_else(|| {
                    tables.push(TableLookups {
                        table,
                        identity,
                        lookups: Vec::new(),
                    });
                    tables.len() - 1
                });
            let copied = if has_index(connection, plan, table, link)? {
                None
            } else {
                Some(
                    tables[at]
                        .lookups
                        .iter()
                        .filter(|l| l.copied.is_some())
                        .count(),
                )
            };
            tables[at].lookups.push(Lookup {
                link,
                copied,
                by_set,
            });
        }
        Ok(Self {
            plan,
            tables,
            copies: RefCell::default(),
            sets: Cell::new(Sets::Most),
        })
    }

    /// `FROM` and `WHERE` (without the words) that find the rows of `table` which name rows of
    /// `set`, a set of the link's parent. The found row is `c`, identified by [`Found::identity`];
    /// the set's row is `s`. Copies the table first where nothing else serves.
    pub(super) fn find(
        &self,
        connection: &Connection,
        table: &str,
        link: &Link,
        set: &str,
    ) -> Result<Found> {
        let known = self.tables.iter().position(|t| t.table == table);
        let at = known.ok_or(Error::Bug("a lookup outside the plan"))?;
        let lookups = self.tables[at].lookups.iter();
        let copied = lookups
            .filter(|l| std::ptr::eq(l.link, link))
            .find_map(|l| l.copied);
        let identity_of = self.tables[at].identity;
        let Some(number) = copied else {
            return Ok(direct(self.plan, table, identity_of, link, set));
        };
        if self.copies.borrow_mut().insert(at) {
            self.copy(connection, at)?;
        }
        let (parent, value) = parent(self.plan, link, set);
        let pairs = value.iter().enumerate();
        let condition = joined(
            pairs.map(|(c, value)| format!("{value} = c.{}", copy_column(number, c))),
            " AND ",
        );
        Ok(Found {
            from: format!("{parent} CROSS JOIN temp.copy_{at} AS c"),
            condition,
            identity: set_columns("c.", identity_of),
        })
    }

    /// Says what the sets hold. A copy is good for sets that stay within it.
    pub(super) fn start_from(&self, sets: Sets) {
        self.sets.set(sets);
    }

    /// What they were said to hold.
    pub(super) fn sets(&self) -> Sets {
        self.sets.get()
    }

    /// So many groups are complete.
    pub(super) fn completed(&self, groups: usize) {
        if let Sets::Few { .. } = self.sets.get() {
            self.sets.set(Sets::Few { complete: groups });
        }
    }

    /// What a row of `c` has to fulfil to be found by a link.
    fn worth_copying(&self, lookup: &Lookup<'_>) -> String {
        let link = lookup.link;
        let Sets::Few { complete } = self.sets.get() else {
            return present(link);
        };
        let mut known = self.plan.groups.iter().take(complete);
        let is_known = known.any(|group| group.tables.contains(&link.parent));
        if !(is_known && lookup.by_set && link.parent_is_rowid) {
            return present(link);
        }
        let values = values(link);
        let named = values.iter().map(|value| format!("s.k0 = {value}"));
        format!(
            "EXISTS (SELECT 1 FROM {} AS s WHERE {})",
            super::rows::set_name(link.parent),
            joined(named, " AND ")
        )
    }

    /// Forgets the copies: another connection has written since they were made.
    pub(super) fn forget(&self, connection: &Connection) -> Result<()> {
        for at in std::mem::take(&mut *self.copies.borrow_mut()) {
            let sql = format!("DROP TABLE IF EXISTS temp.copy_{at}");
            connection.execute_batch(&sql).map_err(Error::surveying)?;
        }
        Ok(())
    }

    fn copy(&self, connection: &Connection, at: usize) -> Result<()> {
        let of = &self.tables[at];
        let numbered = of
            .lookups
            .iter()
            .filter_map(|lookup| Some((lookup.copied?, lookup.link)));
        let copied: Vec<(usize, &Link)> = numbered.collect();
        log::debug!(
            "reading `{}` once for {} references",
            of.table,
            copied.len()
        );
        let columns = copied
            .iter()
            .flat_map(|(number, link)| definitions(*number, link));
        let values = copied.iter().flat_map(|(_, link)| values(link));
        let unindexed = of.lookups.iter().filter(|lookup| lookup.copied.is_some());
        let worth = unindexed.map(|lookup| self.worth_copying(lookup));
        let indexes = copied.iter().map(|(number, link)| {
            let key = (0..link.columns.len()).map(|column| copy_column(*number, column));
            let key = joined(key, ", ");
            format!("CREATE INDEX temp.copy_{at}_{number} ON copy_{at}({key});")
        });
        // An older one is back where a transaction was rolled back in which it was forgotten.
        let sql = format!(
            "DROP TABLE IF EXISTS temp.copy_{at}; {} \
             INSERT INTO temp.copy_{at} SELECT {}, {} FROM {} AS c WHERE {}; {}",
            create_set(
                &format!("copy_{at}"),
                of.identity,
                &format!(", {}", joined(columns, ", "))
            ),
            identity("c", of.identity),
            joined(values, ", "),
            main_table(of.table),
            joined(worth, " OR "),
            joined(indexes, " "),
        );
        log::trace!("{sql}");
        connection.execute_batch(&sql).map_err(Error::surveying)
    }
}

fn copy_column(number: usize, column: usize) -> String {
    format!("r{number}_{column}")
}

/// The copied columns of a link, typed as the parent's: so a comparison with the parent's columns
/// can use an index on the copy.
fn definitions(number: usize, link: &Link) -> impl Iterator<Item = String> {
    let types = link.parent_types.iter().enumerate();
    types.map(move |(column, (affinity, collation))| {
        let (name, collation) = (copy_column(number, column), quote(collation));
        format!("{name} {} COLLATE {collation}", type_of(*affinity))
    })
}

/// What is copied of a row: null where its reference does not count.
fn values(link: &Link) -> Vec<String> {
    let when = joined(counts("c", &link.form), " AND ");
    let values = columns("c", link).into_iter();
    if when.is_empty() {
        return values.collect();
    }
    values
        .map(|value| format!("CASE WHEN {when} THEN {value} END"))
        .collect()
}

fn present(link: &Link) -> String {
    let columns = link.columns.iter();
    let present = joined(
        columns.map(|c| format!("c.{} IS NOT NULL", quote(c))),
        " AND ",
    );
    format!("({present})")
}

/// The pieces of a query that finds rows by what they name.
#[derive(Debug)]
pub(super) struct Found {
    /// What stands after FROM.
    pub(super) from: String,
    /// What stands after WHERE.
    pub(super) condition: String,
    /// The columns that identify the found row.
    pub(super) identity: String,
}

fn direct(plan: &Plan, table: &str, id: &RowIdentity, link: &Link, set: &str) -> Found {
    let (parent, _) = parent(plan, link, set);
    let condition = if link.parent_is_rowid {
        let values = columns("c", link).into_iter();
        let named = values.map(|value| format!("s.k0 = {value}"));
        joined(named.chain(counts("c", &link.form)), " AND ")
    } else {
        names("c", "p", link)
    };
    Found {
        from: format!("{parent} CROSS JOIN {} AS c", main_table(table)),
        condition,
        identity: identity("c", id),
    }
}

/// The rows of the set, joined with their table where the link names other columns than the rowid;
/// and the expressions of those columns.
fn parent(plan: &Plan, link: &Link, set: &str) -> (String, Vec<String>) {
    if link.parent_is_rowid {
        return (format!("{set} AS s"), vec!["s.k0".into()]);
    }
    let parent = &plan.tables[link.parent];
    let from = format!(
        "{set} AS s CROSS JOIN {} AS p ON {}",
        main_table(&parent.name),
        same_row("p", "s", &parent.identity)
    );
    let columns = link.parent_columns.iter();
    (from, columns.map(|c| format!("p.{}", quote(c))).collect())
}

/// `SQLite` itself says whether it would search or scan: it alone knows when an index's affinity,
/// collation and WHERE clause fit (<https://sqlite.org/eqp.html>).
fn has_index(connection: &Connection, plan: &Plan, table: &str, link: &Link) -> Result<bool> {
    let any = RowIdentity::Rowid("rowid".into());
    let set = super::rows::set_name(link.parent);
    let found = direct(plan, table, &any, link, &set);
    let sql = format!(
        "EXPLAIN QUERY PLAN SELECT 1 FROM {} WHERE {}",
        found.from, found.condition
    );
    let mut statement = connection.prepare(&sql).map_err(Error::surveying)?;
    let details = statement
        .query_map([], |row| row.get::<_, String>("detail"))
        .map_err(Error::surveying)?;
    for detail in details {
        let detail = detail.map_err(Error::surveying)?;
        if detail.starts_with("SEARCH c ") {
            return Ok(!detail.contains("AUTOMATIC"));
        }
    }
    Ok(false)
}
