//! A small platform: rooms by name, nothing else.

use std::sync::Arc;

use serde_json::{Value, json};
use tieline_core::address::Address;
use tieline_core::driver::{
    BuildError, Capabilities, Defaults, Driver, DriverFactory, InstanceConfig, Resolved, Services, SourcePattern,
    TargetChannel, TextUnit,
};
use tieline_core::frame::MessageKey;
use tieline_core::id::{ChannelKey, InstanceId};
use tieline_core::markup::{Dialect, Markup};
use tieline_core::problem::{Problem, unknown_keys};
use tieline_core::secret::Secret;
use tieline_core::webhook::ListenAt;

/// The platform `testchat`. Its instances may share a listener's path; `color` is for targets only.
pub(crate) struct TestChat;

#[derive(Debug)]
struct Instance {
    id: InstanceId,
    key: String,
    port: u16,
    capabilities: Capabilities,
}

impl DriverFactory for TestChat {
    fn platform(&self) -> &'static str {
        "testchat"
    }

    fn instance_schema(&self) -> Value {
        json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "additionalProperties": false,
            "properties": { "key": { "$ref": "#/$defs/key" }, "port": { "type": "integer" }, "proxy": { "type": "string" } },
            "$defs": { "key": { "type": "string" } },
        })
    }

    fn address_schema(&self, as_target: bool) -> Value {
        let mut schema = json!({ "type": "object", "additionalProperties": false, "required": ["room"],
            "properties": { "room": { "type": "string" }, "env": { "type": "string" } } });
        if as_target {
            schema["properties"]["color"] = json!({ "type": "string" });
        }
        schema
    }

    fn message_keys(&self) -> &'static [MessageKey] {
        &[MessageKey { name: "tc_name", about: "The name." }]
    }

    fn resolve(&self, instance: &InstanceId, settings: &Value, _: &Defaults) -> Resolved {
        let mut problems = unknown_keys(settings.as_object().unwrap(), &["key", "port", "proxy"]);
        if settings["key"] == "unresolved" {
            problems.push(Problem::error("no good key").at("key"));
        }
        let instance = Instance {
            id: instance.clone(),
            key: settings["key"].as_str().unwrap_or_default().to_owned(),
            port: settings["port"].as_u64().unwrap_or(0).try_into().unwrap(),
            capabilities: Capabilities {
                identity_key: Some("tc_name"),
                max_text: 100,
                text_unit: TextUnit::Chars,
                max_file_size: 1,
                idempotent: false,
            },
        };
        Resolved { instance: problems.is_empty().then(|| Arc::new(instance) as Arc<dyn InstanceConfig>), problems }
    }
}

fn room(address: &Address, known: &[&str]) -> Result<String, Vec<Problem>> {
    let mut problems = unknown_keys(address.keys(), known);
    let room = address.text("room").map(str::to_owned);
    if room.is_none() {
        problems.push(Problem::error("`room` is missing"));
    }
    room.filter(|_| problems.is_empty()).ok_or(problems)
}

impl InstanceConfig for Instance {
    fn id(&self) -> &InstanceId {
        &self.id
    }

    fn platform(&self) -> &'static str {
        "testchat"
    }

    fn realm(&self) -> &'static str {
        "testchat"
    }

    fn source(&self, address: &Address) -> Result<SourcePattern, Vec<Problem>> {
        let room = room(address, &["room", "env"])?;
        let channel = (room != "*").then(|| ChannelKey::new(&room).unwrap());
        Ok(SourcePattern { channel, also: Vec::new() })
    }

    fn target(&self, address: &Address) -> Result<TargetChannel, Vec<Problem>> {
        let room = room(address, &["room", "env", "color"])?;
        Ok(TargetChannel {
            secrets: address.text("color").map(Secret::new).into_iter().collect(),
            open: room == "the conversation",
            ..TargetChannel::new(ChannelKey::new(&room).unwrap(), address.clone())
        })
    }

    fn connect(&self, addresses: &[Address]) -> Vec<Problem> {
        let odd = |address: &Address| address.text("room") == Some("odd");
        let index = addresses.iter().position(odd);
        index.map(|index| Problem::error("odd together").at("room").at_index(index)).into_iter().collect()
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn dialect(&self) -> &dyn Dialect {
        self
    }

    fn secrets(&self) -> Vec<Secret> {
        vec![Secret::new(&self.key)]
    }

    fn listen(&self) -> Option<ListenAt> {
        (self.port > 0).then(|| ListenAt { host: "0.0.0.0".into(), port: self.port, path: "/".into() })
    }

    fn told_apart_by(&self) -> Option<Secret> {
        Some(Secret::new(&self.key))
    }

    fn build(self: Arc<Self>, _: Services) -> Result<Arc<dyn Driver>, BuildError> {
        Err(BuildError("it never runs".into()))
    }
}

impl Dialect for Instance {
    fn parse(&self, text: &str) -> Markup {
        Markup::plain(text)
    }

    fn render(&self, markup: &Markup) -> String {
        markup.to_plain()
    }

    fn escape(&self, text: &str) -> String {
        text.to_owned()
    }
}
