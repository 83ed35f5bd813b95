//! The architecture that the design promises: who may import whom, and who alone may do what is
//! dangerous. Read from the source text, without its comments and its tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Every module, in one order: each imports only what stands before it. `error` stands beside the
/// order, for everyone returns it: it may name types of any module, and call nothing.
const ORDER: &[&str] = &[
    "user",
    "watch",
    "nearest",
    "parallel",
    "manifest",
    "schema",
    "full_text",
    "graph",
    "plan",
    "explain",
    "sql",
    "inference",
    "roots",
    "database",
    "run_lock",
    "keyspace",
    "target",
    "audit",
    "outbox",
    "structure",
    "survey",
    "verify",
    "summary",
    "report",
    "consent",
    "erase",
    "scrub",
    "storage",
    "redis",
    "drain",
    "init",
    "snapshot",
    "run",
    "check",
    "secrets",
    "status",
];

/// Modules of the binary; they use the library as anyone would.
const BINARY: &[&str] = &["main", "cli"];

/// The crate's root: it declares modules and imports none.
const ROOT: &str = "lib";

const LONGEST_FILE: usize = 400;
const LONGEST_FUNCTION: usize = 60;

/// One file of `src`, without tests.
struct Source {
    path: PathBuf,
    /// The top module it belongs to.
    module: String,
    /// Its lines without comments; the tests at its end are cut off.
    lines: Vec<String>,
    /// Lines with comments.
    length: usize,
}

impl Source {
    fn read(root: &Path, path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let inline = |pair: &[&str]| pair[0].trim() == "#[cfg(test)]" && pair[1].ends_with('{');
        let end = lines.windows(2).position(inline).unwrap_or(lines.len());
        let relative = path.strip_prefix(root).unwrap();
        let top = relative.components().next().unwrap().as_os_str();
        Self {
            module: Path::new(top).file_stem().unwrap().to_str().unwrap().into(),
            lines: lines[..end]
                .iter()
                .map(|line| without_comment(line))
                .collect(),
            length: end,
            path: relative.to_owned(),
        }
    }

    /// Lines that hold one of these words, with where they stand.
    fn lines_with(&self, words: &[&str]) -> Vec<String> {
        let found = self.lines.iter().enumerate();
        let found = found.filter(|(_, line)| words.iter().any(|word| has_word(line, word)));
        found
            .map(|(at, line)| format!("{}:{}: {}", self.path.display(), at + 1, line.trim()))
            .collect()
    }

    /// Modules of this crate that it names, with what it names of them.
    fn imports(&self) -> BTreeSet<(String, String)> {
        let text = self.lines.join("\n");
        let mut imports = BTreeSet::new();
        for at in text
            .match_indices("crate::")
            .map(|(at, word)| at + word.len())
        {
            let rest = &text[at..];
            if rest.starts_with('{') {
                let inside = &rest[1..rest.find('}').unwrap()];
                imports.extend(inside.split(',').map(|one| name_and_item(one.trim())));
            } else {
                imports.insert(name_and_item(rest));
            }
        }
        imports
    }
}

fn without_comment(line: &str) -> String {
    if line.trim_start().starts_with("//") {
        String::new()
    } else {
        line.to_owned()
    }
}

/// `text` holds `word`, and not as part of a longer name.
fn has_word(text: &str, word: &str) -> bool {
    let in_name = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        let starts = !word.starts_with(in_name) || !text[..at].ends_with(in_name);
        let ends = !word.ends_with(in_name) || !text[at + word.len()..].starts_with(in_name);
        starts && ends
    })
}

/// `module`, and what follows `::` up to the next thing that is no name.
fn name_and_item(path: &str) -> (String, String) {
    let end = |text: &str| {
        text.find(|c: char| !c.is_alphanumeric() && c != '_')
            .unwrap_or(text.len())
    };
    let name = &path[..end(path)];
    let item = path[name.len()..].strip_prefix("::").unwrap_or("");
    let item = if item.starts_with('{') {
        &item[1..item.find('}').unwrap()]
    } else {
        &item[..end(item)]
    };
    (name.to_owned(), item.to_owned())
}

/// Every source file but those that are tests.
fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    let mut directories = vec![root.clone()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                paths.push(path);
            }
        }
    }
    paths.sort();
    let tests: BTreeSet<PathBuf> = paths.iter().flat_map(|path| test_modules(path)).collect();
    let is_test = |path: &&PathBuf| {
        tests
            .iter()
            .any(|test| path.starts_with(test) || **path == test.with_extension("rs"))
    };
    let sources = paths.iter().filter(|path| !is_test(path));
    let sources: Vec<Source> = sources.map(|path| Source::read(&root, path)).collect();
    assert!(sources.len() > 50, "where are the sources?");
    sources
}

/// Modules in files of their own that only tests compile: their directories.
fn test_modules(path: &Path) -> Vec<PathBuf> {
    let text = fs::read_to_string(path).unwrap();
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let declared = lines
        .windows(2)
        .filter(|pair| pair[0] == "#[cfg(test)]" && pair[1].ends_with(';'));
    let names = declared.filter_map(|pair| pair[1].trim_end_matches(';').rsplit_once("mod "));
    names
        .map(|(_, name)| path.with_extension("").join(name))
        .collect()
}

fn none(what: &str, found: &[String]) {
    assert!(found.is_empty(), "{what}:\n  {}", found.join("\n  "));
}

/// Only files whose path begins with one of `allowed` hold one of `words`.
fn only(allowed: &[&str], words: &[&str]) {
    let sources = sources();
    let within = |source: &&Source| {
        let path = source.path.to_str().unwrap();
        allowed.iter().any(|allowed| path.starts_with(allowed))
    };
    let others = sources.iter().filter(|source| !within(source));
    let found: Vec<String> = others.flat_map(|source| source.lines_with(words)).collect();
    none(&format!("{words:?} only in {allowed:?}"), &found);
    let used = sources
        .iter()
        .filter(within)
        .flat_map(|source| source.lines_with(words));
    assert!(
        used.count() > 0,
        "nobody uses {words:?}: is this test still about something?"
    );
}

fn never(modules: &[&str], words: &[&str]) {
    let sources = sources();
    let of = sources
        .iter()
        .filter(|source| modules.contains(&source.module.as_str()));
    let found: Vec<String> = of.flat_map(|source| source.lines_with(words)).collect();
    none(&format!("{words:?} never in {modules:?}"), &found);
}

#[test]
fn a_module_imports_only_what_stands_above_it() {
    let place = |module: &str| ORDER.iter().position(|one| *one == module);
    let mut found = Vec::new();
    for source in sources() {
        let Some(own) = place(&source.module) else {
            let known =
                BINARY.contains(&&*source.module) || [ROOT, "error"].contains(&&*source.module);
            assert!(known, "`{}` has no place in the order", source.module);
            continue;
        };
        for (module, item) in source.imports() {
            let above = module == "error"
                || module == source.module
                || place(&module).is_some_and(|other| other < own);
            if !above {
                found.push(format!(
                    "{} imports {module}::{item}",
                    source.path.display()
                ));
            }
        }
    }
    none("imports against the order", &found);
}

#[test]
fn every_module_of_the_order_exists() {
    let modules: BTreeSet<String> = sources().into_iter().map(|source| source.module).collect();
    let gone: Vec<String> = ORDER
        .iter()
        .filter(|one| !modules.contains(**one))
        .map(|one| (*one).to_owned())
        .collect();
    none("modules that are not there", &gone);
}

#[test]
fn errors_name_types_and_call_nothing() {
    let is_type = |item: &str| item.trim().starts_with(char::is_uppercase);
    let mut found = Vec::new();
    for source in sources().iter().filter(|source| source.module == "error") {
        for (module, items) in source
            .imports()
            .into_iter()
            .filter(|(module, _)| module != "error")
        {
            if !items.split(',').all(is_type) {
                found.push(format!(
                    "{} imports {module}::{items}",
                    source.path.display()
                ));
            }
        }
    }
    none("imports of `error` that are no types", &found);
}

#[test]
fn the_library_does_not_know_the_command_line() {
    let sources = sources();
    let library = sources
        .iter()
        .filter(|source| !BINARY.contains(&source.module.as_str()));
    let found: Vec<String> = library
        .flat_map(|source| source.lines_with(&["crate::cli", "super::cli"]))
        .collect();
    none("the library imports the binary", &found);
}

#[test]
fn graph_and_plan_are_pure() {
    let pure = [
        "graph", "plan", "explain", "sql", "summary", "user", "consent", "watch",
    ];
    never(
        &pure,
        &["rusqlite", "std::fs", "rustix", "std::net", "std::env"],
    );
}

#[test]
fn files_and_redis_never_see_sql() {
    never(
        &["storage", "redis", "audit", "roots", "keyspace"],
        &["rusqlite", "Connection"],
    );
}

#[test]
fn deleting_rows_never_sees_the_file_system() {
    never(&["erase"], &["std::fs", "rustix", "fs", "File", "storage"]);
}

#[test]
fn only_the_command_line_talks_to_people() {
    let words = [
        "clap",
        "indicatif",
        "stdout",
        "println",
        "print",
        "eprintln",
        "eprint",
        "stdin",
    ];
    only(&["cli", "main.rs"], &words);
}

#[test]
fn a_dry_run_is_no_flag_of_the_library() {
    only(&["cli"], &["dry_run"]);
}

/// Set tables are temporary; the outbox is this program's own.
#[test]
fn one_module_deletes_rows() {
    let mut homes = BTreeSet::new();
    for source in sources() {
        let text = source.lines.join("\n");
        for (at, words) in text.match_indices("DELETE FROM ") {
            let rest = &text[at + words.len()..];
            let statement = &rest[..rest.find(';').unwrap_or(rest.len())];
            let own = rest.starts_with("temp.") || rest.starts_with("main._reset_app_outbox");
            let set = rest.starts_with("{set}")
                || (rest.starts_with("{}") && !statement.contains("main_table("));
            if !own && !set {
                homes.insert(source.path.display().to_string());
            }
        }
    }
    assert_eq!(
        homes,
        BTreeSet::from(["erase.rs".to_owned(), "erase/rehearsal.rs".to_owned()]),
        "rows of the application"
    );
    only(
        &["erase.rs", "run/scene.rs"],
        &["PRAGMA defer_foreign_keys"],
    );
}

#[test]
fn one_module_removes_files() {
    let removal = [
        "unlinkat",
        "rmdir",
        "remove_file",
        "remove_dir",
        "remove_dir_all",
        "fs_extra",
    ];
    // The lock, the writer of `.env` and the pointer to a reset remove files that they have made.
    only(
        &[
            "storage",
            "run_lock.rs",
            "secrets/file.rs",
            "target/notes.rs",
        ],
        &removal,
    );
}

#[test]
fn one_module_deletes_redis_keys() {
    only(&["redis.rs"], &["\"UNLINK\""]);
    let sources = sources();
    let words = ["\"DEL\"", "FLUSHDB", "FLUSHALL"];
    let found: Vec<String> = sources
        .iter()
        .flat_map(|source| source.lines_with(&words))
        .collect();
    none("ways to delete keys unseen", &found);
}

#[test]
fn files_are_short() {
    let long = sources()
        .into_iter()
        .filter(|source| source.length > LONGEST_FILE);
    let long: Vec<String> = long
        .map(|source| format!("{}: {} lines", source.path.display(), source.length))
        .collect();
    none("files with more lines than a person reads at once", &long);
}

/// As rustfmt lays it out: a function ends at the first `}` that stands as far in as its `fn`.
#[test]
fn functions_are_short() {
    let mut long = Vec::new();
    for source in sources() {
        for (at, line) in source
            .lines
            .iter()
            .enumerate()
            .filter(|(_, line)| has_word(line, "fn"))
        {
            let indent = line.len() - line.trim_start().len();
            let body = &source.lines[at..];
            let ends = |line: &String| *line == format!("{}}}", " ".repeat(indent));
            let Some(length) = body.iter().position(ends) else {
                continue;
            };
            let is_declared = body.iter().take(length).any(|line| line.ends_with('{'));
            if is_declared && length + 1 > LONGEST_FUNCTION {
                long.push(format!(
                    "{}:{}: {} lines: {}",
                    source.path.display(),
                    at + 1,
                    length + 1,
                    line.trim()
                ));
            }
        }
    }
    none("functions longer than a screen", &long);
}
