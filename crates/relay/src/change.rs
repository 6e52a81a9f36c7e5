//! Changes: what people do to a message after it was said.
//!
//! A change is an event like all others. It is routed by the same rules, but only to where its message or a copy of that
//! is; it waits in the same lanes, so that it comes after the message; and what it is about is looked up when it is sent,
//! since only then the copies have their ids.

use std::sync::Arc;
use std::time::Duration;

use tieline_core::event::{Body, Event};
use tieline_core::family::{Family, Kin, KinState};
use tieline_core::id::{Channel, EventSeq, MessageId};
use tieline_core::outbox::{Delivery, OutboxError, Routing};
use tieline_core::plan::Links;
use tieline_core::send::{Action, Copied, React};
use tokio::time::Instant;

use crate::commands;
use crate::exchange::{Exchange, Stopping};
use crate::intake::are_around;

/// How long a reaction waits for its message, and an answer for what it answers.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// Stands before a text that corrects an earlier one which cannot be changed.
const CORRECTION: &str = "✏️ ";

/// Where a change goes, and which message it is about.
pub(crate) async fn route(exchange: &Exchange, event: &Event) -> Result<(Routing, Option<Arc<Family>>), OutboxError> {
    let nowhere = |why: &str| Ok((Routing::Filtered(why.to_owned()), None));
    let Some(instance) = exchange.instances.get(&event.instance) else {
        return nowhere("its instance is not configured");
    };
    let near = Channel { instance: event.instance.clone(), key: event.channel.clone() };
    let Some(family) = exchange.outbox.family(&instance.realm, &event.message_id, &near).await? else {
        return nowhere("the message that it changes is not known");
    };
    let places: Vec<Channel> = family.places().collect();
    if !are_around(exchange, event, &places) {
        return nowhere("the message that it changes is not known here");
    }
    if family.message_id.is_ours() {
        return nowhere("what tieline itself says is not relayed, and no change of it");
    }
    let is_copy = family.message_id != event.message_id;
    let is_here = || family.copies.iter().flat_map(|copy| &copy.messages).any(|copy| copy.id == event.message_id);
    match event.body {
        Body::Edit(ref message) if commands::reads_like_one(exchange, &message.text) => {
            return nowhere("it was edited into a command to tieline; a command is a message of its own");
        }
        Body::Edit(_) if is_copy => return nowhere("a copy was edited, which says what its original says"),
        Body::Delete if is_copy && !is_here() => return nowhere("tieline itself took this part of a copy away"),
        Body::Delete if is_copy && is_amended(&family, &event.message_id) => {
            return nowhere("the copy is being edited, which may have taken this part of it away");
        }
        Body::Reaction(_) if event.author.kind.may_be_ours() => return nowhere("a reaction that tieline gave"),
        _ => {}
    }
    let plan = exchange.plan.load_full();
    let routing = plan.route(event, &Links { holders: places, ..Links::default() });
    Ok((routing, Some(Arc::new(family))))
}

/// Whether an edit of the copy that a message is a part of is under way.
fn is_amended(family: &Family, message: &MessageId) -> bool {
    let mut of = family.copies.iter().filter(|copy| copy.messages.iter().any(|part| part.id == *message));
    of.any(|copy| copy.amended && copy.messages.len() > 1)
}

/// What a change's delivery is to do.
pub(crate) enum Task {
    /// This, with the message's own text before it where it has a new one to say.
    Act(Action, &'static str),
    /// Nothing can be done, for this reason.
    Nothing(String),
}

/// What a change is to do in its target, as soon as what it changes is there.
pub(crate) async fn task(exchange: &Exchange, delivery: &Delivery, about: EventSeq) -> Result<Task, Stopping> {
    let nothing = |why: &str| Ok(Task::Nothing(why.to_owned()));
    let patience = matches!(delivery.event.body, Body::Reaction(_)).then_some(PATIENCE);
    let Some(family) = settled_family(exchange, delivery, about, patience).await? else {
        return nothing("the message that it changes is not known any more");
    };
    if family.deleted && delivery.event.body != Body::Delete {
        return nothing("the message was deleted");
    }
    let target = &delivery.ends.target;
    let mut copies = family.copies_in(target).peekable();
    let messages: Vec<Copied> = if copies.peek().is_some() {
        let copies: Vec<&Kin> = copies.collect();
        let messages: Vec<Copied> = copies.iter().flat_map(|copy| copy.messages.iter().cloned()).collect();
        if messages.is_empty() {
            return Ok(match copies[0].state {
                KinState::Pending => Task::Nothing("the message has not arrived there".to_owned()),
                KinState::Dead => {
                    Task::Nothing("the message could not be delivered there; it is a dead letter".to_owned())
                }
                KinState::NotWanted => Task::Nothing("the message did not get there".to_owned()),
                KinState::Delivered if copies.iter().all(|copy| copy.gone) => {
                    Task::Nothing("the copy was taken away".to_owned())
                }
                KinState::Delivered => match delivery.event.body {
                    Body::Edit(_) => Task::Act(Action::Say, CORRECTION),
                    _ => Task::Nothing("the platform told no id of the copy, so that it cannot be changed".to_owned()),
                },
            });
        }
        messages
    } else if family.origin.instance == target.instance {
        let channel = Some(family.origin.key.clone());
        vec![Copied { id: family.message_id.clone(), channel, how: None, wordless: false, original: true }]
    } else {
        return nothing("no copy of the message is there");
    };
    let action = match &delivery.event.body {
        Body::Edit(_) => Action::Edit(messages),
        Body::Delete => Action::Delete(messages),
        Body::Reaction(reaction) => {
            // Of a message in several parts, the first that says something shows it.
            let first = messages.iter().find(|message| !message.wordless).unwrap_or(&messages[0]).clone();
            Action::React(React {
                to: first,
                emoji: reaction.emoji.clone(),
                added: reaction.added,
                standing: standing(exchange, about, target).await?,
            })
        }
        Body::Message(_) | Body::Files(_) | Body::Joined | Body::Left | Body::Topic(_) => Action::Say,
    };
    Ok(Task::Act(action, ""))
}

/// What people have left standing elsewhere, newest first, each once.
async fn standing(exchange: &Exchange, about: EventSeq, target: &Channel) -> Result<Vec<String>, Stopping> {
    let all = exchange.insist("looking for reactions", || exchange.outbox.reactions(about)).await?;
    let mut standing = Vec::new();
    for (emoji, channel) in all {
        if channel != *target && !standing.contains(&emoji) {
            standing.push(emoji);
        }
    }
    Ok(standing)
}

/// A message's family, once its copy in the target of a delivery is settled. `patience`: how long to wait for that;
/// `None`: as long as it takes. What waits behind this very delivery is not waited for.
pub(crate) async fn settled_family(
    exchange: &Exchange,
    delivery: &Delivery,
    seq: EventSeq,
    patience: Option<Duration>,
) -> Result<Option<Family>, Stopping> {
    let until = patience.map(|patience| Instant::now() + patience);
    let target = &delivery.ends.target;
    loop {
        let Some(family) = read(exchange, seq).await? else { return Ok(None) };
        let pending = |family: &Family| {
            family
                .copies_in(target)
                .find(|copy| copy.state == KinState::Pending && copy.lane != delivery.lane)
                .map(|copy| copy.delivery)
        };
        let Some(waits_for) = pending(&family) else { return Ok(Some(family)) };
        let end = exchange.endings.of(waits_for);
        // It may have ended between the look and this.
        let Some(family) = read(exchange, seq).await? else { return Ok(None) };
        if pending(&family) != Some(waits_for) {
            exchange.endings.ended(waits_for);
            continue;
        }
        let too_long = async {
            match until {
                Some(until) => tokio::time::sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = end.cancelled() => {}
            () = too_long => return Ok(Some(family)),
            () = exchange.shutdown.cancelled() => return Err(Stopping),
        }
    }
}

async fn read(exchange: &Exchange, seq: EventSeq) -> Result<Option<Family>, Stopping> {
    exchange.insist("looking for the copies of a message", || exchange.outbox.family_of(seq)).await
}
