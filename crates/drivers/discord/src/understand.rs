//! What the driver makes of one dispatch.

use serde_json::Value;
use tieline_core::event::Event;

use crate::driver::DiscordDriver;
use crate::fields::id;
use crate::parse::{self, Listener, Received};

impl DiscordDriver {
    /// Makes events of one dispatch of the gateway, or of one message of the history under the kind `MESSAGE_CREATE`; a
    /// bulk deletion is several. Everything else that is to be known from a dispatch is taken in as well, so each is to be
    /// handed in, in order. Never fails: what is odd is told in the log and passed over.
    pub(crate) async fn understand(&self, kind: &str, data: &Value) -> Vec<Event> {
        match kind {
            "READY" => {
                self.me.hear_ready(data);
                self.directory.hear(kind, data);
            }
            "WEBHOOKS_UPDATE" => {
                if let Some(channel) = id(data, "channel_id") {
                    self.webhooks.forget(channel);
                }
            }
            _ => self.directory.hear(kind, data),
        }
        if !kind.starts_with("MESSAGE_") {
            return Vec::new();
        }
        self.look_up(data).await;
        let me = self.me.account();
        if kind == "MESSAGE_CREATE" {
            self.content.look_at(&self.instance.id, data, me);
        }
        let listener = Listener {
            instance: &self.instance,
            directory: &self.directory,
            deferred: &self.deferred,
            me,
            is_our_webhook: &|webhook| self.webhooks.is_ours(webhook),
            now: self.services.clock.now(),
        };
        match parse::received(&listener, kind, data) {
            Ok(Received::Events(events)) => events,
            Ok(Received::Nothing(why)) => {
                tracing::debug!(instance = %self.instance.id, kind, why, "An event of Discord is not relayed");
                Vec::new()
            }
            Err(why) => {
                if let Some(withheld) = self.odd.admit(self.services.clock.now()) {
                    let id = &self.instance.id;
                    tracing::warn!(instance = %id, kind, why, withheld, "An event of Discord cannot be relayed");
                }
                Vec::new()
            }
        }
    }
}

#[cfg(test)]
mod tests;
