//! Rows of small databases, each named for what is difficult about it.
//!
//! Every table has a column `n`, by which its rows are told here. `Zoo::going` gives the rows that
//! go as `n@position`, in the order of `n`.

use std::cell::RefCell;
use std::sync::Once;

use rusqlite::Connection;

use super::rows::set_name;
use super::{Request, Selection, Survey, Targets, Unowned};
use crate::database::Durability;
use crate::erase::{Commit, Deletion};
use crate::error::{Error, Result};
use crate::graph::Graph;
use crate::manifest::{Manifest, Source};
use crate::plan::{Accounts, Plan};
use crate::schema;
use crate::sql::{main_table, same_row};

const USERS: &str = "CREATE TABLE users(id INTEGER PRIMARY KEY, n TEXT);
                     INSERT INTO users VALUES (1, 'ann'), (2, 'bob'), (3, 'eve');";

struct Zoo {
    connection: Connection,
    manifest: Manifest,
    plan: Plan,
}

impl Zoo {
    /// A database of its own, made of these statements, after `USERS` where they make no such table.
    fn new(sql: &str) -> Self {
        Self::with(sql, "", Accounts::Keep)
    }

    fn with(sql: &str, references: &str, accounts: Accounts) -> Self {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch("PRAGMA foreign_keys = OFF; PRAGMA automatic_index = OFF")
            .unwrap();
        if !sql.contains("CREATE TABLE users") {
            connection.execute_batch(USERS).unwrap();
        }
        connection.execute_batch(sql).unwrap();
        connection
            .execute_batch("PRAGMA foreign_keys = ON")
            .unwrap();
        let text = format!("[users]\ntable = \"users\"\n[references]\n{references}");
        let manifest = Manifest::parse(&text, Source::File("reset-app.toml".into())).unwrap();
        let schema = schema::read(&connection).unwrap();
        let graph = Graph::new(&schema, &manifest).unwrap();
        let plan = Plan::new(&schema, &graph, &manifest, accounts).unwrap();
        Self {
            connection,
            manifest,
            plan,
        }
    }

    /// Surveys, after what an earlier survey left.
    fn survey(&self, selection: &Selection) -> Result<Survey<'_>> {
        let sql = "SELECT group_concat('DROP TABLE temp.' || name, ';') FROM temp.sqlite_schema WHERE type = 'table'";
        let drops: Option<String> = self
            .connection
            .query_row(sql, [], |row| row.get(0))
            .unwrap();
        self.connection
            .execute_batch(&drops.unwrap_or_default())
            .unwrap();
        let request = Request {
            selection,
            unowned: Unowned::Keep,
            reassign_to: None,
        };
        Survey::take(&self.connection, &self.plan, &self.manifest.users, request)
    }

    /// The rows of `table` that go.
    fn going(&self, selection: &Selection, table: &str) -> String {
        self.survey(selection).unwrap();
        let at = self
            .plan
            .tables
            .iter()
            .position(|t| t.name == table)
            .unwrap();
        let sql = format!(
            "SELECT group_concat(n || '@' || owner, ' ') FROM (SELECT c.n, s.owner FROM {} AS s \
             CROSS JOIN {} AS c ON {} ORDER BY c.n)",
            set_name(at),
            main_table(table),
            same_row("c", "s", &self.plan.tables[at].identity)
        );
        let rows: Option<String> = self
            .connection
            .query_row(&sql, [], |row| row.get(0))
            .unwrap();
        rows.unwrap_or_default()
    }

    /// Deletes everyone's rows, user by user.
    fn erase(&self) -> Result<()> {
        let survey = self.survey(&Selection::All)?;
        let mut alone = false;
        let mut next = Targets::next(&self.connection, 0)?;
        while let Some(position) = next {
            if alone {
                survey.take_again(&self.connection, position)?;
            }
            let mut ended = self.delete(&survey, position, |_| Ok(()))?;
            if matches!(&ended, Commit::RolledBack(error) if error.is_violation()) {
                alone = true;
                survey.take_again(&self.connection, position)?;
                ended = self.delete(&survey, position, |deletion| {
                    deletion.weigh(&self.plan, position)
                })?;
            }
            match ended {
                Commit::Done(_) => {}
                Commit::RolledBack(error) | Commit::Unknown(error) => return Err(error),
            }
            next = Targets::next(&self.connection, position)?;
        }
        Ok(())
    }

    fn delete(
        &self,
        survey: &Survey,
        position: i64,
        weigh: impl FnOnce(&mut Deletion) -> Result<()>,
    ) -> Result<Commit> {
        let mut deletion = Deletion::begin(&self.connection, Durability::AtOnce)?;
        weigh(&mut deletion)?;
        deletion.delete_rows(&self.plan, &survey.rows, position, None)?;
        Ok(deletion.commit())
    }

    fn left(&self, table: &str) -> String {
        let sql = format!(
            "SELECT group_concat(n, ' ') FROM (SELECT n FROM {} ORDER BY n)",
            main_table(table)
        );
        let rows: Option<String> = self
            .connection
            .query_row(&sql, [], |row| row.get(0))
            .unwrap();
        rows.unwrap_or_default()
    }
}

fn only(name: &str) -> Selection {
    Selection::Only(vec![name.into()])
}

thread_local! {
    static STATEMENTS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

struct Listener;

impl log::Log for Listener {
    fn enabled(&self, metadata: &log::Metadata) -> bool {
        metadata.level() == log::Level::Trace
    }

    fn log(&self, record: &log::Record) {
        if self.enabled(record.metadata()) {
            STATEMENTS.with_borrow_mut(|statements| statements.push(record.args().to_string()));
        }
    }

    fn flush(&self) {}
}

/// The statements that `work` executes on this thread.
fn statements(work: impl FnOnce()) -> Vec<String> {
    static LISTENING: Once = Once::new();
    LISTENING.call_once(|| {
        log::set_boxed_logger(Box::new(Listener)).unwrap();
        log::set_max_level(log::LevelFilter::Trace);
    });
    STATEMENTS.take();
    work();
    STATEMENTS.take()
}

/// The refusal of a database that must be refused.
fn refusal(zoo: &Zoo) -> Error {
    zoo.survey(&Selection::All).unwrap_err()
}

#[test]
fn a_child_goes_with_its_parent() {
    let zoo = Zoo::new(
        "CREATE TABLE posts(id INTEGER PRIMARY KEY, n, user_id REFERENCES users ON DELETE CASCADE);
         CREATE TABLE likes(n, post REFERENCES posts ON DELETE CASCADE);
         INSERT INTO posts VALUES (10, 'a', 1), (11, 'b', 2), (12, 'nobodys', NULL);
         INSERT INTO likes VALUES ('x', 10), ('y', 11), ('z', 12), ('dangling', 13);",
    );
    assert_eq!(zoo.going(&only("2"), "posts"), "b@1");
    assert_eq!(zoo.going(&only("2"), "likes"), "y@1");
    zoo.erase().unwrap();
    assert_eq!(zoo.left("posts"), "nobodys");
    assert_eq!(zoo.left("likes"), "dangling z");
}

/// A cascade deeper than 1,000 levels fails in `SQLite`, so this has to be deleted from its end.
#[test]
fn chain_of_five_thousand_parents() {
    let zoo = Zoo::new(
        "CREATE TABLE notes(id INTEGER PRIMARY KEY, n, user_id REFERENCES users ON DELETE CASCADE,
                            parent REFERENCES notes ON DELETE CASCADE);
         INSERT INTO notes
           WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 5000)
           SELECT i, i, iif(i = 1, 1, NULL), nullif(i - 1, 0) FROM c;",
    );
    let cascade = zoo
        .connection
        .execute_batch("BEGIN; DELETE FROM notes WHERE id = 1")
        .unwrap_err();
    assert!(
        cascade
            .to_string()
            .contains("too many levels of trigger recursion"),
        "{cascade}"
    );
    zoo.connection.execute_batch("ROLLBACK").unwrap();
    zoo.erase().unwrap();
    assert_eq!(zoo.left("notes"), "");
}

#[test]
fn cycle_of_two_with_not_null() {
    let zoo = Zoo::with(
        "CREATE TABLE a(id INTEGER PRIMARY KEY, n, user_id REFERENCES users ON DELETE CASCADE,
                        b INTEGER NOT NULL REFERENCES b);
         CREATE TABLE b(id INTEGER PRIMARY KEY, n, a INTEGER NOT NULL REFERENCES a ON DELETE RESTRICT);
         INSERT INTO a VALUES (1, 'a1', 1, 1), (2, 'a2', NULL, 1), (3, 'stays', NULL, 3);
         INSERT INTO b VALUES (1, 'b1', 1), (3, 'stays', 3);",
        "\"a.b\" = \"owner\"\n\"b.a\" = \"owner\"",
        Accounts::Keep,
    );
    assert_eq!(zoo.going(&Selection::All, "a"), "a1@1 a2@1");
    assert_eq!(zoo.going(&Selection::All, "b"), "b1@1");
    zoo.erase().unwrap();
    assert_eq!(
        (zoo.left("a"), zoo.left("b")),
        ("stays".into(), "stays".into())
    );
}

#[test]
fn row_naming_itself() {
    let zoo = Zoo::new(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, n, user_id REFERENCES users ON DELETE CASCADE,
                        self INTEGER NOT NULL REFERENCES t ON DELETE CASCADE);
         INSERT INTO t VALUES (1, 'hers', 1, 1), (2, 'hangs', NULL, 1), (3, 'nobodys', NULL, 3);",
    );
    zoo.erase().unwrap();
    assert_eq!(zoo.left("t"), "nobodys");
}

#[test]
fn composite_keys() {
    let zoo = Zoo::new(
        "CREATE TABLE t(a INTEGER, b TEXT, n, user_id REFERENCES users ON DELETE CASCADE, PRIMARY KEY (a, b));
         CREATE TABLE c(n, y, x, FOREIGN KEY (x, y) REFERENCES t(a, b) ON DELETE CASCADE);
         INSERT INTO t VALUES (1, 'x', 'hers', 1), (1, 'y', 'nobodys', NULL);
         INSERT INTO c VALUES ('goes', 'x', 1), ('stays', 'y', 1), ('half', NULL, 1), ('swapped', 1, 'x');",
    );
    zoo.erase().unwrap();
    assert_eq!(zoo.left("c"), "half stays swapped");
}

#[test]
fn nocase_parent_with_binary_child() {
    let zoo = Zoo::new(
        "CREATE TABLE users(id TEXT COLLATE NOCASE PRIMARY KEY, n);
         CREATE TABLE t(n, user_id TEXT REFERENCES users ON DELETE CASCADE);
         CREATE INDEX i ON t(user_id);
         INSERT INTO users VALUES ('Bob', 'bob');
         INSERT INTO t VALUES ('lower', 'bob'), ('upper', 'BOB'), ('other', 'bobby');",
    );
    assert_eq!(zoo.going(&only("bOB"), "t"), "lower@1 upper@1");
    zoo.erase().unwrap();
    assert_eq!(zoo.left("t"), "other");
}

#[test]
fn binary_parent_with_nocase_child() {
    let zoo = Zoo::new(
        "CREATE TABLE users(id TEXT PRIMARY KEY, n);
         CREATE TABLE t(n, user_id TEXT COLLATE NOCASE REFERENCES users ON DELETE CASCADE);
         CREATE INDEX i ON t(user_id);
         INSERT INTO users VALUES ('bob', 'bob');
         INSERT INTO t VALUES ('exact', 'bob'), ('upper', 'BOB');",
    );
    assert_eq!(zoo.going(&Selection::All, "t"), "exact@1");
}

#[test]
fn untyped_foreign_key() {
    let zoo = Zoo::new(
        "CREATE TABLE t(n, user_id REFERENCES users ON DELETE CASCADE);
         CREATE INDEX i ON t(user_id);
         INSERT INTO t VALUES ('number', 1), ('text', '1'), ('real', 1.0), ('padded', '01'), ('blob', x'31');",
    );
    assert_eq!(
        zoo.going(&only("1"), "t"),
        "number@1 padded@1 real@1 text@1"
    );
}

#[test]
fn untyped_foreign_key_to_text() {
    let zoo = Zoo::new(
        "CREATE TABLE users(id TEXT PRIMARY KEY, n);
         CREATE TABLE t(n, user_id REFERENCES users ON DELETE CASCADE);
         INSERT INTO users VALUES ('1', 'one'), ('01', 'padded');
         INSERT INTO t VALUES ('number', 1), ('text', '1'), ('padded', '01');",
    );
    assert_eq!(zoo.going(&only("1"), "t"), "number@1 text@1");
    assert_eq!(zoo.going(&only("01"), "t"), "padded@1");
}

/// The operator `=` would take 01 and 1 for the same number.
#[test]
fn text_parent_with_integer_child() {
    let zoo = Zoo::new(
        "CREATE TABLE users(id TEXT PRIMARY KEY, n);
         CREATE TABLE t(n, user_id INTEGER REFERENCES users ON DELETE CASCADE);
         CREATE INDEX i ON t(user_id);
         INSERT INTO users VALUES ('01', 'padded'), ('1', 'one');
         INSERT INTO t VALUES ('ones', 1);",
    );
    assert_eq!(zoo.going(&only("01"), "t"), "");
    assert_eq!(zoo.going(&only("1"), "t"), "ones@1");
}

#[test]
fn any_of_a_strict_table_converts_nothing() {
    let zoo = Zoo::new(
        "CREATE TABLE users(id ANY PRIMARY KEY, n ANY) STRICT;
         CREATE TABLE t(n, user_id REAL REFERENCES users ON DELETE CASCADE);
         INSERT INTO users VALUES ('1', 'text');
         INSERT INTO t VALUES ('number', 1);",
    );
    assert_eq!(zoo.going(&Selection::All, "t"), "");
}

#[test]
fn without_rowid() {
    let zoo = Zoo::new(
        "CREATE TABLE t(a TEXT, b INTEGER, n, user_id REFERENCES users ON DELETE CASCADE,
                        PRIMARY KEY (b, a)) WITHOUT ROWID;
         CREATE TABLE c(n PRIMARY KEY, a, b, FOREIGN KEY (b, a) REFERENCES t ON DELETE CASCADE) WITHOUT ROWID;
         INSERT INTO t VALUES ('x', 1, 'hers', 1), ('x', 2, 'nobodys', NULL);
         INSERT INTO c VALUES ('goes', 'x', 1), ('stays', 'x', 2);",
    );
    zoo.erase().unwrap();
    assert_eq!(
        (zoo.left("t"), zoo.left("c")),
        ("nobodys".into(), "stays".into())
    );
}

#[test]
fn shadowed_rowid_names() {
    let zoo = Zoo::new(
        "CREATE TABLE t(rowid, oid, n, user_id REFERENCES users ON DELETE CASCADE);
         CREATE TABLE u(rowid, oid, _rowid_, k TEXT NOT NULL PRIMARY KEY, n, user_id REFERENCES users ON DELETE CASCADE);
         INSERT INTO t VALUES (2, 2, 'hers', 1), (1, 1, 'stays', NULL);
         INSERT INTO u VALUES (2, 2, 2, 'x', 'hers', 1), (1, 1, 1, 'y', 'stays', NULL);",
    );
    zoo.erase().unwrap();
    assert_eq!(
        (zoo.left("t"), zoo.left("u")),
        ("stays".into(), "stays".into())
    );
}

#[test]
fn quoted_names() {
    let zoo = Zoo::new(
        r#"CREATE TABLE "a""b; DROP TABLE users--"("x.""y" INTEGER PRIMARY KEY, n, "user id" REFERENCES users ON DELETE CASCADE);
           CREATE TABLE "order"(n, "group" REFERENCES "a""b; DROP TABLE users--" ON DELETE CASCADE);
           CREATE TABLE gone_0(n, "select" REFERENCES "a""b; DROP TABLE users--" ON DELETE CASCADE);
           CREATE TABLE target(n, user_id REFERENCES users ON DELETE CASCADE);
           INSERT INTO "a""b; DROP TABLE users--" VALUES (1, 'hers', 1), (2, 'stays', NULL);
           INSERT INTO "order" VALUES ('goes', 1), ('stays', 2);
           INSERT INTO gone_0 VALUES ('goes', 1), ('stays', 2);
           INSERT INTO target VALUES ('goes', 1), ('stays', 9);"#,
    );
    zoo.erase().unwrap();
    for table in ["a\"b; DROP TABLE users--", "order", "gone_0", "target"] {
        assert_eq!(zoo.left(table), "stays", "{table}");
    }
    assert_eq!(zoo.left("users"), "ann bob eve");
}

#[test]
fn partial_index_is_not_used() {
    let zoo = Zoo::new(
        "CREATE TABLE t(n, live, user_id INTEGER REFERENCES users ON DELETE CASCADE);
         CREATE INDEX i ON t(user_id) WHERE live;
         INSERT INTO t VALUES ('live', 1, 1), ('dead', 0, 1);",
    );
    assert_eq!(zoo.going(&Selection::All, "t"), "dead@1 live@1");
}

#[test]
fn a_mention_is_set_to_null_and_its_row_stays() {
    let zoo = Zoo::with(
        "CREATE TABLE t(n, by INTEGER REFERENCES users);
         CREATE TABLE posts(id INTEGER PRIMARY KEY, n, user_id REFERENCES users ON DELETE CASCADE,
                            best REFERENCES t2 ON DELETE SET NULL);
         CREATE TABLE t2(id INTEGER PRIMARY KEY, n, user_id REFERENCES users ON DELETE CASCADE);
         INSERT INTO t VALUES ('stays', 1), ('other', NULL);
         INSERT INTO t2 VALUES (1, 'x', 1), (2, 'y', 2);
         INSERT INTO posts VALUES (1, 'later', 2, 1), (2, 'same', 1, 1), (3, 'nobodys', NULL, 2);",
        "",
        Accounts::Delete,
    );
    let survey = zoo.survey(&Selection::All).unwrap();
    let found = survey.findings(&zoo.connection).unwrap();
    let mentions: Vec<_> = found
        .mentions
        .set
        .iter()
        .map(|m| (&*m.column, m.rows))
        .collect();
    assert_eq!(mentions, [("posts.best", 1), ("t.by", 1)]);
    zoo.erase().unwrap();
    assert_eq!(zoo.left("t"), "other stays");
    assert_eq!(zoo.left("posts"), "nobodys");
    let named: i64 = zoo
        .connection
        .query_row("SELECT count(by) FROM t", [], |row| row.get(0))
        .unwrap();
    assert_eq!(named, 0);
}

#[test]
fn a_mention_that_cannot_be_null_blocks() {
    let zoo = Zoo::with(
        "CREATE TABLE t(n, by INTEGER NOT NULL REFERENCES users);
         INSERT INTO t VALUES ('stays', 1);",
        "\"t.by\" = \"mention\"",
        Accounts::Delete,
    );
    let Error::Blocked(blocking) = refusal(&zoo) else {
        panic!()
    };
    assert_eq!(
        (&*blocking[0].column, &*blocking[0].parent, blocking[0].rows),
        ("t.by", "users", 1)
    );
}

#[test]
fn a_row_of_two_users_is_the_first_ones() {
    let zoo = Zoo::new(
        "CREATE TABLE t(n, a REFERENCES users ON DELETE CASCADE, b REFERENCES users ON DELETE CASCADE);
         INSERT INTO t VALUES ('both', 2, 1), ('turned', 1, 2), ('seconds', 2, 2);",
    );
    assert_eq!(zoo.going(&Selection::All, "t"), "both@1 seconds@2 turned@1");
    let named = Selection::Only(vec!["2".into(), "1".into()]);
    assert_eq!(zoo.going(&named, "t"), "both@1 seconds@1 turned@1");
}

#[test]
fn a_reply_is_credited_to_whoever_takes_its_thread_first() {
    let zoo = Zoo::new(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, n, user_id REFERENCES users ON DELETE CASCADE,
                        parent REFERENCES t ON DELETE CASCADE);
         INSERT INTO t VALUES (1, 'a', 2, NULL), (2, 'b', 3, 1), (3, 'c', 1, 2), (4, 'd', 3, 3);",
    );
    assert_eq!(zoo.going(&Selection::All, "t"), "a@2 b@2 c@1 d@1");
}

/// A thread of `length` messages, each below the one before and by a user of its own.
fn thread(length: u32, owner: &str) -> Zoo {
    let sql = format!(
        "CREATE TABLE users(id INTEGER PRIMARY KEY, n);
         CREATE TABLE t(id INTEGER PRIMARY KEY, n, user_id REFERENCES users ON DELETE CASCADE,
                        parent REFERENCES t ON DELETE CASCADE);
         INSERT INTO users WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < {length})
           SELECT i, i FROM c;
         INSERT INTO t SELECT id, id, {owner}, nullif(id - 1, 0) FROM users;"
    );
    Zoo::new(&sql)
}

/// What a survey costs grows with the rows, whoever owns which: no message is claimed again by
/// every user above it.
#[test]
fn long_thread_stays_linear() {
    let orders = ["id", "{n} + 1 - id", "(id * 7919) % {n} + 1"];
    for order in orders {
        let cost = |length: u32| {
            let zoo = thread(length, &order.replace("{n}", &length.to_string()));
            statements(|| drop(zoo.survey(&Selection::All).unwrap())).len()
        };
        let (short, long) = (cost(150), cost(300));
        assert!(
            long * 10 < short * 25,
            "{order}: {short} statements for 150, {long} for 300"
        );
    }
}

/// However many users, levels and references there are, finding rows reads a table through but
/// once, whatever has no index. (What `SQLite` reads for its own foreign keys is not heard here.)
#[test]
fn a_table_without_an_index_is_read_once() {
    let zoo = Zoo::with(
        "CREATE TABLE users(id INTEGER PRIMARY KEY, n, boss REFERENCES users);
         CREATE TABLE t(id INTEGER PRIMARY KEY, n, user_id REFERENCES users ON DELETE CASCADE,
                        parent REFERENCES t ON DELETE CASCADE, second REFERENCES users ON DELETE CASCADE,
                        seen_by REFERENCES users ON DELETE SET NULL);
         CREATE TABLE likes(n, t REFERENCES t ON DELETE CASCADE, user_id REFERENCES users ON DELETE CASCADE);
         INSERT INTO users WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 40)
           SELECT i, i, nullif(i - 1, 0) FROM c;
         INSERT INTO t SELECT id, id, id, nullif(id - 1, 0), 41 - id, id FROM users;
         INSERT INTO likes SELECT t.n, t.id, users.id FROM t CROSS JOIN users;",
        "",
        Accounts::Delete,
    );
    let executed = statements(|| zoo.erase().unwrap());
    assert!(executed.len() > 40 * 3, "the statements are heard");
    let (copies, others): (Vec<_>, Vec<_>) = executed
        .iter()
        .partition(|sql| sql.contains("INSERT INTO temp.copy_"));
    assert_eq!(copies.len(), 3, "one reading of each table");
    let executing = ["DELETE FROM main", "UPDATE main"];
    let finding = others
        .into_iter()
        .filter(|sql| !executing.iter().any(|word| sql.starts_with(word)));
    let searching = executed
        .iter()
        .filter(|sql| sql.starts_with("INSERT INTO temp.gone_"));
    assert!(searching.count() > 40, "a thread has as many waves");
    for sql in finding {
        let plan = plan_of(&zoo.connection, sql);
        let scans = plan.iter().find(|detail| detail.starts_with("SCAN c"));
        assert_eq!(scans, None, "{sql}");
    }
    assert_eq!(
        (zoo.left("t"), zoo.left("likes"), zoo.left("users")),
        (String::new(), String::new(), String::new())
    );
}

/// How `SQLite` would execute a statement.
fn plan_of(connection: &Connection, sql: &str) -> Vec<String> {
    let mut statement = connection
        .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
        .unwrap();
    let nulls = vec![None::<i64>; statement.parameter_count()];
    let details = statement.query_map(rusqlite::params_from_iter(nulls), |row| row.get("detail"));
    details.unwrap().map(rusqlite::Result::unwrap).collect()
}

/// `RAISE(IGNORE)` keeps a row, and the statement says it went well.
#[test]
fn a_trigger_that_keeps_rows() {
    let zoo = Zoo::new(
        "CREATE TABLE t(n, user_id REFERENCES users ON DELETE CASCADE);
         CREATE TABLE u(n, user_id REFERENCES users ON DELETE CASCADE);
         CREATE TRIGGER keep BEFORE DELETE ON t WHEN old.n = 'kept' BEGIN SELECT RAISE(IGNORE); END;
         INSERT INTO t VALUES ('kept', 2), ('other', 2), ('first', 1);
         INSERT INTO u VALUES ('hers', 2), ('first', 1);",
    );
    let Error::RowsKept { table, rows } = zoo.erase().unwrap_err() else {
        panic!()
    };
    assert_eq!((&*table, rows), ("t", 1));
    assert_eq!(
        (zoo.left("t"), zoo.left("u")),
        ("kept other".into(), "hers".into())
    );
}

/// What a trigger writes after the survey is found when it is surveyed again.
#[test]
fn a_trigger_that_writes_rows_of_a_later_user() {
    let zoo = Zoo::new(
        "CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, n, user_id REFERENCES users ON DELETE CASCADE);
         CREATE TRIGGER pass_on AFTER DELETE ON t WHEN old.user_id < 3
           BEGIN INSERT INTO t(n, user_id) VALUES (old.n || '+', old.user_id + 1); END;
         INSERT INTO t VALUES (1, 'x', 1);",
    );
    assert!(zoo.plan.triggers);
    let survey = zoo.survey(&Selection::All).unwrap();
    for position in 1..=3 {
        let deletion = Deletion::begin(&zoo.connection, Durability::AtOnce).unwrap();
        survey.take_again(&zoo.connection, position).unwrap();
        deletion
            .delete_rows(&zoo.plan, &survey.rows, position, None)
            .unwrap();
        assert!(matches!(deletion.commit(), Commit::Done(_)));
    }
    assert_eq!(zoo.left("t"), "");
}

#[test]
fn a_dropped_deletion_changes_nothing() {
    let zoo = Zoo::new(
        "CREATE TABLE t(n, user_id REFERENCES users ON DELETE CASCADE);
         INSERT INTO t VALUES ('x', 1);",
    );
    let survey = zoo.survey(&Selection::All).unwrap();
    let deletion = Deletion::begin(&zoo.connection, Durability::AtOnce).unwrap();
    deletion
        .delete_rows(&zoo.plan, &survey.rows, 1, None)
        .unwrap();
    drop(deletion);
    assert_eq!(zoo.left("t"), "x");
}

#[test]
fn a_default_that_names_nothing() {
    let zoo = Zoo::with(
        "CREATE TABLE t(n, by INTEGER DEFAULT 99 REFERENCES users ON DELETE SET DEFAULT,
                        self INTEGER REFERENCES t(id), id INTEGER PRIMARY KEY);
         INSERT INTO t VALUES ('stays', 1, NULL, 1);",
        "",
        Accounts::Delete,
    );
    let Error::DefaultMissing { table, rows, .. } = zoo.erase().unwrap_err() else {
        panic!()
    };
    assert_eq!((&*table, rows), ("t", 1));
    assert_eq!(zoo.left("users"), "ann bob eve");
}

/// `SQLite` looks at a table's foreign keys to itself with every update, and miscounts.
#[test]
fn a_mention_in_a_row_that_names_nothing_of_its_own_table() {
    let zoo = Zoo::with(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, n TEXT, next INTEGER REFERENCES t, last REFERENCES t,
             by INTEGER REFERENCES users ON DELETE SET NULL);
         INSERT INTO t VALUES (1, 'whole', 2, 1, 1), (2, 'half', 2, 8, 1), (3, 'nothing', 9, 8, 1),
             (4, 'also', 9, 8, 2), (5, 'other', 9, 8, NULL)",
        "",
        Accounts::Delete,
    );
    zoo.erase().unwrap();
    assert_eq!(zoo.left("users"), "");
    let named = "SELECT group_concat(next || '/' || last || coalesce(by, ''), ' ') FROM t";
    let named: String = zoo
        .connection
        .query_row(named, [], |row| row.get(0))
        .unwrap();
    assert_eq!(named, "2/1 2/8 9/8 9/8 9/8", "nothing else was changed");
}

/// The first of a circle leaves a violation behind while the others are still there.
#[test]
fn a_circle_with_rows_that_name_nothing_elsewhere() {
    let zoo = Zoo::with(
        "CREATE TABLE kind(id INTEGER PRIMARY KEY);
         CREATE TABLE t(id INTEGER PRIMARY KEY, n TEXT, next INTEGER NOT NULL REFERENCES t,
             kind INTEGER REFERENCES kind DEFERRABLE INITIALLY DEFERRED, user INTEGER REFERENCES users ON DELETE CASCADE);
         INSERT INTO t VALUES (2, 'two', 3, NULL, 1), (3, 'three', 2, NULL, NULL), (4, 'four', 3, 7, NULL),
             (5, 'five', 3, 8, NULL), (6, 'six', 2, NULL, NULL), (7, 'seven', 9, 7, NULL), (8, 'eight', 9, 7, 2)",
        "\"t.next\" = \"owner\"",
        Accounts::Keep,
    );
    zoo.erase().unwrap();
    assert_eq!(zoo.left("t"), "seven");
}

/// A row goes before the one that mentions it, by `SQLite`'s own action.
#[test]
fn a_mention_among_rows_that_go_beside_one_that_names_nothing() {
    let zoo = Zoo::with(
        "CREATE TABLE kind(id INTEGER PRIMARY KEY);
         CREATE TABLE t(id INTEGER PRIMARY KEY, n TEXT, user INTEGER REFERENCES users ON DELETE CASCADE,
             next INTEGER REFERENCES t ON DELETE CASCADE,
             kind INTEGER REFERENCES kind DEFERRABLE INITIALLY DEFERRED);
         INSERT INTO t VALUES (4, 'four', 1, NULL, NULL), (5, 'five', 1, 4, 4), (6, 'six', 2, 6, 7)",
        "\"t.next\" = \"mention\"",
        Accounts::Keep,
    );
    zoo.erase().unwrap();
    assert_eq!(zoo.left("t"), "");
}

/// What is wrong already hides nothing that would go wrong now.
#[test]
fn a_row_that_named_nothing_does_not_outweigh_one_that_names_nothing_now() {
    let zoo = Zoo::with(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, n TEXT, next INTEGER REFERENCES t,
             by INTEGER REFERENCES users ON DELETE SET NULL);
         CREATE TABLE later(n TEXT, user INTEGER REFERENCES users);
         CREATE TRIGGER tells AFTER UPDATE ON t BEGIN INSERT INTO later VALUES ('new', old.by); END;
         INSERT INTO t VALUES (1, 'a', 9, 1), (2, 'b', 9, 1)",
        "",
        Accounts::Delete,
    );
    zoo.erase().unwrap_err();
    assert_eq!(
        (zoo.left("users"), zoo.left("t")),
        ("ann bob eve".into(), "a b".into())
    );
}

#[test]
fn collateral_is_the_natural_owners() {
    let zoo = Zoo::new(
        "CREATE TABLE posts(id INTEGER PRIMARY KEY, n, user_id REFERENCES users ON DELETE CASCADE);
         CREATE TABLE replies(n, post REFERENCES posts ON DELETE CASCADE, user_id REFERENCES users ON DELETE CASCADE);
         INSERT INTO posts VALUES (1, 'anns', 1);
         INSERT INTO replies VALUES ('bobs', 1, 2), ('anns', 1, 1), ('nobodys', 1, NULL), ('bobs too', 1, 2);",
    );
    let survey = zoo.survey(&only("1")).unwrap();
    let found = survey.findings(&zoo.connection).unwrap().collateral;
    let found: Vec<_> = found
        .iter()
        .map(|c| (&*c.table, c.owner.to_string(), c.rows))
        .collect();
    assert_eq!(found, [("replies", "2".into(), 2)]);
}

/// The way over a profile is the longer one, and yet says who wrote the card.
#[test]
fn a_card_is_its_authors_and_not_that_of_the_boards_owner() {
    let zoo = Zoo::new(
        "CREATE TABLE boards(id INTEGER PRIMARY KEY, owner REFERENCES users ON DELETE CASCADE);
         CREATE TABLE accounts(id INTEGER PRIMARY KEY, user_id INTEGER UNIQUE REFERENCES users ON DELETE CASCADE);
         CREATE TABLE profiles(id INTEGER PRIMARY KEY, account INTEGER UNIQUE REFERENCES accounts ON DELETE CASCADE);
         CREATE TABLE cards(n, board REFERENCES boards ON DELETE CASCADE, author REFERENCES profiles ON DELETE CASCADE);
         INSERT INTO boards VALUES (1, 1), (2, 2);
         INSERT INTO accounts VALUES (11, 1), (12, 2);
         INSERT INTO profiles VALUES (21, 11), (22, 12);
         INSERT INTO cards VALUES ('anns', 1, 21), ('bobs', 1, 22), ('anns on bobs', 2, 21);",
    );
    let survey = zoo.survey(&only("1")).unwrap();
    let found = survey.findings(&zoo.connection).unwrap().collateral;
    let found: Vec<_> = found
        .iter()
        .map(|c| (&*c.table, c.owner.to_string(), c.rows))
        .collect();
    assert_eq!(found, [("cards", "2".into(), 1)]);
}

/// `SQLite` joins no more than 64 tables.
#[test]
fn collateral_at_the_end_of_a_hundred_tables() {
    let table = |at: usize| {
        let parent = if at == 0 {
            "users".into()
        } else {
            format!("t{}", at - 1)
        };
        format!(
            "CREATE TABLE t{at}(id INTEGER PRIMARY KEY, n TEXT,
                 up INTEGER REFERENCES {parent} ON DELETE CASCADE);
             INSERT INTO t{at} VALUES (1, 'a', 1), (2, 'b', 2);"
        )
    };
    let mut sql: String = (0..100).map(table).collect();
    sql.push_str(
        "ALTER TABLE t99 ADD COLUMN other INTEGER REFERENCES t98 ON DELETE CASCADE;
         UPDATE t99 SET other = 1 WHERE id = 2",
    );
    let zoo = Zoo::new(&sql);
    let survey = zoo.survey(&only("1")).unwrap();
    let found = survey.findings(&zoo.connection).unwrap().collateral;
    let found: Vec<_> = found.iter().map(|c| (&*c.table, c.rows)).collect();
    assert_eq!(found, [("t99", 1)]);
}

#[test]
fn rows_of_nobody_never_have_the_place_of_a_user() {
    let zoo = Zoo::new(
        "CREATE TABLE t(n, user_id REFERENCES users ON DELETE CASCADE);
         INSERT INTO t VALUES ('anns', 1), ('bobs', 2), ('eves', 3), ('nobodys', NULL);",
    );
    let request = Request {
        selection: &Selection::Except(vec!["1".into()]),
        unowned: Unowned::Delete,
        reassign_to: None,
    };
    let survey = Survey::take(&zoo.connection, &zoo.plan, &zoo.manifest.users, request).unwrap();
    let position = survey.unowned.unwrap();
    let going = survey.going_with(&zoo.connection, position).unwrap();
    assert_eq!(going[0].rows, 1, "nobody's, and not Ann's");
}
