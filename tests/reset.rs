//! A complete reset: the database made anew for everyone who has it open, the directories emptied, the
//! keys cleared, the environment removed; and what it leaves when somebody stands in the way.

#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, symlink};

use rusqlite::Connection;
use serde_json::json;
use support::install::{DATABASE, Install, assert_same};
use support::redis_server::RedisServer;
use support::run::{Invocation, has_tool, reset_app};
use support::sweep::{JOURNALS, Journal, strace};
use support::trail::{KEY, TRAIL};

const RESET: [&str; 3] = ["--reset-complete", "--force", "--no-redis"];
const PREVIEW: [&str; 3] = ["--reset-complete", "--dry-run", "--no-redis"];

fn on(install: &Install) -> Invocation {
    reset_app().root(install.root())
}

fn example(journal: Journal) -> Install {
    match journal {
        Journal::Wal => Install::copy("example").wal(),
        Journal::Delete => Install::copy("example"),
    }
}

/// Rows of all tables, each with its count where it has some.
fn rows(install: &Install) -> Vec<(String, usize)> {
    let dump = install.dump();
    let counted = dump
        .tables()
        .map(|table| (table.to_owned(), dump.table(table).len()));
    counted.filter(|(_, rows)| *rows > 0).collect()
}

fn pragmas(install: &Install) -> String {
    let names = [
        "page_size",
        "auto_vacuum",
        "encoding",
        "application_id",
        "user_version",
        "journal_mode",
    ];
    let connection = install.connect();
    let of = |name: &&str| {
        let value: rusqlite::types::Value = connection
            .pragma_query_value(None, name, |row| row.get(0))
            .unwrap();
        format!("{name} {value:?}")
    };
    names.iter().map(of).collect::<Vec<_>>().join(", ")
}

/// All that names a manifest of a small application, with its database.
fn small_application(reset: &str, sql: &str) -> Install {
    let install = Install::copy("empty");
    fs::remove_file(install.database()).unwrap();
    install.execute(sql);
    let manifest = format!(
        "application.database = '{DATABASE}'\nusers.table = 'users'\n\
         files.roots = ['storage/images']\n[reset]\n{reset}"
    );
    fs::write(install.path("reset-app.toml"), manifest).unwrap();
    install
}

#[test]
fn the_preview_prints_the_block_of_delete_all_user_data() {
    let install = Install::copy("example");
    let block = |command: &str| {
        let outcome = on(&install)
            .args([command, "--dry-run", "--no-redis"])
            .run()
            .expect(0);
        outcome
            .summary()
            .into_iter()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(block("--reset-complete"), block("--delete-all-user-data"));
}

#[test]
fn a_preview_changes_nothing() {
    for journal in JOURNALS {
        let install = example(journal);
        let before = install.digest();
        on(&install).args(PREVIEW).run().expect(0).says([
            "Users Processed: 2",
            "All other rows go too",
            "  2 rows of `users`",
            "  storage/images: 10 entries\n",
            "  logs: 1 entry\n",
            "Environment removed:\n  .env\n",
        ]);
        on(&install)
            .args(PREVIEW)
            .args(["--format", "json"])
            .run()
            .expect(0);
        assert_eq!(install.digest(), before, "{journal:?}: invariant 6");
    }
}

#[test]
fn everything_is_as_new_and_the_file_is_the_same() {
    for journal in JOURNALS {
        let install = example(journal);
        install.execute(
            "PRAGMA application_id = 77; PRAGMA user_version = 5; CREATE TABLE alembic_version(v); \
                         INSERT INTO alembic_version VALUES ('head')",
        );
        let (schema, before) = (install.dump(), pragmas(&install));
        let inode = fs::metadata(install.database()).unwrap().ino();
        let application = install.connect();
        let users = |connection: &Connection| -> i64 {
            connection
                .query_row("SELECT count(*) FROM users", [], |row| row.get(0))
                .unwrap()
        };
        assert_eq!(users(&application), 2);
        on(&install).args(RESET).run().expect(0).says([
            "DELETION SUMMARY",
            "Posts: 5\n",
            "Image Files: 8\n",
            "User Directories: 2\n",
            "Rows that are kept:\n  1 row of `alembic_version`\n",
            "Next steps:\n  1. ",
        ]);
        assert_eq!(
            users(&application),
            0,
            "{journal:?}: an application that has it open"
        );
        drop(application);
        assert_eq!(fs::metadata(install.database()).unwrap().ino(), inode);
        assert_eq!(
            install.dump().schema(),
            schema.schema(),
            "{journal:?}: invariant 8"
        );
        assert_eq!(rows(&install), [("alembic_version".to_owned(), 1)]);
        assert_eq!(pragmas(&install), before);
        let tree = install.tree();
        let left: Vec<_> = tree.files().map(String::from_utf8_lossy).collect();
        assert_eq!(left, [".env.example", TRAIL, KEY, DATABASE]);
        for stays in ["storage/images", "logs"] {
            assert!(tree.has(stays), "`{stays}` itself stays");
        }
        on(&install)
            .args(RESET)
            .run()
            .expect(0)
            .says(["Total Items: 0\n"]);
    }
}

#[test]
fn no_byte_of_a_user_is_left_in_the_database() {
    for journal in JOURNALS {
        let install = example(journal);
        install.execute("UPDATE users SET first_name = 'BYTES-OF-A-USER'");
        on(&install).args(RESET).run().expect(0);
        let bytes = fs::read(install.database()).unwrap();
        assert!(
            !bytes.windows(15).any(|at| at == b"BYTES-OF-A-USER"),
            "{journal:?}"
        );
    }
}

#[test]
fn each_part_can_be_kept() {
    for (option, kept) in [
        ("--keep-env", vec![".env"]),
        ("--keep-logs", vec!["logs/vedfolnir.log"]),
        (
            "--keep-storage",
            vec![
                "storage/images/crumbs.png",
                "storage/images/user_1/cats.jpg",
            ],
        ),
        (
            "--no-files",
            vec![".env", "logs/vedfolnir.log", "storage/images/crumbs.png"],
        ),
    ] {
        let install = Install::copy("example");
        on(&install).args(RESET).args([option]).run().expect(0);
        for path in [
            ".env",
            "logs/vedfolnir.log",
            "storage/images/crumbs.png",
            "storage/images/user_1/cats.jpg",
        ] {
            let stays =
                kept.contains(&path) || (option == "--no-files" && path.starts_with("storage"));
            assert_eq!(install.has(path), stays, "{option}: {path}");
        }
        assert_eq!(rows(&install), []);
    }
}

#[test]
fn the_originals_spelling_works_in_any_order() {
    for words in [
        ["--reset-complete", "--dry-run", "--no-redis"],
        ["--dry-run", "--no-redis", "--reset-complete"],
        ["reset-complete", "--no-redis", "--dry-run"],
    ] {
        let install = Install::copy("example");
        on(&install)
            .args(words)
            .run()
            .expect(0)
            .says(["DRY RUN SUMMARY"]);
    }
    let install = Install::copy("example");
    on(&install)
        .args(["--force", "--keep-env", "--reset-complete", "--no-redis"])
        .run()
        .expect(0);
    assert!(install.has(".env"));
}

#[test]
fn nothing_is_reset_unasked_nor_in_production() {
    let install = Install::copy("example");
    let before = install.digest();
    on(&install)
        .args(["reset-complete", "--no-redis"])
        .run()
        .expect(4)
        .complains(["no terminal"]);
    let production = || on(&install).args(RESET).env("APP_ENV", "production");
    production()
        .run()
        .expect(4)
        .complains(["`APP_ENV` says that this is production"]);
    assert_eq!(install.digest(), before);
    production().args(["--production"]).run().expect(0);
}

#[test]
fn the_report_as_json_says_what_goes_beside_users_data() {
    let install = Install::copy("example");
    let preview = on(&install)
        .args(PREVIEW)
        .args(["--format", "json"])
        .run()
        .expect(0)
        .json();
    let done = on(&install)
        .args(RESET)
        .args(["--format", "json"])
        .run()
        .expect(0)
        .json();
    for field in [
        "summary",
        "total_items",
        "other_rows",
        "emptied",
        "environment_file",
        "next_steps",
        "users_processed",
    ] {
        assert_eq!(done[field], preview[field], "{field}");
    }
    assert_eq!(done["operation"], "reset-complete");
    assert_eq!(done["environment_file"], ".env");
    assert_eq!(
        done["emptied"][0],
        json!({"directory": "storage/images", "entries": 10})
    );
    assert_eq!(done["next_steps"].as_array().unwrap().len(), 3);
}

#[test]
fn whoever_holds_the_database_is_waited_for_and_nothing_is_half_done() {
    let hold = |journal: Journal, sql: &str| {
        let install = example(journal);
        // Unfinished work is looked for under a `.reset-app` that is there already.
        let (dump, files) = (
            install.dump(),
            install
                .tree()
                .without(".reset-app")
                .without("storage/database"),
        );
        let application = install.connect();
        application.execute_batch(sql).unwrap();
        on(&install)
            .args(RESET)
            .run()
            .expect(1)
            .complains(["another program holds the database"]);
        drop(application);
        assert_same("the database", &dump, &install.dump());
        let after = install
            .tree()
            .without(".reset-app")
            .without("storage/database");
        assert_same("files", &files, &after);
        assert!(!install.has(".reset-app/unfinished-reset"));
        on(&install).args(RESET).run().expect(0);
    };
    std::thread::scope(|threads| {
        threads.spawn(|| hold(Journal::Wal, "BEGIN IMMEDIATE"));
        threads.spawn(|| hold(Journal::Delete, "BEGIN IMMEDIATE"));
        threads.spawn(|| hold(Journal::Delete, "BEGIN; SELECT * FROM users"));
    });
}

/// The new content is there for everyone else, but the file still holds the old.
#[test]
fn a_reader_in_wal_mode_is_told_of_and_resume_ends_what_it_held_up() {
    let install = example(Journal::Wal);
    install.execute("UPDATE users SET first_name = 'BYTES-OF-A-USER'");
    let reader = install.connect();
    reader.execute_batch("BEGIN; SELECT * FROM users").unwrap();
    on(&install)
        .args(RESET)
        .run()
        .expect(3)
        .complains(["its end is waited for, 5 s at most"])
        .says(["another program still reads the old content"]);
    assert!(!install.has("storage/images/crumbs.png"));
    on(&install).args(["resume", "--no-redis"]).run().expect(3);
    let delete = ["--delete-all-user-data", "--force", "--no-redis"];
    on(&install)
        .args(delete)
        .run()
        .expect(4)
        .complains(["reset-app resume"]);
    on(&install)
        .args(["status", "--no-redis"])
        .run()
        .expect(0)
        .says(["Unfinished work: 2 users"]);
    reader.execute_batch("COMMIT").unwrap();
    drop(reader);
    on(&install).args(["resume", "--no-redis"]).run().expect(0);
    assert_eq!(rows(&install), []);
    let bytes = fs::read(install.database()).unwrap();
    assert!(!bytes.windows(15).any(|at| at == b"BYTES-OF-A-USER"));
    on(&install)
        .args(["resume", "--no-redis"])
        .run()
        .expect(0)
        .says(["Nothing to resume"]);
}

#[test]
fn links_go_themselves_and_nothing_outside_is_touched() {
    let install = Install::copy("hostile");
    let canaries = install.canaries();
    symlink(install.outside(), install.path("logs/out")).unwrap();
    symlink("nowhere", install.path("logs/dangling")).unwrap();
    on(&install)
        .args(RESET)
        .run()
        .expect(3)
        .says(["storage/images/hard.env: is or lies beneath the protected"]);
    assert_same("canaries", &canaries, &install.canaries());
    let tree = install.tree();
    for (path, stays) in [
        ("logs/out", false),
        ("logs/dangling", false),
        ("42", true),
        ("storage/images_old/theirs.jpg", true),
    ] {
        assert_eq!(tree.has(path), stays, "{path}");
    }
    let left: Vec<_> = tree
        .below("storage/images")
        .files()
        .map(<[u8]>::to_vec)
        .collect();
    assert_eq!(left, [b"storage/images/hard.env"], "another name of `.env`");
    assert_eq!(rows(&install), []);
}

#[test]
fn protected_files_in_an_emptied_directory_stay() {
    let install = small_application(
        "empty = ['storage']\nenvironment_file = 'storage/settings.env'\nseed = 'storage/seed.sql'",
        "CREATE TABLE users(id INTEGER PRIMARY KEY, name); INSERT INTO users VALUES (1, 'a')",
    );
    fs::write(
        install.path("storage/seed.sql"),
        "INSERT INTO users VALUES (9, 'root')",
    )
    .unwrap();
    fs::write(install.path("storage/settings.env"), "A=1").unwrap();
    fs::create_dir_all(install.path("storage/cache/deep")).unwrap();
    fs::write(install.path("storage/cache/deep/x"), "").unwrap();
    on(&install).args(RESET).run().expect(0);
    let tree = install.tree();
    for (path, stays) in [
        (DATABASE, true),
        ("storage/seed.sql", true),
        ("storage/images", true),
        (".env", true),
        ("reset-app.toml", true),
        ("storage/settings.env", false),
        ("storage/cache", false),
    ] {
        assert_eq!(tree.has(path), stays, "{path}");
    }
    assert_eq!(install.query_count("SELECT id FROM users"), 9);
}

#[test]
fn the_applications_own_directory_is_never_emptied() {
    let install = small_application("", "CREATE TABLE users(id INTEGER PRIMARY KEY)");
    let manifest = format!(
        "application.database = '{DATABASE}'\nusers.table = 'users'\nfiles.roots = ['storage/..']"
    );
    fs::write(install.path("reset-app.toml"), manifest).unwrap();
    let before = install.digest();
    on(&install)
        .args(RESET)
        .run()
        .expect(4)
        .complains(["the application's own directory"]);
    assert_eq!(install.dump().tables().count(), 1);
    drop(before);
    for outside in ["'..'", "'/'", "'.'", "''"] {
        let manifest = format!("users.table = 'users'\nreset.empty = [{outside}]");
        fs::write(install.path("reset-app.toml"), manifest).unwrap();
        on(&install)
            .args(RESET)
            .run()
            .expect(4)
            .complains(["must lie below the application's directory"]);
    }
}

#[test]
fn structure_and_rows_come_from_files_where_the_manifest_names_them() {
    let install = small_application(
        "structure = 'schema.sql'\nseed = 'seed.sql'\nkeep = ['settings']\nnext_steps = ['Rest']",
        "CREATE TABLE users(id INTEGER PRIMARY KEY); INSERT INTO users VALUES (1); \
         CREATE TABLE settings(k PRIMARY KEY, v); INSERT INTO settings VALUES ('a', 1);",
    );
    fs::write(
        install.path("schema.sql"),
        "CREATE TABLE users(id INTEGER PRIMARY KEY, name); ATTACH 'x' AS y;",
    )
    .unwrap();
    fs::write(
        install.path("seed.sql"),
        "INSERT INTO users VALUES (7, 'admin')",
    )
    .unwrap();
    let before = install.dump();
    on(&install)
        .args(RESET)
        .run()
        .expect(4)
        .complains(["statement 2 of `schema.sql`"]);
    assert_same("the database", &before, &install.dump());
    fs::write(
        install.path("schema.sql"),
        "CREATE TABLE users(id INTEGER PRIMARY KEY, name);",
    )
    .unwrap();
    on(&install)
        .args(RESET)
        .run()
        .expect(0)
        .says(["1 row of `settings`", "1. Rest"]);
    assert_eq!(
        install.query_count("SELECT id FROM users, settings WHERE name = 'admin' AND k = 'a'"),
        7
    );
}

#[test]
fn what_cannot_be_made_anew_is_refused_before_any_change() {
    for (sql, named) in [
        (
            "CREATE TABLE t(a); CREATE INDEX i ON t(a COLLATE binary); PRAGMA writable_schema = ON; \
          UPDATE sqlite_schema SET sql = replace(sql, 'binary', 'theirs')",
            "`i` cannot be made anew",
        ),
        (
            "PRAGMA writable_schema = ON; INSERT INTO sqlite_schema VALUES ('table', 'v', 'v', 0, 'CREATE VIRTUAL TABLE v USING theirs(a)')",
            "theirs",
        ),
    ] {
        let install = small_application(
            "",
            &format!("CREATE TABLE users(id INTEGER PRIMARY KEY); {sql}"),
        );
        let before = fs::read(install.database()).unwrap();
        on(&install).args(RESET).run().expect(4).complains([named]);
        assert_eq!(fs::read(install.database()).unwrap(), before);
        assert!(install.has(".env"));
    }
}

#[test]
fn a_database_of_hazards_is_the_same_afterwards() {
    let install = small_application(
        "",
        r#"PRAGMA page_size = 512; PRAGMA auto_vacuum = 2; PRAGMA encoding = 'UTF-16le';
           CREATE TABLE users(id INTEGER PRIMARY KEY AUTOINCREMENT, "a""b" TEXT); INSERT INTO users VALUES (41, 'x');
           CREATE TABLE "order"("group" PRIMARY KEY, u REFERENCES users(id)) WITHOUT ROWID; INSERT INTO "order" VALUES (1, 41);
           CREATE VIRTUAL TABLE search USING fts5(body); INSERT INTO search VALUES ('SECRET-TERM');
           CREATE TRIGGER t AFTER INSERT ON users BEGIN INSERT INTO search VALUES (new."a""b"); END;
           CREATE VIEW v AS SELECT missing(a) FROM nowhere;
           CREATE TABLE schema_migrations(version TEXT PRIMARY KEY); INSERT INTO schema_migrations VALUES ('2024');
           ANALYZE"#,
    );
    let (schema, before) = (install.dump(), pragmas(&install));
    on(&install).args(RESET).run().expect(0);
    assert_eq!(install.dump().schema(), schema.schema());
    assert_eq!(pragmas(&install), before);
    assert_eq!(install.query_bytes("PRAGMA integrity_check"), [b"ok"]);
    assert_eq!(
        install.query_count("SELECT count(*) FROM schema_migrations"),
        1
    );
    install.execute("INSERT INTO users(\"a\"\"b\") VALUES ('found')");
    assert_eq!(
        install.query_count("SELECT count(*) FROM search('found')"),
        1
    );
    assert_eq!(
        install.query_count("SELECT id FROM users"),
        1,
        "sequences start anew"
    );
}

#[test]
fn the_wrong_directory_is_not_emptied() {
    let install = Install::copy("example");
    let elsewhere = tempfile::tempdir().unwrap();
    for directory in ["storage/images", "storage/temp", "storage/backups", "logs"] {
        fs::create_dir_all(elsewhere.path().join(directory)).unwrap();
    }
    let log = elsewhere.path().join("logs/theirs.log");
    fs::write(&log, "").unwrap();
    let wrong = || {
        let database = install.database();
        reset_app()
            .root(elsewhere.path())
            .args(RESET)
            .args(["--database", database.to_str().unwrap()])
    };
    let before = install.digest();
    wrong()
        .run()
        .expect(4)
        .complains(["seems to be the wrong directory"]);
    assert!(log.exists() && install.digest() == before);
}

#[test]
fn a_snapshot_that_outlives_it_is_named() {
    let install = Install::copy("example");
    fs::create_dir_all(install.path(".reset-app/snapshots/before")).unwrap();
    on(&install)
        .args(RESET)
        .run()
        .expect(0)
        .says(["the snapshot `before` outlives the reset"]);
    assert!(install.has(".reset-app/snapshots/before"));
}

/// What an interrupted save or drop leaves holds personal data as well.
#[test]
fn the_rest_of_a_snapshot_outlives_it_by_name_and_is_dropped_by_it() {
    let install = Install::copy("example");
    fs::create_dir_all(install.path(".reset-app/snapshots/.unfinished-half/files")).unwrap();
    on(&install).args(PREVIEW).run().expect(0).says([
        "the snapshot `half` outlives the reset",
        "snapshot drop half",
    ]);
    for command in ["status", "snapshot list"] {
        on(&install)
            .args(command.split(' '))
            .run()
            .expect(0)
            .says(["`half` is not whole"]);
    }
    for more in [&["--dry-run"][..], &[]] {
        let drop = on(&install).args(["snapshot", "drop", "half"]).args(more);
        drop.run().expect(0).says(["half"]);
    }
    assert!(!install.has(".reset-app/snapshots/.unfinished-half"));
}

#[test]
fn a_snapshot_that_is_taken_first_is_the_way_back() {
    for journal in JOURNALS {
        let install = example(journal);
        let (dump, tree) = (install.dump(), install.tree().below("storage/images"));
        let environment = fs::read(install.path(".env")).unwrap();
        on(&install)
            .args(RESET)
            .args(["--snapshot", "before"])
            .run()
            .expect(0)
            .says([
                "A snapshot was taken first",
                "the snapshot `before` outlives the reset",
            ]);
        assert_eq!(rows(&install), []);
        on(&install)
            .args(["snapshot", "restore", "before", "--force", "--no-redis"])
            .run()
            .expect(0);
        assert_same("the database", &dump, &install.dump());
        assert_same("files", &tree, &install.tree().below("storage/images"));
        assert_eq!(fs::read(install.path(".env")).unwrap(), environment);
        // A snapshot that cannot be taken stops it.
        on(&install)
            .args(RESET)
            .args(["--snapshot", "before"])
            .run()
            .expect(4);
        assert_same("the database", &dump, &install.dump());
    }
}

#[test]
fn an_interrupted_deletion_is_finished_first() {
    if !has_tool("strace", "nothing is killed") {
        return;
    }
    let install = Install::copy("example");
    let delete = ["--delete-all-user-data", "--force", "--no-redis"];
    let killed = on(&install)
        .args(delete)
        .under(strace("signal=KILL", "renameat2", 1))
        .run();
    assert!(killed.was_killed(), "{killed}");
    on(&install)
        .args(RESET)
        .run()
        .expect(0)
        .says(["Unfinished work of an interrupted run was finished"]);
    assert_eq!(install.tree().below("storage/images").files().count(), 0);
    assert_eq!(rows(&install), []);
}

#[test]
fn all_keys_of_the_application_go_and_no_other_programs() {
    let Some(server) = RedisServer::start() else {
        return;
    };
    let install = Install::copy("example");
    server.feed_text(
        b"HSET vedfolnir:session:a user_id 1
          SET vedfolnir:cache:storage x
          SET user_platforms:1 []
          SET session:theirs x
          SET shop:cart:1 x
        ",
    );
    let reset = |options: &[&str]| {
        let words = ["--reset-complete", "--redis"];
        on(&install)
            .args(words)
            .args([server.url(0)])
            .args(options)
            .run()
            .expect(0)
    };
    let preview = reset(&["--dry-run"]);
    assert_eq!(
        (
            preview.line("Redis Sessions"),
            preview.line("Other Redis Keys")
        ),
        (Some(1), Some(2))
    );
    let done = reset(&["--force"]);
    assert_eq!(
        (done.line("Redis Sessions"), done.line("Other Redis Keys")),
        (Some(1), Some(2))
    );
    let mut left = server.keys(0);
    left.sort();
    assert_eq!(left, [b"session:theirs".to_vec(), b"shop:cart:1".to_vec()]);
}

#[test]
fn a_file_that_cannot_be_removed_stops_it_before_any_change() {
    let install = Install::copy("example");
    let file = install.path("logs/vedfolnir.log");
    let chattr = |flag: &str| {
        let done = std::process::Command::new("chattr")
            .arg(flag)
            .arg(&file)
            .output();
        done.is_ok_and(|done| done.status.success())
    };
    if !chattr("+i") {
        support::run::say("chattr +i is not permitted here: no immutable file was met");
        return;
    }
    let dump = install.dump();
    let outcome = on(&install).args(RESET).run();
    let kept = on(&install).args(PREVIEW).run();
    assert!(chattr("-i"));
    outcome
        .expect(1)
        .complains(["logs/vedfolnir.log", "immutable"]);
    kept.expect(0).says(["Cannot be removed now"]);
    assert_same("the database", &dump, &install.dump());
    assert!(install.has("storage/images/crumbs.png"));
}

/// `.env` may be all that says where the database is.
#[test]
fn what_only_the_environment_knew_is_told() {
    let install = example(Journal::Delete);
    fs::rename(install.database(), install.path("other.db")).unwrap();
    let mut environment = fs::File::options()
        .append(true)
        .open(install.path(".env"))
        .unwrap();
    writeln!(environment, "DATABASE_URL=sqlite:///other.db").unwrap();
    let told = ["other.db`: write that into the fresh one"];
    on(&install).args(PREVIEW).run().expect(0).says(told);
    on(&install).args(RESET).run().expect(0).says(told);
}

/// It says where the database is when `.env` is gone: nobody is told that it has gone who could not look.
#[test]
fn a_pointer_that_cannot_be_read_is_told_and_goes_with_the_next() {
    if !has_tool("strace", "no pointer was unreadable") {
        return;
    }
    let install = Install::copy("example");
    let words = ["--reset-complete", "--force", "--no-redis"];
    let pointer = install.path(".reset-app/unfinished-reset");
    let pointer_shown = pointer.display().to_string();
    let fails = [
        "strace",
        "-f",
        "-qq",
        "-o",
        "/dev/null",
        "-P",
        &pointer_shown,
        "-e",
        "inject=read:error=EIO",
    ];
    let outcome = on(&install).args(words).under(fails).run().expect(1);
    outcome.complains(["unfinished-reset", "Input/output error"]);
    assert!(pointer.exists());
    on(&install).args(words).run().expect(0);
    assert!(!pointer.exists());
}
