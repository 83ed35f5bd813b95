//! Why no `.env` was written.

use std::io;
use std::path::PathBuf;

use crate::error::Class;

/// Why no `.env` was written. The one that was there is as before, unless the sentence says otherwise.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretsError {
    /// There is one.
    #[error(
        "`{}` exists and is not overwritten; `--force` keeps it as `.env.<time>` and writes a new one", file.display()
    )]
    Exists {
        /// The file.
        file: PathBuf,
    },
    /// It is no file of its own.
    #[error("`{}` is {found}, not a regular file, so it is not replaced; remove it, or write it by hand", file.display())]
    NotAFile {
        /// What is in the way.
        file: PathBuf,
        /// What it is.
        found: &'static str,
    },
    /// It cannot be looked at or kept.
    #[error("could not read `{}`, which is to be kept: {error}; nothing was changed", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Somebody else writes it.
    #[error("`{}` was changed by another program meanwhile; nothing was overwritten, run again", file.display())]
    Changed {
        /// The file.
        file: PathBuf,
    },
    /// Another run writes it.
    #[error("another run generates secrets in `{}`; wait until it ends", root.display())]
    AnotherRun {
        /// The directory.
        root: PathBuf,
    },
    /// It cannot be written.
    #[error("could not write `{}`: {error}; the file is as before, {}", file.display(), remedy(error))]
    Write {
        /// The file.
        file: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It is written, but may not survive a crash of the machine.
    #[error("`{}` was replaced, but the disk did not confirm it: {error}; look whether it is there after the disk is mended", file.display())]
    NotDurable {
        /// The file.
        file: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The template cannot be read.
    #[error("could not read the template `{}`: {error}", file.display())]
    TemplateUnreadable {
        /// The template.
        file: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A line of the template is none of a `.env` file.
    #[error("line {line} of the template `{}` is no `NAME=value`; quote its value, or make it a comment", file.display())]
    TemplateLine {
        /// The template.
        file: PathBuf,
        /// The line.
        line: usize,
    },
    /// The template reads differently by different rules.
    #[error(
        "the quotes of the template `{}` can be read in several ways; put each value into one pair of \
         quotes, on one line", file.display()
    )]
    TemplateQuotes {
        /// The template.
        file: PathBuf,
    },
    /// The template has a name twice.
    #[error("the template `{}` has `{name}` twice, in line {first} and in line {second}; remove one of them", file.display())]
    TemplateTwice {
        /// The template.
        file: PathBuf,
        /// The name.
        name: String,
        /// Its first line.
        first: usize,
        /// Its second.
        second: usize,
    },
    /// The template is of another application.
    #[error(
        "the template `{}` has none of the variables of {application}, whose manifest is built in; \
         list your application's as [[environment]] in a `reset-app.toml` in its root", file.display()
    )]
    NotBuiltin {
        /// The template.
        file: PathBuf,
        /// The reference application.
        application: String,
    },
    /// The manifest lists nothing.
    #[error("{source_name} lists no [[environment]], so there is nothing to generate")]
    NothingListed {
        /// The manifest.
        source_name: String,
    },
    /// Nobody gives a value.
    #[error(
        "`{name}` has to be asked for, and there is nobody to ask; set the environment variable `{name}`, \
         or give it a `default` in the manifest"
    )]
    NoAnswer {
        /// The variable.
        name: String,
    },
    /// A value that no `.env` can hold.
    #[error(
        "the value given for `{name}` is empty, holds a control character, or is not UTF-8; give another"
    )]
    Unusable {
        /// The variable.
        name: String,
    },
}

impl SecretsError {
    pub(crate) fn class(&self) -> Class {
        match self {
            Self::Unreadable { .. }
            | Self::Changed { .. }
            | Self::AnotherRun { .. }
            | Self::Write { .. }
            | Self::NotDurable { .. } => Class::Failed,
            _ => Class::Refused,
        }
    }
}

fn remedy(error: &io::Error) -> &'static str {
    use io::ErrorKind::{PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    match error.kind() {
        StorageFull | QuotaExceeded => "make room and run again",
        PermissionDenied => "check who may write its directory",
        ReadOnlyFilesystem => "its file system is mounted read-only",
        _ => "mend the cause and run again",
    }
}
