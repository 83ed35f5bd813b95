//! What the gate lets through, what stands at a place, what a walk tells.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::io;
use std::ops::ControlFlow;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::world::{World, identity, place, skip};
use super::{Entry, Identity, Inspection, Kind, Place, Refusal, Roots, RootsError, shown};

fn refusal(roots: &Roots, raw: &[u8]) -> Refusal {
    roots.locate(raw).unwrap_err()
}

fn refused(inspection: Inspection) -> Refusal {
    match inspection {
        Inspection::Refused(refusal) => refusal,
        other => panic!("{other:?}"),
    }
}

fn trouble(inspection: Inspection) -> io::Error {
    match inspection {
        Inspection::Trouble(error) => error,
        other => panic!("{other:?}"),
    }
}

fn walked(roots: &Roots, place: &Place) -> Vec<Entry> {
    let mut entries = Vec::new();
    let end = roots.walk(place, &mut |entry| {
        entries.push(entry);
        ControlFlow::Continue(())
    });
    assert_eq!(end, ControlFlow::Continue(()));
    entries
}

/// One line an entry: what it is, its path beneath the root, why.
fn told(entries: &[Entry]) -> Vec<String> {
    let line = |entry: &Entry| match entry {
        Entry::File(place, identity) => {
            format!("{:?} {}", identity.kind, place.relative().display())
        }
        Entry::Directory(place, _) => format!("Directory {}", place.relative().display()),
        Entry::Refused(place, why) => format!("Refused {} {why}", place.relative().display()),
        Entry::Trouble(place, why) => format!("Trouble {} {why}", place.relative().display()),
    };
    entries.iter().map(line).collect()
}

#[test]
fn hostile_paths_are_refused_before_the_file_system_is_asked() {
    let world = World::new();
    let roots = world.roots_with(&["storage/images", "storage", "storage/gone"], &[".env"]);
    let long = [b"storage/".as_slice(), &[b'a'; 256]].concat();
    let deep = b"storage/"
        .iter()
        .chain(b"d/".repeat(200).iter())
        .chain(b"f")
        .copied()
        .collect();
    let base = world.base().display().to_string().into_bytes();
    let absolute = |rest: &str| [&base, rest.as_bytes()].concat();
    let cases: Vec<(Vec<u8>, Refusal)> = vec![
        (b"".into(), Refusal::Empty),
        (b".".into(), Refusal::Current),
        (b"./".into(), Refusal::Current),
        (b"storage/a\0b".into(), Refusal::Nul),
        (b"..".into(), Refusal::DotDot),
        (b"../".into(), Refusal::DotDot),
        (b"storage/../../etc/passwd".into(), Refusal::DotDot),
        (b"storage/images/..".into(), Refusal::DotDot),
        (b"storage/a/".into(), Refusal::TrailingSlash),
        (b"storage/a/.".into(), Refusal::TrailingSlash),
        (b"storage/images/".into(), Refusal::TrailingSlash),
        (b"/".into(), Refusal::TrailingSlash),
        (b"//".into(), Refusal::TrailingSlash),
        (long, Refusal::LongName),
        (deep, Refusal::TooDeep),
        (b"/etc/passwd".into(), Refusal::Outside),
        (b"etc/passwd".into(), Refusal::Outside),
        (b"storages/x".into(), Refusal::Outside),
        (b".env".into(), Refusal::Outside),
        (b"storage".into(), Refusal::HoldsRoot),
        (b"storage/gone".into(), Refusal::IsRoot),
        (b"storage/./images".into(), Refusal::IsRoot),
        (absolute("/storage/images"), Refusal::IsRoot),
        (absolute(""), Refusal::HoldsRoot),
        (b"/tmp/..".into(), Refusal::DotDot),
        (b"storage/.reset-app-1/7".into(), Refusal::Reserved),
        (b"storage/images/.Reset-App-1".into(), Refusal::Reserved),
    ];
    for (raw, expected) in cases {
        assert_eq!(refusal(&roots, &raw), expected, "{}", raw.escape_ascii());
    }
    world.assert_canary_sings();
}

#[test]
fn spellings_of_one_path_are_one_place() {
    let world = World::new();
    let roots = world.roots();
    let plain = place(&roots, "storage/images/a/b");
    let absolute = format!("{}/storage/images/a/b", world.base().display());
    for raw in [
        "./storage//images/./a/b",
        &absolute,
        &absolute.replace("/a", "//./a"),
    ] {
        assert_eq!(place(&roots, raw), plain, "{raw}");
    }
    assert_eq!(
        roots.locate_directory(b"storage/images/a/b//").unwrap(),
        plain
    );
    assert_eq!(plain.to_string(), "storage/images/a/b");
}

#[test]
fn the_innermost_of_nested_roots_holds_a_place() {
    let world = World::new();
    let roots = world.roots_with(&["storage", "storage/images"], &[]);
    let inner = place(&roots, "storage/images/x");
    assert_eq!(
        (inner.root_name(), inner.relative()),
        (Path::new("storage/images"), Path::new("x"))
    );
    assert_eq!(
        roots.restore(Path::new("storage"), b"images/x").unwrap(),
        inner
    );
}

#[test]
fn a_root_that_is_a_link_is_followed_and_known_by_both_names() {
    let world = World::new();
    world.link("uploads", "storage/files");
    world.file("storage/files/x", "x");
    let roots = world.roots_with(&["uploads"], &[]);
    let linked = place(&roots, "uploads/x");
    let resolved = format!("{}/storage/files/x", world.base().display());
    assert_eq!(place(&roots, &resolved), linked);
    assert!(matches!(roots.inspect(&linked), Inspection::File(_)));
}

#[test]
fn planted_outbox_rows_pass_the_same_gate() {
    let world = World::new();
    let roots = world.roots_with(&["storage/images"], &["storage/images/app.db"]);
    let root = Path::new("storage/images");
    for raw in [
        "",
        ".",
        "..",
        "a/../../x",
        "/etc/passwd",
        "x/",
        "a\0",
        ".reset-app-9/1",
        "app.db",
    ] {
        assert!(roots.restore(root, raw.as_bytes()).is_err(), "{raw}");
    }
    for root in ["/", "", "..", "storage", "/etc"] {
        let planted = roots.restore(Path::new(root), b"passwd");
        assert!(matches!(planted, Err(Refusal::UnknownRoot(_))), "{root}");
    }
    let deep = "d/".repeat(1_500) + "f";
    assert_eq!(
        roots.restore(root, deep.as_bytes()).unwrap().relative(),
        Path::new(&deep)
    );
}

#[test]
fn protected_files_are_refused_by_path_by_hard_link_and_beneath_a_directory() {
    let world = World::new();
    for name in ["app.db", ".env", "snapshots/one/app.db", "alias-target"] {
        world.file(&format!("storage/images/{name}"), name);
    }
    world.link("storage/images/alias", "alias-target");
    fs::hard_link(
        world.path("storage/images/app.db"),
        world.path("storage/images/u1.png"),
    )
    .unwrap();
    let inside = |name: &str| format!("storage/images/{name}");
    let protected = ["app.db", "app.db-wal", ".env", "snapshots", "alias"].map(inside);
    let protected = protected.each_ref().map(String::as_str);
    let roots = world.roots_with(&["storage/images"], &protected);
    for name in [
        "app.db",
        "app.db-wal",
        ".env",
        "snapshots",
        "snapshots/one/app.db",
        "alias-target",
        "alias",
    ] {
        let raw = inside(name);
        assert!(
            matches!(refusal(&roots, raw.as_bytes()), Refusal::Protected(_)),
            "{raw}"
        );
    }
    let hard_link = place(&roots, "storage/images/u1.png");
    assert!(matches!(
        refused(roots.inspect(&hard_link)),
        Refusal::Protected(_)
    ));
}

#[test]
fn a_walk_does_not_tell_protected_files_as_files() {
    let world = World::new();
    world.file("storage/images/1/app.db", "database");
    world.file("storage/images/1/keep/snapshot", "snapshot");
    world.file("storage/images/1/own", "own");
    let roots = world.roots_with(
        &["storage/images"],
        &["storage/images/1/app.db", "storage/images/1/keep"],
    );
    let lines = told(&walked(&roots, &place(&roots, "storage/images/1")));
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert!(lines[0].starts_with("Refused 1/app.db is or lies beneath the protected"));
    assert!(lines[1].starts_with("Refused 1/keep is or lies beneath the protected"));
    assert_eq!(lines[2..], ["File 1/own", "Directory 1"]);
}

#[test]
fn symbolic_links_are_refused_as_leaf_and_as_parent() {
    let world = World::new();
    world.link("storage/images/leaf", world.outside().join("canary"));
    world.link("storage/images/parent", world.outside());
    world.link("storage/images/dangling", "nowhere");
    world.file("storage/images/2/album/of-another-user", "");
    world.link("storage/images/inner", "2");
    let roots = world.roots();
    for (raw, link) in [
        ("storage/images/inner/album/of-another-user", "inner"),
        ("storage/images/leaf", "leaf"),
        ("storage/images/parent/canary", "parent"),
        ("storage/images/parent/deep/canary", "parent"),
        ("storage/images/dangling", "dangling"),
        ("storage/images/dangling/x", "dangling"),
    ] {
        let found = refused(roots.inspect(&place(&roots, raw)));
        assert_eq!(found, Refusal::Symlink(link.into()), "{raw}");
    }
    world.assert_canary_sings();
}

#[test]
fn the_slow_way_refuses_what_the_kernel_refuses() {
    let world = World::new();
    world.file("storage/images/a/b/c", "c");
    world.link("storage/images/parent", world.outside());
    let mut roots = world.roots();
    for wary in [false, true] {
        roots.known[0].wary = wary;
        assert!(matches!(
            roots.inspect(&place(&roots, "storage/images/a/b/c")),
            Inspection::File(_)
        ));
        assert!(matches!(
            roots.inspect(&place(&roots, "storage/images/a/x/c")),
            Inspection::Missing
        ));
        assert!(matches!(
            roots.inspect(&place(&roots, "storage/images/a/b/c/d")),
            Inspection::Missing
        ));
        let linked = roots.inspect(&place(&roots, "storage/images/parent/deep/canary"));
        assert_eq!(refused(linked), Refusal::Symlink("parent".into()));
    }
}

#[test]
fn a_missing_root_makes_its_paths_missing() {
    let world = World::new();
    let roots = world.roots_with(&["storage/gone", "storage/files"], &[]);
    assert_eq!(
        roots.missing().collect::<Vec<_>>(),
        [Path::new("storage/gone")]
    );
    let lost = place(&roots, "storage/gone/x");
    assert!(matches!(roots.inspect(&lost), Inspection::Missing));
    assert!(walked(&roots, &lost).is_empty());
}

#[test]
fn the_whole_file_system_is_no_root_nor_is_a_file() {
    let world = World::new();
    world.file("storage/file", "");
    for name in ["/", "storage/file"] {
        assert!(
            Roots::open(&world.base(), &[name.into()], &[]).is_err(),
            "{name}"
        );
    }
}

#[test]
fn a_name_that_is_not_utf_8_is_found_and_shown() {
    use std::os::unix::ffi::OsStrExt;
    let world = World::new();
    let raw = b"storage/images/\xff\x1b[2J\xe2\x80\xae.png";
    fs::write(world.base().join(std::ffi::OsStr::from_bytes(raw)), "x").unwrap();
    let roots = world.roots();
    let found = roots.locate(raw).unwrap();
    assert!(matches!(roots.inspect(&found), Inspection::File(_)));
    assert_eq!(
        found.to_string(),
        "storage/images/\u{fffd}\\u{1b}[2J\\u{202e}.png"
    );
    assert_eq!(shown(Path::new("a\nb")), "a\\nb");
}

#[test]
fn a_walk_tells_links_fifos_and_hidden_files_and_each_directory_last() {
    let world = World::new();
    world.file("storage/images/1/a/deep", "deep");
    world.file("storage/images/1/.hidden", "hidden");
    fs::create_dir(world.path("storage/images/1/empty")).unwrap();
    world.link("storage/images/1/dangling", "nowhere");
    world.link("storage/images/1/out", world.outside());
    world.fifo("storage/images/1/fifo");
    let roots = world.roots();
    let lines = told(&walked(&roots, &place(&roots, "storage/images/1")));
    assert_eq!(
        lines,
        [
            "File 1/.hidden",
            "Symlink 1/dangling",
            "Other 1/fifo",
            "Symlink 1/out",
            "File 1/a/deep",
            "Directory 1/a",
            "Directory 1/empty",
            "Directory 1",
        ]
    );
    world.assert_canary_sings();
}

#[test]
fn a_sink_can_end_a_walk() {
    let world = World::new();
    world.file("storage/images/1/a", "");
    world.file("storage/images/1/b", "");
    let roots = world.roots();
    let mut seen = 0;
    let end = roots.walk(&place(&roots, "storage/images/1"), &mut |_| {
        seen += 1;
        ControlFlow::Break(())
    });
    assert_eq!((seen, end), (1, ControlFlow::Break(())));
}

#[test]
fn a_tree_of_a_thousand_levels_is_walked_deepest_first() {
    let world = World::new();
    let deepest = format!("storage/images/{}f", "d/".repeat(1_000));
    world.file(&deepest, "x");
    let roots = world.roots();
    let entries = walked(&roots, &place(&roots, "storage/images/d"));
    assert_eq!(entries.len(), 1_001);
    let Entry::File(bottom, identity) = &entries[0] else {
        panic!("{:?}", entries[0])
    };
    assert_eq!(bottom.relative().iter().count(), 1_001);
    let relative = bottom.relative().to_string_lossy().into_owned();
    assert_eq!(
        &roots
            .restore(bottom.root_name(), relative.as_bytes())
            .unwrap(),
        bottom
    );
    assert_eq!(identity.size, 1);
    assert!(
        matches!(&entries[1_000], Entry::Directory(top, _) if top.relative() == Path::new("d"))
    );
}

#[test]
fn an_identity_survives_its_text_and_tells_changes() {
    let world = World::new();
    let path = world.file("storage/images/x", "one");
    let roots = world.roots();
    let x = place(&roots, "storage/images/x");
    let listed = identity(&roots, &x);
    assert_eq!(listed.to_string().parse::<Identity>().unwrap(), listed);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    assert!(
        listed.is_still(&identity(&roots, &x)),
        "the change time must not count"
    );
    for text in [
        "",
        "f",
        "f 1 2 3 4",
        "x 1 2 3 4 -",
        "f 1 2 3 4 - ",
        "f 1 -2 3 4 -",
        "f 1 2 3 4 5 6",
    ] {
        assert!(text.parse::<Identity>().is_err(), "{text}");
    }
    let without = |change: fn(&mut Identity)| {
        let mut other = listed.clone();
        change(&mut other);
        listed.is_still(&other)
    };
    assert!(!without(|other| other.ino += 1));
    assert!(!without(|other| other.size += 1));
    assert!(!without(|other| other.mtime_ns += 1));
    assert!(!without(|other| other.kind = Kind::Symlink));
    assert!(!without(
        |other| (other.birth_ns, other.dev) = (None, other.dev + 1)
    ));
}

#[test]
fn a_directory_that_nobody_may_write_is_trouble_and_not_a_refusal() {
    if rustix::process::geteuid().is_root() {
        return skip(
            "a_directory_that_nobody_may_write",
            "root may write every directory",
        );
    }
    let world = World::new();
    let file = world.file("storage/images/1/x", "x");
    let parent = file.parent().unwrap().to_owned();
    fs::set_permissions(&parent, fs::Permissions::from_mode(0o555)).unwrap();
    let roots = world.roots();
    let of_file = trouble(roots.inspect(&place(&roots, "storage/images/1/x")));
    let walk = told(&walked(&roots, &place(&roots, "storage/images/1")));
    fs::set_permissions(&parent, fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(of_file.kind(), io::ErrorKind::PermissionDenied);
    assert!(
        walk.len() == 1 && walk[0].starts_with("Trouble 1 "),
        "{walk:?}"
    );
}

#[test]
fn an_immutable_file_is_trouble() {
    let world = World::new();
    let file = world.file("storage/images/1/x", "x");
    let flag = |flag: &str, path: &Path| {
        Command::new("chattr")
            .arg(flag)
            .arg(path)
            .output()
            .is_ok_and(|out| out.status.success())
    };
    if !flag("+i", &file) {
        return skip(
            "an_immutable_file_is_trouble",
            "chattr +i is not permitted here",
        );
    }
    let roots = world.roots();
    let of_file = roots.inspect(&place(&roots, "storage/images/1/x"));
    let walk = told(&walked(&roots, &place(&roots, "storage/images/1")));
    let parent = file.parent().unwrap();
    let moved = flag("-i", &file) && flag("+a", parent);
    let of_parent = roots.inspect(&place(&roots, "storage/images/1/x"));
    assert!(moved && flag("-a", parent));
    assert_eq!(
        trouble(of_file).to_string(),
        "it is immutable or append-only"
    );
    assert_eq!(
        walk,
        ["Trouble 1/x it is immutable or append-only", "Directory 1"]
    );
    assert!(
        trouble(of_parent)
            .to_string()
            .starts_with("the directory that holds it is immutable")
    );
}

#[test]
fn one_directory_mounted_twice_is_not_two_roots() {
    let world = World::new();
    let [one, other] = ["storage/images", "storage/files"].map(|root| world.path(root));
    let mut mount = Command::new("mount");
    let bound = mount.arg("--bind").arg(&one).arg(&other).output();
    if !bound.is_ok_and(|out| out.status.success()) {
        return skip(
            "one_directory_mounted_twice",
            "mount --bind is not permitted here",
        );
    }
    let names = ["storage/images", "storage/files"].map(PathBuf::from);
    let opened = Roots::open(&world.base(), &names, &[]);
    assert!(
        Command::new("umount")
            .arg(&other)
            .status()
            .unwrap()
            .success()
    );
    assert!(
        matches!(opened, Err(RootsError::Alias { .. })),
        "{opened:?}"
    );
}

#[test]
fn a_mount_point_is_refused_and_not_entered() {
    let world = World::new();
    fs::create_dir_all(world.path("storage/images/1/mounted")).unwrap();
    let mount = world.path("storage/images/1/mounted");
    let bound = Command::new("mount")
        .arg("--bind")
        .arg(world.outside())
        .arg(&mount)
        .output();
    if !bound.is_ok_and(|out| out.status.success()) {
        return skip(
            "a_mount_point_is_refused",
            "mount --bind is not permitted here",
        );
    }
    let mut roots = world.roots();
    let mut found = Vec::new();
    for wary in [false, true] {
        roots.known[0].wary = wary;
        found.push(told(&walked(&roots, &place(&roots, "storage/images/1"))));
        for raw in [
            "storage/images/1/mounted",
            "storage/images/1/mounted/canary",
        ] {
            found.push(vec![format!("{:?}", roots.inspect(&place(&roots, raw)))]);
        }
    }
    assert!(
        Command::new("umount")
            .arg(&mount)
            .status()
            .unwrap()
            .success()
    );
    for half in found.chunks(3) {
        let why = "is on another mount, which begins at `1/mounted`";
        assert_eq!(
            half[0],
            [format!("Refused 1/mounted {why}"), "Directory 1".into()]
        );
        assert!(
            half[1..]
                .iter()
                .all(|text| text[0] == "Refused(OtherMount(\"1/mounted\"))"),
            "{half:?}"
        );
    }
    world.assert_canary_sings();
}

#[test]
fn a_walk_past_known_files_still_tells_directories_and_links_of_such_names() {
    let world = World::new();
    world.file("storage/images/1/known", "k");
    world.file("storage/images/1/new", "n");
    world.file("storage/images/1/directory/known", "k");
    std::os::unix::fs::symlink("new", world.path("storage/images/1/link")).unwrap();
    let roots = world.roots();
    let mut entries = Vec::new();
    let is_known = |place: &Place| {
        let name = place.relative().file_name().unwrap_or_default();
        ["known", "directory", "link"]
            .iter()
            .any(|known| name == *known)
    };
    let end = roots.walk_past(
        &place(&roots, "storage/images/1"),
        &is_known,
        &mut |entry| {
            entries.push(entry);
            ControlFlow::Continue(())
        },
    );
    assert_eq!(end, ControlFlow::Continue(()));
    assert_eq!(
        told(&entries),
        [
            "Symlink 1/link",
            "File 1/new",
            "Directory 1/directory",
            "Directory 1"
        ]
    );
}
