//! The platform, as the host's table of drivers knows it.

use std::sync::Arc;

use serde_json::Value;
use tieline_core::driver::{Defaults, DriverFactory, InstanceConfig, Resolved};
use tieline_core::frame::MessageKey;
use tieline_core::id::InstanceId;

use crate::instance::{AVATAR, PLATFORM, TITLE};
use crate::{address, resolve, settings};

/// Discord.
#[derive(Debug, Clone, Copy, Default)]
pub struct Discord;

const KEYS: &[MessageKey] = &[
    MessageKey {
        name: TITLE,
        about: "The name that the message is shown under, with `send_method: \"webhook\"`. What Discord does not allow in \
            a name is changed; where the bot posts, the name stands in the text.",
    },
    MessageKey {
        name: AVATAR,
        about: "The http or https address of the picture that the message is shown with, with `send_method: \
            \"webhook\"`; others are ignored.",
    },
];

impl DriverFactory for Discord {
    fn platform(&self) -> &'static str {
        PLATFORM
    }

    fn instance_schema(&self) -> Value {
        settings::schema()
    }

    fn address_schema(&self, as_target: bool) -> Value {
        address::schema(as_target)
    }

    fn message_keys(&self) -> &'static [MessageKey] {
        KEYS
    }

    fn resolve(&self, instance: &InstanceId, written: &Value, defaults: &Defaults) -> Resolved {
        let (settings, mut problems) = settings::read(written);
        let resolved = settings.and_then(|settings| resolve::resolve(instance, &settings, defaults, &mut problems));
        Resolved { instance: resolved.map(|instance| Arc::new(instance) as Arc<dyn InstanceConfig>), problems }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use tieline_core::driver::ProxyChoice;
    use tieline_core::secret::Secret;

    fn resolved(written: &Value) -> Resolved {
        let defaults =
            Defaults { proxy: ProxyChoice::Url(Secret::new("http://u:pr0xypass@p:1")), ..Defaults::default() };
        Discord.resolve(&InstanceId::new("dc").unwrap(), written, &defaults)
    }

    fn told(written: &Value) -> String {
        let resolved = resolved(written);
        let lines: Vec<String> = resolved.problems.iter().map(|p| format!("{:?} {}", p.severity, p.message)).collect();
        lines.join("\n")
    }

    #[test]
    fn an_instance_and_its_secrets() {
        let resolved = resolved(&json!({ "bot_token": "t0k" }));
        assert!(resolved.problems.is_empty(), "{:?}", resolved.problems);
        let instance = resolved.instance.expect("sound");
        assert_eq!(instance.realm(), "discord");
        assert!(!instance.capabilities().idempotent);
        assert_eq!(instance.secrets(), ["t0k", "pr0xypass"].map(Secret::new));
        let shown = format!("{instance:?}");
        for secret in ["t0k", "pr0xypass"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }

    #[test]
    fn webhooks_alone_need_no_token_and_the_bot_does() {
        assert!(resolved(&json!({})).problems.is_empty());
        assert!(told(&json!({ "send_method": "bot" })).contains("`bot_token` is missing"));
        let by_bot = resolved(&json!({ "send_method": "bot", "bot_token": "t0k" })).instance.expect("sound");
        assert!(by_bot.capabilities().idempotent);
    }

    #[test]
    fn a_compatible_server_is_a_realm_of_its_own() {
        let realm = |api: &str| resolved(&json!({ "api_url": api })).instance.expect("sound").realm().to_owned();
        for api in ["https://discord.com/api/v10/", "https://discordapp.com/api/v9"] {
            assert_eq!(realm(api), "discord", "{api}");
        }
        assert_eq!(realm("https://chat.example:8443/api/v9"), "discord:chat.example:8443");
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let all = told(&json!({
            "bot_token": "Bot abc", "max_file_size": 0, "api_url": "discord.com/api", "gateway_url": "https://gateway",
            "proxy": "ftp://x", "manage_webhook": true,
        }));
        for part in ["`Bot `", "max_file_size", "`api_url`", "`gateway_url`", "`proxy`", "manage_webhook`"] {
            assert!(all.contains(part), "{part} is not in\n{all}");
        }
        for (token, why) in [("", "is empty"), ("abc\n", "characters"), ("Bearer abc", "`Bearer `")] {
            assert!(told(&json!({ "bot_token": token })).contains(why), "{token:?}");
        }
        let query = json!({ "gateway_url": "wss://gateway.discord.gg/?v=10&encoding=json" });
        assert!(told(&query).contains("before `?`"));
    }
}
