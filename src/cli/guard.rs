//! The environment guard: a production database is not emptied by `--force` alone.

use reset_app::run::App;

/// Whether the command may go on; says why where it may not.
pub(crate) fn admits(app: &App, meant: bool) -> bool {
    let Some(source) = app.target().production.as_ref().filter(|_| !meant) else {
        return true;
    };
    eprintln!(
        "reset-app: {source} says that this is production; nothing was changed; \
         give `--production` if that is meant"
    );
    false
}
