//! How sends end, and what becomes of those whose end nobody knows.

use tieline_core::event::{Attachment, AttachmentKind};
use tieline_core::id::{DeliveryId, MessageId};
use tieline_core::send::{Reconciled, SendError, Sending, Trouble};
use tieline_testkit::whatsapp::{Echo, Fault, Message, Route, WhatsAppScript};
use tieline_testkit::{Health, on_its_way};

use crate::addon::{GROUP, Scene, scene, scene_with};

async fn ambiguous(scene: &Scene, sending: &Sending) {
    let ended = scene.driver.send(sending).await;
    assert!(matches!(ended, Err(SendError::Ambiguous { .. })), "{ended:?}");
}

fn arrived(found: Result<Reconciled, SendError>) -> Vec<MessageId> {
    match found {
        Ok(Reconciled::Arrived(sent)) => sent.ids,
        other => panic!("it is there, and was found {other:?}"),
    }
}

async fn image(scene: &Scene) -> Attachment {
    scene.file(AttachmentKind::Image, "cat.png", "image/png", &b"the bytes"[..]).await
}

#[tokio::test]
async fn while_the_account_is_not_connected_nothing_is_lost() {
    let scene = scene().await;
    let _running = scene.run().await;
    scene.health.wait_until_ready().await;
    scene.addon.account().disconnect();
    for _ in 0..3 {
        let ended = scene.deliver(&scene.outgoing("anybody?")).await;
        assert!(matches!(ended, Err(SendError::Retryable { trouble: Trouble::Unreachable, .. })), "{ended:?}");
    }
    scene.health.wait_for(|health| matches!(health, Health::Failing(why) if why.contains("not connected"))).await;
    assert!(scene.said().is_empty());
    scene.addon.account().connect();
    scene.deliver(&scene.outgoing("anybody?")).await.expect("sent");
    assert_eq!(scene.said().len(), 1);
}

#[tokio::test]
async fn a_500_after_having_sent_makes_no_second_message() {
    for fault in [Fault::Status500After, Fault::DropAfter, Fault::Truncated] {
        let scene = scene().await;
        let mut outgoing = scene.outgoing("did it arrive?");
        for route in [Route::SendMessage, Route::SendImage] {
            let sending = scene.first(&outgoing);
            scene.addon.faults().on(route).next(1, fault.clone());
            ambiguous(&scene, &sending).await;
            let ids = arrived(scene.driver.reconcile(&sending, &[]).await);
            let said = scene.said().pop().expect("there");
            assert_eq!(ids, [MessageId::new(&said.id).expect("an id")], "{fault:?} {route:?}");
            outgoing.attachments = vec![image(&scene).await];
        }
        assert_eq!(scene.said().len(), 2);
    }
}

#[tokio::test]
async fn what_was_kept_from_being_a_command_is_found_again() {
    for text in [".kick @491700000002", "help", "hello\n$ban"] {
        let scene = scene().await;
        let sending = scene.first(&scene.outgoing(text));
        scene.addon.faults().on(Route::SendMessage).next(1, Fault::DropAfter);
        ambiguous(&scene, &sending).await;
        let found = arrived(scene.driver.reconcile(&sending, &[]).await);
        assert_eq!(found, [MessageId::new(&scene.said()[0].id).expect("an id")], "{text}");
    }
}

#[tokio::test]
async fn a_message_is_found_also_after_much_was_said() {
    let scene = scene().await;
    let sending = scene.first(&scene.outgoing("did it arrive?"));
    scene.addon.faults().on(Route::SendMessage).next(1, Fault::DropAfter);
    ambiguous(&scene, &sending).await;
    for number in 0..100 {
        scene.addon.text(&scene.alice.jid(), &scene.alice, &format!("and another thing: {number}"));
    }
    let found = arrived(scene.driver.reconcile(&sending, &[]).await);
    assert_eq!(found, [MessageId::new(&scene.said()[0].id).expect("an id")]);
}

#[tokio::test]
async fn a_500_before_anything_was_sent_is_found_missing() {
    let scene = scene().await;
    // The same was said before, but not by this send: it is known.
    let sent = scene.deliver(&scene.outgoing("again")).await.expect("sent");
    scene.known.add(sent[0].ids[0].clone());
    let sending = on_its_way(
        &tieline_core::send::Outgoing { delivery: DeliveryId(2), ..scene.outgoing("again") },
        scene.driver.cut(&scene.outgoing("again")).expect("cut").remove(0),
        0,
        &[],
    );
    scene.addon.faults().on(Route::SendMessage).next(1, Fault::Status500);
    ambiguous(&scene, &sending).await;
    assert_eq!(scene.driver.reconcile(&sending, &[]).await, Ok(Reconciled::Missing));
    scene.driver.send(&sending).await.expect("sent");
    assert_eq!(scene.said().len(), 2);
}

#[tokio::test]
async fn a_refused_token_waits_for_its_operator() {
    let scene = scene().await;
    let _running = scene.run().await;
    scene.health.wait_until_ready().await;
    scene.addon.set_token("another");
    let ended = scene.deliver(&scene.outgoing("who are we?")).await;
    let Err(SendError::Retryable { reason, trouble: Trouble::Credentials, .. }) = ended else { panic!("{ended:?}") };
    assert!(reason.contains("`api_token`"), "{reason}");
    scene.health.wait_for(|health| matches!(health, Health::Failing(why) if why.contains("`api_token`"))).await;
}

#[tokio::test]
async fn a_held_echo_is_enough_although_the_outbox_knows_it() {
    let script = WhatsAppScript { echo: Echo::BeforeAnswer, ..WhatsAppScript::default() };
    let scene = scene_with(script, serde_json::json!({})).await;
    let _running = scene.run().await;
    scene.addon.faults().on(Route::ChatMessages).always(Fault::Status500);
    let file = image(&scene).await;
    for (text, files) in [("*bold* or not", vec![]), ("with a file", vec![file.clone()]), ("", vec![file])] {
        let mut outgoing = scene.outgoing_to(GROUP, text);
        outgoing.attachments = files;
        let sending = scene.first(&outgoing);
        scene.addon.faults().on(Route::SendMessage).next(1, Fault::DropAfter);
        scene.addon.faults().on(Route::SendImage).next(1, Fault::DropAfter);
        ambiguous(&scene, &sending).await;
        let wanted = scene.said_in(GROUP).pop().expect("there").id;
        let echo = scene.inbound.wait_for(|event| event.message_id.as_str() == wanted).await;
        scene.known.add(echo.message_id.clone());
        let held: Vec<_> = scene.inbound.events();
        assert_eq!(arrived(scene.driver.reconcile(&sending, &held).await), [echo.message_id]);
        scene.addon.faults().on(Route::SendMessage).clear();
        scene.addon.faults().on(Route::SendImage).clear();
    }
}

#[tokio::test]
async fn an_echo_that_comes_between_the_looks_is_seen_at_the_next() {
    let scene = scene().await;
    let _running = scene.run().await;
    let sending = scene.first(&scene.outgoing("just now"));
    scene.addon.faults().on(Route::SendMessage).next(1, Fault::DropAfter);
    ambiguous(&scene, &sending).await;
    let id = scene.said()[0].id.clone();
    let echo = scene.inbound.wait_for(|event| event.message_id.as_str() == id).await;
    // The outbox holds it, so it is known; but the held events were read before.
    scene.known.add(echo.message_id.clone());
    let first = scene.driver.reconcile(&sending, &[]).await;
    assert!(matches!(first, Err(SendError::Retryable { trouble: Trouble::Other, .. })), "{first:?}");
    let held = [echo];
    let found = arrived(scene.driver.reconcile(&sending, &held).await);
    assert_eq!(found.first(), Some(&held[0].message_id));
}

#[tokio::test]
async fn what_the_owner_said_is_not_taken_for_ours() {
    let scene = scene().await;
    let id = scene.addon.own(&scene.alice.jid(), Message::text("ok"));
    scene.known.add(MessageId::new(&id).expect("an id"));
    let sending = scene.first(&scene.outgoing("ok"));
    scene.addon.faults().on(Route::SendMessage).next(1, Fault::DropBefore);
    ambiguous(&scene, &sending).await;
    let first = scene.driver.reconcile(&sending, &[]).await;
    assert!(matches!(first, Err(SendError::Retryable { .. })), "it might be held: {first:?}");
    assert_eq!(scene.driver.reconcile(&sending, &[]).await, Ok(Reconciled::Missing));
}

#[tokio::test]
async fn two_that_say_the_same_get_a_message_each() {
    let scene = scene().await;
    let of = |delivery| {
        let outgoing = tieline_core::send::Outgoing { delivery: DeliveryId(delivery), ..scene.outgoing("same") };
        scene.first(&outgoing)
    };
    let (one, two, three) = (of(1), of(2), of(3));
    scene.addon.faults().on(Route::SendMessage).next(2, Fault::DropAfter);
    ambiguous(&scene, &one).await;
    ambiguous(&scene, &two).await;
    scene.addon.faults().on(Route::SendMessage).next(1, Fault::DropBefore);
    ambiguous(&scene, &three).await;
    let found = [
        arrived(scene.driver.reconcile(&one, &[]).await).remove(0),
        arrived(scene.driver.reconcile(&two, &[]).await).remove(0),
    ];
    assert_ne!(found[0], found[1]);
    assert_eq!(scene.driver.reconcile(&three, &[]).await, Ok(Reconciled::Missing));
    assert_eq!(arrived(scene.driver.reconcile(&one, &[]).await), [found[0].clone()], "and the same one again");
}

#[tokio::test]
async fn another_file_of_the_same_name_is_not_ours() {
    let scene = scene().await;
    let mut outgoing = scene.outgoing("");
    outgoing.attachments = vec![scene.file(AttachmentKind::Image, "cat.png", "image/png", &b"old bytes"[..]).await];
    scene.deliver(&outgoing).await.expect("sent");
    let mut outgoing = tieline_core::send::Outgoing { delivery: DeliveryId(2), ..outgoing };
    outgoing.attachments = vec![image(&scene).await];
    let sending = scene.first(&outgoing);
    scene.addon.faults().on(Route::SendImage).next(1, Fault::Status500);
    ambiguous(&scene, &sending).await;
    assert_eq!(scene.driver.reconcile(&sending, &[]).await, Ok(Reconciled::Missing));
}

#[tokio::test]
async fn nothing_is_missing_before_the_account_is_connected_and_shows_its_messages() {
    let scene = scene().await;
    let sending = scene.first(&scene.outgoing("well?"));
    scene.addon.faults().on(Route::SendMessage).next(1, Fault::DropBefore);
    ambiguous(&scene, &sending).await;
    scene.addon.account().disconnect();
    let found = scene.driver.reconcile(&sending, &[]).await;
    assert!(matches!(found, Err(SendError::Retryable { trouble: Trouble::Unreachable, .. })), "{found:?}");
    scene.addon.account().connect();
    scene.addon.faults().on(Route::ChatMessages).next(1, Fault::Status500);
    let found = scene.driver.reconcile(&sending, &[]).await;
    assert!(matches!(found, Err(SendError::Ambiguous { .. })), "{found:?}");
    scene.addon.close_port().await;
    let found = scene.driver.reconcile(&sending, &[]).await;
    assert!(matches!(found, Err(SendError::Retryable { .. })), "{found:?}");
    scene.addon.open_port().await.expect("the port is free");
    assert_eq!(scene.driver.reconcile(&sending, &[]).await, Ok(Reconciled::Missing));
}

#[tokio::test]
async fn a_file_whose_connection_broke_may_still_be_on_its_way() {
    let scene = scene().await;
    let mut outgoing = scene.outgoing("");
    outgoing.attachments = vec![image(&scene).await];
    let sending = scene.first(&outgoing);
    scene.addon.faults().on(Route::SendImage).next(1, Fault::DropBefore);
    ambiguous(&scene, &sending).await;
    let found = scene.driver.reconcile(&sending, &[]).await;
    assert!(matches!(found, Err(SendError::Retryable { after: Some(_), .. })), "{found:?}");
}
