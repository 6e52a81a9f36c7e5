//! What people say to tieline, as they type it.

use tieline_core::markup::{Block, Markup, Span};

/// What a command may begin with. Clients of Rocket.Chat keep a message back that begins with `/` and is no command of
/// the server's own (unless `Message_AllowUnrecognizedSlashCommand` is on), so `!` serves as well.
const SIGNS: [char; 2] = ['/', '!'];

/// A command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Command {
    /// What commands there are.
    Help,
    /// A code for this account.
    Bind,
    /// This account has the same person as the one that was told the code; `None`: the code is missing.
    Confirm(Option<String>),
    /// Which accounts the person has.
    List,
    /// Take the person's account on an instance or platform away, or all (`None`).
    Remove(Option<String>),
    /// Anything else.
    Unknown,
}

impl Command {
    /// Reads a text; `None` if it is no command. Of several lines the first one counts.
    pub(super) fn read(text: &Markup, prefix: &str) -> Option<Self> {
        let first = text.blocks.first()?;
        let Block::Line(spans) = first else { return None };
        let Some(Span::Text(begin)) = spans.first() else { return None };
        behind(begin, prefix)?;
        let line = Markup { blocks: vec![first.clone()] }.to_plain();
        let words: Vec<&str> = behind(&line, prefix)?.split_whitespace().collect();
        Some(Self::of(&words))
    }

    fn of(words: &[&str]) -> Self {
        let lower: Vec<String> = words.iter().take(2).map(|word| word.to_lowercase()).collect();
        let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
        let third = words.get(2).map(|word| (*word).to_owned());
        match (lower.as_slice(), words.len()) {
            ([] | ["help"], _) => Self::Help,
            (["bind"], _) | (["bind", "setup"], 2) => Self::Bind,
            (["bind", "confirm"], 2 | 3) => Self::Confirm(third),
            (["bind", "list"], 2) => Self::List,
            (["bind", "remove" | "rm"], 2 | 3) => Self::Remove(third),
            _ => Self::Unknown,
        }
    }
}

/// What stands behind `/tie`, if a line begins so. Bots are named behind it on some platforms: `/tie@bot`.
fn behind<'l>(line: &'l str, prefix: &str) -> Option<&'l str> {
    let line = line.strip_prefix(SIGNS)?;
    let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let word = word.to_lowercase();
    let bot = word.strip_prefix(&prefix.to_lowercase())?;
    (bot.is_empty() || bot.starts_with('@')).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Command> {
        Command::read(&Markup::plain(text), "tie")
    }

    #[test]
    fn commands_are_read_as_people_type_them() {
        for (text, command) in [
            ("/tie", Command::Help),
            ("/tie help", Command::Help),
            ("/tie bind", Command::Bind),
            ("!tie bind", Command::Bind),
            ("/TIE  Bind ", Command::Bind),
            ("/tie@tieline_bot bind", Command::Bind),
            ("/tie bind\nand more", Command::Bind),
            ("/tie bind setup", Command::Bind),
            ("/tie bind confirm Ab12", Command::Confirm(Some("Ab12".into()))),
            ("/tie bind confirm", Command::Confirm(None)),
            ("/tie bind list", Command::List),
            ("/tie bind remove", Command::Remove(None)),
            ("/tie bind rm Rc_1", Command::Remove(Some("Rc_1".into()))),
            ("/tie bind remove a b", Command::Unknown),
            ("/tie bind me", Command::Unknown),
            ("/tie dance", Command::Unknown),
        ] {
            assert_eq!(read(text), Some(command), "{text}");
        }
    }

    #[test]
    fn what_only_looks_alike_is_none() {
        for text in ["", "tie bind", "/tied bind", "/ti bind", "/ tie bind", "hello /tie bind", "/", "//tie bind", " x"]
        {
            assert_eq!(read(text), None, "{text}");
        }
        let code = Markup { blocks: vec![Block::Code(None, "/tie bind".into())] };
        assert_eq!(Command::read(&code, "tie"), None);
        let quote = Markup { blocks: vec![Block::Quote(vec![Span::Text("/tie bind".into())])] };
        assert_eq!(Command::read(&quote, "tie"), None);
    }

    #[test]
    fn formatting_behind_the_word_does_not_matter() {
        let spans = vec![Span::Text("/tie bind rm a".into()), Span::Italic(vec![Span::Text("b".into())])];
        let text = Markup { blocks: vec![Block::Line(spans)] };
        assert_eq!(Command::read(&text, "tie"), Some(Command::Remove(Some("ab".into()))));
        assert_eq!(Command::read(&Markup::plain("/Größe bind"), "gröSSe"), None);
        assert_eq!(Command::read(&Markup::plain("/GRÖßE bind"), "größe"), Some(Command::Bind));
        assert_eq!(Command::read(&Markup::plain("/a@b@bot bind"), "a@b"), Some(Command::Bind));
    }
}
