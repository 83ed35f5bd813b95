//! What errors list.

use crate::manifest::Columns;

/// A reference of which neither the database nor the manifest says what it means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undecided {
    /// The columns that hold it.
    pub columns: Columns,
    /// The table it names.
    pub parent: String,
}

/// References that stand in the way when what they name goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocking {
    /// `table.column`.
    pub column: String,
    /// The table whose rows they name.
    pub parent: String,
    /// How many rows.
    pub rows: u64,
    /// How many of them go later in the same run.
    pub later: u64,
}
