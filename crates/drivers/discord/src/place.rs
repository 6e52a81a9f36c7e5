//! Where a webhook's message goes: the webhook's channel, or a thread in it.

use std::sync::Arc;

use tieline_core::address::Address;
use tieline_core::send::{Scope, SendError, Sending};

use crate::address::{CHANNEL, SERVER, WEBHOOK};
use crate::code;
use crate::driver::DiscordDriver;
use crate::refusal::Failure;
use crate::remedy;
use crate::snowflake::Snowflake;
use crate::webhook_url::WebhookUrl;
use crate::webhooks::Webhook;

/// A webhook, and where it is to post.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) webhook: Arc<Webhook>,
    /// The thread in the webhook's channel.
    pub(crate) thread: Option<Snowflake>,
    /// The channel whose pace counts: the webhook's.
    pub(crate) into: Snowflake,
    /// The channel whose webhook was found or made, so that it can be again; `None` if the target names the webhook.
    pub(crate) managed: Option<Snowflake>,
}

impl Place {
    /// The channel or thread in which the message will be.
    pub(crate) fn channel(&self) -> Snowflake {
        self.thread.unwrap_or(self.into)
    }
}

impl DiscordDriver {
    /// The webhook for a target.
    pub(crate) async fn place(&self, sending: &Sending) -> Result<Place, SendError> {
        let scope = scope(sending);
        let asked = |failure: Failure| failure.before_send(&scope);
        let channel = channel(sending);
        if let Some(url) = webhook_url(self, sending)? {
            if self.webhooks.is_gone(url.id) {
                let reason = remedy::of(code::UNKNOWN_WEBHOOK).unwrap_or_default().to_owned();
                return Err(SendError::Permanent { reason });
            }
            let webhook = self.webhooks.named(&self.api, &url).await.map_err(asked)?;
            let thread =
                url.thread.or_else(|| channel.filter(|channel| webhook.channel.is_some_and(|own| own != *channel)));
            let into = webhook.channel.or(channel).unwrap_or(webhook.id);
            return Ok(Place { webhook: Arc::new(webhook), thread, into, managed: None });
        }
        let channel = channel.ok_or_else(|| no_channel(sending))?;
        if !self.instance.manage_webhooks {
            let reason = format!(
                "the target names no `webhook_url`, and `manage_webhooks` of `{}` is false: add the URL, or set that to true",
                self.instance.id
            );
            return Err(SendError::Permanent { reason });
        }
        let parent = self.parent_of(channel).await.map_err(asked)?;
        let into = parent.unwrap_or(channel);
        let application = self.me.account().map(|account| account.application);
        let webhook = self.webhooks.of_channel(&self.api, into, application).await.map_err(asked)?;
        Ok(Place { webhook, thread: parent.map(|_| channel), into, managed: Some(into) })
    }

    /// The channel that a thread belongs to; `None` of what is no thread.
    async fn parent_of(&self, channel: Snowflake) -> Result<Option<Snowflake>, Failure> {
        if let Some(seen) = self.directory.channel(channel)
            && seen.parent.is_some() == seen.is_thread()
        {
            return Ok(seen.parent);
        }
        self.webhooks.parent_of(&self.api, channel).await
    }

    /// The server that a target's channel belongs to.
    pub(crate) async fn guild_of(&self, channel: Snowflake, target: &Address) -> Option<Snowflake> {
        let known = || self.directory.channel(channel)?.guild;
        let named = target.text(SERVER).and_then(Snowflake::parse);
        if let Some(guild) = named.or_else(known) {
            return Some(guild);
        }
        self.look_up_channel(channel).await;
        known()
    }

    /// The link to a message in a target's channel, where the server is known.
    pub(crate) fn link_to(&self, sending: &Sending, message: &str) -> Option<String> {
        let channel = channel(sending)?;
        let guild = sending.target.text(SERVER).and_then(Snowflake::parse);
        let guild = guild.or_else(|| self.directory.channel(channel)?.guild)?;
        Some(format!("https://discord.com/channels/{guild}/{channel}/{message}"))
    }
}

/// The channel that a target names.
pub(crate) fn channel_of(target: &Address) -> Option<Snowflake> {
    target.text(CHANNEL).and_then(Snowflake::parse)
}

/// The channel that a send's target names.
pub(crate) fn channel(sending: &Sending) -> Option<Snowflake> {
    channel_of(&sending.target)
}

/// The webhook that a target names.
pub(crate) fn webhook_url(driver: &DiscordDriver, sending: &Sending) -> Result<Option<WebhookUrl>, SendError> {
    let Some(url) = sending.target.text(WEBHOOK) else { return Ok(None) };
    WebhookUrl::parse(url, &driver.instance.api)
        .map(Some)
        .map_err(|why| SendError::Permanent { reason: format!("`{WEBHOOK}` of the target: {why}") })
}

pub(crate) fn no_channel(sending: &Sending) -> SendError {
    let known: Vec<&String> = sending.target.keys().keys().collect();
    SendError::Permanent { reason: format!("the target names no `{CHANNEL}`, only {known:?}") }
}

/// What waits while a limit of a target is used up.
pub(crate) fn scope(sending: &Sending) -> Scope {
    let webhook = || {
        let path = sending.target.text(WEBHOOK)?.split_once("/webhooks/")?.1;
        path.split('/').next().map(|id| format!("webhook:{id}"))
    };
    let name = channel(sending).map(|id| format!("channel:{id}")).or_else(webhook);
    name.map_or(Scope::Instance, Scope::Named)
}
