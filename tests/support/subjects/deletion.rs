//! A deletion of users: one transaction for each, then the files.

use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::super::install::{DATABASE, Dump, Install, Tree, assert_same, difference, scratch};
use super::super::run::{Outcome, reset_app};
use super::super::small::{many_rows, small};
use super::super::sweep::{Checked, Journal, OUTBOX, Subject, check_integrity, ends_well, same};
use super::super::trail::{Deleted, KEY, TRAIL, Trail};

/// What stands beside the database while a run has it open.
const BESIDE: [&str; 3] = ["-wal", "-shm", ".reset-app-lock"];

/// The name of the snapshot that a deletion takes first.
const SNAPSHOT: &str = "before";

/// More files than the fewest that are worth a thread of their own.
pub(crate) const ALBUM: usize = 80;

/// Where snapshots lie, which no deletion touches.
const SNAPSHOTS: &[u8] = b".reset-app/snapshots";

/// A deletion, and every state in which it may leave the rows.
pub(crate) struct Deletion {
    journal: Journal,
    words: Vec<&'static str>,
    kind: Kind,
    template: Install,
    before: Before,
    /// The rows before, after each user, and where the first could not be erased but the next was.
    legal: Vec<Dump>,
    end: End,
    /// Bytes of the user that the database may not hold afterwards.
    residue: Option<&'static [u8]>,
}

/// The install that it begins with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Two users who share a file.
    Small,
    /// Three users, and rows that would have a careless tool remove what is not theirs. What stays
    /// is told, with 3.
    Hostile,
}

/// What may not change, or only together with a row.
struct Before {
    canaries: Tree,
    bystanders: Tree,
    /// What each image row names, with the content there.
    files: Vec<(i64, PathBuf, Vec<u8>)>,
}

/// What an uninterrupted run leaves.
#[derive(Default)]
struct End {
    dump: Dump,
    tree: Tree,
    deleted: Deleted,
}

const EVERYONE: [&str; 3] = ["--delete-all-user-data", "--force", "--no-redis"];

fn everyone(options: &[&'static str]) -> Vec<&'static str> {
    [&EVERYONE, options].concat()
}

impl Deletion {
    /// Every user.
    pub(crate) fn everyone(journal: Journal, options: &[&'static str]) -> Self {
        let [one, other] = ["1", "2"].map(|user| everyone(&[options, &["--only", user]].concat()));
        let all = everyone(options);
        let mut deletion = Self::new(journal, Kind::Small, &[one, all]);
        // Where user 1 could not be erased, the run goes on to user 2.
        deletion.add_legal(&other);
        deletion
    }

    /// Every user, and more who own nothing. The first has so many files that they go while others are
    /// erased.
    pub(crate) fn everyone_with_album(journal: Journal) -> Self {
        let template = journal.of(small());
        template.execute(
            "WITH RECURSIVE more(id) AS (VALUES (101) UNION ALL SELECT id + 1 FROM more WHERE id < 110)
             INSERT INTO users (id, username, email, password_hash)
             SELECT id, 'more' || id, 'more' || id, '' FROM more",
        );
        let album = template.path("storage/images/user_1/album");
        fs::create_dir(&album).unwrap();
        (0..ALBUM).for_each(|at| fs::write(album.join(at.to_string()), "x").unwrap());
        let steps = [everyone(&["--only", "1"]), everyone(&[])];
        let mut deletion = Self::of(template, Kind::Small, &steps, journal);
        deletion.add_legal(&everyone(&["--only", "2"]));
        deletion
    }

    /// Every user, in a run that changes indexes for its own sake.
    pub(crate) fn many_rows(journal: Journal, options: &[&'static str]) -> Self {
        let steps = [
            everyone(&[options, &["--only", "1"]].concat()),
            everyone(options),
        ];
        let template = journal.of(many_rows());
        let mut deletion = Self::of(template, Kind::Small, &steps, journal);
        deletion.add_legal(&everyone(&[options, &["--only", "2"]].concat()));
        deletion
    }

    /// That the structure, and what the planner knows of it, are as before.
    pub(crate) fn check_structure(&self, install: &Install) -> Checked {
        let (before, now) = (&self.legal[0], install.dump());
        let known = "sqlite_stat1";
        if before.schema() == now.schema() && before.table(known) == now.table(known) {
            return Ok(());
        }
        Err(format!(
            "the structure differs:\n{}",
            difference(before, &now)
        ))
    }

    /// User 1 alone.
    pub(crate) fn one(journal: Journal, options: &[&'static str]) -> Self {
        let words = everyone(&[options, &["--only", "1"]].concat());
        Self::new(journal, Kind::Small, &[words])
    }

    /// `delete-user 1`.
    pub(crate) fn user(journal: Journal, options: &[&'static str]) -> Self {
        let words = ["delete-user", "1", "--force", "--no-redis"];
        Self::new(journal, Kind::Small, &[[&words, options].concat()])
    }

    /// Every user, and the rows of nobody.
    pub(crate) fn with_unowned(journal: Journal) -> Self {
        let steps = [
            everyone(&["--only", "1"]),
            everyone(&[]),
            everyone(&["--unowned"]),
        ];
        let mut deletion = Self::new(journal, Kind::Small, &steps);
        deletion.add_legal(&everyone(&["--only", "2"]));
        deletion
    }

    /// Every user of the hostile install.
    pub(crate) fn hostile(journal: Journal) -> Self {
        let steps = [
            everyone(&["--only", "1"]),
            everyone(&["--only", "1", "--only", "2"]),
            everyone(&[]),
        ];
        Self::new(journal, Kind::Hostile, &steps)
    }

    /// User 1, of whom no byte may be left in the database, wherever the application moved it.
    pub(crate) fn scrubbed(journal: Journal) -> Self {
        const MARK: &str = "SAID-BY-USER-1";
        let words = ["delete-user", "1", "--force", "--no-redis", "--scrub"];
        let template = journal.of(small());
        // What is changed to something longer moves, and leaves a copy behind.
        template.execute(&format!(
            "UPDATE posts SET post_content = '{MARK}' WHERE user_id = 1;
             UPDATE posts SET post_content = post_content || hex(zeroblob(3000)) WHERE user_id = 1;
             UPDATE posts SET post_content = '{MARK}' WHERE user_id = 1"
        ));
        let mut deletion = Self::of(template, Kind::Small, &[words.to_vec()], journal);
        deletion.residue = Some(MARK.as_bytes());
        deletion
    }

    /// The replay of a trail that names both users, one with the account, after their data was put
    /// back.
    pub(crate) fn replay(journal: Journal) -> Self {
        let template = journal.of(small());
        let erase = |install: &Install, user: &str, options: &[&str]| {
            let words = ["delete-user", user, "--force", "--no-redis"];
            let run = reset_app().root(install.root()).args(words);
            run.args(options).run().expect(0);
        };
        let erased = template.again();
        erase(&erased, "1", &["--delete-accounts"]);
        erase(&erased, "2", &[]);
        put_trail_back(&erased, &template);
        let one = template.again();
        erase(&one, "1", &["--delete-accounts"]);
        let words = vec!["replay", "--since", "0", "--force", "--no-redis"];
        let mut deletion = Self::of(template, Kind::Small, &[words], journal);
        deletion.legal.insert(1, one.dump());
        // Where user 1 could not be erased, the run goes on to user 2.
        deletion.add_legal(&["delete-user", "2", "--force", "--no-redis"]);
        assert_same("erased again", &erased.dump(), &deletion.end.dump);
        deletion
    }

    fn new(journal: Journal, kind: Kind, steps: &[Vec<&'static str>]) -> Self {
        let template = match kind {
            Kind::Small => small(),
            Kind::Hostile => Install::copy("hostile"),
        };
        Self::of(journal.of(template), kind, steps, journal)
    }

    /// `steps` are commands that lead through the legal states, the last of them to the end.
    fn of(template: Install, kind: Kind, steps: &[Vec<&'static str>], journal: Journal) -> Self {
        let words = steps.last().unwrap().clone();
        let mut deletion = Self {
            journal,
            words,
            kind,
            before: Before::of(&template),
            legal: vec![rows(&template)],
            end: End::default(),
            template,
            residue: None,
        };
        for step in steps {
            let install = deletion.add_legal(step);
            deletion.end = End::of(&install).unwrap();
        }
        // The end is compared with itself from here on: it had better be the right one.
        assert_ne!(
            difference(&deletion.legal[0], &deletion.end.dump),
            "",
            "{deletion:?} deleted nothing"
        );
        deletion
    }

    /// One more state in which the rows may be: that after this command.
    fn add_legal(&mut self, words: &[&str]) -> Install {
        let install = self.install();
        let run = reset_app().root(install.root()).args(words).run();
        assert!(self.ends_with(run.code()), "{run}");
        self.legal.push(rows(&install));
        install
    }

    fn ends_with(&self, code: Option<i32>) -> bool {
        match self.kind {
            Kind::Small => code == Some(0),
            Kind::Hostile => matches!(code, Some(0 | 3)),
        }
    }

    /// A fresh install in a directory of the test's choice.
    pub(crate) fn install_in(&self, directory: &Path) -> Install {
        self.template.again_in(TempDir::new_in(directory).unwrap())
    }

    /// Runs the command as it is.
    pub(crate) fn run(&self, install: &Install) -> Outcome {
        self.command(install).run()
    }

    /// Which of the legal states the database is in: how many users are gone, in their order.
    pub(crate) fn legal_state(&self, install: &Install) -> Checked<usize> {
        let rows = rows(install);
        let state = self.legal.iter().position(|legal| *legal == rows);
        state.ok_or_else(|| {
            let nearest = self.legal.iter().map(|legal| difference(legal, &rows));
            let nearest = nearest.min_by_key(String::len).unwrap();
            format!("half a user is gone; from the nearest whole state it differs in\n{nearest}")
        })
    }

    /// The states of the rows that somebody may see meanwhile.
    pub(crate) fn legal(&self) -> &[Dump] {
        &self.legal
    }

    fn check_residue(&self, install: &Install) -> Checked {
        let Some(residue) = self.residue else {
            return Ok(());
        };
        for suffix in ["", "-wal", "-journal"] {
            let bytes = fs::read(install.path(format!("{DATABASE}{suffix}"))).unwrap_or_default();
            if bytes.windows(residue.len()).any(|found| found == residue) {
                return Err(format!(
                    "bytes of the user are left in `{DATABASE}{suffix}`"
                ));
            }
        }
        Ok(())
    }

    fn rerun_without_snapshot(&self, install: &Install) -> Checked<Outcome> {
        let words = self.words.iter().copied();
        let words = words.filter(|word| !["--snapshot", SNAPSHOT].contains(word));
        let rerun = reset_app().root(install.root()).args(words).run();
        match rerun.code() {
            Some(0) => Ok(rerun),
            _ => Err(format!("without a snapshot the rerun failed: {rerun}")),
        }
    }
}

impl fmt::Debug for Deletion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}", self.journal, self.words.join(" "))
    }
}

impl Subject for Deletion {
    fn template(&self) -> &Install {
        &self.template
    }

    fn install(&self) -> Install {
        match self.kind {
            Kind::Small => self.template.again(),
            // Its rows hold absolute paths.
            Kind::Hostile => self.journal.of(Install::copy_in("hostile", scratch())),
        }
    }

    fn words(&self) -> Vec<&str> {
        self.words.clone()
    }

    /// No half user (invariant 1), no row that lost its file (invariants 2 and 5), nothing else
    /// touched (invariant 4), no damage.
    fn check_middle(&self, install: &Install) -> Checked {
        check_integrity(install)?;
        self.legal_state(install)?;
        for (id, path, content) in &self.before.files {
            let named = format!("SELECT count(*) FROM images WHERE id = {id}");
            let there = fs::read(install.root().join(path)).ok();
            if install.query_count(&named) == 1 && there.as_ref() != Some(content) {
                let path = path.display();
                return Err(format!("image {id} is there, its file `{path}` is not"));
            }
        }
        same("canaries", &self.before.canaries, &install.canaries())?;
        same("bystanders", &self.before.bystanders, &bystanders(install))
    }

    fn check_end(&self, install: &Install) -> Checked {
        let tree = install.tree();
        let beside = BESIDE.map(|suffix| format!("{DATABASE}{suffix}"));
        if let Some(left) = beside.iter().find(|path| tree.has(path)) {
            return Err(format!("`{left}` is left"));
        }
        self.check_done(install)
    }

    fn check_done(&self, install: &Install) -> Checked {
        check_integrity(install)?;
        let end = End::of(install)?;
        same("the database", &self.end.dump, &end.dump)?;
        same("the files", &self.end.tree, &end.tree)?;
        same("canaries", &self.before.canaries, &install.canaries())?;
        if self.end.deleted != end.deleted {
            let (found, expected) = (end.deleted, &self.end.deleted);
            return Err(format!(
                "the audit trail tells of {found:?}, not of {expected:?}"
            ));
        }
        self.check_residue(install)
    }

    fn is_untouched(&self, install: &Install) -> bool {
        self.legal_state(install) == Ok(0)
    }

    /// The same command once more, or what that recommends.
    fn rerun(&self, install: &Install, _: usize) -> Checked<Outcome> {
        let at_end = self.legal.len() == 2 && self.legal_state(install) == Ok(1);
        let has_work = has_outbox(install);
        let rerun = self.run(install);
        let code = rerun.code();
        // Nobody knows the user any more: nothing, or nothing of the user's own, is left to do.
        let unknown = rerun.stderr.contains("no user has the key or name `1`");
        if code == Some(4) && unknown && at_end {
            let resume = rerun.stderr.contains("`reset-app resume`");
            return match (has_work, resume) {
                (false, false) => Ok(rerun),
                (true, true) => ends_well(reset_app().root(install.root()).args(["resume"])),
                _ => Err(format!("work is left, or is not: {rerun}")),
            };
        }
        // A snapshot is never overwritten.
        let refused = rerun
            .stderr
            .contains("there is a snapshot `before` already");
        if code == Some(4) && refused {
            return self.rerun_without_snapshot(install);
        }
        if self.ends_with(code) {
            return Ok(rerun);
        }
        Err(format!("the rerun failed: {rerun}"))
    }
}

/// Whether something is still to be done.
pub(crate) fn has_outbox(install: &Install) -> bool {
    install.dump().tables().any(|table| table == OUTBOX)
}

/// Gives an install the trail of another, as if its data had been put back.
pub(crate) fn put_trail_back(from: &Install, to: &Install) {
    fs::create_dir_all(to.path(TRAIL).parent().unwrap()).unwrap();
    for file in [TRAIL, KEY] {
        fs::copy(from.path(file), to.path(file)).unwrap();
    }
}

impl Before {
    fn of(install: &Install) -> Self {
        let ids = install.query_bytes("SELECT id FROM images ORDER BY id");
        let paths = install.query_bytes("SELECT local_path FROM images ORDER BY id");
        let file = |(id, path): (&Vec<u8>, &Vec<u8>)| {
            let (path, content) = plain_file(install, path)?;
            Some((str::from_utf8(id).unwrap().parse().unwrap(), path, content))
        };
        Self {
            canaries: install.canaries(),
            bystanders: bystanders(install),
            files: ids.iter().zip(&paths).filter_map(file).collect(),
        }
    }
}

/// The file that a row names, relative to the root, if it is one.
fn plain_file(install: &Install, named: &[u8]) -> Option<(PathBuf, Vec<u8>)> {
    let named = Path::new(OsStr::from_bytes(named));
    let relative = named.strip_prefix(install.root()).unwrap_or(named);
    let file = install.root().join(relative);
    // Not the database itself, by whatever name.
    let is_plain = file.is_file() && file.canonicalize().ok()? != install.database();
    let content = || fs::read(&file).unwrap();
    (relative.is_relative() && is_plain).then(|| (relative.to_owned(), content()))
}

impl End {
    fn of(install: &Install) -> Checked<Self> {
        let trail = Trail::of(install.root())?;
        if !trail.is_finished() {
            return Err("a run in the audit trail is not finished, or twice".into());
        }
        let beside = BESIDE.map(|suffix| format!("{DATABASE}{suffix}"));
        let apart = |path: &[u8]| {
            let files = [DATABASE, TRAIL, KEY];
            path.starts_with(SNAPSHOTS)
                || files.iter().any(|one| one.as_bytes() == path)
                || beside.iter().any(|one| one.as_bytes() == path)
        };
        Ok(Self {
            dump: install.placeless_dump(),
            tree: install.tree().retain(|path| !apart(path)),
            deleted: trail.deleted(),
        })
    }
}

/// Structure and rows, the outbox left out, and the indexes put back as it says.
fn rows(install: &Install) -> Dump {
    if !has_outbox(install) {
        return install.placeless_dump();
    }
    let recorded = "SELECT detail FROM _reset_app_outbox WHERE kind = 'indexes'";
    let recorded = install.query_bytes(recorded);
    let undo: String = recorded.iter().map(|changes| undoing(changes)).collect();
    install.placeless_dump_after(&undo).without_table(OUTBOX)
}

/// SQL that undoes recorded changes of indexes.
fn undoing(changes: &[u8]) -> String {
    let changes: serde_json::Value = serde_json::from_slice(changes).unwrap();
    let made = changes["made"].as_array().unwrap().iter();
    let mut sql: Vec<String> = made
        .map(|name| format!("DROP INDEX {};", name.as_str().unwrap()))
        .collect();
    for dropped in changes["dropped"].as_array().unwrap() {
        let [name, table, create] =
            ["name", "table", "sql"].map(|key| dropped[key].as_str().unwrap());
        sql.push(format!("{create};"));
        for statistics in dropped["statistics"].as_array().unwrap() {
            let statistics = statistics.as_str().unwrap();
            sql.push(format!(
                "INSERT INTO sqlite_stat1 VALUES ('{table}', '{name}', '{statistics}');"
            ));
        }
    }
    sql.concat()
}

fn bystanders(install: &Install) -> Tree {
    let stay = [
        ".env",
        ".env.example",
        "logs/vedfolnir.log",
        "storage/images/crumbs.png",
    ];
    let mut bystanders = install.bystanders();
    let tree = install.tree();
    bystanders.extend(tree.retain(|path| stay.iter().any(|one| one.as_bytes() == path)));
    bystanders
}
