//! Reports as programs read them: one object, which grows and does not change.

use reset_app::report::{Line, Replay, Report, Stage, Written};
use reset_app::survey::{Collateral, Emptied, Kept, MentionCount, TableCount};
use reset_app::verify::Verification;
use serde_json::{Value, json};

/// The object of every command that deletes.
pub(crate) fn report(report: &Report) -> String {
    let kept = report
        .shared
        .iter()
        .map(|kept| path(kept, "shared"))
        .chain(report.refused.iter().map(|kept| path(kept, "refused")));
    let mut object = json!({
        "operation": report.operation,
        "dry_run": report.stage == Stage::Preview,
        "run": report.run,
        "database": report.database,
        "users_processed": report.users_processed,
        "summary": lines(&report.summary),
        "total_items": report.total_items(),
        "collateral": report.collateral.iter().map(collateral).collect::<Vec<_>>(),
        "mentions_set": mentions(&report.mentions),
        "mentions_left": mentions(&report.still_named),
        "reassigned": mentions(&report.reassigned),
        "unowned": tables(&report.unowned),
        "kept": kept.collect::<Vec<_>>(),
        "kept_more": report.refused_more,
        "left": report.left.iter().map(|left| path(left, "failed")).collect::<Vec<_>>(),
        "failed": report.failed.iter().map(|f| json!({"user": f.user, "reason": f.reason})).collect::<Vec<_>>(),
        "not_begun": report.not_begun,
        "recovery": report.recovery.map(|r| json!({"users": r.users, "paths": r.paths})),
        "replay": report.replay.as_ref().map(replay),
        "snapshot": report.snapshot,
        "written": report.written.iter().map(written).collect::<Vec<_>>(),
        "stopped": report.stopped,
        "verification": report.verification.as_ref().map(super::verify::json),
        "warnings": report.warnings,
    });
    if let Some(reset) = &report.reset {
        object["other_rows"] = tables(&reset.rows).into();
        object["kept_rows"] = tables(&reset.kept_rows).into();
        object["emptied"] = reset.emptied.iter().map(emptied).collect();
        object["environment_file"] = reset.environment_file.clone().into();
        object["next_steps"] = reset.next_steps.clone().into();
    }
    finished(&object)
}

/// The object of `resume --give-up`.
pub(crate) fn given_up(snapshot: Option<&str>, dry_run: bool) -> String {
    finished(&json!({"operation": "resume", "dry_run": dry_run, "given_up": snapshot}))
}

/// The object of `verify`.
pub(crate) fn verification(verification: &Verification) -> String {
    finished(&super::verify::json(verification))
}

fn replay(replay: &Replay) -> Value {
    json!({
        "since": replay.since,
        "snapshot": replay.snapshot,
        "named": replay.named,
        "absent": replay.absent,
        "unclear": replay.unclear,
    })
}

pub(super) fn finished(object: &Value) -> String {
    format!("{object:#}\n")
}

pub(super) fn lines(lines: &[Line]) -> Vec<Value> {
    lines
        .iter()
        .map(|line| json!({"line": line.line, "count": line.count}))
        .collect()
}

fn mentions(mentions: &[MentionCount]) -> Vec<Value> {
    let one = |mention: &MentionCount| json!({"column": mention.column, "rows": mention.rows});
    mentions.iter().map(one).collect()
}

pub(super) fn tables(tables: &[TableCount]) -> Vec<Value> {
    tables
        .iter()
        .map(|table| json!({"table": table.table, "rows": table.rows}))
        .collect()
}

fn emptied(emptied: &Emptied) -> Value {
    json!({"directory": emptied.directory, "entries": emptied.entries})
}

fn collateral(collateral: &Collateral) -> Value {
    json!({"table": collateral.table, "owner": collateral.owner.to_string(), "rows": collateral.rows})
}

fn written(written: &Written) -> Value {
    json!({"table": written.table, "triggers": written.triggers, "rows": written.rows, "kept": written.kept})
}

fn path(kept: &Kept, why: &str) -> Value {
    json!({"path": kept.path, "why": why, "reason": kept.reason})
}
