//! A message and all its copies: what a change of one is a change of.

use crate::id::{Channel, ChannelKey, DeliveryId, EventSeq, LaneId, MessageId};
use crate::send::Copied;

/// A message and all its copies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Family {
    /// The number of the original's event.
    pub seq: EventSeq,
    /// Where it was written.
    pub origin: Channel,
    /// The channel that one belongs to, where channels have parents.
    pub parent: Option<ChannelKey>,
    /// Its id there.
    pub message_id: MessageId,
    /// Whether it was deleted, on its own platform or, by whoever may, elsewhere.
    pub deleted: bool,
    /// Its copies, one in each channel that it was planned to.
    pub copies: Vec<Kin>,
}

/// A copy, sent or to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kin {
    /// The delivery that makes it.
    pub delivery: DeliveryId,
    /// The lane of that.
    pub lane: LaneId,
    /// The channel.
    pub channel: Channel,
    /// The channel that the platform said it is in, where that is another one.
    pub place: Option<ChannelKey>,
    /// How far it is.
    pub state: KinState,
    /// The messages it consists of, as far as their ids are known.
    pub messages: Vec<Copied>,
    /// Whether it consisted of messages, and all of them were taken away.
    pub gone: bool,
    /// Whether a change of it is under way, or waits.
    pub amended: bool,
}

/// How far a copy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KinState {
    /// On its way.
    Pending,
    /// It arrived.
    Delivered,
    /// It was not wanted after all, or dropped.
    NotWanted,
    /// It could not be delivered.
    Dead,
}

impl Kin {
    /// Whether it is in a channel, by that one's own name or by the one that the platform gave.
    pub fn is_in(&self, channel: &Channel) -> bool {
        self.channel.instance == channel.instance
            && (self.channel.key == channel.key || self.place.as_ref() == Some(&channel.key))
    }
}

impl Family {
    /// The channels that a change may have to go to, under each of their names: where the original is, and every copy
    /// that is there or may come.
    pub fn places(&self) -> impl Iterator<Item = Channel> {
        let at = |key: &ChannelKey, like: &Channel| Channel { instance: like.instance.clone(), key: key.clone() };
        let parent = self.parent.iter().map(move |key| at(key, &self.origin));
        let copies = self.copies.iter().filter(|copy| copy.state != KinState::NotWanted || !copy.messages.is_empty());
        let copies = copies.flat_map(move |copy| {
            std::iter::once(copy.channel.clone()).chain(copy.place.iter().map(move |key| at(key, &copy.channel)))
        });
        std::iter::once(self.origin.clone()).chain(parent).chain(copies)
    }

    /// Its copies in a channel: one, or two where its files came apart from its text.
    pub fn copies_in<'f>(&'f self, channel: &'f Channel) -> impl Iterator<Item = &'f Kin> {
        self.copies.iter().filter(move |copy| copy.is_in(channel))
    }

    /// The copies that are still on their way.
    pub fn pending(&self) -> impl Iterator<Item = &Kin> {
        self.copies.iter().filter(|copy| copy.state == KinState::Pending)
    }
}
