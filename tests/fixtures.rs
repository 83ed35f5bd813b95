//! The fixtures are current, and hold what the other tests rely on.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use support::install::{
    DATABASE, Dump, Fixture, Install, Kind, NAMES, Tree, assert_same, difference,
};
use tempfile::TempDir;

/// The parts of a committed root that are built: all but what is written by hand.
fn built(tree: Tree) -> Tree {
    tree.without(".env").without(DATABASE).without_modes()
}

#[test]
fn fixtures_are_current() {
    for name in NAMES {
        let fixture = Fixture::named(name);
        let fresh = TempDir::new().unwrap();
        fixture.build(fresh.path());
        let (old, new) = (fixture.database(), fresh.path().join(DATABASE));

        let what = |part| format!("{part} of `{name}` (scripts/fixtures rebuilds it)");
        assert_same(
            &what("tree"),
            &built(Tree::of(&fixture.root())),
            &built(Tree::of(fresh.path())),
        );
        assert_same(&what("database"), &Dump::of(&old), &Dump::of(&new));

        let (old, new) = (fs::read(old).unwrap(), fs::read(new).unwrap());
        if writer(&old) == writer(&new) {
            assert!(old == new, "{}: other bytes", what("database"));
        }
    }
}

/// The version of `SQLite` that wrote a database last: the last field of its header.
fn writer(database: &[u8]) -> &[u8] {
    &database[96..100]
}

#[test]
#[ignore = "writes into fixtures/: run scripts/fixtures"]
fn rebuild_fixtures() {
    for name in NAMES {
        Fixture::named(name).rebuild();
    }
}

#[test]
fn copying_leaves_the_fixture_alone() {
    for name in NAMES {
        let fixture = Fixture::named(name);
        let before = Tree::of(&fixture.root());
        let copy = Install::copy(name).wal();
        copy.execute("DELETE FROM images; DELETE FROM users");
        fs::remove_file(copy.root().join(".env")).unwrap();
        assert_same("fixture", &before, &Tree::of(&fixture.root()));
    }
}

#[test]
fn reading_a_copy_changes_nothing() {
    for install in [Install::copy("busy"), Install::copy("busy").wal()] {
        let before = install.tree();
        assert_eq!(install.query_count("SELECT count(*) FROM users"), 20);
        assert_eq!(install.dump().table("users").len(), 20);
        assert_eq!(install.query_bytes("SELECT id FROM users")[11], b"12");
        assert_same("root", &before, &install.tree());
        assert_eq!(before.digest(), install.digest());
    }
}

#[test]
fn committed_databases_are_in_rollback_journal_mode() {
    for name in NAMES {
        let header = fs::read(Fixture::named(name).database()).unwrap();
        assert_eq!(
            header[18..20],
            [1, 1],
            "{name}: the versions of a rollback database"
        );
    }
}

#[test]
fn no_fixture_leads_to_another_redis_or_database() {
    for name in NAMES {
        for file in [".env", ".env.example"] {
            let text = fs::read_to_string(Fixture::named(name).root().join(file)).unwrap();
            for variable in ["REDIS_URL", "REDIS_HOST", "DATABASE_URL"] {
                assert!(!text.contains(variable), "{name}: {file} sets {variable}");
            }
        }
    }
}

#[test]
fn redis_commands_are_all_of_a_kind_that_loads() {
    let loading = ["HSET", "SET", "SADD", "RPUSH", "ZADD"];
    for name in NAMES {
        for command in Fixture::named(name).redis_commands() {
            let verb = String::from_utf8(command[0].clone()).unwrap();
            assert!(loading.contains(&verb.as_str()), "{name}: {verb}");
            assert!(command.len() >= 3, "{name}: {command:?}");
        }
    }
    assert!(Fixture::named("empty").redis_commands().is_empty());
}

#[test]
fn thirteen_foreign_key_columns_have_no_index() {
    let install = Install::copy("empty");
    let without = install.query_bytes(
        "SELECT t.name || '.' || f.\"from\"
         FROM sqlite_schema AS t, pragma_foreign_key_list(t.name) AS f
         WHERE t.type = 'table' AND NOT EXISTS (
             SELECT * FROM pragma_index_list(t.name) AS i, pragma_index_info(i.name) AS c
             WHERE c.seqno = 0 AND c.name = f.\"from\"
         )
         ORDER BY 1",
    );
    let without: Vec<_> = without
        .iter()
        .map(|name| str::from_utf8(name).unwrap())
        .collect();
    assert_eq!(
        without,
        [
            "alert_configuration.created_by",
            "compliance_audits.auditor_id",
            "gdpr_audit_log.admin_user_id",
            "gdpr_audit_log.user_id",
            "job_audit_log.platform_connection_id",
            "posts.user_id",
            "storage_event_log.storage_override_id",
            "system_alerts.acknowledged_by",
            "system_alerts.resolved_by",
            "system_configuration.updated_by",
            "user_audit_log.admin_user_id",
            "user_audit_log.user_id",
            "user_sessions.active_platform_id",
        ]
    );
}

/// What the summary of deleting everybody counts, reckoned without the tool: rows by plain SQL,
/// files and directories by looking, Redis keys by reading `redis.txt`.
fn counts(name: &str) -> BTreeMap<&'static str, usize> {
    let install = Install::copy(name);
    let owned = "user_id IN (SELECT id FROM users)";
    let rows = |from: &str| {
        usize::try_from(install.query_count(&format!("SELECT count(*) FROM {from}"))).unwrap()
    };
    let by_user = |table: &str| rows(&format!("{table} WHERE {owned}"));
    let tree = install.tree();
    let named = named_files(&install);
    let directories = user_directories(&install);
    let other = tree.files().filter(|file| {
        !named.contains(*file) && directories.iter().any(|dir| file.starts_with(&joined(dir)))
    });
    BTreeMap::from([
        ("Users Processed", rows("users")),
        ("Posts", by_user("posts")),
        ("Images (DB)", rows("images")),
        ("Image Files", named.len()),
        ("Processing Runs", by_user("processing_runs")),
        ("Platform Connections", by_user("platform_connections")),
        ("Caption Tasks", by_user("caption_generation_tasks")),
        (
            "Caption Settings",
            by_user("caption_generation_user_settings"),
        ),
        ("DB Sessions", by_user("user_sessions")),
        ("Redis Sessions", redis_keys(name, b"vedfolnir:session:")),
        (
            "Job Audit Logs",
            rows(&format!(
                "job_audit_log WHERE {owned} OR task_id IN (SELECT id FROM caption_generation_tasks)"
            )),
        ),
        ("GDPR Audit Logs", by_user("gdpr_audit_log")),
        ("Storage Events", by_user("storage_event_log")),
        (
            "Storage Overrides",
            rows("storage_overrides WHERE admin_user_id IN (SELECT id FROM users)"),
        ),
        ("User Directories", directories.len()),
        ("Notifications", by_user("notifications")),
        ("User Audit Logs", by_user("user_audit_log")),
        ("Other Files", other.count()),
    ])
}

fn redis_keys(name: &str, prefix: &[u8]) -> usize {
    let commands = Fixture::named(name).redis_commands();
    let keys: BTreeSet<_> = commands
        .into_iter()
        .map(|mut command| command.remove(1))
        .collect();
    keys.iter().filter(|key| key.starts_with(prefix)).count()
}

/// The files that images name and that are there, each once however it is spelled.
fn named_files(install: &Install) -> BTreeSet<Vec<u8>> {
    let tree = install.tree();
    let paths = install.query_bytes("SELECT local_path FROM images");
    let normal = |path: Vec<u8>| {
        let components = path.split(|&byte| byte == b'/');
        let components = components.filter(|name| !name.is_empty() && *name != b".");
        components.collect::<Vec<_>>().join(&b'/')
    };
    let there = |path: &Vec<u8>| tree.get(path).is_some_and(|node| node.kind == Kind::File);
    paths.into_iter().map(normal).filter(there).collect()
}

fn user_directories(install: &Install) -> Vec<Vec<u8>> {
    let ids = install.query_bytes("SELECT id FROM users");
    let places = [
        "storage/images/user_",
        "storage/temp/user_",
        "storage/backups/user_",
    ];
    let directories = places.iter().flat_map(|place| {
        let directory = |id: &Vec<u8>| [place.as_bytes(), id].concat();
        ids.iter().map(directory).collect::<Vec<_>>()
    });
    directories
        .filter(|directory| install.has(directory))
        .collect()
}

fn joined(directory: &[u8]) -> Vec<u8> {
    [directory, b"/"].concat()
}

#[test]
fn example_holds_what_the_documentation_counts() {
    let expected = BTreeMap::from([
        ("Users Processed", 2),
        ("Posts", 5),
        ("Images (DB)", 10),
        ("Image Files", 8),
        ("Processing Runs", 3),
        ("Platform Connections", 2),
        ("Caption Tasks", 1),
        ("Caption Settings", 1),
        ("DB Sessions", 4),
        ("Redis Sessions", 2),
        ("Job Audit Logs", 15),
        ("GDPR Audit Logs", 0),
        ("Storage Events", 0),
        ("Storage Overrides", 0),
        ("User Directories", 2),
        ("Notifications", 0),
        ("User Audit Logs", 0),
        ("Other Files", 0),
    ]);
    assert_eq!(counts("example"), expected);
    assert_eq!(
        expected.values().sum::<usize>() - expected["Users Processed"],
        53
    );
}

#[test]
fn empty_holds_nothing() {
    assert!(counts("empty").values().all(|&count| count == 0));
    let dump = Install::copy("empty").dump();
    assert_eq!(dump.tables().count(), 20);
    assert!(dump.tables().all(|table| dump.table(table).is_empty()));
}

#[test]
fn busy_fills_every_table() {
    let dump = Install::copy("busy").dump();
    let empty: Vec<_> = dump
        .tables()
        .filter(|table| dump.table(table).is_empty())
        .collect();
    assert!(empty.is_empty(), "without rows: {empty:?}");
}

#[test]
fn busy_holds_what_its_readme_counts() {
    let expected = BTreeMap::from([
        ("Users Processed", 20),
        ("Posts", 23),
        ("Images (DB)", 53),
        ("Image Files", 46),
        ("Processing Runs", 17),
        ("Platform Connections", 23),
        ("Caption Tasks", 9),
        ("Caption Settings", 11),
        ("DB Sessions", 21),
        ("Redis Sessions", 7),
        ("Job Audit Logs", 30),
        ("GDPR Audit Logs", 6),
        ("Storage Events", 5),
        ("Storage Overrides", 3),
        ("User Directories", 14),
        ("Notifications", 12),
        ("User Audit Logs", 19),
        ("Other Files", 9),
    ]);
    assert_eq!(counts("busy"), expected);
    assert_eq!(
        expected.values().sum::<usize>() - expected["Users Processed"],
        308
    );
}

#[test]
fn a_clone_of_example_and_busy_needs_no_copying_by_the_tests() {
    for name in ["example", "busy"] {
        let (clone, copy) = (
            Tree::of(&Fixture::named(name).root()),
            Install::copy(name).tree(),
        );
        assert!(
            clone.files().eq(copy.files()),
            "{name}: files that only a copy has"
        );
    }
}

#[test]
fn unowned_rows_of_busy_are_marked() {
    let install = Install::copy("busy");
    let unowned = |table: &str, mark: &str, and: &str| {
        let sql = format!(
            "SELECT id FROM {table}
             WHERE (user_id IS NULL OR user_id NOT IN (SELECT id FROM users)) {and}
             ORDER BY id"
        );
        let marked = format!("SELECT id FROM {table} WHERE {mark} = 'unowned' ORDER BY id");
        assert_eq!(
            install.query_bytes(&sql),
            install.query_bytes(&marked),
            "{table}"
        );
        install.query_bytes(&sql).len()
    };
    let no_task = "AND (task_id IS NULL
        OR task_id NOT IN (SELECT id FROM caption_generation_tasks))";
    assert_eq!(unowned("job_audit_log", "details", no_task), 4);
    assert_eq!(unowned("gdpr_audit_log", "action_details", ""), 2);
    assert_eq!(unowned("user_audit_log", "details", ""), 3);
    assert_eq!(unowned("storage_event_log", "details", ""), 3);
    assert_eq!(unowned("notifications", "message", ""), 2);
}

#[test]
fn hostile_images_have_the_file_that_their_fate_needs() {
    let install = Install::copy("hostile");
    let of_fate = |fate: &str| {
        install.query_bytes(&format!(
            "SELECT local_path FROM images WHERE original_caption = '{fate}'"
        ))
    };
    for path in of_fate("goes") {
        assert!(install.has(&path), "not there: {}", path.escape_ascii());
    }
    for path in of_fate("missing") {
        assert!(!install.has(&path), "there: {}", path.escape_ascii());
    }
    let fates = ["goes", "kept", "missing", "either"].map(|fate| of_fate(fate).len());
    assert_eq!(
        fates.iter().sum::<usize>(),
        install.dump().table("images").len()
    );
}

#[test]
fn hostile_has_what_git_cannot_hold() {
    let install = Install::copy("hostile");
    let tree = install.tree();
    let kind = |path: &str| tree.get(path).map(|node| node.kind);
    assert_eq!(kind("storage/images/linked"), Some(Kind::Link));
    assert_eq!(kind("storage/images/linked_user"), Some(Kind::Link));
    assert_eq!(kind("storage/images/pipe.jpg"), Some(Kind::Pipe));
    assert_eq!(
        kind("storage/backups/user_2/empty/below"),
        Some(Kind::Directory)
    );
    assert_eq!(tree.get(".env").unwrap().mode, 0o600);
    assert!(
        install
            .path("storage/images/linked_user/secret.txt")
            .exists()
    );
    assert!(install.canaries().has("@OUTSIDE@/linked/secret.txt"));
    assert!(install.canaries().has("canary/hard.txt"));
    let left = "SELECT count(*) FROM images WHERE instr(CAST(local_path AS TEXT), '@')";
    assert_eq!(install.query_count(left), 0, "placeholders left");
}

#[test]
fn no_good_row_names_a_bystander() {
    for (name, bystanders) in [("busy", 6), ("hostile", 9)] {
        let install = Install::copy(name);
        let tree = install.bystanders();
        assert_eq!(tree.files().count(), bystanders, "{name}");
        let goes = install.query_bytes(
            "SELECT local_path FROM images WHERE coalesce(original_caption, 'goes') = 'goes'",
        );
        assert!(goes.iter().all(|path| !tree.has(path)), "{name}");
    }
}

#[test]
fn a_difference_names_the_rows_and_files_that_changed() {
    let install = Install::copy("example");
    let (dump, tree) = (install.dump(), install.tree());
    install.execute("DELETE FROM caption_generation_user_settings");
    fs::remove_file(install.path("storage/images/crumbs.png")).unwrap();
    assert_eq!(
        difference(&dump, &install.dump()),
        "- caption_generation_user_settings: id=1 user_id=1 platform_connection_id=1 \
         max_posts_per_run=10 max_caption_length=500\n"
    );
    let gone = difference(&tree.without(DATABASE), &install.tree().without(DATABASE));
    assert!(
        gone.starts_with("- storage/images/crumbs.png File "),
        "{gone}"
    );
    assert_eq!(gone.lines().count(), 1);
}
