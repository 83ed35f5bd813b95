//! The README's promises, each with the tests that would falsify it, and the figures of the long form,
//! which `scripts/figures` renders. The figures themselves are not tested: they are what was found.

#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use serde_json::Value;
use support::figures::directory;

const CRATE: &str = env!("CARGO_MANIFEST_DIR");
const BEGIN: &str = "<!-- figures -->\n";
const END: &str = "<!-- end of figures -->";

fn readme() -> String {
    fs::read_to_string(Path::new(CRATE).join("README.md")).unwrap()
}

/// The README before, in and behind the table of figures.
fn parts(readme: &str) -> [&str; 3] {
    let (before, rest) = readme.split_once(BEGIN).unwrap();
    let (table, after) = rest.split_once(END).unwrap();
    [before, table, after]
}

#[test]
fn the_table_of_the_readme_is_one_that_the_script_writes() {
    let readme = readme();
    let [_, table, _] = parts(&readme);
    let mut lines = table.trim().lines();
    assert!(lines.next().unwrap().starts_with("Taken "));
    assert_eq!(lines.next(), Some(""));
    assert_eq!(lines.next(), Some(HEADER[0]));
    assert_eq!(lines.next(), Some(HEADER[1]));
    let rows: Vec<Vec<&str>> = lines
        .map(|line| line.split('|').map(str::trim).collect())
        .collect();
    assert!(!rows.is_empty(), "{table}");
    for row in rows {
        let [_, what, tried, violations, seconds, _] = row[..] else {
            panic!("{row:?}");
        };
        assert!(!what.is_empty());
        assert!(
            tried.parse::<u64>().unwrap() > 0 && seconds.parse::<u64>().is_ok(),
            "{row:?}"
        );
        assert_eq!(violations, "0", "{what}: the promise is not kept");
    }
}

/// The numbers of the README's promises, and the tests that `tests/README.md` names for each.
#[test]
fn every_promise_has_tests_that_there_are() {
    let readme = readme();
    let (_, section) = readme.split_once("\n## Promises\n").unwrap();
    let section = section.split("<!-- figures -->").next().unwrap();
    let number = |line: &str| line.split_once(". ")?.0.parse::<usize>().ok();
    let promises: Vec<usize> = section.lines().filter_map(number).collect();
    assert!(promises.len() > 15, "{promises:?}");

    let map = fs::read_to_string(Path::new(CRATE).join("tests/README.md")).unwrap();
    let rows: Vec<Vec<&str>> = map
        .lines()
        .map(|line| line.split('|').map(str::trim).collect())
        .filter(|row: &Vec<&str>| row.len() == 5 && row[1].parse::<usize>().is_ok())
        .collect();
    let mapped: Vec<usize> = rows.iter().map(|row| row[1].parse().unwrap()).collect();
    assert_eq!(promises, (1..=promises.len()).collect::<Vec<_>>());
    assert_eq!(mapped, promises);
    for row in rows {
        for named in row[2].split(", ") {
            let (suite, test) = named.trim_matches('`').split_once(": ").unwrap();
            let sources = support::sources::of_suite(suite);
            let declared = format!("#[test]\nfn {test}() {{");
            let there = sources
                .iter()
                .any(|source| flush(source).contains(&declared));
            assert!(
                there,
                "no `{test}` in `{suite}`, named for promise {}",
                row[1]
            );
        }
    }
}

/// Without what stands before each line.
fn flush(source: &str) -> String {
    let lines: Vec<&str> = source.lines().map(str::trim_start).collect();
    lines.join("\n")
}

const HEADER: [&str; 2] = [
    "| what was tried | times | violations | seconds |",
    "|---|---:|---:|---:|",
];

/// What was written down of one kind of test, all shares together.
#[derive(Default)]
struct Figure {
    tried: u64,
    violations: u64,
    seconds: f64,
    shares: u64,
    of: u64,
}

/// What was written down in one form, by what it is.
fn figures(form: &str) -> BTreeMap<String, Figure> {
    let mut figures: BTreeMap<String, Figure> = BTreeMap::new();
    for entry in fs::read_dir(directory().join(form)).into_iter().flatten() {
        let written: Value =
            serde_json::from_slice(&fs::read(entry.unwrap().path()).unwrap()).unwrap();
        let number = |name: &str| written[name].as_u64().unwrap();
        let what = written["what"].as_str().unwrap().to_owned();
        let figure = figures.entry(what).or_default();
        figure.tried += number("tried");
        figure.violations += number("violations");
        figure.seconds += written["seconds"].as_f64().unwrap();
        figure.shares += 1;
        figure.of = number("of");
    }
    figures
}

fn table(form: &str) -> String {
    let mut text = HEADER.join("\n") + "\n";
    for (what, figure) in figures(form) {
        let Figure {
            tried,
            violations,
            seconds,
            shares,
            of,
        } = figure;
        let part = if shares < of {
            format!(" ({shares} of {of} shares)")
        } else {
            String::new()
        };
        writeln!(
            text,
            "| {what}{part} | {tried} | {violations} | {seconds:.0} |"
        )
        .unwrap();
    }
    text
}

fn taken() -> String {
    let date = today();
    let processors = std::thread::available_parallelism().unwrap();
    format!("Taken on {date} by `scripts/soak` on Linux with {processors} processors.")
}

fn today() -> String {
    let output = std::process::Command::new("date")
        .args(["-u", "+%Y-%m-%d"])
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Writes `target/figures.md`, and the README's table, if there are figures of the long form.
#[test]
#[ignore = "writes; run by scripts/figures"]
fn render() {
    let page = format!(
        "# Figures\n\n## The samples of an ordinary run\n\n{}\n## The long form\n\n{}",
        table("sample"),
        table("soak")
    );
    let file = directory().with_extension("md");
    fs::write(&file, page).unwrap();
    println!("{}", file.display());
    if figures("soak").is_empty() {
        println!("no figures of the long form: the README stays as it is");
        return;
    }
    let readme = readme();
    let [before, _, after] = parts(&readme);
    let new = format!(
        "{before}{BEGIN}{}\n\n{}{END}{after}",
        taken(),
        table("soak")
    );
    fs::write(Path::new(CRATE).join("README.md"), new).unwrap();
}
