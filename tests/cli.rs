//! The command line, driven as a process: what may be typed, what is answered, and the exit codes.

#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use support::fake_redis;
use support::install::{DATABASE, Install, assert_same};
use support::redis_server::RedisServer;
use support::run::{Invocation, Outcome, has_tool, reset_app};

const DELETE: [&str; 3] = ["--delete-all-user-data", "--force", "--no-redis"];
const PREVIEW: [&str; 3] = ["--delete-all-user-data", "--dry-run", "--no-redis"];

fn on(install: &Install) -> Invocation {
    reset_app().root(install.root())
}

/// Runs what is to be refused, with an exit code and words; nothing may change.
#[track_caller]
fn refused<'a>(
    install: &Install,
    invocation: Invocation,
    code: i32,
    words: impl IntoIterator<Item = &'a str>,
) -> Outcome {
    let before = install.tree();
    let outcome = invocation.run().expect(code).complains(words);
    assert_same("the root", &before, &install.tree());
    assert_eq!(outcome.stdout, "", "{outcome}");
    outcome
}

const BLOCK: &str = "\
============================================================
DRY RUN SUMMARY
============================================================
Users Processed: 2
Posts: 5
Images (DB): 10
Image Files: 8
Processing Runs: 3
Platform Connections: 2
Caption Tasks: 1
Caption Settings: 1
DB Sessions: 4
Redis Sessions: 2
Job Audit Logs: 15
GDPR Audit Logs: 0
Storage Events: 0
Storage Overrides: 0
User Directories: 2
........................................
Total Items: 53
============================================================
";

#[test]
fn the_example_of_the_documentation_prints_its_block_and_is_gone() {
    for install in [Install::copy("example"), Install::copy("example").wal()] {
        let Some(server) = RedisServer::start() else {
            return;
        };
        server.feed(Path::new("fixtures/example/redis.txt"));
        let (users, url) = (install.dump().table("users").to_vec(), server.url(0));
        let run = |arguments: &[&str]| on(&install).args(["--redis", &url]).args(arguments).run();

        let before = install.digest();
        let preview = run(&["--delete-all-user-data", "--dry-run"]).expect(0);
        assert!(preview.stdout.starts_with(BLOCK), "{preview}");
        assert_eq!(install.digest(), before, "a preview changed something");

        let deed = run(&["--delete-all-user-data", "--force"]).expect(0);
        let block = BLOCK.replace("DRY RUN", "DELETION");
        assert!(deed.stdout.starts_with(&block), "{deed}");

        let again = run(&["--delete-all-user-data", "--force"]).expect(0);
        assert_eq!(again.line("Users Processed"), Some(2));
        assert_eq!(again.line("Total Items"), Some(0), "{again}");
        assert_eq!(install.dump().table("users"), users);
        assert_eq!(
            install.query_count("SELECT count(*) FROM pragma_foreign_key_check"),
            0
        );
        assert_eq!(
            server.keys(0),
            [b"session:x".to_vec(), b"shop:cart:1".to_vec()]
        );
    }
}

#[test]
fn the_preview_of_busy_is_the_deed_line_by_line() {
    for options in [
        &[][..],
        &["--unowned"],
        &["--only", "1", "12"],
        &["--except", "1", "--except", "2"],
        &["--only", "20"],
        &["--no-files"],
    ] {
        let install = Install::copy("busy");
        let preview = on(&install).args(PREVIEW).args(options).run().expect(0);
        let deed = on(&install).args(DELETE).args(options).run().expect(0);
        assert_eq!(preview.summary(), deed.summary(), "{options:?}");
        let again = on(&install).args(DELETE).args(options).run().expect(0);
        assert_eq!(again.line("Total Items"), Some(0), "{options:?}: {again}");
    }
}

#[test]
fn busy_counts_what_its_readme_counts() {
    let install = Install::copy("busy");
    let deed = on(&install).args(DELETE).run().expect(0);
    // The seven Redis sessions were not looked at.
    assert_eq!(deed.line("Redis Sessions"), None);
    assert_eq!(deed.line("Total Items"), Some(308 - 7), "{deed}");
    let left = |table: &str| install.query_count(&format!("SELECT count(*) FROM {table}"));
    assert_eq!(
        ["users", "posts", "images", "platform_connections"].map(left),
        [20, 0, 0, 0]
    );
    assert_eq!(
        ["job_audit_log", "gdpr_audit_log", "user_audit_log"].map(left),
        [4, 2, 3]
    );
    assert_eq!(["storage_event_log", "notifications"].map(left), [3, 2]);
    assert_eq!(install.bystanders().files().count(), 6);
}

#[test]
fn every_spelling_of_the_original_is_understood_in_any_order() {
    let install = Install::copy("example");
    let root = install.root().to_str().unwrap();
    for words in [
        vec!["--root", root, "--delete-all-user-data", "--dry-run"],
        vec!["--delete-all-user-data", "--dry-run", "--root", root],
        vec!["--delete-all-user-data", "--root", root, "--dry-run"],
        vec!["delete-all-user-data", "--root", root, "--dry-run"],
        vec!["--dry-run", "--delete-all-user-data", "--root", root],
        vec!["--root", root, "--dry-run", "--delete-all-user-data"],
    ] {
        let preview = reset_app().args(&words).run();
        assert_eq!(preview.code(), Some(0), "{words:?}: {preview}");
        assert_eq!(preview.line("Posts"), Some(5), "{words:?}");
    }
    let here = reset_app()
        .within(install.root())
        .args(["--force", "--delete-all-user-data"])
        .run();
    assert_eq!(here.clone().expect(0).line("Posts"), Some(5), "{here}");
}

#[test]
fn usage_errors_end_with_2() {
    for words in [
        &["--no-such-option"][..],
        &[],
        &["--delete-all-user-data", "--only", "1", "--except", "2"],
        &["--delete-all-user-data", "--format", "xml"],
        &["no-such-command"],
    ] {
        let outcome = reset_app().args(words).run().expect(2);
        assert!(!outcome.stderr.is_empty());
    }
    reset_app().args(["--version"]).run().expect(0);
}

/// The codes that a text lists: those at the beginning of a line or of a table's row, in the section
/// about them.
fn codes(text: &str) -> Vec<u32> {
    let table = text
        .lines()
        .skip_while(|line| !line.to_lowercase().contains("exit"))
        .skip(1)
        .take_while(|line| !line.starts_with("## "));
    let code = |line: &str| {
        let word = line
            .trim_start_matches(['|', ' ', '`'])
            .split(|c: char| !c.is_ascii_digit())
            .next()?;
        word.parse().ok()
    };
    table.filter_map(code).collect()
}

#[test]
fn help_and_readme_list_the_same_exit_codes() {
    let help = codes(&reset_app().args(["--help"]).run().expect(0).stdout);
    assert_eq!(help[..5], [0, 1, 2, 3, 4], "{help:?}");
    assert!(help.ends_with(&[130, 143]), "{help:?}");
    let Ok(readme) = fs::read_to_string("README.md") else {
        return support::run::say(
            "SKIPPED: there is no README.md whose exit codes could be compared",
        );
    };
    assert_eq!(codes(&readme), help, "README.md and --help disagree");
}

#[test]
fn json_is_one_object_with_the_promised_keys() {
    let install = Install::copy("busy");
    let mut counts = Vec::new();
    for (arguments, dry_run) in [(PREVIEW, true), (DELETE, false)] {
        let outcome = on(&install)
            .args(arguments)
            .args(["--format", "json"])
            .run()
            .expect(0);
        let object = outcome.json();
        assert_eq!(object["operation"], "delete-all-user-data");
        assert_eq!(object["dry_run"], json!(dry_run));
        assert_eq!(object["users_processed"], 20);
        assert_eq!(object["total_items"], 301);
        for list in ["collateral", "kept", "left", "warnings", "summary"] {
            assert!(object[list].is_array(), "{list}: {outcome}");
        }
        assert_eq!(object["run"].is_string(), !dry_run, "{outcome}");
        assert_eq!(object["summary"][0], json!({"line": "Posts", "count": 23}));
        let redis = object["summary"]
            .as_array()
            .unwrap()
            .iter()
            .find(|line| line["line"] == "Redis Sessions");
        assert_eq!(redis.unwrap()["count"], Value::Null);
        counts.push(object["summary"].clone());
    }
    assert_eq!(counts[0], counts[1]);
}

#[test]
fn nobody_is_asked_without_a_terminal() {
    let install = Install::copy("example");
    let command = || on(&install).args(["--delete-all-user-data", "--no-redis"]);
    refused(&install, command(), 4, ["no terminal", "--force"]);
    refused(
        &install,
        command().typing("vedfolnir.db\n"),
        4,
        ["no terminal"],
    );
    let outcome = refused(&install, command().silence(), 4, ["no terminal"]);
    assert!(outcome.took < Duration::from_secs(10), "{outcome}");
}

/// The command at a terminal, with somebody who types `answer`.
fn at_a_terminal(install: &Install, answer: &str) -> Outcome {
    let exe = env!("CARGO_BIN_EXE_reset-app");
    let command = format!(
        "{exe} --root {} --delete-all-user-data --no-redis",
        install.root().display()
    );
    // `script` takes the command as an argument of its own; the tested binary is not appended.
    let wrapped = format!("exec script -qec '{command}' /dev/null");
    reset_app()
        .under(["sh", "-c", &wrapped])
        .typing(answer)
        .run()
}

#[test]
fn the_question_is_answered_with_the_name_of_the_database() {
    if !has_tool("script", "nobody was asked at a terminal") {
        return;
    }
    let install = Install::copy("example");
    for answer in [
        "y\n",
        "yes\n",
        "\n",
        "vedfolnir\n",
        "VEDFOLNIR.DB\n",
        "storage/database/vedfolnir.db\n",
        "\u{4}",
    ] {
        let before = install.tree();
        let outcome = at_a_terminal(&install, answer);
        assert_eq!(outcome.code(), Some(4), "{answer:?}: {outcome}");
        assert!(
            outcome.stdout.contains("DRY RUN SUMMARY"),
            "the question shows no preview: {outcome}"
        );
        assert!(outcome.stdout.contains("not confirmed"), "{outcome}");
        assert_same("the root", &before, &install.tree());
    }
    at_a_terminal(&install, "vedfolnir.db\n")
        .expect(0)
        .says(["DRY RUN SUMMARY", "DELETION SUMMARY"]);
    assert_eq!(install.query_count("SELECT count(*) FROM posts"), 0);
}

#[test]
fn production_is_not_emptied_by_force_alone() {
    let install = Install::copy("example");
    for variable in [
        "APP_ENV",
        "FLASK_ENV",
        "DJANGO_ENV",
        "RAILS_ENV",
        "NODE_ENV",
        "ENVIRONMENT",
    ] {
        for value in ["production", "Production", "prod"] {
            let guarded = on(&install).args(DELETE).env(variable, value);
            refused(
                &install,
                guarded,
                4,
                [variable, "production", "--production"],
            );
        }
        on(&install)
            .args(PREVIEW)
            .env(variable, "production")
            .run()
            .expect(0);
    }
    on(&install)
        .args(DELETE)
        .env("APP_ENV", "production")
        .args(["--production"])
        .run()
        .expect(0);
    on(&install)
        .args(DELETE)
        .env("APP_ENV", "development")
        .run()
        .expect(0);
}

#[test]
fn two_sources_that_name_two_databases_are_refused() {
    let install = Install::copy("example");
    fs::copy(install.database(), install.path("other.db")).unwrap();
    let dotenv = install.path(".env");
    fs::write(
        &dotenv,
        "DATABASE_URL=sqlite:///storage/database/vedfolnir.db\n",
    )
    .unwrap();
    let other = || {
        on(&install)
            .args(PREVIEW)
            .env("DATABASE_URL", "sqlite:///other.db")
    };
    refused(
        &install,
        other(),
        4,
        [
            "other.db",
            "vedfolnir.db",
            "DATABASE_URL",
            ".env",
            "--database",
        ],
    );
    other().args(["--database", DATABASE]).run().expect(0);
    // Two spellings of one file.
    let absolute = format!("sqlite:///{}", install.database().display());
    on(&install)
        .args(PREVIEW)
        .env("DATABASE_URL", absolute)
        .run()
        .expect(0);
}

#[test]
fn a_database_of_another_engine_is_refused_without_its_password() {
    let install = Install::copy("example");
    for url in [
        "postgresql://app:hunter2@db/app",
        "mysql+pymysql://app:hunter2@db/app",
    ] {
        let elsewhere = on(&install).args(DELETE).env("DATABASE_URL", url);
        let outcome = refused(&install, elsewhere, 4, ["not SQLite"]);
        assert!(!outcome.stderr.contains("hunter2"), "{outcome}");
    }
}

/// The install with other bytes for its database.
fn with_database(bytes: &[u8]) -> Install {
    let install = Install::copy("example");
    fs::write(install.database(), bytes).unwrap();
    install
}

#[test]
fn what_is_no_database_is_refused() {
    let install = Install::copy("example");
    let whole = fs::read(install.database()).unwrap();
    let random: Vec<u8> = (0..20_000_u32)
        .map(|n| u8::try_from(n.wrapping_mul(2_654_435_761) >> 24).unwrap())
        .collect();
    for arguments in [PREVIEW, DELETE] {
        for (bytes, words) in [
            (&b""[..], "is empty"),
            (
                b"not a database, but long enough to be looked at"
                    .repeat(100)
                    .as_slice(),
                "not a SQLite database",
            ),
            (&random, "not a SQLite database"),
            (&whole[..whole.len() / 2], "damaged"),
            (&whole[..50], "damaged"),
        ] {
            let install = with_database(bytes);
            refused(&install, on(&install).args(arguments), 4, [words]);
        }
    }
    fs::remove_file(install.database()).unwrap();
    refused(
        &install,
        on(&install).args(DELETE),
        4,
        ["there is no database", "--database"],
    );
    fs::create_dir(install.database()).unwrap();
    refused(
        &install,
        on(&install).args(DELETE),
        4,
        ["not a regular file"],
    );
}

#[test]
fn a_database_of_another_application_is_refused() {
    let install = Install::copy("example");
    fs::remove_file(install.database()).unwrap();
    install.execute(
        "CREATE TABLE customers (id INTEGER PRIMARY KEY); INSERT INTO customers VALUES (1)",
    );
    refused(
        &install,
        on(&install).args(DELETE),
        4,
        ["built in", "reset-app.toml"],
    );

    let install = Install::copy("example");
    install.execute("DROP TABLE users");
    refused(&install, on(&install).args(DELETE), 4, ["users"]);
}

#[test]
fn what_the_manifest_names_and_the_database_does_not_hold_is_refused() {
    let install = Install::copy("example");
    for (text, named) in [
        ("[sessions]\ntables = [\"nosuch\"]", "nosuch"),
        ("[[summary]]\nline = \"X\"\ntables = [\"nosuch\"]", "nosuch"),
        ("[reset]\nkeep = [\"nosuch\"]", "nosuch"),
        (
            "[references]\n\"nosuch.user_id\" = { is = \"owner\", to = \"users.id\" }",
            "nosuch",
        ),
        (
            "[references]\n\"posts.user_id\" = { is = \"owner\", to = \"nosuch.id\" }",
            "nosuch",
        ),
        (
            "[files]\nroots = [\"storage\"]\ncolumns = [{ column = \"nosuch.path\" }]",
            "nosuch",
        ),
        (
            "[files]\nroots = [\"storage\"]\ncolumns = [{ column = \"images.nosuch\" }]",
            "images.nosuch",
        ),
        (
            "[files]\nroots = [\"storage\"]\ndirectories = [\"storage/{nosuch}\"]",
            "nosuch",
        ),
    ] {
        let manifest = format!(
            "[application]\ndatabase = \"{DATABASE}\"\n[users]\ntable = \"users\"\n{text}\n"
        );
        fs::write(install.path("reset-app.toml"), manifest).unwrap();
        for arguments in [PREVIEW, DELETE] {
            refused(&install, on(&install).args(arguments), 4, [named]);
        }
    }
}

#[test]
fn a_misspelt_manifest_is_refused_with_line_and_column() {
    let install = Install::copy("example");
    let manifest = |text: &str| fs::write(install.path("reset-app.toml"), text).unwrap();
    manifest("[users]\ntable = \"users\"\n\n[refrences]\n");
    refused(
        &install,
        on(&install).args(DELETE),
        4,
        ["refrences", "line 4", "column 2"],
    );
    let application = format!("[application]\ndatabase = \"{DATABASE}\"\n");
    manifest(&format!("{application}[users]\ntable = \"accounts\"\n"));
    refused(&install, on(&install).args(DELETE), 4, ["accounts"]);
    manifest(&format!(
        "{application}[users]\ntable = \"users\"\n\n[references]\n\"posts.author\" = \"owner\"\n"
    ));
    refused(&install, on(&install).args(DELETE), 4, ["posts.author"]);
    manifest("[users\n");
    refused(&install, on(&install).args(DELETE), 4, ["line 1"]);
    let missing = on(&install).args(DELETE).args(["--config", "no-such.toml"]);
    refused(&install, missing, 4, ["no-such.toml"]);
}

#[test]
fn the_wrong_root_is_refused() {
    let (install, other) = (Install::copy("example"), Install::copy("empty"));
    let database = install.database();
    let database = database.to_str().unwrap();
    let elsewhere = |root: &Path| {
        reset_app()
            .root(root)
            .args(DELETE)
            .args(["--database", database])
    };
    let before = other.digest();
    refused(
        &install,
        elsewhere(other.root()),
        4,
        ["--root", "--no-files"],
    );
    assert_eq!(other.digest(), before);
    let bare = tempfile::tempdir().unwrap();
    refused(
        &install,
        elsewhere(bare.path()),
        4,
        ["storage/images", "--root"],
    );
    refused(
        &install,
        elsewhere(Path::new("/no/such/directory")),
        4,
        ["/no/such/directory"],
    );
    // No file of those that rows name is there.
    fs::remove_dir_all(install.path("storage/images")).unwrap();
    fs::create_dir(install.path("storage/images")).unwrap();
    refused(
        &install,
        on(&install).args(DELETE),
        4,
        ["--root", "--no-files"],
    );
}

#[test]
fn no_files_leaves_every_file() {
    let install = Install::copy("busy");
    let files = |install: &Install| install.tree().below("storage").without(DATABASE);
    let before = files(&install);
    let deed = on(&install)
        .args(DELETE)
        .args(["--no-files"])
        .run()
        .expect(0);
    assert_same("files", &before, &files(&install));
    for line in ["Image Files", "User Directories"] {
        assert_eq!(deed.line(line), None, "{deed}");
    }
    assert_eq!(install.query_count("SELECT count(*) FROM images"), 0);
}

/// Invariants 4 and 10: nothing outside a root goes, and what is in doubt stays and is named.
#[test]
fn of_hostile_rows_only_the_users_own_files_go() {
    for install in [Install::copy("hostile"), Install::copy("hostile").wal()] {
        let fate = |fate: &str| {
            install.query_bytes(&format!(
                "SELECT local_path FROM images WHERE original_caption = '{fate}'"
            ))
        };
        let (goes, kept) = (fate("goes"), fate("kept"));
        let (canaries, bystanders) = (install.canaries(), install.bystanders());
        let deed = on(&install)
            .args(DELETE)
            .args(["--format", "json"])
            .run()
            .expect(3);
        assert_same("canaries", &canaries, &install.canaries());
        assert_same("bystanders", &bystanders, &install.bystanders());
        for path in goes {
            assert!(!install.has(&path), "still there: {}", path.escape_ascii());
        }
        let object = deed.json();
        let named = object["kept"].as_array().unwrap();
        assert_eq!(object["kept_more"], 0, "{deed}");
        // Long ones are shortened, others escaped.
        let printable = |path: &&Vec<u8>| {
            path.len() < 200 && path.iter().all(|byte| (b' '..=b'~').contains(byte))
        };
        for path in kept.iter().filter(printable) {
            let path = str::from_utf8(path).unwrap();
            // An absolute path that lies in a root is told as relative to the application's root.
            let relative = Path::new(path)
                .strip_prefix(install.root())
                .unwrap_or(Path::new(path));
            let spellings = [path, relative.to_str().unwrap()];
            let is_named = named
                .iter()
                .any(|kept| spellings.iter().any(|one| kept["path"] == *one));
            assert!(is_named, "`{path}` is not named: {deed}");
        }
        assert!(
            deed.stdout
                .bytes()
                .all(|byte| byte >= b' ' || byte == b'\n'),
            "control codes reach the terminal"
        );
        let again = on(&install).args(DELETE).run();
        assert_eq!(again.code(), Some(0), "{again}");
        assert_same("canaries", &canaries, &install.canaries());
    }
}

#[test]
fn a_directory_that_is_swapped_for_a_link_leads_nowhere() {
    let install = Install::copy("example");
    let user = install.path("storage/images/user_1");
    fs::rename(&user, install.outside().join("user_1")).unwrap();
    symlink(install.outside().join("user_1"), &user).unwrap();
    let canaries = install.canaries();
    on(&install).args(DELETE).run().expect(3).says(["user_1"]);
    assert_same("canaries", &canaries, &install.canaries());
}

#[test]
fn a_table_that_only_looks_like_the_outbox_is_refused() {
    let install = Install::copy("example");
    install.execute("CREATE TABLE _reset_app_outbox(id INTEGER PRIMARY KEY, path TEXT)");
    for arguments in [
        &PREVIEW[..],
        &DELETE,
        &["resume"],
        &["--delete-all-user-data", "--force", "--only", "1"],
    ] {
        refused(
            &install,
            on(&install).args(arguments),
            4,
            ["_reset_app_outbox"],
        );
    }
}

/// An install with an outbox that somebody made by hand: the record of a run, and these rows.
fn with_planted(rows: &str) -> Install {
    let install = Install::copy("example");
    let definition = "CREATE TABLE _reset_app_outbox(\
        id INTEGER PRIMARY KEY, run TEXT NOT NULL, kind TEXT NOT NULL, position INTEGER, \
        root BLOB, path BLOB, identity TEXT, detail TEXT)";
    let base = install.root().display();
    install.execute(&format!(
        "{definition};
         INSERT INTO _reset_app_outbox (run, kind, detail) VALUES ('r', 'run',
             '{{\"run\":\"r\",\"operation\":\"x\",\"base\":\"{base}\",\"keys\":\"none\"}}');
         INSERT INTO _reset_app_outbox (run, kind, position, root, path, identity, detail) VALUES {rows}"
    ));
    install
}

/// An index is made again by its statement alone: another behind it could open any database.
#[test]
fn a_planted_index_runs_no_other_statement() {
    let sql = "CREATE INDEX by_mail ON users(email); COMMIT; ATTACH ''other.db'' AS other; \
               CREATE TABLE other.t(a); BEGIN IMMEDIATE";
    let detail = format!(
        r#"{{"made":[],"dropped":[{{"name":"by_mail","table":"users","sql":"{sql}","statistics":[]}}]}}"#
    );
    let install = with_planted(&format!(
        "('r', 'indexes', NULL, NULL, NULL, NULL, '{detail}')"
    ));
    fs::copy(install.path(DATABASE), install.path("other.db")).unwrap();
    let before = install.tree().without(DATABASE);
    let resume = on(&install).within(install.root());
    resume.args(["resume", "--no-redis"]).run().expect(3);
    let after = install.tree().without(DATABASE).without(".reset-app");
    assert_same("files", &before, &after);
}

/// Invariant 4, whatever the database says.
#[test]
fn planted_outbox_rows_reach_nothing_outside() {
    let install = with_planted(
        "('r', 'file', 1, CAST('storage/images' AS BLOB), CAST('../../.env' AS BLOB), '0', 'x'),
         ('../../..', 'file', 1, CAST('/' AS BLOB), CAST('etc/hostname' AS BLOB), '0', 'x')",
    );
    let before = install.tree().without(DATABASE);
    let outcome = on(&install).args(["resume", "--no-redis"]).run();
    assert_ne!(outcome.code(), Some(0), "{outcome}");
    assert_same(
        "files",
        &before,
        &install.tree().without(DATABASE).without(".reset-app"),
    );
}

/// Invariant 9: Redis cannot fail the rest; invariant 7: what was not looked at has no count.
#[test]
fn redis_out_of_reach_is_a_warning() {
    let install = Install::copy("example");
    let url = format!("redis://:hunter2@127.0.0.1:{}/0", fake_redis::nobody());
    for arguments in [
        ["--delete-all-user-data", "--dry-run"],
        ["--delete-all-user-data", "--force"],
    ] {
        let outcome = on(&install)
            .args(["--redis", &url])
            .args(arguments)
            .run()
            .expect(0);
        assert_eq!(outcome.line("Redis Sessions"), None);
        assert_eq!(outcome.line("Posts"), Some(5));
        assert!(outcome.stdout.contains("Warnings:"), "{outcome}");
        assert!(!format!("{outcome}").contains("hunter2"), "{outcome}");
    }
}

/// Invariant 9: nor can it delay the rest past its deadline.
#[test]
fn redis_that_never_answers_does_not_keep_the_run() {
    let install = Install::copy("example");
    let port = fake_redis::serving(|stream: TcpStream| {
        std::thread::sleep(Duration::from_secs(120));
        drop(stream);
    });
    let url = format!("redis://127.0.0.1:{port}/0");
    let deed = on(&install)
        .args(["--redis", &url, "--delete-all-user-data", "--force"])
        .run()
        .expect(0);
    assert_eq!(deed.line("Redis Sessions"), None);
    assert_eq!(install.query_count("SELECT count(*) FROM posts"), 0);
    // Once for the preview, once for the deed.
    assert!(deed.took < Duration::from_secs(22), "{deed}");
}

#[test]
fn the_keys_of_user_12_survive_user_1() {
    let Some(server) = RedisServer::start() else {
        return;
    };
    server.feed(Path::new("fixtures/busy/redis.txt"));
    let before = server.keys(0);
    let install = Install::copy("busy");
    on(&install)
        .args([
            "--redis",
            &server.url(0),
            "--delete-all-user-data",
            "--force",
            "--only",
            "1",
        ])
        .run()
        .expect(0);
    let gone: Vec<String> = before
        .iter()
        .filter(|key| !server.keys(0).contains(key))
        .map(|key| String::from_utf8(key.clone()).unwrap())
        .collect();
    assert_eq!(
        gone,
        [
            "platform:101",
            "platform_stats:1:101",
            "session:old-01",
            "user_platforms:1",
            "vedfolnir:cache:user:1:posts",
            "vedfolnir:notifications:user:1",
            "vedfolnir:session:b-01",
            "vedfolnir:session:b-01-phone",
            "vedfolnir:user:1:profile",
            "vedfolnir:user_active_task:1",
        ]
    );
}

#[test]
fn a_name_that_fits_nobody_or_several_is_refused() {
    let install = Install::copy("busy");
    let only = |names: &[&str]| on(&install).args(DELETE).args(["--only"]).args(names);
    refused(&install, only(&["nosuchuser"]), 4, ["nosuchuser"]);
    refused(&install, only(&["1", "999"]), 4, ["999"]);
    refused(
        &install,
        on(&install).args(DELETE).args(["--except", "nosuchuser"]),
        4,
        ["nosuchuser"],
    );
    install.execute("UPDATE users SET username = 'bruno@vedfolnir.example' WHERE id = 7");
    refused(
        &install,
        only(&["bruno@vedfolnir.example"]),
        4,
        ["2", "7", "several"],
    );
    // One user, named three times.
    let deed = only(&["20", "tala", "tala@vedfolnir.example"])
        .run()
        .expect(0);
    assert_eq!(deed.line("Users Processed"), Some(1));
}

/// What is gone from each table, as plain SQL on the original counts it.
#[track_caller]
fn assert_gone(install: &Install, table: &str, of: &str) {
    let whole = Install::copy("busy");
    let count = |install: &Install, sql: &str| {
        install.query_count(&format!("SELECT count(*) FROM {table} {sql}"))
    };
    let gone = count(&whole, "") - count(install, "");
    assert_eq!(gone, count(&whole, &format!("WHERE {of}")), "{table}");
}

#[test]
fn only_takes_what_plain_sql_finds_of_these_users() {
    let install = Install::copy("busy");
    on(&install)
        .args(DELETE)
        .args(["--only", "3", "hugo"])
        .run()
        .expect(0);
    let connections = "(SELECT id FROM platform_connections WHERE user_id IN (3, 8))";
    let here = format!("user_id IN (3, 8) OR platform_connection_id IN {connections}");
    let posts = format!("(SELECT id FROM posts WHERE {here})");
    let tasks = format!("(SELECT id FROM caption_generation_tasks WHERE {here})");
    assert_gone(&install, "users", "0");
    assert_gone(&install, "platform_connections", "user_id IN (3, 8)");
    for table in [
        "posts",
        "processing_runs",
        "caption_generation_tasks",
        "caption_generation_user_settings",
    ] {
        assert_gone(&install, table, &here);
    }
    assert_gone(
        &install,
        "images",
        &format!("post_id IN {posts} OR platform_connection_id IN {connections}"),
    );
    assert_gone(
        &install,
        "job_audit_log",
        &format!("user_id IN (3, 8) OR task_id IN {tasks}"),
    );
    for table in [
        "gdpr_audit_log",
        "user_audit_log",
        "notifications",
        "user_sessions",
        "storage_event_log",
    ] {
        assert_gone(&install, table, "user_id IN (3, 8)");
    }
    assert_gone(&install, "storage_overrides", "admin_user_id IN (3, 8)");
    assert_eq!(
        install.query_count(
            "SELECT count(*) FROM pragma_foreign_key_check WHERE \"table\" = 'user_sessions'"
        ),
        0
    );
    // In the directory of user 3, but of user 6.
    assert!(install.has("storage/images/user_3/guest_of_6.jpg"));
    assert!(!install.has("storage/images/user_3/p-3-0.jpg"));
}

#[test]
fn except_is_only_of_the_others() {
    let (only, except) = (Install::copy("busy"), Install::copy("busy"));
    let others: Vec<String> = (1..=20)
        .filter(|id| *id != 7)
        .map(|id: i32| id.to_string())
        .collect();
    on(&only)
        .args(DELETE)
        .args(["--only"])
        .args(&others)
        .run()
        .expect(0);
    on(&except)
        .args(DELETE)
        .args(["--except", "greta"])
        .run()
        .expect(0);
    assert_same("database", &only.dump(), &except.dump());
    assert_same(
        "files",
        &only.tree().below("storage").without(DATABASE),
        &except.tree().below("storage").without(DATABASE),
    );
    assert!(except.has("storage/images/user_7/p-7-0.jpg"));
}

#[test]
fn unowned_rows_go_only_when_asked_for() {
    let install = Install::copy("busy");
    let deed = on(&install)
        .args(DELETE)
        .args(["--unowned"])
        .run()
        .expect(0);
    for table in [
        "job_audit_log",
        "gdpr_audit_log",
        "user_audit_log",
        "storage_event_log",
        "notifications",
    ] {
        assert_eq!(
            install.query_count(&format!("SELECT count(*) FROM {table}")),
            0,
            "{table}: {deed}"
        );
    }
    assert_eq!(deed.line("Total Items"), Some(308 - 7 + 14), "{deed}");
}

#[test]
fn accounts_that_rows_still_name_stay_and_the_others_go() {
    let install = Install::copy("busy");
    let deed = on(&install)
        .args(DELETE)
        .args(["--delete-accounts", "--except", "1", "2", "3"])
        .run()
        .expect(0);
    assert_eq!(
        install.query_count("SELECT count(*) FROM users"),
        3,
        "{deed}"
    );
    assert_eq!(
        install.query_count("SELECT count(*) FROM posts WHERE user_id > 3"),
        0
    );
    // Their configuration may not be left without its author.
    let before = install.dump();
    let blocked = on(&install)
        .args(DELETE)
        .args(["--delete-accounts", "--only", "1"])
        .run();
    assert!(matches!(blocked.code(), Some(1 | 4)), "{blocked}");
    assert!(
        format!("{blocked}").contains("system_configuration.updated_by"),
        "{blocked}"
    );
    assert_same("the database", &before, &install.dump());
}

/// A file that is cut short is no answer; a reader that has read enough is another matter.
#[test]
fn an_answer_that_cannot_be_printed_is_not_done() {
    let install = Install::copy("example");
    let to = |command: &str, words: &[&str]| {
        let run = reset_app().root(install.root()).args(words);
        run.args(["--no-redis"])
            .under(["sh", "-c", command, "sh"])
            .run()
    };
    let full = "exec \"$@\" > /dev/full";
    let gone = "exit $( { { sleep 0.1; \"$@\"; echo $? >&3; } | true; } 3>&1)";
    for words in [
        &["status"][..],
        &["snapshot", "list"],
        &["delete-user", "1", "--dry-run"],
    ] {
        to(full, words)
            .expect(3)
            .complains(["could not be printed"]);
        to(gone, words).expect(0);
    }
    to(full, &["delete-user", "1", "--force"]).expect(3);
    let posts = "SELECT count(*) FROM posts WHERE user_id = 1";
    assert_eq!(install.query_count(posts), 0);
}
