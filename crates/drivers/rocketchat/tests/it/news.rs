//! What rooms tell beside messages, over the realtime API.

use serde_json::json;
use tieline_core::address::Address;
use tieline_core::event::Body;
use tieline_core::id::MessageId;
use tieline_testkit::rocketchat::RocketChatScript;

use crate::realtime_scene::{ROOM, listening};
use crate::server::{Mode, scene};

#[tokio::test]
async fn who_comes_and_goes_is_told_and_what_the_topic_is() {
    let scene = listening().await;
    let process = scene.started().await;
    let bob = scene.server.add_user("bob", "Bob", &["user"]);
    let announce = |who, kind: &str, text: &str| scene.server.announce(ROOM, who, kind, text).expect("the server may");
    let came = announce(&bob, "uj", "bob");
    announce(&scene.ann, "au", "bob");
    announce(&bob, "ul", "bob");
    announce(&scene.ann, "ru", "bob");
    announce(&scene.ann, "room_changed_topic", "*cats* only");
    // Nothing is told of these, and the last is ours.
    announce(&scene.ann, "ui", "bob");
    announce(&scene.ann, "r", "lounge-2");
    announce(&scene.ann, "message_pinned", "");
    announce(&scene.ann, "au", "tieline");
    scene.realtime().tell_again(&came);
    scene.hears("the end").await;
    let told: Vec<_> = scene.inbound.arrivals();
    let told: Vec<_> = told.iter().map(|event| (&event.body, event.author.username.as_str())).collect();
    let topic = Body::Topic("*cats* only".to_owned());
    let wanted =
        [(&Body::Joined, "bob"), (&Body::Joined, "bob"), (&Body::Left, "bob"), (&Body::Left, "bob"), (&topic, "ann")];
    assert_eq!(told[..told.len() - 1], wanted);
    let event = scene.inbound.events().remove(0);
    let server = scene.server.message(&came).expect("it is there");
    assert_eq!((event.message_id.as_str(), event.time), (came.as_str(), server.time));
    assert_eq!((event.author.id.as_str(), event.author.display_name.as_str()), (bob.id.as_str(), "Bob"));
    process.stop().await;
}

#[tokio::test]
async fn who_types_is_told_and_shown() {
    let scene = listening().await;
    let process = scene.started().await;
    scene.realtime().wait_for_subscription(&format!("{ROOM}/user-activity")).await;
    scene.realtime().types(&scene.ann, ROOM, true);
    scene.realtime().types(&scene.ann, ROOM, false);
    scene.realtime().types(&scene.bot, ROOM, true);
    // What is shown is said under the bot's name, as the server wants it.
    process.driver.show_typing(&Address::of([("room_id", ROOM)])).await;
    let said = json!([format!("{ROOM}/user-activity"), "tieline", ["user-typing"], {}]);
    scene.realtime().wait_for_frame(|frame| frame["method"] == "stream-notify-room" && frame["params"] == said).await;
    scene.hears("the end").await;
    let heard = scene.typing.borrow().clone();
    assert_eq!(heard.len(), 1, "{heard:?}");
    assert_eq!((heard[0].author.username.as_str(), heard[0].channel.as_str()), ("ann", ROOM));
    process.stop().await;
}

#[tokio::test]
async fn what_is_quoted_comes_along() {
    let scene = listening().await;
    let process = scene.started().await;
    let asked = scene.write("*who* is there?");
    let link = format!("[ ]({}/group/lounge?msg={asked}) me", scene.server.url());
    scene.write(&link);
    let event = scene.arrives("me").await;
    let said = event.message().expect("a message");
    assert_eq!(said.reply_to.as_ref().map(MessageId::as_str), Some(asked.as_str()));
    let quoted = said.quoted.as_ref().expect("the server shows it");
    assert_eq!((quoted.author.as_str(), quoted.text.to_plain().as_str()), ("ann", "who is there?"));
    scene.server.post_in_thread(&scene.ann, ROOM, &asked, "in the thread").expect("she may");
    assert_eq!(scene.arrives("in the thread").await.message().and_then(|said| said.quoted.clone()), None);
    process.stop().await;
}

#[tokio::test]
async fn what_an_outgoing_webhook_quotes_is_fetched() {
    let scene = scene(RocketChatScript::default(), Mode::Api).await;
    let _running = scene.run().await;
    let asked = scene.server.post(&scene.ann, ROOM, "who is there?");
    scene.server.post(&scene.ann, ROOM, &format!("[ ]({}/group/lounge?msg={asked}) me", scene.server.url()));
    let event = scene.inbound.wait_for(|event| event.message().is_some_and(|said| said.text.to_plain() == "me")).await;
    let whole = scene.driver.complete(&event, false).await.expect("it can be fetched").event;
    let quoted = whole.message().and_then(|said| said.quoted.clone()).expect("the server shows it");
    assert_eq!((quoted.author.as_str(), quoted.text.to_plain().as_str()), ("ann", "who is there?"));
}

#[tokio::test]
async fn a_reaction_that_is_taken_back_while_nobody_listens_is_told() {
    let scene = listening().await;
    let first = scene.started().await;
    let id = scene.hears("one").await;
    scene.server.react(&scene.ann, &id, "tada", true).expect("she may");
    scene.happens(&id, "reaction").await;
    scene.server.react(&scene.bot, &id, "eyes", true).expect("it may");
    scene.hears("two").await;
    first.stop().await;
    scene.server.react(&scene.ann, &id, "tada", false).expect("she may");
    scene.server.react(&scene.bot, &id, "eyes", false).expect("it may");
    let second = scene.started().await;
    scene.hears("three").await;
    let told = scene.inbound.arrivals();
    let told = told.iter().filter_map(|event| match &event.body {
        Body::Reaction(reaction) => Some((reaction.emoji.as_str(), reaction.added, event.author.username.as_str())),
        _ => None,
    });
    assert_eq!(told.collect::<Vec<_>>(), [("🎉", true, "ann"), ("🎉", false, "ann")]);
    second.stop().await;
}
