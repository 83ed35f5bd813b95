//! What a search for users' identifiers found, as text and as JSON.

use std::fmt::Write;

use reset_app::verify::{Found, Place, Stage, Verification};
use serde_json::{Value, json};

use super::text::section;

/// As a person reads it.
pub(crate) fn text(verification: &Verification) -> String {
    let mut out = String::new();
    let searched = verification.searched;
    let count =
        |count: Option<u64>| count.map_or("not searched".to_owned(), |count| count.to_string());
    let _ = writeln!(
        out,
        "Searched for {}: {} tables ({} rows), files: {}, Redis keys: {}",
        plural(verification.users, "user"),
        searched.tables,
        searched.rows,
        count(searched.files),
        count(searched.keys)
    );
    let (left, none) = match verification.stage {
        Stage::Before => (
            "Found in what a deletion would not take along:",
            "Nothing found that a deletion would not take along.",
        ),
        Stage::After(_) => ("Left behind:", "Nothing is left behind."),
    };
    if verification.left.is_empty() {
        let _ = writeln!(out, "\n{none}");
    }
    let (left_, expected, covered) = (
        verification.left.iter(),
        verification.expected.iter(),
        verification.covered.iter(),
    );
    section(&mut out, left, left_.map(line));
    section(&mut out, "Stays, and is meant to:", expected.map(line));
    section(&mut out, "Goes with the user:", covered.map(line));
    if verification.more > 0 {
        let _ = writeln!(out, "\nand found in {} places more", verification.more);
    }
    let unsearched = verification.unsearched.iter();
    section(
        &mut out,
        "Not searched (mend the cause, then search again):",
        unsearched.map(|kept| format!("{}: {}", kept.path, kept.reason)),
    );
    section(&mut out, "Warnings:", verification.warnings.iter().cloned());
    out
}

fn plural(count: u64, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}

fn line(found: &Found) -> String {
    let kinds: Vec<&str> = found.kinds.iter().map(|kind| kind.name()).collect();
    let kinds = kinds.join(", ");
    let rows = || {
        let more = found.count > found.rows.len() as u64;
        let some = if found.rows.is_empty() {
            String::new()
        } else {
            format!(
                " ({}{})",
                found.rows.join(" "),
                if more { " …" } else { "" }
            )
        };
        format!("{}{some}", plural(found.count, "row"))
    };
    let place = match &found.place {
        Place::Column { table, column } => format!("`{table}.{column}`, {}", rows()),
        Place::Index(table) => format!("full-text index `{table}`, {}", rows()),
        Place::FileName(path) => format!("name of `{path}`"),
        Place::File(path) => format!("in `{path}`"),
        Place::KeyName(key) => format!("name of the Redis key `{key}`"),
        Place::Key(key) => format!("in the Redis key `{key}`"),
    };
    format!("{place}: {kinds}; {}", found.reason)
}

/// As programs read it.
pub(crate) fn json(verification: &Verification) -> Value {
    let searched = verification.searched;
    let unsearched = verification.unsearched.iter();
    json!({
        "operation": "verify",
        "database": verification.database,
        "stage": match verification.stage {
            Stage::Before => "before",
            Stage::After(_) => "after",
        },
        "users": verification.users,
        "searched": {
            "tables": searched.tables,
            "rows": searched.rows,
            "files": searched.files,
            "redis_keys": searched.keys,
        },
        "left": verification.left.iter().map(found).collect::<Vec<_>>(),
        "expected": verification.expected.iter().map(found).collect::<Vec<_>>(),
        "covered": verification.covered.iter().map(found).collect::<Vec<_>>(),
        "more": verification.more,
        "not_searched": unsearched
            .map(|kept| json!({"path": kept.path, "reason": kept.reason}))
            .collect::<Vec<_>>(),
        "warnings": verification.warnings,
    })
}

fn found(found: &Found) -> Value {
    let mut object = json!({
        "kinds": found.kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>(),
        "users": found.users,
        "reason": found.reason,
    });
    let place = match &found.place {
        Place::Column { table, column } => {
            json!({"in": "column", "table": table, "column": column, "rows": found.count, "examples": found.rows})
        }
        Place::Index(table) => {
            json!({"in": "index", "table": table, "rows": found.count, "examples": found.rows})
        }
        Place::FileName(path) => json!({"in": "file_name", "path": path}),
        Place::File(path) => json!({"in": "file", "path": path}),
        Place::KeyName(key) => json!({"in": "redis_key_name", "key": key}),
        Place::Key(key) => json!({"in": "redis_key", "key": key}),
    };
    if let (Value::Object(object), Value::Object(place)) = (&mut object, place) {
        object.extend(place);
    }
    object
}
