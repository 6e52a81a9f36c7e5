//! Somebody is typing: shown where a rule wants it, kept nowhere.

use std::sync::Arc;
use std::time::Duration;

use tieline_core::driver::Typing;
use tieline_core::event::{Body, Event};
use tieline_core::id::MessageId;

use crate::exchange::Exchange;
use crate::intake::by_ours;

/// How long it may take to show.
const PATIENCE: Duration = Duration::from_secs(5);

/// Shows in every place that wants to see it that somebody is typing. Nothing is kept, and nobody waits for it.
pub(crate) fn show(exchange: &Arc<Exchange>, typing: Typing) {
    let plan = exchange.plan.load();
    let Some(instance) = exchange.instances.get(&typing.instance).filter(|_| plan.wants_typing()) else { return };
    let Ok(message_id) = MessageId::ours("typing") else { return };
    let event = Event {
        instance: typing.instance,
        platform: instance.config.platform().into(),
        channel: typing.channel,
        parent: typing.parent,
        address: typing.address,
        room: None,
        message_id,
        revision: None,
        time: exchange.now(),
        author: typing.author,
        body: Body::Joined,
        missing: None,
    };
    let event = by_ours(exchange, event);
    if event.author.kind.may_be_ours() {
        return;
    }
    for planned in plan.route_typing(&event) {
        let Some(target) = exchange.instances.get(&planned.target.instance) else { continue };
        let Some(frame) = planned.frames.into_iter().next() else { continue };
        let driver = Arc::clone(&target.driver);
        exchange.tasks.spawn(async move {
            // Whoever hangs shows it too late.
            let shown = tokio::time::timeout(PATIENCE, driver.show_typing(&frame.frame.address)).await;
            if shown.is_err() {
                tracing::debug!(target = %frame.frame.target, "Typing could not be shown in time");
            }
        });
    }
}
