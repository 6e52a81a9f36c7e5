//! What the suite needs of a driver's tests.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use tieline_core::address::Address;
use tieline_core::driver::{Driver, InstanceConfig};
use tieline_core::id::MessageId;

use crate::standins::RecordingHealth;
use crate::webhooks::LocalWebhooks;

/// A driver with a fake of its platform.
#[async_trait]
pub trait Harness: Send + Sync + 'static {
    /// The driver, built with the services that the suite gave.
    fn driver(&self) -> Arc<dyn Driver>;

    /// The settings that it was built from.
    fn instance(&self) -> Arc<dyn InstanceConfig>;

    // === receiving ===

    /// Called after [`Driver::run`] was started: returns once the platform tells the driver what happens.
    async fn connect(&self, webhooks: &LocalWebhooks, health: &RecordingHealth);

    /// A person writes into the source room. Returns the message's id as the driver will say it.
    async fn person_writes(&self, text: &str) -> MessageId;

    /// The platform tells the last message again, as it does after a lost answer. `false`: it never does.
    async fn tell_again(&self) -> bool;

    /// The statuses with which the driver answered the platform until now, as soon as there are `count`.
    /// `None`: the platform waits for no answer (a socket).
    async fn answers(&self, count: usize) -> Option<Vec<u16>>;

    // === sending ===

    /// The address of the target room, in the driver's canonical spelling. It is also the source room.
    fn target(&self) -> Address;

    /// The message keys of a rule that shows the sender under this name.
    fn identity(&self, name: &str) -> BTreeMap<String, String>;

    /// What the target room shows, in order, without what persons wrote.
    fn said(&self) -> Vec<Said>;

    /// What hostile text set off: pings of a whole room, formatting, commands. Empty if all is well.
    fn set_off(&self) -> Vec<String>;

    /// The next send meets this.
    fn script(&self, fault: SendFault);

    /// The words that a refusal after [`SendFault::Refused`] must hold for a person to know what to do.
    fn remedy(&self) -> &'static str;

    /// The platform refuses connections from now on.
    async fn close(&self);

    /// Whether [`Driver::reconcile`] can tell what became of a text. `false`: it must say that it cannot.
    fn reconciles(&self) -> bool {
        true
    }

    /// Whether a message can be shown under the name of a rule's identity. `false`: all is shown under the account's own.
    fn shows_identity(&self) -> bool {
        true
    }

    /// Which changes of what was said can be made.
    fn changes(&self) -> Changes {
        Changes::default()
    }

    /// The emoji with which our account has reacted to a message, as the house spells them.
    fn reactions(&self, message: &MessageId) -> Vec<String>;

    /// Whether the bytes of a file can be sent. `false`: a message that has a file must name it in its text.
    fn carries_files(&self) -> bool {
        true
    }
}

/// Which changes of what was said can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Changes {
    /// Its text can be edited. `false`: the new one is said as a correction.
    pub edits: bool,
    /// It can be taken away.
    pub deletes: bool,
    /// Our account can react to it.
    pub reacts: bool,
}

impl Default for Changes {
    fn default() -> Self {
        Self { edits: true, deletes: true, reacts: true }
    }
}

/// A message that the target room shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Its id.
    pub id: MessageId,
    /// Its text, as it is stored.
    pub text: String,
    /// The name that it is shown under.
    pub name: String,
    /// The SHA-256 of each of its files, in hexadecimal digits.
    pub files: Vec<String>,
}

/// What goes wrong with a send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendFault {
    /// The platform asks to wait.
    RateLimited {
        /// Until when, in whole milliseconds or in the platform's coarser unit.
        until: Timestamp,
    },
    /// The platform says that it is broken, before it processed anything.
    ServerError,
    /// The connection ends before anything was processed.
    LostRequest,
    /// The message is posted, and the connection ends without an answer.
    LostAnswer,
    /// The credentials are refused.
    Unauthorized,
    /// The message is refused for a reason that a person can remove.
    Refused,
}
