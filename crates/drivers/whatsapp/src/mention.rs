//! Mentions: WhatsApp writes `@` and digits into the text, and says beside it whom it means.

use std::collections::{HashMap, HashSet};

use tieline_core::markup::{Block, Markup, Mention, Person, Span};

use crate::jid::Jid;

/// Makes mentions of what stands in a text for these people, shown by their numbers. Returns who is there, each once.
pub(crate) fn find(text: &mut Markup, people: &[Jid]) -> Vec<Jid> {
    let by_digits: HashMap<&str, &Jid> = people.iter().map(|jid| (jid.user(), jid)).collect();
    let mut found = HashSet::new();
    if !people.is_empty() {
        each_line(text, &mut |spans| find_in(spans, &by_digits, &mut found));
    }
    let mut found: Vec<Jid> = found.into_iter().collect();
    found.sort();
    found
}

/// Puts names in the place of numbers; the keys are what [`Jid::shown`] says.
pub(crate) fn rename(text: &mut Markup, names: &HashMap<String, String>) {
    each_line(text, &mut |spans| rename_in(spans, names));
}

fn each_line(text: &mut Markup, with: &mut dyn FnMut(&mut Vec<Span>)) {
    for block in &mut text.blocks {
        match block {
            Block::Line(spans) | Block::Quote(spans) | Block::Item(_, spans) | Block::Heading(_, spans) => with(spans),
            Block::Code(..) => {}
        }
    }
}

fn inner(span: &mut Span) -> Option<&mut Vec<Span>> {
    match span {
        Span::Bold(inner)
        | Span::Italic(inner)
        | Span::Underline(inner)
        | Span::Strike(inner)
        | Span::Spoiler(inner)
        | Span::Link(_, inner) => Some(inner),
        Span::Text(_) | Span::Code(_) | Span::Mention(_) | Span::Emoji(_) => None,
    }
}

fn find_in(spans: &mut Vec<Span>, people: &HashMap<&str, &Jid>, found: &mut HashSet<Jid>) {
    let before = std::mem::take(spans);
    for mut span in before {
        if let Some(inner) = inner(&mut span) {
            find_in(inner, people, found);
        }
        match span {
            Span::Text(text) => cut(&text, people, found, spans),
            span => spans.push(span),
        }
    }
}

/// Cuts a text at its mentions.
fn cut(text: &str, people: &HashMap<&str, &Jid>, found: &mut HashSet<Jid>, out: &mut Vec<Span>) {
    let (mut plain, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once('@') {
        plain.push_str(before);
        let digits = &after[..after.bytes().take_while(u8::is_ascii_digit).count()];
        if let Some(&person) = people.get(digits) {
            if !plain.is_empty() {
                out.push(Span::Text(std::mem::take(&mut plain)));
            }
            out.push(Span::Mention(Mention::User(Person::with_id(person.shown(), person.user()))));
            found.insert(person.clone());
        } else {
            plain.push('@');
            plain.push_str(digits);
        }
        rest = &after[digits.len()..];
    }
    plain.push_str(rest);
    if !plain.is_empty() {
        out.push(Span::Text(plain));
    }
}

fn rename_in(spans: &mut [Span], names: &HashMap<String, String>) {
    for span in spans {
        if let Span::Mention(Mention::User(person)) = span
            && let Some(name) = names.get(&person.name)
        {
            name.clone_into(&mut person.name);
        }
        if let Some(inner) = inner(span) {
            rename_in(inner, names);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn people() -> Vec<Jid> {
        ["222000000000001@lid", "491700000002@s.whatsapp.net"].iter().filter_map(|jid| Jid::parse(jid)).collect()
    }

    /// Somebody who is shown by number; what identifies them are its digits.
    fn user(name: &str) -> Span {
        Span::Mention(Mention::User(Person::with_id(name, name.trim_start_matches('+'))))
    }

    #[test]
    fn who_is_meant_is_found_and_named() {
        let mut text = Markup::plain("hi @491700000002, @222000000000001 @4917 a@b @");
        let bold = Span::Bold(vec![Span::Text("@491700000002".to_owned())]);
        text.blocks.push(Block::Quote(vec![bold]));
        assert_eq!(find(&mut text, &people()), people());
        let expected = vec![
            Span::Text("hi ".to_owned()),
            user("+491700000002"),
            Span::Text(", ".to_owned()),
            user("222000000000001"),
            Span::Text(" @4917 a@b @".to_owned()),
        ];
        assert_eq!(text.blocks[0], Block::Line(expected));
        assert_eq!(text.blocks[1], Block::Quote(vec![Span::Bold(vec![user("+491700000002")])]));
        rename(&mut text, &HashMap::from([("+491700000002".to_owned(), "Bob".to_owned())]));
        assert_eq!(text.to_plain(), "hi @Bob, @222000000000001 @4917 a@b @\n> @Bob");
    }

    proptest! {
        #[test]
        fn only_numbers_of_people_change(text in "[@0-9a +]{0,40}") {
            let mut markup = Markup::plain(&text);
            prop_assert_eq!(find(&mut markup, &[]), []);
            prop_assert_eq!(&markup, &Markup::plain(&text));
            let anybody = Jid::parse("1@s.whatsapp.net").into_iter().collect::<Vec<_>>();
            find(&mut markup, &anybody);
            prop_assert_eq!(markup.to_plain().replace("@+1", "@1"), text.replace("@+1", "@1"));
        }
    }
}
