//! What a driver is given: the services of the house, as traits.

use std::sync::Arc;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use crate::address::Address;
use crate::clock::Clock;
use crate::event::{Author, Event};
use crate::id::{Channel, ChannelKey, InstanceId, MessageId};
use crate::outbox::Accepted;
use crate::spool::MediaSpool;
use crate::webhook::Webhooks;

/// What a driver is built with. Fields may be added without breaking drivers.
#[derive(Clone)]
pub struct Services {
    /// Where files wait.
    pub spool: Arc<dyn MediaSpool>,
    /// Which of our messages are known.
    pub links: Arc<dyn KnownMessages>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

/// What a driver runs with. Fields may be added without breaking drivers.
#[derive(Clone)]
pub struct DriverContext {
    /// Where received events go.
    pub inbound: Arc<dyn Inbound>,
    /// Where webhooks are received.
    pub webhooks: Arc<dyn Webhooks>,
    /// Whom to tell about the instance's state.
    pub health: Arc<dyn HealthReport>,
    /// Where it keeps its place in what the platform tells.
    pub cursors: Arc<dyn Cursors>,
    /// What the rules listen to.
    pub sources: Arc<dyn Sources>,
    /// When this is cancelled, stop to receive and return.
    pub shutdown: CancellationToken,
}

/// Takes events from drivers.
#[async_trait]
pub trait Inbound: Send + Sync + 'static {
    /// Returns once the event and its deliveries are on disk. Only then is a webhook answered or a cursor moved.
    async fn accept(&self, event: Event) -> Result<Accepted, InboundError>;

    /// Somebody is typing. Nothing is kept of it.
    async fn typing(&self, typing: Typing) {
        let _: Typing = typing;
    }
}

/// Somebody is typing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Typing {
    /// The instance that heard of it.
    pub instance: InstanceId,
    /// See [`Event::channel`].
    pub channel: ChannelKey,
    /// See [`Event::parent`].
    pub parent: Option<ChannelKey>,
    /// See [`Event::address`].
    pub address: Address,
    /// Who types.
    pub author: Author,
}

/// Why an event was not taken. The platform should send it again later.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InboundError {
    /// The disk refused: full, or read-only.
    #[error("the outbox cannot be written: {0}")]
    Disk(String),
    /// The relay is stopping.
    #[error("tieline is stopping")]
    Stopping,
}

/// Which messages on a platform are known to the outbox already.
#[async_trait]
pub trait KnownMessages: Send + Sync + 'static {
    /// Whether the message is one that we received, or a copy that we sent and know by its id. One that is held because it
    /// may be the echo of a send is neither.
    async fn is_known(&self, realm: &str, message: &MessageId) -> bool;

    /// The newest messages that are known in a channel, those that we received as well as copies that we sent and that
    /// were not taken away since; at most so many, in no order. For drivers that look which of them are still there.
    async fn latest(&self, channel: &Channel, most: usize) -> Vec<MessageId> {
        let _: (&Channel, usize) = (channel, most);
        Vec::new()
    }
}

/// Hears about an instance's state.
pub trait HealthReport: Send + Sync + 'static {
    /// The instance receives, or its credentials were just found good.
    fn ready(&self);

    /// Something is wrong; `why` is a sentence for people.
    fn failing(&self, why: &str);
}

/// A driver's places in what its platform tells: the session of a socket, the newest message that was seen. They live in
/// the outbox, so that a restart goes on where the last process stopped.
#[async_trait]
pub trait Cursors: Send + Sync + 'static {
    /// Reads one; `None` if it was never moved.
    async fn get(&self, name: &str) -> Result<Option<String>, CursorError>;

    /// Moves one. Only past what [`Inbound::accept`] returned for. It is on disk when this returns.
    async fn set(&self, name: &str, value: &str) -> Result<(), CursorError>;
}

/// A cursor could not be read or moved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the cursor `{name}` cannot be kept: {why}")]
pub struct CursorError {
    /// Its name.
    pub name: String,
    /// What the outbox says.
    pub why: String,
}

/// What the rules listen to in one instance. It may change while the driver runs: rules can be reloaded.
pub trait Sources: Send + Sync + 'static {
    /// Whether a rule takes messages of a channel, by its own name, by that of the channel that it belongs to (a
    /// thread's), or as every channel of the instance.
    fn listens_to(&self, channel: &ChannelKey, parent: Option<&ChannelKey>) -> bool;

    /// The channels that rules name; `None`: a rule takes every channel of the instance. For platforms where each
    /// channel must be subscribed to.
    fn named(&self) -> Option<Vec<ChannelKey>> {
        None
    }

    /// Whether a rule relays events of a kind, by the word that `events` of a rule has for it: `typing`. For what a
    /// platform tells only who asks for it.
    fn wants(&self, kind: &str) -> bool {
        let _: &str = kind;
        false
    }
}
