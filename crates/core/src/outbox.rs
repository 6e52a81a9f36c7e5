//! The outbox: the trait behind which every message is kept until it is settled.
//!
//! No lane, driver or rule may know which store it runs on. What a store promises:
//!
//! - What a call returned for is on disk; a crash afterwards loses nothing of it.
//! - [`Outbox::accept`] takes an event once: a repeat is recognised by (instance, channel, message id, kind, revision).
//! - Deliveries are handed to the [`Feed`] in the order of their positions, each exactly once per process; positions
//!   ascend in order of commit.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::binding::Bindings;
use crate::event::Event;
use crate::family::Family;
use crate::frame::{Addressed, NamedFrame};
use crate::id::{Channel, ChannelKey, DeliveryId, EventSeq, InstanceId, LaneId, MessageId};
use crate::send::{Part, Sent};
use crate::spool::SpoolId;

/// An event with what the rules made of it, to be committed as one.
#[derive(Debug, Clone)]
pub struct Intake {
    /// The event.
    pub event: Arc<Event>,
    /// The realm of its instance, in which its message id is looked up among our copies.
    pub realm: Arc<str>,
    /// See [`InstanceConfig::target_names`](crate::driver::InstanceConfig::target_names). Empty unless the author may be a
    /// bot of ours.
    pub target_names: Vec<ChannelKey>,
    /// When it was received.
    pub received: Timestamp,
    /// What the rules say.
    pub routing: Routing,
    /// The message that a change is about: the event of it, or of its original. See [`Event::is_change`].
    pub about: Option<EventSeq>,
}

/// What the rules made of an event.
#[derive(Debug, Clone)]
pub enum Routing {
    /// It goes to these channels, at least one.
    Deliver(Vec<Planned>),
    /// Nobody gets it, for this reason.
    Filtered(String),
    /// It may be our own echo and a send into its channel is unsettled: kept until [`Outbox::release`].
    Hold,
}

/// One delivery that the rules planned.
#[derive(Debug, Clone)]
pub struct Planned {
    /// The target channel.
    pub target: Channel,
    /// The frames that may say it there, best first, never empty. There are several only while the event is incomplete
    /// and a filter cannot be decided yet: the first frame whose filter takes the completed event says it.
    pub frames: Vec<Arc<NamedFrame>>,
}

/// What became of an event that was handed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Accepted {
    /// It is new, and on its way to this many channels.
    Planned {
        /// Its number.
        seq: EventSeq,
        /// How many deliveries there are.
        deliveries: usize,
    },
    /// It is new, and nobody gets it.
    Filtered {
        /// Its number.
        seq: EventSeq,
        /// Why nobody gets it.
        reason: String,
    },
    /// It is kept until a send settles.
    Held {
        /// Its number.
        seq: EventSeq,
    },
    /// It was accepted before.
    Repeat {
        /// The number it has.
        seq: EventSeq,
    },
}

/// A lane: from one source channel to one target channel.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Lane {
    /// Where its messages come from.
    pub source: Channel,
    /// Where they go.
    pub target: Channel,
}

/// A place in a lane's order. It is the delivery's number until a dead letter is retried, which joins the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Position(pub i64);

/// A delivery that is not settled, with all that its send needs.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Its number.
    pub id: DeliveryId,
    /// Its place in the lane.
    pub position: Position,
    /// The lane's number.
    pub lane: LaneId,
    /// The lane.
    pub ends: Arc<Lane>,
    /// The event's number.
    pub seq: EventSeq,
    /// The event.
    pub event: Arc<Event>,
    /// When the event was received.
    pub received: Timestamp,
    /// See [`Planned::frames`].
    pub frames: Vec<Arc<NamedFrame>>,
    /// How often it was tried before this process started, or since.
    pub attempts: u32,
    /// Not to be tried earlier.
    pub not_before: Option<Timestamp>,
    /// How long it waited for stated rate limits until now, in milliseconds; it does not count for `give_up_after`.
    pub waited_ms: i64,
    /// The parts that it was cut into, if it was cut, with what came of each that is settled.
    pub parts: Vec<(Part, Option<Sent>)>,
    /// See [`Intake::about`].
    pub about: Option<EventSeq>,
    /// The message was deleted: it is not wanted any more.
    pub deleted: bool,
}

/// Hears of every delivery as soon as it is committed.
pub trait Feed: Send + Sync + 'static {
    /// Called in order of position, after the commit, on the outbox' own thread: it must neither block nor call back.
    fn committed(&self, delivery: Delivery);
}

/// How an attempt at a delivery ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settlement {
    /// All parts arrived; what came of each, in order.
    Delivered(Vec<Sent>),
    /// No frame's filter took it after all, or it is not wanted any more.
    Filtered(String),
    /// It cannot be delivered: a dead letter.
    Dead {
        /// How often it was tried.
        attempts: u32,
        /// Why, for people.
        reason: String,
    },
    /// It is tried again.
    Retry {
        /// How often it was tried.
        attempts: u32,
        /// Not earlier than this.
        not_before: Timestamp,
        /// Why the last attempt failed.
        error: String,
        /// See [`Delivery::waited_ms`].
        waited_ms: i64,
    },
}

/// A dead letter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// The delivery's number: what `dead show`, `retry` and `drop` take.
    pub id: DeliveryId,
    /// The event's number: what `trace` takes.
    pub trace: String,
    /// When it was given up.
    pub died: Timestamp,
    /// When the message was received.
    pub received: Timestamp,
    /// The rule that planned it.
    pub rule: String,
    /// Where it came from.
    pub source: Channel,
    /// Where it should have gone.
    pub target: Channel,
    /// The source platform's id of the message.
    pub message_id: MessageId,
    /// Who wrote it.
    pub user: String,
    /// What was written, as plain text.
    pub text: String,
    /// The names of its files.
    pub files: Vec<String>,
    /// How often it was tried.
    pub attempts: u32,
    /// Why it could not be delivered.
    pub reason: String,
}

/// How many things there were since the outbox was made.
///
/// `planned = delivered + filtered + dead + dropped + pending` holds at every commit: an accepted event counts in
/// `planned` once for each target channel, or once, as filtered, if it has none. Held events count once they are planned.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Tallies {
    /// Everything that was planned.
    pub planned: i64,
    /// Arrived.
    pub delivered: i64,
    /// Not wanted by any rule, or by a filter.
    pub filtered: i64,
    /// Dead letters that lie in the outbox now.
    pub dead: i64,
    /// Dead letters that a person dropped.
    pub dropped: i64,
    /// On their way.
    pub pending: i64,
    /// Events that came again.
    pub repeats: i64,
    /// Sends that were repeated though nobody could tell whether the first had arrived.
    pub possible_duplicates: i64,
    /// Events that wait for a send to settle before they are planned.
    pub held: i64,
}

/// Why a call to the outbox failed. Nothing of the call is on disk.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutboxError {
    /// The disk is full or refuses to be written.
    #[error("the outbox cannot be written: {0}")]
    Disk(String),
    /// Something is wrong with what is stored.
    #[error("the outbox is damaged: {0}")]
    Damaged(String),
    /// The outbox is closed.
    #[error("the outbox is closed")]
    Closed,
}

/// What happened to a message, for `trace`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trace {
    /// The event's number.
    pub trace: String,
    /// `planned`, `filtered`, `held`.
    pub state: String,
    /// Why nobody got it, or what was odd when it was completed.
    pub notes: Vec<String>,
    /// The event; `None` if retention took its text.
    pub event: Option<Event>,
    /// When it was received.
    pub received: Timestamp,
    /// Where it went.
    pub deliveries: Vec<TracedDelivery>,
}

/// One delivery in a trace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TracedDelivery {
    /// Its number.
    pub id: DeliveryId,
    /// The rule that planned it.
    pub rule: String,
    /// Where to.
    pub target: Channel,
    /// `pending`, `delivered`, `filtered`, `dead`, `dropped`.
    pub state: String,
    /// How often it was tried.
    pub attempts: u32,
    /// The last error, or the reason of its end.
    pub reason: Option<String>,
    /// How the message named the target, where it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub addressed: Option<Addressed>,
    /// The target platform's ids of the copy.
    pub copies: Vec<MessageId>,
}

/// How long things are kept, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// The text of settled messages.
    pub messages_ms: i64,
    /// Ids and text hashes.
    pub links_ms: i64,
}

/// The store behind the relay.
#[async_trait]
pub trait Outbox: Bindings {
    /// Names who hears of deliveries. Called once, before anything is accepted.
    fn feed(&self, feed: Arc<dyn Feed>);

    /// The random text that was made with this outbox; see [`SendKey`](crate::send::SendKey).
    fn name(&self) -> &str;

    /// Whether the last process that used it closed it properly, with nothing in flight.
    fn was_closed(&self) -> bool;

    /// Commits an event with its deliveries, unless it is
    ///
    /// - a repeat;
    /// - a message that we sent: filtered as our own copy, whatever the routing;
    /// - by a [`BotOrOurs`](crate::event::Authorship::BotOrOurs), with the text of a copy that was sent into its channel
    ///   without an id in the last ten minutes ([`Sent::unnamed_text`]): that copy gets this id, once;
    /// - [`Files`](crate::event::Body::Files) of a message that was accepted before: if that message is still
    ///   incomplete, or its deliveries carry no file, the files are relayed without the text; else it is a repeat;
    /// - a message whose `Files` event was accepted before: a repeat.
    ///
    /// A change ([`Intake::about`]) does more in the same step. A message that was deleted before takes no further
    /// change: that is filtered. A deletion makes the message's dead letters filtered, and marks it so that none of its
    /// pending deliveries is sent any more ([`Family::deleted`]). An edit gives its dead letters and pending deliveries
    /// the new text. A reaction is noted with who gave it; it is relayed only to places where it is the first or, taken
    /// back, was the last with its emoji, since a bot has only one.
    async fn accept(&self, intake: Intake) -> Result<Accepted, OutboxError>;

    /// Held events of an instance, or of all (`None`), oldest first.
    async fn held(&self, instance: Option<&InstanceId>) -> Result<Vec<(EventSeq, Event)>, OutboxError>;

    /// Plans a held event, as [`accept`](Self::accept) does.
    async fn release(&self, seq: EventSeq, intake: Intake) -> Result<Accepted, OutboxError>;

    /// Stores a completed event in the place of the incomplete one. Deliveries that are read later carry it.
    async fn complete(&self, seq: EventSeq, event: Arc<Event>, notes: Vec<String>) -> Result<(), OutboxError>;

    /// An event as it is stored now; `None` if it is gone.
    async fn event(&self, seq: EventSeq) -> Result<Option<Arc<Event>>, OutboxError>;

    /// Every lane that has unsettled deliveries.
    async fn pending_lanes(&self) -> Result<Vec<(LaneId, Lane)>, OutboxError>;

    /// Unsettled deliveries of a lane after a position (from the first, if `None`), in order, at most `limit`.
    async fn pending(&self, lane: LaneId, after: Option<Position>, limit: usize) -> Result<Vec<Delivery>, OutboxError>;

    /// Stores the parts that a delivery was cut into.
    async fn cut(&self, delivery: DeliveryId, parts: Vec<Part>) -> Result<(), OutboxError>;

    /// Stores what came of one part of a delivery that has several. Its ids are links from now on.
    async fn part_sent(&self, delivery: DeliveryId, part: usize, sent: Sent, realm: &str) -> Result<(), OutboxError>;

    /// Stores how an attempt ended. `realm` is the target instance's. Returns the files that nobody needs any more.
    async fn settle(
        &self,
        delivery: DeliveryId,
        settlement: Settlement,
        realm: &str,
        now: Timestamp,
    ) -> Result<Vec<SpoolId>, OutboxError>;

    /// Counts a send that is repeated though the first may have arrived.
    async fn count_possible_duplicate(&self) -> Result<(), OutboxError>;

    /// Whether a message is known, as a copy of ours or as one that was received and is not held: that one may be a copy.
    async fn is_known(&self, realm: &str, message: &MessageId) -> Result<bool, OutboxError>;

    /// The newest messages that stand in a channel: those that were received there and relayed, and copies that were sent
    /// there and not taken away since. Of each at most so many, looked for among what happened lately.
    async fn latest(&self, channel: &Channel, most: usize) -> Result<Vec<MessageId>, OutboxError>;

    /// The copy of a message in a target channel: of the message itself, or, if it is a copy, of its original or of
    /// that one's other copies. `None` if there is none.
    ///
    /// Ids are made by clients on some platforms, so that two messages may have one: what was said in `near`, where the
    /// message was named, is meant before anything else.
    async fn copy_in(
        &self,
        realm: &str,
        message: &MessageId,
        near: &Channel,
        target: &Channel,
    ) -> Result<Option<MessageId>, OutboxError>;

    /// The channels that hold a message or a copy of it, or, if it is a copy, its original and that one's other copies;
    /// the original's channel first. Empty if it is not known.
    async fn places(&self, realm: &str, message: &MessageId) -> Result<Vec<Channel>, OutboxError>;

    /// A message with all its copies, by the id of any of them; `None` if it is not known, or only as held. `near` is
    /// where it was named, as in [`copy_in`](Self::copy_in).
    async fn family(&self, realm: &str, message: &MessageId, near: &Channel) -> Result<Option<Family>, OutboxError>;

    /// The same, by the number of the original's event.
    async fn family_of(&self, seq: EventSeq) -> Result<Option<Family>, OutboxError>;

    /// The reactions that people have left standing under a message and its copies: the emoji and where it was given,
    /// newest first, once for everybody who gave it there.
    async fn reactions(&self, seq: EventSeq) -> Result<Vec<(String, Channel)>, OutboxError>;

    /// Commits an event with one delivery that goes right before a pending delivery, the first of its lane, and returns
    /// it instead of feeding it. `None`: the event is a repeat.
    async fn precede(&self, delivery: DeliveryId, intake: Intake) -> Result<Option<Delivery>, OutboxError>;

    /// Notes that the thread which a copy opens is still used, so that what is known of it lives as long from now on as if
    /// it were new. Nothing happens if the copy is of something that a platform told.
    async fn still_used(&self, realm: &str, copy: &MessageId, now: Timestamp) -> Result<(), OutboxError>;

    /// Dead letters, oldest first.
    async fn dead_letters(&self) -> Result<Vec<DeadLetter>, OutboxError>;

    /// Puts dead letters at the end of their lanes again. Returns those that were dead.
    async fn retry_dead(&self, ids: &[DeliveryId], now: Timestamp) -> Result<Vec<DeliveryId>, OutboxError>;

    /// Drops dead letters for good. Returns those that were dead, and the files that nobody needs any more.
    async fn drop_dead(
        &self,
        ids: &[DeliveryId],
        now: Timestamp,
    ) -> Result<(Vec<DeliveryId>, Vec<SpoolId>), OutboxError>;

    /// Reads a driver's cursor.
    async fn cursor(&self, instance: &InstanceId, name: &str) -> Result<Option<String>, OutboxError>;

    /// Moves a driver's cursor.
    async fn set_cursor(&self, instance: &InstanceId, name: &str, value: &str) -> Result<(), OutboxError>;

    /// The counts.
    async fn tallies(&self) -> Result<Tallies, OutboxError>;

    /// What became of a message: by its number, or by a platform's id, as the source's or as a copy's.
    async fn trace(&self, id: &str) -> Result<Vec<Trace>, OutboxError>;

    /// Forgets what is older than the retention allows, a bounded step at a time so that no send waits for it.
    /// Returns whether there is more to forget.
    async fn prune(&self, now: Timestamp, retention: Retention) -> Result<bool, OutboxError>;

    /// Files that an unsettled or dead delivery refers to, so that others can be swept at start.
    async fn spooled(&self) -> Result<Vec<SpoolId>, OutboxError>;

    /// Ends: everything that was handed in is committed, and the store is marked as properly closed if `clean`.
    async fn close(&self, clean: bool) -> Result<(), OutboxError>;
}
