//! One channel that a rule names: whether it is there, and what the bot may do in it.

use std::collections::HashMap;

use serde_json::Value;
use tieline_core::address::Address;
use tieline_core::driver::{Finding, Verdict};

use super::{bad, failed, good};
use crate::address::WEBHOOK;
use crate::code;
use crate::driver::DiscordDriver;
use crate::fields::{flag, id, part, text};
use crate::guild::Guild;
use crate::instance::SendMethod;
use crate::kind::ChannelKind;
use crate::permission::{
    self, ADD_REACTIONS, ATTACH_FILES, EMBED_LINKS, MANAGE_MESSAGES, MANAGE_WEBHOOKS, Permission, READ_MESSAGE_HISTORY,
    Rights, SEND_MESSAGES, SEND_MESSAGES_IN_THREADS, VIEW_CHANNEL,
};
use crate::refusal::Failure;
use crate::snowflake::Snowflake;
use crate::webhook_url::WebhookUrl;

/// How many webhooks a channel has at most (30007).
const MOST_WEBHOOKS: usize = 15;

/// A look at one channel after the other; what is known of servers is kept.
pub(super) struct Look<'d> {
    driver: &'d DiscordDriver,
    me: Snowflake,
    application: Snowflake,
    guilds: HashMap<Snowflake, Guild>,
}

impl<'d> Look<'d> {
    pub(super) fn new(driver: &'d DiscordDriver, me: Snowflake, application: Snowflake) -> Self {
        Self { driver, me, application, guilds: HashMap::new() }
    }

    /// Looks at a channel that a rule names by this address.
    pub(super) async fn at(&mut self, channel_id: Snowflake, room: &Address) -> Vec<Finding> {
        let api = &self.driver.api;
        let channel = match api.get(&format!("channels/{channel_id}")).await {
            Ok(channel) => channel,
            Err(failure) => return vec![self.unseen(channel_id, &failure)],
        };
        let kind = ChannelKind::of(&channel);
        let Some(guild_id) = id(&channel, "guild_id") else {
            return vec![good(format!("channel {channel_id} is a {}", kind.word()))];
        };
        let guild = match self.guild(guild_id).await {
            Ok(guild) => guild,
            Err(failure) => return vec![failed(&format!("the server of channel {channel_id}"), &failure)],
        };
        let holder_id = id(&channel, "parent_id").filter(|_| kind.is_thread()).unwrap_or(channel_id);
        let holder = if kind.is_thread() {
            match api.get(&format!("channels/{holder_id}")).await {
                Ok(holder) => Some(holder),
                Err(failure) => return vec![failed(&format!("the channel of thread {channel_id}"), &failure)],
            }
        } else {
            None
        };
        let called = guild.called(&channel, holder.as_ref());
        if kind == ChannelKind::Category {
            let what = format!("{called} is a category, which holds channels and no messages");
            return vec![bad(what, "put the id of one of its channels into `channel_id`; `tieline rooms` lists them")];
        }
        let rights = guild.membership.rights(holder.as_ref().unwrap_or(&channel));
        let url = room.text(WEBHOOK).and_then(|url| WebhookUrl::parse(url, &self.driver.instance.api).ok());
        let mut findings: Vec<Finding> = self.lacking(&called, kind, rights, url.is_some()).into_iter().collect();
        findings.extend(of_kind(&called, kind, &channel));
        if let Some(url) = &url {
            findings.extend(self.named_webhook(&called, url, holder_id).await);
        } else if self.driver.instance.send_method == SendMethod::Webhook && rights.has(MANAGE_WEBHOOKS) {
            findings.extend(self.room_for_a_webhook(&called, holder_id).await);
        }
        if findings.is_empty() {
            findings.push(good(format!("{called}: the bot can read and write")));
        }
        findings
    }

    async fn guild(&mut self, guild: Snowflake) -> Result<Guild, Failure> {
        if let Some(known) = self.guilds.get(&guild) {
            return Ok(known.clone());
        }
        let asked = Guild::ask(&self.driver.api, guild, self.me).await?;
        self.guilds.insert(guild, asked.clone());
        Ok(asked)
    }

    fn unseen(&self, channel: Snowflake, failure: &Failure) -> Finding {
        match failure.code() {
            Some(code::MISSING_ACCESS) => bad(
                format!("channel {channel} cannot be seen by the bot"),
                &format!(
                    "if the bot is not in its server, invite it: {}; else give its role `View Channel` there (Edit Channel \
                        → Permissions)",
                    permission::invitation(self.application)
                ),
            ),
            Some(code::UNKNOWN_CHANNEL) => bad(
                format!("channel {channel} does not exist"),
                "correct `channel_id`; `tieline rooms` lists the channels and their ids",
            ),
            _ => failed(&format!("channel {channel}"), failure),
        }
    }

    /// The permissions that the bot needs and does not have.
    fn lacking(&self, called: &str, kind: ChannelKind, rights: Rights, has_url: bool) -> Option<Finding> {
        let remedy = |permissions: &[Permission]| {
            format!(
                "give the bot's role {} in the channel (Edit Channel → Permissions), or invite the bot anew: {}",
                names(permissions),
                permission::invitation(self.application)
            )
        };
        if !rights.has(VIEW_CHANNEL) {
            return Some(bad(format!("{called} cannot be seen by the bot"), &remedy(&[VIEW_CHANNEL])));
        }
        let instance = &self.driver.instance;
        let in_threads = kind.is_thread() || kind == ChannelKind::Forum;
        let send = if in_threads { SEND_MESSAGES_IN_THREADS } else { SEND_MESSAGES };
        let (to_write, to_answer): (&[Permission], &[Permission]) = match instance.send_method {
            SendMethod::Bot => (&[send], &[]),
            SendMethod::Webhook if has_url => (&[], &[send]),
            SendMethod::Webhook => (&[MANAGE_WEBHOOKS], &[send]),
        };
        let not_had = |permissions: &[Permission]| -> Vec<Permission> {
            permissions.iter().copied().filter(|permission| !rights.has(*permission)).collect()
        };
        let mut lacking = not_had(to_write);
        let cannot_write = !lacking.is_empty();
        if instance.replies_as_bot {
            lacking.extend(not_had(to_answer));
        }
        lacking.extend(not_had(&[READ_MESSAGE_HISTORY, ATTACH_FILES, EMBED_LINKS, ADD_REACTIONS, MANAGE_MESSAGES]));
        if lacking.is_empty() {
            return None;
        }
        let (verdict, so) = if cannot_write {
            (Verdict::Bad, "nothing can be written there, though it can be read".to_owned())
        } else {
            (Verdict::Warning, lacking.iter().map(|permission| without(*permission)).collect::<Vec<_>>().join("; "))
        };
        let what = format!("{called}: the bot lacks {}: {so}", names(&lacking));
        Some(Finding { verdict, what, remedy: Some(remedy(&lacking)) })
    }

    /// Whether the webhook of a target is there, and posts where the target says.
    async fn named_webhook(&self, called: &str, url: &WebhookUrl, holder: Snowflake) -> Option<Finding> {
        match self.driver.webhook_channel(url).await {
            Ok(Some(channel)) if channel != holder => Some(bad(
                format!("{called}: the webhook {} posts into channel {channel}", url.id),
                "copy the URL of a webhook of this channel, or name the webhook's channel in `channel_id`",
            )),
            Ok(_) => None,
            Err(failure) => Some(failed(&format!("{called}: the webhook {}", url.id), &failure)),
        }
    }

    /// Whether a webhook of ours is there, or one more can be made.
    async fn room_for_a_webhook(&self, called: &str, holder: Snowflake) -> Option<Finding> {
        let webhooks = match self.driver.api.get(&format!("channels/{holder}/webhooks")).await {
            Ok(webhooks) => webhooks,
            Err(failure) => return Some(failed(&format!("{called}: the channel's webhooks"), &failure)),
        };
        let webhooks = webhooks.as_array().map_or(&[][..], Vec::as_slice);
        let ours = |webhook: &Value| {
            id(webhook, "application_id") == Some(self.application) && text(webhook, "token").is_some()
        };
        (webhooks.len() >= MOST_WEBHOOKS && !webhooks.iter().any(ours)).then(|| {
            bad(
                format!("{called} has {} webhooks, and no more can be made", webhooks.len()),
                "delete one that nobody uses (Edit Channel → Integrations → Webhooks), or give the target the \
                    `webhook_url` of one of them",
            )
        })
    }
}

/// What does not work without a permission, where messages can be written all the same.
fn without(permission: Permission) -> &'static str {
    match permission {
        READ_MESSAGE_HISTORY => "what was missed cannot be read, nor whether a message arrived whose answer was lost",
        ATTACH_FILES => "files that the bot itself posts are refused",
        EMBED_LINKS => "links that the bot itself posts are shown without a preview",
        ADD_REACTIONS => "reactions from elsewhere cannot be given",
        MANAGE_MESSAGES => "what somebody wrote here cannot be taken away when it is deleted elsewhere",
        _ => "answers are posted by the webhook, with a link to what they answer",
    }
}

/// What to know of a channel of this kind.
fn of_kind(called: &str, kind: ChannelKind, channel: &Value) -> Option<Finding> {
    let (what, remedy) = match kind {
        ChannelKind::Forum => (
            format!(
                "{called} is a forum: the messages of all its posts are received, but nothing can be written into it"
            ),
            "as a target, name the id of a post, which is a thread; `tieline rooms` lists them",
        ),
        ChannelKind::Voice => (
            format!("{called} is a voice channel: what is written in its chat is relayed, what is said is not"),
            "name a text channel if that was meant",
        ),
        ChannelKind::PrivateThread => (
            format!("{called} is a private thread, which the bot only hears if it is a member"),
            "mention the bot in the thread, so that it becomes a member",
        ),
        ChannelKind::Thread if flag(part(channel, "thread_metadata"), "locked") => (
            format!("{called} is locked: nobody can write there"),
            "unlock the thread, or give the bot `Manage Threads`",
        ),
        ChannelKind::Other => (
            format!("{called} is of a kind that tieline does not know"),
            "name a text channel; `tieline rooms` lists them",
        ),
        ChannelKind::Text | ChannelKind::Direct | ChannelKind::Category | ChannelKind::News | ChannelKind::Thread => {
            return None;
        }
    };
    Some(Finding { verdict: Verdict::Warning, what, remedy: Some(remedy.to_owned()) })
}

fn names(permissions: &[Permission]) -> String {
    permissions.iter().map(|permission| format!("`{}`", permission.name)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_usual_channel_is_nothing_to_tell_and_an_odd_one_is_told_with_what_to_do() {
        let told = |channel: Value| of_kind("x", ChannelKind::of(&channel), &channel);
        for usual in [0, 5, 10, 11] {
            assert_eq!(told(json!({ "type": usual })), None, "{usual}");
        }
        for odd in [2, 12, 13, 14, 15, 16] {
            let finding = told(json!({ "type": odd })).expect("something to tell");
            assert!(finding.verdict == Verdict::Warning && finding.remedy.is_some(), "{finding:?}");
        }
        let locked = json!({ "type": 11, "thread_metadata": { "locked": true } });
        assert!(told(locked).is_some_and(|finding| finding.what.contains("locked")));
    }
}
