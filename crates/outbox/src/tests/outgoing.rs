//! Lanes, parts, ends, dead letters, files.

use serde_json::json;
use tieline_core::outbox::{Outbox, OutboxError, Settlement};
use tieline_core::send::{Part, Sent};

use super::ground::*;

#[tokio::test]
async fn unsettled_deliveries_are_read_back_after_a_restart() {
    let ground = Ground::new();
    for index in 0..5 {
        ground.take(message(&format!("m{index}"), "hi"), &["b/x"]).await;
    }
    ground.take(message("other", "hi"), &["b/y"]).await;
    let heard = ground.heard.0.lock().unwrap().clone();
    ground.settle(heard[0].id, Settlement::Delivered(vec![sent("c0")])).await;
    ground.settle(heard[1].id, retry()).await;
    let ground = ground.reopen(false).await;
    let lanes = ground.outbox.pending_lanes().await.unwrap();
    assert_eq!(lanes.len(), 2);
    let first = ground.outbox.pending(lanes[0].0, None, 2).await.unwrap();
    assert_eq!(first.iter().map(|delivery| delivery.id).collect::<Vec<_>>(), [heard[1].id, heard[2].id]);
    assert_eq!((first[0].attempts, first[0].not_before, first[0].waited_ms), (1, Some(at(9)), 7));
    assert_eq!(
        (&first[0].event, &first[0].frames, &first[0].ends),
        (&heard[1].event, &heard[1].frames, &heard[1].ends)
    );
    let rest = ground.outbox.pending(lanes[0].0, Some(first[1].position), 10).await.unwrap();
    assert_eq!(rest.iter().map(|delivery| delivery.id).collect::<Vec<_>>(), [heard[3].id, heard[4].id]);
    assert!(ground.heard.0.lock().unwrap().is_empty(), "what is old is read, not fed");
}

#[tokio::test]
async fn a_settled_delivery_is_not_settled_again() {
    let ground = Ground::new();
    let id = ground.relay(message("m1", "hi"), "b/x", sent("c1")).await;
    for again in [Settlement::Dead { attempts: 1, reason: "no".into() }, retry(), Settlement::Filtered("no".into())] {
        assert!(ground.settle(id, again).await.is_empty());
    }
    let tallies = ground.outbox.tallies().await.unwrap();
    assert_eq!((tallies.delivered, tallies.dead, tallies.pending), (1, 0, 0));
    ground.check_law().await;
}

#[tokio::test]
async fn a_bad_command_does_not_fail_its_neighbours() {
    let ground = Ground::new();
    let nobody = tieline_core::id::DeliveryId(999);
    let bad = ground.outbox.settle(nobody, Settlement::Dead { attempts: 1, reason: "no".into() }, REALM, at(0));
    let good = ground.outbox.accept(intake(message("m1", "hi"), 0, to(&["b/x"])));
    let (bad, good) = tokio::join!(bad, good);
    assert!(matches!(bad, Err(OutboxError::Damaged(_))));
    assert!(is_new(&good.unwrap()));
    assert_eq!(ground.heard.0.lock().unwrap().len(), 1);
    ground.check_law().await;
}

#[tokio::test]
async fn parts_and_what_came_of_them_are_kept() {
    let ground = Ground::new();
    ground.take(message("m1", "hi"), &["b/x"]).await;
    let heard = ground.last();
    let parts = vec![
        Part { body: json!({"text": "1"}), files: Vec::new() },
        Part { body: json!({"text": "2"}), files: Vec::new() },
    ];
    ground.outbox.cut(heard.id, parts.clone()).await.unwrap();
    let first = Sent { carry: json!({"tmid": 1}), ..sent("c1") };
    ground.outbox.part_sent(heard.id, 0, first.clone(), REALM).await.unwrap();
    assert!(ground.outbox.is_known(REALM, &message_id("c1")).await.unwrap());
    let ground = ground.reopen(false).await;
    let read = ground.outbox.pending(heard.lane, None, 1).await.unwrap().remove(0);
    assert_eq!(read.parts, [(parts[0].clone(), Some(first.clone())), (parts[1].clone(), None)]);
    ground.settle(heard.id, Settlement::Delivered(vec![first, sent("c2")])).await;
    assert_eq!(ground.outbox.trace("c2").await.unwrap()[0].deliveries[0].copies, [message_id("c1"), message_id("c2")]);
}

#[tokio::test]
async fn a_dead_letter_is_kept_retried_at_the_end_and_dropped() {
    let ground = Ground::new();
    ground.take(with_file(message("m1", "first"), 1), &["b/x"]).await;
    let dead = ground.last();
    ground.take(message("m2", "second"), &["b/x"]).await;
    assert!(
        ground.settle(dead.id, Settlement::Dead { attempts: 1, reason: "the room is gone".into() }).await.is_empty()
    );
    let letter = ground.outbox.dead_letters().await.unwrap().remove(0);
    assert_eq!((letter.id, letter.reason.as_str(), letter.text.as_str()), (dead.id, "the room is gone", "first"));
    assert_eq!((letter.user.as_str(), letter.files.as_slice()), ("ann", &["1.png".to_owned()][..]));
    assert_eq!(ground.outbox.spooled().await.unwrap(), [spool_id(1)]);

    let retried = ground.outbox.retry_dead(&[dead.id, tieline_core::id::DeliveryId(77)], at(50)).await.unwrap();
    assert_eq!(retried, [dead.id]);
    let again = ground.last();
    assert_eq!((again.id, again.attempts, again.received), (dead.id, 0, at(50)));
    let order: Vec<_> = ground.outbox.pending(dead.lane, None, 9).await.unwrap().iter().map(|d| d.id).collect();
    assert_eq!(order.last(), Some(&dead.id));
    assert_eq!(order.len(), 2);

    ground.settle(dead.id, Settlement::Dead { attempts: 1, reason: "still gone".into() }).await;
    let (dropped, files) = ground.outbox.drop_dead(&[dead.id], at(60)).await.unwrap();
    assert_eq!((dropped, files), (vec![dead.id], vec![spool_id(1)]));
    assert!(ground.outbox.drop_dead(&[dead.id], at(60)).await.unwrap().0.is_empty());
    let tallies = ground.outbox.tallies().await.unwrap();
    assert_eq!((tallies.planned, tallies.dropped, tallies.pending, tallies.dead), (2, 1, 1, 0));
    ground.check_law().await;
}

#[tokio::test]
async fn a_file_is_free_when_the_last_that_needs_it_is_settled() {
    let ground = Ground::new();
    ground.take(with_file(message("m1", "one"), 1), &["b/x", "b/y"]).await;
    ground.take(with_file(message("m2", "two"), 1), &["b/x"]).await;
    let heard = ground.heard.0.lock().unwrap().clone();
    assert!(ground.settle(heard[0].id, Settlement::Delivered(vec![sent("c1")])).await.is_empty());
    assert!(ground.settle(heard[1].id, Settlement::Filtered("no".into())).await.is_empty(), "another message has it");
    assert_eq!(ground.settle(heard[2].id, Settlement::Delivered(vec![sent("c2")])).await, [spool_id(1)]);
    assert!(ground.outbox.spooled().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_closed_outbox_says_so() {
    let ground = Ground::new();
    ground.outbox.close(true).await.unwrap();
    let refused = ground.outbox.accept(intake(message("m1", "hi"), 0, to(&["b/x"]))).await;
    assert_eq!(refused, Err(OutboxError::Closed));
    assert_eq!(ground.outbox.tallies().await, Err(OutboxError::Closed));
}
