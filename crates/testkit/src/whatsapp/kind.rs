//! What a message is: how the addon classifies and describes `raw.message`.

use serde_json::Value;

/// The wrappers around a message proper.
const WRAPPERS: [&str; 5] = [
    "ephemeralMessage",
    "viewOnceMessage",
    "viewOnceMessageV2",
    "viewOnceMessageV2Extension",
    "documentWithCaptionMessage",
];

/// A message as the addon describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Described {
    /// The event's `type`.
    pub(crate) event: &'static str,
    /// The event's `media_type`.
    pub(crate) media_type: Option<&'static str>,
    /// The event's `content`, before a failed download is noted.
    pub(crate) text: String,
    /// The event's `caption`.
    pub(crate) caption: Option<String>,
    /// The event's `media_mimetype`.
    pub(crate) mime: Option<String>,
    /// What becomes of its file.
    pub(crate) file: File,
    /// The event's `is_forwarded`.
    pub(crate) forwarded: bool,
}

/// What becomes of a message's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum File {
    /// It has none.
    None,
    /// It is downloaded.
    Download,
    /// The addon looks for it in the wrapper and always fails.
    Unreachable,
}

/// The message proper, with its kind, and whether it was wrapped.
pub(crate) fn unwrapped(message: &Value) -> (Option<(&str, &Value)>, bool) {
    let mut at = message;
    let mut wrapped = false;
    while let Some(inner) = WRAPPERS.iter().find_map(|wrapper| at.get(wrapper)?.get("message")) {
        at = inner;
        wrapped = true;
    }
    (content(at), wrapped)
}

/// The first field that is a message: `getContentType`.
fn content(message: &Value) -> Option<(&str, &Value)> {
    let fields = message.as_object()?;
    let is_message =
        |key: &str| key == "conversation" || (key.contains("Message") && key != "senderKeyDistributionMessage");
    fields.iter().find(|(key, _)| is_message(key)).map(|(key, value)| (key.as_str(), value))
}

/// The plain text of a message: what its writer typed.
pub(crate) fn typed(message: &Value) -> String {
    let (Some((kind, inner)), _) = unwrapped(message) else { return String::new() };
    match kind {
        "conversation" => string(inner),
        "extendedTextMessage" => string(&inner["text"]),
        _ => string(&inner["caption"]),
    }
}

/// The id of the message that this one quotes.
pub(crate) fn quoted(message: &Value) -> Option<String> {
    let (_, inner) = unwrapped(message).0?;
    inner["contextInfo"]["stanzaId"].as_str().map(str::to_owned)
}

/// Describes a message.
pub(crate) fn describe(message: &Value) -> Described {
    let forwarded = content(message).is_some_and(|(_, outer)| outer["contextInfo"]["isForwarded"] == true);
    let mut described = Described {
        event: "message",
        media_type: None,
        text: String::new(),
        caption: None,
        mime: None,
        file: File::None,
        forwarded,
    };
    let (Some((kind, inner)), wrapped) = unwrapped(message) else { return described };
    let media = match kind {
        "imageMessage" => Some(("image", "📷 [Image]")),
        "videoMessage" | "ptvMessage" => Some(("video", "🎥 [GIF/Video]")),
        "audioMessage" => Some(("audio", "🎵 [Audio]")),
        "documentMessage" => Some(("document", "📄 [Document]")),
        "stickerMessage" => Some(("sticker", "🎨 [Sticker]")),
        _ => None,
    };
    if let Some((media_type, label)) = media {
        let caption = string(&inner["caption"]);
        described.text = if caption.is_empty() { label.to_owned() } else { caption.clone() };
        if wrapped {
            described.file = File::Unreachable;
        } else {
            described.file = File::Download;
            described.media_type = Some(media_type);
            described.caption = Some(caption);
            described.mime = inner["mimetype"].as_str().map(str::to_owned);
        }
        return described;
    }
    match kind {
        "conversation" => described.text = string(inner),
        "extendedTextMessage" => {
            let parts = [string(&inner["text"]), string(&inner["description"]), string(&inner["title"])];
            described.text = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n");
        }
        "locationMessage" | "liveLocationMessage" => {
            described.media_type = Some("location");
            let name = string(&inner["name"]);
            let label = "📍 [Location Share";
            described.text = if name.is_empty() { format!("{label}]") } else { format!("{label}: {name}]") };
        }
        "contactMessage" => {
            described.media_type = Some("contact");
            let name = string(&inner["displayName"]);
            let telephone = telephone(&string(&inner["vcard"]));
            described.text = match telephone {
                Some(telephone) => format!("👤 [Contact: {name} ({telephone})]"),
                None => format!("👤 [Contact: {name}]"),
            };
        }
        "contactsArrayMessage" => {
            described.media_type = Some("contact");
            described.text = format!("👤 [Contact: {}]", string(&inner["displayName"]));
        }
        "eventMessage" => {
            described.event = "event";
            described.text = format!("📅 [Event: {}]\n{}", string(&inner["name"]), string(&inner["description"]));
        }
        poll if poll.starts_with("pollCreationMessage") => {
            described.event = "poll";
            described.media_type = Some("poll");
            described.text = poll_text(inner);
        }
        "pollUpdateMessage" => described.event = "poll_update",
        _ => {}
    }
    described
}

/// The options of a poll.
pub(crate) fn options(poll: &Value) -> Vec<String> {
    let options = poll["options"].as_array().map(Vec::as_slice).unwrap_or_default();
    options.iter().map(|option| string(&option["optionName"])).collect()
}

fn poll_text(poll: &Value) -> String {
    let mut text = format!("📊 [Poll: {}]\nOptions:", string(&poll["name"]));
    for (at, option) in options(poll).into_iter().enumerate() {
        let number = if at < 9 { format!("{}\u{fe0f}\u{20e3}", at + 1) } else { format!("{}.", at + 1) };
        text.push_str("\n  ");
        text.push_str(&number);
        text.push(' ');
        text.push_str(&option);
    }
    text
}

fn telephone(vcard: &str) -> Option<String> {
    vcard.lines().find(|line| line.starts_with("TEL"))?.rsplit_once(':').map(|(_, number)| number.trim().to_owned())
}

fn string(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
