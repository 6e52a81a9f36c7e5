//! Receiving over the realtime API.

use std::time::Duration;

use serde_json::json;
use tieline_core::driver::ProxyChoice;
use tieline_core::event::{Authorship, Body, Content};
use tieline_core::id::MessageId;
use tieline_core::secret::Secret;
use tieline_testkit::FakeProxy;
use tieline_testkit::rocketchat::{Fault, RocketChatScript, RoomKind, Route};

use crate::realtime_scene::{Listening, ROOM, listening, listening_with};
use crate::server::time_flies;

/// How often the server was asked for one message: the realtime API tells all that there is to know.
fn lookups(scene: &Listening) -> usize {
    scene.server.requests_to(Route::GetMessage).len()
}

#[tokio::test]
async fn a_message_comes_whole_at_once() {
    let scene = listening().await;
    let process = scene.started().await;
    let id = scene.write("hi *all*");
    let event = scene.arrives("hi all").await;
    assert_eq!(
        (event.message_id.as_str(), event.channel.as_str(), event.room.as_deref()),
        (id.as_str(), ROOM, Some("lounge"))
    );
    assert_eq!((event.author.username.as_str(), event.author.display_name.as_str()), ("ann", "Ann Smith"));
    assert_eq!((event.author.kind, event.missing.is_none()), (Authorship::Person, true));
    assert_eq!(event.time, scene.server.message(&id).expect("it is there").time);

    let reply = scene.server.post_in_thread(&scene.ann, ROOM, &id, "in the thread").expect("she may");
    let event = scene.arrives("in the thread").await;
    let answers = event.message().and_then(|said| said.reply_to.as_ref());
    assert_eq!(answers.map(MessageId::as_str), Some(id.as_str()));
    assert_ne!(event.message_id.as_str(), id);
    assert_eq!(event.message_id.as_str(), reply);

    scene.server.post_file(&scene.ann, ROOM, "cat.png", "image/png", b"meow", "look").expect("she may");
    let event = scene.arrives("look").await;
    let files = &event.message().expect("a message").attachments;
    assert!(matches!(&files[..], [file] if file.name == "cat.png" && matches!(file.content, Content::Remote(_))));
    assert_eq!(event.missing, Some(json!({ "message": false })), "only its bytes are to be fetched");
    assert_eq!(lookups(&scene), 0);
    assert_eq!(scene.realtime().logins(), 1);
    process.stop().await;
}

#[tokio::test]
async fn what_happens_to_a_message_is_told_once() {
    let scene = listening().await;
    let process = scene.started().await;
    let id = scene.hears("first").await;
    scene.server.edit(&scene.ann, &id, "second").expect("she may");
    let edit = scene.happens(&id, "edit").await;
    assert_eq!(edit.message().expect("content").text.to_plain(), "second");
    assert!(edit.revision.is_some_and(|revision| revision.ends_with('Z')), "as REST writes it");
    let bob = scene.server.add_user("bob", "Bob", &["user"]);
    scene.server.join(ROOM, &bob);
    scene.server.react(&bob, &id, "tada", true).expect("he may");
    let reaction = scene.happens(&id, "reaction").await;
    assert_eq!(reaction.author.username, "bob");
    scene.server.pin(&id).expect("it is there");
    scene.realtime().tell_again(&id);
    scene.server.react(&bob, &id, "tada", false).expect("he may");
    scene.server.react(&scene.bot, &id, "eyes", true).expect("it may");
    scene.server.delete(&scene.ann, &id).expect("she may");
    scene.happens(&id, "delete").await;
    let kinds: Vec<_> = scene.inbound.arrivals().iter().map(tieline_core::event::Event::kind).collect();
    assert_eq!(kinds, ["message", "edit", "reaction", "reaction", "delete"]);
    let taken_back = scene.inbound.events().into_iter().nth(3).expect("a reaction");
    assert!(matches!(taken_back.body, Body::Reaction(reaction) if !reaction.added && reaction.emoji == "🎉"));
    process.stop().await;
}

#[tokio::test]
async fn a_message_may_go_in_two_ways_or_with_all_others() {
    let scene = listening().await;
    let process = scene.started().await;
    let opener = scene.hears("opener").await;
    scene.server.post_in_thread(&scene.ann, ROOM, &opener, "reply").expect("she may");
    let reply = scene.arrives("reply").await.message_id;
    scene.server.delete(&scene.ann, &opener).expect("she may");
    scene.happens(&opener, "delete").await;
    scene.server.prune(ROOM, true);
    scene.happens(reply.as_str(), "delete").await;
    let old = scene.hears("before an old server's pruning").await;
    scene.server.prune(ROOM, false);
    scene.happens(&old, "delete").await;
    let deleted = scene.inbound.arrivals().iter().filter(|event| event.kind() == "delete").count();
    assert_eq!(deleted, 3, "each once");
    process.stop().await;
}

#[tokio::test]
async fn our_own_messages_are_not_heard_but_what_is_done_to_them_is() {
    let scene = listening().await;
    let process = scene.started().await;
    let own = scene.server.post(&scene.bot, ROOM, "by the relay");
    scene.server.react(&scene.ann, &own, "heart", true).expect("she may");
    scene.happens(&own, "reaction").await;
    scene.hears("by a person").await;
    assert_eq!(scene.heard(), ["by a person"]);
    process.stop().await;
}

#[tokio::test]
async fn a_cut_connection_loses_nothing_and_doubles_nothing() {
    let scene = listening().await;
    let process = scene.started().await;
    time_flies();
    let known = scene.hears("before").await;
    for round in 0..3 {
        let dials = scene.realtime().dials().len();
        if round == 1 {
            scene.realtime().close_with(1013);
        } else {
            scene.realtime().cut();
        }
        scene.write(&format!("between {round}"));
        scene.server.edit(&scene.ann, &known, &format!("changed {round}")).expect("she may");
        scene.realtime().wait_for_dials(dials + 1).await;
        scene.arrives(&format!("between {round}")).await;
        scene.realtime().wait_for_subscription(ROOM).await;
        scene.hears(&format!("after {round}")).await;
    }
    let edits = scene.inbound.events().iter().filter(|event| event.kind() == "edit").count();
    assert_eq!(edits, 3, "what was changed meanwhile is told");
    let wanted = ["before", "between 0", "after 0", "between 1", "after 1", "between 2", "after 2"];
    assert_eq!(scene.heard(), wanted);
    assert_eq!(scene.inbound.arrivals().len(), wanted.len() + 3, "nothing is handed in twice");
    assert_eq!(scene.realtime().dials().len(), 4, "one dial for each loss");
    process.stop().await;
}

#[tokio::test]
async fn a_server_that_keeps_silent_is_left() {
    let scene = listening().await;
    let process = scene.started().await;
    time_flies();
    scene.hears("before").await;
    scene.realtime().set_deaf(true);
    // The waits of the fake end after twenty seconds of this clock, too.
    tokio::time::sleep(Duration::from_secs(26)).await;
    scene.realtime().wait_for_frame(|frame| frame["msg"] == "ping").await;
    tokio::time::sleep(Duration::from_secs(35)).await;
    scene.realtime().wait_for_dials(2).await;
    scene.write("while it was silent");
    scene.realtime().set_deaf(false);
    scene.arrives("while it was silent").await;
    scene.realtime().ping("x7");
    scene.realtime().wait_for_frame(|frame| *frame == json!({ "msg": "pong", "id": "x7" })).await;
    assert_eq!(scene.heard(), ["before", "while it was silent"]);
    process.stop().await;
}

#[tokio::test]
async fn the_next_process_begins_where_the_last_one_stopped() {
    let scene = listening().await;
    scene.write("before anybody listened");
    let first = scene.started().await;
    let kept = scene.hears("one").await;
    let gone = scene.hears("two").await;
    scene.keeps_its_place(&gone).await;
    first.kill().await;
    scene.write("three");
    scene.server.delete(&scene.ann, &gone).expect("she may");
    scene.server.edit(&scene.ann, &kept, "one, changed").expect("she may");
    let second = scene.started().await;
    scene.arrives("three").await;
    scene.happens(&gone, "delete").await;
    assert_eq!(scene.happens(&kept, "edit").await.message().expect("content").text.to_plain(), "one, changed");
    scene.hears("four").await;
    second.stop().await;
    scene.write("five");
    let third = scene.started().await;
    scene.hears("six").await;
    assert_eq!(scene.heard(), ["one", "two", "three", "four", "five", "six"]);
    third.stop().await;
}

#[tokio::test]
async fn of_a_long_gap_the_newest_are_fetched() {
    let scene = listening().await;
    let first = scene.started().await;
    let last = scene.hears("one").await;
    scene.keeps_its_place(&last).await;
    first.stop().await;
    for number in 0..30 {
        scene.write(&number.to_string());
    }
    let second = scene.started().await;
    scene.arrives("29").await;
    let heard = scene.heard();
    assert_eq!((heard.len(), heard[1].as_str()), (21, "10"), "as many as `catch_up` says");
    second.stop().await;
}

#[tokio::test]
async fn a_gap_that_cannot_be_filled_is_tried_again_from_the_same_place() {
    let scene = listening().await;
    let first = scene.started().await;
    let last = scene.hears("one").await;
    scene.keeps_its_place(&last).await;
    first.stop().await;
    scene.write("two");
    scene.server.faults().on(Route::SyncMessages).next(3, Fault::Status500);
    time_flies();
    let second = scene.start();
    scene.arrives("two").await;
    scene.hears("three").await;
    assert_eq!(scene.heard(), ["one", "two", "three"]);
    assert_eq!(scene.realtime().dials().len(), 3, "the session was given up once");
    second.stop().await;
}

#[tokio::test]
async fn a_room_that_is_left_is_told_of_and_heard_again_when_joined() {
    let scene = listening().await;
    let process = scene.started().await;
    scene.hears("one").await;
    scene.server.leave(ROOM, &scene.bot);
    scene.realtime().wait_for_frame(|frame| frame["msg"] == "unsub").await;
    scene.write("while it was away");
    scene.server.join(ROOM, &scene.bot);
    scene.arrives("while it was away").await;
    scene.realtime().wait_for_subscription(ROOM).await;
    scene.hears("two").await;
    assert_eq!(scene.heard(), ["one", "while it was away", "two"]);
    process.stop().await;
}

#[tokio::test]
async fn every_room_that_the_bot_is_in_is_heard_if_a_rule_says_so() {
    let scene = listening().await;
    scene.rules.name_every();
    scene.server.add_room(RoomKind::Public, "OPEN", "open");
    scene.server.add_room(RoomKind::Private, "LATER", "later");
    scene.server.join("OPEN", &scene.ann);
    scene.server.join("LATER", &scene.ann);
    let process = scene.started().await;
    scene.server.post(&scene.ann, "OPEN", "where the bot is not");
    let id = scene.hears("where it is").await;
    scene.server.delete(&scene.ann, &id).expect("she may");
    scene.happens(&id, "delete").await;
    scene.server.join("LATER", &scene.bot);
    scene.realtime().wait_for_subscription("LATER/deleteMessageBulk").await;
    scene.server.post(&scene.ann, "LATER", "where it came to");
    assert_eq!(scene.arrives("where it came to").await.room.as_deref(), Some("later"));
    assert_eq!(scene.heard(), ["where it is", "where it came to"]);
    let streams: Vec<_> = scene.realtime().subscribed();
    assert_eq!(streams.iter().filter(|one| one.stream == "stream-room-messages").count(), 1);
    process.stop().await;
}

#[tokio::test]
async fn rules_that_are_loaded_anew_are_followed() {
    let scene = listening().await;
    scene.server.add_room(RoomKind::Private, "R2", "den");
    scene.server.join("R2", &scene.bot);
    scene.server.join("R2", &scene.ann);
    let process = scene.started().await;
    time_flies();
    scene.rules.name(&["R2"]);
    scene.realtime().wait_for_subscription("R2/deleteMessageBulk").await;
    scene.write("nobody wants it any more");
    scene.server.post(&scene.ann, "R2", "wanted");
    scene.arrives("wanted").await;
    assert_eq!(scene.heard(), ["wanted"]);
    assert_eq!(scene.realtime().dials().len(), 1);
    process.stop().await;
}

#[tokio::test]
async fn refused_credentials_are_tried_again_slowly() {
    let scene = listening().await;
    scene.server.expire_tokens(&scene.bot);
    let process = scene.start();
    process.fails("refuses the bot's credentials").await;
    time_flies();
    tokio::time::sleep(Duration::from_hours(1)).await;
    let dials = scene.realtime().dials().len();
    assert!((12..=22).contains(&dials), "every five minutes in the end, and not {dials} times in an hour");
    assert_eq!(scene.realtime().logins(), 0);
    process.stop().await;
}

#[tokio::test]
async fn a_session_that_expired_is_renewed() {
    let login = json!({ "username": "tieline", "password": "password of tieline" });
    let scene = listening_with(RocketChatScript::default(), &login, ProxyChoice::Direct).await;
    let process = scene.started().await;
    scene.hears("one").await;
    time_flies();
    scene.server.expire_tokens(&scene.bot);
    scene.realtime().cut();
    scene.realtime().wait_for_dials(3).await;
    scene.realtime().wait_for_subscription(ROOM).await;
    scene.hears("two").await;
    assert_eq!(scene.server.requests_to(Route::Login).len(), 2);
    process.stop().await;
}

#[tokio::test]
async fn a_server_that_refuses_is_not_stormed() {
    let scene = listening().await;
    scene.realtime().refuse(4);
    let process = scene.start();
    process.fails("503").await;
    time_flies();
    scene.realtime().wait_for_subscription(ROOM).await;
    let dials = scene.realtime().dials();
    assert_eq!(dials.len(), 5, "four were refused, the fifth was not");
    process.stop().await;
}

#[tokio::test]
async fn it_goes_through_both_kinds_of_proxies() {
    for proxy in [FakeProxy::http().await, FakeProxy::socks5().await] {
        let choice = ProxyChoice::Url(Secret::new(proxy.url()));
        let scene = listening_with(RocketChatScript::default(), &json!({}), choice).await;
        let process = scene.started().await;
        scene.hears("through a proxy").await;
        let server = scene.server.url().trim_start_matches("http://").to_owned();
        assert!(proxy.targets().iter().any(|target| target.contains(&server)), "{:?}", proxy.targets());
        process.stop().await;
    }
}
