//! Writing the manifest of an application that has none: from what its database says.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use crate::database;
use crate::error::{Error, InferenceError, Result};
use crate::graph::Graph;
use crate::inference::{Draft, Surroundings, UsersChoice, infer};
use crate::manifest::{FILE_NAME, Manifest, Source};
use crate::outbox;
use crate::schema;
use crate::target::{FilesChoice, Settings, undescribed};

/// What is asked of [`init`].
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Where the application is.
    pub settings: Settings,
    /// Which users.
    pub users: UsersChoice,
    /// Where the manifest is written; `reset-app.toml` of the application's directory unless given.
    pub output: Option<PathBuf>,
    /// What becomes of a manifest that is there.
    pub existing: Existing,
}

/// What becomes of a file that is there already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Existing {
    /// Nothing: the command is refused.
    #[default]
    Refuse,
    /// It is replaced.
    Replace,
}

/// A manifest that was written, or would be.
#[derive(Clone, Debug)]
pub struct Initialised {
    /// The file.
    pub file: PathBuf,
    /// The database it describes.
    pub database: PathBuf,
    /// What it says.
    pub draft: Draft,
    /// Its text.
    pub text: String,
}

/// Reads a database and writes its manifest.
///
/// Changes no byte of the database (invariant 6). The file is whole or not there. Fails where the
/// database cannot be read, the users table is not clear, or a manifest is there that is not to be
/// replaced.
pub fn init(request: &Request) -> Result<Initialised> {
    let proposed = propose(request)?;
    write(&proposed.file, &proposed.text, request.existing)?;
    Ok(proposed)
}

/// The manifest that [`init`] would write. Changes nothing.
///
/// Fails as `init` does, but for what only writing finds out.
pub fn propose(request: &Request) -> Result<Initialised> {
    let (root, database) = undescribed(&request.settings)?;
    let file = root.join(request.output.as_deref().unwrap_or(Path::new(FILE_NAME)));
    if request.existing == Existing::Refuse && file.symlink_metadata().is_ok() {
        return Err(InferenceError::Exists { file }.into());
    }
    let neighbours = ["-wal", "-shm", "-journal", crate::run_lock::SUFFIX];
    let mut protected = vec![
        database.clone(),
        file.clone(),
        root.join(FILE_NAME),
        root.join(".env"),
    ];
    protected.extend(neighbours.map(|suffix| database::neighbour(&database, suffix)));
    let surroundings = Surroundings {
        root: &root,
        protected: &protected,
    };
    let surroundings = (request.settings.files == FilesChoice::Remove).then_some(&surroundings);
    let (draft, text) = database::look(&database, |connection| {
        let mut schema = schema::read(connection)?;
        schema.tables.retain(|table| table.name != outbox::TABLE);
        let mut draft = infer(connection, &schema, surroundings, &request.users)?;
        let within = database.strip_prefix(&root).unwrap_or(&database);
        draft.database = within.to_str().map(str::to_owned);
        let text = draft.to_toml();
        Graph::new(
            &schema,
            &Manifest::parse(&text, Source::File(file.clone()))?,
        )?;
        Ok((draft, text))
    })?;
    Ok(Initialised {
        file,
        database,
        draft,
        text,
    })
}

/// What a manifest that is not yet whole is called. One that an interrupted command left is written
/// over.
const UNFINISHED: &str = ".reset-app-init";

fn write(file: &Path, text: &str, existing: Existing) -> Result<()> {
    let failed = |error| {
        Error::from(InferenceError::Write {
            file: file.into(),
            error,
        })
    };
    let directory = file
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let directory = directory.unwrap_or(Path::new("."));
    let opened = File::open(directory).map_err(failed)?;
    let mut builder = tempfile::Builder::new();
    let new = builder.prefix(UNFINISHED).rand_bytes(0);
    let mut new = new.make_in(directory, unfinished).map_err(failed)?;
    new.write_all(text.as_bytes()).map_err(failed)?;
    new.as_file().sync_all().map_err(failed)?;
    let target = match existing {
        Existing::Replace
            if file
                .symlink_metadata()
                .is_ok_and(|found| found.is_symlink()) =>
        {
            fs::canonicalize(file).map_err(failed)?
        }
        _ => file.to_owned(),
    };
    let written = match existing {
        Existing::Refuse => new.persist_noclobber(&target),
        Existing::Replace => new.persist(&target),
    };
    written.map_err(|refused| match refused.error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            Error::from(InferenceError::Exists { file: file.into() })
        }
        _ => failed(refused.error),
    })?;
    opened.sync_all().map_err(|error| {
        Error::from(InferenceError::NotDurable {
            file: file.into(),
            error,
        })
    })
}

/// The file that is not yet whole, empty, and this command's alone.
fn unfinished(path: &Path) -> std::io::Result<File> {
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o644)
        .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
        .open(path)?;
    file.try_lock()?;
    file.set_len(0)?;
    Ok(file)
}
