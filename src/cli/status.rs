//! What is there, as a person and as a program reads it.

use std::fmt::Write;

use reset_app::audit::{Chain, KeyState, Seen};
use reset_app::status::{AuditStatus, EnvironmentStatus, Held, RedisStatus, Saved, Status};
use serde_json::{Value, json};

use super::json::{finished, lines, tables};
use super::text::{counted, rows, section};

/// For a person.
pub(crate) fn text(status: &Status) -> String {
    let mut out = String::new();
    let name = match status.application.as_str() {
        "" => String::new(),
        name => format!("{name}, in "),
    };
    let _ = write!(
        out,
        "Application: {name}{}\nDatabase:    {} ({}), {} bytes, journal mode {}\nManifest:    {}\nRedis:       {}\nAccounts:    {}\n",
        status.root,
        status.database,
        status.database_source,
        status.database_bytes,
        status.journal,
        status.manifest,
        redis(&status.redis),
        status.accounts
    );
    out.push_str("\nUsers' data:\n");
    for line in &status.summary {
        let _ = match line.count {
            Some(count) => writeln!(out, "  {}: {count}", line.line),
            None => writeln!(out, "  {}: not checked", line.line),
        };
    }
    let unowned = status.unowned.iter();
    let unowned = unowned.map(|t| format!("{} of `{}`", rows(t.rows), t.table));
    section(&mut out, "Rows that nobody owns:", unowned);
    holdings(&mut out, "Storage", status.storage.as_deref());
    holdings(&mut out, "Logs", status.logs.as_deref());
    if let RedisStatus::Reachable { keys, .. } = &status.redis {
        let keys = keys
            .iter()
            .filter_map(|line| Some((line.count?, &line.line)));
        let keys = keys.map(|(count, pattern)| format!("{pattern}: {count}"));
        section(&mut out, "Redis keys of the application:", keys);
    }
    environment(&mut out, status.environment.as_ref());
    snapshots(&mut out, status);
    let _ = match status.unfinished {
        Some(work) => writeln!(
            out,
            "\nUnfinished work: {}, {} files and directories; finish it with `reset-app resume`",
            counted(work.users, "user"),
            work.paths
        ),
        None => writeln!(out, "\nUnfinished work: none"),
    };
    let _ = writeln!(out, "Audit trail: {}", trail(&status.audit));
    section(&mut out, "Warnings:", status.warnings.iter().cloned());
    out
}

fn redis(redis: &RedisStatus) -> String {
    match redis {
        RedisStatus::None(reason) => reason.clone(),
        RedisStatus::Unreachable { server, reason } => {
            format!("{server}, out of reach, its keys not checked: {reason}")
        }
        RedisStatus::Reachable { server, .. } => format!("{server}, answers"),
    }
}

fn holdings(out: &mut String, title: &str, held: Option<&[Held]>) {
    let Some(held) = held else {
        let _ = writeln!(out, "\n{title}: not checked");
        return;
    };
    section(out, &format!("{title}:"), held.iter().map(holding));
}

fn holding(held: &Held) -> String {
    if !held.exists {
        return format!("{}: does not exist", held.directory);
    }
    let strays = match held.strays {
        Some(0) | None => String::new(),
        Some(strays) => format!(", {strays} of them nobody's"),
    };
    let unseen = match held.unseen {
        0 => String::new(),
        unseen => format!(", {} not looked at", counted(unseen, "place")),
    };
    let (directory, files, bytes) = (&held.directory, held.files, held.bytes);
    let files = counted(files, "file");
    format!("{directory}: {files}, {bytes} bytes{strays}{unseen}")
}

fn environment(out: &mut String, found: Option<&EnvironmentStatus>) {
    let Some(found) = found else {
        out.push_str("\nVariables of .env: not checked\n");
        return;
    };
    let state = if found.exists { "" } else { " (there is none)" };
    let names = |names: &[String]| match names {
        [] => "none".to_owned(),
        names => names.join(", "),
    };
    let _ = writeln!(
        out,
        "\nVariables of .env{state}:\n  set: {}\n  missing: {}",
        names(&found.set),
        names(&found.missing)
    );
    if found.others > 0 {
        let _ = writeln!(out, "  and {} that nothing asks for", found.others);
    }
}

fn snapshots(out: &mut String, status: &Status) {
    match status.snapshots.as_deref() {
        None => out.push_str("\nSnapshots: not checked\n"),
        Some([]) if status.broken_snapshots.is_empty() => out.push_str("\nSnapshots: none\n"),
        Some(saved) => {
            let whole = saved.iter().map(snapshot);
            let broken = status.broken_snapshots.iter();
            let broken = broken.map(|one| format!("{}: damaged: {}", one.path, one.reason));
            section(out, "Snapshots:", whole.chain(broken));
        }
    }
}

fn snapshot(saved: &Saved) -> String {
    let (name, time, bytes) = (&saved.name, &saved.time, saved.bytes);
    format!("{name}: {time}, {} old, {bytes} bytes", age(saved.age))
}

fn age(seconds: i64) -> String {
    match seconds {
        ..=119 => counted(seconds.max(0).unsigned_abs(), "second"),
        120..=7_199 => format!("{} minutes", seconds / 60),
        7_200..=172_799 => format!("{} hours", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

fn trail(audit: &AuditStatus) -> String {
    let seen = match audit {
        AuditStatus::None => return "none is kept".into(),
        AuditStatus::Unreadable(reason) => return format!("not checked: {reason}"),
        AuditStatus::Kept(seen) => seen,
    };
    let Some(last) = &seen.last else {
        return format!("{}, nothing written yet", seen.file);
    };
    let chain = match seen.chain {
        Chain::Intact { unchained: 0 } => "intact".into(),
        Chain::Intact { unchained } => {
            format!("intact after {unchained} lines of an earlier version")
        }
        Chain::Broken { line } => {
            format!("BROKEN: line {line} does not follow from the line before")
        }
    };
    let key = match &seen.key {
        KeyState::Present => String::new(),
        KeyState::OpenToOthers => "; others than its owner may read its key".into(),
        KeyState::Missing => "; its key is missing, by which it names users".into(),
        KeyState::Unusable(reason) => format!("; {reason}"),
    };
    let (file, lines) = (&seen.file, seen.position.lines);
    let position = &seen.position;
    format!("{file}, {lines} lines, {chain}, last {last}{key}\n             position {position}")
}

/// For a program.
pub(crate) fn json(status: &Status) -> String {
    let (server, reachable, keys) = match &status.redis {
        RedisStatus::None(reason) => (reason, None, None),
        RedisStatus::Unreachable { server, .. } => (server, Some(false), None),
        RedisStatus::Reachable { server, keys } => (server, Some(true), Some(lines(keys))),
    };
    let held = |held: &Vec<Held>| held.iter().map(held_json).collect::<Vec<_>>();
    let environment = status.environment.as_ref();
    finished(&json!({
        "operation": "status",
        "application": status.application,
        "root": status.root,
        "database": {
            "path": status.database,
            "source": status.database_source,
            "bytes": status.database_bytes,
            "journal_mode": status.journal,
        },
        "manifest": status.manifest,
        "redis": server,
        "redis_reachable": reachable,
        "redis_keys": keys,
        "accounts": status.accounts,
        "summary": lines(&status.summary),
        "unowned": tables(&status.unowned),
        "storage": status.storage.as_ref().map(held),
        "logs": status.logs.as_ref().map(held),
        "environment": environment.map(|found| json!({
            "exists": found.exists, "set": found.set, "missing": found.missing, "others": found.others,
        })),
        "snapshots": status.snapshots.as_ref().map(|saved| saved.iter().map(|one| json!({
            "name": one.name, "time": one.time, "age_seconds": one.age, "bytes": one.bytes,
        })).collect::<Vec<_>>()),
        "damaged_snapshots": status.broken_snapshots.iter().map(|one| json!({
            "name": one.path, "reason": one.reason,
        })).collect::<Vec<_>>(),
        "audit": match &status.audit {
            AuditStatus::None => Value::Null,
            AuditStatus::Unreadable(reason) => json!({"unreadable": reason}),
            AuditStatus::Kept(seen) => seen_json(seen),
        },
        "unfinished": status.unfinished.map(|r| json!({"users": r.users, "paths": r.paths})),
        "warnings": status.warnings,
    }))
}

fn held_json(held: &Held) -> Value {
    let counted = |count: u64| held.exists.then_some(count);
    json!({
        "directory": held.directory,
        "exists": held.exists,
        "files": counted(held.files),
        "bytes": counted(held.bytes),
        "strays": held.strays.and_then(counted),
        "not_looked_at": held.unseen,
    })
}

fn seen_json(seen: &Seen) -> Value {
    let (broken, unchained) = match seen.chain {
        Chain::Intact { unchained } => (None, Some(unchained)),
        Chain::Broken { line } => (Some(line), None),
    };
    json!({
        "file": seen.file,
        "lines": seen.position.lines,
        "position": seen.position.to_string(),
        "last": seen.last,
        "intact": broken.is_none(),
        "broken_at_line": broken,
        "unchained": unchained,
        "key": match &seen.key {
            KeyState::Present => "present",
            KeyState::OpenToOthers => "open to others",
            KeyState::Missing => "missing",
            KeyState::Unusable(_) => "unusable",
        },
    })
}
