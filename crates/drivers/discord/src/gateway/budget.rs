//! How often a bot may identify. A bot that identifies more than a thousand times in a day loses its token.

use std::collections::VecDeque;
use std::time::Duration;

/// Discord takes `max_concurrency` identifies, which is 1 for most bots, in 5 s; one that was slow on its way makes the
/// next one come too soon.
const GAP: Duration = Duration::from_secs(6);
const DAY: Duration = Duration::from_hours(24);
/// How many a day are enough for us, out of Discord's thousand: a bot that is refused tries each five minutes at the
/// soonest, which is 288 times a day, and others may use the same token.
pub(crate) const DAILY: usize = 400;

/// What is left of the bot's identifies. Times are counted from the start of the driver.
#[derive(Debug, Clone, Default)]
pub(crate) struct Budget {
    used: VecDeque<Duration>,
    /// Discord said that none is left until then.
    not_before: Duration,
}

impl Budget {
    /// The earliest time at which the bot may identify.
    pub(crate) fn earliest(&self, now: Duration) -> Duration {
        let after_last = self.used.back().map_or(now, |last| *last + GAP);
        let after_daily = self.used.len().checked_sub(DAILY).map_or(now, |over| self.used[over] + DAY);
        now.max(after_last).max(after_daily).max(self.not_before)
    }

    /// The bot identifies.
    pub(crate) fn spend(&mut self, now: Duration) {
        self.used.retain(|time| now.saturating_sub(*time) < DAY);
        self.used.push_back(now);
    }

    /// Discord says that no identify is left until `reset_after` from now.
    pub(crate) fn exhausted(&mut self, now: Duration, reset_after: Duration) {
        self.not_before = self.not_before.max(now + reset_after.clamp(GAP, DAY));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn whoever_keeps_to_it_never_identifies_too_often(
            pauses in proptest::collection::vec(0_u64..600_000, 1..1500),
            exhausted in proptest::collection::vec(any::<bool>(), 1500),
        ) {
            let mut budget = Budget::default();
            let mut now = Duration::ZERO;
            let mut times = Vec::new();
            for (pause, exhausted) in pauses.into_iter().zip(exhausted) {
                now += Duration::from_millis(pause);
                if exhausted && pause % 50 == 0 {
                    let reset = Duration::from_millis(pause * 3);
                    budget.exhausted(now, reset);
                    prop_assert!(budget.earliest(now) >= now + reset.max(GAP));
                }
                now = budget.earliest(now);
                prop_assert_eq!(budget.earliest(now), now, "waiting until then is enough");
                budget.spend(now);
                times.push(now);
            }
            prop_assert!(times.windows(2).all(|two| two[1].saturating_sub(two[0]) >= GAP));
            prop_assert!(times.windows(DAILY + 1).all(|day| day[DAILY].saturating_sub(day[0]) >= DAY));
        }
    }

    #[test]
    fn an_absurd_reset_is_a_day_at_most() {
        let mut budget = Budget::default();
        budget.exhausted(Duration::ZERO, Duration::MAX);
        assert_eq!(budget.earliest(Duration::ZERO), DAY);
    }
}
