//! What ten million links cost, beside ten thousand: looking a message up, changing it, taking a new one, and forgetting
//! the old half while messages come and go.
//!
//! The file is filled without the outbox, to save time: each link is a message with one copy, settled long ago, its text
//! forgotten. It takes 2.2 GB in the target folder, and is deleted at the end.

#![expect(clippy::print_stdout, reason = "it is run by hand, for what it prints")]

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rusqlite::{Connection, params};
use sha2::{Digest, Sha256};
use tieline_core::address::Address;
use tieline_core::event::{Author, Body, Event, Message, Reaction};
use tieline_core::frame::NamedFrame;
use tieline_core::id::{Channel, ChannelKey, EventSeq, InstanceId, MessageId};
use tieline_core::markup::Markup;
use tieline_core::outbox::{Accepted, Delivery, Feed, Intake, Outbox, Planned, Retention, Routing, Settlement};
use tieline_core::send::Sent;
use tieline_outbox::SqliteOutbox;
use tokio::runtime::Builder;
use tokio::sync::mpsc;

const REALM: &str = "realm";
const ROOMS: u64 = 16;
/// How many are looked up, and how many are changed.
const SAMPLES: u64 = 1000;
/// Messages come at 200/s: from each of eight writers one every 40 ms.
const WRITERS: u64 = 8;
const INTERVAL: Duration = Duration::from_millis(40);
/// For how long.
const SPAN: Duration = Duration::from_secs(10);
/// Between two steps of the sweep, as in the relay.
const BREATH: Duration = Duration::from_millis(20);
/// How many deliveries of a room may lie about: those of its changes, which nobody settles.
const UNHEARD: usize = 1024;
const DAY_MS: i64 = 86_400_000;
const RETENTION: Retention = Retention { messages_ms: 7 * DAY_MS, links_ms: 90 * DAY_MS };

fn main() {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_time().build().expect("threads");
    for links in [10_000, 10_000_000] {
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        let path = dir.path().join("outbox.sqlite");
        let started = Instant::now();
        runtime.block_on(async {
            let outbox = SqliteOutbox::open(&path).expect("an outbox");
            outbox.close(true).await.expect("closed");
        });
        fill(&path, links);
        let bytes = std::fs::metadata(&path).expect("the file").len();
        println!("\n{links} links, {} MB, filled in {:.0?}", bytes / 1_000_000, started.elapsed());
        runtime.block_on(measure(&path, links));
    }
}

fn now() -> Timestamp {
    Timestamp::from_millisecond(1_700_000_000_000 + 180 * DAY_MS).expect("a time")
}

/// A number's id, spread as ids of platforms are.
fn id(kind: char, number: u64) -> String {
    format!("{kind}{:016x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

/// The name of a message, as the outbox' keys begin with it. That it is still so is seen by looking for it.
fn name(id: &str) -> [u8; 16] {
    let mut hash = Sha256::new();
    for text in [REALM, id] {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    }
    let digest = hash.finalize();
    std::array::from_fn(|index| digest[index])
}

/// The key of an original or of a copy.
fn key(name: [u8; 16], is_copy: bool) -> [u8; 24] {
    let mut key = [0; 24];
    key[..16].copy_from_slice(&name);
    if !is_copy {
        key[16..].copy_from_slice(&[1, 1, 2, 3, 4, 5, 6, 7]);
    }
    key
}

/// Puts so many links into an empty outbox, the older half of them older than they are to become.
fn fill(path: &Path, links: u64) {
    let fill = Connection::open(path).expect("the file");
    let room = |number: u64| format!("room{}", number % ROOMS);
    fill.execute_batch(&format!(
        "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -65536; BEGIN;
         INSERT INTO realms (id, name) VALUES (1, '{REALM}');"
    ))
    .expect("a transaction");
    for lane in 1..=ROOMS {
        let (source, target) = (room(lane - 1), format!("to-{}", room(lane - 1)));
        let insert = "INSERT INTO channels (id, instance, key) VALUES (?, ?, ?)";
        fill.execute(insert, params![lane as i64, "a", source]).expect("a source");
        fill.execute(insert, params![(lane + ROOMS) as i64, "b", target]).expect("a target");
        let insert = "INSERT INTO lanes (id, source, target) VALUES (?, ?, ?)";
        fill.execute(insert, params![lane as i64, lane as i64, (lane + ROOMS) as i64]).expect("a lane");
    }
    // Lanes that nothing uses, so that names are looked for in all rows. The newest one stays.
    let unused = (2 * ROOMS + 1) as i64;
    fill.execute_batch(&format!(
        "INSERT INTO channels (id, instance, key) VALUES ({unused}, 'b', 'unused');
         INSERT INTO lanes (id, source, target) VALUES ({ROOMS} + 1, 1, {unused}), ({ROOMS} + 2, 2, {unused});"
    ))
    .expect("lanes");
    let frame = frame("to-room0");
    fill.execute("INSERT INTO frames (id, name, json) VALUES (1, ?, ?)", params![frame.id.0, frame.json]).expect("one");
    let mut keys: Vec<([u8; 16], u32)> = Vec::with_capacity(2 * links as usize);
    {
        let mut event = fill
            .prepare(
                "INSERT INTO events (seq, state, channel, received, key, message_id, text, incomplete, files, first, \
                 deliveries) VALUES (?1, 0, ?2, ?3, ?4, ?5, ?6, 0, 0, ?1, 1)",
            )
            .expect("a statement");
        let mut delivery = fill
            .prepare(
                "INSERT INTO deliveries (id, seq, lane, position, state, frame, ended, realm, copies) \
                 VALUES (?1, ?1, ?2, ?1, 1, 1, ?3, 1, ?4)",
            )
            .expect("a statement");
        for number in 1..=links {
            let (original, copy) = (id('m', number), id('c', number));
            let names = (name(&original), name(&copy));
            let (seq, lane) = (number as i64, (1 + number % ROOMS) as i64);
            // One half within the first 60 days, the other within the last 60 of 180.
            let half = if 2 * number <= links { 0 } else { 60 * DAY_MS };
            let at = 1_700_000_000_000 + half + (number as f64 / links as f64 * 120.0 * DAY_MS as f64) as i64;
            event.execute(params![seq, lane, at, key(names.0, false), original, seq << 20]).expect("an event");
            delivery.execute(params![seq, lane, at + 300, copy]).expect("a delivery");
            keys.push((names.0, (number as u32) << 1));
            keys.push((names.1, (number as u32) << 1 | 1));
        }
    }
    keys.sort_unstable();
    {
        let mut known = fill.prepare("INSERT INTO ids (key, seq, delivery) VALUES (?, ?, ?)").expect("a statement");
        for (name, number) in keys {
            let (seq, is_copy) = (i64::from(number >> 1), number & 1 == 1);
            known.execute(params![key(name, is_copy), seq, is_copy.then_some(seq)]).expect("a row");
        }
    }
    fill.execute_batch(&format!(
        "UPDATE outbox SET next_event = {links} + 1, next_delivery = {links} + 1, planned = {links}, delivered = {links};
         COMMIT;"
    ))
    .expect("committed");
}

fn frame(target: &str) -> Arc<NamedFrame> {
    let json = format!(
        r#"{{"rule":"r","target":{{"instance":"b","key":"{target}"}},"address":{{"room_id":"{target}"}},"format":"{{msg}}"}}"#
    );
    Arc::new(NamedFrame::from_json(&json).expect("a frame"))
}

fn channel(instance: &str, key: &str) -> Channel {
    Channel { instance: InstanceId::new(instance).expect("an id"), key: ChannelKey::new(key).expect("a key") }
}

fn message_id(id: &str) -> MessageId {
    MessageId::new(id).expect("an id")
}

/// Something that happens in a room and goes to its other end.
fn intake(room: u64, id: &str, body: Body, about: Option<EventSeq>) -> Intake {
    let room = format!("room{}", room % ROOMS);
    let event = Event {
        instance: InstanceId::new("a").expect("an id"),
        platform: "rocketchat".into(),
        channel: ChannelKey::new(&room).expect("a key"),
        parent: None,
        address: Address::of([("room_id", room.as_str())]),
        room: Some(room.clone()),
        message_id: message_id(id),
        revision: None,
        time: now(),
        author: Author { id: "u".repeat(17), username: "ann".into(), display_name: "Ann".into(), ..Author::default() },
        body,
        missing: None,
    };
    let target = format!("to-{room}");
    let routing = Routing::Deliver(vec![Planned { frames: vec![frame(&target)], target: channel("b", &target) }]);
    Intake { event: Arc::new(event), realm: REALM.into(), target_names: Vec::new(), received: now(), routing, about }
}

fn says(words: &str) -> Message {
    Message { text: Markup::plain(words), ..Message::default() }
}

/// Hands each room's deliveries to its writer.
struct Rooms(HashMap<String, mpsc::Sender<Delivery>>);

impl Feed for Rooms {
    fn committed(&self, delivery: Delivery) {
        self.0[delivery.ends.source.key.as_str()].try_send(delivery).expect("room for all that nobody waits for");
    }
}

/// How long something took, each time.
#[derive(Default)]
struct Times(Vec<Duration>);

impl Times {
    fn show(mut self, what: &str) {
        self.0.sort_unstable();
        let at = |part: f64| self.0.get((self.0.len() as f64 * part) as usize).copied().unwrap_or_default();
        let (median, p99) = (at(0.5), at(0.99));
        let most = self.0.last().copied().unwrap_or_default();
        println!("  {what:<44} {median:>10.1?} {p99:>10.1?} {most:>10.1?}  ({})", self.0.len());
    }

    async fn of<T>(&mut self, work: impl Future<Output = T>) -> T {
        let started = Instant::now();
        let done = work.await;
        self.0.push(started.elapsed());
        done
    }
}

async fn measure(path: &Path, links: u64) {
    let outbox = Arc::new(SqliteOutbox::open(path).expect("an outbox"));
    let mut rooms = HashMap::new();
    let mut deliveries = Vec::new();
    for room in 0..ROOMS {
        let (feed, fed) = mpsc::channel(UNHEARD);
        rooms.insert(format!("room{room}"), feed);
        deliveries.push(fed);
    }
    outbox.feed(Arc::new(Rooms(rooms)));
    println!("  {:<44} {:>10} {:>10} {:>10}", "", "p50", "p99", "max");
    // What is sampled is of the younger half, in no order.
    let sample = |index: u64| links - (index.wrapping_mul(0x9e37_79b9_7f4a_7c15) % (links / 2));
    look_up(&outbox, sample).await;
    change(&outbox, sample).await;

    let early = Timestamp::from_millisecond(1_700_000_000_000).expect("a time");
    let mut walk = Times::default();
    while walk.of(outbox.prune(early, RETENTION)).await.expect("a step") {}
    walk.show("a step of the walk for unused names");
    let mut steps = Times::default();
    for _ in 0..SAMPLES {
        assert!(!steps.of(outbox.prune(early, RETENTION)).await.expect("a step"), "nothing is old enough");
    }
    steps.show("a step of the sweep, nothing old enough");

    let deliveries = traffic(&outbox, deliveries, 0, "without the sweep").await;
    let stop = Arc::new(AtomicBool::new(false));
    let sweep = tokio::spawn(sweep(Arc::clone(&outbox), Arc::clone(&stop)));
    traffic(&outbox, deliveries, 1, "beside the sweep").await;
    stop.store(true, Ordering::Relaxed);
    sweep.await.expect("it ends").show("a step beside that");
    let left = outbox.trace(&EventSeq(1).to_string()).await.expect("a trace");
    assert!(left.is_empty(), "the sweep forgot nothing");

    let mut steps = Times::default();
    for _ in 0..SAMPLES / 10 {
        let more = steps.of(outbox.prune(now(), RETENTION)).await.expect("a step");
        if !more {
            break;
        }
    }
    steps.show("a step alone");
    outbox.close(true).await.expect("closed");
}

async fn look_up(outbox: &SqliteOutbox, sample: impl Fn(u64) -> u64) {
    let near = channel("a", "room0");
    for (kind, what) in [('m', "family, by the original"), ('c', "family, by the copy")] {
        let mut times = Times::default();
        for number in (0..SAMPLES).map(&sample) {
            let family = times.of(outbox.family(REALM, &message_id(&id(kind, number)), &near)).await;
            let family = family.expect("a look").expect("it is known");
            assert_eq!((family.seq.0 as u64, family.copies.len()), (number, 1));
        }
        times.show(what);
    }
    for (kind, known, what) in [('c', true, "is_known, of what is"), ('x', false, "is_known, of what is not")] {
        let mut times = Times::default();
        for number in (0..SAMPLES).map(&sample) {
            let found = times.of(outbox.is_known(REALM, &message_id(&id(kind, number)))).await;
            assert_eq!(found.expect("a look"), known);
        }
        times.show(what);
    }
}

/// Edits and reactions, handed in one after the other.
async fn change(outbox: &SqliteOutbox, sample: impl Fn(u64) -> u64) {
    let edit = || Body::Edit(says("the quick brown fox jumped over the lazy dog"));
    let react = || Body::Reaction(Reaction { emoji: "👍".into(), added: true });
    let kinds: [(&dyn Fn() -> Body, &str); 2] = [(&edit, "accept an edit"), (&react, "accept a reaction")];
    for (body, what) in kinds {
        let mut times = Times::default();
        for number in (0..SAMPLES).map(&sample) {
            let intake = intake(number, &id('m', number), body(), Some(EventSeq(number as i64)));
            let accepted = times.of(outbox.accept(intake)).await.expect("it is accepted");
            assert!(matches!(accepted, Accepted::Planned { .. } | Accepted::Repeat { .. }), "{accepted:?}");
        }
        times.show(what);
    }
}

/// Messages at 200/s, each accepted and settled as soon as it is heard of.
async fn traffic(
    outbox: &Arc<SqliteOutbox>,
    deliveries: Vec<mpsc::Receiver<Delivery>>,
    round: u64,
    beside: &str,
) -> Vec<mpsc::Receiver<Delivery>> {
    let mut writers = Vec::new();
    for (writer, mut heard) in (0..).zip(deliveries) {
        let outbox = Arc::clone(outbox);
        writers.push(tokio::spawn(async move {
            let (mut accepts, mut settles) = (Times::default(), Times::default());
            let mut ticks = tokio::time::interval(INTERVAL);
            let started = Instant::now();
            let mut number = round << 50 | writer << 40;
            while writer < WRITERS && started.elapsed() < SPAN {
                ticks.tick().await;
                number += 1;
                let message = intake(writer, &id('n', number), Body::Message(says("the quick brown fox")), None);
                let accepted = accepts.of(outbox.accept(message)).await.expect("it is accepted");
                let Accepted::Planned { seq, .. } = accepted else { panic!("{accepted:?}") };
                let delivery = loop {
                    let delivery = heard.recv().await.expect("a delivery");
                    if delivery.seq == seq {
                        break delivery;
                    }
                };
                let sent = Sent { ids: vec![message_id(&id('k', number))], ..Sent::default() };
                let settled = outbox.settle(delivery.id, Settlement::Delivered(vec![sent]), REALM, now());
                settles.of(settled).await.expect("it settles");
            }
            (accepts, settles, heard)
        }));
    }
    let (mut accepts, mut settles) = (Times::default(), Times::default());
    let mut deliveries = Vec::new();
    for writer in writers {
        let (accept, settle, heard) = writer.await.expect("a writer");
        accepts.0.extend(accept.0);
        settles.0.extend(settle.0);
        deliveries.push(heard);
    }
    accepts.show(&format!("accept at 200/s, {beside}"));
    settles.show(&format!("settle at 200/s, {beside}"));
    deliveries
}

/// Forgets, a step at a time, until it is told to stop.
async fn sweep(outbox: Arc<SqliteOutbox>, stop: Arc<AtomicBool>) -> Times {
    let mut steps = Times::default();
    while !stop.load(Ordering::Relaxed) {
        if !steps.of(outbox.prune(now(), RETENTION)).await.expect("a step") {
            break;
        }
        tokio::time::sleep(BREATH).await;
    }
    steps
}
