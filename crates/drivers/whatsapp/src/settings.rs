//! One instance's settings as they are written, and what is wrong with how they are written.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use tieline_core::problem::Problem;
use tieline_core::settings::{self, ProxySetting, kind_of};

/// Where the addon's webhook is received, unless the settings say otherwise.
pub(crate) const DEFAULT_PATH: &str = "/whatsapp/webhook";
/// The key whose list is read entry by entry.
const ALLOW_TO: &str = "allow_to";

/// One WhatsApp account of the addon.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "WhatsApp instance")]
pub(crate) struct Settings {
    /// Base URL of the addon, `http://192.168.1.50:8066`. A `?session_id=NAME` at its end is understood as `session_id`.
    /// Required.
    pub(crate) addon_url: Option<String>,
    /// The addon's API token (the addon's page shows it as *API Bearer Token*). Required.
    #[schemars(extend("writeOnly" = true))]
    pub(crate) api_token: Option<String>,
    /// Which WhatsApp account of the addon this is. Compared as the addon stores it: in lower case. Events of other
    /// sessions are not this instance's.
    #[serde(default = "default_session")]
    #[schemars(default = "default_session")]
    pub(crate) session_id: Option<String>,
    /// Address on which the addon's webhook is received.
    #[serde(default = "any_host")]
    #[schemars(default = "any_host")]
    pub(crate) listen_host: String,
    /// Port on which the addon's webhook is received.
    #[serde(default = "default_port")]
    pub(crate) listen_port: u16,
    /// Path on which the addon's webhook is received. Several instances may name the same port and path: `session_id`
    /// and the token tell them apart.
    #[serde(default = "default_path")]
    pub(crate) listen_path: String,
    /// The addon's webhook token (its setting `webhook_token`): every request must carry it. Required.
    #[schemars(extend("writeOnly" = true))]
    pub(crate) webhook_token: Option<String>,
    /// Largest file in bytes, in both directions.
    #[serde(default = "default_file_size")]
    pub(crate) max_file_size: u64,
    /// Base URL at which the addon can reach this instance's listener, `http://192.168.1.20:8094`. When it is set, files
    /// that are too large to be sent within a call are offered there by signed links that expire; else a label stands for
    /// them.
    pub(crate) media_url: Option<String>,
    /// Whether to relay what the account's owner types on the phone. What tieline sends itself never is.
    #[serde(default = "yes")]
    pub(crate) relay_own: bool,
    /// Who may be written to by `[recipient]` at the beginning of a text: JIDs and phone numbers. `*` stands for any
    /// characters: `49*` for every German number, `*@g.us` for every group, `*` alone for everybody.
    // An entry of the wrong kind is `None`, so that the others keep their places.
    #[serde(default = "everybody")]
    #[schemars(with = "Vec<String>", default = "everybody")]
    pub(crate) allow_to: Vec<Option<String>>,
    /// Proxy for all requests of this instance: `http://`, `https://` or `socks5://`. `null`: none, even if
    /// `global.proxy` names one. Absent: as `global.proxy` says.
    #[serde(default)]
    #[schemars(with = "Option<String>", extend("writeOnly" = true))]
    pub(crate) proxy: ProxySetting,
}

#[expect(clippy::unnecessary_wraps, reason = "serde wants the field's type")]
fn default_session() -> Option<String> {
    Some("default".to_owned())
}

fn any_host() -> String {
    "0.0.0.0".to_owned()
}

fn default_port() -> u16 {
    8094
}

fn default_path() -> String {
    DEFAULT_PATH.to_owned()
}

fn default_file_size() -> u64 {
    52_428_800
}

fn yes() -> bool {
    true
}

fn everybody() -> Vec<Option<String>> {
    vec![Some("*".to_owned())]
}

/// The JSON Schema of the settings.
pub(crate) fn schema() -> Value {
    schemars::schema_for!(Settings).to_value()
}

/// Reads settings, every mistake a problem of its own.
pub(crate) fn read(written: &Value) -> (Option<Settings>, Vec<Problem>) {
    settings::read(written, &schema(), |key, value, problems| {
        (key == ALLOW_TO).then(|| readable_entries(value, problems))
    })
}

/// The texts of `allow_to`, and `null` for every other entry. Of what is no list nothing is left: what is not there would
/// stand for everybody.
fn readable_entries(written: &Value, problems: &mut Vec<Problem>) -> Value {
    let Some(entries) = written.as_array() else {
        let message = format!("`{ALLOW_TO}`: expected a list, found {}", kind_of(written));
        problems.push(Problem::error(message).at(ALLOW_TO).help("for example [\"49*\", \"*@g.us\"]"));
        return Value::Array(Vec::new());
    };
    let mut texts = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        if !entry.is_string() {
            let found = if entry.is_number() { "a number" } else { kind_of(entry) };
            let problem = Problem::error(format!("`{ALLOW_TO}`: expected a text, found {found}"));
            problems.push(problem.at_index(index).at(ALLOW_TO).help("write it in quotation marks, like \"49*\""));
        }
        texts.push(entry.as_str().map_or(Value::Null, Value::from));
    }
    Value::Array(texts)
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
        assert_eq!(settings.session_id.as_deref(), Some("default"));
        assert_eq!(
            (settings.listen_host.as_str(), settings.listen_port, settings.listen_path.as_str()),
            ("0.0.0.0", 8094, "/whatsapp/webhook")
        );
        assert_eq!((settings.max_file_size, settings.relay_own), (52_428_800, true));
        assert_eq!(
            (settings.media_url, settings.allow_to, settings.proxy),
            (None, everybody(), ProxySetting::Inherited)
        );
    }

    #[test]
    fn every_wrong_key_and_value_is_told_without_the_value() {
        let (_, problems) = read(&json!({
            "addon_ur": "http://x", "api_token": 424_242, "listen_port": 99_999, "relay_own": "no", "allow_to": "*",
            "allow_tos": [],
        }));
        let told: Vec<String> =
            problems.iter().map(|p| format!("{} {}", p.message, p.help.clone().unwrap_or_default())).collect();
        assert_eq!(told.len(), 6, "{told:?}");
        assert!(told[0].contains("did you mean `addon_url`?"));
        assert!(!told[1].contains("424242") && told[1].contains("expected a string"), "{}", told[1]);
        assert!(told[2].contains("65535"));
        assert!(told[3].contains("true or false"));
        assert!(told[4].contains("a list"), "{}", told[4]);
        assert!(told[5].contains("did you mean `allow_to`?"));
    }

    #[test]
    fn an_entry_of_the_wrong_kind_is_marked_alone() {
        let (settings, problems) = read(&json!({ "allow_to": [49, "49*", null] }));
        let places: Vec<String> = problems.iter().map(|problem| format!("{:?}", problem.path)).collect();
        assert_eq!(places.len(), 2, "{problems:?}");
        assert!(places[0].contains("Index(0)") && places[1].contains("Index(2)"), "{places:?}");
        assert_eq!(settings.expect("read").allow_to, [None, Some("49*".to_owned()), None]);
        let (settings, problems) = read(&json!({ "allow_to": "49*" }));
        assert_eq!(problems.len(), 1);
        assert!(settings.expect("read").allow_to.is_empty(), "what cannot be read is not everybody");
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
        assert_eq!(schema["properties"]["listen_port"]["default"], json!(8094));
        assert_eq!(schema["properties"]["session_id"]["default"], json!("default"));
        assert_eq!(schema["properties"]["allow_to"]["default"], json!(["*"]));
        assert_eq!(schema["properties"]["allow_to"]["items"], json!({ "type": "string" }));
        let secret = |key: &str| schema["properties"][key]["writeOnly"] == json!(true);
        assert!(["api_token", "webhook_token", "proxy"].into_iter().all(secret) && !secret("addon_url"), "{schema}");
    }
}
