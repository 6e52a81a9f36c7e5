//! Short words for what tests talk about.

use std::sync::Arc;

use jiff::Timestamp;
use tieline_core::address::Address;
use tieline_core::driver::SourcePattern;
use tieline_core::event::{Author, Body, Event, Message};
use tieline_core::filter::{Choice, Filter, Pattern};
use tieline_core::frame::{Frame, NamedFrame};
use tieline_core::id::{Channel, ChannelKey, InstanceId, MessageId, RuleId};
use tieline_core::markup::Markup;
use tieline_core::plan::{Events, Rule, Source, Target};
use tieline_core::template::Template;

pub(crate) fn instance(id: &str) -> InstanceId {
    InstanceId::new(id).unwrap()
}

pub(crate) fn key(key: &str) -> ChannelKey {
    ChannelKey::new(key).unwrap()
}

/// `"dc/1"`: channel `1` of instance `dc`.
pub(crate) fn channel(path: &str) -> Channel {
    let (instance_id, channel) = path.split_once('/').unwrap();
    Channel { instance: instance(instance_id), key: key(channel) }
}

/// `"dc/1"`, or `"dc/*"` for every channel.
pub(crate) fn source(path: &str) -> Source {
    let Channel { instance, key } = channel(path);
    let channel = (key.as_str() != "*").then_some(key);
    let address = Address::of(channel.as_ref().map(|key| ("channel", key.as_str())));
    Source { instance, pattern: SourcePattern { channel, also: Vec::new() }, address }
}

pub(crate) fn frame(rule: &str, to: &str) -> Frame {
    let address = Address::of([("channel", to)]);
    Frame::new(RuleId::new(rule).unwrap(), channel(to), address, Template::parse("{msg}").unwrap())
}

pub(crate) fn named(frame: Frame) -> Arc<NamedFrame> {
    Arc::new(NamedFrame::new(frame))
}

pub(crate) fn target(rule: &str, to: &str) -> Target {
    Target { frame: named(frame(rule, to)), also_known_as: Vec::new(), open: false }
}

pub(crate) fn rule(id: &str, from: &[&str], to: &[&str]) -> Rule {
    Rule {
        id: RuleId::new(id).unwrap(),
        from: from.iter().map(|path| source(path)).collect(),
        to: to.iter().map(|path| target(id, path)).collect(),
        events: Events::default(),
    }
}

/// The rule with another filter on all its targets.
pub(crate) fn filtered(mut rule: Rule, filter: &Filter) -> Rule {
    for target in &mut rule.to {
        target.frame = named(Frame { filter: filter.clone(), ..target.frame.frame.clone() });
    }
    rule
}

/// A filter that takes only texts in which an expression matches.
pub(crate) fn only_text(pattern: &str) -> Filter {
    let text = Choice { include: vec![Pattern::parse(pattern).unwrap()], exclude: Vec::new() };
    Filter { text, ..Filter::default() }
}

/// Ann says something.
pub(crate) fn said(at: &str, text: &str) -> Event {
    let Channel { instance, key } = channel(at);
    Event {
        platform: Arc::from("discord"),
        parent: None,
        address: Address::of([("server_id", "S")]),
        room: None,
        message_id: MessageId::new("m1").unwrap(),
        revision: None,
        time: "2026-03-04T05:06:07Z".parse::<Timestamp>().unwrap(),
        author: Author { id: "u1".into(), username: "ann".into(), display_name: "Ann".into(), ..Author::default() },
        body: Body::Message(Message { text: Markup::plain(text), ..Message::default() }),
        missing: None,
        instance,
        channel: key,
    }
}

/// Ann says something in a thread.
pub(crate) fn said_in_thread(thread: &str, parent: &str, text: &str) -> Event {
    Event { parent: Some(key(parent)), ..said(thread, text) }
}

/// The same before its driver fetched the rest.
pub(crate) fn incomplete(event: Event) -> Event {
    Event { missing: Some(serde_json::json!("text")), ..event }
}
