//! One delivery, from the head of its lane to its settlement.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tieline_core::event::Body;
use tieline_core::filter::choose;
use tieline_core::frame::{Addressed, Frame};
use tieline_core::outbox::{Delivery, Settlement};

use crate::attempt::{Parts, Unsendable};
use crate::exchange::{Exchange, Stopping};
use crate::instances::Running;
use crate::notice::{Failure, tell_writer};
use crate::settlement::{dead, die, settle};
use crate::tries::{GivenUp, Tries};
use crate::unsettled::Ticket;

/// Delivers. `suspect` is there if this delivery may have been under way when the last process was killed.
///
/// `Err`: the relay stops; the delivery is as it was on disk.
pub(crate) async fn deliver(
    exchange: &Exchange,
    mut delivery: Delivery,
    mut suspect: Option<Ticket>,
) -> Result<(), Stopping> {
    if let Some(time) = delivery.not_before {
        exchange.sleep_until(time).await?;
    }
    delivery.event = exchange.completions.whole(exchange, &delivery).await?;
    let target = &delivery.ends.target.instance;
    let Some(mut instance) = exchange.instances.get(target) else {
        let reason = format!("the instance `{target}` is not configured any more");
        return settle(exchange, "", &delivery, dead(&delivery, reason)).await;
    };
    let mut frame = match choose(&delivery.frames, &delivery.event) {
        Ok(frame) => Arc::clone(frame),
        Err(refusal) => return settle(exchange, &instance.realm, &delivery, Settlement::Filtered(refusal)).await,
    };
    if let Some(Addressed::Refused(reason)) = &frame.frame.addressed {
        return die(exchange, &instance.realm, &delivery, &frame.frame, reason.clone()).await;
    }
    if exchange.overtaken.was_said(&delivery) {
        let reason = "its message was sent with this text already".to_owned();
        return settle(exchange, &instance.realm, &delivery, Settlement::Filtered(reason)).await;
    }
    let mut said = None;
    loop {
        // What may have been sent is looked for as it was; what happened since then comes behind it.
        if suspect.is_none() && !delivery.parts.iter().any(|(_, sent)| sent.is_some()) {
            if delivery.deleted || exchange.overtaken.is_deleted(delivery.id) {
                let reason = Settlement::Filtered("the message was deleted before it was sent".to_owned());
                return settle(exchange, &instance.realm, &delivery, reason).await;
            }
            if let Some(edit) = exchange.overtaken.reword(&mut delivery, said) {
                said = Some(edit);
                // What the filter took may say something else now.
                frame = match choose(&delivery.frames, &delivery.event) {
                    Ok(frame) => Arc::clone(frame),
                    Err(refusal) => {
                        return settle(exchange, &instance.realm, &delivery, Settlement::Filtered(refusal)).await;
                    }
                };
            }
        }
        let mut parts = match Parts::prepare(exchange, &instance, &delivery, &frame.frame).await? {
            Ok(parts) => parts,
            Err(unsendable) => return end_unsent(exchange, &instance, &delivery, &frame.frame, unsendable).await,
        };
        if suspect.is_some() {
            // What the last process did not store: it tried this at the earliest when the message came.
            parts.first_tried = delivery.received;
        }
        if !matches!(delivery.event.body, Body::Delete | Body::Reaction(_)) {
            parts.thread = exchange.threads.of(exchange, &delivery, &frame.frame).await?;
        }
        let frame = Arc::clone(&frame);
        let ticket = suspect.take();
        let mut tries = Tries {
            exchange,
            instance: Arc::clone(&instance),
            delivery,
            frame,
            parts,
            ticket,
            reopened: 0,
            unsure: false,
            said,
        };
        match tries.run().await {
            Ok(Err(GivenUp::Overtaken)) => (delivery, instance) = (tries.delivery, tries.instance),
            ended => return end(tries, ended).await,
        }
    }
}

/// Settles a delivery of which nothing can be sent.
async fn end_unsent(
    exchange: &Exchange,
    instance: &Running,
    delivery: &Delivery,
    frame: &Frame,
    unsendable: Unsendable,
) -> Result<(), Stopping> {
    let filtered = match unsendable {
        Unsendable::Dead(reason) => return die(exchange, &instance.realm, delivery, frame, reason).await,
        Unsendable::Impossible(reason) => reason,
        Unsendable::Nothing => {
            let reason = "there is neither text nor a file in it".to_owned();
            // Whoever names a recipient wants to say something.
            if frame.addressed == Some(Addressed::Prefix) {
                tell_writer(exchange, delivery, frame, Failure::refused(&reason)).await?;
            }
            reason
        }
    };
    settle(exchange, &instance.realm, delivery, Settlement::Filtered(filtered)).await
}

/// Settles a delivery after its tries.
async fn end(mut tries: Tries<'_>, ended: Result<Result<(), GivenUp>, Stopping>) -> Result<(), Stopping> {
    let exchange = tries.exchange;
    let end = match ended {
        Ok(Ok(())) => {
            exchange.telemetry.delivered(&tries.delivery, &tries.frame.frame.rule);
            Settlement::Delivered(std::mem::take(&mut tries.parts).into_sent())
        }
        Ok(Err(GivenUp::Impossible(reason))) => Settlement::Filtered(reason),
        Ok(Err(GivenUp::Overtaken)) => Settlement::Filtered("the message was changed before it was sent".to_owned()),
        Ok(Err(GivenUp::Dead { reason, refused })) => {
            let failure = Failure { reason: refused.then_some(&reason), unsure: tries.unsure };
            tell_writer(exchange, &tries.delivery, &tries.frame.frame, failure).await?;
            dead(&tries.delivery, reason)
        }
        Err(Stopping) => {
            if tries.ticket.is_some() {
                // The next process must ask the platform what became of this send.
                exchange.unclean.store(true, Ordering::Relaxed);
            }
            return Err(Stopping);
        }
    };
    // The ticket in `tries` lives until the settlement, and the link in it, is on disk.
    let settled = settle(exchange, &tries.instance.realm, &tries.delivery, end).await;
    if settled.is_err() && tries.ticket.is_some() {
        exchange.unclean.store(true, Ordering::Relaxed);
    }
    settled
}
