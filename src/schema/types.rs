//! Column affinity.

/// What `SQLite` makes of a value stored in a column (<https://sqlite.org/datatype3.html>).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Affinity {
    /// `TEXT`
    Text,
    /// `NUMERIC`
    Numeric,
    /// `INTEGER`
    Integer,
    /// `REAL`
    Real,
    /// `BLOB`, once called none
    Blob,
}

/// The affinity of a declared type, by the five rules of
/// <https://sqlite.org/datatype3.html#determination_of_column_affinity>, in their order.
#[must_use]
pub fn affinity(declared_type: &str) -> Affinity {
    let declared = declared_type.to_ascii_uppercase();
    let has = |words: &[&str]| words.iter().any(|word| declared.contains(word));
    if has(&["INT"]) {
        Affinity::Integer
    } else if has(&["CHAR", "CLOB", "TEXT"]) {
        Affinity::Text
    } else if declared.is_empty() || has(&["BLOB"]) {
        Affinity::Blob
    } else if has(&["REAL", "FLOA", "DOUB"]) {
        Affinity::Real
    } else {
        Affinity::Numeric
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_apply_in_their_order() {
        let expected = [
            ("INTEGER", Affinity::Integer),
            ("CHARINT", Affinity::Integer),
            ("FLOATING POINT", Affinity::Integer),
            ("VARCHAR(64)", Affinity::Text),
            ("JSON", Affinity::Numeric),
            ("DATETIME", Affinity::Numeric),
            ("DOUBLE", Affinity::Real),
            ("", Affinity::Blob),
            ("blob", Affinity::Blob),
        ];
        for (declared, want) in expected {
            assert_eq!(affinity(declared), want, "{declared}");
        }
    }
}
