//! One instance's settings as they are written, and what is wrong with how they are written.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use tieline_core::problem::Problem;
use tieline_core::settings::{self, ProxySetting};

use crate::instance::{API, SendMethod};

/// One Discord bot, or without `bot_token` webhooks alone.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Discord instance")]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
pub(crate) struct Settings {
    /// The bot's token (Discord Developer Portal → the application → Bot → Reset Token), without `Bot ` in front. Without
    /// it nothing is received, and only targets with a `webhook_url` can be written to.
    #[schemars(extend("writeOnly" = true))]
    pub(crate) bot_token: Option<String>,
    /// Who posts: `"webhook"` (a webhook of the channel, under each writer's name and picture) or `"bot"` (the bot, under
    /// its own name; a retry cannot double).
    #[serde(default)]
    pub(crate) send_method: SendMethod,
    /// Largest file in bytes, in both directions. Discord takes 10 MiB, and more on servers that are boosted.
    #[serde(default = "default_file_size")]
    pub(crate) max_file_size: u64,
    /// Whether an answer to a message is posted by the bot, which can show what it answers. A webhook cannot. Needs
    /// `bot_token`.
    #[serde(default = "yes")]
    pub(crate) send_replies_as_bot: bool,
    /// Whether `@everyone` and `@here` in a relayed text call everybody.
    #[serde(default)]
    pub(crate) allow_mentions_everyone: bool,
    /// Whether a relayed text may call persons.
    #[serde(default = "yes")]
    pub(crate) allow_mentions_users: bool,
    /// Whether a relayed text may call roles.
    #[serde(default)]
    pub(crate) allow_mentions_roles: bool,
    /// Whether the channel's webhook is found, or created, where a target names no `webhook_url`. The bot needs the
    /// permission Manage Webhooks for it.
    #[serde(default = "yes")]
    pub(crate) manage_webhooks: bool,
    /// Base URL of the API, for compatible servers.
    #[serde(default = "default_api")]
    pub(crate) api_url: String,
    /// URL of the gateway, `wss://gateway.example.com`. Absent: the API is asked for it.
    pub(crate) gateway_url: Option<String>,
    /// Proxy for all requests of this instance: `http://`, `https://` or `socks5://`. `null`: none, even if
    /// `global.proxy` names one. Absent: as `global.proxy` says.
    #[serde(default)]
    #[schemars(with = "Option<String>", extend("writeOnly" = true))]
    pub(crate) proxy: ProxySetting,
}

fn default_file_size() -> u64 {
    10_485_760
}

fn yes() -> bool {
    true
}

fn default_api() -> String {
    API.to_owned()
}

/// The JSON Schema of the settings.
pub(crate) fn schema() -> Value {
    schemars::schema_for!(Settings).to_value()
}

/// Reads settings, every mistake a problem of its own.
pub(crate) fn read(written: &Value) -> (Option<Settings>, Vec<Problem>) {
    settings::read(written, &schema(), |_, _, _| None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_defaults_are_the_documented_ones() {
        let (settings, problems) = read(&json!({}));
        let settings = settings.expect("nothing is wrong");
        assert!(problems.is_empty());
        assert_eq!((settings.bot_token, settings.send_method), (None, SendMethod::Webhook));
        assert_eq!((settings.max_file_size, settings.send_replies_as_bot), (10_485_760, true));
        let allowed = (settings.allow_mentions_everyone, settings.allow_mentions_users, settings.allow_mentions_roles);
        assert_eq!(allowed, (false, true, false));
        assert!(settings.manage_webhooks);
        assert_eq!((settings.api_url.as_str(), settings.gateway_url), ("https://discord.com/api/v10", None));
        assert_eq!(settings.proxy, ProxySetting::Inherited);
        assert_eq!(read(&json!({ "proxy": null })).0.expect("sound").proxy, ProxySetting::Direct);
    }

    #[test]
    fn every_wrong_key_and_value_is_told_without_the_value() {
        let (_, problems) =
            read(&json!({ "bot_tokn": "x", "bot_token": 424_242, "send_method": "webhok", "manage_webhooks": "no" }));
        let told: Vec<String> =
            problems.iter().map(|p| format!("{} {}", p.message, p.help.clone().unwrap_or_default())).collect();
        assert_eq!(told.len(), 4, "{told:?}");
        assert!(told[0].contains("did you mean `bot_token`?"));
        assert!(!told[1].contains("424242") && told[1].contains("expected a string"), "{}", told[1]);
        assert!(told[2].contains("did you mean `webhook`?"), "{}", told[2]);
        assert!(told[3].contains("true or false"));
    }

    #[test]
    fn the_schema_refuses_unknown_keys_documents_known_ones_and_marks_secrets() {
        let schema = schema();
        assert_eq!(schema["additionalProperties"], json!(false));
        let properties = schema["properties"].as_object().expect("properties");
        for (key, property) in properties {
            assert!(property["description"].is_string(), "{key} has no description");
        }
        let mut marked: Vec<&str> =
            properties.iter().filter(|(_, p)| p["writeOnly"] == json!(true)).map(|(key, _)| key.as_str()).collect();
        marked.sort_unstable();
        assert_eq!(marked, ["bot_token", "proxy"]);
    }
}
