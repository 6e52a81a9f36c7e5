//! Threads: where a rule asks for it, each source channel has a thread of its own in the target, and all that comes from
//! the channel goes there.
//!
//! A thread begins with its opener: an event that tieline makes itself, in the source channel, with a delivery of its own
//! that goes right before the first message. The opener's copy in the target *is* the thread; answers in it are answers
//! to that copy, and so find the channel by its link. An opener that was deleted, or could
//! not be sent, is made anew under the next number.

use std::sync::Arc;
use std::time::Duration;

use dashmap::DashMap;
use jiff::{SignedDuration, Timestamp};
use tieline_core::event::{Body, Event, Message};
use tieline_core::frame::{Frame, NamedFrame};
use tieline_core::id::{IdError, LaneId, MessageId};
use tieline_core::markup::Markup;
use tieline_core::outbox::{Accepted, Delivery, Planned, Routing};

use crate::delivery::deliver;
use crate::exchange::{Exchange, Stopping};
use crate::intake::intake;

/// How often at least it is noted that a thread is used.
const NOTED: SignedDuration = SignedDuration::from_hours(24);

/// How long a lane goes without a thread after its opener could not be sent: it may be refused again, and each that is
/// refused is a dead letter.
const OPENED_AGAIN_AFTER: SignedDuration = SignedDuration::from_mins(10);

/// The threads that this process has written to, by lane.
#[derive(Default)]
pub(crate) struct Threads {
    known: DashMap<LaneId, Thread>,
    /// When an opener was sent last.
    opened: DashMap<LaneId, Timestamp>,
}

#[derive(Clone)]
struct Thread {
    opener: MessageId,
    /// When it was last noted that it is used.
    noted: Timestamp,
}

impl Threads {
    /// The opener of the thread that a delivery goes into, made if it is not there. `None`: the frame asks for no thread,
    /// or its opener has no id, so that nothing can be put behind it.
    pub(crate) async fn of(
        &self,
        exchange: &Exchange,
        delivery: &Delivery,
        frame: &Frame,
    ) -> Result<Option<MessageId>, Stopping> {
        if frame.opener.is_none() {
            return Ok(None);
        }
        let known = self.known.get(&delivery.lane).map(|thread| thread.clone());
        let thread = match known {
            Some(thread) => thread,
            None => match self.find(exchange, delivery, frame).await? {
                Some(opener) => Thread { opener, noted: Timestamp::UNIX_EPOCH },
                None => return Ok(None),
            },
        };
        let opener = thread.opener.clone();
        self.note_use(exchange, delivery, frame, thread).await;
        Ok(Some(opener))
    }

    /// Makes a thread anew, because its opener was deleted.
    pub(crate) async fn reopen(
        &self,
        exchange: &Exchange,
        delivery: &Delivery,
        frame: &Frame,
    ) -> Result<Option<MessageId>, Stopping> {
        self.known.remove(&delivery.lane);
        let next = number(exchange, delivery, frame).await? + 1;
        count_to(exchange, delivery, frame, next).await?;
        self.of(exchange, delivery, frame).await
    }

    /// The copy of the opener; the opener is delivered first if it was not yet.
    async fn find(
        &self,
        exchange: &Exchange,
        delivery: &Delivery,
        frame: &Frame,
    ) -> Result<Option<MessageId>, Stopping> {
        let number = number(exchange, delivery, frame).await?;
        let Ok(mut id) = opener_id(delivery, number) else { return Ok(None) };
        if let Some(copy) = copy(exchange, delivery, frame, &id).await? {
            return Ok(Some(copy));
        }
        let now = exchange.now();
        if is_dead(exchange, &id).await? {
            let last = self.opened.get(&delivery.lane).map(|opened| *opened);
            if last.is_some_and(|last| now.duration_since(last) < OPENED_AGAIN_AFTER) {
                return Ok(None);
            }
            count_to(exchange, delivery, frame, number + 1).await?;
            let Ok(next) = opener_id(delivery, number + 1) else { return Ok(None) };
            id = next;
        }
        let intake = intake(exchange, &opener(exchange, delivery, id.clone()), planned(delivery, frame));
        let first =
            exchange.insist("opening a thread", || exchange.outbox.precede(delivery.id, intake.clone())).await?;
        // None: it was sent by an earlier process, and nobody knows its id.
        let Some(first) = first else { return Ok(None) };
        self.opened.insert(delivery.lane, now);
        exchange.telemetry.accepted(&first.event, &Accepted::Planned { seq: first.seq, deliveries: 1 });
        Box::pin(deliver(exchange, first, None)).await?;
        copy(exchange, delivery, frame, &id).await
    }

    /// Keeps the opener's link alive. If the disk refuses, the next message tries again.
    async fn note_use(&self, exchange: &Exchange, delivery: &Delivery, frame: &Frame, thread: Thread) {
        let now = exchange.now();
        let kept =
            Duration::from_millis(u64::try_from(exchange.house_rules.load().retention.links_ms).unwrap_or_default());
        let every = SignedDuration::try_from(kept / 4).map_or(NOTED, |quarter| quarter.min(NOTED));
        let mut noted = thread.noted;
        if now.duration_since(noted) > every
            && let Some(target) = exchange.instances.get(&frame.target.instance)
        {
            match exchange.outbox.still_used(&target.realm, &thread.opener, now).await {
                Ok(()) => noted = now,
                Err(error) => exchange.telemetry.disk_refused("noting that a thread is used", &error),
            }
        }
        self.known.insert(delivery.lane, Thread { noted, ..thread });
    }
}

fn opener_id(delivery: &Delivery, number: u64) -> Result<MessageId, IdError> {
    MessageId::ours(&format!("thread {}.{number}", delivery.lane))
}

/// Whether an opener could not be sent.
async fn is_dead(exchange: &Exchange, opener: &MessageId) -> Result<bool, Stopping> {
    let traces = exchange.insist("looking for a thread", || exchange.outbox.trace(opener.as_str())).await?;
    let mut deliveries = traces.iter().flat_map(|trace| &trace.deliveries);
    Ok(deliveries.any(|delivery| matches!(delivery.state.as_str(), "dead" | "dropped")))
}

async fn copy(
    exchange: &Exchange,
    delivery: &Delivery,
    frame: &Frame,
    opener: &MessageId,
) -> Result<Option<MessageId>, Stopping> {
    let Some(source) = exchange.instances.get(&delivery.event.instance) else { return Ok(None) };
    let near = &delivery.ends.source;
    exchange
        .insist("looking for a thread", || exchange.outbox.copy_in(&source.realm, opener, near, &frame.target))
        .await
}

/// Which of the lane's threads is the one in use.
async fn number(exchange: &Exchange, delivery: &Delivery, frame: &Frame) -> Result<u64, Stopping> {
    let name = cursor(delivery);
    let stored =
        exchange.insist("looking for a thread", || exchange.outbox.cursor(&frame.target.instance, &name)).await?;
    Ok(stored.and_then(|number| number.parse().ok()).unwrap_or(0))
}

async fn count_to(exchange: &Exchange, delivery: &Delivery, frame: &Frame, number: u64) -> Result<(), Stopping> {
    let (instance, name, number) = (&frame.target.instance, cursor(delivery), number.to_string());
    exchange.insist("noting a new thread", || exchange.outbox.set_cursor(instance, &name, &number)).await
}

fn cursor(delivery: &Delivery) -> String {
    format!("thread of lane {}", delivery.lane)
}

/// Says who is at the other end: the room's name, by the opener's format, and how else the channel is called.
fn opener(exchange: &Exchange, delivery: &Delivery, id: MessageId) -> Arc<Event> {
    let event = &delivery.event;
    let called = match exchange.instances.get(&event.instance) {
        Some(source) => source.config.describe(&event.channel),
        None => event.channel.to_string(),
    };
    // Who has no name is not told twice by number: which account it came to is worth more.
    let room = event.room.clone().filter(|room| *room != called);
    let beside = if room.is_some() { called.as_str() } else { event.instance.as_str() };
    Arc::new(Event {
        room: Some(room.unwrap_or_else(|| called.clone())),
        message_id: id,
        revision: None,
        body: Body::Message(Message { text: Markup::plain(beside), ..Message::default() }),
        missing: None,
        ..Event::clone(event)
    })
}

fn planned(delivery: &Delivery, frame: &Frame) -> Routing {
    let format = frame.opener.clone().unwrap_or_else(|| frame.format.clone());
    let opener = Frame::new(frame.rule.clone(), frame.target.clone(), frame.address.clone(), format);
    let frames = vec![Arc::new(NamedFrame::new(opener))];
    Routing::Deliver(vec![Planned { target: delivery.ends.target.clone(), frames }])
}
