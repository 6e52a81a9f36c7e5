//! Finding, making, changing and deleting webhooks.

use serde_json::{Map, Value};

use super::super::file::hash_of;
use super::super::inside::Inside;
use super::super::permission::Permission;
use super::super::refusal::{Refusal, no_content};
use super::super::shape;
use super::super::snowflake::Snowflake;
use super::super::state::{ChannelKind, State, WebhookState};
use super::super::webhook::{NewWebhook, refused_name};
use super::form::{Kind, Problems, check, given, text};
use super::guilds::own_guild;
use super::{Call, need};
use crate::port::Answer;

impl Inside {
    pub(crate) fn channel_webhooks(&self, call: &Call) -> Result<Value, Refusal> {
        let (bot, channel) = (call.bot()?, call.id(0, "channel_id")?);
        let state = self.state();
        need(&state, bot, channel, Permission::ManageWebhooks)?;
        let there = state.webhooks.iter().filter(|webhook| webhook.channel == channel);
        Ok(there.map(|webhook| shape::webhook(&state, webhook, Some(bot.application), true)).collect())
    }

    pub(crate) fn guild_webhooks(&self, call: &Call) -> Result<Value, Refusal> {
        let (state, bot) = (self.state(), call.bot()?);
        let guild = own_guild(&state, call)?.id;
        if state.permissions_in_guild(bot.user, guild) & Permission::ManageWebhooks.bit() == 0 {
            return Err(Refusal::missing_permissions());
        }
        let there = state.webhooks.iter().filter(|webhook| webhook.guild == Some(guild));
        Ok(there.map(|webhook| shape::webhook(&state, webhook, Some(bot.application), true)).collect())
    }

    pub(crate) fn create_webhook(&self, call: &Call) -> Result<Value, Refusal> {
        let (bot, channel) = (call.bot()?, call.id(0, "channel_id")?);
        let body = call.json();
        need(&self.state(), bot, channel, Permission::ManageWebhooks)?;
        check_webhook(&body, true, &[])?;
        self.act(|state, events| {
            let kind = state.channel(channel).map(|channel| channel.kind);
            if !matches!(kind, Some(ChannelKind::Text | ChannelKind::News | ChannelKind::Forum)) {
                return Err(Refusal::wrong_channel_kind());
            }
            let most = self.script.max_webhooks;
            if state.webhooks.iter().filter(|webhook| webhook.channel == channel).count() >= most {
                return Err(Refusal::too_many_webhooks(most));
            }
            let new = NewWebhook {
                kind: 1,
                channel,
                name: text(&body, "name").trim(),
                avatar: given(&body, "avatar").and_then(Value::as_str).map(hash_of),
                user: bot.user,
                application: Some(bot.application),
            };
            let webhook = self.new_webhook(state, new);
            events.tell_webhooks(state, channel);
            Ok(shape::webhook(state, &webhook, Some(bot.application), true))
        })
    }

    pub(crate) fn get_webhook(&self, call: &Call) -> Result<Value, Refusal> {
        let mut state = self.state();
        let webhook = self.meant(&mut state, call)?;
        Ok(shown(&state, &webhook, call))
    }

    pub(crate) fn modify_webhook(&self, call: &Call) -> Result<Value, Refusal> {
        let body = call.json();
        self.act(|state, events| {
            let mut webhook = self.meant(state, call)?;
            let movable = [("channel_id", Kind::Id)];
            let by_token = call.target.route.is_by_webhook_token();
            check_webhook(&body, false, if by_token { &[] } else { &movable })?;
            if let Some(name) = given(&body, "name").and_then(Value::as_str) {
                name.trim().clone_into(&mut webhook.name);
            }
            if let Some(avatar) = body.get("avatar") {
                webhook.avatar = avatar.as_str().map(hash_of);
            }
            let old_channel = webhook.channel;
            if let Some(channel) = text(&body, "channel_id").parse::<Snowflake>().ok().filter(|_| !by_token) {
                need(state, call.bot()?, channel, Permission::ManageWebhooks)?;
                webhook.channel = channel;
            }
            for known in state.webhooks.iter_mut().filter(|known| known.id == webhook.id) {
                known.clone_from(&webhook);
            }
            events.tell_webhooks(state, old_channel);
            if webhook.channel != old_channel {
                events.tell_webhooks(state, webhook.channel);
            }
            Ok(shown(state, &webhook, call))
        })
    }

    pub(crate) fn remove_webhook(&self, call: &Call) -> Result<Answer, Refusal> {
        self.act(|state, events| {
            let webhook = self.meant(state, call)?;
            state.webhooks.retain(|known| known.id != webhook.id);
            events.tell_webhooks(state, webhook.channel);
            Ok(no_content())
        })
    }

    /// The webhook of a path, with its token or without. Without, the caller may manage it, or it is its own.
    fn meant(&self, state: &mut State, call: &Call) -> Result<WebhookState, Refusal> {
        if call.target.route.is_by_webhook_token() {
            return self.by_token(state, call);
        }
        let (bot, id) = (call.bot()?, call.id(0, "webhook_id")?);
        let found = state.webhooks.iter().find(|webhook| webhook.id == id);
        let webhook = found.ok_or_else(Refusal::unknown_webhook)?;
        if webhook.application != Some(bot.application) {
            need(state, bot, webhook.channel, Permission::ManageWebhooks)?;
        }
        Ok(webhook.clone())
    }
}

/// A webhook as the caller sees it: the account that made it is shown to bots only.
fn shown(state: &State, webhook: &WebhookState, call: &Call) -> Value {
    let application = call.bot.as_ref().map(|bot| bot.application);
    shape::webhook(state, webhook, application, !call.target.route.is_by_webhook_token())
}

fn check_webhook(body: &Map<String, Value>, new: bool, more: &[(&str, Kind)]) -> Result<(), Refusal> {
    let mut problems = Problems::default();
    let known = [&[("name", Kind::Text(usize::MAX)), ("avatar", Kind::Text(usize::MAX))], more].concat();
    check("", body, &known, &mut problems);
    let name = given(body, "name").and_then(Value::as_str);
    match name.map(refused_name) {
        None if new => problems.add("name", "BASE_TYPE_REQUIRED", "This field is required"),
        Some(Some((code, message))) => problems.add("name", code, message),
        _ => {}
    }
    let avatar = given(body, "avatar").and_then(Value::as_str);
    if avatar.is_some_and(|avatar| !avatar.starts_with("data:image/") || !avatar.contains(";base64,")) {
        problems.add("avatar", "IMAGE_INVALID", "Invalid image data");
    }
    problems.refuse()
}
