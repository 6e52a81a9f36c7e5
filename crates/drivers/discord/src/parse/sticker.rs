//! Stickers.

use serde_json::Value;
use tieline_core::event::AttachmentKind;

use crate::cdn;
use crate::fields::{id, list, name, whole};
use crate::parse::file;
use crate::parse::said::{Reader, Said, line};

/// How many of one message are shown; Discord takes three.
const MOST: usize = 10;

/// Adds a message's stickers: pictures as files, drawings that only Discord can play by name.
pub(super) fn add(reader: &Reader<'_>, message: &Value, said: &mut Said) {
    for sticker in list(message, "sticker_items").iter().take(MOST) {
        let shown = name(sticker, "name").unwrap_or_else(|| "sticker".to_owned());
        let (extension, mime) = match whole(sticker, "format_type") {
            Some(1 | 2) => ("png", "image/png"),
            Some(4) => ("gif", "image/gif"),
            _ => ("", ""),
        };
        match id(sticker, "id").filter(|_| !extension.is_empty()) {
            Some(id) => {
                let url = cdn::sticker(reader.instance, id, extension);
                let name = format!("{}.{extension}", shown.replace(['/', '\\'], " "));
                said.files.push(file::at(reader.instance, &url, &name, AttachmentKind::Sticker, mime));
            }
            None => said.text.blocks.push(line(format!("[{}: {shown}]", AttachmentKind::Sticker.word()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::parse::said::tests::said;
    use serde_json::json;
    use tieline_core::event::{AttachmentKind, Content};

    #[test]
    fn pictures_are_fetched_and_drawings_are_named() {
        let said = said(&json!({ "sticker_items": [
            { "id": "1", "name": "wave", "format_type": 1 }, { "id": "2", "name": "spin", "format_type": 2 },
            { "id": "3", "name": "Wumpus", "format_type": 3 }, { "id": 4, "name": "a/b", "format_type": "4" }, { "name": "odd" },
        ] }));
        assert_eq!(said.text.to_plain(), "[Sticker: Wumpus]\n[Sticker: odd]");
        let places: Vec<_> = said.files.iter().map(|file| (file.name.as_str(), file.content.clone())).collect();
        let at = |url: &str| Content::Remote(json!({ "url": url }));
        assert_eq!(
            places,
            [
                ("wave.png", at("https://cdn.discordapp.com/stickers/1.png")),
                ("spin.png", at("https://cdn.discordapp.com/stickers/2.png")),
                ("a b.gif", at("https://media.discordapp.net/stickers/4.gif")),
            ]
        );
        assert!(said.files.iter().all(|file| file.kind == AttachmentKind::Sticker));
    }
}
