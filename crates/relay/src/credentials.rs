//! What happens while a platform refuses an instance's credentials.
//!
//! Its lanes wait. One of them tries again after a back-off from 10 s to 5 min; only when that try is through with
//! another answer do the others go on. So a wrong token costs one request now and then, never one per message.

use dashmap::DashMap;
use jiff::{SignedDuration, Timestamp};
use tieline_core::id::InstanceId;

use crate::backoff::CREDENTIALS;

#[derive(Debug, Default)]
pub(crate) struct Credentials {
    refused: DashMap<InstanceId, Refused>,
}

#[derive(Debug)]
struct Refused {
    times: u32,
    again: Timestamp,
}

impl Credentials {
    /// Notes a refusal.
    pub(crate) fn refused(&self, instance: &InstanceId, now: Timestamp) {
        let mut entry = self.refused.entry(instance.clone()).or_insert(Refused { times: 0, again: now });
        if entry.times > 0 && entry.again > now {
            return; // another lane was told the same for the same try
        }
        entry.times = entry.times.saturating_add(1);
        entry.again = now
            + SignedDuration::try_from(CREDENTIALS.after(entry.times, fastrand::f64())).unwrap_or(SignedDuration::ZERO);
    }

    /// Notes that they were taken.
    pub(crate) fn taken(&self, instance: &InstanceId) {
        if !self.refused.is_empty() {
            self.refused.remove(instance);
        }
    }

    /// Until when a lane must wait; `None` if it may try. Whoever is let through while they are refused is the one that
    /// tries: the others are told to wait for one more back-off, which `taken` cuts short at their next look.
    pub(crate) fn wait(&self, instance: &InstanceId, now: Timestamp) -> Option<Timestamp> {
        if self.refused.is_empty() {
            return None;
        }
        let mut entry = self.refused.get_mut(instance)?;
        if entry.again > now {
            return Some(entry.again);
        }
        let next = CREDENTIALS.after(entry.times.saturating_add(1), fastrand::f64());
        entry.again = now + SignedDuration::try_from(next).unwrap_or(SignedDuration::ZERO);
        entry.times = entry.times.saturating_add(1);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_lane_tries_and_the_others_wait() {
        let credentials = Credentials::default();
        let rc = InstanceId::new("rc").unwrap();
        let now = Timestamp::from_second(1_000).unwrap();
        assert_eq!(credentials.wait(&rc, now), None);
        credentials.refused(&rc, now);
        let again = credentials.wait(&rc, now).expect("refused a moment ago");
        let first = again.duration_since(now);
        assert!(first >= SignedDuration::from_secs(10) && first <= SignedDuration::from_secs(12));
        assert_eq!(credentials.wait(&rc, again), None, "the first to come tries");
        assert!(credentials.wait(&rc, again).is_some(), "the second waits");
        credentials.taken(&rc);
        assert_eq!(credentials.wait(&rc, again), None);
    }

    #[test]
    fn the_back_off_ends_at_five_minutes() {
        let credentials = Credentials::default();
        let rc = InstanceId::new("rc").unwrap();
        let mut now = Timestamp::from_second(1_000).unwrap();
        for _ in 0..20 {
            credentials.refused(&rc, now);
            now = credentials.wait(&rc, now).expect("refused");
            assert_eq!(credentials.wait(&rc, now), None);
        }
        let last = credentials.wait(&rc, now).expect("still refused").duration_since(now);
        assert!(last <= SignedDuration::from_secs(300));
    }
}
