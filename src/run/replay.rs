//! Erasing again whom the audit trail names after the position of a copy that was put back.
//!
//! The users are those whose accounts the trail knows, not those who merely have their keys. Each
//! goes in the way in which the trail says that user went, with the account or without, by the same
//! survey and deed as in any other run.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::scene::Scene;
use super::{App, Job, Operation, Preview, recovery};
use crate::audit::{self, Named, Since, Way};
use crate::consent::Consent;
use crate::database;
use crate::error::{Error, Result};
use crate::report::{Failure, Replay, Report, Stage};
use crate::run_lock::RunLock;
use crate::snapshot;
use crate::summary;
use crate::survey::{Selection, each_person};
use crate::user::UserKey;
use crate::watch::Watch;

/// What a replay comes to.
struct Replaying {
    /// In the order in which the users were erased.
    jobs: Vec<Job>,
    replay: Replay,
}

/// Who was given the mentions of accounts, by the names of the trail.
type Heirs = BTreeMap<String, UserKey>;

/// A user who is back.
struct Back {
    key: UserKey,
    name: String,
    way: Way,
}

impl App {
    /// Whom a replay would erase, and what of them. Changes nothing, as [`App::preview`] does.
    ///
    /// `since` is the position of the copy that was put back; the last restore's unless given. Fails
    /// where the trail or its key cannot be gone by, and as the deletion would be refused.
    pub fn preview_replay(&self, since: Option<&Since>) -> Result<Report> {
        let replaying = database::look(&self.target.database, |connection| {
            self.found(connection, since)
        })?;
        self.preview_all(&replaying)
    }

    /// Erases them again, after `ask` has seen the preview and consented; nobody is asked where
    /// there is nobody to erase.
    ///
    /// A snapshot of the name `snapshot` is taken first, if one is given. Unfinished work of an earlier
    /// run is finished first, as in [`App::erase`]; not that of a restore, of which the trail does not
    /// tell yet.
    pub fn replay(
        &self,
        (since, snapshot): (Option<&Since>, Option<&str>),
        ask: &mut dyn FnMut(&Preview<'_>) -> Result<Consent>,
        watch: &mut dyn Watch,
    ) -> Result<Report> {
        let mut replaying = self.found_by_writer(since)?;
        if let Some(first) = replaying.jobs.first_mut() {
            first.snapshot = snapshot.map(str::to_owned);
        }
        let report = match &replaying.jobs[..] {
            [] => Report {
                operation: Operation::Replay.name(),
                ..self.resume(watch)?
            },
            [job] => {
                let told = &replaying.replay;
                let mut shown = |preview: &Preview<'_>| {
                    ask(&Preview {
                        but_keys: &Report {
                            replay: Some(told.clone()),
                            ..preview.but_keys.clone()
                        },
                        ..*preview
                    })
                };
                self.erase(job, &mut shown, watch)?
            }
            jobs => {
                let preview = self.preview_all(&replaying)?;
                Preview::put_to(ask, &preview, &|_| Ok(()))?;
                self.erase_all(jobs, watch)?
            }
        };
        Ok(Report {
            replay: Some(replaying.replay),
            ..report
        })
    }

    /// One way after the other. What is refused once others are done has failed.
    fn erase_all(&self, jobs: &[Job], watch: &mut dyn Watch) -> Result<Report> {
        let (mut done, mut failed) = (Vec::new(), Vec::new());
        for (at, job) in jobs.iter().enumerate() {
            match self.erase(job, &mut |_| Ok(Consent::forced()), watch) {
                Ok(report) => done.push(report),
                Err(error) if at == 0 => return Err(error),
                Err(error) => {
                    failed = jobs[at..]
                        .iter()
                        .flat_map(|job| failures(job, &error))
                        .collect();
                    break;
                }
            }
            if done.last().is_some_and(|report| report.stopped) {
                break;
            }
        }
        let mut report = self.sum(done, Stage::Done);
        report.failed.extend(failed);
        Ok(report)
    }

    fn preview_all(&self, replaying: &Replaying) -> Result<Report> {
        let previews = replaying.jobs.iter().map(|job| self.preview(job));
        let mut report = match &replaying.jobs[..] {
            [] => Report {
                operation: Operation::Replay.name(),
                ..self.preview_resume()?
            },
            _ => self.sum(previews.collect::<Result<_>>()?, Stage::Preview),
        };
        if replaying.jobs.len() > 1 {
            report.warnings.push(
                "these users went in different ways, so they are counted one way after the other: \
                 what two of them share may be counted twice, or as kept"
                    .into(),
            );
        }
        report.replay = Some(replaying.replay.clone());
        Ok(report)
    }

    fn found(&self, connection: &Connection, since: Option<&Since>) -> Result<Replaying> {
        recovery::require_no_reset(connection)?;
        snapshot::require_no_unfinished_restore(&self.target, connection)?;
        let named = audit::named(&self.target, since)?;
        let back = self.back(connection, &named)?;
        Ok(replaying(&named, back))
    }

    /// A run that was killed may have left a journal that only a writer rolls back.
    fn found_by_writer(&self, since: Option<&Since>) -> Result<Replaying> {
        let _lock = RunLock::take(&self.target.database)?;
        let connection = database::open(&self.target.database)?;
        self.found(&connection, since)
    }

    /// Those of the users named whom the database holds, in the order in which they were erased, and
    /// the heirs.
    fn back(&self, connection: &Connection, named: &Named) -> Result<(Vec<Back>, Heirs)> {
        let (mut back, mut heirs) = (Vec::new(), Heirs::new());
        if named.users.is_empty() {
            return Ok((back, heirs));
        }
        let key = audit::key_of(&self.target)?;
        let plan = Scene::set(&self.target, connection, &Job::default())?.plan;
        let is_heir = |name: &String| {
            named
                .users
                .values()
                .any(|way| way.heir.as_ref() == Some(name))
        };
        each_person(connection, &plan, &mut |person| {
            let name = key.name(&person);
            if is_heir(&name) {
                heirs.insert(name.clone(), person.key.clone());
            }
            if let Some(way) = named.users.get(&name) {
                back.push(Back {
                    key: person.key,
                    name,
                    way: way.clone(),
                });
            }
            Ok(())
        })?;
        back.sort_by_key(|user| user.way.line);
        Ok((back, heirs))
    }

    /// Several reports as one.
    fn sum(&self, reports: Vec<Report>, stage: Stage) -> Report {
        let name = Operation::Replay.name();
        let mut sum = Report::empty(&self.target, stage, name);
        for (at, report) in reports.into_iter().enumerate() {
            if at == 0 {
                sum = report;
            } else {
                sum.add(report);
            }
        }
        sum.summary = summary::lines(&self.target.manifest, &sum.counts);
        sum
    }
}

/// Each user of a job that could not be done.
fn failures(job: &Job, error: &Error) -> Vec<Failure> {
    let Selection::Accounts(accounts) = &job.selection else {
        return Vec::new();
    };
    let failure = |key: &UserKey| Failure {
        user: key.to_string(),
        reason: error.to_string(),
    };
    accounts.keys().map(failure).collect()
}

fn replaying(named: &Named, (back, heirs): (Vec<Back>, Heirs)) -> Replaying {
    let replay = Replay {
        since: named
            .since
            .as_ref()
            .map(Since::to_string)
            .unwrap_or_default(),
        snapshot: named.snapshot.clone(),
        named: named.users.len() as u64,
        absent: (named.users.len() - back.len()) as u64,
        unclear: named.unclear,
    };
    let jobs = jobs(back, &heirs);
    Replaying { jobs, replay }
}

/// One job for each way in which users went. Where an heir went later, the order counts.
fn jobs(back: Vec<Back>, heirs: &Heirs) -> Vec<Job> {
    let mut jobs: Vec<(Way, BTreeMap<UserKey, String>)> = Vec::new();
    for user in back {
        let same = |(way, _): &(Way, _)| {
            (way.extent, way.accounts, &way.heir)
                == (user.way.extent, user.way.accounts, &user.way.heir)
        };
        let at = jobs.iter().position(same).unwrap_or(jobs.len());
        if at == jobs.len() {
            jobs.push((user.way.clone(), BTreeMap::new()));
        }
        jobs[at].1.insert(user.key, user.name);
    }
    let job = |(way, accounts): (Way, _)| {
        let heir = way.heir.and_then(|name| heirs.get(&name));
        Job {
            operation: Operation::Replay,
            selection: Selection::Accounts(accounts),
            accounts: way.accounts,
            extent: way.extent,
            reassign_to: heir.map(ToString::to_string),
            ..Job::default()
        }
    };
    jobs.into_iter().map(job).collect()
}
