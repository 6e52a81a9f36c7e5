//! Whom a text names in leading brackets, `[+49 170 0000001] Hello`, and whether they may be written to.

use crate::jid::{Jid, Server};

/// How many digits something in brackets has at least to be taken for a recipient: fewer are a number of something else.
const DIGITS: usize = 5;
/// Longest text that is looked at: a JID or a number with its spaces.
const LONGEST: usize = 80;

/// Whether what stands in brackets is meant as a recipient, right or wrong. `TODO`, `12` and dates are not.
pub(crate) fn is_meant(named: &str) -> bool {
    let named = named.trim();
    if named.len() > LONGEST {
        return false;
    }
    if let Some((_, server)) = named.split_once('@') {
        // An address of electronic mail is no recipient, however wrong a JID may be.
        return Jid::parse(&format!("1@{server}")).is_some_and(|jid| !matches!(jid.server(), Server::Other(_)));
    }
    let of_number = |c: char| {
        c.is_ascii_digit() || matches!(c, '+' | ' ' | '\u{a0}' | '-' | '\u{2010}' | '\u{2011}' | '\u{2013}' | '(' | ')')
    };
    let digits = named.bytes().filter(u8::is_ascii_digit).count();
    named.chars().all(of_number) && digits >= DIGITS && !is_date(named)
}

/// `2026-11-21` and `21-11-2026`.
fn is_date(text: &str) -> bool {
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
        && matches!(lengths[..], [4, 1 | 2, 1 | 2] | [1 | 2, 1 | 2, 4])
}

/// Who may be written to by a recipient in brackets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AllowTo(Vec<Pattern>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Pattern {
    /// `*`
    Everybody,
    /// A number or a JID without `*`.
    One(Jid),
    /// Phone numbers, by their digits.
    Numbers(String),
    /// Whole JIDs.
    Jids(String),
}

impl AllowTo {
    /// Understands the patterns. `Err`: which of them are none, and why.
    pub(crate) fn parse(written: &[String]) -> Result<Self, Vec<(usize, String)>> {
        let mut patterns = Vec::new();
        let mut wrong = Vec::new();
        for (index, text) in written.iter().enumerate() {
            match Pattern::parse(text.trim()) {
                Ok(pattern) => patterns.push(pattern),
                Err(why) => wrong.push((index, why)),
            }
        }
        if wrong.is_empty() { Ok(Self(patterns)) } else { Err(wrong) }
    }

    /// Whether this chat may be written to.
    pub(crate) fn takes(&self, jid: &Jid) -> bool {
        self.0.iter().any(|pattern| match pattern {
            Pattern::Everybody => true,
            Pattern::One(one) => one == jid,
            Pattern::Numbers(pattern) => jid.is_phone() && matches(pattern, jid.user()),
            Pattern::Jids(pattern) => matches(pattern, &jid.to_string()),
        })
    }

    /// Whether anybody may write to everybody.
    pub(crate) fn is_open(&self) -> bool {
        self.0.contains(&Pattern::Everybody)
    }
}

impl Pattern {
    fn parse(text: &str) -> Result<Self, String> {
        if text == "*" {
            return Ok(Self::Everybody);
        }
        if !text.contains('*') {
            return Jid::written(text).map(Self::One);
        }
        if text.contains('@') {
            let sound = text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '@' | '*' | '-' | '.' | '_'));
            return if sound {
                Ok(Self::Jids(text.to_ascii_lowercase()))
            } else {
                Err(format!("`{text}` is no pattern of JIDs; one looks like *@g.us"))
            };
        }
        let digits: String = text.chars().filter(|c| c.is_ascii_digit() || *c == '*').collect();
        let digits = digits.strip_prefix("00").map_or(digits.clone(), str::to_owned);
        let others = |c: char| !(c.is_ascii_digit() || matches!(c, '*' | '+' | ' ' | '-' | '(' | ')'));
        if text.contains(others) {
            return Err(format!("`{text}` is no pattern of phone numbers; one looks like 49170*"));
        }
        if digits.starts_with('0') {
            return Err(format!("`{text}` has no country code; write it like 49170*"));
        }
        Ok(Self::Numbers(digits))
    }
}

/// Whether a text fits a pattern in which `*` stands for any characters, none as well.
fn matches(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split('*');
    let Some(mut rest) = pieces.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let mut pieces: Vec<&str> = pieces.collect();
    let Some(last) = pieces.pop() else { return rest.is_empty() };
    for piece in pieces {
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_recipient_is_told_from_what_people_write_in_brackets() {
        for meant in [
            "49123456789",
            "+49 170 0000001",
            " 0170-123456 ",
            "12345",
            "120363000000000001",
            "120363000000000001@g.us",
            "222000000000001@lid",
            "alice@g.us",
            "491700000001-1406122334",
            "+49 (0)170 123",
        ] {
            assert!(is_meant(meant), "{meant}");
        }
        for not in [
            "TODO",
            "12",
            "",
            "1234",
            "2026-11-21",
            "21-11-2026",
            "ann@example.com",
            "@all",
            "x12345",
            "12:30:45",
            "v1.2.34567",
            "49170, 49171",
        ] {
            assert!(!is_meant(not), "{not}");
        }
        assert!(!is_meant(&"1 ".repeat(60)));
    }

    fn allows(patterns: &[&str], whom: &str) -> bool {
        let written: Vec<String> = patterns.iter().map(|&pattern| pattern.to_owned()).collect();
        AllowTo::parse(&written).expect("sound").takes(&Jid::written(whom).expect("a chat"))
    }

    #[test]
    fn patterns_take_numbers_and_jids() {
        assert!(allows(&["*"], "120363000000000001@g.us"));
        assert!(!allows(&[], "+49 170 0000001"));
        assert!(allows(&["+49 170*"], "0049 170 0000001"));
        assert!(!allows(&["+49 170*"], "+49 171 0000001"));
        assert!(!allows(&["12*"], "120363000000000001@g.us"), "a pattern of numbers takes no group");
        assert!(allows(&["*@g.us"], "120363000000000001@g.us"));
        assert!(!allows(&["*@g.us"], "+49 170 0000001"));
        assert!(allows(&["49*01"], "491700000001") && !allows(&["49*02"], "491700000001"));
        assert!(allows(&["x*@g.us", "+49-170-0000001"], "491700000001@s.whatsapp.net"));
        assert!(!allows(&["491*@lid"], "491700000001"));
    }

    #[test]
    fn wrong_patterns_are_told_with_their_place() {
        let written = ["*", "Alice", "0170*", "49x*", "a b*@g.us"].map(str::to_owned);
        let wrong = AllowTo::parse(&written).expect_err("four are wrong");
        assert_eq!(wrong.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [1, 2, 3, 4]);
        assert!(wrong[1].1.contains("country code"), "{wrong:?}");
    }

    proptest! {
        #[test]
        fn stars_stand_for_anything(a in "[0-9]{0,4}", x in "[0-9]{0,4}", b in "[0-9]{0,4}", y in "[0-9]{0,4}") {
            let (pattern, text) = (format!("{a}*{b}*"), format!("{a}{x}{b}{y}"));
            prop_assert!(matches(&pattern, &text));
            let (pattern, text) = (format!("{a}*{b}"), format!("{x}{y}"));
            let fits = text.starts_with(&a) && text.ends_with(&b) && text.len() >= a.len() + b.len();
            prop_assert_eq!(matches(&pattern, &text), fits);
        }

        #[test]
        fn any_text_is_looked_at(text in "\\PC{0,100}") {
            let _: bool = is_meant(&text);
        }
    }
}
