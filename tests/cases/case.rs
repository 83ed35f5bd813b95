//! A copy of a case, and what is done to it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use super::expected::Expected;
use super::judge::Figures;
use super::state::State;
use super::support::run::{Outcome, reset_app};

const DATABASE: &str = "db.sqlite";

/// The copy, and what is expected of it.
pub(crate) struct Case {
    name: String,
    root: TempDir,
    expected: Expected,
}

/// What the commands said.
pub(crate) struct Said {
    pub(crate) deletion: Value,
    /// Exit codes of `init`, `check` and the deletion.
    pub(crate) codes: [Option<i32>; 3],
}

impl Case {
    pub(crate) fn copied_from(source: &Path) -> Self {
        let root = tempfile::tempdir().unwrap();
        let database = root.path().join(DATABASE);
        if source.join(DATABASE).exists() {
            fs::copy(source.join(DATABASE), &database).unwrap();
        } else {
            unpack("zstd", &["-dcq"], &source.join("db.sqlite.zst"), |c| {
                c.stdout(File::create(&database).unwrap())
            });
        }
        unpack("tar", &["-xzf"], &source.join("files.tar.gz"), |c| {
            c.current_dir(root.path())
        });
        Self {
            name: source.file_name().unwrap().to_string_lossy().into_owned(),
            root,
            expected: Expected::read(source),
        }
    }

    fn run(&self, words: &[&str]) -> Outcome {
        reset_app().root(self.root.path()).args(words).run()
    }

    fn state(&self) -> State {
        State::read(self.root.path(), DATABASE, &self.expected.tokens)
    }

    /// Runs the three commands and compares what was with what is.
    pub(crate) fn judged(&self) -> Figures {
        let before = self.state();
        let init = self.run(&["init", "--database", DATABASE, "--format", "json"]);
        self.keep_for_a_look();
        let check = self.run(&["check"]);
        let described = init.clone().expect(0).json();
        let database = self.root.path().join(DATABASE);
        let alice = self.expected.name_of_user(&database, &described["users"]);
        let deletion = self.run(&[
            "delete-user",
            &alice,
            "--delete-accounts",
            "--force",
            "--no-redis",
            "--verify",
            "--format",
            "json",
        ]);
        let said = Said {
            codes: [init.code(), check.code(), deletion.code()],
            deletion: serde_json::from_str(&deletion.stdout)
                .unwrap_or_else(|_| panic!("{}:\n{init}\n{check}\n{deletion}", self.name)),
        };
        Figures::of(&self.name, &self.expected, &said, (&before, &self.state()))
    }

    /// With `RESET_APP_CASES_OUT`, the manifests are left there.
    fn keep_for_a_look(&self) {
        if let Some(out) = std::env::var_os("RESET_APP_CASES_OUT").map(PathBuf::from) {
            let manifest = self.root.path().join("reset-app.toml");
            let _ = fs::copy(manifest, out.join(format!("{}.toml", self.name)));
        }
    }
}

fn unpack(tool: &str, words: &[&str], file: &Path, set: impl FnOnce(&mut Command) -> &mut Command) {
    let mut command = Command::new(tool);
    command.args(words).arg(file).stdin(Stdio::null());
    let status = set(&mut command).status().unwrap();
    assert!(status.success(), "{tool} {}: {status}", file.display());
}
