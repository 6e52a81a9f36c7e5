//! A driver that receives, and parts on their way to it, as the relay would have them.

use std::sync::Arc;

use tieline_core::driver::{Driver, DriverContext, DriverError};
use tieline_core::id::MessageId;
use tieline_core::send::{Outgoing, Part, SendError, SendKey, Sending, Sent};
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::clock::SystemClock;
use crate::inbound::RecordingInbound;
use crate::standins::{EverySource, RecordingCursors, RecordingHealth};
use crate::webhooks::LocalWebhooks;

/// A driver that receives. It is told to stop when this is dropped.
pub struct Running {
    /// Dropping it tells the driver to stop.
    pub shutdown: DropGuard,
    /// How the run ends.
    pub task: JoinHandle<Result<(), DriverError>>,
}

impl Running {
    /// Lets a driver receive.
    pub fn start(
        driver: Arc<dyn Driver>,
        inbound: &Arc<RecordingInbound>,
        webhooks: &Arc<LocalWebhooks>,
        health: &Arc<RecordingHealth>,
    ) -> Self {
        let shutdown = CancellationToken::new();
        let context = DriverContext {
            inbound: Arc::clone(inbound) as _,
            webhooks: Arc::clone(webhooks) as _,
            health: Arc::clone(health) as _,
            cursors: Arc::new(RecordingCursors::default()),
            sources: Arc::new(EverySource),
            shutdown: shutdown.clone(),
        };
        Self { task: tokio::spawn(driver.run(context)), shutdown: shutdown.drop_guard() }
    }
}

/// A part of a message on its way: the part with this index, after those before it.
pub fn on_its_way(outgoing: &Outgoing, part: Part, index: u16, before: &[Sent]) -> Sending {
    let source = MessageId::new("source").expect("it is short and plain");
    Sending {
        part,
        target: outgoing.target.clone(),
        key: SendKey::new("testkit", outgoing.delivery, &source, index),
        thread: None,
        before: before.to_vec(),
        since: tieline_core::clock::Clock::now(&SystemClock),
    }
}

/// The first part of a message on its way.
pub fn first_part(driver: &dyn Driver, outgoing: &Outgoing) -> Sending {
    on_its_way(outgoing, driver.cut(outgoing).expect("it can be cut").remove(0), 0, &[])
}

/// Sends all parts of a message, one after another, until one does not arrive.
pub async fn deliver(driver: &dyn Driver, outgoing: &Outgoing) -> Result<Vec<Sent>, SendError> {
    let mut before = Vec::new();
    for (index, part) in driver.cut(outgoing).expect("it can be cut").into_iter().enumerate() {
        let sending = on_its_way(outgoing, part, index as u16, &before);
        before.push(driver.send(&sending).await?);
    }
    Ok(before)
}
