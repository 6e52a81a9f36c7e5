//! The parts of a message, as they are stored between tries. No secret is in them; every text that will show is.

use serde::{Deserialize, Serialize};
use tieline_core::event::{Attachment, AttachmentKind};

/// One call that makes one message.
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
    },
    /// A file.
    File(Posted),
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
