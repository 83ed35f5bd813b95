//! What must hold after a run was cut off or hindered somewhere, and how many such points there are.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::scope;
use std::time::Instant;

use tempfile::TempDir;

pub(crate) use super::figures::is_soak;
use super::figures::write_down;
use super::install::{DATABASE, Dump, Install, Tree, difference};
use super::run::{Outcome, reset_app, say};
use super::small::{many_rows, small};
use super::trail::{Deleted, KEY, TRAIL, Trail};

/// The outbox, which is no part of the application's data.
pub(crate) const OUTBOX: &str = "_reset_app_outbox";

/// What stands beside the database while a run has it open.
const BESIDE: [&str; 3] = ["-wal", "-shm", ".reset-app-lock"];

/// How the database keeps its journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Journal {
    Wal,
    Delete,
}

/// A command on the small install, and every state in which it may leave it.
pub(crate) struct Case {
    name: String,
    command: Vec<&'static str>,
    template: Install,
    before: Before,
    /// The database before, after user 1, after both, and after user 2 alone.
    legal: Vec<Dump>,
    end: End,
    counts: Mutex<BTreeMap<&'static str, usize>>,
}

/// What may not change, or only together with a row.
struct Before {
    canaries: Tree,
    bystanders: Tree,
    /// What each image row names, with the content there.
    files: Vec<(i64, PathBuf, Vec<u8>)>,
}

/// What an uninterrupted run leaves.
struct End {
    dump: Dump,
    tree: Tree,
    deleted: Deleted,
}

/// `--delete-all-user-data --force --no-redis` and more.
fn command(options: &[&'static str]) -> Vec<&'static str> {
    [
        &["--delete-all-user-data", "--force", "--no-redis"],
        options,
    ]
    .concat()
}

/// More files than the fewest that are worth a thread of their own.
const ALBUM: usize = 80;

fn template(journal: Journal) -> Install {
    match journal {
        Journal::Wal => small().wal(),
        Journal::Delete => small(),
    }
}

impl Case {
    /// Every user.
    pub(crate) fn everyone(journal: Journal, options: &[&'static str]) -> Self {
        Self::everyone_of(template(journal), journal, options)
    }

    /// Every user, and more who own nothing. The first has so many files that they go while others are
    /// erased.
    pub(crate) fn everyone_with_album(journal: Journal) -> Self {
        let template = template(journal);
        template.execute(
            "WITH RECURSIVE more(id) AS (VALUES (101) UNION ALL SELECT id + 1 FROM more WHERE id < 110)
             INSERT INTO users (id, username, email, password_hash)
             SELECT id, 'more' || id, 'more' || id, '' FROM more",
        );
        let album = template.path("storage/images/user_1/album");
        fs::create_dir(&album).unwrap();
        (0..ALBUM).for_each(|at| fs::write(album.join(at.to_string()), "x").unwrap());
        Self::everyone_of(template, journal, &[])
    }

    /// Every user, in a run that changes indexes for its own sake.
    pub(crate) fn many_rows(journal: Journal, options: &[&'static str]) -> Self {
        let template = match journal {
            Journal::Wal => many_rows().wal(),
            Journal::Delete => many_rows(),
        };
        Self::everyone_of(template, journal, options)
    }

    fn everyone_of(template: Install, journal: Journal, options: &[&'static str]) -> Self {
        let [one, other] = ["1", "2"].map(|user| [options, &["--only", user]].concat());
        let mut case = Self::new(template, journal, options, &[&one, options]);
        // Where user 1 could not be erased, the run goes on to user 2.
        let install = case.template.again();
        reset_app()
            .root(install.root())
            .args(command(&other))
            .run()
            .expect(0);
        case.legal.push(install.dump());
        case
    }

    /// User 1 alone.
    pub(crate) fn one(journal: Journal, options: &[&'static str]) -> Self {
        let one = [options, &["--only", "1"]].concat();
        Self::new(template(journal), journal, &one, &[&one])
    }

    /// The replay of a trail that names both users, one with the account, after their data was put
    /// back.
    pub(crate) fn replay(journal: Journal) -> Self {
        let template = template(journal);
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
        let command = vec!["replay", "--since", "0", "--force", "--no-redis"];
        let end = template.again();
        let run = reset_app().root(end.root()).args(&command).run();
        run.expect(0);
        super::install::assert_same("erased again", &erased.dump(), &end.dump());
        Self {
            name: format!("{journal:?} replay"),
            command,
            before: Before::of(&template),
            legal: vec![template.dump(), one.dump(), end.dump()],
            end: End::of(&end).unwrap(),
            template,
            counts: Mutex::default(),
        }
    }

    /// `steps` are the options of runs that lead through the legal states, the last to the end.
    fn new(
        template: Install,
        journal: Journal,
        options: &[&'static str],
        steps: &[&[&'static str]],
    ) -> Self {
        let mut legal = vec![template.dump()];
        let mut end = None;
        for step in steps {
            let install = template.again();
            reset_app()
                .root(install.root())
                .args(command(step))
                .run()
                .expect(0);
            legal.push(install.dump());
            end = Some(End::of(&install).unwrap());
        }
        // The end is compared with itself from here on: it had better be the right one.
        let gone = if steps.len() == 1 {
            vec!["user_1"]
        } else {
            vec!["user_1", "user_2", "cats_2.jpg"]
        };
        let end = end.unwrap();
        for gone in gone {
            assert!(
                !end.tree.has(format!("storage/images/{gone}")),
                "an uninterrupted run left {gone}"
            );
        }
        Self {
            name: format!("{journal:?} {}", options.join(" ")),
            command: command(options),
            before: Before::of(&template),
            template,
            legal,
            end,
            counts: Mutex::default(),
        }
    }

    /// The install from which every run starts.
    pub(crate) fn template(&self) -> &Install {
        &self.template
    }

    /// A fresh install.
    pub(crate) fn install(&self) -> Install {
        self.template.again()
    }

    /// A fresh install in a directory of the test's choice.
    pub(crate) fn install_in(&self, directory: &Path) -> Install {
        self.template.again_in(TempDir::new_in(directory).unwrap())
    }

    /// The arguments of the command.
    pub(crate) fn command(&self) -> &[&'static str] {
        &self.command
    }

    /// Runs the command as it is.
    pub(crate) fn run(&self, install: &Install) -> Outcome {
        reset_app().root(install.root()).args(&self.command).run()
    }

    /// Runs the command, hindered at the `nth` system call of a kind.
    pub(crate) fn run_hindered(
        &self,
        install: &Install,
        how: &str,
        syscall: &str,
        nth: usize,
    ) -> Outcome {
        let hindered = reset_app().root(install.root()).args(&self.command);
        hindered.under(strace(how, syscall, nth)).run()
    }

    /// How many system calls of a kind the command makes when nothing hinders it.
    pub(crate) fn count(&self, syscall: &'static str) -> usize {
        let count = || {
            let log = tempfile::NamedTempFile::new().unwrap();
            let wrapper = [
                "strace",
                "-f",
                "-qq",
                "-e",
                &format!("trace={syscall}"),
                "-o",
            ]
            .map(OsString::from);
            let wrapper = wrapper.into_iter().chain([log.path().into()]);
            let install = self.install();
            let traced = reset_app()
                .root(install.root())
                .args(&self.command)
                .under(wrapper);
            traced.run().expect(0);
            let log = fs::read_to_string(log.path()).unwrap();
            log.lines()
                .filter(|line| line.contains(&format!("{syscall}(")))
                .count()
        };
        *self
            .counts
            .lock()
            .unwrap()
            .entry(syscall)
            .or_insert_with(count)
    }

    /// What must hold at every moment: no half user (invariant 1), no row that lost its file
    /// (invariants 2 and 5), nothing else touched (invariant 4), no damage.
    pub(crate) fn check_middle(&self, install: &Install) -> Result<(), String> {
        check_integrity(install)?;
        self.legal_state(install)?;
        for (id, path, content) in &self.before.files {
            let named = format!("SELECT count(*) FROM images WHERE id = {id}");
            let there = fs::read(install.root().join(path)).ok();
            if install.query_count(&named) == 1 && there.as_ref() != Some(content) {
                return Err(format!(
                    "image {id} is there, its file `{}` is not",
                    path.display()
                ));
            }
        }
        same("canaries", &self.before.canaries, &install.canaries())?;
        same("bystanders", &self.before.bystanders, &bystanders(install))
    }

    /// Which of the legal states the database is in: how many users are gone, in their order.
    pub(crate) fn legal_state(&self, install: &Install) -> Result<usize, String> {
        let dump = application_data(install);
        let state = self.legal.iter().position(|legal| *legal == dump);
        state.ok_or_else(|| {
            let nearest = self.legal.iter().map(|legal| difference(legal, &dump));
            let nearest = nearest.min_by_key(String::len).unwrap();
            format!("half a user is gone; from the nearest whole state it differs in\n{nearest}")
        })
    }

    /// That the structure, what the planner knows of it and no outbox are there, as before.
    pub(crate) fn check_structure(&self, install: &Install) -> Result<(), String> {
        let (before, now) = (&self.legal[0], install.dump());
        if before.schema() == now.schema()
            && before.table("sqlite_stat1") == now.table("sqlite_stat1")
        {
            return Ok(());
        }
        Err(format!(
            "the structure differs:\n{}",
            difference(before, &now)
        ))
    }

    /// Whether everything is as an uninterrupted run leaves it, with nothing left to do.
    pub(crate) fn check_end(&self, install: &Install) -> Result<(), String> {
        let tree = install.tree();
        let beside = BESIDE.map(|suffix| format!("{DATABASE}{suffix}"));
        if let Some(left) = beside.iter().find(|path| tree.has(path)) {
            return Err(format!("`{left}` is left"));
        }
        self.check_done(install)
    }

    /// The same, but for what the database keeps beside it while it is open, or when it could not be
    /// closed well.
    pub(crate) fn check_done(&self, install: &Install) -> Result<(), String> {
        check_integrity(install)?;
        let end = End::of(install)?;
        same("the database", &self.end.dump, &end.dump)?;
        same("the files", &self.end.tree, &end.tree)?;
        same("canaries", &self.before.canaries, &install.canaries())?;
        if self.end.deleted != end.deleted {
            return Err(format!(
                "the audit trail tells of {:?}, not of {:?}",
                end.deleted, self.end.deleted
            ));
        }
        Ok(())
    }
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
            let path = PathBuf::from(str::from_utf8(path).unwrap());
            let content = fs::read(install.root().join(&path)).unwrap();
            (str::from_utf8(id).unwrap().parse().unwrap(), path, content)
        };
        Self {
            canaries: install.canaries(),
            bystanders: bystanders(install),
            files: ids.iter().zip(&paths).map(file).collect(),
        }
    }
}

impl End {
    fn of(install: &Install) -> Result<Self, String> {
        let trail = Trail::of(install.root())?;
        if !trail.is_finished() {
            return Err("a run in the audit trail is not finished, or twice".into());
        }
        let beside = BESIDE.map(|suffix| format!("{DATABASE}{suffix}"));
        let content = |path: &[u8]| {
            [DATABASE, TRAIL, KEY]
                .iter()
                .any(|one| one.as_bytes() == path)
                || beside.iter().any(|one| one.as_bytes() == path)
        };
        Ok(Self {
            dump: install.dump(),
            tree: install.tree().retain(|path| !content(path)),
            deleted: trail.deleted(),
        })
    }
}

/// Structure and rows, the outbox left out, and the indexes put back as it says.
fn application_data(install: &Install) -> Dump {
    let mut undo = String::new();
    if install.dump().tables().any(|table| table == OUTBOX) {
        let recorded = "SELECT detail FROM _reset_app_outbox WHERE kind = 'indexes'";
        let recorded = install.query_bytes(recorded);
        undo.extend(recorded.iter().map(|changes| undoing(changes)));
    }
    Dump::after(&install.database(), &undo).without_table(OUTBOX)
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
    install
        .tree()
        .retain(|path| stay.iter().any(|one| one.as_bytes() == path))
}

fn check_integrity(install: &Install) -> Result<(), String> {
    let found = install.query_bytes("PRAGMA integrity_check");
    if found != [b"ok"] {
        return Err(format!(
            "the database is damaged: {}",
            found.concat().escape_ascii()
        ));
    }
    match install.query_count("SELECT count(*) FROM pragma_foreign_key_check") {
        0 => Ok(()),
        violations => Err(format!("{violations} rows break a foreign key")),
    }
}

fn same(
    what: &str,
    before: &impl super::install::Lines,
    after: &impl super::install::Lines,
) -> Result<(), String> {
    match difference(before, after) {
        none if none.is_empty() => Ok(()),
        difference => Err(format!("{what} differ:\n{difference}")),
    }
}

/// strace, which hinders the `nth` system call of a kind: `signal=KILL`, `error=EIO`.
pub(crate) fn strace(how: &str, syscall: &str, nth: usize) -> Vec<String> {
    let inject = format!("inject={syscall}:{how}:when={nth}");
    let words = ["strace", "-f", "-qq", "-o", "/dev/null", "-e"];
    let mut words: Vec<String> = words.map(String::from).into();
    words.extend([format!("trace={syscall}"), "-e".into(), inject]);
    words
}

/// strace, which hinders the `nth` system call of a kind and all that follow.
pub(crate) fn strace_from(how: &str, syscall: &str, nth: usize) -> Vec<String> {
    let mut words = strace(how, syscall, nth);
    words.last_mut().unwrap().push('+');
    words
}

/// Points of one kind: `first`, `first + stride`, … until a run does not reach its point.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Series<'a> {
    pub(crate) case: &'a Case,
    pub(crate) how: &'static str,
    pub(crate) syscall: &'static str,
    pub(crate) first: usize,
    pub(crate) stride: usize,
}

impl std::fmt::Debug for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)
    }
}

/// What happened at a point.
pub(crate) enum Point {
    /// The run came to its end before it.
    NotReached,
    /// All that was promised held.
    Held,
}

/// A sweep ends after so many violations.
const ENOUGH: usize = 20;

/// Tries every point of every series, two at a time, tells how many there were, and fails if
/// anything promised did not hold.
pub(crate) fn sweep(
    what: &str,
    series: &[Series<'_>],
    try_point: impl Fn(&Series<'_>, usize) -> Result<Point, String> + Sync,
) {
    let started = Instant::now();
    let (next, points) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let violations = Mutex::new(Vec::new());
    let work = || {
        while let Some(series) = series.get(next.fetch_add(1, Ordering::Relaxed)) {
            let mut nth = series.first;
            loop {
                match try_point(series, nth) {
                    Ok(Point::NotReached) => break,
                    Ok(Point::Held) => {}
                    Err(violation) => {
                        let Series {
                            case, how, syscall, ..
                        } = series;
                        let violation = format!("{case:?}: {how} at {syscall} {nth}: {violation}");
                        let mut violations = violations.lock().unwrap();
                        violations.push(violation);
                        if violations.len() >= ENOUGH {
                            return;
                        }
                    }
                }
                points.fetch_add(1, Ordering::Relaxed);
                nth += series.stride;
            }
        }
    };
    scope(|threads| {
        threads.spawn(work);
        threads.spawn(work);
    });
    let (points, violations) = (points.into_inner(), violations.into_inner().unwrap());
    let took = started.elapsed().as_secs_f32();
    say(&format!(
        "{what}: {points} points, {} violations, {took:.1} s",
        violations.len()
    ));
    write_down(what, points, violations.len(), took);
    assert!(points > 0, "{what}: no point was tried");
    let shown: Vec<_> = violations.iter().take(5).map(String::as_str).collect();
    assert!(
        violations.is_empty(),
        "{} violations, such as\n{}",
        violations.len(),
        shown.join("\n\n")
    );
}
