//! Which sends an event may belong to, by where it was seen.

use tieline_core::event::Event;
use tieline_core::id::{ChannelKey, InstanceId};

use crate::exchange::Exchange;
use crate::instances::Running;
use crate::unsettled::{Destination, is_called_otherwise};

/// Where an event was seen, under all names that a send may have gone there by.
#[derive(Debug, Clone)]
pub(crate) struct Sighting {
    account: InstanceId,
    channel: ChannelKey,
    parent: Option<ChannelKey>,
    /// The name that people know the room by: a hook may have been given that one.
    room: Option<String>,
    shared: bool,
    called: bool,
    /// The accounts of the realm.
    accounts: Vec<Account>,
}

#[derive(Debug, Clone)]
struct Account {
    id: InstanceId,
    /// What the account's targets may call the channel.
    names: Vec<ChannelKey>,
    /// Whether this account wrote it.
    wrote: bool,
}

impl Sighting {
    pub(crate) fn of(exchange: &Exchange, instance: &Running, event: &Event) -> Self {
        let all = exchange.instances.all();
        let of_realm = all.values().map(AsRef::as_ref).filter(|one| one.realm == instance.realm);
        let account = |one: &Running| Account {
            id: one.config.id().clone(),
            names: one.config.target_names(event),
            wrote: one.driver.is_own(&event.author),
        };
        Self {
            account: event.instance.clone(),
            channel: event.channel.clone(),
            parent: event.parent.clone(),
            room: event.room.clone(),
            shared: instance.config.is_shared(&event.channel),
            called: is_called_otherwise(&*instance.config, &event.channel),
            accounts: of_realm.map(account).collect(),
        }
    }

    /// Whether a send may have gone to where this was seen.
    pub(crate) fn may_be_at(&self, destination: &Destination) -> bool {
        let here = |key: &ChannelKey| *key == self.channel || self.parent.as_ref() == Some(key);
        let sender = self.accounts.iter().find(|account| account.id == destination.account);
        if destination.anywhere || sender.is_some_and(|sender| sender.names.contains(&destination.key)) {
            return true;
        }
        let named = |key: &ChannelKey| here(key) || self.room.as_deref() == Some(key.as_str());
        if destination.also_known_as.iter().any(named) {
            return true;
        }
        let direct = !destination.shared && !self.shared;
        if destination.account == self.account {
            // A person may be called by a number here, and by an id that hides it there.
            let two_people = destination.called && self.called;
            here(&destination.key) || (direct && !two_people)
        } else if direct {
            // The chat between two accounts of ours is called by the other's name at either end.
            sender.is_some_and(|sender| sender.wrote)
        } else {
            destination.shared && self.shared && here(&destination.key)
        }
    }

    /// Something in a room that all accounts of the realm share.
    #[cfg(test)]
    pub(crate) fn in_room(account: &str, channel: &str) -> Self {
        Self {
            account: InstanceId::new(account).unwrap(),
            channel: ChannelKey::new(channel).unwrap(),
            parent: None,
            room: None,
            shared: true,
            called: false,
            accounts: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tieline_core::id::Channel;

    fn key(key: &str) -> ChannelKey {
        ChannelKey::new(key).unwrap()
    }

    fn to(account: &str, channel: &str) -> Destination {
        let channel = Channel { instance: InstanceId::new(account).unwrap(), key: key(channel) };
        Destination { anywhere: false, shared: true, ..Destination::unknown(&channel) }
    }

    #[test]
    fn a_room_is_the_same_for_every_account_and_its_parent_counts() {
        let seen = Sighting { parent: Some(key("P")), ..Sighting::in_room("a", "R") };
        for (account, room, may_be) in [("a", "R", true), ("b", "R", true), ("b", "P", true), ("a", "Q", false)] {
            assert_eq!(seen.may_be_at(&to(account, room)), may_be, "{account}/{room}");
        }
    }

    #[test]
    fn a_hook_is_found_by_what_it_may_be_called() {
        let mut seen = Sighting { room: Some("desk".into()), ..Sighting::in_room("a", "R") };
        let hook = Destination { also_known_as: vec![key("Q")], ..to("h", "hook:1") };
        assert!(!seen.may_be_at(&hook), "it is stated to be another room");
        assert!(seen.may_be_at(&Destination { also_known_as: vec![key("R")], ..hook.clone() }));
        assert!(seen.may_be_at(&Destination { also_known_as: vec![key("desk")], ..hook.clone() }));
        assert!(seen.may_be_at(&Destination { anywhere: true, ..hook.clone() }), "nobody can name it");
        let account = Account { id: InstanceId::new("h").unwrap(), names: vec![key("hook:1")], wrote: false };
        seen.accounts.push(account);
        assert!(seen.may_be_at(&hook), "the hook's own instance says that it may be there");
    }

    #[test]
    fn the_chat_with_a_person_is_the_accounts_own() {
        let direct = |account: &str, chat: &str| Destination { shared: false, called: true, ..to(account, chat) };
        let mut seen = Sighting { shared: false, called: true, ..Sighting::in_room("a", "+1") };
        assert!(seen.may_be_at(&direct("a", "+1")));
        assert!(!seen.may_be_at(&direct("a", "+2")) && !seen.may_be_at(&direct("b", "+1")));
        // A hidden number may be any person's, and no group's.
        let hidden = Destination { called: false, ..direct("a", "hidden") };
        assert!(seen.may_be_at(&hidden));
        assert!(!seen.may_be_at(&to("a", "group")));
        assert!(!Sighting::in_room("a", "group").may_be_at(&hidden));
        // What the account `b` wrote to `a`, as `a` sees it.
        seen.accounts.push(Account { id: InstanceId::new("b").unwrap(), names: Vec::new(), wrote: true });
        assert!(seen.may_be_at(&direct("b", "+9")));
    }
}
