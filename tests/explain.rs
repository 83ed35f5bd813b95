//! `explain`, as it is typed.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use serde_json::json;
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

#[test]
fn the_evidence_that_init_wrote_down_is_told_with_each_decision() {
    let application = application();
    application
        .database()
        .execute_batch(
            "CREATE TABLE scans(id INTEGER PRIMARY KEY, owner TEXT NOT NULL, file TEXT);
            INSERT INTO scans VALUES (1, 'ann', 'media/a.png'), (2, 'ben', 'media/b.png');",
        )
        .unwrap();
    for file in ["media/a.png", "media/b.png", "homes/1/x", "homes/2/x"] {
        application.file(file);
    }
    application.run(&["init"]).expect(0);
    let explained = application.run(&["explain", "ann"]).expect(0);
    explained.says([
        "Users: `users`, key `id`\n  # its name says `user`; 2 foreign keys lead to it\n",
        "     `posts.u` names `users.id`: the manifest says \"owner\"\n       # ON DELETE CASCADE: the database deletes the row with the account; 3 of 3 values are users.id\n",
        "     `scans.owner` names `users.name`: the manifest declares it\n       # `owner` says whose the row is, and every row has one; 2 of 2 values are users.name\n",
        "     files named in `file` go too\n       # 2 of 2 values stand in the paths of files\n",
        "`approved` is set to null\n    # `approved` says what somebody did to the row, or is to do with it; 2 of 2 values are users.id\n",
        "Directories of one user, whose files go:\n  `homes/{user}`\n    # 2 users have one\n",
        "  `settings`: the manifest keeps it\n    # the application's own books: `settings`\n",
    ]);
    let object = application
        .run(&["explain", "--format", "json"])
        .expect(0)
        .json();
    let scans = &object["order"][2];
    assert_eq!(scans["files"], json!(["file"]));
    for (noted, note) in [
        (&scans["because"][0], "`owner` says whose the row is"),
        (&scans["file_columns"][0], "2 of 2 values"),
        (&object["mentions"][0]["reference"], "`approved` says what"),
        (&object["directories"][0], "2 users have one"),
        (&object["nobodys"][0], "the application's own books"),
        (&object, "its name says `user`"),
    ] {
        assert!(noted["note"].as_str().unwrap().starts_with(note), "{noted}");
    }
    let graph = application
        .run(&["explain", "--graph", "mermaid"])
        .expect(0);
    assert!(!graph.stdout.contains('#'), "{graph}");
}
