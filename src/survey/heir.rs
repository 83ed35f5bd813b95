//! Who is given what mentions an account that goes, and which columns cannot name that user.

use std::collections::BTreeMap;

use rusqlite::Connection;
use rusqlite::types::Value;

use super::counts;
use super::rows::mention_set;
use super::targets;
use crate::error::{Blocking, Error, HeirError, Result};
use crate::manifest::Users;
use crate::plan::{Keeps, Mention, Plan};
use crate::schema::Affinity;
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
/// the form that its own type asks for, `'01'` as the number 1, or refuses it.
fn is_named(connection: &Connection, plan: &Plan, mention: &Mention, key: &Value) -> Result<bool> {
    let link = &mention.link;
    let mut columns = BTreeMap::new();
    let pairs = link.columns.iter().zip(&link.parent_columns);
    for ((column, parent), keeps) in pairs.zip(&mention.keeps) {
        columns
            .entry(quote(column))
            .or_insert((*keeps, format!("u.{}", quote(parent))));
    }
    let (users, user_key) = (main_table(&plan.tables[0].name), quote(&plan.user_key));
    let declared = columns.iter().map(|(column, (keeps, _))| {
        let (Keeps::Anything(affinity) | Keeps::Only(affinity)) = keeps;
        format!("{column} {}", type_of(*affinity))
    });
    let make = format!(
        "DROP TABLE IF EXISTS temp.heir; CREATE TEMP TABLE heir({})",
        joined(declared, ", ")
    );
    connection.execute_batch(&make).map_err(Error::surveying)?;
    let values = columns.values().map(|(_, value)| value.clone());
    let insert = format!(
        "INSERT INTO temp.heir SELECT {} FROM {users} AS u WHERE u.{user_key} = ?1",
        joined(values, ", ")
    );
    connection
        .execute(&insert, [key])
        .map_err(Error::surveying)?;
    let admitted = columns
        .iter()
        .filter_map(|(column, (keeps, _))| admits(column, *keeps));
    let named = format!(
        "SELECT EXISTS (SELECT 1 FROM temp.heir AS c, {users} AS u WHERE u.{user_key} = ?1 AND {})",
        joined(admitted.chain([names("c", "u", link)]), " AND ")
    );
    connection
        .query_row(&named, [key], |row| row.get(0))
        .map_err(Error::surveying)
}

/// What must hold of a value for a column to keep it; nothing where it keeps everything.
fn admits(column: &str, keeps: Keeps) -> Option<String> {
    let type_ = match keeps {
        Keeps::Only(Affinity::Integer) => "integer",
        Keeps::Only(Affinity::Real) => "real",
        Keeps::Only(Affinity::Text) => "text",
        Keeps::Only(Affinity::Numeric | Affinity::Blob) | Keeps::Anything(_) => return None,
    };
    Some(format!("typeof(c.{column}) = '{type_}'"))
}
