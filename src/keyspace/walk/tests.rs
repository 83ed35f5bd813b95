#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use super::{MOST_PAGES, Tally, Walk};
use crate::keyspace::{Deadline, KeyspaceError, Plan, Scope, Server, Wire, fake_redis};
use crate::manifest::keys::tests::reference;

#[test]
fn a_scan_ends_after_so_many_answers() {
    let port = fake_redis::answering(|_| Some(fake_redis::page(7, &["vedfolnir:a"])));
    let server = Server::from_parts("127.0.0.1", port, 0, None);
    let wire = Wire::open(&server, Deadline::after(Duration::from_secs(5))).unwrap();
    let (rules, found) = (reference(), Arc::new(Tally::new(10)));
    let mut walk = Walk::start(
        wire,
        Plan::new(&rules, &Scope::Application),
        Arc::clone(&found),
    );
    walk.pages = MOST_PAGES - 2;
    assert!(walk.next_page().unwrap().is_some());
    assert!(walk.next_page().unwrap().is_some());
    let end = walk.next_page();
    assert!(
        matches!(
            end,
            Err(KeyspaceError::Endless {
                answers: MOST_PAGES,
                ..
            })
        ),
        "{end:?}"
    );
    assert_eq!(found.counts()[9], 1);
}

#[test]
fn redis_is_asked_for_keys_with_the_rules_first_letters_only() {
    assert_eq!(
        Plan::new(&reference(), &Scope::Application).pattern(),
        b"[psuv]*"
    );
    assert_eq!(
        Plan::new(&reference()[..1], &Scope::Application).pattern(),
        b"vedfolnir:session:*"
    );
    assert!(Plan::new(&[], &Scope::Application).is_empty());
    assert!(Plan::new(&reference(), &Scope::Users(vec![])).is_empty());
}
