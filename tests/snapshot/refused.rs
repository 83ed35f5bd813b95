//! What a restore, or a save, refuses: with the reason, and with nothing changed.

use std::fs;

use crate::support::install::Install;
use crate::support::small::small;
use crate::{archive, command, inside, save};

/// Changed rows and files, so that a restore would have something to do.
fn changed() -> Install {
    let install = small();
    save(&install, "clean");
    install.execute("DELETE FROM images");
    fs::write(install.path("storage/images/crumbs.png"), "other").unwrap();
    install
}

fn refuses(install: &Install, words: &[&str], code: i32, reasons: &[&str]) {
    let before = install.digest();
    command(install, words)
        .run()
        .expect(code)
        .complains(reasons.iter().copied());
    assert_eq!(install.digest(), before, "{words:?}");
}

const RESTORE: [&str; 4] = ["snapshot", "restore", "clean", "--force"];

#[test]
fn a_damaged_snapshot_is_recognised_before_anything_is_written() {
    let install = changed();
    let files = ["snapshot.json", "files.tsv", "database.sqlite"];
    for file in files {
        let path = inside(&install, "clean", file);
        let whole = fs::read(&path).unwrap();
        let places = [0, whole.len() / 3, whole.len() / 2, whole.len() - 1];
        for at in places {
            let mut torn = whole.clone();
            torn[at] ^= 0x10;
            fs::write(&path, &torn).unwrap();
            refuses(&install, &RESTORE, 4, &["clean", "nothing was changed"]);
        }
        for torn in [&whole[..0], &whole[..whole.len() / 2]] {
            fs::write(&path, torn).unwrap();
            refuses(&install, &RESTORE, 4, &["damaged"]);
        }
        fs::remove_file(&path).unwrap();
        refuses(&install, &RESTORE, 4, &["damaged"]);
        fs::write(&path, whole).unwrap();
    }
    command(&install, &RESTORE).run().expect(0);
}

#[test]
fn a_damaged_content_is_recognised_before_anything_is_written() {
    let install = changed();
    let content = inside(&install, "clean", "content/0");
    for entry in fs::read_dir(content).unwrap() {
        let path = entry.unwrap().path();
        let whole = fs::read(&path).unwrap();
        fs::write(&path, [&whole[..], b"more"].concat()).unwrap();
    }
    refuses(
        &install,
        &RESTORE,
        4,
        &["is not as it was saved", "nothing was changed"],
    );
}

#[test]
fn a_snapshot_of_another_application_is_refused() {
    let install = changed();
    let manifest = include_str!("../../src/manifest/builtin.toml");
    let manifest = manifest.replacen("\"Vedfolnir\"", "\"Other\"", 1);
    fs::write(install.path("reset-app.toml"), manifest).unwrap();
    refuses(&install, &RESTORE, 4, &["Vedfolnir", "Other"]);
    refuses(
        &install,
        &["snapshot", "diff", "clean"],
        4,
        &["Vedfolnir", "Other"],
    );
}

#[test]
fn a_migrated_structure_is_refused_with_what_differs_and_restored_when_that_is_meant() {
    let install = changed();
    install.execute(
        "ALTER TABLE posts ADD COLUMN extra; CREATE TABLE fresh(a); DROP TABLE compliance_metrics",
    );
    let differences = [
        "`posts.extra` is not in the snapshot",
        "`fresh` is not in the snapshot",
        "`compliance_metrics` is only in the snapshot",
        "--other-structure",
    ];
    refuses(&install, &RESTORE, 4, &differences);
    let words = [&RESTORE[..], &["--other-structure"]].concat();
    command(&install, &words).run().expect(0);
    command(&install, &["snapshot", "diff", "clean"])
        .run()
        .expect(0);
}

/// What a preview says nothing of, the restore does not refuse.
#[test]
fn another_page_size_or_encoding_is_refused_in_the_preview_too() {
    let mut preview = RESTORE.to_vec();
    preview[3] = "--dry-run";
    let install = changed();
    install.execute("PRAGMA page_size = 8192; VACUUM");
    for words in [&RESTORE[..], &preview] {
        let remedy = "`PRAGMA page_size = 4096; VACUUM;` makes them alike";
        refuses(&install, words, 4, &["nothing was changed", remedy]);
    }
    install.execute("PRAGMA page_size = 4096; VACUUM");
    command(&install, &RESTORE).run().expect(0);

    let rows = install.dump();
    fs::remove_file(install.database()).unwrap();
    install.execute("PRAGMA encoding = 'UTF-16le'; CREATE TABLE users(id)");
    for words in [&RESTORE[..], &preview] {
        let words = [words, &["--other-structure"]].concat();
        refuses(&install, &words, 4, &["encoding UTF-8", "UTF-16le"]);
    }
    let diff = command(&install, &["snapshot", "diff", "clean"]).run();
    diff.expect(5)
        .says(["the encoding is UTF-16le, and UTF-8 in the snapshot"]);
    assert_ne!(rows, install.dump());
}

#[test]
fn an_index_or_trigger_that_differs_is_named() {
    let install = changed();
    install.execute("CREATE INDEX fresh ON posts (post_content)");
    refuses(&install, &RESTORE, 4, &["the index `fresh`"]);
}

#[test]
fn names_and_places() {
    let install = changed();
    refuses(
        &install,
        &["snapshot", "restore", "cleen", "--force"],
        4,
        &["there are: clean"],
    );
    refuses(
        &install,
        &["snapshot", "save", "clean"],
        4,
        &["snapshot drop clean"],
    );
    refuses(
        &install,
        &["snapshot", "save", "../x"],
        4,
        &["begins with a dot"],
    );
    refuses(
        &install,
        &["snapshot", "restore", "a/b", "--force"],
        4,
        &["slash"],
    );
    let within = ["snapshot", "save", "x", "--to", "storage/images/snapshots"];
    refuses(&install, &within, 4, &["`--to`"]);
    let elsewhere = install.outside().join("snapshots");
    let elsewhere = elsewhere.to_str().unwrap();
    command(&install, &["snapshot", "save", "x", "--to", elsewhere])
        .run()
        .expect(0);
    command(&install, &["snapshot", "diff", "x", "--from", elsewhere])
        .run()
        .expect(0);
    command(&install, &["snapshot", "drop", "x", "--from", elsewhere])
        .run()
        .expect(0);
}

const OUTBOX: &str = "CREATE TABLE _reset_app_outbox(id INTEGER PRIMARY KEY, run TEXT NOT NULL, kind TEXT NOT NULL, position INTEGER, root BLOB, path BLOB, identity TEXT, detail TEXT)";

#[test]
fn unfinished_work_is_finished_first() {
    let install = changed();
    install.execute(OUTBOX);
    refuses(&install, &RESTORE, 4, &["reset-app resume"]);
    refuses(
        &install,
        &["snapshot", "save", "other"],
        4,
        &["reset-app resume"],
    );
}

/// A forger who can write the snapshot gains nothing that the owner of the database has not.
#[test]
fn an_index_that_leads_out_of_the_roots_is_no_index() {
    let install = changed();
    let index = inside(&install, "clean", "files.tsv");
    let text = fs::read_to_string(&index).unwrap();
    fs::write(&index, text.replace("crumbs.png", "../../../canary/x")).unwrap();
    refuses(&install, &RESTORE, 4, &["damaged"]);
    let _ = archive(&install);
}

/// What an interrupted restore leaves, where the rows were as they were saved.
fn interrupted(install: &Install) {
    let (root, database) = (install.root(), install.database());
    let record = serde_json::json!({
        "run": "20260101T000000Z-00000001", "operation": "snapshot restore", "base": root,
        "keys": "none",
        "snapshot": {
            "name": "clean", "path": inside(install, "clean", ""), "database": database,
            "position": {"hash": "0".repeat(64), "lines": 0},
        },
    });
    let file = install.path(".reset-app/unfinished-restore");
    fs::write(file, record.to_string()).unwrap();
}

#[test]
fn a_restore_whose_snapshot_is_lost_is_given_up_only_when_that_is_said() {
    let install = changed();
    interrupted(&install);
    fs::remove_dir_all(inside(&install, "clean", "")).unwrap();
    let delete = ["--delete-all-user-data", "--force", "--audit-log", "none"];
    refuses(&install, &delete, 4, &["reset-app resume"]);
    let resume = ["resume", "--audit-log", "none"];
    refuses(&install, &resume, 1, &["resume --give-up"]);
    let give_up = ["resume", "--give-up", "--audit-log", "none"];
    command(&install, &give_up)
        .run()
        .expect(0)
        .says(["clean was given up"]);
    command(&install, &resume)
        .run()
        .expect(0)
        .says(["Nothing to resume"]);
    command(&install, &["snapshot", "save", "clean"])
        .run()
        .expect(0);
}

/// Its files are still in the snapshot, so it is not to be lost unasked.
#[test]
fn a_snapshot_whose_restore_can_be_finished_is_neither_dropped_nor_given_up() {
    let beside = changed();
    interrupted(&beside);
    let within = changed();
    record_in_database(&within);
    for install in [beside, within] {
        let drop = ["snapshot", "drop", "clean", "--audit-log", "none"];
        let give_up = ["resume", "--give-up", "--audit-log", "none"];
        let (finish, force) = (["reset-app resume"], ["--give-up --force"]);
        refuses(&install, &drop, 4, &finish);
        refuses(&install, &[&drop[..], &["--dry-run"]].concat(), 4, &finish);
        refuses(&install, &give_up, 4, &force);
        refuses(
            &install,
            &[&give_up[..], &["--dry-run"]].concat(),
            4,
            &force,
        );
        let forced = [&give_up[..], &["--force"]].concat();
        command(&install, &forced)
            .run()
            .expect(0)
            .says(["clean was given up"]);
        command(&install, &drop).run().expect(0);
    }
}

/// As [`interrupted`], where rows had changed.
fn record_in_database(install: &Install) {
    interrupted(install);
    let file = install.path(".reset-app/unfinished-restore");
    let record = fs::read_to_string(&file).unwrap();
    fs::remove_file(file).unwrap();
    let insert = format!(
        "{OUTBOX}; INSERT INTO _reset_app_outbox (run, kind, detail) VALUES ('20260101T000000Z-00000001', 'run', '{record}')"
    );
    install.execute(&insert);
}
