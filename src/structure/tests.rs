use rusqlite::Connection;

use super::*;

fn live(sql: &str) -> Connection {
    let live = Connection::open_in_memory().unwrap();
    live.execute_batch(sql).unwrap();
    live
}

fn keeping(tables: &[&str]) -> Blueprint {
    Blueprint {
        keep: tables.iter().map(ToString::to_string).collect(),
        ..Blueprint::default()
    }
}

fn text(connection: &Connection, sql: &str) -> String {
    connection.query_row(sql, [], |row| row.get(0)).unwrap()
}

const SCHEMA: &str = "SELECT group_concat(type || name || tbl_name || coalesce(sql, '-'), char(10)) \
                      FROM (SELECT * FROM sqlite_schema WHERE name <> 'sqlite_stat4' ORDER BY type, name)";

/// Everything in it that is made in a way of its own.
const HAZARDS: &str = r#"
    PRAGMA page_size = 512; PRAGMA encoding = 'UTF-16be'; PRAGMA auto_vacuum = 2;
    PRAGMA application_id = -7; PRAGMA user_version = 42;
    CREATE TABLE "select"("from" INTEGER PRIMARY KEY AUTOINCREMENT, "a""b; DROP TABLE x--" TEXT COLLATE NOCASE UNIQUE);
    CREATE TABLE once(id INTEGER PRIMARY KEY AUTOINCREMENT);
    CREATE TABLE wr(a TEXT, b INT, PRIMARY KEY (a, b)) WITHOUT ROWID;
    CREATE TABLE strict_(a INTEGER, g INT GENERATED ALWAYS AS (a * 2) VIRTUAL, h INT AS (a + 1) STORED, x ANY) STRICT;
    CREATE VIRTUAL TABLE search USING fts5(body);
    CREATE VIRTUAL TABLE old_search USING fts4(body, tokenize=porter);
    CREATE VIRTUAL TABLE place USING rtree(id, x0, x1);
    CREATE INDEX partial ON strict_(h, a DESC) WHERE a > 3;
    CREATE INDEX expression ON wr(lower(a));
    CREATE VIEW unknown AS SELECT no_such_function(a) FROM nowhere;
    CREATE TRIGGER on_wr AFTER INSERT ON wr BEGIN INSERT INTO search(body) VALUES (new.a); END;
    CREATE TABLE ref(a REFERENCES gone(x) ON DELETE CASCADE CHECK (a <> 'never'));
    INSERT INTO "select" VALUES (9, 'nine'); DELETE FROM "select";
    INSERT INTO strict_(a) VALUES (5); INSERT INTO wr VALUES ('body', 1); INSERT INTO old_search VALUES ('old');
    ANALYZE;
"#;

#[test]
fn the_structure_is_the_same_and_nothing_is_in_it() {
    let live = live(HAZARDS);
    let image = Image::build(&live, &Blueprint::default()).unwrap();
    assert_eq!(text(&image.connection, SCHEMA), text(&live, SCHEMA));
    for pragma in [
        "page_size",
        "encoding",
        "auto_vacuum",
        "application_id",
        "user_version",
    ] {
        let sql = format!("SELECT {pragma} || '' FROM pragma_{pragma}");
        assert_eq!(text(&image.connection, &sql), text(&live, &sql), "{pragma}");
    }
    for table in [
        "\"select\"",
        "wr",
        "strict_",
        "search",
        "old_search",
        "place",
        "sqlite_sequence",
        "sqlite_stat1",
    ] {
        let sql = format!("SELECT count(*) || '' FROM {table}");
        assert_eq!(text(&image.connection, &sql), "0", "{table}");
    }
    assert_eq!(text(&image.connection, "PRAGMA integrity_check"), "ok");
}

#[test]
fn rows_that_are_kept_are_the_same_and_fire_no_trigger() {
    let live = live(
        "CREATE TABLE books(id INTEGER PRIMARY KEY AUTOINCREMENT, v ANY, g AS (v || '!'));
         CREATE TABLE plain(v); CREATE TABLE log(v);
         CREATE TRIGGER t AFTER INSERT ON plain BEGIN INSERT INTO log VALUES (new.v); END;
         INSERT INTO books(id, v) VALUES (3, x'00ff'), (5, 1.5), (8, 'last'); DELETE FROM books WHERE id = 8;
         INSERT INTO plain(rowid, v) VALUES (7, CAST(x'ff' AS TEXT)), (40, NULL); DELETE FROM log;",
    );
    let image = Image::build(&live, &keeping(&["Books", "plain"])).unwrap();
    for sql in [
        "SELECT group_concat(id || typeof(v) || hex(v) || hex(g)) FROM books",
        "SELECT group_concat(rowid || typeof(v) || hex(v)) FROM plain",
        "SELECT group_concat(name || seq) FROM sqlite_sequence",
        "SELECT count(*) || '' FROM log",
    ] {
        assert_eq!(text(&image.connection, sql), text(&live, sql), "{sql}");
    }
    let kept: Vec<_> = image
        .kept
        .iter()
        .map(|kept| (&*kept.table, kept.rows))
        .collect();
    assert_eq!(kept, [("books", 2), ("plain", 2)]);
}

#[test]
fn what_this_sqlite_cannot_make_is_refused_by_name() {
    let live = live(
        "CREATE TABLE t(a); CREATE INDEX in_their_order ON t(a COLLATE binary); PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = replace(sql, 'binary', 'theirs'); PRAGMA writable_schema = RESET",
    );
    let error = Image::build(&live, &Blueprint::default())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("`in_their_order`") && error.contains("theirs"),
        "{error}"
    );
}

#[test]
fn kept_rows_must_not_name_rows_that_go() {
    let live = live(
        "CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE c(p REFERENCES p(id));
         INSERT INTO p VALUES (1); INSERT INTO c VALUES (1);",
    );
    let error = Image::build(&live, &keeping(&["c"]))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("1 references of them name rows that go"),
        "{error}"
    );
    assert!(Image::build(&live, &keeping(&["c", "p"])).is_ok());
}

fn script(text: &str) -> Script {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("file.sql"), text).unwrap();
    Script::read(directory.path(), "file.sql".as_ref()).unwrap()
}

#[test]
fn a_file_makes_the_structure_and_another_the_rows() {
    let live = live(
        "CREATE TABLE t(a); CREATE TABLE alembic_version(v); INSERT INTO alembic_version VALUES ('head')",
    );
    let structure = "PRAGMA foreign_keys=OFF; BEGIN TRANSACTION; CREATE TABLE t(a, b); \
                     CREATE VIRTUAL TABLE s USING fts4(b); COMMIT;";
    let image = Image::build(
        &live,
        &Blueprint {
            structure: Some(script(structure)),
            seed: Some(script(
                "INSERT INTO t VALUES (1, 2); SELECT * FROM t; INSERT INTO s VALUES ('x')",
            )),
            keep: vec!["alembic_version".into()],
        },
    );
    let image = image.unwrap();
    let rows = "SELECT a || b || v FROM t, alembic_version";
    assert_eq!(text(&image.connection, rows), "12head");
}

#[test]
fn a_file_reaches_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let other = directory.path().join("other.db");
    let live = live("CREATE TABLE t(a)");
    for forbidden in [
        format!("ATTACH '{}' AS o", other.display()),
        format!("VACUUM INTO '{}'", other.display()),
        "PRAGMA writable_schema = ON".into(),
        "PRAGMA journal_mode = OFF".into(),
        "ROLLBACK".into(),
        "SAVEPOINT s".into(),
        "SELECT load_extension('x')".into(),
        "INSERT INTO t VALUES ('secret', 2)".into(),
    ] {
        let seed = Some(script(&format!("INSERT INTO t VALUES (1); {forbidden};")));
        let blueprint = Blueprint {
            seed,
            ..Blueprint::default()
        };
        let error = Image::build(&live, &blueprint).unwrap_err().to_string();
        assert!(
            error.contains("statement 2 of `file.sql`"),
            "{forbidden}: {error}"
        );
        assert!(!error.contains("secret"), "{error}");
        assert!(!other.exists(), "{forbidden}");
    }
}
