//! Rows that depend on an account: they stay with one that stays, and go with one that goes.

use super::Accounts;
use crate::graph::{Graph, Reference};
use crate::manifest::Meaning;

/// The graph of a run, in which every reference owns or mentions. A reference to anything but an
/// account cannot wait for the account: what it names goes, and it goes along.
pub(crate) fn resolved(graph: &Graph, accounts: Accounts) -> Graph {
    let mut graph = graph.clone();
    let users = graph.users;
    let depends = |r: &&mut Reference| r.meaning == Meaning::Dependent;
    for reference in graph.references.iter_mut().filter(depends) {
        let stays = reference.parent == Some(users) && accounts == Accounts::Keep;
        reference.meaning = if stays {
            Meaning::Mention
        } else {
            Meaning::Owner
        };
    }
    graph
}
