//! Which commands share a commit, and which do not wait for another.

use tieline_core::outbox::{Outbox, OutboxError, Settlement};

use super::ground::*;
use crate::SqliteOutbox;
use crate::error::Failure;
use crate::queue::{Queue, Taken, Urgency};
use crate::writer::{Batch, Command};

fn delivered(id: &str) -> Settlement {
    Settlement::Delivered(vec![sent(id)])
}

#[tokio::test]
async fn a_settlement_is_committed_also_when_no_company_comes() {
    let ground = Ground::new();
    ground.relay(message("m1", "hi"), "b/x", sent("c1")).await;
    assert_eq!(ground.outbox.tallies().await.unwrap().delivered, 1);
    ground.check_law().await;
}

#[tokio::test]
async fn closing_commits_what_waits_and_refuses_what_comes_later() {
    let ground = Ground::new();
    ground.take(message("m1", "hi"), &["b/x", "b/y"]).await;
    let settle = ground.outbox.settle(ground.last().id, delivered("c1"), REALM, at(1));
    let (settled, closed) = tokio::join!(biased; settle, ground.outbox.close(true));
    assert!(settled.is_ok() && closed.is_ok());
    let late = ground.outbox.settle(ground.last().id, delivered("c1"), REALM, at(1)).await;
    assert_eq!(late, Err(OutboxError::Closed));
    assert_eq!(ground.outbox.close(true).await, Err(OutboxError::Closed));
    let again = SqliteOutbox::open(&ground.path()).unwrap();
    assert!(again.was_closed());
    assert_eq!(again.tallies().await.unwrap().delivered, 1);
}

struct Nothing;

impl Command for Nothing {
    fn run(&mut self, _: &mut Batch<'_, '_>) -> Result<(), Failure> {
        Ok(())
    }

    fn answer(self: Box<Self>, _: Option<OutboxError>) {}
}

#[tokio::test]
async fn a_settlement_waits_only_while_its_lane_has_nothing_further() {
    let ground = Ground::new();
    for (id, target) in [("m1", "b/x"), ("m2", "b/y"), ("m3", "b/x"), ("m4", "b/x")] {
        ground.take(message(id, "hi"), &[target]).await;
    }
    let heard = std::mem::take(&mut *ground.heard.0.lock().unwrap());
    let [x1, y1, x2, x3] = heard.as_slice() else { panic!("four deliveries were fed") };
    let queue = Queue::default();
    let push = async |delivery: &tieline_core::outbox::Delivery| {
        queue.push(Box::new(Nothing), Urgency::Settles(delivery.id)).await.unwrap();
    };
    let take = || {
        let mut commands = Vec::new();
        assert!(matches!(queue.take(&mut commands), Taken::Commands));
        commands.len()
    };

    push(x1).await;
    assert!(queue.is_due(), "of a delivery that another process was told of nothing is known");
    assert_eq!(take(), 1);

    queue.fed(&[x1.clone(), y1.clone()]);
    push(y1).await;
    push(x1).await;
    assert!(!queue.is_due(), "they are the last in their lanes");
    queue.fed(std::slice::from_ref(x2));
    assert!(queue.is_due(), "the second in lane x waits for the first");
    assert_eq!(take(), 2);
    assert!(!queue.is_due());

    queue.fed(std::slice::from_ref(x3));
    push(x2).await;
    assert!(queue.is_due(), "the third was there before the second was settled");
    assert_eq!(take(), 1);

    push(x3).await;
    assert!(!queue.is_due());
    queue.push(Box::new(Nothing), Urgency::Now).await.unwrap();
    assert!(queue.is_due());
    assert_eq!(take(), 2, "company has come");
}
