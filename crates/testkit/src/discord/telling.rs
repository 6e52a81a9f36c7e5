//! What is told over the gateway.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::intent;
use super::shape;
use super::snowflake::Snowflake;
use super::state::State;

/// What is to be told over the gateway.
#[derive(Default)]
pub(crate) struct Events(Vec<(&'static str, u64, Value)>);

impl Events {
    /// Tells an event to the sessions that have these intents.
    pub(crate) fn tell(&mut self, event: &'static str, needs: u64, data: Value) {
        self.0.push((event, needs, data));
    }

    /// What was told, in order.
    pub(crate) fn told(self) -> Vec<(&'static str, u64, Value)> {
        self.0
    }

    /// Tells a channel as it is now.
    pub(crate) fn tell_channel(&mut self, state: &State, channel: Snowflake, event: &'static str) {
        if let Some(channel) = state.channel(channel) {
            self.tell(event, intent::GUILDS, shape::channel(state, channel));
        }
    }

    /// Tells that somebody types.
    pub(crate) fn tell_typing(&mut self, state: &State, (user, channel): (Snowflake, Snowflake), now: Timestamp) {
        let mut data = json!({
            "channel_id": channel.to_string(), "user_id": user.to_string(), "timestamp": now.as_second(),
        });
        if let Some(member) = state.guild_of(channel).and_then(|guild| state.member(guild, user)) {
            data["member"] = shape::member(state, member);
        }
        let needs = needs(state, channel, intent::GUILD_MESSAGE_TYPING, intent::DIRECT_MESSAGE_TYPING);
        self.tell("TYPING_START", needs, with_guild(state, channel, data));
    }

    /// Tells that a channel's webhooks changed.
    pub(crate) fn tell_webhooks(&mut self, state: &State, channel: Snowflake) {
        let data = with_guild(state, channel, json!({ "channel_id": channel.to_string() }));
        self.tell("WEBHOOKS_UPDATE", intent::GUILD_WEBHOOKS, data);
    }
}

/// The intent for an event of a channel.
pub(crate) fn needs(state: &State, channel: Snowflake, in_guild: u64, direct: u64) -> u64 {
    if state.guild_of(channel).is_some() { in_guild } else { direct }
}

/// The intent for what happens to a channel's messages.
pub(crate) fn of_messages(state: &State, channel: Snowflake) -> u64 {
    needs(state, channel, intent::GUILD_MESSAGES, intent::DIRECT_MESSAGES)
}

/// `guild_id`, where there is a guild.
pub(crate) fn with_guild(state: &State, channel: Snowflake, mut data: Value) -> Value {
    if let Some(guild) = state.guild_of(channel) {
        data["guild_id"] = json!(guild.to_string());
    }
    data
}
