//! Threads that work under the write lock of a connection they cannot reach.

use std::sync::mpsc::Receiver;

/// They are waited for when it is dropped: each until it has answered, or cannot any more. Whoever gives
/// up the lock drops them before.
#[derive(Debug, Default)]
pub(crate) struct Guests(Vec<Receiver<()>>);

impl Extend<Receiver<()>> for Guests {
    fn extend<T: IntoIterator<Item = Receiver<()>>>(&mut self, more: T) {
        self.0.extend(more);
    }
}

impl Drop for Guests {
    fn drop(&mut self) {
        for guest in &self.0 {
            // An answer, or a thread that has ended: it is done in either case.
            let _: Result<(), _> = guest.recv();
        }
    }
}
