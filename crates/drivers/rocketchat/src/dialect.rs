//! How Rocket.Chat writes text. What its parser takes was tried with `@rocket.chat/message-parser` 0.32.

use tieline_core::markup::{Dialect, Markup};

use crate::{escape, parse, render};

/// Rocket.Chat's markup.
#[derive(Debug)]
pub(crate) struct RocketChatDialect;

impl Dialect for RocketChatDialect {
    fn parse(&self, text: &str) -> Markup {
        parse::parse(text)
    }

    fn render(&self, markup: &Markup) -> String {
        render::render(markup)
    }

    fn escape(&self, text: &str) -> String {
        escape::text(text)
    }
}

/// Invisible, and no part of a word: it keeps two characters apart that would mean something together.
pub(crate) const APART: char = '\u{200b}';

/// Whether a character can be part of a user's or a room's name, as the server's default expression says.
pub(crate) fn in_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')
}

/// The length of the address that begins here, or 0. Within one nothing is markup.
pub(crate) fn url_length(text: &str) -> usize {
    if !["https://", "http://"].iter().any(|scheme| text.starts_with(scheme)) {
        return 0;
    }
    let end = |c: char| c.is_whitespace() || matches!(c, '<' | '>' | '|' | '"' | '`' | '*' | '~' | ')' | ']' | '\\');
    text.find(end).unwrap_or(text.len())
}

/// The name of the short code that begins here (`:thumbsup:`), if one does.
pub(crate) fn short_code(text: &str) -> Option<&str> {
    let name = text.strip_prefix(':')?;
    let length = name.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '+')))?;
    (length > 0 && name[length..].starts_with(':')).then(|| &name[..length])
}
