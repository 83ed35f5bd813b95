//! References in forms that no foreign key can have: under a condition, behind a prefix, inside JSON,
//! in lists; rows that are kept by those that name them; users who are only a name in a column.

#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::fs;

use rusqlite::Connection;
use support::run::{Outcome, reset_app};
use tempfile::TempDir;

const USERS: &str = "CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
    INSERT INTO users VALUES (1, 'ann'), (2, 'bob'), (12, 'eve');";

struct Application {
    root: TempDir,
}

impl Application {
    fn new(sql: &str, manifest: &str) -> Self {
        let root = tempfile::tempdir().unwrap();
        let application = Self { root };
        let text = format!("[application]\ndatabase = \"app.db\"\n{manifest}");
        fs::write(application.root.path().join("reset-app.toml"), text).unwrap();
        application.database().execute_batch(sql).unwrap();
        application
    }

    /// With the usual users table, and these references.
    fn with(sql: &str, references: &str) -> Self {
        let manifest =
            format!("[users]\ntable = \"users\"\nnames = [\"name\"]\n[references]\n{references}");
        Self::new(&format!("{USERS}{sql}"), &manifest)
    }

    fn database(&self) -> Connection {
        let database = Connection::open(self.root.path().join("app.db")).unwrap();
        database.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
        database
    }

    fn file(&self, name: &str) {
        let path = self.root.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, name).unwrap();
    }

    fn files(&self, below: &str) -> Vec<String> {
        let mut found = Vec::new();
        let mut directories = vec![self.root.path().join(below)];
        while let Some(directory) = directories.pop() {
            for entry in fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    directories.push(path);
                } else {
                    let name = path.strip_prefix(self.root.path()).unwrap();
                    found.push(name.to_str().unwrap().to_owned());
                }
            }
        }
        found.sort();
        found
    }

    fn delete(&self, user: &str) -> Outcome {
        let words = [
            "delete-user",
            user,
            "--delete-accounts",
            "--force",
            "--no-redis",
        ];
        let preview = [
            "delete-user",
            user,
            "--delete-accounts",
            "--dry-run",
            "--no-redis",
        ];
        let on = || reset_app().root(self.root.path());
        let preview = on().args(preview).run().expect(0);
        let deed = on().args(words).run().expect(0);
        assert_eq!(preview.body(), deed.body(), "preview, then deed");
        deed
    }
}

fn ids(application: &Application, table: &str) -> String {
    let sql = format!("SELECT group_concat(id, ' ') FROM (SELECT id FROM {table} ORDER BY id)");
    let ids: Option<String> = application
        .database()
        .query_row(&sql, [], |row| row.get(0))
        .unwrap();
    ids.unwrap_or_default()
}

#[test]
fn a_generic_reference_counts_where_its_type_says_so() {
    let sql = "CREATE TABLE posts(id INTEGER PRIMARY KEY, user_id INTEGER);
        CREATE TABLE photos(id INTEGER PRIMARY KEY, user_id INTEGER);
        CREATE TABLE likes(id INTEGER PRIMARY KEY, thing_type TEXT, thing_id TEXT);
        INSERT INTO posts VALUES (1, 1), (2, 2);
        INSERT INTO photos VALUES (1, 2), (2, 1);
        INSERT INTO likes VALUES (1, 'Post', '1'), (2, 'Post', '2'), (3, 'Photo', '1'), (4, 'Photo', '2'), (5, 'Cat', '1');";
    let references = "'posts.user_id' = { is = 'owner', to = 'users.id' }
        'photos.user_id' = { is = 'owner', to = 'users.id' }
        'likes.thing_id' = [
          { is = 'owner', to = 'posts.id', when = { thing_type = 'Post' } },
          { is = 'owner', to = 'photos.id', when = { thing_type = 'Photo' } },
        ]";
    for index in ["", "CREATE INDEX likes_thing ON likes(thing_id);"] {
        let application = Application::with(&format!("{sql}{index}"), references);
        application.delete("ann");
        assert_eq!(ids(&application, "likes"), "2 3 5");
    }
}

#[test]
fn a_users_id_inside_json_is_found_by_its_path_whatever_else_the_column_holds() {
    let sql = r#"CREATE TABLE events(id INTEGER PRIMARY KEY, data);
        INSERT INTO events VALUES (1, '{"by": {"id": 1}}'), (2, '{"by": {"id": "1"}}'),
          (3, '{"by": {"id": 12}}'), (4, 'no json'), (5, NULL), (6, '[1]'), (7, x'00ff'), (8, '{"by": 1}');"#;
    let owner = "'events.data' = { is = 'owner', to = 'users.id', json = '$.by.id' }";
    let application = Application::with(sql, owner);
    application.delete("ann");
    assert_eq!(ids(&application, "events"), "3 4 5 6 7 8");

    let application = Application::with(sql, &owner.replace("'owner'", "'mention'"));
    let deed = application.delete("ann");
    assert_eq!(ids(&application, "events"), "1 2 3 4 5 6 7 8");
    deed.says(["2 rows, `events.data`", "go on naming"]);
}

#[test]
fn members_of_a_list_are_told_of_and_the_row_stays() {
    let sql = r#"CREATE TABLE rooms(id INTEGER PRIMARY KEY, members TEXT, guests TEXT);
        INSERT INTO rooms VALUES (1, '1,2', '["x", 12]'), (2, '12, 1', '[1]'), (3, '2', 'x'), (4, '"1",\', NULL),
          (5, NULL, '{"a": [1]}');"#;
    let references = "'rooms.members' = { is = 'mention', to = 'users.id', list = ',' }
        'rooms.guests' = { is = 'mention', to = 'users.id', list = 'json' }";
    let application = Application::with(sql, references);
    let deed = application.delete("ann");
    assert_eq!(ids(&application, "rooms"), "1 2 3 4 5");
    deed.says(["2 rows, `rooms.members`", "1 row, `rooms.guests`"]);
}

#[test]
fn a_value_may_stand_between_two_texts() {
    let sql = "CREATE TABLE messages(id INTEGER PRIMARY KEY, sender TEXT);
        INSERT INTO messages VALUES (1, '@ann:h'), (2, '@bob:h'), (3, '@ann:i'), (4, 'ann:h'),
            (5, '@ann'), (6, ':h'), (7, '@:h'), (8, NULL), (9, '@ann:h:h'), (10, 5);";
    let references =
        "'messages.sender' = { is = 'owner', to = 'users.name', prefix = '@', suffix = ':h' }";
    let application = Application::with(sql, references);
    application.delete("ann");
    assert_eq!(ids(&application, "messages"), "2 3 4 5 6 7 8 9 10");
}

#[test]
fn two_texts_around_a_value_do_not_overlap() {
    let sql = "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT);
        INSERT INTO users VALUES (20, ''); INSERT INTO t VALUES (1, 'xx'), (2, 'x'), (3, 'xannx');";
    let references = "'t.a' = { is = 'owner', to = 'users.name', prefix = 'x', suffix = 'x' }";
    let application = Application::with(sql, references);
    application.delete("ann");
    assert_eq!(ids(&application, "t"), "1 2");
    application.delete("20");
    assert_eq!(ids(&application, "t"), "2");
}

#[test]
fn what_rows_keep_goes_with_the_last_of_them() {
    let sql = "CREATE TABLE revisions(id INTEGER PRIMARY KEY, user_id INTEGER, content_id INTEGER);
        CREATE TABLE content(id INTEGER PRIMARY KEY, address TEXT);
        CREATE TABLE texts(id INTEGER PRIMARY KEY);
        CREATE TABLE pins(content_id INTEGER);
        INSERT INTO texts VALUES (1), (2), (3), (4), (5);
        INSERT INTO content VALUES (1, 'tt:1'), (2, 'tt:2'), (3, 'tt:3'), (4, 'xx:4'), (5, 'tt:5');
        INSERT INTO revisions VALUES (1, 1, 1), (2, 1, 2), (3, 2, 2), (4, 1, 3), (5, 1, 4);
        INSERT INTO pins VALUES (3);";
    let references = "'revisions.user_id' = { is = 'owner', to = 'users.id' }
        'revisions.content_id' = { is = 'keeper', to = 'content.id' }
        'pins.content_id' = { is = 'mention', to = 'content.id' }
        'content.address' = { is = 'keeper', to = 'texts.id', prefix = 'tt:' }";
    let application = Application::with(sql, references);
    application.delete("ann");
    assert_eq!(
        ids(&application, "content"),
        "2 3 5",
        "bob's, pinned, nobody's"
    );
    assert_eq!(ids(&application, "texts"), "2 3 4 5");
    application.delete("bob");
    assert_eq!(ids(&application, "content"), "3 5");
    assert_eq!(ids(&application, "texts"), "3 4 5");
}

#[test]
fn all_users_at_once_leave_nothing_that_they_kept() {
    let sql = "CREATE TABLE revisions(id INTEGER PRIMARY KEY, user_id INTEGER, content_id INTEGER);
        CREATE TABLE content(id INTEGER PRIMARY KEY);
        INSERT INTO content VALUES (1), (2), (3);
        INSERT INTO revisions VALUES (1, 1, 1), (2, 1, 2), (3, 2, 2);";
    let references = "'revisions.user_id' = { is = 'owner', to = 'users.id' }
        'revisions.content_id' = { is = 'keeper', to = 'content.id' }";
    let application = Application::with(sql, references);
    let words = ["delete-all-user-data", "--force", "--no-redis"];
    reset_app()
        .root(application.root.path())
        .args(words)
        .run()
        .expect(0);
    assert_eq!(ids(&application, "content"), "3");
}

#[test]
fn rows_that_keep_each_other_in_a_circle_go_together() {
    let sql = "CREATE TABLE attachments(id INTEGER PRIMARY KEY, record_type TEXT, record_id INTEGER, blob_id INTEGER NOT NULL);
        CREATE TABLE variants(id INTEGER PRIMARY KEY, blob_id INTEGER NOT NULL REFERENCES blobs(id));
        CREATE TABLE blobs(id INTEGER PRIMARY KEY);
        INSERT INTO blobs VALUES (1), (2), (3), (4);
        INSERT INTO attachments VALUES (1, 'User', 1, 1), (2, 'Variant', 1, 2), (3, 'User', 2, 3), (4, 'User', 1, 3), (5, 'Variant', 2, 4);
        INSERT INTO variants VALUES (1, 1), (2, 3);";
    let references = "'variants.blob_id' = 'owner'
        'attachments.blob_id' = { is = 'keeper', to = 'blobs.id' }
        'attachments.record_id' = [
          { is = 'owner', to = 'users.id', when = { record_type = 'User' } },
          { is = 'owner', to = 'variants.id', when = { record_type = 'Variant' } },
        ]";
    let application = Application::with(sql, references);
    application.delete("ann");
    assert_eq!(
        ids(&application, "blobs"),
        "3 4",
        "bob's picture and its variant stay"
    );
    assert_eq!(ids(&application, "attachments"), "3 5");
    assert_eq!(ids(&application, "variants"), "2");
    application.delete("bob");
    assert_eq!(ids(&application, "blobs"), "");
}

#[test]
fn a_part_of_the_account_goes_with_the_account_and_not_without() {
    let sql = "CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT, address_id INTEGER);
        CREATE TABLE addresses(id INTEGER PRIMARY KEY);
        INSERT INTO users VALUES (1, 'ann', 1), (2, 'bob', 2);
        INSERT INTO addresses VALUES (1), (2);";
    let manifest = "[users]\ntable = 'users'\nnames = ['name']
        [references]\n'users.address_id' = { is = 'keeper', to = 'addresses.id' }";
    let application = Application::new(sql, manifest);
    let words = ["delete-user", "ann", "--force", "--no-redis"];
    reset_app()
        .root(application.root.path())
        .args(words)
        .run()
        .expect(0);
    assert_eq!(ids(&application, "addresses"), "1 2");
    application.delete("ann");
    assert_eq!(ids(&application, "addresses"), "2");
}

#[test]
fn users_may_be_no_more_than_a_name_in_a_column() {
    let sql = "CREATE TABLE notes(id INTEGER PRIMARY KEY, author TEXT, body TEXT);
        CREATE TABLE remarks(id INTEGER PRIMARY KEY, writer TEXT, note_id INTEGER REFERENCES notes(id) ON DELETE CASCADE);
        INSERT INTO notes VALUES (1, 'ann', ''), (2, 'bob', ''), (3, 'ann', ''), (4, NULL, '');
        INSERT INTO remarks VALUES (1, 'bob', 1), (2, 'ann', 2), (3, 'bob', 2), (4, 'eve', 4);";
    let manifest = "[users]\ntable = 'notes'\nkey = 'author'\nrows = 'many'
        [references]\n'remarks.writer' = { is = 'owner', to = 'notes.author' }";
    let application = Application::new(sql, manifest);
    application.delete("ann").says(["Users Processed: 1"]);
    assert_eq!(ids(&application, "notes"), "2 4");
    assert_eq!(ids(&application, "remarks"), "3 4");
    let words = ["delete-all-user-data", "--force", "--no-redis"];
    reset_app()
        .root(application.root.path())
        .args(words)
        .run()
        .expect(0);
    assert_eq!(ids(&application, "notes"), "4");
}

#[test]
fn entries_of_a_full_text_table_belong_to_rows_by_their_rowid() {
    let sql = "CREATE TABLE posts(id INTEGER PRIMARY KEY, user_id INTEGER);
        CREATE VIRTUAL TABLE search USING fts5(body);
        INSERT INTO posts VALUES (1, 1), (2, 2);
        INSERT INTO search(rowid, body) VALUES (1, 'bread'), (2, 'tea');";
    let references = "'posts.user_id' = { is = 'owner', to = 'users.id' }
        'search.rowid' = { is = 'owner', to = 'posts.id' }";
    let application = Application::with(sql, references);
    application.delete("ann");
    assert_eq!(ids(&application, "(SELECT rowid AS id FROM search)"), "2");
}

#[test]
fn files_are_found_by_the_value_that_their_path_holds() {
    let sql = "CREATE TABLE pictures(id INTEGER PRIMARY KEY, user_id INTEGER, name TEXT);
        INSERT INTO pictures VALUES (1, 1, 'a.jpg'), (2, 2, 'b.jpg'), (3, 1, 'both.jpg'), (4, 2, 'both.jpg');";
    let manifest = "[users]\ntable = 'users'\nnames = ['name']
        [references]\n'pictures.user_id' = { is = 'owner', to = 'users.id' }
        [files]\nroots = ['media', 'home']\ndirectories = ['home/{name}']
        [[files.columns]]\ncolumn = 'pictures.name'\npath = 'media/*/{value}'
        [[files.columns]]\ncolumn = 'pictures.name'\npath = 'media/thumbs/{stem}__*'";
    let application = Application::new(&format!("{USERS}{sql}"), manifest);
    for name in [
        "media/1/a.jpg",
        "media/2/b.jpg",
        "media/x/both.jpg",
        "media/thumbs/a__60x60.webp",
        "media/thumbs/ab__60x60.webp",
        "media/thumbs/both__9.webp",
        "media/1/a.jpg.old",
        "home/ann/x/y",
        "home/bob/x",
        "home/1/x",
    ] {
        application.file(name);
    }
    application.delete("ann");
    assert_eq!(
        application.files("media"),
        [
            "media/1/a.jpg.old",
            "media/2/b.jpg",
            "media/thumbs/ab__60x60.webp",
            "media/thumbs/both__9.webp",
            "media/x/both.jpg",
        ]
    );
    assert_eq!(application.files("home"), ["home/1/x", "home/bob/x"]);
}

#[test]
fn what_cannot_be_is_refused() {
    let refused = |references: &str, complaint: &str| {
        let sql = "CREATE TABLE t(a, b, u INTEGER REFERENCES users(id) ON DELETE CASCADE)";
        let application = Application::with(sql, references);
        let words = ["delete-user", "ann", "--force", "--no-redis"];
        let outcome = reset_app().root(application.root.path()).args(words).run();
        outcome.expect(4).complains([complaint]);
    };
    refused(
        "'t.a' = { is = 'owner', to = 'users.id', list = ',' }",
        "only be a mention",
    );
    refused(
        "'t.a' = { is = 'owner', to = 'users.id', when = { c = 1 } }",
        "`t.c`",
    );
    refused(
        "'t.a' = { is = 'owner', to = 'users.id', json = 'x' }",
        "begins with `$`",
    );
    refused(
        "'t.a' = { is = 'owner', to = 'users.id', prefix = '' }",
        "prefix",
    );
    refused(
        "'t.a' = { is = 'mention', to = 'users.id', suffix = '@h', list = ',' }",
        "do not go together",
    );
    refused("'t.u' = 'nothing'", "declares it as a foreign key");
}
