//! What is new, what is a repeat, and what is kept back.

use std::sync::Arc;

use serde_json::json;
use tieline_core::event::{Body, Reaction};
use tieline_core::outbox::{Accepted, Outbox, Routing};

use super::ground::*;

#[tokio::test]
async fn a_repeat_is_taken_once_also_after_a_restart() {
    let ground = Ground::new();
    let first = ground.take(message("m1", "hi"), &["b/x", "b/y"]).await;
    assert_eq!(first, Accepted::Planned { seq: seq(&first), deliveries: 2 });
    assert!(is_repeat(&ground.take(message("m1", "hi"), &["b/x"]).await));
    let ground = ground.reopen(true).await;
    let again = ground.take(message("m1", "hi"), &["b/x"]).await;
    assert_eq!(again, Accepted::Repeat { seq: seq(&first) });
    assert!(is_new(&ground.take(from(message("m1", "hi"), "a/other"), &["b/x"]).await), "another channel");
    let tallies = ground.outbox.tallies().await.unwrap();
    assert_eq!((tallies.planned, tallies.pending, tallies.repeats), (3, 3, 2));
}

#[tokio::test]
async fn the_feed_hears_deliveries_in_order_and_whole() {
    let ground = Ground::new();
    for index in 0..20 {
        ground.take(message(&format!("m{index}"), "hi"), &["b/x", "b/y"]).await;
    }
    let heard = ground.heard.0.lock().unwrap();
    assert_eq!(heard.len(), 40);
    assert!(heard.windows(2).all(|pair| pair[0].position < pair[1].position));
    assert_eq!(heard[0].lane, heard[2].lane);
    assert_eq!((&heard[1].ends.source, &heard[1].ends.target), (&channel("a/room"), &channel("b/y")));
    assert_eq!(heard[1].frames, vec![frame("b/y")]);
}

#[tokio::test]
async fn an_edit_without_a_revision_is_a_repeat_if_it_says_the_same() {
    let ground = Ground::new();
    ground.take(message("m1", "one"), &["b/x"]).await;
    assert!(is_repeat(&ground.take(edit("m1", "one"), &["b/x"]).await));
    assert!(is_new(&ground.take(edit("m1", "two"), &["b/x"]).await));
    assert!(is_repeat(&ground.take(edit("m1", "two"), &["b/x"]).await));
    assert!(is_new(&ground.take(edit("m1", "one"), &["b/x"]).await), "it changed back");
    assert!(is_new(&ground.take(edit("m9", "one"), &["b/x"]).await), "of a message from before our time");
}

#[tokio::test]
async fn an_edit_with_a_revision_is_known_by_it() {
    let ground = Ground::new();
    let mut revised = edit("m1", "same");
    revised.revision = Some("1".into());
    assert!(is_new(&ground.take(revised.clone(), &["b/x"]).await));
    assert!(is_repeat(&ground.take(revised.clone(), &["b/x"]).await));
    revised.revision = Some("2".into());
    assert!(is_new(&ground.take(revised, &["b/x"]).await));
}

#[tokio::test]
async fn reactions_are_states() {
    let ground = Ground::new();
    let react = |emoji: &str, added| event("m1", Body::Reaction(Reaction { emoji: emoji.into(), added }));
    assert!(is_new(&ground.take(react("x", true), &["b/x"]).await));
    assert!(is_repeat(&ground.take(react("x", true), &["b/x"]).await));
    assert!(is_new(&ground.take(react("y", true), &["b/x"]).await));
    assert!(is_new(&ground.take(react("x", false), &["b/x"]).await));
    assert!(is_new(&ground.take(react("x", true), &["b/x"]).await), "given again");
}

#[tokio::test]
async fn files_after_their_message_come_without_the_text_or_not_at_all() {
    let ground = Ground::new();
    let files = |id: &str| with_file(event(id, Body::Files(text("caption"))), 1);
    ground.take(message("m1", "caption"), &["b/x"]).await;
    assert!(is_new(&ground.take(files("m1"), &["b/x"]).await), "the message had no file");
    let heard = ground.last();
    assert_eq!(heard.event.message().unwrap().text.to_plain(), "");
    assert_eq!(heard.event.message().unwrap().attachments.len(), 1);
    let stored = ground.outbox.event(heard.seq).await.unwrap().unwrap();
    assert_eq!(stored, heard.event);

    ground.take(with_file(message("m2", "caption"), 1), &["b/x"]).await;
    assert!(is_repeat(&ground.take(files("m2"), &["b/x"]).await), "the message had them");

    let mut incomplete = with_file(message("m3", "caption"), 1);
    incomplete.missing = Some(json!("text"));
    ground.take(incomplete, &["b/x"]).await;
    assert!(is_new(&ground.take(files("m3"), &["b/x"]).await), "the message is still incomplete");

    ground.take(files("m4"), &["b/x"]).await;
    assert!(is_repeat(&ground.take(message("m4", "caption"), &["b/x"]).await), "the files came first");
}

#[tokio::test]
async fn what_nobody_gets_leaves_only_its_reason() {
    let ground = Ground::new();
    let routing = Routing::Filtered("no rule".into());
    let accepted = ground.outbox.accept(intake(message("m1", "hi"), 0, routing)).await.unwrap();
    assert_eq!(accepted, Accepted::Filtered { seq: seq(&accepted), reason: "no rule".into() });
    assert_eq!(ground.outbox.event(seq(&accepted)).await.unwrap(), None);
    let trace = &ground.outbox.trace("m1").await.unwrap()[0];
    assert_eq!((trace.state.as_str(), trace.notes.as_slice()), ("filtered", &["no rule".to_owned()][..]));
    ground.check_law().await;
}

#[tokio::test]
async fn a_held_event_counts_once_it_is_planned() {
    let ground = Ground::new();
    let held = ground.outbox.accept(intake(message("m1", "hi"), 0, Routing::Hold)).await.unwrap();
    let other = ground.outbox.accept(intake(from(message("m2", "hi"), "c/room"), 0, Routing::Hold)).await.unwrap();
    assert!(is_repeat(&ground.take(message("m1", "hi"), &["b/x"]).await));
    let ground = ground.reopen(false).await;
    let tallies = ground.outbox.tallies().await.unwrap();
    assert_eq!((tallies.held, tallies.planned), (2, 0));
    assert_eq!(ground.outbox.held(None).await.unwrap().len(), 2);
    let of_a = ground.outbox.held(Some(&channel("a/room").instance)).await.unwrap();
    assert_eq!(of_a.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), [seq(&held)]);

    let released = ground.outbox.release(seq(&held), intake(of_a[0].1.clone(), 0, to(&["b/x"]))).await.unwrap();
    assert_eq!(released, Accepted::Planned { seq: seq(&held), deliveries: 1 });
    assert_eq!(ground.last().seq, seq(&held));
    let again = ground.outbox.release(seq(&held), intake(of_a[0].1.clone(), 0, to(&["b/x"]))).await.unwrap();
    assert_eq!(again, released, "releasing twice plans once");
    let routing = Routing::Filtered("no rule".into());
    ground.outbox.release(seq(&other), intake(message("m2", "hi"), 0, routing)).await.unwrap();
    let tallies = ground.outbox.tallies().await.unwrap();
    assert_eq!((tallies.held, tallies.planned, tallies.pending, tallies.filtered), (0, 2, 1, 1));
    assert_eq!(ground.outbox.event(seq(&other)).await.unwrap(), None);
    ground.check_law().await;
}

#[tokio::test]
async fn a_completed_event_takes_the_place_of_the_incomplete_one() {
    let ground = Ground::new();
    let mut incomplete = message("m1", "");
    incomplete.missing = Some(json!("text"));
    let taken = ground.take(incomplete, &["b/x"]).await;
    let whole = Arc::new(with_file(message("m1", "whole"), 7));
    ground.outbox.complete(seq(&taken), Arc::clone(&whole), vec!["one picture is gone".into()]).await.unwrap();
    let lane = ground.last().lane;
    assert_eq!(ground.outbox.pending(lane, None, 10).await.unwrap()[0].event, whole);
    assert_eq!(ground.outbox.spooled().await.unwrap(), [spool_id(7)]);
    assert_eq!(ground.outbox.trace("m1").await.unwrap()[0].notes, ["one picture is gone"]);
    assert!(is_repeat(&ground.take(edit("m1", "whole"), &["b/x"]).await));
}

#[tokio::test]
async fn an_edit_that_was_completed_is_known_by_what_it_said_at_first() {
    let ground = Ground::new();
    ground.take(message("m1", "hi"), &["b/x"]).await;
    let accepted = ground.take(edit("m1", "hi @ann"), &["b/x"]).await;
    let whole = Arc::new(edit("m1", "hi @Ann Smith"));
    ground.outbox.complete(seq(&accepted), whole, Vec::new()).await.unwrap();
    assert!(is_repeat(&ground.take(edit("m1", "hi @ann"), &["b/x"]).await));
}

#[tokio::test]
async fn cursors_stay() {
    let ground = Ground::new();
    let instance = channel("a/room").instance;
    assert_eq!(ground.outbox.cursor(&instance, "ddp").await.unwrap(), None);
    ground.outbox.set_cursor(&instance, "ddp", "1").await.unwrap();
    ground.outbox.set_cursor(&instance, "ddp", "2").await.unwrap();
    let name = ground.outbox.name().to_owned();
    let ground = ground.reopen(true).await;
    assert_eq!(ground.outbox.cursor(&instance, "ddp").await.unwrap().as_deref(), Some("2"));
    assert_eq!(ground.outbox.name(), name);
}
