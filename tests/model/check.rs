//! Runs a case and compares everything with the oracle.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use reset_app::consent::Consent;
use reset_app::error::{DatabaseError, Error, HeirError};
use reset_app::report::Report;
use reset_app::run::{App, Job};
use reset_app::survey::MentionCount;
use reset_app::target::{FilesChoice, RedisChoice, Settings};
use reset_app::user::UserKey;
use reset_app::watch::Nobody;
use rusqlite::Connection;
use rusqlite::types::Value;
use tempfile::TempDir;

use super::case::{Action, Case, Reference, To, quote};
use super::oracle::{self, Outcome, Refusal, Rows};

type Checked<T = ()> = Result<T, String>;

/// How a case ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Ended {
    Nothing,
    Deleted,
    Collateral,
    Mentions,
    Inherited,
    /// The heir's key could not stand in a row.
    NotInherited,
    /// A contradictory action made `SQLite` refuse a user half way.
    RolledBack,
    Refused(Refusal),
}

/// How many cases ended how.
#[derive(Debug, Default)]
pub(crate) struct Tally(BTreeMap<Ended, u32>);

impl Tally {
    pub(crate) fn add(&mut self, ended: Ended) {
        *self.0.entry(ended).or_default() += 1;
    }

    /// Random cases that all end the same way would prove nothing.
    pub(crate) fn require_variety(&self) {
        let seen = |ended: Ended| self.0.get(&ended).copied().unwrap_or_default();
        let all: u32 = self.0.values().sum();
        for (ended, one_in) in [
            (Ended::Deleted, 10),
            (Ended::Mentions, 30),
            (Ended::Collateral, 200),
            (Ended::Inherited, 100),
        ] {
            assert!(seen(ended) * one_in > all, "{ended:?} too rarely: {self:?}");
        }
    }
}

/// The database of a case, in a directory of its own.
struct Installed {
    directory: TempDir,
}

impl Installed {
    fn new(case: &Case) -> Self {
        let memory = Path::new("/dev/shm");
        let directory = if memory.is_dir() {
            TempDir::new_in(memory)
        } else {
            TempDir::new()
        };
        let installed = Self {
            directory: directory.unwrap(),
        };
        fs::write(installed.root().join("reset-app.toml"), case.manifest()).unwrap();
        let connection = installed.open();
        if case.wal {
            let mode = connection.query_row("PRAGMA journal_mode = WAL", [], |row| {
                row.get::<_, String>(0)
            });
            assert_eq!(mode.unwrap(), "wal");
        }
        connection
            .execute_batch("PRAGMA foreign_keys = OFF; BEGIN")
            .unwrap();
        for statement in case.schema() {
            connection
                .execute_batch(&statement)
                .unwrap_or_else(|error| panic!("{error}: {statement}"));
        }
        for statement in case.inserts() {
            // What a constraint forbids is not there.
            let _ = connection.execute_batch(&statement);
        }
        connection.execute_batch("COMMIT").unwrap();
        drop(connection);
        // A file that changed just now is waited for.
        let file = fs::File::options()
            .write(true)
            .open(installed.database())
            .unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(60))
            .unwrap();
        installed
    }

    fn root(&self) -> &Path {
        self.directory.path()
    }

    fn database(&self) -> PathBuf {
        self.root().join("app.db")
    }

    fn open(&self) -> Connection {
        Connection::open(self.database()).unwrap()
    }

    fn app(&self) -> App {
        let settings = Settings {
            root: Some(self.root().to_owned()),
            database: Some("app.db".into()),
            redis: RedisChoice::None,
            files: FilesChoice::Leave,
            ..Settings::default()
        };
        App::open(&settings).unwrap()
    }

    fn delete(&self, job: &Job) -> Result<Report, Error> {
        self.app()
            .erase(job, &mut |_| Ok(Consent::forced()), &mut Nobody)
    }

    /// Every file and its content.
    fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let files = fs::read_dir(self.root())
            .unwrap()
            .map(|entry| entry.unwrap().path());
        files
            .filter(|path| path.is_file())
            .map(|path| (path.clone(), fs::read(path).unwrap()))
            .collect()
    }
}

/// What is compared of a database beside its rows.
#[derive(Debug, PartialEq, Eq)]
struct Structure {
    objects: Vec<(String, String, String, Option<String>)>,
    journal_mode: String,
}

impl Structure {
    fn of(connection: &Connection) -> Self {
        let sql = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY rowid";
        let mut statement = connection.prepare(sql).unwrap();
        let objects = statement.query_map([], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        });
        Self {
            objects: objects.unwrap().collect::<Result<_, _>>().unwrap(),
            journal_mode: connection
                .query_row("PRAGMA journal_mode", [], |row| row.get(0))
                .unwrap(),
        }
    }
}

fn same<T: PartialEq + Debug>(what: &str, found: &T, expected: &T) -> Checked {
    if found == expected {
        return Ok(());
    }
    Err(format!(
        "{what}:\n   found {found:?}\nexpected {expected:?}"
    ))
}

pub(crate) fn check(case: &Case) -> Checked<Ended> {
    let installed = Installed::new(case);
    let connection = installed.open();
    let before = oracle::read(&connection, case);
    let structure = Structure::of(&connection);
    let known = violations(&connection, case);
    drop(connection);
    let outcome = oracle::outcome(case, &before);
    let job = case.job(&oracle::askable(&oracle::users(case, &before)));

    let files = installed.files();
    let preview = installed.app().preview(&job);
    same("files after the preview", &installed.files(), &files)?;
    let report = installed.delete(&job);
    let (preview, report) = match (preview, report) {
        (Ok(preview), Ok(report)) => (preview, report),
        (Err(preview), Err(deed)) => {
            same("refusals", &deed.to_string(), &preview.to_string())?;
            same(
                "database after a refusal",
                &installed.files()[&installed.database()],
                &files[&installed.database()],
            )?;
            return refused(&outcome, &deed);
        }
        (Ok(_), Err(error)) => {
            return Err(format!("the deed is refused, the preview is not: {error}"));
        }
        (Err(error), Ok(_)) => {
            return Err(format!("the preview is refused, the deed is not: {error}"));
        }
    };
    // The model takes more pairs of types for loose than `SQLite` does: what is not refused must be
    // right.
    let loose = |refusal: &Refusal| *refusal == Refusal::Loose;
    if !outcome.refusals.iter().all(loose) {
        return Err(format!("not refused, in spite of {:?}", outcome.refusals));
    }
    let connection = installed.open();
    let after = oracle::read(&connection, case);
    same("structure", &Structure::of(&connection), &structure)?;
    let check: String = connection
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    same("integrity", &check.as_str(), &"ok")?;
    let new: Vec<_> = violations(&connection, case)
        .difference(&known)
        .cloned()
        .collect();
    same("new violations of foreign keys", &new, &vec![])?;
    let may_fail = may_fail(case) || outcome.may_fail || outcome.cannot_inherit;
    if !report.failed.is_empty() && may_fail {
        untouched_or_gone(&before, &after, &outcome)?;
        return Ok(if outcome.cannot_inherit {
            Ended::NotInherited
        } else {
            Ended::RolledBack
        });
    }
    same("nothing is inherited", &outcome.cannot_inherit, &false)?;
    same("failures", &report.failed, &vec![])?;
    compare_rows(case, &after, &outcome)?;
    trail(case, &connection, &outcome)?;
    drop(connection);
    compare_reports(case, &preview, &outcome)?;
    same_reports(case, &preview, &report, &outcome)?;
    again(case, &installed, &job)?;
    Ok(ended(&outcome))
}

fn ended(outcome: &Outcome) -> Ended {
    if !outcome.collateral.is_empty() {
        Ended::Collateral
    } else if !outcome.inherited.is_empty() {
        Ended::Inherited
    } else if !outcome.mentions.is_empty() {
        Ended::Mentions
    } else if outcome.gone.iter().any(|gone| !gone.is_empty()) {
        Ended::Deleted
    } else {
        Ended::Nothing
    }
}

fn refused(outcome: &Outcome, error: &Error) -> Checked<Ended> {
    let reason = match error {
        Error::UndecidedReferences(_) => Refusal::Undecided,
        Error::ForeignKey { .. } => Refusal::ForeignKey,
        Error::NoIdentity { .. } => Refusal::Identity,
        Error::DefaultInKey(_) => Refusal::DefaultInKey,
        Error::UserKeyType { .. } => Refusal::UserKeyType,
        Error::UnknownUser { .. } => Refusal::UnknownUser,
        Error::AmbiguousUser { .. } => Refusal::AmbiguousUser,
        Error::Heir(HeirError::Goes { .. }) => Refusal::HeirGoes,
        Error::Heir(HeirError::Unfit(_)) => Refusal::HeirUnfit,
        Error::Blocked(_) => Refusal::Blocked,
        Error::LooseKeys(_) => Refusal::Loose,
        Error::Database(DatabaseError::UnknownCode { .. }) => Refusal::Uncompilable,
        other => return Err(format!("refused for no good reason: {other}")),
    };
    if outcome.refusals.contains(&reason) {
        return Ok(Ended::Refused(reason));
    }
    Err(format!("refused: {error}\nexpected {:?}", outcome.refusals))
}

/// An action that sets what cannot be set, that sets a default which may not exist, or that misses
/// rows because the columns' types differ: `SQLite` may refuse in the middle of a user.
fn may_fail(case: &Case) -> bool {
    let tables = case.tables.iter().enumerate();
    let mut references =
        tables.flat_map(|(at, table)| (0..table.references.len()).map(move |number| (at, number)));
    references.any(|(at, number)| {
        let reference = &case.tables[at].references[number];
        match reference.action {
            Action::SetNull => !case.is_nullable(at, number),
            Action::SetDefault => {
                let own = case.columns(at, number);
                let theirs = case.parent_columns(reference);
                let mut pairs = own.iter().zip(&theirs);
                !case.is_nullable(at, number)
                    || oracle::is_converted_in_place(case, case.parent(reference))
                    || pairs.any(|(own, theirs)| own.kind.affinity() != theirs.kind.affinity())
            }
            Action::SetOne => true,
            _ => false,
        }
    })
}

fn untouched_or_gone(before: &[Rows], after: &[Rows], outcome: &Outcome) -> Checked {
    for (at, rows) in before.iter().enumerate() {
        for (tag, row) in rows {
            let set = &outcome.rows_on_the_way[at][tag];
            let found = after[at].get(tag);
            let either =
                |(name, value): (&String, &Value)| *value == row[name] || *value == set[name];
            let possible = match found {
                Some(found) => found.iter().all(either),
                None => outcome.gone[at].contains(tag),
            };
            if !possible {
                return Err(format!(
                    "row {tag} of table {at} is {found:?} after a rollback"
                ));
            }
        }
    }
    Ok(())
}

fn compare_rows(case: &Case, after: &[Rows], outcome: &Outcome) -> Checked {
    for (at, rows) in after.iter().enumerate() {
        same(
            &format!("rows of {}", case.table_name(at)),
            rows,
            &outcome.rows[at],
        )?;
    }
    Ok(())
}

/// What the trigger wrote.
fn trail(case: &Case, connection: &Connection, outcome: &Outcome) -> Checked {
    let Some(table) = case.trigger_table() else {
        return Ok(());
    };
    let mut statement = connection
        .prepare("SELECT tag FROM trail ORDER BY tag")
        .unwrap();
    let tags: Vec<i64> = statement
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    same(
        "what the trigger saw",
        &tags,
        &outcome.gone[table].iter().copied().collect(),
    )
}

fn compare_reports(case: &Case, preview: &Report, outcome: &Outcome) -> Checked {
    let by_column =
        |list: &[MentionCount]| list.iter().map(|m| (m.column.clone(), m.rows)).collect();
    same("mentions", &by_column(&preview.mentions), &outcome.mentions)?;
    same(
        "inherited mentions",
        &by_column(&preview.reassigned),
        &outcome.inherited,
    )?;
    let unowned = preview
        .unowned
        .iter()
        .map(|t| (t.table.clone(), t.rows))
        .collect();
    same("unowned", &unowned, &outcome.unowned)?;
    same("users", &preview.users_processed, &(outcome.targets as u64))?;
    let gone: usize = outcome.gone.iter().map(BTreeSet::len).sum();
    same("total", &preview.total_items(), &(gone as u64))?;
    for line in &preview.summary {
        let at = (0..case.tables.len()).find(|at| case.table_name(*at) == line.line);
        let gone = at.map(|at| outcome.gone[at].len() as u64);
        same(&format!("line {}", line.line), &line.count, &gone)?;
    }
    if unique_parents(case) {
        let key = |key: &UserKey| match key {
            UserKey::Integer(number) => format!("Integer({number})"),
            UserKey::Text(text) => format!("Text({:?})", String::from_utf8_lossy(text)),
            UserKey::Blob(bytes) => format!("Blob({bytes:?})"),
        };
        let collateral = preview
            .collateral
            .iter()
            .map(|c| ((c.table.clone(), key(&c.owner)), c.rows))
            .collect();
        same("collateral", &collateral, &outcome.collateral)?;
    }
    Ok(())
}

/// Where a value names several rows, which of them is somebody's natural owner is open.
fn unique_parents(case: &Case) -> bool {
    let mut references = case.tables.iter().flat_map(|table| &table.references);
    references.all(|reference| reference.target() != To::Plain)
}

/// The preview is what was done, line by line (invariant 6).
fn same_reports(case: &Case, preview: &Report, report: &Report, outcome: &Outcome) -> Checked {
    same("summaries", &report.summary, &preview.summary)?;
    same("totals", &report.total_items(), &preview.total_items())?;
    same("users", &report.users_processed, &preview.users_processed)?;
    same("collaterals", &report.collateral, &preview.collateral)?;
    same("unowned rows", &report.unowned, &preview.unowned)?;
    same("mentions", &report.mentions, &preview.mentions)?;
    same("inherited", &report.reassigned, &preview.reassigned)?;
    same("mentions left", &report.still_named, &preview.still_named)?;
    let trigger_wrote = case
        .trigger_table()
        .is_some_and(|table| !outcome.gone[table].is_empty());
    same(
        "complete, but for what a trigger wrote",
        &(report.is_complete(), report.stopped),
        &(!trigger_wrote, false),
    )
}

/// A second run finds nothing to do.
fn again(case: &Case, installed: &Installed, job: &Job) -> Checked {
    let connection = installed.open();
    let rows = oracle::read(&connection, case);
    drop(connection);
    match installed.delete(job) {
        Ok(report) => {
            same("total of a second run", &report.total_items(), &0)?;
            same("failures of a second run", &report.failed, &vec![])?;
            same("complete a second time", &report.is_complete(), &true)?;
        }
        Err(Error::UnknownUser { .. }) if case.accounts == reset_app::plan::Accounts::Delete => {}
        Err(error) => return Err(format!("a second run is refused: {error}")),
    }
    same(
        "rows after a second run",
        &oracle::read(&installed.open(), case),
        &rows,
    )
}

type Violation = (String, i64, String, i64);

/// What `foreign_key_check` finds, by the tags of the rows; but for tables that it cannot check.
fn violations(connection: &Connection, case: &Case) -> BTreeSet<Violation> {
    let names_no_key = |r: &Reference| r.action != Action::Undeclared && matches!(r.to, To::Plain);
    let tables = case.tables.iter().enumerate();
    let checked = tables.filter(|(_, table)| !table.references.iter().any(names_no_key));
    checked
        .flat_map(|(at, _)| violations_of(connection, &case.table_name(at)))
        .collect()
}

fn violations_of(connection: &Connection, table: &str) -> Vec<Violation> {
    let check = format!("PRAGMA foreign_key_check({})", quote(table));
    let mut statement = connection.prepare(&check).unwrap();
    let found = statement.query_map([], |row| {
        Ok((
            row.get(0)?,
            row.get::<_, Option<i64>>(1)?.unwrap_or(-1),
            row.get(2)?,
            row.get(3)?,
        ))
    });
    found.unwrap().collect::<Result<_, _>>().unwrap()
}
