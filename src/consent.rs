//! Consent to a deletion. It names its target, so that an answer cannot be meant for another one.

use crate::error::{Error, Result};

/// Consent, given by typing the target's name or by demanding that nobody be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent(Given);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Given {
    Typed(String),
    Forced,
}

impl Consent {
    /// What somebody typed when asked for the target's name.
    #[must_use]
    pub fn typed(answer: impl Into<String>) -> Self {
        Self(Given::Typed(answer.into()))
    }

    /// Nobody is to be asked.
    #[must_use]
    pub fn forced() -> Self {
        Self(Given::Forced)
    }

    /// Fails where another name was typed than the target's.
    pub(crate) fn require(&self, target: &str) -> Result<()> {
        match &self.0 {
            Given::Forced => Ok(()),
            Given::Typed(answer) if answer.trim() == target => Ok(()),
            Given::Typed(_) => Err(Error::NotConfirmed {
                target: target.into(),
            }),
        }
    }
}
