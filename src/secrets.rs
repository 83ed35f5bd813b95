//! A fresh `.env`, from the template `.env.example` or from the manifest's list alone.
//!
//! ```text
//! root, manifest ─▶ plan      which variable gets its value from where, or a refusal; reads only
//!                   preview   names, kinds, sources
//!                   write     values ─▶ text (pure) ─▶ read back ─▶ the file, replaced
//! ```
//!
//! A template decides which settings the application has: its bytes stay, what is generated and
//! asked for is filled in (and added at the end where the template does not know it), and a fixed
//! value stays as the template has it, unless it is made of a value that is generated.
//!
//! # Invariants
//!
//! 1. At any instant `.env` is the old file or the new one, whole.
//! 2. The old file is kept, durably, before the new one takes its name; no kept file is overwritten.
//! 3. No value is logged, shown by `Debug`, or part of an error. Whoever holds [`Written`] may show
//!    them.
//! 4. What is written reads back, by the rules of `.env` files, as what was meant.

mod error;
mod file;
mod quote;
mod random;
mod source;
mod template;
mod value;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::manifest::Manifest;
use crate::manifest::environment::{Kind, Variable as Declared};

pub use error::SecretsError;
pub use source::Source;
pub use value::Secret;

use source::Sources;
use template::Template;
use value::Values;

/// The file that is written, in the application's root.
pub const FILE_NAME: &str = ".env";

/// The file that says what it should hold, in the application's root.
pub const TEMPLATE_NAME: &str = ".env.example";

/// What to do with a `.env` that is there already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Existing {
    /// Nothing is written.
    #[default]
    Refuse,
    /// It is kept as `.env.<time>` and replaced.
    Keep,
}

/// Whether somebody can be asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Asking {
    /// Values that are asked for come from the environment, the template or their defaults.
    #[default]
    Nobody,
    /// Somebody answers what the environment does not say.
    Somebody,
}

/// What somebody is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question<'p> {
    /// The variable.
    pub name: &'p str,
    /// The question, as the manifest has it.
    pub text: &'p str,
    /// What an empty answer means, if it means anything.
    pub offer: Option<&'p str>,
}

/// What will be written; used once.
#[derive(Debug)]
pub struct Plan {
    root: PathBuf,
    existing: Existing,
    template: Option<Template>,
    variables: Vec<Planned>,
    /// The name under which the file that is there is kept, if there is one.
    kept: Option<String>,
}

#[derive(Debug)]
struct Planned {
    name: String,
    kind: Kind,
    source: Source,
    place: Place,
    /// The value, where the plan knows it: that of the environment, the template or a default.
    known: Option<Secret>,
}

/// Whether a variable is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Its new value is.
    Filled,
    /// What the template says stays.
    Kept,
    /// It is not: the template does without it. Others may be made of its value all the same.
    Omitted,
}

/// A variable of the new file.
#[derive(Clone, Debug)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// How the manifest says that it gets its value.
    pub kind: &'static str,
    /// Where the value comes from.
    pub source: Source,
    /// The value, once it is written; none in a preview, and none where the template's stays.
    pub value: Option<Secret>,
}

/// What was written, or would be.
#[derive(Clone, Debug)]
pub struct Written {
    /// The file.
    pub file: PathBuf,
    /// The name of the file before, in the same directory, if there was one.
    pub kept: Option<String>,
    /// The variables of the manifest's list that the file holds.
    pub variables: Vec<Variable>,
    /// What to know of the file.
    pub warnings: Vec<String>,
}

/// Finds out what a fresh `.env` of `root` would hold. Changes nothing.
///
/// `environment` tells the value of an environment variable; it is asked for those that the
/// manifest asks for. Fails as the writing would be refused: a `.env` that is there, is a link or is no file,
/// a template that cannot be read, a value that nobody gives.
pub fn plan(
    root: &Path,
    manifest: &Manifest,
    existing: Existing,
    asking: Asking,
    environment: &dyn Fn(&str) -> Option<OsString>,
) -> Result<Plan> {
    let there = file::look(root, existing)?;
    let template = Template::find(&root.join(TEMPLATE_NAME))?;
    let sources = Sources {
        template: template.as_ref(),
        asking,
        environment,
    };
    let variables = sources.plan(manifest)?;
    Ok(Plan {
        root: root.into(),
        existing,
        kept: there.map(|_| file::kept_name(0)),
        template,
        variables,
    })
}

/// The variables that the `.env` of `root` is expected to set: those of the template that have a
/// value there or get one, and those of the manifest's list that the template does not leave out.
///
/// Fails where the template cannot be read.
pub(crate) fn expected(root: &Path, manifest: &Manifest) -> Result<BTreeSet<String>> {
    let template = Template::find(&root.join(TEMPLATE_NAME))?;
    let listed = manifest.environment.variables();
    let is_wanted = |variable: &&Declared| match &template {
        Some(template) => {
            let fixed = matches!(variable.kind, Kind::Fixed(_));
            template.value(&variable.name).is_some()
                || (!fixed && !template.comments_out(&variable.name))
        }
        None => true,
    };
    let wanted = listed.iter().filter(is_wanted);
    let mut names: BTreeSet<String> = wanted.map(|variable| variable.name.clone()).collect();
    if let Some(template) = &template {
        let filled = |name: &&str| template.value(name).is_some_and(|value| !value.is_empty());
        names.extend(template.names().filter(filled).map(str::to_owned));
    }
    Ok(names)
}

impl Plan {
    /// What would be written.
    #[must_use]
    pub fn preview(&self) -> Written {
        self.written(self.kept.clone(), Vec::new(), &Values::new())
    }

    /// Asks what is to be asked, draws what is to be drawn, and writes the file.
    ///
    /// Fails before anything is changed where an answer cannot be used or the file cannot be
    /// written; after a failure, and after a crash, `.env` is the old file or the new one.
    pub fn write(self, ask: &mut dyn FnMut(Question<'_>) -> Result<String>) -> Result<Written> {
        let values = value::all(&self.variables, ask)?;
        let filled: Vec<(&str, &str)> = self
            .variables
            .iter()
            .filter(|planned| planned.place == Place::Filled)
            .filter_map(|planned| {
                Some((planned.name.as_str(), values.get(&planned.name)?.expose()))
            })
            .collect();
        let text = template::filled(self.template.as_ref(), &filled)?;
        let replaced = file::replace(&self.root, text.as_bytes(), self.existing)?;
        log::info!(
            "wrote `{}`",
            crate::roots::shown(&self.root.join(FILE_NAME))
        );
        Ok(self.written(replaced.kept, replaced.warnings, &values))
    }

    fn written(&self, kept: Option<String>, warnings: Vec<String>, values: &Values) -> Written {
        let present = self.variables.iter().filter(|v| v.place != Place::Omitted);
        Written {
            file: self.root.join(FILE_NAME),
            kept,
            variables: present.map(|v| v.shown(values.get(&v.name))).collect(),
            warnings,
        }
    }
}

impl Planned {
    fn shown(&self, value: Option<&Secret>) -> Variable {
        Variable {
            name: self.name.clone(),
            kind: self.kind.name(),
            source: self.source,
            value: value.filter(|_| self.place == Place::Filled).cloned(),
        }
    }
}
