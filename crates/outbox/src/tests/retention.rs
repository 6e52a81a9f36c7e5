//! What is forgotten, and what is not.

use tieline_core::outbox::{Outbox, Retention, Settlement};

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
