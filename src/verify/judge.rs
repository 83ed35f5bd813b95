//! What a found identifier means: whether it goes with the user, is expected to stay, or is left behind.

use rusqlite::types::Value;
use rusqlite::{Connection, params, params_from_iter};

use super::Stage;
use super::identifiers::{Identifiers, key_of_row};
use super::scan::Hit;
use super::tables::{ColumnToRead, TableToRead};
use super::tokens::Kind;
use crate::error::{Error, Result};
use crate::manifest::UserRows;
use crate::outbox;
use crate::plan::{Accounts, Plan, RowIdentity};
use crate::roots::{Visited, shown};
use crate::sql::{joined, quote};
use crate::survey::{Kept, number, set_name};
use crate::user::UserKey;

/// What becomes of what was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verdict {
    /// It is left behind, or will be: the remedy.
    Left(&'static str),
    /// It stays, and is meant to: why.
    Expected(&'static str),
    /// It goes with the user: with what.
    Covered(&'static str),
}

pub(super) const UNCOVERED: Verdict = Verdict::Left(
    "nothing in the manifest makes it the user's; declare a reference, or see to it by hand",
);
pub(super) const BEHIND: Verdict = Verdict::Left("left behind; see to it by hand");
const ACCOUNT: Verdict = Verdict::Expected("the account itself");
const MENTION: Verdict = Verdict::Expected("a mention, in a row that stays");
const SHARED: Verdict = Verdict::Expected("somebody else's row names it too, or what is in it");
const ROW: Verdict = Verdict::Covered("the row goes with the user");
const INDEX: Verdict = Verdict::Covered("its row goes with the user");

/// Knows the sets of the survey, if there is one.
#[derive(Debug)]
pub(crate) struct Judge<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) plan: &'a Plan,
    pub(crate) identifiers: &'a Identifiers,
    pub(crate) stage: Stage,
    pub(crate) shared: &'a [Kept],
}

impl Judge<'_> {
    /// What has nothing to do with any row or file that goes.
    pub(crate) fn otherwise(&self) -> Verdict {
        match self.stage {
            Stage::Before => UNCOVERED,
            Stage::After(_) => BEHIND,
        }
    }

    /// An identifier in a row.
    pub(crate) fn row(&self, table: &TableToRead, hit: &Hit) -> Result<Verdict> {
        let column = &table.columns[hit.column];
        if table.name == outbox::TABLE {
            return Ok(Verdict::Expected(
                "unfinished work, which `reset-app resume` finishes",
            ));
        }
        let has_accounts = self.plan.user_rows == UserRows::One;
        if has_accounts && table.planned == Some(0) && self.is_own_account(hit)? {
            return Ok(match self.stage {
                Stage::Before | Stage::After(Accounts::Keep) => ACCOUNT,
                Stage::After(Accounts::Delete) => BEHIND,
            });
        }
        if self.goes(table, &hit.row)? {
            return Ok(ROW);
        }
        if self.is_mention(column, hit.meaning.1) {
            return Ok(MENTION);
        }
        if table.name.starts_with("sqlite_stat") {
            return Ok(Verdict::Left(
                "statistics of SQLite; `ANALYZE` makes them anew",
            ));
        }
        Ok(self.otherwise())
    }

    fn is_mention(&self, column: &ColumnToRead, kind: Kind) -> bool {
        let accounts_stay = matches!(self.stage, Stage::Before | Stage::After(Accounts::Keep));
        column.mentions_users && accounts_stay && (kind == Kind::Key || !column.names_users)
    }

    fn is_own_account(&self, hit: &Hit) -> Result<bool> {
        let found = key_of_row(self.connection, self.plan, &hit.row)?;
        let own = self.identifiers.keys.get(&hit.meaning.0);
        Ok(match (found, own) {
            (Some(Value::Integer(found)), Some(UserKey::Integer(own))) => found == *own,
            (Some(Value::Text(found)), Some(UserKey::Text(own))) => found.as_bytes() == own,
            (Some(Value::Blob(found)), Some(UserKey::Blob(own))) => found == *own,
            _ => false,
        })
    }

    fn goes(&self, table: &TableToRead, row: &[Value]) -> Result<bool> {
        if self.stage != Stage::Before {
            return Ok(false);
        }
        if let (Some(at), Some(identity)) = (table.planned, &table.identity) {
            return Ok(
                self.plan.going().any(|going| going == at) && self.is_in_set(at, identity, row)?
            );
        }
        self.goes_from_index(&table.fed_by, row.first())
    }

    /// A row of an index goes with the row of the same rowid in the table whose triggers feed it.
    pub(crate) fn goes_from_index(&self, fed_by: &[usize], rowid: Option<&Value>) -> Result<bool> {
        let Some(rowid) = rowid.filter(|_| self.stage == Stage::Before) else {
            return Ok(false);
        };
        for &at in fed_by {
            let identity = &self.plan.tables[at].identity;
            let has_rowid = matches!(identity, RowIdentity::Rowid(_));
            if has_rowid && self.is_in_set(at, identity, std::slice::from_ref(rowid))? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// A row of an index that is asked for words.
    pub(crate) fn index(&self, fed_by: &[usize], rowid: &Value) -> Result<Verdict> {
        Ok(if self.goes_from_index(fed_by, Some(rowid))? {
            INDEX
        } else {
            self.otherwise()
        })
    }

    fn is_in_set(&self, at: usize, identity: &RowIdentity, row: &[Value]) -> Result<bool> {
        let pairs = (0..identity.columns().len()).map(|k| format!("k{k} = ?{}", k + 1));
        let sql = format!(
            "SELECT EXISTS (SELECT 1 FROM {} WHERE {})",
            set_name(at),
            joined(pairs, " AND ")
        );
        let mut statement = self
            .connection
            .prepare_cached(&sql)
            .map_err(Error::surveying)?;
        let found = statement.query_row(params_from_iter(row), |row| row.get(0));
        found.map_err(Error::surveying)
    }

    /// A file, or a directory, below a root.
    pub(crate) fn file(&self, visited: &Visited) -> Result<Verdict> {
        if self.stage != Stage::Before {
            let path = shown(&visited.path());
            let stays = self.shared.iter().any(|kept| kept.path == path);
            return Ok(if stays { SHARED } else { self.otherwise() });
        }
        let path = std::os::unix::ffi::OsStrExt::as_bytes(visited.relative.as_os_str());
        let listed = "SELECT max(shared) FROM temp.file WHERE root = ?1 AND path = ?2";
        let shared: Option<bool> = self.one(listed, visited.root, path)?;
        let directory = "SELECT max(clean) FROM temp.directory WHERE root = ?1 AND path = ?2";
        Ok(match shared {
            Some(true) => SHARED,
            Some(false) => Verdict::Covered("the file goes with the user"),
            None if self.one(directory, visited.root, path)?.is_some() => {
                Verdict::Covered("the directory goes with the user")
            }
            None => UNCOVERED,
        })
    }

    fn one(&self, sql: &str, root: usize, path: &[u8]) -> Result<Option<bool>> {
        let mut statement = self
            .connection
            .prepare_cached(sql)
            .map_err(Error::surveying)?;
        let found = statement.query_row(params![number(root), path], |row| row.get(0));
        found.map_err(Error::surveying)
    }
}

/// `rowid` as it stands in the table whose text an index holds.
pub(super) fn content_has_row(table: &str, rowid: &str) -> String {
    format!(
        "SELECT 1 FROM {} AS c WHERE c.{} = i.rowid",
        crate::sql::main_table(table),
        quote(rowid)
    )
}
