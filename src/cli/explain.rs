//! Why a table is a user's, in which order it is emptied, and what stays: as text and as JSON.

use std::fmt::Write;

use reset_app::explain::{Because, Explanation, FilesOf, Nobodys, Stay, Step};
use reset_app::manifest::UserRows;
use serde_json::{Value, json};

use super::text::{rows, section};

/// As a person reads it.
pub(crate) fn text(explanation: &Explanation) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "Users: `{}`, key `{}`{}",
        explanation.users,
        explanation.key,
        below(2, explanation.note.as_ref())
    );
    if !explanation.steps.is_empty() {
        let whose = explanation.user.as_ref();
        let whose = whose.map_or_else(String::new, |user| format!(", with the rows of {user}"));
        let _ = writeln!(out, "\nDeleted in this order{whose}:");
    }
    for step in &explanation.steps {
        one_step(&mut out, explanation, step);
    }
    section(
        &mut out,
        "Rows that stay but name what goes:",
        explanation.mentions.iter().map(stay),
    );
    let directories = explanation.directories.iter();
    section(
        &mut out,
        "Directories of one user, whose files go:",
        directories.map(|one| format!("`{}`{}", one.pattern, below(4, one.note.as_ref()))),
    );
    section(
        &mut out,
        "Tables that are nobody's, and stay:",
        explanation.nobodys.iter().map(nobodys),
    );
    out
}

fn one_step(out: &mut String, explanation: &Explanation, step: &Step) {
    let counted = step
        .rows
        .map_or_else(String::new, |count| format!(", {}", rows(count)));
    let account = step.table == explanation.users && explanation.accounts == UserRows::One;
    let account = if account {
        ", only with --delete-accounts"
    } else {
        ""
    };
    let _ = writeln!(out, "  {}. `{}`{counted}{account}", step.place, step.table);
    for because in &step.because {
        let _ = writeln!(out, "     {}", reason(because));
    }
    for kept in &step.kept_by {
        let _ = writeln!(
            out,
            "     goes with the last that keeps it: {}",
            reason(kept)
        );
    }
    if step.way.len() > 1 {
        let _ = writeln!(out, "     way to the user: {}", step.way.join(", "));
    }
    for column in &step.files {
        let _ = writeln!(out, "     {}", files(column));
    }
    for (index, how) in &step.indexes {
        let _ = writeln!(out, "     full-text index `{index}`: {how}");
    }
}

/// A comment of the manifest, on a line of its own below what it says.
fn below(indent: usize, note: Option<&String>) -> String {
    note.map_or_else(String::new, |note| format!("\n{:indent$}# {note}", ""))
}

fn reference(because: &Because) -> String {
    format!(
        "`{}` names `{}`: {}",
        because.from, because.to, because.evidence
    )
}

fn reason(because: &Because) -> String {
    reference(because) + &below(7, because.note.as_ref())
}

fn files(files: &FilesOf) -> String {
    let json = files
        .json
        .iter()
        .map(|path| format!(", in JSON at `{path}`"));
    let path = files.path.iter().map(|path| format!(", as `{path}`"));
    let how: String = json.chain(path).collect();
    let note = below(7, files.note.as_ref());
    format!("files named in `{}`{how} go too{note}", files.column)
}

fn stay(stay: &Stay) -> String {
    let note = below(4, stay.reference.note.as_ref());
    format!("{}; {}{note}", reference(&stay.reference), stay.becomes)
}

fn nobodys(nobodys: &Nobodys) -> String {
    let note = below(4, nobodys.note.as_ref());
    format!("`{}`: {}{note}", nobodys.table, nobodys.reason)
}

/// As programs read it.
pub(crate) fn json(explanation: &Explanation) -> String {
    let step = |step: &Step| {
        let indexes = step.indexes.iter();
        json!({
            "table": step.table,
            "place": step.place,
            "rows": step.rows,
            "because": step.because.iter().map(because).collect::<Vec<_>>(),
            "kept_by": step.kept_by.iter().map(because).collect::<Vec<_>>(),
            "way": step.way,
            "files": step.files.iter().map(|files| &files.column).collect::<Vec<_>>(),
            "file_columns": step.files.iter().map(file_column).collect::<Vec<_>>(),
            "full_text": indexes.map(|(index, how)| json!({"index": index, "how": how})).collect::<Vec<_>>(),
        })
    };
    let stay =
        |stay: &Stay| json!({"reference": because(&stay.reference), "becomes": stay.becomes});
    let nobodys = explanation.nobodys.iter();
    let directories = explanation.directories.iter();
    let object = json!({
        "operation": "explain",
        "users": explanation.users,
        "key": explanation.key,
        "note": explanation.note,
        "accounts": explanation.accounts == UserRows::One,
        "user": explanation.user,
        "order": explanation.steps.iter().map(step).collect::<Vec<_>>(),
        "mentions": explanation.mentions.iter().map(stay).collect::<Vec<_>>(),
        "directories": directories.map(|d| json!({"pattern": d.pattern, "note": d.note})).collect::<Vec<_>>(),
        "nobodys": nobodys.map(|n| json!({"table": n.table, "reason": n.reason, "note": n.note})).collect::<Vec<_>>(),
    });
    format!("{object:#}\n")
}

fn because(because: &Because) -> Value {
    json!({"from": because.from, "to": because.to, "evidence": because.evidence, "note": because.note})
}

fn file_column(files: &FilesOf) -> Value {
    json!({"column": files.column, "json": files.json, "path": files.path, "note": files.note})
}
