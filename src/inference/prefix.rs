//! References behind a text, or before one: `user:12`, `principals/users/ann`, `ann@example.org`.

use std::collections::BTreeMap;

use super::candidate::{Candidate, Chance};
use super::candidates::{Search, is_number};
use super::evidence::Place;
use super::names::is_plain;
use super::words::{means_person, stem, words};
use crate::error::Result;
use crate::manifest::Form;
use crate::schema::Column;

impl Search<'_> {
    /// `user:12`, where the word before the number speaks of a table; or every row of another table
    /// named exactly once.
    pub(super) fn behind_prefix(
        &self,
        at: usize,
        column: &Column,
        prefix: &str,
    ) -> Result<Option<Candidate>> {
        let form = Form {
            prefix: Some(prefix.to_owned()),
            ..Form::default()
        };
        let spoken = self.names.spoken(self.schema, at, &words(prefix));
        for (parent, _) in spoken.into_iter().filter(|(parent, _)| *parent != at) {
            let Some(key) = self.single_key(parent) else {
                continue;
            };
            let found = self.count(at, &column.name, &form, (parent, &key))?;
            if found.is_most(95) {
                let mut candidate =
                    self.candidate(at, column, (parent, &key), words(prefix), found);
                candidate.form = form;
                return Ok(Some(candidate));
            }
        }
        match self.user_behind_prefix(at, column, &form)? {
            None => self.one_to_one(at, column, form),
            found => Ok(found),
        }
    }

    /// `principals/users/ann`: what follows is a user's key or name, and no number.
    fn user_behind_prefix(
        &self,
        at: usize,
        column: &Column,
        form: &Form,
    ) -> Result<Option<Candidate>> {
        let place = Place {
            table: &self.schema.tables[at].name,
            column: &column.name,
            form,
        };
        let values = self.evidence.values(place)?;
        if at == self.users || values.is_empty() || values.iter().all(is_number) {
            return Ok(None);
        }
        for target in self.user_columns() {
            let found = self.count(at, &column.name, form, (self.users, &target))?;
            if found.is_most(95) && self.evidence.distinct(place)? > 1 {
                let said = words(form.prefix.as_deref().unwrap_or_default());
                let mut candidate = self.candidate(at, column, (self.users, &target), said, found);
                candidate.form = form.clone();
                return Ok(Some(candidate));
            }
        }
        Ok(None)
    }

    /// `ann@example.org`, `@ann:example.org`: users of this host, beside those of others.
    pub(super) fn at_host(
        &self,
        (at, column): (usize, &Column),
        texts: &[String],
        known: &[Candidate],
    ) -> Result<Option<Candidate>> {
        const LEAST: u64 = 3;
        let Some(form) = host(texts).filter(|_| at != self.users) else {
            return Ok(None);
        };
        let place = Place {
            table: &self.schema.tables[at].name,
            column: &column.name,
            form: &form,
        };
        // Users who have addresses are known by those.
        for target in self.user_columns() {
            let whole = self.count(at, &column.name, &Form::default(), (self.users, &target))?;
            if whole.fitting > 0 {
                return Ok(None);
            }
        }
        for target in self.user_columns() {
            let found = self.count(at, &column.name, &form, (self.users, &target))?;
            if found.is_most(95) && self.evidence.distinct(place)? >= LEAST {
                let said = stem(&words(&column.name));
                let hangs = |c: &Candidate| c.table == at && c.on_delete.is_some();
                let doubtful = known.iter().any(hangs) && !means_person(&said);
                let mut candidate = self.candidate(at, column, (self.users, &target), said, found);
                candidate.form = form;
                if doubtful {
                    candidate.chance = Chance::Likely;
                }
                return Ok(Some(candidate));
            }
        }
        Ok(None)
    }

    fn one_to_one(&self, at: usize, column: &Column, form: Form) -> Result<Option<Candidate>> {
        const LEAST: u64 = 5;
        let place = |form| Place {
            table: &self.schema.tables[at].name,
            column: &column.name,
            form,
        };
        let distinct = self.evidence.distinct(place(&form))?;
        let tables = self.schema.tables.iter().enumerate();
        for (parent, _) in tables.filter(|(to, t)| *to != at && *to != self.users && is_plain(t)) {
            let Some(key) = self.single_key(parent) else {
                continue;
            };
            let rows = self.evidence.rows(parent)?;
            if rows < LEAST || rows != distinct || self.schema.tables[parent].columns.len() < 2 {
                continue;
            }
            let found = self.count(at, &column.name, &form, (parent, &key))?;
            if found.is_most(100) {
                let mut candidate = self.candidate(
                    at,
                    column,
                    (parent, &key),
                    stem(&words(&column.name)),
                    found,
                );
                candidate.evidence = format!("{}, each row of it", candidate.evidence);
                candidate.form = form;
                return Ok(Some(candidate));
            }
        }
        Ok(None)
    }
}

/// What stands around the names of most of these, if they are addresses at one host.
fn host(texts: &[String]) -> Option<Form> {
    let around = |text: &String| {
        let (prefix, name) = match text.strip_prefix('@') {
            Some(name) => (Some("@".to_owned()), name),
            None => (None, text.as_str()),
        };
        let at = name.find(if prefix.is_some() { ':' } else { '@' })?;
        let host = name[at..].to_owned();
        let plain = at > 0 && host.len() > 1 && !text.contains(char::is_whitespace);
        plain.then_some((prefix, host))
    };
    let mut counts: BTreeMap<(Option<String>, String), usize> = BTreeMap::new();
    for host in texts.iter().filter_map(around) {
        *counts.entry(host).or_default() += 1;
    }
    let ((prefix, suffix), count) = counts.into_iter().max_by_key(|(_, count)| *count)?;
    (count * 2 >= texts.len()).then(|| Form {
        prefix,
        suffix: Some(suffix),
        ..Form::default()
    })
}

/// The text before the last part, if it is the same in most of these: `user:` of `user:12`,
/// `principals/users/` of `principals/users/ann`.
pub(super) fn common_prefix(texts: &[String]) -> Option<String> {
    const LONGEST: usize = 40;
    let prefix = |text: &str| {
        let digits = text.trim_end_matches(|c: char| c.is_ascii_digit());
        let marked = digits.len() < text.len() && digits.ends_with(['-', '_', '@', '.']);
        let end = if marked {
            digits.len()
        } else {
            text.rfind([':', '#', '/'])? + 1
        };
        let bare = &text[..end];
        let rest = end < text.len() && !text.contains(char::is_whitespace);
        (rest && end < LONGEST && bare.chars().any(char::is_alphabetic)).then(|| bare.to_owned())
    };
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for prefix in texts.iter().filter_map(|text| prefix(text)) {
        *counts.entry(prefix).or_default() += 1;
    }
    let (prefix, count) = counts.into_iter().max_by_key(|(_, count)| *count)?;
    (count * 2 >= texts.len()).then_some(prefix)
}
