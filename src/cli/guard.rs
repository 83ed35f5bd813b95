//! The environment guard: a production database is not emptied by `--force` alone.

use reset_app::run::App;

use super::arguments::Erasing;

/// Whether the command may go on; says why where it may not.
pub(crate) fn admits(app: &App, erasing: &Erasing) -> bool {
    let Some(source) = app
        .target()
        .production
        .as_ref()
        .filter(|_| !erasing.production)
    else {
        return true;
    };
    eprintln!(
        "reset-app: {source} says that this is production; nothing was changed; \
         give `--production` if that is meant"
    );
    false
}
