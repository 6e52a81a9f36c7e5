//! What a message costs on disk: accepted, and accepted and settled, with so many in flight at once.
//!
//! Every round accepts [`MESSAGES`] messages in one outbox on a real file, which grows from round to round as it does in
//! life. Run it under `time` to see the processor's share: user and system time through the number of messages.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use divan::Bencher;
use divan::counter::ItemsCount;
use jiff::Timestamp;
use tieline_core::address::Address;
use tieline_core::event::{Author, Body, Event, Message};
use tieline_core::frame::NamedFrame;
use tieline_core::id::{Channel, ChannelKey, InstanceId, MessageId};
use tieline_core::markup::Markup;
use tieline_core::outbox::{Accepted, Delivery, Feed, Intake, Outbox, Planned, Routing, Settlement};
use tieline_core::send::Sent;
use tieline_outbox::SqliteOutbox;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

const MESSAGES: u64 = 4000;
const ROOMS: u64 = 16;
const IN_FLIGHT: [u64; 3] = [1, 8, 64];

fn main() {
    divan::main();
}

/// What came back from a platform that names no ids, as the Incoming Webhook of Rocket.Chat.
fn arrived(text: &str) -> Settlement {
    Settlement::Delivered(vec![Sent { unnamed_text: Some(text.to_owned()), ..Sent::default() }])
}

/// Settles what it hears of, as lanes would.
struct Settling(mpsc::Sender<Delivery>);

impl Feed for Settling {
    fn committed(&self, delivery: Delivery) {
        // The channel is larger than what can be in flight.
        self.0.try_send(delivery).expect("room for all that is in flight");
    }
}

struct Stand {
    runtime: Runtime,
    outbox: Arc<SqliteOutbox>,
    next: Arc<AtomicU64>,
    frame: Arc<NamedFrame>,
    _dir: tempfile::TempDir,
}

impl Stand {
    fn new(settle: bool) -> (Self, Option<mpsc::Receiver<()>>) {
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().expect("a runtime");
        let outbox = Arc::new(SqliteOutbox::open(&dir.path().join("outbox.sqlite")).expect("an outbox"));
        let mut settled = None;
        if settle {
            let (feed, mut deliveries) = mpsc::channel::<Delivery>(2 * MESSAGES as usize);
            let (done, finished) = mpsc::channel(2 * MESSAGES as usize);
            outbox.feed(Arc::new(Settling(feed)));
            let store = Arc::clone(&outbox);
            runtime.spawn(async move {
                while let Some(delivery) = deliveries.recv().await {
                    let (store, done) = (Arc::clone(&store), done.clone());
                    tokio::spawn(async move {
                        let text = format!("hello {}", delivery.id);
                        store.settle(delivery.id, arrived(&text), "realm", now()).await.expect("it settles");
                        done.send(()).await.expect("somebody counts");
                    });
                }
            });
            settled = Some(finished);
        }
        let json = r#"{"rule":"r","target":{"instance":"b","key":"x"},"address":{"room_id":"x"},"format":"{msg}"}"#;
        let frame = Arc::new(NamedFrame::from_json(json).expect("a frame"));
        (Self { runtime, outbox, next: Arc::default(), frame, _dir: dir }, settled)
    }

    /// Accepts a round of messages, so many at a time.
    async fn accept(&self, in_flight: u64) {
        let mut producers = Vec::new();
        for producer in 0..in_flight {
            let (outbox, next, frame) = (Arc::clone(&self.outbox), Arc::clone(&self.next), Arc::clone(&self.frame));
            producers.push(tokio::spawn(async move {
                for _ in (producer..MESSAGES).step_by(in_flight as usize) {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let accepted = outbox.accept(intake(number, &frame)).await.expect("it is accepted");
                    assert!(matches!(accepted, Accepted::Planned { .. }));
                }
            }));
        }
        for producer in producers {
            producer.await.expect("a producer");
        }
    }
}

fn now() -> Timestamp {
    Timestamp::from_second(1_700_000_000).expect("a time")
}

fn intake(number: u64, frame: &Arc<NamedFrame>) -> Intake {
    let room = format!("room{}", number % ROOMS);
    let key = ChannelKey::new(&room).expect("a key");
    let event = Event {
        instance: InstanceId::new("a").expect("an id"),
        platform: "rocketchat".into(),
        channel: key,
        parent: None,
        address: Address::of([("room_id", room.as_str())]),
        room: Some(room.clone()),
        message_id: MessageId::new(&format!("{:017x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15))).expect("an id"),
        revision: None,
        time: now(),
        author: Author { id: "u".repeat(17), username: "ann".into(), display_name: "Ann".into(), ..Author::default() },
        body: Body::Message(Message {
            text: Markup::plain(&format!("message {number}: the quick brown fox jumps over the lazy dog")),
            ..Message::default()
        }),
        missing: None,
    };
    let target = Channel {
        instance: InstanceId::new("b").expect("an id"),
        key: ChannelKey::new(&format!("to-{room}")).expect("a key"),
    };
    let routing = Routing::Deliver(vec![Planned { target, frames: vec![Arc::clone(frame)] }]);
    Intake {
        event: Arc::new(event),
        realm: "realm".into(),
        target_names: Vec::new(),
        received: now(),
        routing,
        about: None,
    }
}

#[divan::bench(args = IN_FLIGHT, sample_count = 10, sample_size = 1)]
fn accept(bencher: Bencher, in_flight: u64) {
    let (stand, _) = Stand::new(false);
    bencher.counter(ItemsCount::new(MESSAGES)).bench_local(|| stand.runtime.block_on(stand.accept(in_flight)));
}

#[divan::bench(args = IN_FLIGHT, sample_count = 10, sample_size = 1)]
fn accept_and_settle(bencher: Bencher, in_flight: u64) {
    let (stand, settled) = Stand::new(true);
    let mut settled = settled.expect("it settles");
    bencher.counter(ItemsCount::new(MESSAGES)).bench_local(|| {
        stand.runtime.block_on(async {
            stand.accept(in_flight).await;
            for _ in 0..MESSAGES {
                settled.recv().await.expect("it was settled");
            }
        });
    });
}
