//! A value as it is written into a `.env` file: bare where every reader and every shell agrees,
//! else quoted.

/// The value as written. Control characters but the line break must not occur.
pub(super) fn quoted(value: &str) -> String {
    if value.chars().all(is_plain) {
        return value.into();
    }
    // Within single quotes readers disagree on the backslash alone.
    if !value.contains(['\'', '\\', '\n']) {
        return format!("'{value}'");
    }
    let mut out = String::from("\"");
    for character in value.chars() {
        match character {
            '\n' => out.push_str("\\n"),
            '"' | '\\' | '$' => out.extend(['\\', character]),
            _ => out.push(character),
        }
    }
    out.push('"');
    out
}

fn is_plain(character: char) -> bool {
    character.is_ascii_alphanumeric() || "-_.,+:@%/=".contains(character)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read_back(value: &str) -> String {
        let line = format!("NAME={}\n", quoted(value));
        let mut read = dotenvy::from_read_iter(line.as_bytes());
        let (_, value) = read.next().unwrap().unwrap();
        assert!(read.next().is_none());
        value
    }

    #[test]
    fn what_needs_no_quotes_has_none() {
        let plain = "redis://:aB-_.,+%40@localhost:6379/0=";
        assert_eq!(quoted(plain), plain);
        assert_eq!(quoted(""), "");
    }

    #[test]
    fn what_a_shell_would_act_on_is_in_single_quotes() {
        for odd in [
            "$HOME", "`id`", "a b", "#x", "~", "a;b", "\"", "!x", "*", "&",
        ] {
            assert_eq!(quoted(odd), format!("'{odd}'"));
        }
    }

    #[test]
    fn a_backslash_is_escaped_because_readers_disagree_on_it_in_single_quotes() {
        for (value, written) in [
            ("a b\\", r#""a b\\""#),
            ("it's", "\"it's\""),
            ("a\n$", r#""a\n\$""#),
        ] {
            assert_eq!(quoted(value), written);
            assert_eq!(read_back(value), value);
        }
    }

    proptest! {
        #[test]
        fn every_value_reads_back(value in "[\\n -~äλ]{0,40}") {
            prop_assert_eq!(read_back(&value), value);
        }
    }
}
