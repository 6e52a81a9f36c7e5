//! Telling a writer that a message did not arrive.
//!
//! Where a rule's target follows the conversation, the writer chose the recipient, so the writer must hear when that one
//! cannot be reached. The notice is an event that tieline makes itself, in the channel that could not be reached, and
//! goes the way of every message: it is on disk before the dead letter is, and its copy is known as ours.

use std::borrow::Cow;
use std::sync::Arc;

use tieline_core::address::Address;
use tieline_core::compose::one_line;
use tieline_core::driver::TargetChannel;
use tieline_core::event::{Author, Body, Event, Message};
use tieline_core::frame::{Frame, NamedFrame};
use tieline_core::id::{Channel, InstanceId, MessageId, RuleId};
use tieline_core::markup::Markup;
use tieline_core::outbox::{Delivery, Planned, Routing};
use tieline_core::template::Template;

use crate::exchange::{Exchange, Stopping};
use crate::instances::Running;
use crate::intake::intake;

/// What a writer is told who can do nothing about it.
const TROUBLE: &str = "it could not be delivered; whoever runs tieline can say why";

/// Why a message was not sent, as far as its writer needs to know.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Failure<'r> {
    /// What is wrong with the message or its recipient; `None` if neither is to blame.
    pub(crate) reason: Option<&'r str>,
    /// Whether an earlier try may have arrived.
    pub(crate) unsure: bool,
}

impl<'r> Failure<'r> {
    /// Nothing was sent, because of the message or its recipient.
    pub(crate) fn refused(reason: &'r str) -> Self {
        Self { reason: Some(reason), unsure: false }
    }
}

/// Tells the writer of a message that is about to become a dead letter, if the writer named its recipient.
pub(crate) async fn tell_writer(
    exchange: &Exchange,
    delivery: &Delivery,
    frame: &Frame,
    failure: Failure<'_>,
) -> Result<(), Stopping> {
    let event = &delivery.event;
    if frame.addressed.is_none() || event.message_id.is_ours() {
        return Ok(());
    }
    let Some((routing, notice)) = notice(exchange, delivery, frame, failure) else {
        tracing::warn!(trace = %delivery.seq, "Nobody can tell the writer that the message did not arrive");
        return Ok(());
    };
    let intake = intake(exchange, &notice, routing);
    let accepted = exchange.insist("telling a writer", || exchange.outbox.accept(intake.clone())).await?;
    exchange.telemetry.accepted(&notice, &accepted);
    Ok(())
}

fn notice(
    exchange: &Exchange,
    delivery: &Delivery,
    frame: &Frame,
    failure: Failure<'_>,
) -> Option<(Routing, Arc<Event>)> {
    let event = &delivery.event;
    let room = exchange.instances.get(&event.instance)?.config.target_for(&event.channel)?;
    let unreached = exchange.instances.get(&frame.target.instance)?;
    let who = unreached.config.describe(&frame.target.key);
    let writer = one_line(event.author.shown_name());
    let outcome = if failure.unsure { "may not have been sent" } else { "was not sent" };
    let reason = failure.reason.map_or(Cow::Borrowed(TROUBLE), |reason| Cow::Owned(for_people(reason)));
    let text = exchange.guard.mask(&format!("{writer}, your message to {} {outcome}: {reason}", one_line(&who)));
    // A letter that is retried and dies again is told again; a crash between notice and dead letter is not.
    let id = MessageId::ours(&format!("notice {}.{}", delivery.id, delivery.received.as_millisecond())).ok()?;
    let reply_to = event.message().and_then(|message| message.reply_to.clone());
    let notice = own_words(exchange, &unreached, &frame.target, &frame.address, id, &text, reply_to);
    Some((into_room(frame.rule.clone(), event.instance.clone(), room), Arc::new(notice)))
}

/// An event of our own, in a channel: we say something there.
pub(crate) fn own_words(
    exchange: &Exchange,
    instance: &Running,
    channel: &Channel,
    address: &Address,
    id: MessageId,
    words: &str,
    reply_to: Option<MessageId>,
) -> Event {
    Event {
        instance: channel.instance.clone(),
        platform: instance.config.platform().into(),
        channel: channel.key.clone(),
        parent: None,
        address: address.clone(),
        room: None,
        message_id: id,
        revision: None,
        time: exchange.now(),
        author: Author { id: "tieline".into(), username: "tieline".into(), ..Author::default() },
        body: Body::Message(Message { text: Markup::plain(words), reply_to, ..Message::default() }),
        missing: None,
    }
}

/// The way of our own words into a room.
pub(crate) fn into_room(rule: RuleId, instance: InstanceId, room: TargetChannel) -> Routing {
    let target = Channel { instance, key: room.key };
    let format = Template::parse("{msg}").expect("it is a template");
    let frame = NamedFrame::new(Frame::new(rule, target.clone(), room.address, format));
    Routing::Deliver(vec![Planned { target, frames: vec![Arc::new(frame)] }])
}

/// A reason as everybody in a room may read it: in one line, without the names of settings set apart, and without the
/// addresses of our servers.
fn for_people(reason: &str) -> String {
    let reason = one_line(reason).replace('`', "");
    let words = reason.split(' ').map(|word| if word.contains("://") { "…" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_reads_no_address_of_a_server() {
        assert_eq!(for_people("the add-on\n(http://10.0.0.1:8066/x) said `no`"), "the add-on … said no");
    }
}
