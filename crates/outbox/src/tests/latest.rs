//! What stands in a channel.

use tieline_core::event::Body;
use tieline_core::id::ChannelKey;
use tieline_core::outbox::{Outbox, Routing};
use tieline_core::send::Sent;

use super::ground::*;

async fn latest(ground: &Ground, place: &str) -> Vec<String> {
    let found = ground.outbox.latest(&channel(place), 100).await.unwrap();
    let mut found: Vec<String> = found.iter().map(ToString::to_string).collect();
    found.sort();
    found
}

#[tokio::test]
async fn what_was_relayed_and_its_copies_stand_until_they_are_taken_away() {
    let ground = Ground::new();
    ground.relay(message("m1", "one"), "b/x", sent("c1")).await;
    let elsewhere = Sent { channel: Some(ChannelKey::new("real").unwrap()), ..sent("c2") };
    ground.relay(message("m2", "two"), "b/hook", elsewhere).await;
    ground.take(from(message("c1", "one"), "b/x"), &["a/room"]).await;
    let filtered = intake(message("m3", "three"), 0, Routing::Filtered("nobody wants it".to_owned()));
    ground.outbox.accept(filtered).await.unwrap();
    assert_eq!(latest(&ground, "a/room").await, ["m1", "m2"]);
    assert_eq!(latest(&ground, "b/x").await, ["c1"], "its echo is no message of its own");
    assert_eq!(latest(&ground, "b/real").await, ["c2"]);
    assert_eq!(latest(&ground, "b/nowhere").await, [""; 0]);
    let about = ground.outbox.family(REALM, &message_id("m1"), &channel("a/room")).await.unwrap().unwrap().seq;
    let mut deletion = intake(event("m1", Body::Delete), 0, to(&["b/x"]));
    deletion.about = Some(about);
    ground.outbox.accept(deletion).await.unwrap();
    assert_eq!((latest(&ground, "a/room").await, latest(&ground, "b/x").await), (vec!["m2".to_owned()], vec![]));
}
