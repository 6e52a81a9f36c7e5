//! The platform, as the host's table of drivers knows it.

use std::sync::Arc;

use serde_json::Value;
use tieline_core::driver::{Defaults, DriverFactory, InstanceConfig, Resolved};
use tieline_core::frame::MessageKey;
use tieline_core::id::InstanceId;
use tieline_core::problem::Problem;

use crate::instance::PLATFORM;
use crate::settings::ReceiveMethod;
use crate::{address, resolve, settings};

/// Rocket.Chat.
#[derive(Debug, Clone, Copy, Default)]
pub struct RocketChat;

const KEYS: &[MessageKey] = &[
    MessageKey {
        name: "rc_alias",
        about: "The name that the message is shown under. The bot needs the permission `message-impersonate` (role \
            `bot`); without it the name stands in the text.",
    },
    MessageKey {
        name: "rc_avatar",
        about: "The https address of the picture that the message is shown with; others are ignored.",
    },
    MessageKey { name: "rc_emoji", about: "The emoji that is shown instead of a picture: `:ghost:`." },
];

impl DriverFactory for RocketChat {
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
        if settings.as_ref().is_some_and(|settings| settings.receive_method == ReceiveMethod::Realtime) {
            problems.extend(unused(written));
        }
        let resolved = settings.and_then(|settings| resolve::resolve(instance, &settings, defaults, &mut problems));
        Resolved { instance: resolved.map(|instance| Arc::new(instance) as Arc<dyn InstanceConfig>), problems }
    }
}

/// What is written for an Outgoing Webhook that nobody listens to.
fn unused(written: &Value) -> impl Iterator<Item = Problem> {
    let keys = ["webhook_token", "listen_host", "listen_port", "listen_path"];
    keys.into_iter().filter(|key| written.get(key).is_some()).map(|key| {
        Problem::warning(format!("`{key}` is not used: `receive_method: \"realtime\"` needs no Outgoing Webhook"))
            .at(key)
            .on_key()
            .help("remove it, and the Outgoing Webhook in Rocket.Chat")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use tieline_core::driver::ProxyChoice;
    use tieline_core::problem::Severity;
    use tieline_core::secret::Secret;

    fn resolved(written: &Value) -> Resolved {
        let defaults =
            Defaults { proxy: ProxyChoice::Url(Secret::new("http://u:pr0xypass@p:1")), ..Defaults::default() };
        RocketChat.resolve(&InstanceId::new("rc").unwrap(), written, &defaults)
    }

    fn told(written: &Value) -> String {
        let resolved = resolved(written);
        let lines: Vec<String> = resolved.problems.iter().map(|p| format!("{:?} {}", p.severity, p.message)).collect();
        lines.join("\n")
    }

    #[test]
    fn an_api_instance_and_its_secrets() {
        let written = json!({ "server_url": "https://chat.example.com/sub/", "auth_token": "t0k", "user_id": "u1", "webhook_token": "wh" });
        let resolved = resolved(&written);
        assert!(resolved.problems.is_empty());
        let instance = resolved.instance.expect("sound");
        assert_eq!(instance.realm(), "rocketchat:https://chat.example.com/sub");
        assert!(instance.capabilities().idempotent);
        let secrets = instance.secrets();
        assert_eq!(secrets, ["t0k", "wh", "pr0xypass"].map(Secret::new));
        let shown = format!("{instance:?}");
        for secret in ["t0k", "pr0xypass"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }

    #[test]
    fn a_hook_instance_takes_its_server_from_the_hook() {
        let resolved = resolved(
            &json!({ "send_method": "webhook", "webhook_url": "https://c.example/hooks/abc/t0ken", "proxy": null }),
        );
        let instance = resolved.instance.expect("sound");
        assert_eq!(instance.realm(), "rocketchat:https://c.example");
        assert!(!instance.capabilities().idempotent);
        assert_eq!(instance.secrets(), [Secret::new("t0ken")]);
        assert_eq!(resolved.problems.len(), 1);
        assert_eq!(resolved.problems[0].severity, Severity::Warning, "the token is empty");
    }

    #[test]
    fn what_realtime_does_not_need_is_told() {
        let mut written = json!({
            "server_url": "https://c", "auth_token": "t", "user_id": "u", "receive_method": "realtime",
        });
        let fine = resolved(&written);
        assert!(fine.problems.is_empty(), "{:?}", fine.problems);
        assert_eq!(fine.instance.expect("sound").listen(), None, "nothing is listened on");
        written["webhook_token"] = json!("w");
        written["listen_port"] = json!(8093);
        let told = resolved(&written);
        assert!(told.instance.is_some());
        let unused: Vec<_> = told.problems.iter().map(|p| (p.severity, p.message.split(' ').next())).collect();
        assert_eq!(unused, [(Severity::Warning, Some("`webhook_token`")), (Severity::Warning, Some("`listen_port`"))]);
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let all = told(&json!({
            "server_url": "chat.example.com", "auth_token": "t", "username": "bot", "reply_style": "none",
            "listen_path": "hook", "listen_host": " ", "max_file_size": 0, "proxy": "ftp://x", "webhok_url": "x",
            "webhook_token": "w",
        }));
        for part in [
            "server_url",
            "`user_id` is missing",
            "`password` is missing",
            "reply_style",
            "listen_path",
            "listen_host",
            "max_file_size",
            "`proxy`",
            "webhok_url",
        ] {
            assert!(all.contains(part), "{part} is not in\n{all}");
        }
        assert!(told(&json!({})).contains("`server_url` is missing"));
        assert!(told(&json!({ "send_method": "webhook" })).contains("`webhook_url` is missing"));
        let realtime =
            json!({ "send_method": "webhook", "webhook_url": "https://c/hooks/a/b", "receive_method": "realtime" });
        assert!(told(&realtime).contains("`receive_method: \"realtime\"` needs them"));
        let both =
            json!({ "server_url": "https://c", "auth_token": "t", "user_id": "u", "username": "b", "password": "p" });
        assert!(told(&both).contains("both a token and a password"));
    }
}
