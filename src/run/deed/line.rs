//! What the audit trail says of a user: whom, in a form that names nobody, and all that `replay`
//! must know to erase that user again in the same way.

use serde_json::{Map, Value, json};

use super::Deed;
use crate::audit::now;
use crate::error::{Error, Result};
use crate::plan::{Accounts, Extent};
use crate::survey::{self, Selection, TableCount};

impl Deed<'_> {
    /// The line of the user at a position, but for what follows the commit. In the transaction of
    /// the deletion and before it, while the user's row can be read.
    pub(super) fn audit_line(
        &self,
        position: i64,
        going: &[TableCount],
        paths: u64,
    ) -> Result<String> {
        let survey = &self.picture.survey;
        let rows = going.iter().filter(|table| table.rows > 0);
        let rows: Map<String, Value> = rows
            .map(|table| (table.table.clone(), table.rows.into()))
            .collect();
        let mut line = json!({
            "time": now(), "run": self.record.run, "operation": self.record.operation,
            "user": null, "rows": rows, "paths": paths,
        });
        let Some(key) = &self.key else {
            return Ok(line.to_string());
        };
        if survey.unowned == Some(position) {
            return Ok(line.to_string());
        }
        let person = survey::person_at(self.connection, survey.plan, position)?;
        let person = person.ok_or(Error::UserGone)?;
        let name = key.name(&person);
        if let Selection::Accounts(accounts) = &self.picture.job.selection
            && accounts.get(&person.key) != Some(&name)
        {
            return Err(Error::UserGone);
        }
        line["user"] = name.into();
        line["by"] = person.mark.name().into();
        line["key"] = key.id().into();
        line["accounts"] = match survey.plan.accounts {
            Accounts::Keep => "kept",
            Accounts::Delete => "deleted",
        }
        .into();
        line["extent"] = match self.picture.job.extent {
            Extent::Everything => "everything",
            Extent::Sessions => "sessions",
        }
        .into();
        if let Some(heir) = &survey.heir {
            let heir = survey::person_of(self.connection, survey.plan, &heir.key)?;
            line["heir"] = key.name(&heir.ok_or(Error::UserGone)?).into();
        }
        Ok(line.to_string())
    }
}
