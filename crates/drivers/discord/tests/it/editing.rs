//! Edits, as Discord shows them, and how they end.

use serde_json::json;
use tieline_core::address::Address;
use tieline_core::event::AttachmentKind;
use tieline_core::id::MessageId;
use tieline_core::send::{Action, Copied, CutError, Outgoing, Reconciled};
use tieline_testkit::discord::{ChannelKind, DiscordScript, Fault, Route};

use crate::change_scene::{
    by_bot, by_the_next_process, copies, delete, edit, impossible, lose, original, react, sent, texts,
};
use crate::scene::{scene, scene_with};

#[tokio::test]
async fn a_copy_is_edited_by_whoever_sent_it_and_calls_nobody() {
    for settings in [json!({}), by_bot()] {
        let mut scene = scene_with(DiscordScript::unlimited(), settings).await;
        let copies = sent(&scene, "good mornign").await;
        let edit = edit(&scene, &format!("good morning @everyone <@{}>", scene.ann), copies);
        let sent = by_the_next_process(&mut scene, &edit).await.expect("it is edited");
        assert!(sent[0].ids.is_empty() && sent[0].gone.is_empty(), "{sent:?}");
        let [message] = &scene.said()[..] else { panic!("one message") };
        assert!(message.content.contains("good morning") && message.edited.is_some(), "{message:?}");
        assert!(message.pinged.is_empty(), "{message:?}");
        assert_eq!(message.content.starts_with("Bob: "), message.webhook_id.is_none(), "the bot says whose it is");
    }
}

#[tokio::test]
async fn a_name_that_had_to_stand_in_the_text_stays_there() {
    let scene = scene().await;
    let errors = json!({ "username": { "_errors": [{ "code": "USERNAME_INVALID", "message": "x" }] } });
    let body = json!({ "code": 50035, "message": "No", "errors": errors }).to_string();
    scene.discord.faults().on(Route::ExecuteWebhook).next(1, Fault::Answer { status: 400, body });
    let copies = sent(&scene, "hello").await;
    scene.deliver(&edit(&scene, "hallo", copies)).await.expect("it is edited");
    assert_eq!(texts(&scene.said()), ["Bob: hallo"]);
}

#[tokio::test]
async fn a_copy_in_a_thread_is_edited_and_deleted_there() {
    let scene = scene().await;
    let forum = scene.discord.add_channel(scene.guild, ChannelKind::Forum, "help");
    let post = scene.discord.add_thread(forum, scene.ann, "my problem");
    for thread in [scene.discord.add_thread(scene.channel, scene.ann, "aside"), post] {
        let said = scene.deliver(&scene.outgoing_to(thread, "in here")).await.expect("it is sent");
        let copies = copies(&said);
        let edit = Outgoing { action: Action::Edit(copies.clone()), ..scene.outgoing_to(thread, "in there") };
        scene.deliver(&edit).await.expect("it is edited");
        assert_eq!(texts(&scene.said_in(thread)), ["in there"]);
        let delete = Outgoing { action: Action::Delete(copies), ..scene.outgoing_to(thread, "") };
        scene.deliver(&delete).await.expect("it is deleted");
        assert_eq!(scene.said_in(thread), []);
    }
    assert!(scene.discord.requests_to(Route::DeleteMessage).is_empty(), "the webhook did it");
}

#[tokio::test]
async fn a_long_text_that_becomes_short_leaves_its_messages_and_grows_again() {
    let scene = scene().await;
    let long = |word: &str| format!("{word} ").repeat(900);
    let said = scene.deliver(&scene.outgoing(&long("old"))).await.expect("it is sent");
    let first = copies(&said);
    assert_eq!(first.len(), 2);
    let short = scene.deliver(&edit(&scene, "short", first.clone())).await.expect("it is edited");
    assert_eq!(texts(&scene.said()), ["short"]);
    let gone: Vec<_> = short.iter().flat_map(|sent| sent.gone.clone()).collect();
    assert_eq!(gone, [first[1].id.clone()]);
    let again = scene.deliver(&edit(&scene, &long("new"), vec![first[0].clone()])).await.expect("it is edited");
    let said = scene.said();
    assert!(said.len() == 2 && said.iter().all(|message| message.content.contains("new")), "{said:?}");
    assert_eq!(again.iter().map(|sent| sent.ids.len()).sum::<usize>(), 1, "one joined the copy");
    assert!(again.last().expect("a part").how.is_some());
}

#[tokio::test]
async fn files_stay_when_their_caption_changes_or_goes() {
    let scene = scene().await;
    let mut outgoing = scene.outgoing(&"word ".repeat(500));
    outgoing.attachments = vec![scene.file(AttachmentKind::Image, "cat.png", "image/png", vec![1; 20]).await];
    let copies = copies(&scene.deliver(&outgoing).await.expect("it is sent"));
    assert_eq!(copies.len(), 2);
    scene.deliver(&edit(&scene, "a cat", copies)).await.expect("it is edited");
    let said = scene.said();
    assert_eq!(texts(&said), ["a cat", ""]);
    assert_eq!(said[1].files.len(), 1, "its text went, and the file is there");
}

#[tokio::test]
async fn a_text_that_comes_later_stands_below_the_files() {
    let scene = scene().await;
    let mut outgoing = scene.outgoing("");
    outgoing.attachments = vec![scene.file(AttachmentKind::Image, "cat.png", "image/png", vec![1; 20]).await];
    let sent = scene.deliver(&outgoing).await.expect("it is sent");
    assert!(sent[0].wordless, "{sent:?}");
    scene.deliver(&edit(&scene, "a cat", copies(&sent))).await.expect("it is edited");
    let [message] = &scene.said()[..] else { panic!("one message") };
    assert_eq!((message.content.as_str(), message.files.len()), ("a cat", 1));
}

#[tokio::test]
async fn an_edited_answer_still_leads_to_what_it_answers() {
    let mut scene = scene_with(DiscordScript::unlimited(), json!({ "send_replies_as_bot": false })).await;
    let asked = scene.discord.person_writes(scene.channel, scene.ann, "who?");
    let guild = scene.guild.to_string();
    let target = Address::of([("channel_id", scene.channel.to_string().as_str()), ("server_id", &guild)]);
    let mut outgoing = Outgoing { target, ..scene.outgoing("mee") };
    outgoing.reply_to = MessageId::new(&asked.to_string()).ok();
    let copies = copies(&scene.deliver(&outgoing).await.expect("it is sent"));
    let edit = edit(&scene, "me", copies);
    by_the_next_process(&mut scene, &edit).await.expect("it is edited");
    let link = format!("https://discord.com/channels/{guild}/{}/{asked}", scene.channel);
    assert_eq!(texts(&scene.said()), [format!("-# ↪ <{link}>\nme")]);
}

#[tokio::test]
async fn what_is_gone_cannot_be_edited_and_is_nobodys_to_put_right() {
    for settings in [json!({}), by_bot()] {
        let scene = scene_with(DiscordScript::unlimited(), settings).await;
        let copies = sent(&scene, "hello").await;
        scene.discord.delete(scene.said()[0].id);
        let reason = impossible(scene.deliver(&edit(&scene, "hallo", copies)).await);
        assert!(reason.contains("not there any more"), "{reason}");
        assert_eq!(scene.said(), []);
    }
}

#[tokio::test]
async fn where_the_webhook_is_gone_a_correction_is_said_once() {
    let scene = scene().await;
    let copies = sent(&scene, "good mornign").await;
    scene.discord.delete_webhook(scene.discord.webhooks(scene.channel)[0].id);
    let edit = edit(&scene, "good morning", copies.clone());
    let corrected = scene.deliver(&edit).await.expect("it is corrected");
    assert_eq!(texts(&scene.said()), ["good mornign", "✏️ good morning"]);
    assert_eq!(corrected[0].ids.len(), 1);
    // The next edit takes the correction away for another one, and calls the dead webhook no more.
    let both: Vec<Copied> = copies.into_iter().chain(crate::change_scene::copies(&corrected)).collect();
    scene.deliver(&crate::change_scene::edit(&scene, "a good morning", both)).await.expect("it is corrected");
    assert_eq!(texts(&scene.said()), ["good mornign", "✏️ a good morning"]);
}

#[tokio::test]
async fn a_correction_whose_answer_was_lost_is_found() {
    let scene = scene().await;
    let copies = sent(&scene, "good mornign").await;
    scene.discord.delete_webhook(scene.discord.webhooks(scene.channel)[0].id);
    let sending = scene.first(&edit(&scene, "good morning", copies));
    scene.discord.faults().on(Route::ExecuteWebhook).next(1, Fault::DropAfter);
    lose(&scene, &sending).await;
    let found = scene.driver.reconcile(&sending, &[]).await;
    assert!(matches!(&found, Ok(Reconciled::Arrived(sent)) if sent.ids.len() == 1), "{found:?}");
}

#[tokio::test]
async fn a_change_whose_answer_was_lost_is_made_again() {
    let scene = scene().await;
    let copies = sent(&scene, "hello").await;
    let changes = [
        (Route::EditWebhookMessage, edit(&scene, "hallo", copies.clone())),
        (Route::AddReaction, react(&scene, copies[0].clone(), "👍", true)),
        (Route::DeleteWebhookMessage, delete(&scene, copies)),
    ];
    for (route, change) in changes {
        let sending = scene.first(&change);
        scene.discord.faults().on(route).next(1, Fault::DropAfter);
        lose(&scene, &sending).await;
        assert_eq!(scene.driver.reconcile(&sending, &[]).await, Ok(Reconciled::Missing));
        scene.driver.send(&sending).await.unwrap_or_else(|error| panic!("{route:?}: {error}"));
    }
    assert_eq!(scene.said(), []);
}

#[tokio::test]
async fn a_copy_of_another_version_or_of_nobody_is_not_touched() {
    let scene = scene().await;
    let copies = sent(&scene, "hello").await;
    let unknown: Vec<Copied> = copies.into_iter().map(|copy| Copied { how: None, ..copy }).collect();
    assert!(impossible(scene.deliver(&edit(&scene, "hallo", unknown)).await).contains("not known"));
    let none = scene.driver.cut(&edit(&scene, "hallo", Vec::new()));
    assert!(matches!(none, Err(CutError::Impossible(_))), "{none:?}");
}

#[tokio::test]
async fn a_webhook_of_the_target_edits_and_deletes_without_a_bot() {
    let mut scene = scene().await;
    let webhook = scene.discord.add_webhook(scene.channel, scene.ann, "mine");
    scene.without_bot();
    let target = Address::of([("webhook_url", webhook.url.as_str())]);
    let to = |outgoing: Outgoing| Outgoing { target: target.clone(), ..outgoing };
    let copies = copies(&scene.deliver(&to(scene.outgoing("hello"))).await.expect("it is sent"));
    scene.deliver(&to(edit(&scene, "hallo", copies.clone()))).await.expect("it is edited");
    assert_eq!(texts(&scene.said()), ["hallo"]);
    scene.deliver(&to(delete(&scene, copies.clone()))).await.expect("it is deleted");
    assert_eq!(scene.said(), []);
    for change in [react(&scene, copies[0].clone(), "👍", true), delete(&scene, vec![original(scene.ann)])] {
        let cut = scene.driver.cut(&to(change));
        assert!(matches!(&cut, Err(CutError::Impossible(why)) if why.contains("`bot_token`")), "{cut:?}");
    }
}
