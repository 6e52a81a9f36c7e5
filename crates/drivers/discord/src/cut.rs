//! A message cut into parts: texts, and files that travel together, with the last of the text.

mod change;

use tieline_core::compose::one_line;
use tieline_core::driver::TextUnit;
use tieline_core::event::{Attachment, Content};
use tieline_core::send::{Action, CutError, Outgoing, Part};
use tieline_core::split::split;
use tieline_core::spool::{SpoolId, too_large};
use url::Url;

use crate::address::CHANNEL;
use crate::instance::{AVATAR, Instance, SendMethod, TITLE};
use crate::label::{escape, is_web, label};
use crate::names::webhook_name;
use crate::part::{Deed, FileFacts, Said, Voice};
use crate::snowflake::Snowflake;

/// The longest text of a message, in UTF-16 units.
pub(crate) const MAX_TEXT: usize = 2000;
/// How many files one message takes.
const MAX_FILES: usize = 10;
/// How many bytes one request takes: 25 MiB with everything in it, so a little is kept for what is not the files'.
const MAX_REQUEST: u64 = 25 * 1024 * 1024 - 64 * 1024;
/// Room for the labels of all files of a message, if Discord does not take them.
const LABELS: usize = 1400;
/// The longest name that stands in a text.
const MAX_NAME: usize = 400;
/// Room for the line that leads to what a webhook answers: a link with three ids.
const ANSWER_LINE: usize = 120;
/// The longest name of a file, in characters; its end says what it is.
const MAX_FILE_NAME: usize = 150;

/// What begins a correction: a new message that stands for the edit of one that cannot be edited.
pub(crate) const CORRECTION: &str = "✏️ ";
/// How many accounts one message calls at most (D/resources/message).
const MAX_MENTIONS: usize = 100;

/// Why a label stands where Discord was asked and refused.
const NOT_TAKEN: &str = "Discord does not take it";

/// Cuts a message, or a change of one. Pure, and the same at every call.
pub(crate) fn cut(instance: &Instance, outgoing: &Outgoing) -> Result<Vec<Part>, CutError> {
    match &outgoing.action {
        Action::Say => say(instance, outgoing),
        Action::Edit(copies) => change::edit(instance, outgoing, copies),
        Action::Delete(copies) => change::delete(instance, copies),
        Action::React(react) => change::react(instance, react),
    }
}

fn say(instance: &Instance, outgoing: &Outgoing) -> Result<Vec<Part>, CutError> {
    let mut files = Vec::new();
    let mut lines: Vec<String> = Some(outgoing.text.clone()).filter(|text| !text.is_empty()).into_iter().collect();
    for file in &outgoing.attachments {
        match way(instance, file) {
            Ok(id) => files.push((file, id)),
            Err(why) => lines.push(label(file, &why, LABELS)),
        }
    }
    let whole = said(instance, outgoing);
    let before = name_before(outgoing, &whole);
    let room = MAX_TEXT - units(&before) - whole.answers.as_ref().map_or(0, |_| ANSWER_LINE);
    let mut texts = split(&lines.join("\n"), room, TextUnit::Utf16);
    let groups = groups(&files);
    // The last of the text travels with the first files, if what may have to stand for them fits behind it.
    let rides = !groups.is_empty() && texts.last().is_none_or(|text| units(text) + LABELS <= room);
    let riding = if rides { texts.pop().unwrap_or_default() } else { String::new() };
    let mut parts: Vec<(Said, Vec<SpoolId>)> =
        texts.into_iter().map(|text| (Said { text, ..whole.clone() }, Vec::new())).collect();
    for (index, group) in groups.into_iter().enumerate() {
        let text = if index == 0 { riding.clone() } else { String::new() };
        let each = LABELS / group.len() - 1;
        let (facts, ids) = group.into_iter().map(|(file, id)| (facts(file, each), id.clone())).unzip();
        parts.push((Said { text, files: facts, ..whole.clone() }, ids));
    }
    for (index, (said, _)) in parts.iter_mut().enumerate() {
        if index == 0 {
            said.named = named(&before, &said.text);
        } else {
            said.answers = None;
        }
    }
    parts.into_iter().map(|(said, files)| part(Deed::Say(calling(instance, outgoing, said)), files)).collect()
}

/// A text behind the name, where that makes a difference. A message without a text says at least who sends it.
fn named(before: &str, text: &str) -> Option<String> {
    let named = format!("{before}{text}");
    Some(named.trim_end().to_owned()).filter(|named| !named.is_empty() && *named != text)
}

/// The same with those whom its text calls.
fn calling(instance: &Instance, outgoing: &Outgoing, said: Said) -> Said {
    let is_called = |id: &Snowflake| said.text.contains(&format!("<@{id}>"));
    let mentions = outgoing.mentions.iter().filter(|_| instance.mentions.users);
    let mentions = mentions.filter_map(|id| Snowflake::parse(id)).filter(is_called).take(MAX_MENTIONS).collect();
    Said { mentions, ..said }
}

/// Who says it, and what it answers.
fn said(instance: &Instance, outgoing: &Outgoing) -> Said {
    let key = |name: &str| outgoing.keys.get(name).map(|value| value.trim()).filter(|value| !value.is_empty());
    let answers = outgoing.reply_to.as_ref().map(ToString::to_string);
    let by = match instance.send_method {
        SendMethod::Bot => Voice::Bot,
        SendMethod::Webhook
            if answers.is_some() && instance.replies_as_bot && outgoing.target.text(CHANNEL).is_some() =>
        {
            Voice::BotElseWebhook
        }
        SendMethod::Webhook => Voice::Webhook,
    };
    Said {
        by,
        text: String::new(),
        named: None,
        title: key(TITLE).and_then(webhook_name),
        avatar: key(AVATAR).filter(|url| is_http(url)).map(str::to_owned),
        answers,
        mentions: Vec::new(),
        files: Vec::new(),
    }
}

/// What stands before the text where the writer's name cannot be shown beside it; empty if the rule shows none, or the
/// text names the writer in any case.
fn name_before(outgoing: &Outgoing, said: &Said) -> String {
    let title = outgoing.keys.get(TITLE).map(|title| one_line(title)).filter(|title| !title.is_empty());
    let Some(title) = title else { return String::new() };
    let before = match outgoing.named_text.strip_suffix(&outgoing.text) {
        Some(before) => before.to_owned(),
        None => format!("{}: ", escape(&title)),
    };
    let before = if units(&before) > MAX_NAME {
        let shorter = said.title.as_deref().map(escape).unwrap_or_default();
        format!("{shorter}: ")
    } else {
        before
    };
    if outgoing.text.is_empty() && !before.is_empty() { format!("{} ", before.trim_end()) } else { before }
}

/// The file, if its bytes can be sent. `Err`: why not.
fn way<'f>(instance: &Instance, file: &'f Attachment) -> Result<&'f SpoolId, String> {
    let id = match &file.content {
        Content::Spooled(id) => id,
        Content::Unavailable(why) => return Err(why.clone()),
        Content::Remote(_) => return Err("it was not fetched".to_owned()),
    };
    let limit = instance.capabilities.max_file_size.min(MAX_REQUEST);
    if file.size.is_some_and(|size| size > limit) { Err(too_large(limit)) } else { Ok(id) }
}

/// Files that travel in one message.
fn groups<'f>(files: &[(&'f Attachment, &'f SpoolId)]) -> Vec<Vec<(&'f Attachment, &'f SpoolId)>> {
    let mut groups: Vec<Vec<(&Attachment, &SpoolId)>> = Vec::new();
    let mut size = 0;
    for (file, id) in files {
        // One of unknown size travels alone.
        let its = file.size.unwrap_or(MAX_REQUEST);
        let has_room = |group: &&mut Vec<_>| group.len() < MAX_FILES && size + its <= MAX_REQUEST;
        if let Some(group) = groups.last_mut().filter(has_room) {
            group.push((file, id));
            size += its;
        } else {
            groups.push(vec![(file, id)]);
            size = its;
        }
    }
    groups
}

/// A file of a message; its label takes so much room at most.
fn facts(file: &Attachment, most: usize) -> FileFacts {
    let name = one_line(&file.name).replace(['/', '\\'], "_");
    let long = name.chars().count().saturating_sub(MAX_FILE_NAME);
    let name: String = name.chars().skip(long).collect();
    FileFacts {
        name: if name.is_empty() { "file".to_owned() } else { name },
        mime: file.mime.clone(),
        size: file.size.unwrap_or_default(),
        label: label(file, NOT_TAKEN, most),
    }
}

fn is_http(link: &str) -> bool {
    Url::parse(link).is_ok_and(|url| is_web(&url))
}

fn units(text: &str) -> usize {
    TextUnit::Utf16.count(text)
}

fn part(deed: Deed, files: Vec<SpoolId>) -> Result<Part, CutError> {
    let body = serde_json::to_value(deed)
        .map_err(|error| CutError::Permanent(format!("the message cannot be written down: {error}")))?;
    Ok(Part { body, files })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::part::Said;
    use crate::{resolve, settings};
    use proptest::prelude::*;
    use serde_json::{Value, json};
    use std::collections::BTreeMap;
    use tieline_core::address::Address;
    use tieline_core::driver::Defaults;
    use tieline_core::event::AttachmentKind;
    use tieline_core::id::{DeliveryId, InstanceId, MessageId};

    fn instance(more: &Value) -> Instance {
        let mut written = json!({ "bot_token": "t0k" });
        for (key, value) in more.as_object().expect("an object") {
            written[key] = value.clone();
        }
        let (settings, mut problems) = settings::read(&written);
        let id = InstanceId::new("dc").expect("an id");
        let resolved = resolve::resolve(&id, &settings.expect("sound"), &Defaults::default(), &mut problems);
        resolved.unwrap_or_else(|| panic!("{problems:?}"))
    }

    fn outgoing(text: &str, title: &str) -> Outgoing {
        Outgoing {
            delivery: DeliveryId(1),
            action: tieline_core::send::Action::Say,
            mentions: Vec::new(),
            target: Address::of([("channel_id", "12")]),
            text: text.to_owned(),
            named_text: format!("{title}: {text}").trim_end().to_owned(),
            keys: BTreeMap::from([(TITLE.to_owned(), title.to_owned())]),
            attachments: Vec::new(),
            reply_to: None,
            time: jiff::Timestamp::UNIX_EPOCH,
        }
    }

    fn file(name: &str, size: Option<u64>) -> Attachment {
        let id = SpoolId::of_digest([7; 32]);
        let content = Content::Spooled(id);
        Attachment {
            name: name.to_owned(),
            kind: AttachmentKind::Image,
            mime: "image/png".to_owned(),
            size,
            link: None,
            content,
        }
    }

    fn said(instance: &Instance, outgoing: &Outgoing) -> Vec<Said> {
        let parts = cut(instance, outgoing).expect("it can be cut");
        assert_eq!(parts, cut(instance, outgoing).expect("it can be cut"), "the same at every call");
        parts
            .into_iter()
            .map(|part| {
                let said: Said = serde_json::from_value(part.body).expect("a part");
                assert_eq!(said.files.len(), part.files.len());
                said
            })
            .collect()
    }

    fn webhook() -> Instance {
        instance(&json!({}))
    }

    #[test]
    fn a_short_text_is_one_message_under_the_writers_name() {
        let mut outgoing = outgoing("hello", "Ann @ Discord");
        outgoing.keys.insert(AVATAR.to_owned(), "https://x.example/a.png".to_owned());
        let [said] = &said(&webhook(), &outgoing)[..] else { panic!("one message") };
        assert_eq!((said.by, said.text.as_str()), (Voice::Webhook, "hello"));
        assert_eq!(said.title.as_deref(), Some("Ann ＠ Discоrd"));
        assert_eq!(said.avatar.as_deref(), Some("https://x.example/a.png"));
        assert_eq!(said.named_text(), "Ann @ Discord: hello");
        outgoing.keys.insert(AVATAR.to_owned(), "data:image/png,x".to_owned());
        assert_eq!(self::said(&webhook(), &outgoing)[0].avatar, None);
    }

    #[test]
    fn without_a_title_nobody_is_named() {
        let mut outgoing = outgoing("hello", "Ann");
        outgoing.keys.clear();
        assert_eq!(said(&webhook(), &outgoing)[0].named_text(), "hello");
    }

    #[test]
    fn an_answer_is_the_bots_where_that_is_wanted_and_can_be() {
        let mut outgoing = outgoing("yes", "Ann");
        outgoing.reply_to = MessageId::new("77").ok();
        let by = |instance: &Instance, outgoing: &Outgoing| said(instance, outgoing)[0].by;
        assert_eq!(by(&webhook(), &outgoing), Voice::BotElseWebhook);
        assert_eq!(said(&webhook(), &outgoing)[0].answers.as_deref(), Some("77"));
        assert_eq!(by(&instance(&json!({ "send_replies_as_bot": false })), &outgoing), Voice::Webhook);
        assert_eq!(by(&instance(&json!({ "send_method": "bot" })), &outgoing), Voice::Bot);
        outgoing.target = Address::of([("webhook_url", "https://discord.com/api/webhooks/1/t")]);
        assert_eq!(by(&webhook(), &outgoing), Voice::Webhook, "the bot does not know the channel");
    }

    #[test]
    fn files_travel_together_with_the_text_as_far_as_a_request_takes_them() {
        let mut outgoing = outgoing("look", "Ann");
        outgoing.attachments = (0..12).map(|n| file(&format!("{n}.png"), Some(1000))).collect();
        let parts = said(&webhook(), &outgoing);
        let shape: Vec<_> = parts.iter().map(|said| (said.text.as_str(), said.files.len())).collect();
        assert_eq!(shape, [("look", 10), ("", 2)]);
        let mib = 1024 * 1024;
        outgoing.attachments = (0..4).map(|n| file(&format!("{n}.png"), Some(9 * mib))).collect();
        let sizes =
            |outgoing: &Outgoing| said(&webhook(), outgoing).iter().map(|said| said.files.len()).collect::<Vec<_>>();
        assert_eq!(sizes(&outgoing), [2, 2]);
        outgoing.attachments = vec![file("a", None), file("b", Some(1))];
        assert_eq!(sizes(&outgoing), [1, 1], "one of unknown size travels alone");
        outgoing.text.clear();
        outgoing.named_text = "Ann:".to_owned();
        let alone = said(&webhook(), &outgoing);
        assert_eq!((alone[0].text.as_str(), alone[0].named_text(), alone[1].named_text()), ("", "Ann:", ""));
    }

    #[test]
    fn what_cannot_be_sent_becomes_a_label_with_its_reason() {
        let mut outgoing = outgoing("", "Ann");
        outgoing.attachments = vec![
            file("big.png", Some(11 * 1024 * 1024)),
            Attachment { content: Content::Unavailable("it is gone".to_owned()), ..file("gone.png", None) },
        ];
        let [said] = &said(&webhook(), &outgoing)[..] else { panic!("one message") };
        assert!(said.files.is_empty() && said.text.lines().count() == 2, "{said:?}");
        assert!(said.text.contains("larger than 10485760 bytes") && said.text.contains("it is gone"), "{}", said.text);
        let wide = instance(&json!({ "max_file_size": 100 * 1024 * 1024 }));
        outgoing.attachments = vec![file("big.png", Some(26 * 1024 * 1024))];
        assert!(self::said(&wide, &outgoing)[0].files.is_empty(), "no request takes it");
    }

    #[test]
    fn nothing_is_no_message() {
        assert_eq!(said(&webhook(), &outgoing("  ", "")), []);
    }

    proptest! {
        // Long texts take their time.
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Whoever speaks, and whatever Discord does not take, no message is too long, and no text is lost.
        #[test]
        fn every_message_fits(
            text in "([a-zé😀*_ \n]|```){0,3000}",
            title in "[\\PC\n]{0,300}",
            files in prop::collection::vec("\\PC{0,200}", 0..25),
            answers: bool,
            bot: bool,
        ) {
            let mut outgoing = outgoing(&text, &escape(&title));
            outgoing.keys.insert(TITLE.to_owned(), title);
            outgoing.attachments = files.iter().map(|name| file(name, Some(1))).collect();
            outgoing.reply_to = answers.then(|| MessageId::new("77").expect("an id"));
            let instance = instance(&json!({ "send_method": if bot { "bot" } else { "webhook" } }));
            let parts = said(&instance, &outgoing);
            for (index, said) in parts.iter().enumerate() {
                prop_assert!(!said.text.trim().is_empty() || !said.files.is_empty(), "an empty message");
                prop_assert!(said.answers.is_none() || index == 0);
                let before = if said.answers.is_some() { ANSWER_LINE } else { 0 };
                for text in [said.text.as_str(), said.named_text()] {
                    prop_assert!(units(&said.with_labels(text)) + before <= MAX_TEXT);
                }
                prop_assert!(said.files.iter().all(|file| !file.name.is_empty() && !file.name.contains('/')));
            }
            prop_assert_eq!(parts.iter().map(|said| said.files.len()).sum::<usize>(), files.len());
            let letters = |text: &str| text.chars().filter(|c| "é😀".contains(*c)).count();
            // A block of code that is cut repeats its language.
            prop_assert!(parts.iter().map(|said| letters(&said.text)).sum::<usize>() >= letters(&text));
        }
    }
}
