#![allow(clippy::unwrap_used)]

use super::{Address, Server};

fn server(url: &str) -> Server {
    Server::from_url(url).unwrap()
}

#[test]
fn a_url_names_host_port_and_database() {
    assert_eq!(server("redis://localhost").display(), "localhost:6379/0");
    assert_eq!(
        server("redis://127.0.0.1:7000/3").display(),
        "127.0.0.1:7000/3"
    );
    assert_eq!(
        server("redis://127.0.0.1/3?db=5").display(),
        "127.0.0.1:6379/5"
    );
    assert_eq!(server("redis://[::1]:7000/1").display(), "[::1]:7000/1");
    assert_eq!(
        server("unix:///run/redis.sock?db=2").display(),
        "/run/redis.sock db 2"
    );
    assert!(matches!(server("rediss://h").address, Address::Tls { .. }));
}

#[test]
fn credentials_are_decoded_and_never_shown() {
    let server = server("redis://an%40na:p%2F%23%3A%40@h:1/2");
    assert_eq!(server.user.as_deref(), Some("an@na"));
    assert_eq!(server.password.as_deref(), Some("p/#:@"));
    assert_eq!(format!("{server} {server:?}"), "h:1/2 Server(h:1/2)");
}

#[test]
fn an_empty_password_is_none() {
    assert_eq!(server("redis://:@h").password, None);
    assert_eq!(Server::from_parts("h", 1, 0, Some("")).password, None);
}

#[test]
fn an_unusable_url_is_refused_without_repeating_it() {
    for url in [
        "redis://:secret@",
        "redis://:secret/x@h:1",
        "http://:secret@h",
        "secret",
        "redis://:secret@h/zero",
        "redis://:secret@h/-1",
        "redis://:secret@h?db=x",
        "rediss://:secret@h#insecure",
        "redis://:secret%ff@h",
        "unix://",
        "",
    ] {
        let refusal = Server::from_url(url).unwrap_err().to_string();
        assert!(!refusal.contains("secret"), "{refusal}");
    }
}
