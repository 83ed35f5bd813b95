//! What stands at the files that rows name, looked at on a thread of its own while further ones are
//! listed.

use std::mem;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::{self, Scope};

use crate::roots::{Inspection, Parents, Place, Roots};

/// How many are looked at together. Fewer are not worth a thread.
const TOGETHER: usize = 256;

/// Batches that may wait for the thread.
const WAITING: usize = 2;

/// A file that was listed, and the position of the user whose row names it.
type Listed = (Place, i64);

/// One where something else stands than a file that could be removed.
pub(super) struct Odd {
    pub(super) place: Place,
    pub(super) owner: i64,
    pub(super) found: Inspection,
}

/// The looks that are under way.
pub(super) struct Looks<'scope, 'env: 'scope> {
    scope: &'scope Scope<'scope, 'env>,
    roots: &'env Roots,
    listed: Vec<Listed>,
    beside: Option<Beside>,
}

struct Beside {
    batches: SyncSender<Vec<Listed>>,
    odd: Receiver<Vec<Odd>>,
}

impl<'scope, 'env> Looks<'scope, 'env> {
    pub(super) fn new(scope: &'scope Scope<'scope, 'env>, roots: &'env Roots) -> Self {
        Self {
            scope,
            roots,
            listed: Vec::new(),
            beside: None,
        }
    }

    /// Has one more looked at, and answers what by now has turned out odd.
    pub(super) fn at(&mut self, place: Place, owner: i64) -> Vec<Odd> {
        self.listed.push((place, owner));
        if self.listed.len() < TOGETHER {
            return Vec::new();
        }
        let batch = mem::take(&mut self.listed);
        if self.beside.is_none() {
            self.beside = Beside::start(self.scope, self.roots);
        }
        let Some(beside) = &self.beside else {
            return look(&mut Parents::new(self.roots), batch);
        };
        match beside.batches.send(batch) {
            Ok(()) => beside.odd.try_iter().flatten().collect(),
            Err(unsent) => look(&mut Parents::new(self.roots), unsent.0),
        }
    }

    /// Waits until all are looked at, and answers the rest of what is odd.
    pub(super) fn rest(self) -> Vec<Odd> {
        let mut odd = look(&mut Parents::new(self.roots), self.listed);
        if let Some(Beside { batches, odd: rest }) = self.beside {
            drop(batches);
            odd.extend(rest.into_iter().flatten());
        }
        odd
    }
}

impl Beside {
    /// None where the system gives no thread.
    fn start<'scope, 'env>(scope: &'scope Scope<'scope, 'env>, roots: &'env Roots) -> Option<Self> {
        let (batches, of_batches) = sync_channel(WAITING);
        let (answers, odd) = channel();
        let work = move || look_at_all(roots, &of_batches, &answers);
        thread::Builder::new().spawn_scoped(scope, work).ok()?;
        Some(Self { batches, odd })
    }
}

fn look_at_all(roots: &Roots, batches: &Receiver<Vec<Listed>>, answers: &Sender<Vec<Odd>>) {
    let mut parents = Parents::new(roots);
    for batch in batches {
        if answers.send(look(&mut parents, batch)).is_err() {
            return;
        }
    }
}

fn look(parents: &mut Parents, batch: Vec<Listed>) -> Vec<Odd> {
    let odd = |(place, owner): Listed| match parents.inspect(&place) {
        Inspection::File(_) => None,
        found => Some(Odd {
            place,
            owner,
            found,
        }),
    };
    batch.into_iter().filter_map(odd).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    const FILES: usize = 5 * TOGETHER + 7;

    /// The roots, with every seventh file missing, every ninth a directory, every eleventh a link.
    fn roots(base: &std::path::Path) -> Roots {
        let images = base.join("images");
        fs::create_dir(&images).unwrap();
        for number in 0..FILES {
            let path = images.join(number.to_string());
            match number {
                _ if number.is_multiple_of(7) => {}
                _ if number.is_multiple_of(9) => fs::create_dir(path).unwrap(),
                _ if number.is_multiple_of(11) => symlink("1", path).unwrap(),
                _ => fs::write(path, "").unwrap(),
            }
        }
        Roots::open(base, &["images".into()], &[]).unwrap()
    }

    fn told(odd: Vec<Odd>) -> Vec<String> {
        let line = |odd: Odd| format!("{} of {}: {:?}", odd.place, odd.owner, odd.found);
        let mut lines: Vec<_> = odd.into_iter().map(line).collect();
        lines.sort();
        lines
    }

    #[test]
    fn what_a_thread_of_its_own_finds_is_what_stands_there() {
        let base = tempfile::tempdir().unwrap();
        let roots = roots(base.path());
        let place = |number: usize| roots.locate(format!("images/{number}").as_bytes()).unwrap();
        let all = (0..FILES).map(|number| (place(number), 1));
        let mut odd = Vec::new();
        thread::scope(|scope| {
            let mut looks = Looks::new(scope, &roots);
            for (place, owner) in all.clone() {
                odd.extend(looks.at(place, owner));
            }
            assert!(looks.beside.is_some());
            odd.extend(looks.rest());
        });
        let expected = told(look(&mut Parents::new(&roots), all.collect()));
        assert_eq!(told(odd), expected);
        let stands = |number: &usize| ![7, 9, 11].iter().any(|odd| number.is_multiple_of(*odd));
        assert_eq!(expected.len(), FILES - (0..FILES).filter(stands).count());
    }
}
