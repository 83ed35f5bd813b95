//! SIGINT and SIGTERM: the first ends the run after the user in hand, the second at once.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use signal_hook::consts::{SIGINT as INT, SIGTERM as TERM};
use signal_hook::flag;

/// The number of SIGINT.
pub(crate) const SIGINT: u8 = 2;

static RECEIVED: OnceLock<Arc<AtomicUsize>> = OnceLock::new();

/// Listens from here on.
pub(crate) fn listen() {
    let received = RECEIVED.get_or_init(Arc::default);
    let second = Arc::new(AtomicBool::new(false));
    for signal in [INT, TERM] {
        // In this order: a signal first asks whether it is the second, then marks that one has come.
        let registered = flag::register_conditional_default(signal, Arc::clone(&second))
            .and_then(|_| flag::register(signal, Arc::clone(&second)))
            .and_then(|_| {
                flag::register_usize(signal, Arc::clone(received), signal.unsigned_abs() as usize)
            });
        if let Err(error) = registered {
            log::warn!(
                "signals end the run at once, which is safe but leaves work to `resume`: {error}"
            );
        }
    }
}

/// The signal that has come, if one has.
pub(crate) fn received() -> Option<u8> {
    let signal = RECEIVED.get()?.load(Ordering::Relaxed);
    u8::try_from(signal).ok().filter(|signal| *signal > 0)
}
