//! Texts that the addon would take for commands.
//!
//! What we send comes back to the addon as a message of the account's owner, who may command it. It executes
//!
//! - a text that begins with `ha-app-`, in any case (`app/src/whatsapp/events/index.js`);
//! - with moderation, a line that begins with `!`, `/`, `#` or the prefix set for the chat, which may be any text
//!   (`app/src/whatsapp/moderation/commands.js`): the first such line, or all of them;
//! - in chats with one person, also a line whose first word is a command's name or, in later versions, that of a note.
//!
//! Before it looks, it cuts quotation marks, backticks and what JavaScript calls white space off the edges, and the
//! beginning of a block of code with its language. From the first word it cuts what follows an `@`.
//!
//! A prefix can be guessed only so far. Every punctuation character of ASCII is taken for one, except
//!
//! - `*`, `_`, `~`, `>` and `-` before a blank: they are markup, much of it ours;
//! - `[`: the default format begins with it, and an invisible character in every message is too much for a prefix that
//!   nobody has;
//! - one before a digit, since no command's name begins with one: `+49…` and `$5` are copied by those who read them.
//!
//! Words are only kept from being the *known* names: an invisible character before every line would be copied with every
//! code and password that somebody is sent.

use crate::markup::commands::is_command;
use crate::markup::marks::APART;

/// The same text, so that the addon executes nothing of it: an invisible character stands before each line that would be
/// a command. It is no white space to JavaScript, so it is not cut off, and no command begins with it.
///
/// Every text and caption passes through here last, when nothing is put before it any more: each piece of a text that
/// was cut, too. Twice does what once does.
pub(crate) fn harmless(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut nothing_before = true;
    for (index, line) in text.split('\n').enumerate() {
        if index > 0 {
            out.push('\n');
        }
        if commands(line, nothing_before) {
            out.push(APART);
        }
        out.push_str(line);
        nothing_before &= line.chars().all(cut_off);
    }
    out
}

/// What is cut off the edges before the addon looks.
fn cut_off(c: char) -> bool {
    // JavaScript's `\s` is Unicode's white space without U+0085, and with U+FEFF.
    c.is_whitespace() || matches!(c, '\u{feff}' | '\'' | '"' | '`')
}

/// Whether a line is a command. `first`: only what is cut off stands before it in the text.
fn commands(line: &str, first: bool) -> bool {
    let bare = line.trim_start_matches(cut_off);
    if begins_command(bare) || (first && starts(bare, "ha-app-")) {
        return true;
    }
    // "```abc!kick" at the beginning: the language goes with the fence.
    let fenced = line.trim_start_matches(|c: char| cut_off(c) && c != '`').strip_prefix("```");
    first
        && fenced.is_some_and(|rest| {
            begins_command(rest.trim_start_matches(|c: char| c.is_ascii_alphabetic()).trim_start_matches(cut_off))
        })
}

fn begins_command(text: &str) -> bool {
    begins_with_prefix(text) || is_command(first_word(text))
}

fn begins_with_prefix(text: &str) -> bool {
    let mut letters = text.chars();
    let (first, next) = (letters.next(), letters.next());
    match first {
        Some('!' | '/' | '#') => true,
        Some('*' | '_' | '~' | '>' | '[') | None => false,
        Some('-') if next.is_none_or(char::is_whitespace) => false,
        Some(first) => first.is_ascii_punctuation() && !next.is_some_and(|c| c.is_ascii_digit()),
    }
}

/// The first word as the addon sees it: without what follows an `@`, and without the quotation marks behind it.
fn first_word(text: &str) -> &str {
    let ends = |c: char| c == '@' || (cut_off(c) && !matches!(c, '\'' | '"' | '`'));
    text.split(ends).next().unwrap_or_default().trim_end_matches(cut_off)
}

fn starts(text: &str, with: &str) -> bool {
    text.get(..with.len()).is_some_and(|head| head.eq_ignore_ascii_case(with))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn commands_are_made_harmless() {
        for command in [
            "ha-app-restart",
            "HA-App-logs",
            "  ha-app-diag",
            "\u{feff}ha-app-diag",
            "\"ha-app-diag\"",
            "`ha-app-diag`",
            "```\nha-app-diag\n```",
            "\n\nha-app-x",
            "!kick @491700000002",
            "/ban",
            "#x",
            "' !kick'",
            "hello\n!kick\nbye",
            "```sh\n!kick\n```",
            "```sh!kick```",
            "a\r\n/b",
            ".kick @491700000002",
            "$ban",
            "hello\n  ?ban\nbye",
            "-kick",
            "+ban",
            "@bot kick",
            "kick @491700000002",
            "Help",
            "help@bot me",
            "\"rules\"",
            "`id`",
            "hello\nexport all",
            "```sh .kick```",
            "```\nkick\n```",
            "```sh kick```",
            "\u{212a}ick",
            "constructor",
            ":)",
        ] {
            let said = harmless(command);
            assert_ne!(said, command);
            assert!(!executes(&said), "{said:?}");
            assert_eq!(said.replace(APART, ""), command);
        }
    }

    #[test]
    fn other_texts_stay_as_they_are() {
        for text in [
            "",
            "hello",
            "see ha-app-restart",
            "a\nha-app-x",
            "5! = 120",
            "and/or",
            "C#",
            "> /x",
            "- #x",
            "```x```",
            "*bold* _it_",
            "_it_",
            "~no~",
            "> kick",
            "- kick",
            "* kick",
            "1. kick",
            "[rocketchat] Ada: kick",
            "+49 170 0000001",
            "$5",
            "-5 degrees",
            "helping",
            "Help, please",
            "please help",
            "https://example.com/help",
            "A7x!9",
        ] {
            assert_eq!(harmless(text), text);
        }
    }

    /// What the addon does with a text, as `commands.js` and `events/index.js` read it, whatever the prefix is.
    fn executes(text: &str) -> bool {
        let space = |c: char| c.is_whitespace() || c == '\u{feff}';
        let quoted = |c: char| space(c) || matches!(c, '\'' | '"' | '`');
        let all = text.trim_matches(space).trim_matches(quoted).to_lowercase();
        if all.starts_with("ha-app-") {
            return true;
        }
        let mut raw = text.trim_matches(space);
        if let Some(rest) = raw.strip_prefix("```") {
            let rest = rest.trim_start_matches(|c: char| c.is_ascii_alphabetic());
            raw = rest.strip_prefix('\n').unwrap_or(rest);
        }
        raw = raw.strip_suffix("```").unwrap_or(raw);
        raw.split('\n').any(|line| {
            let line = line.trim_matches(quoted);
            let word = line.split(space).next().unwrap_or_default().split('@').next().unwrap_or_default();
            let prefix = ['!', '/', '#', '.', '$', '?'].into_iter().find_map(|prefix| line.strip_prefix(prefix));
            prefix.is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
                || ["kick", "help"].contains(&word.to_lowercase().as_str())
        })
    }

    proptest! {
        #[test]
        fn no_text_is_a_command(text in "[!/#.$ \n\"'`a\u{feff}]{0,12}|(ha-app-|HA-APP-|kick|Help|[ \n`'\"@]|```sh|!|\\.|x){0,6}") {
            let once = harmless(&text);
            prop_assert!(!executes(&once), "{:?}", once);
            prop_assert_eq!(harmless(&once), once.clone());
            prop_assert_eq!(once.replace(APART, ""), text);
        }
    }
}
