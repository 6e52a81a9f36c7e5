//! What is known of messages: copies, echoes, originals.

use std::sync::Arc;

use tieline_core::event::{Authorship, Body, Reaction};
use tieline_core::frame::{Addressed, NamedFrame};
use tieline_core::id::ChannelKey;
use tieline_core::outbox::{Accepted, Outbox, Planned, Routing, Settlement};
use tieline_core::send::Sent;

use super::ground::*;

#[tokio::test]
async fn our_own_copy_is_known_by_its_id_whatever_the_rules_say() {
    let ground = Ground::new();
    ground.relay(message("m1", "hi"), "b/x", sent("c1")).await;
    assert!(is_ours(&ground.take(from(message("c1", "hi"), "b/x"), &["a/room"]).await));
    let held = intake(from(message("c1", "hi"), "b2/x"), 0, Routing::Hold);
    assert!(is_ours(&ground.outbox.accept(held).await.unwrap()), "seen by a second account of the same server");
    let react = Body::Reaction(Reaction { emoji: "x".into(), added: true });
    assert!(is_new(&ground.take(from(event("c1", react), "b/x"), &["a/room"]).await), "what people do to it is news");
    ground.check_law().await;
}

#[tokio::test]
async fn an_echo_without_an_id_is_known_by_its_text_once() {
    let ground = Ground::new();
    let id = ground.relay(message("m1", "hi"), "b/x", unnamed(" hi \n")).await;
    let echo = |id: &str| by(from(message(id, "hi"), "b/x"), Authorship::BotOrOurs);
    assert!(is_new(&ground.take(from(message("p1", "hi"), "b/x"), &["a/room"]).await), "a person says the same");
    assert!(is_new(&ground.take(by(from(message("e0", "hi"), "b/y"), Authorship::BotOrOurs), &["a/room"]).await));
    let ground = ground.reopen(false).await;
    assert!(is_ours(&ground.take(echo("e1"), &["a/room"]).await));
    assert!(is_new(&ground.take(echo("e2"), &["a/room"]).await), "the copy is taken");
    let copy = ground.outbox.copy_in(REALM, &message_id("m1"), &channel("a/room"), &channel("b/x")).await.unwrap();
    assert_eq!(copy, Some(message_id("e1")));
    assert_eq!(ground.outbox.trace("e1").await.unwrap()[0].deliveries[0].id, id);
}

#[tokio::test]
async fn a_text_is_waited_for_ten_minutes_in_the_channel_that_the_platform_named() {
    let ground = Ground::new();
    let named = Sent { channel: Some(ChannelKey::new("real").unwrap()), ..unnamed("hi") };
    ground.relay(message("m1", "hi"), "b/hook", named).await;
    let echo = by(from(message("e1", "hi"), "b/real"), Authorship::BotOrOurs);
    let late = ground.outbox.accept(intake(from(echo.clone(), "b/real"), 602, to(&["a/room"]))).await.unwrap();
    assert!(is_new(&late));
    let mut second = echo;
    second.message_id = message_id("e2");
    assert!(is_ours(&ground.outbox.accept(intake(second, 601, to(&["a/room"]))).await.unwrap()));
}

#[tokio::test]
async fn a_held_echo_is_recognised_when_it_is_released() {
    let ground = Ground::new();
    ground.take(message("m1", "hi"), &["b/x"]).await;
    let delivery = ground.last().id;
    let echo = by(from(message("c1", "hi"), "b/x"), Authorship::PersonOrOurs);
    let held = ground.outbox.accept(intake(echo.clone(), 0, Routing::Hold)).await.unwrap();
    let known = async || ground.outbox.is_known(REALM, &message_id("c1")).await.unwrap();
    assert!(!known().await, "reconciling must be able to take it");
    ground.settle(delivery, Settlement::Delivered(vec![sent("c1")])).await;
    assert!(known().await, "as a copy");
    assert!(is_ours(&ground.outbox.release(seq(&held), intake(echo, 0, to(&["a/room"]))).await.unwrap()));
    let tallies = ground.outbox.tallies().await.unwrap();
    assert_eq!((tallies.held, tallies.filtered, tallies.delivered), (0, 1, 1));
    ground.check_law().await;
}

#[tokio::test]
async fn a_copy_is_found_from_the_message_and_from_its_other_copies() {
    let ground = Ground::new();
    let accepted = ground.take(message("m1", "hi"), &["b/x", "c/y"]).await;
    assert_eq!(accepted, Accepted::Planned { seq: seq(&accepted), deliveries: 2 });
    let deliveries: Vec<_> = ground.heard.0.lock().unwrap().iter().map(|delivery| delivery.id).collect();
    for (delivery, copy) in deliveries.into_iter().zip(["c1", "c2"]) {
        ground.settle(delivery, Settlement::Delivered(vec![sent(copy), sent("more")])).await;
    }
    let find = async |id: &str, place: &str| {
        let found = ground.outbox.copy_in(REALM, &message_id(id), &channel("a/room"), &channel(place)).await.unwrap();
        found.map(|id| id.as_str().to_owned())
    };
    assert_eq!(find("m1", "b/x").await.as_deref(), Some("c1"));
    assert_eq!(find("c1", "c/y").await.as_deref(), Some("c2"));
    assert_eq!(find("c2", "a/room").await.as_deref(), Some("m1"));
    assert_eq!(find("m1", "b/nowhere").await, None);
    assert_eq!(find("m2", "b/x").await, None);
    assert!(ground.outbox.is_known(REALM, &message_id("m1")).await.unwrap());
    assert!(ground.outbox.is_known(REALM, &message_id("c2")).await.unwrap());
    assert!(!ground.outbox.is_known("elsewhere", &message_id("c2")).await.unwrap());
    for id in ["m1", "c2", "tl-1", "1"] {
        assert_eq!(ground.outbox.trace(id).await.unwrap()[0].trace, "tl-1");
    }
}

/// Whoever makes her own message under the id of another one must not reach that one's copies by it.
#[tokio::test]
async fn of_two_messages_with_one_id_the_one_in_the_channel_is_meant() {
    let ground = Ground::new();
    ground.relay(from(message("m1", "to the group"), "a/group"), "b/x", sent("c1")).await;
    ground.relay(from(message("m1", "in private"), "a/direct"), "b/x", sent("c2")).await;
    for (near, copy) in [("a/group", "c1"), ("a/direct", "c2"), ("a/elsewhere", "c1")] {
        let found = ground.outbox.copy_in(REALM, &message_id("m1"), &channel(near), &channel("b/x")).await.unwrap();
        assert_eq!(found, Some(message_id(copy)), "{near}");
    }
}

#[tokio::test]
async fn a_place_is_where_something_arrived_or_still_may() {
    let ground = Ground::new();
    let places = async |id: &str| {
        let places = ground.outbox.places(REALM, &message_id(id)).await.unwrap();
        places.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    ground.take(message("m1", "hi"), &["b/x"]).await;
    let delivery = ground.last().id;
    assert_eq!(places("m1").await, ["a/room", "b/x"], "on its way");
    ground.settle(delivery, Settlement::Dead { attempts: 1, reason: "no".into() }).await;
    assert_eq!(places("m1").await, ["a/room"]);
    ground.outbox.retry_dead(&[delivery], at(2)).await.unwrap();
    ground.settle(delivery, Settlement::Delivered(vec![sent("c1")])).await;
    assert_eq!(places("c1").await, ["a/room", "b/x"]);
    ground.take(message("m2", "hi"), &["b/x"]).await;
    ground.settle(ground.last().id, Settlement::Filtered("no".into())).await;
    assert_eq!(places("m2").await, ["a/room"]);
    let named = Sent { channel: Some(ChannelKey::new("real").unwrap()), ..sent("c3") };
    ground.relay(message("m3", "hi"), "b/hook", named).await;
    assert_eq!(places("c3").await, ["a/room", "b/hook", "b/real"]);
    // Refused, and not yet a dead letter.
    let mut frame = frame("b/x").frame.clone();
    frame.addressed = Some(Addressed::Refused("not on the list".into()));
    let frames = vec![Arc::new(NamedFrame::new(frame))];
    let refused = Routing::Deliver(vec![Planned { target: channel("b/x"), frames }]);
    ground.outbox.accept(intake(message("m4", "hi"), 0, refused)).await.unwrap();
    assert_eq!(places("m4").await, ["a/room"]);
}

#[tokio::test]
async fn a_notice_opens_no_way_to_whom_it_tells_of() {
    let ground = Ground::new();
    ground.relay(message("tieline notice 7.1", "not sent"), "b/x", sent("c1")).await;
    assert!(ground.outbox.places(REALM, &message_id("c1")).await.unwrap().is_empty());
    ground.relay(message("tieline thread 7.0", "Alice"), "b/x", sent("c2")).await;
    assert_eq!(ground.outbox.places(REALM, &message_id("c2")).await.unwrap(), [channel("a/room"), channel("b/x")]);
}
