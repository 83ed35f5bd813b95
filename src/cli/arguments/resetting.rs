//! The options of a complete reset.

use clap::Args;
use reset_app::run::{Fate, Reset};
use reset_app::target::{FilesChoice, Settings};

/// What a complete reset leaves alone.
#[derive(Args, Debug)]
#[allow(clippy::struct_excessive_bools)]
pub(crate) struct Resetting {
    /// Leave the file that holds the environment (.env)
    #[arg(long)]
    keep_env: bool,

    /// Leave the directories that hold users' files as they are
    #[arg(long)]
    keep_storage: bool,

    /// Leave the other directories that the manifest empties (logs) as they are
    #[arg(long)]
    keep_logs: bool,

    /// Save a snapshot of this name first; without it nothing is deleted
    #[arg(long, value_name = "NAME")]
    snapshot: Option<String>,

    /// Go ahead although the environment says production
    #[arg(long)]
    pub(crate) production: bool,
}

impl Resetting {
    /// `--no-files` leaves all of them.
    pub(crate) fn job(&self, settings: &Settings) -> Reset {
        let no_files = settings.files == FilesChoice::Leave;
        let fate = |stays: bool| {
            if stays || no_files {
                Fate::Stays
            } else {
                Fate::Goes
            }
        };
        Reset {
            environment: fate(self.keep_env),
            storage: fate(self.keep_storage),
            logs: fate(self.keep_logs),
            snapshot: self.snapshot.clone(),
        }
    }
}
