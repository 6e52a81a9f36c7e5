//! The parts of a message or of a change, as they are stored between tries. No secret is in them; every text that will
//! show is.

use serde::{Deserialize, Serialize};
use tieline_core::event::{Attachment, AttachmentKind};

/// What stands before a text that corrects another one.
const CORRECTION: &str = "✏️ ";

/// One call that makes one message, or changes one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub(crate) enum Step {
    /// A text.
    Text {
        /// What is said.
        text: String,
        /// The message that it answers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        quotes: Option<String>,
        /// Whether it corrects what cannot be overwritten.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        corrects: bool,
    },
    /// A file.
    File(Posted),
    /// A text of ours is overwritten.
    Edit {
        /// The message.
        id: String,
        /// What it is to say.
        text: String,
    },
    /// A message of ours is taken away.
    Revoke {
        /// The message.
        id: String,
    },
    /// A message gets our reaction.
    React {
        /// The message.
        id: String,
        /// A Unicode emoji; empty: none.
        emoji: String,
    },
}

impl Step {
    /// A text that corrects what cannot be overwritten.
    pub(crate) fn correction(text: &str, quotes: Option<String>) -> Self {
        Self::Text { text: corrected(text), quotes, corrects: true }
    }

    /// Whether it changes a message that is there.
    pub(crate) fn is_change(&self) -> bool {
        matches!(self, Self::Edit { .. } | Self::Revoke { .. } | Self::React { .. })
    }

    /// The new message that comes of it, if one may. An edit that WhatsApp refuses becomes a correction.
    pub(crate) fn message(&self) -> Option<Self> {
        match self {
            Self::Text { .. } | Self::File(_) => Some(self.clone()),
            Self::Edit { id, text } => Some(Self::correction(text, Some(id.clone()))),
            Self::Revoke { .. } | Self::React { .. } => None,
        }
    }

    /// What a later edit must know of the message that came of it.
    pub(crate) fn how(&self) -> Option<How> {
        match self {
            Self::Text { corrects: false, .. } => Some(How::Text),
            Self::Text { corrects: true, .. } | Self::Edit { .. } => Some(How::Correction),
            Self::File(file) if !file.caption.is_empty() => Some(How::Caption),
            Self::File(_) | Self::Revoke { .. } | Self::React { .. } => None,
        }
    }
}

/// How a text stands in a message of ours. [`Sent::how`](tieline_core::send::Sent::how) is its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    /// It is the message.
    Text,
    /// Under a file.
    Caption,
    /// It corrects another message.
    Correction,
}

impl How {
    /// The name under which it is kept.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Caption => "caption",
            Self::Correction => "correction",
        }
    }

    /// Reads a name. Earlier versions kept none, and what they sent without any text cannot be told from texts.
    pub(crate) fn of(name: Option<&str>) -> Self {
        [Self::Caption, Self::Correction].into_iter().find(|how| Some(how.name()) == name).unwrap_or(Self::Text)
    }
}

/// How a text is shown that corrects another one. Twice does what once does.
pub(crate) fn corrected(text: &str) -> String {
    format!("{CORRECTION}{}", text.strip_prefix(CORRECTION).unwrap_or(text))
}

/// A file that becomes a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Posted {
    /// As what it is sent.
    pub(crate) carrier: Carrier,
    pub(crate) name: String,
    pub(crate) mime: String,
    /// Its size in bytes.
    pub(crate) size: u64,
    /// What is written under it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) caption: String,
    /// What is said in its place, caption included, where the addon does not take it.
    pub(crate) label: String,
}

/// The call that carries a file, and what phones show it as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Carrier {
    Image,
    Video,
    Audio,
    Voice,
    Document,
    Sticker,
}

impl Carrier {
    /// The one for a file. The addon calls every picture `image/jpeg`, every film `video/mp4` and every sound
    /// `audio/mp4` and converts nothing, so what phones could not show under that name goes as a document, under its own.
    /// So does a GIF: as a picture it would stand still.
    pub(crate) fn of(file: &Attachment) -> Self {
        let mime = file.mime.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        // Without a type, what the other platform took it for has to do.
        let is = |types: &[&str]| mime.is_empty() || types.contains(&mime.as_str());
        match file.kind {
            AttachmentKind::Sticker if is(&["image/webp"]) => Self::Sticker,
            AttachmentKind::Image | AttachmentKind::Sticker if is(&["image/jpeg", "image/png", "image/webp"]) => {
                Self::Image
            }
            AttachmentKind::Video | AttachmentKind::Sticker if is(&["video/mp4", "video/3gpp"]) => Self::Video,
            AttachmentKind::Voice if is(&["audio/ogg", "audio/opus"]) => Self::Voice,
            AttachmentKind::Voice | AttachmentKind::Audio if is(&SOUNDS) => Self::Audio,
            _ => Self::Document,
        }
    }

    /// The addon's call.
    pub(crate) fn call(self) -> &'static str {
        match self {
            Self::Image => "/send_image",
            Self::Video => "/send_video",
            Self::Audio | Self::Voice => "/send_audio",
            Self::Document => "/send_document",
            Self::Sticker => "/send_sticker",
        }
    }

    /// Whether something can be written under it.
    pub(crate) fn takes_caption(self) -> bool {
        matches!(self, Self::Image | Self::Video | Self::Document)
    }

    /// What WhatsApp calls such a message.
    pub(crate) fn message(self) -> &'static str {
        match self {
            Self::Image => "imageMessage",
            Self::Video => "videoMessage",
            Self::Audio | Self::Voice => "audioMessage",
            Self::Document => "documentMessage",
            Self::Sticker => "stickerMessage",
        }
    }

    /// What its echo is received as.
    pub(crate) fn kind(self) -> AttachmentKind {
        match self {
            Self::Image => AttachmentKind::Image,
            Self::Video => AttachmentKind::Video,
            Self::Audio => AttachmentKind::Audio,
            Self::Voice => AttachmentKind::Voice,
            Self::Document => AttachmentKind::Document,
            Self::Sticker => AttachmentKind::Sticker,
        }
    }
}

/// What phones play.
const SOUNDS: [&str; 9] = [
    "audio/mp4",
    "audio/m4a",
    "audio/x-m4a",
    "audio/aac",
    "audio/mpeg",
    "audio/mp3",
    "audio/amr",
    "audio/ogg",
    "audio/opus",
];

#[cfg(test)]
mod tests {
    use super::*;
    use tieline_core::event::Content;

    fn carrier(kind: AttachmentKind, mime: &str) -> Carrier {
        let content = Content::Unavailable(String::new());
        let file = Attachment { name: "x".into(), kind, mime: mime.into(), size: None, link: None, content };
        Carrier::of(&file)
    }

    #[test]
    fn a_file_goes_as_what_phones_can_show() {
        use AttachmentKind as Kind;
        for (kind, mime, expected) in [
            (Kind::Image, "image/png", Carrier::Image),
            (Kind::Image, "image/gif", Carrier::Document),
            (Kind::Image, "image/tiff", Carrier::Document),
            (Kind::Image, "", Carrier::Image),
            (Kind::Video, "video/mp4", Carrier::Video),
            (Kind::Video, "video/webm", Carrier::Document),
            (Kind::Audio, "audio/mpeg", Carrier::Audio),
            (Kind::Audio, "audio/flac", Carrier::Document),
            (Kind::Voice, "audio/ogg; codecs=opus", Carrier::Voice),
            (Kind::Voice, "audio/mp4", Carrier::Audio),
            (Kind::Sticker, "image/webp", Carrier::Sticker),
            (Kind::Sticker, "image/png", Carrier::Image),
            (Kind::Sticker, "application/json", Carrier::Document),
            (Kind::Document, "image/png", Carrier::Document),
        ] {
            assert_eq!(carrier(kind, mime), expected, "{kind:?} {mime}");
        }
    }
}
