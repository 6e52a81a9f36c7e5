//! When a call may leave.
//!
//! Pure: nothing here waits or calls. [`Api`](crate::api::Api) asks before each call, and tells what each answer said.
//! Headers are obeyed for each route and resource; what no header tells is paced: 50 calls a second, and 30 messages a
//! minute into one channel by webhooks (discord-api-docs #367). Of one bucket a call leaves when the one before is answered,
//! so that several lanes into one channel never overrun it, nor come after they were told to wait; only uploads, whose
//! answers take long, leave side by side as soon as the bucket's limit is known.

mod bucket;
mod pacer;
mod refused;
mod route;
mod stated;

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use self::bucket::Bucket;
use self::pacer::Pacer;
use crate::snowflake::Snowflake;

pub(crate) use self::refused::{About, Refused, RefusedRoutes};
pub(crate) use self::route::Route;
pub(crate) use self::stated::Heard;

/// Calls of one bot, or of one address without a token.
const GLOBAL: (usize, Duration) = (50, Duration::from_secs(1));
/// Messages by webhooks into one channel.
const CHANNEL: (usize, Duration) = (30, Duration::from_mins(1));
/// What Discord counts refusals in: 10,000 of them in this time bring a ban.
const BAN_WINDOW: Duration = Duration::from_mins(10);
/// How many refusals we allow ourselves in that time.
const REFUSALS: u32 = 1000;
/// How many buckets and channels are kept before idle ones are forgotten.
const KEPT: usize = 4096;

/// What every call is counted in.
#[derive(Debug)]
pub(crate) struct Limits {
    buckets: HashMap<Key, Bucket>,
    /// The bucket that Discord named for a pattern.
    names: HashMap<String, String>,
    bot: Pacer,
    webhooks: Pacer,
    channels: HashMap<Snowflake, Pacer>,
    /// Until when Discord refuses our address.
    closed: Option<Instant>,
    refusals: Refusals,
}

/// A bucket, by Discord's name or else by the route's pattern, and what it is about.
type Key = (String, String);

/// As whom a call is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caller {
    /// The bot, by its token.
    Bot,
    /// A webhook, by the token in its path: Discord sees only our address.
    Webhook,
}

/// A call that wants to leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Counted {
    pub(crate) route: Route,
    pub(crate) caller: Caller,
    /// The channel into which a webhook says something.
    pub(crate) into: Option<Snowflake>,
    /// Whether it uploads files, so that its answer may take long.
    pub(crate) uploads: bool,
}

/// A call that left. It must be handed back.
#[derive(Debug)]
pub(crate) struct Left {
    key: Key,
    pattern: String,
    caller: Caller,
    into: Option<Snowflake>,
    brief: bool,
}

/// A call that must wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wait {
    pub(crate) until: Until,
    pub(crate) whose: Whose,
}

/// Until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    Time(Instant),
    /// Until another call is answered.
    Answer,
}

/// Whose limit it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    /// That of the route in the channel, guild or webhook that it is about.
    Resource,
    /// That of all calls of this caller.
    Caller,
    /// That of our address.
    Address,
    /// Our own: too many calls were refused.
    Refusals,
}

/// How many calls were refused since when.
#[derive(Debug, Default)]
struct Refusals {
    began: Option<Instant>,
    count: u32,
}

impl Default for Limits {
    fn default() -> Self {
        let global = || Pacer::new(GLOBAL.0, GLOBAL.1);
        Self {
            buckets: HashMap::new(),
            names: HashMap::new(),
            bot: global(),
            webhooks: global(),
            channels: HashMap::new(),
            closed: None,
            refusals: Refusals::default(),
        }
    }
}

impl Limits {
    /// Counts a call that leaves now, or says what it must wait for.
    pub(crate) fn leave(&mut self, call: &Counted, now: Instant) -> Result<Left, Wait> {
        let wait = |whose| move |until| Wait { until, whose };
        if let Some(until) = self.refusals.stopped_until(now) {
            return Err(Wait { until: Until::Time(until), whose: Whose::Refusals });
        }
        self.closed = self.closed.filter(|closed| *closed > now);
        if let Some(closed) = self.closed {
            return Err(Wait { until: Until::Time(closed), whose: Whose::Address });
        }
        self.forget_idle(now);
        let key = self.key(&call.route);
        let channel =
            call.into.map(|into| self.channels.entry(into).or_insert_with(|| Pacer::new(CHANNEL.0, CHANNEL.1)));
        let global = if call.caller == Caller::Bot { &mut self.bot } else { &mut self.webhooks };
        let bucket = self.buckets.entry(key.clone()).or_default();
        bucket.look(now).map_err(wait(Whose::Resource))?;
        if let Some(channel) = channel {
            channel.look(now).map_err(wait(Whose::Resource))?;
            global.look(now).map_err(wait(Whose::Caller))?;
            channel.leave();
        } else {
            global.look(now).map_err(wait(Whose::Caller))?;
        }
        global.leave();
        let brief = !call.uploads;
        bucket.leave(brief);
        Ok(Left { key, pattern: call.route.pattern.clone(), caller: call.caller, into: call.into, brief })
    }

    /// A call is over. `heard`: what its answer said of limits; `None` if there was none. Returns until when the next call
    /// of the same bucket must wait, if it must.
    pub(crate) fn come_back(&mut self, left: Left, heard: Option<&Heard>, now: Instant) -> Option<Instant> {
        if let Some(bucket) = self.buckets.get_mut(&left.key) {
            bucket.come_back(left.brief);
        }
        let global = if left.caller == Caller::Bot { &mut self.bot } else { &mut self.webhooks };
        global.come_back(now);
        let mut channel = left.into.and_then(|into| self.channels.get_mut(&into));
        if let Some(channel) = &mut channel {
            channel.come_back(now);
        }
        let heard = heard?;
        if heard.is_invalid {
            self.refusals.note(now);
        }
        let key = match &heard.bucket {
            Some(name) => {
                self.names.insert(left.pattern, name.clone());
                (name.clone(), left.key.1.clone())
            }
            None => left.key.clone(),
        };
        if key != left.key && self.buckets.get(&left.key).is_some_and(|bucket| bucket.is_idle(now)) {
            self.buckets.remove(&left.key);
        }
        let bucket = self.buckets.entry(key).or_default();
        match heard.stated {
            Some(stated) => bucket.hear(stated, now),
            None if heard.refused.is_none() => bucket.hear_nothing(),
            None => {}
        }
        if let Some((wait, whose)) = heard.refused {
            let until = now + wait;
            match whose {
                Whose::Resource => {
                    bucket.close(until);
                    // It may be the channel's limit, which other webhooks share.
                    if let Some(channel) = channel.filter(|_| heard.is_shared) {
                        channel.close(until);
                    }
                }
                Whose::Caller => global.close(until),
                Whose::Address | Whose::Refusals => self.closed = self.closed.max(Some(until)),
            }
        }
        bucket.spent_until(now)
    }

    fn key(&self, route: &Route) -> Key {
        (self.names.get(&route.pattern).unwrap_or(&route.pattern).clone(), route.resource.clone())
    }

    fn forget_idle(&mut self, now: Instant) {
        if self.buckets.len() > KEPT {
            self.buckets.retain(|_, bucket| !bucket.is_idle(now));
        }
        if self.channels.len() > KEPT {
            self.channels.retain(|_, channel| !channel.is_idle(now));
        }
    }
}

impl Refusals {
    fn note(&mut self, now: Instant) {
        let began = *self.began.filter(|began| now < *began + BAN_WINDOW).get_or_insert_with(|| {
            self.count = 0;
            now
        });
        self.began = Some(began);
        self.count += 1;
    }

    fn stopped_until(&self, now: Instant) -> Option<Instant> {
        let over = self.began? + BAN_WINDOW;
        (self.count >= REFUSALS && now < over).then_some(over)
    }
}

#[cfg(test)]
mod tests {
    use super::bucket::Stated;
    use super::*;
    use http::Method;

    fn call(path: &str, caller: Caller, into: Option<u64>) -> Counted {
        Counted { route: Route::of(&Method::POST, path), caller, into: into.map(Snowflake), uploads: false }
    }

    fn say(channel: u64) -> Counted {
        call(&format!("channels/{channel}/messages"), Caller::Bot, None)
    }

    fn execute(webhook: u64, channel: u64) -> Counted {
        call(&format!("webhooks/{webhook}/t"), Caller::Webhook, Some(channel))
    }

    fn stated(remaining: u32) -> Heard {
        let resets_after = Duration::from_secs(2);
        Heard {
            bucket: Some("b".to_owned()),
            stated: Some(Stated { limit: 5, remaining, resets_after }),
            ..Heard::default()
        }
    }

    fn refused(whose: Whose, is_shared: bool) -> Heard {
        Heard { refused: Some((Duration::from_secs(7), whose)), is_shared, ..Heard::default() }
    }

    #[test]
    fn each_channel_is_counted_apart_in_the_bucket_that_discord_names() {
        let (mut limits, now) = (Limits::default(), Instant::now());
        let first = limits.leave(&say(1), now).expect("the first");
        assert_eq!(limits.leave(&say(1), now).unwrap_err(), Wait { until: Until::Answer, whose: Whose::Resource });
        let other = limits.leave(&say(2), now).expect("another channel");
        assert_eq!(limits.come_back(first, Some(&stated(1)), now), None);
        limits.come_back(other, None, now);
        let last = limits.leave(&say(1), now).expect("one is left");
        let end = now + Duration::from_secs(2);
        assert_eq!(limits.come_back(last, Some(&stated(0)), now), Some(end));
        assert_eq!(limits.leave(&say(1), now).unwrap_err().until, Until::Time(end));
        limits.leave(&say(2), now).expect("another channel");
        limits.leave(&say(1), end).expect("the next window");
    }

    #[test]
    fn two_webhooks_share_the_limit_of_their_channel() {
        let (mut limits, now) = (Limits::default(), Instant::now());
        for n in 0..30 {
            let left = limits.leave(&execute(n, 1), now).expect("within the limit");
            limits.come_back(left, Some(&Heard::default()), now);
        }
        let wait = limits.leave(&execute(99, 1), now).unwrap_err();
        assert_eq!(wait.until, Until::Time(now + Duration::from_mins(1)));
        let left = limits.leave(&execute(99, 2), now).expect("another channel");
        limits.come_back(left, Some(&refused(Whose::Resource, true)), now);
        let closed = Until::Time(now + Duration::from_secs(7));
        assert_eq!(limits.leave(&execute(98, 2), now).unwrap_err().until, closed, "it was refused as shared");
    }

    #[test]
    fn a_global_refusal_stops_the_caller_and_one_of_the_address_everything() {
        let (mut limits, now) = (Limits::default(), Instant::now());
        let left = limits.leave(&say(1), now).expect("the first");
        limits.come_back(left, Some(&refused(Whose::Caller, false)), now);
        assert_eq!(limits.leave(&say(2), now).unwrap_err().whose, Whose::Caller);
        let left = limits.leave(&execute(1, 1), now).expect("another caller");
        limits.come_back(left, Some(&refused(Whose::Address, false)), now);
        for call in [say(2), execute(2, 2)] {
            let wait = limits.leave(&call, now).unwrap_err();
            assert_eq!((wait.until, wait.whose), (Until::Time(now + Duration::from_secs(7)), Whose::Address));
        }
    }

    #[test]
    fn all_calls_stop_long_before_discord_bans_the_address() {
        let (mut limits, start) = (Limits::default(), Instant::now());
        let invalid = Heard { is_invalid: true, ..Heard::default() };
        let mut now = start;
        for n in 0..u64::from(REFUSALS) {
            now = start + Duration::from_millis(100 * n);
            let left = limits.leave(&say(n), now).expect("not yet");
            limits.come_back(left, Some(&invalid), now);
        }
        let wait = limits.leave(&execute(1, 1), now).unwrap_err();
        assert_eq!(wait, Wait { until: Until::Time(start + BAN_WINDOW), whose: Whose::Refusals });
        limits.leave(&execute(1, 1), start + BAN_WINDOW).expect("the window is over");
    }

    #[test]
    fn what_is_idle_is_forgotten() {
        let (mut limits, mut now) = (Limits::default(), Instant::now());
        for n in 0..20_000 {
            now += Duration::from_millis(100);
            let left = limits.leave(&execute(n, n), now).expect("its own channel");
            limits.come_back(left, Some(&stated(4)), now);
        }
        assert!(limits.buckets.len() <= KEPT + 1 && limits.channels.len() <= KEPT + 1);
    }
}
