//! Keeps configured secrets out of what is sent and shown.

use std::sync::{Arc, Mutex, PoisonError};

use aho_corasick::AhoCorasick;
use arc_swap::ArcSwap;
use serde_json::Value;
use tieline_core::event::{Attachment, Event};
use tieline_core::outbox::DeadLetter;
use tieline_core::secret::Secret;
use tieline_core::send::Outgoing;

/// Secrets shorter than this are not looked for: they would be found in ordinary words.
const SHORTEST: usize = 8;

/// What stands for a secret in texts for people.
const MASK: &str = "•••";

/// Knows every configured secret of eight characters or more.
#[derive(Debug, Clone, Default)]
pub struct SecretGuard {
    /// `None` if there are no secrets.
    secrets: Option<AhoCorasick>,
}

/// The guard in force. A secret that was configured once is guarded until the process ends: it may be in what was said.
#[derive(Debug)]
pub(crate) struct Guard {
    known: Mutex<Vec<Secret>>,
    guard: ArcSwap<SecretGuard>,
}

impl Guard {
    pub(crate) fn new(secrets: &[Secret]) -> Self {
        Self { known: Mutex::new(secrets.to_vec()), guard: ArcSwap::from_pointee(SecretGuard::new(secrets)) }
    }

    /// Guards these too.
    pub(crate) fn add(&self, secrets: &[Secret]) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.extend_from_slice(secrets);
        self.guard.store(Arc::new(SecretGuard::new(&known)));
    }

    pub(crate) fn load(&self) -> Arc<SecretGuard> {
        self.guard.load_full()
    }

    /// See [`SecretGuard::mask`].
    pub(crate) fn mask(&self, text: &str) -> String {
        self.guard.load().mask(text)
    }
}

impl SecretGuard {
    /// A guard of these secrets.
    pub fn new(secrets: &[Secret]) -> Self {
        let mut values: Vec<&str> =
            secrets.iter().map(Secret::reveal).filter(|value| value.chars().count() >= SHORTEST).collect();
        values.sort_unstable();
        values.dedup();
        let build = || {
            AhoCorasick::builder()
                .match_kind(aho_corasick::MatchKind::LeftmostLongest)
                .build(&values)
                .expect("secrets fit into an automaton, which fails only beyond 2^31 states")
        };
        Self { secrets: (!values.is_empty()).then(build) }
    }

    /// Whether a secret is in a text.
    pub fn finds(&self, text: &str) -> bool {
        self.secrets.as_ref().is_some_and(|secrets| secrets.is_match(text))
    }

    /// Whether a secret is in any text of a JSON value, keys included.
    pub fn finds_in(&self, value: &Value) -> bool {
        match value {
            Value::String(text) => self.finds(text),
            Value::Array(items) => items.iter().any(|item| self.finds_in(item)),
            Value::Object(entries) => entries.iter().any(|(key, value)| self.finds(key) || self.finds_in(value)),
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
        }
    }

    /// Whether a message would tell a secret: in what is sent of it, or in what was typed, since escaping could tear a
    /// secret apart that a reader puts together again. What the driver makes of it is looked at by
    /// [`finds_in`](Self::finds_in).
    pub fn finds_in_message(&self, event: &Event, outgoing: &Outgoing) -> bool {
        let author = &event.author;
        let file =
            |file: &Attachment| self.finds(&file.name) || file.link.as_deref().is_some_and(|link| self.finds(link));
        self.finds(&outgoing.text)
            || self.finds(&outgoing.named_text)
            || outgoing.keys.values().any(|value| self.finds(value))
            || outgoing.attachments.iter().any(file)
            || event.message().is_some_and(|message| self.finds(&message.text.to_plain()))
            || [&author.alias, &author.display_name, &author.username].into_iter().any(|name| self.finds(name))
    }

    /// The text with each secret replaced.
    pub fn mask(&self, text: &str) -> String {
        match &self.secrets {
            Some(secrets) if secrets.is_match(text) => {
                let masks = vec![MASK; secrets.patterns_len()];
                secrets.replace_all(text, &masks)
            }
            _ => text.to_owned(),
        }
    }

    /// Masks every text of a dead letter.
    pub fn mask_letter(&self, letter: &mut DeadLetter) {
        let DeadLetter { user, text, files, reason, rule, .. } = letter;
        for text in [user, text, reason, rule].into_iter().chain(files) {
            if self.finds(text) {
                *text = self.mask(text);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn secrets_are_found_wherever_they_stand_and_masked() {
        let guard =
            SecretGuard::new(&[Secret::new("s3cr3t-token"), Secret::new("short"), Secret::new("s3cr3t-token-2")]);
        assert!(guard.finds("my s3cr3t-token!"));
        assert!(!guard.finds("a short word"));
        assert!(guard.finds_in(&json!({ "a": [1, { "b": "xs3cr3t-tokenx" }] })));
        assert!(!guard.finds_in(&json!({ "a": "s3cr3t" })));
        assert_eq!(guard.mask("a s3cr3t-token-2 b s3cr3t-token"), "a ••• b •••");
        assert_eq!(SecretGuard::new(&[]).mask("x"), "x");
    }
}
