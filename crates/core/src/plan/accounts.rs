//! The instances, as routing needs them: which of their channels are one and the same, and whom they can write to.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use crate::driver::InstanceConfig;
use crate::event::Event;
use crate::id::{ChannelKey, InstanceId};

/// The instances that rules link.
#[derive(Default)]
pub(super) struct Accounts {
    by_id: HashMap<InstanceId, Arc<dyn InstanceConfig>>,
}

impl fmt::Debug for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.by_id.keys()).finish()
    }
}

/// Where a channel key names one channel.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) enum Domain<'a> {
    /// For every account of the realm.
    Realm(&'a str),
    /// For this account only.
    Account(&'a str),
}

impl Accounts {
    pub(super) fn new<'c>(instances: impl IntoIterator<Item = &'c Arc<dyn InstanceConfig>>) -> Self {
        Self { by_id: instances.into_iter().map(|config| (config.id().clone(), Arc::clone(config))).collect() }
    }

    pub(super) fn get(&self, instance: &InstanceId) -> Option<&dyn InstanceConfig> {
        self.by_id.get(instance).map(AsRef::as_ref)
    }

    /// Why the settings of the instance that received an event keep it from being relayed.
    pub(super) fn declines(&self, event: &Event) -> Option<String> {
        self.get(&event.instance)?.declines(event)
    }

    pub(super) fn domain<'a>(&'a self, instance: &'a InstanceId, key: &ChannelKey) -> Domain<'a> {
        match self.get(instance) {
            Some(config) if config.is_shared(key) => Domain::Realm(config.realm()),
            _ => Domain::Account(instance.as_str()),
        }
    }

    /// Whether two accounts are one, or of one realm.
    pub(super) fn are_related(&self, one: &InstanceId, other: &InstanceId) -> bool {
        let realm = |instance| self.get(instance).map(InstanceConfig::realm);
        one == other || realm(one).is_some_and(|of_one| realm(other) == Some(of_one))
    }

    /// Whether two accounts mean the same channel by a key.
    pub(super) fn agree_on(&self, key: &ChannelKey, one: &InstanceId, other: &InstanceId) -> bool {
        one == other || self.domain(one, key) == self.domain(other, key)
    }
}
