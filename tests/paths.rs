//! Paths that somebody else changes meanwhile, and trees deeper than any path: nothing outside the
//! roots is touched (invariant 4), and what stays is told (invariant 10).

#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use rustix::fs::{Mode, OFlags, mkdirat, openat};
use support::application::Application;
use support::figures::{Share, is_soak, write_down};
use support::run::say;

const MANIFEST: &str = "[users]\ntable = \"users\"\n[files]\nroots = [\"media\"]\n\
    columns = [{ column = \"img.path\" }]\ndirectories = [\"media/user_{user}\"]\n";

/// How many files a user has in the directory that is swapped.
const FILES: usize = 40;

/// A user whose files lie in `media/user_1`, beside what bears the same names outside.
fn application() -> Application {
    let sql = format!(
        "CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT);
         CREATE TABLE img(id INTEGER PRIMARY KEY, u INTEGER NOT NULL REFERENCES users ON DELETE CASCADE, path TEXT);
         INSERT INTO users VALUES (1, 'ann');
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {FILES})
             INSERT INTO img SELECT i, 1, 'media/user_1/' || i || '.jpg' FROM n;"
    );
    let application = Application::new(&sql, MANIFEST);
    for number in 1..=FILES {
        application.file(&format!("media/user_1/{number}.jpg"));
        application.file(&format!("elsewhere/{number}.jpg"));
    }
    application
}

/// Another process swaps the user's directory for a link that leads out, over and over, while one run
/// after the other deletes what is in it.
#[test]
fn a_process_that_swaps_a_directory_for_a_link_leads_no_run_out() {
    let swaps = if is_soak() {
        Share::taken().part(20_000)
    } else {
        2_000
    };
    let started = std::time::Instant::now();
    let application = application();
    let mut swapper = Command::new(std::env::current_exe().unwrap());
    swapper.args(["--exact", "inside_swap", "--ignored"]);
    swapper.env("SWAP_IN", application.root.path());
    swapper.env("SWAPS", swaps.to_string());
    let mut swapper = swapper.spawn().unwrap();
    let mut runs = 0;
    while swapper.try_wait().unwrap().is_none() || runs == 0 {
        let outcome = application.run(&["delete-user", "1"]);
        assert!(matches!(outcome.code(), Some(0 | 1 | 3)), "{outcome}");
        runs += 1;
    }
    assert!(swapper.wait().unwrap().success());
    for number in 1..=FILES {
        assert!(
            application.has(&format!("elsewhere/{number}.jpg")),
            "{number}"
        );
    }
    application.run(&["delete-user", "1"]).expect(0);
    write_down(
        "swaps of a directory for a link",
        swaps,
        0,
        started.elapsed().as_secs_f32(),
    );
}

#[test]
#[ignore = "run by the test above"]
fn inside_swap() {
    let root = std::env::var("SWAP_IN").unwrap();
    let root = Path::new(&root);
    let (real, aside) = (root.join("media/user_1"), root.join("media/aside"));
    for _ in 0..std::env::var("SWAPS").unwrap().parse().unwrap() {
        // A run may have removed the directory, or taken the link.
        let there = fs::rename(&real, &aside).is_ok();
        let _ = symlink(root.join("elsewhere"), &real);
        let _ = fs::remove_file(&real);
        if there {
            let _ = fs::rename(&aside, &real);
        }
    }
}

/// Removed by `rm`, for which no tree is too deep.
struct Deep<'a>(&'a Path);

impl Drop for Deep<'_> {
    fn drop(&mut self) {
        let _ = Command::new("rm").arg("-rf").arg(self.0).status();
    }
}

#[test]
fn a_tree_of_ten_thousand_levels_is_kept_and_told_and_the_rest_goes() {
    if !is_soak() {
        // Each of the two thousand levels that are entered is opened from its root.
        return say(
            "SKIPPED: a tree of ten thousand levels takes half a minute, and is tried with RESET_APP_SOAK=1",
        );
    }
    let application = application();
    let top = application.path("media/user_1/deep");
    fs::create_dir(&top).unwrap();
    let _deep = Deep(&top);
    let flags = OFlags::RDONLY | OFlags::DIRECTORY;
    let mut here = rustix::fs::open(&top, flags, Mode::empty()).unwrap();
    for _ in 0..10_000 {
        mkdirat(&here, "d", Mode::RWXU).unwrap();
        here = openat(&here, "d", flags, Mode::empty()).unwrap();
    }
    openat(&here, "file", OFlags::CREATE | OFlags::WRONLY, Mode::RUSR).unwrap();
    let outcome = application.run(&["delete-user", "1"]).expect(3);
    outcome.says(["media/user_1/deep"]);
    assert!(application.has("media/user_1/deep/d"));
    assert!(!application.has("media/user_1/1.jpg"));
}
