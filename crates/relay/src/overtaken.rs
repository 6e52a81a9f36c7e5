//! Messages that were changed before they were sent.
//!
//! The outbox has the newest state of every message on disk. Deliveries that lie in a lane's memory are older: what
//! overtook them is kept here until they are settled.

use std::sync::Arc;

use dashmap::DashMap;
use tieline_core::event::{Body, Event};
use tieline_core::family::{Family, Kin, KinState};
use tieline_core::id::{Channel, DeliveryId, EventSeq, LaneId};
use tieline_core::markup::Markup;
use tieline_core::outbox::Delivery;
use tokio_util::sync::CancellationToken;

use crate::exchange::Exchange;

/// What overtook pending deliveries.
#[derive(Debug, Default)]
pub(crate) struct Overtaken {
    by: DashMap<DeliveryId, Change>,
    /// The newest edits that messages were sent with, by lane and message: neither these nor older ones need be made any
    /// more.
    said: DashMap<(LaneId, EventSeq), EventSeq>,
}

/// What happened to a message.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    /// It was deleted.
    Deleted,
    /// It says this now, by the edit of this number.
    Edited(EventSeq, Arc<Event>),
}

impl Overtaken {
    /// Notes that a change was committed while a delivery of its message was pending.
    pub(crate) fn overtake(&self, delivery: DeliveryId, change: Change) {
        match change {
            Change::Edited(..) if self.is_deleted(delivery) => {}
            change => drop(self.by.insert(delivery, change)),
        }
    }

    /// Whether a delivery's message was deleted meanwhile.
    pub(crate) fn is_deleted(&self, delivery: DeliveryId) -> bool {
        !self.by.is_empty() && self.by.get(&delivery).is_some_and(|change| matches!(*change, Change::Deleted))
    }

    /// Whether an edit came that is newer than the one whose text a delivery has.
    pub(crate) fn is_newer(&self, delivery: &Delivery, said: Option<EventSeq>) -> bool {
        self.newer(delivery, said).is_some()
    }

    /// Gives a delivery the text of the newest edit, if that is newer than the one it has. Returns which.
    pub(crate) fn reword(&self, delivery: &mut Delivery, said: Option<EventSeq>) -> Option<EventSeq> {
        let (edit, text) = self.newer(delivery, said)?;
        let mut event = Event::clone(&delivery.event);
        event.message_mut()?.text = text;
        delivery.event = Arc::new(event);
        // Cut from the old text.
        delivery.parts.clear();
        self.said.insert((delivery.lane, delivery.seq), edit);
        Some(edit)
    }

    fn newer(&self, delivery: &Delivery, said: Option<EventSeq>) -> Option<(EventSeq, Markup)> {
        // Files that came apart from their text have none to be edited.
        if self.by.is_empty() || !matches!(delivery.event.body, Body::Message(_)) {
            return None;
        }
        let change = self.by.get(&delivery.id)?;
        let Change::Edited(seq, event) = &*change else { return None };
        let text = event.message()?.text.clone();
        said.is_none_or(|said| *seq > said).then_some((*seq, text))
    }

    /// Whether an edit's own delivery has nothing to do any more. The newest comes last, and is asked for once.
    pub(crate) fn was_said(&self, edit: &Delivery) -> bool {
        let Some(about) = edit.about.filter(|_| !self.said.is_empty()) else { return false };
        let key = (edit.lane, about);
        let newest = self.said.get(&key).map(|newest| *newest);
        self.said.remove_if(&key, |_, newest| *newest == edit.seq);
        newest.is_some_and(|newest| edit.seq <= newest)
    }

    /// A delivery is settled.
    pub(crate) fn settled(&self, delivery: DeliveryId) {
        if !self.by.is_empty() {
            self.by.remove(&delivery);
        }
    }
}

/// A change was committed whose message is still on its way to some places: there it is sent as it is now, or not at all.
pub(crate) async fn overtake(
    exchange: &Exchange,
    seq: EventSeq,
    event: &Arc<Event>,
    family: &Family,
    targets: &[Channel],
) {
    let is_original = family.message_id == event.message_id
        && family.origin.instance == event.instance
        && family.origin.key == event.channel;
    let change = match event.body {
        // Who deletes a copy has no say over the others.
        Body::Delete if is_original => Change::Deleted,
        Body::Edit(_) => Change::Edited(seq, Arc::clone(event)),
        _ => return,
    };
    if family.copies.iter().any(|copy| copy.state == KinState::Dead)
        && let Ok(Some(message)) = exchange.outbox.event(family.seq).await
    {
        exchange.discard(message.spooled().cloned().collect()).await;
    }
    let deleted = matches!(change, Change::Deleted);
    let concerned = |copy: &&Kin| deleted || targets.iter().any(|target| copy.is_in(target));
    let mut pending = family.pending().filter(concerned).peekable();
    if pending.peek().is_none() {
        return;
    }
    pending.for_each(|copy| exchange.overtaken.overtake(copy.delivery, change.clone()));
    // What was settled since the family was looked up is over.
    if let Ok(Some(now)) = exchange.outbox.family_of(family.seq).await {
        for copy in now.copies.iter().filter(|copy| copy.state != KinState::Pending) {
            exchange.overtaken.settled(copy.delivery);
        }
    }
}

/// Those who wait for the end of a delivery in another lane.
#[derive(Debug, Default)]
pub(crate) struct Endings(DashMap<DeliveryId, CancellationToken>);

impl Endings {
    /// Is cancelled when the delivery ends. Whoever asks must see afterwards that it has not ended before.
    pub(crate) fn of(&self, delivery: DeliveryId) -> CancellationToken {
        self.0.entry(delivery).or_default().clone()
    }

    /// A delivery has ended.
    pub(crate) fn ended(&self, delivery: DeliveryId) {
        if !self.0.is_empty()
            && let Some((_, end)) = self.0.remove(&delivery)
        {
            end.cancel();
        }
    }
}
