//! How often something may happen, per key.

use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

/// Keys that nobody used for long are looked for after this many checks, or after as many as there were keys left the
/// last time, so that looking costs each check the same, however many keys there are.
const PRUNE_AFTER: usize = 1024;

/// A limit that holds for each key on its own: `burst` times at once, and then once in each `every`.
///
/// Keys that are as good as new are forgotten, so that a stranger who makes up keys cannot fill the memory. Time is
/// tokio's, which tests can pause.
pub struct KeyedLimiter<K: Hash + Eq + Clone> {
    limiter: RateLimiter<K, DashMapStateStore<K>, TokioClock, NoOpMiddleware<Instant>>,
    /// How many checks may pass before the next look.
    until_prune: AtomicUsize,
}

impl<K: Hash + Eq + Clone> KeyedLimiter<K> {
    /// A limit of `burst` at once and one more after each `every`. An `every` of zero counts as a nanosecond.
    pub fn new(burst: NonZeroU32, every: Duration) -> Self {
        let quota = Quota::with_period(every.max(Duration::from_nanos(1)))
            .expect("the period is longer than zero")
            .allow_burst(burst);
        Self {
            limiter: RateLimiter::new(quota, DashMapStateStore::default(), TokioClock),
            until_prune: AtomicUsize::new(PRUNE_AFTER),
        }
    }

    /// Takes one for the key, or says how long to wait before trying again.
    pub fn check(&self, key: &K) -> Result<(), Duration> {
        // Exactly one thread takes the last one. Others that count on below zero meanwhile are reset by its prune.
        if self.until_prune.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.prune();
        }
        self.limiter.check_key(key).map_err(|not_until| not_until.wait_time_from(TokioClock.now()))
    }

    /// Waits until one can be taken for the key, and takes it. Those who wait for one key are not served in any order.
    pub async fn until_ready(&self, key: &K) {
        while let Err(wait) = self.check(key) {
            tokio::time::sleep(wait).await;
        }
    }

    /// Forgets the keys that are as good as new. [`check`](Self::check) does it now and then by itself.
    pub fn prune(&self) {
        self.limiter.retain_recent();
        self.until_prune.store(PRUNE_AFTER.max(self.limiter.len()), Ordering::Relaxed);
    }

    /// How many keys are remembered.
    pub fn len(&self) -> usize {
        self.limiter.len()
    }

    /// Whether no key is remembered.
    pub fn is_empty(&self) -> bool {
        self.limiter.is_empty()
    }
}

/// The clock of tokio's timers, so that waiting and counting agree, also in a test that pauses it.
#[derive(Debug, Clone, Copy)]
struct TokioClock;

impl Clock for TokioClock {
    type Instant = Instant;

    fn now(&self) -> Instant {
        tokio::time::Instant::now().into_std()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limiter(burst: u32, every: Duration) -> KeyedLimiter<u32> {
        KeyedLimiter::new(NonZeroU32::new(burst).unwrap(), every)
    }

    #[tokio::test(start_paused = true)]
    async fn each_key_has_its_own_limit() {
        let limiter = limiter(2, Duration::from_secs(10));
        assert_eq!([limiter.check(&1), limiter.check(&1)], [Ok(()), Ok(())]);
        assert_eq!(limiter.check(&1), Err(Duration::from_secs(10)));
        assert_eq!(limiter.check(&2), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_takes_as_long_as_was_said() {
        let limiter = limiter(1, Duration::from_secs(3));
        let start = tokio::time::Instant::now();
        for _ in 0..4 {
            limiter.until_ready(&7).await;
        }
        let waited = start.elapsed();
        // tokio's timers round up to a millisecond.
        assert!(waited >= Duration::from_secs(9) && waited < Duration::from_millis(9_010), "{waited:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn keys_that_were_made_up_are_forgotten() {
        let limiter = limiter(1, Duration::from_millis(1));
        for key in 0..100_000 {
            tokio::time::advance(Duration::from_millis(1)).await;
            limiter.check(&key).unwrap();
        }
        assert!(limiter.len() < 5_000, "{}", limiter.len());
    }
}
