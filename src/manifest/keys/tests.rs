#![allow(clippy::unwrap_used, clippy::panic)]

use super::{KeyRule, RuleError};

/// The Redis table of the reference application, in its order.
pub(crate) const REFERENCE: &str = r#"
[[redis.keys]]
match = "vedfolnir:session:*"
user = { hash = "user_id" }
line = "Redis Sessions"

[[redis.keys]]
match = "session:*"
user = { hash = "user_id" }
line = "Other Redis Keys"

[[redis.keys]]
match = "user_platforms:{user}"
type = "string"
line = "Other Redis Keys"

[[redis.keys]]
match = "platform:*"
user = { json = "user_id" }
line = "Other Redis Keys"

[[redis.keys]]
match = "platform_stats:{user}:*"
type = "string"
line = "Other Redis Keys"

[[redis.keys]]
match = "vedfolnir:user_active_task:{user}"
line = "Other Redis Keys"

[[redis.keys]]
match = "vedfolnir:*:user:{user}"
line = "Other Redis Keys"

[[redis.keys]]
match = "vedfolnir:*:user:{user}:*"
line = "Other Redis Keys"

[[redis.keys]]
match = "vedfolnir:user:{user}:*"
line = "Other Redis Keys"

[[redis.keys]]
match = "vedfolnir:*"
line = "Other Redis Keys"
"#;

#[derive(serde::Deserialize)]
struct Manifest {
    redis: Section,
}

#[derive(serde::Deserialize)]
struct Section {
    keys: Vec<KeyRule>,
}

pub(crate) fn parse(toml: &str) -> Result<Vec<KeyRule>, toml::de::Error> {
    toml::from_str::<Manifest>(toml).map(|manifest| manifest.redis.keys)
}

pub(crate) fn reference() -> Vec<KeyRule> {
    parse(REFERENCE).unwrap()
}

fn rule(pattern: &str) -> KeyRule {
    let toml = format!("[[redis.keys]]\nmatch = '{pattern}'\nline = 'Keys'\n");
    parse(&toml).unwrap().remove(0)
}

fn user_in<'k>(pattern: &str, key: &'k [u8]) -> Option<&'k [u8]> {
    rule(pattern).matches(key).and_then(|found| found.user)
}

fn names(pattern: &str, key: &[u8], user: &[u8]) -> bool {
    rule(pattern).names_user(key, |candidate| candidate == user)
}

#[track_caller]
fn refused(entry: &str, because: &RuleError) {
    let refusal = parse(&format!("[[redis.keys]]\n{entry}\n")).unwrap_err();
    let told = refusal.to_string();
    assert!(told.contains(&because.to_string()), "{told}");
}

/// Which rule of the reference application a key's name fits first.
fn first(key: &str) -> Option<String> {
    let rules = reference();
    let found = rules
        .iter()
        .find(|rule| rule.matches(key.as_bytes()).is_some());
    found.map(ToString::to_string)
}

#[test]
fn each_row_of_the_reference_table_has_its_rule() {
    let expected = [
        ("vedfolnir:session:ab", "vedfolnir:session:*"),
        ("session:ab", "session:*"),
        ("user_platforms:7", "user_platforms:{user}"),
        ("platform:3", "platform:*"),
        ("platform_stats:7:3", "platform_stats:{user}:*"),
        (
            "vedfolnir:user_active_task:7",
            "vedfolnir:user_active_task:{user}",
        ),
        ("vedfolnir:progress:user:7", "vedfolnir:*:user:{user}"),
        ("vedfolnir:progress:user:7:x", "vedfolnir:*:user:{user}:*"),
        ("vedfolnir:user:7:x", "vedfolnir:user:{user}:*"),
        ("vedfolnir:queue", "vedfolnir:*"),
        ("vedfolnir:user_active_task:7:log", "vedfolnir:*"),
    ];
    for (key, pattern) in expected {
        assert_eq!(first(key).as_deref(), Some(pattern), "{key}");
    }
}

#[test]
fn keys_of_other_programs_fit_no_rule() {
    for key in [
        "",
        "other:1",
        "vedfolnir",
        "sessions:1",
        "user_platforms:1:x",
        "platform_stats:1",
        "xvedfolnir:a",
    ] {
        assert_eq!(first(key), None, "{key}");
    }
}

#[test]
fn a_users_key_ends_at_a_colon_or_at_the_end() {
    assert_eq!(
        user_in("v:*:user:{user}", b"v:task:user:12"),
        Some(&b"12"[..])
    );
    assert!(!names("v:*:user:{user}", b"v:task:user:12", b"1"));
    assert!(names("v:*:user:{user}", b"v:task:user:1", b"1"));
    assert!(!names("v:*:user:{user}:*", b"v:task:user:12:x", b"1"));
    assert!(names("v:*:user:{user}:*", b"v:task:user:1:x", b"1"));
    assert!(!names("v:task:{user}", b"v:task:21", b"1"));
    assert!(!names("v:task:{user}", b"v:task:1:x", b"1"));
}

#[test]
fn a_users_key_is_never_empty() {
    assert_eq!(rule("v:{user}").matches(b"v:"), None);
    assert_eq!(rule("v:{user}:*").matches(b"v::x"), None);
    assert!(!names("v:{user}", b"v:", b""));
}

#[test]
fn a_text_key_with_colons_is_found_for_the_given_user_only() {
    assert_eq!(rule("v:{user}").matches(b"v:a:b"), None);
    assert!(names("v:{user}", b"v:a:b", b"a:b"));
    assert!(!names("v:{user}", b"v:a:b", b"a"));
    assert!(names("v:{user}:*", b"v:a:b:7", b"a:b"));
    assert!(!names("v:{user}:*", b"v:a:bc:7", b"a:b"));
    assert!(names("v:{user}:*", b"v:a::7", b"a:"));
}

#[test]
fn glob_characters_in_a_users_key_are_bytes() {
    assert!(names("v:{user}", b"v:*", b"*"));
    assert!(!names("v:{user}", b"v:anna", b"*"));
    assert!(!names("v:{user}", b"v:anna", b"a??a"));
    assert!(!names("v:{user}", b"v:anna", b"[a]nna"));
}

#[test]
fn other_glob_characters_in_a_rule_are_bytes() {
    assert!(rule("v?[a]:*").matches(b"v?[a]:x").is_some());
    assert!(rule("v?[a]:*").matches(b"vxa:x").is_none());
}

#[test]
fn bytes_that_are_no_text_match() {
    assert_eq!(
        user_in("v:{user}:*", b"v:\xff\0\xfe:\xf0"),
        Some(&b"\xff\0\xfe"[..])
    );
    assert!(names("v:{user}", b"v:\0", b"\0"));
    assert!(!names("v:{user}", b"v:\xff\xfe", b"\xff"));
}

#[test]
fn stars_match_anything_also_nothing() {
    let rule = rule("a*b*c");
    for key in ["abc", "axbxc", "abbc", "a:b:c", "abcbc"] {
        assert!(rule.matches(key.as_bytes()).is_some(), "{key}");
    }
    for key in ["ac", "ab", "acb", "xabc", "abcx", ""] {
        assert!(rule.matches(key.as_bytes()).is_none(), "{key}");
    }
    assert!(super::tests::rule("ab*b").matches(b"ab").is_none());
}

#[test]
fn a_key_that_names_two_users_belongs_to_both() {
    let key = b"v:x:user:1:user:2:y";
    assert_eq!(user_in("v:*:user:{user}:*", key), Some(&b"1"[..]));
    assert!(names("v:*:user:{user}:*", key, b"1"));
    assert!(names("v:*:user:{user}:*", key, b"2"));
}

#[test]
fn a_rule_without_a_user_names_nobody() {
    assert!(!rule("v:*").is_of_users());
    assert!(!rule("v:*").names_user(b"v:1", |_| true));
    assert!(rule("v:{user}").is_of_users());
    assert!(reference()[0].is_of_users());
}

#[test]
fn rules_that_mean_other_programs_keys_are_refused() {
    for pattern in ["*", "{user}", "*:session", "{user}:x", ""] {
        let because = RuleError::NoPrefix(pattern.to_owned());
        refused(&format!("match = '{pattern}'\nline = 'K'"), &because);
    }
}

#[test]
fn ambiguous_users_are_refused() {
    let pattern = || "v:{user}:{user}".to_owned();
    refused(
        "match = 'v:{user}:{user}'\nline = 'K'",
        &RuleError::UserTwice(pattern()),
    );
    for pattern in ["v:*{user}", "v:{user}x", "v:{user}*"] {
        let because = RuleError::UserNotDelimited(pattern.to_owned());
        refused(&format!("match = '{pattern}'\nline = 'K'"), &because);
    }
    let both = RuleError::UserInKeyAndValue("v:{user}".to_owned());
    refused(
        "match = 'v:{user}'\nuser = { hash = 'u' }\nline = 'K'",
        &both,
    );
    let brace = RuleError::UnknownPlaceholder("v:{uesr}".to_owned());
    refused("match = 'v:{uesr}'\nline = 'K'", &brace);
}

#[test]
fn unusable_types_fields_and_lines_are_refused() {
    let pattern = || "v:*".to_owned();
    let unknown = RuleError::UnknownType {
        pattern: pattern(),
        name: "json".to_owned(),
    };
    refused("match = 'v:*'\ntype = 'json'\nline = 'K'", &unknown);
    let other = RuleError::FieldOfAnotherType(pattern());
    refused(
        "match = 'v:*'\ntype = 'string'\nuser = { hash = 'u' }\nline = 'K'",
        &other,
    );
    let unnamed = RuleError::NoField(pattern());
    refused("match = 'v:*'\nuser = { json = '' }\nline = 'K'", &unnamed);
    refused("match = 'v:*'\nline = ' '", &RuleError::NoLine(pattern()));
}

#[test]
fn unknown_settings_are_refused() {
    for entry in [
        "match = 'v:*'\nline = 'K'\nusr = 'x'",
        "match = 'v:*'\nline = 'K'\nuser = { list = 'x' }",
        "match = 'v:*'",
    ] {
        assert!(
            parse(&format!("[[redis.keys]]\n{entry}\n")).is_err(),
            "{entry}"
        );
    }
}
