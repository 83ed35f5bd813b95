//! What a deletion would delete, before anybody is asked.

use crate::consent::Consent;
use crate::error::Result;
use crate::report::Report;

/// What consent is given to.
///
/// Redis keys are counted when it is shown: where nobody is, only the deletion counts them.
pub struct Preview<'a> {
    pub(super) but_keys: &'a Report,
    pub(super) count_keys: &'a dyn Fn(&mut Report) -> Result<()>,
}

impl Preview<'_> {
    /// Fails where `ask` does not consent to it.
    pub(super) fn put_to(
        ask: &mut dyn FnMut(&Preview<'_>) -> Result<Consent>,
        but_keys: &Report,
        count_keys: &dyn Fn(&mut Report) -> Result<()>,
    ) -> Result<()> {
        let preview = Preview {
            but_keys,
            count_keys,
        };
        ask(&preview)?.require(preview.subject())
    }

    /// What has to be typed to consent.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.but_keys.subject
    }

    /// All of it.
    ///
    /// Fails where `clear-redis` cannot count keys; elsewhere that is a warning in it.
    pub fn report(&self) -> Result<Report> {
        let mut report = self.but_keys.clone();
        (self.count_keys)(&mut report)?;
        Ok(report)
    }
}
