//! How long to wait before the next try.

use std::time::Duration;

/// A back-off: doubling from `first` to `longest`, each wait moved by up to a fifth either way, so that lanes that
/// failed together do not come back together. No wait is shorter than `first` or longer than `longest`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Backoff {
    first: Duration,
    longest: Duration,
}

/// Between attempts at a delivery.
pub(crate) const ATTEMPTS: Backoff = Backoff { first: Duration::from_millis(500), longest: Duration::from_mins(1) };

/// While an instance's credentials are refused (contract §4.7).
pub(crate) const CREDENTIALS: Backoff = Backoff { first: Duration::from_secs(10), longest: Duration::from_mins(5) };

/// Between runs of a driver that stopped.
pub(crate) const DRIVERS: Backoff = Backoff { first: Duration::from_secs(1), longest: Duration::from_mins(1) };

/// Between tries to complete an event: it has only a minute.
pub(crate) const COMPLETION: Backoff = Backoff { first: Duration::from_millis(500), longest: Duration::from_secs(10) };

/// Between tries to write to a disk that is full.
pub(crate) const DISK: Backoff = Backoff { first: Duration::from_millis(200), longest: Duration::from_secs(5) };

impl Backoff {
    /// The wait after this many failures in a row, the first being 1.
    pub(crate) fn after(self, failures: u32) -> Duration {
        self.jittered(failures, fastrand::f64())
    }

    fn jittered(self, failures: u32, chance: f64) -> Duration {
        let doublings = failures.saturating_sub(1).min(30);
        let plain = self.first.saturating_mul(1_u32 << doublings).min(self.longest);
        let (shortest, longest) = (plain.mul_f64(0.8).max(self.first), plain.mul_f64(1.2).min(self.longest));
        shortest + longest.saturating_sub(shortest).mul_f64(chance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn waits_grow_and_stay_within_bounds(failures in 0_u32..10_000, chance in 0.0_f64..1.0) {
            for backoff in [ATTEMPTS, CREDENTIALS, DRIVERS, COMPLETION, DISK] {
                let wait = backoff.jittered(failures, chance);
                prop_assert!(wait >= backoff.first && wait <= backoff.longest, "{wait:?}");
                prop_assert!(backoff.jittered(failures + 1, chance) >= wait);
            }
        }
    }

    #[test]
    fn lanes_that_failed_together_do_not_come_back_together() {
        for backoff in [ATTEMPTS, CREDENTIALS, DRIVERS, COMPLETION, DISK] {
            for failures in [1, 2, 3, 1000] {
                let (soon, late) = (backoff.jittered(failures, 0.0), backoff.jittered(failures, 1.0));
                assert!(late > soon.mul_f64(1.19), "{failures} failures: from {soon:?} to {late:?}");
            }
        }
    }
}
