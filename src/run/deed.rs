//! The deed: user after user, then the outbox.

mod answers;
mod beside;
mod commits;
mod line;
mod outcome;

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::recovery::{Recovered, restore_indexes};
use super::scene::Picture;
use crate::audit::{Key, Trail};
use crate::database::{Rare, schema_version};
use crate::drain::{Beside, Drain, Drained, KeysCleared};
use crate::erase::Deletion;
use crate::error::{Error, Result};
use crate::outbox::{self, Erased, RunRecord};
use crate::report::{Failure, Report};
use crate::summary::Counts;
use crate::survey::{Collateral, TableCount, Targets};
use crate::target::FilesChoice;
use crate::user::UserKey;
use crate::watch::Watch;

/// What is left to do where the outbox is not worked off.
const FOLLOWS: &str = "what follows the deletion of the rows";

/// What the deed has come to so far.
struct Deed<'a> {
    connection: &'a Connection,
    picture: Picture<'a>,
    record: RunRecord,
    /// By which the trail names users.
    key: Option<Key>,
    /// Rows of users who stay that go with each position, as the preview had them.
    consented: BTreeMap<i64, u64>,
    /// The sets hold what was surveyed for all users: nothing has changed since.
    surveyed: bool,
    schema_version: i64,
    erased: Option<Erased>,
    /// Users whose commits only a later one makes durable.
    undurable: u64,
    checkpoints: Rare<'a>,
    /// Files of users who are gone, on their way.
    beside: Option<Beside<'a>>,
    counts: Counts,
    users: u64,
    rows: u64,
    collateral: Vec<Collateral>,
    /// Rows that triggers wrote, in the order of what is watched.
    written: Vec<u64>,
    failed: Vec<Failure>,
    not_begun: u64,
    stopped: bool,
}

/// What became of one user's rows.
struct Gone {
    rows: Vec<TableCount>,
    collateral: Vec<Collateral>,
}

/// Whether the run goes on to the next user.
enum Next {
    GoOn,
    Stop,
}

/// What the preview said that stays true.
#[derive(Debug)]
pub(super) struct Noted {
    pub(super) subject: String,
    pub(super) unowned: Vec<TableCount>,
    pub(super) warnings: Vec<String>,
}

/// Deletes what the picture shows.
pub(super) fn delete<'a>(
    connection: &'a Connection,
    (picture, noted): (Picture<'a>, Noted),
    record: RunRecord,
    recovered: Recovered,
    trail: &mut Trail,
    watch: &mut dyn Watch,
) -> Result<Report> {
    let key = trail.key().cloned();
    let mut deed = Deed::new(connection, picture, (record, key), recovered.erased)?;
    deed.follow(recovered.restructured)?;
    let slower = deed.adapt_indexes()?;
    let mut drained = recovered.drained;
    let before = std::mem::take(&mut drained.removed);
    log::debug!("removed for an earlier run: {before:?}");
    drained.of_run = Some(deed.record.run.clone());
    let mut drained = deed.users_and_files(drained, watch)?;
    deed.checkpoints.join();
    restore_indexes(connection, &mut drained);
    if let Err(error) = deed.settle() {
        deed.erased = None;
        drained.leave(FOLLOWS.into(), &error);
    }
    let out_of_step = deed.keep_indexes_in_step();
    let keys = deed.drain(&mut drained, trail, watch);
    let mut shared = deed.picture.files.shared(connection)?;
    shared.extend(drained.shared_paths());
    let mut report = deed.report(&drained, keys)?;
    report.left.extend(out_of_step);
    report.shared = shared.into_iter().collect();
    report.recovery = recovered.recovery;
    report.subject = noted.subject;
    report.unowned = noted.unowned;
    report.warnings.extend(noted.warnings);
    report.warnings.extend(slower);
    Ok(report)
}

impl<'a> Deed<'a> {
    fn new(
        connection: &'a Connection,
        picture: Picture<'a>,
        (record, key): (RunRecord, Option<Key>),
        erased: Option<Erased>,
    ) -> Result<Self> {
        let mut counts = Counts {
            files_checked: picture.target.files == FilesChoice::Remove,
            ..Counts::default()
        };
        picture.survey.begin_mentions(connection)?;
        for at in picture.survey.plan.going() {
            counts.add_rows(&picture.survey.plan.tables[at].name, 0);
        }
        Ok(Self {
            consented: picture.survey.collateral_by_position(connection)?,
            connection,
            record,
            key,
            surveyed: true,
            schema_version: picture.scene.schema_version,
            erased,
            undurable: 0,
            checkpoints: Rare::checkpoints(connection, &picture.target.database)?,
            beside: None,
            counts,
            users: 0,
            rows: 0,
            collateral: Vec::new(),
            written: vec![0; picture.scene.watched.len()],
            failed: Vec::new(),
            not_begun: 0,
            stopped: false,
            picture,
        })
    }
}

impl Deed<'_> {
    fn users(&mut self, watch: &mut dyn Watch) -> Result<()> {
        let total = self.picture.survey.targets.count.unsigned_abs();
        let mut next = Targets::next(self.connection, 0)?;
        while let Some(position) = next {
            if watch.stop() {
                self.stopped = true;
                self.not_begun = Targets::after(self.connection, position - 1)?;
                return Ok(());
            }
            let key = Targets::key(self.connection, position)?;
            if let Next::Stop = self.user(position, key.as_ref()) {
                self.not_begun = Targets::after(self.connection, position)?;
                return Ok(());
            }
            watch.users(self.users, total);
            watch.rows(self.rows);
            next = Targets::next(self.connection, position)?;
        }
        if let Some(position) = self.picture.survey.unowned {
            self.user(position, None);
        }
        if self.erased.is_none() && self.failed.is_empty() && total == 0 {
            self.record_alone()?;
        }
        Ok(())
    }

    /// One user. What goes wrong with this user alone is recorded, and the run goes on; what would
    /// go wrong with every other as well ends it.
    fn user(&mut self, position: i64, key: Option<&UserKey>) -> Next {
        let name = key.map_or_else(|| "nobody".to_owned(), ToString::to_string);
        let error = match self
            .trouble_of(position)
            .map_or_else(|| self.erase(position, key), Err)
        {
            Ok(gone) => {
                self.finished(&name, key, gone);
                return Next::GoOn;
            }
            Err(error) => error,
        };
        log::error!("user {name}: {error}");
        // Rows that this user shares with a later one are that one's now.
        self.surveyed = false;
        let next = match error {
            Error::UserGone
            | Error::FileTrouble { .. }
            | Error::RowsKept { .. }
            | Error::RowsWritten
            | Error::Constraint { .. }
            | Error::DefaultMissing { .. }
            | Error::NewCollateral { .. }
            | Error::LooseKeys(_)
            | Error::NewViolation { .. }
            | Error::Heir(_)
            | Error::Blocked(_) => Next::GoOn,
            _ => Next::Stop,
        };
        self.failed.push(Failure {
            user: name,
            reason: error.to_string(),
        });
        next
    }

    fn trouble_of(&mut self, position: i64) -> Option<Error> {
        let trouble = &mut self.picture.findings.trouble;
        let at = trouble
            .iter()
            .position(|trouble| trouble.position == position)?;
        let found = trouble.swap_remove(at);
        Some(Error::FileTrouble {
            path: found.path,
            error: found.error,
        })
    }

    fn finished(&mut self, name: &str, key: Option<&UserKey>, gone: Gone) {
        let rows: u64 = gone.rows.iter().map(|table| table.rows).sum();
        log::info!("user {name}: {rows} rows deleted");
        for table in &gone.rows {
            log::debug!("user {name}: {} rows of `{}`", table.rows, table.table);
            self.counts.add_rows(&table.table, table.rows);
        }
        self.collateral.extend(gone.collateral);
        self.rows += rows;
        self.users += u64::from(key.is_some());
    }

    /// The transaction of one user.
    fn erase(&mut self, position: i64, key: Option<&UserKey>) -> Result<Gone> {
        let deletion = Deletion::begin(self.connection, self.durability(position))?;
        match self.erase_in(deletion, position, key) {
            Err(error) if error.is_violation() => self.erase_weighed(error, position, key),
            erased => erased,
        }
    }

    /// The same where rows that named nothing before may have confused `SQLite`'s count.
    fn erase_weighed(
        &mut self,
        error: Error,
        position: i64,
        key: Option<&UserKey>,
    ) -> Result<Gone> {
        log::debug!("{error}; once more with a counterweight");
        // What the survey has in temporary tables was rolled back in part.
        self.surveyed = false;
        let mut deletion = Deletion::begin(self.connection, self.durability(position))?;
        self.survey_again_if_changed(&deletion, position)?;
        match deletion.weigh(self.picture.survey.plan, position) {
            Ok(()) => self.erase_in(deletion, position, key),
            Err(_) => Err(error),
        }
    }

    fn erase_in(
        &mut self,
        mut deletion: Deletion,
        position: i64,
        key: Option<&UserKey>,
    ) -> Result<Gone> {
        if schema_version(self.connection)? != self.schema_version {
            return Err(Error::SchemaChanged);
        }
        self.survey_again_if_changed(&deletion, position)?;
        self.take_files_beside(&mut deletion)?;
        let mut gone = self.gone_with(position)?;
        outbox::begin(self.connection, &self.record)?;
        let files = self.record_files(position, key)?;
        let detail = self.audit_line(position, &gone.rows, files)?;
        outbox::add_user(self.connection, &self.record.run, position, key, detail)?;
        let marks = self.marks()?;
        self.delete_rows(&deletion, position)?;
        if self.picture.survey.plan.triggers {
            self.delete_what_triggers_wrote(&deletion, position, &mut gone.rows)?;
        }
        let written = self.written_since(&marks)?;
        self.committed(deletion.commit(), position)?;
        for (sum, rows) in self.written.iter_mut().zip(written) {
            *sum += rows;
        }
        Ok(gone)
    }

    fn delete_rows(&self, deletion: &Deletion, position: i64) -> Result<()> {
        let survey = &self.picture.survey;
        survey.note_mentions(self.connection, position)?;
        let heir = survey.heir.as_ref().map(|heir| &heir.key);
        deletion.delete_rows(survey.plan, &survey.rows, position, heir)
    }

    /// The survey holds for the state of the database it saw; this run's own transactions may have
    /// made rows name others since, too.
    fn survey_again_if_changed(&mut self, deletion: &Deletion, position: i64) -> Result<()> {
        let own_writes = self.picture.survey.plan.renames() && self.users > 0;
        if self.surveyed && !own_writes && deletion.unchanged_since(self.picture.survey.version)? {
            return Ok(());
        }
        self.surveyed = false;
        let picture = &mut self.picture;
        picture.survey.take_again(self.connection, position)?;
        picture
            .files
            .find_again(self.connection, position, &mut picture.findings)?;
        let now = picture.survey.collateral_rows(self.connection, position)?;
        let consented = self.consented.get(&position).copied().unwrap_or_default();
        if now > consented {
            return Err(Error::NewCollateral {
                rows: now - consented,
            });
        }
        Ok(())
    }

    fn record_files(&mut self, position: i64, key: Option<&UserKey>) -> Result<u64> {
        let (connection, run) = (self.connection, &self.record.run);
        let mut recorded = 0;
        let (picture, beside) = (&mut self.picture, &mut self.beside);
        picture.files.of_user(
            connection,
            position,
            key,
            &mut picture.findings,
            &mut |place, identity, line| {
                recorded += 1;
                if let Some(beside) = beside.as_mut() {
                    beside.recorded(identity.kind);
                }
                outbox::add_path(connection, run, position, place, identity, line)
            },
        )?;
        Ok(recorded)
    }

    /// Works the outbox off. What fails here is left for `resume`, and said.
    fn drain(
        &self,
        drained: &mut Drained,
        trail: &mut Trail,
        watch: &mut dyn Watch,
    ) -> KeysCleared {
        let erased = self.erased.as_ref()?;
        let drain = Drain {
            connection: self.connection,
            target: self.picture.target,
            roots: self.picture.files.roots(),
            sources: &self.picture.scene.sources,
            erased,
        };
        drain
            .everything(trail, drained, watch)
            .unwrap_or_else(|error| {
                drained.leave(FOLLOWS.into(), &error);
                None
            })
    }
}
