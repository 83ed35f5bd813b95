//! A small application: a database, a manifest, and files.

use std::fs;
use std::path::PathBuf;

use rusqlite::Connection;
use tempfile::TempDir;

use super::run::{Outcome, reset_app};

/// A small application: a database, a manifest, and files.
pub(crate) struct Application {
    pub(crate) root: TempDir,
}

impl Application {
    /// Made of these statements and this manifest, which need not name the database.
    pub(crate) fn new(sql: &str, manifest: &str) -> Self {
        let root = tempfile::tempdir().unwrap();
        let application = Self { root };
        let text = format!("[application]\ndatabase = \"app.db\"\n{manifest}");
        fs::write(application.path("reset-app.toml"), text).unwrap();
        application.database().execute_batch(sql).unwrap();
        application
    }

    /// A path below its root.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// Its database, as anybody opens it.
    pub(crate) fn database(&self) -> Connection {
        let database = Connection::open(self.path("app.db")).unwrap();
        database.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
        database
    }

    /// A file that holds its own name.
    pub(crate) fn file(&self, name: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, name).unwrap();
    }

    /// Whether something stands there.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.path(name).symlink_metadata().is_ok()
    }

    /// The number that a query gives.
    pub(crate) fn count(&self, sql: &str) -> i64 {
        let counted = self.database().query_row(sql, [], |row| row.get(0));
        counted.unwrap()
    }

    /// Runs a command on it.
    pub(crate) fn run(&self, words: &[&str]) -> Outcome {
        let invocation = reset_app().root(self.root.path());
        invocation.args(["--no-redis", "--force"]).args(words).run()
    }

    /// Every object of the database: type, name, table and SQL.
    pub(crate) fn structure(&self) -> Vec<String> {
        let database = self.database();
        let sql = "SELECT concat_ws('|', type, name, tbl_name, sql) FROM sqlite_schema ORDER BY 1";
        let mut statement = database.prepare(sql).unwrap();
        let objects = statement.query_map([], |row| row.get(0)).unwrap();
        objects.collect::<Result<_, _>>().unwrap()
    }
}
