//! What people do to a message after it was said.

use tieline_core::event::{Body, Event, Reaction};
use tieline_core::family::{Family, KinState};
use tieline_core::id::EventSeq;
use tieline_core::outbox::{Accepted, Intake, Outbox, Routing, Settlement};
use tieline_core::send::{Part, Sent};

use crate::tests::ground::{
    Ground, REALM, at, channel, edit, event, from, intake, is_repeat, message, message_id, retry, sent, seq, to,
    with_file,
};

async fn family(ground: &Ground, id: &str) -> Option<Family> {
    ground.outbox.family(REALM, &message_id(id), &channel("a/room")).await.unwrap()
}

/// Hands in a change of a message that goes to these channels.
async fn change(ground: &Ground, event: Event, about: EventSeq, targets: &[&str]) -> Accepted {
    let intake = Intake { about: Some(about), ..intake(event, 5, to(targets)) };
    ground.outbox.accept(intake).await.unwrap()
}

fn reason(accepted: &Accepted) -> &str {
    match accepted {
        Accepted::Filtered { reason, .. } => reason,
        other => panic!("not filtered, but {other:?}"),
    }
}

fn reaction(emoji: &str, added: bool, who: &str) -> Event {
    let mut event = event("m1", Body::Reaction(Reaction { emoji: emoji.into(), added }));
    event.author.id = who.into();
    event
}

#[tokio::test]
async fn a_family_is_found_by_each_of_its_members() {
    let ground = Ground::new();
    let taken = ground.take(message("m1", "hi"), &["b/x", "c/y"]).await;
    let first = ground.heard.0.lock().unwrap()[0].id;
    let how = Sent { how: Some("w 7".into()), ..sent("copy") };
    ground.settle(first, Settlement::Delivered(vec![how])).await;
    for id in ["m1", "copy"] {
        let family = family(&ground, id).await.expect("it is known");
        assert_eq!((family.seq, family.message_id.as_str(), family.deleted), (seq(&taken), "m1", false));
        let copies: Vec<_> = family.copies.iter().map(|copy| (copy.channel.to_string(), copy.state)).collect();
        assert_eq!(copies, [("b/x".into(), KinState::Delivered), ("c/y".into(), KinState::Pending)]);
        assert_eq!(family.copies[0].messages[0].how.as_deref(), Some("w 7"));
        assert_eq!(family.pending().count(), 1);
        let places: Vec<_> = family.places().map(|place| place.to_string()).collect();
        assert_eq!(places, ["a/room", "b/x", "c/y"]);
    }
    assert_eq!(family(&ground, "unknown").await, None);
    ground.check_law().await;
}

#[tokio::test]
async fn a_copy_is_found_as_such_where_its_echo_was_heard() {
    let ground = Ground::new();
    ground.relay(message("m1", "hi"), "b/x", sent("copy")).await;
    let echo = from(message("copy", "hi"), "b/x");
    let routing = Routing::Filtered("a copy that tieline sent".into());
    ground.outbox.accept(intake(echo, 5, routing)).await.unwrap();
    let found = ground.outbox.family(REALM, &message_id("copy"), &channel("b/x")).await.unwrap().expect("it is known");
    assert_eq!((found.message_id.as_str(), found.copies.len()), ("m1", 1));
}

#[tokio::test]
async fn files_that_came_apart_belong_to_their_message() {
    let ground = Ground::new();
    ground.relay(message("m1", "look"), "b/x", sent("text")).await;
    let files = with_file(event("m1", Body::Files(message("m1", "look").message().unwrap().clone())), 1);
    let wordless = Sent { wordless: true, ..sent("file") };
    ground.relay(files, "b/x", wordless).await;
    for id in ["m1", "text", "file"] {
        let family = family(&ground, id).await.expect("it is known");
        let messages: Vec<_> = family.copies.iter().flat_map(|copy| &copy.messages).collect();
        let shape: Vec<_> = messages.iter().map(|copy| (copy.id.as_str(), copy.wordless)).collect();
        assert_eq!(shape, [("text", false), ("file", true)], "by {id}");
    }
    let about = family(&ground, "m1").await.unwrap().seq;
    change(&ground, event("m1", Body::Delete), about, &["b/x"]).await;
    assert!(family(&ground, "file").await.unwrap().deleted);
}

#[tokio::test]
async fn what_was_deleted_takes_no_further_change_and_dead_letters_end() {
    let ground = Ground::new();
    let about = seq(&ground.take(with_file(message("m1", "hi"), 1), &["b/x", "c/y"]).await);
    let [dead, pending] = [0, 1].map(|index| ground.heard.0.lock().unwrap()[index].id);
    ground.settle(dead, Settlement::Dead { attempts: 1, reason: "refused".into() }).await;
    let gone = change(&ground, event("m1", Body::Delete), about, &["b/x", "c/y"]).await;
    assert!(matches!(gone, Accepted::Planned { deliveries: 2, .. }), "{gone:?}");
    let family = family(&ground, "m1").await.unwrap();
    assert!(family.deleted);
    assert_eq!(
        family.copies.iter().map(|copy| copy.state).collect::<Vec<_>>(),
        [KinState::NotWanted, KinState::Pending]
    );
    assert!(ground.outbox.dead_letters().await.unwrap().is_empty());
    let again = change(&ground, from(event("copy", Body::Delete), "b/x"), about, &["a/room"]).await;
    assert_eq!(reason(&again), "the message was deleted before");
    let late = change(&ground, edit("m1", "late"), about, &["b/x"]).await;
    assert_eq!(reason(&late), "the message was deleted before");
    // A lane that reads it from the disk knows.
    let ground = ground.reopen(false).await;
    let lanes = ground.outbox.pending_lanes().await.unwrap();
    let mut deleted = Vec::new();
    for (lane, _) in lanes {
        let read = ground.outbox.pending(lane, None, 10).await.unwrap();
        deleted.extend(read.into_iter().map(|delivery| (delivery.id == pending, delivery.deleted, delivery.about)));
    }
    assert!(deleted.contains(&(true, true, None)), "{deleted:?}");
    assert!(deleted.contains(&(false, false, Some(about))), "{deleted:?}");
    ground.check_law().await;
}

#[tokio::test]
async fn an_edit_gives_what_did_not_arrive_the_new_text() {
    let ground = Ground::new();
    let about = seq(&ground.take(message("m1", "old"), &["b/x"]).await);
    let id = ground.last().id;
    ground.settle(id, retry()).await;
    change(&ground, edit("m1", "new"), about, &["b/x"]).await;
    let lane = ground.last().lane;
    let read = ground.outbox.pending(lane, None, 10).await.unwrap();
    let texts: Vec<String> = read.iter().map(|delivery| delivery.event.text().to_plain()).collect();
    assert_eq!(texts, ["new", "new"]);
    assert!(is_repeat(&change(&ground, edit("m1", "new"), about, &["b/x"]).await));
}

#[tokio::test]
async fn a_change_amends_the_copies_of_its_message() {
    let ground = Ground::new();
    ground
        .relay(message("m1", "long"), "b/x", Sent { ids: vec![message_id("1"), message_id("2")], ..Sent::default() })
        .await;
    let about = family(&ground, "m1").await.unwrap().seq;
    change(&ground, edit("m1", "short"), about, &["b/x"]).await;
    let shorter = Sent { gone: vec![message_id("2")], ..Sent::default() };
    let delivery = ground.last().id;
    ground.settle(delivery, Settlement::Delivered(vec![shorter])).await;
    let ids = |family: &Family| {
        family.copies.iter().flat_map(|copy| &copy.messages).map(|copy| copy.id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&family(&ground, "2").await.expect("it stays known as ours")), ["1"]);
    change(&ground, edit("m1", "very long"), about, &["b/x"]).await;
    let delivery = ground.last().id;
    ground.outbox.cut(delivery, vec![]).await.unwrap();
    ground.settle(delivery, Settlement::Delivered(vec![Sent::default(), sent("3")])).await;
    assert_eq!(ids(&family(&ground, "3").await.unwrap()), ["1", "3"]);
    ground.check_law().await;
}

#[tokio::test]
async fn a_bot_shows_the_first_reaction_and_takes_back_the_last() {
    let ground = Ground::new();
    ground.relay(message("m1", "hi"), "b/x", sent("copy")).await;
    let about = family(&ground, "m1").await.unwrap().seq;
    let react = async |event: Event, targets: &[&str]| match change(&ground, event, about, targets).await {
        Accepted::Planned { deliveries, .. } => Ok(deliveries),
        filtered => Err(reason(&filtered).to_owned()),
    };
    let stands = Err("others have given the same reaction, which stands for all of them".to_owned());
    assert_eq!(react(reaction("👍", true, "ann"), &["b/x"]).await, Ok(1));
    assert_eq!(react(reaction("👍", true, "bob"), &["b/x"]).await, stands);
    assert_eq!(react(reaction("❤️", true, "bob"), &["b/x"]).await, Ok(1));
    // Somebody at the other end likes it too: that is to be seen here.
    let there = from(reaction("👍", true, "eve"), "b/x");
    let there = Event { message_id: message_id("copy"), ..there };
    assert_eq!(react(there, &["a/room"]).await, Ok(1));
    let all = ground.outbox.reactions(about).await.unwrap();
    assert_eq!(
        all.iter().map(|(emoji, at)| format!("{emoji} {at}")).collect::<Vec<_>>(),
        ["👍 b/x", "❤️ a/room", "👍 a/room"]
    );
    assert_eq!(react(reaction("👍", false, "ann"), &["b/x"]).await, stands);
    assert_eq!(react(reaction("👍", false, "bob"), &["b/x"]).await, Ok(1));
    assert_eq!(
        react(reaction("🎉", false, "bob"), &["b/x"]).await,
        Err("the reaction that was taken back is not known".to_owned())
    );
    // Everybody's at once, twice.
    for expected in [Ok(1), Err("the reaction that was taken back is not known".to_owned())] {
        assert_eq!(react(reaction("❤️", false, ""), &["b/x"]).await, expected);
    }
    ground.outbox.prune(at(100_000), tieline_core::outbox::Retention { messages_ms: 0, links_ms: 0 }).await.unwrap();
    assert!(ground.outbox.reactions(about).await.unwrap().is_empty());
}

#[tokio::test]
async fn who_reacts_again_after_all_were_taken_away_is_heard() {
    let ground = Ground::new();
    ground.relay(message("m1", "hi"), "b/x", sent("copy")).await;
    let about = family(&ground, "m1").await.unwrap().seq;
    for expected in [true, false, true] {
        let who = if expected { "ann" } else { "" };
        let accepted = change(&ground, reaction("👍", expected, who), about, &["b/x"]).await;
        assert!(matches!(accepted, Accepted::Planned { .. }), "{accepted:?}");
    }
}

#[tokio::test]
async fn a_later_change_makes_up_for_one_that_died() {
    let ground = Ground::new();
    ground.relay(message("m1", "hi"), "b/x", sent("copy")).await;
    let about = family(&ground, "m1").await.unwrap().seq;
    let die = async |ground: &Ground| {
        let id = ground.last().id;
        ground.settle(id, Settlement::Dead { attempts: 9, reason: "no".into() }).await;
        id
    };
    change(&ground, edit("m1", "first"), about, &["b/x"]).await;
    let first = die(&ground).await;
    change(&ground, reaction("👍", true, "ann"), about, &["b/x"]).await;
    let liked = die(&ground).await;
    change(&ground, edit("m1", "second"), about, &["b/x"]).await;
    assert!(ground.outbox.retry_dead(&[first], at(9)).await.unwrap().is_empty(), "the second edit stands");
    change(&ground, reaction("👍", false, "ann"), about, &["b/x"]).await;
    assert!(ground.outbox.retry_dead(&[liked], at(9)).await.unwrap().is_empty(), "it was taken back");
    ground.check_law().await;
}

#[tokio::test]
async fn an_edit_survives_the_completion_of_its_message() {
    let ground = Ground::new();
    let mut half = message("m1", "old");
    half.missing = Some(serde_json::json!("a name"));
    let about = seq(&ground.take(half, &["b/x"]).await);
    change(&ground, edit("m1", "new"), about, &["b/x"]).await;
    let whole = std::sync::Arc::new(message("m1", "old"));
    ground.outbox.complete(about, whole, Vec::new()).await.unwrap();
    let stored = ground.outbox.event(about).await.unwrap().unwrap();
    assert_eq!(stored.text().to_plain(), "new");
}

#[tokio::test]
async fn a_later_change_makes_up_for_older_ones_only_where_it_goes() {
    let ground = Ground::new();
    let about = seq(&ground.take(message("m1", "hi"), &["b/x", "c/y"]).await);
    change(&ground, edit("m1", "first"), about, &["b/x", "c/y"]).await;
    let edits: Vec<_> = ground.heard.0.lock().unwrap()[2..].iter().map(|delivery| delivery.id).collect();
    for id in &edits {
        let parts = vec![Part { body: serde_json::json!("first"), files: Vec::new() }; 2];
        ground.outbox.cut(*id, parts).await.unwrap();
        ground.settle(*id, Settlement::Dead { attempts: 9, reason: "no".into() }).await;
    }
    change(&ground, edit("m1", "second"), about, &["b/x"]).await;
    let left: Vec<_> = ground.outbox.dead_letters().await.unwrap().into_iter().map(|letter| letter.id).collect();
    assert_eq!(left, edits[1..], "the room that the second edit does not reach may still get the first");
    let parts: i64 = rusqlite::Connection::open(ground.path())
        .unwrap()
        .query_row("SELECT count(*) FROM parts WHERE delivery = ?", [edits[0].0], |row| row.get(0))
        .unwrap();
    assert_eq!(parts, 0, "nobody sends them any more");
    ground.check_law().await;
}
