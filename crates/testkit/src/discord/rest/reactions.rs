//! Reactions, and that the bot types.

use super::super::inside::Inside;
use super::super::message::Emoji;
use super::super::permission::Permission;
use super::super::posting::react;
use super::super::refusal::{Refusal, no_content};
use super::super::snowflake::Snowflake;
use super::super::state::State;
use super::messages::known_message;
use super::{Call, form, need};
use crate::port::Answer;

/// How many different emoji a message takes.
const MAX_EMOJI: usize = 20;

impl Inside {
    pub(crate) fn add_reaction(&self, call: &Call) -> Result<Answer, Refusal> {
        let bot = call.bot()?;
        self.act(|state, events| {
            let message = known_message(state, call)?;
            need(state, bot, message.channel, Permission::ReadMessageHistory)?;
            let emoji = emoji(state, call.target.parameter(2))?;
            if state.channel(message.channel).is_some_and(|channel| channel.archived) {
                return Err(Refusal::archived_thread());
            }
            let is_new = message.reactions.iter().all(|reaction| reaction.emoji != emoji);
            if is_new {
                need(state, bot, message.channel, Permission::AddReactions)?;
            }
            if state.blocked.contains(&(message.author, bot.user)) {
                return Err(Refusal::reaction_blocked());
            }
            if is_new && message.reactions.len() >= MAX_EMOJI {
                return Err(Refusal::too_many_reactions(MAX_EMOJI));
            }
            let message = message.id;
            react(state, events, (bot.user, message), &emoji, true);
            Ok(no_content())
        })
    }

    pub(crate) fn remove_reaction(&self, call: &Call) -> Result<Answer, Refusal> {
        let bot = call.bot()?;
        self.act(|state, events| {
            let message = known_message(state, call)?;
            let user = match call.target.parameter(3) {
                "@me" => bot.user,
                other => form::id("user_id", other)?,
            };
            let needed = if user == bot.user { Permission::ViewChannel } else { Permission::ManageMessages };
            need(state, bot, message.channel, needed)?;
            if state.channel(message.channel).is_some_and(|channel| channel.archived) {
                return Err(Refusal::archived_thread());
            }
            let emoji = emoji(state, call.target.parameter(2))?;
            let message = message.id;
            react(state, events, (user, message), &emoji, false);
            Ok(no_content())
        })
    }

    pub(crate) fn typing(&self, call: &Call) -> Result<Answer, Refusal> {
        let (bot, channel) = (call.bot()?, call.id(0, "channel_id")?);
        self.act(|state, events| {
            need(state, bot, channel, Permission::SendMessages)?;
            events.tell_typing(state, (bot.user, channel), self.now());
            Ok(no_content())
        })
    }
}

/// An emoji of a path: one of Unicode's, or `name:id`.
fn emoji(state: &State, said: &str) -> Result<Emoji, Refusal> {
    if let Some((_, id)) = said.rsplit_once(':') {
        let id: Snowflake = id.parse().map_err(|_| Refusal::unknown_emoji())?;
        let mut all = state.guilds.iter().flat_map(|guild| &guild.emoji);
        let known = all.find(|emoji| emoji.id == id).ok_or_else(Refusal::unknown_emoji)?;
        return Ok(Emoji::Custom { id, name: known.name.clone(), animated: known.animated });
    }
    // `1️⃣` begins with a digit, but no emoji is plain ASCII.
    if said.is_ascii() { Err(Refusal::unknown_emoji()) } else { Ok(Emoji::Unicode(said.to_owned())) }
}
