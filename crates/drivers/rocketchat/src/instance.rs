//! A checked instance: settings that make sense together.

use std::fmt;
use std::sync::Arc;

use tieline_core::address::Address;
use tieline_core::driver::{
    BuildError, Capabilities, CatchUp, Driver, InstanceConfig, ProxyChoice, Services, SourcePattern, TargetChannel,
    TextUnit,
};
use tieline_core::event::{Author, Event};
use tieline_core::id::{ChannelKey, InstanceId};
use tieline_core::markup::Dialect;
use tieline_core::problem::Problem;
use tieline_core::secret::Secret;
use tieline_core::webhook::ListenAt;
use url::Url;

use crate::address;
use crate::dialect::RocketChatDialect;
use crate::driver::RocketChatDriver;
use crate::hook::Hook;
use crate::settings::{ReceiveMethod, ReplyStyle};

/// The platform's name in the configuration.
pub(crate) const PLATFORM: &str = "rocketchat";

/// `Message_MaxAllowedSize` of a server that nobody changed, compared with the length of a JavaScript string.
const MAX_TEXT: usize = 5000;

/// How messages are sent.
#[derive(Debug, Clone)]
pub(crate) enum Sender {
    /// By REST.
    Api,
    /// By an Incoming Webhook.
    Hook(Hook),
}

/// What proves to the server who we are.
#[derive(Debug, Clone)]
pub(crate) enum Credentials {
    /// A personal access token.
    Token {
        /// The bot's user id.
        user_id: String,
        /// The token.
        token: Secret,
    },
    /// A login, which expires and is renewed.
    Login {
        /// The bot's user name.
        username: String,
        /// Its password.
        password: Secret,
    },
}

/// The checked settings of one Rocket.Chat account.
#[derive(Clone)]
pub(crate) struct Instance {
    pub(crate) id: InstanceId,
    pub(crate) realm: String,
    /// Base URL of the server; its path ends without a slash.
    pub(crate) server: Url,
    pub(crate) sender: Sender,
    pub(crate) credentials: Option<Credentials>,
    pub(crate) listen: ListenAt,
    /// Empty if requests are taken without a token.
    pub(crate) webhook_token: Secret,
    pub(crate) proxy: ProxyChoice,
    pub(crate) reply_style: ReplyStyle,
    pub(crate) receive: ReceiveMethod,
    /// How much of what was missed is fetched; `None`: nothing.
    pub(crate) catch_up: Option<CatchUp>,
    pub(crate) capabilities: Capabilities,
}

impl Instance {
    pub(crate) fn capabilities_of(sender: &Sender, max_file_size: u64) -> Capabilities {
        Capabilities {
            identity_key: Some("rc_alias"),
            max_text: MAX_TEXT,
            text_unit: TextUnit::Utf16,
            max_file_size,
            idempotent: matches!(sender, Sender::Api),
        }
    }

    /// The hook, if messages are sent by one.
    pub(crate) fn hook(&self) -> Option<&Hook> {
        match &self.sender {
            Sender::Hook(hook) => Some(hook),
            Sender::Api => None,
        }
    }

    /// The address of something on the server; `path` begins with `/`.
    pub(crate) fn on_server(&self, path: &str) -> String {
        format!("{}{path}", self.server.as_str().trim_end_matches('/'))
    }
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RocketChat")
            .field("id", &self.id)
            .field("server", &self.server.as_str())
            .field("sender", &self.sender)
            .field("credentials", &self.credentials)
            .field("receive", &self.receive)
            .field("listen", &self.listen)
            .field("reply_style", &self.reply_style)
            .field("capabilities", &self.capabilities)
            .finish_non_exhaustive()
    }
}

impl InstanceConfig for Instance {
    fn id(&self) -> &InstanceId {
        &self.id
    }

    fn platform(&self) -> &'static str {
        PLATFORM
    }

    fn realm(&self) -> &str {
        &self.realm
    }

    fn source(&self, address: &Address) -> Result<SourcePattern, Vec<Problem>> {
        address::source(address, self.hook())
    }

    fn target(&self, address: &Address) -> Result<TargetChannel, Vec<Problem>> {
        address::target(address, self.hook())
    }

    fn connect(&self, addresses: &[Address]) -> Vec<Problem> {
        address::connect(addresses, self.hook())
    }

    fn target_for(&self, channel: &ChannelKey) -> Option<TargetChannel> {
        let key = if self.hook().is_some() { "channel" } else { "room_id" };
        self.target(&Address::of([(key, channel.as_str())])).ok()
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn dialect(&self) -> &dyn Dialect {
        &RocketChatDialect
    }

    fn mention_of(&self, author: &Author) -> String {
        author.username.clone()
    }

    fn secrets(&self) -> Vec<Secret> {
        let mut secrets = Vec::new();
        match &self.credentials {
            Some(Credentials::Token { token, .. }) => secrets.push(token.clone()),
            Some(Credentials::Login { password, .. }) => secrets.push(password.clone()),
            None => {}
        }
        if let Some(hook) = self.hook() {
            secrets.extend(hook.secrets());
        }
        secrets.push(self.webhook_token.clone());
        secrets.extend(self.proxy.secrets());
        secrets.retain(|secret| !secret.is_empty());
        secrets
    }

    fn target_names(&self, event: &Event) -> Vec<ChannelKey> {
        let Some(hook) = self.hook() else { return Vec::new() };
        let names = event.room.iter().map(|name| format!("#{name}"));
        let ids = [event.channel.to_string(), format!("#{}", event.channel)];
        let overrides = names.chain(ids).map(|channel| hook.channel(Some(&channel)));
        let keys = std::iter::once(hook.channel(None)).chain(overrides);
        // What is too long for a key was never one.
        keys.filter_map(|key| ChannelKey::new(&key).ok()).collect()
    }

    fn listen(&self) -> Option<ListenAt> {
        (self.receive == ReceiveMethod::Webhook).then(|| self.listen.clone())
    }

    fn build(self: Arc<Self>, services: Services) -> Result<Arc<dyn Driver>, BuildError> {
        Ok(Arc::new(RocketChatDriver::new(self, services)?))
    }
}

/// The realm of a server: message ids are unique there, whichever account sees them.
pub(crate) fn realm_of(server: &Url) -> String {
    format!("{PLATFORM}:{}{}", server.origin().ascii_serialization(), server.path().trim_end_matches('/'))
}
