//! So many calls in any stretch of time, where no header tells.
//!
//! A call counts from before it leaves until so long after it was answered: however slow one is and however fast the
//! next, the server never sees more of them in that time.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::Until;

/// One limit of this kind.
#[derive(Debug)]
pub(crate) struct Pacer {
    most: usize,
    within: Duration,
    under_way: usize,
    /// When the latest calls were over, oldest first.
    over: VecDeque<Instant>,
    /// Until when Discord refuses calls, as a 429 said.
    closed: Option<Instant>,
}

impl Pacer {
    pub(crate) fn new(most: usize, within: Duration) -> Self {
        Self { most, within, under_way: 0, over: VecDeque::new(), closed: None }
    }

    /// Whether one more call may leave now.
    pub(crate) fn look(&mut self, now: Instant) -> Result<(), Until> {
        self.closed = self.closed.filter(|closed| *closed > now);
        if let Some(closed) = self.closed {
            return Err(Until::Time(closed));
        }
        while self.over.front().is_some_and(|over| *over + self.within <= now) {
            self.over.pop_front();
        }
        if self.under_way + self.over.len() < self.most {
            return Ok(());
        }
        Err(self.over.front().map_or(Until::Answer, |over| Until::Time(*over + self.within)))
    }

    /// A call leaves, for which there was room.
    pub(crate) fn leave(&mut self) {
        self.under_way += 1;
    }

    /// A call is over, answered or not.
    pub(crate) fn come_back(&mut self, now: Instant) {
        self.under_way = self.under_way.saturating_sub(1);
        self.over.push_back(now);
    }

    /// Discord refuses further calls until a time.
    pub(crate) fn close(&mut self, until: Instant) {
        self.closed = Some(self.closed.map_or(until, |closed| closed.max(until)));
    }

    /// Whether nothing would be lost by forgetting it.
    pub(crate) fn is_idle(&self, now: Instant) -> bool {
        let past = self.over.back().is_none_or(|over| *over + self.within <= now);
        self.under_way == 0 && past && self.closed.is_none_or(|closed| closed <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const WITHIN: Duration = Duration::from_mins(1);

    #[test]
    fn the_wait_ends_when_the_first_call_is_long_enough_over() {
        let (mut pacer, now) = (Pacer::new(2, WITHIN), Instant::now());
        pacer.leave();
        pacer.leave();
        assert_eq!(pacer.look(now), Err(Until::Answer));
        pacer.come_back(now + Duration::from_secs(5));
        assert_eq!(pacer.look(now + Duration::from_secs(6)), Err(Until::Time(now + Duration::from_secs(65))));
        assert_eq!(pacer.look(now + Duration::from_secs(65)), Ok(()));
        pacer.close(now + Duration::from_secs(70));
        assert_eq!(pacer.look(now + Duration::from_secs(65)), Err(Until::Time(now + Duration::from_secs(70))));
    }

    proptest! {
        #[test]
        fn no_stretch_of_time_sees_more(calls in prop::collection::vec((0u64..9_000, 0u64..30_000, 0.0..1.0f64), 1..150)) {
            let mut pacer = Pacer::new(4, WITHIN);
            let mut now = Instant::now();
            let mut under_way: Vec<Instant> = Vec::new();
            let mut seen: Vec<Instant> = Vec::new();
            for (pause, takes, when) in calls {
                now += Duration::from_millis(pause);
                under_way.sort();
                while under_way.first().is_some_and(|over| *over <= now) {
                    pacer.come_back(under_way.remove(0));
                }
                if pacer.look(now).is_ok() {
                    pacer.leave();
                    let takes = Duration::from_millis(takes);
                    // The server sees it at any time between.
                    seen.push(now + takes.mul_f64(when));
                    under_way.push(now + takes);
                }
            }
            seen.sort();
            for five in seen.windows(5) {
                prop_assert!(five[4] >= five[0] + WITHIN);
            }
        }
    }
}
