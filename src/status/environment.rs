//! Which variables `.env` sets. Their values are nobody's concern here.

use crate::error::Result;
use crate::secrets;
use crate::target::{Target, dotenv_names};

/// What is known of `.env`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EnvironmentStatus {
    /// Whether it is there.
    pub exists: bool,
    /// Variables expected, by the manifest or `.env.example`, and set to something.
    pub set: Vec<String>,
    /// Variables expected and not set.
    pub missing: Vec<String>,
    /// How many others it sets.
    pub others: u64,
}

pub(super) fn look(target: &Target) -> Result<EnvironmentStatus> {
    let expected = secrets::expected(&target.root, &target.manifest)?;
    let there = dotenv_names(&target.root)?;
    let exists = there.is_some();
    let there = there.unwrap_or_default();
    let others = there.difference(&expected).count() as u64;
    let (set, missing) = expected.into_iter().partition(|name| there.contains(name));
    Ok(EnvironmentStatus {
        exists,
        set,
        missing,
        others,
    })
}
