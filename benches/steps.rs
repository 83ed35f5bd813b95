//! What one step of a run takes, on the fixture `busy`: the plan, the survey of rows and files, and the whole
//! deed with the files that it removes; and going back to a snapshot of 5 MB of rows and 100 files, of which one
//! in a hundred has changed. `cargo bench`.

#![allow(clippy::unwrap_used, missing_docs)]

use std::path::Path;
use std::process::Command;

use divan::Bencher;
use reset_app::consent::Consent;
use reset_app::graph::Graph;
use reset_app::manifest::Manifest;
use reset_app::plan::{Accounts, Plan};
use reset_app::run::{App, Job};
use reset_app::schema;
use reset_app::snapshot::{Archive, Asking, Snapshot, Structure};
use reset_app::target::{RedisChoice, Settings};
use reset_app::watch::Nobody;
use rusqlite::Connection;
use tempfile::TempDir;

fn main() {
    divan::main();
}

/// A copy of the fixture.
fn install() -> TempDir {
    let place = TempDir::new().unwrap();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/busy/root/.");
    let copied = Command::new("cp")
        .arg("-R")
        .arg(from)
        .arg(place.path())
        .status();
    assert!(copied.unwrap().success());
    place
}

fn app(place: &TempDir) -> App {
    let settings = Settings {
        root: Some(place.path().into()),
        redis: RedisChoice::None,
        ..Settings::default()
    };
    App::open(&settings).unwrap()
}

#[divan::bench]
fn plan(bencher: Bencher) {
    let connection = Connection::open_in_memory().unwrap();
    connection
        .execute_batch(include_str!("../fixtures/schema.sql"))
        .unwrap();
    let schema = schema::read(&connection).unwrap();
    let manifest = Manifest::builtin().unwrap();
    bencher.bench(|| {
        let graph = Graph::new(&schema, &manifest).unwrap();
        Plan::new(&schema, &graph, &manifest, Accounts::Delete).unwrap()
    });
}

#[divan::bench]
fn survey(bencher: Bencher) {
    let place = install();
    let app = app(&place);
    bencher.bench(|| app.preview(&Job::default()).unwrap());
}

#[divan::bench(sample_count = 20)]
fn deed_and_drain(bencher: Bencher) {
    let delete = |place: TempDir| {
        let report =
            app(&place).erase(&Job::default(), &mut |_| Ok(Consent::forced()), &mut Nobody);
        (report.unwrap(), place)
    };
    bencher.with_inputs(install).bench_values(delete);
}

/// Rows of so many bytes, and so many files, beside those of the fixture.
const ROW: usize = 1000;
const ROWS: usize = 4600;
const FILES: usize = 100;

#[divan::bench(sample_count = 50)]
fn restore(bencher: Bencher) {
    let place = install();
    let images = place.path().join("storage/images");
    for number in 0..FILES {
        std::fs::write(images.join(format!("{number}.jpg")), [b'x'; 2000]).unwrap();
    }
    let app = app(&place);
    let target = app.target();
    let execute = |sql: &str| {
        let connection = Connection::open(&target.database).unwrap();
        connection.execute_batch(sql).unwrap();
    };
    let many = format!(
        "CREATE TABLE many(id INTEGER PRIMARY KEY, text TEXT);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS})
         INSERT INTO many SELECT i, hex(randomblob({ROW} / 2)) FROM n;"
    );
    execute(&many);
    let archive = Archive::of(target, None).unwrap();
    Snapshot::save(target, &archive, "clean").unwrap();
    let change = || {
        execute("UPDATE many SET text = 'changed' WHERE id % 100 = 7");
        std::fs::write(images.join("7.jpg"), "changed").unwrap();
    };
    bencher.with_inputs(change).bench_values(|()| {
        let (structure, asking) = (Structure::Same, Asking::Nobody);
        let restored = Snapshot::restore(target, &archive, "clean", structure, asking).unwrap();
        assert!(restored.left.is_empty());
    });
}
