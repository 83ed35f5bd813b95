//! Applications of other frameworks, small: `init` describes each, `check` agrees, and a deletion by
//! what was inferred leaves nothing of the user and everything of the others.
//!
//! Each stands in `fixtures/applications`: `app.sql`; `files.txt`, a path and a content a line; and
//! `expected.txt`, the decisions that a person would make and what of others goes along. Whatever is
//! somebody's holds `tok_` and the name.

#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite::types::ValueRef;
use serde_json::{Value, json};
use support::run::{Outcome, reset_app};
use tempfile::TempDir;

const NAMES: [&str; 6] = ["alice", "bob", "carol", "dave", "erin", "site"];

struct Application {
    root: TempDir,
    expected: Expected,
}

/// What `expected.txt` says.
#[derive(Default)]
struct Expected {
    users: Option<String>,
    decisions: Vec<String>,
    /// Cells of others that go along, by token.
    along: BTreeMap<String, u64>,
}

impl Expected {
    fn read(text: &str) -> Self {
        let mut expected = Self::default();
        for line in text.lines().filter(|line| !line.is_empty()) {
            if let Some(users) = line.strip_prefix("# users ") {
                expected.users = Some(users.to_owned());
            } else if line.starts_with("tok_") {
                let (token, cells) = line.split_once(' ').unwrap();
                expected.along.insert(token.into(), cells.parse().unwrap());
            } else if !line.starts_with('#') {
                expected.decisions.push(line.to_owned());
            }
        }
        expected
    }
}

impl Application {
    fn of(framework: &str) -> Self {
        Self::with(framework, str::to_owned)
    }

    /// As its migrations leave it: nobody has used it yet.
    fn new(framework: &str) -> Self {
        Self::with(framework, |sql| {
            let structure = sql.lines().filter(|line| !line.starts_with("INSERT"));
            structure.collect::<Vec<_>>().join("\n")
        })
    }

    fn with(framework: &str, made: impl Fn(&str) -> String) -> Self {
        let source = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("fixtures/applications")
            .join(framework);
        let read = |name: &str| fs::read_to_string(source.join(name)).unwrap();
        let root = tempfile::tempdir().unwrap();
        let database = Connection::open(root.path().join("app.db")).unwrap();
        database.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
        database.execute_batch(&made(&read("app.sql"))).unwrap();
        for line in read("files.txt").lines() {
            let (name, content) = line.split_once(": ").unwrap();
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        let expected = Expected::read(&read("expected.txt"));
        Self { root, expected }
    }

    fn run(&self, words: &[&str]) -> Outcome {
        reset_app().root(self.root.path()).args(words).run()
    }

    fn init(&self) -> Value {
        let users = self
            .expected
            .users
            .iter()
            .flat_map(|users| ["--users", users]);
        let words: Vec<&str> = ["init", "--format", "json"]
            .into_iter()
            .chain(users)
            .collect();
        self.run(&words).expect(0).json()
    }

    /// How many cells, and files, hold each token.
    fn tokens(&self) -> BTreeMap<String, u64> {
        let database = Connection::open(self.root.path().join("app.db")).unwrap();
        let mut tokens: BTreeMap<String, u64> = BTreeMap::new();
        let mut note = |text: &str, place: &str| {
            for name in NAMES
                .iter()
                .filter(|name| text.contains(&format!("tok_{name}")))
            {
                *tokens.entry(format!("tok_{name} {place}")).or_default() += 1;
            }
        };
        let sql = "SELECT name FROM sqlite_schema WHERE type = 'table'";
        let mut names = database.prepare(sql).unwrap();
        let names = names.query_map([], |row| row.get::<_, String>(0)).unwrap();
        for name in names.map(Result::unwrap) {
            let mut rows = database
                .prepare(&format!("SELECT * FROM \"{name}\""))
                .unwrap();
            let columns = rows.column_count();
            let mut rows = rows.query([]).unwrap();
            while let Some(row) = rows.next().unwrap() {
                for column in 0..columns {
                    if let ValueRef::Text(text) | ValueRef::Blob(text) =
                        row.get_ref(column).unwrap()
                    {
                        note(&String::from_utf8_lossy(text), &name);
                    }
                }
            }
        }
        for file in files(self.root.path()) {
            if !file.to_str().unwrap().contains(".db") {
                note(&fs::read_to_string(&file).unwrap_or_default(), "files");
            }
        }
        tokens
    }

    fn broken_references(&self) -> u64 {
        let database = Connection::open(self.root.path().join("app.db")).unwrap();
        let sql = "SELECT count(*) FROM pragma_foreign_key_check";
        database.query_row(sql, [], |row| row.get(0)).unwrap()
    }
}

/// The name by which alice is found.
fn alice(description: &Value) -> &'static str {
    let names = description["users"]["names"].as_array().unwrap();
    let mut names = names.iter().filter_map(Value::as_str);
    let is_address = names.any(|name| name.to_lowercase().contains("mail"));
    if is_address {
        "alice@example.com"
    } else {
        "alice"
    }
}

fn files(below: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut directories = vec![below.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found
}

/// The decisions of a description, a line each, as `expected.txt` writes them.
fn decisions(description: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let references = description["references"].as_array().unwrap().iter();
    let references =
        references.map(|r| format!("{} {} {}", text(&r["from"]), text(&r["is"]), text(&r["to"])));
    let of = |name: &'static str| {
        let tables = description[name].as_array().unwrap().iter();
        tables.map(move |t| format!("{name} {}", text(&t["table"])))
    };
    references.chain(of("kept")).chain(of("shared")).collect()
}

/// The report of a deletion tells that rows of others went from a table; files go with their rows.
fn tells_of(report: &Value, place: &str) -> bool {
    let table = place.split_once(' ').unwrap().1;
    let mut collateral = report["collateral"].as_array().unwrap().iter();
    table == "files" || collateral.any(|one| one["table"] == table)
}

/// Everything that is wrong with what was inferred, told at once.
fn judged(framework: &str) -> String {
    let application = Application::of(framework);
    let before = (application.tokens(), application.broken_references());
    let description = application.init();
    let decided = decisions(&description);
    let mut wrong = String::new();
    for line in &application.expected.decisions {
        if !decided.contains(line) {
            let column = line.split(' ').next().unwrap();
            let instead: Vec<&String> = decided.iter().filter(|d| d.contains(column)).collect();
            let _ = writeln!(wrong, "expected `{line}`, decided {instead:?}");
        }
    }
    application.run(&["check"]).expect(0);
    let alice = alice(&description);
    let words = "--delete-accounts --force --no-redis --format json";
    let words = ["delete-user", alice].into_iter().chain(words.split(' '));
    let words: Vec<&str> = words.collect();
    let report = application.run(&words).expect(0).json();
    let after = application.tokens();
    for (place, count) in &before.0 {
        let left = after.get(place).copied().unwrap_or_default();
        let token = place.split(' ').next().unwrap();
        if token == "tok_alice" && left > 0 {
            let _ = writeln!(wrong, "left behind: {left} of {count} cells of {place}");
        }
    }
    for name in &NAMES[1..] {
        let token = format!("tok_{name}");
        let gone: Vec<(String, u64)> = before
            .0
            .iter()
            .filter(|(place, _)| place.starts_with(&token))
            .filter_map(|(place, count)| {
                let lost = count - after.get(place).copied().unwrap_or_default();
                (lost > 0).then(|| (place.clone(), lost))
            })
            .collect();
        let lost: u64 = gone.iter().map(|(_, lost)| lost).sum();
        let along = application
            .expected
            .along
            .get(&token)
            .copied()
            .unwrap_or_default();
        for (place, _) in gone.iter().filter(|_| *name != "site") {
            if !tells_of(&report, place) {
                let _ = writeln!(wrong, "not reported: what is lost of {place}");
            }
        }
        if lost != along {
            let _ = writeln!(wrong, "lost of {name}: {gone:?}, expected {along}");
        }
    }
    if application.broken_references() != before.1 {
        wrong.push_str("foreign keys are broken\n");
    }
    wrong
}

#[track_caller]
fn inferred(framework: &str) {
    let wrong = judged(framework);
    assert!(wrong.is_empty(), "{framework}:\n{wrong}");
}

#[test]
fn django() {
    inferred("django");
}

#[test]
fn rails() {
    inferred("rails");
}

#[test]
fn laravel() {
    inferred("laravel");
}

#[test]
fn prisma() {
    inferred("prisma");
}

#[test]
fn sqlalchemy_written_by_hand() {
    inferred("flask");
}

#[test]
fn no_accounts_at_all() {
    inferred("diary");
}

#[test]
fn prefixed_names_without_foreign_keys() {
    inferred("press");
}

#[test]
fn users_who_act_through_actors() {
    inferred("fediverse");
}

#[test]
fn no_column_is_required_and_none_is_a_foreign_key() {
    inferred("forge");
}

#[test]
fn addresses_of_files_and_authors_in_a_table() {
    inferred("publisher");
}

#[test]
fn entries_of_users_and_of_organisations() {
    inferred("vault");
}

#[test]
fn numbers_that_fit_any_table() {
    inferred("dashboards");
}

#[test]
fn what_members_share_and_what_one_keeps_alone() {
    inferred("kanban");
}

#[test]
fn users_without_a_primary_key() {
    inferred("rooms");
}

#[test]
fn cascades_and_directories_of_users() {
    inferred("photos");
}

#[test]
fn keys_behind_a_text() {
    inferred("cloud");
}

#[test]
fn keys_named_the_other_way_round() {
    inferred("board");
}

#[test]
fn customers_and_staff() {
    inferred("shop");
}

#[test]
fn one_table_for_the_journals_of_all() {
    inferred("tracker");
}

#[test]
fn a_handbook_of_polymorphic_rows() {
    inferred("handbooks");
}

#[test]
fn files_named_by_padded_numbers() {
    inferred("papers");
}

#[test]
fn authors_in_tables_of_links() {
    inferred("headless");
}

#[test]
fn projects_of_one_and_shares_with_roles() {
    inferred("flows");
}

#[test]
fn an_account_in_two_halves() {
    inferred("chats");
}

#[test]
fn what_all_use_though_each_is_named_once() {
    inferred("library");
}

#[test]
fn keys_that_nobody_could_guess() {
    inferred("monitors");
}

#[test]
fn files_named_by_bare_keys_and_parts_of_accounts() {
    inferred("polls");
}

#[test]
fn pages_of_their_founders_and_versions_that_were_moved() {
    inferred("wiki");
}

#[test]
fn who_entered_a_row_is_noted_everywhere() {
    inferred("inventory");
}

#[test]
fn keys_of_three_letters_that_several_tables_have() {
    inferred("threads");
}

#[test]
fn a_row_in_two_halves_and_an_index_without_text() {
    inferred("stories");
}

#[test]
fn users_who_are_addresses_at_a_host() {
    inferred("jabber");
}

#[test]
fn rows_of_a_user_or_of_one_of_a_users_addresses() {
    inferred("subscriptions");
}

#[test]
fn addresses_that_are_also_the_accounts_own() {
    inferred("signup");
}

#[test]
fn who_entered_a_row_and_who_last_acted_on_it() {
    inferred("audited");
}

#[test]
fn a_text_is_theirs_whose_versions_kept_it_and_not_anothers_where_the_user_kept_it_too() {
    let application = Application::of("wiki");
    application.init();
    let words = ["delete-user", "alice", "--delete-accounts", "--dry-run"];
    let words = [&words[..], &["--no-redis", "--format", "json"]].concat();
    let report = application.run(&words).expect(0).json();
    let of_bob = |table: &str, rows: u64| json!({ "table": table, "owner": "2", "rows": rows });
    let expected = [
        of_bob("content", 1),
        of_bob("revision", 1),
        of_bob("slots", 2),
    ];
    assert_eq!(report["collateral"], json!(expected));
}

#[test]
fn in_a_new_database_names_decide() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/applications");
    for entry in fs::read_dir(source).unwrap() {
        let framework = entry.unwrap().file_name().into_string().unwrap();
        let application = Application::new(&framework);
        application.init();
        application.run(&["check"]).expect(0);
    }
}
