//! The values themselves.

use std::collections::BTreeMap;
use std::fmt;

use super::{Planned, Question, SecretsError, Source, random};
use crate::error::{Error, Result};
use crate::manifest::environment::Kind;

/// A value that nobody sees by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub(super) fn new(value: String) -> Self {
        Self(value)
    }

    /// The value, for whoever may show it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Secret")
    }
}

/// The value of each variable, by name.
pub(super) type Values = BTreeMap<String, Secret>;

/// Asks, draws, and puts together what is made of others.
pub(super) fn all(
    variables: &[Planned],
    ask: &mut dyn FnMut(Question<'_>) -> Result<String>,
) -> Result<Values> {
    let mut values = Values::new();
    for planned in variables {
        if let Some(value) = simple(planned, ask)? {
            values.insert(planned.name.clone(), value);
        }
    }
    while values.len() < variables.len() {
        let before = values.len();
        combine(variables, &mut values);
        if values.len() == before {
            return Err(Error::Bug(
                "values that refer to each other were not refused",
            ));
        }
    }
    Ok(values)
}

/// A value that is made of no other; none where it is.
fn simple(
    planned: &Planned,
    ask: &mut dyn FnMut(Question<'_>) -> Result<String>,
) -> Result<Option<Secret>> {
    Ok(match (&planned.kind, planned.source) {
        (Kind::Token(bytes), _) => Some(random::token(*bytes)?),
        (Kind::Fernet, _) => Some(random::fernet()?),
        (Kind::Password { length, alphabet }, _) => Some(random::password(*length, alphabet)?),
        (Kind::Ask { question, .. }, Source::Answer) => {
            let offer = planned.known.as_ref().map(Secret::expose);
            let question = Question {
                name: &planned.name,
                text: question,
                offer,
            };
            Some(answered(question, ask)?)
        }
        (Kind::Ask { .. } | Kind::Fixed(_), _) => planned.known.clone(),
    })
}

fn answered(
    question: Question<'_>,
    ask: &mut dyn FnMut(Question<'_>) -> Result<String>,
) -> Result<Secret> {
    let answer = ask(question)?;
    match (answer.trim(), question.offer) {
        ("", Some(offer)) => Ok(Secret::new(offer.into())),
        (answer, _) => usable(question.name, answer),
    }
}

/// The text as a value, unless no `.env` could hold it.
pub(super) fn usable(name: &str, text: &str) -> Result<Secret> {
    if text.is_empty() || text.contains(char::is_control) {
        return Err(Error::from(SecretsError::Unusable { name: name.into() }));
    }
    Ok(Secret::new(text.into()))
}

/// Adds what refers only to values that are there.
fn combine(variables: &[Planned], values: &mut Values) {
    for Planned { name, kind, .. } in variables {
        let Kind::Fixed(text) = kind else { continue };
        if values.contains_key(name) {
            continue;
        }
        if let Some(value) = text.resolve(|other| values.get(other).map(Secret::expose)) {
            values.insert(name.clone(), Secret::new(value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Manifest;
    use crate::secrets::{Asking, Existing, plan};

    fn planned(asking: Asking, given: Option<&str>) -> crate::secrets::Plan {
        let root = tempfile::TempDir::new().unwrap();
        let manifest = Manifest::builtin().unwrap();
        let environment = |_: &str| given.map(Into::into);
        plan(
            root.path(),
            &manifest,
            Existing::Refuse,
            asking,
            &environment,
        )
        .unwrap()
    }

    #[test]
    fn debug_shows_no_value() {
        let plan = planned(Asking::Nobody, Some("hidden"));
        let values = all(&plan.variables, &mut |_| unreachable!()).unwrap();
        let shown = format!("{plan:?} {values:?}");
        assert!(!shown.contains("hidden"), "{shown}");
        assert!(
            !shown.contains(values["FLASK_SECRET_KEY"].expose()),
            "{shown}"
        );
    }

    #[test]
    fn an_empty_answer_means_what_is_offered() {
        let plan = planned(Asking::Somebody, None);
        let answers = |question: Question<'_>| {
            Ok(match question.offer {
                Some("admin") => " \n".to_owned(),
                _ => " me@here \n".to_owned(),
            })
        };
        let values = all(&plan.variables, &mut { answers }).unwrap();
        assert_eq!(values["AUTH_ADMIN_USERNAME"].expose(), "admin");
        assert_eq!(values["AUTH_ADMIN_EMAIL"].expose(), "me@here");
    }
}
