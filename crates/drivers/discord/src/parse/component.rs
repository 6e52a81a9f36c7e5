//! Messages that are made of components: their texts stand nowhere else.

use serde_json::Value;
use tieline_core::event::AttachmentKind;
use tieline_core::markup::{Block, Span};

use crate::fields::{list, name, part, text, whole};
use crate::parse::embed::{is_web, picture};
use crate::parse::file;
use crate::parse::said::{Reader, Said, line};

/// How many components are read, and how deep they may lie in each other; Discord takes forty.
const MOST: usize = 200;
const DEEPEST: usize = 8;

/// Adds what components say, from top to bottom.
pub(super) fn add(reader: &Reader<'_>, components: &[Value], said: &mut Said) {
    let mut left = MOST;
    walk(reader, components, DEEPEST, &mut left, said);
}

fn walk(reader: &Reader<'_>, components: &[Value], depth: usize, left: &mut usize, said: &mut Said) {
    for component in components {
        if *left == 0 || depth == 0 {
            return;
        }
        *left -= 1;
        one(reader, component, depth, left, said);
    }
}

fn one(reader: &Reader<'_>, component: &Value, depth: usize, left: &mut usize, said: &mut Said) {
    match whole(component, "type") {
        // A button that leads somewhere; others do something within Discord.
        Some(2) => {
            if let Some(url) = text(component, "url").filter(|url| is_web(url)) {
                said.text.blocks.push(match name(component, "label") {
                    Some(label) => Block::Line(vec![Span::Link(url.into_owned(), vec![Span::Text(label)])]),
                    None => line(url),
                });
            }
        }
        // A text.
        Some(10) => {
            said.text.blocks.extend(text(component, "content").into_iter().flat_map(|text| reader.parse(&text).blocks));
        }
        // A thumbnail.
        Some(11) => show(reader, component, said),
        // A gallery.
        Some(12) => list(component, "items").iter().take(MOST).for_each(|item| show(reader, item, said)),
        // A file.
        Some(13) => {
            if let Some(url) = text(part(component, "file"), "url").filter(|url| file::is_fetched(reader.instance, url))
            {
                let shown = name(component, "name").unwrap_or_else(|| "file".to_owned());
                said.files.push(file::at(reader.instance, &url, &shown, AttachmentKind::Document, ""));
            }
        }
        // Rows, sections with what stands beside them, containers, and what is new.
        _ => {
            walk(reader, list(component, "components"), depth - 1, left, said);
            walk(reader, component.get("accessory").map_or(&[], std::slice::from_ref), depth - 1, left, said);
        }
    }
}

fn show(reader: &Reader<'_>, item: &Value, said: &mut Said) {
    if let Some(url) = text(part(item, "media"), "url") {
        picture(reader, &url, said);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::flags::COMPONENTS_V2;
    use crate::parse::said::tests::{plain, said};
    use serde_json::json;

    #[test]
    fn texts_links_and_pictures_are_found_however_deep() {
        let components = json!([
            { "type": 10, "content": "# Release\n**1.0**" },
            { "type": 14 },
            { "type": 17, "components": [
                { "type": 9, "components": [{ "type": 10, "content": "inside" }],
                  "accessory": { "type": 11, "media": { "url": "https://cdn.discordapp.com/attachments/1/2/icon.png" } } },
                { "type": 12, "items": [{ "media": { "url": "https://img.example/a.png" } }, null] },
                { "type": 13, "name": "notes.txt", "file": { "url": "https://cdn.discordapp.com/attachments/1/3/notes.txt" } },
            ] },
            { "type": 1, "components": [{ "type": 2, "label": "Docs", "url": "https://docs.example" }, { "type": 2, "label": "Go" }] },
        ]);
        let said = said(&json!({ "flags": COMPONENTS_V2, "components": components }));
        let names: Vec<&str> = said.files.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(names, ["icon.png", "notes.txt"]);
        assert_eq!(
            said.text.to_plain(),
            "Release\n1.0\ninside\nhttps://img.example/a.png\nDocs (https://docs.example/)".replace("e/)", "e)")
        );
        assert_eq!(
            plain(&json!({ "content": "x", "components": components })),
            "x",
            "they only say what `content` does not"
        );
    }

    #[test]
    fn depth_and_number_are_limited() {
        let mut deep = json!({ "type": 10, "content": "deep" });
        for _ in 0..100 {
            deep = json!({ "type": 17, "components": [deep] });
        }
        assert_eq!(
            plain(&json!({ "flags": COMPONENTS_V2, "components": [deep, { "type": 10, "content": "flat" }] })),
            "flat"
        );
        let many = vec![json!({ "type": 10, "content": "x" }); 10_000];
        assert_eq!(said(&json!({ "flags": COMPONENTS_V2, "components": many })).text.blocks.len(), MOST);
    }
}
