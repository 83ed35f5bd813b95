//! What may be typed.

mod describing;
mod looking;
mod recovering;
mod resetting;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use reset_app::plan::{Accounts, Extent};
use reset_app::run::{Afterwards, Bytes, Job, Operation, Others};
use reset_app::survey::{Selection, Unowned};
use reset_app::target::{AuditChoice, FilesChoice, RedisChoice, Settings, process_environment};

use super::exit;
use super::snapshot::Snapshotting;
pub(crate) use describing::Initialising;
pub(crate) use looking::{Explaining, GraphLanguage, Verifying};
pub(crate) use recovering::{Replaying, Resuming};
pub(crate) use resetting::Resetting;

/// Deletes what belongs to an application's users: rows in `SQLite`, files, Redis keys
#[derive(Debug, Parser)]
#[command(
    name = "reset-app",
    version,
    about = "Deletes what belongs to an application's users: rows in SQLite, files, Redis keys",
    next_help_heading = "Options of every command",
    max_term_width = 100,
    after_help = exit::HELP
)]
#[allow(clippy::struct_excessive_bools)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,

    #[command(flatten)]
    pub(crate) asking: Asking,

    /// The application's directory, to which relative paths refer [default: the working directory]
    #[arg(long, global = true, value_name = "DIR")]
    root: Option<PathBuf>,

    /// The manifest [default: reset-app.toml of the root, or the built-in one]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,

    /// The database, a path or a sqlite:/// URL [default: the manifest's, `DATABASE_URL`, or .env's]
    #[arg(long, global = true, value_name = "FILE")]
    database: Option<String>,

    /// The application's Redis [default: `REDIS_URL`, or `REDIS_HOST` and its like]
    #[arg(long, global = true, value_name = "URL")]
    redis: Option<String>,

    /// Leave Redis out
    #[arg(long, global = true, conflicts_with = "redis")]
    no_redis: bool,

    /// Leave files alone: rows and Redis only
    #[arg(long, global = true)]
    no_files: bool,

    /// The audit trail, or `none` to keep none [default: .reset-app/audit.jsonl of the root]
    #[arg(long, global = true, value_name = "FILE")]
    audit_log: Option<PathBuf>,

    /// How the report is printed
    #[arg(long, global = true, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,

    /// Say more; repeat for more
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,

    /// Say only what failed
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,

    /// Draw no progress bars
    #[arg(long, global = true)]
    pub(crate) no_progress: bool,

    /// Color in messages
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto)]
    pub(crate) color: Color,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Delete every user's data; accounts and structure stay
    #[command(long_flag = "delete-all-user-data")]
    DeleteAllUserData(Erasing),
    /// Delete one user's data; the account stays
    #[command(long_flag = "delete-user")]
    DeleteUser(DeletingUser),
    /// All users' data, then the structure anew: directories emptied, Redis cleared, .env removed
    #[command(long_flag = "reset-complete")]
    ResetComplete(Resetting),
    /// Clear the application's keys in Redis, and no other program's
    #[command(long_flag = "clear-redis")]
    ClearRedis,
    /// Write a fresh .env: new secrets in the settings of .env.example, or of the manifest
    #[command(long_flag = "generate-secrets")]
    GenerateSecrets(Generating),
    /// Explain which references make a table the user's, in which order it is emptied, and what stays
    Explain(Explaining),
    /// Save rows and files together, put them back, list, compare or remove what was saved
    Snapshot {
        /// What to do
        #[command(subcommand)]
        what: Snapshotting,
    },
    /// Search everything for what identifies a user, and tell what a deletion would not take along
    Verify(Verifying),
    /// Show what is there: database, rows, files, Redis, unfinished work
    #[command(long_flag = "status")]
    Status,
    /// Finish what an interrupted run left
    #[command(long_flag = "resume")]
    Resume(Resuming),
    /// Write the manifest of an application that has none, from what its database says
    #[command(long_flag = "init")]
    Init(Initialising),
    /// Hold the manifest against the database: tables and columns it says nothing of
    #[command(long_flag = "check")]
    Check,
    /// After a restore, erase again whom the audit trail says was erased since
    #[command(long_flag = "replay")]
    Replay(Replaying),
}

#[derive(Args, Debug)]
#[allow(clippy::struct_excessive_bools)]
pub(crate) struct Erasing {
    /// Only these users, by key or name
    #[arg(long, value_name = "USER", num_args = 1.., conflicts_with = "except")]
    only: Vec<String>,

    /// Every user but these
    #[arg(long, value_name = "USER", num_args = 1..)]
    except: Vec<String>,

    /// Rows whose owner is null or gone go too
    #[arg(long, conflicts_with_all = ["only", "except"])]
    unowned: bool,

    #[command(flatten)]
    deleting: Deleting,

    /// Go ahead although the environment says production
    #[arg(long)]
    pub(crate) production: bool,
}

#[derive(Args, Debug)]
pub(crate) struct DeletingUser {
    /// The user, by key or name
    #[arg(value_name = "USER")]
    user: String,

    /// End the user's sessions, in the database and in Redis, and delete nothing else
    #[arg(long, conflicts_with = "delete_accounts")]
    sessions_only: bool,

    #[command(flatten)]
    deleting: Deleting,
}

/// What goes beside the users' data, and what must not.
#[derive(Args, Debug)]
#[allow(clippy::struct_excessive_bools)]
struct Deleting {
    /// The users' own rows go too
    #[arg(long)]
    delete_accounts: bool,

    /// Rows that mention an account that goes, and cannot do without, mention this user from then on
    #[arg(long, value_name = "USER", requires = "delete_accounts")]
    reassign_to: Option<String>,

    /// Refuse if rows of other users would go along
    #[arg(long)]
    no_collateral: bool,

    /// Save a snapshot of this name first; without it nothing is deleted
    #[arg(long, value_name = "NAME")]
    snapshot: Option<String>,

    /// Overwrite deleted bytes wherever they may be in the database file and its journals
    #[arg(long)]
    scrub: bool,

    /// Search everything afterwards for what identified the users
    #[arg(long)]
    verify: bool,
}

/// Whether it is done, and whether somebody is asked first. Global, so that the options may stand
/// on either side of the command.
#[derive(Args, Debug)]
pub(crate) struct Asking {
    /// Show what would be done; change nothing
    #[arg(long, global = true)]
    pub(crate) dry_run: bool,

    /// Ask no question
    #[arg(short, long, global = true)]
    pub(crate) force: bool,
}

/// How a fresh `.env` is written.
#[derive(Args, Debug)]
pub(crate) struct Generating {
    /// Print the values too, once they are written
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) print: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

impl From<Color> for env_logger::WriteStyle {
    fn from(color: Color) -> Self {
        match color {
            Color::Auto => Self::Auto,
            Color::Always => Self::Always,
            Color::Never => Self::Never,
        }
    }
}

/// The command's flag (`--delete-all-user-data`) moved to the front: in the original's spelling it
/// may follow its own options, which clap knows only behind it.
pub(crate) fn command_first(words: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let arguments = Arguments::command();
    let flags: Vec<&str> = arguments
        .get_subcommands()
        .filter_map(clap::Command::get_long_flag)
        .collect();
    let mut words: Vec<OsString> = words.collect();
    let is_flag = |word: &OsString| {
        let name = word.to_str().and_then(|word| word.strip_prefix("--"));
        name.is_some_and(|name| flags.contains(&name))
    };
    if let Some(at) = words
        .iter()
        .take_while(|word| *word != "--")
        .position(is_flag)
    {
        let flag = words.remove(at);
        words.insert(1, flag);
    }
    words
}

impl Arguments {
    /// The command that takes a snapshot of the same application.
    pub(crate) fn snapshot_command(&self) -> String {
        let path = |path: &PathBuf| quoted(&path.to_string_lossy());
        let mut command = "reset-app snapshot save before-deletion".to_owned();
        let options = [
            ("--root", self.root.as_ref().map(path)),
            ("--config", self.config.as_ref().map(path)),
            ("--database", self.database.as_deref().map(quoted)),
        ];
        for (option, value) in options {
            command.extend(value.map(|value| format!(" {option} {value}")));
        }
        if self.no_files {
            command.push_str(" --no-files");
        }
        command
    }

    pub(crate) fn settings(&self) -> Settings {
        Settings {
            root: self.root.clone(),
            config: self.config.clone(),
            database: self.database.clone(),
            redis: match &self.redis {
                _ if self.no_redis => RedisChoice::None,
                Some(url) => RedisChoice::Url(url.clone()),
                None => RedisChoice::Environment,
            },
            files: if self.no_files {
                FilesChoice::Leave
            } else {
                FilesChoice::Remove
            },
            audit: match &self.audit_log {
                None => AuditChoice::Default,
                Some(none) if none.as_os_str() == "none" => AuditChoice::None,
                Some(file) => AuditChoice::File(file.clone()),
            },
            environment: process_environment(),
        }
    }
}

/// As a shell takes it for one word.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:,@%=".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.into();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

impl Erasing {
    pub(crate) fn job(&self) -> Job {
        let job = Job {
            operation: Operation::DeleteAllUserData,
            selection: match (self.only.is_empty(), self.except.is_empty()) {
                (false, _) => Selection::Only(self.only.clone()),
                (true, false) => Selection::Except(self.except.clone()),
                (true, true) => Selection::All,
            },
            unowned: if self.unowned {
                Unowned::Delete
            } else {
                Unowned::Keep
            },
            ..Job::default()
        };
        self.deleting.apply(job)
    }
}

impl DeletingUser {
    pub(crate) fn job(&self) -> Job {
        let job = Job {
            operation: Operation::DeleteUser,
            selection: Selection::Only(vec![self.user.clone()]),
            extent: if self.sessions_only {
                Extent::Sessions
            } else {
                Extent::Everything
            },
            ..Job::default()
        };
        self.deleting.apply(job)
    }
}

impl Deleting {
    fn apply(&self, job: Job) -> Job {
        Job {
            accounts: if self.delete_accounts {
                Accounts::Delete
            } else {
                Accounts::Keep
            },
            reassign_to: self.reassign_to.clone(),
            snapshot: self.snapshot.clone(),
            others: if self.no_collateral {
                Others::Refuse
            } else {
                Others::GoAlong
            },
            bytes: if self.scrub {
                Bytes::Scrub
            } else {
                Bytes::InPlace
            },
            afterwards: if self.verify {
                Afterwards::Verify
            } else {
                Afterwards::Nothing
            },
            ..job
        }
    }
}
