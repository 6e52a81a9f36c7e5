//! What is said in a target channel.

use jiff::tz::{TimeZone, offset};
use tieline_core::compose::{Composed, compose, default_format};
use tieline_core::event::{Body, Event, Message};
use tieline_core::filter::{Pattern, Replacement};
use tieline_core::frame::Frame;
use tieline_core::markup::{Block, Dialect, Markup, Span};
use tieline_core::template::Template;

use crate::words::{frame, said};

/// Bold is `*`, and a backslash escapes it.
struct Stars;

impl Dialect for Stars {
    fn parse(&self, text: &str) -> Markup {
        Markup::plain(text)
    }

    fn render(&self, markup: &Markup) -> String {
        let spans = |spans: &[Span]| -> String {
            spans
                .iter()
                .map(|span| match span {
                    Span::Text(text) => self.escape(text),
                    Span::Bold(inner) => {
                        format!("*{}*", self.escape(&Markup { blocks: vec![Block::Line(inner.clone())] }.to_plain()))
                    }
                    other => panic!("not in these tests: {other:?}"),
                })
                .collect()
        };
        let lines = markup.blocks.iter().map(|block| match block {
            Block::Line(line) => spans(line),
            Block::Quote(line) => format!("> {}", spans(line)),
            other => panic!("not in these tests: {other:?}"),
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    fn escape(&self, text: &str) -> String {
        text.replace('*', "\\*")
    }
}

fn template(source: &str) -> Template {
    Template::parse(source).unwrap()
}

fn with(format: &str, keys: &[(&str, &str)]) -> Frame {
    let keys = keys.iter().map(|(key, source)| ((*key).to_owned(), template(source))).collect();
    Frame { format: template(format), keys, ..frame("r", "rc/G") }
}

fn composed(event: &Event, frame: &Frame) -> Composed {
    compose(event, frame, &Stars, &TimeZone::fixed(offset(2)))
}

fn by(name: &str, text: &str) -> Event {
    let mut event = said("dc/1", text);
    event.author.display_name = name.into();
    event
}

#[test]
fn literals_stand_and_values_are_escaped() {
    let composed = composed(&by("A*n", "4 * 5"), &with("*[{platform}]* {user}: {msg}", &[]));
    assert_eq!(composed.text, "*[discord]* A\\*n: 4 \\* 5");
    assert_eq!(composed.named_text, composed.text);
}

#[test]
fn values_are_never_read_as_template() {
    let composed = composed(&by("{msg}", "{user} {{ }"), &with("{user}: {msg}", &[]));
    assert_eq!(composed.text, "{msg}: {user} {{ }");
}

#[test]
fn keys_are_plain_text_of_one_line() {
    let frame = with("{msg}", &[("rc_alias", "{user} ({room})"), ("rc_emoji", "{msg}")]);
    let composed = composed(&by(" A*n\r\n\u{202e}Bo\u{7}b ", "x\n*y*"), &frame);
    assert_eq!(composed.keys["rc_alias"], "A*n  Bob (1)");
    assert_eq!(composed.keys["rc_emoji"], "x *y*");
}

#[test]
fn a_name_cannot_begin_a_line_of_its_own() {
    let composed = composed(&by("Ann\nBob: yes", "hi"), &with("{user}: {msg}", &[]));
    assert_eq!(composed.text, "Ann Bob: yes: hi");
}

#[test]
fn the_named_text_has_the_shown_identity_in_front() {
    let event = by("A*n", "hi");
    assert_eq!(composed(&event, &with("{msg}", &[])).named_text, "A\\*n: hi");
    let mut aliased = with("{msg}", &[("rc_alias", "{user} *via* {platform}"), ("rc_avatar", "{user_avatar}")]);
    aliased.identity = Some("rc_alias".into());
    let said = composed(&event, &aliased);
    assert_eq!(said.named_text, "A\\*n \\*via\\* discord: hi");
    assert_eq!(said.text, "hi");
}

#[test]
fn a_message_of_files_says_only_what_the_format_adds() {
    let event = by("Ann", "");
    assert_eq!(composed(&event, &with("{msg}", &[])).text, "");
    assert_eq!(composed(&event, &with("{msg}", &[])).named_text, "Ann:");
    assert_eq!(composed(&event, &with("[Discord] {user}: {msg}", &[])).text, "[Discord] Ann:");
    assert_eq!(composed(&event, &with("{msg|a file}", &[])).text, "a file");
}

#[test]
fn time_is_the_messages_own_in_the_local_zone() {
    assert_eq!(composed(&said("dc/1", ""), &with("{time}", &[])).text, "2026-03-04T07:06:07+02:00");
}

#[test]
fn a_quotation_begins_a_line() {
    let mut event = by("Ann", "");
    let blocks = vec![Block::Quote(vec![Span::Text("a".into())]), Block::Line(vec![Span::Text("b".into())])];
    event.body = Body::Message(Message { text: Markup { blocks }, ..Message::default() });
    let said = composed(&event, &with("{msg}", &[]));
    assert_eq!((said.text.as_str(), said.named_text.as_str()), ("> a\nb", "Ann: \n> a\nb"));
}

#[test]
fn replacements_come_before_the_dialect() {
    let replace = vec![Replacement(Pattern::parse("secret").unwrap(), "*".into())];
    let frame = Frame { replace, ..with("{msg}", &[]) };
    assert_eq!(composed(&by("Ann", "a secret"), &frame).text, "a \\*");
}

#[test]
fn the_default_format_names_the_sender_where_nothing_else_does() {
    assert_eq!(default_format(true).source(), "{msg}");
    assert_eq!(composed(&by("Ann", "hi"), &with(default_format(false).source(), &[])).text, "[discord] Ann: hi");
}

#[test]
fn a_mark_of_the_format_calls_nobody() {
    let event = by("all", "here we are");
    for (format, text) in [
        ("(@{user|?}) {msg}", "(@\u{200b}all) here we are"),
        ("@{msg}", "@\u{200b}here we are"),
        ("@ {user}: {msg}", "@ all: here we are"),
        ("{user}@{platform}: {msg}", "all@\u{200b}discord: here we are"),
    ] {
        assert_eq!(composed(&event, &with(format, &[])).text, text);
    }
    assert_eq!(composed(&by("", "x"), &with("@{user_avatar|?} {msg}", &[])).text, "@? x");
}
