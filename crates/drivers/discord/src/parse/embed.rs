//! Embeds that bots write, as text. What Discord makes of links in a text is no part of the message.

use serde_json::Value;
use tieline_core::event::AttachmentKind;
use tieline_core::markup::{Block, Span};

use crate::fields::{list, name, part, text};
use crate::parse::file;
use crate::parse::said::{Reader, Said, line};

/// What a message has at most (reference/discord.md §4).
const EMBEDS: usize = 10;
const FIELDS: usize = 25;

/// Adds what a message's embeds say.
pub(super) fn add(reader: &Reader<'_>, message: &Value, said: &mut Said) {
    let typed = text(message, "content").unwrap_or_default();
    for embed in list(message, "embeds").iter().take(EMBEDS).filter(|embed| !is_preview(embed, &typed)) {
        one(reader, embed, said);
    }
}

/// Whether Discord made it of a link: by its type, or since its link stands in the text.
fn is_preview(embed: &Value, typed: &str) -> bool {
    let made = text(embed, "type").is_some_and(|kind| kind != "rich");
    made || text(embed, "url").is_some_and(|url| typed.contains(&*url))
}

fn one(reader: &Reader<'_>, embed: &Value, said: &mut Said) {
    let blocks = &mut said.text.blocks;
    blocks.extend(name(part(embed, "author"), "name").map(line));
    let address = text(embed, "url").filter(|url| is_web(url));
    match (name(embed, "title"), address) {
        (Some(title), address) => {
            let title = match reader.parse(&title).blocks.pop() {
                Some(Block::Line(spans)) => spans,
                _ => vec![Span::Text(title)],
            };
            let title = address.map_or_else(|| title.clone(), |url| vec![Span::Link(url.into_owned(), title.clone())]);
            blocks.push(Block::Line(vec![Span::Bold(title)]));
        }
        (None, Some(url)) => blocks.push(line(url)),
        (None, None) => {}
    }
    blocks.extend(text(embed, "description").into_iter().flat_map(|text| reader.parse(&text).blocks));
    for field in list(embed, "fields").iter().take(FIELDS) {
        blocks.extend(field_lines(reader, field));
    }
    let footer = name(part(embed, "footer"), "text");
    blocks.extend(footer.map(|footer| Block::Line(vec![Span::Italic(vec![Span::Text(footer)])])));
    if let Some(url) = text(part(embed, "image"), "url") {
        picture(reader, &url, said);
    }
}

/// `Name: value`; a value of several lines stands below.
fn field_lines(reader: &Reader<'_>, field: &Value) -> Vec<Block> {
    let mut value = text(field, "value").map(|value| reader.parse(&value).blocks).unwrap_or_default();
    let Some(head) = name(field, "name") else { return value };
    let mut head = vec![Span::Bold(vec![Span::Text(head)])];
    if let [Block::Line(spans)] = value.as_mut_slice() {
        head.push(Span::Text(": ".to_owned()));
        head.append(spans);
        value.clear();
    }
    value.insert(0, Block::Line(head));
    value
}

/// A picture that was posted: as a file where we may fetch it, else as its address.
pub(super) fn picture(reader: &Reader<'_>, url: &str, said: &mut Said) {
    let path = |url: &str| url.split(['?', '#']).next().unwrap_or_default().to_owned();
    let known =
        |url: &str| said.files.iter().any(|file| file.link.as_deref().is_some_and(|link| path(link) == path(url)));
    if known(url) {
        return;
    }
    if file::is_fetched(reader.instance, url) {
        let path = path(url);
        let last = path.rsplit('/').next().filter(|last| last.contains('.')).unwrap_or("image");
        said.files.push(file::at(reader.instance, url, last, AttachmentKind::Image, ""));
    } else if is_web(url) {
        said.text.blocks.push(line(url));
    }
}

pub(super) fn is_web(url: &str) -> bool {
    url::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
}

#[cfg(test)]
mod tests {
    use crate::parse::said::tests::{plain, said};
    use serde_json::json;

    #[test]
    fn an_embed_reads_from_top_to_bottom() {
        let embed = json!({
            "type": "rich", "title": "Build *42* failed", "url": "https://ci.example/42", "description": "in **main**\nby ann",
            "author": { "name": "CI", "url": "https://ci.example" }, "footer": { "text": "a minute\nago" }, "color": 16_711_680,
            "fields": [
                { "name": "Branch", "value": "`main`", "inline": true }, { "name": "Steps", "value": "one\ntwo" },
                { "name": "alone" }, { "value": "bare" }, null, 7,
            ],
            "thumbnail": { "url": "https://cdn.discordapp.com/attachments/1/2/icon.png" },
            "image": { "url": "https://img.example/graph.png", "proxy_url": "https://images-ext-1.discordapp.net/x" },
        });
        assert_eq!(
            plain(&json!({ "content": "", "embeds": [embed] })),
            "CI\nBuild 42 failed (https://ci.example/42)\nin main\nby ann\nBranch: main\nSteps\none\ntwo\nalone\nbare\n\
             a minute ago\nhttps://img.example/graph.png"
        );
    }

    #[test]
    fn what_discord_makes_of_links_is_left_out() {
        for kind in ["image", "video", "gifv", "article", "link", "poll_result", "something_new"] {
            let embed = json!({ "type": kind, "title": "Preview", "url": "https://e.example/x" });
            assert_eq!(plain(&json!({ "content": "see", "embeds": [embed] })), "see", "{kind}");
        }
        let unfurled = json!({ "type": "rich", "title": "A post", "url": "https://social.example/1" });
        let message = json!({ "content": "see https://social.example/1", "embeds": [unfurled] });
        assert_eq!(plain(&message), "see https://social.example/1");
        let untyped = json!({ "title": "kept", "url": "javascript:alert(1)" });
        assert_eq!(plain(&json!({ "content": "see", "embeds": [untyped] })), "see\nkept");
    }

    #[test]
    fn a_picture_that_lies_with_discord_is_a_file_once() {
        let url = "https://cdn.discordapp.com/attachments/1/2/graph.png?ex=1";
        let embed = json!({ "image": { "url": url } });
        let said = said(&json!({ "embeds": [embed, embed], "attachments": [] }));
        assert_eq!((said.files.len(), said.files[0].name.as_str()), (1, "graph.png"));
        assert!(said.text.is_blank());
    }
}
