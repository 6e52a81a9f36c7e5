//! What is forgotten, and what is not.

use tieline_core::event::{Body, Event, Reaction};
use tieline_core::id::EventSeq;
use tieline_core::outbox::{Accepted, Intake, Outbox, Retention, Settlement};
use tieline_core::send::{Part, Sent};

use super::ground::*;

const DAY: i64 = 86_400;

fn retention(messages_days: i64, links_days: i64) -> Retention {
    Retention { messages_ms: messages_days * DAY * 1000, links_ms: links_days * DAY * 1000 }
}

#[tokio::test]
async fn texts_go_before_links_and_dead_letters_stay() {
    let ground = Ground::new();
    ground.relay(message("m1", "gone"), "b/x", sent("c1")).await;
    ground.take(message("m2", "dead"), &["b/x"]).await;
    ground.settle(ground.last().id, Settlement::Dead { attempts: 1, reason: "no".into() }).await;
    ground.take(message("m3", "waits"), &["b/x"]).await;

    assert!(!ground.outbox.prune(at(8 * DAY), retention(7, 90)).await.unwrap());
    assert_eq!(ground.outbox.trace("m1").await.unwrap()[0].event, None);
    assert_eq!(ground.outbox.dead_letters().await.unwrap()[0].text, "dead");
    assert!(is_repeat(&ground.take(message("m1", "gone"), &["b/x"]).await));
    assert!(ground.outbox.is_known(REALM, &message_id("c1")).await.unwrap());

    ground.outbox.prune(at(91 * DAY), retention(7, 90)).await.unwrap();
    assert!(ground.outbox.trace("m1").await.unwrap().is_empty());
    assert!(!ground.outbox.is_known(REALM, &message_id("c1")).await.unwrap());
    assert_eq!(ground.outbox.dead_letters().await.unwrap().len(), 1);
    assert_eq!(ground.outbox.pending(ground.last().lane, None, 9).await.unwrap().len(), 1);
    ground.check_law().await;
}

#[tokio::test]
async fn the_step_is_bounded_and_numbers_are_never_given_twice() {
    let ground = Ground::new();
    for index in 0..600 {
        ground.relay(message(&format!("m{index}"), "hi"), "b/x", sent(&format!("c{index}"))).await;
    }
    let last = ground.last();
    let mut steps = 1;
    while ground.outbox.prune(at(91 * DAY), retention(0, 90)).await.unwrap() {
        steps += 1;
    }
    assert!(steps >= 2);
    let left: i64 = rusqlite::Connection::open(ground.path())
        .unwrap()
        .query_row(
            "SELECT (SELECT count(*) FROM events) + (SELECT count(*) FROM bodies) + (SELECT count(*) FROM deliveries) \
             + (SELECT count(*) FROM ids)",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(left, 0);
    let ground = ground.reopen(true).await;
    ground.take(message("m0", "hi"), &["b/x"]).await;
    assert!(ground.last().id > last.id && ground.last().seq > last.seq);
}

#[tokio::test]
async fn claims_end_with_their_ten_minutes() {
    let ground = Ground::new();
    ground.relay(message("m1", "hi"), "b/x", unnamed("hi")).await;
    ground.outbox.prune(at(700), retention(7, 90)).await.unwrap();
    let left: i64 = rusqlite::Connection::open(ground.path())
        .unwrap()
        .query_row("SELECT count(*) FROM claims", [], |row| row.get(0))
        .unwrap();
    assert_eq!(left, 0);
}

/// How many rows a table has.
fn count(ground: &Ground, table: &str) -> i64 {
    let file = rusqlite::Connection::open(ground.path()).unwrap();
    file.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
}

async fn prune_all(ground: &Ground, day: i64) {
    while ground.outbox.prune(at(day * DAY), retention(7, 90)).await.unwrap() {}
}

async fn change(ground: &Ground, event: Event, about: EventSeq) -> Accepted {
    ground.outbox.accept(Intake { about: Some(about), ..intake(event, 1, to(&["b/x"])) }).await.unwrap()
}

fn like(who: &str) -> Event {
    let mut event = event("m1", Body::Reaction(Reaction { emoji: "👍".into(), added: true }));
    event.author.id = who.into();
    event
}

#[tokio::test]
async fn nothing_is_left_of_a_message_and_what_was_done_to_it() {
    let ground = Ground::new();
    let two = Sent { ids: vec![message_id("1"), message_id("2")], ..Sent::default() };
    let about = seq(&ground.take(with_file(message("m1", "long"), 1), &["b/x", "c/y"]).await);
    let [first, second] = [0, 1].map(|index| ground.heard.0.lock().unwrap()[index].id);
    ground.settle(first, Settlement::Delivered(vec![two])).await;
    ground
        .outbox
        .cut(second, vec![Part { body: serde_json::json!({"text": "long"}), files: Vec::new() }])
        .await
        .unwrap();
    ground.settle(second, Settlement::Dead { attempts: 1, reason: "refused".into() }).await;
    change(&ground, edit("m1", "short"), about).await;
    let shorter = Sent { gone: vec![message_id("2")], ..sent("3") };
    ground.settle(ground.last().id, Settlement::Delivered(vec![shorter])).await;
    change(&ground, like("ann"), about).await;
    ground.settle(ground.last().id, Settlement::Delivered(vec![Sent::default()])).await;
    change(&ground, event("m1", Body::Delete), about).await;
    let all = Sent { gone: vec![message_id("1"), message_id("3")], ..Sent::default() };
    ground.settle(ground.last().id, Settlement::Delivered(vec![all])).await;

    prune_all(&ground, 89).await;
    for id in ["m1", "1", "2", "3"] {
        assert!(ground.outbox.is_known(REALM, &message_id(id)).await.unwrap(), "{id} is still known");
    }
    prune_all(&ground, 92).await;
    for table in ["events", "bodies", "deliveries", "parts", "ids", "claims", "files", "reactions"] {
        assert_eq!(count(&ground, table), 0, "rows in {table}");
    }
    ground.check_law().await;
}

#[tokio::test]
async fn a_change_outlives_its_message() {
    let ground = Ground::new();
    ground.relay(message("m1", "hi"), "b/x", sent("copy")).await;
    let about = ground.last().seq;
    change(&ground, edit("m1", "first"), about).await;
    let waits = ground.last().id;
    prune_all(&ground, 92).await;
    assert_eq!(ground.outbox.family_of(about).await.unwrap(), None);

    // It said its text anew: that message is known as ours, and leads to the change.
    assert!(ground.settle(waits, Settlement::Delivered(vec![sent("anew")])).await.is_empty());
    assert!(ground.outbox.is_known(REALM, &message_id("anew")).await.unwrap());

    for late in [edit("m1", "late"), like("ann"), event("m1", Body::Delete)] {
        let accepted = change(&ground, late, about).await;
        let Accepted::Filtered { reason, .. } = accepted else { panic!("{accepted:?}") };
        assert_eq!(reason, "the message that it changes was forgotten");
    }
    assert_eq!(count(&ground, "reactions"), 0);
    prune_all(&ground, 200).await;
    assert_eq!((count(&ground, "ids"), count(&ground, "events")), (0, 0));
    ground.check_law().await;
}

#[tokio::test]
async fn names_go_when_nothing_names_them() {
    let ground = Ground::new();
    ground.relay(message("m1", "hi"), "b/gone", sent("c1")).await;
    ground.take(message("m2", "dead"), &["b/dead"]).await;
    ground.settle(ground.last().id, Settlement::Dead { attempts: 1, reason: "no".into() }).await;
    ground.take(from(message("m3", "waits"), "a/other"), &["b/waits"]).await;
    ground.relay(message("m4", "hi"), "b/newest", sent("c4")).await;
    let newest = ground.last();
    assert_eq!((count(&ground, "channels"), count(&ground, "lanes"), count(&ground, "frames")), (6, 4, 4));

    prune_all(&ground, 92).await;
    assert_eq!((count(&ground, "channels"), count(&ground, "lanes"), count(&ground, "frames")), (5, 3, 3));
    let letters = ground.outbox.dead_letters().await.unwrap();
    assert_eq!(letters[0].target, channel("b/dead"));
    assert_eq!(ground.outbox.pending_lanes().await.unwrap()[0].1.target, channel("b/waits"));

    // What comes back gets a number that nobody had, and is read back whole.
    ground.take(message("m5", "again"), &["b/gone"]).await;
    let again = ground.last();
    assert!(again.lane.0 > newest.lane.0);
    let read = ground.outbox.pending(again.lane, None, 9).await.unwrap();
    assert_eq!((read[0].ends.target.clone(), read[0].frames[0].id), (channel("b/gone"), frame("b/gone").id));
    ground.check_law().await;
}

#[tokio::test]
async fn a_name_that_is_used_again_while_others_are_looked_for_stays() {
    let ground = Ground::new();
    for (id, target) in [("m1", "b/gone"), ("m2", "b/back")] {
        ground.relay(message(id, "hi"), target, sent(id)).await;
    }
    prune_all(&ground, 0).await;
    // More than one step looks at, young enough to stay.
    for index in 0..1200 {
        let intake = intake(message(&format!("n{index}"), "hi"), 80 * DAY, to(&["b/newest"]));
        ground.outbox.accept(intake).await.unwrap();
    }
    let prune = async || ground.outbox.prune(at(92 * DAY), retention(7, 90)).await.unwrap();
    // The texts, the links and the first rows of what is left.
    assert!(prune().await);
    ground.take(message("n", "hi"), &["b/back"]).await;
    let back = ground.last();
    while prune().await {}
    let read = ground.outbox.pending(back.lane, None, 9).await.unwrap();
    assert_eq!((read.len(), read[0].ends.target.clone()), (1, channel("b/back")));
    assert_eq!((count(&ground, "lanes"), count(&ground, "frames")), (2, 2));
}

#[tokio::test]
async fn no_step_forgets_many() {
    let ground = Ground::new();
    for index in 0..120 {
        ground.relay(message(&format!("m{index}"), "hi"), "b/x", sent(&format!("c{index}"))).await;
    }
    for left in [70, 20, 0] {
        ground.outbox.prune(at(91 * DAY), retention(0, 90)).await.unwrap();
        assert_eq!(count(&ground, "events"), left);
    }
}
