//! The files of a message, as REST and `fileUploaded` show them.

use serde_json::{Value, json};
use tieline_core::event::{Attachment, AttachmentKind, Content};

use crate::instance::Instance;

/// The files of a message. The picture in an attachment is usually a thumbnail; its `title_link` leads to the original.
pub(crate) fn of(instance: &Instance, message: &Value) -> Vec<Attachment> {
    let list = |key: &str| message.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let entries: Vec<&Value> =
        list("files").iter().filter(|file| file.get("typeGroup").and_then(Value::as_str) != Some("thumb")).collect();
    let is_file = |attachment: &&Value| attachment.get("type").and_then(Value::as_str) == Some("file");
    let encrypted = message.get("t").and_then(Value::as_str) == Some("e2e");
    let mut found: Vec<Attachment> = list("attachments")
        .iter()
        .filter(is_file)
        .map(|attachment| {
            let id = text(attachment, "fileId").or_else(|| id_in(text(attachment, "title_link")?));
            let entry = id.and_then(|id| entries.iter().find(|entry| text(entry, "_id") == Some(id))).copied();
            one(instance, attachment, id, entry.or_else(|| message.get("file")), encrypted)
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
    found
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
    let name = name.rsplit(['/', '\\']).next().filter(|name| !name.is_empty()).unwrap_or("file").to_owned();
    let kinds = ["image_type", "video_type", "audio_type"];
    let mime = text(entry, "type").or_else(|| kinds.into_iter().find_map(|key| text(attachment, key)));
    let mime = mime.unwrap_or_default().to_owned();
    let size = entry.get("size").and_then(Value::as_u64);
    let path = text(attachment, "title_link").map(str::to_owned).or_else(|| Some(path_of(id?, &name)));
    let limit = instance.capabilities.max_file_size;
    let content = match (&path, size) {
        _ if encrypted => Content::Unavailable("it is encrypted end to end".to_owned()),
        (_, Some(size)) if size > limit => Content::Unavailable(too_large(limit)),
        (Some(path), _) => Content::Remote(json!({ "path": path })),
        (None, _) => Content::Unavailable("Rocket.Chat does not say where it is".to_owned()),
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

/// The reason of a label for a file that is over `max_file_size`.
pub(crate) fn too_large(limit: u64) -> String {
    format!("larger than {limit} bytes")
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
