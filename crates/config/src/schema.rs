//! The JSON Schema of the whole configuration, with what the drivers say about theirs.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use tieline_core::driver::DriverFactory;

use crate::global;
use crate::rules;

/// The JSON Schema (2020-12) of a configuration file, for editors and for `tieline schema`.
pub fn schema(factories: &[Arc<dyn DriverFactory>]) -> Value {
    let mut definitions = Map::new();
    let mut platforms = Map::new();
    let (mut sources, mut targets, mut rule_keys) = (Vec::new(), Vec::new(), message_keys(&[]));
    for factory in factories {
        let name = factory.platform();
        let keys = message_keys(factory.message_keys());
        rule_keys.extend(keys.clone());
        let mut target = factory.address_schema(true);
        target["properties"]["msg"] = phrasing(keys, "How messages look in this channel; wins over the rule's `msg`.");
        for (part, schema) in
            [("instance", factory.instance_schema()), ("source", factory.address_schema(false)), ("target", target)]
        {
            let definition = format!("{name}.{part}");
            definitions.insert(definition.clone(), embedded(schema, &definition));
        }
        let one = json!({ "$ref": format!("#/$defs/{name}.instance") });
        let about = format!("{name} instances by their ids, which are unique across all platforms.");
        platforms
            .insert(name.to_owned(), json!({ "type": "object", "description": about, "additionalProperties": one }));
        sources.push(json!({ "$ref": format!("#/$defs/{name}.source") }));
        targets.push(json!({ "$ref": format!("#/$defs/{name}.target") }));
    }
    sources.push(json!({ "const": "*", "description": "Every channel of the instance." }));
    definitions.insert("source".to_owned(), json!({ "anyOf": sources }));
    definitions.insert("target".to_owned(), json!({ "anyOf": targets }));
    definitions.insert("duration".to_owned(), duration());
    definitions.insert("expressions".to_owned(), expressions());
    definitions.insert("rule".to_owned(), rule(rule_keys));
    let mut properties = json!({
        "$schema": { "type": "string", "description": "The schema of this file, for editors; tieline does not read it." },
        "global": global_section(),
    });
    let rules = json!({ "type": "array", "description": "Which channels are joined. All matching rules apply, in order.",
        "items": { "$ref": "#/$defs/rule" } });
    if let Value::Object(properties) = &mut properties {
        properties.extend(platforms);
        properties.insert("rules".to_owned(), rules);
    }
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "tieline configuration",
        "description": "Several files merge in order: objects merge, lists and scalars are replaced. Any text may be \
            {\"env\": \"NAME\"} or {\"file\": \"PATH\"} instead.",
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
        "$defs": definitions,
    });
    allow_references(&mut schema);
    schema["$defs"]["reference"] = reference();
    schema
}

fn reference() -> Value {
    json!({
        "description": "A text from elsewhere.",
        "oneOf": [
            { "type": "object", "additionalProperties": false, "required": ["env"], "properties": {
                "env": { "type": "string", "description": "The environment variable that holds the text." } } },
            { "type": "object", "additionalProperties": false, "required": ["file"], "properties": {
                "file": { "type": "string", "description": "The file that holds the text; one line break at its end \
                    is cut off. A relative path counts from the working directory." } } },
        ],
    })
}

fn duration() -> Value {
    json!({ "type": "string", "pattern": "^[0-9]+(ms|s|m|h|d)$", "description": "A whole number with ms, s, m, h or d." })
}

fn expressions() -> Value {
    json!({ "type": "array", "items": { "type": "string", "format": "regex" } })
}

/// An object that has no other keys than these.
fn section(about: &str, properties: &Value) -> Value {
    json!({ "type": "object", "description": about, "additionalProperties": false, "properties": properties })
}

fn words<T>(choices: &[(&str, T)]) -> Vec<String> {
    choices.iter().map(|(word, _)| (*word).to_owned()).collect()
}

fn of_duration(about: &str, default: &str) -> Value {
    json!({ "$ref": "#/$defs/duration", "description": about, "default": default })
}

fn global_section() -> Value {
    section(
        "What holds for the whole process.",
        &json!({
            "data_dir": { "type": "string", "minLength": 1, "default": "data",
                "description": "Where the outbox and the files lie. A relative path counts from the working directory." },
            "proxy": { "type": ["string", "null"], "default": null,
                "description": "Proxy of every instance that names none: an http, https, socks5 or socks5h URL; null for \
                    none; \"environment\" for what HTTPS_PROXY and its kin say." },
            "http": section("The control listener: health, metrics, API, dashboard.", &json!({
                "listen": { "type": "string", "default": "127.0.0.1:8090", "description": "Host and port." },
                "token": { "type": ["string", "null"], "minLength": 1, "default": null,
                    "description": "What requests must carry as bearer token; required unless the listener is on loopback." },
            })),
            "log": section("What is logged.", &json!({
                "level": { "type": "string", "enum": words(&global::LEVELS), "default": "info", "description": "How much." },
                "format": { "type": "string", "enum": words(&global::FORMATS),
                    "description": "How it looks; \"pretty\" on a terminal, \"json\" else." },
            })),
            "retention": section("How long things are kept.", &json!({
                "messages": of_duration("The text of settled messages, for `tieline trace`; \"0s\" drops it at once.", "7d"),
                "links": of_duration("The ids that replies, edits and deletions need.", "90d"),
            })),
            "give_up_after": of_duration("How long a message is tried, counted from its receipt.", "24h"),
            "catch_up": { "default": { "max_age": "24h", "max_messages": 500 },
                "description": "How much of what was missed is fetched for each room; false: nothing.",
                "anyOf": [ { "const": false }, section("The newest messages within both limits.", &json!({
                    "max_age": of_duration("Nothing older than this.", "24h"),
                    "max_messages": { "type": "integer", "minimum": 1, "maximum": u32::MAX, "default": 500,
                        "description": "At most so many messages." },
                })) ] },
            "watch": { "type": "boolean", "default": false, "description": "Take changes of the files over by themselves." },
            "alerts": { "default": null, "description": "Where the relay tells of trouble: one instance with one address.",
                "anyOf": [ { "type": "null" }, { "type": "object", "minProperties": 1, "maxProperties": 1,
                    "additionalProperties": { "$ref": "#/$defs/target" } } ] },
            "command_prefix": { "type": "string", "pattern": "^[^/\\s]+$", "default": "tie",
                "description": "The word that commands in a chat begin with." },
            "secret_guard": { "type": "boolean", "default": true,
                "description": "Hold back messages that contain one of the configured secrets." },
        }),
    )
}

fn rule(keys: Map<String, Value>) -> Value {
    let side = |about: &str, of: &str| {
        let one = json!({ "$ref": format!("#/$defs/{of}") });
        json!({ "type": "object", "description": about, "minProperties": 1, "additionalProperties": {
            "anyOf": [one, { "type": "array", "minItems": 1, "items": one }] } })
    };
    let choice = |about: &str| {
        let list = json!({ "$ref": "#/$defs/expressions" });
        section(about, &json!({ "include": list, "exclude": list }))
    };
    let events: Vec<&str> = rules::EVENTS.to_vec();
    section(
        "A rule.",
        &json!({
            "id": { "type": "string", "minLength": 1, "maxLength": 256,
                "description": "Names the rule in logs and commands; derived from where the rule leads if absent." },
            "type": { "type": "string", "enum": ["forward", "connect"], "default": "forward",
                "description": "\"forward\" maps `from` to `to`; \"connect\" links all `channels` both ways." },
            "from": side("Sources, by instance: an address, a list of them, or \"*\".", "source"),
            "to": side("Targets, by instance: an address or a list of them.", "target"),
            "channels": side("Linked channels, by instance; at least two.", "target"),
            "msg": phrasing(keys, "How messages look: templates such as `[{platform}] {user}: {msg}`."),
            "filter": section("Which messages are taken, and what is replaced in them. Regular expressions.", &json!({
                "users": choice("By author."),
                "text": choice("By text, without formatting."),
                "bots": { "type": "boolean", "default": false, "description": "Take messages of other bots and integrations." },
                "replace": { "type": "array", "description": "Pairs of an expression and what stands for it.",
                    "items": { "type": "array", "minItems": 2, "maxItems": 2, "items": { "type": "string" } } },
            })),
            "events": { "type": "array", "items": { "type": "string", "enum": events },
                "default": ["edit", "delete", "reaction"], "description": "What is relayed beside messages." },
        }),
    )
}

fn message_keys(keys: &[tieline_core::frame::MessageKey]) -> Map<String, Value> {
    let format =
        "The text. By default `{msg}` where the sender's own name is shown, else `[{platform}] {user}: {msg}`.";
    let mut properties =
        Map::from_iter([("msg_format".to_owned(), json!({ "type": "string", "description": format }))]);
    properties
        .extend(keys.iter().map(|key| (key.name.to_owned(), json!({ "type": "string", "description": key.about }))));
    properties
}

fn phrasing(keys: Map<String, Value>, about: &str) -> Value {
    section(about, &Value::Object(keys))
}

/// A driver's schema as a definition: its references are to itself, and now stand elsewhere.
fn embedded(mut schema: Value, name: &str) -> Value {
    if let Value::Object(schema) = &mut schema {
        schema.shift_remove("$schema");
    }
    redirect(&mut schema, name);
    schema
}

fn redirect(schema: &mut Value, name: &str) {
    match schema {
        Value::Object(object) => {
            for (key, value) in object.iter_mut() {
                match value {
                    Value::String(target) if key == "$ref" && target.starts_with('#') => {
                        target.replace_range(..1, &format!("#/$defs/{name}"));
                    }
                    other => redirect(other, name),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| redirect(item, name)),
        _ => {}
    }
}

/// Lets every text of a schema be a reference instead.
fn allow_references(schema: &mut Value) {
    let Value::Object(object) = schema else { return };
    if takes_text(object) {
        let shown: Map<String, Value> = ["title", "description", "default"]
            .into_iter()
            .filter_map(|key| Some((key.to_owned(), object.shift_remove(key)?)))
            .collect();
        let plain = Value::Object(std::mem::take(object));
        *object = shown;
        object.insert("anyOf".to_owned(), json!([plain, { "$ref": "#/$defs/reference" }]));
        return;
    }
    for (key, value) in object.iter_mut() {
        match (key.as_str(), value) {
            ("properties" | "$defs" | "patternProperties", Value::Object(schemas)) => {
                schemas
                    .iter_mut()
                    .filter(|(key, _)| *key != "$schema")
                    .for_each(|(_, schema)| allow_references(schema));
            }
            ("anyOf" | "oneOf" | "allOf" | "prefixItems", Value::Array(schemas)) => {
                schemas.iter_mut().for_each(allow_references);
            }
            ("items" | "additionalProperties", schema) => allow_references(schema),
            _ => {}
        }
    }
}

fn takes_text(schema: &Map<String, Value>) -> bool {
    match schema.get("type") {
        Some(Value::String(one)) => one == "string",
        Some(Value::Array(several)) => several.iter().any(|one| one == "string"),
        _ => false,
    }
}
