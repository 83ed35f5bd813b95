//! `explain`, as it is typed.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use support::application::Application;

const SQL: &str = "
    CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT);
    INSERT INTO users VALUES (1, 'ann'), (2, 'ben');
    CREATE TABLE posts(id INTEGER PRIMARY KEY, u INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
        approved INTEGER REFERENCES users);
    CREATE TABLE comments(id INTEGER PRIMARY KEY, post INTEGER NOT NULL REFERENCES posts ON DELETE CASCADE);
    CREATE TABLE settings(v);
    INSERT INTO posts VALUES (1, 1, 2), (2, 1, NULL), (3, 2, 1);
    INSERT INTO comments VALUES (1, 1), (2, 1), (3, 3);";

fn application() -> Application {
    Application::new(SQL, "[users]\ntable = \"users\"\nnames = [\"name\"]\n")
}

#[test]
fn the_way_is_told_in_the_order_of_deletion() {
    let outcome = application().run(&["explain", "ann"]).expect(0);
    let expected = "\
Users: `users`, key `id`

Deleted in this order, with the rows of ann:
  1. `comments`, 2 rows
     `comments.post` names `posts.id`: `ON DELETE CASCADE`
     way to the user: comments.post → posts.id, posts.u → users.id
  2. `posts`, 2 rows
     `posts.u` names `users.id`: `ON DELETE CASCADE`
  3. `users`, 1 row, only with --delete-accounts

Rows that stay but name what goes:
  `posts.approved` names `users.id`: a foreign key, and the column may be null; `approved` is set to null

Tables that are nobody's, and stay:
  `settings`: no owner reference leads from it to a user
";
    assert_eq!(outcome.stdout, expected, "{outcome}");
}

#[test]
fn programs_and_painters_are_served_too() {
    let application = application();
    let object = application
        .run(&["explain", "posts", "--format", "json"])
        .expect(0)
        .json();
    assert_eq!(object["order"][0]["table"], "posts");
    assert_eq!(object["order"][0]["way"][0], "posts.u → users.id");
    assert_eq!(object["mentions"][0]["reference"]["from"], "posts.approved");
    let graph = application
        .run(&["explain", "--graph", "mermaid"])
        .expect(0);
    graph.says(["flowchart RL", "n2 --> n1"]);
    application
        .run(&["explain", "--graph", "dot"])
        .expect(0)
        .says(["digraph users {"]);
    application
        .run(&["explain", "nobody"])
        .expect(4)
        .complains(["`nobody`"]);
}

#[test]
fn what_is_neither_a_table_nor_a_user_is_said_with_what_was_meant() {
    let unknown = application().run(&["explain", "comment"]).expect(4);
    unknown.complains(["`users.id`, `users.name`, `sqlite_schema.name`; is `comments` meant?"]);
}
