//! The target that the environment variable `TARGET` names.

#![no_main]

#[path = "../../tests/fuzz/targets.rs"]
mod targets;

use std::sync::OnceLock;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    static TARGET: OnceLock<fn(&[u8])> = OnceLock::new();
    let target = TARGET.get_or_init(|| {
        let name = std::env::var("TARGET").unwrap_or_default();
        let found = targets::TARGETS.into_iter().find(|(one, _)| *one == name);
        found.unwrap_or_else(|| panic!("no target `{name}`")).1
    });
    target(bytes);
});
