//! From an event and a frame to what is said in the target channel.
//!
//! What stands literally in a template is the operator's own text in the target's dialect, and stays as it is. `{msg}` is
//! the message in the target's dialect, after the frame's replacements. Every other value was named by a stranger: it is
//! plain text of one line, escaped where it stands in the text. Message keys take plain text, so nothing is escaped there.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use crate::event::Event;
use crate::frame::{Addressed, Frame};
use crate::markup::{Block, Dialect, Markup};
use crate::recipient;
use crate::template::{Field, Template};

/// What will be said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Composed {
    /// The text in the target's dialect; empty if the message has only files.
    pub text: String,
    /// The same with the author's name in it, whatever the format says.
    pub named_text: String,
    /// The message keys, as plain text.
    pub keys: BTreeMap<String, String>,
}

/// The format where a rule gives none: `identity_shown` says that the target shows the sender's own name.
pub fn default_format(identity_shown: bool) -> Template {
    let source = if identity_shown { "{msg}" } else { "[{platform}] {user}: {msg}" };
    Template::parse(source).expect("both are templates")
}

/// Fills a frame's templates. `zone` is the local one, for `{time}`.
pub fn compose(event: &Event, frame: &Frame, dialect: &dyn Dialect, zone: &TimeZone) -> Composed {
    let values = Values::new(event, frame, dialect, zone);
    let keys: BTreeMap<String, String> =
        frame.keys.iter().map(|(key, template)| (key.clone(), template.fill(|field| values.plain(field)))).collect();
    let text = values.text(String::new(), &frame.format);
    let named_text = if frame.format.names_author() {
        text.clone()
    } else {
        let shown = frame.identity.as_ref().and_then(|key| keys.get(key)).map(|name| one_line(name));
        let name = shown.filter(|name| !name.is_empty()).unwrap_or_else(|| values.plain(Field::User));
        values.text(format!("{}: ", dialect.escape(&name)), &frame.format)
    };
    Composed { text, named_text, keys }
}

/// Invisible, and no space: it keeps apart what would mean something together, on every platform.
const APART: char = '\u{200b}';

/// Whether an event is a message with neither text nor a file in it: brackets that name its recipient are not said.
pub fn says_nothing(event: &Event, frame: &Frame) -> bool {
    event.message().is_some_and(|message| {
        let named = frame.addressed == Some(Addressed::Prefix);
        let text = if named { Cow::Owned(recipient::cut(&message.text)) } else { Cow::Borrowed(&message.text) };
        text.is_blank() && message.attachments.is_empty()
    })
}

/// What the names in templates stand for.
struct Values<'v> {
    event: &'v Event,
    dialect: &'v dyn Dialect,
    zone: &'v TimeZone,
    message: Cow<'v, Markup>,
    /// The message in the target's dialect; empty if a person would see nothing.
    rendered: String,
}

impl<'v> Values<'v> {
    fn new(event: &'v Event, frame: &Frame, dialect: &'v dyn Dialect, zone: &'v TimeZone) -> Self {
        let mut message = event.text();
        if frame.addressed == Some(Addressed::Prefix) {
            message = Cow::Owned(recipient::cut(&message));
        }
        for replacement in &frame.replace {
            message = Cow::Owned(replacement.apply_to(&message));
        }
        let rendered = if message.is_blank() { String::new() } else { dialect.render(&message) };
        Self { event, dialect, zone, message, rendered }
    }

    /// The filled format behind what stands before it.
    fn text(&self, before: String, format: &Template) -> String {
        let mut text = before;
        format.fill_onto(&mut text, |field, before| {
            let value = match field {
                Field::Msg => self.message_after(before),
                _ => Cow::Owned(self.dialect.escape(&self.plain(field))),
            };
            // The format's own `@` calls nobody: who is named `all` on one platform would be everybody on another.
            let calls = before.ends_with('@') && value.starts_with(|c: char| c != APART && !c.is_whitespace());
            if calls { Cow::Owned(format!("{APART}{value}")) } else { value }
        });
        // Of a message that has only files, nothing follows the space after `{user}:`.
        if self.rendered.is_empty() { text.trim().to_owned() } else { text }
    }

    /// The rendered message. A quotation, a headline, a list and a block of code are such only at the beginning of a
    /// line, so behind `{user}: ` they begin one.
    fn message_after(&self, before: &str) -> Cow<'_, str> {
        let at_line_start = before.is_empty() || before.ends_with('\n');
        match self.message.blocks.first() {
            Some(Block::Quote(_) | Block::Item(..) | Block::Heading(..) | Block::Code(..))
                if !at_line_start && !self.rendered.is_empty() =>
            {
                Cow::Owned(format!("\n{}", self.rendered))
            }
            _ => Cow::Borrowed(&self.rendered),
        }
    }

    /// A value as plain text of one line.
    fn plain(&self, field: Field) -> Cow<'_, str> {
        let Event { author, instance, platform, room, channel, time, .. } = self.event;
        match field {
            Field::User => one_line(author.shown_name()),
            Field::Nickname => one_line(author.nickname()),
            Field::Username => one_line(&author.username),
            Field::UserId => one_line(&author.id),
            Field::UserAvatar => one_line(&author.avatar),
            Field::Msg => Cow::Owned(one_line(&self.message.to_plain()).into_owned()),
            Field::Platform => one_line(platform),
            Field::InstanceId | Field::From => one_line(instance.as_str()),
            Field::Room => {
                let name = room.as_deref().map(one_line).filter(|name| !name.is_empty());
                name.unwrap_or_else(|| one_line(channel.as_str()))
            }
            Field::Time => Cow::Owned(time.display_with_offset(self.zone.to_offset(*time)).to_string()),
        }
    }
}

/// A text without control characters: what separates words becomes a space, the rest goes.
///
/// Characters that turn the direction of all that follows them are taken for control characters too.
pub fn one_line(text: &str) -> Cow<'_, str> {
    let is_odd = |c: char| {
        c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(is_odd) {
        return Cow::Borrowed(text.trim());
    }
    let spaced = text.chars().map(|c| if is_odd(c) && c.is_whitespace() { ' ' } else { c });
    Cow::Owned(spaced.filter(|c| !is_odd(*c)).collect::<String>().trim().to_owned())
}
