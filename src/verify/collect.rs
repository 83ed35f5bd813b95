//! What was found, added up by place.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::types::Value;

use super::files::{FileHit, Part};
use super::judge::{Judge, Verdict};
use super::scan::Hit;
use super::tables::Reading;
use super::tokens::Kind;
use super::{Search, Searched, Verification};
use crate::error::Result;
use crate::roots::shown;
use crate::survey::Kept;

/// How many places are named; more are counted.
const NAMED: usize = 1000;

/// How many rows of a column are named.
const EXAMPLES: usize = 5;

/// Where something was found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A column.
    Column {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// A full-text index matches it.
    Index(String),
    /// The name of a file or directory, from the name of its root on.
    FileName(String),
    /// A file holds it.
    File(String),
    /// The name of a key in Redis.
    KeyName(String),
    /// A key in Redis holds it.
    Key(String),
}

/// Identifiers found in one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Where.
    pub place: Place,
    /// What kinds.
    pub kinds: Vec<Kind>,
    /// In how many rows; 1 for a file or a key.
    pub count: u64,
    /// Some of the rows, by what tells them.
    pub rows: Vec<String>,
    /// The keys of some of the users.
    pub users: Vec<String>,
    /// Why it is where it is in the report, and what to do.
    pub reason: String,
}

#[derive(Debug, Default)]
struct Sum {
    kinds: BTreeSet<Kind>,
    users: BTreeSet<i64>,
    count: u64,
    rows: Vec<String>,
    last: Vec<Value>,
}

/// Adds up what is found.
#[derive(Debug, Default)]
pub(crate) struct Collector {
    sums: BTreeMap<(Verdict, Place), Sum>,
    more: u64,
    pub(super) unsearched: Vec<Kept>,
    pub(super) warnings: Vec<String>,
}

impl Collector {
    pub(super) fn row(&mut self, judge: &Judge<'_>, reading: &Reading, hit: Hit) -> Result<()> {
        let table = &reading.tables[hit.table];
        let verdict = judge.row(table, &hit)?;
        let place = Place::Column {
            table: table.name.clone(),
            column: table.columns[hit.column].name.clone(),
        };
        let Some(sum) = self.sum(verdict, place) else {
            return Ok(());
        };
        sum.add(hit.meaning);
        // Several identifiers in one value are one row.
        if sum.last != hit.row || hit.row.is_empty() || sum.count == 0 {
            sum.add_row(&hit.row);
            sum.last = hit.row;
        }
        Ok(())
    }

    pub(super) fn index(
        &mut self,
        verdict: Verdict,
        table: &str,
        meaning: (i64, Kind),
        rowid: &Value,
    ) {
        if let Some(sum) = self.sum(verdict, Place::Index(table.to_owned())) {
            sum.add(meaning);
            sum.add_row(std::slice::from_ref(rowid));
        }
    }

    pub(super) fn file(&mut self, judge: &Judge<'_>, hit: &FileHit) -> Result<()> {
        let verdict = judge.file(&hit.visited)?;
        let path = shown(&hit.visited.path());
        let place = match hit.part {
            Part::Name => Place::FileName(path),
            Part::Content => Place::File(path),
        };
        self.once(verdict, place, &hit.meanings);
        Ok(())
    }

    pub(super) fn once(&mut self, verdict: Verdict, place: Place, meanings: &[(i64, Kind)]) {
        if let Some(sum) = self.sum(verdict, place) {
            for &meaning in meanings {
                sum.add(meaning);
            }
            sum.count = 1;
        }
    }

    fn sum(&mut self, verdict: Verdict, place: Place) -> Option<&mut Sum> {
        let key = (verdict, place);
        if self.sums.len() >= NAMED && !self.sums.contains_key(&key) {
            self.more += 1;
            return None;
        }
        Some(self.sums.entry(key).or_default())
    }

    pub(super) fn finish(self, search: &Search<'_>, searched: Searched) -> Verification {
        let mut warnings = search.identifiers.unsearched.clone();
        warnings.extend(self.warnings);
        let mut verification = Verification {
            database: String::new(),
            stage: search.stage,
            users: search.identifiers.keys.len() as u64,
            left: Vec::new(),
            expected: Vec::new(),
            covered: Vec::new(),
            more: self.more,
            searched,
            unsearched: self.unsearched,
            warnings,
        };
        for ((verdict, place), sum) in self.sums {
            let (list, reason) = match verdict {
                Verdict::Left(reason) => (&mut verification.left, reason),
                Verdict::Expected(reason) => (&mut verification.expected, reason),
                Verdict::Covered(reason) => (&mut verification.covered, reason),
            };
            let key = |position: &i64| {
                search
                    .identifiers
                    .keys
                    .get(position)
                    .map(ToString::to_string)
            };
            list.push(Found {
                place,
                kinds: sum.kinds.into_iter().collect(),
                count: sum.count,
                rows: sum.rows,
                users: sum.users.iter().filter_map(key).take(EXAMPLES).collect(),
                reason: reason.into(),
            });
        }
        verification
    }
}

impl Sum {
    fn add(&mut self, (user, kind): (i64, Kind)) {
        self.kinds.insert(kind);
        if self.users.len() < EXAMPLES {
            self.users.insert(user);
        }
    }

    fn add_row(&mut self, row: &[Value]) {
        self.count += 1;
        if self.rows.len() < EXAMPLES && !row.is_empty() {
            let parts: Vec<String> = row.iter().map(told).collect();
            self.rows.push(parts.join(","));
        }
    }
}

/// A value that tells a row, bounded: it may be a person's name, or a page of text.
fn told(value: &Value) -> String {
    const LONGEST: usize = 60;
    let text = match value {
        Value::Integer(number) => return number.to_string(),
        Value::Real(number) => return number.to_string(),
        Value::Null => return "null".into(),
        Value::Text(text) => text.escape_debug().to_string(),
        Value::Blob(bytes) => bytes.escape_ascii().to_string(),
    };
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
