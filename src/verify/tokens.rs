//! Finding identifiers in bytes.
//!
//! | what | found as |
//! |---|---|
//! | a name or a text key | a whole word, whatever the case; not as the first part of an e-mail address, which is an identifier of its own |
//! | an e-mail address | a whole address, also with `%40` |
//! | a handle: letters and digits before the `@` | a word, also between `_` |
//! | an integer key | a number right behind a word for a person: `user_id=5`, `"owner": 5`, `users/5` |
//!
//! A word ends at anything but letters and digits; in a text also `_` belongs to it, so that `ann`
//! is not found in `ann_marie`, but in the file `ann_2024.jpg`.

use std::collections::{BTreeSet, HashMap};

use aho_corasick::{AhoCorasick, MatchKind};

use super::words::PersonWords;
use crate::error::{Error, Result};

/// What kind of identifier was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The user's key.
    Key,
    /// A name.
    Name,
    /// An e-mail address.
    Email,
    /// A part of an address that hardly anybody else has: `jane1985` of `jane1985@example.org`.
    Handle,
}

impl Kind {
    /// As it is written in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Name => "name",
            Self::Email => "e-mail",
            Self::Handle => "handle",
        }
    }
}

/// An identifier of the user at a position.
pub(crate) type Meaning = (i64, Kind);

/// What the bytes are that are searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// Running text, or anything.
    Text,
    /// The name of a file or of a key in Redis.
    Name,
}

/// All identifiers of all users looked for, ready to be searched for at once.
#[derive(Debug)]
pub(crate) struct Tokens {
    automaton: AhoCorasick,
    /// What each pattern of the automaton stands for.
    patterns: Vec<Vec<Meaning>>,
    numbers: HashMap<i64, i64>,
    values: HashMap<Vec<u8>, i64>,
    persons: PersonWords,
    longest: usize,
}

/// Identifiers on their way into [`Tokens`].
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    patterns: HashMap<Vec<u8>, Vec<Meaning>>,
    numbers: HashMap<i64, i64>,
    values: HashMap<Vec<u8>, i64>,
}

impl Gathered {
    /// An identifier that is text. Which spellings are looked for follows from its kind.
    pub(crate) fn add(&mut self, text: &str, meaning: Meaning) {
        for spelling in spellings(text, meaning.1) {
            let known = self.patterns.entry(spelling.into_bytes()).or_default();
            if !known.contains(&meaning) {
                known.push(meaning);
            }
        }
    }

    /// An integer key.
    pub(crate) fn add_number(&mut self, key: i64, position: i64) {
        self.numbers.insert(key, position);
    }

    /// A text key, to be compared with whole values.
    pub(crate) fn add_value(&mut self, key: &[u8], position: i64) {
        self.values.insert(key.to_vec(), position);
    }

    /// Ready to be searched for.
    pub(crate) fn finish(self, persons: PersonWords) -> Result<Tokens> {
        let (texts, patterns): (Vec<_>, Vec<_>) = self.patterns.into_iter().unzip();
        let longest = texts.iter().map(Vec::len).max().unwrap_or_default();
        let automaton = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .build(&texts)
            .map_err(|_| Error::Bug("the identifiers are too many for one search"))?;
        Ok(Tokens {
            automaton,
            patterns,
            numbers: self.numbers,
            values: self.values,
            persons,
            longest,
        })
    }
}

/// The automaton ignores the case of ASCII letters; that of others, and how text is escaped in JSON
/// and in URLs, are spellings of their own.
fn spellings(text: &str, kind: Kind) -> BTreeSet<String> {
    let mut found = BTreeSet::from([text.to_owned()]);
    if !text.is_ascii() {
        found.insert(text.to_lowercase());
        found.insert(text.to_uppercase());
        let escaped: Vec<String> = found.iter().map(|text| json(text)).collect();
        found.extend(escaped);
    }
    if kind == Kind::Email {
        found.insert(text.replace('@', "%40"));
    }
    if kind == Kind::Key && text.len() == 36 && text.bytes().filter(|b| *b == b'-').count() == 4 {
        found.insert(text.replace('-', ""));
    }
    found
}

fn json(text: &str) -> String {
    let unit = |unit: u16| match u8::try_from(unit) {
        Ok(byte) if byte.is_ascii() => char::from(byte).to_string(),
        _ => format!("\\u{unit:04x}"),
    };
    text.encode_utf16().map(unit).collect()
}

impl Tokens {
    /// How many bytes before a position may belong to an identifier that ends after it.
    pub(crate) fn reach(&self) -> usize {
        self.longest.max(64) + 8
    }

    /// The user at whose position an integer is the key.
    pub(crate) fn user_of(&self, number: i64) -> Option<i64> {
        self.numbers.get(&number).copied()
    }

    /// The users whose keys a column that names users holds: one, or several in a list.
    pub(crate) fn users_of(&self, value: &[u8], found: &mut dyn FnMut(i64)) {
        if let Some(&user) = self.values.get(value) {
            found(user);
        }
        if self.numbers.is_empty() {
            return;
        }
        let numbers = value.split(|byte| !byte.is_ascii_digit());
        for number in numbers.filter_map(|digits| std::str::from_utf8(digits).ok()?.parse().ok()) {
            if let Some(user) = self.user_of(number) {
                found(user);
            }
        }
    }

    /// Tells `found` every identifier in `bytes`.
    pub(crate) fn search(&self, bytes: &[u8], reading: Reading, found: &mut dyn FnMut(Meaning)) {
        self.search_within(bytes, (0, bytes.len()), reading, found);
    }

    /// As [`search`](Self::search), for identifiers that end behind `from`, and not behind `end`: what
    /// lies outside only tells whether a word is whole.
    pub(crate) fn search_within(
        &self,
        bytes: &[u8],
        (from, end): (usize, usize),
        reading: Reading,
        found: &mut dyn FnMut(Meaning),
    ) {
        if self.longest > 0 {
            let hits = self.automaton.find_overlapping_iter(&bytes[..end]);
            for hit in hits.filter(|hit| hit.end() > from) {
                for &meaning in &self.patterns[hit.pattern().as_usize()] {
                    if is_whole(bytes, (hit.start(), hit.end()), meaning.1, reading) {
                        found(meaning);
                    }
                }
            }
        }
        if !self.numbers.is_empty() {
            self.search_numbers(bytes, (from, end), found);
        }
    }

    fn search_numbers(
        &self,
        bytes: &[u8],
        (from, end): (usize, usize),
        found: &mut dyn FnMut(Meaning),
    ) {
        let mut at = 0;
        while let Some(start) = bytes[at..].iter().position(u8::is_ascii_digit) {
            let start = at + start;
            if start >= end {
                return;
            }
            let digits = bytes[start..].iter().take_while(|b| b.is_ascii_digit());
            at = start + digits.count();
            if start < from || at - start > 19 || bytes.get(at).is_some_and(u8::is_ascii_alphabetic)
            {
                continue;
            }
            let number = std::str::from_utf8(&bytes[start..at]).ok();
            let user = number
                .and_then(|number| number.parse().ok())
                .and_then(|number| self.user_of(number));
            if let Some(user) = user
                && self.persons.name_a_user(word_before(&bytes[..start]))
            {
                found((user, Kind::Key));
            }
        }
    }
}

/// The name that stands before a number: `user_id` in `"user_id": 5`; nothing where something else
/// than `=`, `:`, `/`, `_`, `-`, quotes and spaces lies between.
fn word_before(bytes: &[u8]) -> &str {
    const LONGEST_GAP: usize = 4;
    const LONGEST_NAME: usize = 40;
    let gap = |byte: &&u8| b"=:/_- \"'[".contains(byte);
    let gap = bytes.iter().rev().take_while(gap).count();
    if gap > LONGEST_GAP {
        return "";
    }
    let end = bytes.len() - gap;
    let is_name = |byte: &&u8| byte.is_ascii_alphabetic() || **byte == b'_';
    let name = bytes[..end].iter().rev().take_while(is_name);
    let start = end - name.take(LONGEST_NAME).count();
    std::str::from_utf8(&bytes[start..end]).unwrap_or_default()
}

fn is_whole(bytes: &[u8], (start, end): (usize, usize), kind: Kind, reading: Reading) -> bool {
    let (before, after) = (&bytes[..start], &bytes[end..]);
    // Nobody else's word ends in it.
    let reading = if kind == Kind::Handle {
        Reading::Name
    } else {
        reading
    };
    let inside = &bytes[start..end];
    let starts_word = letter_at_start(inside);
    let ends_word = letter_before(inside);
    match kind {
        Kind::Email => {
            let joined = before
                .last()
                .is_some_and(|b| b.is_ascii_alphanumeric() || b"._+-".contains(b));
            let goes_on = match after {
                [b'.' | b'-', next, ..] => next.is_ascii_alphanumeric(),
                [next, ..] => next.is_ascii_alphanumeric() || *next == b'_',
                [] => false,
            };
            (!joined || is_escape(before)) && !goes_on
        }
        Kind::Key | Kind::Name | Kind::Handle => {
            let line = |byte: Option<&u8>| reading == Reading::Text && byte == Some(&b'_');
            let before_is_word =
                (letter_before(before) && !is_escape(before)) || line(before.last());
            let after_is_word = letter_at_start(after) || line(after.first());
            let address = after.strip_prefix(b"@").or(after.strip_prefix(b"%40"));
            let in_address = address.is_some_and(letter_at_start);
            !(starts_word && before_is_word || ends_word && after_is_word || in_address)
        }
    }
}

/// `\n` and its like in JSON: their letter belongs to no word.
fn is_escape(before: &[u8]) -> bool {
    matches!(before, [.., b'\\', b'n' | b'r' | b't' | b'b' | b'f'])
}

fn letter_at_start(bytes: &[u8]) -> bool {
    let window = &bytes[..bytes.len().min(4)];
    let text = match std::str::from_utf8(window) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&window[..error.valid_up_to()]).unwrap_or_default(),
    };
    text.chars().next().is_some_and(char::is_alphanumeric)
}

fn letter_before(bytes: &[u8]) -> bool {
    let ends = |length: &usize| {
        let start = bytes.len().checked_sub(*length);
        start.is_some_and(|start| std::str::from_utf8(&bytes[start..]).is_ok())
    };
    let Some(length) = (1..=4).find(ends) else {
        return false;
    };
    let last = std::str::from_utf8(&bytes[bytes.len() - length..]);
    last.is_ok_and(|last| last.chars().next_back().is_some_and(char::is_alphanumeric))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens() -> Tokens {
        let mut gathered = Gathered::default();
        gathered.add("ann", (1, Kind::Name));
        gathered.add("Ann Lee", (1, Kind::Name));
        gathered.add("ann@example.org", (1, Kind::Email));
        gathered.add("Jürgen", (2, Kind::Name));
        gathered.add("0b5c1a52-1c0f-4f0e-9f5e-3f1b2c4d5e6f", (2, Kind::Key));
        gathered.add_number(5, 3);
        gathered.finish(PersonWords::new("users")).unwrap()
    }

    fn found(text: &[u8], reading: Reading) -> Vec<(i64, &'static str)> {
        let mut found = BTreeSet::new();
        tokens().search(text, reading, &mut |(user, kind)| {
            found.insert((user, kind.name()));
        });
        found.into_iter().collect()
    }

    #[test]
    fn names_are_whole_words() {
        let name = [(1, "name")];
        for text in [
            "ann",
            "ANN",
            "hi @ann!",
            "by Ann.",
            "{\"n\":\"x\\nann\"}",
            "ann-2",
            "[ann]",
            "“ann”",
        ] {
            assert_eq!(found(text.as_bytes(), Reading::Text), name, "{text}");
        }
        for text in [
            "anna",
            "joann",
            "ann_2",
            "_ann",
            "annÉ",
            "éann",
            "ann@elsewhere.net",
            "",
            "an",
        ] {
            assert_eq!(found(text.as_bytes(), Reading::Text), [], "{text}");
        }
        assert_eq!(found(b"ann_2024.jpg", Reading::Name), name);
        assert_eq!(found(b"\xff\xfeann\x80\xff", Reading::Text), name);
    }

    #[test]
    fn addresses_are_whole_addresses() {
        let mail = [(1, "e-mail")];
        for text in [
            "<Ann@Example.org>",
            "mailto:ann@example.org.",
            "u=ann%40example.org&x",
            "ann@example.org-",
        ] {
            assert_eq!(found(text.as_bytes(), Reading::Text), mail, "{text}");
        }
        for text in [
            "jo.ann@example.org",
            "ann@example.org.uk",
            "joann@example.org",
            "ann@example.organ",
        ] {
            assert_eq!(found(text.as_bytes(), Reading::Text), [], "{text}");
        }
    }

    #[test]
    fn letters_beyond_ascii_have_a_case_and_an_escape() {
        for text in ["jürgen", "JÜRGEN", "\"J\\u00fcrgen\"", "Jürgen"] {
            assert_eq!(
                found(text.as_bytes(), Reading::Text),
                [(2, "name")],
                "{text}"
            );
        }
    }

    #[test]
    fn an_identifier_for_machines_is_found_without_its_hyphens() {
        for text in [
            "0B5C1A52-1c0f-4f0e-9f5e-3f1b2c4d5e6f",
            "0b5c1a521c0f4f0e9f5e3f1b2c4d5e6f.jpg",
        ] {
            assert_eq!(
                found(text.as_bytes(), Reading::Text),
                [(2, "key")],
                "{text}"
            );
        }
    }

    #[test]
    fn a_number_is_a_key_only_behind_a_word_for_a_person() {
        let key = [(3, "key")];
        for text in [
            "user_id=5",
            "{\"owner\": 5}",
            "users/5/a.jpg",
            "user_5",
            "created_by: '5'",
            "\"userIds\":[5",
        ] {
            assert_eq!(found(text.as_bytes(), Reading::Text), key, "{text}");
        }
        for text in [
            "5",
            "page 5",
            "user_id=55",
            "user_id=15",
            "user_id=5a",
            "user_id=.......5",
            "2024/5",
            "user 1,5",
        ] {
            assert_eq!(found(text.as_bytes(), Reading::Text), [], "{text}");
        }
    }
}
