//! Clearing the application's Redis, and nothing else.

use super::{App, Preview};
use crate::audit::{Trail, now};
use crate::consent::Consent;
use crate::database;
use crate::error::{Error, Result};
use crate::graph::Graph;
use crate::keyspace::{self, Deadline, Scope, Server};
use crate::outbox::{Erased, run_name};
use crate::redis::{self, RuleCleared};
use crate::report::{Report, Stage};
use crate::run_lock::RunLock;
use crate::schema;
use crate::summary;

const OPERATION: &str = "clear-redis";

impl App {
    /// How many keys of the application Redis holds, by pattern. Changes nothing.
    ///
    /// Fails where the database is not the manifest's application's, or Redis cannot be counted.
    pub fn preview_keys(&self) -> Result<Report> {
        let server = self.checked_server()?;
        let counts = self.count(server)?;
        Ok(self.report(Stage::Preview, &counts))
    }

    /// Clears every key of the application, also those that belong to nobody, after `ask` has seen
    /// the preview and consented. Other programs' keys stay.
    ///
    /// Fails as [`App::preview_keys`] does, and where Redis does not answer to the end; what was
    /// cleared until then is gone.
    pub fn clear_keys(
        &self,
        ask: &mut dyn FnMut(&Preview<'_>) -> Result<Consent>,
    ) -> Result<Report> {
        let _lock = RunLock::take(&self.target.database)?;
        let server = self.checked_server()?;
        let preview = self.report(Stage::Preview, &[]);
        Preview::put_to(ask, &preview, &|report| {
            *report = self.report(Stage::Preview, &self.count(server)?);
            Ok(())
        })?;
        let run = run_name()?;
        let mut trail = Trail::open(&self.target, std::slice::from_ref(&run))?;
        let rules = &self.target.manifest.redis.keys;
        // No rows are concerned, so no commit has to come first (invariant 2).
        let none = Erased(());
        let cleared = redis::clear(server, rules, &Scope::Application, deadline(), &none);
        let counts: Vec<u64> = cleared.per_rule.iter().map(|rule| rule.cleared).collect();
        let line = serde_json::json!({
            "time": now(), "run": run, "operation": OPERATION, "keys": counts.iter().sum::<u64>(),
        });
        trail.append([(run.clone(), line)])?;
        if let Some(trouble) = cleared.trouble {
            let cleared = counts.iter().sum();
            let trouble = Box::new(trouble);
            return Err(Error::KeysLeft { cleared, trouble });
        }
        let mut report = self.report(Stage::Done, &counts);
        report.run = Some(run);
        report.subject = preview.subject;
        report.warnings = self.left(server, &cleared.per_rule)?;
        report.warnings.extend(trail.warnings());
        Ok(report)
    }

    /// The keys of an application are only known where its database is.
    fn checked_server(&self) -> Result<&Server> {
        let schema = database::look(&self.target.database, schema::read)?;
        Graph::new(&schema, &self.target.manifest)?;
        let server = self.target.redis.as_ref();
        server.map_err(|reason| Error::NoRedis {
            reason: reason.to_string(),
        })
    }

    fn count(&self, server: &Server) -> Result<Vec<u64>> {
        let rules = &self.target.manifest.redis.keys;
        let counts = keyspace::count(server, rules, &Scope::Application, deadline());
        let trouble = |error| Error::KeysLeft {
            cleared: 0,
            trouble: Box::new(error),
        };
        Ok(counts.map_err(trouble)?.per_rule)
    }

    /// Keys that are there again, by pattern: the application goes on making them.
    fn left(&self, server: &Server, cleared: &[RuleCleared]) -> Result<Vec<String>> {
        let left = self.count(server)?;
        let rules = &self.target.manifest.redis.keys;
        let by_pattern = |counts: Vec<u64>| summary::by_pattern(rules, &counts);
        let found = by_pattern(cleared.iter().map(|rule| rule.found).collect());
        let gone = by_pattern(cleared.iter().map(|rule| rule.cleared).collect());
        let there = by_pattern(left.clone());
        for ((found, gone), there) in found.iter().zip(&gone).zip(&there) {
            let [f, c, l] = [found, gone, there].map(|line| line.count.unwrap_or_default());
            log::info!("redis `{}`: {f} found, {c} cleared, {l} left", found.line);
        }
        let again = rules.iter().zip(left).filter(|(_, left)| *left > 0);
        let sentence = |(rule, left)| {
            format!(
                "{left} keys like `{rule}` were made while the others were cleared; stop the application first"
            )
        };
        Ok(again.map(sentence).collect())
    }

    fn report(&self, stage: Stage, counts: &[u64]) -> Report {
        Report {
            summary: summary::by_pattern(&self.target.manifest.redis.keys, counts),
            ..Report::empty(&self.target, stage, OPERATION)
        }
    }
}

fn deadline() -> Deadline {
    Deadline::after(crate::drain::REDIS_DEADLINE)
}
