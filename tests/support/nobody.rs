//! Runs without the rights of root, for which permissions mean nothing.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

use super::run::{Outcome, has_tool, is_root, reset_app, say};

/// Who the tests run as where they need to be nobody special.
const NOBODY: u32 = 65534;

/// Gives an application to nobody, if the tests may; the command must be within reach as well.
pub(crate) fn takes(root: &Path) -> bool {
    if !is_root() || !has_tool("setpriv", "nothing was tried without root's rights") {
        say("SKIPPED: only root can become nobody, permissions were not tested");
        return false;
    }
    give(root);
    let mut above = root.parent();
    while let Some(directory) = above.filter(|directory| *directory != Path::new("/tmp")) {
        if directory.starts_with("/tmp") {
            mode(directory, 0o755);
        }
        above = directory.parent();
    }
    let reached = run(root, &["--version"]).code() == Some(0);
    if !reached {
        say("SKIPPED: nobody can reach the command, permissions were not tested");
    }
    reached
}

/// Makes something nobody's, with all that is in it.
pub(crate) fn give(path: &Path) {
    chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            let path = entry.unwrap().path();
            if !path.is_symlink() {
                give(&path);
            }
        }
    }
}

/// Runs a command on nobody's application, as nobody.
pub(crate) fn run(root: &Path, arguments: &[&str]) -> Outcome {
    run_under(&[], root, arguments)
}

/// The same, as nobody to whom the system gives no second thread.
pub(crate) fn run_without_threads(root: &Path, arguments: &[&str]) -> Outcome {
    run_under(&["prlimit", "--nproc=1"], root, arguments)
}

fn run_under(limits: &[&str], root: &Path, arguments: &[&str]) -> Outcome {
    let nobody = NOBODY.to_string();
    let without_rights = [
        "setpriv",
        "--reuid",
        &nobody,
        "--regid",
        &nobody,
        "--clear-groups",
    ];
    let invocation = reset_app().root(root).args(arguments);
    let all = without_rights.into_iter().chain(limits.iter().copied());
    invocation.under(all).run()
}

/// Sets a mode.
pub(crate) fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}
