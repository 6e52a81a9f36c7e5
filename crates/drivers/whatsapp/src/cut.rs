//! A message cut into parts: a text, or a file.
//!
//! A text travels as the caption of the first file that can carry one. Only a text can answer a message
//! (`quotedMessageId` is ignored by all other calls), so an answer with files says its text first, and one without any
//! text says the names of its files first.

use serde_json::Value;
use tieline_core::driver::TextUnit;
use tieline_core::event::{Attachment, Content};
use tieline_core::markup::Dialect;
use tieline_core::send::{Action, CutError, Outgoing, Part};
use tieline_core::split::split;
use tieline_core::spool::{SpoolId, too_large};
use url::Url;

use crate::body;
use crate::change;
use crate::instance::Instance;
use crate::markup::{WhatsAppDialect, harmless};
use crate::part::{Carrier, Posted, Step};

/// The longest caption in UTF-16 units: WhatsApp's own apps take no more. A longer text goes before the file.
const CAPTION: usize = 1024;
/// What WhatsApp takes at most in one text.
const LONGEST: usize = 65_536;

/// Why a file is not sent that the addon does not take.
const TOO_LARGE: &str = "too large for the WhatsApp addon";

/// Cuts a message, or a change of one. Pure, and the same at every call.
pub(crate) fn cut(instance: &Instance, outgoing: &Outgoing) -> Result<Vec<Part>, CutError> {
    let changes = match &outgoing.action {
        Action::Say => {
            return message(instance, outgoing).iter().map(|(step, file)| part(step, file.as_ref())).collect();
        }
        Action::Edit(copies) => change::edit(copies, pieces(&outgoing.text, instance.capabilities.max_text)),
        Action::Delete(copies) => change::delete(copies),
        Action::React(react) => change::react(react),
    };
    changes?.iter().map(|step| part(step, None)).collect()
}

/// A new message, and the file of each step.
fn message(instance: &Instance, outgoing: &Outgoing) -> Vec<(Step, Option<SpoolId>)> {
    let mut files = Vec::new();
    let mut lines: Vec<String> = Some(outgoing.text.clone()).filter(|text| !text.is_empty()).into_iter().collect();
    for file in &outgoing.attachments {
        match way(instance, file) {
            Ok((id, size)) => files.push((file, id, size)),
            Err(why) => lines.push(label(file, &why)),
        }
    }
    let quotes = outgoing.reply_to.as_ref().map(ToString::to_string);
    let mut texts = pieces(&lines.join("\n"), instance.capabilities.max_text);
    if quotes.is_some() && texts.is_empty() {
        let names: Vec<&str> = files.iter().map(|(file, ..)| file.name.as_str()).collect();
        texts = pieces(&WhatsAppDialect.escape(&format!("📎 {}", names.join(", "))), instance.capabilities.max_text);
    }
    let short = texts.len() == 1 && quotes.is_none() && TextUnit::Utf16.count(&texts[0]) <= CAPTION;
    let carries = files.iter().position(|(file, ..)| short && Carrier::of(file).takes_caption());
    let caption = if carries.is_some() { texts.pop() } else { None };

    let mut steps: Vec<(Step, Option<SpoolId>)> = Vec::new();
    for (index, text) in texts.into_iter().enumerate() {
        let quotes = quotes.clone().filter(|_| index == 0);
        steps.push((Step::Text { text, quotes, corrects: false }, None));
    }
    for (index, (file, id, size)) in files.into_iter().enumerate() {
        let caption = caption.clone().filter(|_| carries == Some(index)).unwrap_or_default();
        let label = label(file, TOO_LARGE);
        let posted = Posted {
            carrier: Carrier::of(file),
            name: file.name.clone(),
            mime: body::harmless_type(&file.mime).to_owned(),
            size,
            label: harmless(&if caption.is_empty() { label } else { format!("{caption}\n{label}") }),
            caption,
        };
        steps.push((Step::File(posted), Some(id)));
    }
    steps
}

/// A text as messages that are no commands of the addon's. What makes them harmless makes them longer.
fn pieces(text: &str, max: usize) -> Vec<String> {
    let mut pieces = Vec::new();
    for piece in split(text, max, TextUnit::Utf16) {
        let harmless = harmless(&piece);
        if TextUnit::Utf16.count(&harmless) > LONGEST && max > CAPTION {
            pieces.extend(self::pieces(&piece, max / 2));
        } else {
            pieces.push(harmless);
        }
    }
    pieces
}

/// The file and its size, if its bytes can be sent. `Err`: why not.
fn way(instance: &Instance, file: &Attachment) -> Result<(SpoolId, u64), String> {
    let id = match &file.content {
        Content::Spooled(id) => id.clone(),
        Content::Unavailable(why) => return Err(why.clone()),
        Content::Remote(_) => return Err("it was not fetched".to_owned()),
    };
    let limit = instance.capabilities.max_file_size;
    match file.size.unwrap_or_default() {
        size if size > limit => Err(too_large(limit)),
        size if !body::fits(size) && instance.media_url.is_none() => {
            // What to do about it is the operator's business (`doctor` tells), not the reader's.
            Err(TOO_LARGE.to_owned())
        }
        0 if file.size.is_some() => Err("it is empty".to_owned()),
        size => Ok((id, size)),
    }
}

/// What stands for a file that is not sent: `[Image: cat.png] https://… (too large)`.
fn label(file: &Attachment, reason: &str) -> String {
    let name: String =
        file.name.chars().map(|c| if c.is_control() || c == '[' || c == ']' { ' ' } else { c }).collect();
    let link = file.link.as_deref().filter(|link| is_http(link)).map(|link| format!(" {link}")).unwrap_or_default();
    WhatsAppDialect.escape(&format!("[{}: {}]{link} ({reason})", file.kind.word(), name.trim()))
}

fn is_http(link: &str) -> bool {
    Url::parse(link).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
}

fn part(step: &Step, file: Option<&SpoolId>) -> Result<Part, CutError> {
    let body: Value = serde_json::to_value(step)
        .map_err(|error| CutError::Permanent(format!("the message cannot be written down: {error}")))?;
    Ok(Part { body, files: file.cloned().into_iter().collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_a_text_harmless_does_not_make_it_too_long() {
        let text = "/x\n".repeat(40_000);
        let pieces = pieces(&text, 60_000);
        assert!(pieces.iter().all(|piece| TextUnit::Utf16.count(piece) <= LONGEST));
        let said: String = pieces.iter().flat_map(|piece| piece.chars()).filter(|c| "/x".contains(*c)).collect();
        assert_eq!(said, "/x".repeat(40_000), "and nothing is lost");
    }
}
