//! The options of what goes on where a run was interrupted or a copy put back.

use clap::Args;
use reset_app::audit::Since;

/// What becomes of interrupted work.
#[derive(Args, Debug)]
pub(crate) struct Resuming {
    /// End an interrupted restore whose snapshot is lost, or with --force any: rows are back, files stay
    /// as they are
    #[arg(long)]
    pub(crate) give_up: bool,
}

/// From where on a trail is replayed.
#[derive(Args, Debug)]
pub(crate) struct Replaying {
    /// The position in the trail of the copy that was put back, as `status` prints it, or its number
    /// of lines [default: that of the last snapshot restored]
    #[arg(long, value_name = "POSITION")]
    pub(crate) since: Option<Since>,

    /// Save a snapshot of this name first; without it nothing is deleted
    #[arg(long, value_name = "NAME")]
    pub(crate) snapshot: Option<String>,
}
