//! Any sequence of calls, beside a model that fits in a page.

use std::collections::{BTreeMap, HashMap};

use proptest::prelude::*;
use tieline_core::id::{DeliveryId, EventSeq};
use tieline_core::outbox::{Accepted, Outbox, Routing, Settlement, Tallies};

use super::ground::*;

const TARGETS: [&str; 3] = ["b/x", "b/y", "c/z"];

#[derive(Debug, Clone)]
enum Step {
    Accept { message: u8, targets: usize },
    Hold { message: u8 },
    Release { which: usize, targets: usize },
    Settle { which: usize, how: u8 },
    RetryDead { which: usize },
    DropDead { which: usize },
    Reopen { clean: bool },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..40_u8, 0..4_usize).prop_map(|(message, targets)| Step::Accept { message, targets }),
        1 => (0..40_u8).prop_map(|message| Step::Hold { message }),
        1 => (any::<usize>(), 0..4_usize).prop_map(|(which, targets)| Step::Release { which, targets }),
        6 => (any::<usize>(), 0..4_u8).prop_map(|(which, how)| Step::Settle { which, how }),
        1 => any::<usize>().prop_map(|which| Step::RetryDead { which }),
        1 => any::<usize>().prop_map(|which| Step::DropDead { which }),
        1 => any::<bool>().prop_map(|clean| Step::Reopen { clean }),
    ]
}

#[derive(Default)]
struct Model {
    seen: HashMap<u8, EventSeq>,
    held: BTreeMap<EventSeq, u8>,
    /// Pending deliveries by position, each with its target.
    pending: BTreeMap<i64, (DeliveryId, String)>,
    dead: BTreeMap<DeliveryId, String>,
    tallies: Tallies,
    last_position: i64,
}

fn routing(targets: usize) -> Routing {
    if targets == 0 { Routing::Filtered("no rule".into()) } else { to(&TARGETS[..targets]) }
}

fn pick<T>(items: impl ExactSizeIterator<Item = T>, which: usize) -> Option<T> {
    let mut items = items;
    let count = items.len();
    if count == 0 { None } else { items.nth(which % count) }
}

impl Model {
    fn planned(&mut self, targets: usize) {
        self.tallies.planned += targets.max(1) as i64;
        if targets == 0 {
            self.tallies.filtered += 1;
        }
        self.tallies.pending += targets as i64;
    }

    /// Takes over what the feed heard, which must be exactly what was planned, in order.
    fn hear(&mut self, ground: &Ground, expected: usize) {
        let heard = std::mem::take(&mut *ground.heard.0.lock().unwrap());
        assert_eq!(heard.len(), expected);
        for delivery in heard {
            assert!(delivery.position.0 > self.last_position);
            self.last_position = delivery.position.0;
            self.pending.insert(delivery.position.0, (delivery.id, delivery.ends.target.to_string()));
        }
    }

    async fn run(&mut self, ground: Ground, step: Step) -> Ground {
        let body = |number: u8| message(&format!("m{number}"), "hi");
        match step {
            Step::Accept { message, targets } => {
                let accepted = ground.outbox.accept(intake(body(message), 0, routing(targets))).await.unwrap();
                if let Some(known) = self.seen.get(&message) {
                    assert_eq!(accepted, Accepted::Repeat { seq: *known });
                    self.tallies.repeats += 1;
                } else {
                    self.seen.insert(message, seq(&accepted));
                    self.planned(targets);
                    self.hear(&ground, targets);
                }
            }
            Step::Hold { message } if !self.seen.contains_key(&message) => {
                let accepted = ground.outbox.accept(intake(body(message), 0, Routing::Hold)).await.unwrap();
                assert_eq!(accepted, Accepted::Held { seq: seq(&accepted) });
                self.seen.insert(message, seq(&accepted));
                self.held.insert(seq(&accepted), message);
                self.tallies.held += 1;
            }
            Step::Hold { .. } => {}
            Step::Release { which, targets } => {
                if let Some((seq, message)) = pick(self.held.clone().into_iter(), which) {
                    ground.outbox.release(seq, intake(body(message), 0, routing(targets))).await.unwrap();
                    self.held.remove(&seq);
                    self.tallies.held -= 1;
                    self.planned(targets);
                    self.hear(&ground, targets);
                }
            }
            Step::Settle { which, how } => {
                if let Some((position, (id, target))) = pick(self.pending.clone().into_iter(), which) {
                    let settlement = match how {
                        0 => Settlement::Delivered(vec![sent(&format!("copy{id}"))]),
                        1 => Settlement::Filtered("not wanted".into()),
                        2 => Settlement::Dead { attempts: 1, reason: "refused".into() },
                        _ => retry(),
                    };
                    let ended = how < 3;
                    match how {
                        0 => self.tallies.delivered += 1,
                        1 => self.tallies.filtered += 1,
                        2 => {
                            self.tallies.dead += 1;
                            self.dead.insert(id, target);
                        }
                        _ => {}
                    }
                    ground.settle(id, settlement).await;
                    if ended {
                        self.tallies.pending -= 1;
                        self.pending.remove(&position);
                    }
                }
            }
            Step::RetryDead { which } => {
                if let Some(id) = pick(self.dead.clone().into_keys(), which) {
                    assert_eq!(ground.outbox.retry_dead(&[id], at(5)).await.unwrap(), [id]);
                    self.dead.remove(&id);
                    self.tallies.dead -= 1;
                    self.tallies.pending += 1;
                    self.hear(&ground, 1);
                }
            }
            Step::DropDead { which } => {
                if let Some(id) = pick(self.dead.clone().into_keys(), which) {
                    assert_eq!(ground.outbox.drop_dead(&[id], at(5)).await.unwrap().0, [id]);
                    self.dead.remove(&id);
                    self.tallies.dead -= 1;
                    self.tallies.dropped += 1;
                }
            }
            Step::Reopen { clean } => return ground.reopen(clean).await,
        }
        ground
    }

    async fn compare(&self, ground: &Ground) {
        assert_eq!(ground.outbox.tallies().await.unwrap(), self.tallies);
        ground.check_law().await;
        let mut pending = BTreeMap::new();
        for (lane, ends) in ground.outbox.pending_lanes().await.unwrap() {
            for delivery in ground.outbox.pending(lane, None, 1000).await.unwrap() {
                pending.insert(delivery.position.0, (delivery.id, ends.target.to_string()));
            }
        }
        assert_eq!(pending, self.pending);
        let dead: Vec<_> = ground.outbox.dead_letters().await.unwrap().iter().map(|letter| letter.id).collect();
        assert_eq!(dead, self.dead.keys().copied().collect::<Vec<_>>());
        let held: Vec<_> = ground.outbox.held(None).await.unwrap().iter().map(|(seq, _)| *seq).collect();
        assert_eq!(held, self.held.keys().copied().collect::<Vec<_>>());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_called_the_outbox_agrees_with_its_model(steps in proptest::collection::vec(step(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut model = Model::default();
            let mut ground = Ground::new();
            for step in steps {
                ground = model.run(ground, step).await;
            }
            model.compare(&ground).await;
            let ground = ground.reopen(true).await;
            model.compare(&ground).await;
        });
    }
}
