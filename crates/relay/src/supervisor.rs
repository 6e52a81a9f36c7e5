//! Keeps drivers running: one that stops is run again after a back-off, and the others never notice.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Weak};

use futures_util::FutureExt;
use tieline_core::driver::{DriverContext, HealthReport};
use tieline_core::id::InstanceId;

use crate::backoff::DRIVERS;
use crate::exchange::Exchange;
use crate::health::Side;

/// Runs an instance's driver until the relay stops.
pub(crate) async fn run(exchange: Arc<Exchange>, instance: InstanceId, context: DriverContext) {
    let Some(running) = exchange.instances.get(&instance) else { return };
    let mut failures = 0;
    while !exchange.shutdown.is_cancelled() {
        let began = exchange.now();
        let driver = Arc::clone(&running.driver);
        let reason = match AssertUnwindSafe(driver.run(context.clone())).catch_unwind().await {
            Ok(Ok(())) if exchange.shutdown.is_cancelled() => return,
            Ok(Ok(())) => "it ended without being asked to".to_owned(),
            Ok(Err(error)) => error.to_string(),
            Err(_panic) => "it failed inside; please report it".to_owned(),
        };
        // A driver that ran well for a while starts over with short waits.
        let ran = exchange.now().duration_since(began).as_secs();
        failures = if ran > 300 { 1 } else { failures + 1 };
        let reason = exchange.guard.mask(&reason);
        exchange.note_health(&instance, Side::Receiving, Some(&reason));
        let again = DRIVERS.after(failures, fastrand::f64());
        exchange.telemetry.driver_stopped(&instance, &reason, again);
        if exchange.sleep(again).await.is_err() {
            return;
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
