//! What became of sends whose answers were lost.

use jiff::SignedDuration;
use serde_json::json;
use tieline_core::id::{DeliveryId, MessageId};
use tieline_core::send::{Outgoing, Reconciled, SendError, Sending};
use tieline_testkit::discord::{DiscordScript, Fault, Permission, Post, Route};

use crate::scene::{Scene, scene, scene_with};

/// Sends, and the answer is lost.
async fn lose(scene: &Scene, sending: &Sending) {
    let ended = scene.driver.send(sending).await;
    assert!(matches!(ended, Err(SendError::Ambiguous { .. })), "{ended:?}");
}

async fn found(scene: &Scene, sending: &Sending) -> MessageId {
    match scene.driver.reconcile(sending, &[]).await {
        Ok(Reconciled::Arrived(sent)) => sent.ids[0].clone(),
        other => panic!("it arrived, and is said to be {other:?}"),
    }
}

fn ids(scene: &Scene) -> Vec<MessageId> {
    scene.said().into_iter().map(|message| MessageId::new(&message.id.to_string()).expect("an id")).collect()
}

fn numbered(scene: &Scene, delivery: i64, text: &str) -> Sending {
    scene.first(&Outgoing { delivery: DeliveryId(delivery), ..scene.outgoing(text) })
}

fn bot() -> serde_json::Value {
    json!({ "send_method": "bot" })
}

#[tokio::test]
async fn a_webhooks_message_is_found_in_the_history() {
    let scene = scene().await;
    for fault in [Fault::DropAfter, Fault::BadGatewayAfter, Fault::Truncated] {
        scene.discord.faults().on(Route::ExecuteWebhook).next(1, fault);
        let sending = numbered(&scene, 1, "**did** it  arrive?");
        lose(&scene, &sending).await;
        let id = found(&scene, &sending).await;
        assert_eq!(Some(&id), ids(&scene).last());
        scene.known.add(id);
    }
    scene.discord.faults().on(Route::ExecuteWebhook).next(1, Fault::DropAfter);
    let sending = numbered(&scene, 3, "↪ looks like\nwhat we write");
    lose(&scene, &sending).await;
    assert_eq!(Some(&found(&scene, &sending).await), ids(&scene).last());
    scene.discord.faults().on(Route::ExecuteWebhook).next(1, Fault::DropBefore);
    let sending = numbered(&scene, 2, "**did** it  arrive?");
    lose(&scene, &sending).await;
    assert_eq!(scene.driver.reconcile(&sending, &[]).await, Ok(Reconciled::Missing));
}

#[tokio::test]
async fn two_sends_of_one_text_find_a_message_each() {
    let scene = scene().await;
    let (first, second) = (numbered(&scene, 1, "same"), numbered(&scene, 2, "same"));
    for sending in [&first, &second] {
        scene.discord.faults().on(Route::ExecuteWebhook).next(1, Fault::DropAfter);
        lose(&scene, sending).await;
    }
    let found = [found(&scene, &first).await, found(&scene, &second).await];
    assert_eq!(found.to_vec(), ids(&scene));
    assert_eq!(
        scene.driver.reconcile(&numbered(&scene, 3, "same"), &[]).await,
        Ok(Reconciled::Missing),
        "there is none left"
    );
}

#[tokio::test]
async fn others_messages_with_the_same_text_are_not_ours() {
    let scene = scene().await;
    let foreign = scene.discord.add_webhook(scene.channel, scene.ann, "Bob");
    scene.discord.faults().on(Route::ExecuteWebhook).next(1, Fault::DropBefore);
    let sending = numbered(&scene, 1, "same");
    lose(&scene, &sending).await;
    scene.discord.person_writes(scene.channel, scene.ann, "same");
    scene.discord.webhook_says(&foreign, None, Post::text("same"));
    assert_eq!(scene.driver.reconcile(&sending, &[]).await, Ok(Reconciled::Missing));
}

#[tokio::test]
async fn a_message_is_found_behind_a_lot_of_others() {
    let scene = scene().await;
    let sending = numbered(&scene, 1, "needle");
    for n in 0..130 {
        scene.discord.person_writes(scene.channel, scene.ann, &format!("hay {n}"));
    }
    scene.discord.faults().on(Route::ExecuteWebhook).next(1, Fault::DropAfter);
    lose(&scene, &sending).await;
    for n in 0..130 {
        scene.discord.person_writes(scene.channel, scene.ann, &format!("hay {n}"));
    }
    assert_eq!(vec![found(&scene, &sending).await], ids(&scene));
}

#[tokio::test]
async fn files_tell_messages_apart() {
    let scene = scene().await;
    let with_file = async |size: usize| {
        let kind = tieline_core::event::AttachmentKind::Image;
        let mut outgoing = scene.outgoing("");
        outgoing.attachments = vec![scene.file(kind, "a b.png", "image/png", vec![1; size]).await];
        scene.first(&outgoing)
    };
    let (small, large) = (with_file(10).await, with_file(20).await);
    for sending in [&large, &small] {
        scene.discord.faults().on(Route::ExecuteWebhook).next(1, Fault::DropAfter);
        lose(&scene, sending).await;
    }
    let all = ids(&scene);
    assert_eq!([found(&scene, &small).await, found(&scene, &large).await].as_slice(), [&all[1..], &all[..1]].concat());
}

#[tokio::test]
async fn where_the_history_is_closed_nobody_can_tell() {
    let scene = scene().await;
    scene.discord.faults().on(Route::ExecuteWebhook).next(1, Fault::DropAfter);
    let sending = numbered(&scene, 1, "hello");
    lose(&scene, &sending).await;
    scene.discord.deny(scene.bot.user, scene.channel, Permission::ReadMessageHistory);
    scene.discord.deny(scene.bot.user, scene.channel, Permission::ViewChannel);
    assert_eq!(scene.driver.reconcile(&sending, &[]).await, Ok(Reconciled::Unknowable));
}

#[tokio::test]
async fn what_a_webhook_answers_does_not_hide_its_message() {
    let settings = json!({ "send_replies_as_bot": false });
    let scene = scene_with(DiscordScript::unlimited(), settings).await;
    let asked = scene.discord.person_writes(scene.channel, scene.ann, "who?");
    let mut outgoing = scene.outgoing("me");
    outgoing.reply_to = MessageId::new(&asked.to_string()).ok();
    let (guild, channel) = (scene.guild.to_string(), scene.channel.to_string());
    let with_server = [("channel_id", channel.as_str()), ("server_id", guild.as_str())];
    outgoing.target = tieline_core::address::Address::of(with_server);
    scene.discord.faults().on(Route::ExecuteWebhook).next(1, Fault::DropAfter);
    let sending = scene.first(&outgoing);
    lose(&scene, &sending).await;
    assert_eq!(vec![found(&scene, &sending).await], ids(&scene));
}

#[tokio::test]
async fn a_bots_repeat_becomes_the_same_message_where_nobody_can_look() {
    let scene = scene_with(DiscordScript::unlimited(), bot()).await;
    scene.discord.faults().on(Route::CreateMessage).next(1, Fault::BadGatewayAfter);
    let mut sending = scene.first(&scene.outgoing("hello"));
    lose(&scene, &sending).await;
    scene.discord.deny(scene.bot.user, scene.channel, Permission::ReadMessageHistory);
    assert_eq!(scene.driver.reconcile(&sending, &[]).await, Ok(Reconciled::Missing), "the repeat is safe");
    let sent = scene.driver.send(&sending).await.expect("it is there already");
    assert_eq!(sent.ids, ids(&scene));
    sending.since = sending.since.checked_sub(SignedDuration::from_mins(30)).expect("a time");
    assert_eq!(scene.driver.reconcile(&sending, &[]).await, Ok(Reconciled::Unknowable), "and later it is not");
}

#[tokio::test]
async fn a_bots_repeat_after_the_nonce_is_forgotten_looks_first() {
    let scene = scene_with(DiscordScript::unlimited(), bot()).await;
    scene.discord.faults().on(Route::CreateMessage).next(1, Fault::DropAfter);
    let mut sending = scene.first(&scene.outgoing("hello"));
    lose(&scene, &sending).await;
    sending.since = sending.since.checked_sub(SignedDuration::from_mins(30)).expect("a time");
    let sent = scene.driver.send(&sending).await.expect("it is found");
    assert_eq!((&sent.ids, scene.discord.requests_to(Route::CreateMessage).len()), (&ids(&scene), 1));
    let mut next = scene.first(&Outgoing { delivery: DeliveryId(2), ..scene.outgoing("hello") });
    next.since = sending.since;
    assert_eq!(scene.driver.reconcile(&next, &[]).await, Ok(Reconciled::Missing), "that one is another send's");
}

#[tokio::test]
async fn a_clock_that_was_set_back_hides_no_message() {
    for (settings, route) in [(json!({}), Route::ExecuteWebhook), (bot(), Route::CreateMessage)] {
        let scene = scene_with(DiscordScript::unlimited(), settings).await;
        scene.discord.faults().on(route).next(1, Fault::DropAfter);
        let mut sending = scene.first(&scene.outgoing("hello"));
        lose(&scene, &sending).await;
        sending.since = sending.since.checked_add(SignedDuration::from_hours(1)).expect("a time");
        assert_eq!(vec![found(&scene, &sending).await], ids(&scene));
    }
    let scene = scene_with(DiscordScript::unlimited(), bot()).await;
    scene.discord.faults().on(Route::CreateMessage).next(1, Fault::DropAfter);
    let mut sending = scene.first(&scene.outgoing("hello"));
    lose(&scene, &sending).await;
    sending.since = sending.since.checked_add(SignedDuration::from_hours(1)).expect("a time");
    scene.driver.send(&sending).await.expect("it is found");
    assert_eq!(scene.discord.requests_to(Route::CreateMessage).len(), 1, "the nonce may be forgotten");
}

#[tokio::test]
async fn two_sends_of_the_bot_with_one_text_find_a_message_each() {
    let scene = scene_with(DiscordScript::unlimited(), bot()).await;
    let lost = numbered(&scene, 1, "same");
    scene.discord.faults().on(Route::CreateMessage).next(1, Fault::DropBefore);
    lose(&scene, &lost).await;
    let delay = Fault::Delay(std::time::Duration::from_millis(300));
    scene.discord.faults().on(Route::CreateMessage).next(1, delay);
    let other = numbered(&scene, 2, "same");
    let (sent, looked) = tokio::join!(scene.driver.send(&other), scene.driver.reconcile(&lost, &[]));
    assert_eq!(sent.expect("it is sent").ids, ids(&scene));
    assert_eq!(looked, Ok(Reconciled::Missing), "that one is the other's");
}

#[tokio::test]
async fn an_answer_is_found_whoever_gave_it() {
    let scene = scene().await;
    let asked = scene.discord.person_writes(scene.channel, scene.ann, "who?");
    let mut outgoing = scene.outgoing("me");
    outgoing.reply_to = MessageId::new(&asked.to_string()).ok();
    scene.discord.faults().on(Route::CreateMessage).next(1, Fault::DropAfter);
    let by_bot = scene.first(&outgoing);
    lose(&scene, &by_bot).await;
    assert_eq!(vec![found(&scene, &by_bot).await], ids(&scene));
    scene.discord.deny(scene.bot.user, scene.channel, Permission::SendMessages);
    scene.discord.faults().on(Route::ExecuteWebhook).next(1, Fault::DropAfter);
    let by_webhook = scene.first(&Outgoing { delivery: DeliveryId(2), ..outgoing });
    lose(&scene, &by_webhook).await;
    assert_eq!(Some(&found(&scene, &by_webhook).await), ids(&scene).last());
}

#[tokio::test]
async fn the_bots_answer_is_found_where_there_can_be_no_webhook() {
    let scene = scene().await;
    let asked = scene.discord.person_writes(scene.channel, scene.ann, "who?");
    let mut outgoing = scene.outgoing("me");
    outgoing.reply_to = MessageId::new(&asked.to_string()).ok();
    scene.discord.deny(scene.bot.user, scene.channel, Permission::ManageWebhooks);
    scene.discord.faults().on(Route::CreateMessage).next(1, Fault::DropAfter);
    let sending = scene.first(&outgoing);
    lose(&scene, &sending).await;
    assert_eq!(vec![found(&scene, &sending).await], ids(&scene));
}

#[tokio::test]
async fn an_echo_that_is_held_is_found_without_the_history() {
    let scene = scene().await;
    let _running = scene.run().await;
    let asked = scene.discord.person_writes(scene.channel, scene.ann, "who?");
    let guild = scene.guild.to_string();
    let channel = scene.channel.to_string();
    let mut outgoing = scene.outgoing("**me** & you");
    outgoing.target =
        tieline_core::address::Address::of([("channel_id", channel.as_str()), ("server_id", guild.as_str())]);
    outgoing.reply_to = MessageId::new(&asked.to_string()).ok();
    scene.discord.deny(scene.bot.user, scene.channel, Permission::SendMessages);
    scene.discord.faults().on(Route::ExecuteWebhook).next(1, Fault::DropAfter);
    let sending = scene.first(&outgoing);
    lose(&scene, &sending).await;
    let id = ids(&scene).remove(0);
    let echo = scene.inbound.wait_for(|event| event.message_id == id).await;
    scene.discord.deny(scene.bot.user, scene.channel, Permission::ReadMessageHistory);
    let others = scene.inbound.events();
    assert_eq!(scene.driver.reconcile(&sending, &others[..1]).await, Ok(Reconciled::Unknowable));
    let Ok(Reconciled::Arrived(sent)) = scene.driver.reconcile(&sending, &[others[0].clone(), echo]).await else {
        panic!("it is among the held ones")
    };
    assert_eq!(sent.ids, [id]);
}
