//! `init` and `check`: a manifest written, and held against the database.

use std::fmt::Write as _;

use reset_app::check::Checked;
use reset_app::error::Result;
use reset_app::inference::{Draft, ProposedTable, Reference};
use reset_app::init::{Initialised, init as write_manifest, propose};
use reset_app::manifest::Meaning;
use reset_app::report::Stage;
use reset_app::run::App;
use serde_json::{Value, json};

use super::arguments::{Arguments, Format, Initialising};
use super::exit::Exit;
use super::text::counted;
use super::{plain, print};

pub(super) fn init(arguments: &Arguments, initialising: &Initialising) -> Result<Exit> {
    let request = initialising.request(arguments);
    let stage = if arguments.asking.dry_run {
        Stage::Preview
    } else {
        Stage::Done
    };
    let manifest = match stage {
        Stage::Preview => propose(&request)?,
        Stage::Done => write_manifest(&request)?,
    };
    let answer = match arguments.format {
        Format::Text => plain(&initialised(&manifest, stage)),
        Format::Json => format!("{:#}\n", initialised_json(&manifest, stage)),
    };
    let whole = manifest.draft.warnings.is_empty();
    let exit = if whole || stage == Stage::Preview {
        Exit::Done
    } else {
        Exit::Except
    };
    Ok(print(&answer, exit))
}

pub(super) fn check(arguments: &Arguments, app: &App) -> Result<Exit> {
    let checked = app.check()?;
    let answer = match arguments.format {
        Format::Text => plain(&checked_text(&checked)),
        Format::Json => format!("{:#}\n", checked_json(&checked)),
    };
    let exit = if checked.findings.is_empty() {
        Exit::Done
    } else {
        Exit::Found
    };
    Ok(print(&answer, exit))
}

fn initialised(written: &Initialised, stage: Stage) -> String {
    let draft = &written.draft;
    let mut out = match stage {
        Stage::Preview => format!("{}\n", written.text),
        Stage::Done => String::new(),
    };
    let not_written = match stage {
        Stage::Preview => " (would be written)",
        Stage::Done => "",
    };
    let _ = writeln!(out, "Manifest: {}{not_written}", written.file.display());
    let _ = writeln!(out, "Database: {}", written.database.display());
    let _ = writeln!(
        out,
        "Users:    {} ({})",
        draft.users.table,
        draft.users.reasons.join("; ")
    );
    let count = |meaning| draft.references.iter().filter(|r| r.is == meaning).count() as u64;
    let _ = writeln!(
        out,
        "\nReferences: {}, {}, {}, {}, {} undecided\nTables of which nothing is deleted: {} kept, {} shared",
        counted(count(Meaning::Owner), "owner"),
        counted(count(Meaning::Dependent), "dependent"),
        counted(count(Meaning::Mention), "mention"),
        counted(count(Meaning::Keeper), "keeper"),
        count(Meaning::Undecided),
        draft.kept.len(),
        draft.shared.len(),
    );
    files(&mut out, draft);
    let undecided = undecided(draft);
    if !undecided.is_empty() {
        out.push_str("\nDecide these in the manifest, \"owner\" (the row goes too) or \"mention\" (it stays):\n");
        for reference in undecided {
            let _ = writeln!(out, "  {}  # {}", reference.line(), reference.because());
        }
    }
    for warning in &draft.warnings {
        let _ = writeln!(out, "\nWarning: {warning}");
    }
    if stage == Stage::Done {
        out.push_str(
            "\nRead it, then: reset-app check, and reset-app delete-user USER --dry-run\n",
        );
    }
    out
}

fn files(out: &mut String, draft: &Draft) {
    if draft.roots.is_empty() {
        out.push_str("Files: none found that rows or directories of users name, below `--root`\n");
        return;
    }
    let _ = writeln!(
        out,
        "Files: {}, {}, below {}",
        counted(draft.files.len() as u64, "column"),
        match draft.directories.len() {
            1 => "1 directory of users".to_owned(),
            more => format!("{more} directories of users"),
        },
        draft.roots.join(", ")
    );
}

fn undecided(draft: &Draft) -> Vec<&Reference> {
    let references = draft.references.iter();
    references.filter(|r| r.is == Meaning::Undecided).collect()
}

fn initialised_json(written: &Initialised, stage: Stage) -> Value {
    let draft = &written.draft;
    let table = |table: &ProposedTable| json!({"table": table.name, "reason": table.reason});
    let files = draft.files.iter().map(|file| {
        json!({"table": file.table, "column": file.column, "path": file.path, "evidence": file.evidence})
    });
    let directories = draft
        .directories
        .iter()
        .map(|d| json!({"pattern": d.pattern, "evidence": d.evidence}));
    json!({
        "operation": "init",
        "dry_run": stage == Stage::Preview,
        "manifest": written.file.display().to_string(),
        "database": written.database.display().to_string(),
        "users": {"table": draft.users.table, "key": draft.users.key, "names": draft.users.names, "reasons": draft.users.reasons},
        "references": draft.references.iter().map(reference).collect::<Vec<_>>(),
        "kept": draft.kept.iter().map(table).collect::<Vec<_>>(),
        "shared": draft.shared.iter().map(table).collect::<Vec<_>>(),
        "sessions": draft.sessions,
        "roots": draft.roots,
        "files": files.collect::<Vec<_>>(),
        "directories": directories.collect::<Vec<_>>(),
        "warnings": draft.warnings,
    })
}

fn reference(reference: &Reference) -> Value {
    json!({
        "from": reference.from.to_string(),
        "to": reference.to.to_string(),
        "is": reference.is.word(),
        "declared": reference.declared,
        "reason": reference.reason,
        "evidence": reference.evidence,
        "line": reference.line(),
    })
}

fn checked_text(checked: &Checked) -> String {
    let mut out = String::new();
    let (manifest, database) = (&checked.manifest, &checked.database);
    if checked.findings.is_empty() {
        let _ = writeln!(
            out,
            "{manifest} says of each of the {} tables of `{database}` whose its rows are.",
            checked.tables
        );
        return out;
    }
    let _ = writeln!(
        out,
        "{manifest} does not fit `{database}`: {}",
        counted(checked.findings.len() as u64, "finding")
    );
    for finding in &checked.findings {
        let _ = writeln!(
            out,
            "\n{} `{}`: {}",
            finding.kind.word(),
            finding.subject,
            finding.message
        );
        if let Some(line) = &finding.line {
            let _ = writeln!(out, "  {line}");
        }
    }
    out
}

fn checked_json(checked: &Checked) -> Value {
    let findings = checked.findings.iter().map(|finding| {
        json!({
            "kind": finding.kind.word(),
            "subject": finding.subject,
            "message": finding.message,
            "line": finding.line,
        })
    });
    json!({
        "operation": "check",
        "manifest": checked.manifest,
        "database": checked.database,
        "tables": checked.tables,
        "findings": findings.collect::<Vec<_>>(),
    })
}
