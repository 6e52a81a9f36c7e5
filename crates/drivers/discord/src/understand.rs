//! What the driver makes of one dispatch.

use serde_json::Value;
use tieline_core::driver::Typing;
use tieline_core::event::Event;

use crate::driver::DiscordDriver;
use crate::fields::id;
use crate::parse::{self, Listener, Received};

impl DiscordDriver {
    /// Makes events of one dispatch of the gateway, or of one message of the history under the kind `MESSAGE_CREATE`; a
    /// bulk deletion is several. Everything else that is to be known from a dispatch is taken in as well, so each is to be
    /// handed in, in order. Never fails: what is odd is told in the log and passed over.
    pub(crate) async fn understand(&self, kind: &str, data: &Value) -> Vec<Event> {
        let topic = if kind == "CHANNEL_UPDATE" { self.directory.new_topic(data) } else { None };
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
        if let (Some(topic), Some(channel)) = (topic, id(data, "id")) {
            return vec![parse::topic_changed(&self.listener(), channel, id(data, "guild_id"), topic)];
        }
        if !kind.starts_with("MESSAGE_") {
            return Vec::new();
        }
        self.look_up(data).await;
        if kind == "MESSAGE_CREATE" {
            self.content.look_at(&self.instance.id, data, self.me.account());
        }
        match parse::received(&self.listener(), kind, data) {
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

    /// Who types where, by one `TYPING_START`.
    pub(crate) async fn understand_typing(&self, data: &Value) -> Option<Typing> {
        self.look_up(data).await;
        parse::typing(&self.listener(), data)
    }

    fn listener(&self) -> Listener<'_> {
        Listener {
            instance: &self.instance,
            directory: &self.directory,
            deferred: &self.deferred,
            taken_away: &self.taken_away,
            me: self.me.account(),
            webhooks: &self.webhooks,
            now: self.services.clock.now(),
        }
    }
}

#[cfg(test)]
mod tests;
