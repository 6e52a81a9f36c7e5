//! Commands in chat: what people say to tieline itself, in any room that a rule takes messages from.
//!
//! A command is never relayed. It is done, and its answer is on disk, before the command itself is committed, as with
//! every [notice](crate::notice): whoever hands it in is told that it was taken only then, so a crash leaves a command
//! that comes again, and one that was answered is not done twice.

mod accounts;
mod code;
mod words;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tieline_core::event::{Authorship, Body, Event};
use tieline_core::id::{Channel, MessageId, RuleId};
use tieline_core::markup::Markup;
use tieline_core::outbox::{OutboxError, Routing};
use tieline_net::limit::KeyedLimiter;
use tokio::sync::Mutex;

use self::words::Command;
use crate::exchange::Exchange;
use crate::instances::Running;
use crate::intake::intake;
use crate::notice::{into_room, own_words};

/// Why nobody gets a command.
const COMMAND: &str = "a command to tieline";

/// How many commands a person may give at once, and how soon one more.
const OF_ONE: (NonZeroU32, Duration) = (NonZeroU32::new(10).expect("it is not 0"), Duration::from_secs(30));

/// How many commands all people may give at once, and how soon one more.
const OF_ALL: (NonZeroU32, Duration) = (NonZeroU32::new(60).expect("it is not 0"), Duration::from_secs(1));

/// What is kept in mind of commands.
pub(crate) struct Commands {
    /// The word that they begin with.
    prefix: ArcSwap<String>,
    /// One at a time, so that one that comes twice at once is done once.
    turn: Mutex<()>,
    of_one: KeyedLimiter<(Arc<str>, String)>,
    of_all: KeyedLimiter<()>,
}

impl Commands {
    /// Commands that begin with this word behind a `/`.
    pub(crate) fn new(prefix: String) -> Self {
        Self {
            prefix: ArcSwap::from_pointee(prefix),
            turn: Mutex::default(),
            of_one: KeyedLimiter::new(OF_ONE.0, OF_ONE.1),
            of_all: KeyedLimiter::new(OF_ALL.0, OF_ALL.1),
        }
    }

    /// Another word from now on.
    pub(crate) fn begin_with(&self, prefix: String) {
        self.prefix.store(Arc::new(prefix));
    }

    /// Whether a person says too much.
    fn are_too_many(&self, realm: &Arc<str>, person: &str) -> bool {
        // Who says too much takes nothing away from others.
        self.of_one.check(&(Arc::clone(realm), person.to_owned())).is_err() || self.of_all.check(&()).is_err()
    }
}

/// What is said where.
struct Answer {
    /// What the person who gave the command is told, in the room where that was.
    here: String,
    /// What is said in another room, for somebody who must know of it.
    there: Option<(Channel, String)>,
}

impl From<String> for Answer {
    fn from(here: String) -> Self {
        Self { here, there: None }
    }
}

/// Whether a text reads like a command. One that a message is edited into is not done, and is nobody else's business.
pub(crate) fn reads_like_one(exchange: &Exchange, text: &Markup) -> bool {
    Command::read(text, &exchange.commands.prefix.load()).is_some()
}

/// Does a command and answers it. `None`: the event is no command.
pub(crate) async fn hear(exchange: &Exchange, event: &Event) -> Result<Option<Routing>, OutboxError> {
    let commands = &exchange.commands;
    let Body::Message(message) = &event.body else { return Ok(None) };
    let Some(command) = Command::read(&message.text, &commands.prefix.load()) else { return Ok(None) };
    let Some(instance) = exchange.instances.get(&event.instance).filter(|of| may_command(exchange, of, event)) else {
        return Ok(None);
    };
    let refused = |why: &str| Ok(Some(Routing::Filtered(why.to_owned())));
    let Ok(answered) = MessageId::ours(&format!("notice to command {}", event.message_id)) else {
        return refused(COMMAND);
    };
    let _turn = commands.turn.lock().await;
    // It comes again, or it is a copy of ours. That another account of the realm has heard it, in whose rules the room is
    // not, is neither.
    let here = Channel { instance: event.instance.clone(), key: event.channel.clone() };
    let family = exchange.outbox.family(&instance.realm, &event.message_id, &here).await?;
    let is_old = family.is_some_and(|family| family.origin == here || family.message_id != event.message_id);
    if is_old || exchange.outbox.is_known(&instance.realm, &answered).await? {
        return refused(COMMAND);
    }
    if commands.are_too_many(&instance.realm, &event.author.id) {
        return refused("a command to tieline; there were too many, so it was not done");
    }
    let answer = accounts::answer(exchange, &instance, event, command).await?;
    if let Some((room, words)) = answer.there
        && let Ok(id) = MessageId::ours(&format!("notice of command {}", event.message_id))
    {
        say(exchange, &room, id, &words, None).await?;
    }
    let room = Channel { instance: event.instance.clone(), key: event.channel.clone() };
    say(exchange, &room, answered, &answer.here, message.reply_to.clone()).await?;
    refused(COMMAND)
}

/// Whether an event's author may say something to tieline where it was said.
fn may_command(exchange: &Exchange, instance: &Running, event: &Event) -> bool {
    matches!(event.author.kind, Authorship::Person | Authorship::PersonOrOurs)
        && !event.author.id.is_empty()
        && exchange.plan.load().listens_to(&event.instance, &event.channel, event.parent.as_ref())
        && instance.config.declines(event).is_none()
}

/// Says something in a room: it is on disk when this returns.
async fn say(
    exchange: &Exchange,
    room: &Channel,
    id: MessageId,
    words: &str,
    reply_to: Option<MessageId>,
) -> Result<(), OutboxError> {
    let instance = exchange.instances.get(&room.instance);
    let target = instance.and_then(|instance| {
        let target = instance.config.target_for(&room.key)?;
        Some((instance, target))
    });
    let (Some((instance, target)), Ok(rule)) = (target, RuleId::new("commands")) else {
        tracing::warn!(%room, "A command cannot be answered in this room");
        return Ok(());
    };
    let words = own_words(exchange, &instance, room, &target.address, id, words, reply_to);
    let words = Arc::new(words);
    let intake = intake(exchange, &words, into_room(rule, room.instance.clone(), target));
    let accepted = exchange.outbox.accept(intake).await?;
    exchange.telemetry.accepted(&words, &accepted);
    Ok(())
}
