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
use support::nobody;
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

/// The pictures of users 1 and 2.
fn pictures(rows: &str) -> Application {
    let sql = format!(
        "CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT);
         CREATE TABLE img(id INTEGER PRIMARY KEY, u INTEGER NOT NULL REFERENCES users ON DELETE CASCADE, path);
         INSERT INTO users VALUES (1, 'ann'), (2, 'ben');
         INSERT INTO img VALUES {rows};"
    );
    Application::new(&sql, MANIFEST)
}

/// Whichever way it leads there; a hard link is another file.
#[test]
fn a_file_stays_for_a_row_that_names_it_in_any_way() {
    let ways = [
        "media/user_1/a.jpg",
        "./media//user_1/./a.jpg",
        "ROOT/media/user_1/a.jpg",
        "media/user_1",
        "media/user_1/",
        "media/by_link/a.jpg",
        "beside/a.jpg",
        "beside/../media/user_1/a.jpg",
        "file_link.jpg",
        "media/file_link.jpg",
        "media/chain.jpg",
        "media/user_1/a_link.jpg",
        "ROOT_BY_LINK/media/user_1/a.jpg",
    ];
    for way in ways {
        for cast in ["TEXT", "BLOB"] {
            let application =
                pictures("(1, 1, 'media/user_1/a.jpg'), (2, 1, 'media/user_1/b.jpg')");
            for file in [
                "media/user_1/a.jpg",
                "media/user_1/b.jpg",
                "media/user_1/stray",
            ] {
                application.file(file);
            }
            let root = application.root.path().to_str().unwrap();
            let by_link = tempfile::tempdir().unwrap();
            let by_link = by_link.path().join("app");
            symlink(root, &by_link).unwrap();
            for (link, target) in [
                ("media/by_link", "user_1"),
                ("beside", "media/user_1"),
                ("file_link.jpg", "media/user_1/a.jpg"),
                ("media/file_link.jpg", "user_1/a.jpg"),
                ("media/chain.jpg", "file_link.jpg"),
                ("media/user_1/a_link.jpg", "a.jpg"),
            ] {
                symlink(target, application.path(link)).unwrap();
            }
            let name = way
                .replace("ROOT_BY_LINK", by_link.to_str().unwrap())
                .replace("ROOT", root);
            let sql = format!("INSERT INTO img VALUES (3, 2, CAST('{name}' AS {cast}))");
            application.database().execute_batch(&sql).unwrap();
            let whole = way.trim_end_matches('/') == "media/user_1";

            let preview = application
                .run(&["delete-user", "1", "--dry-run"])
                .expect(0);
            let outcome = application.run(&["delete-user", "1"]);
            assert!(matches!(outcome.code(), Some(0 | 3)), "{way}: {outcome}");
            assert_eq!(
                preview.line("Total Items"),
                outcome.line("Total Items"),
                "{way}: {preview}{outcome}"
            );
            let file = fs::read_to_string(application.path("media/user_1/a.jpg"));
            assert!(file.is_ok(), "{way} as {cast}: {outcome}");
            assert_eq!(
                application.has("media/user_1/b.jpg"),
                whole,
                "{way}: {outcome}"
            );
            assert_eq!(
                application.has("media/user_1/stray"),
                whole,
                "{way}: {outcome}"
            );
        }
    }
}

#[test]
fn what_is_mounted_below_a_root_is_told_and_stays() {
    let application = application();
    application.file("disk/canary");
    let mount = application.path("media/user_1/mounted");
    fs::create_dir(&mount).unwrap();
    let disk = application.path("disk");
    let Some(mounted) = Mounted::at(&mount, &disk) else {
        return;
    };
    let sql = "INSERT INTO img VALUES (99, 1, 'media/user_1/mounted/canary'), (98, 1, 'media/user_1/mounted')";
    application.database().execute_batch(sql).unwrap();
    let outcome = application.run(&["delete-user", "1"]);
    drop(mounted);
    outcome
        .expect(3)
        .says(["media/user_1/mounted: is on another mount"]);
    assert!(application.has("disk/canary") && application.has("media"));
    assert!(!application.has("media/user_1/1.jpg"));
}

/// The files of a pattern are looked for: not on another disk, which is said.
#[test]
fn what_is_mounted_where_a_file_of_a_pattern_may_stand_is_told() {
    let application = pictures("(1, 1, 'a.jpg'), (2, 2, 'b.jpg')");
    let manifest = "[application]\ndatabase = \"app.db\"\n[users]\ntable = \"users\"\n[files]\n\
        roots = [\"media\"]\ncolumns = [{ column = \"img.path\", path = \"media/*/{value}\" }]\n";
    fs::write(application.path("reset-app.toml"), manifest).unwrap();
    for file in ["disk/a.jpg", "media/x/a.jpg"] {
        application.file(file);
    }
    let mount = application.path("media/mounted");
    fs::create_dir(&mount).unwrap();
    let Some(_mounted) = Mounted::at(&mount, &application.path("disk")) else {
        return;
    };
    let outcome = application.run(&["delete-user", "1"]).expect(3);
    outcome.says(["media/mounted: is on another mount"]);
    assert!(application.has("disk/a.jpg") && !application.has("media/x/a.jpg"));
}

/// A directory that is mounted at another path, as long as it lives.
struct Mounted<'a>(&'a Path);

impl<'a> Mounted<'a> {
    fn at(path: &'a Path, directory: &Path) -> Option<Self> {
        let mut mount = Command::new("mount");
        let bound = mount.arg("--bind").arg(directory).arg(path).output();
        let bound = bound.is_ok_and(|bound| bound.status.success());
        if !bound {
            say("SKIPPED: mount --bind is not permitted here, nothing was mounted below a root");
        }
        bound.then_some(Self(path))
    }
}

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0).status();
    }
}

/// What stands in the way of a file of user 1, and how it is put away again.
struct Obstacle {
    name: &'static str,
    put: fn(&Path),
    away: fn(&Path),
}

fn chattr(flag: &str, path: &Path) {
    let done = Command::new("chattr").arg(flag).arg(path).status();
    assert!(done.unwrap().success(), "chattr {flag}");
}

const OBSTACLES: [Obstacle; 8] = [
    Obstacle {
        name: "a directory that may not be written",
        put: |file| nobody::mode(file.parent().unwrap(), 0o555),
        away: |file| nobody::mode(file.parent().unwrap(), 0o755),
    },
    Obstacle {
        name: "a directory that may not be entered",
        put: |file| nobody::mode(file.parent().unwrap(), 0o000),
        away: |file| nobody::mode(file.parent().unwrap(), 0o755),
    },
    Obstacle {
        name: "a directory that may not be listed",
        put: |file| nobody::mode(file.parent().unwrap(), 0o333),
        away: |file| nobody::mode(file.parent().unwrap(), 0o755),
    },
    Obstacle {
        name: "a directory above that may not be entered",
        put: |file| nobody::mode(file.parent().unwrap().parent().unwrap(), 0o000),
        away: |file| nobody::mode(file.parent().unwrap().parent().unwrap(), 0o755),
    },
    Obstacle {
        name: "a sticky directory with a file of somebody else's",
        put: |file| {
            nobody::mode(file.parent().unwrap(), 0o1777);
            for owned in [file, file.parent().unwrap()] {
                std::os::unix::fs::chown(owned, Some(0), Some(0)).unwrap();
            }
        },
        away: |file| nobody::mode(file.parent().unwrap(), 0o777),
    },
    Obstacle {
        name: "a directory that became a loop of links",
        put: |file| {
            let directory = file.parent().unwrap();
            fs::rename(directory, directory.with_extension("aside")).unwrap();
            symlink("album", directory).unwrap();
        },
        away: |file| {
            let directory = file.parent().unwrap();
            fs::remove_file(directory).unwrap();
            fs::rename(directory.with_extension("aside"), directory).unwrap();
        },
    },
    Obstacle {
        name: "an immutable file",
        put: |file| chattr("+i", file),
        away: |file| chattr("-i", file),
    },
    Obstacle {
        name: "a directory to which things are only added",
        put: |file| chattr("+a", file.parent().unwrap()),
        away: |file| chattr("-a", file.parent().unwrap()),
    },
];

/// As somebody whom permissions concern: what is still there is told, and nothing else of the user is.
#[test]
fn what_is_still_there_is_told_whatever_stands_in_the_way() {
    for Obstacle { name, put, away } in OBSTACLES {
        let application = pictures(
            "(1, 1, 'media/sub/album/a.jpg'), (2, 2, 'media/b.jpg'), (3, 1, 'media/c.jpg')",
        );
        for file in ["media/sub/album/a.jpg", "media/b.jpg", "media/c.jpg"] {
            application.file(file);
        }
        if !nobody::takes(application.root.path()) {
            return;
        }
        let file = application.path("media/sub/album/a.jpg");
        put(&file);
        let words = ["delete-user", "1", "--force", "--no-redis"];
        let preview = nobody::run(
            application.root.path(),
            &[&words[..], &["--dry-run"]].concat(),
        );
        let outcome = nobody::run(application.root.path(), &words);
        away(&file);
        assert!(file.exists(), "{name}: {outcome}");
        assert!(matches!(outcome.code(), Some(1 | 3)), "{name}: {outcome}");
        preview.expect(0).says(["media/sub/album/a.jpg"]);
        outcome.says(["media/sub/album/a.jpg"]);
        let rows = application.count("SELECT count(*) FROM img WHERE u = 1");
        assert_eq!(
            rows == 0,
            !application.has("media/c.jpg"),
            "{name}: half a user"
        );
        assert!(application.has("media/b.jpg"), "{name}");
        assert_eq!(
            application.count("SELECT count(*) FROM img WHERE u = 2"),
            1,
            "{name}"
        );
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
