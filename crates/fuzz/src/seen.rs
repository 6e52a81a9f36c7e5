//! What a person reads of a text, whatever was put into it to keep it from being markup.

use tieline_core::markup::{Block, Markup, Span};

/// Characters that nobody sees, and that drivers write between others: the zero-width space, and the hair space behind
/// which nothing opens on WhatsApp.
const UNSEEN: [char; 2] = ['\u{200b}', '\u{200a}'];
/// What stands for a backtick where nothing can escape one.
const NO_BACKTICK: char = '\u{2cb}';
/// What an address may have as a percent code instead; it leads to the same place.
const CODED: &str = "*_~`|<>()[]@\"\\ ";

/// What a person reads: without what nobody sees, and with the signs that codes and look-alikes stand for.
pub fn seen(text: &str) -> String {
    let mut shown: String = text.chars().filter(|c| !UNSEEN.contains(c)).collect();
    shown = shown.replace(NO_BACKTICK, "`");
    for sign in CODED.chars() {
        let code = format!("%{:02X}", u32::from(sign));
        shown = shown.replace(&code, &sign.to_string());
    }
    shown
}

/// The same for the texts of a tree, with what stands side by side put together and nothing empty left.
pub fn seen_tree(markup: &Markup) -> Markup {
    let block = |block: &Block| match block {
        Block::Line(inner) => Block::Line(spans(inner)),
        Block::Quote(inner) => Block::Quote(spans(inner)),
        Block::Item(marker, inner) => Block::Item(marker.clone(), spans(inner)),
        Block::Heading(level, inner) => Block::Heading(*level, spans(inner)),
        Block::Code(language, text) => Block::Code(language.clone(), seen(text)),
    };
    Markup { blocks: markup.blocks.iter().map(block).collect() }
}

fn spans(spans: &[Span]) -> Vec<Span> {
    let mut out: Vec<Span> = Vec::new();
    for span in spans {
        let span = match span {
            Span::Text(text) => Span::Text(seen(text)),
            Span::Code(text) => Span::Code(seen(text)),
            Span::Link(address, label) => Span::Link(seen(address), self::spans(label)),
            other => other.inner().map_or_else(|| other.clone(), |inner| other.around(self::spans(inner))),
        };
        match (out.last_mut(), span) {
            (_, Span::Text(text)) if text.is_empty() => {}
            (Some(Span::Text(before)), Span::Text(text)) => before.push_str(&text),
            (_, span) => out.push(span),
        }
    }
    out
}
