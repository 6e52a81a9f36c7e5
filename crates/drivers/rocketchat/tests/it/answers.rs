//! Answers that are late, huge, or about something else.

use std::time::Duration;

use serde_json::{Value, json};
use tieline_core::event::{Body, Event};
use tieline_core::id::MessageId;
use tieline_core::send::{Reconciled, SendError};
use tieline_testkit::on_its_way;
use tieline_testkit::rocketchat::{Fault, RocketChatScript, Route};

use crate::server::{Mode, ROOM, Scene, scene, time_flies};

async fn api() -> Scene {
    scene(RocketChatScript { rest_limit: None, ..RocketChatScript::default() }, Mode::Api).await
}

fn answer(message: &Value) -> Fault {
    Fault::Answer { status: 200, body: json!({ "message": message, "success": true }).to_string() }
}

fn answer_after(message: &Value) -> Fault {
    Fault::AnswerAfter { status: 200, body: json!({ "message": message, "success": true }).to_string() }
}

/// What Ann wrote, as the webhook tells it.
async fn received(scene: &Scene) -> Event {
    let id = scene.server.post(&scene.ann, ROOM, "hi");
    scene.inbound.wait_for(|event| event.message_id.as_str() == id).await
}

#[tokio::test]
async fn a_success_that_names_another_message_is_looked_into() {
    let scene = api().await;
    let sending = scene.first(&scene.outgoing("once"));
    let key = sending.key.as_str();
    let foreign = [
        json!({ "_id": "another", "rid": ROOM }),
        json!({ "rid": ROOM }),
        json!({ "_id": "", "rid": ROOM }),
        json!({ "_id": key, "rid": "elsewhere" }),
        Value::Null,
    ];
    for message in &foreign {
        // The first of them posts; the server then refuses the key, and the driver finds the message.
        scene.server.faults().on(Route::SendMessage).next(1, answer_after(message));
        let ended = scene.driver.send(&sending).await;
        assert!(matches!(ended, Err(SendError::Ambiguous { .. })), "{message} ended as {ended:?}");
        let found = scene.driver.reconcile(&sending, &[]).await.expect("the server can be asked");
        let Reconciled::Arrived(sent) = found else { panic!("{found:?}") };
        assert_eq!(sent.ids, [MessageId::new(key).expect("an id")]);
    }
    assert_eq!(scene.server.messages(ROOM).len(), 1);
}

#[tokio::test]
async fn another_message_is_never_taken_for_ours() {
    let scene = api().await;
    let sending = scene.first(&scene.outgoing("once"));
    let key = sending.key.as_str();
    let lookups = scene.server.faults();
    lookups.on(Route::GetMessage).next(1, answer(&json!({ "_id": "another", "rid": ROOM })));
    let ended = scene.driver.reconcile(&sending, &[]).await;
    assert!(matches!(ended, Err(SendError::Ambiguous { .. })), "nothing is known yet: {ended:?}");
    lookups.on(Route::GetMessage).next(1, answer(&json!({ "_id": key, "rid": "elsewhere" })));
    assert_eq!(scene.driver.reconcile(&sending, &[]).await, Ok(Reconciled::Missing));
    // A message of ours with the same text, but in another room.
    scene.driver.send(&sending).await.expect("sent");
    let elsewhere = json!({ "messages": [{
        "_id": "another", "rid": "elsewhere", "msg": "once", "u": { "_id": scene.bot.id },
        "file": { "_id": "F1", "name": "cat.png" },
    }], "success": true });
    lookups.on(Route::GroupsHistory).always(Fault::Answer { status: 200, body: elsewhere.to_string() });
    let confirm = confirming(&scene).await;
    assert_eq!(scene.driver.reconcile(&confirm, &[]).await, Ok(Reconciled::Missing));
}

/// A file that is uploaded as `F1`, for certain, and still to be confirmed.
async fn confirming(scene: &Scene) -> tieline_core::send::Sending {
    let outgoing = crate::files::with_file(scene, "caption", b"some bytes").await;
    let mut uploaded = scene.driver.send(&on_its_way(&outgoing, scene.cut(&outgoing).remove(0), 0, &[])).await;
    if let Ok(sent) = &mut uploaded {
        sent.carry = json!({ "file": "F1" });
    }
    on_its_way(&outgoing, scene.cut(&outgoing).remove(1), 1, &[uploaded.expect("uploaded")])
}

#[tokio::test]
async fn a_confirmation_that_names_no_message_is_looked_into() {
    let scene = api().await;
    let outgoing = crate::files::with_file(&scene, "caption", b"some bytes").await;
    let parts = scene.cut(&outgoing);
    let uploaded = scene.driver.send(&on_its_way(&outgoing, parts[0].clone(), 0, &[])).await.expect("uploaded");
    let confirm = on_its_way(&outgoing, parts[1].clone(), 1, &[uploaded]);
    scene.server.faults().on(Route::MediaConfirm).next(1, answer_after(&Value::Null));
    assert!(matches!(scene.driver.send(&confirm).await, Err(SendError::Ambiguous { .. })));
    let found = scene.driver.reconcile(&confirm, &[]).await.expect("the server can be asked");
    let Reconciled::Arrived(sent) = found else { panic!("{found:?}") };
    assert_eq!(sent.ids, [MessageId::new(&scene.server.messages(ROOM)[0].id).expect("an id")]);
}

#[tokio::test]
async fn an_event_takes_nothing_over_from_another_message() {
    let scene = api().await;
    let _running = scene.run().await;
    let event = received(&scene).await;
    let id = event.message_id.as_str();
    let mallory = json!({ "_id": "u6", "username": "mallory", "name": "Mallory" });
    for other in
        [json!({ "_id": "another", "rid": ROOM, "u": mallory }), json!({ "_id": id, "rid": "elsewhere", "u": mallory })]
    {
        scene.server.faults().on(Route::GetMessage).next(1, answer(&other));
        let whole = scene.driver.complete(&event, false).await.expect("asking again would bring the same");
        assert_eq!((whole.event.author.shown_name(), whole.notes.len()), ("ann", 1), "{other}");
    }
}

#[tokio::test]
async fn a_huge_message_is_not_read_and_its_text_goes_as_it_stands() {
    let scene = api().await;
    let _running = scene.run().await;
    let event = received(&scene).await;
    let huge = json!({ "_id": event.message_id, "rid": ROOM, "md": "x".repeat(2 * 1024 * 1024) });
    scene.server.faults().on(Route::GetMessage).next(1, answer(&huge));
    let whole = scene.driver.complete(&event, false).await.expect("it would be as huge the next time");
    assert_eq!(whole.event.body, event.body);
    assert!(whole.notes.len() == 1 && whole.notes[0].contains("larger than 2097152 bytes"), "{:?}", whole.notes);
}

/// That something ends within a time of the runtime's paused clock.
async fn within<T>(seconds: u64, what: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(Duration::from_secs(seconds), what).await;
    done.unwrap_or_else(|_| panic!("it did not end within {seconds} s"))
}

#[tokio::test]
async fn a_silent_server_holds_an_event_for_ten_seconds_and_its_last_try_for_two() {
    let scene = api().await;
    let _running = scene.run().await;
    let event = received(&scene).await;
    scene.server.faults().on(Route::GetMessage).always(Fault::Hang);
    time_flies();
    let error = within(11, scene.driver.complete(&event, false)).await.expect_err("there is no answer");
    assert!(error.reason.contains("did not answer within 10 s") && error.pause.is_none(), "{error:?}");
    let whole = within(3, scene.driver.complete(&event, true)).await.expect("the last try gives up");
    assert_eq!(whole.event.body, event.body);
    assert_eq!(whole.notes, ["sent on as it stands: Rocket.Chat did not answer within 2 s"]);
    assert!(matches!(whole.event.body, Body::Message(_)));
}

#[tokio::test]
async fn a_silent_server_holds_many_events_no_longer_than_one() {
    let scene = api().await;
    let _running = scene.run().await;
    let mut events = Vec::new();
    for _ in 0..40 {
        events.push(received(&scene).await);
    }
    scene.server.faults().on(Route::GetMessage).always(Fault::Hang);
    time_flies();
    for (last_try, seconds) in [(false, 11), (true, 3)] {
        let tries: Vec<_> = events
            .iter()
            .cloned()
            .map(|event| {
                let driver = std::sync::Arc::clone(&scene.driver);
                tokio::spawn(async move { driver.complete(&event, last_try).await })
            })
            .collect();
        let ended = within(seconds, async {
            let mut ended = Vec::new();
            for tried in tries {
                ended.push(tried.await.expect("the driver does not panic").is_ok());
            }
            ended
        });
        assert!(ended.await.into_iter().all(|whole| whole == last_try));
    }
}

#[tokio::test]
async fn a_last_try_waits_for_a_server_that_answered_before() {
    let scene = api().await;
    let _running = scene.run().await;
    let event = received(&scene).await;
    scene.server.faults().on(Route::GetMessage).next(1, Fault::Delay(Duration::from_secs(5)));
    time_flies();
    let whole = within(11, scene.driver.complete(&event, true)).await.expect("the server answers");
    assert_eq!((whole.event.author.shown_name(), whole.notes.len()), ("Ann Smith", 0));
}

#[tokio::test]
async fn an_answer_that_never_ends_is_given_up() {
    let scene = api().await;
    let warm = scene.first(&scene.outgoing("first"));
    scene.driver.send(&warm).await.expect("sent");
    let mut outgoing = scene.outgoing("second");
    outgoing.delivery = tieline_core::id::DeliveryId(2);
    let sending = scene.first(&outgoing);
    // Often enough that no pause between two bytes is too long.
    scene.server.faults().on(Route::SendMessage).next(1, Fault::Drip(Duration::from_secs(20)));
    time_flies();
    let ended = within(90, scene.driver.send(&sending)).await;
    assert!(matches!(ended, Err(SendError::Ambiguous { .. })), "{ended:?}");
    let found = scene.driver.reconcile(&sending, &[]).await;
    assert!(matches!(found, Ok(Reconciled::Arrived(_))), "{found:?}");
}
