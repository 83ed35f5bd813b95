//! The command line: arguments in, text or JSON out, one exit code. The only part that knows a
//! terminal.

mod arguments;
mod describe;
mod exit;
mod explain;
mod guard;
mod json;
mod limits;
mod progress;
mod question;
mod secrets;
mod signals;
mod snapshot;
mod status;
mod text;
mod verify;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use reset_app::consent::Consent;
use reset_app::error::Result;
use reset_app::explain::{dot, mermaid};
use reset_app::report::Report;
use reset_app::run::{App, Job, Preview, Reset};
use reset_app::snapshot::GivingUp;

use arguments::{Arguments, Asking, Command, Explaining, Format, GraphLanguage, Replaying};
use exit::Exit;
use question::Undo;

/// Parses the arguments, does the command, prints the answer and chooses the exit code.
pub(crate) fn main() -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments::command_first(std::env::args_os())) {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() {
                Exit::Usage
            } else {
                Exit::Done
            }
            .into();
        }
    };
    start_log(&arguments);
    limits::raise_open_files();
    let exit = run(&arguments).unwrap_or_else(|error| {
        eprintln!("reset-app: {}", plain(&error.to_string()));
        Exit::of_error(&error)
    });
    exit.into()
}

fn run(arguments: &Arguments) -> Result<Exit> {
    let open = || App::open(&arguments.settings());
    match &arguments.command {
        Command::DeleteAllUserData(erasing) => {
            let app = open()?;
            if !arguments.asking.dry_run && !guard::admits(&app, erasing.production) {
                return Ok(Exit::Refused);
            }
            delete(arguments, &app, &erasing.job())
        }
        Command::DeleteUser(deleting) => delete(arguments, &open()?, &deleting.job()),
        Command::ResetComplete(resetting) => {
            let app = open()?;
            if !arguments.asking.dry_run && !guard::admits(&app, resetting.production) {
                return Ok(Exit::Refused);
            }
            reset(arguments, &app, &resetting.job(&arguments.settings()))
        }
        Command::ClearRedis => clear_redis(arguments, &open()?),
        Command::GenerateSecrets(generating) => secrets::generate(arguments, generating),
        Command::Explain(explaining) => explain(arguments, &open()?, explaining),
        Command::Snapshot { what } => snapshot::run(arguments, &open()?, what),
        Command::Verify(verifying) => verify_users(arguments, &open()?, &verifying.job()),
        Command::Status => status(arguments, &open()?),
        Command::Resume(resuming) if resuming.give_up => give_up(arguments, &open()?),
        Command::Resume(_) => resume(arguments, &open()?),
        Command::Init(initialising) => describe::init(arguments, initialising),
        Command::Check => describe::check(arguments, &open()?),
        Command::Replay(replaying) => replay(arguments, &open()?, replaying),
    }
}

fn status(arguments: &Arguments, app: &App) -> Result<Exit> {
    let found = app.status()?;
    let answer = match arguments.format {
        Format::Text => plain(&status::text(&found)),
        Format::Json => status::json(&found),
    };
    Ok(print(&answer, Exit::Done))
}

fn explain(arguments: &Arguments, app: &App, explaining: &Explaining) -> Result<Exit> {
    let explanation = app.explain(explaining.about.as_deref())?;
    let answer = match (explaining.graph, arguments.format) {
        (Some(GraphLanguage::Mermaid), _) => plain(&mermaid(&explanation)),
        (Some(GraphLanguage::Dot), _) => plain(&dot(&explanation)),
        (None, Format::Text) => plain(&explain::text(&explanation)),
        (None, Format::Json) => explain::json(&explanation),
    };
    Ok(print(&answer, Exit::Done))
}

fn verify_users(arguments: &Arguments, app: &App, job: &Job) -> Result<Exit> {
    let mut watch = progress::bars(arguments);
    let verification = app.verify(job, &mut watch);
    watch.finish();
    let verification = verification?;
    let answer = match arguments.format {
        Format::Text => plain(&verify::text(&verification)),
        Format::Json => json::verification(&verification),
    };
    Ok(print(&answer, Exit::of_verification(&verification)))
}

fn resume(arguments: &Arguments, app: &App) -> Result<Exit> {
    if arguments.asking.dry_run {
        return Ok(show(arguments, &app.preview_resume()?, Exit::Done));
    }
    signals::listen();
    let mut watch = progress::bars(arguments);
    let report = app.resume(&mut watch);
    watch.finish();
    let report = report?;
    Ok(show(arguments, &report, Exit::of_report(&report)))
}

fn give_up(arguments: &Arguments, app: &App) -> Result<Exit> {
    let which = if arguments.asking.force {
        GivingUp::Any
    } else {
        GivingUp::Lost
    };
    let (given_up, verb) = if arguments.asking.dry_run {
        (app.preview_giving_up(which)?, "would be given up")
    } else {
        (app.give_up_restore(which)?, "was given up")
    };
    let answer = match (arguments.format, &given_up) {
        (Format::Json, name) => json::given_up(name.as_deref(), arguments.asking.dry_run),
        (Format::Text, None) => "No restore was interrupted: nothing to give up.\n".into(),
        (Format::Text, Some(name)) => plain(&format!(
            "The interrupted restore of the snapshot {name} {verb}: \
             the rows are back, files and Redis keys stay as they are.\n"
        )),
    };
    Ok(print(&answer, Exit::Done))
}

fn delete(arguments: &Arguments, app: &App, job: &Job) -> Result<Exit> {
    let asking = &arguments.asking;
    if asking.dry_run {
        return Ok(show(arguments, &app.preview(job)?, Exit::Done));
    }
    let undo = undo(arguments, job.snapshot.as_ref());
    let mut watch = progress::bars(arguments);
    let report = app.erase(
        job,
        &mut |preview| consent(asking, preview, &undo),
        &mut watch,
    );
    watch.finish();
    let report = report?;
    Ok(show(arguments, &report, Exit::of_report(&report)))
}

fn reset(arguments: &Arguments, app: &App, job: &Reset) -> Result<Exit> {
    let asking = &arguments.asking;
    if asking.dry_run {
        return Ok(show(arguments, &app.preview_reset(job)?, Exit::Done));
    }
    let undo = undo(arguments, job.snapshot.as_ref());
    let mut watch = progress::bars(arguments);
    let report = app.reset(
        job,
        &mut |preview| consent(asking, preview, &undo),
        &mut watch,
    );
    watch.finish();
    let report = report?;
    Ok(show(arguments, &report, Exit::of_report(&report)))
}

fn replay(arguments: &Arguments, app: &App, replaying: &Replaying) -> Result<Exit> {
    let asking = &arguments.asking;
    let since = replaying.since.as_ref();
    if asking.dry_run {
        return Ok(show(arguments, &app.preview_replay(since)?, Exit::Done));
    }
    let undo = undo(arguments, replaying.snapshot.as_ref());
    let mut watch = progress::bars(arguments);
    let report = app.replay(
        (since, replaying.snapshot.as_deref()),
        &mut |preview| consent(asking, preview, &undo),
        &mut watch,
    );
    watch.finish();
    let report = report?;
    Ok(show(arguments, &report, Exit::of_report(&report)))
}

fn undo(arguments: &Arguments, snapshot: Option<&String>) -> Undo {
    match snapshot {
        Some(name) => Undo::Snapshot(name.clone()),
        None => Undo::Command(arguments.snapshot_command()),
    }
}

fn clear_redis(arguments: &Arguments, app: &App) -> Result<Exit> {
    let asking = &arguments.asking;
    let report = if asking.dry_run {
        app.preview_keys()?
    } else {
        app.clear_keys(&mut |preview| consent(asking, preview, &Undo::None))?
    };
    Ok(show(arguments, &report, Exit::Done))
}

fn consent(asking: &Asking, preview: &Preview<'_>, undo: &Undo) -> Result<Consent> {
    let consent = if asking.force {
        Consent::forced()
    } else {
        question::ask(&text::report(&preview.report()?), undo, preview.subject())?
    };
    // Not earlier: at the question, SIGINT simply ends the program.
    signals::listen();
    Ok(consent)
}

fn show(arguments: &Arguments, report: &Report, exit: Exit) -> Exit {
    let answer = match arguments.format {
        Format::Text => plain(&text::report(report)),
        Format::Json => json::report(report),
    };
    print(&answer, exit)
}

/// Names of tables and users come from outside: what a terminal would obey is shown instead.
fn plain(text: &str) -> String {
    let escaped = |c: char| match c {
        '\n' => c.to_string(),
        _ if c.is_control() => c.escape_default().to_string(),
        _ => c.to_string(),
    };
    text.chars().map(escaped).collect()
}

/// Ends as `exit` says where the answer is printed; what nobody could read is not done. A reader that
/// went away has read enough.
fn print(answer: &str, exit: Exit) -> Exit {
    let mut out = std::io::stdout().lock();
    let Err(error) = out.write_all(answer.as_bytes()).and_then(|()| out.flush()) else {
        return exit;
    };
    log::warn!("the answer could not be printed: {error}");
    let gone = error.kind() == std::io::ErrorKind::BrokenPipe;
    if exit == Exit::Done && !gone {
        Exit::Except
    } else {
        exit
    }
}

fn start_log(arguments: &Arguments) {
    let level = match (arguments.quiet, arguments.verbose) {
        (true, _) => log::LevelFilter::Error,
        (false, 0) => log::LevelFilter::Warn,
        (false, 1) => log::LevelFilter::Info,
        (false, 2) => log::LevelFilter::Debug,
        (false, _) => log::LevelFilter::Trace,
    };
    let mut builder = env_logger::Builder::new();
    builder
        .filter_level(log::LevelFilter::Off)
        .filter_module("reset_app", level);
    if std::env::var_os("RUST_LOG").is_some() {
        builder.parse_default_env();
    }
    builder.write_style(arguments.color.into());
    builder.format(|out, record| {
        let style = out.default_level_style(record.level());
        writeln!(
            out,
            "{style}{}{style:#}: {}",
            record.level().as_str().to_lowercase(),
            record.args()
        )
    });
    builder.init();
}
