//! Commands that clear keys of Redis.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use crate::support::install::Install;
use crate::support::redis_server::RedisServer;
use crate::support::run::{Outcome, has_tool};
use crate::support::small::small;
use crate::support::strace::CHANGING;
use crate::support::subjects::has_outbox;
use crate::support::sweep::{Checked, Subject, ends_well, kill_and_finish, series, sweep};

const KEYS: &[u8] = b"HSET vedfolnir:session:a user_id 1
    HSET vedfolnir:session:b user_id 2
    HSET vedfolnir:session:c csrf x
    SET user_platforms:1 []
    SET user_platforms:2 []
    SET vedfolnir:progress:user:1 x
    SET vedfolnir:metrics x
    SET session:theirs x
    SET shop:cart:1 x";

/// By what a client speaks to a server.
const SPEAKING: [&str; 4] = ["sendto", "recvfrom", "connect", "socket"];

type Keys = Vec<(Vec<u8>, Vec<u8>)>;

/// A command, with a Redis of its own.
struct Clearing {
    server: RedisServer,
    url: String,
    words: &'static [&'static str],
    template: Install,
    before: Keys,
    after: Keys,
}

impl Clearing {
    fn new(words: &'static [&'static str]) -> Option<Self> {
        let server = RedisServer::start()?;
        let mut clearing = Self {
            url: server.url(0),
            server,
            words,
            template: small(),
            before: Vec::new(),
            after: Vec::new(),
        };
        let install = clearing.install();
        clearing.before = clearing.server.dump(0);
        ends_well(clearing.command(&install)).unwrap();
        clearing.after = clearing.server.dump(0);
        let keys = |keys: &Keys| keys.iter().map(|(key, _)| key.clone()).collect::<Vec<_>>();
        let (before, after) = (keys(&clearing.before), keys(&clearing.after));
        for theirs in [&b"session:theirs"[..], b"shop:cart:1"] {
            assert!(after.iter().any(|key| key == theirs));
        }
        assert!(after.len() <= 5 && before.len() == 9, "{after:?}");
        Some(clearing)
    }
}

impl fmt::Debug for Clearing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words.join(" "))
    }
}

impl Subject for Clearing {
    fn template(&self) -> &Install {
        &self.template
    }

    fn install(&self) -> Install {
        self.server.run(&["FLUSHDB"]);
        self.server.feed_text(KEYS);
        self.template.again()
    }

    fn words(&self) -> Vec<&str> {
        [self.words, &["--redis", &self.url]].concat()
    }

    /// No key of another program is touched, and no other one is changed.
    fn check_middle(&self, _: &Install) -> Checked {
        let now = self.server.dump(0);
        let (lost, made) = (
            self.after.iter().find(|key| !now.contains(key)),
            now.iter().find(|key| !self.before.contains(key)),
        );
        match (lost, made) {
            (None, None) => Ok(()),
            (lost, made) => Err(format!("lost {lost:?}, made {made:?}")),
        }
    }

    fn check_end(&self, install: &Install) -> Checked {
        let now = self.server.dump(0);
        if now != self.after || has_outbox(install) {
            return Err(format!("left {now:?}"));
        }
        Ok(())
    }

    fn is_untouched(&self, _: &Install) -> bool {
        self.server.dump(0) == self.before
    }

    fn rerun(&self, install: &Install, _: usize) -> Checked<Outcome> {
        ends_well(self.command(install))
    }
}

#[test]
fn a_clearing_of_keys_killed_anywhere_is_finished_by_the_next() {
    const CLEAR: &[&str] = &["clear-redis", "--force"];
    const DELETE: &[&str] = &["--delete-all-user-data", "--force"];
    if !has_tool("strace", "no clearing of keys was killed") {
        return;
    }
    let subjects: Option<Vec<Box<dyn Subject>>> = [CLEAR, DELETE]
        .into_iter()
        .map(|words| Some(Box::new(Clearing::new(words)?) as Box<dyn Subject>))
        .collect();
    let Some(subjects) = subjects else {
        return;
    };
    let syscalls = [&SPEAKING[..], &CHANGING].concat();
    let series = series(&subjects, &syscalls, &["signal=KILL"], 2);
    // Each has one Redis for all its points.
    let alone = Mutex::new(());
    sweep("killed clearings of keys", &series, |series, nth| {
        let _alone = alone.lock().unwrap_or_else(PoisonError::into_inner);
        kill_and_finish(series, nth)
    });
}
