//! How deliveries end, on disk and for people.

use tieline_core::frame::Frame;
use tieline_core::outbox::{Delivery, Settlement};

use crate::exchange::{Exchange, Stopping};
use crate::notice::{Failure, tell_writer};

/// Makes a delivery a dead letter, and tells the writer if the writer chose its recipient.
pub(crate) async fn die(
    exchange: &Exchange,
    realm: &str,
    delivery: &Delivery,
    frame: &Frame,
    reason: String,
) -> Result<(), Stopping> {
    tell_writer(exchange, delivery, frame, Failure::refused(&reason)).await?;
    settle(exchange, realm, delivery, dead(delivery, reason)).await
}

pub(crate) fn dead(delivery: &Delivery, reason: String) -> Settlement {
    Settlement::Dead { attempts: delivery.attempts, reason }
}

pub(crate) async fn settle(
    exchange: &Exchange,
    realm: &str,
    delivery: &Delivery,
    settlement: Settlement,
) -> Result<(), Stopping> {
    match &settlement {
        Settlement::Dead { reason, .. } => exchange.telemetry.died(delivery, &exchange.guard.mask(reason)),
        Settlement::Filtered(reason) => exchange.telemetry.filtered(delivery, reason),
        Settlement::Delivered(_) | Settlement::Retry { .. } => {}
    }
    let files = exchange
        .insist("settling a delivery", || {
            exchange.outbox.settle(delivery.id, settlement.clone(), realm, exchange.now())
        })
        .await?;
    if !matches!(settlement, Settlement::Retry { .. }) {
        exchange.overtaken.settled(delivery.id);
        exchange.endings.ended(delivery.id);
    }
    exchange.discard(files).await;
    Ok(())
}
