//! Databases that real applications made: `init`, `check` and a deletion, without a line of the
//! manifest edited, held against what a person decided. `scripts/cases` prints the table.
//!
//! They lie beside the repository, in `../shared/cases` or where `RESET_APP_CASES` says, one directory
//! each: `db.sqlite` (or `.zst`), `files.tar.gz`, `truth.json` with the users' tokens and
//! `expected_alice.json` with the rows and files that go with her.

#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "../support/mod.rs"]
mod support;

mod case;
mod expected;
mod judge;
mod state;

use std::path::{Path, PathBuf};

use case::Case;
use judge::Figures;
use support::run::{has_tool, say};

const LOST: &str = "what real applications' databases lose is not known";

/// The directories of the cases; none where they are missing, which is said aloud.
fn cases() -> Vec<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/cases");
    let place = std::env::var_os("RESET_APP_CASES").map_or(beside, PathBuf::from);
    let mut found: Vec<PathBuf> = std::fs::read_dir(&place)
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("expected_alice.json").exists())
        .collect();
    found.sort();
    if found.is_empty() {
        say(&format!(
            "SKIPPED: no cases in {} (RESET_APP_CASES names another place): {LOST}",
            place.display()
        ));
    }
    found
}

#[test]
fn alice_goes_from_each_application_and_nobody_else() {
    let cases = cases();
    if cases.is_empty() || !["tar", "zstd"].iter().all(|tool| has_tool(tool, LOST)) {
        return;
    }
    let figures: Vec<Figures> = cases
        .iter()
        .map(|source| Case::copied_from(source).judged())
        .collect();
    for line in judge::table(&figures) {
        println!("{line}");
    }
    let wrong: Vec<String> = figures.iter().flat_map(Figures::violations).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
