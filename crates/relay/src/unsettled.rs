//! Sends whose end is not known yet.
//!
//! An event that may be our own echo cannot be judged while a send into its channel is under way: the id that would prove
//! it is in the answer that has not come. Such an event is held until the sends that were under way are settled.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use dashmap::DashMap;
use tieline_core::address::Address;
use tieline_core::driver::InstanceConfig;
use tieline_core::id::{Channel, ChannelKey, InstanceId, MessageId};
use tieline_core::send::SendKey;
use tokio_util::sync::CancellationToken;

use crate::held::Held;
use crate::instances::Running;
use crate::sighting::Sighting;

/// The sends under way, by the realm of their target: another account there may see a message of ours first.
#[derive(Debug, Default)]
pub(crate) struct Unsettled {
    realms: DashMap<Arc<str>, Mutex<Open>>,
    /// The keys of parts under way, by realm. A platform that takes our key as the message's id shows the message under
    /// it at once, also to another account of ours, who cannot know its author.
    keys: DashMap<(Arc<str>, String), ()>,
    /// The events that wait for their ends.
    pub(crate) held: Arc<Held>,
}

#[derive(Debug, Default)]
struct Open {
    newest: u64,
    sends: BTreeMap<u64, (Destination, CancellationToken)>,
}

/// Where a send leads, and how events from there may call that place.
#[derive(Debug, Clone)]
pub(crate) struct Destination {
    pub(crate) account: InstanceId,
    pub(crate) key: ChannelKey,
    /// Other names of it that events may come under.
    pub(crate) also_known_as: Vec<ChannelKey>,
    /// Nobody can tell which channel it is: a hook knows where it posts, and the configuration does not say it.
    pub(crate) anywhere: bool,
    /// See [`InstanceConfig::is_shared`].
    pub(crate) shared: bool,
    /// See [`is_called_otherwise`].
    pub(crate) called: bool,
}

/// Whether people know a channel by another name than its key. Two that are called so are two; where it is not, as with an
/// id that hides a phone number, the same person may be met under two keys.
pub(crate) fn is_called_otherwise(config: &dyn InstanceConfig, key: &ChannelKey) -> bool {
    config.describe(key) != key.as_str()
}

impl Destination {
    /// Where an instance sends to. `address`: the target's, if it is at hand.
    pub(crate) fn of(config: &dyn InstanceConfig, key: &ChannelKey, address: Option<&Address>) -> Self {
        // A hook's name is no channel that an event comes from: it leads to the name of another target.
        let is_channel = config.target_for(key).is_some_and(|target| target.key == *key);
        let stated = || address.and_then(|address| config.target(address).ok());
        let also_known_as =
            if is_channel { Vec::new() } else { stated().map_or_else(Vec::new, |target| target.also_known_as) };
        Self {
            account: config.id().clone(),
            key: key.clone(),
            anywhere: !is_channel && also_known_as.is_empty(),
            also_known_as,
            shared: config.is_shared(key),
            called: is_called_otherwise(config, key),
        }
    }

    /// One of which nothing is known but its name.
    pub(crate) fn unknown(channel: &Channel) -> Self {
        Self {
            account: channel.instance.clone(),
            key: channel.key.clone(),
            also_known_as: Vec::new(),
            anywhere: true,
            shared: false,
            called: false,
        }
    }
}

/// A send under way. Dropped when its end is on disk.
#[derive(Debug)]
pub(crate) struct Ticket {
    of: Arc<Unsettled>,
    realm: Arc<str>,
    number: u64,
    keys: Vec<(Arc<str>, String)>,
}

impl Ticket {
    /// Says under which key a part goes out.
    pub(crate) fn carries(&mut self, realm: &Arc<str>, key: &SendKey) {
        let key = (Arc::clone(realm), key.as_str().to_owned());
        if !self.keys.contains(&key) {
            self.of.keys.insert(key.clone(), ());
            self.keys.push(key);
        }
    }
}

impl Unsettled {
    /// Whether a message is one that is being sent right now.
    pub(crate) fn is_sending(&self, realm: &Arc<str>, message: &MessageId) -> bool {
        !self.keys.is_empty() && self.keys.contains_key(&(Arc::clone(realm), message.as_str().to_owned()))
    }

    /// A send into a channel begins, or may have begun before a crash.
    pub(crate) fn begin(self: &Arc<Self>, instance: &Running, key: &ChannelKey, address: Option<&Address>) -> Ticket {
        self.begin_at(&instance.realm, Destination::of(&*instance.config, key, address))
    }

    /// The same, for a place that is known already.
    pub(crate) fn begin_at(self: &Arc<Self>, realm: &Arc<str>, destination: Destination) -> Ticket {
        let sends = self.realms.entry(Arc::clone(realm)).or_default();
        let number = {
            let mut open = lock(&sends);
            open.newest += 1;
            let number = open.newest;
            open.sends.insert(number, (destination, CancellationToken::new()));
            number
        };
        drop(sends);
        Ticket { of: Arc::clone(self), realm: Arc::clone(realm), number, keys: Vec::new() }
    }

    /// The newest send under way into where something was seen; `None` if there is none.
    pub(crate) fn newest(&self, realm: &str, seen: &Sighting) -> Option<u64> {
        let sends = self.realms.get(realm)?;
        let open = lock(&sends);
        open.sends.iter().rev().find(|(_, (destination, _))| seen.may_be_at(destination)).map(|(number, _)| *number)
    }

    /// The ends of the sends under way into where something was seen, up to the newest that matters to it.
    pub(crate) fn ends(&self, realm: &str, seen: &Sighting, newest: u64) -> Vec<CancellationToken> {
        let Some(sends) = self.realms.get(realm) else { return Vec::new() };
        let open = lock(&sends);
        let before = open.sends.range(..=newest).map(|(_, send)| send);
        before.filter(|(destination, _)| seen.may_be_at(destination)).map(|(_, end)| end.clone()).collect()
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        for key in &self.keys {
            self.of.keys.remove(key);
        }
        if let Some(sends) = self.of.realms.get(&self.realm)
            && let Some((_, end)) = lock(&sends).sends.remove(&self.number)
        {
            end.cancel();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(key: &str) -> Destination {
        let channel = Channel { instance: InstanceId::new("a").unwrap(), key: ChannelKey::new(key).unwrap() };
        Destination { anywhere: false, shared: true, ..Destination::unknown(&channel) }
    }

    #[test]
    fn a_message_is_being_sent_until_its_ticket_is_gone() {
        let unsettled = Arc::new(Unsettled::default());
        let (here, there): (Arc<str>, Arc<str>) = ("here".into(), "there".into());
        let key = SendKey::new("o", tieline_core::id::DeliveryId(1), &MessageId::new("m").unwrap(), 0);
        let message = MessageId::new(key.as_str()).unwrap();
        let mut ticket = unsettled.begin_at(&here, room("R"));
        assert!(!unsettled.is_sending(&here, &message));
        ticket.carries(&here, &key);
        assert!(unsettled.is_sending(&here, &message) && !unsettled.is_sending(&there, &message));
        drop(ticket);
        assert!(!unsettled.is_sending(&here, &message));
    }

    #[test]
    fn an_event_waits_for_the_sends_of_its_time_and_channel_only() {
        let unsettled = Arc::new(Unsettled::default());
        let rc: Arc<str> = "rc".into();
        let seen = Sighting::in_room("a", "R");
        assert_eq!(unsettled.newest(&rc, &seen), None);
        let elsewhere = unsettled.begin_at(&rc, room("Q"));
        assert_eq!(unsettled.newest(&rc, &seen), None, "a send into another channel does not matter");
        let first = unsettled.begin_at(&rc, room("R"));
        let second = unsettled.begin_at(&rc, room("R"));
        let newest = unsettled.newest(&rc, &seen).expect("two sends are under way");
        let later = unsettled.begin_at(&rc, room("R"));
        drop(second);
        let ends = unsettled.ends(&rc, &seen, newest);
        assert!(ends.len() == 1 && !ends[0].is_cancelled(), "the first is still under way");
        drop(first);
        assert!(ends[0].is_cancelled());
        assert!(unsettled.ends(&rc, &seen, newest).is_empty(), "a later send does not matter to the held event");
        drop((later, elsewhere));
        assert_eq!(unsettled.newest(&rc, &seen), None);
    }
}
