//! The rules of the realtime API, without a socket, a clock or chance.
//!
//! Whoever drives it tells what happened ([`Input`]) and when, and does what comes out ([`Output`]), in order; at
//! [`due`](Machine::due) it wants to be told that the time has come. Times are counted from its start.
//!
//! What must stay true, and is tested against a model of the server:
//! - No dial comes before its back-off, and no two connections are open at once.
//! - A room begins only when everything that it tells of messages has been subscribed to, and once in each session.
//! - A server that says nothing for a minute loses the connection, unless we did not listen.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tieline_core::backoff::Backoff;
use tieline_core::secret::Secret;

use super::signal::{Dispatch, Input, Output, Wanted, What};
use super::word::{ACTIVITY, CallError, Changed, Command, MESSAGES, MY_MESSAGES, ROOM, USER, Word};
use crate::doctor::{CHECK, REFUSED};

/// After a connection that ended, or that could not be had.
const LOST: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_mins(1));
/// While the bot is refused: nothing changes before a person has done something.
const TURNED_AWAY: Backoff = Backoff::new(Duration::from_secs(10), Duration::from_mins(5));
/// How long the server may take for each step between the connection and the last subscription.
const PATIENCE: Duration = Duration::from_mins(1);
/// After so much silence the server is asked for a sign of life.
pub(crate) const PING: Duration = Duration::from_secs(25);
/// After so much silence the server is dead.
pub(crate) const DEAD: Duration = Duration::from_mins(1);
/// A session that lived for so long was a good one: the next wait is a short one again.
const GOOD: Duration = Duration::from_mins(1);
/// So many losses in a row are nothing to tell anybody of, if the session can begin in between.
const ORDINARY: u32 = 2;

/// What a subscription is to.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Subject {
    /// Messages of a room; of all rooms if there is none.
    Messages(Option<String>),
    /// What is deleted in a room.
    Deletions(String),
    /// Who types in a room. Nothing waits for it.
    Activity(String),
    /// Which rooms the bot joins and leaves.
    Memberships,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Sub {
    subject: Subject,
    ready: bool,
}

/// Where the machine stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Waiting { until: Duration },
    AskingToken,
    Dialling,
    Connecting { until: Duration },
    LoggingIn { until: Duration },
    Listing,
    Subscribing { until: Duration },
    Live { since: Duration },
    Stopped,
}

/// The rules, and how far things have come.
pub(crate) struct Machine {
    /// Whether another token can be had for one that is refused.
    renewable: bool,
    phase: Phase,
    token: Option<Secret>,
    /// Whether the last token was refused.
    refused: bool,
    session: u64,
    wanted: Wanted,
    subs: BTreeMap<u64, Sub>,
    last_sub: u64,
    /// The rooms that have begun.
    begun: BTreeSet<String>,
    heard_at: Duration,
    asked_at: Duration,
    deaf: bool,
    /// Connections in a row that came to nothing, or did not live for long.
    failures: u32,
    /// How often in a row the bot was refused.
    refusals: u32,
    /// What was said last about how it is.
    told: Option<Output>,
    out: Vec<Output>,
}

impl Machine {
    /// A machine that dials at once.
    pub(crate) fn new(renewable: bool) -> Self {
        Self {
            renewable,
            phase: Phase::Waiting { until: Duration::ZERO },
            token: None,
            refused: false,
            session: 0,
            wanted: Wanted::default(),
            subs: BTreeMap::new(),
            last_sub: 0,
            begun: BTreeSet::new(),
            heard_at: Duration::ZERO,
            asked_at: Duration::ZERO,
            deaf: false,
            failures: 0,
            refusals: 0,
            told: None,
            out: Vec::new(),
        }
    }

    /// When it wants to be told that it is due; `None`: never.
    pub(crate) fn due(&self) -> Option<Duration> {
        let deadline = match self.phase {
            Phase::Waiting { until } => return Some(until),
            Phase::Connecting { until } | Phase::LoggingIn { until } | Phase::Subscribing { until } => Some(until),
            Phase::Listing | Phase::Live { .. } => None,
            Phase::AskingToken | Phase::Dialling | Phase::Stopped => return None,
        };
        let dead = Some(self.heard_at + DEAD);
        let answers = [deadline, dead].into_iter().flatten().filter(|_| !self.deaf);
        answers.chain([self.next_ping()]).min()
    }

    fn next_ping(&self) -> Duration {
        self.heard_at.max(self.asked_at) + PING
    }

    fn is_open(&self) -> bool {
        !matches!(self.phase, Phase::Waiting { .. } | Phase::AskingToken | Phase::Dialling | Phase::Stopped)
    }

    /// Something happened. `chance` is drawn anew from 0 to 1 each time.
    pub(crate) fn step(&mut self, now: Duration, input: Input, chance: f64) -> Vec<Output> {
        match (input, self.phase) {
            (_, Phase::Stopped) => {}
            (Input::Stop, _) => {
                self.hang_up();
                self.phase = Phase::Stopped;
            }
            (Input::Token(token), Phase::AskingToken) => {
                self.token = Some(token);
                self.phase = Phase::Dialling;
                self.out.push(Output::Dial);
            }
            (Input::NoToken { why, refused: true }, Phase::AskingToken) => self.refuse(now, why, chance),
            (Input::NoToken { why, .. }, Phase::AskingToken) => self.fail(now, Some(why), chance),
            (Input::Opened, Phase::Dialling) => {
                self.session += 1;
                self.heard_at = now;
                self.asked_at = now;
                self.phase = Phase::Connecting { until: now + PATIENCE };
                self.out.push(Output::Send(Command::Connect));
            }
            (Input::NotOpened(why), Phase::Dialling) => {
                self.fail(now, Some(format!("Rocket.Chat's realtime API cannot be reached: {why}")), chance);
            }
            (Input::Listed(wanted), Phase::Listing) => self.subscribe_to_all(now, wanted),
            (Input::NotListed(why), Phase::Listing) => {
                self.fail(now, Some(format!("Rocket.Chat does not tell which rooms there are: {why}")), chance);
            }
            (Input::Wanted(wanted), Phase::Live { .. } | Phase::Subscribing { .. }) => {
                self.change(now, wanted, chance);
            }
            (Input::Typing { room, username }, Phase::Live { .. }) => {
                self.out.push(Output::Send(Command::Typing { room, username }));
            }
            (Input::Said(word), _) if self.is_open() => self.hear(now, word, chance),
            (Input::Ended(code), _) if self.is_open() => {
                let how = code.map_or_else(|| "it broke".to_owned(), |code| format!("closed with code {code}"));
                self.fail(now, Some(format!("the connection to Rocket.Chat's realtime API was lost: {how}")), chance);
            }
            (Input::Behind(why), Phase::Live { .. } | Phase::Subscribing { .. }) => {
                self.fail(now, Some(format!("what was missed cannot be fetched from Rocket.Chat: {why}")), chance);
            }
            (Input::Deaf, _) => self.deaf = true,
            (Input::Listening, _) => {
                self.deaf = false;
                self.heard_at = now;
                // What is waited for may take as long again.
                if let Phase::Connecting { until } | Phase::LoggingIn { until } | Phase::Subscribing { until } =
                    &mut self.phase
                {
                    *until = now + PATIENCE;
                }
            }
            (Input::Due, _) => self.act(now, chance),
            // It is about a connection that is given up.
            _ => {}
        }
        std::mem::take(&mut self.out)
    }

    /// Does what is due.
    fn act(&mut self, now: Duration, chance: f64) {
        match self.phase {
            Phase::Waiting { until } if now >= until => {
                self.phase = Phase::AskingToken;
                self.out.push(Output::AskToken { renew: self.refused });
                return;
            }
            Phase::Connecting { until } | Phase::LoggingIn { until } | Phase::Subscribing { until }
                if now >= until && !self.deaf =>
            {
                let why = "Rocket.Chat's realtime API does not answer".to_owned();
                return self.fail(now, Some(why), chance);
            }
            _ => {}
        }
        if !self.is_open() {
            return;
        }
        if now >= self.heard_at + DEAD && !self.deaf {
            self.fail(now, Some("Rocket.Chat's realtime API keeps silent".to_owned()), chance);
        } else if now >= self.next_ping() {
            self.asked_at = now;
            self.out.push(Output::Send(Command::Ping));
        }
    }

    fn hear(&mut self, now: Duration, word: Word, chance: f64) {
        self.heard_at = now;
        match (word, self.phase) {
            (Word::Ping(id), _) => self.out.push(Output::Send(Command::Pong(id))),
            (Word::Connected, Phase::Connecting { .. }) => {
                if let Some(token) = self.token.clone() {
                    self.phase = Phase::LoggingIn { until: now + PATIENCE };
                    self.out.push(Output::Send(Command::Login(token)));
                }
            }
            (Word::Unsupported, _) => {
                let why = "what answers there speaks no DDP of version 1; is `server_url` right?".to_owned();
                self.refuse(now, why, chance);
            }
            (Word::Result(Ok(user)), Phase::LoggingIn { .. }) => {
                self.refused = false;
                self.phase = Phase::Listing;
                self.subscribe(USER, format!("{user}/subscriptions-changed"), Subject::Memberships);
                self.out.push(Output::List);
            }
            (Word::Result(Err(error)), Phase::LoggingIn { .. }) => self.not_logged_in(now, &error, chance),
            (Word::Ready(ids), _) => {
                for id in ids {
                    if let Some(sub) = self.subs.get_mut(&id) {
                        sub.ready = true;
                    }
                }
                self.settle(now);
            }
            (Word::NoSub { id, why }, _) => {
                if let Some(sub) = self.subs.remove(&id) {
                    self.not_subscribed(now, sub, &why, chance);
                }
            }
            (Word::Changed(changed), Phase::Subscribing { .. } | Phase::Live { .. }) => self.changed(now, changed),
            _ => {}
        }
    }

    fn not_logged_in(&mut self, now: Duration, error: &CallError, chance: f64) {
        if !error.credentials {
            self.fail(now, Some(format!("Rocket.Chat does not let the bot log in: {}", error.why)), chance);
        } else if self.renewable && !self.refused {
            // A session's token expires; REST makes another one.
            self.refused = true;
            self.fail(now, None, chance);
        } else {
            self.refused = self.renewable;
            let what = format!("{REFUSED}: {CHECK}");
            self.refuse(now, what, chance);
        }
        if let (Some(wait), Phase::Waiting { until }) = (error.wait, self.phase) {
            self.phase = Phase::Waiting { until: until.max(now + wait) };
        }
    }

    // === subscriptions ===

    fn subscribe(&mut self, stream: &'static str, key: String, subject: Subject) {
        self.last_sub += 1;
        self.subs.insert(self.last_sub, Sub { subject, ready: false });
        self.out.push(Output::Send(Command::Sub { id: self.last_sub, stream, key }));
    }

    fn subscribe_to_all(&mut self, now: Duration, wanted: Wanted) {
        self.phase = Phase::Subscribing { until: now + PATIENCE };
        if wanted.every {
            self.subscribe(MESSAGES, MY_MESSAGES.to_owned(), Subject::Messages(None));
        }
        self.wanted = Wanted { every: wanted.every, rooms: BTreeSet::new() };
        for room in wanted.rooms {
            self.enter(room);
        }
        self.settle(now);
    }

    fn enter(&mut self, room: String) {
        if !self.wanted.every {
            self.subscribe(MESSAGES, room.clone(), Subject::Messages(Some(room.clone())));
        }
        for what in ["deleteMessage", "deleteMessageBulk"] {
            self.subscribe(ROOM, format!("{room}/{what}"), Subject::Deletions(room.clone()));
        }
        self.subscribe(ROOM, format!("{room}/{ACTIVITY}"), Subject::Activity(room.clone()));
        self.wanted.rooms.insert(room);
    }

    fn leave(&mut self, room: &str) {
        self.drop_subs(|sub| sub.subject.room() == Some(room));
        self.begun.remove(room);
    }

    fn drop_subs(&mut self, goes: impl Fn(&Sub) -> bool) {
        let gone: Vec<u64> = self.subs.iter().filter(|(_, sub)| goes(sub)).map(|(id, _)| *id).collect();
        for id in gone {
            self.subs.remove(&id);
            self.out.push(Output::Send(Command::Unsub(id)));
        }
    }

    /// The rules changed.
    fn change(&mut self, now: Duration, wanted: Wanted, chance: f64) {
        if wanted.every != self.wanted.every {
            return self.fail(now, None, chance);
        }
        let (old, new) = (self.wanted.rooms.clone(), wanted.rooms);
        for room in old.difference(&new) {
            self.leave(room);
            self.wanted.rooms.remove(room);
        }
        for room in new.difference(&old) {
            self.enter(room.clone());
        }
        self.settle(now);
    }

    fn not_subscribed(&mut self, now: Duration, sub: Sub, why: &str, chance: f64) {
        match sub.subject {
            Subject::Messages(None) | Subject::Memberships => {
                let why = format!("Rocket.Chat does not let the bot listen: {why}");
                return self.fail(now, Some(why), chance);
            }
            Subject::Messages(Some(room)) => {
                self.leave(&room);
                let why = format!("{why}; invite the bot there");
                self.out.push(Output::Unheard { room, why });
            }
            Subject::Deletions(room) => {
                // There are two streams of them, and one word is enough.
                self.out.push(Output::DeletionsUnheard { room: room.clone() });
                let twin = Subject::Deletions(room);
                self.drop_subs(|sub| sub.subject == twin);
            }
            // Whoever is not told what is deleted is not told this, either.
            Subject::Activity(_) => {}
        }
        self.settle(now);
    }

    /// Which rooms can begin, now that a subscription is settled.
    fn settle(&mut self, now: Duration) {
        let live = match self.phase {
            Phase::Live { .. } => true,
            Phase::Subscribing { .. } => false,
            _ => return,
        };
        let waits = |sub: &&Sub| !sub.ready && !matches!(sub.subject, Subject::Activity(_));
        let open: BTreeSet<&str> =
            self.subs.values().filter(waits).map(|sub| sub.subject.room().unwrap_or_default()).collect();
        if !live && !open.is_empty() {
            return;
        }
        let heard = |room: &str| {
            let messages = Subject::Messages((!self.wanted.every).then(|| room.to_owned()));
            self.subs.values().any(|sub| sub.subject == messages)
        };
        let rooms: Vec<String> = self
            .wanted
            .rooms
            .iter()
            .filter(|room| !self.begun.contains(*room) && !open.contains(room.as_str()) && heard(room))
            .cloned()
            .collect();
        self.begun.extend(rooms.iter().cloned());
        if !live {
            self.phase = Phase::Live { since: now };
            self.refusals = 0;
            self.tell(Output::Ready);
        } else if rooms.is_empty() {
            return;
        }
        self.hand_on(What::Began { rooms, every: self.wanted.every });
    }

    fn changed(&mut self, now: Duration, changed: Changed) {
        if changed.stream != USER {
            return self.hand_on(What::Changed(changed));
        }
        let (how, room) = match changed.args.as_slice() {
            [how, subscription, ..] => {
                (how.as_str().unwrap_or_default(), subscription["rid"].as_str().unwrap_or_default())
            }
            _ => return,
        };
        let named = self.wanted.rooms.contains(room);
        match how {
            "inserted" if !room.is_empty() && (named || self.wanted.every) => {
                // What was refused to a stranger is a member's.
                self.leave(room);
                self.enter(room.to_owned());
            }
            "removed" if named => {
                self.leave(room);
                if self.wanted.every {
                    self.wanted.rooms.remove(room);
                }
                let why = "the bot is not a member of it any more; invite it again".to_owned();
                self.out.push(Output::Unheard { room: room.to_owned(), why });
                self.settle(now);
            }
            _ => {}
        }
        self.out.push(Output::Membership(changed.args));
    }

    fn hand_on(&mut self, what: What) {
        self.out.push(Output::Event(Dispatch { session: self.session, what }));
    }

    // === the end of a connection ===

    fn hang_up(&mut self) {
        if self.is_open() {
            self.out.push(Output::Close);
        }
        self.subs.clear();
        self.begun.clear();
        self.token = None;
    }

    /// The connection is over, or there was none. `why` is told if the session does not live.
    fn fail(&mut self, now: Duration, why: Option<String>, chance: f64) {
        self.hang_up();
        let live = matches!(self.phase, Phase::Live { .. });
        if let Phase::Live { since } = self.phase
            && now.saturating_sub(since) >= GOOD
        {
            self.failures = 0;
        }
        // A session that is lost is mostly there again in a moment.
        let ordinary = live && self.failures < ORDINARY;
        if let Some(why) = why.filter(|_| !ordinary) {
            self.tell(Output::Failing(why));
        }
        self.failures = self.failures.saturating_add(1);
        self.phase = Phase::Waiting { until: now + LOST.after(self.failures, chance) };
    }

    /// The bot is refused: a person has to do something.
    fn refuse(&mut self, now: Duration, why: String, chance: f64) {
        self.hang_up();
        self.tell(Output::Failing(why));
        self.refusals = self.refusals.saturating_add(1);
        self.phase = Phase::Waiting { until: now + TURNED_AWAY.after(self.refusals, chance) };
    }

    /// Says how it is, unless that is known.
    fn tell(&mut self, how: Output) {
        if self.told.as_ref() != Some(&how) {
            self.told = Some(how.clone());
            self.out.push(how);
        }
    }
}

impl Subject {
    fn room(&self) -> Option<&str> {
        match self {
            Self::Messages(room) => room.as_deref(),
            Self::Deletions(room) | Self::Activity(room) => Some(room),
            Self::Memberships => None,
        }
    }
}
