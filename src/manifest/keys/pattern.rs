//! The name of a rule's keys: literals, `*`, and at most one `{user}`.

use super::RuleError;

const PLACEHOLDER: &str = "{user}";

/// A key that fits a rule by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Match<'k> {
    /// The user's key, if the rule finds it in the name: the segment that stands at `{user}`.
    pub user: Option<&'k [u8]>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    text: String,
    head: Glob,
    /// What follows `{user}`; absent if the pattern does not hold it.
    tail: Option<Glob>,
}

/// The literals between the wildcards: `a*b` is `["a", "b"]`. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Glob(Vec<Vec<u8>>);

impl Pattern {
    pub(super) fn parse(text: &str) -> Result<Self, RuleError> {
        let mut around = text.split(PLACEHOLDER);
        let head = around.next().unwrap_or_default();
        let tail = around.next();
        if around.next().is_some() {
            return Err(RuleError::UserTwice(text.to_owned()));
        }
        check(text, head, tail)?;
        Ok(Self {
            text: text.to_owned(),
            head: Glob::new(head),
            tail: tail.map(Glob::new),
        })
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn holds_user(&self) -> bool {
        self.tail.is_some()
    }

    pub(super) fn prefix(&self) -> &[u8] {
        self.head.first()
    }

    pub(super) fn matches<'k>(&self, key: &'k [u8]) -> Option<Match<'k>> {
        let Some(tail) = &self.tail else {
            return self.head.matches(key).then_some(Match { user: None });
        };
        let one_segment = |start: usize| {
            let rest = &key[start..];
            let user = &rest[..segment_end(rest)];
            (!user.is_empty() && tail.matches(&rest[user.len()..])).then_some(user)
        };
        let user = self.head.ends(key).into_iter().find_map(one_segment);
        user.map(|user| Match { user: Some(user) })
    }

    pub(super) fn names_user(&self, key: &[u8], is_meant: impl Fn(&[u8]) -> bool) -> bool {
        let Some(tail) = &self.tail else { return false };
        self.head.ends(key).into_iter().any(|start| {
            let rest = &key[start..];
            segment_ends(rest).any(|end| is_meant(&rest[..end]) && tail.matches(&rest[end..]))
        })
    }
}

fn check(text: &str, head: &str, tail: Option<&str>) -> Result<(), RuleError> {
    if text.replace(PLACEHOLDER, "").contains(['{', '}']) {
        return Err(RuleError::UnknownPlaceholder(text.to_owned()));
    }
    if head.is_empty() || head.starts_with('*') {
        return Err(RuleError::NoPrefix(text.to_owned()));
    }
    let delimited = |tail: &str| !head.ends_with('*') && (tail.is_empty() || tail.starts_with(':'));
    if tail.is_some_and(|tail| !delimited(tail)) {
        return Err(RuleError::UserNotDelimited(text.to_owned()));
    }
    Ok(())
}

fn segment_end(rest: &[u8]) -> usize {
    rest.iter()
        .position(|byte| *byte == b':')
        .unwrap_or(rest.len())
}

/// Every place where a non-empty user's key could end, shortest first.
fn segment_ends(rest: &[u8]) -> impl Iterator<Item = usize> {
    (1..=rest.len()).filter(|end| rest.get(*end).is_none_or(|byte| *byte == b':'))
}

impl Glob {
    fn new(text: &str) -> Self {
        let literals = text.split('*');
        Self(
            literals
                .map(|literal| literal.as_bytes().to_vec())
                .collect(),
        )
    }

    fn first(&self) -> &[u8] {
        self.0.first().map_or(&[], Vec::as_slice)
    }

    fn matches(&self, text: &[u8]) -> bool {
        let [first, middle @ .., last] = self.0.as_slice() else {
            return text == self.first();
        };
        let rest = text.strip_prefix(first.as_slice());
        let inner = rest.and_then(|rest| rest.strip_suffix(last.as_slice()));
        inner.is_some_and(|inner| after_all(middle, inner).is_some())
    }

    /// Every place where a beginning of `text` that fits this glob ends, in ascending order.
    fn ends(&self, text: &[u8]) -> Vec<usize> {
        let Some(rest) = text.strip_prefix(self.first()) else {
            return Vec::new();
        };
        let [_, middle @ .., last] = self.0.as_slice() else {
            return vec![text.len() - rest.len()];
        };
        let Some(rest) = after_all(middle, rest) else {
            return Vec::new();
        };
        let skipped = text.len() - rest.len();
        let windows = rest.windows(last.len().max(1)).enumerate();
        let found = windows.filter(|(_, window)| *window == last.as_slice());
        found.map(|(at, _)| skipped + at + last.len()).collect()
    }
}

/// What remains of `text` after the leftmost occurrences of `literals`, one after the other.
fn after_all<'t>(literals: &[Vec<u8>], text: &'t [u8]) -> Option<&'t [u8]> {
    literals.iter().try_fold(text, |rest, literal| {
        let at = find(rest, literal)?;
        Some(&rest[at + literal.len()..])
    })
}

fn find(text: &[u8], literal: &[u8]) -> Option<usize> {
    if literal.is_empty() {
        return Some(0);
    }
    text.windows(literal.len())
        .position(|window| window == literal)
}
