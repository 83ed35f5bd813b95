//! The plan for a database, and the picture of what goes under it.

use std::path::Path;

use rusqlite::Connection;

use super::watched::{self, Watched};
use super::{Job, Operation, Others, forgotten};
use crate::database::schema_version;
use crate::erase;
use crate::error::{Error, Result};
use crate::full_text::unforgetting;
use crate::graph::Graph;
use crate::keyspace::{self, Deadline, Scope};
use crate::manifest::Manifest;
use crate::outbox;
use crate::plan::{Extent, FileSource, Plan, file_sources};
use crate::report::{Report, Stage};
use crate::roots::{Roots, shown};
use crate::schema::{self, Schema};
use crate::summary::{self, Counts};
use crate::survey::{Files, Findings, Request, Selection, Survey, Targets, name_of};
use crate::target::{FilesChoice, NoServer, Target};

/// What holds for every user: the plan, made from structure and manifest.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) plan: Plan,
    /// The structure's version that the plan is for.
    pub(super) schema_version: i64,
    /// Every column that names files, whatever part of them this run is about.
    pub(super) sources: Vec<FileSource>,
    /// The structure itself.
    pub(super) schema: Schema,
    /// Tables that triggers write when rows of the plan are deleted.
    pub(super) watched: Vec<Watched>,
    manifest: Manifest,
    /// The users' key is a rowid without AUTOINCREMENT (<https://sqlite.org/autoinc.html>).
    keys_are_reused: bool,
}

impl Scene {
    /// Reads the structure and makes the plan.
    pub(super) fn set(target: &Target, connection: &Connection, job: &Job) -> Result<Self> {
        let manifest = target.manifest();
        // Before the structure itself: a change in between is then noticed, not missed.
        let schema_version = schema_version(connection)?;
        let mut schema = schema::read(connection)?;
        schema.tables.retain(|table| table.name != outbox::TABLE);
        let mut graph = Graph::new(&schema, &manifest)?;
        if job.extent == Extent::Sessions {
            graph = graph.only_rows_of(&schema, &manifest.sessions.tables);
        }
        if job.extent == Extent::Sessions && manifest.sessions.tables.is_empty() {
            let source_name = manifest.source.to_string();
            return Err(Error::NoSessions { source_name });
        }
        let users = &schema.tables[graph.users];
        let plan = Plan::new(&schema, &graph, &manifest, job.accounts)?;
        if job.extent == Extent::Sessions {
            require_planned(&plan, &manifest)?;
        }
        Ok(Self {
            watched: Vec::new(),
            plan,
            schema_version,
            sources: file_sources(&schema, &target.manifest, &[])?,
            keys_are_reused: users.is_rowid_alias(&graph.user_key) && !users.autoincrement,
            manifest: match job.extent {
                Extent::Everything => manifest,
                Extent::Sessions => without_files(manifest),
            },
            schema,
        })
    }

    /// Refuses a plan of which a statement could not be run, and finds out what its triggers write.
    pub(super) fn rehearse(&mut self, connection: &Connection) -> Result<()> {
        let writes = erase::rehearse(connection, &self.plan)?;
        self.watched = watched::of(&self.schema, &self.plan, &self.manifest, writes);
        Ok(())
    }
}

/// What goes, found on one connection.
#[derive(Debug)]
pub(super) struct Picture<'a> {
    pub(super) target: &'a Target,
    pub(super) survey: Survey<'a>,
    pub(super) files: Files<'a>,
    pub(super) findings: Findings,
    pub(super) job: &'a Job,
    pub(super) scene: &'a Scene,
}

impl<'a> Picture<'a> {
    /// Surveys rows and files. Inside a read transaction.
    ///
    /// Fails as [`Survey::take`] does, and where the files are not where the rows say: then this is
    /// the wrong directory.
    pub(super) fn take(
        target: &'a Target,
        scene: &'a Scene,
        roots: &'a Roots,
        connection: &Connection,
        job: &'a Job,
    ) -> Result<Self> {
        let plan = &scene.plan;
        super::recovery::require_same_root(target, connection)?;
        let request = Request {
            selection: &job.selection,
            unowned: job.unowned,
            reassign_to: job.reassign_to.as_deref(),
        };
        let survey = Survey::take(connection, plan, &scene.manifest.users, request)?;
        let files = Files::prepare(connection, plan, &scene.manifest.files, roots)?;
        let mut findings = Findings::default();
        files.find(connection, &mut findings)?;
        if outbox::exists(connection)? {
            files.leave_out_recorded(connection)?;
        }
        files.require_right_root(connection, &findings, &target.root)?;
        Ok(Self {
            target,
            survey,
            files,
            findings,
            job,
            scene,
        })
    }

    /// The preview, but for the Redis keys.
    pub(super) fn report(&self, connection: &Connection) -> Result<Report> {
        let rows = self.survey.findings(connection)?;
        if self.job.others == Others::Refuse && !rows.collateral.is_empty() {
            return Err(Error::Collateral(rows.collateral));
        }
        let mut counts = Counts {
            files_checked: self.target.files == FilesChoice::Remove,
            ..Counts::default()
        };
        for table in &rows.going {
            counts.add_rows(&table.table, table.rows);
        }
        for (line, files) in self.files.counts(connection)? {
            counts.add_files(&line, files);
        }
        let trouble = self.findings.trouble.iter();
        Ok(Report {
            users_processed: self.survey.targets.count.unsigned_abs(),
            summary: summary::lines(&self.target.manifest, &counts),
            collateral: rows.collateral,
            unowned: if self.survey.unowned.is_some() {
                Vec::new()
            } else {
                rows.unowned
            },
            mentions: rows.mentions.set,
            shared: self.files.shared(connection)?.into_iter().collect(),
            refused: self.findings.refused.iter().cloned().collect(),
            refused_more: self.findings.refused_more,
            left: trouble
                .map(crate::survey::Trouble::to_kept)
                .chain(self.findings.doubtful.iter().cloned())
                .collect(),
            recovery: super::recovery::pending(self.target, connection)?,
            counts,
            subject: self.subject(connection)?,
            reassigned: rows.mentions.reassigned,
            still_named: rows.mentions.still_named,
            warnings: self.warnings(connection)?,
            ..Report::empty(self.target, Stage::Preview, self.job.operation.name())
        })
    }

    /// What consent has to repeat.
    fn subject(&self, connection: &Connection) -> Result<String> {
        let whole = self.target.name();
        if self.job.operation != Operation::DeleteUser {
            return Ok(whole);
        }
        let plan = self.survey.plan;
        let name = name_of(connection, plan, &self.scene.manifest.users, 1)?;
        Ok(name.map_or(whole, |name| shown(Path::new(&name))))
    }

    fn warnings(&self, connection: &Connection) -> Result<Vec<String>> {
        let reused = self
            .survey
            .highest_key_goes(connection, self.scene.keys_are_reused)?;
        let warning = "the highest key of the users goes, and the database hands it out again: \
                       the next account inherits whatever still carries it";
        let mut warnings: Vec<String> = reused.then(|| warning.to_owned()).into_iter().collect();
        warnings.extend(self.scene.watched.iter().map(Watched::warning));
        warnings.extend(unforgetting(&self.scene.schema).map(|index| {
            format!(
                "the full-text index `{index}` keeps no text, so that only the application can take words out of it: \
                 those of rows that go stay in it until it is made anew"
            )
        }));
        let keyless = self.survey.keyless_users(connection)?;
        if keyless > 0 {
            warnings.push(format!(
                "{keyless} rows of the users table have no key, so that nothing can be theirs; they stay"
            ));
        }
        let roots = self.files.roots();
        warnings.extend(forgotten::warnings(self.target, connection, roots)?);
        Ok(warnings)
    }

    /// Completes its report with the Redis keys.
    pub(super) fn count_keys(&self, connection: &Connection, report: &mut Report) -> Result<()> {
        count_keys(self.target, &self.scope(connection)?, report);
        Ok(())
    }

    /// Whose Redis keys go.
    pub(super) fn scope(&self, connection: &Connection) -> Result<Scope> {
        let mut keys = Vec::new();
        let mut next = Targets::next(connection, 0)?;
        while let Some(position) = next {
            keys.extend(Targets::key(connection, position)?);
            next = Targets::next(connection, position)?;
        }
        Ok(match &self.job.selection {
            Selection::All => Scope::Everyone(keys),
            Selection::Only(_) | Selection::Except(_) | Selection::Accounts(_) => {
                Scope::Users(keys)
            }
        })
    }
}

/// Completes a preview with the Redis keys. Whatever is wrong with Redis is a warning.
pub(super) fn count_keys(target: &Target, scope: &Scope, report: &mut Report) {
    let rules = &target.manifest.redis.keys;
    if rules.is_empty() {
        return;
    }
    let counted = match &target.redis {
        Ok(server) => {
            let deadline = Deadline::after(crate::drain::REDIS_DEADLINE);
            keyspace::count(server, rules, scope, deadline).map_err(|error| error.to_string())
        }
        Err(NoServer::LeftOut) => return,
        Err(reason) => Err(reason.to_string()),
    };
    match counted {
        Ok(keys) => report.counts.keys = Some(keys.per_rule),
        Err(reason) => report
            .warnings
            .push(format!("{reason}; its keys were not checked")),
    }
    report.summary = summary::lines(&target.manifest, &report.counts);
}

impl Target {
    /// The roots, opened: also where files are left alone, for an interrupted run may have some left.
    pub(crate) fn roots(&self) -> Result<Roots> {
        let roots = &self.manifest.files.roots;
        Roots::open(&self.root, roots, &self.protected()).map_err(Error::from)
    }

    /// The manifest, without its files where they are left alone.
    fn manifest(&self) -> Manifest {
        match self.files {
            FilesChoice::Remove => self.manifest.clone(),
            FilesChoice::Leave => without_files(self.manifest.clone()),
        }
    }
}

/// A table of sessions of which no reference names users would end no session.
fn require_planned(plan: &Plan, manifest: &Manifest) -> Result<()> {
    for table in &manifest.sessions.tables {
        let planned = plan
            .tables
            .iter()
            .any(|t| t.name.eq_ignore_ascii_case(table));
        if !planned {
            return Err(Error::SessionsUnowned {
                table: table.clone(),
            });
        }
    }
    Ok(())
}

fn without_files(mut manifest: Manifest) -> Manifest {
    manifest.files = crate::manifest::Files::default();
    manifest
}
