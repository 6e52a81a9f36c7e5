//! What was written while we did not listen: the addon's webhook calls once, but its store shows a chat's messages.
//!
//! - A chat's history begins when a rule first takes it. What is older, or older than `catch_up.max_age`, is not relayed,
//!   however it comes: out of the store, or pushed by WhatsApp after the account was away.
//! - Whenever the addon is there again, every chat that a rule takes is read once: what its store holds since our place,
//!   oldest first. What the outbox knows it recognises as a repeat.
//! - What a chat says meanwhile waits until the chat is read; if it is not yet, it is read right then.
//! - The place moves on only while the account was connected without a break, and every chat is read.

mod place;
mod reading;
mod rounds;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use tieline_core::driver::{CatchUp, CursorError, Cursors, DriverContext, Inbound, Sources};
use tieline_core::event::Event;
use tieline_core::id::ChannelKey;
use tokio::sync::Notify;
use tokio::time::Instant;

use self::place::Place;
use crate::driver::WhatsAppDriver;
use crate::health::Condition;
use crate::jid::Jid;
use crate::missing::Missing;
use crate::payload::Payload;

/// How far the addon's clock may be behind ours.
const SKEW: SignedDuration = SignedDuration::from_mins(5);
/// How many chats are remembered as read. One that is forgotten is read again.
const REMEMBERED: usize = 10_000;

/// The history of one account, while its driver runs.
pub(crate) struct History {
    driver: Arc<WhatsAppDriver>,
    inbound: Arc<dyn Inbound>,
    sources: Arc<dyn Sources>,
    cursors: Arc<dyn Cursors>,
    limits: CatchUp,
    state: Mutex<State>,
    /// There may be something to do.
    wake: Notify,
}

struct State {
    place: Place,
    /// Whether the place differs from what is kept.
    unkept: bool,
    /// How often we began to listen. What was read before is read again.
    round: u64,
    /// When this round began.
    began: Timestamp,
    /// The same, for how long it is ago.
    since: Instant,
    /// Whether all chats are read in this round.
    whole: bool,
    /// Whether something was missed in this round.
    again: bool,
    /// Since when the account is connected without a break.
    connected: Option<Instant>,
    /// Something was wrong since it was last connected.
    lost: Option<Lost>,
    chats: HashMap<Jid, Chat>,
}

/// A chat, for one reader at a time.
type Chat = Arc<tokio::sync::Mutex<Reading>>;

/// How far a chat is read.
#[derive(Debug, Clone, Copy, Default)]
struct Reading {
    /// The round in which it was last tried.
    tried: u64,
    /// The round in which it was last read.
    read: u64,
}

/// How the account was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lost {
    /// The addon was there: it hears what was missed from WhatsApp, and tells us.
    Away,
    /// The addon could not be reached, and perhaps could not reach us.
    Unreachable,
}

impl History {
    /// The history of an account whose driver begins to run; `None` if nothing is to be caught up.
    pub(crate) async fn begin(
        driver: &Arc<WhatsAppDriver>,
        inbound: &Arc<dyn Inbound>,
        context: &DriverContext,
    ) -> Result<Option<Arc<Self>>, CursorError> {
        let Some(limits) = driver.instance.catch_up else { return Ok(None) };
        let place = Place::read(&*context.cursors, &driver.instance.id).await?;
        let history = Self {
            driver: Arc::clone(driver),
            inbound: Arc::clone(inbound),
            sources: Arc::clone(&context.sources),
            cursors: Arc::clone(&context.cursors),
            limits,
            state: Mutex::new(State {
                place,
                unkept: false,
                round: 1,
                began: driver.services.clock.now(),
                since: Instant::now(),
                whole: false,
                again: false,
                connected: None,
                lost: None,
                chats: HashMap::new(),
            }),
            wake: Notify::new(),
        };
        history.keep_place().await;
        Ok(Some(Arc::new(history)))
    }

    /// Lets a message that the addon tells of wait until what its chat said before is handed in, and marks it if it is
    /// history that is not relayed.
    pub(crate) async fn precede(&self, payload: &Payload, event: &mut Event) {
        if !self.sources.listens_to(&event.channel, None) {
            return;
        }
        if let Some(past) = self.past(event) {
            let missing = Missing { past: Some(past), ..Missing::of(event.missing.as_ref()) };
            event.missing = missing.into_value();
            return;
        }
        // Where the store has it: the chat may have another name there than the event gives it.
        if let Some(chat) = payload.key_jid("remoteJid").or_else(|| Jid::parse(event.channel.as_str())) {
            self.read_before(&chat, event).await;
        }
    }

    /// Why a message is history that is not relayed; `None` if it is not.
    fn past(&self, event: &Event) -> Option<String> {
        let now = self.driver.services.clock.now();
        let begin = self.begin_of(&event.channel);
        let before = |limit: Timestamp| limit.checked_sub(SKEW).is_ok_and(|limit| event.time < limit);
        if before(begin) {
            return Some("it was written before a rule first took messages of its chat".to_owned());
        }
        before(self.oldest(now)).then(|| "it is older than `global.catch_up.max_age`".to_owned())
    }

    /// When a chat's history begins; a chat that is new to us begins now.
    fn begin_of(&self, chat: &ChannelKey) -> Timestamp {
        let known = self.state().place.begin(chat);
        known.unwrap_or_else(|| {
            self.note_sources();
            self.state().place.begin(chat).unwrap_or_else(|| self.driver.services.clock.now())
        })
    }

    /// What is older than this is too old.
    fn oldest(&self, now: Timestamp) -> Timestamp {
        let age = SignedDuration::try_from(self.limits.max_age).unwrap_or(SignedDuration::MAX);
        now.checked_sub(age).unwrap_or(Timestamp::MIN)
    }

    /// From when on a chat is read.
    fn since(&self, begin: Timestamp) -> Timestamp {
        let now = self.driver.services.clock.now();
        self.state().place.since(begin).max(self.oldest(now))
    }

    /// Notes which chats rules take now.
    fn note_sources(&self) {
        let named = self.sources.named();
        let now = self.driver.services.clock.now();
        let mut state = self.state();
        state.unkept |= state.place.note(named.as_deref(), now);
    }

    /// How the account is. After it was lost another round begins.
    pub(crate) fn seen(&self, condition: &Condition) {
        let mut state = self.state();
        if *condition != Condition::Ready {
            let lost = match condition {
                Condition::Unreachable(_) | Condition::Strange(_) => Lost::Unreachable,
                _ => state.lost.unwrap_or(Lost::Away),
            };
            // Before it was connected for the first time there is nothing to lose.
            if state.connected.take().is_some() || state.lost.is_some() {
                state.lost = Some(lost);
            }
            return;
        }
        if state.connected.is_some() {
            return;
        }
        state.connected = Some(Instant::now());
        let lost = state.lost.take();
        let again = lost == Some(Lost::Unreachable) || state.since.elapsed() > rounds::SETTLED;
        if lost.is_some() && again {
            self.begin_round(&mut state);
        }
        drop(state);
        self.wake.notify_one();
    }

    /// What a chat says was not taken, although the chat may be read.
    pub(crate) fn look_again(&self) {
        let mut state = self.state();
        state.again = true;
        // A round that is under way is tried again in its own time.
        if state.whole {
            self.wake.notify_one();
        }
    }

    fn begin_round(&self, state: &mut State) {
        state.round += 1;
        state.began = self.driver.services.clock.now();
        state.since = Instant::now();
        state.whole = false;
        state.again = false;
    }

    fn chat(&self, jid: &Jid) -> Chat {
        let mut state = self.state();
        if state.chats.len() >= REMEMBERED && !state.chats.contains_key(jid) {
            state.chats.retain(|_, chat| Arc::strong_count(chat) > 1);
        }
        Arc::clone(state.chats.entry(jid.clone()).or_default())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
