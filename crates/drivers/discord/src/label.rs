//! What stands for a file that is not sent: `[Image: cat.png] <https://…> (too large)`.

use tieline_core::compose::one_line;
use tieline_core::driver::TextUnit;
use tieline_core::event::Attachment;
use tieline_core::markup::Dialect;
use tieline_core::split::split;
use url::Url;

use crate::markup::DiscordDialect;

/// The longest name of a file in a label, in UTF-16 units.
const NAME: usize = 60;
/// The longest name where there is little room.
const SHORT_NAME: usize = 30;
/// The room in which any label fits: what is left out is first the link, then the reason.
#[cfg(test)]
const SHORTEST: usize = 2 * (SHORT_NAME + 20);

/// The label of a file that is not sent for a reason, in at most so many UTF-16 units, of which a short name always takes its own.
pub(crate) fn label(file: &Attachment, reason: &str, most: usize) -> String {
    let reason = escape(&format!("({})", plain(reason)));
    let link = file.link.as_deref().and_then(|link| Url::parse(link).ok()).filter(is_web);
    // In angle brackets nothing is markup, and there is no preview.
    let linked = link.map(|link| format!("{} <{link}> {reason}", name(file, NAME)));
    let short = name(file, SHORT_NAME);
    let shorter = [format!("{} {reason}", name(file, NAME)), format!("{short} {reason}")];
    linked.into_iter().chain(shorter).find(|label| TextUnit::Utf16.count(label) <= most).unwrap_or(short)
}

/// Whether an address is one of the web.
pub(crate) fn is_web(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
}

/// A text as Discord shows it; names are escaped the same way whatever may be mentioned.
pub(crate) fn escape(text: &str) -> String {
    DiscordDialect { everyone: false }.escape(text)
}

fn name(file: &Attachment, most: usize) -> String {
    let name = plain(&file.name);
    let name = name.trim();
    let cut = split(name, most, TextUnit::Utf16).into_iter().next().unwrap_or_default();
    let mark = if cut.len() < name.len() { "…" } else { "" };
    escape(&format!("[{}: {cut}{mark}]", file.kind.word()))
}

/// One line in which no bracket ends the label.
fn plain(text: &str) -> String {
    one_line(text).chars().map(|c| if c == '[' || c == ']' { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tieline_core::event::{AttachmentKind, Content};

    fn file(name: &str, link: Option<&str>) -> Attachment {
        Attachment {
            name: name.to_owned(),
            kind: AttachmentKind::Voice,
            mime: String::new(),
            size: None,
            link: link.map(str::to_owned),
            content: Content::Unavailable(String::new()),
        }
    }

    fn read(label: &str) -> String {
        DiscordDialect { everyone: false }.parse(label).to_plain()
    }

    #[test]
    fn it_names_the_file_where_to_find_it_and_why() {
        let whole = label(&file("a_b_c.ogg", Some("https://x.example/a_b_c")), "too *large*", 500);
        assert!(whole.contains("<https://x.example/a_b_c>"), "{whole}");
        assert_eq!(
            read(&whole).replace(['<', '>'], ""),
            "[Voice message: a_b_c.ogg] https://x.example/a_b_c (too *large*)"
        );
        assert!(!label(&file("a", Some("javascript:alert(1)")), "x", 500).contains("javascript"));
        assert!(!label(&file("a](https://evil.example)", None), "x", 500).contains("]("));
    }

    #[test]
    fn where_there_is_little_room_the_link_goes_first() {
        let link = format!("https://x.example/{}", "a".repeat(300));
        let short = label(&file(&"n".repeat(100), Some(&link)), "too large", 140);
        assert!(!short.contains("https") && short.contains("too large") && short.contains('…'), "{short}");
    }

    proptest! {
        #[test]
        fn it_fits(name in "\\PC{0,90}", reason in "\\PC{0,90}", most in SHORTEST..400) {
            prop_assert!(TextUnit::Utf16.count(&label(&file(&name, Some("https://x.example/?q=1")), &reason, most)) <= most);
        }
    }
}
