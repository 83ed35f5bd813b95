//! The outbox: what is still to do for a user after the commit.

/// Evidence that a commit which deletes rows is durable (invariant 2). Only a commit, or an outbox
/// found in the database (which only a commit can have left there), makes one; removing files and
/// Redis keys demands it.
#[derive(Debug)]
pub struct Erased(pub(crate) ());
