//! What the commands on snapshots print.

use std::fmt::Write;

use reset_app::snapshot::{
    About, Difference, FileDifference, KeyDifference, Restored, Rows, Snapshot,
};
use reset_app::survey::Kept;
use serde_json::{Value, json};

use super::super::text::rows;

pub(super) fn path(snapshot: &Snapshot) -> String {
    shown(&snapshot.path)
}

pub(super) fn shown(path: &std::path::Path) -> String {
    reset_app::roots::shown(path)
}

pub(super) fn line(snapshot: &Snapshot) -> String {
    let About {
        name,
        time,
        database,
        files,
        ..
    } = &snapshot.about;
    format!(
        "{name}: {time}, database of {} bytes, {} files and directories of {} bytes",
        database.bytes, files.entries, files.bytes
    )
}

pub(super) fn went_back(restored: &Restored) -> String {
    let rows = match restored.database {
        Rows::AsSaved => "is as it was saved",
        Rows::PutBack => "is back",
    };
    let mut text = format!("Restored {}: the database {rows}.\n", restored.about.name);
    files(&mut text, restored.files, "Files and directories put back");
    keys(&mut text, restored.keys, "Redis keys put back or removed");
    let left: Vec<String> = restored.left.iter().map(one_kept).collect();
    section(
        &mut text,
        "Not as it was saved (mend the cause, then `reset-app resume`):",
        &left,
    );
    section(&mut text, "Warnings:", &restored.warnings);
    text
}

pub(super) fn differs(about: &About, difference: &Difference) -> String {
    let mut text = format!("Snapshot {} of {}\n", about.name, about.time);
    if difference.is_none() {
        text.push_str("Everything is as it was saved.\n");
    }
    section(&mut text, "Structure:", &difference.structure);
    let tables = difference.tables.iter();
    let tables: Vec<String> = tables
        .map(|t| {
            format!(
                "{}: {} now, {} in the snapshot",
                t.table,
                rows(t.now),
                t.saved
            )
        })
        .collect();
    section(&mut text, "Rows that only one side has:", &tables);
    files(
        &mut text,
        difference.files,
        "Files and directories that differ",
    );
    keys(&mut text, difference.keys, "Redis keys that differ");
    let left: Vec<String> = difference.left.iter().map(one_kept).collect();
    section(&mut text, "Cannot be compared:", &left);
    section(&mut text, "Warnings:", &difference.warnings);
    text
}

fn files(text: &mut String, files: FileDifference, title: &str) {
    if files == FileDifference::default() {
        return;
    }
    let _ = writeln!(
        text,
        "\n{title}: {}\n  {} changed, {} missing, {} not in the snapshot, \
         {} with another mode, owner or time",
        files.total(),
        files.changed,
        files.missing,
        files.new,
        files.settings
    );
}

fn keys(text: &mut String, keys: Option<KeyDifference>, title: &str) {
    let keys = keys.unwrap_or_default();
    if keys.total() > 0 {
        let _ = writeln!(
            text,
            "\n{title}: {}\n  {} changed, {} missing, {} not in the snapshot",
            keys.total(),
            keys.changed,
            keys.missing,
            keys.new
        );
    }
    if keys.aged > 0 {
        let _ = writeln!(
            text,
            "\nRedis keys whose time to live has only run on, and which a restore lets live as long as when they \
             were saved: {}",
            keys.aged
        );
    }
}

fn one_kept(kept: &Kept) -> String {
    format!("{}: {}", kept.path, kept.reason)
}

pub(super) fn section(text: &mut String, title: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n{title}");
    for line in lines {
        let _ = writeln!(text, "  {line}");
    }
}

pub(super) fn about(snapshot: &Snapshot) -> Value {
    let mut object = about_object(&snapshot.about);
    object["path"] = path(snapshot).into();
    object
}

pub(super) fn about_object(about: &About) -> Value {
    json!({
        "name": about.name,
        "application": about.application,
        "time": about.time,
        "tool": about.tool,
        "trail_position": about.trail_position,
        "database": {"path": about.database.path, "bytes": about.database.bytes},
        "files": {"entries": about.files.entries, "bytes": about.files.bytes},
        "keys": about.keys.as_ref().map(|keys| keys.count),
    })
}

pub(super) fn difference_object(operation: &str, about: &About, difference: &Difference) -> Value {
    let tables = difference.tables.iter();
    let tables = tables.map(|t| json!({"table": t.table, "now": t.now, "saved": t.saved}));
    json!({
        "operation": operation,
        "dry_run": true,
        "snapshot": about_object(about),
        "same": difference.is_none(),
        "structure": difference.structure,
        "tables": tables.collect::<Vec<_>>(),
        "files": files_object(difference.files),
        "keys": difference.keys.map(|keys| {
            json!({"changed": keys.changed, "missing": keys.missing, "new": keys.new, "aged": keys.aged})
        }),
        "left": kept(&difference.left),
        "warnings": difference.warnings,
    })
}

pub(super) fn files_object(files: FileDifference) -> Value {
    json!({
        "changed": files.changed,
        "missing": files.missing,
        "new": files.new,
        "settings": files.settings,
    })
}

pub(super) fn kept(kept: &[Kept]) -> Vec<Value> {
    kept.iter()
        .map(|kept| json!({"path": kept.path, "why": "failed", "reason": kept.reason}))
        .collect()
}
