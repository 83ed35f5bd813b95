use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::key::{Key, beside, unfinished};
use super::*;
use crate::manifest::Manifest;
use crate::target::{FilesChoice, NoServer, Target};
use crate::user::{Mark, Person, UserKey};

/// An application whose trail is in its usual place.
struct App {
    _directory: TempDir,
    target: Target,
}

impl App {
    fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let root = directory.path().canonicalize().unwrap();
        let target = Target {
            manifest: Manifest::builtin().unwrap(),
            database: root.join("app.db"),
            database_source: "a test",
            redis: Err(NoServer::LeftOut),
            files: FilesChoice::Remove,
            audit: Some(root.join(".reset-app/audit.jsonl")),
            production: None,
            root,
        };
        Self {
            _directory: directory,
            target,
        }
    }

    fn path(&self) -> PathBuf {
        self.target.audit.clone().unwrap()
    }

    fn open(&self) -> Trail {
        Trail::open(&self.target, &["run".into()]).unwrap()
    }

    fn text(&self) -> String {
        fs::read_to_string(self.path()).unwrap()
    }

    fn write(&self, text: &str) {
        fs::create_dir_all(self.path().parent().unwrap()).unwrap();
        fs::write(self.path(), text).unwrap();
    }

    fn look(&self) -> Seen {
        look(&self.target).unwrap().unwrap()
    }

    fn chain(&self) -> Chain {
        self.look().chain
    }
}

fn line(id: &str) -> (String, Value) {
    let line = json!({"time": "2026-01-01T00:00:00Z", "run": "run", "operation": "delete-user"});
    (id.into(), line)
}

const INTACT: Chain = Chain::Intact { unchained: 0 };

const OLD: &str = concat!(
    "{\"id\":\"old/2\",\"operation\":\"delete-user\",\"time\":\"2025-01-01T00:00:00Z\",\"user\":\"7\"}\n",
    "{\"finished\":true,\"id\":\"old\",\"operation\":\"delete-user\",\"time\":\"2025-01-01T00:00:00Z\"}\n",
);

#[test]
fn each_line_carries_the_hash_of_the_one_before() {
    let app = App::new();
    app.open().append([line("run/1"), line("run/2")]).unwrap();
    app.open().append([line("run/3")]).unwrap();
    let text = app.text();
    let mut previous = "0".repeat(64);
    for line in text.split_inclusive('\n') {
        assert!(line.starts_with("{\"time\":\"2026"), "{line}");
        let object: Value = serde_json::from_str(line).unwrap();
        assert_eq!(object["previous"], *previous);
        previous = key::sha256(line.as_bytes());
    }
    let seen = app.look();
    let end = Position {
        lines: 3,
        hash: previous,
    };
    assert_eq!((seen.position, seen.chain), (end, INTACT));
    assert_eq!(seen.last.unwrap(), "2026-01-01T00:00:00Z");
}

#[test]
fn a_line_is_written_once() {
    let app = App::new();
    app.open().append([line("run/1")]).unwrap();
    app.open().append([line("run/1"), line("run/2")]).unwrap();
    assert_eq!(app.text().lines().count(), 2);
    assert_eq!(app.chain(), INTACT);
}

#[test]
fn a_torn_tail_is_trimmed_and_the_chain_goes_on() {
    let app = App::new();
    app.open().append([line("run/1"), line("run/2")]).unwrap();
    let whole = app.text();
    for cut in (1..whole.len()).step_by(5) {
        app.write(&whole[..cut]);
        app.open().append([line("run/1"), line("run/2")]).unwrap();
        assert_eq!(app.text(), whole, "cut at {cut}");
    }
}

#[test]
fn two_trails_open_at_once_make_one_chain() {
    let app = App::new();
    let (mut one, mut other) = (app.open(), app.open());
    for at in 0..4 {
        one.append([line(&format!("run/{at}"))]).unwrap();
        other.append([line(&format!("other/{at}"))]).unwrap();
    }
    other.append([line("run/0")]).unwrap();
    assert_eq!((app.look().position.lines, app.chain()), (8, INTACT));
}

#[test]
fn lines_of_an_earlier_version_come_before_the_chain() {
    let app = App::new();
    app.write(OLD);
    assert_eq!(app.chain(), Chain::Intact { unchained: 2 });
    app.open().append([line("run/1")]).unwrap();
    assert_eq!(app.chain(), Chain::Intact { unchained: 2 });
    app.write(&app.text().replace("\"7\"", "\"8\""));
    assert_eq!(
        app.chain(),
        Chain::Intact { unchained: 2 },
        "nothing chains them"
    );
    app.write(&app.text().replace("true", "null"));
    assert_eq!(app.chain(), Chain::Broken { line: 3 }, "but the last");
    app.write(&format!("{}{OLD}", app.text().replace("null", "true")));
    assert_eq!(app.chain(), Chain::Broken { line: 4 });
}

#[test]
fn a_line_changed_removed_or_put_in_is_noticed_and_written_after() {
    let app = App::new();
    app.open()
        .append((1..=4).map(|at| line(&format!("run/{at}"))))
        .unwrap();
    let text = app.text();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let changed = lines[1].replace("delete-user", "delete-uses");
    let cases = [
        (vec![lines[0], &changed, lines[2]], 3),
        (vec![lines[0], lines[2], lines[3]], 2),
        (vec![lines[1], lines[2]], 1),
        (vec![lines[0], lines[0], lines[1]], 2),
        (vec![lines[0], "what is this\n", lines[1]], 2),
    ];
    for (lines, at) in cases {
        app.write(&lines.concat());
        assert_eq!(app.chain(), Chain::Broken { line: at }, "{lines:?}");
        let mut trail = app.open();
        assert!(trail.warnings()[0].contains(&format!("line {at} ")));
        trail.append([line("run/9")]).unwrap();
        assert!(app.text().contains("run/9"));
        assert_eq!(app.chain(), Chain::Broken { line: at });
    }
}

#[test]
fn a_line_longer_than_any_of_ours_is_followed_and_no_line() {
    let app = App::new();
    app.open().append([line("run/1")]).unwrap();
    app.write(&format!("{}{}\n", app.text(), "x".repeat(3 << 20)));
    assert_eq!(app.chain(), Chain::Broken { line: 2 });
}

#[test]
fn a_file_that_is_no_trail_is_left_alone() {
    for text in [
        "127.0.0.1 localhost\n",
        "no newline",
        "{\"a\":1}\n",
        "{\"a\":1}",
        "\n",
        "[]\n",
    ] {
        let app = App::new();
        app.write(text);
        let error = Trail::open(&app.target, &[]).unwrap_err().to_string();
        assert!(error.contains("is no audit trail"), "{text}: {error}");
        assert_eq!(app.text(), text);
        assert!(look(&app.target).is_err());
        assert!(!beside(&app.path()).exists());
    }
}

#[test]
fn a_trail_behind_a_link_is_refused() {
    let app = App::new();
    app.write("");
    fs::remove_file(app.path()).unwrap();
    symlink("/dev/null", app.path()).unwrap();
    assert!(Trail::open(&app.target, &[]).is_err());
    fs::remove_file(app.path()).unwrap();
    symlink("/dev/null", beside(&app.path())).unwrap();
    assert!(Trail::open(&app.target, &[]).is_err());
}

#[test]
fn without_a_trail_nothing_is_written() {
    let mut app = App::new();
    app.target.audit = None;
    let mut trail = app.open();
    trail.append([line("run/1")]).unwrap();
    assert!(trail.key().is_none() && look(&app.target).unwrap().is_none());
    assert_eq!(fs::read_dir(&app.target.root).unwrap().count(), 0);
}

#[test]
fn a_look_writes_nothing() {
    let app = App::new();
    assert_eq!(app.look().position, Position::default());
    assert_eq!(app.look().key, KeyState::Missing);
    assert_eq!(fs::read_dir(&app.target.root).unwrap().count(), 0);
}

#[test]
fn the_key_is_its_owners_and_stays() {
    let app = App::new();
    let id = app.open().key().unwrap().id();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&beside(&app.path())), 0o600);
    assert_eq!(mode(&app.path()), 0o600);
    assert_eq!(app.open().key().unwrap().id(), id);
    assert_ne!(App::new().open().key().unwrap().id(), id);
    fs::set_permissions(beside(&app.path()), fs::Permissions::from_mode(0o640)).unwrap();
    assert_eq!(app.look().key, KeyState::OpenToOthers);
}

#[test]
fn a_key_that_a_crash_left_half_written_becomes_whole() {
    let app = App::new();
    app.write("");
    fs::write(unfinished(&app.path()), "00ff").unwrap();
    app.open();
    assert!(!unfinished(&app.path()).exists());
    assert!(Key::read(&beside(&app.path())).unwrap().is_some());
}

#[test]
fn what_is_no_key_is_refused_and_left() {
    let app = App::new();
    app.write("");
    for text in [
        "",
        "secret\n",
        &"0".repeat(63),
        &"0".repeat(65),
        &"é".repeat(32),
    ] {
        fs::write(beside(&app.path()), text).unwrap();
        let error = Trail::open(&app.target, &[]).unwrap_err().to_string();
        assert!(
            error.contains("64 hexadecimal digits") || error.contains("UTF-8"),
            "{error}"
        );
        assert_eq!(fs::read_to_string(beside(&app.path())).unwrap(), text);
    }
}

fn person(key: UserKey, mark: Mark) -> Person {
    Person { key, mark }
}

/// The parts, each led by its length, under
/// `openssl dgst -sha256 -mac HMAC -macopt hexkey:0001…1f`.
#[test]
fn a_user_is_named_by_hmac_sha256() {
    let app = App::new();
    app.write("");
    let bytes: Vec<u8> = (0..32).collect();
    let text = key::hexadecimal(&bytes);
    fs::write(beside(&app.path()), text).unwrap();
    let trail = app.open();
    let name = trail
        .key()
        .unwrap()
        .name(&person(UserKey::Integer(7), Mark::None));
    assert_eq!(
        name,
        "hmac-sha256:41cb72c85c2f1e303f027dc86cbbefeb0e5aa6f7cba4c3101748f1058bd8c0db"
    );
}

#[test]
fn whoever_got_an_old_key_is_somebody_else() {
    let app = App::new();
    let trail = app.open();
    let name = |key, mark| trail.key().unwrap().name(&person(key, mark));
    let created = |time: &str| Mark::Created(time.into());
    let names = [
        name(UserKey::Integer(7), created("2020")),
        name(UserKey::Integer(7), created("2021")),
        name(UserKey::Integer(8), created("2020")),
        name(UserKey::Text(b"7".to_vec()), created("2020")),
        name(UserKey::Integer(7), Mark::Name("2020".into())),
        name(UserKey::Integer(7), Mark::None),
        name(UserKey::Integer(72), created("020")),
    ];
    let different: std::collections::BTreeSet<&String> = names.iter().collect();
    assert_eq!(different.len(), names.len());
    assert_eq!(names[0], name(UserKey::Integer(7), created("2020")));
}

#[test]
fn a_position_is_read_as_it_is_written() {
    let position = Position {
        lines: 17,
        hash: key::sha256(b"x"),
    };
    let since: Since = position.to_string().parse().unwrap();
    assert_eq!(since, Since::from(position));
    assert_eq!("17".parse::<Since>().unwrap().to_string(), "17");
    for wrong in ["", "x", "17:", "17:abc", "-1", "17:zz", ":"] {
        assert!(wrong.parse::<Since>().is_err(), "{wrong}");
    }
}
