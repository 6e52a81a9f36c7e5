//! What `explain` says, and how it is shown.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::terminal::{Style, Terminal, harmless};

/// What one rule says.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Said {
    pub(super) rule: String,
    pub(super) matched: bool,
    /// The first condition that failed.
    pub(super) refusal: Option<String>,
    pub(super) targets: Vec<Told>,
}

/// What one rule says in one target channel.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Told {
    pub(super) instance: String,
    pub(super) channel: String,
    /// Why it gets nothing from this rule.
    pub(super) refusal: Option<String>,
    #[serde(flatten)]
    pub(super) sends: Option<Sends>,
}

/// What would be sent.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(super) struct Sends {
    /// The text where the identity is shown; `None` for a recipient who may not be written to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<String>,
    /// The text where it cannot be; `None` where the platform shows no identity, so that the text always serves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) named_text: Option<String>,
    /// What the thread that it goes into begins with, where each chat gets one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) thread_opener: Option<String>,
    /// The identity: the platform's message keys.
    pub(super) identity: BTreeMap<String, String>,
    /// Why nothing of it would be sent.
    pub(super) stopped: Option<&'static str>,
    /// What the driver makes of it, in its own words.
    pub(super) parts: Vec<Value>,
    /// Why the driver cannot send it.
    pub(super) error: Option<String>,
}

/// There is nothing that a target could show.
pub(super) const EMPTY: &str = "nothing to send: empty text";
/// It would be a dead letter.
pub(super) const GUARDED: &str =
    "the secret guard would stop it: it contains a configured secret, and would become a dead letter";

/// The lines of it.
pub(super) fn render(said: &[Said], terminal: &Terminal) -> Vec<String> {
    let mut lines = Vec::new();
    for rule in said {
        let verdict = match &rule.refusal {
            None => terminal.paint(Style::Good, "matched"),
            Some(refusal) => terminal.paint(Style::Warning, format!("not matched: {}", harmless(refusal))),
        };
        lines.push(format!("{} {verdict}", terminal.paint(Style::Bold, format!("rule `{}`:", harmless(&rule.rule)))));
        for told in &rule.targets {
            let head = format!("  → {}/{}", told.instance, told.channel);
            match (&told.refusal, &told.sends) {
                (Some(refusal), _) => lines.push(format!("{head}: nothing, {}", harmless(refusal))),
                (None, None) => lines.push(head),
                (None, Some(sends)) => {
                    let stopped = sends.stopped.map(|why| format!(": {}", terminal.paint(Style::Warning, why)));
                    lines.push(head + &stopped.unwrap_or_default());
                    lines.extend(render_sends(sends, terminal));
                }
            }
        }
    }
    lines
}

fn render_sends(sends: &Sends, terminal: &Terminal) -> Vec<String> {
    if sends.stopped == Some(EMPTY) {
        return Vec::new();
    }
    let mut entries = Vec::new();
    entries
        .extend(sends.thread_opener.iter().map(|opener| ("in the chat's thread, which begins with", opener.clone())));
    entries.extend(sends.text.iter().map(|text| ("text", text.clone())));
    if sends.named_text != sends.text {
        entries.extend(sends.named_text.iter().map(|text| ("text, if the identity cannot be shown", text.clone())));
    }
    entries.extend(sends.identity.iter().map(|(key, value)| (key.as_str(), value.clone())));
    entries.extend(sends.parts.iter().map(|part| ("as the driver stores it", part.to_string())));
    entries.extend(sends.error.iter().map(|error| ("cannot be sent", error.clone())));
    let line = |(name, value): (&str, String)| {
        format!(
            "      {} {}",
            terminal.paint(Style::Dim, format!("{name}:")),
            harmless(&value).replace('\n', "\n        ")
        )
    };
    entries.into_iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn terminal() -> Terminal {
        Terminal::into_memory(Arc::default())
    }

    #[test]
    fn a_rule_is_shown_with_what_it_says_and_why_not() {
        let sends = Sends {
            text: Some("Hello\nall".into()),
            named_text: Some("Ada: Hello\nall".into()),
            thread_opener: Some("*Ada* +491700000001".into()),
            identity: BTreeMap::from([("rc_alias".into(), "Ada".into())]),
            stopped: None,
            parts: vec![serde_json::json!({ "text": "Hello\nall" })],
            error: None,
        };
        let told = |channel: &str, refusal: Option<&str>, sends| Told {
            instance: "rc".into(),
            channel: channel.into(),
            refusal: refusal.map(str::to_owned),
            sends,
        };
        let said = [
            Said {
                rule: "support".into(),
                matched: true,
                refusal: None,
                targets: vec![told("R1", None, Some(sends)), told("R2", Some("it came from there"), None)],
            },
            Said { rule: "team".into(), matched: false, refusal: Some("another channel".into()), targets: vec![] },
        ];
        let expected = [
            "rule `support`: matched",
            "  → rc/R1",
            "      in the chat's thread, which begins with: *Ada* +491700000001",
            "      text: Hello\n        all",
            "      text, if the identity cannot be shown: Ada: Hello\n        all",
            "      rc_alias: Ada",
            "      as the driver stores it: {\"text\":\"Hello\\nall\"}",
            "  → rc/R2: nothing, it came from there",
            "rule `team`: not matched: another channel",
        ];
        assert_eq!(render(&said, &terminal()), expected);
    }
}
