//! Random applications against a plain model of what must happen to them: promises 1, 2, 3, 13, 15
//! and 20, invariants 1, 6, 7 and 8.
//!
//! Some thousands of cases in an ordinary run; `RESET_APP_SOAK=1` makes it 100,000, and any other
//! number that many; `RESET_APP_SHARE=2/8` takes an eighth. A failure prints the database as SQL and the manifest as TOML. One that was a
//! fault of the program becomes a named test in `tests/hazards.rs` or beside the code it was in.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod case;
mod check;
#[path = "../support/figures.rs"]
mod figures;
mod generate;
mod oracle;
mod value;

use proptest::test_runner::{Config, RngSeed, TestCaseError, TestRunner};

/// Cases in an ordinary run of each of the two tests.
const CASES: u32 = 1_000;

fn cases() -> u32 {
    let Ok(soak) = std::env::var("RESET_APP_SOAK") else {
        return CASES;
    };
    match soak.parse() {
        Ok(0) => CASES,
        Ok(1) | Err(_) => u32::try_from(figures::Share::taken().part(50_000)).unwrap(),
        Ok(number) => number,
    }
}

/// An ordinary run tries the same cases every time, so that a change is judged by itself; the long
/// form looks for new ones.
fn seed(number: u64) -> RngSeed {
    match cases() {
        CASES => RngSeed::Fixed(number),
        _ => RngSeed::Random,
    }
}

fn run_cases(number: u64) {
    let config = Config {
        cases: cases(),
        rng_seed: seed(number),
        failure_persistence: None,
        max_shrink_iters: 20_000,
        ..Config::default()
    };
    let started = std::time::Instant::now();
    let mut tally = check::Tally::default();
    let tally = std::cell::RefCell::new(&mut tally);
    let result = TestRunner::new(config).run(&generate::case(), |case| {
        let found = check::check(&case).map_err(TestCaseError::fail)?;
        tally.borrow_mut().add(found);
        Ok(())
    });
    eprintln!("{:?}", tally.borrow());
    let what = format!("random applications, part {number}");
    let seconds = started.elapsed().as_secs_f32();
    let violations = usize::from(result.is_err());
    figures::write_down(&what, cases() as usize, violations, seconds);
    if let Err(error) = result {
        panic!("{error}");
    }
    // A small share may be all of a kind.
    if cases() >= CASES {
        tally.borrow().require_variety();
    }
}

/// Two tests, for two processors.
#[test]
fn random_applications_end_as_the_model_says() {
    run_cases(1);
}

#[test]
fn more_random_applications_end_as_the_model_says() {
    run_cases(2);
}
