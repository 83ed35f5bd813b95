//! Whether the files are where the rows say.
//!
//! An empty result where files were expected is an error, not a success: it is the wrong directory.

use std::collections::BTreeSet;
use std::path::Path;

use rusqlite::Connection;

use super::file_table::places;
use super::files::{Files, raw_path};
use super::findings::Findings;
use super::standing_files::Named;
use crate::error::{Error, Result};
use crate::roots::Inspection;
use crate::sql::{main_table, names_file};

impl Files<'_> {
    /// Fails where a root that rows name files in is missing, or rows name files of which not one
    /// exists, neither of those that go nor of those that stay.
    pub(crate) fn require_right_root(
        &self,
        connection: &Connection,
        findings: &Findings,
        root: &Path,
    ) -> Result<()> {
        let wrong = |reason: String| Error::WrongRoot {
            root: root.into(),
            reason,
        };
        let missing: BTreeSet<&Path> = self.roots.missing().collect();
        if !missing.is_empty() {
            let sql =
                "SELECT root, path FROM temp.file WHERE state = 0 AND line <> ?1 GROUP BY root";
            for place in places(self.roots, connection, sql, [&self.declared.other_line])? {
                if missing.contains(place.root_name()) {
                    let name = crate::roots::shown(place.root_name());
                    return Err(wrong(format!(
                        "rows name files in `{name}`, which does not exist"
                    )));
                }
            }
        }
        let gone = findings.named > 0 && findings.present == 0;
        if gone && !self.any_other_exists(connection)? {
            let named = findings.named;
            return Err(wrong(format!(
                "rows name {named} files, and not one of them exists"
            )));
        }
        Ok(())
    }

    /// Whether a file exists that a row which stays names, or any in a user's directory.
    fn any_other_exists(&self, connection: &Connection) -> Result<bool> {
        let strays = "SELECT EXISTS (SELECT 1 FROM temp.file WHERE state <> 0)";
        if connection
            .query_row(strays, [], |row| row.get(0))
            .map_err(Error::surveying)?
        {
            return Ok(true);
        }
        for source in &self.plan.files {
            let (value, table) = (names_file("c", source), main_table(&source.table));
            let sql =
                format!("SELECT {value} FROM {table} AS c WHERE {value} IS NOT NULL LIMIT 10000");
            let named = Named::below(self.roots, source.path.as_ref())?;
            let mut statement = connection.prepare(&sql).map_err(Error::surveying)?;
            let mut rows = statement.query([]).map_err(Error::surveying)?;
            while let Some(row) = rows.next().map_err(Error::surveying)? {
                let value = raw_path(row.get_ref(0).map_err(Error::surveying)?);
                if named.by(value).iter().any(|raw| self.is_file(raw)) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    fn is_file(&self, raw: &[u8]) -> bool {
        let place = self.roots.locate(raw);
        place.is_ok_and(|place| matches!(self.roots.inspect(&place), Inspection::File(_)))
    }
}
