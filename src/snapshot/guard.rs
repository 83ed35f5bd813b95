//! Going back when a test ends, however it ends.

use super::{Archive, Asking, Restored, Snapshot, Structure};
use crate::error::Result;
use crate::target::Target;

/// Restores a snapshot when it is dropped.
///
/// ```no_run
/// use reset_app::run::App;
/// use reset_app::snapshot::{Archive, Guard, Snapshot};
/// use reset_app::target::Settings;
///
/// # fn main() -> reset_app::error::Result<()> {
/// let app = App::open(&Settings::default())?;
/// let archive = Archive::of(app.target(), None)?;
/// Snapshot::save(app.target(), &archive, "clean")?;
/// {
///     let _clean = Guard::new(app.target().clone(), archive, "clean")?;
///     // a test, which may change whatever it likes
/// } // everything is as it was
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Guard {
    target: Target,
    archive: Archive,
    name: String,
}

impl Guard {
    /// From now on; changes nothing yet. A structure that was changed meanwhile goes back, too.
    ///
    /// Fails where there is no snapshot of this name.
    pub fn new(target: Target, archive: Archive, name: impl Into<String>) -> Result<Self> {
        let name = name.into();
        super::find(&archive, &name)?;
        Ok(Self {
            target,
            archive,
            name,
        })
    }

    /// Goes back now, and once more when it is dropped.
    ///
    /// Fails as [`Snapshot::restore`] does.
    pub fn restore(&self) -> Result<Restored> {
        let asking = Asking::Nobody;
        Snapshot::restore(
            &self.target,
            &self.archive,
            &self.name,
            Structure::Any,
            asking,
        )
    }
}

impl Drop for Guard {
    /// # Panics
    ///
    /// Where the restore fails or leaves something: a test after it would begin with what this one left.
    /// During a panic it is an error in the log. [`Guard::restore`] answers it.
    #[expect(
        clippy::panic,
        reason = "nothing else tells of it where a value is dropped"
    )]
    fn drop(&mut self) {
        let failed = match self.restore() {
            Ok(restored) if restored.left.is_empty() => return,
            Ok(restored) => {
                let left = restored.left.iter();
                let left = left.map(|left| format!("\n  {}: {}", left.path, left.reason));
                let left: String = left.collect();
                format!("the snapshot `{}` was restored, but for:{left}", self.name)
            }
            Err(error) => format!("the snapshot `{}` was not restored: {error}", self.name),
        };
        if std::thread::panicking() {
            log::error!("{failed}");
        } else {
            panic!("{failed}");
        }
    }
}
