//! Threads that the relay keeps.

use tieline_core::id::MessageId;
use tieline_core::send::{SendError, Sending};
use tieline_testkit::rocketchat::{Fault, RocketChatScript, Route};

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
async fn an_opener_that_was_there_a_moment_ago_is_not_believed_in() {
    let scene = scene(RocketChatScript::default(), Mode::Api).await;
    let opener = scene.server.post(&scene.ann, ROOM, "Chat with Alice");
    scene.driver.send(&in_thread(&scene, &opener, "one")).await.expect("sent");
    scene.server.delete(&scene.ann, &opener).expect("deleted");
    let outcome = scene.driver.send(&in_thread(&scene, &opener, "two")).await;
    assert_eq!(outcome, Err(SendError::ThreadGone));
    assert!(scene.server.messages(ROOM).iter().all(|message| message.text != "two"));
}

/// A refusal that only says that the thread is none.
fn no_thread() -> Fault {
    let body =
        r#"{"success":false,"error":"Invalid thread [error-invalid-thread]","errorType":"error-invalid-thread"}"#;
    Fault::Answer { status: 400, body: body.to_owned() }
}

#[tokio::test]
async fn a_refusal_is_final_only_while_the_opener_is_there() {
    for gone in [true, false] {
        let scene = scene(RocketChatScript::default(), Mode::Api).await;
        let opener = scene.server.post(&scene.ann, ROOM, "Chat with Alice");
        if gone {
            scene.server.delete(&scene.ann, &opener).expect("deleted");
        }
        // Nobody can look before the send.
        scene.server.faults().on(Route::GetMessage).next(1, Fault::Status500);
        scene.server.faults().on(Route::SendMessage).next(1, no_thread());
        let outcome = scene.driver.send(&in_thread(&scene, &opener, "hello")).await;
        match outcome {
            Err(SendError::ThreadGone) => assert!(gone),
            Err(SendError::Permanent { reason }) => assert!(!gone && reason.contains("Invalid thread"), "{reason}"),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_message_behind_an_opener_that_nobody_could_look_for_is_sent() {
    for gone in [true, false] {
        let scene = scene(RocketChatScript::default(), Mode::Api).await;
        let opener = scene.server.post(&scene.ann, ROOM, "Chat with Alice");
        if gone {
            scene.server.delete(&scene.ann, &opener).expect("deleted");
        }
        scene.server.faults().on(Route::GetMessage).next(1, Fault::Status500);
        let sent = scene.driver.send(&in_thread(&scene, &opener, "hello")).await.expect("sent");
        assert_eq!(sent.ids.len(), 1);
        let lookups = scene.server.requests_to(Route::GetMessage);
        let of_opener = |query: &Option<String>| query.as_ref().is_some_and(|query| query.contains(&opener));
        assert_eq!(lookups.iter().filter(|lookup| of_opener(&lookup.query)).count(), 2, "before it and behind it");
        // The next one is not sent after it.
        let next = scene.driver.send(&in_thread(&scene, &opener, "more")).await;
        assert_eq!(next == Err(SendError::ThreadGone), gone, "{next:?}");
    }
}
