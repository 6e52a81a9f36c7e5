//! What is remembered of calls, in both directions.

use http::{HeaderMap, Method};
use jiff::Timestamp;
use serde_json::Value;

use super::media::FakeMedia;
use super::route::Route;

/// A request that reached the fake.
#[derive(Debug, Clone)]
pub struct RecordedRequest {
    /// Which call it is.
    pub route: Route,
    /// Its method.
    pub method: Method,
    /// Its path, without the query.
    pub path: String,
    /// Its query, without `?`.
    pub query: Option<String>,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, if it was JSON or a form. Strings of over 256 KiB are cut.
    pub body: Option<Value>,
    /// The length of its body in bytes.
    pub length: u64,
    /// When it arrived, by the fake's clock.
    pub time: Timestamp,
    /// The status of its answer; `None` while there is none.
    pub status: Option<u16>,
}

/// Something that a call asked WhatsApp for: what the addon handed to its WhatsApp socket.
#[derive(Debug, Clone, PartialEq)]
pub struct Sent {
    /// The session.
    pub session: String,
    /// The call that asked for it.
    pub route: Route,
    /// The chat, as `getJid` made it.
    pub jid: String,
    /// The content for Baileys' `sendMessage` (`{"text": …}`, `{"react": …}`, `{"edit": …}`); the presence or the keys
    /// for the calls that send no message. A long `url` is cut.
    pub content: Value,
    /// The id of the message that is quoted: only if it was found in the addon's store.
    pub quoted: Option<String>,
    /// The id of the message that was sent, if one was.
    pub id: Option<String>,
    /// The file that was fetched for it.
    pub media: Option<FakeMedia>,
}

/// A call that the addon took although something was wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which call it was.
    pub route: Route,
    /// What was wrong.
    pub problem: String,
}

/// A text that the addon took for a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// The session.
    pub session: String,
    /// The chat.
    pub chat: String,
    /// The text as the addon reads it: trimmed and in lower case.
    pub text: String,
    /// Whether it came from the account itself, so that the addon obeys it as an admin's.
    pub from_me: bool,
}

/// A webhook that the fake called.
#[derive(Debug, Clone)]
pub struct WebhookCall {
    /// Whom it called.
    pub url: String,
    /// The id of the message; empty if the payload has none.
    pub id: String,
    /// The payload.
    pub body: Value,
    /// The status of the answer, which the addon does not look at.
    pub status: Option<u16>,
    /// Why it did not get there; the addon only logs it.
    pub failed: Option<String>,
    /// Whether the socket is still open.
    pub open: bool,
}
