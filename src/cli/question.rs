//! The question: it shows the preview and is answered with the target's name.

use std::io::{self, BufRead, IsTerminal, Write};

use reset_app::consent::Consent;
use reset_app::error::{Error, Result};

/// How what is asked for could be undone.
#[derive(Debug)]
pub(crate) enum Undo {
    /// By a snapshot that is taken first, under this name.
    Snapshot(String),
    /// By a snapshot, if this command takes one.
    Command(String),
    /// Not at all.
    None,
}

/// Asks about a deletion.
pub(crate) fn ask(preview: &str, undo: &Undo, subject: &str) -> Result<Consent> {
    let advice = match undo {
        Undo::Snapshot(name) => {
            format!(
                "A snapshot is taken first; this brings it back:\n  reset-app snapshot restore {name}"
            )
        }
        Undo::Command(command) => format!(
            "This cannot be undone, unless a snapshot is taken first (or with `--snapshot NAME`):\n  {command}"
        ),
        Undo::None => "This cannot be undone.".into(),
    };
    put(&format!(
        "{preview}\n{advice}\n\nType {subject} to delete this: "
    ))
}

/// Asks about a restore.
pub(crate) fn ask_to_restore(preview: &str, subject: &str) -> Result<Consent> {
    put(&format!(
        "{preview}\nWhatever was changed since is lost.\n\nType {subject} to go back: "
    ))
}

/// Without a terminal nobody can answer, so it is a refusal, never a wait.
fn put(question: &str) -> Result<Consent> {
    if !io::stdin().is_terminal() {
        return Err(Error::NoTerminal);
    }
    let mut answer = String::new();
    let mut out = io::stderr().lock();
    let heard = out
        .write_all(super::plain(question).as_bytes())
        .and_then(|()| out.flush())
        .and_then(|()| io::stdin().lock().read_line(&mut answer));
    match heard {
        Ok(_) => Ok(Consent::typed(answer)),
        Err(_) => Err(Error::NoTerminal),
    }
}
