//! Showing that somebody types.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::json;
use tieline_core::address::Address;
use tokio::time::Instant;

use crate::address::CHAT;
use crate::driver::WhatsAppDriver;
use crate::jid::Jid;

/// How long phones are not told again. They show it for some seconds, and the addon does not say for how many.
const SHOWN: Duration = Duration::from_secs(5);
/// How long the addon may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// Where somebody was shown to be typing, and when.
#[derive(Debug, Default)]
pub(crate) struct Typing(Mutex<HashMap<Jid, Instant>>);

impl Typing {
    /// Whether the phones in a chat are to be told now.
    fn admit(&self, chat: &Jid) -> bool {
        let mut shown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        shown.retain(|_, since| since.elapsed() < SHOWN);
        if shown.contains_key(chat) {
            return false;
        }
        shown.insert(chat.clone(), Instant::now());
        true
    }
}

impl WhatsAppDriver {
    /// Shows that somebody types. If it fails nobody misses it.
    pub(crate) async fn compose(&self, target: &Address) {
        let Some(chat) = target.text(CHAT).and_then(Jid::parse).filter(|chat| self.typing.admit(chat)) else { return };
        let call = json!({ "number": chat.to_string(), "presence": "composing" });
        if let Err(failure) = self.api.post("/set_presence", &call, PATIENCE).await {
            tracing::debug!(instance = %self.instance.id, %chat, %failure, "Nobody is shown to be typing");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_chat_is_told_once_in_a_while() {
        let typing = Typing::default();
        let [one, two] = ["1@g.us", "2@g.us"].map(|jid| Jid::parse(jid).expect("a JID"));
        assert!(typing.admit(&one) && typing.admit(&two) && !typing.admit(&one));
        tokio::time::advance(SHOWN).await;
        assert!(typing.admit(&one));
    }
}
