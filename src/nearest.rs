//! Which of several names was meant by a misspelt one. Pure.

/// The name that is nearest, if one is near: at most two of five letters differ.
pub(crate) fn nearest<'n>(wrong: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let wrong: Vec<char> = wrong.to_lowercase().chars().take(200).collect();
    let distance = |name: &str| {
        distance(
            &wrong,
            &name.to_lowercase().chars().take(200).collect::<Vec<_>>(),
        )
    };
    let near = names.map(|name| (distance(name), name)).min()?;
    (near.0 * 5 <= wrong.len() * 2).then_some(near.1)
}

/// Letters to insert, delete or replace (V. Levenshtein, Soviet Physics Doklady 10(8), 1966).
fn distance(one: &[char], other: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, letter) in one.iter().enumerate() {
        let mut before = row[0];
        row[0] = at + 1;
        for (column, second) in other.iter().enumerate() {
            let replaced = before + usize::from(letter != second);
            before = row[column + 1];
            row[column + 1] = replaced.min(before + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_name_is_recognised_and_another_name_is_not() {
        let names = ["posts", "users", "user_sessions"];
        assert_eq!(nearest("usres", names.into_iter()), Some("users"));
        assert_eq!(
            nearest("user_session", names.into_iter()),
            Some("user_sessions")
        );
        assert_eq!(nearest("invoices", names.into_iter()), None);
        assert_eq!(nearest("x", std::iter::empty()), None);
    }
}
