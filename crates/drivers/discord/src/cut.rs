//! A message cut into parts: texts, and files that travel together, with the last of the text.

use tieline_core::compose::one_line;
use tieline_core::driver::TextUnit;
use tieline_core::event::{Attachment, Content};
use tieline_core::markup::Dialect;
use tieline_core::send::{Outgoing, Part};
use tieline_core::split::split;
use tieline_core::spool::SpoolId;
use url::Url;

use crate::address::CHANNEL;
use crate::instance::{AVATAR, Instance, SendMethod, TITLE};
use crate::markup::DiscordDialect;
use crate::names::webhook_name;
use crate::part::{FileFacts, Said, Voice};

/// The longest text of a message, in UTF-16 units.
pub(crate) const MAX_TEXT: usize = 2000;
/// How many files one message takes.
const MAX_FILES: usize = 10;
/// How many bytes one request takes: 25 MiB with everything in it, so a little is kept for what is not the files'.
const MAX_REQUEST: u64 = 25 * 1024 * 1024 - 64 * 1024;
/// The longest label of a file, so that those of ten fit into one message.
const MAX_LABEL: usize = MAX_TEXT / MAX_FILES - 1;
/// The longest name that stands in a text.
const MAX_NAME: usize = 400;
/// Room for the line that leads to what a webhook answers: a link with three ids.
const ANSWER_LINE: usize = 120;
/// The longest name of a file, in characters; its end says what it is.
const MAX_FILE_NAME: usize = 150;

/// Cuts a message. Pure, and the same at every call.
pub(crate) fn cut(instance: &Instance, outgoing: &Outgoing) -> Result<Vec<Part>, String> {
    let mut files = Vec::new();
    let mut lines: Vec<String> = Some(outgoing.text.clone()).filter(|text| !text.is_empty()).into_iter().collect();
    for file in &outgoing.attachments {
        match way(instance, file) {
            Ok(id) => files.push((file, id)),
            Err(why) => lines.push(label(file, &why)),
        }
    }
    let whole = said(instance, outgoing);
    let before = name_before(outgoing, &whole);
    let room = MAX_TEXT - units(&before) - whole.answers.as_ref().map_or(0, |_| ANSWER_LINE);
    let mut texts = split(&lines.join("\n"), room, TextUnit::Utf16);
    let mut groups = groups(&files);
    // The last of the text travels with the first files, if it could also carry what may have to stand for them.
    let rides = match (texts.last(), groups.first()) {
        (Some(text), Some(group)) => {
            let labels: usize = group.iter().map(|(file, _)| units(&label(file, NOT_TAKEN)) + 1).sum();
            units(text) + labels <= room
        }
        (_, first) => first.is_some(),
    };
    let riding = if rides { texts.pop().unwrap_or_default() } else { String::new() };
    let mut parts: Vec<(Said, Vec<SpoolId>)> =
        texts.into_iter().map(|text| (Said { text, ..whole.clone() }, Vec::new())).collect();
    for (index, group) in groups.drain(..).enumerate() {
        let text = if index == 0 { riding.clone() } else { String::new() };
        let (facts, ids) = group.into_iter().map(|(file, id)| (facts(file), id.clone())).unzip();
        parts.push((Said { text, files: facts, ..whole.clone() }, ids));
    }
    for (index, (said, _)) in parts.iter_mut().enumerate() {
        if index == 0 {
            // A message without a text says at least who sends it.
            let named = format!("{before}{}", said.text);
            said.named = Some(named.trim_end().to_owned()).filter(|named| !named.is_empty() && *named != said.text);
        } else {
            said.answers = None;
        }
    }
    parts.into_iter().map(|(said, files)| part(&said, files)).collect()
}

/// Why a label stands where Discord was asked and refused.
const NOT_TAKEN: &str = "Discord does not take it";

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

/// A text as Discord shows it; names are escaped the same way whatever may be mentioned.
fn escape(text: &str) -> String {
    DiscordDialect { everyone: false }.escape(text)
}

/// The file, if its bytes can be sent. `Err`: why not.
fn way<'f>(instance: &Instance, file: &'f Attachment) -> Result<&'f SpoolId, String> {
    let id = match &file.content {
        Content::Spooled(id) => id,
        Content::Unavailable(why) => return Err(why.clone()),
        Content::Remote(_) => return Err("it was not fetched".to_owned()),
    };
    let limit = instance.capabilities.max_file_size.min(MAX_REQUEST);
    if file.size.is_some_and(|size| size > limit) { Err(format!("larger than {limit} bytes")) } else { Ok(id) }
}

/// Files that travel in one message.
fn groups<'f>(files: &[(&'f Attachment, &'f SpoolId)]) -> Vec<Vec<(&'f Attachment, &'f SpoolId)>> {
    let mut groups: Vec<Vec<(&Attachment, &SpoolId)>> = Vec::new();
    let mut size = 0;
    for (file, id) in files {
        // One of unknown size travels alone.
        let its = file.size.unwrap_or(MAX_REQUEST);
        match groups.last_mut().filter(|group| group.len() < MAX_FILES && size + its <= MAX_REQUEST) {
            Some(group) => {
                group.push((file, id));
                size += its;
            }
            None => {
                groups.push(vec![(file, id)]);
                size = its;
            }
        }
    }
    groups
}

fn facts(file: &Attachment) -> FileFacts {
    let name = one_line(&file.name).replace(['/', '\\'], "_");
    let long = name.chars().count().saturating_sub(MAX_FILE_NAME);
    let name: String = name.chars().skip(long).collect();
    FileFacts {
        name: if name.is_empty() { "file".to_owned() } else { name },
        mime: file.mime.clone(),
        size: file.size.unwrap_or_default(),
        label: label(file, NOT_TAKEN),
    }
}

/// What stands for a file that is not sent: `[Image: cat.png] <https://…> (too large)`.
fn label(file: &Attachment, reason: &str) -> String {
    let plain =
        |text: &str| one_line(text).chars().map(|c| if c == '[' || c == ']' { ' ' } else { c }).collect::<String>();
    let name = |most: usize| {
        let name = plain(&file.name);
        let name = name.trim();
        let shorter = split(name, most, TextUnit::Utf16).into_iter().next().unwrap_or_default();
        let mark = if shorter.len() < name.len() { "…" } else { "" };
        escape(&format!("[{}: {shorter}{mark}]", file.kind.word()))
    };
    let reason = escape(&format!("({})", plain(reason)));
    let whole = match file.link.as_deref().and_then(|link| Url::parse(link).ok()).filter(is_web) {
        // In angle brackets nothing is markup, and there is no preview.
        Some(link) => format!("{} <{link}> {reason}", name(60)),
        None => format!("{} {reason}", name(60)),
    };
    if units(&whole) <= MAX_LABEL {
        return whole;
    }
    let short = format!("{} {reason}", name(30));
    if units(&short) <= MAX_LABEL { short } else { name(30) }
}

fn is_http(link: &str) -> bool {
    Url::parse(link).is_ok_and(|url| is_web(&url))
}

fn is_web(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
}

fn units(text: &str) -> usize {
    TextUnit::Utf16.count(text)
}

fn part(said: &Said, files: Vec<SpoolId>) -> Result<Part, String> {
    let body = serde_json::to_value(said).map_err(|error| format!("the message cannot be written down: {error}"))?;
    Ok(Part { body, files })
}
