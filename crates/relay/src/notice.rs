//! Telling a writer that a message did not arrive.
//!
//! Where a rule's target follows the conversation, the writer chose the recipient, so the writer must hear when that one
//! cannot be reached. The notice is an event that tieline makes itself, in the channel that could not be reached, and
//! goes the way of every message: it is on disk before the dead letter is, and its copy is known as ours.

use std::sync::Arc;

use tieline_core::event::{Author, Body, Event, Message};
use tieline_core::frame::{Frame, NamedFrame};
use tieline_core::id::{Channel, MessageId};
use tieline_core::markup::Markup;
use tieline_core::outbox::{Delivery, Planned, Routing};
use tieline_core::template::Template;

use crate::exchange::{Exchange, Stopping};
use crate::intake::intake;

/// Tells the writer of a message that is about to become a dead letter, if the writer named its recipient.
pub(crate) async fn tell_writer(
    exchange: &Exchange,
    delivery: &Delivery,
    frame: &Frame,
    reason: &str,
) -> Result<(), Stopping> {
    let event = &delivery.event;
    if frame.addressed.is_none() || event.message_id.is_ours() {
        return Ok(());
    }
    let Some((routing, notice)) = notice(exchange, delivery, frame, reason) else {
        tracing::warn!(trace = %delivery.seq, "Nobody can tell the writer that the message did not arrive");
        return Ok(());
    };
    let intake = intake(exchange, &notice, routing);
    let accepted = exchange.insist("telling a writer", || exchange.outbox.accept(intake.clone())).await?;
    exchange.telemetry.accepted(&notice, &accepted);
    Ok(())
}

fn notice(exchange: &Exchange, delivery: &Delivery, frame: &Frame, reason: &str) -> Option<(Routing, Arc<Event>)> {
    let event = &delivery.event;
    let room = exchange.instances.get(&event.instance)?.config.target_for(&event.channel)?;
    let unreached = &exchange.instances.get(&frame.target.instance)?.config;
    let who = unreached.describe(&frame.target.key);
    let text =
        format!("{}, your message to {who} was not sent: {}", event.author.shown_name(), exchange.guard.mask(reason));
    let notice = Event {
        instance: frame.target.instance.clone(),
        platform: unreached.platform().into(),
        channel: frame.target.key.clone(),
        parent: None,
        address: frame.address.clone(),
        room: None,
        // A letter that is retried and dies again is told again; a crash between notice and dead letter is not.
        message_id: MessageId::ours(&format!("notice {}.{}", delivery.id, delivery.attempts)).ok()?,
        revision: None,
        time: exchange.now(),
        author: Author { id: "tieline".into(), username: "tieline".into(), ..Author::default() },
        body: Body::Message(Message {
            text: Markup::plain(&text),
            reply_to: event.message().and_then(|message| message.reply_to.clone()),
            ..Message::default()
        }),
        missing: None,
    };
    let target = Channel { instance: event.instance.clone(), key: room.key };
    let format = Template::parse("{msg}").ok()?;
    let frame = NamedFrame::new(Frame::new(frame.rule.clone(), target.clone(), room.address, format));
    Some((Routing::Deliver(vec![Planned { target, frames: vec![Arc::new(frame)] }]), Arc::new(notice)))
}
