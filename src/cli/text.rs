//! Reports as a person reads them.

use std::fmt::Write;

use reset_app::report::{Replay, Report, ResetReport, Stage};
use reset_app::survey::{Emptied, Kept, TableCount};

const WIDTH: usize = 60;
const DOTS: usize = 40;

/// The summary block, then whatever is not in it, each with its remedy.
pub(crate) fn report(report: &Report) -> String {
    let mut out = String::new();
    let nobody = matches!(report.operation, "resume" | "replay") && report.summary.is_empty();
    let resumed = report.operation == "resume" || nobody;
    if !resumed || (report.recovery.is_some() && report.snapshot.is_none()) {
        summary(&mut out, report);
    }
    if let Some(told) = &report.replay {
        replay(&mut out, report, told);
    }
    details(&mut out, report);
    if let Some(verification) = &report.verification {
        let _ = write!(out, "\n{}", super::verify::text(verification));
    }
    out
}

fn summary(out: &mut String, report: &Report) {
    let rule = "=".repeat(WIDTH);
    let title = match report.stage {
        Stage::Preview => "DRY RUN SUMMARY",
        Stage::Done => "DELETION SUMMARY",
    };
    let _ = writeln!(
        out,
        "{rule}\n{title}\n{rule}\nUsers Processed: {}",
        report.users_processed
    );
    for line in &report.summary {
        let _ = match line.count {
            Some(count) => writeln!(out, "{}: {count}", line.line),
            None => writeln!(out, "{}: not checked", line.line),
        };
    }
    let _ = writeln!(
        out,
        "{}\nTotal Items: {}\n{rule}",
        ".".repeat(DOTS),
        report.total_items()
    );
}

fn details(out: &mut String, report: &Report) {
    recovery(out, report);
    if let (Some(snapshot), false) = (&report.snapshot, report.operation == "resume") {
        let _ = writeln!(out, "\nA snapshot was taken first: {snapshot}");
    }
    if let Some(reset) = &report.reset {
        details_of_reset(out, reset);
    }
    details_of_rows(out, report);
    details_of_files(out, report);
    let failed = report.failed.iter();
    let failed = failed.map(|failure| format!("user {}: {}", failure.user, failure.reason));
    let not_begun = (report.not_begun > 0)
        .then(|| format!("users whose turn did not come: {}", report.not_begun));
    section(
        out,
        "Users not erased (nothing of theirs was changed; mend the cause, then run again):",
        failed.chain(not_begun),
    );
    section(out, "Warnings:", report.warnings.iter().cloned());
    if let Some(reset) = report
        .reset
        .as_ref()
        .filter(|_| report.stage == Stage::Done)
    {
        let steps = reset.next_steps.iter().enumerate();
        section(
            out,
            "Next steps:",
            steps.map(|(at, step)| format!("{}. {step}", at + 1)),
        );
    }
    if report.stopped {
        out.push_str("\nStopped by a signal after the user in hand; run again for the others.\n");
    }
}

fn details_of_reset(out: &mut String, reset: &ResetReport) {
    let table = |t: &TableCount| format!("{} of `{}`", rows(t.rows), t.table);
    section(
        out,
        "All other rows go too, for the structure is made anew:",
        reset.rows.iter().map(table),
    );
    section(
        out,
        "Rows that are kept:",
        reset.kept_rows.iter().map(table),
    );
    section(
        out,
        "Directories emptied (they themselves stay):",
        reset
            .emptied
            .iter()
            .filter(|one| one.entries > 0)
            .map(emptied),
    );
    section(
        out,
        "Environment removed:",
        reset.environment_file.iter().cloned(),
    );
}

fn replay(out: &mut String, report: &Report, told: &Replay) {
    let back = told.named - told.absent;
    if back == 0 && report.users_processed == 0 {
        out.push_str("Nobody to replay.\n");
    }
    let of = match &told.snapshot {
        Some(snapshot) => format!(" of the snapshot `{snapshot}`"),
        None => String::new(),
    };
    let _ = writeln!(
        out,
        "\nThe audit trail names {} after the position{of} ({}); found in this database: {back}.",
        counted(told.named, "user"),
        told.since
    );
    if told.unclear > 0 {
        let _ = writeln!(
            out,
            "{} of its lines are about users who cannot be told from others who got their keys; \
             nobody is erased by them: erase with `delete-user` whom you know of.",
            told.unclear
        );
    }
}

fn details_of_rows(out: &mut String, report: &Report) {
    let collateral = match report.stage {
        Stage::Preview => {
            "Rows of other users that hang on these go too (refuse them: --no-collateral):"
        }
        Stage::Done => "Rows of other users that hung on these went too:",
    };
    section(
        out,
        collateral,
        report
            .collateral
            .iter()
            .map(|c| format!("{} of `{}` of user {}", rows(c.rows), c.table, c.owner)),
    );
    section(
        out,
        "Rows that stay but named what goes now name nothing:",
        report
            .mentions
            .iter()
            .map(|m| format!("{}, `{}`", rows(m.rows), m.column)),
    );
    section(
        out,
        "Rows that stay and go on naming what goes (edit them by hand if that must not be):",
        report
            .still_named
            .iter()
            .map(|m| format!("{}, `{}`", rows(m.rows), m.column)),
    );
    section(
        out,
        "Rows that mentioned an account that goes mention the heir now:",
        report
            .reassigned
            .iter()
            .map(|m| format!("{}, `{}`", rows(m.rows), m.column)),
    );
    section(
        out,
        "Rows that triggers wrote meanwhile stay (look at each, and remove it by hand if it tells of a user):",
        report.written.iter().map(|w| {
            format!(
                "{} of `{}`, by `{}`",
                rows(w.rows),
                w.table,
                w.triggers.join("`, `")
            )
        }),
    );
    section(
        out,
        "Rows that nobody owns stay (delete them too: --unowned):",
        report
            .unowned
            .iter()
            .map(|t| format!("{} of `{}`", rows(t.rows), t.table)),
    );
}

fn details_of_files(out: &mut String, report: &Report) {
    section(
        out,
        "Kept, because they are somebody else's too (they go with their last owner):",
        report.shared.iter().map(kept),
    );
    section(
        out,
        "Refused, and kept whatever stands there (look at each, and remove it by hand if it is a user's):",
        report.refused.iter().map(kept),
    );
    if report.refused_more > 0 {
        let _ = writeln!(out, "  and {} more", report.refused_more);
    }
    let remedy = match report.stage {
        Stage::Preview => {
            "Cannot be removed now (mend the cause first; these users are not started):"
        }
        Stage::Done => {
            "Not removed yet (mend the cause, then `reset-app resume`, or as the line says):"
        }
    };
    section(out, remedy, report.left.iter().map(kept));
}

fn recovery(out: &mut String, report: &Report) {
    let Some(recovery) = report.recovery else {
        if report.operation == "resume" {
            out.push_str("Nothing to resume.\n");
        }
        return;
    };
    if let Some(snapshot) = &report.snapshot
        && report.operation == "resume"
    {
        let _ = writeln!(
            out,
            "An interrupted restore of the snapshot {snapshot} {}",
            match report.stage {
                Stage::Preview => "is to be finished.".into(),
                Stage::Done => format!("was finished: {} files and directories.", recovery.paths),
            }
        );
        return;
    }
    let (verb, object) = match report.stage {
        Stage::Preview => ("is finished first", "Unfinished work of an interrupted run"),
        Stage::Done => ("was finished", "Unfinished work of an interrupted run"),
    };
    let _ = writeln!(
        out,
        "\n{object} {verb}: {} whose rows are gone, {} files and directories.",
        counted(recovery.users, "user"),
        recovery.paths
    );
}

pub(super) fn section(out: &mut String, title: &str, lines: impl Iterator<Item = String>) {
    let mut lines = lines.peekable();
    if lines.peek().is_none() {
        return;
    }
    let _ = writeln!(out, "\n{title}");
    for line in lines {
        let _ = writeln!(out, "  {line}");
    }
}

pub(super) fn rows(count: u64) -> String {
    counted(count, "row")
}

/// A count of things whose plural ends in `s`.
pub(super) fn counted(count: u64, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}

fn emptied(one: &Emptied) -> String {
    let entries = if one.entries == 1 { "entry" } else { "entries" };
    format!("{}: {} {entries}", one.directory, one.entries)
}

fn kept(kept: &Kept) -> String {
    format!("{}: {}", kept.path, kept.reason)
}
