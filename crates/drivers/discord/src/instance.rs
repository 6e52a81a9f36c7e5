//! A checked instance: settings that make sense together.

use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;
use tieline_core::driver::{Capabilities, CatchUp, ProxyChoice, TextUnit};
use tieline_core::id::InstanceId;
use tieline_core::secret::Secret;
use url::Url;

use crate::webhook_url::is_discord;

/// The platform's name in the configuration.
pub(crate) const PLATFORM: &str = "discord";
/// Where Discord's API is, unless the settings say otherwise.
pub(crate) const API: &str = "https://discord.com/api/v10";
/// The message key that shows a writer's name.
pub(crate) const TITLE: &str = "webhook_title";
/// The message key that shows a writer's picture.
pub(crate) const AVATAR: &str = "webhook_avatar";
/// The longest text of one message.
const MAX_TEXT: usize = 2000;

/// Who posts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub(crate) enum SendMethod {
    /// The channel's webhook, under each writer's name.
    #[default]
    Webhook,
    /// The bot, under its own name.
    Bot,
}

/// Which mentions in a relayed text may ping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MentionsAllowed {
    /// `@everyone` and `@here`.
    pub(crate) everyone: bool,
    /// Persons.
    pub(crate) users: bool,
    /// Roles.
    pub(crate) roles: bool,
}

/// The checked settings of one Discord bot.
#[derive(Clone)]
pub(crate) struct Instance {
    pub(crate) id: InstanceId,
    /// The bot's token. Without it nothing is received, and only targets with a `webhook_url` can be written to.
    pub(crate) bot_token: Option<Secret>,
    pub(crate) send_method: SendMethod,
    /// Whether an answer to a message is posted by the bot, which can show what it answers; a webhook cannot.
    pub(crate) replies_as_bot: bool,
    pub(crate) mentions: MentionsAllowed,
    /// Whether a channel's webhook is found or created where a target names none.
    pub(crate) manage_webhooks: bool,
    /// Base URL of the API; its path ends without a slash.
    pub(crate) api: Url,
    /// The gateway, if the settings name one.
    pub(crate) gateway: Option<Url>,
    pub(crate) proxy: ProxyChoice,
    pub(crate) catch_up: Option<CatchUp>,
    /// Where ids are unique: all of Discord, or a compatible server.
    pub(crate) realm: String,
    pub(crate) capabilities: Capabilities,
}

impl Instance {
    pub(crate) fn capabilities_of(max_file_size: u64, send_method: SendMethod) -> Capabilities {
        Capabilities {
            identity_key: Some(TITLE),
            max_text: MAX_TEXT,
            text_unit: TextUnit::Utf16,
            max_file_size,
            idempotent: send_method == SendMethod::Bot,
        }
    }

    /// Where ids are unique, by the API's URL.
    pub(crate) fn realm_of(api: &Url) -> String {
        if is_discord(api) {
            return PLATFORM.to_owned();
        }
        let port = api.port().map(|port| format!(":{port}")).unwrap_or_default();
        format!("{PLATFORM}:{}{port}", api.host_str().unwrap_or_default())
    }
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Discord")
            .field("id", &self.id)
            .field("bot_token", &self.bot_token)
            .field("send_method", &self.send_method)
            .field("replies_as_bot", &self.replies_as_bot)
            .field("mentions", &self.mentions)
            .field("manage_webhooks", &self.manage_webhooks)
            .field("api", &self.api.as_str())
            .field("gateway", &self.gateway.as_ref().map(Url::as_str))
            .field("proxy", &self.proxy)
            .field("catch_up", &self.catch_up)
            .field("realm", &self.realm)
            .field("capabilities", &self.capabilities)
            .finish()
    }
}
