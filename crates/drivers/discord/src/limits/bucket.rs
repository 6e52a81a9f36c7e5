//! What the headers of Discord's answers say about one bucket: so many calls until a time, then so many again.
//!
//! Answers may come in another order than they were given, and a call may be counted in the window after the one in which
//! it left. So a call counts from before it leaves, what is under way when a window begins counts in that one, and within
//! a window what is left only ever gets less.

use std::time::Duration;

use tokio::time::Instant;

use super::Until;

/// One bucket of one channel, guild or webhook.
#[derive(Debug, Default)]
pub(crate) struct Bucket {
    limit: Limit,
    /// How many more calls may leave in this window.
    remaining: u32,
    /// When the window ends. `None`: it has begun, and no answer has come in it.
    ends: Option<Instant>,
    /// Calls that are not answered.
    under_way: u32,
    /// How many of them are answered soon.
    brief: u32,
    /// Until when Discord refuses calls, as a 429 said.
    closed: Option<Instant>,
}

/// How many calls a window takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Limit {
    /// No answer has come: one call at a time.
    #[default]
    Unknown,
    /// The answers speak of none.
    Absent,
    /// So many.
    Calls(u32),
}

/// What the headers of one answer say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stated {
    /// `X-RateLimit-Limit`.
    pub(crate) limit: u32,
    /// `X-RateLimit-Remaining`.
    pub(crate) remaining: u32,
    /// `X-RateLimit-Reset-After`.
    pub(crate) resets_after: Duration,
}

impl Bucket {
    /// Whether one more call may leave now.
    pub(crate) fn look(&mut self, now: Instant) -> Result<(), Until> {
        self.closed = self.closed.filter(|closed| *closed > now);
        if let Some(closed) = self.closed {
            return Err(Until::Time(closed));
        }
        // What leaves while an answer is on its way may come after that answer's "wait".
        if self.brief > 0 {
            return Err(Until::Answer);
        }
        match self.limit {
            Limit::Unknown if self.under_way > 0 => Err(Until::Answer),
            Limit::Unknown | Limit::Absent => Ok(()),
            Limit::Calls(limit) => {
                if self.ends.is_some_and(|ends| ends <= now) {
                    self.remaining = limit.saturating_sub(self.under_way);
                    self.ends = None;
                }
                match self.ends {
                    _ if self.remaining > 0 => Ok(()),
                    Some(ends) => Err(Until::Time(ends)),
                    None => Err(Until::Answer),
                }
            }
        }
    }

    /// A call leaves, for which there was room. `brief`: it is answered soon, so that the next one waits for its answer.
    pub(crate) fn leave(&mut self, brief: bool) {
        self.under_way += 1;
        self.brief += u32::from(brief);
        self.remaining = self.remaining.saturating_sub(1);
    }

    /// A call has ended that left when this bucket counted it.
    pub(crate) fn come_back(&mut self, brief: bool) {
        self.under_way = self.under_way.saturating_sub(1);
        self.brief = self.brief.saturating_sub(u32::from(brief));
        if self.under_way == 0 && self.ends.is_none() && self.remaining == 0 && self.limit != Limit::Absent {
            // Every answer of this window was lost: nobody knows what is left.
            self.limit = Limit::Unknown;
        }
    }

    /// An answer says something about this bucket. The call that it answers has come back already.
    pub(crate) fn hear(&mut self, stated: Stated, now: Instant) {
        let left = stated.remaining.saturating_sub(self.under_way);
        let ends = now + stated.resets_after;
        let same = matches!(self.limit, Limit::Calls(_)) && self.ends.is_none_or(|ends| ends > now);
        self.remaining = if same { left.min(self.remaining) } else { left };
        self.ends = Some(self.ends.filter(|_| same).map_or(ends, |known| known.max(ends)));
        self.limit = Limit::Calls(stated.limit.max(1));
    }

    /// An answer says nothing about limits.
    pub(crate) fn hear_nothing(&mut self) {
        if self.limit == Limit::Unknown {
            self.limit = Limit::Absent;
        }
    }

    /// Discord refuses further calls until a time.
    pub(crate) fn close(&mut self, until: Instant) {
        self.closed = Some(self.closed.map_or(until, |closed| closed.max(until)));
    }

    /// Until when no call may leave, if the last one was taken.
    pub(crate) fn spent_until(&self, now: Instant) -> Option<Instant> {
        let ends = self.ends.filter(|_| matches!(self.limit, Limit::Calls(_)) && self.remaining == 0);
        self.closed.max(ends).filter(|until| *until > now)
    }

    /// Whether nothing would be lost by forgetting it.
    pub(crate) fn is_idle(&self, now: Instant) -> bool {
        self.under_way == 0 && self.spent_until(now).is_none() && self.ends.is_none_or(|ends| ends <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn take(bucket: &mut Bucket, now: Instant) -> Result<(), Until> {
        bucket.look(now).map(|()| bucket.leave(false))
    }

    fn stated(remaining: u32, ms: u64) -> Stated {
        Stated { limit: 5, remaining, resets_after: Duration::from_millis(ms) }
    }

    #[test]
    fn one_call_at_a_time_until_an_answer_tells_the_limit() {
        let (mut bucket, now) = (Bucket::default(), Instant::now());
        assert_eq!(take(&mut bucket, now), Ok(()));
        assert_eq!(take(&mut bucket, now), Err(Until::Answer));
        bucket.come_back(false);
        bucket.hear(stated(4, 2000), now);
        for _ in 0..4 {
            assert_eq!(take(&mut bucket, now), Ok(()));
        }
        let end = now + Duration::from_secs(2);
        assert_eq!(take(&mut bucket, now), Err(Until::Time(end)));
        // The four are not answered yet: the server may count them in the next window.
        assert_eq!(take(&mut bucket, end), Ok(()));
        assert_eq!(take(&mut bucket, end), Err(Until::Answer));
    }

    #[test]
    fn what_is_answered_soon_is_waited_for() {
        let (mut bucket, now) = (Bucket::default(), Instant::now());
        bucket.hear(stated(4, 2000), now);
        bucket.leave(true);
        assert_eq!(take(&mut bucket, now), Err(Until::Answer));
        bucket.come_back(true);
        assert_eq!(
            [take(&mut bucket, now), take(&mut bucket, now)],
            [Ok(()), Ok(())],
            "uploads do not wait for uploads"
        );
    }

    #[test]
    fn where_no_header_comes_there_is_no_limit() {
        let (mut bucket, now) = (Bucket::default(), Instant::now());
        bucket.leave(false);
        bucket.come_back(false);
        bucket.hear_nothing();
        assert_eq!([take(&mut bucket, now), take(&mut bucket, now)], [Ok(()), Ok(())]);
        assert_eq!(bucket.spent_until(now), None);
    }

    #[test]
    fn a_refusal_closes_and_lost_answers_make_it_careful() {
        let (mut bucket, now) = (Bucket::default(), Instant::now());
        let later = now + Duration::from_secs(9);
        bucket.close(later);
        bucket.close(now);
        assert_eq!(take(&mut bucket, now), Err(Until::Time(later)));
        assert_eq!(take(&mut bucket, later), Ok(()));
        bucket.come_back(false);
        assert_eq!(take(&mut bucket, later), Ok(()), "the lost one is not under way any more");
        assert_eq!(take(&mut bucket, later), Err(Until::Answer), "and the limit is still not known");
    }

    /// An answer on its way back: when it arrives, what it says is left until when, and when it was given.
    type Coming = (Instant, Option<(u32, Instant)>, Instant);

    /// A server that counts fixed windows, each from its first call.
    #[derive(Default)]
    struct Server {
        ends: Option<Instant>,
        used: u32,
        overrun: u32,
    }

    impl Server {
        const LIMIT: u32 = 5;
        const WINDOW: Duration = Duration::from_secs(2);

        fn call(&mut self, now: Instant) -> (u32, Instant) {
            if self.ends.is_none_or(|ends| ends <= now) {
                (self.ends, self.used) = (Some(now + Self::WINDOW), 0);
            }
            self.used += 1;
            self.overrun += u32::from(self.used > Self::LIMIT);
            (Self::LIMIT.saturating_sub(self.used), self.ends.expect("just begun"))
        }
    }

    proptest! {
        /// Whatever order and delay calls and answers have, the server is never called too often.
        #[test]
        fn the_limit_is_never_overrun(steps in prop::collection::vec((0u64..400, 0u64..150, 0u64..150, 0u8..20), 1..200)) {
            let start = Instant::now();
            let mut bucket = Bucket::default();
            let mut server = Server::default();
            // Calls on their way to the server, and answers on their way back, by when they arrive.
            let mut going: Vec<(Instant, Duration, bool)> = Vec::new();
            let mut coming: Vec<Coming> = Vec::new();
            let mut now = start;
            for (pause, there, back, luck) in steps {
                now += Duration::from_millis(pause);
                loop {
                    let arrives = going.iter().map(|(at, ..)| *at).min();
                    let returns = coming.iter().map(|(at, ..)| *at).min();
                    match (arrives, returns) {
                        (Some(at), other) if at <= now && other.is_none_or(|other| at <= other) => {
                            let index = going.iter().position(|(time, ..)| *time == at).expect("there");
                            let (_, back, lost) = going.remove(index);
                            let told = server.call(at);
                            coming.push((at + back, (!lost).then_some(told), at));
                        }
                        (_, Some(at)) if at <= now => {
                            let index = coming.iter().position(|(time, ..)| *time == at).expect("there");
                            let (_, told, counted) = coming.remove(index);
                            bucket.come_back(false);
                            if let Some((remaining, ends)) = told {
                                let resets_after = ends.saturating_duration_since(counted);
                                bucket.hear(Stated { limit: Server::LIMIT, remaining, resets_after }, at);
                            }
                        }
                        _ => break,
                    }
                }
                // Only losses that leave other answers are tried here: without any, nobody could know.
                if take(&mut bucket, now).is_ok() {
                    going.push((now + Duration::from_millis(there), Duration::from_millis(back), luck == 0 && !going.is_empty()));
                }
            }
            prop_assert_eq!(server.overrun, 0);
        }
    }
}
