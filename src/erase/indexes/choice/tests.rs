use rusqlite::Connection;

use super::*;
use crate::graph::Graph;
use crate::manifest::{Manifest, Source};
use crate::plan::Accounts;

const SCHEMA: &str = "CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT);
    CREATE TABLE posts(id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users ON DELETE CASCADE,
        title TEXT, words TEXT COLLATE NOCASE, twice TEXT AS (title || title));
    CREATE TABLE likes(id INTEGER PRIMARY KEY, post_id INTEGER REFERENCES posts ON DELETE CASCADE);
    CREATE INDEX of_user ON posts(user_id, title);
    CREATE INDEX by_title ON posts(title, user_id);
    CREATE INDEX by_words ON posts(words);
    CREATE UNIQUE INDEX one_title ON posts(title);
    CREATE INDEX some ON posts(title) WHERE words IS NULL;
    CREATE INDEX shouted ON posts(upper(title));
    CREATE INDEX generated ON posts(twice);
    CREATE INDEX of_name ON users(name);";

/// What is chosen where so many posts go, of so many.
fn chosen(more: &str, accounts: Accounts, going: u64, posts: u64, likes: u64) -> Choice {
    let connection = Connection::open_in_memory().unwrap();
    connection
        .execute_batch(&format!("{SCHEMA}{more}"))
        .unwrap();
    let schema = crate::schema::read(&connection).unwrap();
    let manifest = Manifest::parse("users.table = \"users\"", Source::Builtin).unwrap();
    let graph = Graph::new(&schema, &manifest).unwrap();
    let plan = Plan::new(&schema, &graph, &manifest, accounts).unwrap();
    let names: Vec<&str> = plan.tables.iter().map(|t| &*t.name).collect();
    assert_eq!(names, ["users", "posts", "likes"]);
    let rows = [("users", 10), ("posts", posts), ("likes", likes)];
    let counts = Counts {
        going: vec![10, going, 0],
        users: 10,
        rows: rows.map(|(name, rows)| (name.to_owned(), rows)).into(),
    };
    choose(&schema, &plan, &counts)
}

#[test]
fn what_nothing_looks_up_is_dropped_where_half_of_the_table_goes() {
    let dropped = |going, posts| {
        let dropped = chosen("", Accounts::Keep, going, posts, 0).drop;
        dropped.into_iter().collect::<Vec<_>>()
    };
    // Accounts stay, so nobody looks for the posts of one.
    assert_eq!(dropped(500, 1000), ["by_title", "by_words", "of_user"]);
    assert!(dropped(499, 1000).is_empty());
    assert!(dropped(FEWEST_GOING - 1, FEWEST_GOING - 1).is_empty());
}

#[test]
fn the_index_of_a_reference_to_accounts_that_go_stays() {
    let dropped = chosen("", Accounts::Delete, 1000, 1000, 0).drop;
    let dropped: Vec<_> = dropped.into_iter().collect();
    // `by_title` serves the reference with a second column that is not needed.
    assert_eq!(dropped, ["by_title", "by_words"]);
}

#[test]
fn nothing_is_dropped_where_a_trigger_may_look_something_up() {
    let trigger = "CREATE TRIGGER t AFTER DELETE ON posts BEGIN SELECT 1; END;";
    let choice = chosen(trigger, Accounts::Keep, 1000, 1000, 1000);
    assert!(choice.drop.is_empty(), "{choice:?}");
}

#[test]
fn a_reference_without_an_index_gets_one_where_many_rows_would_be_read_in_vain() {
    let of_likes = BTreeSet::from([("likes".to_owned(), vec!["post_id".to_owned()])]);
    let made = |going, likes| chosen("", Accounts::Keep, going, 100_000, likes).make;
    assert_eq!(made(200, 1000), of_likes);
    assert!(made(200, 999).is_empty());
    // The transaction takes place anyway.
    let made = |likes| chosen("", Accounts::Keep, 1000, 1000, likes).make;
    assert_eq!(made(2), of_likes);
    assert!(made(1).is_empty());
    let trigger = "CREATE TRIGGER t AFTER DELETE ON posts BEGIN SELECT 1; END;";
    assert_eq!(
        chosen(trigger, Accounts::Keep, 200, 100_000, 1000).make,
        of_likes
    );
}

#[test]
fn a_reference_with_an_index_gets_none() {
    let more = "CREATE INDEX of_post ON likes(post_id);";
    let choice = chosen(more, Accounts::Keep, 1000, 1000, 100_000);
    assert!(choice.make.is_empty(), "{choice:?}");
}
