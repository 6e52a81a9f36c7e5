//! Webhooks and `/events`: when they come, how often, and what they leave open.

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use tieline_testkit::FixedClock;
use tieline_testkit::whatsapp::{Echo, Fault, Group, Message, Route, WebhookScript, WhatsAppScript};

use crate::whatsapp_client::{ALICE, GROUP, alice, bob, fixture, get, post, raw, rig, script, take_webhooks};

#[tokio::test]
async fn sockets_stay_open_until_the_receiver_closes_them() {
    let fake = rig(script()).await;
    for (close, open) in [(false, 3), (true, 0)] {
        let before = fake.webhooks().len();
        let receiver = take_webhooks(&fake, close).await;
        for _ in 0..3 {
            fake.text(ALICE, &alice(), "hi");
        }
        fake.wait_for_answered_webhooks(before + 3).await;
        fake.wait_until(|fake| fake.open_webhook_sockets() == open).await;
        drop(receiver);
        fake.wait_until(|fake| fake.open_webhook_sockets() == 0).await;
    }
}

#[tokio::test]
async fn nothing_is_called_twice_and_what_was_not_taken_is_lost() {
    let fake = rig(script()).await;
    let receiver = take_webhooks(&fake, true).await;
    drop(receiver);
    let lost = fake.text(ALICE, &alice(), "nobody listens");
    let call = fake.wait_for_webhook(|call| call.id == lost && call.failed.is_some()).await;
    assert_eq!(call.status, None);
    fake.set_webhook(Some(WebhookScript { url: "http://[::1]:9/webhook".to_owned(), token: String::new() }));
    let lost = fake.text(ALICE, &alice(), "brackets");
    fake.wait_for_webhook(|call| call.id == lost && call.failed.is_some()).await;
    let _receiver = take_webhooks(&fake, true).await;
    let came = fake.text(ALICE, &alice(), "somebody does");
    fake.wait_for_webhook(|call| call.id == came && call.status == Some(200)).await;
    assert_eq!(fake.webhooks().len(), 3);
    assert_eq!(get(&fake, "/events").await.1.as_array().unwrap().len(), 3, "the queue has them all");
}

#[tokio::test]
async fn a_message_is_told_once_in_a_quarter_of_an_hour() {
    let clock = Arc::new(FixedClock::default());
    let fake = rig(WhatsAppScript { clock: clock.clone(), ..script() }).await;
    let _receiver = take_webhooks(&fake, true).await;
    let id = fake.text(ALICE, &alice(), "hi");
    fake.account().resend(&id);
    assert_eq!(fake.webhooks().len(), 1);
    clock.advance(Duration::from_mins(15));
    fake.account().resend(&id);
    assert_eq!(fake.webhooks().len(), 2);
    fake.account().resend(&id);
    fake.forget();
    fake.account().resend(&id);
    assert_eq!(fake.webhooks().len(), 3, "what it had seen is gone with the process");
}

#[tokio::test]
async fn what_was_missed_arrives_at_the_reconnect_as_old_as_it_is() {
    let clock = Arc::new(FixedClock::default());
    let fake = rig(WhatsAppScript { clock: clock.clone(), ..script() }).await;
    let _receiver = take_webhooks(&fake, true).await;
    let account = fake.account();
    account.disconnect();
    let old = account.text(ALICE, &alice(), "old");
    clock.advance(Duration::from_secs(3 * 60 * 60 + 1));
    let young = account.text(ALICE, &alice(), "young");
    assert!(fake.webhooks().is_empty());
    assert_eq!(account.messages(ALICE).len(), 2, "the phones show it");
    account.connect();
    let told: Vec<_> = fake.webhooks().into_iter().map(|call| call.id).collect();
    assert_eq!(told, [old, young.clone()]);
    assert_eq!(fake.webhooks()[0].body["raw"]["messageTimestamp"], 1_772_359_200);
    let (_, events) = get(&fake, "/events").await;
    assert_eq!((&events[0], &events[1]["id"]), (&Value::Null, &json!(young)), "three hours and more become null");
}

#[tokio::test]
async fn a_slow_download_lets_a_later_text_pass() {
    let fake = rig(script()).await;
    let _receiver = take_webhooks(&fake, true).await;
    let photo = fake.say(ALICE, &alice(), Message::image("image/png", "x").held());
    let text = fake.text(ALICE, &alice(), "did you get it?");
    fake.wait_for_webhook(|call| call.id == text).await;
    assert_eq!(fake.webhooks().len(), 1);
    fake.release(&photo);
    fake.wait_for_webhook(|call| call.id == photo).await;
}

#[tokio::test]
async fn the_echo_comes_when_the_script_says() {
    let fake = rig(WhatsAppScript { echo: Echo::BeforeAnswer, ..script() }).await;
    let _receiver = take_webhooks(&fake, true).await;
    let body = json!({ "number": GROUP, "message": "hi" });
    let (_, answer) = post(&fake, "/send_message", &body).await;
    let call = &fake.webhooks()[0];
    assert_eq!((&answer["id"], call.status), (&json!(call.id), Some(200)), "answered before we were");
    fake.set_echo(Echo::ByHand);
    let (_, held) = post(&fake, "/send_message", &body).await;
    fake.set_echo(Echo::Off);
    post(&fake, "/send_message", &body).await;
    assert_eq!(fake.webhooks().len(), 1);
    fake.release_echoes();
    fake.wait_for_webhook(|call| held["id"] == *call.id).await;
    assert_eq!(fake.webhooks().len(), 2);
    assert_eq!(fake.account().messages(GROUP).len(), 3);
    fake.set_echo(Echo::Free);
    let unasked = fake.account().unasked(ALICE, "Welcome!");
    let told = fake.wait_for_webhook(|call| call.id == unasked).await;
    assert_eq!(told.body["raw"]["key"]["fromMe"], true);
}

#[tokio::test]
async fn what_changes_a_message_is_told_to_nobody() {
    let fake = rig(script()).await;
    let _receiver = take_webhooks(&fake, true).await;
    let account = fake.account();
    let id = account.text(ALICE, &alice(), "hi");
    account.edit(&id, "hello");
    account.react(&alice(), &id, "👍");
    account.delete(&id);
    account.text("status@broadcast", &alice(), "my story");
    let shown = account.message(&id).unwrap();
    assert_eq!((&*shown.text, shown.edited, shown.revoked), ("hello", true, true));
    assert_eq!(fake.webhooks().len(), 1, "a webhook is noted as soon as it is begun");
    assert_eq!(account.chats(), [(ALICE.to_owned(), "Alice".to_owned())]);
}

#[tokio::test]
async fn in_a_group_by_lid_members_and_the_owner_are_named_by_lid() {
    let fake = rig(script()).await;
    let group = Group::new(GROUP, "Rig Group", &[&alice(), &bob()]).by_lid();
    fake.account().add_group(group);
    let (_, info) = get(&fake, &format!("/groups/info?jid={GROUP}")).await;
    let member = json!({ "id": "222000000000001@lid", "phoneNumber": ALICE, "admin": "superadmin" });
    assert_eq!((&info["addressingMode"], &info["participants"][0]), (&json!("lid"), &member));
    fake.text(GROUP, &alice(), "hi");
    fake.own(GROUP, Message::text("hello"));
    let (_, events) = get(&fake, "/events").await;
    let keys = json!([events[0]["raw"]["key"]["participantAlt"], events[1]["raw"]["key"]["participantAlt"]]);
    assert_eq!(keys, json!([ALICE, "491555000001@s.whatsapp.net"]));
    assert_eq!((&events[0]["sender"], &events[0]["sender_number"]), (&member["id"], &json!("222000000000001")));
    assert_eq!(events[0]["is_group_admin"], true, "known by either id");
    assert_eq!(events[1]["sender"], "222000000000999@lid");
}

#[tokio::test]
async fn an_answer_that_is_lost_takes_its_events_along() {
    let fake = rig(script()).await;
    fake.text(ALICE, &alice(), "hi");
    fake.faults().on(Route::Events).next(1, Fault::DropAfter);
    assert!(raw(&fake, Method::GET, "/events", "application/json", "").await.is_err());
    assert_eq!(get(&fake, "/events").await.1, json!([]));
}

#[tokio::test]
async fn a_given_payload_is_told_as_it_is() {
    let fake = rig(script()).await;
    let _receiver = take_webhooks(&fake, true).await;
    let payload = fixture("second_session_text");
    fake.emit_raw(payload.clone());
    let id = payload["id"].as_str().unwrap();
    assert_eq!(fake.wait_for_webhook(|call| call.status == Some(200)).await.body, payload);
    assert_eq!(get(&fake, "/events?session_id=work").await.1, json!([payload]));
    let body = json!({ "number": ALICE, "message": "x", "quotedMessageId": id, "session_id": "work" });
    post(&fake, "/send_message", &body).await;
    assert_eq!(fake.sent()[0].quoted.as_deref(), Some(id));
}
