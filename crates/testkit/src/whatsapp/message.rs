//! What people say: a message with what WhatsApp adds to it.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::media::FakeMedia;

/// A message that a person writes.
#[derive(Debug, Clone)]
pub struct Message {
    pub(crate) id: Option<String>,
    pub(crate) time: Option<i64>,
    pub(crate) content: Content,
    pub(crate) quotes: Option<String>,
    pub(crate) forwarded: bool,
    pub(crate) mentions: Vec<String>,
    pub(crate) wrapper: Option<&'static str>,
    pub(crate) addressing: Addressing,
    pub(crate) lost: bool,
    pub(crate) held: bool,
}

/// By which of its ids the sender is named in `raw.key`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Addressing {
    /// By phone number; a group whose members are addressed by LID names both.
    #[default]
    Usual,
    /// By phone number, with the LID as the other form.
    PhoneWithLid,
    /// By LID, with the phone number as the other form.
    Lid,
    /// By LID, and the number is not told.
    LidOnly,
}

#[derive(Debug, Clone)]
pub(crate) enum Content {
    Text(String),
    /// A field of `raw.message` as it is.
    Kind(&'static str, Value),
    File {
        kind: &'static str,
        mime: String,
        bytes: Bytes,
        more: Map<String, Value>,
    },
    Vote {
        poll: String,
        options: Vec<String>,
    },
}

impl Message {
    fn of(content: Content) -> Self {
        Self {
            id: None,
            time: None,
            content,
            quotes: None,
            forwarded: false,
            mentions: Vec::new(),
            wrapper: None,
            addressing: Addressing::Usual,
            lost: false,
            held: false,
        }
    }

    fn file(kind: &'static str, mime: &str, bytes: impl Into<Bytes>, more: Value) -> Self {
        let more = if let Value::Object(more) = more { more } else { Map::new() };
        Self::of(Content::File { kind, mime: mime.to_owned(), bytes: bytes.into(), more })
    }

    /// A text.
    pub fn text(text: &str) -> Self {
        Self::of(Content::Text(text.to_owned()))
    }

    /// A text with the preview of a page; the addon appends description and title to `content`.
    pub fn link(text: &str, title: &str, description: &str) -> Self {
        let value = json!({ "text": text, "matchedText": text, "description": description, "title": title });
        Self::of(Content::Kind("extendedTextMessage", value))
    }

    /// A picture.
    pub fn image(mime: &str, bytes: impl Into<Bytes>) -> Self {
        let thumbnail =
            "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
        Self::file("imageMessage", mime, bytes, json!({ "height": 1, "width": 1, "jpegThumbnail": thumbnail }))
    }

    /// A video.
    pub fn video(mime: &str, bytes: impl Into<Bytes>) -> Self {
        Self::file("videoMessage", mime, bytes, json!({ "seconds": 3 }))
    }

    /// A GIF: a video that repeats.
    pub fn gif(bytes: impl Into<Bytes>) -> Self {
        Self::file("videoMessage", "video/mp4", bytes, json!({ "seconds": 3, "gifPlayback": true }))
    }

    /// A round video note.
    pub fn video_note(bytes: impl Into<Bytes>) -> Self {
        Self::file("ptvMessage", "video/mp4", bytes, json!({ "seconds": 3 }))
    }

    /// A piece of audio.
    pub fn audio(mime: &str, bytes: impl Into<Bytes>) -> Self {
        Self::file("audioMessage", mime, bytes, json!({ "seconds": 3 }))
    }

    /// A voice note.
    pub fn voice(bytes: impl Into<Bytes>) -> Self {
        Self::file("audioMessage", "audio/ogg; codecs=opus", bytes, json!({ "seconds": 3, "ptt": true }))
    }

    /// A document. With a caption, WhatsApp wraps it, and the addon fails to fetch it.
    pub fn document(name: &str, mime: &str, bytes: impl Into<Bytes>) -> Self {
        Self::file("documentMessage", mime, bytes, json!({ "title": name, "pageCount": 1, "fileName": name }))
    }

    /// A sticker (webp).
    pub fn sticker(bytes: impl Into<Bytes>) -> Self {
        Self::file("stickerMessage", "image/webp", bytes, json!({}))
    }

    /// A place. Latitude and longitude in degrees.
    pub fn location(latitude: f64, longitude: f64, name: &str, address: &str) -> Self {
        let mut value = json!({ "degreesLatitude": latitude, "degreesLongitude": longitude });
        for (key, text) in [("name", name), ("address", address)] {
            if !text.is_empty() {
                value[key] = json!(text);
            }
        }
        Self::of(Content::Kind("locationMessage", value))
    }

    /// A contact with a telephone number.
    pub fn contact(name: &str, telephone: &str) -> Self {
        Self::of(Content::Kind("contactMessage", json!({ "displayName": name, "vcard": vcard(name, telephone) })))
    }

    /// Several contacts; the addon tells only the title.
    pub fn contacts(title: &str, contacts: &[(&str, &str)]) -> Self {
        let contacts: Vec<Value> = contacts
            .iter()
            .map(|(name, telephone)| json!({ "displayName": name, "vcard": vcard(name, telephone) }))
            .collect();
        Self::of(Content::Kind("contactsArrayMessage", json!({ "displayName": title, "contacts": contacts })))
    }

    /// A poll with one choice.
    pub fn poll(question: &str, options: &[&str]) -> Self {
        let options: Vec<Value> = options.iter().map(|option| json!({ "optionName": option })).collect();
        let value = json!({ "name": question, "options": options, "selectableOptionsCount": 1 });
        Self::of(Content::Kind("pollCreationMessageV3", value))
    }

    /// A vote in a poll; no option takes the vote back.
    pub fn vote(poll: &str, options: &[&str]) -> Self {
        let options = options.iter().map(|option| (*option).to_owned()).collect();
        Self::of(Content::Vote { poll: poll.to_owned(), options })
    }

    /// An appointment; `start` in seconds since 1970.
    pub fn event(name: &str, description: &str, start: i64) -> Self {
        let value = json!({ "name": name, "description": description, "startTime": start.to_string() });
        Self::of(Content::Kind("eventMessage", value))
    }

    /// A message that says nothing: keys for a group.
    pub fn key_distribution() -> Self {
        Self::of(Content::Kind("senderKeyDistributionMessage", json!({ "groupId": "120363000000000001@g.us" })))
    }

    /// A field of `raw.message` as it is: for kinds that have no method of their own.
    pub fn kind(kind: &'static str, value: Value) -> Self {
        Self::of(Content::Kind(kind, value))
    }

    /// A text under a picture, a video or a document.
    pub fn caption(mut self, caption: &str) -> Self {
        if let Content::File { more, .. } = &mut self.content {
            more.insert("caption".to_owned(), json!(caption));
        }
        self
    }

    /// Answers a message.
    pub fn quoting(mut self, id: &str) -> Self {
        self.quotes = Some(id.to_owned());
        self
    }

    /// It was forwarded.
    pub fn forwarded(mut self) -> Self {
        self.forwarded = true;
        self
    }

    /// Mentions somebody; the text holds `@` and the user part of the JID.
    pub fn mentioning(mut self, jid: &str) -> Self {
        self.mentions.push(jid.to_owned());
        self
    }

    /// In a chat with disappearing messages.
    pub fn ephemeral(mut self) -> Self {
        self.wrapper = Some("ephemeralMessage");
        self
    }

    /// To be seen once.
    pub fn view_once(mut self) -> Self {
        self.wrapper = Some("viewOnceMessageV2");
        self
    }

    /// How the sender is named.
    pub fn addressed(mut self, addressing: Addressing) -> Self {
        self.addressing = addressing;
        self
    }

    /// Its file cannot be downloaded by the addon.
    pub fn lost(mut self) -> Self {
        self.lost = true;
        self
    }

    /// Its webhook waits until [`release`](super::FakeWhatsApp::release) says so, as when a download takes long.
    pub fn held(mut self) -> Self {
        self.held = true;
        self
    }

    /// It was written then, in seconds since 1970; else now.
    pub fn at(mut self, seconds: i64) -> Self {
        self.time = Some(seconds);
        self
    }

    /// Its id; else one is made.
    pub fn with_id(mut self, id: &str) -> Self {
        self.id = Some(id.to_owned());
        self
    }

    /// `raw.message`. `quoted` is the message that it answers; `file` is its file on disk, `own` our JID.
    pub(crate) fn raw(&self, quoted: Option<&Value>, file: Option<&FakeMedia>, own: &str) -> Value {
        let context = self.context(quoted, own);
        let (kind, mut value) = match &self.content {
            Content::Text(text) if context.is_empty() => ("conversation", json!(text)),
            Content::Text(text) => ("extendedTextMessage", json!({ "text": text })),
            Content::Kind(kind, value) => (*kind, value.clone()),
            Content::File { kind, more, .. } => {
                let mut value = file.map_or_else(|| json!({}), FakeMedia::raw);
                if let Value::Object(fields) = &mut value {
                    fields.extend(more.clone());
                }
                (*kind, value)
            }
            Content::Vote { poll, .. } => {
                let key = quoted.map_or_else(|| json!({ "id": poll }), |poll| poll["key"].clone());
                let vote = json!({ "encPayload": "q83vEjRWeJA=", "encIv": "EjRWeJCrze8SNFZ4" });
                let value =
                    json!({ "pollCreationMessageKey": key, "vote": vote, "senderTimestampMs": "1795241735000" });
                return json!({ "pollUpdateMessage": value });
            }
        };
        if !context.is_empty() && value.is_object() {
            value["contextInfo"] = Value::Object(context);
        }
        let mut message = json!({ kind: value });
        if kind == "documentMessage" && message[kind].get("caption").is_some() {
            if let Some(document) = message[kind].as_object_mut() {
                document.shift_remove("title");
                document.shift_remove("pageCount");
            }
            message = json!({ "documentWithCaptionMessage": { "message": message } });
        }
        match self.wrapper {
            Some(wrapper) => json!({ wrapper: { "message": message } }),
            None => message,
        }
    }

    fn context(&self, quoted: Option<&Value>, own: &str) -> Map<String, Value> {
        let mut context = Map::new();
        if let Some(id) = &self.quotes {
            context.insert("stanzaId".to_owned(), json!(id));
            if let Some(quoted) = quoted {
                context.insert("participant".to_owned(), json!(super::event::author(quoted, own)));
                context.insert("quotedMessage".to_owned(), quoted["message"].clone());
            }
        }
        if self.forwarded {
            context.insert("forwardingScore".to_owned(), json!(1));
            context.insert("isForwarded".to_owned(), json!(true));
        }
        if !self.mentions.is_empty() {
            context.insert("mentionedJid".to_owned(), json!(self.mentions));
        }
        if self.wrapper == Some("ephemeralMessage") {
            context.insert("expiration".to_owned(), json!(604_800));
        }
        context
    }
}

/// A vCard as WhatsApp makes it.
pub(crate) fn vcard(name: &str, telephone: &str) -> String {
    let digits = super::jid::digits(telephone);
    format!("BEGIN:VCARD\nVERSION:3.0\nFN:{name}\nTEL;type=CELL;waid={digits}:{telephone}\nEND:VCARD")
}
