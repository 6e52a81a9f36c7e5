//! What the tests stand on: events, frames, and an outbox in a folder of its own.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use tieline_core::address::Address;
use tieline_core::event::{Attachment, AttachmentKind, Author, Authorship, Body, Content, Event, Message};
use tieline_core::frame::NamedFrame;
use tieline_core::id::{Channel, ChannelKey, DeliveryId, EventSeq, InstanceId, MessageId};
use tieline_core::markup::Markup;
use tieline_core::outbox::{Accepted, Delivery, Feed, Intake, Outbox, Planned, Routing, Settlement};
use tieline_core::send::Sent;
use tieline_core::spool::SpoolId;

use crate::SqliteOutbox;

pub(super) const REALM: &str = "realm";

/// Remembers what it heard.
#[derive(Default)]
pub(super) struct Heard(pub(super) Mutex<Vec<Delivery>>);

impl Feed for Heard {
    fn committed(&self, delivery: Delivery) {
        self.0.lock().unwrap().push(delivery);
    }
}

pub(super) struct Ground {
    pub(super) outbox: SqliteOutbox,
    pub(super) heard: Arc<Heard>,
    dir: tempfile::TempDir,
}

impl Ground {
    pub(super) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self::start(SqliteOutbox::open(&file(&dir)).unwrap(), dir)
    }

    fn start(outbox: SqliteOutbox, dir: tempfile::TempDir) -> Self {
        let heard = Arc::new(Heard::default());
        outbox.feed(Arc::clone(&heard) as Arc<dyn Feed>);
        Self { outbox, heard, dir }
    }

    pub(super) fn path(&self) -> PathBuf {
        file(&self.dir)
    }

    pub(super) async fn reopen(self, clean: bool) -> Self {
        self.outbox.close(clean).await.unwrap();
        let outbox = SqliteOutbox::open(&file(&self.dir)).unwrap();
        assert_eq!(outbox.was_closed(), clean);
        Self::start(outbox, self.dir)
    }

    /// Accepts an event that goes to these channels.
    pub(super) async fn take(&self, event: Event, targets: &[&str]) -> Accepted {
        self.outbox.accept(intake(event, 0, to(targets))).await.unwrap()
    }

    pub(super) async fn settle(&self, delivery: DeliveryId, settlement: Settlement) -> Vec<SpoolId> {
        self.outbox.settle(delivery, settlement, REALM, at(1)).await.unwrap()
    }

    /// Takes an event to one channel and settles it as arrived.
    pub(super) async fn relay(&self, event: Event, target: &str, sent: Sent) -> DeliveryId {
        self.take(event, &[target]).await;
        let id = self.last().id;
        self.settle(id, Settlement::Delivered(vec![sent])).await;
        id
    }

    pub(super) fn last(&self) -> Delivery {
        self.heard.0.lock().unwrap().last().unwrap().clone()
    }

    /// Checks the law of the counts, against the rows too.
    pub(super) async fn check_law(&self) {
        let t = self.outbox.tallies().await.unwrap();
        assert_eq!(t.planned, t.delivered + t.filtered + t.dead + t.dropped + t.pending, "{t:?}");
        let pending: i64 = rusqlite::Connection::open(self.path())
            .unwrap()
            .query_row("SELECT count(*) FROM deliveries WHERE state = 0", [], |row| row.get(0))
            .unwrap();
        assert_eq!(t.pending, pending);
    }
}

fn file(dir: &tempfile::TempDir) -> PathBuf {
    dir.path().join("outbox.sqlite")
}

/// A time, in seconds.
pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).unwrap()
}

pub(super) fn channel(text: &str) -> Channel {
    let (instance, key) = text.split_once('/').unwrap();
    Channel { instance: InstanceId::new(instance).unwrap(), key: ChannelKey::new(key).unwrap() }
}

pub(super) fn message_id(text: &str) -> MessageId {
    MessageId::new(text).unwrap()
}

/// Something that happened in the room `a/room`.
pub(super) fn event(id: &str, body: Body) -> Event {
    let place = channel("a/room");
    Event {
        instance: place.instance,
        platform: "fake".into(),
        channel: place.key,
        parent: None,
        address: Address::of([("room_id", "room")]),
        room: None,
        message_id: message_id(id),
        revision: None,
        time: at(0),
        author: Author { id: "u1".into(), username: "ann".into(), ..Author::default() },
        body,
        missing: None,
    }
}

pub(super) fn text(text: &str) -> Message {
    Message { text: Markup::plain(text), ..Message::default() }
}

pub(super) fn message(id: &str, words: &str) -> Event {
    event(id, Body::Message(text(words)))
}

pub(super) fn edit(id: &str, words: &str) -> Event {
    event(id, Body::Edit(text(words)))
}

/// The event as it would come from elsewhere.
pub(super) fn from(mut event: Event, place: &str) -> Event {
    let place = channel(place);
    (event.instance, event.channel) = (place.instance, place.key);
    event
}

pub(super) fn by(mut event: Event, kind: Authorship) -> Event {
    event.author.kind = kind;
    event
}

pub(super) fn spool_id(number: u8) -> SpoolId {
    SpoolId::of_digest([number; 32])
}

pub(super) fn with_file(mut event: Event, number: u8) -> Event {
    event.message_mut().unwrap().attachments.push(Attachment {
        name: format!("{number}.png"),
        kind: AttachmentKind::Image,
        mime: String::new(),
        size: None,
        link: None,
        content: Content::Spooled(spool_id(number)),
    });
    event
}

pub(super) fn frame(target: &str) -> Arc<NamedFrame> {
    let target = channel(target);
    let json = serde_json::json!({
        "rule": format!("to {}", target.key), "target": target, "address": {"room_id": target.key.as_str()},
        "format": "{msg}",
    });
    Arc::new(NamedFrame::from_json(&json.to_string()).unwrap())
}

pub(super) fn to(targets: &[&str]) -> Routing {
    let planned = |target: &&str| Planned { target: channel(target), frames: vec![frame(target)] };
    Routing::Deliver(targets.iter().map(planned).collect())
}

pub(super) fn intake(event: Event, second: i64, routing: Routing) -> Intake {
    Intake {
        event: Arc::new(event),
        realm: REALM.into(),
        target_names: Vec::new(),
        received: at(second),
        routing,
        about: None,
    }
}

pub(super) fn sent(id: &str) -> Sent {
    Sent { ids: vec![message_id(id)], ..Sent::default() }
}

pub(super) fn unnamed(words: &str) -> Sent {
    Sent { unnamed_text: Some(words.into()), ..Sent::default() }
}

pub(super) fn retry() -> Settlement {
    Settlement::Retry { attempts: 1, not_before: at(9), error: "refused".into(), waited_ms: 7 }
}

pub(super) fn is_new(accepted: &Accepted) -> bool {
    matches!(accepted, Accepted::Planned { .. })
}

pub(super) fn is_repeat(accepted: &Accepted) -> bool {
    matches!(accepted, Accepted::Repeat { .. })
}

pub(super) fn is_ours(accepted: &Accepted) -> bool {
    matches!(accepted, Accepted::Filtered { reason, .. } if reason == "a copy that tieline sent")
}

pub(super) fn seq(accepted: &Accepted) -> EventSeq {
    match accepted {
        Accepted::Planned { seq, .. }
        | Accepted::Filtered { seq, .. }
        | Accepted::Held { seq }
        | Accepted::Repeat { seq } => *seq,
    }
}
