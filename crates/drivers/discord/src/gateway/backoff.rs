//! How long to wait before the next dial.

use std::time::Duration;

/// Doubling from `first` to `longest`, each wait moved by up to a fifth either way, so that bots that lost their
/// connection together do not come back together. No wait is shorter than `first` or longer than `longest`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Backoff {
    first: Duration,
    longest: Duration,
}

/// After a connection that ended, or that could not be had.
pub(crate) const LOST: Backoff = Backoff { first: Duration::from_secs(1), longest: Duration::from_mins(1) };

/// While Discord refuses the bot: nothing changes before a person has done something.
pub(crate) const REFUSED: Backoff = Backoff { first: Duration::from_secs(10), longest: Duration::from_mins(5) };

impl Backoff {
    /// The wait after this many failures in a row, the first being 1. `chance` is drawn from 0 to 1.
    pub(crate) fn after(self, failures: u32, chance: f64) -> Duration {
        let doublings = failures.saturating_sub(1).min(30);
        let plain = self.first.saturating_mul(1_u32 << doublings).min(self.longest);
        plain.mul_f64(0.8 + 0.4 * chance).clamp(self.first, self.longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn waits_grow_and_stay_within_bounds(failures in 1_u32..10_000, chance in 0.0_f64..1.0) {
            for backoff in [LOST, REFUSED] {
                let wait = backoff.after(failures, chance);
                prop_assert!(wait >= backoff.first && wait <= backoff.longest, "{wait:?}");
                prop_assert!(backoff.after(failures + 1, chance) >= wait);
                prop_assert!(backoff.after(failures, 1.0) >= backoff.after(failures, 0.0).mul_f64(1.19));
            }
        }
    }
}
