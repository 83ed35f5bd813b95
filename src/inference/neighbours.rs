//! What stands beside a column, and bears out that it names rows of a table: numbers alone fit any
//! table that is numbered without gaps.
//!
//! A row repeats a text of the row that it names (`rc_title` beside `rc_cur_id`); the row named names
//! it back (`page_latest` and `rev_page`); or the keys are such that nothing fits them by chance.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::types::Value;

use super::candidate::{Candidate, Chance, Kind};
use super::candidates::{Search, is_number};
use super::evidence::Match;
use super::names::{has_prefix, is_plain};
use super::vocabulary::RECORDS;
use super::words::{is_in, is_plural, names_something, singulars};
use crate::error::Result;
use crate::manifest::Form;
use crate::schema::{Column, Table};

/// Fewer different values show nothing.
const LEAST: usize = 3;
/// So many values are tried before all are counted.
const TRIED: usize = 20;
/// Words of a column of numbers that are no keys.
const AMOUNTS: &str = "\
    count size len length position order sort version amount price cost quantity qty score rank level time date \
    status type state weight width height number year month day hour minute second total sum rate ratio percent \
    priority index offset duration age points views hits bytes flags mode touched random timestamp created updated \
    expires expiry at on bits rev revision depth lft rgt";

impl Search<'_> {
    /// Columns whose names do not say what they name, and whose neighbours do.
    pub(super) fn borne_out(&self, known: &[Candidate]) -> Result<Vec<Candidate>> {
        let mut found = Vec::new();
        let tables = self.schema.tables.iter().enumerate();
        for (at, table) in tables.filter(|(_, t)| is_plain(t)) {
            for column in self.open_columns(at, table, known) {
                if self.may_hold_keys(at, table, column) {
                    found.extend(self.by_neighbours(at, column, known)?);
                }
            }
            found.extend(self.other_half(at, table, known)?);
            found.extend(self.second_half(at, table, known)?);
        }
        let alike = self.named_alike(known, &found)?;
        found.extend(alike);
        Ok(found)
    }

    /// The column of the row named whose text each row repeats, in candidates of one column.
    pub(super) fn note_repetitions(&self, candidates: &mut [Candidate]) -> Result<()> {
        for candidate in candidates {
            let ([column], [key]) = (&candidate.columns[..], &candidate.parent_columns[..]) else {
                continue;
            };
            let plain = candidate.kind == Kind::Plain && candidate.form.is_plain();
            if plain && self.is_log(candidate.table) && !candidate.is_of_itself() {
                let repeats = self.repeats((candidate.table, column), (candidate.parent, key))?;
                candidate.repeats = repeats.map(|(own, _)| own);
            }
        }
        Ok(())
    }

    /// Its rows tell what became of others.
    fn is_log(&self, table: usize) -> bool {
        let last = self.names.nouns(table).last();
        last.is_some_and(|last| RECORDS.split(' ').any(|word| last.ends_with(word)))
    }

    /// A column that is looked up, or named as if it named something.
    fn may_hold_keys(&self, at: usize, table: &Table, column: &Column) -> bool {
        let said = self.names.words(&column.name);
        let bare = self.names.bare(self.schema, at, &column.name);
        let amount = bare.last().is_some_and(|last| is_in(AMOUNTS, last));
        let indexed = table.indexes.iter().any(|index| {
            let first = index.columns.first().and_then(Option::as_ref);
            first.is_some_and(|first| first.name == column.name)
        });
        let key = table.key().contains(&column.name.as_str());
        !amount && !is_plural(&said) && (names_something(&said) || indexed || key || bare != said)
    }

    fn by_neighbours(
        &self,
        at: usize,
        column: &Column,
        known: &[Candidate],
    ) -> Result<Option<Candidate>> {
        let values = self.keys_in(at, column)?;
        if values.len() < LEAST {
            return Ok(None);
        }
        for (parent, table) in self.schema.tables.iter().enumerate() {
            let Some(key) = self.single_key(parent).filter(|_| is_plain(table)) else {
                continue;
            };
            if parent == at || !self.agree(column, (parent, &key))? {
                continue;
            }
            let tried = &values[..values.len().min(TRIED)];
            if self.evidence.fitting(tried, parent, &key)? * 5 < tried.len() as u64 * 4 {
                continue;
            }
            let found = self.count(at, &column.name, &Form::default(), (parent, &key))?;
            if !found.is_most(80) {
                continue;
            }
            let target = (parent, key.as_str());
            if let Some(shown) = self.bearing_out((at, column), target, (known, &values, found))? {
                let stem = self.stem_of(at, &column.name);
                let mut candidate = self.candidate(at, column, target, stem, found);
                candidate.evidence = format!("{}, and {}", candidate.evidence, shown.0);
                candidate.chance = shown.1;
                return Ok(Some(candidate));
            }
        }
        Ok(None)
    }

    /// `auth.id`: the keys of a table's rows are all keys of users, which nobody could guess.
    fn other_half(
        &self,
        at: usize,
        table: &Table,
        known: &[Candidate],
    ) -> Result<Option<Candidate>> {
        let key = table.columns.iter().find(|c| table.key() == [&*c.name]);
        let is_known = |c: &Candidate| c.table == at && c.parent == self.users;
        let Some(key) = key.filter(|_| at != self.users && !known.iter().any(is_known)) else {
            return Ok(None);
        };
        let values = self.keys_in(at, key)?;
        let target = (self.users, self.user_key);
        if values.len() < LEAST
            || values.iter().any(is_number)
            || !self
                .evidence
                .hardly_by_chance(&values, target.0, target.1)?
        {
            return Ok(None);
        }
        let found = self.count(at, &key.name, &Form::default(), target)?;
        let candidate = || self.candidate(at, key, target, self.stem_of(at, &key.name), found);
        Ok(found.is_most(100).then(candidate))
    }

    /// `story_texts.id`: the keys of a table's rows are those of another, for which it is named and of which
    /// each row repeats a text.
    fn second_half(
        &self,
        at: usize,
        table: &Table,
        known: &[Candidate],
    ) -> Result<Option<Candidate>> {
        let key = table.columns.iter().find(|c| table.key() == [&*c.name]);
        let is_known = |c: &Candidate| c.table == at && c.columns == [table.key()[0]];
        let Some(key) = key.filter(|_| !known.iter().any(is_known)) else {
            return Ok(None);
        };
        for parent in (0..self.schema.tables.len()).filter(|&p| self.names.begins_with(at, p)) {
            let Some(of) = self.single_key(parent).filter(|_| parent != self.users) else {
                continue;
            };
            let target = (parent, of.as_str());
            let found = self.count(at, &key.name, &Form::default(), target)?;
            if !found.is_most(100) {
                continue;
            }
            if let Some((own, theirs)) = self.repeats((at, &key.name), target)? {
                let stem = self.stem_of(at, &key.name);
                let mut candidate = self.candidate(at, key, target, stem, found);
                let theirs = self.target(parent, &theirs);
                candidate.evidence =
                    format!("{}, and `{own}` repeats `{theirs}`", candidate.evidence);
                return Ok(Some(candidate));
            }
        }
        Ok(None)
    }

    /// The different values of a column, if they can be keys.
    fn keys_in(&self, at: usize, column: &Column) -> Result<Vec<Value>> {
        let columns = &self.schema.tables[at].columns;
        let Some(position) = columns.iter().position(|c| c.name == column.name) else {
            return Ok(Vec::new());
        };
        let mut values: Vec<Value> = Vec::new();
        for value in self.evidence.sample(at, position)? {
            let can_be = match &value {
                Value::Integer(0 | -1) => continue,
                Value::Integer(number) => *number > 0,
                Value::Text(text) if text.is_empty() || text == "0" => continue,
                Value::Text(text) => text.len() <= 64 && !text.contains(char::is_whitespace),
                _ => false,
            };
            if !can_be {
                return Ok(Vec::new());
            }
            if !values.contains(&value) {
                values.push(value);
            }
        }
        Ok(values)
    }

    /// What bears out that the values are keys of this table, in words.
    fn bearing_out(
        &self,
        (at, column): (usize, &Column),
        (parent, key): (usize, &str),
        (known, values, found): (&[Candidate], &[Value], Match),
    ) -> Result<Option<(String, Chance)>> {
        if let Some(back) = self.named_back((at, &column.name), (parent, key), known)? {
            let shown = format!("the row named names it back (`{back}`)");
            return Ok(Some((shown, Chance::Unlikely)));
        }
        if let Some((own, of)) = self.repeats((at, &column.name), (parent, key))? {
            let of = self.target(parent, &of);
            return Ok(Some((format!("`{own}` repeats `{of}`"), Chance::Unlikely)));
        }
        let hardly = found.is_most(100) && self.evidence.hardly_by_chance(values, parent, key)?;
        // `workflowId` and `workflow_entity`: the name does not say it, but does not gainsay it either.
        let (said, stem) = (
            self.names.words(&column.name),
            self.stem_of(at, &column.name),
        );
        let nouns = self.names.nouns(parent);
        let akin =
            names_something(&said) && singulars(&stem).iter().all(|word| nouns.contains(word));
        // Numbers may be drawn from the same hat; what nobody can guess names its row and no other.
        let unguessed = !values.iter().any(is_number);
        let chance = if akin || unguessed {
            Chance::Unlikely
        } else {
            Chance::Likely
        };
        Ok(hardly.then(|| ("such keys are met by nothing else".into(), chance)))
    }

    /// The reference by which nearly each row named names the row that names it.
    fn named_back(
        &self,
        (at, column): (usize, &str),
        (parent, key): (usize, &str),
        known: &[Candidate],
    ) -> Result<Option<String>> {
        let Some(own) = self.single_key(at) else {
            return Ok(None);
        };
        let backs = |c: &&Candidate| {
            c.table == parent && c.parent == at && c.kind == Kind::Plain && c.columns.len() == 1
        };
        let place = |table: usize, name: &str| {
            let columns = &self.schema.tables[table].columns;
            columns.iter().position(|c| c.name == name)
        };
        let width = self.schema.tables[at].columns.len();
        for back in known.iter().filter(backs) {
            let (Some(one), Some(other)) = (place(at, &own), place(parent, &back.columns[0]))
            else {
                continue;
            };
            let rows = self.evidence.beside((at, column), (parent, key))?;
            let same = |row: &&Vec<Value>| row[one] == row[width + other];
            if rows.len() >= LEAST && rows.iter().filter(same).count() * 100 >= rows.len() * 95 {
                return Ok(Some(back.columns[0].clone()));
            }
        }
        Ok(None)
    }

    /// A column of a row that repeats one of the row that it names by `column`: the two, own first.
    fn repeats(
        &self,
        (at, column): (usize, &str),
        (parent, key): (usize, &str),
    ) -> Result<Option<(String, String)>> {
        let (table, of) = (&self.schema.tables[at], &self.schema.tables[parent]);
        let rows = self.evidence.beside((at, column), (parent, key))?;
        let bare = |table: usize, name: &str| self.names.bare(self.schema, table, name);
        let said = bare(at, column);
        for (one, own) in table.columns.iter().enumerate() {
            for (other, theirs) in of.columns.iter().enumerate() {
                if own.name == column || theirs.name == key {
                    continue;
                }
                let named =
                    bare(at, &own.name) == [said.clone(), bare(parent, &theirs.name)].concat();
                if agree(&rows, (one, table.columns.len() + other), named) {
                    return Ok(Some((own.name.clone(), theirs.name.clone())));
                }
            }
        }
        Ok(None)
    }

    /// `cl_from` beside `pl_from`: the same word behind the prefixes of two tables names the same.
    fn named_alike(&self, known: &[Candidate], found: &[Candidate]) -> Result<Vec<Candidate>> {
        let mut alike = Vec::new();
        for (at, table) in self.schema.tables.iter().enumerate() {
            if !is_plain(table) || !has_prefix(&self.schema.tables[at]) {
                continue;
            }
            for column in self.open_columns(at, table, known) {
                let bare = self.names.bare(self.schema, at, &column.name);
                let is_known = |c: &&Candidate| c.table == at && c.columns == [column.name.clone()];
                let same = |c: &&Candidate| {
                    c.table != at
                        && c.chance == Chance::Unlikely
                        && c.parent != at
                        && has_prefix(&self.schema.tables[c.table])
                        && self.names.bare(self.schema, c.table, &c.columns[0]) == bare
                };
                let Some(model) = found.iter().find(same) else {
                    continue;
                };
                let amount = bare.last().is_none_or(|last| is_in(AMOUNTS, last));
                if found.iter().any(|c| is_known(&c)) || amount {
                    continue;
                }
                let target = (model.parent, model.parent_columns[0].as_str());
                let counted = self.count(at, &column.name, &Form::default(), target)?;
                let fits = counted.of == 0 || counted.is_most(95);
                if fits && self.agree(column, target)? {
                    let stem = self.stem_of(at, &column.name);
                    let mut candidate = self.candidate(at, column, target, stem, counted);
                    let model = self.target(model.table, &model.columns[0]);
                    candidate.evidence = format!("{}, as those of `{model}`", candidate.evidence);
                    alike.push(candidate);
                }
            }
        }
        Ok(alike)
    }
}

/// Whether two columns of these rows hold the same beyond chance (J. Cohen, A coefficient of agreement
/// for nominal scales, 1960): words always, numbers where the one is named for the other.
fn agree(rows: &[Vec<Value>], (one, other): (usize, usize), named: bool) -> bool {
    let word = |value: &Value| match value {
        Value::Text(text) => text.len() >= 3 && text.chars().any(char::is_alphabetic),
        value => named && is_number(value),
    };
    let pairs = rows.iter().map(|row| (&row[one], &row[other]));
    let pairs: Vec<_> = pairs.filter(|(own, of)| word(own) && word(of)).collect();
    let text = |value: &Value| format!("{value:?}");
    let (mut own, mut of) = (BTreeMap::new(), BTreeMap::new());
    let mut agreed = BTreeSet::new();
    for (left, right) in &pairs {
        *own.entry(text(left)).or_insert(0_u64) += 1;
        *of.entry(text(right)).or_insert(0_u64) += 1;
        if left == right {
            agreed.insert(text(left));
        }
    }
    let all = pairs.len() as u64;
    let same = pairs.iter().filter(|(left, right)| left == right).count() as u64;
    let products = own
        .iter()
        .map(|(value, count)| count * of.get(value).copied().unwrap_or(0));
    let chance: u64 = products.sum();
    // A number that is copied takes few values; a word takes many, and may have been changed since.
    let (few, least, percent) = if named {
        (2, 20, 95)
    } else {
        (LEAST, LEAST + 1, 80)
    };
    let enough = pairs.len() >= least && pairs.len() * 10 >= rows.len() * 8 && agreed.len() >= few;
    let (beyond, most) = (
        (same * all).saturating_sub(chance),
        (all * all).saturating_sub(chance),
    );
    enough && most > 0 && beyond * 100 >= most * percent
}
