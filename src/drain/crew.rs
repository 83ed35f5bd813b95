//! Threads that take files and purge them, several batches at once, and beside the erasing of later
//! users. None of them sees SQL: what they are handed has passed the gate, and what they answer is
//! judged by who holds the connection.

use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::{Builder, Scope};

use crate::outbox::FileRecord;
use crate::roots::Place;
use crate::storage::{PurgeReport, Quarantine, Taken};

/// Renaming and removing wait for the disk more than they work: so more than there may be processors.
const HANDS: usize = 6;

/// How many files are removed before one flush of their directories makes that durable.
pub(super) const TOGETHER: usize = 512;

/// Files that are to go, and the quarantine that takes them.
pub(super) struct Load<'r> {
    pub(super) quarantine: Quarantine<'r>,
    pub(super) files: Vec<(FileRecord, Place)>,
}

/// What became of a load.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) files: Vec<(FileRecord, Place, Taken)>,
    pub(super) report: PurgeReport,
}

/// What a thread is told, and answers when it has done it: to take files, hang up, and remove them; or
/// else to make durable what was removed.
type Task<'r> = Option<(Load<'r>, Sender<()>)>;

/// The threads, as long as it lives. Where the system gives none, the calling one does the work.
#[derive(Debug)]
pub(super) struct Crew<'r> {
    hands: Vec<Hand<'r>>,
    /// What the calling thread has finished.
    own: Vec<Finished>,
}

#[derive(Debug)]
struct Hand<'r> {
    tasks: Sender<Task<'r>>,
    finished: Receiver<Vec<Finished>>,
    /// Tasks that are not answered.
    tasked: usize,
}

impl<'r> Crew<'r> {
    /// Starts the threads. They end when the crew is dropped, which must be before the scope's end.
    pub(super) fn hire<'scope>(scope: &'scope Scope<'scope, '_>) -> Self
    where
        'r: 'scope,
    {
        let hand = |_| {
            let (tasks, of_tasks) = channel();
            let (finished, of_finished) = channel();
            let work = move || work(&of_tasks, &finished);
            Builder::new().spawn_scoped(scope, work).ok()?;
            Some(Hand {
                tasks,
                finished: of_finished,
                tasked: 0,
            })
        };
        Self {
            hands: (0..HANDS).map_while(hand).collect(),
            own: Vec::new(),
        }
    }

    /// Whether somebody has nothing to do.
    pub(super) fn is_free(&self) -> bool {
        let alone = self.hands.is_empty() && self.own.is_empty();
        alone || self.hands.iter().any(|hand| hand.tasked == 0)
    }

    /// Hands a load to somebody who is free; none where nobody is. The lock must be held until the
    /// answer hears that nobody speaks any more: then every file is taken.
    pub(super) fn give(&mut self, load: Load<'r>) -> Option<Receiver<()>> {
        let (taken, of_taken) = channel();
        if self.hands.is_empty() {
            let mut removed = Removed::none(load.quarantine);
            removed.take(load.files);
            removed.quarantine.remove_taken();
            self.own.push(removed.flush());
            return Some(of_taken);
        }
        let hand = self.hands.iter_mut().find(|hand| hand.tasked == 0)?;
        hand.tell(Some((load, taken))).then_some(of_taken)
    }

    /// What is finished by now.
    pub(super) fn finished(&mut self) -> Vec<Finished> {
        let heard = self.hands.iter_mut().flat_map(Hand::hear);
        self.own.drain(..).chain(heard).collect()
    }

    /// Waits until everything is finished.
    pub(super) fn finish(&mut self) -> Vec<Finished> {
        for hand in &mut self.hands {
            hand.tell(None);
        }
        let mut all = std::mem::take(&mut self.own);
        for hand in &mut self.hands {
            while hand.tasked > 0 {
                all.extend(hand.wait());
            }
        }
        all
    }

    /// Waits until somebody is free.
    pub(super) fn wait(&mut self) -> Vec<Finished> {
        let mut all = self.finished();
        if !self.is_free() {
            all.extend(self.hands.first_mut().into_iter().flat_map(Hand::wait));
        }
        all
    }
}

impl<'r> Hand<'r> {
    fn tell(&mut self, task: Task<'r>) -> bool {
        let told = self.tasks.send(task).is_ok();
        self.tasked += usize::from(told);
        told
    }

    fn hear(&mut self) -> Vec<Finished> {
        let mut all = Vec::new();
        while self.tasked > 0 {
            match self.finished.try_recv() {
                Ok(finished) => {
                    self.tasked -= 1;
                    all.extend(finished);
                }
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => self.tasked = 0,
            }
        }
        all
    }

    fn wait(&mut self) -> Vec<Finished> {
        let answer = self.finished.recv();
        self.tasked = if answer.is_ok() { self.tasked - 1 } else { 0 };
        answer.unwrap_or_default()
    }
}

/// Removed, and not yet durably.
struct Removed<'r> {
    quarantine: Quarantine<'r>,
    files: Vec<(FileRecord, Place, Taken)>,
}

impl<'r> Removed<'r> {
    fn none(quarantine: Quarantine<'r>) -> Self {
        let files = Vec::new();
        Self { quarantine, files }
    }

    fn take(&mut self, files: Vec<(FileRecord, Place)>) {
        let take = |(record, place): (FileRecord, Place)| {
            let taken = self.quarantine.take(record.id, &place, &record.identity);
            (record, place, taken)
        };
        self.files.extend(files.into_iter().map(take));
    }

    fn flush(self) -> Finished {
        Finished {
            report: self.quarantine.purge_beside_others(),
            files: self.files,
        }
    }
}

fn work<'r>(tasks: &Receiver<Task<'r>>, finished: &Sender<Vec<Finished>>) {
    let mut removed: Option<Removed<'r>> = None;
    for task in tasks {
        let mut done = Vec::new();
        match task {
            None => done.extend(removed.take().map(Removed::flush)),
            Some((Load { quarantine, files }, taken)) => {
                let continued = |so_far: &Removed| so_far.quarantine.is_of_run(&quarantine);
                if !removed.as_ref().is_some_and(continued) {
                    done.extend(removed.take().map(Removed::flush));
                }
                let so_far = removed.get_or_insert_with(|| Removed::none(quarantine));
                so_far.take(files);
                drop(taken);
                so_far.quarantine.remove_taken();
                if so_far.files.len() >= TOGETHER {
                    done.extend(removed.take().map(Removed::flush));
                }
            }
        }
        if finished.send(done).is_err() {
            return;
        }
    }
}
