//! Where each value comes from, and whether it is written.

use std::ffi::OsString;

use super::template::Template;
use super::value::{Secret, usable};
use super::{Asking, Place, Planned, SecretsError};
use crate::error::{Error, Result};
use crate::manifest::Manifest;
use crate::manifest::Source as Origin;
use crate::manifest::environment::{Kind, Text, Variable};

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The operating system's random bytes.
    Generated,
    /// The environment variable of the same name.
    Environment,
    /// Whoever is asked.
    Answer,
    /// The template, whose value stays.
    Template,
    /// The manifest's default.
    Default,
    /// The manifest.
    Manifest,
}

impl Source {
    /// Its name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Generated => "generated",
            Self::Environment => "environment",
            Self::Answer => "answer",
            Self::Template => "template",
            Self::Default => "default",
            Self::Manifest => "manifest",
        }
    }
}

/// All that can give a value.
pub(super) struct Sources<'s> {
    pub(super) template: Option<&'s Template>,
    pub(super) asking: Asking,
    pub(super) environment: &'s dyn Fn(&str) -> Option<OsString>,
}

impl Sources<'_> {
    /// A source for each variable of the manifest.
    pub(super) fn plan(&self, manifest: &Manifest) -> Result<Vec<Planned>> {
        let variables = manifest.environment.variables();
        if variables.is_empty() {
            let source_name = manifest.source.to_string();
            return Err(Error::from(SecretsError::NothingListed { source_name }));
        }
        self.refuse_other_application(manifest)?;
        variables
            .iter()
            .map(|variable| self.one(variable, variables))
            .collect()
    }

    /// The built-in list is no answer to a template that has never heard of it.
    fn refuse_other_application(&self, manifest: &Manifest) -> Result<()> {
        let Some(template) = self.template.filter(|_| manifest.source == Origin::Builtin) else {
            return Ok(());
        };
        let listed = manifest.environment.variables();
        if listed.iter().any(|v| template.value(&v.name).is_some()) {
            return Ok(());
        }
        Err(Error::from(SecretsError::NotBuiltin {
            file: template.file().into(),
            application: manifest.application.name.clone(),
        }))
    }

    fn one(&self, variable: &Variable, all: &[Variable]) -> Result<Planned> {
        let name = variable.name.as_str();
        let (source, place, known) = match &variable.kind {
            Kind::Ask { default, .. } => self.asked(name, default.as_deref())?,
            Kind::Fixed(text) => self.fixed(name, text, all)?,
            Kind::Token(_) | Kind::Fernet | Kind::Password { .. } => {
                (Source::Generated, self.place_of_secret(name), None)
            }
        };
        Ok(Planned {
            name: name.into(),
            kind: variable.kind.clone(),
            source,
            place,
            known,
        })
    }

    /// A secret that the template has made a comment is one that the application does without.
    fn place_of_secret(&self, name: &str) -> Place {
        match self.template {
            Some(template) if template.value(name).is_none() && template.comments_out(name) => {
                Place::Omitted
            }
            _ => Place::Filled,
        }
    }

    fn asked(&self, name: &str, default: Option<&str>) -> Result<Found> {
        if let Some(given) = (self.environment)(name).filter(|given| !given.is_empty()) {
            let text = given.to_str().unwrap_or_default();
            return Ok((
                Source::Environment,
                Place::Filled,
                Some(usable(name, text)?),
            ));
        }
        let secret = |text: &str| Secret::new(text.into());
        let template = self.set_in_template(name);
        if self.asking == Asking::Somebody {
            let offer = template.or(default).map(secret);
            return Ok((Source::Answer, Place::Filled, offer));
        }
        match (template, default) {
            (Some(value), _) => Ok((Source::Template, Place::Kept, Some(secret(value)))),
            (None, Some(value)) => Ok((Source::Default, Place::Filled, Some(secret(value)))),
            (None, None) => Err(Error::from(SecretsError::NoAnswer { name: name.into() })),
        }
    }

    fn fixed(&self, name: &str, text: &Text, all: &[Variable]) -> Result<Found> {
        let manifests = |place| Ok((Source::Manifest, place, None));
        if self
            .template
            .is_some_and(|template| template.value(name).is_none())
        {
            return manifests(Place::Omitted);
        }
        let Some(value) = self.set_in_template(name) else {
            return manifests(Place::Filled);
        };
        if !text.references().any(|other| self.is_fresh(other, all)) {
            let known = Secret::new(value.into());
            return Ok((Source::Template, Place::Kept, Some(known)));
        }
        if self
            .template
            .is_some_and(|t| t.refers(name, text.references()))
        {
            return Ok((Source::Template, Place::Kept, None));
        }
        manifests(Place::Filled)
    }

    /// Whether a variable gets another value than the template's.
    fn is_fresh(&self, name: &str, all: &[Variable]) -> bool {
        match all.iter().find(|v| v.name == name).map(|v| &v.kind) {
            Some(Kind::Fixed(text)) => text.references().any(|other| self.is_fresh(other, all)),
            Some(Kind::Ask { .. }) => {
                self.asking == Asking::Somebody
                    || self.set_in_template(name).is_none()
                    || (self.environment)(name).is_some_and(|given| !given.is_empty())
            }
            _ => true,
        }
    }

    fn set_in_template(&self, name: &str) -> Option<&str> {
        let value = self.template?.value(name)?;
        Some(value).filter(|value| !value.is_empty())
    }
}

type Found = (Source, Place, Option<Secret>);
