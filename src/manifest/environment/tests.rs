use super::*;
use crate::manifest::{Manifest, Source};

fn read(list: &str) -> Result<Environment, String> {
    let text = format!("users.table = \"u\"\n{list}");
    Manifest::parse(&text, Source::Builtin)
        .map(|manifest| manifest.environment)
        .map_err(|error| error.to_string())
}

#[track_caller]
fn refused(list: &str, because: &str) {
    let error = read(list).unwrap_err();
    assert!(error.contains(because), "{error}");
}

fn one(entry: &str) -> String {
    format!("environment = [{{ {entry} }}]")
}

#[test]
fn every_kind_is_read_with_its_defaults() {
    let list = "environment = [
        { name = 'A', kind = 'token' },
        { name = 'B', kind = 'fernet' },
        { name = 'C', kind = 'password' },
        { name = 'D', kind = 'ask', question = 'Who?' },
        { name = 'E', kind = 'fixed', value = '{A}-{B}' },
    ]";
    let environment = read(list).unwrap();
    let kinds: Vec<&str> = environment
        .variables()
        .iter()
        .map(|v| v.kind.name())
        .collect();
    assert_eq!(kinds, ["token", "fernet", "password", "ask", "fixed"]);
    assert!(matches!(environment.variables()[0].kind, Kind::Token(32)));
    assert!(matches!(&environment.variables()[2].kind,
        Kind::Password { length: 24, alphabet } if alphabet == ALPHABET));
}

#[test]
fn the_builtin_list_is_that_of_the_reference_application() {
    let manifest = Manifest::builtin().unwrap();
    assert_eq!(manifest.environment.variables().len(), 11);
}

#[test]
fn what_is_of_another_kind_is_refused_with_its_place() {
    let list = one("name = 'A', kind = 'token', length = 24");
    refused(&list, "line 2, column");
    refused(&list, "length");
    refused(&one("name = 'A', kind = 'uuid'"), "uuid");
    refused(&one("name = 'A', kind = 'ask'"), "question");
    refused(&one("name = 'A', kind = 'fixed'"), "value");
}

#[test]
fn a_name_that_is_none_is_refused() {
    for name in ["", "1A", "A-B", "A B", "A=B", "Ä"] {
        refused(
            &one(&format!("name = '{name}', kind = 'fernet'")),
            "is no name",
        );
    }
}

#[test]
fn what_could_be_guessed_is_refused() {
    refused(&one("name = 'A', kind = 'token', bytes = 7"), "56 bits");
    refused(
        &one("name = 'A', kind = 'password', length = 10"),
        "60 bits",
    );
    refused(
        &one("name = 'A', kind = 'token', bytes = 1000000000"),
        "too much",
    );
}

#[test]
fn an_alphabet_has_different_visible_characters() {
    for alphabet in ["", "a", "abcabc", "abc d", "abcdé", "ab\\tc"] {
        refused(
            &one(&format!(
                "name = 'A', kind = 'password', alphabet = \"{alphabet}\""
            )),
            "alphabet",
        );
    }
}

#[test]
fn a_name_twice_and_references_that_lead_nowhere_are_refused() {
    let fixed = |pairs: &[(&str, &str)]| {
        let entries = pairs.iter().map(|(name, value)| {
            format!("{{ name = '{name}', kind = 'fixed', value = '{value}' }},")
        });
        format!("environment = [{}]", entries.collect::<String>())
    };
    refused(&fixed(&[("A", "x"), ("A", "y")]), "`A` is listed twice");
    refused(&fixed(&[("A", "{B}")]), "`B`, which is not listed");
    refused(&fixed(&[("A", "{A}")]), "refers to itself");
    refused(
        &fixed(&[("C", "x"), ("A", "{B}{C}"), ("B", "{A}")]),
        "refers to itself",
    );
    assert!(read(&fixed(&[("A", "{B}"), ("B", "{C}"), ("C", "x")])).is_ok());
}

#[test]
fn braces_around_no_name_are_braces() {
    let text = Text::from("{\"a\": {}} {A} {a b} {");
    assert_eq!(text.references().collect::<Vec<_>>(), ["A"]);
    assert_eq!(
        text.resolve(|_| Some("x")).unwrap(),
        "{\"a\": {}} x {a b} {"
    );
}

#[test]
fn a_password_in_a_url_is_percent_encoded_and_nothing_else_is() {
    let resolved = |text: &str| Text::from(text).resolve(|_| Some("a/b@c%d")).unwrap();
    assert_eq!(resolved("redis://:{A}@h/0"), "redis://:a%2Fb%40c%25d@h/0");
    assert_eq!(resolved("https://h/{A}"), "https://h/a/b@c%d");
    assert_eq!(resolved("{A}@h"), "a/b@c%d@h");
}
