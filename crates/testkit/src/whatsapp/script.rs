//! How a fake addon is set up.

use std::sync::Arc;
use std::time::Duration;

use tieline_core::clock::Clock;

use super::state::Connection;
use crate::clock::SystemClock;

/// How a fake addon is set up. The default has one connected account, `default`, and no webhook.
#[derive(Clone)]
pub struct WhatsAppScript {
    /// The API token.
    pub token: String,
    /// Whom the addon calls; `None`: `webhook_enabled` is off. See also
    /// [`set_webhook`](super::FakeWhatsApp::set_webhook).
    pub webhook: Option<WebhookScript>,
    /// The accounts that are there from the start.
    pub accounts: Vec<AccountScript>,
    /// When the echo of an own send is told.
    pub echo: Echo,
    /// Whether group moderation is on: texts with `!`, `/` or `#` in front are commands in groups, too.
    pub moderation: bool,
    /// Whether a UI password is set: then nobody is let in without a token.
    pub ui_password: bool,
    /// How long a call waits while the account is connecting. The addon's is 3 s.
    pub connect_wait: Duration,
    /// What time the addon has.
    pub clock: Arc<dyn Clock>,
}

/// Where webhooks go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookScript {
    /// `webhook_url`. A query is kept; user and password are dropped; an IPv6 host in brackets fails.
    pub url: String,
    /// `webhook_token`: the header is there even when it is empty.
    pub token: String,
}

/// A WhatsApp account of the addon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountScript {
    /// The session's id; it is lower-cased.
    pub session: String,
    /// The account's phone number, digits only.
    pub number: String,
    /// The account's LID, digits only.
    pub lid: String,
    /// The account's own name.
    pub name: String,
    /// Whether it is connected at the start.
    pub connection: Connection,
}

/// When the echo of a message that was sent through the API is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Echo {
    /// At once, side by side with the HTTP answer: either may come first.
    Free,
    /// The HTTP answer waits until the webhook was answered, failed, or 10 s are over.
    BeforeAnswer,
    /// When [`release_echoes`](super::FakeWhatsApp::release_echoes) says so.
    ByHand,
    /// Never (`emitOwnEvents` off).
    Off,
}

impl Default for WhatsAppScript {
    fn default() -> Self {
        Self {
            token: "addon-api-token".to_owned(),
            webhook: None,
            accounts: vec![AccountScript::default()],
            echo: Echo::Free,
            moderation: false,
            ui_password: false,
            connect_wait: Duration::from_secs(3),
            clock: Arc::new(SystemClock),
        }
    }
}

impl Default for AccountScript {
    fn default() -> Self {
        Self {
            session: "default".to_owned(),
            number: "491555000001".to_owned(),
            lid: "222000000000999".to_owned(),
            name: "Our phone".to_owned(),
            connection: Connection::Open,
        }
    }
}
