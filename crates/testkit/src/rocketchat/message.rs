//! Messages as the fake keeps them, and as REST shows them.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// A message in a room.
#[derive(Debug, Clone, PartialEq)]
pub struct FakeMessage {
    /// Its id.
    pub id: String,
    /// The room it is in.
    pub room: String,
    /// The username of the account that posted it.
    pub user: String,
    /// The id of that account.
    pub user_id: String,
    /// The display name of that account.
    pub user_name: String,
    /// The text.
    pub text: String,
    /// The name it is shown under, if not the account's.
    pub alias: Option<String>,
    /// The picture it is shown with, if not the account's.
    pub avatar: Option<String>,
    /// The emoji it is shown with instead of a picture.
    pub emoji: Option<String>,
    /// The integration that posted it, if one did.
    pub bot: Option<String>,
    /// The message that opened the thread it is in.
    pub tmid: Option<String>,
    /// How many replies its thread has.
    pub replies: usize,
    /// When the last of them was posted.
    pub last_reply: Option<Timestamp>,
    /// What kind of message it is (`t`), if not a person's: `uj`, `rm`.
    pub kind: Option<String>,
    /// Whether it is pinned.
    pub pinned: bool,
    /// Its files, thumbnails not among them.
    pub files: Vec<FakeFile>,
    /// Attachments that are not files.
    pub attachments: Vec<Value>,
    /// Who reacted, by `:emoji:`.
    pub reactions: BTreeMap<String, Vec<String>>,
    /// When it was posted.
    pub time: Timestamp,
    /// When it was last changed in any way.
    pub updated: Timestamp,
    /// When its text was last edited, or emptied by who deleted it.
    pub edited: Option<Timestamp>,
    /// The id and the username of the account that did.
    pub edited_by: Option<(String, String)>,
}

/// A file that was uploaded. Its bytes lie on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FakeFile {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its MIME type, as the uploader said.
    pub mime: String,
    /// Its size in bytes.
    pub size: u64,
    /// The SHA-256 of its bytes, in hexadecimal digits.
    pub sha256: String,
    /// What some clients call its caption: it stands in its attachment, not in the message's text. Empty if there is none.
    pub description: String,
    /// Where the bytes lie, as long as the server lives.
    pub path: PathBuf,
}

impl FakeFile {
    /// Its bytes. Mind its size.
    pub fn read(&self) -> io::Result<Vec<u8>> {
        std::fs::read(&self.path)
    }

    /// The path at which it can be downloaded.
    pub(crate) fn link(&self) -> String {
        let name: String = url::form_urlencoded::byte_serialize(self.name.as_bytes()).collect();
        format!("/file-upload/{}/{}", self.id, name.replace('+', "%20"))
    }

    fn entry(&self) -> Value {
        let format = self.name.rsplit_once('.').map_or("", |(_, extension)| extension);
        json!({ "_id": self.id, "name": self.name, "type": self.mime, "size": self.size, "format": format })
    }

    /// The id of the thumbnail that the server makes of a picture.
    pub(crate) fn thumbnail(&self) -> Option<String> {
        self.mime.starts_with("image/").then(|| format!("{}-thumb", self.id))
    }

    fn attachment(&self) -> Value {
        let mut attachment = json!({
            "type": "file", "title": self.name, "title_link": self.link(), "title_link_download": true,
            "fileId": self.id,
        });
        if !self.description.is_empty() {
            attachment["description"] = json!(self.description);
        }
        let kind = self.mime.split('/').next().unwrap_or_default();
        let fields = match (kind, self.thumbnail()) {
            ("image", Some(thumbnail)) => json!({
                // What is shown is the thumbnail; the picture itself is behind `title_link`.
                "image_url": format!("/file-upload/{thumbnail}/{}", self.name), "image_type": self.mime,
                "image_size": self.size, "image_dimensions": { "width": 480, "height": 360 },
            }),
            ("audio", _) => json!({ "audio_url": self.link(), "audio_type": self.mime, "audio_size": self.size }),
            ("video", _) => json!({ "video_url": self.link(), "video_type": self.mime, "video_size": self.size }),
            _ => json!({ "format": self.name.rsplit_once('.').map_or("", |(_, e)| e), "size": self.size }),
        };
        if let (Some(all), Value::Object(fields)) = (attachment.as_object_mut(), fields) {
            all.extend(fields);
        }
        attachment
    }
}

/// A date as REST writes it.
pub(crate) fn iso(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

impl FakeMessage {
    /// The message as REST shows it.
    pub(crate) fn to_json(&self) -> Value {
        let mut all = Map::new();
        let mut put = |key: &str, value: Value| {
            all.insert(key.to_owned(), value);
        };
        put("_id", json!(self.id));
        put("rid", json!(self.room));
        put("msg", json!(self.text));
        put("ts", json!(iso(self.time)));
        put("u", json!({ "_id": self.user_id, "username": self.user, "name": self.user_name }));
        put("_updatedAt", json!(iso(self.updated)));
        put("urls", json!([]));
        put("mentions", json!([]));
        put("channels", json!([]));
        for (key, value) in
            [("alias", &self.alias), ("avatar", &self.avatar), ("emoji", &self.emoji), ("tmid", &self.tmid)]
        {
            if let Some(value) = value {
                put(key, json!(value));
            }
        }
        if let Some(kind) = &self.kind {
            put("t", json!(kind));
        }
        if let Some(last) = self.last_reply {
            put("tcount", json!(self.replies));
            put("tlm", json!(iso(last)));
        }
        if self.pinned {
            put("pinned", json!(true));
            put("pinnedAt", json!(iso(self.updated)));
        }
        if let Some(integration) = &self.bot {
            put("bot", json!({ "i": integration }));
        }
        let attachments: Vec<Value> =
            self.files.iter().map(FakeFile::attachment).chain(self.attachments.iter().cloned()).collect();
        if !attachments.is_empty() {
            put("attachments", json!(attachments));
        }
        if let Some(file) = self.files.first() {
            put("file", file.entry());
            let mut entries = Vec::new();
            for file in &self.files {
                entries.push(file.entry());
                if let Some(thumbnail) = file.thumbnail() {
                    entries.push(json!({
                        "_id": thumbnail, "name": format!("thumb-{}", file.name), "type": file.mime,
                        "size": THUMBNAIL.len(), "format": "png", "typeGroup": "thumb",
                    }));
                }
            }
            put("files", json!(entries));
        }
        if !self.reactions.is_empty() {
            let reactions: Map<String, Value> =
                self.reactions.iter().map(|(emoji, users)| (emoji.clone(), json!({ "usernames": users }))).collect();
            put("reactions", Value::Object(reactions));
        }
        if let Some(edited) = self.edited {
            put("editedAt", json!(iso(edited)));
        }
        if let Some((id, username)) = &self.edited_by {
            put("editedBy", json!({ "_id": id, "username": username }));
        }
        Value::Object(all)
    }
}

/// What every thumbnail holds: no picture, so that whoever takes it for the file itself is found out.
pub(crate) const THUMBNAIL: &[u8] = b"a thumbnail, not the picture";
