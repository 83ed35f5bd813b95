//! Searching for what identifies users: before a deletion, and after one.

use std::num::NonZero;
use std::thread::available_parallelism;

use rusqlite::Connection;

use super::scene::{Picture, Scene};
use super::{Afterwards, App, Job, in_one_view};
use crate::database::{self, Readers};
use crate::error::Result;
use crate::graph::Graph;
use crate::outbox;
use crate::plan::Plan;
use crate::report::Report;
use crate::roots::Roots;
use crate::schema::{self, Schema};
use crate::survey::Kept;
use crate::target::{FilesChoice, NoServer, Target};
use crate::verify::{self, Identifiers, Reading, Search, Stage, Verification};
use crate::watch::Watch;

/// More threads than this only wait for the disk.
const MOST_READERS: usize = 8;

impl App {
    /// Searches everything for what identifies the users of the job's selection, and tells what a
    /// deletion would take along, what would stay and is meant to, and what nothing covers. Changes
    /// nothing, as [`App::preview`] does.
    ///
    /// Fails as a deletion would be refused.
    pub fn verify(&self, job: &Job, watch: &mut dyn Watch) -> Result<Verification> {
        let roots = self.target.roots()?;
        look(&self.target, |connection, readers| {
            let scene = Scene::set(&self.target, connection, job)?;
            let schema = schema::read(connection)?;
            let users = &self.target.manifest.users;
            // Files are surveyed too: their table tells which of them go.
            let _picture = Picture::take(&self.target, &scene, &roots, connection, job)?;
            let identifiers = Identifiers::read(connection, &scene.plan, &schema, users)?;
            let found = Looking {
                target: &self.target,
                roots: &roots,
                plan: &scene.plan,
                schema: &schema,
                shared: &[],
            };
            found.search((connection, readers), &identifiers, Stage::Before, watch)
        })
    }

    /// What identifies the targets of a job that is to be verified, read before it.
    pub(super) fn remember(
        &self,
        job: &Job,
        connection: &Connection,
        plan: &Plan,
    ) -> Result<Option<Identifiers>> {
        if job.afterwards == Afterwards::Nothing {
            return Ok(None);
        }
        in_one_view(connection, || {
            let schema = schema::read(connection)?;
            let users = &self.target.manifest.users;
            Identifiers::read(connection, plan, &schema, users).map(Some)
        })
    }

    /// Searches everything for what identified users who have been deleted, and puts what is found into
    /// the report; also that nothing could be searched.
    pub(super) fn verify_deleted(
        &self,
        job: &Job,
        identifiers: Option<&Identifiers>,
        report: &mut Report,
        watch: &mut dyn Watch,
    ) {
        let Some(identifiers) = identifiers else {
            return;
        };
        match self.search_deleted(job, identifiers, &report.shared, watch) {
            Ok(verification) => report.verification = Some(verification),
            Err(error) => report.left.push(Kept {
                path: "what identified the users".into(),
                reason: format!("it could not be searched for: {error}"),
            }),
        }
    }

    fn search_deleted(
        &self,
        job: &Job,
        identifiers: &Identifiers,
        shared: &[Kept],
        watch: &mut dyn Watch,
    ) -> Result<Verification> {
        let roots = self.target.roots()?;
        look(&self.target, |connection, readers| {
            let scene = Scene::set(&self.target, connection, job)?;
            let schema = schema::read(connection)?;
            let looking = Looking {
                target: &self.target,
                roots: &roots,
                plan: &scene.plan,
                schema: &schema,
                shared,
            };
            let stage = Stage::After(scene.plan.accounts);
            looking.search((connection, readers), identifiers, stage, watch)
        })
    }
}

fn look<T>(target: &Target, read: impl FnMut(&Connection, &Readers) -> Result<T>) -> Result<T> {
    let threads = available_parallelism()
        .map_or(1, NonZero::get)
        .min(MOST_READERS);
    let readers = u32::try_from(threads).unwrap_or(1);
    database::look_with_readers(&target.database, readers, read)
}

/// One look at everything.
struct Looking<'a> {
    target: &'a Target,
    roots: &'a Roots,
    plan: &'a Plan,
    schema: &'a Schema,
    shared: &'a [Kept],
}

impl Looking<'_> {
    fn search(
        &self,
        (connection, readers): (&Connection, &Readers),
        identifiers: &Identifiers,
        stage: Stage,
        watch: &mut dyn Watch,
    ) -> Result<Verification> {
        let manifest = &self.target.manifest;
        let mut own = self.schema.clone();
        own.tables.retain(|table| table.name != outbox::TABLE);
        let graph = Graph::new(&own, manifest)?;
        let reading = Reading::of(&own, &graph, self.plan, manifest);
        let search = Search {
            connection,
            readers,
            plan: self.plan,
            reading: &reading,
            identifiers,
            roots: (self.target.files == FilesChoice::Remove).then_some(self.roots),
            redis: match &self.target.redis {
                Ok(server) => Some(Ok(server)),
                Err(NoServer::LeftOut) => None,
                Err(reason) => Some(Err(reason.to_string())),
            },
            rules: &manifest.redis.keys,
            stage,
            shared: self.shared,
        };
        let mut verification = verify::search(&search, watch)?;
        verification.database = format!(
            "{} ({})",
            crate::roots::shown(&self.target.database),
            self.target.database_source
        );
        Ok(verification)
    }
}
