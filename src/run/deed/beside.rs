//! The files of users who are gone, while the next users are erased.

use std::thread;

use super::Deed;
use crate::drain::{Beside, Drained};
use crate::erase::Deletion;
use crate::error::Result;
use crate::survey::are_spelt_plainly;
use crate::target::FilesChoice;
use crate::watch::Watch;

impl Deed<'_> {
    /// Erases the users; threads of their own see to the files of those who are gone.
    pub(super) fn users_and_files(
        &mut self,
        drained: Drained,
        watch: &mut dyn Watch,
    ) -> Result<Drained> {
        if !self.names_tell_all()? {
            return self.users(watch).map(|()| drained);
        }
        let (roots, run) = (self.picture.files.roots(), self.record.run.clone());
        thread::scope(|scope| {
            self.beside = Some(Beside::start(scope, roots, &run, drained));
            let users = self.users(watch);
            let Some(beside) = self.beside.take() else {
                return users.map(|()| Drained::default());
            };
            let drained = beside.end(self.connection);
            users.map(|()| drained)
        })
    }

    /// Whether what the survey knows of names is all there is to know while users are erased: a file
    /// goes with the last user whose rows name it, if no row names it in another way, and none is
    /// written meanwhile.
    fn names_tell_all(&self) -> Result<bool> {
        let findings = &self.picture.findings;
        let files = self.picture.target.files == FilesChoice::Remove;
        let plain = findings.refused.is_empty() && findings.refused_more == 0;
        if !files || !plain || !findings.trouble.is_empty() || self.picture.survey.plan.triggers {
            return Ok(false);
        }
        let sources = &self.picture.scene.sources;
        are_spelt_plainly(self.connection, sources, self.picture.files.roots())
    }

    /// Nothing where rows may name other files than those of the survey: the end of the run asks
    /// them all.
    pub(super) fn take_files_beside(&mut self, deletion: &mut Deletion) -> Result<()> {
        let Some(beside) = &mut self.beside else {
            return Ok(());
        };
        if !self.surveyed || !deletion.unchanged_since(self.picture.survey.version)? {
            return Ok(());
        }
        beside.take(self.connection, deletion.guests())
    }
}
