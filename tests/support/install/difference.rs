//! Comparisons that say what differs, not only that something does.

use std::collections::BTreeMap;

/// A state that can be written down line by line, in order.
pub(crate) trait Lines {
    fn lines(&self) -> Vec<String>;
}

/// The lines that only one of the two has: `-` only before, `+` only after. Empty if they agree.
pub(crate) fn difference(before: &impl Lines, after: &impl Lines) -> String {
    let mut surplus: BTreeMap<String, i32> = BTreeMap::new();
    for line in before.lines() {
        *surplus.entry(line).or_default() -= 1;
    }
    for line in after.lines() {
        *surplus.entry(line).or_default() += 1;
    }
    let mut text = String::new();
    for (line, count) in surplus {
        let sign = if count < 0 { '-' } else { '+' };
        for _ in 0..count.abs() {
            text.extend([sign, ' ']);
            text.push_str(&line);
            text.push('\n');
        }
    }
    text
}

/// Fails with the difference, unless the two agree.
#[track_caller]
pub(crate) fn assert_same(what: &str, before: &impl Lines, after: &impl Lines) {
    let difference = difference(before, after);
    assert!(difference.is_empty(), "{what} differs:\n{difference}");
}
