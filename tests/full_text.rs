//! Full-text indexes of every kind: after a deletion they match nothing of the user, agree with
//! their text, and the words are in no byte of the file.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::fs;

use support::application::Application;

/// Two users, each with posts of words that nobody else writes.
const POSTS: &str = "
    CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT);
    INSERT INTO users VALUES (1, 'ann'), (2, 'ben');
    CREATE TABLE posts(id INTEGER PRIMARY KEY, u INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
        title TEXT, body TEXT);";

const ROWS: &str = "
    INSERT INTO posts VALUES (11, 1, 'zanzibar', 'gargoyles of zanzibar'), (12, 2, 'quokka', 'a quokka walks'),
        (13, 1, 'zanzibar again', 'basilisk');";

const SYNC: &str = "
    CREATE TRIGGER added AFTER INSERT ON posts BEGIN
        INSERT INTO idx(rowid, title, body) VALUES (new.id, new.title, new.body); END;
    CREATE TRIGGER gone AFTER DELETE ON posts BEGIN
        INSERT INTO idx(idx, rowid, title, body) VALUES ('delete', old.id, old.title, old.body); END;";

const SYNC4: &str = "
    CREATE TRIGGER added AFTER INSERT ON posts BEGIN
        INSERT INTO idx(docid, title, body) VALUES (new.id, new.title, new.body); END;
    CREATE TRIGGER gone BEFORE DELETE ON posts BEGIN DELETE FROM idx WHERE docid = old.id; END;";

const FILL: &str = "INSERT INTO idx(rowid, title, body) SELECT id, title, body FROM posts;";

const OWN: &str = "\"idx.rowid\" = { is = \"owner\", to = \"posts.id\" }\n";

struct Case {
    name: &'static str,
    sql: String,
    references: &'static str,
    five: bool,
}

fn case(name: &'static str, using: &str, around: (&str, &str), references: &'static str) -> Case {
    let (before, after) = around;
    Case {
        name,
        sql: format!("{POSTS} CREATE VIRTUAL TABLE idx USING {using}; {before} {ROWS} {after}"),
        references,
        five: using.starts_with("fts5"),
    }
}

fn cases() -> Vec<Case> {
    let out_of_step = format!("{FILL} UPDATE posts SET body = 'wombat' WHERE id = 13;");
    vec![
        case(
            "external, nothing in step",
            "fts5(title, body, content='posts', content_rowid='id')",
            ("", FILL),
            "",
        ),
        case(
            "external, never filled",
            "fts5(title, body, content='posts', content_rowid='id')",
            ("", ""),
            "",
        ),
        case(
            "external, out of step",
            "fts5(title, body, content='posts', content_rowid='id')",
            ("", &out_of_step),
            "",
        ),
        case(
            "external, triggers",
            "fts5(title, body, content='posts', content_rowid='id')",
            (SYNC, ""),
            "",
        ),
        case(
            "contentless, triggers",
            "fts5(title, body, content='')",
            (SYNC, ""),
            "",
        ),
        case(
            "contentless that can delete",
            "fts5(title, body, content='', contentless_delete=1)",
            ("", FILL),
            OWN,
        ),
        case("of its own", "fts5(title, body)", ("", FILL), OWN),
        case(
            "fts4, external, nothing in step",
            "fts4(title, body, content='posts')",
            ("", FILL),
            "",
        ),
        case(
            "fts4, external, out of step",
            "fts4(title, body, content='posts')",
            ("", &out_of_step),
            "",
        ),
        case(
            "fts4, external, triggers",
            "fts4(title, body, content='posts')",
            (SYNC4, ""),
            "",
        ),
        case("fts4, of its own", "fts4(title, body)", ("", FILL), OWN),
        case("fts3, of its own", "fts3(title, body)", ("", FILL), OWN),
    ]
}

fn application(case: &Case) -> Application {
    let manifest = format!(
        "[users]\ntable = \"users\"\n[references]\n{}",
        case.references
    );
    Application::new(&case.sql, &manifest)
}

#[test]
fn an_index_forgets_the_user_and_keeps_the_others() {
    for case in cases() {
        let application = application(&case);
        let before = application.structure();
        application.run(&["delete-user", "1"]).expect(0);
        let matches = |word: &str| {
            application.count(&format!(
                "SELECT count(*) FROM idx WHERE idx MATCH '{word}'"
            ))
        };
        for word in ["zanzibar", "gargoyles", "basilisk", "wombat"] {
            assert_eq!(matches(word), 0, "{}: `{word}`", case.name);
        }
        let kept = i64::from(case.name != "external, never filled");
        assert!(matches("quokka") >= kept, "{}", case.name);
        let check = if case.five {
            "INSERT INTO idx(idx, rank) VALUES ('integrity-check', 1)"
        } else {
            "INSERT INTO idx(idx) VALUES ('integrity-check')"
        };
        let checked = application.database().execute_batch(check);
        checked.unwrap_or_else(|error| panic!("{}: {error}", case.name));
        assert_eq!(
            application.structure(),
            before,
            "{} (invariant 8)",
            case.name
        );
        let bytes = fs::read(application.path("app.db")).unwrap();
        for word in ["zanzibar", "gargoyles", "basilisk"] {
            let found = bytes.windows(word.len()).any(|at| at == word.as_bytes());
            assert!(!found, "{}: `{word}` is in the file", case.name);
        }
    }
}

#[test]
fn everybodys_rows_leave_an_index_too() {
    for case in cases() {
        let application = application(&case);
        application
            .run(&["delete-all-user-data", "--delete-accounts"])
            .expect(0);
        for word in ["zanzibar", "quokka", "wombat"] {
            let sql = format!("SELECT count(*) FROM idx WHERE idx MATCH '{word}'");
            assert_eq!(application.count(&sql), 0, "{}: `{word}`", case.name);
        }
    }
}

#[test]
fn an_index_of_the_accounts_stays_when_they_do() {
    let sql = format!(
        "{POSTS} CREATE VIRTUAL TABLE idx USING fts5(name, content='users', content_rowid='id'); \
         INSERT INTO idx(idx) VALUES ('rebuild');"
    );
    let application = Application::new(&sql, "[users]\ntable = \"users\"\n");
    let ann = "SELECT count(*) FROM idx WHERE idx MATCH 'ann'";
    application.run(&["delete-user", "1"]).expect(0);
    assert_eq!(application.count(ann), 1);
    application
        .run(&["delete-user", "1", "--delete-accounts"])
        .expect(0);
    assert_eq!(application.count(ann), 0);
}

#[test]
fn an_index_without_rows_of_its_own_cannot_be_declared() {
    let using = [
        ("fts5(title, body, content='')", "contentless_delete=1"),
        (
            "fts5(title, body, content='posts', content_rowid='id')",
            "in another table",
        ),
    ];
    for (using, reason) in using {
        let application = application(&case("", using, ("", FILL), OWN));
        let refused = application.run(&["delete-user", "1"]).expect(4);
        refused.complains(["`idx`", reason]);
    }
}

#[test]
fn words_that_stay_in_an_index_without_text_are_told() {
    let told = |using: &str, sync: &str| {
        let sql = format!("{POSTS} CREATE VIRTUAL TABLE idx USING {using}; {sync} {ROWS}");
        let manifest = "[users]\ntable = \"users\"\nnames = [\"name\"]\n";
        let application = Application::new(&sql, manifest);
        let words = ["delete-user", "ann", "--dry-run", "--format", "json"];
        let preview = application.run(&words).expect(0).json();
        let warned = preview["warnings"]
            .to_string()
            .contains("full-text index `idx`");
        let ran = application.run(&["delete-user", "ann", "--format", "json"]);
        let left = ran.json()["left"].to_string();
        assert_eq!(left.contains("words in the full-text index `idx`"), warned);
        ran.expect(if warned { 3 } else { 0 });
        warned
    };
    assert!(told("fts5(title, body, content='')", FILL_ONCE));
    assert!(told("fts4(title, body, content='')", FILL_ONCE));
    assert!(!told("fts5(title, body, content='')", SYNC));
    assert!(!told(
        "fts5(title, body, content='', contentless_delete=1)",
        FILL_ONCE
    ));
    assert!(!told("fts5(title, body)", FILL_ONCE));
}

/// As an application does that feeds its index itself.
const FILL_ONCE: &str = "INSERT INTO idx(rowid, title, body) VALUES (11, 'zanzibar', 'gargoyles');";
