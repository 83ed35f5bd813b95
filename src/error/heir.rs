//! Who cannot be given what mentions an account that goes.

use super::Blocking;
use super::sentences;

/// Why a user cannot inherit.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HeirError {
    /// The user goes too.
    #[error(
        "`{name}` cannot inherit with `--reassign-to`: that user is to go in the same run; name one who stays"
    )]
    Goes {
        /// The user named.
        name: String,
    },
    /// Rows that are to name the user would not.
    #[error("{}", sentences::heir_unfit(.0))]
    Unfit(Blocking),
}
