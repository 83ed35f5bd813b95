//! The audit trail, read as an auditor reads it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::Value;

/// Where it is, relative to the root.
pub(crate) const TRAIL: &str = ".reset-app/audit.jsonl";

/// What it says was deleted: rows by user (`null` for rows nobody owned) and table.
pub(crate) type Deleted = BTreeMap<(String, String), u64>;

/// Every line of a trail.
#[derive(Debug, Default)]
pub(crate) struct Trail {
    lines: Vec<Value>,
}

impl Trail {
    /// Reads the trail of an application; none is an empty one.
    ///
    /// Fails where a line is torn, no JSON, or there twice.
    pub(crate) fn of(root: &Path) -> Result<Self, String> {
        let Ok(text) = fs::read_to_string(root.join(TRAIL)) else {
            return Ok(Self::default());
        };
        if !text.is_empty() && !text.ends_with('\n') {
            return Err(format!("the trail ends in a torn line:\n{text}"));
        }
        let parse = |line: &str| {
            serde_json::from_str(line).map_err(|error| format!("{error} in the line {line}"))
        };
        let lines: Vec<Value> = text.lines().map(parse).collect::<Result<_, _>>()?;
        let mut ids = BTreeSet::new();
        match lines
            .iter()
            .find(|line| !ids.insert(line["id"].to_string()))
        {
            Some(twice) => Err(format!("a line is there twice: {twice}")),
            None => Ok(Self { lines }),
        }
    }

    /// The lines about users.
    pub(crate) fn users(&self) -> impl Iterator<Item = &Value> {
        self.lines.iter().filter(|line| line.get("user").is_some())
    }

    /// The rows deleted, by user and table.
    pub(crate) fn deleted(&self) -> Deleted {
        let mut deleted = Deleted::new();
        for line in self.users() {
            let user = line["user"].to_string();
            for (table, rows) in line["rows"].as_object().unwrap() {
                *deleted.entry((user.clone(), table.clone())).or_default() +=
                    rows.as_u64().unwrap();
            }
        }
        deleted
    }

    /// Whether each run that names a user says once that it is finished.
    pub(crate) fn is_finished(&self) -> bool {
        let runs: BTreeSet<_> = self
            .users()
            .map(|line| line["run"].as_str().unwrap())
            .collect();
        let ends = |run: &&str| {
            let is_end = |line: &&Value| line["run"] == **run && line["finished"] == true;
            self.lines.iter().filter(is_end).count()
        };
        runs.iter().all(|run| ends(run) == 1)
    }
}
