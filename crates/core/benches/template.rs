//! Compiling and filling templates, composing and cutting a message.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use divan::{Bencher, black_box};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use tieline_core::address::Address;
use tieline_core::compose::compose;
use tieline_core::driver::TextUnit;
use tieline_core::event::{Author, Body, Event, Message};
use tieline_core::filter::{Pattern, Replacement};
use tieline_core::frame::Frame;
use tieline_core::id::{Channel, ChannelKey, InstanceId, MessageId, RuleId};
use tieline_core::markup::{Dialect, Markup};
use tieline_core::split::split;
use tieline_core::template::Template;

fn main() {
    divan::main();
}

const FORMAT: &str = "[{platform}] {user|somebody} in {room}: {msg}";

/// The cheapest dialect, so that what is measured is ours.
struct Plain;

impl Dialect for Plain {
    fn parse(&self, text: &str) -> Markup {
        Markup::plain(text)
    }

    fn render(&self, markup: &Markup) -> String {
        markup.to_plain()
    }

    fn escape(&self, text: &str) -> String {
        text.to_owned()
    }
}

fn channel(instance: &str, key: &str) -> Channel {
    let key = ChannelKey::new(key).expect("it is an id");
    Channel { instance: InstanceId::new(instance).expect("it is an id"), key }
}

fn event() -> Event {
    let Channel { instance, key } = channel("dc", "1");
    let text = Markup::plain("Good morning, all.\nThe build is green again; see https://ci.example.com/1234.");
    Event {
        instance,
        platform: Arc::from("discord"),
        channel: key,
        parent: None,
        address: Address::of([("channel_id", "1")]),
        room: Some("general".into()),
        message_id: MessageId::new("m").expect("it is an id"),
        revision: None,
        time: Timestamp::UNIX_EPOCH,
        author: Author { username: "ann".into(), display_name: "Ann".into(), ..Author::default() },
        body: Body::Message(Message { text, ..Message::default() }),
        missing: None,
    }
}

fn frame(replace: Vec<Replacement>) -> Frame {
    let template = |source| Template::parse(source).expect("it is a template");
    let address = Address::of([("room_id", "GENERAL")]);
    let rule = RuleId::new("r").expect("it is an id");
    Frame {
        keys: BTreeMap::from([
            ("rc_alias".into(), template("{user}")),
            ("rc_avatar".into(), template("{user_avatar}")),
        ]),
        identity: Some("rc_alias".into()),
        replace,
        ..Frame::new(rule, channel("rc", "GENERAL"), address, template(FORMAT))
    }
}

#[divan::bench]
fn compile() -> Template {
    Template::parse(black_box(FORMAT)).expect("it is a template")
}

#[divan::bench]
fn fill(bencher: Bencher<'_, '_>) {
    let template = Template::parse(FORMAT).expect("it is a template");
    bencher.bench(|| template.fill(|_| Cow::Borrowed(black_box("Good morning"))));
}

#[divan::bench(args = [0, 1])]
fn compose_with_replacements(bencher: Bencher<'_, '_>, count: usize) {
    let replacement = Replacement(Pattern::parse(r"\bgreen\b").expect("it is an expression"), "red".into());
    let (event, frame) = (event(), frame(vec![replacement; count]));
    bencher.bench(|| compose(black_box(&event), &frame, &Plain, &TimeZone::UTC));
}

#[divan::bench(args = [100, 20_000])]
fn split_text_of(bencher: Bencher<'_, '_>, length: usize) {
    let text = "Good morning, all. ".repeat(length / 19 + 1);
    bencher.bench(|| split(black_box(&text), 2000, TextUnit::Utf16));
}
