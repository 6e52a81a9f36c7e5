//! JIDs: how WhatsApp names people, groups and channels.
//!
//! A JID is `user@server`; a device of an account is `user:device@server`, and the device is cut off, since nobody is
//! written to by device. The addon guesses a server for a name without one, wrongly for some (`app/src/utils/jid.js`);
//! so everything that is sent to it is a whole JID.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Longest user part that is taken from outside. Real ones have at most 31 characters (old groups).
const MAX_USER: usize = 64;
/// How many digits a phone number has, with its country code: E.164 allows 15, and the shortest in use have 7.
pub(crate) const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 7..=15;

/// The name of a person, a group or a channel.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Jid {
    user: String,
    server: Server,
}

/// What kind of name it is: the part behind the `@`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Server {
    /// `s.whatsapp.net`: a person, by phone number.
    Phone,
    /// `g.us`: a group.
    Group,
    /// `lid`: a person, by a number that hides the phone number.
    Lid,
    /// `newsletter`: a channel.
    Newsletter,
    /// `broadcast`: a broadcast list, or the stories (`status@broadcast`).
    Broadcast,
    /// One that this version does not know.
    Other(String),
}

impl Server {
    fn parse(text: &str) -> Option<Self> {
        let text = text.to_ascii_lowercase();
        Some(match text.as_str() {
            // `c.us` is how web clients write the same.
            "s.whatsapp.net" | "c.us" => Self::Phone,
            "g.us" => Self::Group,
            "lid" => Self::Lid,
            "newsletter" => Self::Newsletter,
            "broadcast" => Self::Broadcast,
            other if other.is_empty() || other.len() > MAX_USER => return None,
            other if !other.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-')) => {
                return None;
            }
            _ => Self::Other(text),
        })
    }

    fn as_str(&self) -> &str {
        match self {
            Self::Phone => "s.whatsapp.net",
            Self::Group => "g.us",
            Self::Lid => "lid",
            Self::Newsletter => "newsletter",
            Self::Broadcast => "broadcast",
            Self::Other(name) => name,
        }
    }
}

impl Jid {
    /// A JID as the addon writes it. `None`: it is none. A server that we do not know is taken as it is.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (user, server) = text.trim().split_once('@')?;
        let user = user.split_once(':').map_or(user, |(user, _device)| user);
        let sound = !user.is_empty()
            && user.len() <= MAX_USER
            && user.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
        let server = Server::parse(server)?;
        sound.then(|| Self { user: user.to_owned(), server })
    }

    /// What a person writes for a chat: a JID or a phone number. `Err`: what is wrong with it, and what to write.
    pub(crate) fn written(text: &str) -> Result<Self, String> {
        let text = plain(text);
        let text = text.trim();
        if text.is_empty() {
            return Err("it is empty; write a phone number with its country code, or a JID".to_owned());
        }
        if text.contains('@') { Self::written_jid(text) } else { Self::written_number(text) }
    }

    fn written_jid(text: &str) -> Result<Self, String> {
        let jid = Self::parse(text).ok_or_else(|| {
            format!("`{text}` is no JID; one looks like 491700000001@s.whatsapp.net or 120363000000000001@g.us")
        })?;
        let digits = jid.user.bytes().all(|byte| byte.is_ascii_digit());
        match &jid.server {
            Server::Phone if digits && PHONE_DIGITS.contains(&jid.user.len()) && !jid.user.starts_with('0') => Ok(jid),
            Server::Phone => Err(format!(
                "`{text}` is no JID of a person: before the `@` stands the phone number with its country code, digits only"
            )),
            Server::Group if digits || old_group(&jid.user) => Ok(jid),
            Server::Group => Err(format!("`{text}` is no JID of a group: before the `@` stand digits")),
            Server::Lid | Server::Newsletter if digits => Ok(jid),
            Server::Lid | Server::Newsletter => Err(format!("`{text}` is no JID: before the `@` stand digits")),
            Server::Broadcast if jid.is_status() => {
                Err("`status@broadcast` is where stories are posted; the addon neither sends nor receives them"
                    .to_owned())
            }
            Server::Broadcast => {
                Err(format!("`{text}` is a broadcast list; name the people, or a group, whom it is for"))
            }
            Server::Other(server) => Err(format!(
                "`@{server}` is no kind of chat; it is `@s.whatsapp.net` for a person, `@g.us` for a group, `@lid` for a \
                person whose number is hidden, `@newsletter` for a channel"
            )),
        }
    }

    fn written_number(text: &str) -> Result<Self, String> {
        // A group of the old kind is named by its founder's number and the time in seconds; together they are longer than
        // any phone number, which may have dashes, too.
        if old_group(text) && text.len() > *PHONE_DIGITS.end() + 1 && !text.starts_with('0') {
            return Ok(Self { user: text.to_owned(), server: Server::Group });
        }
        let without_trunk = text.replace("(0)", "");
        let mut digits = String::with_capacity(text.len());
        for (index, c) in without_trunk.chars().enumerate() {
            match c {
                '0'..='9' => digits.push(c),
                '+' if index == 0 => {}
                ' ' | '\u{a0}' | '\u{202f}' | '-' | '\u{2010}' | '\u{2011}' | '\u{2013}' | '(' | ')' => {}
                c if c.is_alphabetic() => {
                    return Err(format!(
                        "`{text}` is a name; a chat is named by its phone number with the country code, or by its JID"
                    ));
                }
                c => return Err(format!("`{text}` is no phone number: `{c}` stands in it")),
            }
        }
        let plus = text.starts_with('+');
        if text.len() > *PHONE_DIGITS.end() && text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with("00")
        {
            return Ok(Self { user: digits, server: Server::Group });
        }
        // `0-0-49…` is nobody's way to write an international prefix.
        let digits = match digits.strip_prefix("00") {
            Some(rest) if !plus && text.starts_with("00") => rest,
            _ => &digits,
        };
        if digits.starts_with('0') {
            return Err(format!("`{text}` has no country code; write it like +49 170 0000001"));
        }
        let digits = without_trunk_zero(digits);
        if digits.len() < *PHONE_DIGITS.start() {
            return Err(format!("`{text}` is too short for a phone number with its country code"));
        }
        if digits.len() > *PHONE_DIGITS.end() {
            return Err(format!(
                "`{text}` is too long for a phone number; a group is written as its id alone, or as …@g.us"
            ));
        }
        Ok(Self { user: digits, server: Server::Phone })
    }

    /// The part before the `@`: the digits of a phone number, a group's id.
    pub(crate) fn user(&self) -> &str {
        &self.user
    }

    /// What kind of name it is.
    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    /// Whether it names a group.
    pub(crate) fn is_group(&self) -> bool {
        self.server == Server::Group
    }

    /// Whether it names a person by phone number.
    pub(crate) fn is_phone(&self) -> bool {
        self.server == Server::Phone
    }

    /// Whether it names a channel.
    pub(crate) fn is_newsletter(&self) -> bool {
        self.server == Server::Newsletter
    }

    /// Whether it is where stories are posted.
    pub(crate) fn is_status(&self) -> bool {
        self.server == Server::Broadcast && self.user.eq_ignore_ascii_case("status")
    }

    /// How it is shown to people who know no name for it: a phone number with `+`, else the part before the `@`.
    pub(crate) fn shown(&self) -> String {
        if self.is_phone() { format!("+{}", self.user) } else { self.user.clone() }
    }
}

/// `founder-time`, the name of a group that was made before 2021.
fn old_group(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    text.split_once('-').is_some_and(|(founder, time)| digits(founder) && digits(time))
}

/// `49 0170 …` is what comes of writing a national number behind a country code. The addon drops the zero for the same
/// countries; not so for Italy here, where it belongs to the number.
fn without_trunk_zero(digits: &str) -> String {
    let Some(country) = country_with_zero(digits) else { return digits.to_owned() };
    let national = &digits[country.len() + 1..];
    if national.len() < 8 { digits.to_owned() } else { format!("{country}{national}") }
}

/// The country code that a `0` stands behind, of a country where none belongs there.
pub(crate) fn country_with_zero(digits: &str) -> Option<&'static str> {
    const COUNTRIES: [&str; 9] = ["49", "43", "41", "33", "44", "31", "32", "34", "48"];
    let with_zero = |country: &&str| digits.strip_prefix(country).is_some_and(|rest| rest.starts_with('0'));
    COUNTRIES.into_iter().find(|country| with_zero(country))
}

/// A text without the characters that nobody sees, of which copied numbers are full: marks of direction, zero-width
/// characters, soft hyphens.
pub(crate) fn plain(text: &str) -> String {
    let unseen = |c: char| {
        matches!(
            c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
        )
    };
    text.chars().filter(|c| !unseen(*c)).collect()
}

impl fmt::Display for Jid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.user, self.server.as_str())
    }
}

impl From<Jid> for String {
    fn from(jid: Jid) -> Self {
        jid.to_string()
    }
}

impl TryFrom<String> for Jid {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).ok_or_else(|| format!("`{text}` is no JID"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(text: &str) -> String {
        Jid::written(text).map_or_else(|why| format!("refused: {why}"), |jid| jid.to_string())
    }

    #[test]
    fn a_device_is_cut_off() {
        let jid = Jid::parse("491555000001:7@s.whatsapp.net").expect("a JID");
        assert_eq!(jid.to_string(), "491555000001@s.whatsapp.net");
        assert_eq!(Jid::parse("491555000001@c.us"), Some(jid));
        assert_eq!(Jid::parse("222000000000002:1@lid").map(|jid| jid.shown()), Some("222000000000002".to_owned()));
        for none in ["", "@", "x", "@g.us", "1@", "1 2@g.us", "1@g us", ":7@lid", "1@2@g.us"] {
            assert_eq!(Jid::parse(none), None, "{none}");
        }
        assert!(matches!(Jid::parse("1@hosted").map(|jid| jid.server), Some(Server::Other(_))));
    }

    #[test]
    fn numbers_are_written_in_many_ways() {
        for same in [
            "491700000001",
            "+491700000001",
            "+49 170 0000001",
            "0049 170 0000001",
            "00491700000001",
            "+49-170-0000001",
            "49170-0000001",
            "+49 (170) 0000001",
            "+49 (0)170 0000001",
            "+49 0170 0000001",
            " +49\u{a0}170\u{a0}0000001 ",
            "\u{2068}+49 170 0000001\u{2069}",
            "\u{200e}+49\u{200b}170\u{feff}0000001",
            "491700000001@s.whatsapp.net",
            "491700000001:3@s.whatsapp.net",
        ] {
            assert_eq!(written(same), "491700000001@s.whatsapp.net", "{same}");
        }
        assert_eq!(written("+39 06 1234 5678"), "390612345678@s.whatsapp.net", "Italy's zero belongs to the number");
    }

    #[test]
    fn long_numbers_are_groups() {
        assert_eq!(written("120363000000000001"), "120363000000000001@g.us");
        assert_eq!(written("120363000000000001@g.us"), "120363000000000001@g.us");
        assert_eq!(written("491700000001-1406122334"), "491700000001-1406122334@g.us");
        assert_eq!(written("222000000000002@lid"), "222000000000002@lid");
        assert_eq!(written("120363000000000009@newsletter"), "120363000000000009@newsletter");
    }

    #[test]
    fn what_is_no_chat_is_refused_with_a_reason() {
        for (text, reason) in [
            ("", "empty"),
            ("Alice", "is a name"),
            ("alice@g.us", "stand digits"),
            ("0170 0000001", "no country code"),
            ("+0170 0000001", "no country code"),
            ("12345", "too short"),
            ("+49 170 0000 0000 0000 1", "too long"),
            ("49,170", "`,` stands in it"),
            ("4917+0000001", "`+` stands in it"),
            ("1@example.com", "no kind of chat"),
            ("status@broadcast", "stories"),
            ("STATUS@broadcast", "stories"),
            ("status@BROADCAST", "stories"),
            ("1406122334@broadcast", "broadcast list"),
            ("0-0-491700000001", "no country code"),
            ("0 0491700000001", "no country code"),
            ("0170000001@s.whatsapp.net", "country code"),
            ("1 2@g.us", "no JID"),
        ] {
            let said = written(text);
            assert!(said.starts_with("refused") && said.contains(reason), "{text}: {said}");
        }
    }

    proptest! {
        #[test]
        fn a_jid_reads_back(user in "[0-9]{7,18}", server in 0usize..5) {
            let server = ["s.whatsapp.net", "g.us", "lid", "newsletter", "broadcast"][server];
            let jid = Jid::parse(&format!("{user}@{server}")).expect("a JID");
            prop_assert_eq!(Jid::parse(&jid.to_string()), Some(jid.clone()));
            prop_assert_eq!(serde_json::from_value(serde_json::to_value(&jid).unwrap()).ok(), Some(jid));
        }

        #[test]
        fn a_number_is_the_same_however_it_is_spaced(
            digits in "[1-9][0-9]{6,14}",
            gaps in proptest::collection::vec(0usize..4, 15),
            lead in 0usize..3,
        ) {
            let plain = Jid::written(&digits).expect("a number");
            let mut spaced = ["", "+", "00"][lead].to_owned();
            for (index, c) in digits.chars().enumerate() {
                spaced.push(c);
                spaced.push_str(["", " ", "-", "\u{2011}"][gaps[index]]);
            }
            prop_assert_eq!(Jid::written(&spaced), Ok(plain.clone()), "{}", spaced);
            // What is sent is a whole JID, and it is understood again as the same.
            prop_assert_eq!(Jid::written(&plain.to_string()), Ok(plain));
        }

        #[test]
        fn any_text_is_understood_or_refused(text in "\\PC{0,40}") {
            if let Ok(jid) = Jid::written(&text) {
                prop_assert_eq!(Jid::written(&jid.to_string()), Ok(jid));
            }
        }
    }
}
