//! Where an event happened, as rules see it.

use crate::event::Event;
use crate::id::{Channel, ChannelKey};
use crate::plan::Source;
use crate::plan::accounts::Accounts;
use crate::plan::conversation::Reached;
use crate::plan::refusal::Refusal;

/// Where an event happened.
pub(super) struct Place<'e> {
    /// The event.
    pub(super) event: &'e Event,
    /// The channel it counts as coming from: its own, or the parent's.
    pub(super) origin: &'e ChannelKey,
    /// The parent, if the event has one that does not count, because a rule names the thread itself.
    bypassed: Option<&'e ChannelKey>,
}

impl<'e> Place<'e> {
    /// `named`: a rule takes messages from the event's own channel by name.
    pub(super) fn new(event: &'e Event, named: bool) -> Self {
        match &event.parent {
            Some(parent) if !named => Self { event, origin: parent, bypassed: None },
            parent => Self { event, origin: &event.channel, bypassed: parent.as_ref() },
        }
    }

    /// Why a source does not take messages from here; `None` if it does.
    pub(super) fn refusal<'p>(&self, source: &'p Source) -> Option<Refusal<'p>> {
        if source.instance != self.event.instance {
            return Some(Refusal::Instance);
        }
        match &source.pattern.channel {
            Some(channel) if Some(channel) == self.bypassed => return Some(Refusal::ThreadIsNamed),
            // A thread whose parent counts is named by no rule, so its own channel need not be compared.
            Some(channel) if channel != self.origin => return Some(Refusal::Channel),
            Some(_) | None => {}
        }
        let keys = self.event.address.keys();
        let differing = source.pattern.also.iter().find(|(key, value)| keys.get(key) != Some(value));
        differing.map(|(key, value)| Refusal::AddressKey(key, value))
    }

    /// Whether a target leads back to where the event came from, be it by another account that shares the channel.
    ///
    /// What is said in a thread that counts as its parent goes back to neither of the two.
    pub(super) fn is_target(&self, target: &Reached<'_>, accounts: &Accounts) -> bool {
        let Channel { instance, key } = target.channel();
        let came_from_here = |key: &ChannelKey| {
            (key == self.origin || *key == self.event.channel) && accounts.agree_on(key, instance, &self.event.instance)
        };
        came_from_here(key) || target.also_known_as().iter().any(came_from_here)
    }
}
