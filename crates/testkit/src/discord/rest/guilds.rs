//! Who the bot is, and the guilds and channels that it is in.

use serde_json::{Value, json};

use super::super::inside::Inside;
use super::super::permission::Permission;
use super::super::refusal::Refusal;
use super::super::shape;
use super::super::state::{BotState, GuildState, MemberState, State};
use super::{Call, seen};

impl Inside {
    pub(crate) fn gateway_address(&self) -> Value {
        json!({ "url": self.gateway_url() })
    }

    pub(crate) fn gateway_for(&self, call: &Call) -> Result<Value, Refusal> {
        let limit = self.gateway.session_start_limit(&call.bot()?.token);
        Ok(json!({ "url": self.gateway_url(), "shards": 1, "session_start_limit": limit }))
    }

    pub(crate) fn me(&self, call: &Call) -> Result<Value, Refusal> {
        let state = self.state();
        let mut me: Value = state.user(call.bot()?.user).map(shape::user).into();
        // Of an account that shows itself there is more; none of it is a bridge's business.
        me["mfa_enabled"] = json!(false);
        me["verified"] = json!(true);
        Ok(me)
    }

    pub(crate) fn application(&self, call: &Call) -> Result<Value, Refusal> {
        let state = self.state();
        let bot = call.bot()?;
        let user = state.user(bot.user);
        Ok(json!({
            "id": bot.application.to_string(), "name": user.map(|user| &user.username), "icon": null, "description": "",
            "bot_public": true, "bot_require_code_grant": false, "bot": user.map(shape::user), "verify_key": "",
            "flags": self.gateway.application_flags(),
        }))
    }

    pub(crate) fn my_guilds(&self, call: &Call) -> Result<Value, Refusal> {
        let (state, bot) = (self.state(), call.bot()?);
        let mine = state.guilds.iter().filter(|guild| state.member(guild.id, bot.user).is_some());
        let partial = mine.map(|guild| {
            json!({
                "id": guild.id.to_string(), "name": guild.name, "icon": null, "banner": null, "features": [],
                "owner": guild.owner == bot.user,
                "permissions": state.permissions_in_guild(bot.user, guild.id).to_string(),
            })
        });
        Ok(partial.collect())
    }

    pub(crate) fn guild(&self, call: &Call) -> Result<Value, Refusal> {
        let state = self.state();
        Ok(shape::guild(&state, own_guild(&state, call)?))
    }

    /// The channels of a guild, those that the bot does not see included, but no threads.
    pub(crate) fn guild_channels(&self, call: &Call) -> Result<Value, Refusal> {
        let state = self.state();
        let guild = own_guild(&state, call)?.id;
        let all = state.channels.iter().filter(|channel| channel.guild == Some(guild) && !channel.kind.is_thread());
        Ok(all.map(|channel| shape::channel(&state, channel)).collect())
    }

    pub(crate) fn guild_roles(&self, call: &Call) -> Result<Value, Refusal> {
        let state = self.state();
        let guild = shape::guild(&state, own_guild(&state, call)?);
        Ok(guild["roles"].clone())
    }

    pub(crate) fn guild_member(&self, call: &Call) -> Result<Value, Refusal> {
        let state = self.state();
        let guild = own_guild(&state, call)?.id;
        let member = state.member(guild, call.id(1, "user_id")?).ok_or_else(Refusal::unknown_member)?;
        Ok(shape::member(&state, member))
    }

    /// The members whose names begin with a text, however it is written; one of them, unless more are asked for.
    pub(crate) fn search_members(&self, call: &Call) -> Result<Value, Refusal> {
        let state = self.state();
        let guild = own_guild(&state, call)?;
        let required = || Refusal::invalid_field("query", "BASE_TYPE_REQUIRED", "This field is required");
        let wanted = call.query("query").filter(|query| !query.is_empty()).ok_or_else(required)?.to_lowercase();
        let limit = match call.query("limit") {
            None => 1,
            Some(said) => said.parse().ok().filter(|limit| (1..=1000).contains(limit)).ok_or_else(|| {
                Refusal::invalid_field("limit", "NUMBER_TYPE_MAX", "int value should be between 1 and 1000.")
            })?,
        };
        let is_called = |member: &&MemberState| {
            let user = state.user(member.user);
            let names = [
                member.nick.as_ref(),
                user.and_then(|user| user.global_name.as_ref()),
                user.map(|user| &user.username),
            ];
            names.into_iter().flatten().any(|name| name.to_lowercase().starts_with(&wanted))
        };
        Ok(guild.members.iter().filter(is_called).take(limit).map(|member| shape::member(&state, member)).collect())
    }

    pub(crate) fn active_threads(&self, call: &Call) -> Result<Value, Refusal> {
        let (state, bot) = (self.state(), call.bot()?);
        let guild = own_guild(&state, call)?.id;
        let active = state.channels.iter().filter(|channel| {
            channel.guild == Some(guild)
                && channel.kind.is_thread()
                && !channel.archived
                && state.may(bot.user, channel.id, Permission::ViewChannel)
        });
        let threads: Vec<_> = active.map(|thread| shape::channel(&state, thread)).collect();
        Ok(json!({ "threads": threads, "members": [] }))
    }

    pub(crate) fn channel(&self, call: &Call) -> Result<Value, Refusal> {
        let state = self.state();
        Ok(shape::channel(&state, seen(&state, call.bot()?, call.id(0, "channel_id")?)?))
    }
}

/// The guild of a call, if the bot is a member.
pub(crate) fn own_guild<'a>(state: &'a State, call: &Call) -> Result<&'a GuildState, Refusal> {
    let bot: &BotState = call.bot()?;
    let guild = state.guild(call.id(0, "guild_id")?).ok_or_else(Refusal::unknown_guild)?;
    if state.member(guild.id, bot.user).is_some() { Ok(guild) } else { Err(Refusal::missing_access()) }
}
