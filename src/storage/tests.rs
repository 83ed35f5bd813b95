//! What is taken, what is given back, what is left after a crash, and who is never harmed.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::ops::ControlFlow;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use super::*;
use crate::roots::world::{World, identity, place, skip};
use crate::roots::{Entry, Identity, Inspection, Kind, Place, Refusal};

const PROOF: Erased = Erased(());
const CELL: &str = "storage/images/.reset-app-r1";

fn batch(roots: &Roots) -> Quarantine<'_> {
    Quarantine::open(roots, "r1", &PROOF).unwrap()
}

fn listed(roots: &Roots, raw: &str) -> (Place, Identity) {
    let place = place(roots, raw);
    let identity = identity(roots, &place);
    (place, identity)
}

/// A crash after the rename, before the purge.
fn take_and_crash(roots: &Roots, id: i64, place: &Place, identity: &Identity) {
    let taken = batch(roots).take(id, place, identity);
    assert!(matches!(taken, Taken::Quarantined), "{taken:?}");
}

fn assert_settled(report: &PurgeReport, ids: &[i64]) {
    assert_eq!(report.settled, ids, "{report:?}");
    assert!(
        report.failed.is_empty() && report.remaining.is_empty(),
        "{report:?}"
    );
}

/// Replaces a file by another inode of the same length.
fn replace(path: &Path, content: &str) {
    let new = path.with_extension("new");
    fs::write(&new, content).unwrap();
    fs::rename(new, path).unwrap();
}

#[test]
fn a_listed_file_is_taken_and_purged_and_nothing_else_changes() {
    let world = World::new();
    world.file("storage/images/2/kept", "kept");
    let before = world.digest();
    let gone = world.file("storage/images/1.png", "one");
    let roots = world.roots();
    let (one, identity) = listed(&roots, "storage/images/1.png");
    let mut batch = batch(&roots);
    assert!(matches!(batch.take(7, &one, &identity), Taken::Quarantined));
    assert!(!gone.exists());
    let cell = fs::symlink_metadata(world.path(CELL)).unwrap();
    assert_eq!(cell.permissions().mode() & 0o777, 0o700);
    assert!(world.path(CELL).join("7").exists());
    assert_settled(&batch.purge(), &[7]);
    assert_eq!(world.digest(), before);
    world.assert_canary_sings();
}

#[test]
fn opening_a_batch_and_purging_nothing_changes_nothing() {
    let world = World::new();
    let before = world.digest();
    assert_settled(&batch(&world.roots()).purge(), &[]);
    assert_eq!(world.digest(), before);
}

#[test]
fn the_name_of_a_run_cannot_lead_elsewhere() {
    let world = World::new();
    let roots = world.roots();
    for run in ["", "..", "a/b", "x/../../y", "a\0", "ä", &"r".repeat(65)] {
        assert!(Quarantine::open(&roots, run, &PROOF).is_err(), "{run}");
    }
}

#[test]
fn a_file_replaced_after_the_listing_stays() {
    let world = World::new();
    let path = world.file("storage/images/x", "old");
    let roots = world.roots();
    let (x, identity) = listed(&roots, "storage/images/x");
    replace(&path, "new");
    let before = world.digest();
    let mut batch = batch(&roots);
    assert!(matches!(batch.take(1, &x, &identity), Taken::Replaced));
    assert_settled(&batch.purge(), &[1]);
    assert_eq!(world.digest(), before);
}

/// Same name, number, size and write time: only the time of its birth tells it.
#[test]
fn a_file_that_got_the_number_of_a_listed_one_stays() {
    for _ in 0..200 {
        let world = World::new();
        let path = world.file("storage/images/x", "old");
        let roots = world.roots();
        let (x, identity) = listed(&roots, "storage/images/x");
        let written = fs::metadata(&path).unwrap().modified().unwrap();
        fs::remove_file(&path).unwrap();
        fs::write(&path, "new").unwrap();
        let file = fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(written).unwrap();
        let (_, now) = listed(&roots, "storage/images/x");
        if now.ino != identity.ino || identity.birth_ns.is_none() {
            continue;
        }
        assert_eq!((now.size, now.mtime_ns), (identity.size, identity.mtime_ns));
        assert!(matches!(
            batch(&roots).take(1, &x, &identity),
            Taken::Replaced
        ));
        assert_eq!(fs::read_to_string(path).unwrap(), "new");
        return;
    }
    skip(
        "a_file_that_got_the_number_of_a_listed_one_stays",
        "this file system gave no number twice, or knows no time of birth",
    );
}

#[test]
fn a_file_written_to_after_the_listing_stays() {
    let world = World::new();
    let path = world.file("storage/images/x", "old");
    let roots = world.roots();
    let (x, identity) = listed(&roots, "storage/images/x");
    thread::sleep(Duration::from_millis(10));
    fs::write(&path, "new").unwrap();
    assert!(matches!(
        batch(&roots).take(1, &x, &identity),
        Taken::Replaced
    ));
    assert_eq!(fs::read_to_string(path).unwrap(), "new");
}

#[test]
fn after_a_crash_the_quarantined_file_is_purged() {
    let world = World::new();
    world.file("storage/images/x", "x");
    let roots = world.roots();
    let (x, identity) = listed(&roots, "storage/images/x");
    take_and_crash(&roots, 1, &x, &identity);
    let mut batch = batch(&roots);
    assert!(matches!(batch.take(1, &x, &identity), Taken::Quarantined));
    assert_settled(&batch.purge(), &[1]);
    assert!(!world.path(CELL).exists());
}

#[test]
fn after_a_crash_a_newer_file_at_the_place_stays() {
    let world = World::new();
    let path = world.file("storage/images/x", "x");
    let roots = world.roots();
    let (x, identity) = listed(&roots, "storage/images/x");
    take_and_crash(&roots, 1, &x, &identity);
    fs::write(&path, "newer").unwrap();
    let mut batch = batch(&roots);
    assert!(matches!(batch.take(1, &x, &identity), Taken::Quarantined));
    assert_settled(&batch.purge(), &[1]);
    assert_eq!(fs::read_to_string(path).unwrap(), "newer");
}

#[test]
fn after_a_crash_a_wrong_file_in_quarantine_goes_back() {
    let world = World::new();
    let path = world.file("storage/images/x", "x");
    let roots = world.roots();
    let (x, identity) = listed(&roots, "storage/images/x");
    take_and_crash(&roots, 1, &x, &identity);
    replace(&world.path(CELL).join("1"), "y");
    let mut batch = batch(&roots);
    assert!(matches!(batch.take(1, &x, &identity), Taken::Replaced));
    assert_settled(&batch.purge(), &[1]);
    assert_eq!(fs::read_to_string(path).unwrap(), "y");
}

#[test]
fn a_wrong_file_whose_place_is_taken_is_stranded_and_nothing_is_overwritten() {
    let world = World::new();
    let path = world.file("storage/images/x", "x");
    let roots = world.roots();
    let (x, identity) = listed(&roots, "storage/images/x");
    take_and_crash(&roots, 1, &x, &identity);
    replace(&world.path(CELL).join("1"), "y");
    fs::write(&path, "z").unwrap();
    let mut batch = batch(&roots);
    let taken = batch.take(1, &x, &identity);
    let expected = Path::new(CELL).join("1");
    assert!(
        matches!(&taken, Taken::Stranded { held } if *held == expected),
        "{taken:?}"
    );
    let report = batch.purge();
    assert!(report.settled.is_empty(), "{report:?}");
    assert_eq!(report.remaining.len(), 1);
    assert_eq!(fs::read_to_string(path).unwrap(), "z");
    assert_eq!(fs::read_to_string(world.path(CELL).join("1")).unwrap(), "y");
}

#[test]
fn a_file_under_both_names_after_a_power_loss_loses_both() {
    let world = World::new();
    let path = world.file("storage/images/x", "x");
    let roots = world.roots();
    let (x, identity) = listed(&roots, "storage/images/x");
    take_and_crash(&roots, 1, &x, &identity);
    fs::hard_link(world.path(CELL).join("1"), &path).unwrap();
    let mut batch = batch(&roots);
    assert!(matches!(batch.take(1, &x, &identity), Taken::Quarantined));
    assert_settled(&batch.purge(), &[1]);
    assert!(!path.exists());
}

#[test]
fn a_quarantined_file_that_a_surviving_row_names_again_goes_back() {
    let world = World::new();
    world.file("storage/images/1/x", "x");
    let before = world.digest();
    let roots = world.roots();
    let (x, identity) = listed(&roots, "storage/images/1/x");
    take_and_crash(&roots, 1, &x, &identity);
    let mut again = batch(&roots);
    assert!(matches!(again.release(1, &x), Released::Returned));
    assert!(matches!(again.release(2, &x), Released::NotHeld));
    assert_settled(&again.purge(), &[1, 2]);
    assert_eq!(world.digest(), before);
    take_and_crash(&roots, 3, &x, &identity);
    fs::remove_dir(world.path("storage/images/1")).unwrap();
    assert!(matches!(
        batch(&roots).release(3, &x),
        Released::Stranded { .. }
    ));
}

#[test]
fn what_is_missing_is_settled_even_with_its_directory_or_root() {
    let world = World::new();
    let path = world.file("storage/images/1/2/x", "x");
    let roots = world.roots_with(&["storage/images", "storage/gone"], &[]);
    let (x, identity) = listed(&roots, "storage/images/1/2/x");
    fs::remove_file(path).unwrap();
    let mut batch = batch(&roots);
    assert!(matches!(batch.take(1, &x, &identity), Taken::Missing));
    fs::remove_dir_all(world.path("storage/images/1")).unwrap();
    assert!(matches!(batch.take(2, &x, &identity), Taken::Missing));
    let lost = place(&roots, "storage/gone/x");
    assert!(matches!(batch.take(3, &lost, &identity), Taken::Missing));
    assert_settled(&batch.purge(), &[1, 2, 3]);
}

#[test]
fn links_and_fifos_of_a_directory_are_removed_themselves() {
    let world = World::new();
    world.file("storage/images/1/plain", "plain");
    world.link("storage/images/1/dangling", "nowhere");
    world.link("storage/images/1/out", world.outside());
    world.link("storage/images/1/file", world.outside().join("canary"));
    world.fifo("storage/images/1/fifo");
    let roots = world.roots();
    let mut files = Vec::new();
    let mut directories = Vec::new();
    let end = roots.walk(&place(&roots, "storage/images/1"), &mut |entry| {
        match entry {
            Entry::File(place, identity) => files.push((place, identity)),
            Entry::Directory(place, identity) => directories.push((place, identity)),
            other => panic!("{other:?}"),
        }
        ControlFlow::Continue(())
    });
    assert_eq!(
        (end, files.len(), directories.len()),
        (ControlFlow::Continue(()), 5, 1)
    );
    let mut batch = batch(&roots);
    for (id, (place, identity)) in (0..).zip(&files) {
        assert!(
            matches!(batch.take(id, place, identity), Taken::Quarantined),
            "{place}"
        );
    }
    let (top, identity) = &directories[0];
    assert!(matches!(
        batch.remove_directory(5, top, identity),
        DirectoryRemoval::Removed
    ));
    assert_settled(&batch.purge(), &[0, 1, 2, 3, 4, 5]);
    assert!(!world.path("storage/images/1").exists() && !world.path(CELL).exists());
    world.assert_canary_sings();
}

#[test]
fn a_directory_that_holds_a_newer_file_stays() {
    let world = World::new();
    world.file("storage/images/1/newer", "newer");
    let roots = world.roots();
    let (one, identity) = listed(&roots, "storage/images/1");
    let before = world.digest();
    let mut full = batch(&roots);
    assert!(matches!(
        full.remove_directory(1, &one, &identity),
        DirectoryRemoval::NotEmpty
    ));
    assert!(matches!(
        full.take(2, &one, &identity),
        Taken::Refused(Refusal::Directory)
    ));
    assert_settled(&full.purge(), &[1]);
    assert_eq!(world.digest(), before);
}

#[test]
fn a_link_or_a_new_directory_in_the_place_of_a_listed_one_stays() {
    let world = World::new();
    fs::create_dir(world.path("storage/images/1")).unwrap();
    let roots = world.roots();
    let (one, identity) = listed(&roots, "storage/images/1");
    fs::remove_dir(world.path("storage/images/1")).unwrap();
    let mut batch = batch(&roots);
    assert!(matches!(
        batch.remove_directory(1, &one, &identity),
        DirectoryRemoval::Missing
    ));
    world.link("storage/images/1", world.outside());
    assert!(matches!(
        batch.remove_directory(2, &one, &identity),
        DirectoryRemoval::Replaced
    ));
    assert_settled(&batch.purge(), &[1, 2]);
    assert!(world.path("storage/images/1").is_symlink());
    world.assert_canary_sings();
}

#[test]
fn links_and_protected_files_are_refused_at_the_removal_too() {
    let world = World::new();
    world.file("storage/images/1/canary", "listed");
    world.file("storage/images/u1.png", "database");
    let before = world.roots();
    let (inner, inner_identity) = listed(&before, "storage/images/1/canary");
    let (hard, hard_identity) = listed(&before, "storage/images/u1.png");
    fs::hard_link(world.path("storage/images/u1.png"), world.path("app.db")).unwrap();
    fs::rename(
        world.path("storage/images/1"),
        world.path("storage/images/2"),
    )
    .unwrap();
    world.link("storage/images/1", world.outside());
    let roots = world.roots_with(&["storage/images", "storage/files"], &["app.db"]);
    let stood = world.digest();
    let mut batch = batch(&roots);
    let through = batch.take(1, &inner, &inner_identity);
    assert!(
        matches!(through, Taken::Refused(Refusal::Symlink(_))),
        "{through:?}"
    );
    let database = batch.take(2, &hard, &hard_identity);
    assert!(
        matches!(database, Taken::Refused(Refusal::Protected(_))),
        "{database:?}"
    );
    assert_settled(&batch.purge(), &[]);
    assert_eq!(world.digest(), stood);
    world.assert_canary_sings();
}

#[test]
fn a_quarantine_that_is_not_ours_is_not_used() {
    let world = World::new();
    world.file("storage/images/x", "x");
    let roots = world.roots();
    let (x, identity) = listed(&roots, "storage/images/x");
    let cell = world.path(CELL);
    let refused = |what: &str| {
        let stood = world.digest();
        let taken = batch(&roots).take(1, &x, &identity);
        assert!(matches!(taken, Taken::Failed(_)), "{what}: {taken:?}");
        assert_eq!(world.digest(), stood, "{what}");
    };
    symlink(world.outside(), &cell).unwrap();
    refused("a link");
    fs::remove_file(&cell).unwrap();
    fs::write(&cell, "").unwrap();
    refused("a file");
    fs::remove_file(&cell).unwrap();
    fs::create_dir(&cell).unwrap();
    fs::set_permissions(&cell, fs::Permissions::from_mode(0o755)).unwrap();
    refused("open to others");
    world.assert_canary_sings();
}

#[test]
fn what_cannot_be_renamed_is_removed_where_it_stands() {
    let world = World::new();
    let path = world.file("storage/images/1/x", "x");
    let roots = world.roots();
    let (x, identity) = listed(&roots, "storage/images/1/x");
    let root = world.path("storage/images");
    let locked = Command::new("chattr").arg("+i").arg(&root).output();
    if !locked.is_ok_and(|out| out.status.success()) {
        return skip("what_cannot_be_renamed", "chattr +i is not permitted here");
    }
    let mut batch = batch(&roots);
    let taken = batch.take(1, &x, &identity);
    let unlocked = Command::new("chattr")
        .arg("-i")
        .arg(&root)
        .status()
        .unwrap();
    assert!(unlocked.success());
    assert!(matches!(taken, Taken::Removed), "{taken:?}");
    assert_settled(&batch.purge(), &[1]);
    assert!(!path.exists());
}

#[test]
fn an_immutable_file_fails_and_is_never_settled() {
    let world = World::new();
    let path = world.file("storage/images/x", "x");
    let roots = world.roots();
    let (x, identity) = listed(&roots, "storage/images/x");
    let locked = Command::new("chattr").arg("+i").arg(&path).output();
    if !locked.is_ok_and(|out| out.status.success()) {
        return skip("an_immutable_file_fails", "chattr +i is not permitted here");
    }
    let mut batch = batch(&roots);
    let taken = batch.take(1, &x, &identity);
    let report = batch.purge();
    assert!(
        Command::new("chattr")
            .arg("-i")
            .arg(&path)
            .status()
            .unwrap()
            .success()
    );
    assert!(matches!(taken, Taken::Failed(_)), "{taken:?}");
    assert!(report.settled.is_empty() && path.exists());
}

#[test]
fn a_purge_that_cannot_remove_says_so() {
    let world = World::new();
    world.file("storage/images/x", "x");
    let roots = world.roots();
    let (x, identity) = listed(&roots, "storage/images/x");
    let mut batch = batch(&roots);
    assert!(matches!(batch.take(1, &x, &identity), Taken::Quarantined));
    let held = world.path(CELL).join("1");
    fs::remove_file(&held).unwrap();
    fs::create_dir(&held).unwrap();
    let report = batch.purge();
    assert!(report.settled.is_empty());
    assert_eq!(
        report
            .failed
            .iter()
            .map(|failure| failure.id)
            .collect::<Vec<_>>(),
        [1]
    );
    assert_eq!(report.remaining.len(), 1);
}

#[test]
fn more_directories_than_descriptors_are_flushed_on_the_way() {
    let world = World::new();
    let raw = |id: i64| format!("storage/images/{id}/x");
    (0..400).for_each(|id| drop(world.file(&raw(id), "x")));
    let roots = world.roots();
    let mut batch = batch(&roots);
    for id in 0..400 {
        let (x, identity) = listed(&roots, &raw(id));
        assert!(matches!(batch.take(id, &x, &identity), Taken::Quarantined));
        assert!(batch.touched.len() <= 128);
    }
    assert_settled(&batch.purge(), &(0..400).collect::<Vec<_>>());
}

#[test]
fn leftovers_are_listed_and_only_empty_ones_removed() {
    let world = World::new();
    world.file("storage/images/x", "x");
    let roots = world.roots();
    let (x, identity) = listed(&roots, "storage/images/x");
    take_and_crash(&roots, 1, &x, &identity);
    let other = world.path("storage/files/.reset-app-r2");
    fs::create_dir(&other).unwrap();
    fs::set_permissions(&other, fs::Permissions::from_mode(0o700)).unwrap();
    world.link("storage/files/.reset-app-r3", world.outside());
    let found = leftovers(&roots).unwrap();
    let told: Vec<_> = found
        .iter()
        .map(|found| (found.run.as_str(), found.entries))
        .collect();
    assert_eq!(told, [("r1", Some(1)), ("r2", Some(0))]);
    assert!(remove_empty(&roots, &found[0], &PROOF).is_err());
    remove_empty(&roots, &found[1], &PROOF).unwrap();
    assert!(world.path(CELL).join("1").exists() && !other.exists());
    world.assert_canary_sings();
}

/// Invariant 4 against somebody who swaps a directory of the path for a link to the canary, whose
/// files look as the listed ones do.
#[test]
fn a_concurrent_swap_of_directories_for_links_reaches_nothing_outside() {
    swap_race(&[]);
}

/// The same where each step is opened by itself, as on a kernel without `openat2`.
#[test]
fn a_concurrent_swap_reaches_nothing_outside_step_by_step_either() {
    swap_race(&["storage/images/guarded"]);
}

fn swap_race(protected: &[&str]) {
    let world = World::new();
    fs::create_dir(world.path("storage/images/guarded")).unwrap();
    let roots = world.roots_with(&["storage/images", "storage/files"], protected);
    let (real, aside) = (
        world.path("storage/images/1"),
        world.path("storage/images/aside"),
    );
    fs::create_dir(&real).unwrap();
    thread::scope(|scope| {
        let swapper = scope.spawn(|| swap(&real, &aside, &world.outside()));
        attack(&world, &roots, || swapper.is_finished());
    });
    world.assert_canary_sings();
}

fn swap(real: &Path, aside: &Path, outside: &Path) {
    for _ in 0..4_000 {
        fs::rename(real, aside).unwrap();
        symlink(outside, real).unwrap();
        fs::remove_file(real).unwrap();
        fs::rename(aside, real).unwrap();
    }
}

fn attack(world: &World, roots: &Roots, over: impl Fn() -> bool) {
    let target = place(roots, "storage/images/1/canary");
    let deep = place(roots, "storage/images/1/deep/canary");
    let lookalike = canary_identity(&world.outside());
    let mut id = 0;
    while !over() {
        let mut batch = batch(roots);
        for place in [&target, &deep] {
            id += 1;
            let taken = batch.take(id, place, &lookalike);
            assert!(
                matches!(taken, Taken::Missing | Taken::Refused(_)),
                "{taken:?}"
            );
            let seen = roots.inspect(place);
            assert!(
                matches!(seen, Inspection::Missing | Inspection::Refused(_)),
                "{seen:?}"
            );
        }
        let _ = roots.walk(&place(roots, "storage/images/1"), &mut |entry| {
            assert!(!matches!(entry, Entry::File(..)), "{entry:?}");
            ControlFlow::Continue(())
        });
    }
}

/// The identity under which the canary itself would be taken.
fn canary_identity(outside: &Path) -> Identity {
    let parent = outside.parent().unwrap();
    let roots = Roots::open(parent, &["outside".into()], &[]).unwrap();
    let (_, identity) = listed(&roots, "outside/canary");
    assert_eq!(identity.kind, Kind::File);
    identity
}
