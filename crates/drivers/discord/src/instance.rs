//! A checked instance: settings that make sense together.

use std::fmt;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use tieline_core::address::Address;
use tieline_core::driver::{
    BuildError, Capabilities, CatchUp, Driver, InstanceConfig, ProxyChoice, Services, SourcePattern, TargetChannel,
    TextUnit,
};
use tieline_core::event::Event;
use tieline_core::id::{ChannelKey, InstanceId};
use tieline_core::markup::Dialect;
use tieline_core::problem::Problem;
use tieline_core::secret::Secret;
use url::Url;

use crate::address;
use crate::driver::DiscordDriver;
use crate::markup::DiscordDialect;
use crate::missing::Missing;
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

impl InstanceConfig for Instance {
    fn id(&self) -> &InstanceId {
        &self.id
    }

    fn platform(&self) -> &'static str {
        PLATFORM
    }

    /// All of Discord: ids are given once. What one of our bots posted is known when another sees it.
    fn realm(&self) -> &str {
        &self.realm
    }

    fn source(&self, address: &Address) -> Result<SourcePattern, Vec<Problem>> {
        address::source(self, address)
    }

    fn target(&self, address: &Address) -> Result<TargetChannel, Vec<Problem>> {
        address::target(self, address)
    }

    fn connect(&self, addresses: &[Address]) -> Vec<Problem> {
        address::connect(self, addresses)
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn dialect(&self) -> &dyn Dialect {
        if self.mentions.everyone { &DiscordDialect { everyone: true } } else { &DiscordDialect { everyone: false } }
    }

    fn secrets(&self) -> Vec<Secret> {
        self.bot_token.iter().cloned().chain(self.proxy.secrets()).collect()
    }

    fn target_names(&self, event: &Event) -> Vec<ChannelKey> {
        address::target_names(event)
    }

    fn declines(&self, event: &Event) -> Option<String> {
        Missing::of(event.missing.as_ref()).own.map(|own| own.reason(&self.id))
    }

    fn target_for(&self, channel: &ChannelKey) -> Option<TargetChannel> {
        address::target_for(channel)
    }

    fn build(self: Arc<Self>, services: Services) -> Result<Arc<dyn Driver>, BuildError> {
        Ok(Arc::new(DiscordDriver::new(self, services)?))
    }
}
