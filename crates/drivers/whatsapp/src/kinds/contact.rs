//! Contacts, as vCards.

use serde_json::Value;
use tieline_core::compose::one_line;
use tieline_core::markup::{Block, Markup};

use crate::fields::{list, name, text};
use crate::kinds::{Said, line};
use crate::unwrap::Inner;

/// How many contacts of a list, and how much of each, are shown.
const SHOWN: usize = 50;

/// A contact, or all of a list.
pub(super) fn said(message: &Inner<'_>) -> Option<Said> {
    let contacts = list(message.content, "contacts");
    let contacts = if contacts.is_empty() { std::slice::from_ref(message.content) } else { contacts };
    let mut blocks: Vec<Block> = contacts.iter().take(SHOWN).filter_map(contact).collect();
    if contacts.len() > SHOWN {
        blocks.push(line(format!("👤 and {} more", contacts.len() - SHOWN)));
    }
    (!blocks.is_empty()).then(|| Said { text: Markup { blocks }, ..Said::default() })
}

fn contact(contact: &Value) -> Option<Block> {
    let card = text(contact, "vcard").map(|card| Card::read(&card)).unwrap_or_default();
    let name = name(contact, "displayName").or(card.name);
    let mut what = card.ways;
    what.dedup();
    match (name, what.is_empty()) {
        (Some(name), false) => Some(line(format!("👤 {name}: {}", what.join(", ")))),
        (Some(name), true) => Some(line(format!("👤 {name}"))),
        (None, false) => Some(line(format!("👤 {}", what.join(", ")))),
        (None, true) => None,
    }
}

/// What we read of a vCard (RFC 2426, RFC 6350).
#[derive(Debug, Default, PartialEq, Eq)]
struct Card {
    name: Option<String>,
    /// Phone numbers, then addresses of electronic mail.
    ways: Vec<String>,
}

impl Card {
    fn read(card: &str) -> Self {
        let (mut name, mut phones, mut mails) = (None, Vec::new(), Vec::new());
        for property in unfolded(card) {
            let Some((head, value)) = head_and_value(&property) else { continue };
            let mut parameters = head.split(';');
            let key = parameters.next().unwrap_or_default();
            // `item1.TEL` belongs to a group within the card.
            let key = key.rsplit('.').next().unwrap_or_default().to_ascii_uppercase();
            let value = one_line(&unescaped(value)).into_owned();
            match key.as_str() {
                "FN" if !value.is_empty() => name = Some(value),
                "TEL" if phones.len() < SHOWN => {
                    let number = value.strip_prefix("tel:").unwrap_or(&value).trim().to_owned();
                    let account = parameters.find_map(|parameter| parameter.strip_prefix("waid="));
                    if !number.is_empty() {
                        phones.push(number);
                    } else if let Some(account) = account {
                        phones.push(format!("+{}", one_line(account)));
                    }
                }
                "EMAIL" if mails.len() < SHOWN && !value.is_empty() => mails.push(value),
                _ => {}
            }
        }
        phones.extend(mails);
        Self { name, ways: phones }
    }
}

/// The properties, one a line: a line that begins with a space goes on with the one before.
fn unfolded(card: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in card.lines() {
        match (line.strip_prefix([' ', '\t']), lines.last_mut()) {
            (Some(more), Some(last)) => last.push_str(more),
            _ => lines.push(line.to_owned()),
        }
    }
    lines
}

/// Cuts at the first colon that is not within quotation marks.
fn head_and_value(property: &str) -> Option<(&str, &str)> {
    let mut quoted = false;
    let at = property.bytes().position(|byte| {
        quoted ^= byte == b'"';
        byte == b':' && !quoted
    })?;
    Some((&property[..at], &property[at + 1..]))
}

fn unescaped(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n' | 'N') => out.push(' '),
                Some(other) => out.push(other),
                None => out.push('\\'),
            },
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::plain;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn a_contact_is_a_name_with_numbers() {
        let card = "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Carl\r\nitem1.TEL;type=CELL;waid=491700000003:+49 170 000\r\n 0003\r\n\
            TEL;waid=491700000004:\r\nEMAIL;TYPE=\"a:b\":carl@example.com\r\nPHOTO;ENCODING=b:AAAA\r\nEND:VCARD";
        let message = json!({ "contactMessage": { "displayName": "Carl", "vcard": card } });
        assert_eq!(plain(&message), "👤 Carl: +49 170 0000003, +491700000004, carl@example.com");
        let unnamed = json!({ "contactMessage": { "vcard": "FN:Meyer\\, Carl\\nX\nTEL:tel:+4917" } });
        assert_eq!(plain(&unnamed), "👤 Meyer, Carl X: +4917");
        assert_eq!(plain(&json!({ "contactMessage": { "displayName": "Carl" } })), "👤 Carl");
    }

    #[test]
    fn a_list_shows_all_of_them() {
        let one = |n: usize| json!({ "displayName": format!("C{n}"), "vcard": format!("TEL:+{n}") });
        let message =
            json!({ "contactsArrayMessage": { "displayName": "2 contacts", "contacts": [one(1), one(2), {}] } });
        assert_eq!(plain(&message), "👤 C1: +1\n👤 C2: +2");
        let many: Vec<_> = (0..60).map(one).collect();
        let shown = plain(&json!({ "contactsArrayMessage": { "contacts": many } }));
        assert!(shown.ends_with("👤 C49: +49\n👤 and 10 more"), "{shown}");
    }

    proptest! {
        #[test]
        fn any_card_is_read(card in "[\\\\A-Z:;.=\"\r\n \t0-9]{0,80}|\\PC{0,80}") {
            let _: Card = Card::read(&card);
        }
    }
}
