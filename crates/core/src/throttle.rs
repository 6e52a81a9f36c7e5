//! Warnings that anybody can set off: one a minute at most.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

/// How long a warning stands before the next one is written.
const QUIET: Duration = Duration::from_mins(1);

/// One kind of warning of one instance.
#[derive(Debug, Default)]
pub struct Throttle(Mutex<Shown>);

#[derive(Debug, Default)]
struct Shown {
    last: Option<Timestamp>,
    withheld: u64,
}

impl Throttle {
    /// Whether to write the warning now: then how many were withheld since the last one.
    pub fn admit(&self, now: Timestamp) -> Option<u64> {
        let mut shown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that was set back must not silence it.
        if shown.last.is_some_and(|last| now.duration_since(last).unsigned_abs() < QUIET) {
            shown.withheld += 1;
            return None;
        }
        shown.last = Some(now);
        Some(std::mem::take(&mut shown.withheld))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_a_minute_is_admitted_and_the_others_are_counted() {
        let throttle = Throttle::default();
        let at = |second: i64| Timestamp::from_second(second).unwrap();
        assert_eq!(throttle.admit(at(1000)), Some(0));
        assert_eq!([throttle.admit(at(1000)), throttle.admit(at(1059))], [None, None]);
        assert_eq!(throttle.admit(at(1060)), Some(2));
        assert_eq!(throttle.admit(at(1061)), None);
        assert_eq!(throttle.admit(at(900)), Some(1), "the clock was set back");
        assert_eq!(throttle.admit(at(960)), Some(0));
    }
}
