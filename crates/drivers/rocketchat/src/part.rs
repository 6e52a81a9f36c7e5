//! The parts of a message or a change, as they are stored between tries. No secret is in them; every text that will show is.

use serde::{Deserialize, Serialize};
use tieline_core::send::Copied;

use crate::instance::{Instance, Sender};
use crate::send_api::{CONFIRM, MEDIA, SEND};
use crate::send_hook::HOOK;

/// What stands before a text that corrects a message which cannot be edited.
pub(crate) const CORRECTION: &str = "✏️ ";

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

/// A change of a message, by REST.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub(crate) enum Change {
    /// A message of ours says something else; what may not be edited is corrected by a new message.
    Edit {
        /// The message.
        copy: Copied,
        /// What it says now.
        said: Said,
    },
    /// A message is taken away.
    Delete {
        /// The message.
        copy: Copied,
    },
    /// A reaction is given or taken back.
    React {
        /// The message.
        to: Copied,
        /// The short codes of the emoji, without colons, the likeliest first.
        codes: Vec<String>,
        /// Whether it is given.
        added: bool,
    },
}

/// What a part does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Work {
    /// It says something.
    Say(Step),
    /// It changes what was said.
    Change(Change),
}

impl Step {
    /// A text as a new message.
    pub(crate) fn say(instance: &Instance, said: Said) -> Self {
        match instance.sender {
            Sender::Api => Self::Text(said),
            Sender::Hook(_) => Self::Hook { said, attachments: Vec::new() },
        }
    }

    /// The name of the limit that it falls under.
    pub(crate) fn limit(&self) -> &'static str {
        match self {
            Self::Text(_) => SEND,
            Self::Upload(_) => MEDIA,
            Self::Confirm { .. } => CONFIRM,
            Self::Hook { .. } => HOOK,
        }
    }
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
    /// Whether it corrects a message that cannot be edited.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) correction: bool,
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

    /// The same as a correction of what was said before.
    pub(crate) fn corrected(&self) -> Self {
        let marked = |text: &str| format!("{CORRECTION}{text}");
        Self { text: marked(&self.text), named: self.named.as_deref().map(marked), correction: true, ..self.clone() }
    }

    /// The same under the sender's own name.
    pub(crate) fn unmasked(&self) -> Self {
        let text = self.named.clone().unwrap_or_else(|| self.text.clone());
        Self { text, alias: None, avatar: None, named: None, ..self.clone() }
    }
}
