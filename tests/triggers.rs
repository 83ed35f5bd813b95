//! Triggers run, and what they do is found out and told; what only the application can run is refused.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use support::application::Application;

const USERS: &str = "CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT);
    INSERT INTO users VALUES (1, 'annabel'), (2, 'ben');
    CREATE TABLE posts(id INTEGER PRIMARY KEY, u INTEGER NOT NULL REFERENCES users ON DELETE CASCADE, body TEXT);
    INSERT INTO posts VALUES (1, 1, 'secret words'), (2, 1, 'x'), (3, 2, 'y');";

const MANIFEST: &str = "[users]\ntable = \"users\"\nnames = [\"name\"]\n";

fn application(more: &str) -> Application {
    Application::new(&format!("{USERS} {more}"), MANIFEST)
}

#[test]
fn rows_that_a_trigger_writes_elsewhere_are_counted_and_told() {
    let audit = "CREATE TABLE audit(id INTEGER PRIMARY KEY, entry TEXT); INSERT INTO audit VALUES (1, 'before');
        CREATE TABLE tombstones(what TEXT PRIMARY KEY) WITHOUT ROWID; INSERT INTO tombstones VALUES ('z');
        CREATE TRIGGER note AFTER DELETE ON posts BEGIN
            INSERT INTO audit(entry) VALUES ('deleted: ' || old.body);
            INSERT OR IGNORE INTO tombstones VALUES (old.id); END;";
    let application = application(audit);
    let preview = application
        .run(&["delete-user", "1", "--dry-run"])
        .expect(0);
    preview.says(["rows that go make `note` write `audit`"]);
    let outcome = application.run(&["delete-user", "1"]).expect(3);
    outcome.says([
        "2 rows of `audit`, by `note`",
        "2 rows of `tombstones`, by `note`",
    ]);
    let json = application
        .run(&["delete-user", "2", "--format", "json"])
        .expect(3)
        .json();
    assert_eq!(
        json["written"][0],
        serde_json::json!(
        {"table": "audit", "triggers": ["note"], "rows": 1, "kept": false})
    );
    application.run(&["delete-user", "2"]).expect(0);
}

#[test]
fn rows_in_tables_that_the_manifest_keeps_are_told_and_no_more() {
    let sql = format!(
        "{USERS} CREATE TABLE counts(n INTEGER); CREATE TRIGGER c AFTER DELETE ON posts BEGIN INSERT INTO counts VALUES (1); END;"
    );
    let application = Application::new(&sql, &format!("{MANIFEST}[tables]\nkept = [\"counts\"]\n"));
    application
        .run(&["delete-user", "1"])
        .expect(0)
        .says(["2 rows of `counts`, by `c`"]);
}

#[test]
fn rows_written_for_an_account_that_goes_are_not_lost_sight_of() {
    let sql = format!(
        "{USERS} CREATE TABLE history(id INTEGER PRIMARY KEY, u INTEGER);
         CREATE TRIGGER note AFTER DELETE ON posts BEGIN INSERT INTO history(u) VALUES (old.u); END;"
    );
    let manifest = format!(
        "{MANIFEST}[references]\n\"history.u\" = {{ is = \"owner\", to = \"users.id\" }}\n"
    );
    let application = Application::new(&sql, &manifest);
    application.run(&["delete-user", "1"]).expect(0);
    assert_eq!(
        application.count("SELECT count(*) FROM history"),
        0,
        "they go again"
    );
    application
        .run(&["delete-user", "2", "--delete-accounts"])
        .expect(3)
        .says(["1 row of `history`, by `note`"]);
}

#[test]
fn an_index_that_triggers_keep_in_step_is_no_residue() {
    let application = application(
        "CREATE VIRTUAL TABLE idx USING fts5(body, content='posts', content_rowid='id');
         INSERT INTO idx(idx) VALUES ('rebuild');
         CREATE TRIGGER gone AFTER DELETE ON posts BEGIN
             INSERT INTO idx(idx, rowid, body) VALUES ('delete', old.id, old.body); END;",
    );
    application.run(&["delete-user", "1"]).expect(0);
}

#[test]
fn what_only_the_application_can_run_is_listed_before_anything_changes() {
    // Written past the checks that `SQLite` makes of new definitions.
    let objects = [
        (
            "a trigger with a function",
            "CREATE TRIGGER t AFTER DELETE ON posts BEGIN SELECT app_hash(old.body); END",
            "no such function: app_hash",
        ),
        (
            "a trigger on the accounts",
            "CREATE TRIGGER t BEFORE DELETE ON users BEGIN SELECT app_other(old.name); END",
            "no such function: app_other",
        ),
        (
            "an index on an expression",
            "CREATE INDEX i ON posts(lower_app(body))",
            "lower_app",
        ),
    ];
    for (what, sql, reason) in objects {
        let application = application("");
        define(&application, sql);
        let before = std::fs::read(application.path("app.db")).unwrap();
        for words in [
            &["delete-user", "1", "--delete-accounts"][..],
            &["delete-user", "1", "--delete-accounts", "--dry-run"],
        ] {
            let refused = application.run(words).expect(4);
            refused.complains([reason, "nothing was changed"]);
        }
        assert_eq!(
            std::fs::read(application.path("app.db")).unwrap(),
            before,
            "{what}"
        );
    }
    let application = application("");
    define(&application, objects[0].1);
    define(
        &application,
        &objects[1].1.replace("TRIGGER t", "TRIGGER t2"),
    );
    let refused = application
        .run(&["delete-user", "1", "--delete-accounts"])
        .expect(4);
    refused.complains(["app_hash", "app_other"]);
    application.run(&["status"]).expect(0);
}

/// Puts a definition into the schema that this `SQLite` could not run.
fn define(application: &Application, sql: &str) {
    let database = application.database();
    let table = if sql.contains("ON users") {
        "users"
    } else {
        "posts"
    };
    let words: Vec<&str> = sql.split_whitespace().collect();
    if words[1] == "INDEX" {
        let known = sql.replace("lower_app", "lower");
        let edit = format!(
            "{known}; PRAGMA writable_schema = ON;
             UPDATE sqlite_schema SET sql = replace(sql, 'lower(', 'lower_app(') WHERE name = '{}';", words[2]);
        database.execute_batch(&edit).unwrap();
        return;
    }
    database
        .execute_batch("PRAGMA writable_schema = ON")
        .unwrap();
    let insert = "INSERT INTO sqlite_schema VALUES ('trigger', ?1, ?2, 0, ?3)";
    database.execute(insert, [words[2], table, sql]).unwrap();
}
