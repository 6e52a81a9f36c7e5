//! How long to wait before the next try.

use std::time::Duration;

/// A back-off: doubling from `first` to `longest`, each wait moved by up to a fifth either way, so that those who failed
/// together do not come back together. No wait is shorter than `first` or longer than `longest`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
}

impl Backoff {
    /// A back-off between these bounds.
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest }
    }

    /// The wait after this many failures in a row, the first being 1. `chance` is drawn anew for each wait, from 0 to 1.
    pub fn after(self, failures: u32, chance: f64) -> Duration {
        let doublings = failures.saturating_sub(1).min(30);
        let plain = self.first.saturating_mul(1_u32 << doublings).min(self.longest);
        let (shortest, longest) = (plain.mul_f64(0.8).max(self.first), plain.mul_f64(1.2).min(self.longest));
        shortest + longest.saturating_sub(shortest).mul_f64(chance)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_backoff() -> impl Strategy<Value = Backoff> {
        (1_u64..60_000, 2_u64..600).prop_map(|(first, times)| {
            Backoff::new(Duration::from_millis(first), Duration::from_millis(first.saturating_mul(times)))
        })
    }

    proptest! {
        #[test]
        fn waits_grow_and_stay_within_bounds(
            backoff in any_backoff(), failures in 0_u32..10_000, chance in 0.0_f64..1.0,
        ) {
            let wait = backoff.after(failures, chance);
            prop_assert!(wait >= backoff.first && wait <= backoff.longest, "{wait:?}");
            prop_assert!(backoff.after(failures + 1, chance) >= wait);
        }

        #[test]
        fn those_who_failed_together_do_not_come_back_together(backoff in any_backoff(), failures in 1_u32..1000) {
            let (soon, late) = (backoff.after(failures, 0.0), backoff.after(failures, 1.0));
            prop_assert!(late > soon.mul_f64(1.19), "from {soon:?} to {late:?}");
        }
    }
}
