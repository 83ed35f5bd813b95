//! The file that holds the environment: what a complete reset removes last.

use std::path::Path;

use super::Target;
use crate::error::{Error, Result};
use crate::roots::{Place, Refusal, Roots};

impl Target {
    /// The directory of the environment's file, as a root of its own in which nothing else that is
    /// protected may be touched.
    pub(crate) fn environment_roots(&self) -> Result<Roots> {
        let file = self.environment_file();
        let own = self.root.join(file);
        let protected = self.protected().into_iter().filter(|path| *path != own);
        let directory = file.parent().unwrap_or(Path::new(""));
        let protected: Vec<_> = protected.collect();
        Roots::open(&self.root, &[directory.into()], &protected).map_err(Error::from)
    }

    /// Its place in that root.
    pub(crate) fn environment_place(&self, roots: &Roots) -> Result<Place, Refusal> {
        let name = self.environment_file().file_name().unwrap_or_default();
        roots.place_at(0, name.as_encoded_bytes())
    }

    /// As the manifest names it.
    pub(crate) fn environment_file(&self) -> &Path {
        &self.manifest.reset.environment_file
    }

    /// Whether nothing stands there.
    pub(crate) fn environment_is_gone(&self) -> bool {
        let found = self.root.join(self.environment_file()).symlink_metadata();
        found.is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
    }
}
