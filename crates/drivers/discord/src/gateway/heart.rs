//! The heartbeats of one connection, and how much else may be sent over it.

use std::collections::VecDeque;
use std::time::Duration;

/// Over how long Discord counts what a client sends.
const OVER: Duration = Duration::from_mins(1);
/// How much of that is ours at most: Discord takes 120, and closes at one more.
pub(crate) const ALLOWED: usize = 115;
/// No server means less; a smaller interval would only use up what may be sent.
const SHORTEST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_mins(10);

/// Beats in the interval that the gateway asked for, and notices when nobody answers.
#[derive(Debug, Clone)]
pub(crate) struct Heart {
    interval: Duration,
    next: Duration,
    answer: Answer,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// The last beat was acknowledged, or there was none.
    Heard,
    /// The last beat is not acknowledged yet.
    Awaited,
    /// Since the last beat we did not listen for a while, so the acknowledgement may wait unread.
    Excused,
}

/// What is to be done when a beat is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Beat {
    /// It is not.
    NotYet,
    /// A heartbeat is to be sent.
    Send,
    /// The beat before was never acknowledged: nobody is there any more.
    Dead,
}

impl Heart {
    /// Begins to beat; `chance`, drawn from 0 to 1, spreads the first beats of bots that connected together.
    pub(crate) fn start(interval: Duration, now: Duration, chance: f64) -> Self {
        let interval = interval.clamp(SHORTEST, LONGEST);
        Self { interval, next: now + interval.mul_f64(chance), answer: Answer::Heard }
    }

    /// When it beats next.
    pub(crate) fn next(&self) -> Duration {
        self.next
    }

    /// Whether to beat now. `deaf`: nobody listens for answers at the moment.
    pub(crate) fn beat(&mut self, now: Duration, deaf: bool) -> Beat {
        if now < self.next {
            return Beat::NotYet;
        }
        if self.answer == Answer::Awaited && !deaf {
            return Beat::Dead;
        }
        self.answer = if deaf { Answer::Excused } else { Answer::Awaited };
        self.next = now + self.interval;
        Beat::Send
    }

    /// The beat was not sent, since that is not allowed before then.
    pub(crate) fn put_off(&mut self, until: Duration) {
        self.next = self.next.max(until);
        self.excuse();
    }

    pub(crate) fn acknowledged(&mut self) {
        self.answer = Answer::Heard;
    }

    /// We did not listen for a while.
    pub(crate) fn excuse(&mut self) {
        if self.answer == Answer::Awaited {
            self.answer = Answer::Excused;
        }
    }
}

/// How much was sent over one connection lately.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sendings(VecDeque<Duration>);

impl Sendings {
    /// Counts one more, or says when the next one may be sent.
    pub(crate) fn take(&mut self, now: Duration) -> Result<(), Duration> {
        self.0.retain(|sent| now.saturating_sub(*sent) < OVER);
        if self.0.len() >= ALLOWED {
            return Err(self.0[0] + OVER);
        }
        self.0.push_back(now);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(40);

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_first_beat_comes_within_the_interval() {
        let mut heart = Heart::start(INTERVAL, at(100), 0.25);
        assert_eq!(heart.next(), at(110));
        assert_eq!([heart.beat(at(109), false), heart.beat(at(110), false)], [Beat::NotYet, Beat::Send]);
        assert_eq!(heart.next(), at(150));
        heart.acknowledged();
        assert_eq!(heart.beat(at(150), false), Beat::Send);
        assert_eq!(heart.beat(at(190), false), Beat::Dead);
    }

    #[test]
    fn whoever_did_not_listen_cannot_miss_an_answer() {
        let mut heart = Heart::start(INTERVAL, at(0), 0.0);
        assert_eq!(heart.beat(at(0), false), Beat::Send);
        heart.excuse();
        assert_eq!(heart.beat(at(40), true), Beat::Send);
        assert_eq!(heart.beat(at(80), false), Beat::Send, "it listens again, and what it missed is excused");
        assert_eq!(heart.beat(at(120), false), Beat::Dead, "but not what it misses from now on");
    }

    #[test]
    fn a_beat_that_was_not_sent_needs_no_answer() {
        let mut heart = Heart::start(INTERVAL, at(0), 0.0);
        assert_eq!(heart.beat(at(0), false), Beat::Send);
        heart.put_off(at(50));
        assert_eq!(heart.next(), at(50));
        assert_eq!([heart.beat(at(50), false), heart.beat(at(90), false)], [Beat::Send, Beat::Dead]);
    }

    #[test]
    fn an_absurd_interval_is_none() {
        assert_eq!(Heart::start(Duration::ZERO, at(0), 1.0).next(), SHORTEST);
        assert_eq!(Heart::start(Duration::MAX, at(0), 1.0).next(), LONGEST);
    }

    #[test]
    fn in_no_minute_too_much_is_sent() {
        let mut sendings = Sendings::default();
        let sent = (0..u64::try_from(ALLOWED).unwrap()).all(|at| sendings.take(Duration::from_millis(at)).is_ok());
        assert!(sent);
        assert_eq!(sendings.take(at(59)), Err(at(60)));
        assert_eq!(sendings.take(at(60)), Ok(()));
        assert_eq!(sendings.take(at(60)), Err(Duration::from_millis(60_001)));
    }
}
