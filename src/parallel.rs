//! Work that several threads share. Where the system gives no thread, the calling one does it all.

use std::panic::resume_unwind;
use std::thread;

/// More threads than this wait for each other in the kernel.
const MOST: usize = 8;

/// What as many threads as there are processors make of the same work, together.
pub(crate) fn together<T: Send>(work: impl Fn() -> Vec<T> + Sync) -> Vec<T> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let helpers: Vec<_> = (1..threads.min(MOST))
            .filter_map(|_| thread::Builder::new().spawn_scoped(scope, &work).ok())
            .collect();
        let mut made = work();
        for helper in helpers {
            made.extend(helper.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
        made
    })
}

/// Both of two, side by side.
pub(crate) fn both<A, B: Send>(one: impl FnOnce() -> A, other: impl Fn() -> B + Sync) -> (A, B) {
    thread::scope(|scope| {
        let helper = thread::Builder::new().spawn_scoped(scope, &other).ok();
        let made = one();
        let beside = match helper {
            Some(helper) => helper.join().unwrap_or_else(|panic| resume_unwind(panic)),
            None => other(),
        };
        (made, beside)
    })
}
