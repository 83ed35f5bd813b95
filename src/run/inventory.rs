//! What there is: the survey of everyone, and whatever else lies in the roots.

use super::scene::{self, Picture, Scene};
use super::{App, Job};
use crate::database;
use crate::error::{Error, Result};
use crate::report::Report;
use crate::survey::{self, Held};
use crate::target::FilesChoice;

/// What there is.
#[derive(Debug)]
pub(crate) struct Inventory {
    /// What a deletion of everyone would find.
    pub(crate) report: Report,
    /// Which journal the database keeps: `wal` or `rollback`.
    pub(crate) journal: &'static str,
    /// What lies in the roots; none where files are left alone.
    pub(crate) storage: Option<Vec<Held>>,
}

impl App {
    /// Looks at everything and changes nothing, as [`App::preview`] does. Where the files are not
    /// what the rows say, everything else is looked at all the same.
    pub(crate) fn inventory(&self) -> Result<Inventory> {
        match self.inventory_of_all() {
            Err(error @ Error::WrongRoot { .. }) => self.inventory_without_files(&error),
            other => other,
        }
    }

    fn inventory_of_all(&self) -> Result<Inventory> {
        let (target, job) = (&self.target, Job::default());
        let roots = target.roots()?;
        let (mut inventory, scope) = database::look(&target.database, |connection| {
            let scene = Scene::set(target, connection, &job)?;
            let picture = Picture::take(target, &scene, &roots, connection, &job)?;
            let directories = &target.manifest.files.roots;
            let strays = || survey::with_strays(connection, &scene.sources, &roots, directories);
            let inventory = Inventory {
                report: picture.report(connection)?,
                journal: database::journal_mode(&target.database)?,
                storage: match target.files {
                    FilesChoice::Remove => Some(strays()?),
                    FilesChoice::Leave => None,
                },
            };
            Ok((inventory, picture.scope(connection)?))
        })?;
        scene::count_keys(target, &scope, &mut inventory.report);
        Ok(inventory)
    }

    fn inventory_without_files(&self, error: &Error) -> Result<Inventory> {
        let mut target = self.target.clone();
        target.files = FilesChoice::Leave;
        let mut inventory = Self::new(target).inventory_of_all()?;
        let directories = &self.target.manifest.files.roots;
        inventory.storage = Some(survey::held(&self.target.roots()?, directories));
        let warnings = &mut inventory.report.warnings;
        warnings.push(format!("whose the files are was not checked: {error}"));
        Ok(inventory)
    }
}
