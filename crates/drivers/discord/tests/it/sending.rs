//! What Discord shows of what is sent, and how sends end.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tieline_core::address::Address;
use tieline_core::event::AttachmentKind;
use tieline_core::id::MessageId;
use tieline_core::send::{Outgoing, SendError, Trouble};
use tieline_testkit::discord::{ChannelKind, DiscordScript, FakeMessage, Fault, Permission, Route, Snowflake};
use tieline_testkit::{FakeProxy, RecordingLog};

use crate::scene::{Scene, scene, scene_with};

fn retryable(ended: Result<impl std::fmt::Debug, SendError>) -> (String, Trouble, Option<Duration>) {
    match ended {
        Err(SendError::Retryable { reason, trouble, after }) => (reason, trouble, after),
        other => panic!("it should be tried again, and ended as {other:?}"),
    }
}

fn permanent(ended: Result<impl std::fmt::Debug, SendError>) -> String {
    match ended {
        Err(SendError::Permanent { reason }) => reason,
        other => panic!("it can never arrive, and ended as {other:?}"),
    }
}

fn only(said: Vec<FakeMessage>) -> FakeMessage {
    let [message] = <[FakeMessage; 1]>::try_from(said).unwrap_or_else(|said| panic!("one message, not {said:#?}"));
    message
}

fn to(target: &[(&str, &str)], text: &str, scene: &Scene) -> Outgoing {
    Outgoing { target: Address::of(target.iter().copied()), ..scene.outgoing(text) }
}

fn refusal(status: u16, code: u64, errors: &Value) -> Fault {
    let body = json!({ "code": code, "message": "No", "errors": errors });
    Fault::Answer { status, body: body.to_string() }
}

// === webhooks ===

#[tokio::test]
async fn lanes_that_come_at_once_share_one_webhook_and_the_next_process_finds_it() {
    let scene = scene().await;
    let sends: Vec<_> = (0..6).map(|n| scene.first(&scene.outgoing(&format!("text {n}")))).collect();
    let ended = futures_util::future::join_all(sends.iter().map(|sending| scene.driver.send(sending))).await;
    assert!(ended.iter().all(Result::is_ok), "{ended:?}");
    let next = scene.another_driver();
    next.send(&scene.first(&scene.outgoing("after a restart"))).await.expect("it is sent");
    assert_eq!(scene.said().len(), 7);
    let made = scene.discord.webhooks(scene.channel);
    assert_eq!(made.len(), 1, "{made:?}");
    assert_eq!((made[0].name.as_str(), made[0].application), ("tieline", Some(scene.bot.application)));
}

#[tokio::test]
async fn others_webhooks_are_left_alone() {
    let scene = scene().await;
    let foreign = scene.discord.add_bot("other");
    scene.discord.add_webhook(scene.channel, scene.ann, "a person's");
    scene.discord.add_webhook_of(scene.channel, &foreign, "another bot's");
    scene.deliver(&scene.outgoing("hello")).await.expect("it is sent");
    assert_eq!(scene.discord.webhooks(scene.channel).len(), 3);
    assert_eq!(only(scene.said()).application_id, Some(scene.bot.application));
}

#[tokio::test]
async fn a_webhook_that_was_deleted_is_made_anew_once() {
    let scene = scene().await;
    scene.deliver(&scene.outgoing("one")).await.expect("it is sent");
    scene.discord.delete_webhook(scene.discord.webhooks(scene.channel)[0].id);
    scene.deliver(&scene.outgoing("two")).await.expect("it is sent by a new one");
    let said: Vec<_> = scene.said().into_iter().map(|message| message.content).collect();
    assert_eq!(said, ["one", "two"]);
    assert_eq!(scene.discord.webhooks(scene.channel).len(), 1);
    assert_eq!(scene.discord.requests_to(Route::CreateWebhook).len(), 2);
}

#[tokio::test]
async fn a_dead_webhook_that_a_target_names_is_told_and_not_called_again() {
    let scene = scene().await;
    let webhook = scene.discord.add_webhook(scene.channel, scene.ann, "mine");
    let target = [("webhook_url", webhook.url.as_str())];
    scene.deliver(&to(&target, "one", &scene)).await.expect("it is sent");
    scene.discord.delete_webhook(webhook.id);
    for _ in 0..3 {
        let reason = permanent(scene.deliver(&to(&target, "two", &scene)).await);
        assert!(reason.contains("`webhook_url`") && !reason.contains(&webhook.token), "{reason}");
    }
    assert_eq!(scene.discord.requests_to(Route::ExecuteWebhook).len(), 2, "one of them met the dead one");
}

#[tokio::test]
async fn a_webhook_that_a_target_names_needs_no_bot() {
    let scene = scene_with(DiscordScript::unlimited(), json!({ "bot_token": null })).await;
    let webhook = scene.discord.add_webhook(scene.channel, scene.ann, "mine");
    let thread = scene.discord.add_thread(scene.channel, scene.ann, "aside");
    let sent = scene.deliver(&to(&[("webhook_url", &webhook.url)], "hello", &scene)).await.expect("it is sent");
    assert_eq!(sent[0].channel.as_ref().map(ToString::to_string), Some(scene.channel.to_string()));
    let in_query = format!("{}?thread_id={thread}", webhook.url);
    scene.deliver(&to(&[("webhook_url", &in_query)], "by the query", &scene)).await.expect("it is sent");
    let by_channel = [("channel_id", &*thread.to_string()), ("webhook_url", &*webhook.url)];
    scene.deliver(&to(&by_channel, "by the channel", &scene)).await.expect("it is sent");
    let message = only(scene.said());
    assert_eq!((message.content.as_str(), message.author_name.as_str()), ("hello", "Bob"));
    assert_eq!(scene.said_in(thread).len(), 2);
    assert!(scene.discord.requests().iter().all(|request| !request.headers.contains_key("authorization")));
}

#[tokio::test]
async fn a_thread_and_a_post_are_reached_by_their_parents_webhook() {
    let scene = scene().await;
    let thread = scene.discord.add_thread(scene.channel, scene.ann, "aside");
    let forum = scene.discord.add_channel(scene.guild, ChannelKind::Forum, "help");
    let post = scene.discord.add_thread(forum, scene.ann, "my problem");
    scene.discord.set_archived(thread, true);
    for place in [thread, post, scene.channel] {
        let sent = scene.deliver(&scene.outgoing_to(place, "hello")).await.expect("it is sent");
        assert_eq!(sent[0].channel.as_ref().map(ToString::to_string), Some(place.to_string()));
        assert_eq!(only(scene.said_in(place)).author_name, "Bob");
    }
    assert_eq!(scene.discord.webhooks(scene.channel).len(), 1);
    let reason = permanent(scene.deliver(&scene.outgoing_to(forum, "hello")).await);
    assert!(reason.contains("forum") && reason.contains("`channel_id`"), "{reason}");
    scene.discord.set_locked(post, true);
    assert!(permanent(scene.deliver(&scene.outgoing_to(post, "hello")).await).contains("locked"));
}

// === names ===

#[tokio::test]
async fn a_name_that_discord_refuses_stands_in_the_text() {
    let scene = scene().await;
    let errors = json!({ "username": { "_errors": [{ "code": "USERNAME_INVALID", "message": "x" }] } });
    scene.discord.faults().on(Route::ExecuteWebhook).next(1, refusal(400, 50035, &errors));
    scene.deliver(&scene.outgoing("hello")).await.expect("it is sent");
    let message = only(scene.said());
    assert_eq!((message.content.as_str(), message.author_name.as_str()), ("Bob: hello", "tieline"));
}

#[tokio::test]
async fn a_picture_that_discord_refuses_is_left_out() {
    let scene = scene().await;
    let mut outgoing = scene.outgoing("hello");
    outgoing.keys.insert("webhook_avatar".to_owned(), "https://x.example/a.png".to_owned());
    scene.deliver(&outgoing).await.expect("it is sent");
    let errors = json!({ "avatar_url": { "_errors": [{ "code": "URL_TYPE_INVALID_URL", "message": "x" }] } });
    scene.discord.faults().on(Route::ExecuteWebhook).next(1, refusal(400, 50035, &errors));
    scene.deliver(&outgoing).await.expect("it is sent");
    let said: Vec<_> = scene.said().into_iter().map(|message| (message.author_name, message.avatar)).collect();
    let bob = |avatar: Option<&str>| ("Bob".to_owned(), avatar.map(str::to_owned));
    assert_eq!(said, [bob(Some("https://x.example/a.png")), bob(None)]);
}

#[tokio::test]
async fn names_that_discord_forbids_are_shown_by_look_alikes() {
    let scene = scene().await;
    for title in ["Discord", "clyde", "everyone", "here", "a@b#c:d```e", "\u{200b}dis\u{200b}cord"] {
        let mut outgoing = scene.outgoing("hello");
        outgoing.keys.insert("webhook_title".to_owned(), title.to_owned());
        scene.deliver(&outgoing).await.unwrap_or_else(|error| panic!("{title}: {error}"));
    }
    assert_eq!(scene.discord.requests_to(Route::ExecuteWebhook).len(), 6, "Discord took each at once");
}

// === who is called ===

#[tokio::test]
async fn nobody_is_called_by_what_is_sent() {
    for settings in [json!({}), json!({ "send_method": "bot" })] {
        let scene = scene_with(DiscordScript::unlimited(), settings).await;
        let text = format!("@everyone @here <@{}> <@&{}>", scene.ann, scene.guild);
        scene.deliver(&scene.outgoing(&text)).await.expect("it is sent");
        let message = only(scene.said());
        assert!(message.pinged.is_empty(), "{message:?}");
    }
    let settings = json!({ "send_method": "bot", "allow_mentions_everyone": true });
    let scene = scene_with(DiscordScript::unlimited(), settings).await;
    scene.deliver(&scene.outgoing("@everyone")).await.expect("it is sent");
    assert!(only(scene.said()).pinged.everyone, "where that is allowed");
}

// === answers ===

fn answer(scene: &Scene, text: &str, more: &[(&str, &str)]) -> (Snowflake, Outgoing) {
    let asked = scene.discord.person_writes(scene.channel, scene.ann, "who?");
    let channel = scene.channel.to_string();
    let keys = [("channel_id", channel.as_str())].into_iter().chain(more.iter().copied());
    let mut outgoing = scene.outgoing(text);
    outgoing.target = Address::of(keys);
    outgoing.reply_to = MessageId::new(&asked.to_string()).ok();
    (asked, outgoing)
}

#[tokio::test]
async fn an_answer_is_the_bots_with_the_name_in_the_text() {
    let scene = scene().await;
    let (asked, outgoing) = answer(&scene, "me", &[]);
    scene.deliver(&outgoing).await.expect("it is sent");
    let message = only(scene.said());
    assert_eq!((message.author, message.content.as_str()), (scene.bot.user, "Bob: me"));
    assert_eq!(message.reference.map(|reference| reference.message), Some(asked));
    assert!(message.pinged.is_empty(), "also not who is answered");
    scene.discord.delete(asked);
    scene.deliver(&outgoing).await.expect("it is sent, although what it answers is gone");
}

#[tokio::test]
async fn a_webhook_links_to_what_it_answers() {
    let scene = scene_with(DiscordScript::unlimited(), json!({ "send_replies_as_bot": false })).await;
    let guild = scene.guild.to_string();
    let (asked, outgoing) = answer(&scene, "me", &[("server_id", &guild)]);
    scene.deliver(&outgoing).await.expect("it is sent");
    let message = only(scene.said());
    let link = format!("https://discord.com/channels/{guild}/{}/{asked}", scene.channel);
    assert_eq!((message.content, message.author_name.as_str()), (format!("-# ↪ <{link}>\nme"), "Bob"));
}

#[tokio::test]
async fn where_the_bot_may_not_write_the_webhook_answers() {
    let scene = scene().await;
    scene.discord.deny(scene.bot.user, scene.channel, Permission::SendMessages);
    let (_, outgoing) = answer(&scene, "me", &[]);
    for _ in 0..2 {
        scene.deliver(&outgoing).await.expect("it is sent");
    }
    let said: Vec<_> = scene.said().into_iter().map(|message| (message.author_name, message.content)).collect();
    assert_eq!(said, [("Bob".to_owned(), "me".to_owned()), ("Bob".to_owned(), "me".to_owned())]);
    assert_eq!(scene.discord.requests_to(Route::CreateMessage).len(), 1, "the bot is not tried again for a while");
}

// === files ===

#[tokio::test]
async fn files_travel_with_the_text_byte_for_byte() {
    for settings in [json!({}), json!({ "send_method": "bot" })] {
        let scene = scene_with(DiscordScript::unlimited(), settings).await;
        let mut outgoing = scene.outgoing("look");
        outgoing.attachments = vec![
            scene.file(AttachmentKind::Image, "a cat ä.png", "image/png", vec![1; 300_000]).await,
            scene.file(AttachmentKind::Document, "../b", "not a type", vec![2; 10]).await,
        ];
        let sent = scene.deliver(&outgoing).await.expect("it is sent");
        assert_eq!(sent.len(), 1);
        let message = only(scene.said());
        let files: Vec<_> = message.files.iter().map(|file| file.read().expect("it is there").len()).collect();
        assert_eq!(files, [300_000, 10]);
        assert!(message.content.ends_with("look"));
    }
}

#[tokio::test]
async fn files_that_discord_does_not_take_become_labels() {
    let script = DiscordScript { max_file_size: 1000, ..DiscordScript::unlimited() };
    for settings in [json!({}), json!({ "send_method": "bot" })] {
        let scene = scene_with(script.clone(), settings).await;
        let mut outgoing = scene.outgoing("look");
        let mut file = scene.file(AttachmentKind::Image, "cat.png", "image/png", vec![1; 2000]).await;
        file.link = Some("https://x.example/cat.png".to_owned());
        outgoing.attachments = vec![file];
        scene.deliver(&outgoing).await.expect("it is sent");
        let message = only(scene.said());
        assert!(message.files.is_empty() && message.content.contains("look\n"), "{}", message.content);
        assert!(message.content.contains("<https://x.example/cat.png>"), "{}", message.content);
    }
}

#[tokio::test]
async fn a_bot_that_may_not_attach_files_still_says_the_text() {
    let scene = scene_with(DiscordScript::unlimited(), json!({ "send_method": "bot" })).await;
    scene.discord.deny(scene.bot.user, scene.channel, Permission::AttachFiles);
    let log = RecordingLog::start();
    let mut outgoing = scene.outgoing("look");
    outgoing.attachments = vec![scene.file(AttachmentKind::Image, "cat.png", "image/png", vec![1; 20]).await];
    scene.deliver(&outgoing).await.expect("it is sent");
    assert!(only(scene.said()).content.contains("cat"));
    let warnings = log.warnings();
    assert!(warnings.len() == 1 && warnings[0].contains("`Attach Files`"), "{warnings:?}");
}

// === refusals ===

#[tokio::test]
async fn a_missing_permission_parks_its_channel_and_no_other_and_is_told_once() {
    let scene = scene().await;
    let other = scene.discord.add_channel(scene.guild, ChannelKind::Text, "other");
    scene.discord.deny(scene.bot.user, scene.channel, Permission::ManageWebhooks);
    let log = RecordingLog::start();
    for _ in 0..3 {
        let (reason, trouble, after) = retryable(scene.deliver(&scene.outgoing("hello")).await);
        assert!(reason.contains("`Manage Webhooks`"), "{reason}");
        assert_eq!(trouble, Trouble::Other);
        assert!(after.is_some_and(|after| after > Duration::from_mins(1)), "{after:?}");
    }
    assert_eq!(scene.discord.requests_to(Route::ChannelWebhooks).len(), 1, "nobody is asked again for a while");
    let warnings = log.warnings();
    assert!(warnings.len() == 1 && warnings[0].contains("`Manage Webhooks`"), "{warnings:?}");
    scene.deliver(&scene.outgoing_to(other, "hello")).await.expect("the other channel goes on");
}

#[tokio::test]
async fn too_many_webhooks_are_told_with_what_to_do() {
    let scene = scene_with(DiscordScript { max_webhooks: 1, ..DiscordScript::unlimited() }, json!({})).await;
    scene.discord.add_webhook(scene.channel, scene.ann, "mine");
    let (reason, ..) = retryable(scene.deliver(&scene.outgoing("hello")).await);
    assert!(reason.contains("delete a webhook"), "{reason}");
}

#[tokio::test]
async fn a_token_that_is_refused_is_not_shown_again_at_once() {
    let scene = scene_with(DiscordScript::unlimited(), json!({ "send_method": "bot" })).await;
    scene.discord.reset_token(&scene.bot);
    for _ in 0..3 {
        let (reason, trouble, _) = retryable(scene.deliver(&scene.outgoing("hello")).await);
        assert_eq!(trouble, Trouble::Credentials);
        assert!(reason.contains("`bot_token`") && !reason.contains(&scene.bot.token), "{reason}");
    }
    assert_eq!(scene.discord.invalid(), 1);
}

#[tokio::test]
async fn a_part_that_is_no_more_in_the_spool_is_told() {
    let scene = scene().await;
    let mut outgoing = scene.outgoing("look");
    outgoing.attachments = vec![scene.file(AttachmentKind::Image, "cat.png", "image/png", vec![1; 20]).await];
    let sending = scene.first(&outgoing);
    tieline_core::spool::MediaSpool::remove(&*Arc::clone(&scene.spool), &sending.part.files).await;
    assert!(permanent(scene.driver.send(&sending).await).contains("`cat.png`"));
}

#[tokio::test]
async fn files_and_texts_go_through_the_instances_proxy() {
    for proxy in [FakeProxy::http().await, FakeProxy::socks5().await] {
        let settings = json!({ "proxy": proxy.url() });
        let scene = scene_with(DiscordScript::unlimited(), settings).await;
        let mut outgoing = scene.outgoing("look");
        scene.deliver(&outgoing).await.expect("it is sent");
        outgoing.attachments = vec![scene.file(AttachmentKind::Image, "cat.png", "image/png", vec![1; 20]).await];
        scene.deliver(&outgoing).await.expect("it is sent");
        assert_eq!(scene.said().len(), 2);
        proxy.close_port().await;
        let (_, trouble, _) = retryable(scene.deliver(&scene.outgoing("hello")).await);
        assert_eq!(trouble, Trouble::Unreachable, "there is no other way");
    }
}
