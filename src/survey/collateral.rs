//! Rows of users who are not meant, which go because they hang on a row that goes.

mod kept;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use rusqlite::Connection;

pub(super) use kept::whose_sql;

use super::rows::set_name;
use super::targets::user_key;
use crate::error::{Error, Result};
use crate::plan::{Link, Plan};
use crate::sql::{joined, main_table, names, quote, same_row};
use crate::user::UserKey;

/// Rows of one table that belong to a user who stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collateral {
    /// The table.
    pub table: String,
    /// The user who stays.
    pub owner: UserKey,
    /// How many rows of theirs go.
    pub rows: u64,
}

impl Collateral {
    /// One entry for each table and owner.
    pub(crate) fn merged(collateral: Vec<Self>) -> Vec<Self> {
        let mut rows: BTreeMap<(String, UserKey), u64> = BTreeMap::new();
        for one in collateral {
            *rows.entry((one.table, one.owner)).or_default() += one.rows;
        }
        let one = |((table, owner), rows)| Self { table, owner, rows };
        rows.into_iter().map(one).collect()
    }
}

/// Collateral of all targets, or of the one at `position`: by table and owner.
///
/// A row is its natural owner's: the user to whom its owner references lead, the one with the
/// cheapest way first, the next where that leads to nobody. A row that has none is theirs whose rows
/// kept it.
pub(crate) fn count(
    connection: &Connection,
    plan: &Plan,
    position: Option<i64>,
) -> Result<Vec<Collateral>> {
    let ways = Ways::cheapest(plan);
    let whose = if position.is_some() {
        "s.owner = ?1"
    } else {
        "?1 IS NULL"
    };
    let mut counts: BTreeMap<(String, UserKey), u64> = BTreeMap::new();
    for (at, table) in plan.tables.iter().enumerate().skip(1) {
        let sql = match query(plan, &ways, at, whose) {
            Some(sql) => sql,
            None if table.keepers.is_empty() => continue,
            None => {
                kept::note(connection, plan, (&ways, at), (whose, position))?;
                kept::query(at)
            }
        };
        let mut statement = connection.prepare_cached(&sql).map_err(Error::surveying)?;
        let bound: &[Option<i64>] = if statement.parameter_count() == 0 {
            &[]
        } else {
            &[position]
        };
        let mut rows = statement
            .query(rusqlite::params_from_iter(bound))
            .map_err(Error::surveying)?;
        while let Some(row) = rows.next().map_err(Error::surveying)? {
            let owner = user_key(row, 0)?;
            let rows: u64 = row.get(1).map_err(Error::surveying)?;
            *counts.entry((table.name.clone(), owner)).or_default() += rows;
        }
    }
    let one = |((table, owner), rows)| Collateral { table, owner, rows };
    Ok(counts.into_iter().map(one).collect())
}

/// The key of the user whose the row `c` of table `at` is. `None` where no owner reference leads to a
/// user: rows that are kept by others have no owner of their own.
fn natural_owner(plan: &Plan, ways: &Ways, at: usize) -> Option<String> {
    let leads = |link: &&Link| link.parent == 0 || ways.next[link.parent].is_some();
    let mut links: Vec<&Link> = plan.tables[at].owners.iter().filter(leads).collect();
    if links.is_empty() {
        return None;
    }
    links.sort_by_key(|link| ways.cost(link));
    let owners = links.into_iter().map(|link| owner_along(plan, ways, link));
    Some(format!("coalesce({}, NULL)", joined(owners, ", ")))
}

fn query(plan: &Plan, ways: &Ways, at: usize, whose: &str) -> Option<String> {
    let table = &plan.tables[at];
    let owner = natural_owner(plan, ways, at)?;
    Some(format!(
        "SELECT theirs, count(*) FROM (SELECT {owner} AS theirs FROM {} AS s \
         CROSS JOIN {} AS c ON {} WHERE {whose}) WHERE theirs IS NOT NULL \
         AND NOT EXISTS (SELECT 1 FROM temp.target AS t WHERE t.key = theirs) GROUP BY theirs",
        set_name(at),
        main_table(&table.name),
        same_row("c", "s", &table.identity),
    ))
}

/// The key of the user to whom `link` of the row `c` leads, by the cheapest way: a join, and at its
/// end the question for the rest, for no join takes more than 64 tables.
fn owner_along(plan: &Plan, ways: &Ways, link: &Link) -> String {
    const JOINED: usize = 32;
    let mut way = vec![link];
    while let Some(next) = way.last().and_then(|last| ways.next[last.parent]) {
        way.push(next);
    }
    let row = |step: usize| {
        step.checked_sub(1)
            .map_or("c".into(), |at| format!("w{at}"))
    };
    let joins = way.chunks(JOINED).enumerate().rev();
    let key = format!("{}.{}", row(way.len()), quote(&plan.user_key));
    joins.fold(key, |answer, (part, links)| {
        let first = part * JOINED;
        let tables = links.iter().enumerate().map(|(at, link)| {
            let table = main_table(&plan.tables[link.parent].name);
            format!("{table} AS {}", row(first + at + 1))
        });
        let conditions = links.iter().enumerate();
        let conditions =
            conditions.map(|(at, link)| names(&row(first + at), &row(first + at + 1), link));
        let (tables, conditions) = (joined(tables, " CROSS JOIN "), joined(conditions, " AND "));
        format!("(SELECT {answer} FROM {tables} WHERE {conditions})")
    })
}

/// For each table the owner link that leads to the users table by the cheapest way, and what that costs.
///
/// A step to a row of which each user has one, a profile or an actor, is nearly the user: any number of
/// those is cheaper than one step to what a row hangs on. So a reply is its author's, and not that of
/// whoever owns the board.
struct Ways<'p> {
    next: Vec<Option<&'p Link>>,
    costs: Vec<usize>,
}

impl<'p> Ways<'p> {
    fn cheapest(plan: &'p Plan) -> Self {
        let count = plan.tables.len();
        let mut children = vec![Vec::new(); count];
        for (at, table) in plan.tables.iter().enumerate().skip(1) {
            for link in &table.owners {
                children[link.parent].push((at, link));
            }
        }
        let mut ways = Self {
            next: vec![None; count],
            costs: vec![usize::MAX; count],
        };
        ways.costs[0] = 0;
        let mut found = BinaryHeap::from([Reverse((0, 0))]);
        while let Some(Reverse((_, parent))) = found.pop() {
            for &(at, link) in &children[parent] {
                let cost = ways.cost(link);
                if cost < ways.costs[at] {
                    ways.costs[at] = cost;
                    found.push(Reverse((cost, at)));
                }
            }
        }
        for (at, table) in plan.tables.iter().enumerate().skip(1) {
            let leads = |link: &&Link| ways.costs[link.parent] < usize::MAX;
            let links = table.owners.iter().filter(leads);
            ways.next[at] = links.min_by_key(|link| ways.cost(link));
        }
        ways
    }

    fn cost(&self, link: &Link) -> usize {
        let step = if link.one_each { 1 } else { self.costs.len() };
        self.costs[link.parent].saturating_add(step)
    }
}
