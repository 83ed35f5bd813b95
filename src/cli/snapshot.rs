//! `snapshot`: the commands, and what they print.

mod show;

use std::fmt::Write;
use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};
use reset_app::error::Result;
use reset_app::run::App;
use reset_app::snapshot::{About, Archive, Asking, Difference, Keys, Rows, Snapshot, Structure};
use serde_json::{Value, json};

use super::arguments::{Arguments, Format};
use super::exit::Exit;
use super::{plain, print, question};
use show::{
    about, about_object, difference_object, differs, files_object, kept, line, path, section,
    shown, went_back,
};

/// What is to be done with snapshots.
#[derive(Debug, Subcommand)]
pub(crate) enum Snapshotting {
    /// Save rows and files together
    Save {
        /// What to call it
        #[arg(value_name = "NAME")]
        name: String,
        /// The directory of snapshots [default: .reset-app/snapshots of the root]
        #[arg(long, value_name = "DIR")]
        to: Option<PathBuf>,
        #[command(flatten)]
        keys: WithRedis,
    },
    /// Put rows and files back as they were saved
    Restore {
        /// The snapshot
        #[arg(value_name = "NAME")]
        name: String,
        #[command(flatten)]
        from: From,
        #[command(flatten)]
        keys: WithRedis,
        /// Go back also where the structure of the database is another now
        #[arg(long)]
        other_structure: bool,
    },
    /// List the snapshots that are there
    List {
        #[command(flatten)]
        from: From,
    },
    /// Remove a snapshot, or all that are old
    #[command(group = ArgGroup::new("which").args(["name", "older_than"]).required(true))]
    Drop {
        /// The snapshot
        #[arg(value_name = "NAME")]
        name: Option<String>,
        /// All that were saved longer ago: 45m, 12h, 30d, 8w
        #[arg(long, value_name = "AGE", value_parser = seconds)]
        older_than: Option<i64>,
        #[command(flatten)]
        from: From,
    },
    /// Show which tables and files are not as they were saved, by count
    Diff {
        /// The snapshot
        #[arg(value_name = "NAME")]
        name: String,
        #[command(flatten)]
        from: From,
        #[command(flatten)]
        keys: WithRedis,
    },
}

/// Whether Redis is part of it.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct WithRedis {
    /// The application's keys in Redis, too
    #[arg(long)]
    with_redis: bool,
}

impl WithRedis {
    fn keys(self) -> Keys {
        if self.with_redis {
            Keys::Included
        } else {
            Keys::Left
        }
    }
}

/// Where snapshots are.
#[derive(Args, Debug)]
pub(crate) struct From {
    /// The directory of snapshots [default: .reset-app/snapshots of the root]
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
}

impl From {
    fn archive(&self, app: &App) -> Result<Archive> {
        Archive::of(app.target(), self.from.as_deref())
    }
}

/// Does the command.
pub(crate) fn run(arguments: &Arguments, app: &App, what: &Snapshotting) -> Result<Exit> {
    match what {
        Snapshotting::Save { name, to, keys } => save(
            arguments,
            app,
            &Archive::of(app.target(), to.as_deref())?.with(keys.keys()),
            name,
        ),
        Snapshotting::Restore {
            name,
            from,
            keys,
            other_structure,
        } => {
            let structure = if *other_structure {
                Structure::Any
            } else {
                Structure::Same
            };
            let archive = from.archive(app)?.with(keys.keys());
            restore(arguments, app, &archive, name, structure)
        }
        Snapshotting::List { from } => list(arguments, &from.archive(app)?),
        Snapshotting::Drop {
            name,
            older_than,
            from,
        } => {
            let archive = from.archive(app)?;
            drop_all(arguments, app, &archive, name.as_deref(), *older_than)
        }
        Snapshotting::Diff { name, from, keys } => {
            let archive = from.archive(app)?.with(keys.keys());
            let (about, difference) = Snapshot::diff(app.target(), &archive, name)?;
            let exit = if difference.is_none() {
                Exit::Done
            } else {
                Exit::Found
            };
            Ok(show(
                arguments,
                exit,
                || differs(&about, &difference),
                || difference_object("snapshot diff", &about, &difference),
            ))
        }
    }
}

fn save(arguments: &Arguments, app: &App, archive: &Archive, name: &str) -> Result<Exit> {
    if arguments.asking.dry_run {
        Snapshot::may_be_saved(app.target(), archive, name)?;
        let text = || format!("The snapshot `{name}` can be saved.\n");
        let object =
            || json!({"operation": "snapshot save", "dry_run": true, "snapshot": {"name": name}});
        return Ok(show(arguments, Exit::Done, text, object));
    }
    let saved = Snapshot::save(app.target(), archive, name)?;
    let text = || {
        let mut text = format!("Saved {}\n  in {}\n", line(&saved), path(&saved));
        section(&mut text, "Warnings:", &saved.warnings);
        text
    };
    let object = || {
        json!({
            "operation": "snapshot save",
            "dry_run": false,
            "snapshot": about(&saved),
            "warnings": saved.warnings,
        })
    };
    Ok(show(arguments, Exit::Done, text, object))
}

fn restore(
    arguments: &Arguments,
    app: &App,
    archive: &Archive,
    name: &str,
    structure: Structure,
) -> Result<Exit> {
    if arguments.asking.dry_run {
        let preview = Snapshot::preview(app.target(), archive, name, structure)?;
        let (about, difference) = &preview;
        return Ok(show(
            arguments,
            Exit::Done,
            || differs(about, difference),
            || difference_object("snapshot restore", about, difference),
        ));
    }
    let subject = app.target().name();
    let mut ask = |about: &About, difference: &Difference| {
        question::ask_to_restore(&differs(about, difference), &subject)
    };
    let asking = if arguments.asking.force {
        Asking::Nobody
    } else {
        Asking::Somebody(&mut ask)
    };
    let restored = Snapshot::restore(app.target(), archive, name, structure, asking)?;
    let exit = if restored.left.is_empty() {
        Exit::Done
    } else {
        Exit::Except
    };
    let object = || {
        json!({
            "operation": "snapshot restore",
            "dry_run": false,
            "run": restored.run,
            "snapshot": about_object(&restored.about),
            "database_changed": restored.database == Rows::PutBack,
            "files": files_object(restored.files),
            "keys": restored.keys.map(|keys| keys.total()),
            "keys_aged": restored.keys.map(|keys| keys.aged),
            "left": kept(&restored.left),
            "warnings": restored.warnings,
        })
    };
    Ok(show(arguments, exit, || went_back(&restored), object))
}

fn list(arguments: &Arguments, archive: &Archive) -> Result<Exit> {
    let (snapshots, broken) = Snapshot::list(archive)?;
    let text = || {
        let mut text = String::new();
        if snapshots.is_empty() && broken.is_empty() {
            let _ = writeln!(text, "No snapshots in {}", shown(archive.directory()));
        }
        for snapshot in &snapshots {
            let _ = writeln!(text, "{}", line(snapshot));
        }
        let lines: Vec<String> = broken.iter().map(|one| one.reason.clone()).collect();
        section(&mut text, "Not usable:", &lines);
        text
    };
    let object = || {
        json!({
            "operation": "snapshot list",
            "directory": shown(archive.directory()),
            "snapshots": snapshots.iter().map(about).collect::<Vec<_>>(),
            "damaged": broken.iter().map(|one| json!({"name": one.path, "reason": one.reason})).collect::<Vec<_>>(),
        })
    };
    Ok(show(arguments, Exit::Done, text, object))
}

fn drop_all(
    arguments: &Arguments,
    app: &App,
    archive: &Archive,
    name: Option<&str>,
    age: Option<i64>,
) -> Result<Exit> {
    let names: Vec<String> = match (name, age) {
        (Some(name), _) => vec![name.into()],
        (None, age) => {
            let oldest = reset_app::snapshot::now() - age.unwrap_or(i64::MAX);
            let old = Snapshot::list(archive)?.0.into_iter();
            let old = old.filter(|one| one.about.seconds < oldest);
            old.map(|one| one.about.name).collect()
        }
    };
    for name in &names {
        if arguments.asking.dry_run {
            Snapshot::may_be_dropped(app.target(), archive, name)?;
        } else {
            Snapshot::drop(app.target(), archive, name)?;
        }
    }
    let verb = if arguments.asking.dry_run {
        "Would drop"
    } else {
        "Dropped"
    };
    let text = || match names.as_slice() {
        [] => "No snapshot is that old.\n".into(),
        names => names.iter().fold(String::new(), |text, name| {
            text + &format!("{verb} {name}\n")
        }),
    };
    let object = || {
        json!({
            "operation": "snapshot drop",
            "dry_run": arguments.asking.dry_run,
            "dropped": names,
        })
    };
    Ok(show(arguments, Exit::Done, text, object))
}

fn show(
    arguments: &Arguments,
    exit: Exit,
    text: impl Fn() -> String,
    object: impl Fn() -> Value,
) -> Exit {
    let answer = match arguments.format {
        Format::Text => plain(&text()),
        Format::Json => format!("{:#}\n", object()),
    };
    print(&answer, exit)
}

/// An age, as `30d`, in seconds.
fn seconds(text: &str) -> std::result::Result<i64, String> {
    let wrong = || "an age is a number and one of m, h, d, w, such as 30d".to_owned();
    let unit = match text.chars().last() {
        Some('m') => 60,
        Some('h') => 3600,
        Some('d') => 24 * 3600,
        Some('w') => 7 * 24 * 3600,
        _ => return Err(wrong()),
    };
    let number: u32 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    i64::from(number).checked_mul(unit).ok_or_else(wrong)
}
