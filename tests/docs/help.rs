//! What clap knows, as `--help` tells it.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

fn help(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_reset-app"))
        .args(arguments)
        .arg("--help")
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The lines of a section, its title left out.
fn section<'h>(help: &'h str, title: &str) -> impl Iterator<Item = &'h str> {
    let lines = help.lines().skip_while(move |line| *line != title).skip(1);
    lines.take_while(|line| !line.is_empty())
}

/// The names of all commands.
pub(crate) fn commands() -> BTreeSet<String> {
    let names = commands_of(&help(&[]));
    assert!(names.contains("status"), "{names:?}");
    names
}

fn commands_of(help: &str) -> BTreeSet<String> {
    let names = section(help, "Commands:").filter(|line| indent(line) == 2);
    names
        .map(|line| line.split([' ', ',']).nth(2).unwrap().to_owned())
        .collect()
}

/// All options of all commands, short and long, with their hyphens.
pub(crate) fn options() -> BTreeSet<String> {
    let mut options = options_of(&help(&[]));
    for command in commands().iter().filter(|command| *command != "help") {
        let own = help(&[command]);
        options.extend(options_of(&own));
        for part in commands_of(&own).iter().filter(|part| *part != "help") {
            options.extend(options_of(&help(&[command, part])));
        }
    }
    assert!(options.contains("--dry-run"), "{options:?}");
    options
}

fn options_of(help: &str) -> BTreeSet<String> {
    let lines = help
        .lines()
        .filter(|line| indent(line) < 8 && line.trim_start().starts_with('-'));
    let words = lines.flat_map(|line| {
        let line = line.trim_start();
        line.split("  ").next().unwrap().split([' ', ',', '.'])
    });
    words
        .filter(|word| word.starts_with('-'))
        .map(str::to_owned)
        .collect()
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// The exit codes and what they mean.
pub(crate) fn exit_codes() -> BTreeMap<u8, String> {
    let help = help(&[]);
    let codes = section(&help, "Exit codes:").map(|line| line.trim().split_once("  ").expect(line));
    codes
        .map(|(code, meaning)| (code.trim().parse().unwrap(), meaning.trim().to_owned()))
        .collect()
}
