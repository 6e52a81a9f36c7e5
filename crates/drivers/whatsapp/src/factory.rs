//! The platform, as the host's table of drivers knows it.

use std::sync::Arc;

use serde_json::Value;
use tieline_core::driver::{Defaults, DriverFactory, InstanceConfig, Resolved};
use tieline_core::frame::MessageKey;
use tieline_core::id::InstanceId;

use crate::instance::PLATFORM;
use crate::{address, resolve, settings};

/// WhatsApp, through the Home Assistant addon.
#[derive(Debug, Clone, Copy, Default)]
pub struct WhatsApp;

impl DriverFactory for WhatsApp {
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
        // Everything that an account sends is shown under its own name.
        &[]
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
    use tieline_core::id::ChannelKey;
    use tieline_core::problem::Severity;
    use tieline_core::secret::Secret;

    fn resolved(written: &Value) -> Resolved {
        let defaults =
            Defaults { proxy: ProxyChoice::Url(Secret::new("http://u:pr0xypass@p:1")), ..Defaults::default() };
        WhatsApp.resolve(&InstanceId::new("wa").unwrap(), written, &defaults)
    }

    #[expect(clippy::needless_pass_by_value, reason = "a literal at every call")]
    fn with(changes: Value) -> Value {
        let mut written = json!({
            "addon_url": "http://192.168.1.50:8066", "api_token": "ap1t0k", "webhook_token": "wh00k", "allow_to": ["49*"],
        });
        for (key, value) in changes.as_object().expect("an object") {
            written[key] = value.clone();
        }
        written
    }

    fn told(written: &Value) -> String {
        let resolved = resolved(written);
        let lines: Vec<String> = resolved.problems.iter().map(|p| format!("{:?} {}", p.severity, p.message)).collect();
        lines.join("\n")
    }

    fn shown(written: &Value) -> String {
        format!("{:?}", resolved(written).instance.expect("sound"))
    }

    #[test]
    fn an_instance_and_its_secrets() {
        let resolved = resolved(&with(json!({ "media_url": "http://m:m3dia%20pass@relay:8094/" })));
        assert!(resolved.problems.is_empty(), "{:?}", resolved.problems);
        let instance = resolved.instance.expect("sound");
        assert_eq!(instance.realm(), "whatsapp");
        assert!(!instance.capabilities().idempotent);
        let secrets = instance.secrets();
        assert_eq!(secrets, ["ap1t0k", "wh00k", "pr0xypass", "m3dia%20pass", "m3dia pass"].map(Secret::new));
        let shown = format!("{instance:?}");
        for secret in ["ap1t0k", "wh00k", "pr0xypass", "m3dia"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }

    #[test]
    fn the_session_may_stand_at_the_end_of_the_url() {
        let seen = shown(&with(json!({ "addon_url": "https://ha.example/addon/?session_id=Work" })));
        assert!(seen.contains(r#"addon: "https://ha.example/addon""#) && seen.contains(r#"session: "work""#), "{seen}");
        let seen = shown(&with(json!({ "addon_url": "http://h:1?session_id=X/" })));
        assert!(seen.contains(r#"addon: "http://h:1/""#) && seen.contains(r#"session: "x""#), "{seen}");
        let seen = shown(&with(json!({ "session_id": "My Büro/Work 2!" })));
        assert!(seen.contains(r#"session: "work2""#), "{seen}");
        let both = with(json!({ "addon_url": "http://h:1?session_id=a", "session_id": "b" }));
        assert!(told(&both).contains("one place") || told(&both).contains("session_id=a"), "{}", told(&both));
        let same = with(json!({ "addon_url": "http://h:1?session_id=Work", "session_id": "WORK" }));
        assert!(shown(&same).contains(r#"session: "work""#));
        assert!(told(&with(json!({ "addon_url": "http://h:1?token=x" }))).contains("only session_id"));
        assert!(told(&with(json!({ "session_id": ".." }))).contains("letter or a digit"));
        assert!(shown(&with(json!({ "session_id": "" }))).contains(r#"session: "default""#));
    }

    #[test]
    fn writing_to_everybody_is_warned_of() {
        let open = resolved(&with(json!({ "allow_to": ["*"] })));
        assert!(open.instance.is_some());
        assert_eq!(open.problems.len(), 1);
        assert_eq!(open.problems[0].severity, Severity::Warning);
        assert!(open.problems[0].message.contains("allow_to"));
        assert!(resolved(&with(json!({ "allow_to": [] }))).problems.is_empty());
        for as_open in ["**", "*@*"] {
            assert!(told(&with(json!({ "allow_to": [as_open] }))).contains("any WhatsApp number"), "{as_open}");
        }
        // What cannot be read is no `["*"]`.
        for unreadable in [json!("49*"), json!([49]), json!(null)] {
            let told = told(&with(json!({ "allow_to": unreadable })));
            assert_eq!(told.lines().count(), 1, "{told}");
            assert!(told.starts_with("Error `allow_to`: expected a "), "{told}");
        }
        let both = told(&with(json!({ "allow_to": [49, "Alice"] })));
        assert_eq!(both.lines().count(), 2, "the others are looked at, too: {both}");
    }

    #[test]
    fn a_url_without_its_scheme_is_told_what_it_lacks() {
        for lacking in ["192.168.1.50:8066", "homeassistant:8066", "homeassistant.local", ""] {
            let told = told(&with(json!({ "addon_url": lacking })));
            assert!(told.contains("must begin with http://") && !told.contains("relative"), "{lacking}: {told}");
        }
        assert!(resolved(&with(json!({ "addon_url": "HTTP://addon:8066" }))).problems.is_empty());
    }

    #[test]
    fn instances_on_one_path_are_told_apart_by_token_and_session() {
        let mark = |changes| resolved(&with(changes)).instance.expect("sound").told_apart_by();
        let one = mark(json!({}));
        assert!(one.is_some() && !format!("{one:?}").contains("wh00k"), "{one:?}");
        assert_eq!(one, mark(json!({ "session_id": "DEFAULT", "addon_url": "http://another:8066" })));
        assert_ne!(one, mark(json!({ "session_id": "work" })));
        assert_ne!(one, mark(json!({ "webhook_token": "another" })));
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let all = told(&json!({
            "addon_url": "192.168.1.50:8066", "api_token": "t\n", "listen_path": "hook", "listen_host": " ",
            "max_file_size": 0, "proxy": "ftp://x", "media_url": "relay:8094", "allow_to": ["Alice"], "relay_ownn": true,
        }));
        for part in [
            "addon_url",
            "`api_token` holds characters",
            "`webhook_token` is missing",
            "listen_path",
            "listen_host",
            "max_file_size",
            "`proxy`",
            "`media_url`",
            "`allow_to`",
            "relay_ownn",
        ] {
            assert!(all.contains(part), "{part} is not in\n{all}");
        }
        let missing = told(&json!({}));
        for key in ["addon_url", "api_token", "webhook_token"] {
            assert!(missing.contains(&format!("`{key}` is missing")), "{missing}");
        }
        assert!(told(&with(json!({ "api_token": "" }))).contains("`api_token` is empty"));
    }

    #[test]
    fn chats_with_people_are_not_shared_and_groups_are() {
        let instance = resolved(&with(json!({}))).instance.expect("sound");
        let key = |text| ChannelKey::new(text).unwrap();
        assert!(instance.is_shared(&key("120363000000000001@g.us")));
        assert!(instance.is_shared(&key("120363000000000009@newsletter")));
        assert!(!instance.is_shared(&key("491700000001@s.whatsapp.net")));
        assert!(!instance.is_shared(&key("222000000000001@lid")));
        assert_eq!(instance.describe(&key("491700000001@s.whatsapp.net")), "+491700000001");
        assert_eq!(instance.describe(&key("222000000000001@lid")), "222000000000001@lid");
    }
}
