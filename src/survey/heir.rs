//! Who is given what mentions an account that goes, and which columns cannot name that user.

use std::collections::BTreeMap;

use rusqlite::Connection;
use rusqlite::types::Value;

use super::counts;
use super::rows::mention_set;
use super::targets;
use crate::error::{Blocking, Error, HeirError, Result};
use crate::manifest::Users;
use crate::plan::{Mention, Plan};
use crate::sql::{joined, main_table, names, quote, type_of};

/// The user who inherits.
#[derive(Debug)]
pub(crate) struct Heir {
    pub(crate) key: Value,
    /// Mentions, by their place in the plan, that would name somebody else, or nobody.
    unfit: Vec<usize>,
}

impl Heir {
    /// Fails where there is no such user, or that user goes too.
    pub(super) fn find(
        connection: &Connection,
        plan: &Plan,
        users: &Users,
        name: &str,
    ) -> Result<Self> {
        let key = targets::heir(connection, plan, users, name)?;
        let mut unfit = Vec::new();
        for (at, mention) in plan.mentions.iter().enumerate() {
            if mention.can_be_inherited() && !is_named(connection, plan, mention, &key)? {
                unfit.push(at);
            }
        }
        Ok(Self { key, unfit })
    }

    /// Fails where rows are to be handed over that would not name the heir.
    pub(super) fn refuse_unfit(&self, connection: &Connection, plan: &Plan) -> Result<()> {
        for at in &self.unfit {
            let sql = format!("SELECT count(*) FROM {}", mention_set(*at));
            let rows = counts::number(connection, &sql, &[])?;
            if rows > 0 {
                return Err(Error::from(HeirError::Unfit(Blocking {
                    column: counts::column_of(plan, *at),
                    parent: plan.tables[0].name.clone(),
                    rows,
                    later: 0,
                })));
            }
        }
        Ok(())
    }
}

/// Whether a row that is given to the user with this key names that user: a column keeps a value in
/// the form that its own type asks for, `'01'` as the number 1.
fn is_named(connection: &Connection, plan: &Plan, mention: &Mention, key: &Value) -> Result<bool> {
    let link = &mention.link;
    let mut columns = BTreeMap::new();
    let pairs = link.columns.iter().zip(&link.parent_columns);
    for ((column, parent), affinity) in pairs.zip(&mention.affinities) {
        columns
            .entry(quote(column))
            .or_insert((type_of(*affinity), format!("u.{}", quote(parent))));
    }
    let declared = columns
        .iter()
        .map(|(column, (t, _))| format!("{column} {t}"));
    let values = columns.values().map(|(_, value)| value.clone());
    let users = main_table(&plan.tables[0].name);
    let user_key = quote(&plan.user_key);
    connection
        .execute_batch(&format!(
            "DROP TABLE IF EXISTS temp.heir; CREATE TEMP TABLE heir({})",
            joined(declared, ", ")
        ))
        .map_err(Error::surveying)?;
    let insert = format!(
        "INSERT INTO temp.heir SELECT {} FROM {users} AS u WHERE u.{user_key} = ?1",
        joined(values, ", ")
    );
    connection
        .execute(&insert, [key])
        .map_err(Error::surveying)?;
    let named = format!(
        "SELECT EXISTS (SELECT 1 FROM temp.heir AS c, {users} AS u WHERE u.{user_key} = ?1 AND {})",
        names("c", "u", link)
    );
    connection
        .query_row(&named, [key], |row| row.get(0))
        .map_err(Error::surveying)
}
