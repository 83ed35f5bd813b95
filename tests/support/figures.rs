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
/// that took. Shares of one whole add up; what is known of another division is forgotten.
pub(crate) fn write_down(what: &str, tried: usize, violations: usize, seconds: f32) {
    let Share { number, of } = Share::taken();
    let directory = directory().join(if is_soak() { "soak" } else { "sample" });
    let figure = json!({ "what": what, "tried": tried, "violations": violations, "seconds": seconds, "of": of });
    let name = what.replace([' ', ','], "-");
    let file = directory.join(format!("{name}.{number}-of-{of}.json"));
    // Figures are told, not tested: a directory that cannot be written fails no test.
    let _ = fs::create_dir_all(&directory);
    for other in fs::read_dir(&directory).into_iter().flatten().flatten() {
        let other_name = other.file_name().into_string().unwrap_or_default();
        let division = other_name
            .strip_prefix(&name)
            .and_then(|rest| rest.strip_prefix('.'));
        if division.is_some_and(|rest| !rest.ends_with(&format!("-of-{of}.json"))) {
            let _ = fs::remove_file(other.path());
        }
    }
    let _ = fs::write(file, figure.to_string());
}

/// Whether everything is to be tried, however long that takes.
pub(crate) fn is_soak() -> bool {
    std::env::var_os("RESET_APP_SOAK").is_some_and(|value| value != "0")
}

/// The part of the long form that is taken: `RESET_APP_SHARE=2/8` is the second of eight, and without
/// it there is but one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Share {
    pub(crate) number: usize,
    pub(crate) of: usize,
}

impl Share {
    pub(crate) fn taken() -> Self {
        let Ok(share) = std::env::var("RESET_APP_SHARE") else {
            return Self { number: 1, of: 1 };
        };
        let parsed = share
            .split_once('/')
            .and_then(|(number, of)| Some((number.parse().ok()?, of.parse().ok()?)));
        match parsed {
            Some((number, of)) if (1..=of).contains(&number) => Self { number, of },
            _ => panic!("RESET_APP_SHARE={share} is no share, such as 2/8"),
        }
    }

    /// As many of all these.
    pub(crate) fn part(self, all: usize) -> usize {
        all.div_ceil(self.of)
    }
}
