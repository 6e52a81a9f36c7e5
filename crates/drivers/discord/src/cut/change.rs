//! Changes of messages, cut into parts.

use tieline_core::driver::TextUnit;
use tieline_core::event::Content;
use tieline_core::send::{Copied, CutError, Outgoing, Part, React};
use tieline_core::split::split;

use super::{ANSWER_LINE, CORRECTION, LABELS, MAX_TEXT, calling, name_before, named, part, said, units, way};
use crate::how::How;
use crate::instance::Instance;
use crate::label::label;
use crate::part::{Change, Deed, Said, Standing};

/// The new text over the texts of the copies, in their order; what is too much is said as new messages, and texts that
/// are too many are taken away.
pub(super) fn edit(instance: &Instance, outgoing: &Outgoing, copies: &[Copied]) -> Result<Vec<Part>, CutError> {
    let mut worded: Vec<&Copied> = copies.iter().filter(|copy| !copy.wordless).collect();
    if worded.is_empty() {
        // A text that came later stands below the files.
        worded.extend(copies.first());
    }
    if worded.is_empty() {
        let why = "Discord did not name the message that is to be edited, so it cannot be found again";
        return Err(CutError::Impossible(why.to_owned()));
    }
    let mut texts = texts(instance, outgoing).into_iter();
    let mut whole = said(instance, outgoing);
    let before = name_before(outgoing, &whole);
    let (mut parts, mut surplus) = (Vec::new(), Vec::new());
    for (index, copy) in worded.into_iter().enumerate() {
        let holds_files = How::parse(copy.how.as_deref().unwrap_or_default()).is_some_and(|how| how.files);
        let copy = Standing::of(copy);
        let text = match texts.next() {
            Some(text) => text,
            None if holds_files => String::new(),
            None => {
                surplus.push(Deed::Change(Change::Remove(copy)));
                continue;
            }
        };
        let named = if index == 0 { named(&before, &text) } else { None };
        let said = calling(instance, outgoing, Said { text, named, ..whole.clone() });
        parts.push(Deed::Change(Change::Rewrite { copy, said }));
        whole.answers = None;
    }
    parts.extend(texts.map(|text| Deed::Say(calling(instance, outgoing, Said { text, ..whole.clone() }))));
    parts.into_iter().chain(surplus).map(|deed| part(deed, Vec::new())).collect()
}

/// The new text in messages that fit, also as corrections with a name and a link to what is answered. Files stay where
/// they are, and so do the labels of those that could not be sent.
fn texts(instance: &Instance, outgoing: &Outgoing) -> Vec<String> {
    let mut lines: Vec<String> = Some(outgoing.text.clone()).filter(|text| !text.is_empty()).into_iter().collect();
    for file in outgoing.attachments.iter().filter(|file| !matches!(file.content, Content::Remote(_))) {
        if let Err(why) = way(instance, file) {
            lines.push(label(file, &why, LABELS));
        }
    }
    let before = name_before(outgoing, &said(instance, outgoing));
    let room = MAX_TEXT - units(&before) - ANSWER_LINE - units(CORRECTION);
    split(&lines.join("\n"), room, TextUnit::Utf16)
}

/// One part for each message.
pub(super) fn delete(instance: &Instance, copies: &[Copied]) -> Result<Vec<Part>, CutError> {
    if instance.bot_token.is_none() && copies.iter().any(|copy| copy.original) {
        return Err(CutError::Impossible(format!(
            "only a bot can delete what somebody else wrote, and `{}` has no `bot_token`",
            instance.id
        )));
    }
    copies.iter().map(|copy| part(Deed::Change(Change::Remove(Standing::of(copy))), Vec::new())).collect()
}

/// One part: a bot has one reaction with an emoji, for all who gave it elsewhere.
pub(super) fn react(instance: &Instance, react: &React) -> Result<Vec<Part>, CutError> {
    if instance.bot_token.is_none() {
        return Err(CutError::Impossible(format!("only a bot can react, and `{}` has no `bot_token`", instance.id)));
    }
    if react.emoji.is_empty() {
        return Err(CutError::Impossible("it is not said with which emoji".to_owned()));
    }
    let (emoji, added) = (react.emoji.clone(), react.added);
    Ok(vec![part(Deed::Change(Change::React { to: Standing::of(&react.to), emoji, added }), Vec::new())?])
}
