//! What was written, as a person and as a program reads it.

use std::fmt::Write;

use reset_app::report::Stage;
use reset_app::roots::shown;
use reset_app::secrets::{Secret, Variable, Written};
use serde_json::{Value, json};

/// Whether the values are part of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Values {
    Hidden,
    Printed,
}

pub(super) fn text(written: &Written, stage: Stage, values: Values) -> String {
    let (writes, keeps) = match stage {
        Stage::Preview => ("Would write", "Would keep the old one as"),
        Stage::Done => ("Written", "The old one is kept as"),
    };
    let mut out = format!("{writes}: {}\n", shown(&written.file));
    if let Some(kept) = &written.kept {
        let _ = writeln!(out, "{keeps}: {kept}");
    }
    let width = written
        .variables
        .iter()
        .map(|v| v.name.len())
        .max()
        .unwrap_or(0);
    for Variable {
        name, kind, source, ..
    } in &written.variables
    {
        let _ = writeln!(out, "  {name:width$}  {kind:8}  {}", source.name());
    }
    if values == Values::Printed {
        out.push('\n');
        for (name, value) in printed(written) {
            let _ = writeln!(out, "{name}={}", value.expose());
        }
    }
    if !written.warnings.is_empty() {
        out.push_str("\nWarnings:\n");
        for warning in &written.warnings {
            let _ = writeln!(out, "  {warning}");
        }
    }
    if written.kept.is_some() && stage == Stage::Done {
        out.push_str(
            "\nSessions signed and data encrypted with the old secrets need them: they are in the file that is kept.\n",
        );
    }
    out
}

fn printed(written: &Written) -> impl Iterator<Item = (&str, &Secret)> {
    let values = written.variables.iter();
    values.filter_map(|variable| Some((variable.name.as_str(), variable.value.as_ref()?)))
}

pub(super) fn json(written: &Written, stage: Stage, values: Values) -> String {
    let object = json!({
        "operation": "generate-secrets",
        "dry_run": stage == Stage::Preview,
        "file": shown(&written.file),
        "kept": written.kept,
        "variables": written.variables.iter().map(|v| variable(v, values)).collect::<Vec<_>>(),
        "warnings": written.warnings,
    });
    format!("{object:#}\n")
}

fn variable(variable: &Variable, values: Values) -> Value {
    let Variable {
        name,
        kind,
        source,
        value,
    } = variable;
    let mut object = json!({"name": name, "kind": kind, "source": source.name()});
    if let (Some(value), Values::Printed) = (value, values) {
        object["value"] = value.expose().into();
    }
    object
}
