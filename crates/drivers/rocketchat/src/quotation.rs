//! Quotations: how a person in Rocket.Chat answers a message without opening a thread.
//!
//! The client puts `[ ](https://server/channel/name?msg=ID) ` before the text, once for each message that is quoted, and
//! the server shows those messages there. To people the link is invisible.

use serde_json::Value;
use tieline_core::event::Quoted;
use tieline_core::id::MessageId;
use url::Url;

use crate::parse::parse;

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

/// What the server shows of a quoted message: an attachment with a link to it.
pub(crate) fn shown(message: &Value, quoted: &MessageId, server: &Url) -> Option<Quoted> {
    let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
    let attachments = message["attachments"].as_array()?;
    let leads_there =
        |one: &&Value| one["message_link"].as_str().and_then(|link| named(link, server)) == Some(quoted.clone());
    let shown = attachments.iter().find(leads_there)?;
    let said = text(shown, "text");
    let mut said = split(&said, server).1.to_owned();
    if said.is_empty() {
        // A file without a caption goes by its name.
        said = shown["attachments"].as_array().into_iter().flatten().map(|file| text(file, "title")).collect();
    }
    Some(Quoted { author: text(shown, "author_name"), text: parse(&said) })
}

fn first<'t>(text: &'t str, server: &Url) -> Option<(MessageId, &'t str)> {
    let (address, behind) = text.strip_prefix("[ ](")?.split_once(')')?;
    Some((named(address, server)?, behind.trim_start()))
}

/// The message of the server that an address leads to.
fn named(address: &str, server: &Url) -> Option<MessageId> {
    let address = Url::parse(address).ok()?;
    // A link to a message elsewhere quotes nothing.
    if address.host() != server.host() || address.port_or_known_default() != server.port_or_known_default() {
        return None;
    }
    let message = address.query_pairs().find(|(name, _)| name == "msg")?.1;
    MessageId::new(&message).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

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
    fn what_is_quoted_is_what_the_server_shows_of_it() {
        let server = Url::parse("https://chat.example.com").expect("an address");
        let link = |id: &str| format!("https://chat.example.com/channel/a?msg={id}");
        let of = |attachments: Value| {
            let shown = shown(&json!({ "attachments": attachments }), &MessageId::new("m1").expect("an id"), &server);
            shown.map(|quoted| (quoted.author, quoted.text.to_plain()))
        };
        let quote = |id: &str, said: &str| json!({ "message_link": link(id), "author_name": "ann", "text": said });
        let said = |text: &str| Some(("ann".to_owned(), text.to_owned()));
        assert_eq!(of(json!([quote("m0", "no"), quote("m1", "*yes*")])), said("yes"));
        let nested = format!("[ ]({}) an answer", link("m0"));
        assert_eq!(of(json!([quote("m1", &nested)])), said("an answer"), "what that one quotes is not said");
        let mut file = quote("m1", "");
        file["attachments"] = json!([{ "type": "file", "title": "cat.png" }]);
        assert_eq!(of(json!([file])), said("cat.png"));
        let elsewhere = json!({ "message_link": "https://elsewhere.example/channel/a?msg=m1", "text": "no" });
        assert_eq!(of(json!([elsewhere, { "type": "file", "title": "cat.png" }])), None);
        assert_eq!(of(Value::Null), None);
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
