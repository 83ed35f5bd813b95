//! Listed files by their names in small letters, where a root ignores case.

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Included};

use rusqlite::Connection;

use super::file_table::{below, bytes, places};
use crate::error::Result;
use crate::roots::{Place, Roots};

/// Those of the roots that ignore case.
#[derive(Debug, Default)]
pub(super) struct Letters(BTreeMap<(usize, Vec<u8>), Vec<Place>>);

impl Letters {
    /// Those that a temporary table lists.
    pub(super) fn of(connection: &Connection, roots: &Roots, table: &str) -> Result<Self> {
        let mut letters = BTreeMap::<_, Vec<Place>>::new();
        if roots.any_ignores_case() {
            let sql = format!("SELECT root, path FROM {table}");
            for place in places(roots, connection, &sql, [])? {
                if roots.ignores_case(place.root_index()) {
                    let key = (place.root_index(), small(bytes(&place)));
                    letters.entry(key).or_default().push(place);
                }
            }
        }
        Ok(Self(letters))
    }

    /// The listed files whose paths are this one but for their case, or lie below it.
    pub(super) fn like(&self, place: &Place) -> impl Iterator<Item = &Place> {
        let (root, path) = (place.root_index(), small(bytes(place)));
        let (first, last) = below(&path);
        let inside = (Excluded((root, first)), Excluded((root, last)));
        let itself = (Included((root, path.clone())), Included((root, path)));
        let found = self.0.range(itself).chain(self.0.range(inside));
        found.flat_map(|(_, places)| places)
    }
}

fn small(path: &[u8]) -> Vec<u8> {
    String::from_utf8_lossy(path).to_lowercase().into_bytes()
}
