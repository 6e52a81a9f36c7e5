//! How Discord writes text.
//!
//! `**bold**`, `*italic*` or `_italic_`, `__underlined__`, `~~struck~~`, `||spoiler||`, `` `code` ``, blocks of code,
//! `> ` and `>>> ` quotations, `# ` to `### ` headlines, `-# ` small print, lists, `[text](address)`, and a backslash
//! before any punctuation that is meant as such. Persons, roles, channels, emoji and times stand as `<…>` with their ids.
//! There is no grammar; the rules are those that the client is known for (reference/discord.md §6).

mod angle;
mod escape;
mod marks;
mod parse;
mod reader;
mod render;
#[cfg(test)]
mod tests;

use tieline_core::markup::{Dialect, Markup};

pub(crate) use self::parse::parse_with;

/// Discord's markup.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DiscordDialect {
    /// Whether a mention of everybody may be one here, too. Typed text never is.
    pub(crate) everyone: bool,
}

impl Dialect for DiscordDialect {
    fn parse(&self, text: &str) -> Markup {
        parse_with(text, &NoNames)
    }

    fn render(&self, markup: &Markup) -> String {
        render::render(markup, self.everyone)
    }

    fn escape(&self, text: &str) -> String {
        escape::text(text)
    }
}

/// Who and what the ids in a text stand for. `None`: nobody knows.
pub(crate) trait Names {
    /// The name that a person is shown under.
    fn user(&self, id: &str) -> Option<String>;
    /// The name of a role.
    fn role(&self, id: &str) -> Option<String>;
    /// The name of a channel, without `#`.
    fn channel(&self, id: &str) -> Option<String>;
}

/// Nothing is known.
struct NoNames;

impl Names for NoNames {
    fn user(&self, _: &str) -> Option<String> {
        None
    }

    fn role(&self, _: &str) -> Option<String> {
        None
    }

    fn channel(&self, _: &str) -> Option<String> {
        None
    }
}
