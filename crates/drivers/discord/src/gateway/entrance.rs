//! Where the gateway is, and how often the bot may still identify: `GET /gateway/bot`.

use std::time::Duration;

use serde_json::Value;
use url::Url;

use super::payload::gateway_url;
use super::signal::{Entrance, Input};
use crate::driver::DiscordDriver;
use crate::fields::{part, text, whole};

impl DiscordDriver {
    /// Asks where the gateway is.
    pub(crate) async fn ask_for_gateway(&self) -> Input {
        match self.api.get("gateway/bot").await {
            Ok(answer) => self.read_entrance(&answer),
            Err(failure) if failure.refuses_credentials() => Input::NotTold { why: failure.to_string(), refused: true },
            Err(failure) => {
                let why = format!("Discord does not say where its gateway is: {failure}");
                Input::NotTold { why, refused: false }
            }
        }
    }

    fn read_entrance(&self, answer: &Value) -> Input {
        let Some(url) = text(answer, "url").and_then(|url| named_by(&self.instance.api, &url)) else {
            let why = format!(
                "what answers at `api_url` ({}) does not say where its gateway is; name the gateway in `gateway_url`",
                self.instance.api
            );
            return Input::NotTold { why, refused: false };
        };
        if let Some(shards) = whole(answer, "shards").filter(|shards| *shards > 1) {
            tracing::warn!(
                instance = %self.instance.id, shards,
                "Discord recommends to divide the bot's connection into shards; tieline uses a single one, which Discord \
                 refuses to bots in more than 2,500 servers"
            );
        }
        let limit = part(answer, "session_start_limit");
        let reset_after = Duration::from_millis(whole(limit, "reset_after").unwrap_or_default());
        Input::Told(Entrance { url, remaining: whole(limit, "remaining"), reset_after })
    }
}

/// The gateway that an API names. Over an encrypted connection no other than an encrypted one is taken, since the token
/// will be said there.
fn named_by(api: &Url, text: &str) -> Option<Url> {
    gateway_url(text).filter(|url| api.scheme() != "https" || url.scheme() == "wss")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_not_said_in_the_clear_where_it_was_not_before() {
        let is_taken = |api: &str, gateway: &str| named_by(&Url::parse(api).expect("a URL"), gateway).is_some();
        assert!(is_taken("https://discord.com/api/v10", "wss://gateway.discord.gg"));
        assert!(!is_taken("https://discord.com/api/v10", "ws://gateway.discord.gg"));
        assert!(is_taken("http://10.0.0.5:3001/api", "ws://10.0.0.5:3002"));
        assert!(is_taken("http://10.0.0.5:3001/api", "wss://chat.example"));
    }
}
