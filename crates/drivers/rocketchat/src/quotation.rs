//! Quotations: how a person in Rocket.Chat answers a message without opening a thread.
//!
//! The client puts `[ ](https://server/channel/name?msg=ID) ` before the text, once for each message that is quoted, and
//! the server shows those messages there. To people the link is invisible.

use tieline_core::id::MessageId;
use url::Url;

/// The message that a text quotes first, and the text behind all its quotations.
pub(crate) fn split<'t>(text: &'t str, server: &Url) -> (Option<MessageId>, &'t str) {
    let mut quoted = None;
    let mut rest = text;
    while let Some((message, behind)) = first(rest, server) {
        quoted = quoted.or(Some(message));
        rest = behind;
    }
    (quoted, rest)
}

fn first<'t>(text: &'t str, server: &Url) -> Option<(MessageId, &'t str)> {
    let (address, behind) = text.strip_prefix("[ ](")?.split_once(')')?;
    let address = Url::parse(address).ok()?;
    // A link to a message elsewhere quotes nothing.
    if address.host() != server.host() || address.port_or_known_default() != server.port_or_known_default() {
        return None;
    }
    let message = address.query_pairs().find(|(name, _)| name == "msg")?.1;
    Some((MessageId::new(&message).ok()?, behind.trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> (Option<String>, &str) {
        let server = Url::parse("https://chat.example.com/sub").expect("an address");
        let (quoted, rest) = split(text, &server);
        (quoted.map(String::from), rest)
    }

    #[test]
    fn a_quotation_is_an_answer_and_its_link_is_not_said() {
        let quoted = |id: &str, rest| (Some(id.to_owned()), rest);
        assert_eq!(of("[ ](https://chat.example.com/channel/a?msg=m1) yes\nwell"), quoted("m1", "yes\nwell"));
        let two =
            "[ ](https://chat.example.com/group/a?msg=m1)\n[ ](https://chat.example.com/direct/b?x=1&msg=m2) both";
        assert_eq!(of(two), quoted("m1", "both"));
        assert_eq!(of("[ ](https://chat.example.com:443/channel/a?msg=m1)"), quoted("m1", ""));
    }

    #[test]
    fn what_only_looks_like_one_is_left_alone() {
        for text in [
            "",
            "yes",
            "[ ](https://elsewhere.example/channel/a?msg=m1) yes",
            "[ ](https://chat.example.com/channel/a) yes",
            "[x](https://chat.example.com/channel/a?msg=m1) yes",
            "see [ ](https://chat.example.com/channel/a?msg=m1)",
            "[ ](https://chat.example.com/channel/a?msg=m1",
        ] {
            assert_eq!(of(text), (None, text));
        }
    }
}
