//! The parts of a message, as they are stored between tries. No secret is in them; every text that will show is.

use serde::{Deserialize, Serialize};

/// One message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Said {
    pub(crate) by: Voice,
    /// What is said under the writer's own name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) text: String,
    /// The same with the name in it, where that makes a difference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) named: Option<String>,
    /// The writer's name, as a webhook may show it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) title: Option<String>,
    /// The address of the writer's picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) avatar: Option<String>,
    /// The message that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) answers: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) files: Vec<FileFacts>,
}

/// Who says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Voice {
    /// The channel's webhook.
    Webhook,
    /// The bot.
    Bot,
    /// The bot, since only it can show what is answered; and where it may not write, the webhook.
    BotElseWebhook,
}

/// A file of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileFacts {
    pub(crate) name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) mime: String,
    /// Its size in bytes.
    pub(crate) size: u64,
    /// What is said in its place if Discord does not take it.
    pub(crate) label: String,
}

impl Said {
    /// What a bot says, or a webhook that may not show the writer's name.
    pub(crate) fn named_text(&self) -> &str {
        self.named.as_deref().unwrap_or(&self.text)
    }

    /// A text with what stands for the files.
    pub(crate) fn with_labels(&self, text: &str) -> String {
        let labels = self.files.iter().map(|file| file.label.as_str());
        std::iter::once(text).chain(labels).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
    }
}
