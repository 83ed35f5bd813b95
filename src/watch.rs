//! Watching a run from outside: how far it is, and whether it should end.

/// What a run tells, and asks, while it works. The library prints nothing itself.
pub trait Watch {
    /// So many of so many users are erased.
    fn users(&mut self, done: u64, total: u64) {
        let _ = (done, total);
    }

    /// So many rows are deleted so far.
    fn rows(&mut self, done: u64) {
        let _ = done;
    }

    /// So many files and directories are still to go.
    fn files(&mut self, pending: u64) {
        let _ = pending;
    }

    /// So many of so many parts of the tables are searched.
    fn tables(&mut self, done: u64, total: u64) {
        let _ = (done, total);
    }

    /// So many files are searched.
    fn read(&mut self, done: u64) {
        let _ = done;
    }

    /// Whether the run is to end after the user in hand.
    fn stop(&self) -> bool {
        false
    }
}

/// Nobody watches.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nobody;

impl Watch for Nobody {}
