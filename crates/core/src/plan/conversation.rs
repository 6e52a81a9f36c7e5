//! Targets that follow the conversation: which channel a message itself names.

use std::sync::Arc;

use crate::driver::{InstanceConfig, TargetChannel};
use crate::event::Event;
use crate::frame::{Addressed, Frame, NamedFrame};
use crate::id::{Channel, ChannelKey};
use crate::plan::accounts::Accounts;
use crate::plan::refusal::Refusal;
use crate::plan::{Links, Target};
use crate::recipient;

/// A target as one message reaches it.
pub(super) struct Reached<'p> {
    pub(super) frame: &'p Arc<NamedFrame>,
    pub(super) also_known_as: &'p [ChannelKey],
    /// The channel that the message named, where the target follows the conversation.
    named: Option<(Arc<NamedFrame>, Vec<ChannelKey>)>,
}

impl<'p> Reached<'p> {
    /// Finds the channel for one message. `Err`: the target gets nothing, for this reason.
    pub(super) fn new(
        target: &'p Target,
        event: &Event,
        links: &Links,
        accounts: &Accounts,
    ) -> Result<Self, Refusal<'p>> {
        let named = if target.open { Some(follow(target, event, links, accounts)?) } else { None };
        Ok(Self { frame: &target.frame, also_known_as: &target.also_known_as, named })
    }

    pub(super) fn frame(&self) -> &Arc<NamedFrame> {
        self.named.as_ref().map_or(self.frame, |(frame, _)| frame)
    }

    pub(super) fn channel(&self) -> &Channel {
        &self.frame().frame.target
    }

    pub(super) fn also_known_as(&self) -> &[ChannelKey] {
        self.named.as_ref().map_or(self.also_known_as, |(_, names)| names)
    }

    /// Whether it leads to a channel, under whichever of its names.
    pub(super) fn is(&self, channel: &Channel) -> bool {
        let Channel { instance, key } = self.channel();
        *instance == channel.instance && (*key == channel.key || self.also_known_as().contains(&channel.key))
    }
}

fn follow<'p>(
    target: &'p Target,
    event: &Event,
    links: &Links,
    accounts: &Accounts,
) -> Result<(Arc<NamedFrame>, Vec<ChannelKey>), Refusal<'p>> {
    let instance = &target.channel().instance;
    // A stranger who writes to an account must not be able to write to others, be it through another one.
    if accounts.are_related(instance, &event.instance) {
        return Err(Refusal::OwnAccount);
    }
    let config = accounts.get(instance).ok_or(Refusal::NoConversation)?;
    if event.is_change() {
        return follow_change(target, event, links, config);
    }
    let named = event.message().and_then(|message| recipient::named(&message.text));
    let recipient = named.and_then(|named| config.recipient(&named));
    let parent = links.parent.iter().find(|place| place.instance == *instance);
    let (channel, addressed): (TargetChannel, Addressed) = match (parent, recipient) {
        (Some(parent), recipient) => {
            let said_twice = recipient.is_some_and(|recipient| recipient.target.key == parent.key);
            let channel = config.target_for(&parent.key).ok_or(Refusal::NoConversation)?;
            // Whoever wrote to us may be answered. Where only we wrote, it counts whom the settings let us write to now.
            let refused = if links.parent.first() == Some(parent) {
                None
            } else {
                config.recipient(parent.key.as_str()).ok_or(Refusal::NoConversation)?.refused
            };
            let allowed = if said_twice { Addressed::Prefix } else { Addressed::Reply };
            (channel, refused.map_or(allowed, Addressed::Refused))
        }
        (None, Some(recipient)) => (recipient.target, recipient.refused.map_or(Addressed::Prefix, Addressed::Refused)),
        (None, None) => return Err(Refusal::NoConversation),
    };
    Ok(lead(target, channel, addressed))
}

/// A change goes where the message went, whatever it says now.
fn follow_change<'p>(
    target: &'p Target,
    event: &Event,
    links: &Links,
    config: &dyn InstanceConfig,
) -> Result<(Arc<NamedFrame>, Vec<ChannelKey>), Refusal<'p>> {
    let there = links.holders.iter().find(|holder| holder.instance == *config.id());
    let there = there.and_then(|holder| config.target_for(&holder.key)).ok_or(Refusal::NoConversation)?;
    let named = recipient::named(&event.text()).and_then(|named| config.recipient(&named));
    let says = named.is_some_and(|named| named.target.key == there.key);
    Ok(lead(target, there, if says { Addressed::Prefix } else { Addressed::Reply }))
}

/// The target's frame, leading to a channel of the conversation.
fn lead(target: &Target, channel: TargetChannel, addressed: Addressed) -> (Arc<NamedFrame>, Vec<ChannelKey>) {
    let frame = Frame {
        target: Channel { instance: target.channel().instance.clone(), key: channel.key },
        address: channel.address,
        addressed: Some(addressed),
        ..target.frame.frame.clone()
    };
    (Arc::new(NamedFrame::new(frame)), channel.also_known_as)
}
