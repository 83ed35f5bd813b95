//! What a complete reset finds and makes, before it changes anything: counts, entries of the
//! directories, and the new content of the database.

use std::collections::BTreeMap;
use std::path::PathBuf;

use rusqlite::Connection;

use super::{Fate, Reset, recovery};
use crate::database::transaction;
use crate::error::{Error, ResetError, Result};
use crate::graph::Graph;
use crate::manifest::Meaning;
use crate::manifest::reset::Reset as Declared;
use crate::outbox::{self, RunRecord};
use crate::plan::{Accounts, FileSource, file_sources, resolved};
use crate::report::{Report, ResetReport, Stage};
use crate::roots::{Identity, Inspection, Kind, Place, Refusal, Roots, shown};
use crate::schema::{self, Schema, TableKind};
use crate::sql::main_table;
use crate::structure::{Blueprint, Image, Script};
use crate::summary::{self, Counts};
use crate::survey::{Contents, Findings, TableCount, Trouble};
use crate::target::{STATE_DIRECTORY, Target};

/// Everything about a reset that can be known beforehand.
pub(super) struct Sketch<'a> {
    target: &'a Target,
    pub(super) image: Image,
    pub(super) users: u64,
    /// Rows of tables that hold users' data.
    theirs: BTreeMap<String, u64>,
    /// Rows of all others.
    others: BTreeMap<String, u64>,
    /// The columns of the new structure that name files.
    pub(super) sources: Vec<FileSource>,
    contents: Contents<'a>,
    findings: Findings,
    files_checked: bool,
    pub(super) environment: Option<(Place, Identity)>,
}

impl<'a> Sketch<'a> {
    /// Draws it, inside a read transaction: nothing but temporary tables is written.
    ///
    /// Fails where the database is not the manifest's, the new content cannot be made, or the files
    /// are not where the rows say.
    pub(super) fn draw(
        target: &'a Target,
        connection: &Connection,
        job: &Reset,
        roots: &'a Roots,
    ) -> Result<Self> {
        target.require_emptiable(job)?;
        let manifest = &target.manifest;
        let mut schema = schema::read(connection)?;
        schema.tables.retain(|table| table.name != outbox::TABLE);
        let graph = resolved(&Graph::new(&schema, manifest)?, Accounts::Delete);
        let theirs = tables_of_users(&graph);
        let image = Image::build(connection, &blueprint(target, &schema, &graph, &theirs)?)?;
        let mut findings = Findings::default();
        let contents = Contents::list(connection, roots, &mut findings)?;
        if job.storage == Fate::Goes {
            let old = file_sources(&schema, manifest, &[])?;
            let users = (&*schema.tables[graph.users].name, &*graph.user_key);
            contents.assign_lines(connection, &old, &manifest.files, users)?;
            contents.require_right_root(connection, &old, &target.root)?;
        }
        let (theirs, others) = counts(connection, &schema, &theirs, &image)?;
        let users = count(connection, &schema.tables[graph.users].name)?;
        Ok(Self {
            sources: file_sources(&image.schema, manifest, &[])?,
            environment: match job.environment {
                Fate::Goes => environment(target, &mut findings)?,
                Fate::Stays => None,
            },
            target,
            image,
            users,
            theirs,
            others,
            contents,
            findings,
            files_checked: job.storage == Fate::Goes,
        })
    }

    /// Every table whose rows go.
    pub(super) fn rows(&self) -> impl Iterator<Item = (&str, u64)> {
        let all = self.theirs.iter().chain(&self.others);
        all.map(|(table, rows)| (table.as_str(), *rows))
    }

    /// How many files and directories go.
    pub(super) fn paths(&self, connection: &Connection) -> Result<u64> {
        let emptied = self.contents.emptied(connection)?;
        Ok(emptied.iter().map(|one| one.entries).sum())
    }

    /// Fails where something could not be removed afterwards.
    pub(super) fn require_reachable(&self) -> Result<()> {
        let Some(trouble) = self.findings.trouble.first() else {
            return Ok(());
        };
        let error = std::io::Error::new(trouble.error.kind(), trouble.error.to_string());
        let path = trouble.path.clone();
        Err(Error::from(ResetError::Trouble { path, error }))
    }

    /// Records in the new content what is to do once it is committed.
    pub(super) fn record_work(&self, connection: &Connection, record: &RunRecord) -> Result<()> {
        let image = &self.image.connection;
        transaction(image, || {
            outbox::begin(image, record)?;
            self.contents
                .each(connection, &mut |place, identity, line| {
                    outbox::add_path(image, &record.run, 0, place, identity, line)
                })?;
            if let Some((place, identity)) = &self.environment {
                outbox::add_environment(image, &record.run, place, identity)?;
            }
            Ok(())
        })
    }

    /// The preview, but for the Redis keys.
    pub(super) fn report(&self, connection: &Connection) -> Result<Report> {
        let mut counts = Counts {
            files_checked: self.files_checked,
            files: Contents::counts(connection)?,
            ..Counts::default()
        };
        for (table, rows) in &self.theirs {
            counts.add_rows(table, *rows);
        }
        let trouble = self.findings.trouble.iter();
        let kept = self.image.kept.iter().map(|kept| (&kept.table, &kept.rows));
        Ok(Report {
            users_processed: self.users,
            summary: summary::lines(&self.target.manifest, &counts),
            refused: self.findings.refused.iter().cloned().collect(),
            refused_more: self.findings.refused_more,
            left: trouble.map(Trouble::to_kept).collect(),
            warnings: self.warnings(),
            recovery: recovery::pending(self.target, connection)?,
            reset: Some(ResetReport {
                rows: with_rows(&self.others),
                kept_rows: with_rows(kept),
                emptied: self.contents.emptied(connection)?,
                environment_file: self
                    .environment
                    .as_ref()
                    .map(|_| shown(self.target.environment_file())),
                next_steps: self.target.manifest.reset.next_steps.clone(),
            }),
            counts,
            ..Report::empty(self.target, Stage::Preview, super::OPERATION)
        })
    }

    fn warnings(&self) -> Vec<String> {
        let mut warnings: Vec<String> = snapshots(self.target)
            .into_iter()
            .map(|name| {
                format!(
                    "the snapshot `{name}` outlives the reset, and holds personal data: \
                     `reset-app snapshot drop {name}` removes it"
                )
            })
            .collect();
        if self.environment.is_some() && self.target.database_source == ".env" {
            warnings.push(format!(
                "`{}` goes, which says that the database is `{}`: write that into the fresh one",
                shown(self.target.environment_file()),
                shown(&self.target.database)
            ));
        }
        let is_link = |(_, identity): &(Place, Identity)| identity.kind == Kind::Symlink;
        if self.environment.as_ref().is_some_and(is_link) {
            warnings.push(format!(
                "`{}` is a symbolic link: the link goes, what it names stays",
                shown(self.target.environment_file())
            ));
        }
        warnings
    }
}

fn with_rows<'t>(tables: impl IntoIterator<Item = (&'t String, &'t u64)>) -> Vec<TableCount> {
    let tables = tables.into_iter().filter(|(_, rows)| **rows > 0);
    let one = |(table, rows): (&String, &u64)| TableCount {
        table: table.clone(),
        rows: *rows,
    };
    tables.map(one).collect()
}

/// The tables that owner references lead to from the users, by their position; not the users' own.
fn tables_of_users(graph: &Graph) -> Vec<usize> {
    let mut reached = vec![graph.users];
    let mut next = 0;
    while let Some(parent) = reached.get(next).copied() {
        next += 1;
        for reference in &graph.references {
            let owns = reference.meaning == Meaning::Owner && reference.parent == Some(parent);
            if owns && !reached.contains(&reference.child) {
                reached.push(reference.child);
            }
        }
    }
    reached.split_off(1)
}

fn blueprint(
    target: &Target,
    schema: &Schema,
    graph: &Graph,
    theirs: &[usize],
) -> Result<Blueprint> {
    let declared = &target.manifest.reset;
    let read = |file: &PathBuf| Script::read(&target.root, file);
    let mut keep: Vec<String> = Vec::new();
    for (at, table) in schema.tables.iter().enumerate() {
        let of_users = at == graph.users || theirs.contains(&at);
        let listed = declared
            .keep
            .iter()
            .any(|name| name.eq_ignore_ascii_case(&table.name));
        if listed && of_users {
            return Err(Error::from(ResetError::Keep {
                table: table.name.clone(),
                reason: "they are users' data".into(),
            }));
        }
        let ordinary = matches!(table.kind, TableKind::Rowid | TableKind::WithoutRowid);
        if listed || (Declared::is_book(&table.name) && !of_users && ordinary) {
            keep.push(table.name.clone());
        }
    }
    Ok(Blueprint {
        structure: declared.structure.as_ref().map(read).transpose()?,
        seed: declared.seed.as_ref().map(read).transpose()?,
        keep,
    })
}

type ByTable = BTreeMap<String, u64>;

/// Rows that go, of tables that hold users' data and of all others.
fn counts(
    connection: &Connection,
    schema: &Schema,
    theirs: &[usize],
    image: &Image,
) -> Result<(ByTable, ByTable)> {
    let (mut of_users, mut others) = (ByTable::new(), ByTable::new());
    for (at, table) in schema.tables.iter().enumerate() {
        let kept = image.kept.iter().any(|kept| kept.table == table.name);
        if kept || !matches!(table.kind, TableKind::Rowid | TableKind::WithoutRowid) {
            continue;
        }
        let side = if theirs.contains(&at) {
            &mut of_users
        } else {
            &mut others
        };
        side.insert(table.name.clone(), count(connection, &table.name)?);
    }
    Ok((of_users, others))
}

fn count(connection: &Connection, table: &str) -> Result<u64> {
    let sql = format!("SELECT count(*) FROM {}", main_table(table));
    let count = connection.query_row(&sql, [], |row| row.get(0));
    count.map_err(Error::surveying)
}

/// The file that holds the environment, as it stands there now.
fn environment(target: &Target, findings: &mut Findings) -> Result<Option<(Place, Identity)>> {
    let roots = target.environment_roots()?;
    let path = shown(target.environment_file());
    let place = match target.environment_place(&roots) {
        Ok(place) => place,
        Err(refusal) => {
            findings.refuse(path, &refusal);
            return Ok(None);
        }
    };
    match roots.inspect_entry(&place) {
        Inspection::File(identity) => return Ok(Some((place, identity))),
        Inspection::Missing => {}
        Inspection::Directory(_) => findings.refuse(path, &Refusal::Directory),
        Inspection::Refused(refusal) => findings.refuse(path, &refusal),
        Inspection::Trouble(error) => findings.trouble.push(Trouble {
            position: 0,
            path,
            error,
        }),
    }
    Ok(None)
}

/// The names of what stands where snapshots are kept.
fn snapshots(target: &Target) -> Vec<String> {
    let directory = target.root.join(STATE_DIRECTORY).join("snapshots");
    let Ok(entries) = std::fs::read_dir(directory) else {
        return Vec::new();
    };
    let name = |entry: std::fs::DirEntry| shown(std::path::Path::new(&entry.file_name()));
    let mut names: Vec<String> = entries.filter_map(Result::ok).map(name).collect();
    // What an interrupted save left is called so, and dropped by the same name.
    for name in &mut names {
        if let Some(left) = name.strip_prefix(".unfinished-") {
            *name = left.to_owned();
        }
    }
    names.sort();
    names
}
