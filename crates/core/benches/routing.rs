//! Routing one event: 100,000 rules must cost what ten cost.

use std::sync::Arc;

use divan::Bencher;
use jiff::Timestamp;
use tieline_core::address::Address;
use tieline_core::driver::SourcePattern;
use tieline_core::event::{Author, Body, Event, Message};
use tieline_core::frame::{Frame, NamedFrame};
use tieline_core::id::{Channel, ChannelKey, InstanceId, MessageId, RuleId};
use tieline_core::markup::Markup;
use tieline_core::plan::{Events, Links, Plan, Rule, Source, Target};
use tieline_core::template::Template;

fn main() {
    divan::main();
}

fn channel(instance: &str, number: usize) -> Channel {
    let key = ChannelKey::new(&format!("room-{number}")).expect("it is an id");
    Channel { instance: InstanceId::new(instance).expect("it is an id"), key }
}

/// Each rule joins one room of Discord to one of Rocket.Chat.
fn rules(count: usize) -> Vec<Rule> {
    let format = Template::parse("[{platform}] {user}: {msg}").expect("it is a template");
    let rule = |number| {
        let id = RuleId::new(&format!("rule-{number}")).expect("it is an id");
        let Channel { instance, key } = channel("dc", number);
        let address = Address::of([("room_id", "GENERAL")]);
        let frame = Frame::new(id.clone(), channel("rc", number), address, format.clone());
        Rule {
            id,
            from: vec![Source {
                instance,
                pattern: SourcePattern { channel: Some(key), also: Vec::new() },
                address: Address::default(),
            }],
            to: vec![Target { frame: Arc::new(NamedFrame::new(frame)), also_known_as: Vec::new(), open: false }],
            events: Events::default(),
        }
    };
    (0..count).map(rule).collect()
}

fn event(number: usize) -> Event {
    let Channel { instance, key } = channel("dc", number);
    Event {
        instance,
        platform: Arc::from("discord"),
        channel: key,
        parent: None,
        address: Address::of([("channel_id", "7")]),
        room: None,
        message_id: MessageId::new("m").expect("it is an id"),
        revision: None,
        time: Timestamp::UNIX_EPOCH,
        author: Author { username: "ann".into(), ..Author::default() },
        body: Body::Message(Message { text: Markup::plain("Good morning"), ..Message::default() }),
        missing: None,
    }
}

const SIZES: [usize; 3] = [10, 10_000, 100_000];

#[divan::bench(args = SIZES)]
fn one_event_among(bencher: Bencher<'_, '_>, count: usize) {
    let plan = Plan::new(rules(count));
    let event = event(count / 2);
    bencher.bench(|| plan.route(divan::black_box(&event), &Links::default()));
}

#[divan::bench(args = SIZES)]
fn an_event_that_no_rule_takes_among(bencher: Bencher<'_, '_>, count: usize) {
    let plan = Plan::new(rules(count));
    let event = event(count);
    bencher.bench(|| plan.route(divan::black_box(&event), &Links::default()));
}

#[divan::bench(args = SIZES, sample_count = 10)]
fn a_plan_of(bencher: Bencher<'_, '_>, count: usize) {
    bencher.with_inputs(|| rules(count)).bench_values(Plan::new);
}
