//! Commands that write one file anew: a manifest, an environment.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::super::install::{Install, Tree};
use super::super::run::{Outcome, reset_app};
use super::super::small::small;
use super::super::sweep::{Checked, Journal, Subject, ends_well, same};

const INIT: [&str; 1] = ["init"];
const SECRETS: [&str; 2] = ["generate-secrets", "--force"];
const MANIFEST: &str = "reset-app.toml";
const ENVIRONMENT: &str = ".env";

/// Writing the manifest of an application.
pub(crate) struct Init {
    template: Install,
    before: Tree,
    manifest: String,
}

impl Init {
    pub(crate) fn new(journal: Journal) -> Self {
        let template = journal.of(small());
        let done = template.again();
        reset_app().root(done.root()).args(INIT).run().expect(0);
        Self {
            before: template.tree(),
            manifest: fs::read_to_string(done.path(MANIFEST)).unwrap(),
            template,
        }
    }

    /// Whether there is the whole manifest; one that says at its end that it is not all of it, because a
    /// directory could not be read, is as good as none.
    fn written(&self, install: &Install) -> Checked<bool> {
        let rows = |text: &str| text.split("\n[files]\n").next().map(str::to_owned);
        let last = |text: &str| text.lines().last().map(str::to_owned);
        let says_so = |text: &str| {
            last(text).is_some_and(|last| last.starts_with("# Not all of it: "))
                && text.ends_with('\n')
                && rows(text.split("\n# Not all of it: ").next().unwrap_or_default())
                    == rows(&self.manifest)
        };
        match fs::read_to_string(install.path(MANIFEST)) {
            Ok(text) if text == self.manifest => Ok(true),
            Ok(text) if says_so(&text) => Ok(false),
            Ok(text) => Err(format!("a part of the manifest:\n{text}")),
            Err(_) => Ok(false),
        }
    }
}

impl fmt::Debug for Init {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&INIT.join(" "))
    }
}

impl Subject for Init {
    fn template(&self) -> &Install {
        &self.template
    }

    fn words(&self) -> Vec<&str> {
        INIT.to_vec()
    }

    /// Nothing but the manifest, and that whole.
    fn check_middle(&self, install: &Install) -> Checked {
        self.written(install)?;
        let application = |path: &[u8]| self.before.has(path);
        same(
            "the application",
            &self.before,
            &install.tree().retain(application),
        )
    }

    fn check_end(&self, install: &Install) -> Checked {
        if !self.written(install)? {
            return Err("there is no manifest".into());
        }
        let all_but_it = install.tree().without(MANIFEST);
        same("the application", &self.before, &all_but_it)
    }

    fn is_untouched(&self, install: &Install) -> bool {
        !install.has(MANIFEST)
    }

    fn rerun(&self, install: &Install, _: usize) -> Checked<Outcome> {
        ends_well(reset_app().root(install.root()).args(["init", "--force"]))
    }
}

/// Writing a fresh environment beside an old one.
pub(crate) struct Secrets {
    template: Install,
    old: String,
}

impl Secrets {
    pub(crate) fn new() -> Self {
        let template = small();
        let old = fs::read_to_string(template.path(ENVIRONMENT)).unwrap();
        Self { template, old }
    }

    /// The old environment, under whatever name.
    fn check_old(&self, install: &Install) -> Checked {
        let is_old = |name: &String| {
            let text = fs::read_to_string(install.path(name)).unwrap_or_default();
            name.starts_with(ENVIRONMENT) && text == self.old
        };
        match names(install).iter().find(|name| is_old(name)) {
            Some(_) => Ok(()),
            None => Err("the old environment is lost".into()),
        }
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&SECRETS.join(" "))
    }
}

impl Subject for Secrets {
    fn template(&self) -> &Install {
        &self.template
    }

    fn words(&self) -> Vec<&str> {
        SECRETS.to_vec()
    }

    /// The old one is not lost, and what is called `.env` is whole.
    fn check_middle(&self, install: &Install) -> Checked {
        self.check_old(install)?;
        match fs::read_to_string(install.path(ENVIRONMENT)) {
            Ok(text) if text == self.old => Ok(()),
            Ok(_) => check_new(install),
            Err(error) => Err(error.to_string()),
        }
    }

    fn check_end(&self, install: &Install) -> Checked {
        self.check_old(install)?;
        check_new(install)?;
        let left = names(install);
        let left = left.iter().find(|name| name.contains("reset-app"));
        left.map_or(Ok(()), |left| Err(format!("`{left}` is left")))
    }

    fn is_untouched(&self, install: &Install) -> bool {
        fs::read_to_string(install.path(ENVIRONMENT)).is_ok_and(|text| text == self.old)
    }

    fn rerun(&self, install: &Install, _: usize) -> Checked<Outcome> {
        ends_well(reset_app().root(install.root()).args(SECRETS))
    }
}

/// The file is whole, and its owner's alone.
fn check_new(install: &Install) -> Checked {
    let read = dotenvy::from_path_iter(install.path(ENVIRONMENT));
    let read = read.map_err(|error| error.to_string())?;
    let variables: BTreeMap<String, String> = read
        .collect::<Result<_, _>>()
        .map_err(|error| error.to_string())?;
    let secret = variables.get("FLASK_SECRET_KEY").map(String::len);
    let mode = install.path(ENVIRONMENT).metadata().unwrap();
    let mode = mode.permissions().mode() & 0o7777;
    if secret == Some(43) && mode == 0o600 {
        return Ok(());
    }
    Err(format!("a secret of {secret:?}, mode {mode:o}"))
}

fn names(install: &Install) -> Vec<String> {
    let entries = fs::read_dir(install.root()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.collect()
}
