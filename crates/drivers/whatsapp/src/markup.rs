//! How WhatsApp writes text.

use tieline_core::markup::{Dialect, Markup};

/// WhatsApp's markup.
#[derive(Debug)]
pub(crate) struct WhatsAppDialect;

impl Dialect for WhatsAppDialect {
    fn parse(&self, text: &str) -> Markup {
        Markup::plain(text)
    }

    fn render(&self, markup: &Markup) -> String {
        markup.to_plain()
    }

    fn escape(&self, text: &str) -> String {
        text.to_owned()
    }
}

/// Reads a text.
pub(crate) fn parse(text: &str) -> Markup {
    Markup::plain(text)
}
