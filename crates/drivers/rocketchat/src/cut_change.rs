//! A change of a message cut into parts: one for each message of the copy that it touches.

use tieline_core::emoji::{is_unicode, short_codes};
use tieline_core::send::{Copied, CutError, Outgoing, Part, React};

use crate::cut::{fits, part, said, texts};
use crate::how::How;
use crate::instance::{Instance, Sender};
use crate::part::{CORRECTION, Change, Said, Step, Work};

/// Lets the texts of a copy say something else. Each new text replaces one of the texts that are there, in order; what is
/// too much is said anew, and texts that are too many are taken away. Files stay.
///
/// A message that can only be corrected is left as it is from then on: the corrections are what later edits change.
pub(crate) fn edit(instance: &Instance, outgoing: &Outgoing, copies: &[Copied]) -> Result<Vec<Part>, CutError> {
    let by_rest = matches!(instance.sender, Sender::Api);
    let said = said(instance, outgoing);
    // A hook posts no quotations, so there is none to keep.
    let said = Said { quote: said.quote && by_rest, ..said };
    let room_for_mark = instance.capabilities.text_unit.count(CORRECTION);
    let mut texts = texts(instance, &said, &outgoing.text, &outgoing.named_text, room_for_mark).into_iter();
    if instance.credentials.is_none() {
        return only_corrected(texts);
    }
    let worded = copies.iter().filter(|copy| !copy.wordless);
    let (corrections, mut standing): (Vec<&Copied>, Vec<&Copied>) = worded.partition(|copy| How::of(copy).correction);
    // Of a copy whose ids nobody told, too, only a correction can be said.
    let corrected = copies.is_empty() || !corrections.is_empty();
    if corrected {
        standing = corrections;
    }
    let mut parts = Vec::new();
    let mut surplus = Vec::new();
    for copy in standing {
        match texts.next() {
            Some(said) => parts.push(Work::Change(Change::Edit { copy: copy.clone(), said })),
            None if How::of(copy).file => {
                let named = Some(outgoing.named_text.clone()).filter(|named| fits(instance, named));
                let said = Said { named, ..said.clone() };
                parts.push(Work::Change(Change::Edit { copy: copy.clone(), said }));
            }
            None => surplus.push(Work::Change(Change::Delete { copy: copy.clone() })),
        }
    }
    let more = texts.map(|said| Step::say(instance, if corrected { said.corrected() } else { said }));
    parts.extend(more.map(Work::Say).chain(surplus));
    parts.iter().map(|work| part(work, None)).collect()
}

/// What a hook can do without anybody's credentials: say how it should have read.
fn only_corrected(texts: impl Iterator<Item = Said>) -> Result<Vec<Part>, CutError> {
    let parts: Vec<Part> = texts
        .map(|said| part(&Step::Hook { said: said.corrected(), attachments: Vec::new() }, None))
        .collect::<Result<_, _>>()?;
    if parts.is_empty() {
        return Err(impossible("take a text away"));
    }
    Ok(parts)
}

/// Takes messages away.
pub(crate) fn delete(instance: &Instance, copies: &[Copied]) -> Result<Vec<Part>, CutError> {
    if instance.credentials.is_none() {
        return Err(impossible("take messages away"));
    }
    if copies.is_empty() {
        return Err(CutError::Impossible("Rocket.Chat told no id of the copy".to_owned()));
    }
    copies.iter().map(|copy| part(&Change::Delete { copy: copy.clone() }, None)).collect()
}

/// Reacts to a message. The server takes short codes only, and each is a reaction of its own, so the one that its own
/// clients use comes first.
pub(crate) fn react(instance: &Instance, react: &React) -> Result<Vec<Part>, CutError> {
    if instance.credentials.is_none() {
        return Err(impossible("react"));
    }
    let codes: Vec<String> = if is_unicode(&react.emoji) {
        short_codes(&react.emoji).map(String::from).collect()
    } else {
        vec![react.emoji.clone()]
    };
    if codes.iter().all(String::is_empty) {
        return Err(CutError::Impossible(format!("Rocket.Chat has no short code for the emoji {}", react.emoji)));
    }
    Ok(vec![part(&Change::React { to: react.to.clone(), codes, added: react.added }, None)?])
}

fn impossible(what: &str) -> CutError {
    CutError::Impossible(format!(
        "an Incoming Webhook cannot {what}; with `auth_token` and `user_id` in the instance the bot does"
    ))
}
