//! Snapshots that are saved, restored and dropped.

use std::fmt;
use std::fs;
use std::time::{Duration, UNIX_EPOCH};

use super::super::install::{Install, Tree, difference};
use super::super::run::{Invocation, Outcome, reset_app};
use super::super::small::small;
use super::super::state::State;
use super::super::sweep::{Checked, Journal, OUTBOX, Subject, check_integrity, ends_well, same};

const SAVE: [&str; 3] = ["snapshot", "save", "clean"];
const RESTORE: [&str; 4] = ["snapshot", "restore", "clean", "--force"];
const DROP: [&str; 3] = ["snapshot", "drop", "clean"];

/// Where they lie.
const PLACE: &str = ".reset-app/snapshots";

fn on(install: &Install, words: &[&str]) -> Invocation {
    reset_app().root(install.root()).args(words)
}

fn is_there(install: &Install) -> bool {
    install.has(format!("{PLACE}/clean/snapshot.json"))
}

/// There is a whole snapshot of this name, or nothing of it.
fn check_whole(install: &Install) -> Checked {
    if install.has(format!("{PLACE}/clean")) && !is_there(install) {
        return Err("there is half a snapshot".into());
    }
    Ok(())
}

fn same_state(what: &str, one: &State, other: &State) -> Checked {
    match one.differs_from(other) {
        none if none.is_empty() => Ok(()),
        difference => Err(format!("{what}: {difference}")),
    }
}

/// Names that a cut off command may leave for the next one, and nobody after it.
fn check_no_leftovers(install: &Install) -> Checked {
    check_none_has(install, &[".reset-app-", UNFINISHED])
}

/// In the name of a snapshot that is not whole.
const UNFINISHED: &str = "unfinished";

fn check_none_has(install: &Install, parts: &[&str]) -> Checked {
    let tree = install.tree();
    let names = tree.paths().map(|path| path.escape_ascii().to_string());
    let left: Vec<_> = names
        .filter(|path| parts.iter().any(|part| path.contains(part)))
        .collect();
    if left.is_empty() {
        return Ok(());
    }
    Err(format!("left: {left:?}"))
}

/// What is not as it was saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Changed {
    RowsAndFiles,
    /// And an earlier restore has seen that the rows are as they were saved.
    Files,
}

/// Going back to a snapshot, after many changes.
pub(crate) struct Restore {
    journal: Journal,
    changed: Changed,
    template: Install,
    before: State,
    saved: State,
}

/// Enough of them to be flushed by one call.
const MANY: usize = 6;

impl Restore {
    pub(crate) fn new(journal: Journal) -> Self {
        Self::after(journal, Changed::RowsAndFiles)
    }

    /// Where no row has changed: the database is not even opened.
    pub(crate) fn of_files(journal: Journal) -> Self {
        let restore = Self::after(journal, Changed::Files);
        let install = restore.install();
        let written = || {
            fs::metadata(install.database())
                .unwrap()
                .modified()
                .unwrap()
        };
        let before = written();
        on(&install, &RESTORE).run().expect(0);
        assert_eq!(written(), before, "the database was written");
        restore
    }

    fn after(journal: Journal, changed: Changed) -> Self {
        let template = journal.of(small());
        let album = template.path("storage/images/album");
        fs::create_dir(&album).unwrap();
        for number in 0..MANY {
            fs::write(album.join(number.to_string()), format!("picture {number}")).unwrap();
        }
        let saved = State::of(&template);
        on(&template, &SAVE).run().expect(0);
        if changed == Changed::RowsAndFiles {
            template.execute("DELETE FROM images; UPDATE users SET email = 'x' || id");
        }
        let mut restore = Self {
            journal,
            changed,
            before: saved.clone(),
            saved,
            template,
        };
        restore.before = State::of(&restore.install());
        restore
    }

    fn is_recorded(&self, install: &Install) -> bool {
        match self.changed {
            Changed::RowsAndFiles => State::of(install).rows == self.saved.rows,
            Changed::Files => install.has(".reset-app/unfinished-restore"),
        }
    }
}

/// So that nothing is too recent to be taken for what it was.
fn settle() {
    std::thread::sleep(Duration::from_millis(25));
}

impl fmt::Debug for Restore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (journal, changed) = (self.journal, self.changed);
        write!(f, "{journal:?} {} of {changed:?}", RESTORE.join(" "))
    }
}

impl Subject for Restore {
    fn template(&self) -> &Install {
        &self.template
    }

    fn prepare(&self, install: &Install) {
        if self.changed == Changed::Files {
            settle();
            on(install, &RESTORE).run().expect(0);
        }
        let images = install.path("storage/images");
        fs::write(images.join("crumbs.png"), "other").unwrap();
        fs::remove_dir_all(images.join("user_1")).unwrap();
        fs::remove_dir_all(images.join("album")).unwrap();
        fs::create_dir_all(images.join("new/er")).unwrap();
        fs::write(images.join("new/er/file"), "new").unwrap();
        fs::remove_file(install.path(".env")).unwrap();
        // Each copy is the same before the command.
        let time = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        for changed in ["crumbs.png", "new/er/file", "new/er", "new", ""] {
            let changed = fs::File::open(images.join(changed)).unwrap();
            changed.set_modified(time).unwrap();
        }
    }

    fn words(&self) -> Vec<&str> {
        RESTORE.to_vec()
    }

    /// The rows are those of before or those saved, and no file changes before the rows have.
    fn check_middle(&self, install: &Install) -> Checked {
        check_integrity(install)?;
        let middle = State::of(install);
        if middle.rows == self.saved.rows {
            return Ok(());
        }
        same("half restored: the rows", &self.before.rows, &middle.rows)?;
        same_state("files before the rows", &self.before, &middle)
    }

    fn check_end(&self, install: &Install) -> Checked {
        check_no_leftovers(install)?;
        self.check_done(install)
    }

    fn check_done(&self, install: &Install) -> Checked {
        check_integrity(install)?;
        if install.dump().tables().any(|table| table == OUTBOX) {
            return Err("the outbox is left".into());
        }
        same_state("restored", &self.saved, &State::of(install))
    }

    fn is_untouched(&self, install: &Install) -> bool {
        let now = State::of(install);
        self.before.differs_from(&now).is_empty()
    }

    /// The remedy that is named, or the same command.
    fn rerun(&self, install: &Install, nth: usize) -> Checked<Outcome> {
        settle();
        if nth.is_multiple_of(2) && self.is_recorded(install) {
            ends_well(on(install, &["resume", "--no-redis"]))
        } else {
            ends_well(on(install, &RESTORE))
        }
    }
}

/// Saving a snapshot.
pub(crate) struct Save {
    journal: Journal,
    template: Install,
    state: State,
}

impl Save {
    pub(crate) fn new(journal: Journal) -> Self {
        let template = journal.of(small());
        let state = State::of(&template);
        Self {
            journal,
            template,
            state,
        }
    }
}

impl fmt::Debug for Save {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}", self.journal, SAVE.join(" "))
    }
}

impl Subject for Save {
    fn template(&self) -> &Install {
        &self.template
    }

    fn words(&self) -> Vec<&str> {
        SAVE.to_vec()
    }

    /// The application is untouched, and the snapshot whole or not there.
    fn check_middle(&self, install: &Install) -> Checked {
        same_state("the application", &self.state, &State::of(install))?;
        check_whole(install)
    }

    /// It brings back what is lost.
    fn check_end(&self, install: &Install) -> Checked {
        check_no_leftovers(install)?;
        self.check_done(install)
    }

    fn check_done(&self, install: &Install) -> Checked {
        same_state("the application", &self.state, &State::of(install))?;
        let lost = install.again();
        fs::remove_file(lost.path("storage/images/crumbs.png")).unwrap();
        lost.execute("DELETE FROM images");
        ends_well(on(&lost, &RESTORE))?;
        same_state("restored", &self.state, &State::of(&lost))
    }

    fn is_untouched(&self, install: &Install) -> bool {
        !is_there(install)
    }

    /// The same command, or another snapshot where this one is whole.
    fn rerun(&self, install: &Install, _: usize) -> Checked<Outcome> {
        let name = if is_there(install) { "second" } else { "clean" };
        ends_well(on(install, &["snapshot", "save", name]))
    }
}

/// Dropping one snapshot of two.
pub(crate) struct Drop {
    journal: Journal,
    template: Install,
    state: State,
    other: Tree,
}

impl Drop {
    pub(crate) fn new(journal: Journal) -> Self {
        let template = journal.of(small());
        on(&template, &SAVE).run().expect(0);
        on(&template, &["snapshot", "save", "other"])
            .run()
            .expect(0);
        Self {
            journal,
            state: State::of(&template),
            other: other(&template),
            template,
        }
    }
}

fn other(install: &Install) -> Tree {
    install.tree().below(&format!("{PLACE}/other"))
}

impl fmt::Debug for Drop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}", self.journal, DROP.join(" "))
    }
}

impl Subject for Drop {
    fn template(&self) -> &Install {
        &self.template
    }

    fn words(&self) -> Vec<&str> {
        DROP.to_vec()
    }

    /// The application and the other snapshot are untouched; what still has its name is whole.
    fn check_middle(&self, install: &Install) -> Checked {
        same_state("the application", &self.state, &State::of(install))?;
        let other = difference(&self.other, &other(install));
        if !other.is_empty() {
            return Err(format!("the other snapshot: {other}"));
        }
        check_whole(install)?;
        if is_there(install) {
            ends_well(on(install, &["snapshot", "diff", "clean"]))?;
        }
        Ok(())
    }

    fn check_end(&self, install: &Install) -> Checked {
        check_no_leftovers(install)?;
        self.check_done(install)
    }

    fn check_done(&self, install: &Install) -> Checked {
        self.check_middle(install)?;
        if install.has(format!("{PLACE}/clean")) {
            return Err("the snapshot is still there".into());
        }
        check_none_has(install, &[UNFINISHED])
    }

    fn is_untouched(&self, install: &Install) -> bool {
        is_there(install)
    }

    fn rerun(&self, install: &Install, _: usize) -> Checked<Outcome> {
        if is_there(install) {
            ends_well(on(install, &DROP))
        } else {
            // What is left of it goes with the next that is dropped, or saved.
            ends_well(on(install, &["snapshot", "save", "third"]))
        }
    }
}
