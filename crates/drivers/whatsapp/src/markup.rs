//! How WhatsApp writes text.
//!
//! `*bold*`, `_italic_`, `~strike~`, `` `code` ``, ```` ```block``` ````, `> quotation`, `- item`, `1. item`; there are no
//! links with a text of their own and no headlines. A mark counts at the edge of a word only: an opening one stands after
//! the beginning of the line or no letter or digit, with no space behind it; a closing one the other way round. There is
//! no escape; what must not be markup is kept apart by characters that nobody sees.

mod commands;
mod escape;
mod harmless;
mod marks;
mod parse;
mod render;

use tieline_core::markup::{Dialect, Markup};

pub(crate) use self::harmless::harmless;
pub(crate) use self::parse::parse;

/// WhatsApp's markup.
#[derive(Debug)]
pub(crate) struct WhatsAppDialect;

impl Dialect for WhatsAppDialect {
    fn parse(&self, text: &str) -> Markup {
        parse(text)
    }

    fn render(&self, markup: &Markup) -> String {
        render::render(markup)
    }

    fn escape(&self, text: &str) -> String {
        escape::text(text)
    }
}
