//! One instance's settings as they are written, and what is wrong with how they are written.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use tieline_core::problem::Problem;
use tieline_core::settings::ProxySetting;

/// Where the Outgoing Webhook is received, unless the settings say otherwise.
pub(crate) const DEFAULT_PATH: &str = "/rocketchat/webhook";

/// One account on a Rocket.Chat server.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Rocket.Chat instance")]
pub(crate) struct Settings {
    /// How messages are sent: `"api"` (REST with the bot's credentials, under an id of ours, so that a retry cannot
    /// double) or `"webhook"` (an Incoming Webhook).
    #[serde(default)]
    pub(crate) send_method: SendMethod,
    /// Base URL of the server, `https://chat.example.com`. Required for `"api"`; also where received attachments are
    /// fetched. In `"webhook"` mode the server of `webhook_url`, unless it is given.
    pub(crate) server_url: Option<String>,
    /// Personal access token of the bot (My account → Personal access tokens). Required for `"api"`, with `user_id`.
    #[schemars(extend("writeOnly" = true))]
    pub(crate) auth_token: Option<String>,
    /// User id that belongs to `auth_token`; Rocket.Chat shows both together.
    pub(crate) user_id: Option<String>,
    /// Instead of `auth_token` and `user_id`: the bot's user name. The login is renewed when it expires.
    pub(crate) username: Option<String>,
    /// The password that belongs to `username`.
    #[schemars(extend("writeOnly" = true))]
    pub(crate) password: Option<String>,
    /// URL of the Incoming Webhook, `https://chat.example.com/hooks/…/…`. Required for `"webhook"`.
    #[schemars(extend("writeOnly" = true))]
    pub(crate) webhook_url: Option<String>,
    /// How messages are received: `"webhook"` (an Outgoing Webhook calls us) or `"realtime"` (a WebSocket to the server;
    /// needs the bot's credentials). The `listen_…` keys and `webhook_token` are for `"webhook"` only.
    #[serde(default)]
    pub(crate) receive_method: ReceiveMethod,
    /// Address on which the Outgoing Webhook is received.
    #[serde(default = "any_host")]
    #[schemars(default = "any_host")]
    pub(crate) listen_host: String,
    /// Port on which the Outgoing Webhook is received. Instances may share a port when their paths differ.
    #[serde(default = "default_port")]
    pub(crate) listen_port: u16,
    /// Path on which the Outgoing Webhook is received.
    #[serde(default = "default_path")]
    pub(crate) listen_path: String,
    /// The Outgoing Webhook's token. When set, every request must carry it.
    #[serde(default)]
    #[schemars(extend("writeOnly" = true))]
    pub(crate) webhook_token: String,
    /// Largest file in bytes, in both directions.
    #[serde(default = "default_file_size")]
    pub(crate) max_file_size: u64,
    /// Proxy for all requests of this instance: `http://`, `https://` or `socks5://`. `null`: none, even if
    /// `global.proxy` names one. Absent: as `global.proxy` says.
    #[serde(default)]
    #[schemars(with = "Option<String>", extend("writeOnly" = true))]
    pub(crate) proxy: ProxySetting,
    /// How an answer is shown: `"thread"` (in the thread of the message it answers) or `"quote"`.
    #[serde(default)]
    pub(crate) reply_style: ReplyStyle,
}

/// How messages are sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub(crate) enum SendMethod {
    #[default]
    Api,
    Webhook,
}

/// How messages are received.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub(crate) enum ReceiveMethod {
    #[default]
    Webhook,
    Realtime,
}

/// How an answer is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub(crate) enum ReplyStyle {
    #[default]
    Thread,
    Quote,
}

fn any_host() -> String {
    "0.0.0.0".to_owned()
}

fn default_port() -> u16 {
    8093
}

fn default_path() -> String {
    DEFAULT_PATH.to_owned()
}

fn default_file_size() -> u64 {
    52_428_800
}

/// The JSON Schema of the settings.
pub(crate) fn schema() -> Value {
    schemars::schema_for!(Settings).to_value()
}

/// Reads settings, every mistake a problem of its own.
pub(crate) fn read(written: &Value) -> (Option<Settings>, Vec<Problem>) {
    tieline_core::settings::read(written, &schema(), |_, _, _| None)
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
        assert_eq!(settings.send_method, SendMethod::Api);
        assert_eq!(settings.receive_method, ReceiveMethod::Webhook);
        assert_eq!(
            (settings.listen_host.as_str(), settings.listen_port, settings.listen_path.as_str()),
            ("0.0.0.0", 8093, "/rocketchat/webhook")
        );
        assert_eq!((settings.webhook_token.as_str(), settings.max_file_size), ("", 52_428_800));
        assert_eq!((settings.proxy, settings.reply_style), (ProxySetting::Inherited, ReplyStyle::Thread));
    }

    #[test]
    fn every_wrong_key_and_value_is_told_without_the_value() {
        let (_, problems) = read(&json!({
            "server_ur": "https://x", "auth_token": 424_242, "listen_port": 99_999, "send_method": "webhok",
        }));
        let told: Vec<String> =
            problems.iter().map(|p| format!("{} {}", p.message, p.help.clone().unwrap_or_default())).collect();
        assert_eq!(told.len(), 4, "{told:?}");
        assert!(told[0].contains("did you mean `server_url`?"));
        assert!(!told[1].contains("424242") && told[1].contains("expected a string"), "{}", told[1]);
        assert!(told[2].contains("65535"));
        assert!(told[3].contains("did you mean `webhook`?"), "{}", told[3]);
    }

    #[test]
    fn a_null_proxy_is_not_an_absent_one() {
        assert_eq!(read(&json!({ "proxy": null })).0.expect("sound").proxy, ProxySetting::Direct);
    }

    #[test]
    fn the_schema_refuses_unknown_keys_and_documents_known_ones() {
        let schema = schema();
        assert_eq!(schema["additionalProperties"], json!(false));
        for (key, property) in schema["properties"].as_object().expect("properties") {
            assert!(property["description"].is_string(), "{key} has no description");
        }
        assert_eq!(schema["properties"]["listen_port"]["default"], json!(8093));
    }

    #[test]
    fn the_schema_marks_what_is_secret() {
        let schema = schema();
        let properties = schema["properties"].as_object().expect("properties");
        let mut marked: Vec<&str> =
            properties.iter().filter(|(_, p)| p["writeOnly"] == json!(true)).map(|(key, _)| key.as_str()).collect();
        marked.sort_unstable();
        assert_eq!(marked, ["auth_token", "password", "proxy", "webhook_token", "webhook_url"]);
    }
}
