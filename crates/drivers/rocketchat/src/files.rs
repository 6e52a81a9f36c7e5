//! The files of a message, as REST and `fileUploaded` show them.

use serde_json::{Value, json};
use tieline_core::event::{Attachment, AttachmentKind, Content};
use tieline_core::file_name::{harmless_name, is_mime};
use tieline_core::spool::too_large;

use crate::instance::Instance;

/// How many files of one message are relayed; a person's message has a handful.
const MOST: usize = 50;

/// The files of a message. The picture in an attachment is usually a thumbnail; its `title_link` leads to the original.
pub(crate) fn of(instance: &Instance, message: &Value) -> Vec<Attachment> {
    let list = |key: &str| message.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let entries: Vec<&Value> =
        list("files").iter().filter(|file| file.get("typeGroup").and_then(Value::as_str) != Some("thumb")).collect();
    let encrypted = message.get("t").and_then(Value::as_str) == Some("e2e");
    let mut found: Vec<Attachment> = list("attachments")
        .iter()
        .filter(|attachment| is_file(attachment))
        .map(|attachment| {
            let id = text(attachment, "fileId").or_else(|| id_in(text(attachment, "title_link")?));
            // Whoever posts chooses what an attachment says; the server alone says which files a message has. The bot
            // may see more files than the people who write.
            let own = entries.iter().copied().chain(message.get("file"));
            let entry = id.and_then(|id| own.into_iter().find(|entry| text(entry, "_id") == Some(id)));
            one(instance, attachment, id.filter(|_| entry.is_some()), entry, encrypted)
        })
        .collect();
    // Without attachments (a server that could not make any) the list of files has to do.
    if found.is_empty() {
        let alone = message.get("file").filter(|_| entries.is_empty());
        found.extend(
            entries
                .iter()
                .copied()
                .chain(alone)
                .filter(|entry| text(entry, "_id").is_some())
                .map(|entry| one(instance, &Value::Null, text(entry, "_id"), Some(entry), encrypted)),
        );
    }
    if found.len() > MOST {
        let more = found.len() - MOST;
        found.truncate(MOST);
        found.push(Attachment {
            name: format!("{more} more"),
            kind: AttachmentKind::Document,
            mime: String::new(),
            size: None,
            link: None,
            content: Content::Unavailable(format!("at most {MOST} files of a message are relayed")),
        });
    }
    found
}

/// The text of a message that has files. Some clients write the caption as the `description` of a file's attachment, and
/// nothing in `msg`; `said` is what stands there.
pub(crate) fn caption<'m>(said: &'m str, message: &'m Value) -> &'m str {
    if !said.is_empty() {
        return said;
    }
    let attachments = message.get("attachments").and_then(Value::as_array).into_iter().flatten();
    attachments.filter(|attachment| is_file(attachment)).find_map(|file| text(file, "description")).unwrap_or_default()
}

fn is_file(attachment: &Value) -> bool {
    attachment.get("type").and_then(Value::as_str) == Some("file")
}

fn one(
    instance: &Instance,
    attachment: &Value,
    id: Option<&str>,
    entry: Option<&Value>,
    encrypted: bool,
) -> Attachment {
    let entry = entry.unwrap_or(&Value::Null);
    let name = text(entry, "name").or_else(|| text(attachment, "title")).unwrap_or("file");
    let name = harmless_name(name).unwrap_or_else(|| "file".to_owned());
    let kinds = ["image_type", "video_type", "audio_type"];
    let mime = text(entry, "type").or_else(|| kinds.into_iter().find_map(|key| text(attachment, key)));
    let mime = mime.filter(|mime| is_mime(mime)).unwrap_or_default().to_owned();
    let size = entry.get("size").and_then(Value::as_u64);
    let path = id.map(|id| path_of(id, &name));
    let limit = instance.capabilities.max_file_size;
    let content = match (&path, size) {
        _ if encrypted => Content::Unavailable("it is encrypted end to end".to_owned()),
        (_, Some(size)) if size > limit => Content::Unavailable(too_large(limit)),
        (Some(path), _) => Content::Remote(json!({ "path": path })),
        (None, _) => Content::Unavailable("Rocket.Chat does not count it among the message's files".to_owned()),
    };
    Attachment {
        kind: AttachmentKind::of_mime(&mime),
        link: path.filter(|path| path.starts_with("/file-upload/")).map(|path| instance.on_server(&path)),
        name,
        mime,
        size,
        content,
    }
}

fn path_of(id: &str, name: &str) -> String {
    let name: String = url::form_urlencoded::byte_serialize(name.as_bytes()).collect();
    format!("/file-upload/{id}/{}", name.replace('+', "%20"))
}

fn id_in(link: &str) -> Option<&str> {
    link.split_once("/file-upload/")?.1.split('/').next()
}

fn text<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value.get(key)?.as_str().filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inbound::tests::instance;

    #[test]
    fn a_file_that_the_message_does_not_have_is_not_fetched() {
        let named =
            |id: &str, link: &str| json!({ "type": "file", "title": "cat.png", "fileId": id, "title_link": link });
        let entry = |id: &str| json!({ "_id": id, "name": "cat.png", "type": "image/png", "size": 9 });
        let found = of(
            &instance(false),
            &json!({
                "files": [entry("F1"), { "_id": "F1t", "name": "thumb-cat.png", "typeGroup": "thumb" }],
                "file": entry("F1"),
                "attachments": [
                    named("F1", "/file-upload/F1/cat.png"),
                    named("BOARD", "/file-upload/BOARD/minutes.pdf"),
                    { "type": "file", "title": "cat.png", "title_link": "/file-upload/BOARD/minutes.pdf" },
                    named("F1t", "/file-upload/F1t/cat.png"),
                ],
            }),
        );
        assert_eq!(found[0].content, Content::Remote(json!({ "path": "/file-upload/F1/cat.png" })));
        for foreign in &found[1..] {
            assert!(
                matches!(&foreign.content, Content::Unavailable(why) if why.contains("does not count")),
                "{foreign:?}"
            );
            assert_eq!(foreign.link, None, "nor is a link to it shown");
        }
        assert_eq!(found.len(), 4);
    }
}
