//! Files of a message.

use serde_json::{Value, json};
use tieline_core::event::{Attachment, AttachmentKind, Content};
use tieline_core::file_name::{harmless_name, is_mime};
use tieline_core::markup::{Block, Span};
use tieline_core::spool::too_large;
use url::Url;

use crate::cdn;
use crate::fields::{list, name, text, whole};
use crate::instance::Instance;
use crate::message::flags;

/// How many files of one message are relayed; Discord takes ten.
const MOST: usize = 50;
/// The bit in an attachment's `flags` that hides it until it is clicked.
const SPOILER: u64 = 1 << 3;
/// What the name of a hidden file begins with.
const HIDDEN: &str = "SPOILER_";

/// The files that a message names as its own.
pub(super) fn of(instance: &Instance, message: &Value) -> Vec<Attachment> {
    let voice = whole(message, "flags").is_some_and(|flags| flags & flags::VOICE_MESSAGE != 0);
    let given: Vec<&Value> = list(message, "attachments").iter().filter(|file| file.is_object()).collect();
    let mut files: Vec<Attachment> = given.iter().take(MOST).map(|file| one(instance, file, voice)).collect();
    if given.len() > MOST {
        let why = format!("at most {MOST} files of a message are relayed");
        files.push(Attachment {
            name: format!("{} more", given.len() - MOST),
            kind: AttachmentKind::Document,
            mime: String::new(),
            size: None,
            link: None,
            content: Content::Unavailable(why),
        });
    }
    files
}

/// What is said of files for those who cannot see them. Of a hidden one it is hidden, too.
pub(super) fn descriptions(message: &Value) -> impl Iterator<Item = Block> {
    list(message, "attachments").iter().take(MOST).filter_map(|file| {
        let words = Span::Text(format!("{}: {}", file_name(file), name(file, "description")?));
        let words = if is_hidden(file) { Span::Spoiler(vec![words]) } else { words };
        Some(Block::Line(vec![Span::Italic(vec![words])]))
    })
}

/// A file of which an address is all that is known.
pub(super) fn at(instance: &Instance, url: &str, name: &str, kind: AttachmentKind, mime: &str) -> Attachment {
    Attachment {
        name: name.to_owned(),
        kind,
        mime: mime.to_owned(),
        size: None,
        link: shown(url),
        content: content(instance, Some(url)),
    }
}

/// Whether it lies where we fetch from.
pub(super) fn is_fetched(instance: &Instance, url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| cdn::is_own(instance, &url))
}

fn one(instance: &Instance, file: &Value, voice: bool) -> Attachment {
    let url = text(file, "url");
    let mime = text(file, "content_type").unwrap_or_default();
    let mime = mime.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let mime = if is_mime(&mime) { mime } else { String::new() };
    let size = whole(file, "size");
    let limit = instance.capabilities.max_file_size;
    let kind = match AttachmentKind::of_mime(&mime) {
        AttachmentKind::Audio | AttachmentKind::Document if voice => AttachmentKind::Voice,
        kind => kind,
    };
    Attachment {
        name: file_name(file),
        kind,
        mime,
        size,
        link: url.as_deref().and_then(shown),
        content: match size {
            Some(size) if size > limit => Content::Unavailable(too_large(limit)),
            _ => content(instance, url.as_deref()),
        },
    }
}

/// Where to fetch it: `{"url": "https://…"}`.
fn content(instance: &Instance, url: Option<&str>) -> Content {
    match url {
        Some(url) if is_fetched(instance, url) => Content::Remote(json!({ "url": url })),
        Some(_) => Content::Unavailable("it does not lie with Discord".to_owned()),
        None => Content::Unavailable("Discord does not say where it lies".to_owned()),
    }
}

/// An address that people can open.
fn shown(url: &str) -> Option<String> {
    Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https")).map(String::from)
}

/// The title that the file was given, with the extension by which programs know it, else its name.
fn file_name(file: &Value) -> String {
    let filename = name(file, "filename").and_then(|name| harmless_name(&name)).unwrap_or_default();
    let title = name(file, "title").and_then(|name| harmless_name(&name)).unwrap_or_default();
    let extension = filename.rsplit_once('.').map(|(_, extension)| format!(".{extension}")).unwrap_or_default();
    let mut shown = match (title.is_empty(), filename.is_empty()) {
        (true, true) => "file".to_owned(),
        (true, false) => filename,
        (false, _) if title.to_lowercase().ends_with(&extension.to_lowercase()) => title,
        (false, _) => title + &extension,
    };
    if is_hidden(file) && !shown.starts_with(HIDDEN) {
        shown.insert_str(0, HIDDEN);
    }
    shown
}

/// Whether it is hidden until it is clicked.
fn is_hidden(file: &Value) -> bool {
    whole(file, "flags").is_some_and(|flags| flags & SPOILER != 0)
}
