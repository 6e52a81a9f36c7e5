//! Files: pictures, films, sound, voice messages, documents, stickers.

use serde_json::{Value, json};
use tieline_core::event::{Attachment, AttachmentKind, Content};
use tieline_core::file_name::harmless_name;

use crate::fields::{flag, text, whole};
use crate::kinds::Said;
use crate::markup::parse;
use crate::payload::Payload;
use crate::unwrap::Inner;

/// The file with what was written under it.
pub(super) fn said(payload: &Payload, message: &Inner<'_>) -> Said {
    let media = message.content;
    let kind = match message.kind {
        "imageMessage" => AttachmentKind::Image,
        "videoMessage" | "ptvMessage" => AttachmentKind::Video,
        "audioMessage" if flag(media, "ptt") => AttachmentKind::Voice,
        "audioMessage" => AttachmentKind::Audio,
        "stickerMessage" => AttachmentKind::Sticker,
        _ => AttachmentKind::Document,
    };
    let caption = text(media, "caption").or_else(|| payload.caption.clone());
    with_file(payload, kind, media, caption, message.wrapped)
}

/// Whether messages of a kind have a file.
pub(super) fn is_file(kind: &str) -> bool {
    matches!(
        kind,
        "imageMessage" | "videoMessage" | "ptvMessage" | "audioMessage" | "documentMessage" | "stickerMessage"
    )
}

/// The file of a payload without WhatsApp's own message. `None`: it has none.
pub(super) fn of_payload(payload: &Payload) -> Option<Said> {
    let kind = match payload.media_type.as_deref()? {
        "image" => AttachmentKind::Image,
        "video" => AttachmentKind::Video,
        "audio" => AttachmentKind::Audio,
        "sticker" => AttachmentKind::Sticker,
        "document" => AttachmentKind::Document,
        _ => return None,
    };
    Some(with_file(payload, kind, &Value::Null, payload.caption.clone(), false))
}

fn with_file(payload: &Payload, kind: AttachmentKind, media: &Value, caption: Option<String>, wrapped: bool) -> Said {
    let mime = text(media, "mimetype").or_else(|| payload.media_mimetype.clone()).unwrap_or_default();
    let mime = mime.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let file = Attachment {
        name: name(kind, &mime, media, payload.media_url.as_deref()),
        kind,
        mime,
        size: whole(media, "fileLength").and_then(|size| u64::try_from(size).ok()),
        link: None,
        content: content(payload.media_url.as_deref(), wrapped),
    };
    Said { text: caption.map(|caption| parse(&caption)).unwrap_or_default(), files: vec![file], about: None }
}

/// Where to fetch it: `{"path": "/media/…"}`, relative to the addon.
fn content(media_url: Option<&str>, wrapped: bool) -> Content {
    match media_url {
        Some(path) if path.starts_with('/') && !path.starts_with("//") && !path.contains('\\') => {
            Content::Remote(json!({ "path": path }))
        }
        Some(_) => Content::Unavailable("the WhatsApp addon names a place for it that is not its own".to_owned()),
        // It looks for the file in the wrapper and never finds it.
        None if wrapped => Content::Unavailable(
            "the WhatsApp addon cannot fetch files that vanish, that can be viewed once, or documents with a caption"
                .to_owned(),
        ),
        None => Content::Unavailable("the WhatsApp addon could not fetch it".to_owned()),
    }
}

/// The name that the sender's phone gave, or one by its kind.
fn name(kind: AttachmentKind, mime: &str, media: &Value, media_url: Option<&str>) -> String {
    let given = text(media, "fileName").or_else(|| text(media, "title").filter(|_| kind == AttachmentKind::Document));
    if let Some(harmless) = given.and_then(|given| harmless_name(&given)) {
        return harmless;
    }
    let stem = match kind {
        AttachmentKind::Image => "image",
        AttachmentKind::Video => "video",
        AttachmentKind::Audio => "audio",
        AttachmentKind::Voice => "voice",
        AttachmentKind::Sticker => "sticker",
        AttachmentKind::Document => "document",
    };
    let extension = extension(mime).map(str::to_owned).or_else(|| {
        let (_, extension) = media_url?.rsplit('/').next()?.rsplit_once('.')?;
        let sound = (1..=5).contains(&extension.len()) && extension.bytes().all(|byte| byte.is_ascii_alphanumeric());
        sound.then(|| extension.to_ascii_lowercase())
    });
    extension.map_or_else(|| stem.to_owned(), |extension| format!("{stem}.{extension}"))
}

/// The extension by which programs know a type that WhatsApp sends.
fn extension(mime: &str) -> Option<&'static str> {
    Some(match mime {
        "image/jpeg" => "jpg",
        "image/png" => "png",
        "image/gif" => "gif",
        "image/webp" => "webp",
        "image/heic" => "heic",
        "video/mp4" => "mp4",
        "video/3gpp" => "3gp",
        "video/quicktime" => "mov",
        "video/webm" => "webm",
        "audio/ogg" | "audio/opus" => "ogg",
        "audio/mpeg" => "mp3",
        "audio/mp4" | "audio/x-m4a" => "m4a",
        "audio/aac" => "aac",
        "audio/amr" => "amr",
        "audio/wav" | "audio/x-wav" => "wav",
        "application/pdf" => "pdf",
        "application/zip" => "zip",
        "text/plain" => "txt",
        "text/csv" => "csv",
        "text/vcard" => "vcf",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::said;
    use crate::kinds::tests::payload;

    fn file(message: &Value, more: &Value) -> Attachment {
        said(&payload(message, more)).expect("said").files.remove(0)
    }

    #[test]
    fn kinds_and_names() {
        let at = json!({ "media_url": "/media/1_a.oga" });
        let of = |kind: &str, content: Value| file(&json!({ kind: content }), &at);
        let voice =
            of("audioMessage", json!({ "ptt": true, "mimetype": "audio/ogg; codecs=opus", "fileLength": "70" }));
        assert_eq!(
            (voice.kind, voice.name.as_str(), voice.mime.as_str()),
            (AttachmentKind::Voice, "voice.ogg", "audio/ogg")
        );
        assert_eq!((voice.size, voice.content), (Some(70), Content::Remote(json!({ "path": "/media/1_a.oga" }))));
        assert_eq!(of("audioMessage", json!({ "mimetype": "audio/mpeg" })).name, "audio.mp3");
        assert_eq!(of("ptvMessage", json!({ "mimetype": "video/mp4" })).kind, AttachmentKind::Video);
        assert_eq!(of("stickerMessage", json!({ "mimetype": "image/webp" })).name, "sticker.webp");
        assert_eq!(of("imageMessage", json!({ "mimetype": "image/x-new" })).name, "image.oga", "as the addon named it");
        let document =
            of("documentMessage", json!({ "fileName": "../a\\b/Of\nfer 1.pdf", "mimetype": "application/pdf" }));
        assert_eq!((document.name.as_str(), document.kind), ("Offer 1.pdf", AttachmentKind::Document));
        assert_eq!(of("documentMessage", json!({ "fileName": "..", "title": "t" })).name, "document.oga");
    }

    #[test]
    fn what_the_addon_did_not_fetch_says_why() {
        let image = json!({ "imageMessage": { "caption": "lost", "mimetype": "image/png" } });
        assert!(matches!(file(&image, &json!({})).content, Content::Unavailable(_)));
        let wrapped = json!({ "documentWithCaptionMessage": { "message": { "documentMessage": { "fileName": "a.pdf", "caption": "read" } } } });
        let said = said(&payload(&wrapped, &json!({ "content": "read (Media Download Failed)" }))).expect("said");
        assert_eq!((said.text.to_plain().as_str(), said.files[0].name.as_str()), ("read", "a.pdf"));
        assert!(matches!(&said.files[0].content, Content::Unavailable(why) if why.contains("caption")));
        for foreign in ["http://elsewhere/x", "//elsewhere/x", "media/x", "/\\elsewhere/x"] {
            let content = file(&image, &json!({ "media_url": foreign })).content;
            assert!(matches!(content, Content::Unavailable(_)), "{foreign}");
        }
    }
}
