//! How many files this process may have open.

use rustix::process::{Resource, getrlimit, setrlimit};

/// As many as batches of files and directories, and `SQLite`, need together, with room to spare.
const WANTED: u64 = 4096;

/// Raises the limit that the shell set, on some systems 256, to what is needed, or to what is allowed.
pub(super) fn raise_open_files() {
    let mut limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.map_or(WANTED, |most| most.min(WANTED));
    if limit.current.is_none_or(|now| now >= wanted) {
        return;
    }
    limit.current = Some(wanted);
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        log::debug!("no more files than the shell allows can be open: {error}");
    }
}
