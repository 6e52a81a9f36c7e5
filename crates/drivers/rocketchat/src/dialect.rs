//! How Rocket.Chat writes text.

use tieline_core::markup::{Dialect, Markup};

/// Rocket.Chat's markup.
pub(crate) struct RocketChatDialect;

impl Dialect for RocketChatDialect {
    fn render(&self, markup: &Markup) -> String {
        markup.to_plain()
    }

    fn escape(&self, text: &str) -> String {
        text.to_owned()
    }
}
