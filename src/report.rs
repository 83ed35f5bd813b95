//! What a command found or did, as values. Printing is the command line's business.

use crate::summary::Counts;
pub use crate::summary::Line;
use crate::survey::{Collateral, Emptied, Kept, MentionCount, TableCount};
use crate::target::Target;
use crate::verify::Verification;

/// The answer of every command that deletes, for its preview and for its deed.
#[derive(Clone, Debug)]
pub struct Report {
    /// The command, as spelt on the command line.
    pub operation: &'static str,
    /// Whether this was found or done.
    pub stage: Stage,
    /// The run, once there is one.
    pub run: Option<String>,
    /// The database and the source that named it.
    pub database: String,
    /// What consent has to repeat: the name of the database's file, or of the one user.
    pub subject: String,
    /// Users whose data was processed.
    pub users_processed: u64,
    /// The lines of the summary, in order.
    pub summary: Vec<Line>,
    /// Rows of users who stay, that go because they hang on a row that goes.
    pub collateral: Vec<Collateral>,
    /// Rows of users' tables that nobody owns, and stay.
    pub unowned: Vec<TableCount>,
    /// Mentions in rows that stay, set to null or their default.
    pub mentions: Vec<MentionCount>,
    /// Mentions in rows that stay, which go on naming what is gone.
    pub still_named: Vec<MentionCount>,
    /// Mentions of accounts that go, in rows that stay, given to another user.
    pub reassigned: Vec<MentionCount>,
    /// Files and directories that stay because they are somebody else's too.
    pub shared: Vec<Kept>,
    /// Paths that were refused, and whatever stands there with them.
    pub refused: Vec<Kept>,
    /// Refused paths beyond those named.
    pub refused_more: u64,
    /// What should have gone and is still there.
    pub left: Vec<Kept>,
    /// Users who were not erased, and why.
    pub failed: Vec<Failure>,
    /// Users whose turn did not come, because the run ended before.
    pub not_begun: u64,
    /// Whatever else was not done or not looked at.
    pub warnings: Vec<String>,
    /// Work of an interrupted run: to be finished first, in a preview; finished, in a deed.
    pub recovery: Option<Recovery>,
    /// Whom the audit trail named, in a replay.
    pub replay: Option<Replay>,
    /// The snapshot that was taken first, or that an interrupted run was to restore.
    pub snapshot: Option<String>,
    /// Rows that triggers wrote while rows were deleted, in tables that stay.
    pub written: Vec<Written>,
    /// A signal ended the run after the user in hand.
    pub stopped: bool,
    /// What a complete reset takes beside users' data.
    pub reset: Option<ResetReport>,
    /// What the search for what identified the users found, where there was one.
    pub verification: Option<Verification>,
    /// What the summary is made from.
    pub(crate) counts: Counts,
}

/// What a complete reset takes beside users' data, and what is to be done after it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResetReport {
    /// Rows of tables that hold no user's data, the accounts among them: they go as well.
    pub rows: Vec<TableCount>,
    /// Rows that are kept: the books of migration tools, and what the manifest lists.
    pub kept_rows: Vec<TableCount>,
    /// The directories that are emptied, with everything in them that goes.
    pub emptied: Vec<Emptied>,
    /// The file that holds the environment, if it goes.
    pub environment_file: Option<String>,
    /// What is to be done then, as the manifest says.
    pub next_steps: Vec<String>,
}

/// Whether a report tells what was found or what was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Nothing was changed.
    Preview,
    /// It was done.
    Done,
}

/// Rows that triggers wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The table.
    pub table: String,
    /// The triggers that write it.
    pub triggers: Vec<String>,
    /// How many rows.
    pub rows: u64,
    /// The manifest says that the table is the application's own, and nobody's.
    pub kept: bool,
}

/// A user who was not erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The user's key.
    pub user: String,
    /// Why.
    pub reason: String,
}

/// Work of an interrupted run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Users whose rows were gone already.
    pub users: u64,
    /// Files and directories that were still to go.
    pub paths: u64,
}

/// Whom the audit trail named who may be back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replay {
    /// After which position of the trail.
    pub since: String,
    /// The snapshot that was restored, if the trail says so.
    pub snapshot: Option<String>,
    /// Users named, and not erased again since.
    pub named: u64,
    /// Those of them whom the database does not hold.
    pub absent: u64,
    /// Lines about users who cannot be told from others who got their keys; nobody is erased by them.
    pub unclear: u64,
}

impl Report {
    /// A report of nothing.
    pub(crate) fn empty(target: &Target, stage: Stage, operation: &'static str) -> Self {
        Self {
            operation,
            stage,
            run: None,
            database: format!("{} ({})", target.database.display(), target.database_source),
            subject: target.name(),
            users_processed: 0,
            summary: Vec::new(),
            collateral: Vec::new(),
            unowned: Vec::new(),
            mentions: Vec::new(),
            still_named: Vec::new(),
            reassigned: Vec::new(),
            shared: Vec::new(),
            refused: Vec::new(),
            refused_more: 0,
            left: Vec::new(),
            failed: Vec::new(),
            not_begun: 0,
            warnings: Vec::new(),
            recovery: None,
            replay: None,
            snapshot: None,
            written: Vec::new(),
            stopped: false,
            reset: None,
            verification: None,
            counts: Counts::default(),
        }
    }

    /// Adds what a later run of the same command found or did.
    pub(crate) fn add(&mut self, later: Self) {
        self.run = later.run.or(self.run.take());
        self.users_processed += later.users_processed;
        self.counts.add(later.counts);
        self.collateral.extend(later.collateral);
        self.collateral = Collateral::merged(std::mem::take(&mut self.collateral));
        self.mentions.extend(later.mentions);
        self.still_named.extend(later.still_named);
        self.reassigned.extend(later.reassigned);
        for (kept, more) in [
            (&mut self.shared, later.shared),
            (&mut self.refused, later.refused),
            (&mut self.left, later.left),
        ] {
            kept.extend(more);
        }
        self.refused_more += later.refused_more;
        self.failed.extend(later.failed);
        self.not_begun += later.not_begun;
        for warning in later.warnings {
            if !self.warnings.contains(&warning) {
                self.warnings.push(warning);
            }
        }
        self.recovery = self.recovery.or(later.recovery);
        self.snapshot = self.snapshot.take().or(later.snapshot);
        self.stopped |= later.stopped;
    }

    /// The sum of the summary, as far as it was checked.
    #[must_use]
    pub fn total_items(&self) -> u64 {
        self.summary.iter().filter_map(|line| line.count).sum()
    }

    /// Whether everything that should have gone is gone, and nothing was in doubt.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        let written = self.written.iter().all(|written| written.kept);
        let clear = self
            .replay
            .as_ref()
            .is_none_or(|replay| replay.unclear == 0);
        written
            && clear
            && self.left.is_empty()
            && self.refused.is_empty()
            && self.refused_more == 0
    }
}
