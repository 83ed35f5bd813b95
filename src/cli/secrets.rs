//! `generate-secrets`: asks, writes, and tells what was written. The values are told only where
//! `--print` asks for them.

mod show;

use std::io::{self, BufRead, IsTerminal, Write};

use reset_app::error::{Error, Result};
use reset_app::report::Stage;
use reset_app::secrets::{self, Asking, Existing, Question, SecretsError};
use reset_app::target::Home;

use super::arguments::{Arguments, Format, Generating};
use super::exit::Exit;
use show::Values;

/// Does the command.
pub(crate) fn generate(arguments: &Arguments, generating: &Generating) -> Result<Exit> {
    let home = Home::find(&arguments.settings())?;
    let existing = if arguments.asking.force {
        Existing::Keep
    } else {
        Existing::Refuse
    };
    let plan = secrets::plan(
        &home.root,
        &home.manifest,
        existing,
        asking(arguments),
        &|name| std::env::var_os(name),
    )?;
    let (stage, written) = if arguments.asking.dry_run {
        (Stage::Preview, plan.preview())
    } else {
        (Stage::Done, plan.write(&mut ask)?)
    };
    let values = if generating.print {
        Values::Printed
    } else {
        Values::Hidden
    };
    let answer = match arguments.format {
        Format::Text => show::text(&written, stage, values),
        Format::Json => show::json(&written, stage, values),
    };
    Ok(super::print(&answer, Exit::Done))
}

fn asking(arguments: &Arguments) -> Asking {
    if io::stdin().is_terminal() && !arguments.asking.force {
        Asking::Somebody
    } else {
        Asking::Nobody
    }
}

/// Asks at the terminal until there is an answer.
fn ask(question: Question<'_>) -> Result<String> {
    let offer = question
        .offer
        .map(|offer| format!(" [{offer}]"))
        .unwrap_or_default();
    let mut answer = String::new();
    while answer.trim().is_empty() {
        answer.clear();
        let mut out = io::stderr().lock();
        let heard = write!(out, "{}{offer}: ", question.text)
            .and_then(|()| out.flush())
            .and_then(|()| io::stdin().lock().read_line(&mut answer));
        let ended = !matches!(heard, Ok(bytes) if bytes > 0);
        if ended {
            let name = question.name.into();
            return Err(Error::from(SecretsError::NoAnswer { name }));
        }
        if question.offer.is_some() {
            break;
        }
    }
    Ok(answer)
}
