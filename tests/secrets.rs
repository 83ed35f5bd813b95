//! `generate-secrets`, run as a process: what it writes, keeps, refuses and never shows.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use reset_app::manifest::environment::ALPHABET;
use support::install::Fixture;
use support::run::{Invocation, Outcome, has_tool, is_root, reset_app, say};
use support::strace::{CHANGING, counts, hindered, strace};
use tempfile::TempDir;

const SECRETS: [&str; 4] = [
    "FLASK_SECRET_KEY",
    "PLATFORM_ENCRYPTION_KEY",
    "AUTH_ADMIN_PASSWORD",
    "REDIS_PASSWORD",
];

/// A root without a database: nothing but what the command may look at.
struct Root(TempDir);

impl Root {
    fn empty() -> Self {
        Self(TempDir::new().unwrap())
    }

    /// With the template of the example install.
    fn with_template() -> Self {
        let root = Self::empty();
        root.write(".env.example", &template());
        root
    }

    fn with_old(text: &str) -> Self {
        let root = Self::with_template();
        root.write(".env", text);
        root
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn at(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.at(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.at(name)).unwrap()
    }

    fn mode(&self, name: &str) -> u32 {
        fs::metadata(self.at(name)).unwrap().permissions().mode() & 0o7777
    }

    /// The names in it, the template aside.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.filter(|name| name != ".env.example").collect();
        names.sort();
        names
    }

    /// The variables of `.env`, as programs read them.
    fn variables(&self) -> BTreeMap<String, String> {
        let read = dotenvy::from_path_iter(self.at(".env")).unwrap();
        read.collect::<Result<_, _>>().unwrap()
    }

    fn generate(&self, options: &[&str]) -> Invocation {
        reset_app()
            .root(self.path())
            .args(["--generate-secrets"])
            .args(options)
    }
}

fn template() -> String {
    fs::read_to_string(Fixture::named("example").root().join(".env.example")).unwrap()
}

#[track_caller]
fn assert_shows_none(outcome: &Outcome, variables: &BTreeMap<String, String>) {
    for name in SECRETS {
        let value = &variables[name];
        let shown = outcome.stdout.contains(value) || outcome.stderr.contains(value);
        assert!(!shown, "{name} is shown:\n{outcome}");
    }
}

#[test]
fn a_template_is_filled_in_and_stays_byte_for_byte() {
    let root = Root::with_template();
    root.generate(&[]).run().expect(0);
    let variables = root.variables();
    let mut expected = template();
    for name in SECRETS {
        let placeholder = format!("{name}=change-me\n");
        assert!(expected.contains(&placeholder));
        expected = expected.replace(&placeholder, &format!("{name}={}\n", variables[name]));
    }
    assert_eq!(root.read(".env"), expected);
    assert_eq!(root.read(".env.example"), template());
    assert_eq!(root.mode(".env"), 0o600);
    assert_eq!(root.names(), [".env"]);
}

#[test]
fn without_a_template_the_list_is_written() {
    let root = Root::empty();
    root.generate(&[]).run().expect(0);
    let variables = root.variables();
    assert_eq!(variables.len(), 11);
    let bytes = |name: &str| URL_SAFE_NO_PAD.decode(&variables[name]).unwrap().len();
    assert_eq!(bytes("FLASK_SECRET_KEY"), 32);
    assert_eq!(bytes("REDIS_PASSWORD"), 16);
    let key = &variables["PLATFORM_ENCRYPTION_KEY"];
    assert_eq!(URL_SAFE.decode(key).unwrap().len(), 32);
    assert!(key.ends_with('=') && key.len() == 44);
    let password = &variables["AUTH_ADMIN_PASSWORD"];
    assert_eq!(password.len(), 24);
    assert!(password.chars().all(|c| ALPHABET.contains(c)));
    assert_eq!(variables["AUTH_ADMIN_USERNAME"], "admin");
    let redis = format!("redis://:{}@localhost:6379/0", variables["REDIS_PASSWORD"]);
    assert_eq!(variables["REDIS_URL"], redis);
    assert_eq!(variables["SECURITY_CSRF_ENABLED"], "true");
}

#[test]
fn a_shell_reads_what_is_written() {
    let root = Root::empty();
    root.generate(&[]).run().expect(0);
    let script = format!(
        "set -u; . {}/.env; printf %s \"$AUTH_ADMIN_PASSWORD|$REDIS_URL\"",
        root.path().display()
    );
    let output = std::process::Command::new("sh")
        .args(["-c", &script])
        .output()
        .unwrap();
    let variables = root.variables();
    let expected = format!(
        "{}|{}",
        variables["AUTH_ADMIN_PASSWORD"], variables["REDIS_URL"]
    );
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
}

#[test]
fn settings_of_the_template_stay_and_what_is_made_of_secrets_does_not() {
    let root = Root::empty();
    root.write(
        ".env.example",
        "DATABASE_URL=sqlite:///other.db # ours\nREDIS_URL=redis://:change-me@redis/1\n\
         SECURITY_CSRF_ENABLED=false\nSECURITY_RATE_LIMITING_ENABLED=\n# REDIS_PASSWORD=\n",
    );
    root.generate(&[]).run().expect(0);
    let (text, variables) = (root.read(".env"), root.variables());
    assert!(
        text.starts_with("DATABASE_URL=sqlite:///other.db # ours\n"),
        "{text}"
    );
    assert!(variables["REDIS_URL"].ends_with("@localhost:6379/0"));
    assert_eq!(variables["SECURITY_CSRF_ENABLED"], "false");
    assert_eq!(variables["SECURITY_RATE_LIMITING_ENABLED"], "true");
    assert!(!variables.contains_key("SECURITY_INPUT_VALIDATION_ENABLED"));
    assert!(!variables.contains_key("REDIS_PASSWORD"));
    assert_eq!(variables["FLASK_SECRET_KEY"].len(), 43);
}

#[test]
fn a_template_that_refers_to_a_secret_itself_stays() {
    let root = Root::empty();
    let line = "REDIS_URL=redis://:${REDIS_PASSWORD}@redis/1\n";
    root.write(".env.example", &format!("REDIS_PASSWORD=x\n{line}"));
    root.generate(&[]).run().expect(0);
    assert!(root.read(".env").contains(line));
    let variables = root.variables();
    assert_eq!(
        variables["REDIS_URL"],
        format!("redis://:{}@redis/1", variables["REDIS_PASSWORD"])
    );
}

#[test]
fn what_is_asked_for_comes_from_the_environment() {
    let root = Root::with_template();
    let odd = "O'Brien \"$HOME\" #1";
    root.generate(&[])
        .env("AUTH_ADMIN_USERNAME", odd)
        .env("AUTH_ADMIN_EMAIL", "")
        .env("FLASK_SECRET_KEY", "not-this")
        .run()
        .expect(0);
    let variables = root.variables();
    assert_eq!(variables["AUTH_ADMIN_USERNAME"], odd);
    assert_eq!(variables["AUTH_ADMIN_EMAIL"], "admin@vedfolnir.example");
    assert_ne!(variables["FLASK_SECRET_KEY"], "not-this");
}

#[test]
fn an_answer_that_no_file_can_hold_is_refused_and_not_shown() {
    let root = Root::with_template();
    let refused = root
        .generate(&[])
        .env("AUTH_ADMIN_USERNAME", "bad\u{7}value")
        .run()
        .expect(4);
    let refused = refused.complains(["AUTH_ADMIN_USERNAME", "control character"]);
    assert!(!refused.stderr.contains("bad"), "{refused}");
    assert!(root.names().is_empty());
}

#[test]
fn without_answer_and_default_there_is_nobody_to_ask() {
    let root = Root::empty();
    root.write(
        "reset-app.toml",
        "users.table = 'u'\nenvironment = [{ name = 'WHO', kind = 'ask', question = 'Who?' }]\n",
    );
    root.generate(&[])
        .silence()
        .run()
        .expect(4)
        .complains(["`WHO`", "environment variable"]);
    root.generate(&["--dry-run"]).run().expect(4);
    root.generate(&[]).env("WHO", "me").run().expect(0);
    assert_eq!(root.read(".env"), "WHO=me\n");
}

#[test]
fn an_existing_file_is_refused_with_the_remedy() {
    let root = Root::with_old("OLD=1\n");
    for options in [&[][..], &["--dry-run"], &["--print"], &["--format", "json"]] {
        let refused = root
            .generate(options)
            .run()
            .expect(4)
            .complains(["exists", "--force"]);
        assert_eq!(refused.stdout, "");
    }
    assert_eq!(root.read(".env"), "OLD=1\n");
    assert_eq!(root.names(), [".env"]);
}

#[test]
fn force_keeps_the_existing_file_beside_the_new_one() {
    let root = Root::with_old("OLD=1\n");
    fs::set_permissions(root.at(".env"), Permissions::from_mode(0o644)).unwrap();
    let json = root
        .generate(&["-f", "--format", "json"])
        .run()
        .expect(0)
        .json();
    let kept = json["kept"].as_str().unwrap();
    assert!(kept.starts_with(".env.2") && kept.ends_with('Z'), "{kept}");
    assert_eq!(root.read(kept), "OLD=1\n");
    assert_eq!([root.mode(kept), root.mode(".env")], [0o600, 0o600]);
    assert_eq!(root.names(), [".env", kept]);
    root.generate(&["--force"])
        .run()
        .expect(0)
        .says(["The old one is kept as: .env.2"]);
    assert_eq!(root.names().len(), 3);
}

#[test]
fn the_owner_of_the_existing_file_keeps_both() {
    if !is_root() {
        return say("SKIPPED: nobody but root can give files away");
    }
    let root = Root::with_old("OLD=1\n");
    chown(root.at(".env"), Some(1234), Some(4321)).unwrap();
    let json = root
        .generate(&["-f", "--format", "json"])
        .run()
        .expect(0)
        .json();
    assert_eq!(json["warnings"].as_array().unwrap().len(), 0);
    for name in [".env", json["kept"].as_str().unwrap()] {
        let metadata = fs::metadata(root.at(name)).unwrap();
        assert_eq!((metadata.uid(), metadata.gid()), (1234, 4321));
    }
}

#[test]
fn a_preview_names_kinds_and_changes_nothing() {
    let root = Root::with_old("OLD=1\n");
    let preview = root.generate(&["--dry-run", "--force"]).run().expect(0);
    preview.says([
        "Would write: ",
        "Would keep",
        "FLASK_SECRET_KEY",
        "fernet",
        "generated",
    ]);
    let json = root
        .generate(&["--dry-run", "-f", "--format", "json"])
        .run()
        .expect(0)
        .json();
    assert_eq!(json["operation"], "generate-secrets");
    assert_eq!(json["dry_run"], true);
    assert!(json["kept"].is_string());
    let first = &json["variables"][0];
    assert_eq!(
        first.to_string(),
        r#"{"kind":"token","name":"FLASK_SECRET_KEY","source":"generated"}"#
    );
    assert_eq!(json["variables"].as_array().unwrap().len(), 9);
    assert_eq!(root.read(".env"), "OLD=1\n");
    assert_eq!(root.names(), [".env"]);
    root.generate(&["--dry-run", "--print"]).run().expect(2);
}

#[test]
fn no_value_is_shown_unless_it_is_asked_for() {
    let root = Root::with_template();
    for options in [&["-vvv", "-f"][..], &["-f", "-vvv", "--format", "json"]] {
        let outcome = root
            .generate(options)
            .env("RUST_LOG", "trace")
            .run()
            .expect(0);
        assert_shows_none(&outcome, &root.variables());
    }
}

#[test]
fn print_shows_the_values_on_stdout_alone() {
    let root = Root::with_template();
    let printed = root.generate(&["--print", "-vvv"]).run().expect(0);
    for (name, value) in root.variables() {
        assert!(!printed.stderr.contains(&value) || !SECRETS.contains(&name.as_str()));
        let shown = printed.stdout.contains(&format!("{name}={value}\n"));
        assert_eq!(shown, SECRETS.contains(&name.as_str()), "{name}");
    }
    let json = root
        .generate(&["--print", "-f", "--format", "json"])
        .run()
        .expect(0)
        .json();
    let secret = &json["variables"][0];
    assert_eq!(
        secret["value"],
        root.variables()["FLASK_SECRET_KEY"].as_str()
    );
}

#[test]
fn what_is_in_the_way_is_refused() {
    let root = Root::with_template();
    root.write("elsewhere", "OLD=1\n");
    symlink("elsewhere", root.at(".env")).unwrap();
    root.generate(&["-f"])
        .run()
        .expect(4)
        .complains(["symbolic link"]);
    assert_eq!(root.read("elsewhere"), "OLD=1\n");
    fs::remove_file(root.at(".env")).unwrap();
    fs::create_dir(root.at(".env")).unwrap();
    root.generate(&["-f"])
        .run()
        .expect(4)
        .complains(["a directory"]);
}

#[test]
fn a_template_that_cannot_be_used_is_refused() {
    let root = Root::empty();
    let refused = |options: &[&str], because: &str| {
        let outcome = root.generate(options).run().expect(4).complains([because]);
        assert!(!outcome.stderr.contains("hidden"), "{outcome}");
        assert!(!root.at(".env").exists());
    };
    root.write(".env.example", "FLASK_SECRET_KEY=1\nB=2\nB=hidden\n");
    refused(&[], "`B` twice, in line 2 and in line 3");
    root.write(".env.example", "FLASK_SECRET_KEY=1\nB=hidden hidden\n");
    refused(&[], "line 2");
    root.write(".env.example", "SOMETHING=else\n");
    refused(&[], "whose manifest is built in");
    fs::write(root.at(".env.example"), b"A=\xff\n").unwrap();
    refused(&[], "UTF-8");
    fs::remove_file(root.at(".env.example")).unwrap();
    symlink("gone", root.at(".env.example")).unwrap();
    refused(&[], "could not read the template");
    fs::remove_file(root.at(".env.example")).unwrap();
    fs::create_dir(root.at(".env.example")).unwrap();
    refused(&["-f"], "not a regular file");
}

#[test]
fn a_manifest_without_a_list_is_refused() {
    let root = Root::with_template();
    root.write("reset-app.toml", "users.table = 'u'\n");
    root.generate(&[])
        .run()
        .expect(4)
        .complains(["[[environment]]"]);
}

#[test]
fn a_full_disk_or_a_read_only_directory_loses_nothing() {
    if !has_tool("strace", "no write was failed") {
        return;
    }
    let faults = [
        ("error=ENOSPC", "write", "make room"),
        ("error=EROFS", "renameat", "read-only"),
        ("error=EACCES", "renameat2", "who may write"),
        ("error=EIO", "fsync", "as before"),
        ("error=EIO", "fchmod", "as before"),
    ];
    for (fault, syscall, remedy) in faults {
        let root = Root::with_old("OLD=1\n");
        let failed = root
            .generate(&["-f"])
            .under(strace(fault, syscall, 1))
            .run();
        let failed = failed.expect(1).complains([remedy, "could not write"]);
        assert_eq!(root.read(".env"), "OLD=1\n", "{failed}");
        assert!(
            root.names().iter().all(|name| !name.contains("reset-app")),
            "{failed}"
        );
    }
}

#[test]
fn a_directory_that_may_not_be_written_is_named() {
    if is_root() {
        return say("SKIPPED: root may write everywhere");
    }
    let root = Root::with_old("OLD=1\n");
    fs::set_permissions(root.path(), Permissions::from_mode(0o500)).unwrap();
    let failed = root.generate(&["-f"]).run();
    fs::set_permissions(root.path(), Permissions::from_mode(0o700)).unwrap();
    failed
        .expect(1)
        .complains(["could not write", "who may write"]);
    assert_eq!(root.names(), [".env"]);
}

#[test]
fn a_disk_that_does_not_confirm_the_new_name_is_told_from_a_failure() {
    if !has_tool("strace", "no fsync was failed") {
        return;
    }
    let root = Root::with_old("OLD=1\n");
    let failed = root
        .generate(&["-f"])
        .under(strace("error=EIO", "fsync", 4))
        .run();
    failed
        .expect(1)
        .complains(["was replaced, but the disk did not confirm it"]);
    assert_eq!(root.variables()["FLASK_SECRET_KEY"].len(), 43);
    assert_eq!(root.names().len(), 2);
}

/// Killed at each system call that changes something, with no `.env` to begin with.
#[test]
fn killed_anywhere_it_leaves_no_file_or_a_whole_one() {
    if !has_tool("strace", "no run was killed") {
        return;
    }
    let calls = counts(Root::with_template().generate(&["-f"]), &CHANGING);
    for (syscall, count) in calls {
        for nth in 1..=count {
            let root = Root::with_template();
            let killed = hindered(root.generate(&["-f"]), "signal=KILL", syscall, nth);
            assert!(killed.1, "not killed at {syscall} {nth}");
            if root.at(".env").exists() {
                assert_whole(&root);
            }
            root.generate(&["-f"]).run().expect(0);
            assert_whole(&root);
            let names = root.names();
            let is_left = names.iter().any(|name| name.contains("reset-app"));
            assert!(!is_left, "{syscall} {nth}: {names:?}");
        }
    }
}

/// The new file is all there, and its owner's alone.
#[track_caller]
fn assert_whole(root: &Root) {
    let text = root.read(".env");
    assert_eq!(text.lines().count(), template().lines().count());
    assert_eq!(root.variables()["FLASK_SECRET_KEY"].len(), 43);
    assert_eq!(root.mode(".env"), 0o600);
}
