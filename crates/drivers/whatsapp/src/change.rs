//! Changes of what was said before: edits, deletions, reactions, cut into calls.
//!
//! The addon overwrites texts. Of captions it says nothing, and its call takes a text only, so a caption is never
//! overwritten: a correction follows, as an answer to the file. Whatever was corrected once is corrected there again.

use tieline_core::emoji;
use tieline_core::id::MessageId;
use tieline_core::send::{Copied, CutError, React};

use crate::part::{How, Step, corrected};

/// Lets the copies say other texts, which are cut and harmless.
pub(crate) fn edit(copies: &[Copied], texts: Vec<String>) -> Result<Vec<Step>, CutError> {
    if copies.iter().any(|copy| copy.original) {
        return Err(impossible("WhatsApp lets nobody change what somebody else wrote"));
    }
    let of = |how: How| copies.iter().filter(move |copy| !copy.wordless && How::of(copy.how.as_deref()) == how);
    if texts.is_empty() {
        if of(How::Caption).next().is_some() {
            return Err(impossible("the WhatsApp addon cannot take away what stands under a file"));
        }
        return Ok(copies.iter().filter(|copy| !copy.wordless).map(|copy| revoke(&copy.id)).collect());
    }
    let mut corrections = of(How::Correction).peekable();
    if corrections.peek().is_some() {
        let texts = texts.iter().map(|text| corrected(text)).collect();
        return Ok(overwrite(corrections, texts, |text| Step::Text { text, quotes: None, corrects: true }));
    }
    if let Some(captioned) = of(How::Caption).next() {
        let quotes = |index: usize| Some(captioned.id.to_string()).filter(|_| index == 0);
        let said = texts.iter().enumerate().map(|(index, text)| Step::correction(text, quotes(index)));
        return Ok(said.collect());
    }
    Ok(overwrite(of(How::Text), texts, |text| Step::Text { text, quotes: None, corrects: false }))
}

/// Lets messages say these texts, one each; says what is left, and takes away what is too much.
fn overwrite<'c>(
    messages: impl Iterator<Item = &'c Copied>,
    texts: Vec<String>,
    say: impl Fn(String) -> Step,
) -> Vec<Step> {
    let mut messages = messages.map(|message| &message.id);
    let mut steps = Vec::new();
    for text in texts {
        steps.push(match messages.next() {
            Some(id) => Step::Edit { id: id.to_string(), text },
            None => say(text),
        });
    }
    steps.extend(messages.map(revoke));
    steps
}

/// Takes the copies away.
pub(crate) fn delete(copies: &[Copied]) -> Result<Vec<Step>, CutError> {
    if copies.iter().any(|copy| copy.original) {
        return Err(impossible("on WhatsApp only who wrote a message can delete it, as far as the addon goes"));
    }
    Ok(copies.iter().map(|copy| revoke(&copy.id)).collect())
}

fn revoke(id: &MessageId) -> Step {
    Step::Revoke { id: id.to_string() }
}

/// An account has one reaction to a message: the newest of all that stand elsewhere.
pub(crate) fn react(react: &React) -> Result<Vec<Step>, CutError> {
    let given = Some(&react.emoji).filter(|_| react.added);
    let shown = react.standing.iter().chain(given).find(|emoji| emoji::is_unicode(emoji));
    if shown.is_none() && !react.emoji.is_empty() && !emoji::is_unicode(&react.emoji) {
        return Err(impossible(&format!("WhatsApp has no emoji `:{}:`", react.emoji)));
    }
    Ok(vec![Step::React { id: react.to.id.to_string(), emoji: shown.cloned().unwrap_or_default() }])
}

fn impossible(why: &str) -> CutError {
    CutError::Impossible(why.to_owned())
}
