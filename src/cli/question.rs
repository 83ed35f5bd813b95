//! The question: it shows the preview and is answered with the target's name.

use std::io::{self, BufRead, IsTerminal, Write};

use reset_app::consent::Consent;
use reset_app::error::{Error, Result};
use reset_app::report::Report;
use reset_app::run::App;

use super::text;

/// Asks. Without a terminal nobody can answer, so it is a refusal, never a wait.
pub(crate) fn ask(app: &App, preview: &Report) -> Result<Consent> {
    if !io::stdin().is_terminal() {
        return Err(Error::NoTerminal);
    }
    let target = &preview.subject;
    let mut out = io::stderr().lock();
    let asked = write!(
        out,
        "{}\nThis cannot be undone: keep a copy of the database and the files if you may want them back:\n  \
         cp -a {} /a/safe/place\n\nType {target} to delete this: ",
        text::report(preview),
        reset_app::roots::shown(&app.target().root),
    );
    let mut answer = String::new();
    let heard = asked
        .and_then(|()| out.flush())
        .and_then(|()| io::stdin().lock().read_line(&mut answer));
    match heard {
        Ok(_) => Ok(Consent::typed(answer)),
        Err(_) => Err(Error::NoTerminal),
    }
}
