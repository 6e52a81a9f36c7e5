//! How a message of ours was sent, as far as a later change of it must know. The outbox keeps it as one line.

use std::fmt;

use crate::snowflake::Snowflake;

const BOT: &str = "bot";
const WEBHOOK: &str = "webhook:";
const NAMED: &str = "named";
const FILES: &str = "files";
const ANSWERS: &str = "answers:";

/// Who sent it, and what of it is no text of the writer's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct How {
    pub(crate) by: Sender,
    /// The writer's name stands in the text, since it could not be shown beside it.
    pub(crate) named: bool,
    /// It holds files, which outlive its text.
    pub(crate) files: bool,
    /// Its first line leads to this message, which it answers.
    pub(crate) answers: Option<Snowflake>,
}

/// The account that posted; only that one can edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sender {
    /// The bot.
    Bot,
    /// A webhook.
    Webhook(Snowflake),
}

impl How {
    /// A text by this sender, and nothing else.
    pub(crate) fn by(sender: Sender) -> Self {
        Self { by: sender, named: false, files: false, answers: None }
    }

    /// Reads what was kept. Words that a later version wrote are passed over.
    pub(crate) fn parse(kept: &str) -> Option<Self> {
        let mut words = kept.split(' ');
        let by = match words.next()? {
            BOT => Sender::Bot,
            webhook => Sender::Webhook(Snowflake::parse(webhook.strip_prefix(WEBHOOK)?)?),
        };
        let mut how = Self::by(by);
        for word in words {
            match word {
                NAMED => how.named = true,
                FILES => how.files = true,
                word => how.answers = how.answers.or_else(|| Snowflake::parse(word.strip_prefix(ANSWERS)?)),
            }
        }
        Some(how)
    }
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.by {
            Sender::Bot => f.write_str(BOT)?,
            Sender::Webhook(webhook) => write!(f, "{WEBHOOK}{webhook}")?,
        }
        for (says, word) in [(self.named, NAMED), (self.files, FILES)] {
            if says {
                write!(f, " {word}")?;
            }
        }
        match self.answers {
            Some(answered) => write!(f, " {ANSWERS}{answered}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_read_again_and_short() {
        let longest = How {
            by: Sender::Webhook(Snowflake(u64::MAX)),
            named: true,
            files: true,
            answers: Some(Snowflake(u64::MAX)),
        };
        assert!(longest.to_string().len() <= 100, "{longest}");
        for how in [longest, How::by(Sender::Bot), How { named: true, ..How::by(Sender::Bot) }] {
            assert_eq!(How::parse(&how.to_string()), Some(how));
        }
        assert_eq!(How::parse("bot shiny files"), Some(How { files: true, ..How::by(Sender::Bot) }));
        for other in ["", "webhook", "webhook:x", "person"] {
            assert_eq!(How::parse(other), None, "{other}");
        }
    }
}
