//! A message, or a change of one, cut into parts.

use serde::Serialize;
use serde_json::{Value, json};
use tieline_core::event::{Attachment, AttachmentKind, Content};
use tieline_core::send::{Action, CutError, Outgoing, Part};
use tieline_core::split::split;
use tieline_core::spool::too_large;
use url::{Host, Url};

use crate::cut_change;
use crate::escape;
use crate::instance::{Instance, Sender};
use crate::part::{FileFacts, Said, Step};
use crate::settings::ReplyStyle;

/// Cuts what is to be done. Pure, and the same at every call.
pub(crate) fn cut(instance: &Instance, outgoing: &Outgoing) -> Result<Vec<Part>, CutError> {
    match (&outgoing.action, &instance.sender) {
        (Action::Say, Sender::Api) => by_rest(instance, outgoing),
        (Action::Say, Sender::Hook(_)) => by_hook(instance, outgoing),
        (Action::Edit(copies), _) => cut_change::edit(instance, outgoing, copies),
        (Action::Delete(copies), _) => cut_change::delete(instance, copies),
        (Action::React(react), _) => cut_change::react(instance, react),
    }
}

fn by_rest(instance: &Instance, outgoing: &Outgoing) -> Result<Vec<Part>, CutError> {
    let limit = instance.capabilities.max_file_size;
    let (files, labels): (Vec<&Attachment>, Vec<&Attachment>) = outgoing
        .attachments
        .iter()
        .partition(|file| matches!(file.content, Content::Spooled(_)) && file.size.is_none_or(|size| size <= limit));
    let said = said(instance, outgoing);
    let labels: Vec<String> = labels.into_iter().map(|file| label(file, &reason(file, limit))).collect();
    let (text, named) = (with_lines(&outgoing.text, &labels), with_lines(&outgoing.named_text, &labels));
    let texts = texts(instance, &said, &text, &named, 0);
    let mut parts = Vec::new();
    // A caption travels with its file.
    let caption = if files.len() == 1 && texts.len() <= 1 {
        texts.into_iter().next()
    } else {
        for text in texts {
            parts.push(part(&Step::Text(text), None)?);
        }
        None
    };
    let said_already = !parts.is_empty();
    for file in files {
        let Content::Spooled(id) = &file.content else { continue };
        let facts = FileFacts { name: file.name.clone(), mime: file.mime.clone() };
        let mut said = caption.clone().unwrap_or_else(|| Said { text: String::new(), ..said.clone() });
        if caption.is_none() && !said_already {
            // Without a text, only this says who sends it where the identity cannot be shown.
            said.named = Some(outgoing.named_text.clone()).filter(|named| fits(instance, named));
        }
        let step = Step::Confirm { said, file: facts.clone(), label: label(file, "Rocket.Chat does not take it") };
        parts.push(part(&Step::Upload(facts), Some(id))?);
        parts.push(part(&step, Some(id))?);
    }
    Ok(parts)
}

fn by_hook(instance: &Instance, outgoing: &Outgoing) -> Result<Vec<Part>, CutError> {
    let said = said(instance, outgoing);
    let mut attachments = Vec::new();
    let mut labels = Vec::new();
    for file in &outgoing.attachments {
        match file.link.as_deref().filter(|link| is_public(link)) {
            Some(link) => attachments.push(linked(file, link)),
            None => labels.push(label(file, "an Incoming Webhook cannot carry files")),
        }
    }
    let (text, named) = (with_lines(&outgoing.text, &labels), with_lines(&outgoing.named_text, &labels));
    let mut texts = texts(instance, &said, &text, &named, 0);
    if texts.is_empty() && !attachments.is_empty() {
        texts.push(Said { text: String::new(), named: Some(outgoing.named_text.clone()), ..said });
    }
    let last = texts.len().saturating_sub(1);
    let step = |(index, said): (usize, Said)| {
        let attachments = if index == last { std::mem::take(&mut attachments) } else { Vec::new() };
        part(&Step::Hook { said, attachments }, None)
    };
    texts.into_iter().enumerate().map(step).collect()
}

/// Who says it, and what it answers.
pub(crate) fn said(instance: &Instance, outgoing: &Outgoing) -> Said {
    let key = |name: &str| outgoing.keys.get(name).map(|value| value.trim()).filter(|value| !value.is_empty());
    Said {
        text: String::new(),
        named: None,
        alias: key("rc_alias").map(|name| name.chars().filter(|c| !c.is_control()).collect()),
        avatar: key("rc_avatar").filter(|url| is_https(url)).map(str::to_owned),
        emoji: key("rc_emoji").map(str::to_owned),
        reply_to: outgoing.reply_to.as_ref().map(ToString::to_string),
        quote: instance.reply_style == ReplyStyle::Quote && outgoing.reply_to.is_some(),
        correction: false,
    }
}

/// The texts, one for each message. Only the first quotes what it answers and holds the name. In each there is room for
/// so much more, in the unit of the platform.
pub(crate) fn texts(instance: &Instance, said: &Said, text: &str, named: &str, more: usize) -> Vec<Said> {
    let unit = instance.capabilities.text_unit;
    // A quotation's link stands before the text, and an address is at most this long.
    let room = instance.capabilities.max_text - more - if said.quote { 500 } else { 0 };
    // Cut once for both texts, so that either can be sent, part by part.
    let extra = unit.count(named).saturating_sub(unit.count(text)).min(room / 2);
    let pieces = split(text, room - extra, unit);
    let mut whole: Vec<Said> =
        pieces.into_iter().map(|piece| Said { text: piece, reply_to: said.reply_to.clone(), ..said.clone() }).collect();
    if !said.impersonates() {
        whole.iter_mut().skip(1).for_each(|said| said.quote = false);
        return whole;
    }
    // The named text usually is the text with a name before it; then only the first part differs.
    let prefix = named.strip_suffix(text);
    let single = whole.len() == 1;
    for (index, said) in whole.iter_mut().enumerate() {
        said.quote &= index == 0;
        said.named = match prefix {
            Some(prefix) if index == 0 => Some(format!("{prefix}{}", said.text)),
            None if single => Some(named.to_owned()),
            None if index == 0 => {
                let name = escape::text(said.alias.as_deref().unwrap_or_default());
                Some(if name.is_empty() { said.text.clone() } else { format!("{name}: {}", said.text) })
            }
            Some(_) | None => None,
        };
        said.named = said.named.take().filter(|named| unit.count(named) + more <= instance.capabilities.max_text);
    }
    whole
}

pub(crate) fn fits(instance: &Instance, text: &str) -> bool {
    instance.capabilities.text_unit.count(text) <= instance.capabilities.max_text
}

fn with_lines(text: &str, lines: &[String]) -> String {
    let all = std::iter::once(text).chain(lines.iter().map(String::as_str)).filter(|line| !line.is_empty());
    all.collect::<Vec<_>>().join("\n")
}

/// What stands for a file that is not sent: `[Image: cat.png] https://… (too large)`.
fn label(file: &Attachment, reason: &str) -> String {
    let name: String =
        file.name.chars().map(|c| if c.is_control() || c == '[' || c == ']' { ' ' } else { c }).collect();
    let link = file.link.as_deref().filter(|link| is_http(link)).map(|link| format!(" {link}")).unwrap_or_default();
    escape::text(&format!("[{}: {}]{link} ({reason})", file.kind.word(), name.trim()))
}

fn reason(file: &Attachment, limit: u64) -> String {
    match &file.content {
        Content::Unavailable(reason) => reason.clone(),
        Content::Remote(_) => "it was not fetched".to_owned(),
        Content::Spooled(_) => too_large(limit),
    }
}

fn linked(file: &Attachment, link: &str) -> Value {
    match file.kind {
        AttachmentKind::Image | AttachmentKind::Sticker => {
            json!({ "title": file.name, "title_link": link, "image_url": link })
        }
        _ => json!({ "title": file.name, "title_link": link }),
    }
}

pub(crate) fn part(work: &impl Serialize, file: Option<&tieline_core::spool::SpoolId>) -> Result<Part, CutError> {
    let body = serde_json::to_value(work)
        .map_err(|error| CutError::Permanent(format!("the message cannot be written down: {error}")))?;
    Ok(Part { body, files: file.cloned().into_iter().collect() })
}

fn is_http(link: &str) -> bool {
    Url::parse(link).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
}

fn is_https(link: &str) -> bool {
    Url::parse(link).is_ok_and(|url| url.scheme() == "https" && url.host().is_some())
}

/// Whether anybody's browser can open it.
fn is_public(link: &str) -> bool {
    Url::parse(link).is_ok_and(|url| {
        let public = match url.host() {
            Some(Host::Domain(name)) => {
                name.contains('.') && !matches!(name.rsplit('.').next(), Some("local" | "localhost" | "internal"))
            }
            Some(Host::Ipv4(ip)) => tieline_net::guard::is_public(ip.into()),
            Some(Host::Ipv6(ip)) => tieline_net::guard::is_public(ip.into()),
            None => false,
        };
        url.scheme() == "https" && public && url.username().is_empty() && url.password().is_none()
    })
}
