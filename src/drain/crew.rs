//! Threads that take files and purge them, several batches at once, and beside the erasing of later
//! users. None of them sees SQL: what they are handed has passed the gate, and what they answer is
//! judged by who holds the connection.

use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::Scope;

use crate::outbox::FileRecord;
use crate::roots::Place;
use crate::storage::{PurgeReport, Quarantine, Taken};

/// Renaming and removing wait for the disk and for each other: more threads gain little.
const HANDS: usize = 2;

/// Files that are to go, and the quarantine that takes them.
pub(super) struct Load<'r> {
    pub(super) quarantine: Quarantine<'r>,
    pub(super) files: Vec<(FileRecord, Place)>,
}

/// What became of a load.
pub(super) struct Finished {
    pub(super) files: Vec<(FileRecord, Place, Taken)>,
    pub(super) report: PurgeReport,
}

/// The threads, as long as it lives.
#[derive(Debug)]
pub(super) struct Crew<'r> {
    hands: Vec<Hand<'r>>,
}

#[derive(Debug)]
struct Hand<'r> {
    loads: Sender<(Load<'r>, Sender<()>)>,
    finished: Receiver<Finished>,
    busy: bool,
}

impl<'r> Crew<'r> {
    /// Starts the threads. They end when the crew is dropped, which must be before the scope's end.
    pub(super) fn hire<'scope>(scope: &'scope Scope<'scope, '_>) -> Self
    where
        'r: 'scope,
    {
        let hand = |_| {
            let (loads, of_loads) = channel();
            let (finished, of_finished) = channel();
            scope.spawn(move || work(&of_loads, &finished));
            Hand {
                loads,
                finished: of_finished,
                busy: false,
            }
        };
        Self {
            hands: (0..HANDS).map(hand).collect(),
        }
    }

    /// Whether somebody has nothing to do.
    pub(super) fn is_free(&self) -> bool {
        self.hands.iter().any(|hand| !hand.busy)
    }

    /// Hands a load to somebody who is free; none where nobody is. The lock must be held until the
    /// answer hears, or hears that nobody speaks any more: then every file is taken.
    pub(super) fn give(&mut self, load: Load<'r>) -> Option<Receiver<()>> {
        let hand = self.hands.iter_mut().find(|hand| !hand.busy)?;
        let (taken, of_taken) = channel();
        hand.busy = hand.loads.send((load, taken)).is_ok();
        hand.busy.then_some(of_taken)
    }

    /// What is finished by now.
    pub(super) fn finished(&mut self) -> Vec<Finished> {
        let mut all = Vec::new();
        for hand in self.hands.iter_mut().filter(|hand| hand.busy) {
            let answer = hand.finished.try_recv();
            hand.busy = matches!(answer, Err(TryRecvError::Empty));
            all.extend(answer);
        }
        all
    }

    /// Waits until everything is finished.
    pub(super) fn finish(&mut self) -> Vec<Finished> {
        let busy = self.hands.iter_mut().filter(|hand| hand.busy);
        busy.filter_map(|hand| {
            hand.busy = false;
            hand.finished.recv().ok()
        })
        .collect()
    }

    /// Waits until somebody is free.
    pub(super) fn wait(&mut self) -> Vec<Finished> {
        let all = self.finished();
        if self.is_free() {
            return all;
        }
        let first = self.hands.first_mut().and_then(|hand| {
            hand.busy = false;
            hand.finished.recv().ok()
        });
        all.into_iter().chain(first).collect()
    }
}

/// Takes each load, says so, and purges it.
fn work(loads: &Receiver<(Load, Sender<()>)>, finished: &Sender<Finished>) {
    for (load, taken) in loads {
        let Load {
            mut quarantine,
            files,
        } = load;
        let take = |(record, place): (FileRecord, Place)| {
            let taken = quarantine.take(record.id, &place, &record.identity);
            (record, place, taken)
        };
        let files = files.into_iter().map(take).collect();
        drop(taken);
        let report = quarantine.purge_beside_others();
        if finished.send(Finished { files, report }).is_err() {
            return;
        }
    }
}
