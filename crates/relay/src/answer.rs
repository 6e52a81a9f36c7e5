//! Answers: the message in the target that stands for the one that is answered, or else a short quotation of it.

use tieline_core::compose::one_line;
use tieline_core::event::{Event, Message, Quoted};
use tieline_core::frame::Frame;
use tieline_core::id::{Channel, EventSeq, MessageId};
use tieline_core::markup::{Block, Markup, Span};
use tieline_core::outbox::Delivery;

use crate::change::{PATIENCE, settled_family};
use crate::exchange::{Exchange, Stopping};
use crate::instances::Running;
use crate::intake::are_around;

/// How much of a message is quoted, in characters.
const QUOTED: usize = 100;

/// What a message answers, as the target can show it.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    /// The message in the target.
    pub(crate) copy: Option<MessageId>,
    /// What it says, where the target does not have it.
    pub(crate) quotation: Option<Markup>,
}

impl Answers {
    pub(crate) async fn of(
        exchange: &Exchange,
        instance: &Running,
        delivery: &Delivery,
        frame: &Frame,
    ) -> Result<Self, Stopping> {
        let event = &delivery.event;
        let Some(message) = event.message().filter(|_| frame.opener.is_none()) else { return Ok(Self::default()) };
        let Some(parent) = &message.reply_to else { return Ok(Self::default()) };
        let near = Channel { instance: event.instance.clone(), key: event.channel.clone() };
        let source = exchange.instances.get(&event.instance);
        // A notice answers what its reader wrote, and so names a message of the target.
        let Some(source) = source.filter(|_| !event.message_id.is_ours()) else {
            let copy = find(exchange, &instance.realm, parent, &near, frame).await?;
            return Ok(Self { copy: copy.filter(|copy| !copy.is_ours()), quotation: None });
        };
        let family = exchange
            .insist("looking for what is answered", || exchange.outbox.family(&source.realm, parent, &near))
            .await?;
        let Some(family) = family else {
            return Ok(Self { copy: None, quotation: quotation(message.quoted.as_ref()) });
        };
        let places: Vec<Channel> = family.places().collect();
        // People can name what is somewhere else: only what they saw is answered, or quoted.
        if !are_around(exchange, event, &places) {
            return Ok(Self::default());
        }
        // What was taken back is not said again.
        let deleted = family.deleted;
        // It may still be on its way there.
        settled_family(exchange, delivery, family.seq, Some(PATIENCE)).await?;
        let copy = find(exchange, &source.realm, parent, &near, frame).await?;
        // Whoever answers in a thread answers its opener, which nobody wrote at the other end.
        if copy.is_some() || deleted || family.message_id.is_ours() {
            return Ok(Self { copy: copy.filter(|copy| !copy.is_ours()), quotation: None });
        }
        let quoted = match &message.quoted {
            Some(quoted) => Some(quoted.clone()),
            None => stored(exchange, family.seq).await?,
        };
        Ok(Self { copy: None, quotation: quotation(quoted.as_ref()) })
    }
}

async fn find(
    exchange: &Exchange,
    realm: &str,
    parent: &MessageId,
    near: &Channel,
    frame: &Frame,
) -> Result<Option<MessageId>, Stopping> {
    exchange
        .insist("looking for the copy of a parent", || exchange.outbox.copy_in(realm, parent, near, &frame.target))
        .await
}

/// What a message said, as far as it is still kept.
async fn stored(exchange: &Exchange, seq: EventSeq) -> Result<Option<Quoted>, Stopping> {
    let event = exchange.insist("reading what is answered", || exchange.outbox.event(seq)).await?;
    Ok(event.as_deref().and_then(said))
}

fn said(event: &Event) -> Option<Quoted> {
    let Message { text, attachments, .. } = event.message()?;
    let files = || attachments.iter().map(|file| format!("[{}: {}]", file.kind.word(), file.name)).collect::<Vec<_>>();
    let text = if text.is_blank() { Markup::plain(&files().join(" ")) } else { text.clone() };
    Some(Quoted { author: event.author.shown_name().to_owned(), text })
}

/// One line of it, as plain text: nothing in it calls anybody, or is formatted.
fn quotation(quoted: Option<&Quoted>) -> Option<Markup> {
    let Quoted { author, text } = quoted?;
    let words = text.to_plain();
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    let words = one_line(&words);
    if words.is_empty() {
        return None;
    }
    let mut line: String = words.chars().take(QUOTED).collect();
    if line.len() < words.len() {
        line.push('…');
    }
    let author = one_line(author);
    let line = if author.is_empty() { line } else { format!("{author}: {line}") };
    Some(Markup { blocks: vec![Block::Quote(vec![Span::Text(line)])] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quotation_is_one_short_line() {
        let quoted = |author: &str, text: &str| {
            let quoted = Quoted { author: author.into(), text: Markup::plain(text) };
            quotation(Some(&quoted)).map(|markup| markup.to_plain())
        };
        assert_eq!(quoted("Ann", "one\ntwo  three").as_deref(), Some("> Ann: one two three"));
        assert_eq!(quoted("", "hi").as_deref(), Some("> hi"));
        assert_eq!(quoted("Ann", " \n "), None);
        let long = quoted("Ann", &"é ".repeat(300)).expect("a quotation");
        assert!(long.ends_with('…') && long.chars().count() < 120, "{long}");
    }
}
