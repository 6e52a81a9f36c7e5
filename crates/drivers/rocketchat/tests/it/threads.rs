//! Threads that the relay keeps.

use tieline_core::id::MessageId;
use tieline_core::send::{SendError, Sending};
use tieline_testkit::rocketchat::{RocketChatScript, Route};

use crate::server::{Mode, ROOM, Scene, scene};

fn in_thread(scene: &Scene, opener: &str, text: &str) -> Sending {
    let thread = Some(MessageId::new(opener).expect("an id"));
    Sending { thread, ..scene.first(&scene.outgoing(text)) }
}

#[tokio::test]
async fn what_is_said_goes_behind_the_opener_by_either_way() {
    for mode in [Mode::Api, Mode::Hook, Mode::HookWithBot] {
        let scene = scene(RocketChatScript::default(), mode).await;
        let opener = scene.server.post(&scene.bot, ROOM, "Chat with Alice");
        scene.driver.send(&in_thread(&scene, &opener, "hello")).await.expect("sent");
        let message = scene.server.wait_for(ROOM, |message| message.text == "hello").await;
        assert_eq!(message.tmid.as_deref(), Some(opener.as_str()));
    }
}

#[tokio::test]
async fn an_opener_that_was_deleted_is_told_before_anything_is_said() {
    let scene = scene(RocketChatScript::default(), Mode::Api).await;
    let opener = scene.server.post(&scene.ann, ROOM, "Chat with Alice");
    scene.server.delete(&scene.ann, &opener).expect("deleted");
    let outcome = scene.driver.send(&in_thread(&scene, &opener, "hello")).await;
    assert_eq!(outcome, Err(SendError::ThreadGone));
    assert!(scene.server.messages(ROOM).iter().all(|message| message.text != "hello"));
}

#[tokio::test]
async fn an_opener_is_looked_for_once_a_minute() {
    let scene = scene(RocketChatScript::default(), Mode::Api).await;
    let opener = scene.server.post(&scene.bot, ROOM, "Chat with Alice");
    for text in ["one", "two", "three"] {
        scene.driver.send(&in_thread(&scene, &opener, text)).await.expect("sent");
    }
    // The three sends have one key, so the server is also asked for the message of that key.
    let lookups = scene.server.requests_to(Route::GetMessage);
    let of_opener = |query: &Option<String>| query.as_ref().is_some_and(|query| query.contains(&opener));
    assert_eq!(lookups.iter().filter(|lookup| of_opener(&lookup.query)).count(), 1);
}
