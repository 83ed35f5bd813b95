//! What went and what stayed, held against what was expected.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::case::Said;
use super::expected::{Expected, Fate, Rows};
use super::state::{Held, State};

/// So many, out of so many.
#[derive(Clone, Copy, Default)]
pub(crate) struct Of(usize, usize);

/// Of a hundred rows to go so many must.
const LEAST: usize = 98;

/// What is counted of a case.
pub(crate) struct Figures {
    name: String,
    codes: [Option<i32>; 3],
    rows_gone: Of,
    files_gone: Of,
    rows_stayed: Of,
    files_stayed: Of,
    /// Rows of which either can be defended, or nothing was decided, and that went.
    others_gone: Of,
    /// Rows of others that were reported to go along.
    collateral: u64,
    /// Rows with a token of another user, neither expected nor reported to go.
    lost: usize,
    /// Places where the user's token is left: all, and those that the search after the deletion does not tell.
    places_left: usize,
    untold: Vec<String>,
    new_complaints: Vec<String>,
    details: Vec<String>,
}

impl Figures {
    pub(crate) fn of(
        name: &str,
        expected: &Expected,
        said: &Said,
        (before, after): (&State, &State),
    ) -> Self {
        let gone = gone(before, after);
        let is_in =
            |rows: &Rows, table: &str, row: i64| rows.get(table).is_some_and(|r| r.contains(&row));
        let collateral = collateral(&said.deletion);
        let mut figures = Self {
            name: name.into(),
            codes: said.codes,
            rows_gone: Of::default(),
            files_gone: Of::default(),
            rows_stayed: Of::default(),
            files_stayed: Of::default(),
            others_gone: Of::default(),
            collateral: collateral.values().sum(),
            lost: 0,
            places_left: 0,
            untold: Vec::new(),
            new_complaints: after
                .complaints
                .iter()
                .filter(|c| !before.complaints.contains(c))
                .cloned()
                .collect(),
            details: Vec::new(),
        };
        for (table, rows) in &before.rows {
            figures.judge_rows(expected, table, rows, |row| is_in(&gone, table, row));
            let reported = collateral.get(table.as_str()).copied().unwrap_or_default();
            let lost = rows.iter().filter(|(row, held)| {
                let of_others = held.iter().any(|(user, _)| *user != expected.user);
                of_others
                    && is_in(&gone, table, **row)
                    && matches!(expected.fate(table, **row), Fate::Stays | Fate::Untold)
            });
            let reported = usize::try_from(reported).unwrap();
            figures.lost += lost.count().saturating_sub(reported);
        }
        figures.judge_files(expected, before, after);
        figures.judge_tokens(expected, said, after);
        figures
    }

    fn judge_rows(
        &mut self,
        expected: &Expected,
        table: &str,
        rows: &BTreeMap<i64, Held>,
        went: impl Fn(i64) -> bool,
    ) {
        let mut told: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
        for (&row, held) in rows {
            let mut fate = expected.fate(table, row);
            if fate == Fate::Untold && held.iter().any(|(user, _)| *user != expected.user) {
                fate = Fate::Stays;
            }
            let went = went(row);
            let (of, counts, wrong) = match fate {
                Fate::Goes => (&mut self.rows_gone, went, (!went).then_some("left behind")),
                Fate::Stays => (
                    &mut self.rows_stayed,
                    !went,
                    went.then_some("gone, to stay"),
                ),
                Fate::Open | Fate::Untold => (&mut self.others_gone, went, None),
            };
            of.1 += 1;
            of.0 += usize::from(counts);
            if let Some(wrong) = wrong {
                told.entry(wrong).or_default().push(row);
            }
        }
        for (wrong, rows) in told {
            let line = format!("{}: {wrong}: {table} {rows:?}", self.name);
            self.details.push(line);
        }
    }

    fn judge_files(&mut self, expected: &Expected, before: &State, after: &State) {
        for path in before.files.keys() {
            let went = !after.files.contains_key(path);
            let to_go = expected.files_to_go.contains(path);
            let of = if to_go {
                &mut self.files_gone
            } else {
                &mut self.files_stayed
            };
            of.1 += 1;
            of.0 += usize::from(went == to_go);
            if went != to_go {
                let fate = if went { "gone, to stay" } else { "left behind" };
                self.details.push(format!("{}: {fate}: {path}", self.name));
            }
        }
    }

    fn judge_tokens(&mut self, expected: &Expected, said: &Said, after: &State) {
        let told = told(&said.deletion["verification"]);
        let mut places: BTreeMap<String, usize> = BTreeMap::new();
        for (table, rows) in &after.rows {
            let of_user = |held: &&(String, String)| held.0 == expected.user;
            for (_, column) in rows.values().flat_map(|held| held.iter().filter(of_user)) {
                *places.entry(format!("{table}.{column}")).or_default() += 1;
            }
        }
        let files = after
            .files
            .iter()
            .filter(|(_, held)| held.contains(&expected.user));
        places.extend(files.map(|(path, _)| (path.clone(), 1)));
        self.places_left = places.values().sum();
        for (place, count) in places {
            if told.get(&place).copied().unwrap_or_default() < count {
                self.untold.push(place);
            }
        }
    }

    /// What breaks the acceptance.
    pub(crate) fn violations(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut unless = |kept: bool, what: String| {
            if !kept {
                wrong.push(format!("{}: {what}", self.name));
            }
        };
        unless(
            matches!(self.codes, [Some(0), Some(0), Some(0 | 3 | 5)]),
            format!("init, check and delete-user ended with {:?}", self.codes),
        );
        unless(
            self.rows_gone.0 * 100 >= self.rows_gone.1 * LEAST,
            "too few rows went".into(),
        );
        unless(
            self.files_gone.0 == self.files_gone.1,
            "files are left behind".into(),
        );
        unless(
            self.files_stayed.0 == self.files_stayed.1,
            "files of others went".into(),
        );
        let lost = u64::try_from(self.rows_stayed.1 - self.rows_stayed.0).unwrap();
        unless(
            self.lost == 0 && lost <= self.collateral,
            "rows went that should stay, and were not reported".into(),
        );
        unless(
            self.new_complaints.is_empty(),
            format!("{:?}", self.new_complaints),
        );
        if !wrong.is_empty() {
            wrong.extend(self.details.iter().cloned());
        }
        wrong
    }
}

fn gone(before: &State, after: &State) -> Rows {
    let rows = before.rows.iter().map(|(table, rows)| {
        let left: BTreeSet<i64> = after.rows[table].keys().copied().collect();
        let gone = rows.keys().copied().filter(|row| !left.contains(row));
        (table.clone(), gone.collect())
    });
    rows.collect()
}

/// Rows of others that were reported to go along, by table.
fn collateral(deletion: &Value) -> BTreeMap<&str, u64> {
    let mut found = BTreeMap::new();
    for one in deletion["collateral"].as_array().into_iter().flatten() {
        *found.entry(one["table"].as_str().unwrap()).or_default() += one["rows"].as_u64().unwrap();
    }
    found
}

/// The places that the search after the deletion tells of, and how many rows each.
fn told(verification: &Value) -> BTreeMap<String, usize> {
    let mut told: BTreeMap<String, usize> = BTreeMap::new();
    for list in ["left", "expected"] {
        for found in verification[list].as_array().into_iter().flatten() {
            let text = |name: &str| found[name].as_str().unwrap_or_default();
            let place = match text("in") {
                "column" => format!("{}.{}", text("table"), text("column")),
                _ => text("path").to_owned(),
            };
            let rows = found["rows"].as_u64().unwrap_or(1);
            *told.entry(place).or_default() += usize::try_from(rows).unwrap();
        }
    }
    told
}

/// The figures as a table.
pub(crate) fn table(figures: &[Figures]) -> Vec<String> {
    let of = |Of(part, whole): Of| format!("{part} of {whole}");
    let mut lines = vec![
        "| application | rows to go, gone | files to go, gone | rows to stay, stayed | files to stay, stayed \
         | either way or undecided, gone | others' rows reported | others' rows lost unreported | places of the token left | not told by the search |".to_owned(),
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|".to_owned(),
    ];
    lines.extend(figures.iter().map(|one| {
        format!(
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            one.name,
            of(one.rows_gone),
            of(one.files_gone),
            of(one.rows_stayed),
            of(one.files_stayed),
            of(one.others_gone),
            one.collateral,
            one.lost,
            one.places_left,
            one.untold.len()
        )
    }));
    lines.extend(figures.iter().flat_map(|one| one.details.iter().cloned()));
    lines
}
