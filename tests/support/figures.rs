//! What was tried, counted: a file for each kind of test in `target/figures`, from which
//! `scripts/figures` makes a page and the table of the README.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

/// Below it one directory for the samples, one for the long form.
pub(crate) fn directory() -> PathBuf {
    let temporary = Path::new(env!("CARGO_TARGET_TMPDIR"));
    temporary.parent().unwrap().join("figures")
}

/// Writes down how many cases of a kind were tried, how many of them broke a promise, and how long
/// that took.
pub(crate) fn write_down(what: &str, tried: usize, violations: usize, seconds: f32) {
    let form = if is_soak() { "soak" } else { "sample" };
    let directory = directory().join(form);
    let figure =
        json!({ "what": what, "tried": tried, "violations": violations, "seconds": seconds });
    let file = directory.join(format!("{}.json", what.replace(' ', "-")));
    // Figures are told, not tested: a directory that cannot be written fails no test.
    let _ = fs::create_dir_all(&directory).and_then(|()| fs::write(file, figure.to_string()));
}

/// Whether everything is to be tried, however long that takes.
pub(crate) fn is_soak() -> bool {
    std::env::var_os("RESET_APP_SOAK").is_some_and(|value| value != "0")
}
