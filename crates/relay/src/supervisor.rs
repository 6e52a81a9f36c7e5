//! Keeps drivers running: one that stops is run again after a back-off, and the others never notice.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Weak};

use futures_util::FutureExt;
use tieline_core::driver::{DriverContext, HealthReport};
use tieline_core::id::InstanceId;
use tieline_core::webhook::Webhooks;

use crate::backoff::DRIVERS;
use crate::exchange::Exchange;
use crate::health::Side;
use crate::instances::Running;
use crate::intake::Reception;
use crate::services::{Bookmarks, PlannedSources};

/// Begins to run an instance's driver.
pub(crate) fn begin(exchange: &Arc<Exchange>, running: &Arc<Running>, webhooks: &Arc<dyn Webhooks>) {
    let instance = running.config.id();
    let context = DriverContext {
        inbound: Arc::new(Reception::new(exchange)),
        webhooks: Arc::clone(webhooks),
        health: Arc::new(Reporter { exchange: Arc::downgrade(exchange), instance: instance.clone() }),
        cursors: Arc::new(Bookmarks::new(exchange, instance)),
        sources: Arc::new(PlannedSources::new(exchange, instance)),
        shutdown: running.stop.clone(),
    };
    exchange.tasks.spawn(run(Arc::clone(exchange), Arc::clone(running), context));
}

/// Runs an instance's driver until it is to end.
async fn run(exchange: Arc<Exchange>, running: Arc<Running>, context: DriverContext) {
    // Also if this task is dropped: whoever waits for the end must not wait for ever.
    let _ended = running.ended.clone().drop_guard();
    let instance = running.config.id();
    let mut failures = 0;
    while !running.stop.is_cancelled() {
        let began = exchange.now();
        let driver = Arc::clone(&running.driver);
        let reason = match AssertUnwindSafe(driver.run(context.clone())).catch_unwind().await {
            _ if running.stop.is_cancelled() => return,
            Ok(Ok(())) => "it ended without being asked to".to_owned(),
            Ok(Err(error)) => error.to_string(),
            Err(_panic) => "it failed inside; please report it".to_owned(),
        };
        // A driver that ran well for a while starts over with short waits.
        let ran = exchange.now().duration_since(began).as_secs();
        failures = if ran > 300 { 1 } else { failures + 1 };
        let reason = exchange.guard.mask(&reason);
        exchange.note_health(instance, Side::Receiving, Some(&reason));
        let again = DRIVERS.after(failures, fastrand::f64());
        exchange.telemetry.driver_stopped(instance, &reason, again);
        tokio::select! {
            () = tokio::time::sleep(again) => {}
            () = running.stop.cancelled() => return,
        }
    }
}

/// Hears from a driver how its instance is.
pub(crate) struct Reporter {
    pub(crate) exchange: Weak<Exchange>,
    pub(crate) instance: InstanceId,
}

impl HealthReport for Reporter {
    fn ready(&self) {
        if let Some(exchange) = self.exchange.upgrade() {
            exchange.note_health(&self.instance, Side::Receiving, None);
        }
    }

    fn failing(&self, why: &str) {
        if let Some(exchange) = self.exchange.upgrade() {
            exchange.note_health(&self.instance, Side::Receiving, Some(why));
        }
    }
}
