//! The zoo of `fixtures/schemas`: of each structure the plan, what a deletion does, and what is there
//! afterwards, or the refusal. `INSTA_UPDATE=always` writes what is expected anew.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::fmt::Write;
use std::fs;
use std::path::Path;

use support::application::Application;
use support::run::Outcome;

const MANIFEST: &str = "[users]\ntable = \"users\"\n";

fn told(title: &str, outcome: &Outcome, root: &Path) -> String {
    let root = root.display().to_string();
    let text = format!("{}{}", outcome.stdout, outcome.stderr).replace(&root, "ROOT");
    format!("== {title}: {}\n{text}\n", outcome.code().unwrap())
}

/// How many rows each table holds.
fn counts(application: &Application) -> String {
    let database = application.database();
    let mut statement = database
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
        .unwrap();
    let names: Vec<String> = statement
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let mut text = String::new();
    for name in names {
        let sql = format!("SELECT count(*) FROM \"{}\"", name.replace('"', "\"\""));
        writeln!(text, "{name}: {}", application.count(&sql)).unwrap();
    }
    text
}

fn story(sql: &str) -> String {
    let application = Application::new(sql, MANIFEST);
    let root = application.root.path().canonicalize().unwrap();
    let structure = application.structure();
    let before = counts(&application);
    let mut story = sql
        .lines()
        .next()
        .unwrap()
        .trim_start_matches("-- ")
        .to_owned()
        + "\n\n";
    story += &told("explain", &application.run(&["explain"]), &root);
    let deleted = application.run(&["delete-user", "1", "--delete-accounts", "--no-progress"]);
    story += &told("delete-user 1 --delete-accounts", &deleted, &root);
    let after = counts(&application);
    assert_eq!(application.structure(), structure, "invariant 8");
    if deleted.code() == Some(4) || deleted.code() == Some(1) {
        assert_eq!(after, before, "refused, or failed as a whole (invariant 1)");
    } else {
        assert_eq!(
            application.count("SELECT count(*) FROM users WHERE id IN (1, '1')"),
            0
        );
        let broken = application.count("SELECT count(*) FROM pragma_foreign_key_check");
        assert_eq!(broken, 0);
    }
    writeln!(story, "== rows before\n{before}\n== rows after\n{after}").unwrap();
    story
}

#[test]
fn each_structure_of_the_zoo_is_emptied_or_refused_as_expected() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/schemas");
    let mut files: Vec<_> = fs::read_dir(&directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.retain(|file| file.extension().is_some_and(|kind| kind == "sql"));
    files.sort();
    assert!(files.len() >= 20, "where is the zoo?");
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(&directory);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for file in &files {
            let name = file.file_stem().unwrap().to_str().unwrap();
            let story = story(&fs::read_to_string(file).unwrap());
            insta::assert_snapshot!(name, story);
        }
    });
}
