//! What is sent: a delivery made ready for its driver, part by part.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use jiff::Timestamp;
use tieline_core::compose::{compose, says_nothing};
use tieline_core::event::Event;
use tieline_core::frame::Frame;
use tieline_core::id::MessageId;
use tieline_core::outbox::Delivery;
use tieline_core::send::{Action, CutError, Outgoing, Part, Reconciled, SendError, SendKey, Sending, Sent};

use crate::answer::Answers;
use crate::change::{Task, task};
use crate::exchange::{Exchange, Stopping};
use crate::instances::Running;
use crate::mentions;

/// The reason of a dead letter that would have told a secret.
const TELLS_A_SECRET: &str = "it contains a configured secret (a token, a password or the secret part of a URL), which \
    would become readable in the target room. Change the message's source, or switch `global.secret_guard` off";

/// The parts of a delivery, with what came of those that are sent.
#[derive(Default)]
pub(crate) struct Parts {
    pieces: Vec<(Part, Option<Sent>)>,
    /// See [`Sending::thread`].
    pub(crate) thread: Option<MessageId>,
    /// See [`Sending::since`].
    pub(crate) first_tried: Timestamp,
}

/// Why there is nothing to send.
pub(crate) enum Unsendable {
    /// It can never be sent.
    Dead(String),
    /// The target has nothing like it, or there is nothing to change.
    Impossible(String),
    /// There is nothing in it that the target could show.
    Nothing,
}

impl Parts {
    /// Fills the templates, looks for secrets, and cuts the message into parts, once: what was cut before is kept.
    pub(crate) async fn prepare(
        exchange: &Exchange,
        instance: &Running,
        delivery: &Delivery,
        frame: &Frame,
    ) -> Result<Result<Self, Unsendable>, Stopping> {
        let first_tried = exchange.now();
        if !delivery.parts.is_empty() {
            return Ok(Ok(Self { pieces: delivery.parts.clone(), thread: None, first_tried }));
        }
        let event = &delivery.event;
        let (action, before) = match delivery.about {
            Some(about) => match task(exchange, delivery, about).await? {
                Task::Act(action, before) => (action, before),
                Task::Nothing(reason) => return Ok(Err(Unsendable::Impossible(reason))),
            },
            None => (Action::Say, ""),
        };
        if action == Action::Say && says_nothing(event, frame) {
            return Ok(Err(Unsendable::Nothing));
        }
        let outgoing = outgoing(exchange, instance, delivery, frame, action, before).await?;
        let guards = exchange.house_rules.load().secret_guard;
        if guards && exchange.guard.load().finds_in_message(event, &outgoing) {
            return Ok(Err(Unsendable::Dead(TELLS_A_SECRET.to_owned())));
        }
        let cut = std::panic::catch_unwind(AssertUnwindSafe(|| instance.driver.cut(&outgoing))).unwrap_or_else(|_| {
            Err(CutError::Permanent("the driver failed on this message; please report it".to_owned()))
        });
        let parts = match cut {
            Ok(parts) => parts,
            Err(CutError::Permanent(reason)) => return Ok(Err(Unsendable::Dead(reason))),
            Err(CutError::Impossible(reason)) => return Ok(Err(Unsendable::Impossible(reason))),
        };
        if parts.is_empty() {
            return Ok(Err(Unsendable::Nothing));
        }
        if guards && parts.iter().any(|part| exchange.guard.load().finds_in(&part.body)) {
            return Ok(Err(Unsendable::Dead(TELLS_A_SECRET.to_owned())));
        }
        // A single part is cut the same way again after a restart; only the numbering of several must be remembered.
        if parts.len() > 1 {
            exchange.insist("cutting a message", || exchange.outbox.cut(delivery.id, parts.clone())).await?;
        }
        Ok(Ok(Self { pieces: parts.into_iter().map(|part| (part, None)).collect(), thread: None, first_tried }))
    }

    /// The first part that is not sent, ready to be sent; `None` if all are.
    pub(crate) fn next(&self, exchange: &Exchange, delivery: &Delivery, frame: &Frame) -> Option<(usize, Sending)> {
        let index = self.pieces.iter().position(|(_, sent)| sent.is_none())?;
        let sending = Sending {
            part: self.pieces[index].0.clone(),
            target: frame.address.clone(),
            key: SendKey::new(exchange.outbox.name(), delivery.id, &delivery.event.message_id, index as u16),
            thread: self.thread.clone(),
            before: self.pieces[..index].iter().filter_map(|(_, sent)| sent.clone()).collect(),
            since: self.first_tried,
        };
        Some((index, sending))
    }

    /// Notes that a part arrived. It is stored at once, unless it is the last: that one is stored by the settlement.
    pub(crate) async fn arrived(
        &mut self,
        exchange: &Exchange,
        realm: &str,
        delivery: &Delivery,
        index: usize,
        sent: Sent,
    ) -> Result<(), Stopping> {
        if index + 1 < self.pieces.len() {
            exchange
                .insist("noting a part", || exchange.outbox.part_sent(delivery.id, index, sent.clone(), realm))
                .await?;
        }
        self.pieces[index].1 = Some(sent);
        Ok(())
    }

    /// Whether nothing arrived yet.
    pub(crate) fn are_unsent(&self) -> bool {
        self.pieces.iter().all(|(_, sent)| sent.is_none())
    }

    /// What came of the parts.
    pub(crate) fn into_sent(self) -> Vec<Sent> {
        self.pieces.into_iter().filter_map(|(_, sent)| sent).collect()
    }
}

/// `before` stands before the text, whoever is named in it.
async fn outgoing(
    exchange: &Exchange,
    instance: &Running,
    delivery: &Delivery,
    frame: &Frame,
    action: Action,
    before: &str,
) -> Result<Outgoing, Stopping> {
    let event = &delivery.event;
    let dialect = instance.config.dialect();
    let mut outgoing = Outgoing {
        delivery: delivery.id,
        target: frame.address.clone(),
        action,
        text: String::new(),
        named_text: String::new(),
        keys: BTreeMap::new(),
        attachments: Vec::new(),
        reply_to: None,
        mentions: Vec::new(),
        time: event.time,
    };
    if matches!(outgoing.action, Action::Delete(_) | Action::React(_)) {
        return Ok(outgoing);
    }
    let called = mentions::called(exchange, instance, event, frame).await?;
    let composed = compose(&called.event, frame, dialect, &exchange.zone);
    let answers = Answers::of(exchange, instance, delivery, frame).await?;
    let quoted = answers.quotation.map(|quotation| dialect.render(&quotation));
    (outgoing.text, outgoing.named_text) = with_quotation(composed.text, composed.named_text, quoted.as_deref());
    outgoing.text.insert_str(0, before);
    outgoing.named_text.insert_str(0, before);
    outgoing.keys = composed.keys;
    outgoing.attachments = event.message().map(|message| message.attachments.clone()).unwrap_or_default();
    outgoing.reply_to = answers.copy;
    outgoing.mentions = called.accounts;
    Ok(outgoing)
}

/// The texts with a quotation before them. It begins a line, so a name goes before it, on a line of its own.
fn with_quotation(text: String, named: String, quotation: Option<&str>) -> (String, String) {
    let Some(quotation) = quotation else { return (text, named) };
    let name = named.strip_suffix(text.as_str()).map(str::trim_end).filter(|name| !name.is_empty());
    let named = match name {
        Some(name) => format!("{name}\n{quotation}\n{text}"),
        None => format!("{quotation}\n{named}"),
    };
    (format!("{quotation}\n{text}"), named)
}

/// Sends a part. A driver that panics fails this send and nothing else; nobody knows how far it got.
pub(crate) async fn send(instance: &Running, sending: &Sending) -> Result<Sent, SendError> {
    AssertUnwindSafe(instance.driver.send(sending)).catch_unwind().await.unwrap_or_else(|_| {
        Err(SendError::Ambiguous { reason: "the driver failed in the middle of the send; please report it".into() })
    })
}

/// Asks the platform whether a part arrived.
pub(crate) async fn reconcile(
    exchange: &Exchange,
    instance: &Running,
    sending: &Sending,
) -> Result<Reconciled, SendError> {
    let held = exchange
        .outbox
        .held(Some(instance.config.id()))
        .await
        .map_err(|error| SendError::Ambiguous { reason: error.to_string() })?;
    let held: Vec<Event> = held.into_iter().map(|(_, event)| event).collect();
    AssertUnwindSafe(instance.driver.reconcile(sending, &held)).catch_unwind().await.unwrap_or_else(|_| {
        Err(SendError::Ambiguous { reason: "the driver failed while looking for the message; please report it".into() })
    })
}
