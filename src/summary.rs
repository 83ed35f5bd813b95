//! The lines of the summary, from counts. Pure.

use std::collections::BTreeMap;

use crate::manifest::keys::KeyRule;
use crate::manifest::{Manifest, SummaryLine};

/// One line of the summary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its text.
    pub line: String,
    /// The count; none where it was not checked.
    pub count: Option<u64>,
}

/// Counts by what they count.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    /// Rows by table.
    pub(crate) rows: BTreeMap<String, u64>,
    /// Files and directories by line.
    pub(crate) files: BTreeMap<String, u64>,
    /// Redis keys by rule, in the order of the manifest; none where they were not checked.
    pub(crate) keys: Option<Vec<u64>>,
    /// Files were looked at.
    pub(crate) files_checked: bool,
}

impl Counts {
    pub(crate) fn add_rows(&mut self, table: &str, rows: u64) {
        *self.rows.entry(table.to_owned()).or_default() += rows;
    }

    /// Adds others. What was not checked once is not known in sum.
    pub(crate) fn add(&mut self, others: Self) {
        for (table, rows) in others.rows {
            self.add_rows(&table, rows);
        }
        for (line, files) in others.files {
            self.add_files(&line, files);
        }
        self.keys = self.keys.take().zip(others.keys).map(|(keys, more)| {
            let pairs = keys.iter().zip(more);
            pairs.map(|(one, other)| one + other).collect()
        });
        self.files_checked &= others.files_checked;
    }

    pub(crate) fn add_files(&mut self, line: &str, files: u64) {
        *self.files.entry(line.to_owned()).or_default() += files;
    }
}

/// The lines of the manifest in their order, then one for each thing counted that no line claims.
pub(crate) fn lines(manifest: &Manifest, counts: &Counts) -> Vec<Line> {
    let mut lines = Vec::new();
    for declared in &manifest.summary {
        let count = count(manifest, counts, &declared.line, &declared.tables);
        if !declared.only_if_any || count.is_some_and(|count| count > 0) {
            lines.push(Line {
                line: declared.line.clone(),
                count,
            });
        }
    }
    for line in unclaimed(manifest, counts) {
        let count = count(manifest, counts, &line.line, &line.tables);
        if !line.only_if_any || count.is_some_and(|count| count > 0) {
            lines.push(Line {
                line: line.line,
                count,
            });
        }
    }
    lines
}

/// Keys of Redis, a line for each pattern; several rules may share one.
pub(crate) fn by_pattern(rules: &[KeyRule], counts: &[u64]) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    for (rule, count) in rules.iter().zip(counts) {
        let at = *known.entry(rule.to_string()).or_insert(lines.len());
        if at == lines.len() {
            lines.push(Line {
                line: rule.to_string(),
                count: Some(0),
            });
        }
        lines[at].count = lines[at].count.map(|sum| sum + count);
    }
    lines
}

fn count(manifest: &Manifest, counts: &Counts, line: &str, tables: &[String]) -> Option<u64> {
    let rows: u64 = tables
        .iter()
        .filter_map(|table| rows_of(counts, table))
        .sum();
    if counts_files(manifest, line) && !counts.files_checked {
        return None;
    }
    let files = counts.files.get(line).copied().unwrap_or_default();
    let mut rules = manifest
        .redis
        .keys
        .iter()
        .enumerate()
        .filter(|(_, rule)| rule.line() == line)
        .peekable();
    if rules.peek().is_none() {
        return Some(rows + files);
    }
    let keys = counts.keys.as_ref()?;
    let keys: u64 = rules.filter_map(|(at, _)| keys.get(at)).sum();
    Some(rows + files + keys)
}

fn rows_of(counts: &Counts, table: &str) -> Option<u64> {
    let found = counts
        .rows
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(table));
    found.map(|(_, rows)| *rows)
}

fn counts_files(manifest: &Manifest, line: &str) -> bool {
    let files = &manifest.files;
    let directories = !files.directories.is_empty()
        && [&files.directories_line, &files.other_line]
            .map(|l| l == line)
            .contains(&true);
    directories || files.columns.iter().any(|column| column.line == line)
}

/// Lines that the manifest's own do not cover. A manifest without a summary shows them all, so that
/// its reports always have the same lines.
fn unclaimed(manifest: &Manifest, counts: &Counts) -> Vec<SummaryLine> {
    let only_if_any = !manifest.summary.is_empty();
    let claimed = |table: &str| {
        let mut tables = manifest.summary.iter().flat_map(|line| &line.tables);
        tables.any(|claimed| claimed.eq_ignore_ascii_case(table))
    };
    let files = &manifest.files;
    let of_files = files
        .columns
        .iter()
        .map(|column| (column.line.as_str(), only_if_any));
    let of_directories = [
        (files.directories_line.as_str(), only_if_any),
        (files.other_line.as_str(), true),
    ];
    let of_keys = manifest
        .redis
        .keys
        .iter()
        .map(|rule| (rule.line(), only_if_any));
    let tables = counts
        .rows
        .keys()
        .filter(|table| !claimed(table))
        .map(|table| SummaryLine {
            line: table.clone(),
            tables: vec![table.clone()],
            only_if_any,
        });
    let mut lines: Vec<SummaryLine> = tables.collect();
    let directories = of_directories
        .into_iter()
        .filter(|_| !files.directories.is_empty());
    for (line, only_if_any) in of_files.chain(directories).chain(of_keys) {
        let known = manifest
            .summary
            .iter()
            .chain(&lines)
            .any(|known| known.line == line);
        if !known {
            lines.push(SummaryLine {
                line: line.to_owned(),
                tables: Vec::new(),
                only_if_any,
            });
        }
    }
    lines
}
