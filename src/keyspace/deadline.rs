//! One deadline for a whole phase, on the wall clock.

use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use super::{KeyspaceError, Server};

/// The moment by which a phase has ended, and how long that was from its beginning.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    at: Instant,
    allowed: Duration,
}

impl Deadline {
    /// The moment `allowed` from now. More than a day is a day.
    #[must_use]
    pub fn after(allowed: Duration) -> Self {
        let allowed = allowed.min(Duration::from_secs(24 * 60 * 60));
        Self {
            at: Instant::now() + allowed,
            allowed,
        }
    }

    /// What is left of it; `None` when it has passed.
    #[must_use]
    pub fn remaining(&self) -> Option<Duration> {
        let left = self.at.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }

    /// How long the phase may take in all.
    #[must_use]
    pub fn allowed(&self) -> Duration {
        self.allowed
    }
}

/// Runs `work` on a thread of its own and returns when it does, at the deadline at the latest.
///
/// Nobody waits for a thread that is late. It ends by itself: the deadline that it reads before each
/// command and each read has passed.
pub(crate) fn within(
    server: &Server,
    deadline: Deadline,
    work: impl FnOnce() -> Result<(), KeyspaceError> + Send + 'static,
) -> Result<(), KeyspaceError> {
    let (done, outcome) = sync_channel(1);
    let body = move || {
        let _ = done.send(work());
    };
    let started = thread::Builder::new().name("redis".to_owned()).spawn(body);
    started.map_err(|cause| KeyspaceError::unreachable(server, cause))?;
    match outcome.recv_timeout(deadline.remaining().unwrap_or_default()) {
        Ok(result) => result,
        Err(RecvTimeoutError::Timeout) => Err(KeyspaceError::late(server, deadline)),
        Err(RecvTimeoutError::Disconnected) => Err(KeyspaceError::broken(server)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic)]

    use super::*;

    fn failure(allowed: Duration, work: impl FnOnce() + Send + 'static) -> KeyspaceError {
        let server = Server::from_parts("h", 1, 0, None);
        let start = Instant::now();
        let result = within(&server, Deadline::after(allowed), || {
            work();
            Err(KeyspaceError::address("the work was waited for"))
        });
        assert!(start.elapsed() < Duration::from_secs(8));
        result.err().unwrap_or_else(|| panic!("a failure is lost"))
    }

    #[test]
    fn nobody_waits_for_work_that_is_late() {
        let error = failure(Duration::from_millis(100), || {
            thread::sleep(Duration::from_secs(9));
        });
        assert!(matches!(error, KeyspaceError::Late { .. }), "{error}");
    }

    #[test]
    fn work_that_panics_is_an_error() {
        let error = failure(Duration::from_secs(20), || panic!("on purpose"));
        assert!(matches!(error, KeyspaceError::Broken { .. }), "{error}");
    }
}
