//! Hazards that were once missed, each with the smallest application that shows it.

#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::Duration;

use support::application::Application;
use support::install::Install;
use support::nobody;
use support::run::{has_tool, reset_app, say};

const USERS: &str = "CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT);
    INSERT INTO users VALUES (1, 'ann'), (2, 'ben');";

const TEXT_USERS: &str = "CREATE TABLE users(id TEXT PRIMARY KEY NOT NULL, name TEXT);";

fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// Users and their pictures, with these rows and these lines under `[files]`.
fn pictures(rows: &str, files: &str) -> Application {
    let sql = format!(
        "{USERS} CREATE TABLE img(id INTEGER PRIMARY KEY,
             u INTEGER NOT NULL REFERENCES users ON DELETE CASCADE, path TEXT);
         INSERT INTO img VALUES {rows};"
    );
    let manifest = format!("[users]\ntable = \"users\"\n[files]\n{files}\n");
    Application::new(&sql, &manifest)
}

#[test]
fn roots_that_are_one_directory_are_refused() {
    for (link, target) in [("pub", "media"), ("pub", ".")] {
        let application = pictures(
            "(1, 1, 'pub/a.jpg'), (2, 2, 'media/a.jpg')",
            "roots = [\"media\", \"pub\"]\ncolumns = [{ column = \"img.path\" }]",
        );
        application.file("media/a.jpg");
        symlink(target, application.path(link)).unwrap();
        let outcome = application.run(&["delete-user", "1"]).expect(4);
        outcome.complains(["`media`", "`pub`"]);
        assert!(
            application.has("media/a.jpg"),
            "user 2 names it (invariant 5)"
        );
    }
}

/// User 2 names user 1's file by `name`. The file stays, however a system call about `pub` fails.
#[track_caller]
fn a_file_stays_for_who_names_it(name: &str, link: impl Fn(&Application), fails: &str, code: i32) {
    if !has_tool("strace", "no system call failed") {
        return;
    }
    let application = pictures(
        &format!("(1, 1, 'media/a.jpg'), (2, 2, '{name}')"),
        "roots = [\"media\"]\ncolumns = [{ column = \"img.path\" }]",
    );
    application.file("media/a.jpg");
    link(&application);
    let words = ["delete-user", "1", "--force"];
    let run = reset_app().root(&application.path("")).args(words);
    let inject = format!("inject={fails}");
    let shown = shown(&application.path("pub"));
    let hindered = [
        "strace",
        "-f",
        "-qq",
        "-o",
        "/dev/null",
        "-P",
        &shown,
        "-e",
        &inject,
    ];
    let outcome = run.under(hindered).run().expect(code);
    assert!(application.has("media/a.jpg"), "{outcome}");
}

/// What links a directory holds is not known where it cannot be listed: any name may be one.
#[test]
fn a_file_that_a_row_names_by_a_link_stays_although_its_directory_cannot_be_listed() {
    let link = |application: &Application| {
        fs::create_dir(application.path("pub")).unwrap();
        symlink("../media/a.jpg", application.path("pub/b.jpg")).unwrap();
    };
    a_file_stays_for_who_names_it("pub/b.jpg", link, "openat:error=EMFILE", 0);
}

#[test]
fn a_file_that_a_row_names_by_a_link_stays_although_nobody_can_tell_where_that_leads() {
    let link = |application: &Application| {
        fs::create_dir(application.path("pub")).unwrap();
        symlink("../media", application.path("pub/in")).unwrap();
    };
    let fails = "?readlink,?readlinkat:error=EIO";
    a_file_stays_for_who_names_it("pub/in/a.jpg", link, fails, 4);
}

/// User 2's row names user 1's file through a directory that only the application may enter.
#[test]
fn a_file_that_a_row_may_name_where_this_program_may_not_look_stays_until_it_may() {
    for user_two in ["pub/in/a.jpg", "media/locked/a.jpg"] {
        let application = pictures(
            &format!("(1, 1, 'media/a.jpg'), (2, 1, 'media/b.jpg'), (3, 2, '{user_two}')"),
            "roots = [\"media\"]\ncolumns = [{ column = \"img.path\" }]",
        );
        application.file("media/a.jpg");
        application.file("media/b.jpg");
        let locked = user_two.rsplit_once("/a.jpg").map_or("", |(it, _)| it);
        let (above, _) = locked.split_once('/').unwrap();
        fs::create_dir_all(application.path(above)).unwrap();
        if above == "pub" {
            symlink("../media", application.path(locked)).unwrap();
        } else {
            fs::create_dir(application.path(locked)).unwrap();
            symlink("../a.jpg", application.path(user_two)).unwrap();
        }
        let closed = application.path(if above == "pub" { above } else { locked });
        if !nobody::takes(application.root.path()) {
            return;
        }
        nobody::mode(&closed, 0o000);
        let words = ["delete-user", "1", "--force", "--no-redis"];
        let preview = nobody::run(
            application.root.path(),
            &[&words[..], &["--dry-run"]].concat(),
        );
        preview
            .expect(0)
            .says(["media/a.jpg: a row that stays may name it", user_two]);
        let outcome = nobody::run(application.root.path(), &words).expect(3);
        outcome.says([
            "media/a.jpg: a row that stays may name it",
            "Permission denied",
        ]);
        assert!(application.has("media/a.jpg"), "{user_two}");
        assert!(!application.has("media/b.jpg"), "{user_two}");
        nobody::run(application.root.path(), &["resume", "--no-redis"]).expect(3);
        assert!(application.has("media/a.jpg"), "{user_two}");

        nobody::mode(&closed, 0o755);
        let resumed = nobody::run(application.root.path(), &["resume", "--no-redis"]);
        resumed
            .expect(0)
            .says(["media/a.jpg: a row that stays names it"]);
        assert!(application.has("media/a.jpg"), "{user_two}");
    }
}

/// Whatever follows it ends nowhere: no file is meant.
#[test]
fn a_path_that_loops_or_cannot_be_names_no_file() {
    let long = format!("media/{}/a.jpg", "x".repeat(256));
    let application = pictures(
        &format!("(1, 1, 'media/a.jpg'), (2, 2, 'pub/loop/a.jpg'), (3, 2, '{long}')"),
        "roots = [\"media\"]\ncolumns = [{ column = \"img.path\" }]",
    );
    application.file("media/a.jpg");
    fs::create_dir(application.path("pub")).unwrap();
    symlink("pool", application.path("pub/loop")).unwrap();
    symlink("loop", application.path("pub/pool")).unwrap();
    application.run(&["delete-user", "1"]).expect(0);
    assert!(!application.has("media/a.jpg"));
}

/// The application follows a short link to where the whole path is longer than any may be.
#[test]
fn a_file_whose_whole_path_is_too_long_stays_for_who_names_it_by_a_short_one() {
    let name = "d".repeat(250);
    let application = pictures(
        &format!("(1, 1, 'media/a.jpg'), (2, 2, 'pub/{}/in/a.jpg')", "l17"),
        "roots = [\"media\"]\ncolumns = [{ column = \"img.path\" }]",
    );
    application.file("media/a.jpg");
    fs::create_dir(application.path("pub")).unwrap();
    let mut last = application.path("pub");
    for level in 0..18 {
        fs::create_dir(last.join(&name)).unwrap();
        let link = application.path(&format!("pub/l{level}"));
        let target = match level {
            0 => name.clone(),
            _ => format!("l{}/{name}", level - 1),
        };
        symlink(target, &link).unwrap();
        last = link;
    }
    symlink(application.path("media"), last.join("in")).unwrap();
    assert!(application.has("pub/l17/in/a.jpg"));
    let outcome = application.run(&["delete-user", "1"]);
    assert!(application.has("media/a.jpg"), "{outcome}");
}

/// It is looked for among what stands below the root, where it is one that cannot be removed.
#[test]
fn a_file_found_by_a_pattern_that_cannot_go_keeps_its_user() {
    let application = pictures(
        "(1, 1, 'a.jpg')",
        "roots = [\"media\"]\ncolumns = [{ column = \"img.path\", path = \"media/*/{value}\" }]",
    );
    application.file("media/x/a.jpg");
    let chattr = |flag: &str| {
        let file = application.path("media/x/a.jpg");
        let done = std::process::Command::new("chattr")
            .arg(flag)
            .arg(file)
            .output();
        done.is_ok_and(|done| done.status.success())
    };
    if !chattr("+i") {
        say("chattr +i is not permitted here: no file was immutable");
        return;
    }
    let outcome = application.run(&["delete-user", "1"]);
    assert!(chattr("-i"));
    outcome.expect(1).complains(["media/x/a.jpg", "immutable"]);
    assert_eq!(application.count("SELECT count(*) FROM img"), 1);
    application.run(&["delete-user", "1"]).expect(0);
    assert!(!application.has("media/x/a.jpg"));
}

#[test]
fn a_directory_that_cannot_be_looked_into_for_a_pattern_is_told() {
    if !has_tool("strace", "no directory was unreadable") {
        return;
    }
    let application = pictures(
        "(1, 1, 'a.jpg'), (2, 1, 'b.jpg')",
        "roots = [\"media\"]\ncolumns = [{ column = \"img.path\", path = \"media/*/{value}\" }]",
    );
    application.file("media/x/a.jpg");
    application.file("media/y/b.jpg");
    let words = ["delete-user", "1", "--force"];
    let run = reset_app().root(&application.path("")).args(words);
    let shown = shown(&application.path("media/x"));
    let fails = "inject=openat,openat2:error=EMFILE";
    let hindered = [
        "strace",
        "-f",
        "-qq",
        "-o",
        "/dev/null",
        "-P",
        &shown,
        "-e",
        fails,
    ];
    let outcome = run.under(hindered).run().expect(3);
    outcome.says(["media/x: could not be looked into"]);
    assert!(!application.has("media/y/b.jpg"));
}

/// As on the top of a disk: `lost+found`, which is root's.
#[test]
fn a_closed_directory_is_told_only_where_a_file_of_a_row_may_stand_in_it() {
    for (path, code) in [
        ("media/*/{value}", 3),
        ("media/{stem}_*", 0),
        ("media/x/{stem}_*", 0),
    ] {
        let application = pictures(
            "(1, 1, 'a.jpg')",
            &format!(
                "roots = [\"media\"]\ncolumns = [{{ column = \"img.path\", path = \"{path}\" }}]"
            ),
        );
        let file = path
            .replace('*', "x")
            .replace("{value}", "a.jpg")
            .replace("{stem}", "a");
        application.file(&file);
        fs::create_dir(application.path("media/lost+found")).unwrap();
        if !nobody::takes(application.root.path()) {
            return;
        }
        nobody::mode(&application.path("media/lost+found"), 0o000);
        let words = ["delete-user", "1", "--force", "--no-redis"];
        let outcome = nobody::run(application.root.path(), &words).expect(code);
        let told = outcome
            .stdout
            .contains("media/lost+found: could not be looked into");
        assert_eq!(told, code == 3, "{path}: {outcome}");
        assert!(!application.has(&file), "{path}: {outcome}");
    }
}

/// It is not asked for each of them which of the files below are meant.
#[test]
fn twenty_thousand_rows_that_name_one_directory_are_no_burden() {
    let application = pictures(
        "(1, 1, 'media/album/1.jpg')",
        "roots = [\"media\"]\ncolumns = [{ column = \"img.path\" }]",
    );
    application.file("media/album/1.jpg");
    let rows = "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
        INSERT INTO img SELECT i, 1, 'media/album/' || i || '.jpg' FROM n;
        INSERT INTO img SELECT 20000 + id, 2, 'media/album' FROM img;";
    application.database().execute_batch(rows).unwrap();
    let outcome = application.run(&["delete-user", "1", "--dry-run"]);
    let outcome = outcome.expect(0);
    let outcome = outcome.says(["media/album/1.jpg: a row that stays names it"]);
    assert!(outcome.took < Duration::from_secs(15), "{outcome}");
}

/// Two hard links make a directory look like one that ignores case.
#[test]
fn where_case_is_ignored_a_file_stays_for_a_row_that_writes_it_in_other_letters() {
    for (name, stays) in [
        ("media/1/A.JPG", true),
        ("media/1/a.Jpg", true),
        ("media/1", true),
        ("media/1/B.jpg", false),
    ] {
        for ignored in [true, false] {
            let application = pictures(
                &format!("(1, 1, 'media/1/a.jpg'), (2, 2, '{name}'), (3, 1, 'media/1/A.jpg')"),
                "roots = [\"media\"]\ncolumns = [{ column = \"img.path\" }]",
            );
            application.file("media/1/a.jpg");
            if ignored {
                application.file("media/probe");
                fs::hard_link(
                    application.path("media/probe"),
                    application.path("media/PROBE"),
                )
                .unwrap();
            }
            let outcome = application.run(&["delete-user", "1"]).expect(0);
            let kept = application.has("media/1/a.jpg");
            let expected = stays && (ignored || name == "media/1");
            assert_eq!(kept, expected, "{name}, {ignored}: {outcome}");
        }
    }
}

/// A relative one fits an absolute one, and `./media` fits `media`.
#[test]
fn a_root_and_a_pattern_need_not_be_written_alike() {
    let absolute = "ABSOLUTE";
    for root in ["media", "./media", "media/", "media/../media", absolute] {
        for top in ["media", "./media", "media//.", "x/../media", absolute] {
            let application = pictures("(1, 1, 'a.jpg'), (2, 1, '/b.jpg'), (3, 2, 'c.jpg')", "");
            let here =
                |written: &str| written.replace(absolute, &shown(&application.path("media")));
            let manifest = format!(
                "[application]\ndatabase = \"app.db\"\n[users]\ntable = \"users\"\n[files]\n\
                 roots = [\"{}\"]\ndirectories = [\"media/user_{{user}}\"]\n\
                 columns = [{{ column = \"img.path\", path = \"{}/*/{{value}}\" }}]\n",
                here(root),
                here(top)
            );
            fs::write(application.path("reset-app.toml"), manifest).unwrap();
            for file in ["media/x/a.jpg", "media/x/b.jpg", "media/user_1/c.jpg"] {
                application.file(file);
            }
            let outcome = application.run(&["delete-user", "1"]).expect(0);
            for gone in ["media/x/a.jpg", "media/x/b.jpg"] {
                assert!(!application.has(gone), "{root} {top}: {outcome}");
            }
            assert!(
                application.has("media/user_1/c.jpg"),
                "{root} {top}: {outcome}"
            );
        }
    }
}

/// A name need not be one user's only.
#[test]
fn a_directory_that_two_users_share_by_their_name_goes_with_the_last_of_them() {
    let sql = "CREATE TABLE users(id INTEGER PRIMARY KEY, name);
        INSERT INTO users VALUES (1, 'ann'), (2, CAST('ann' AS BLOB)), (3, 'ben'), (4, NULL), (5, NULL);";
    let manifest = "[users]\ntable = \"users\"\n[files]\nroots = [\"home\"]\ndirectories = [\"home/{name}\"]\n";
    let application = Application::new(sql, manifest);
    application.file("home/ann/a.txt");
    application.file("home/ben/b.txt");
    for words in [&["--dry-run"][..], &[]] {
        let words = [&["delete-user", "1"][..], words].concat();
        let outcome = application.run(&words);
        outcome.says(["home/ann: is also the directory of a user who stays"]);
        assert!(application.has("home/ann/a.txt"));
    }
    application.run(&["delete-user", "1"]).expect(3);
    application.run(&["delete-user", "3"]).expect(0);
    assert!(!application.has("home/ben"));
    let both = ["delete-all-user-data", "--only", "1", "2"];
    let preview = application.run(&[&both[..], &["--dry-run"]].concat());
    let outcome = application.run(&both).expect(0);
    assert_eq!(outcome.line("Total Items"), Some(2), "{outcome}");
    assert_eq!(preview.line("Total Items"), Some(2), "{preview}");
    assert!(!application.has("home/ann"));
}

#[test]
fn keys_that_are_no_name_of_a_directory_lead_nowhere() {
    let sql =
        format!("{TEXT_USERS} INSERT INTO users VALUES ('.', 'x'), ('..', 'y'), ('files', 'z');");
    let manifest = "[users]\ntable = \"users\"\n[files]\nroots = [\"media\"]\n\
                    directories = [\"media/{user}/files\"]\n";
    let application = Application::new(&sql, manifest);
    application.file("media/files/files/z");
    for key in [".", ".."] {
        application.run(&["delete-user", key]).expect(3);
        assert!(
            application.has("media/files/files/z"),
            "`{key}` is not its owner"
        );
    }
}

#[test]
fn only_the_very_key_names_a_user() {
    let sql = format!("{TEXT_USERS} INSERT INTO users VALUES ('5', 'x'), ('6', '');");
    let manifest = "[users]\ntable = \"users\"\nnames = [\"name\"]\n";
    let application = Application::new(&sql, manifest);
    for name in ["05", "+5", " 5", "5.0", ""] {
        application
            .run(&["delete-user", name, "--delete-accounts"])
            .expect(4);
    }
    let application = Application::new(USERS, manifest);
    for name in ["01", " 1", "1.0", "1e0", ""] {
        application
            .run(&["delete-user", name, "--delete-accounts"])
            .expect(4);
    }
    assert_eq!(application.count("SELECT count(*) FROM users"), 2);
}

#[test]
fn a_file_in_a_root_that_is_not_there_now_stays_recorded() {
    if !support::run::has_tool("strace", "nothing is killed") {
        return;
    }
    let application = pictures(
        "(1, 1, 'media/a.jpg'), (2, 2, 'media/b.jpg')",
        "roots = [\"media\"]\ncolumns = [{ column = \"img.path\" }]",
    );
    application.file("media/a.jpg");
    application.file("media/b.jpg");
    let killed = reset_app()
        .root(application.root.path())
        .args(["delete-user", "1", "--force", "--no-redis"])
        .under(support::sweep::strace("signal=KILL", "renameat2", 1))
        .run();
    assert!(killed.was_killed(), "{killed}");
    fs::rename(application.path("media"), application.path("unmounted")).unwrap();
    application.run(&["resume"]).expect(3).says(["media/a.jpg"]);
    fs::rename(application.path("unmounted"), application.path("media")).unwrap();
    application.run(&["resume"]).expect(0);
    assert!(!application.has("media/a.jpg") && application.has("media/b.jpg"));
}

#[test]
fn rows_of_a_user_who_fails_go_with_the_next_whose_they_are() {
    let sql = format!(
        "{USERS} CREATE TABLE posts(id INTEGER PRIMARY KEY,
             u INTEGER REFERENCES users ON DELETE CASCADE, locked INTEGER);
         CREATE TABLE comments(id INTEGER PRIMARY KEY, u INTEGER REFERENCES users ON DELETE CASCADE,
             post INTEGER REFERENCES posts ON DELETE CASCADE);
         INSERT INTO posts VALUES (1, 1, 1), (2, 1, 0), (3, 2, 0);
         INSERT INTO comments VALUES (1, 2, 1), (2, 2, 2), (3, 2, 3);
         CREATE TRIGGER keep BEFORE DELETE ON posts WHEN old.locked BEGIN SELECT RAISE(IGNORE); END;"
    );
    let application = Application::new(&sql, "[users]\ntable = \"users\"\n");
    let outcome = application.run(&["delete-all-user-data"]).expect(1);
    outcome.says(["user 1"]);
    assert_eq!(
        application.count("SELECT count(*) FROM comments"),
        0,
        "all are user 2's"
    );
    assert_eq!(
        application.count("SELECT count(*) FROM posts WHERE u = 1"),
        2,
        "all or none"
    );
}

#[test]
fn rows_that_a_trigger_writes_for_the_user_go_too() {
    let sql = format!(
        "{USERS} CREATE TABLE posts(id INTEGER PRIMARY KEY, u INTEGER REFERENCES users ON DELETE CASCADE);
         CREATE TABLE history(id INTEGER PRIMARY KEY, u INTEGER REFERENCES users ON DELETE CASCADE);
         INSERT INTO posts VALUES (1, 1), (2, 1), (3, 2);
         CREATE TRIGGER note AFTER DELETE ON posts BEGIN INSERT INTO history(u) VALUES (old.u); END;"
    );
    let application = Application::new(&sql, "[users]\ntable = \"users\"\n");
    application.run(&["delete-all-user-data"]).expect(0);
    assert_eq!(application.count("SELECT count(*) FROM history"), 0);
}

#[test]
fn a_table_of_sessions_that_is_nobodys_is_refused() {
    let sql = format!(
        "{USERS} CREATE TABLE sessions(id INTEGER PRIMARY KEY, u INTEGER REFERENCES users);
         INSERT INTO sessions VALUES (1, 1);"
    );
    let manifest = "[users]\ntable = \"users\"\n[sessions]\ntables = [\"sessions\"]\n";
    let application = Application::new(&sql, manifest);
    let words = ["delete-user", "1", "--sessions-only"];
    application.run(&words).expect(4).complains(["`sessions`"]);
}

#[test]
fn one_column_of_a_composite_mention_is_enough_to_name_nothing() {
    let sql = format!(
        "{USERS} CREATE TABLE posts(tenant INTEGER, id INTEGER, author INTEGER REFERENCES users ON DELETE CASCADE,
             PRIMARY KEY (tenant, id));
         CREATE TABLE notes(id INTEGER PRIMARY KEY, tenant INTEGER REFERENCES users, post INTEGER,
             FOREIGN KEY (tenant, post) REFERENCES posts);
         INSERT INTO posts VALUES (2, 1, 1);
         INSERT INTO notes VALUES (1, 2, 1);"
    );
    let manifest = "[users]\ntable = \"users\"\n[references]\n\"notes.tenant\" = \"owner\"\n";
    let application = Application::new(&sql, manifest);
    application.run(&["delete-user", "1"]).expect(0);
    let kept = "SELECT count(*) FROM notes WHERE tenant = 2 AND post IS NULL";
    assert_eq!(application.count(kept), 1, "the note is still its tenant's");
}

#[test]
fn a_password_in_an_address_is_not_told() {
    let application = Application::new(USERS, "[users]\ntable = \"users\"\n");
    let addresses = [
        ("DATABASE_URL", "postgres//u:S3CRET@h/db"),
        ("DATABASE_URL", " postgresql://u:S3CRET@h/db"),
        ("DATABASE_URL", "\"postgresql://u:S3CRET@h/db\""),
        ("DATABASE_URL", "my_sql://u:S3CRET@h/db"),
        ("DATABASE_URL", "sqlite://u:S3CRET@h/app.db"),
        ("REDIS_URL", "redis://default:1234/S3CRET@h/0"),
    ];
    for (variable, address) in addresses {
        let invocation = reset_app()
            .root(application.root.path())
            .env(variable, address);
        let outcome = invocation.args(["status", "-vvv"]).run();
        let said = format!("{}{}", outcome.stdout, outcome.stderr);
        assert!(!said.contains("S3CRET"), "{address}: {outcome}");
    }
}

#[test]
fn a_file_deeper_than_a_row_may_name_is_kept_for_the_row_that_names_it() {
    let deep = format!("media/user_1/{}f", "d/".repeat(140));
    let application = pictures(
        &format!("(2, 2, '{deep}')"),
        "roots = [\"media\"]\ncolumns = [{ column = \"img.path\" }]\ndirectories = [\"media/user_{user}\"]",
    );
    application.file(&deep);
    application.run(&["delete-user", "1"]).expect(0);
    assert!(
        application.has(&deep),
        "{}",
        shown(&application.path(&deep))
    );
}

#[test]
fn a_thread_of_ten_thousand_replies_goes() {
    let sql = format!(
        "{USERS} CREATE TABLE c(id INTEGER PRIMARY KEY,
             u INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
             parent INTEGER REFERENCES c ON DELETE CASCADE);
         CREATE INDEX c_u ON c(u); CREATE INDEX c_parent ON c(parent);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
         INSERT INTO c SELECT i, 1, nullif(i - 1, 0) FROM n;"
    );
    let application = Application::new(&sql, "[users]\ntable = \"users\"\n");
    application.run(&["delete-user", "1"]).expect(0);
    assert_eq!(application.count("SELECT count(*) FROM c"), 0);
}

#[test]
fn a_pipe_in_the_place_of_a_file_is_an_error_and_no_wait() {
    for name in [".env", "app.db.reset-app-lock", ".reset-app/audit.jsonl"] {
        let application = Application::new(USERS, "[users]\ntable = \"users\"\n");
        let pipe = application.path(name);
        fs::create_dir_all(pipe.parent().unwrap()).unwrap();
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        let outcome = application.run(&["delete-all-user-data"]);
        assert!(matches!(outcome.code(), Some(1 | 4)), "{name}: {outcome}");
    }
}

#[test]
fn a_user_without_a_key_is_not_passed_over_in_silence() {
    let sql = "CREATE TABLE users(id TEXT PRIMARY KEY, name TEXT); INSERT INTO users VALUES ('a', 'x'), (NULL, 'y');";
    let application = Application::new(sql, "[users]\ntable = \"users\"\n");
    let outcome = application
        .run(&["delete-all-user-data", "--delete-accounts"])
        .expect(0);
    outcome.says(["1 rows of the users table have no key"]);
}

/// To `SQLite` the text `01` and the number 1 are one key: it would cascade to rows that name `1`.
#[test]
fn a_key_that_is_a_number_in_another_spelling_takes_no_rows_of_others() {
    let sql = |column: &str, keys: &str| {
        format!(
            "{TEXT_USERS} INSERT INTO users VALUES {keys};
             CREATE TABLE posts(id INTEGER PRIMARY KEY,
                 user_id {column} REFERENCES users ON DELETE CASCADE, title TEXT);
             CREATE TABLE notes(id INTEGER PRIMARY KEY, user_id TEXT REFERENCES users ON DELETE CASCADE);
             INSERT INTO posts VALUES (1, 1, 'one'), (2, 7, 'seven'); INSERT INTO notes VALUES (1, '7')"
        )
    };
    let manifest = "[users]\ntable = \"users\"\n";
    let delete = ["delete-user", "--delete-accounts"];
    let keys = "('1', 'a'), ('01', 'b'), ('7', 'c'), ('abc', 'd')";
    for column in ["INTEGER", "NUMERIC", "REAL"] {
        let application = Application::new(&sql(column, keys), manifest);
        for words in [
            &delete[..],
            &["delete-user", "--delete-accounts", "--dry-run"],
        ] {
            let outcome = application.run(&[words, &["01"]].concat()).expect(4);
            outcome.complains(["posts.user_id", "`users`"]);
        }
        assert_eq!(
            application.count("SELECT count(*) FROM posts, users"),
            8,
            "{column}"
        );
        application.run(&[&delete[..], &["abc"]].concat()).expect(0);
    }
    let application = Application::new(&sql("INTEGER", keys), manifest);
    application.run(&[&delete[..], &["7"]].concat()).expect(0);
    assert_eq!(application.count("SELECT count(*) FROM posts"), 1);
    assert_eq!(application.count("SELECT count(*) FROM notes"), 0);
}

/// Users' messages to each other, in a database with triggers, where every user is surveyed alone.
const MESSAGES: &str = "CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT);
    INSERT INTO users VALUES (1, 'ann'), (2, 'ben'), (3, 'cleo');
    CREATE TABLE messages(id INTEGER PRIMARY KEY,
        sender INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
        recipient INTEGER REFERENCES users ON DELETE SET NULL);
    INSERT INTO messages VALUES (1, 2, 1), (2, 3, 1), (3, 1, 2), (4, 3, 2);";

const ACCOUNTS: [&str; 2] = ["delete-all-user-data", "--delete-accounts"];

#[test]
fn a_row_that_goes_with_a_later_user_is_not_told_as_one_that_stays() {
    let sql = format!(
        "{MESSAGES} CREATE TABLE log(id INTEGER PRIMARY KEY);
         CREATE TRIGGER gone AFTER DELETE ON messages BEGIN INSERT INTO log VALUES (NULL); END;"
    );
    let manifest = "[users]\ntable = \"users\"\n[tables]\nkept = [\"log\"]\n";
    let application = Application::new(&sql, manifest);
    let outcome = application.run(&ACCOUNTS).expect(0);
    assert!(!outcome.stdout.contains("Rows that stay"), "{outcome}");
    assert_eq!(application.count("SELECT count(*) FROM messages"), 0);
}

#[test]
fn a_row_that_stays_because_its_user_could_not_be_erased_is_told_if_it_lost_what_it_named() {
    let sql = format!(
        "{MESSAGES} CREATE TRIGGER kept BEFORE DELETE ON messages WHEN old.sender = 3
             BEGIN SELECT RAISE(ABORT, 'not this one'); END;"
    );
    let application = Application::new(&sql, "[users]\ntable = \"users\"\n");
    let outcome = application.run(&ACCOUNTS).expect(1);
    outcome.says(["2 rows, `messages.recipient`"]);
    let left = "SELECT count(*) FROM messages WHERE sender = 3 AND recipient IS NULL";
    assert_eq!(application.count(left), 2);
}

/// While the second user goes, foreign keys are miscounted: what was copied of `tags` before is dropped in
/// the transaction that is then rolled back.
#[test]
fn a_copy_that_a_rollback_brought_back_is_made_anew() {
    let sql = "CREATE TABLE users(id INTEGER PRIMARY KEY);
        INSERT INTO users VALUES (1), (6), (7);
        CREATE TABLE boards(id INTEGER PRIMARY KEY, owner INTEGER REFERENCES users);
        INSERT INTO boards VALUES (1, NULL), (2, 6);
        CREATE TABLE notes(name TEXT UNIQUE, by INTEGER REFERENCES users,
            below INTEGER REFERENCES notes(name) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED);
        INSERT INTO notes VALUES ('a', 6, '01'), ('01', 7, '01');
        CREATE TABLE tags(id INTEGER PRIMARY KEY, board TEXT REFERENCES boards);";
    let manifest = "[users]\ntable = \"users\"\n[references]\n\"boards.owner\" = \"owner\"\n\
        \"notes.by\" = \"mention\"\n\"tags.board\" = \"mention\"\n";
    let application = Application::new(sql, manifest);
    application
        .run(&[&ACCOUNTS[..], &["--unowned"]].concat())
        .expect(0);
    assert_eq!(application.count("SELECT count(*) FROM boards"), 0);
}

/// `PRAGMA foreign_key_check` fails as a whole where one foreign key names no key.
#[test]
fn a_reference_to_no_key_elsewhere_does_not_keep_a_user_beside_rows_that_name_nothing() {
    let sql = "CREATE TABLE users(id INTEGER PRIMARY KEY);
        INSERT INTO users VALUES (1), (6);
        CREATE TABLE plain(n INTEGER);
        CREATE TABLE broken(n INTEGER REFERENCES plain(n) ON DELETE CASCADE);
        CREATE TABLE threads(id INTEGER PRIMARY KEY, closed_by INTEGER REFERENCES users,
            above INTEGER REFERENCES threads ON DELETE CASCADE);
        INSERT INTO threads VALUES (1, 6, 2);";
    let application = Application::new(sql, "[users]\ntable = \"users\"\n");
    application.run(&ACCOUNTS).expect(0);
    let kept = "SELECT count(*) FROM threads WHERE closed_by IS NULL AND above = 2";
    assert_eq!(application.count(kept), 1);
    assert_eq!(application.count("SELECT count(*) FROM users"), 0);
}

/// A default makes a row name a later user, in a type that `SQLite` does not look for.
#[test]
fn a_user_whom_a_default_names_by_now_is_not_erased_below_the_row() {
    let sql = "CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT UNIQUE);
        INSERT INTO users VALUES (3, 'a'), (5, '1');
        CREATE TABLE notes(by DEFAULT 1 REFERENCES users(name) ON DELETE SET DEFAULT);
        INSERT INTO notes VALUES ('a');";
    let application = Application::new(sql, "[users]\ntable = \"users\"\n");
    application
        .run(&ACCOUNTS)
        .expect(1)
        .complains(["user 5", "notes"]);
    let violated = "SELECT count(*) FROM pragma_foreign_key_check";
    assert_eq!(application.count(violated), 0);
    assert_eq!(application.count("SELECT count(*) FROM users"), 1);
}

const HEIRS: &str = "CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT);
    INSERT INTO users VALUES (1, 'ann'), (2, 'ben'), (3, 'eve');";

const INHERITED: [&str; 6] = [
    "delete-all-user-data",
    "--delete-accounts",
    "--reassign-to",
    "3",
    "--except",
    "3",
];

/// The heir stands in the key of the row then, by which its other mentions were to be found.
#[test]
fn a_row_that_mentions_an_account_twice_in_its_key_is_handed_over_whole() {
    let sql = format!(
        "{HEIRS} CREATE TABLE pairs(a INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
             b INTEGER NOT NULL REFERENCES users ON DELETE CASCADE, seen_by INTEGER,
             PRIMARY KEY (a, b)) WITHOUT ROWID;
         INSERT INTO pairs VALUES (1, 1, 1), (1, 2, 2), (3, 4, 3);"
    );
    let manifest = "[users]\ntable = \"users\"\n[references]\n\"pairs.a\" = \"mention\"\n\"pairs.b\" = \"mention\"\n\
                    \"pairs.seen_by\" = { to = \"users.id\", is = \"mention\" }\n";
    let application = Application::new(&sql, manifest);
    let one = [
        "delete-user",
        "1",
        "--delete-accounts",
        "--reassign-to",
        "3",
    ];
    application.run(&one).expect(0);
    let rows =
        "SELECT group_concat(concat_ws('-', a, b, ifnull(seen_by, 'nobody')), ' ') FROM pairs";
    let rows: String = application
        .database()
        .query_row(rows, [], |row| row.get(0))
        .unwrap();
    assert_eq!(rows, "3-2-2 3-3-nobody 3-4-3");
}

/// The same where the mention is the rowid.
#[test]
fn a_row_that_gets_the_heirs_number_forgets_the_account_that_goes() {
    let sql = format!(
        "{HEIRS} CREATE TABLE profiles(u INTEGER PRIMARY KEY REFERENCES users, checked_by INTEGER);
         INSERT INTO profiles VALUES (1, 1);"
    );
    let manifest = "[users]\ntable = \"users\"\n[references]\n\"profiles.u\" = \"mention\"\n\
                    \"profiles.checked_by\" = { to = \"users.id\", is = \"mention\" }\n";
    let application = Application::new(&sql, manifest);
    application.run(&INHERITED).expect(0);
    let inherited = "SELECT count(*) FROM profiles WHERE u = 3 AND checked_by IS NULL";
    assert_eq!(application.count(inherited), 1);
}

/// What a later user's row owns is told apart by the heir's key meanwhile.
#[test]
fn a_row_that_was_handed_over_goes_with_the_later_user_whose_it_is() {
    let sql = format!(
        "{HEIRS} CREATE TABLE posts(id INTEGER PRIMARY KEY,
             u INTEGER NOT NULL REFERENCES users ON DELETE CASCADE);
         CREATE TABLE likes(u INTEGER NOT NULL REFERENCES users, post INTEGER NOT NULL,
             PRIMARY KEY (u, post)) WITHOUT ROWID;
         INSERT INTO posts VALUES (20, 2), (30, 3);
         INSERT INTO likes VALUES (1, 20), (1, 30);"
    );
    let manifest = "[users]\ntable = \"users\"\n[references]\n\"likes.u\" = \"mention\"\n\
                    \"likes.post\" = { to = \"posts.id\", is = \"owner\" }\n";
    let application = Application::new(&sql, manifest);
    let outcome = application.run(&INHERITED).expect(0);
    assert_eq!(outcome.line("likes"), Some(1));
    assert_eq!(application.count("SELECT count(*) FROM likes"), 1);
    assert_eq!(application.count("SELECT u * 100 + post FROM likes"), 330);
}

/// The row is struck off what names the heir, by the key that it has then.
#[test]
fn a_row_that_was_handed_over_and_goes_is_not_counted_among_what_names_the_heir() {
    let sql = format!(
        "{HEIRS} CREATE TABLE likes(u INTEGER NOT NULL REFERENCES users, post INTEGER NOT NULL,
             owner INTEGER, PRIMARY KEY (u, post)) WITHOUT ROWID;
         INSERT INTO likes VALUES (1, 20, 2), (1, 30, 3);"
    );
    let manifest = "[users]\ntable = \"users\"\n[references]\n\"likes.u\" = \"mention\"\n\
                    \"likes.owner\" = { to = \"users.id\", is = \"owner\" }\n";
    let application = Application::new(&sql, manifest);
    let outcome = application.run(&INHERITED).expect(0);
    outcome.says(["1 row, `likes.u`"]);
    assert_eq!(application.count("SELECT u * 100 + post FROM likes"), 330);
}

/// `SQLite` sets a default in a row that the heir's key has moved, and lets the missing row that it names
/// pass for the one that a row that goes named.
#[test]
fn a_default_that_names_nothing_is_found_in_a_row_that_was_handed_over() {
    let sql = format!(
        "{HEIRS} CREATE TABLE kinds(id INTEGER PRIMARY KEY);
         CREATE TABLE posts(id INTEGER PRIMARY KEY, u INTEGER REFERENCES users ON DELETE CASCADE,
             kind INTEGER REFERENCES kinds);
         CREATE TABLE likes(u INTEGER NOT NULL REFERENCES users, n INTEGER NOT NULL,
             post INTEGER DEFAULT 99 REFERENCES posts ON DELETE SET DEFAULT, PRIMARY KEY (u, n)) WITHOUT ROWID;
         INSERT INTO posts VALUES (10, 1, NULL), (11, 1, 7);
         INSERT INTO likes VALUES (1, 1, 10);"
    );
    let manifest = "[users]\ntable = \"users\"\n[references]\n\"likes.u\" = \"mention\"\n";
    let application = Application::new(&sql, manifest);
    let one = [
        "delete-user",
        "1",
        "--delete-accounts",
        "--reassign-to",
        "3",
    ];
    application
        .run(&one)
        .expect(1)
        .complains(["`likes`", "`posts`"]);
    assert_eq!(application.count("SELECT count(*) FROM users"), 3);
    let posts = "INSERT INTO posts VALUES (99, 3, NULL)";
    application.database().execute_batch(posts).unwrap();
    application.run(&one).expect(0);
    assert_eq!(
        application.count("SELECT count(*) FROM likes WHERE (u, post) = (3, 99)"),
        1
    );
}

/// A column of numbers takes `'01'` for 1, who is somebody else; a strict one takes no name at all.
#[test]
fn rows_are_not_given_to_an_heir_whom_their_column_cannot_name() {
    let manifest = "[users]\ntable = \"users\"\n[references]\n\"notes.r\" = \"mention\"\n";
    let run = |application: &Application, heir| {
        application.run(&[
            "delete-user",
            "7",
            "--delete-accounts",
            "--reassign-to",
            heir,
        ])
    };
    for (column, strict, heir) in [
        ("INTEGER", "", "01"),
        ("NUMERIC", "", "1e0"),
        ("INTEGER", "STRICT", "01"),
        ("INTEGER", "STRICT", "eve"),
    ] {
        let application = Application::new(
            &format!(
                "CREATE TABLE users(u TEXT PRIMARY KEY);
                 CREATE TABLE notes(id INTEGER PRIMARY KEY, r {column} NOT NULL REFERENCES users) {strict};
                 INSERT INTO users VALUES ('7'), ('01'), ('1'), ('1e0'), ('8'), ('eve');
                 INSERT INTO notes VALUES (1, 7), (2, 8);"
            ),
            manifest,
        );
        let refused = run(&application, heir).expect(4);
        refused.complains(["1 row with `notes.r`", "--reassign-to"]);
        let users = application.count("SELECT count(*) FROM users");
        assert_eq!(users, 6, "{column} {strict} {heir}");
        run(&application, "8").expect(0);
        let held = application.count("SELECT count(*) FROM notes WHERE r = 8");
        assert_eq!(held, 2, "{column} {strict} {heir}");
    }
}

/// An older copy of the database was put back after a run was killed, and knows nothing of what it took.
#[test]
fn files_of_a_run_that_nothing_records_are_told() {
    let install = Install::copy("example");
    let run = |words: &[&str]| {
        let on = reset_app().root(install.root()).args(words);
        on.args(["--no-redis"]).run()
    };
    let cell = "storage/images/.reset-app-20260101T000000Z-deadbeef";
    let nothing = run(&["resume"]).expect(0);
    assert!(!nothing.stdout.contains("knows nothing"), "{nothing}");
    fs::create_dir(install.path(cell)).unwrap();
    fs::set_permissions(install.path(cell), fs::Permissions::from_mode(0o700)).unwrap();
    let empty = run(&["status"]).expect(0);
    assert!(!empty.stdout.contains("knows nothing"), "{empty}");
    fs::rename(
        install.path("storage/images/cats_2.jpg"),
        install.path(format!("{cell}/5")),
    )
    .unwrap();
    for words in [
        &["status"][..],
        &["resume"],
        &["delete-user", "1", "--dry-run"],
        &["delete-user", "1", "--force"],
    ] {
        run(words).expect(0).says([cell, "1 file", "knows nothing"]);
    }
    assert!(install.has(format!("{cell}/5")));
}
