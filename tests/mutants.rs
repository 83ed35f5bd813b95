//! The known-bad variants in `tests/mutants/`: that each patch still applies to the program as it is, and
//! names a test that there is. That the test catches it is seen by `scripts/mutants`.

#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const CRATE: &str = env!("CARGO_MANIFEST_DIR");

fn patches() -> Vec<PathBuf> {
    let entries = fs::read_dir(Path::new(CRATE).join("tests/mutants")).unwrap();
    let paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    assert!(paths.len() > 10, "where are the patches?");
    paths
}

#[test]
fn every_patch_applies() {
    for patch in patches() {
        let apply = ["apply", "-p0", "--check"];
        let mut git = Command::new("git");
        let output = git.args(apply).arg(&patch).current_dir(CRATE).output();
        let output = output.unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "the code has changed below {}; write the patch anew:\n{complaint}",
            patch.display()
        );
    }
}

#[test]
fn every_patch_names_the_test_that_catches_it_and_what_that_says() {
    for patch in patches() {
        let patched = fs::read_to_string(&patch).unwrap();
        let field = |name: &str| {
            let mut lines = patched.lines();
            let found = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            found.unwrap_or_else(|| panic!("{} has no `{name}`", patch.display()))
        };
        assert!(!field("Says").is_empty());
        let (suite, test) = field("Caught-by").split_once(' ').unwrap();
        let sources = support::sources::of_suite(suite);
        let declared = format!("fn {test}()");
        assert!(
            sources.iter().any(|source| source.contains(&declared)),
            "{}: no `{test}` in `{suite}`",
            patch.display()
        );
    }
}
