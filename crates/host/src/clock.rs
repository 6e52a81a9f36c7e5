//! The system's clock.

use jiff::Timestamp;
use tieline_core::clock::Clock;

/// What the system says. The only place where it is asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that everybody else asks")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}
