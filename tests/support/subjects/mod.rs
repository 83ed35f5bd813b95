//! Commands that change something, each with what must hold when it is cut off.

mod deletion;
mod fresh;
mod reset;
mod resumed;
mod snapshots;

pub(crate) use deletion::{ALBUM, Deletion, has_outbox, put_trail_back};
pub(crate) use fresh::{Init, Secrets};
pub(crate) use reset::Reset;
pub(crate) use resumed::Resumed;
pub(crate) use snapshots::{Drop, Restore, Save};
