//! Whom a text names in leading brackets, `[+49 170 0000001] Hello`, and whether they may be written to.

use crate::jid::{Jid, PHONE_DIGITS, Server, country_with_zero, plain};

/// How many digits something in brackets has at least to be taken for a recipient: fewer are a number of something else,
/// and no phone number has fewer with its country code.
const DIGITS: usize = *PHONE_DIGITS.start();
/// Longest text that is looked at: a JID or a number with its spaces.
const LONGEST: usize = 80;

/// Whether what stands in brackets is meant as a recipient, right or wrong. `TODO`, `12345` and dates are not.
pub(crate) fn is_meant(named: &str) -> bool {
    let named = plain(named);
    let named = named.trim();
    if named.len() > LONGEST {
        return false;
    }
    if let Some((_, server)) = named.split_once('@') {
        // An address of electronic mail is no recipient, however wrong a JID may be.
        return Jid::parse(&format!("1@{server}")).is_some_and(|jid| !matches!(jid.server(), Server::Other(_)));
    }
    let of_number = |c: char| {
        matches!(
            c,
            '0'..='9' | '+' | ' ' | '\u{a0}' | '\u{202f}' | '-' | '\u{2010}' | '\u{2011}' | '\u{2013}' | '(' | ')'
        )
    };
    let digits = named.bytes().filter(u8::is_ascii_digit).count();
    named.chars().all(of_number) && digits >= DIGITS && !is_date(named)
}

/// `2026-11-21`, `21-11-2026`, the same with blanks, `20261121` and `21112026`.
fn is_date(text: &str) -> bool {
    let pieces: Vec<&str> = text.split(['-', '\u{2010}', '\u{2011}', '\u{2013}', ' ', '\u{a0}', '\u{202f}']).collect();
    if !pieces.iter().all(|piece| piece.bytes().all(|byte| byte.is_ascii_digit())) {
        return false;
    }
    let lengths: Vec<usize> = pieces.iter().map(|piece| piece.len()).collect();
    match lengths[..] {
        [4, 1 | 2, 1 | 2] | [1 | 2, 1 | 2, 4] => true,
        // Without separators it must be a day that there is, or half of all short numbers would be dates.
        [8] => is_day(&text[..4], &text[4..6], &text[6..]) || is_day(&text[4..], &text[2..4], &text[..2]),
        _ => false,
    }
}

fn is_day(year: &str, month: &str, day: &str) -> bool {
    let within = |text: &str, range: std::ops::RangeInclusive<u16>| text.parse().is_ok_and(|n| range.contains(&n));
    within(year, 1900..=2099) && within(month, 1..=12) && within(day, 1..=31)
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
    /// Understands the patterns; of `None` the reader was told already. `Err`: which of them are none, and why.
    pub(crate) fn parse(written: &[Option<String>]) -> Result<Self, Vec<(usize, String)>> {
        let mut patterns = Vec::new();
        let mut wrong = Vec::new();
        for (index, text) in written.iter().enumerate() {
            let Some(text) = text else { continue };
            match Pattern::parse(plain(text).trim()) {
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

    /// Whether anybody may write to everybody who has a number.
    pub(crate) fn is_open(&self) -> bool {
        // No pattern can name this character, so only one that asks nothing of the number takes it.
        self.0.iter().any(|pattern| match pattern {
            Pattern::Everybody => true,
            Pattern::One(_) => false,
            Pattern::Numbers(pattern) => matches(pattern, "?"),
            Pattern::Jids(pattern) => matches(pattern, "?@s.whatsapp.net"),
        })
    }
}

impl Pattern {
    fn parse(text: &str) -> Result<Self, String> {
        if !text.is_empty() && text.bytes().all(|byte| byte == b'*') {
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
        // As numbers are read: the zero of `+49 (0)170` is not dialled from abroad.
        let without_trunk = text.replace("(0)", "");
        let digits: String = without_trunk.chars().filter(|c| c.is_ascii_digit() || *c == '*').collect();
        let digits = digits.strip_prefix("00").map_or(digits.clone(), str::to_owned);
        let others = |c: char| {
            let spacing = matches!(c, ' ' | '\u{a0}' | '\u{202f}' | '-' | '\u{2010}' | '\u{2011}' | '\u{2013}');
            !(c.is_ascii_digit() || spacing || matches!(c, '*' | '+' | '(' | ')'))
        };
        if text.contains(others) || text.rfind('+').is_some_and(|at| at > 0) {
            return Err(format!("`{text}` is no pattern of phone numbers; one looks like 49170*"));
        }
        if digits.starts_with('0') {
            return Err(format!("`{text}` has no country code; write it like 49170*"));
        }
        if let Some(country) = country_with_zero(&digits) {
            return Err(format!(
                "`{text}` admits nobody: behind the country code {country} no number begins with 0; leave the 0 out"
            ));
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
            "4917000",
            "\u{2066}+49 170 0000001\u{2069}",
            "\u{feff}4917\u{200b}00000001",
            "49001122",
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
            "12345",
            "49170",
            "123456",
            "+12345",
            "2026-11-21",
            "21-11-2026",
            "2026 11 21",
            "20261121",
            "21112026",
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
        let written: Vec<Option<String>> = patterns.iter().map(|&pattern| Some(pattern.to_owned())).collect();
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
        let written = ["*", "Alice", "0170*", "49x*", "a b*@g.us", "49 0170*", "49+170*"];
        let wrong = AllowTo::parse(&written.map(|text| Some(text.to_owned()))).expect_err("six are wrong");
        assert_eq!(wrong.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
        assert!(wrong[1].1.contains("country code"), "{wrong:?}");
        assert!(wrong[4].1.contains("leave the 0 out"), "{wrong:?}");
    }

    #[test]
    fn patterns_are_read_as_numbers_are() {
        for pattern in ["49(0)170*", "+49 (0)170*", "0049-170*", "49\u{a0}170*", "\u{2066}49170*\u{2069}"] {
            assert!(allows(&[pattern], "+49 170 0000001"), "{pattern}");
            assert!(!allows(&[pattern], "+49 171 0000001"), "{pattern}");
        }
    }

    #[test]
    fn what_asks_nothing_of_a_number_is_as_open_as_a_star() {
        let open = |pattern: &str| AllowTo::parse(&[Some(pattern.to_owned())]).expect("sound").is_open();
        for pattern in ["*", "**", "*@*", "+*", "00*", "*@s.whatsapp.net", "**@*net"] {
            assert!(open(pattern), "{pattern}");
        }
        for pattern in ["49*", "*1*", "*@g.us", "49*@*", "+49 170 0000001"] {
            assert!(!open(pattern), "{pattern}");
        }
        assert!(allows(&["**"], "120363000000000001@g.us"));
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
