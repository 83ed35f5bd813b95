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

/// More rows than these are only counted.
const TOLD: i64 = 20;

/// The rows that each table holds.
fn rows(application: &Application) -> String {
    let database = application.database();
    let texts = |sql: &str| -> Vec<String> {
        let mut statement = database.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    };
    let mut text = String::new();
    for name in texts("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name") {
        let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
        let count = application.count(&format!("SELECT count(*) FROM {}", quoted(&name)));
        writeln!(text, "{name}: {count}").unwrap();
        if count <= TOLD {
            let literal = name.replace('\'', "''");
            let columns = texts(&format!("SELECT name FROM pragma_table_xinfo('{literal}')"));
            let values = columns
                .iter()
                .map(|column| format!("quote({})", quoted(column)));
            let row = values.collect::<Vec<_>>().join(" || ', ' || ");
            for row in texts(&format!("SELECT {row} FROM {} ORDER BY 1", quoted(&name))) {
                writeln!(text, "  {row}").unwrap();
            }
        }
    }
    text
}

/// Whom the second line of a structure says to delete; else user 1.
fn whom(sql: &str) -> &str {
    let second = sql.lines().nth(1).unwrap();
    second.strip_prefix("-- delete-user ").unwrap_or("1")
}

fn story(sql: &str) -> String {
    let application = Application::new(sql, MANIFEST);
    let root = application.root.path().canonicalize().unwrap();
    let structure = application.structure();
    let before = rows(&application);
    let mut story = sql
        .lines()
        .next()
        .unwrap()
        .trim_start_matches("-- ")
        .to_owned()
        + "\n\n";
    story += &told("explain", &application.run(&["explain"]), &root);
    let words = ["delete-user", whom(sql), "--delete-accounts"];
    let deleted = application.run(&[&words[..], &["--no-progress"]].concat());
    story += &told(&words.join(" "), &deleted, &root);
    let after = rows(&application);
    assert_eq!(application.structure(), structure, "invariant 8");
    if deleted.code() == Some(4) || deleted.code() == Some(1) {
        assert_eq!(after, before, "refused, or failed as a whole (invariant 1)");
    } else {
        let sql = format!("SELECT count(*) FROM users WHERE id = '{}'", whom(sql));
        assert_eq!(application.count(&sql), 0);
        let broken = application.count("SELECT count(*) FROM pragma_foreign_key_check");
        assert_eq!(broken, 0);
    }
    writeln!(story, "== rows before\n{before}\n== rows after\n{after}").unwrap();
    story
}

/// What `init` decides, what `check` says of it, and what a deletion by it leaves.
fn described(sql: &str) -> String {
    let application = Application::new(sql, MANIFEST);
    let root = application.root.path().canonicalize().unwrap();
    let structure = application.structure();
    let before = rows(&application);
    let described = application.run(&["init", "--database", "app.db"]);
    if described.code() != Some(0) {
        return told("init", &described, &root);
    }
    let manifest = fs::read_to_string(application.path("reset-app.toml")).unwrap();
    let decisions = manifest.split_once("\n\n").unwrap().1;
    let decisions = decisions.split_once("\n\n").unwrap().1.trim_end();
    let mut story = format!("== init: 0\n{decisions}\n\n");
    story += &told("check", &application.run(&["check"]), &root);
    let words = ["delete-user", whom(sql), "--delete-accounts", "--quiet"];
    let deleted = application.run(&words);
    assert_eq!(application.structure(), structure, "invariant 8");
    let after = rows(&application);
    let after = if after == before {
        "as before\n"
    } else {
        &after
    };
    let (code, errors) = (
        deleted.code().unwrap(),
        deleted.stderr.replace(&*root.display().to_string(), "ROOT"),
    );
    story + &format!("== delete-user by it: {code}\n{errors}\n== rows after that\n{after}")
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
            let sql = fs::read_to_string(file).unwrap();
            let story = format!("{}\n{}", story(&sql), described(&sql));
            insta::assert_snapshot!(name, story);
        }
    });
}
