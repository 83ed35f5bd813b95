//! What `verify` finds, where, and what it takes for what; and that it changes nothing.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;
use support::application::Application;
use support::install::{Install, Tree};
use support::redis_server::RedisServer;
use support::run::{Outcome, reset_app};

const USERS: &str = "
    CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT, email TEXT, bio TEXT);
    INSERT INTO users VALUES (7, 'annabel', 'annabel@example.org', ''), (8, 'ben', 'ben@example.org', 'knows annabel');
    CREATE TABLE posts(id INTEGER PRIMARY KEY, u INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
        approved INTEGER REFERENCES users, body TEXT);
    INSERT INTO posts VALUES (1, 7, 8, 'by Annabel'), (2, 8, 7, 'by ben'), (3, 8, NULL, 'thank you, @annabel!');";

const MANIFEST: &str = "[users]\ntable = \"users\"\nnames = [\"name\"]\n";

/// The places of one of the lists of a verification: `posts.body`, `media/x`.
fn places(verification: &Value, list: &str) -> BTreeSet<String> {
    let place = |found: &Value| {
        let text = |name: &str| found[name].as_str().unwrap_or_default().to_owned();
        let at = match found["in"].as_str().unwrap() {
            "column" => format!("{}.{}", text("table"), text("column")),
            "index" => text("table"),
            "redis_key" | "redis_key_name" => text("key"),
            _ => text("path"),
        };
        let kinds: Vec<&str> = found["kinds"]
            .as_array()
            .unwrap()
            .iter()
            .map(|kind| kind.as_str().unwrap())
            .collect();
        format!("{at}: {}", kinds.join(" "))
    };
    verification[list]
        .as_array()
        .unwrap()
        .iter()
        .map(place)
        .collect()
}

fn set<const N: usize>(places: [&str; N]) -> BTreeSet<String> {
    places.map(str::to_owned).into()
}

fn verify(application: &Application, words: &[&str]) -> Outcome {
    application.run(&[&["verify", "--format", "json"], words].concat())
}

#[test]
fn rows_of_the_user_go_mentions_stay_and_the_rest_is_left() {
    let application = Application::new(USERS, MANIFEST);
    let found = verify(&application, &["annabel"]).expect(5).json();
    assert_eq!(
        places(&found, "covered"),
        set(["posts.body: name", "posts.u: key"])
    );
    assert_eq!(
        places(&found, "expected"),
        set([
            "posts.approved: key",
            "users.email: e-mail",
            "users.name: name"
        ])
    );
    assert_eq!(
        places(&found, "left"),
        set(["posts.body: name", "users.bio: name"])
    );
    let rows = &found["left"].as_array().unwrap()[0];
    assert_eq!(
        (&rows["examples"][0], &rows["users"][0]),
        (&"3".into(), &"7".into())
    );
    let text = application.run(&["verify", "7"]).expect(5);
    text.says([
        "Found in what a deletion would not take along:",
        "`posts.body`, 1 row (3): name",
    ]);
}

#[test]
fn sessions_in_base64_are_read() {
    let sql = format!(
        "{USERS} UPDATE users SET bio = ''; DELETE FROM posts WHERE id = 3;
         CREATE TABLE sessions(id TEXT PRIMARY KEY, payload TEXT);
         INSERT INTO sessions VALUES
            ('php', 'YToyOntzOjY6Il90b2tlbiI7czo0OiJhYmNkIjtzOjQ6Im1haWwiO3M6MTk6ImFubmFiZWxAZXhhbXBsZS5vcmciO30='),
            ('signed', 'eyJfYXV0aF91c2VyX25hbWUiOiJhbm5hYmVsIn0:1vX2Yz:c2lnbmF0dXJl_x'),
            ('of ben', 'eyJfYXV0aF91c2VyX25hbWUiOiJiZW4ifQ==');"
    );
    let application = Application::new(&sql, MANIFEST);
    let found = verify(&application, &["annabel"]).expect(5).json();
    let left = &found["left"];
    assert_eq!(
        places(&found, "left"),
        set(["sessions.payload: name e-mail"])
    );
    assert_eq!(left[0]["rows"], 2);
}

#[test]
fn columns_of_every_kind_are_searched() {
    let sql = format!(
        "{USERS} UPDATE users SET bio = ''; DELETE FROM posts WHERE id = 3;
         CREATE TABLE a(x, y BLOB, note TEXT) STRICT_;
         CREATE TABLE \"odd \"\"name\"(\"a.b\" TEXT PRIMARY KEY, v) WITHOUT ROWID;
         CREATE TABLE keyless(rowid TEXT, oid TEXT, _rowid_ TEXT);
         CREATE TABLE log(id INTEGER PRIMARY KEY, created_by, amount INTEGER, user_count INTEGER, meta TEXT);
         CREATE TABLE other(id INTEGER PRIMARY KEY, owner_id INTEGER REFERENCES log);
         INSERT INTO a VALUES (1, x'00ff616e6e6162656cff', NULL), (x'616e6e6162656c40', 2, 'ANNABEL@EXAMPLE.ORG');
         INSERT INTO \"odd \"\"name\" VALUES ('k', 'annabel''s');
         INSERT INTO keyless VALUES ('a', 'b', 'annabel');
         INSERT INTO log VALUES (1, 7, 7, 7, NULL), (2, '7', 0, 0, '{{\"userId\": 7}}'), (3, 8, 7, 7, '{{\"n\": 7}}');
         INSERT INTO other VALUES (1, 7);
         CREATE TABLE sqlite_looking(v); INSERT INTO sqlite_looking VALUES ('nothing');"
    )
    .replace(" STRICT_", "")
    .replace("sqlite_looking", "looking");
    let application = Application::new(&sql, MANIFEST);
    let found = verify(&application, &["7"]).expect(5).json();
    let expected = set([
        "a.note: e-mail",
        "a.x: name",
        "a.y: name",
        "keyless._rowid_: name",
        "log.created_by: key",
        "log.meta: key",
        "odd \"name.v: name",
    ]);
    // `annabel@` with nothing behind it is a name, not an address.
    assert_eq!(places(&found, "left"), expected);
    let log = found["left"]
        .as_array()
        .unwrap()
        .iter()
        .find(|f| f["column"] == "created_by")
        .unwrap();
    assert_eq!(log["rows"], 2);
}

#[test]
fn names_that_tell_nobody_are_not_searched_for_and_that_is_said() {
    let sql = "CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT, full_name TEXT);
        INSERT INTO users VALUES (1, 'al', 'Kim Lee'), (2, 'ben', 'Kim Lee'), (3, 'eve', NULL);
        CREATE TABLE t(v); INSERT INTO t VALUES ('al'), ('Kim Lee');";
    let application = Application::new(sql, MANIFEST);
    let outcome = application.run(&["verify", "1"]).expect(0);
    outcome.says([
        "a name of user 1 is shorter than 3 letters",
        "a name of user 1 is also that of 1 others",
    ]);
    verify(&application, &["--all"]).expect(5);
}

/// An application may keep its users' addresses in a table beside that of the users. What a user
/// wrote down of somebody else's is nothing that tells of the user.
#[test]
fn an_address_beside_the_users_is_searched_for() {
    let application = Application::new(
        "CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT);
         CREATE TABLE users_info(id INTEGER PRIMARY KEY, owner TEXT REFERENCES users(name) ON DELETE CASCADE, email TEXT);
         CREATE TABLE profiles(user_id INTEGER PRIMARY KEY REFERENCES users ON DELETE CASCADE, contact_mail TEXT);
         CREATE TABLE user_invitations(user_id INTEGER REFERENCES users ON DELETE CASCADE, email TEXT);
         CREATE TABLE pages(body TEXT);
         CREATE UNIQUE INDEX names ON users(name);
         INSERT INTO users VALUES (1, 'annabel'), (2, 'benedict');
         INSERT INTO users_info VALUES (1, 'annabel', 'ann.x1234567@a.example'), (2, 'benedict', 'ben.y1234567@b.example');
         INSERT INTO profiles VALUES (1, 'private@a.example'), (2, 'private@b.example');
         INSERT INTO user_invitations VALUES (1, 'guest@c.example'), (1, 'other@c.example');
         INSERT INTO pages VALUES ('of x1234567'), ('mailto:private@a.example'), ('ben.y1234567@b.example'), ('guest@c.example');",
        MANIFEST,
    );
    let found = verify(&application, &["annabel"]).json();
    let pages = found["left"].as_array().unwrap();
    assert_eq!(pages.len(), 1, "{found}");
    assert_eq!(pages[0]["rows"], 2, "{found}");
    assert_eq!(places(&found, "left"), set(["pages.body: e-mail handle"]));
}

#[test]
fn files_are_searched_by_name_and_content() {
    let sql = format!(
        "{USERS} UPDATE users SET bio = ''; DELETE FROM posts WHERE id = 3;
         CREATE TABLE img(id INTEGER PRIMARY KEY, u INTEGER NOT NULL REFERENCES users ON DELETE CASCADE, path TEXT);
         INSERT INTO img VALUES (1, 7, 'media/a.txt'), (2, 7, 'media/both.txt'), (3, 8, 'media/both.txt');"
    );
    let manifest = format!(
        "{MANIFEST}[files]\nroots = [\"media\", \"media/inner\"]\ncolumns = [{{ column = \"img.path\" }}]\n\
         directories = [\"media/user_{{user}}\"]\n"
    );
    let application = Application::new(&sql, &manifest);
    for file in [
        "a.txt",
        "both.txt",
        "user_7/x",
        "user_77/x",
        "annabel_2.jpg",
        "inner/owner-7/y",
        "ben.txt",
        "2024/7",
    ] {
        application.file(&format!("media/{file}"));
    }
    let write = |name: &str, text: &[u8]| {
        fs::write(application.path(&format!("media/{name}")), text).unwrap();
    };
    write("a.txt", b"annabel");
    write("both.txt", b"annabel and ben");
    write("ben.txt", b"\x00\x01binary annabel@example.org\xff");
    std::os::unix::fs::symlink("/etc/annabel", application.path("media/link")).unwrap();
    let found = verify(&application, &["7"]).expect(5).json();
    assert_eq!(
        places(&found, "left"),
        set([
            "media/annabel_2.jpg: name",
            "media/ben.txt: e-mail",
            "media/inner/owner-7: key",
            "media/inner/owner-7/y: key"
        ])
    );
    let covered = places(&found, "covered");
    assert!(
        covered.is_superset(&set(["media/a.txt: name", "media/user_7: key"])),
        "{covered:?}"
    );
    assert!(places(&found, "expected").contains("media/both.txt: name"));
    assert_eq!(found["searched"]["files"], 8);
    let after = application
        .run(&["delete-user", "7", "--verify", "--format", "json"])
        .expect(5)
        .json();
    let left = places(&after["verification"], "left");
    assert_eq!(
        left,
        places(&found, "left"),
        "the same, for nothing covered it"
    );
    assert!(places(&after["verification"], "covered").is_empty());
}

#[test]
fn a_file_that_cannot_be_read_is_not_taken_for_searched() {
    let application = Application::new(
        "CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT); INSERT INTO users VALUES (1, 'annabel');",
        &format!("{MANIFEST}[files]\nroots = [\"media\"]\n"),
    );
    application.file("media/a/b");
    let shut = fs::Permissions::from_mode(0o000);
    fs::set_permissions(application.path("media/a/b"), shut).unwrap();
    if support::run::is_root() {
        support::run::say("SKIPPED: root reads every file");
        return;
    }
    application
        .run(&["verify", "1"])
        .expect(3)
        .says(["Not searched", "media/a/b"]);
}

#[test]
fn indexes_without_text_are_asked_for_the_words() {
    let sql = format!(
        "{USERS} UPDATE users SET bio = ''; DELETE FROM posts WHERE id = 3;
         CREATE VIRTUAL TABLE free USING fts5(body, content='');
         CREATE VIRTUAL TABLE free4 USING fts4(body, content=\"\");
         CREATE VIRTUAL TABLE stale USING fts5(body, content='posts', content_rowid='id');
         CREATE VIRTUAL TABLE own USING fts5(body);
         INSERT INTO free(rowid, body) VALUES (5, 'letters of annabel');
         INSERT INTO free4(docid, body) VALUES (5, 'annabel@example.org');
         INSERT INTO stale(rowid, body) VALUES (1, 'annabel'), (99, 'annabel');
         INSERT INTO own VALUES ('dear annabel');"
    );
    let application = Application::new(&sql, MANIFEST);
    let found = verify(&application, &["7"]).expect(5).json();
    let expected = set([
        "free4: name e-mail",
        "free: name",
        "own.body: name",
        "stale: name",
    ]);
    assert_eq!(places(&found, "left"), expected);
    let stale = found["left"]
        .as_array()
        .unwrap()
        .iter()
        .find(|f| f["table"] == "stale")
        .unwrap();
    assert_eq!(
        stale["examples"],
        serde_json::json!(["99"]),
        "row 1 has its text in `posts`"
    );
}

#[test]
fn after_a_deletion_nothing_is_left_or_what_is_left_is_told() {
    let clean = USERS
        .replace("knows annabel", "")
        .replace("@annabel", "all");
    let application = Application::new(&clean, MANIFEST);
    let outcome = application
        .run(&["delete-user", "annabel", "--delete-accounts", "--verify"])
        .expect(0);
    outcome.says(["Nothing is left behind."]);

    let application = Application::new(USERS, MANIFEST);
    let outcome = application
        .run(&["delete-user", "annabel", "--delete-accounts", "--verify"])
        .expect(5);
    outcome.says([
        "Left behind:",
        "`posts.body`, 1 row (3): name",
        "`users.bio`, 1 row (8): name",
    ]);
    // The identifiers are gone with the account: nobody can be searched for any more.
    application.run(&["verify", "annabel"]).expect(4);

    let application = Application::new(&clean, MANIFEST);
    let outcome = application
        .run(&["delete-all-user-data", "--verify"])
        .expect(0);
    outcome.says(["the account itself"]);
}

#[test]
fn a_trigger_that_keeps_a_copy_is_found_out() {
    let sql = format!(
        "{USERS} UPDATE users SET bio = ''; DELETE FROM posts WHERE id = 3; CREATE TABLE audit(entry TEXT);
         CREATE TRIGGER note AFTER DELETE ON users BEGIN INSERT INTO audit VALUES ('deleted ' || old.email); END;"
    );
    let application = Application::new(&sql, MANIFEST);
    let outcome = application
        .run(&["delete-user", "7", "--delete-accounts", "--verify"])
        .expect(5);
    outcome.says(["`audit.entry`, 1 row (1): e-mail"]);
}

#[test]
fn keys_in_redis_are_searched_by_name_and_value() {
    let Some(server) = RedisServer::start() else {
        return;
    };
    let manifest = format!(
        "{MANIFEST}[[redis.keys]]\nmatch = \"app:user:{{user}}\"\nline = \"Keys\"\n[[redis.keys]]\nmatch = \"app:*\"\nline = \"Keys\"\n"
    );
    let sql = USERS
        .replace("knows annabel", "")
        .replace("@annabel", "all");
    let application = Application::new(&sql, &manifest);
    for words in [
        vec!["SET", "app:user:7", "x"],
        vec!["HSET", "app:cache", "by", "annabel"],
        vec!["RPUSH", "app:queue", "{\"user_id\": 7}"],
        vec!["ZADD", "app:online", "7", "annabel@example.org"],
        vec!["SADD", "app:names", "ben", "joannabel"],
        vec!["SET", "app:inbox:annabel", "7"],
        vec!["SET", "other:annabel", "annabel"],
    ] {
        server.run(&words);
    }
    let run = |words: &[&str]| {
        let invocation = reset_app().root(application.root.path()).args([
            "--redis",
            &server.url(0),
            "--format",
            "json",
        ]);
        invocation.args(words).run()
    };
    let before = server.dump(0);
    let found = run(&["verify", "7"]).expect(5).json();
    assert_eq!(server.dump(0), before, "invariant 6");
    let left = set([
        "app:cache: name",
        "app:inbox:annabel: name",
        "app:online: e-mail",
        "app:queue: key",
    ]);
    assert_eq!(places(&found, "left"), left);
    assert!(places(&found, "covered").contains("app:user:7: key"));
    assert_eq!(found["searched"]["redis_keys"], 6);
    let after = run(&["delete-user", "7", "--force", "--verify"])
        .expect(5)
        .json();
    assert_eq!(places(&after["verification"], "left"), left);
}

#[test]
fn nothing_is_changed_in_any_journal_mode() {
    for mode in ["delete", "wal, idle", "wal, in use", "wal, left behind"] {
        let mut install = Install::copy("busy");
        if mode.starts_with("wal") {
            install = install.wal();
        }
        let application = (mode == "wal, in use" || mode == "wal, left behind").then(|| {
            let application = install.connect();
            application
                .execute_batch("UPDATE users SET first_name = 'x' WHERE id = 3")
                .unwrap();
            application
        });
        if mode == "wal, left behind" {
            let wal = fs::read(install.path("storage/database/vedfolnir.db-wal")).unwrap();
            drop(application);
            fs::write(install.path("storage/database/vedfolnir.db-wal"), wal).unwrap();
            let before = Tree::of(install.root());
            reset_app()
                .root(install.root())
                .args(["verify", "--all", "--no-redis"])
                .run()
                .expect(5);
            assert_eq!(Tree::of(install.root()), before, "{mode}");
            continue;
        }
        let before = Tree::of(install.root());
        reset_app()
            .root(install.root())
            .args(["verify", "--all", "--no-redis"])
            .run()
            .expect(5);
        // The wal-index of a database in use changes with its readers, and is no part of the database.
        let shm = |tree: Tree| tree.retain(|path| !path.ends_with(b"-shm"));
        assert_eq!(shm(Tree::of(install.root())), shm(before), "{mode}");
    }
}

#[test]
fn whom_to_search_for_has_to_be_said() {
    let application = Application::new(USERS, MANIFEST);
    application.run(&["verify"]).expect(2);
    application.run(&["verify", "7", "--all"]).expect(2);
    application.run(&["verify", "nobody"]).expect(4);
    application
        .run(&["delete-user", "7", "--verify", "--dry-run"])
        .expect(0);
}
