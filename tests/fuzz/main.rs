//! The fuzz targets with inputs made of their corpus: the same ones in an ordinary run, others in the
//! long form. `scripts/fuzz` lets cargo-fuzz look for more.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, unreachable_pub)]

#[path = "../support/figures.rs"]
mod figures;
mod mutate;
mod targets;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread::spawn;
use std::time::{Duration, Instant};

use mutate::Mutator;
use targets::TARGETS;

/// An input that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(300);

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus");
    let mut files: Vec<_> = fs::read_dir(tests.join(name))
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    files
        .into_iter()
        .map(|file| fs::read(file).unwrap())
        .collect()
}

/// Tries the corpus, and `times` inputs made of it.
fn try_target(name: &'static str, times: usize) {
    let (_, target) = TARGETS.into_iter().find(|(one, _)| *one == name).unwrap();
    let times = if figures::is_soak() {
        figures::Share::taken().part(times * 50)
    } else {
        times
    };
    let started = Instant::now();
    let mut inputs = corpus(name);
    assert!(!inputs.is_empty(), "{name} has no corpus");
    inputs.extend(Mutator::new(inputs.clone(), figures::is_soak()).take(times));
    let tried = inputs.len();
    for input in inputs {
        let (done, end) = channel();
        let bytes = input.clone();
        spawn(move || {
            let _ = done.send(catch_unwind(AssertUnwindSafe(|| target(&bytes))).is_ok());
        });
        match end.recv_timeout(PATIENCE) {
            Ok(true) => {}
            Err(RecvTimeoutError::Timeout) => panic!("{name} hangs: b\"{}\"", input.escape_ascii()),
            _ => panic!("{name}: b\"{}\"", input.escape_ascii()),
        }
    }
    let seconds = started.elapsed().as_secs_f32();
    figures::write_down(&format!("fuzzed {name}"), tried, 0, seconds);
}

#[test]
fn no_manifest_makes_it_panic() {
    try_target("manifest", 2_000);
}

#[test]
fn no_path_leads_out_of_its_root() {
    try_target("paths", 5_000);
}

#[test]
fn no_outbox_leads_out_of_its_root() {
    try_target("outbox", 150);
}

#[test]
fn no_answer_of_redis_makes_it_panic_or_wait() {
    try_target("redis", 300);
}

#[test]
fn no_database_makes_it_panic_or_leads_out_of_the_roots() {
    try_target("database", 200);
}
