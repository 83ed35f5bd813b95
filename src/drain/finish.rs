//! The end of an outbox: Redis keys, audit lines, and the outbox itself.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Drain, Drained};
use crate::audit::{Trail, now};
use crate::database::{OldPages, write_back};
use crate::error::{Error, Result};
use crate::keyspace::{Deadline, Scope};
use crate::outbox::{self, KeysRecord, RunRecord, TrailRecord, UserRecord};
use crate::redis::{self, RuleCleared};
use crate::roots;
use crate::storage;
use crate::target::NoServer;
use crate::user::UserKey;

/// How many users are read from the outbox at once.
const BATCH: usize = 512;

/// How long Redis may take, connecting included.
pub(crate) const REDIS_DEADLINE: Duration = Duration::from_secs(10);

/// What became of the Redis keys: cleared by rule, or none where it is not known.
pub(crate) type KeysCleared = Option<Vec<u64>>;

impl Drain<'_> {
    /// Clears the keys, writes the audit lines and drops the outbox if nothing is left in it.
    pub(super) fn finish(&self, trail: &mut Trail, drained: &mut Drained) -> Result<KeysCleared> {
        let runs = outbox::runs(self.connection)?;
        let keys = self.clear_keys(&runs, drained)?;
        let told: Vec<&RunRecord> = runs
            .iter()
            .filter(|run| run.trail != TrailRecord::None)
            .collect();
        self.write_users(&told, trail)?;
        self.environment(drained)?;
        self.write_runs(&told, trail)?;
        // Users are known to the outbox as long as there is one: whoever names an account that an
        // interrupted run deleted is not told that there is no such user.
        let dissolved =
            self.remove_quarantines(&runs, drained) && self.old_pages_are_gone(&runs, drained)?;
        self.in_transaction(|| {
            outbox::remove_users(self.connection)?;
            if dissolved {
                outbox::drop_if_done(self.connection)
            } else {
                Ok(false)
            }
        })?;
        Ok(keys)
    }

    /// Removes what a purge could not: the quarantines themselves. Whether none of these runs is left;
    /// while one is, the run stays recorded, so that `resume` comes back to it.
    fn remove_quarantines(&self, runs: &[RunRecord], drained: &mut Drained) -> bool {
        let leftovers = match storage::leftovers(self.roots) {
            Ok(leftovers) => leftovers,
            Err(error) => {
                drained.leave("the roots, in which quarantines may stand".into(), &error);
                return false;
            }
        };
        let mut dissolved = true;
        for leftover in leftovers
            .iter()
            .filter(|leftover| runs.iter().any(|run| run.run == leftover.run))
        {
            if let Err(error) = storage::remove_empty(self.roots, leftover, self.erased) {
                drained.leave(roots::shown(&leftover.path), &error);
                dissolved = false;
            }
        }
        for run in runs.iter().filter(|run| run.reset.is_some()) {
            if let Err(error) = self.remove_quarantine_of_environment(&run.run) {
                drained.leave(roots::shown(self.target.environment_file()), &error);
                dissolved = false;
            }
        }
        dissolved
    }

    /// Whether no byte of what a reset replaced is left in the database's files. While a reader holds
    /// it, the run stays recorded, so that `resume` comes back to it.
    fn old_pages_are_gone(&self, runs: &[RunRecord], drained: &mut Drained) -> Result<bool> {
        if runs.iter().all(|run| run.reset.is_none()) {
            return Ok(true);
        }
        let gone = write_back(self.connection)? == OldPages::Gone;
        if !gone {
            let reason =
                "another program still reads the old content, which its files hold until it ends";
            let path = roots::shown(&self.target.database);
            drained.leave(path, &reason);
        }
        Ok(gone)
    }

    fn clear_keys(&self, runs: &[RunRecord], drained: &mut Drained) -> Result<KeysCleared> {
        // The environment, which names Redis, goes when its keys are cleared.
        let reset = runs
            .iter()
            .any(|run| run.reset.as_ref().is_some_and(|reset| reset.environment));
        if reset && self.target.environment_is_gone() {
            return Ok(None);
        }
        let rules = &self.target.manifest.redis.keys;
        if rules.is_empty() {
            return Ok(None);
        }
        let server = match &self.target.redis {
            Ok(server) => server,
            Err(NoServer::LeftOut) => return Ok(None),
            Err(reason) => {
                let warning = format!("{reason}; no Redis key was looked at or cleared");
                drained.warnings.push(warning);
                return Ok(None);
            }
        };
        let Some(scope) = self.scope(runs)? else {
            return Ok(None);
        };
        let cleared = redis::clear(
            server,
            rules,
            &scope,
            Deadline::after(REDIS_DEADLINE),
            self.erased,
        );
        for (rule, RuleCleared { found, cleared }) in rules.iter().zip(&cleared.per_rule) {
            log::info!("redis `{rule}`: {found} found, {cleared} cleared");
        }
        let counts = cleared.per_rule.iter().map(|rule| rule.cleared);
        let Some(trouble) = cleared.trouble else {
            return Ok(Some(counts.collect()));
        };
        let done: u64 = counts.sum();
        drained.warnings.push(format!(
            "{trouble}; {done} Redis keys were cleared, whatever else is there was not: clear it with \
             `reset-app clear-redis` when Redis answers, or by the same command where the accounts stay"
        ));
        Ok(None)
    }

    fn scope(&self, runs: &[RunRecord]) -> Result<Option<Scope>> {
        if runs.iter().any(|run| run.keys == KeysRecord::Application) {
            return Ok(Some(Scope::Application));
        }
        let keys = self.user_keys()?;
        if runs.iter().any(|run| run.keys == KeysRecord::Everyone) {
            return Ok(Some(Scope::Everyone(keys)));
        }
        let users = runs.iter().any(|run| run.keys == KeysRecord::Users);
        Ok(users.then_some(Scope::Users(keys)))
    }

    fn user_keys(&self) -> Result<Vec<UserKey>> {
        let mut keys = Vec::new();
        self.each_batch(|users| {
            keys.extend(users.into_iter().filter_map(|user| user.key));
            Ok(())
        })?;
        Ok(keys)
    }

    fn write_users(&self, runs: &[&RunRecord], trail: &mut Trail) -> Result<()> {
        self.each_batch(|mut users| {
            users.retain(|user| runs.iter().any(|run| run.run == user.run));
            let lines = users.iter().map(|user| {
                let line = serde_json::from_str(&user.detail).map_err(|_| Error::OutboxRow)?;
                Ok((format!("{}/{}", user.run, user.id), line))
            });
            trail.append(lines.collect::<Result<Vec<(String, Value)>>>()?)
        })
    }

    /// A run's line follows its last user's.
    fn write_runs(&self, runs: &[&RunRecord], trail: &mut Trail) -> Result<()> {
        if !self.paths_are_done()? {
            return Ok(());
        }
        let lines = runs.iter().map(|run| {
            let mut line = json!({
                "time": now(), "run": run.run, "operation": run.operation, "finished": true,
            });
            if let Some(reset) = &run.reset {
                line["users"] = reset.users.into();
                line["rows"] = json!(reset.rows);
                line["paths"] = reset.paths.into();
            }
            (run.run.clone(), line)
        });
        trail.append(lines.collect::<Vec<_>>())
    }

    fn each_batch(&self, mut work: impl FnMut(Vec<UserRecord>) -> Result<()>) -> Result<()> {
        let mut after = 0;
        loop {
            let users = outbox::users(self.connection, after, BATCH)?;
            let Some(last) = users.last() else {
                return Ok(());
            };
            after = last.id;
            work(users)?;
        }
    }
}
