//! What the relay gives to each driver: its cursors, and what the rules listen to.

use std::sync::{Arc, Weak};

use async_trait::async_trait;
use tieline_core::driver::{CursorError, Cursors, Sources};
use tieline_core::id::{ChannelKey, InstanceId};
use tieline_core::outbox::Outbox;

use crate::exchange::Exchange;

/// The cursors of one instance, in the outbox.
pub(crate) struct Bookmarks {
    outbox: Arc<dyn Outbox>,
    instance: InstanceId,
}

impl Bookmarks {
    pub(crate) fn new(exchange: &Exchange, instance: &InstanceId) -> Self {
        Self { outbox: Arc::clone(&exchange.outbox), instance: instance.clone() }
    }
}

#[async_trait]
impl Cursors for Bookmarks {
    async fn get(&self, name: &str) -> Result<Option<String>, CursorError> {
        let read = self.outbox.cursor(&self.instance, name).await;
        read.map_err(|error| CursorError { name: name.to_owned(), why: error.to_string() })
    }

    async fn set(&self, name: &str, value: &str) -> Result<(), CursorError> {
        let moved = self.outbox.set_cursor(&self.instance, name, value).await;
        moved.map_err(|error| CursorError { name: name.to_owned(), why: error.to_string() })
    }
}

/// What the rules of the plan that is in force listen to in one instance.
pub(crate) struct PlannedSources {
    exchange: Weak<Exchange>,
    instance: InstanceId,
}

impl PlannedSources {
    pub(crate) fn new(exchange: &Arc<Exchange>, instance: &InstanceId) -> Self {
        Self { exchange: Arc::downgrade(exchange), instance: instance.clone() }
    }
}

impl Sources for PlannedSources {
    fn listens_to(&self, channel: &ChannelKey, parent: Option<&ChannelKey>) -> bool {
        let Some(exchange) = self.exchange.upgrade() else { return false };
        exchange.plan.load().listens_to(&self.instance, channel, parent)
    }

    fn named(&self) -> Option<Vec<ChannelKey>> {
        let Some(exchange) = self.exchange.upgrade() else { return Some(Vec::new()) };
        exchange.plan.load().sources(&self.instance).map(|source| source.pattern.channel.clone()).collect()
    }

    fn wants(&self, kind: &str) -> bool {
        let wants = |exchange: Arc<Exchange>| kind == "typing" && exchange.plan.load().wants_typing();
        self.exchange.upgrade().is_some_and(wants)
    }
}
