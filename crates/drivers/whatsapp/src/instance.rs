//! A checked instance: settings that make sense together.

use std::fmt;
use std::sync::Arc;

use tieline_core::address::Address;
use tieline_core::driver::{
    BuildError, Capabilities, CatchUp, Driver, InstanceConfig, ProxyChoice, Recipient, Services, SourcePattern,
    TargetChannel, TextUnit,
};
use tieline_core::event::Event;
use tieline_core::id::{ChannelKey, InstanceId};
use tieline_core::markup::Dialect;
use tieline_core::problem::Problem;
use tieline_core::secret::Secret;
use tieline_core::settings::password_in;
use tieline_core::webhook::ListenAt;
use url::Url;

use crate::address;
use crate::driver::WhatsAppDriver;
use crate::jid::Jid;
use crate::markup::WhatsAppDialect;
use crate::missing::Missing;
use crate::recipient::AllowTo;

/// The platform's name in the configuration.
pub(crate) const PLATFORM: &str = "whatsapp";

/// The longest text that WhatsApp takes has 65,536 characters; a little is left for what makes a text harmless.
const MAX_TEXT: usize = 60_000;

/// The checked settings of one WhatsApp account.
#[derive(Clone)]
pub(crate) struct Instance {
    pub(crate) id: InstanceId,
    /// Base URL of the addon, without the session; its path ends without a slash.
    pub(crate) addon: Url,
    pub(crate) api_token: Secret,
    /// The session's name as the addon stores it; every call names it.
    pub(crate) session: String,
    pub(crate) listen: ListenAt,
    pub(crate) webhook_token: Secret,
    /// Base URL under which the addon fetches files from our listener; it ends without a slash.
    pub(crate) media_url: Option<Secret>,
    pub(crate) relay_own: bool,
    pub(crate) allow_to: AllowTo,
    /// How much of what was missed is fetched; `None`: nothing.
    pub(crate) catch_up: Option<CatchUp>,
    pub(crate) proxy: ProxyChoice,
    pub(crate) capabilities: Capabilities,
}

impl Instance {
    pub(crate) fn capabilities_of(max_file_size: u64) -> Capabilities {
        Capabilities {
            identity_key: None,
            max_text: MAX_TEXT,
            text_unit: TextUnit::Utf16,
            max_file_size,
            idempotent: false,
        }
    }
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WhatsApp")
            .field("id", &self.id)
            .field("addon", &self.addon.as_str())
            .field("api_token", &self.api_token)
            .field("session", &self.session)
            .field("listen", &self.listen)
            .field("webhook_token", &self.webhook_token)
            .field("media_url", &self.media_url)
            .field("relay_own", &self.relay_own)
            .field("allow_to", &self.allow_to)
            .field("catch_up", &self.catch_up)
            .field("proxy", &self.proxy)
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

    /// All of WhatsApp: the sender makes a message's id, and every account in a group sees the same one. So what one of
    /// our accounts sent is known when another sees it.
    fn realm(&self) -> &str {
        PLATFORM
    }

    fn source(&self, address: &Address) -> Result<SourcePattern, Vec<Problem>> {
        address::source(address)
    }

    fn target(&self, address: &Address) -> Result<TargetChannel, Vec<Problem>> {
        address::target(address)
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn dialect(&self) -> &dyn Dialect {
        &WhatsAppDialect
    }

    fn secrets(&self) -> Vec<Secret> {
        let mut secrets = vec![self.api_token.clone(), self.webhook_token.clone()];
        secrets.extend(self.proxy.secrets());
        secrets.extend(self.media_url.iter().flat_map(password_in));
        secrets.retain(|secret| !secret.is_empty());
        secrets
    }

    fn declines(&self, event: &Event) -> Option<String> {
        let missing = Missing::of(event.missing.as_ref());
        if missing.past.is_some() {
            return missing.past;
        }
        let typed = !self.relay_own && missing.owner;
        typed.then(|| format!("the owner of `{}` typed it on the phone, and `relay_own` is false", self.id))
    }

    fn is_shared(&self, channel: &ChannelKey) -> bool {
        Jid::parse(channel.as_str()).is_some_and(|jid| jid.is_group() || jid.is_newsletter())
    }

    fn target_for(&self, channel: &ChannelKey) -> Option<TargetChannel> {
        address::target_for(channel)
    }

    fn recipient(&self, named: &str) -> Option<Recipient> {
        address::recipient(named, &self.allow_to)
    }

    fn describe(&self, channel: &ChannelKey) -> String {
        match Jid::parse(channel.as_str()) {
            Some(jid) if jid.is_phone() => jid.shown(),
            _ => channel.to_string(),
        }
    }

    fn listen(&self) -> Option<ListenAt> {
        Some(self.listen.clone())
    }

    fn told_apart_by(&self) -> Option<Secret> {
        // A session's name holds no line break.
        Some(Secret::new(format!("{}\n{}", self.session, self.webhook_token.reveal())))
    }

    fn build(self: Arc<Self>, services: Services) -> Result<Arc<dyn Driver>, BuildError> {
        Ok(Arc::new(WhatsAppDriver::new(self, services)?))
    }
}
