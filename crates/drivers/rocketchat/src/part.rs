//! The parts of a message, as they are stored between tries. No secret is in them; every text that will show is.

use serde::{Deserialize, Serialize};

/// One call, or a short row of calls, that makes at most one message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub(crate) enum Step {
    /// A text by REST.
    Text(Said),
    /// The bytes of a file by REST. Nobody sees it before it is confirmed.
    Upload(FileFacts),
    /// The file becomes a message, with a caption.
    Confirm {
        /// The caption.
        said: Said,
        /// The file.
        file: FileFacts,
        /// What stands for the file where the server does not take it.
        label: String,
    },
    /// A text, with links to files, by the Incoming Webhook.
    Hook {
        /// The text.
        said: Said,
        /// Attachments in the platform's words: public addresses only.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        attachments: Vec<serde_json::Value>,
    },
}

/// A text with who says it and what it answers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Said {
    /// The text, shown with the identity.
    pub(crate) text: String,
    /// The text with the name in it, for a send that cannot show the identity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) named: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) alias: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) avatar: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) emoji: Option<String>,
    /// The message that it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reply_to: Option<String>,
    /// Whether the answer is shown as a quotation, where the room's name is known.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) quote: bool,
}

/// What is said about a file beside its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileFacts {
    pub(crate) name: String,
    pub(crate) mime: String,
}

impl Said {
    /// Whether it wants to be shown under another name or picture than the sender's own.
    pub(crate) fn impersonates(&self) -> bool {
        self.alias.is_some() || self.avatar.is_some()
    }

    /// The same under the sender's own name.
    pub(crate) fn unmasked(&self) -> Self {
        let text = self.named.clone().unwrap_or_else(|| self.text.clone());
        Self { text, alias: None, avatar: None, named: None, ..self.clone() }
    }
}
