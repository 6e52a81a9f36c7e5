//! What a message says: its text and files.

use serde_json::Value;
use tieline_core::event::Attachment;
use tieline_core::markup::{Block, Markup, Span};

use crate::fields::{list, part, text, whole};
use crate::instance::Instance;
use crate::markup::parse_with;
use crate::message::flags;
use crate::parse::names::Known;
use crate::parse::{component, embed, file, poll, sticker};

/// How many passed-on messages of one message are read; Discord puts in one.
const SNAPSHOTS: usize = 10;
/// What `message_reference.type` says of a message that passes another one on.
const FORWARD: u64 = 1;

/// Text and files.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) text: Markup,
    pub(super) files: Vec<Attachment>,
}

/// What reading needs beside the message.
pub(super) struct Reader<'a> {
    pub(super) instance: &'a Instance,
    pub(super) names: Known<'a>,
    /// Whether embeds were written. People write none: theirs are previews of links.
    pub(super) embeds: bool,
}

impl Reader<'_> {
    /// What somebody typed.
    pub(super) fn parse(&self, typed: &str) -> Markup {
        parse_with(typed, &self.names)
    }

    /// What a message says, and what is passed on in it.
    pub(super) fn read(mut self, message: &Value) -> Said {
        self.names = self.names.mentioned(message);
        let mut said = self.own(message);
        if !is_forward(message) {
            return said;
        }
        // It is not told who wrote it: maybe a bot.
        self.embeds = true;
        for snapshot in list(message, "message_snapshots").iter().take(SNAPSHOTS) {
            let inner = part(snapshot, "message");
            self.names = self.names.mentioned(inner);
            let passed_on = self.own(inner);
            if passed_on.text.is_blank() && passed_on.files.is_empty() {
                continue;
            }
            said.text.blocks.push(Block::Line(vec![Span::Italic(vec![Span::Text("Forwarded".to_owned())])]));
            said.text.blocks.extend(passed_on.text.blocks);
            said.files.extend(passed_on.files);
        }
        said
    }

    /// What a message says itself.
    fn own(&self, message: &Value) -> Said {
        let flags = whole(message, "flags").unwrap_or_default();
        let typed = text(message, "content").map(|content| self.parse(&content)).unwrap_or_default();
        let mut said = Said { text: typed, files: file::of(self.instance, message) };
        said.text.blocks.extend(poll::blocks(part(message, "poll")));
        if flags & flags::COMPONENTS_V2 != 0 {
            component::add(self, list(message, "components"), &mut said);
        }
        if self.embeds && flags & flags::SUPPRESS_EMBEDS == 0 {
            embed::add(self, message, &mut said);
        }
        sticker::add(self, message, &mut said);
        said.text.blocks.extend(file::descriptions(message));
        said
    }
}

/// Whether a message passes on another one.
pub(super) fn is_forward(message: &Value) -> bool {
    whole(part(message, "message_reference"), "type") == Some(FORWARD)
}

/// A line of plain text.
pub(super) fn line(text: impl Into<String>) -> Block {
    Block::Line(vec![Span::Text(text.into())])
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::directory::Directory;
    use crate::parse::tests::instance;
    use serde_json::json;
    use tieline_core::event::{AttachmentKind, Content};

    /// What a bot's message says.
    pub(crate) fn said(message: &Value) -> Said {
        let (instance, directory) = (instance(), Directory::default());
        let names = Known::new(&directory, None);
        Reader { instance: &instance, names, embeds: true }.read(message)
    }

    /// What people read of it.
    pub(crate) fn plain(message: &Value) -> String {
        said(message).text.to_plain()
    }

    #[test]
    fn what_is_passed_on_is_marked() {
        let forward = json!({
            "content": "", "message_reference": { "type": 1, "message_id": "1", "channel_id": "2" },
            "message_snapshots": [{ "message": {
                "content": "hi <@7>", "mentions": [{ "id": "7", "username": "bob" }],
                "attachments": [{ "id": "3", "filename": "a.txt", "url": "https://cdn.discordapp.com/attachments/2/3/a.txt" }],
                "embeds": [{ "type": "rich", "title": "News" }], "sticker_items": [{ "name": "w", "format_type": 3 }],
            } }],
        });
        let said = said(&forward);
        assert_eq!(said.text.to_plain(), "Forwarded\nhi @bob\nNews\n[Sticker: w]");
        assert_eq!(said.files.len(), 1);
        let reply = json!({ "content": "x", "message_reference": { "type": 0 }, "message_snapshots": forward["message_snapshots"] });
        assert_eq!(plain(&reply), "x");
    }

    #[test]
    fn files_have_kinds_names_and_places() {
        let file = |more: Value| {
            let mut file = json!({
                "id": "9", "filename": "cat.png", "size": 5, "content_type": "image/png",
                "url": "https://cdn.discordapp.com/attachments/1/9/cat.png?ex=6a&is=69&hm=x",
            });
            for (key, value) in more.as_object().expect("an object") {
                file[key] = value.clone();
            }
            said(&json!({ "attachments": [file] })).files.remove(0)
        };
        let cat = file(json!({}));
        assert_eq!((cat.kind, cat.mime.as_str(), cat.size), (AttachmentKind::Image, "image/png", Some(5)));
        assert_eq!(cat.content, Content::Remote(json!({ "url": cat.link })));
        assert_eq!(file(json!({ "flags": 8 })).name, "SPOILER_cat.png");
        assert_eq!(file(json!({ "flags": 8, "filename": "SPOILER_cat.png" })).name, "SPOILER_cat.png");
        assert_eq!(file(json!({ "title": "Mïau" })).name, "Mïau.png");
        assert_eq!(file(json!({ "title": "Miau.PNG" })).name, "Miau.PNG");
        assert_eq!(file(json!({ "filename": "../..\\x\u{202e}y.pdf" })).name, "xy.pdf");
        assert_eq!(file(json!({ "filename": null, "content_type": "a b\r\nc" })).name, "file");
        assert_eq!(file(json!({ "content_type": "text/plain; charset=utf-8" })).mime, "text/plain");
        assert_eq!(file(json!({ "content_type": "text/plain\r\nX: 1" })).mime, "");
        let large = file(json!({ "size": "99999999999" }));
        assert!(
            matches!(large.content, Content::Unavailable(ref why) if why.contains("larger")) && large.link.is_some()
        );
        for foreign in ["http://127.0.0.1/x", "https://evil.example/cat.png", "file:///etc/passwd", "", "7"] {
            let file = file(json!({ "url": foreign }));
            assert!(matches!(file.content, Content::Unavailable(_)), "{foreign}");
            assert!(file.link.is_none_or(|link| link.starts_with("http")), "{foreign}");
        }
    }

    #[test]
    fn a_voice_message_is_one() {
        let voice = json!({ "flags": flags::VOICE_MESSAGE, "attachments": [{
            "id": "9", "filename": "voice-message.ogg", "content_type": "audio/ogg", "duration_secs": 2.5, "waveform": "AA==",
            "url": "https://cdn.discordapp.com/attachments/1/9/voice-message.ogg",
        }] });
        assert_eq!(said(&voice).files[0].kind, AttachmentKind::Voice);
    }

    #[test]
    fn what_a_picture_shows_is_said_to_those_who_cannot_see_it() {
        let described = json!({ "content": "look", "attachments": [
            { "filename": "cat.png", "description": "a cat\non a mat", "url": "https://cdn.discordapp.com/x" },
            { "filename": "dog.png", "description": "", "url": "https://cdn.discordapp.com/y" },
        ] });
        assert_eq!(plain(&described), "look\ncat.png: a cat on a mat");
    }

    #[test]
    fn far_too_many_files_are_cut_off_and_said_to_be() {
        let files = vec![json!({ "filename": "a.txt", "url": "https://cdn.discordapp.com/x" }); 5_000];
        let said = said(&json!({ "attachments": files }));
        assert_eq!((said.files.len(), said.files[50].name.as_str()), (51, "4950 more"));
    }
}
