//! The audit trail, read as an auditor reads it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::Value;
use sha2::{Digest, Sha256};

/// Where it is, relative to the root.
pub(crate) const TRAIL: &str = ".reset-app/audit.jsonl";

/// The key by which it names users, relative to the root.
pub(crate) const KEY: &str = ".reset-app/audit.key";

/// What it says was deleted: for each user, and for nobody, rows by table. Whose they were is left
/// out: each install names its users under a key of its own.
pub(crate) type Deleted = Vec<BTreeMap<String, u64>>;

/// Every line of a trail.
#[derive(Debug, Default)]
pub(crate) struct Trail {
    lines: Vec<Value>,
}

impl Trail {
    /// Reads the trail of an application; none is an empty one.
    ///
    /// Fails where a line is torn, no JSON, there twice, or does not follow from the one before, and
    /// where users are named under a key that is not there.
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
        require_chain(&text)?;
        let named = lines.iter().any(|line| line["user"].is_string());
        if named && root.join(KEY).metadata().map(|key| key.len()).ok() != Some(65) {
            return Err("users are named under a key that is not there".into());
        }
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
        let mut by_user: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
        for line in self.users() {
            for (table, rows) in line["rows"].as_object().unwrap() {
                let of_user = by_user.entry(line["user"].to_string()).or_default();
                *of_user.entry(table.clone()).or_default() += rows.as_u64().unwrap();
            }
        }
        let mut deleted: Deleted = by_user.into_values().collect();
        deleted.sort();
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

/// Appends a line to the trail of an application, as this program would.
pub(crate) fn append(root: &Path, mut line: Value) {
    let path = root.join(TRAIL);
    let text = fs::read_to_string(&path).unwrap();
    let last = text.split_inclusive('\n').next_back().unwrap();
    line["previous"] = sha256(last.as_bytes()).into();
    fs::write(path, [text, line.to_string(), "\n".into()].concat()).unwrap();
}

/// The position of the end of a trail, as far as these lines.
pub(crate) fn position(root: &Path, lines: usize) -> Value {
    let text = fs::read_to_string(root.join(TRAIL)).unwrap();
    let hash = match lines.checked_sub(1) {
        Some(at) => sha256(text.split_inclusive('\n').nth(at).unwrap().as_bytes()),
        None => "0".repeat(64),
    };
    serde_json::json!({"lines": lines, "hash": hash})
}

/// Each line carries the hash of the one before, newline included.
fn require_chain(text: &str) -> Result<(), String> {
    let mut previous = "0".repeat(64);
    for line in text.split_inclusive('\n') {
        let object: Value = serde_json::from_str(line).unwrap();
        if object["previous"] != *previous {
            return Err(format!(
                "a line does not follow from the one before: {line}"
            ));
        }
        previous = sha256(line.as_bytes());
    }
    Ok(())
}

fn sha256(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let digest = Sha256::digest(bytes);
    digest.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}
