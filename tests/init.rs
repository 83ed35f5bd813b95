//! `init` and `check` at the command line: what is refused, what is written, what is found.

#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::fs;
use std::path::PathBuf;

use rusqlite::Connection;
use support::install::{Install, assert_same};
use support::run::{Outcome, reset_app};
use tempfile::TempDir;

struct Application {
    root: TempDir,
}

impl Application {
    fn new(sql: &str) -> Self {
        let root = tempfile::tempdir().unwrap();
        let application = Self { root };
        application.execute(sql);
        application
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn execute(&self, sql: &str) {
        let database = Connection::open(self.path("app.db")).unwrap();
        database.execute_batch(sql).unwrap();
    }

    fn run(&self, words: &[&str]) -> Outcome {
        reset_app().root(self.root.path()).args(words).run()
    }

    fn manifest(&self) -> String {
        fs::read_to_string(self.path("reset-app.toml")).unwrap()
    }
}

const BLOG: &str = "CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT, email TEXT, password TEXT);
    CREATE TABLE posts(id INTEGER PRIMARY KEY, author_id INTEGER NOT NULL REFERENCES users(id), approved_by INTEGER, body TEXT);
    CREATE TABLE tags(id INTEGER PRIMARY KEY, label TEXT);
    INSERT INTO users VALUES (1, 'ann', 'ann@x.example', ''), (2, 'bob', 'bob@x.example', '');
    INSERT INTO posts VALUES (1, 1, 2, 'a'), (2, 2, NULL, 'b');";

#[test]
fn a_dry_run_shows_the_manifest_and_writes_none() {
    let application = Application::new(BLOG);
    let shown = application.run(&["init", "--dry-run"]).expect(0);
    assert!(!application.path("reset-app.toml").exists(), "{shown}");
    application.run(&["init"]).expect(0);
    shown.says([&*application.manifest(), "(would be written)"]);
    let words = ["init", "--dry-run", "--force", "--format", "json"];
    assert_eq!(application.run(&words).expect(0).json()["dry_run"], true);
}

#[test]
fn an_application_without_a_manifest_is_sent_to_init() {
    let application = Application::new(BLOG);
    let words = ["status", "--database", "app.db"];
    application
        .run(&words)
        .expect(4)
        .complains(["`reset-app init`"]);
}

#[test]
fn a_manifest_is_written_once_and_replaced_only_when_asked() {
    let application = Application::new(BLOG);
    let before = fs::read(application.path("app.db")).unwrap();
    application
        .run(&["init"])
        .expect(0)
        .says(["Users:    users", "reset-app check"]);
    let first = application.manifest();
    assert!(first.contains("2 of 2 values are users.id"), "{first}");
    application
        .run(&["init"])
        .expect(4)
        .complains(["is there already", "--force"]);
    fs::write(application.path("reset-app.toml"), "broken").unwrap();
    application.run(&["init", "--force"]).expect(0);
    assert_eq!(application.manifest(), first);
    application
        .run(&["init", "--output", "other.toml"])
        .expect(0);
    assert!(application.path("other.toml").exists());
    let names: Vec<_> = fs::read_dir(application.root.path())
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert_eq!(names.len(), 3, "{names:?}");
    assert_eq!(
        fs::read(application.path("app.db")).unwrap(),
        before,
        "invariant 6"
    );
}

#[test]
fn several_users_tables_are_listed_and_nothing_is_written() {
    let sql = "CREATE TABLE admins(id INTEGER PRIMARY KEY, email TEXT, password TEXT, login TEXT);
        CREATE TABLE customers(id INTEGER PRIMARY KEY, email TEXT, password TEXT, login TEXT);";
    let application = Application::new(sql);
    let outcome = application.run(&["init"]).expect(4);
    outcome.complains([
        "--users 'admins'",
        "--users 'customers'",
        "`password` holds a password",
    ]);
    assert!(!application.path("reset-app.toml").exists());
    application.run(&["init", "--users", "customers"]).expect(0);
    let nobody = Application::new("CREATE TABLE t(a)");
    nobody
        .run(&["init"])
        .expect(4)
        .complains(["--users table.column"]);
    nobody
        .run(&["init", "--users", "t.b"])
        .expect(4)
        .complains(["`--users t.b`"]);
    nobody.run(&["init", "--users", "t.a"]).expect(0);
}

#[test]
fn what_is_added_later_is_noticed_with_the_line_to_write() {
    let application = Application::new(BLOG);
    application.run(&["init"]).expect(0);
    application.run(&["check"]).expect(0);
    application.execute(
        "CREATE TABLE notes(id INTEGER PRIMARY KEY, text TEXT); ALTER TABLE tags ADD COLUMN owner_id INTEGER;",
    );
    let found = application.run(&["check"]).expect(5);
    found.says([
        "unclaimed table `notes`",
        "unclaimed column `tags.owner_id`",
        "\"tags.owner_id\" = { is = \"owner\", to = \"users.id\" }",
    ]);
    let found = application
        .run(&["check", "--format", "json"])
        .expect(5)
        .json();
    assert_eq!(found["findings"].as_array().unwrap().len(), 2);
    assert_eq!(found["findings"][0]["kind"], "unclaimed table");
}

#[test]
fn what_is_misspelt_or_gone_is_named_with_what_was_meant() {
    let application = Application::new(BLOG);
    application.run(&["init"]).expect(0);
    let text = application.manifest();
    let misspelt = text.replace("\"posts.approved_by\"", "\"posts.aproved_by\"");
    fs::write(application.path("reset-app.toml"), misspelt).unwrap();
    application
        .run(&["check"])
        .expect(5)
        .says(["did you mean `posts.approved_by`?\n  \"posts.approved_by\" = { is = \"mention\", to = \"users.id\" }  # "]);
    let misspelt = text
        .replace("table = \"users\"", "table = \"user\"")
        .replace("\"tags\",", "\"tag\",");
    fs::write(application.path("reset-app.toml"), misspelt).unwrap();
    application.run(&["check"]).expect(5).says([
        "did you mean `users`?\n  table = \"users\"\n",
        "did you mean `tags`?\n  \"tags\",  # ",
    ]);
    fs::write(application.path("reset-app.toml"), &text).unwrap();
    application.execute("DROP TABLE tags");
    application.run(&["check"]).expect(5).says([
        "gone `tags`: [tables] names it, and it is not in the database; take the line out\n",
    ]);
    fs::write(
        application.path("reset-app.toml"),
        text.replace("author_id\" = \"owner\"", "author_id\" = \"undecided\""),
    )
    .unwrap();
    application.execute("CREATE TABLE tags(a)");
    application.run(&["check"]).expect(5).says([
        "undecided `posts.author_id`",
        "\"posts.author_id\" = \"owner\"",
    ]);
}

/// A message to somebody cannot stay when the account goes, and stays as long as it does.
#[test]
fn a_row_that_cannot_be_without_an_account_depends_on_it() {
    let application = Application::new(
        "CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT, password TEXT, email TEXT);
         CREATE TABLE messages(id INTEGER PRIMARY KEY, sender_id INTEGER NOT NULL REFERENCES users(id),
           recipient_id INTEGER NOT NULL REFERENCES users(id));
         INSERT INTO users VALUES (1, 'ann', 'x', 'ann@a.example'), (2, 'ben', 'y', 'ben@a.example');
         INSERT INTO messages VALUES (1, 1, 2), (2, 2, 1), (3, 2, 2);",
    );
    application
        .run(&["init"])
        .expect(0)
        .says(["1 owner, 1 dependent, "]);
    application.run(&["check"]).expect(0);
    let rows = |words: &[&str]| {
        let common = ["delete-user", "ann", "--dry-run", "--format", "json"];
        let report = application.run(&[&common, words].concat()).expect(0).json();
        report["summary"][0]["count"].as_u64().unwrap()
    };
    assert_eq!(rows(&[]), 1);
    assert_eq!(rows(&["--delete-accounts"]), 2);
}

/// A site or a team is more than a page or a picture of it that a user made: it stays, and while it
/// must name one, the user is refused; what is a part of the page goes with it.
#[test]
fn what_users_share_does_not_go_with_what_it_names() {
    let application = Application::new(
        "CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT, password TEXT, email TEXT);
         CREATE TABLE pages(id INTEGER PRIMARY KEY, author_id INTEGER NOT NULL REFERENCES users(id));
         CREATE TABLE images(id INTEGER PRIMARY KEY, owner_id INTEGER NOT NULL REFERENCES users(id));
         CREATE TABLE sites(id INTEGER PRIMARY KEY, root_page_id INTEGER NOT NULL REFERENCES pages(id));
         CREATE TABLE site_settings(id INTEGER PRIMARY KEY, site_id INTEGER NOT NULL REFERENCES sites(id));
         CREATE TABLE teams(id INTEGER PRIMARY KEY, logo_id INTEGER NOT NULL REFERENCES images(id));
         CREATE TABLE priorities(id INTEGER PRIMARY KEY, symbol_id INTEGER REFERENCES images(id));
         CREATE TABLE seosettings(id INTEGER PRIMARY KEY, site_id INTEGER NOT NULL REFERENCES sites(id),
           default_image_id INTEGER REFERENCES images(id));
         CREATE TABLE page_options(id INTEGER PRIMARY KEY, page_id INTEGER NOT NULL REFERENCES pages(id));
         INSERT INTO users VALUES (1, 'ann', 'x', 'ann@a.example'), (2, 'ben', 'y', 'ben@a.example'),
           (3, 'cat', 'z', 'cat@a.example');
         INSERT INTO pages VALUES (1, 1), (2, 2);
         INSERT INTO images VALUES (1, 2), (2, 3);
         INSERT INTO sites VALUES (1, 1);
         INSERT INTO site_settings VALUES (1, 1);
         INSERT INTO teams VALUES (1, 2);
         INSERT INTO priorities VALUES (1, 1);
         INSERT INTO page_options VALUES (1, 2);",
    );
    let manifest = application.run(&["init", "--dry-run"]).expect(0).stdout;
    for decision in [
        "\"sites.root_page_id\" = \"mention\"",
        "\"teams.logo_id\" = \"mention\"",
        "\"priorities.symbol_id\" = \"mention\"",
        "\"seosettings.default_image_id\" = \"mention\"",
        "\"page_options.page_id\" = \"owner\"",
    ] {
        assert!(manifest.contains(decision), "{decision}\n{manifest}");
    }
    application.run(&["init"]).expect(0);
    application.run(&["check"]).expect(0);
    let delete = |user| application.run(&["delete-user", user, "--force", "--no-redis"]);
    delete("ann").expect(4).complains(["`sites.root_page_id`"]);
    delete("cat").expect(4).complains(["`teams.logo_id`"]);
    delete("ben")
        .expect(0)
        .says(["page_options: 1", "pages: 1"]);
}

/// What a full-text index that no trigger feeds has to do with users' rows, only a person can say.
#[test]
fn an_index_that_nothing_ties_to_rows_is_listed_and_noticed() {
    let application = Application::new(BLOG);
    application.run(&["init"]).expect(0);
    application.run(&["check"]).expect(0);
    application.execute(
        "CREATE VIRTUAL TABLE words USING fts5(w, content='');
         INSERT INTO words(rowid, w) SELECT id, body FROM posts;
         CREATE VIRTUAL TABLE found USING fts5(body, content='posts', content_rowid='id');",
    );
    let unclaimed = application.run(&["check"]).expect(5);
    assert!(!unclaimed.stdout.contains("found"), "{unclaimed}");
    unclaimed.says(["words", "shared = [\"words\"]"]);
    application.run(&["init", "--force"]).expect(0);
    assert!(application.manifest().contains(
        "\"words\",  # a full-text index that nothing ties to users' rows: words of theirs stay in it"
    ));
    application.run(&["check"]).expect(0);
}

/// Every name that SQL permits is quoted so that TOML reads it back.
#[test]
fn hostile_names_make_no_hostile_manifest() {
    let odd = "o'd\"d\\ \n]\u{1}\u{7f}#";
    let name = odd.replace('"', "\"\"");
    let sql = format!(
        "CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT, password TEXT, email TEXT);
         CREATE TABLE \"{name}\"(id INTEGER PRIMARY KEY, \"user_id{name}\" INTEGER NOT NULL REFERENCES users(id));
         CREATE TABLE \"{name}2\"(id INTEGER PRIMARY KEY, \"{name}\" INTEGER NOT NULL REFERENCES users(id), b INTEGER NOT NULL REFERENCES users(id));
         CREATE TABLE members(id INTEGER PRIMARY KEY, \"{name}2\" INTEGER NOT NULL REFERENCES \"{name}2\"(id), user_id INTEGER NOT NULL REFERENCES users(id));"
    );
    let application = Application::new(&sql);
    let written = application
        .run(&["init", "--format", "json"])
        .expect(0)
        .json();
    let undecided = written["references"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|r| r["is"] == "undecided");
    assert_eq!(undecided.count(), 2);
    let found = application
        .run(&["check", "--format", "json"])
        .expect(5)
        .json();
    for finding in found["findings"].as_array().unwrap() {
        let line = finding["line"].as_str().unwrap();
        toml::from_str::<toml::Table>(line).unwrap();
    }
    let refused = application
        .run(&["delete-user", "1", "--dry-run"])
        .expect(4);
    assert!(refused.stderr.contains("o'd\\\""), "{}", refused.stderr);
}

#[test]
fn the_built_in_manifest_says_everything_of_its_own_application() {
    for fixture in ["example", "busy", "hostile", "empty"] {
        let install = Install::copy(fixture);
        let before = install.tree();
        reset_app()
            .root(install.root())
            .args(["check"])
            .run()
            .expect(0);
        assert_same("the root after a check", &before, &install.tree());
    }
}

#[test]
fn what_is_inferred_of_the_reference_application_passes_too() {
    let install = Install::copy("busy");
    let on = || reset_app().root(install.root());
    on().args(["init"]).run().expect(0);
    on().args(["check"]).run().expect(0);
}
