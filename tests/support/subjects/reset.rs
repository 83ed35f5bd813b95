//! A complete reset: the database made anew, the directories emptied, the environment removed.

use std::fmt;
use std::fs;
use std::io::Write;

use super::super::install::{Dump, Install, Tree, difference};
use super::super::run::{Outcome, reset_app};
use super::super::small::small;
use super::super::sweep::{Checked, Journal, OUTBOX, Subject, ends_well, same};
use super::super::trail::{TRAIL, Trail};

/// Where `.env` says the database is: nowhere near the default.
const ELSEWHERE: &str = "data/elsewhere.db";
const SECRET: &[u8] = b"BYTES-OF-A-USER";

const WORDS: [&str; 3] = ["--reset-complete", "--force", "--no-redis"];

/// A reset of the small install, with its database elsewhere.
pub(crate) struct Reset {
    journal: Journal,
    template: Install,
    before: Dump,
    files: Tree,
    after: Dump,
    end: Tree,
}

impl Reset {
    pub(crate) fn new(journal: Journal) -> Self {
        let template = journal.of(small());
        template.execute(
            "CREATE TABLE alembic_version(v); INSERT INTO alembic_version VALUES ('head');
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40)
             INSERT INTO user_audit_log (user_id, action, details)
             SELECT 1, 'BYTES-OF-A-USER', replace(hex(zeroblob(200)), '00', 'BYTES-OF-A-USER') FROM n",
        );
        fs::create_dir(template.path("data")).unwrap();
        fs::rename(template.database(), template.path(ELSEWHERE)).unwrap();
        let environment = fs::File::options().append(true).open(template.path(".env"));
        let line = format!("DATABASE_URL=sqlite:///{ELSEWHERE}\n");
        environment.unwrap().write_all(line.as_bytes()).unwrap();
        let done = template.again();
        reset_app().root(done.root()).args(WORDS).run().expect(0);
        let reset = Self {
            journal,
            before: rows(&template),
            files: stable(&template),
            after: rows(&done),
            end: stable(&done),
            template,
        };
        let gone = ["logs/vedfolnir.log", "storage/images/crumbs.png", ".env"];
        assert!(gone.iter().all(|path| !reset.end.has(path)));
        assert_ne!(difference(&reset.before, &reset.after), "");
        reset
    }
}

impl fmt::Debug for Reset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}", self.journal, WORDS.join(" "))
    }
}

impl Subject for Reset {
    fn template(&self) -> &Install {
        &self.template
    }

    fn words(&self) -> Vec<&str> {
        WORDS.to_vec()
    }

    /// The old database with all its files, or the new one; never a database without its environment's
    /// pointer, never the environment gone before the files.
    fn check_middle(&self, install: &Install) -> Checked {
        let now = rows(install);
        if now != self.after {
            same("half a reset: the rows", &self.before, &now)?;
            same("before the commit the files", &self.files, &stable(install))?;
        }
        let files = ["logs/vedfolnir.log", "storage/images/crumbs.png"];
        if !install.has(".env") && files.iter().any(|path| install.has(path)) {
            return Err("`.env` went before the files".into());
        }
        Ok(())
    }

    fn check_end(&self, install: &Install) -> Checked {
        if ["-wal", "-shm", "-journal"]
            .iter()
            .any(|beside| install.has(format!("{ELSEWHERE}{beside}")))
        {
            return Err("a journal is left".into());
        }
        self.check_done(install)
    }

    fn check_done(&self, install: &Install) -> Checked {
        same("the database", &self.after, &rows(install))?;
        let whole = Dump::of(&install.path(ELSEWHERE));
        if whole.tables().any(|table| table == OUTBOX) {
            return Err("the outbox is left".into());
        }
        same("the files", &self.end, &stable(install))?;
        if install.has(".reset-app/unfinished-reset") {
            return Err("the pointer is left".into());
        }
        let bytes = fs::read(install.path(ELSEWHERE)).unwrap();
        if bytes.windows(SECRET.len()).any(|at| at == SECRET) {
            return Err("old pages are left in the file".into());
        }
        tells_once_of_two(install)
    }

    fn is_untouched(&self, install: &Install) -> bool {
        rows(install) == self.before && stable(install) == self.files
    }

    /// `resume`, or the same command.
    fn rerun(&self, install: &Install, nth: usize) -> Checked<Outcome> {
        let words = if nth.is_multiple_of(2) {
            &["resume", "--no-redis"][..]
        } else {
            &WORDS
        };
        let again = |words: &[&str]| reset_app().root(install.root()).args(words).run();
        let rerun = again(words);
        // After the end nothing says any more where the database is.
        let nothing_left = rerun.code() == Some(4) && rerun.stderr.contains("there is no database");
        if rerun.code() != Some(0) && !nothing_left {
            return Err(format!("the rerun failed: {rerun}"));
        }
        if rows(install) == self.before {
            return ends_well(reset_app().root(install.root()).args(WORDS));
        }
        Ok(rerun)
    }
}

fn tells_once_of_two(install: &Install) -> Checked {
    let trail = fs::read_to_string(install.path(TRAIL)).unwrap();
    Trail::of(install.root())?;
    let of_two = |line: &&str| line.contains("\"users\":2");
    match trail.lines().filter(of_two).count() {
        1 => Ok(()),
        lines => Err(format!(
            "the trail tells {lines} times of two users:\n{trail}"
        )),
    }
}

fn rows(install: &Install) -> Dump {
    Dump::of(&install.path(ELSEWHERE)).without_table(OUTBOX)
}

/// Everything but what comes and goes with the database and the trail.
fn stable(install: &Install) -> Tree {
    install
        .tree()
        .retain(|path| !path.starts_with(b"data") && !path.starts_with(b".reset-app"))
}
