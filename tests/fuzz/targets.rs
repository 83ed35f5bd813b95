//! What is fuzzed: each function takes any bytes, and panics where something promised does not hold.
//!
//! `tests/fuzz/main.rs` calls them with some inputs in every run of the tests, `fuzz/` makes targets of
//! cargo-fuzz of them.

use std::ffi::OsStr;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use std::sync::{Mutex, OnceLock};
use std::thread::spawn;
use std::time::Duration;

use reset_app::consent::Consent;
use reset_app::keyspace::{Deadline, Scope, Server, count};
use reset_app::manifest::keys::KeyRule;
use reset_app::manifest::{Manifest, Source};
use reset_app::roots::Roots;
use reset_app::run::{App, Job};
use reset_app::target::{RedisChoice, Settings};
use reset_app::watch::Nobody;
use rusqlite::types::Value;
use rusqlite::{Connection, params};
use tempfile::TempDir;

/// A target, by the name of its corpus.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: [Target; 5] = [
    ("manifest", manifest),
    ("paths", paths),
    ("outbox", outbox),
    ("redis", redis),
    ("database", database),
];

/// Any text is a manifest, or refused.
pub fn manifest(bytes: &[u8]) {
    let _ = Manifest::parse(&String::from_utf8_lossy(bytes), Source::Builtin);
}

/// Whatever passes the gate lies in a root, and is no root (invariant 4).
pub fn paths(bytes: &[u8]) {
    static PLACE: OnceLock<(TempDir, Roots)> = OnceLock::new();
    let (directory, roots) = PLACE.get_or_init(|| {
        let directory = scratch();
        let names = ["media", "media/inner", "other"].map(PathBuf::from);
        for name in &names {
            fs::create_dir_all(directory.path().join(name)).unwrap();
        }
        let protected = [directory.path().join("media/app.db")];
        let roots = Roots::open(directory.path(), &names, &protected).unwrap();
        (directory, roots)
    });
    // `@` stands for the directory, whose name no corpus knows.
    let mut raw = Vec::new();
    for byte in bytes {
        match byte {
            b'@' => raw.extend_from_slice(directory.path().as_os_str().as_bytes()),
            byte => raw.push(*byte),
        }
    }
    let (root, rest) = raw.split_at(raw.iter().position(|byte| *byte == b'\n').unwrap_or(0));
    let restored = roots.restore(Path::new(OsStr::from_bytes(root)), rest);
    let located = [roots.locate(&raw), roots.locate_directory(&raw), restored];
    for place in located.into_iter().flatten() {
        let mut components = place.relative().components();
        let plain = components.all(|one| matches!(one, Component::Normal(_)));
        assert!(plain && place.relative() != Path::new(""), "{place:?}");
        let known = ["media", "media/inner", "other"].map(Path::new);
        assert!(known.contains(&place.root_name()), "{place:?}");
        let whole = place.root_name().join(place.relative());
        assert!(whole != Path::new("media/app.db") && whole != Path::new("media/inner"));
        let _ = roots.inspect(&place);
    }
}

/// Whatever an outbox holds, nothing outside the roots is touched, and no protected file.
///
/// The input is a list of rows, each ended by a NUL, of fields parted by newlines: run, kind, root,
/// path, identity, detail.
pub fn outbox(bytes: &[u8]) {
    let application = Application::new(&healthy());
    let database = Connection::open(application.path("app.db")).unwrap();
    database.execute_batch(OUTBOX).unwrap();
    let run = format!(
        r#"{{"run":"r1","operation":"delete-user","base":"{}","keys":"none"}}"#,
        application.root().display()
    );
    let insert = "INSERT INTO _reset_app_outbox(run, kind, position, root, path, identity, detail) \
                  VALUES (?1, ?2, 1, ?3, ?4, ?5, ?6)";
    let none: Option<&[u8]> = None;
    let first = params!["r1", "run", none, none, none, run];
    database.execute(insert, first).unwrap();
    for row in bytes.split(|byte| *byte == 0) {
        let mut fields = row.split(|byte| *byte == b'\n');
        let mut next = || fields.next().unwrap_or_default();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let blob = |bytes: &[u8]| match bytes {
            [b'#', number @ ..] => Value::Integer(i64::try_from(number.len()).unwrap()),
            bytes => Value::Blob(bytes.to_vec()),
        };
        let (run, kind) = (text(next()), text(next()));
        let (root, path) = (blob(next()), blob(next()));
        // `?` stands for what identifies the file there.
        let identity = match text(next()) {
            wanted if wanted == "?" => application.identity(&path),
            other => other,
        };
        let values = params![run, kind, root, path, identity, text(next())];
        // A row that its own table refuses is none.
        let _ = database.execute(insert, values);
    }
    drop(database);
    let app = application.app().unwrap();
    let _ = app.preview_resume();
    let _ = app.resume(&mut Nobody);
    application.assert_unharmed();
}

/// Whatever Redis answers, the count ends, with a number or an error.
pub fn redis(bytes: &[u8]) {
    static ANSWER: Mutex<Vec<u8>> = Mutex::new(Vec::new());
    static PORT: OnceLock<u16> = OnceLock::new();
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let port = PORT.get_or_init(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let answer = ANSWER.lock().unwrap().clone();
                spawn(move || {
                    // Answers first, and listens as long as somebody speaks.
                    let _ = stream.write_all(&answer);
                    let _ = stream.shutdown(std::net::Shutdown::Write);
                    let _ = stream.read_to_end(&mut Vec::new());
                });
            }
        });
        port
    });
    *ANSWER.lock().unwrap() = bytes.to_vec();
    let server = Server::from_parts("127.0.0.1", *port, 0, None);
    let allowed = Deadline::after(Duration::from_secs(20));
    let _ = count(&server, &rules(), &Scope::Application, allowed);
}

fn rules() -> Vec<KeyRule> {
    #[derive(serde::Deserialize)]
    struct Rules {
        keys: Vec<KeyRule>,
    }
    let toml =
        "keys = [{ match = 'app:session:*', user = { hash = 'user_id' }, line = 'Sessions' },
                        { match = 'app:*', line = 'Keys' }]";
    toml::from_str::<Rules>(toml).unwrap().keys
}

/// A database with any bytes changed: a preview changes nothing (invariant 6), and a deletion ends,
/// and harms nothing outside the roots.
///
/// The input is a list of changes: two bytes that say where, as a share of the file, and what is
/// written there.
pub fn database(bytes: &[u8]) {
    let mut image = healthy();
    for change in bytes.chunks_exact(4) {
        let share = usize::from(u16::from_be_bytes([change[0], change[1]]));
        let at = (share * image.len()) >> 16;
        let near = at + usize::from(change[2] & 15);
        if let Some(byte) = image.get_mut(near) {
            *byte = change[3];
        }
    }
    let application = Application::new(&image);
    let Ok(app) = application.app() else {
        return application.assert_unharmed();
    };
    let job = Job::default();
    let _ = app.preview(&job);
    assert!(
        fs::read(application.path("app.db")).unwrap() == image,
        "the preview wrote"
    );
    application.assert_unharmed();
    let _ = app.erase(&job, &mut |_| Ok(Consent::forced()), &mut Nobody);
    application.assert_unharmed();
}

/// As the outbox is declared.
const OUTBOX: &str = "CREATE TABLE _reset_app_outbox(\
id INTEGER PRIMARY KEY, run TEXT NOT NULL, kind TEXT NOT NULL, position INTEGER, \
root BLOB, path BLOB, identity TEXT, detail TEXT)";

const SCHEMA: &str = "PRAGMA page_size = 512;
    CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT UNIQUE);
    CREATE TABLE posts(id INTEGER PRIMARY KEY, u INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
        parent INTEGER REFERENCES posts ON DELETE CASCADE, picture TEXT);
    CREATE INDEX posts_u ON posts(u);
    CREATE TABLE tags(post INTEGER REFERENCES posts ON DELETE CASCADE, tag TEXT,
        PRIMARY KEY (post, tag)) WITHOUT ROWID;
    CREATE TABLE log(id INTEGER PRIMARY KEY AUTOINCREMENT, by_user INTEGER REFERENCES users ON DELETE SET NULL,
        what TEXT, length INTEGER AS (length(what)));
    CREATE TRIGGER note AFTER DELETE ON tags BEGIN INSERT INTO log(what) VALUES ('gone'); END;
    CREATE VIEW recent AS SELECT * FROM posts WHERE id > 3;
    INSERT INTO users VALUES (1, 'ann'), (2, 'ben'), (3, 'cleo');
    INSERT INTO posts VALUES (1, 1, NULL, 'media/1.jpg'), (2, 2, 1, 'media/2.jpg'), (3, 3, 2, '../canary'),
        (4, 1, NULL, 'media/link/canary'), (5, 2, NULL, 'media/app.db');
    INSERT INTO tags VALUES (1, 'a'), (1, 'b'), (2, 'a');
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40)
        INSERT INTO log(by_user, what) SELECT i % 3 + 1, hex(zeroblob(i)) FROM n;";

const MANIFEST: &str = "[application]\ndatabase = \"app.db\"\n[users]\ntable = \"users\"\nnames = [\"name\"]\n\
    [files]\nroots = [\"media\"]\ncolumns = [{ column = \"posts.picture\" }]\ndirectories = [\"media/user_{user}\"]\n";

/// The bytes of a database with which nothing is wrong.
fn healthy() -> Vec<u8> {
    static IMAGE: OnceLock<Vec<u8>> = OnceLock::new();
    let image = IMAGE.get_or_init(|| {
        let directory = scratch();
        let file = directory.path().join("app.db");
        Connection::open(&file)
            .unwrap()
            .execute_batch(SCHEMA)
            .unwrap();
        fs::read(file).unwrap()
    });
    image.clone()
}

/// An application, and what lies beside it.
struct Application {
    directory: TempDir,
}

impl Application {
    fn new(database: &[u8]) -> Self {
        let application = Self {
            directory: scratch(),
        };
        fs::create_dir_all(application.path("media/user_1")).unwrap();
        fs::create_dir(application.path("elsewhere")).unwrap();
        fs::write(application.path("app.db"), database).unwrap();
        fs::write(application.path("reset-app.toml"), MANIFEST).unwrap();
        for file in [
            "media/1.jpg",
            "media/2.jpg",
            "media/user_1/x",
            "elsewhere/file",
            "../canary",
        ] {
            fs::write(application.path(file), "must stay, or not").unwrap();
        }
        let outside = application.path("..");
        std::os::unix::fs::symlink(outside, application.path("media/link")).unwrap();
        application
    }

    fn root(&self) -> PathBuf {
        self.directory.path().join("app")
    }

    fn path(&self, name: &str) -> PathBuf {
        fs::create_dir_all(self.root()).unwrap();
        self.root().join(name)
    }

    fn app(&self) -> reset_app::error::Result<App> {
        App::open(&Settings {
            root: Some(self.root()),
            redis: RedisChoice::None,
            ..Settings::default()
        })
    }

    /// As the outbox would have it, so that only the gate stands between it and its removal.
    fn identity(&self, path: &Value) -> String {
        use std::os::unix::fs::MetadataExt;
        let Value::Blob(path) = path else {
            return String::new();
        };
        let file = self.path("media").join(OsStr::from_bytes(path));
        let Ok(found) = fs::symlink_metadata(file) else {
            return String::new();
        };
        let written = i128::from(found.mtime()) * 1_000_000_000 + i128::from(found.mtime_nsec());
        let (device, inode, size) = (found.dev(), found.ino(), found.size());
        let kind = if found.is_dir() { 'd' } else { 'f' };
        format!("{kind} {device} {inode} {size} {written} -")
    }

    fn assert_unharmed(&self) {
        for file in ["../canary", "elsewhere/file", "reset-app.toml"] {
            assert!(self.path(file).is_file(), "`{file}` is gone");
        }
        assert!(self.path("app.db").is_file() && self.path("media").is_dir());
    }
}

/// In memory, where that is possible.
fn scratch() -> TempDir {
    TempDir::new_in("/dev/shm")
        .or_else(|_| TempDir::new())
        .unwrap()
}
