//! The parts of a message, as they are stored between tries. No secret is in them; every text that will show is.

use serde::{Deserialize, Serialize};
use tieline_core::send::Copied;

use crate::how::How;
use crate::snowflake::Snowflake;

/// What a part does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Deed {
    /// It changes what is there.
    Change(Change),
    /// It says something new.
    Say(Said),
}

/// A change of a message that is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Change {
    /// The copy says this instead; its files stay. If that cannot be, this is said as a correction.
    Rewrite { copy: Standing, said: Said },
    /// The message is taken away.
    Remove(Standing),
    /// The bot reacts, or takes that back. The emoji is Unicode, or the name of one of the server's own.
    React { to: Standing, emoji: String, added: bool },
}

/// A message that is there, as far as we know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Standing {
    pub(crate) id: String,
    /// The channel or thread it is in, where that is not the target's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) channel: Option<Snowflake>,
    /// How we sent it; `None` of what somebody else wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    how: Option<String>,
    /// Whether somebody else wrote it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) original: bool,
}

impl Standing {
    /// A copy, or an original, that a change names.
    pub(crate) fn of(copied: &Copied) -> Self {
        Self {
            id: copied.id.to_string(),
            channel: copied.channel.as_ref().and_then(|channel| Snowflake::parse(channel.as_str())),
            how: copied.how.clone(),
            original: copied.original,
        }
    }

    /// How we sent it, if we did and noted it.
    pub(crate) fn how(&self) -> Option<How> {
        self.how.as_deref().and_then(How::parse)
    }
}

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
    /// The accounts that it calls.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) mentions: Vec<Snowflake>,
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

    /// What is said with the name in the text or without.
    pub(crate) fn text_of(&self, named: bool) -> &str {
        if named { self.named_text() } else { &self.text }
    }

    /// A text with what stands for the files.
    pub(crate) fn with_labels(&self, text: &str) -> String {
        let labels = self.files.iter().map(|file| file.label.as_str());
        std::iter::once(text).chain(labels).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
    }
}
