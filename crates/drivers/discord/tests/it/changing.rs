//! Edits, deletions and reactions, as Discord shows them, and how they end.

use serde_json::{Value, json};
use tieline_core::address::Address;
use tieline_core::event::AttachmentKind;
use tieline_core::id::MessageId;
use tieline_core::send::{Action, Copied, CutError, Outgoing, React, Reconciled, SendError, Sending, Sent};
use tieline_testkit::discord::{
    ChannelKind, DiscordScript, Emoji, FakeMessage, Fault, Permission, Post, Route, Snowflake,
};

use crate::scene::{Scene, scene, scene_with};

/// What was sent, as a later change names it.
fn copies(sent: &[Sent]) -> Vec<Copied> {
    let of = |sent: &Sent| {
        let (channel, how, wordless) = (sent.channel.clone(), sent.how.clone(), sent.wordless);
        let copied = move |id: &MessageId| Copied {
            id: id.clone(),
            channel: channel.clone(),
            how: how.clone(),
            wordless,
            original: false,
        };
        sent.ids.iter().map(copied).collect::<Vec<_>>()
    };
    sent.iter().flat_map(of).collect()
}

/// What somebody else wrote.
fn original(message: Snowflake) -> Copied {
    let id = MessageId::new(&message.to_string()).expect("an id");
    Copied { id, channel: None, how: None, wordless: false, original: true }
}

fn edit(scene: &Scene, text: &str, copies: Vec<Copied>) -> Outgoing {
    Outgoing { action: Action::Edit(copies), ..scene.outgoing(text) }
}

fn delete(scene: &Scene, copies: Vec<Copied>) -> Outgoing {
    Outgoing { action: Action::Delete(copies), ..scene.outgoing("") }
}

fn react(scene: &Scene, to: Copied, emoji: &str, added: bool) -> Outgoing {
    let react = React { to, emoji: emoji.to_owned(), added, standing: Vec::new() };
    Outgoing { action: Action::React(react), ..scene.outgoing("") }
}

fn by_bot() -> Value {
    json!({ "send_method": "bot" })
}

async fn sent(scene: &Scene, text: &str) -> Vec<Copied> {
    copies(&scene.deliver(&scene.outgoing(text)).await.expect("it is sent"))
}

fn texts(messages: &[FakeMessage]) -> Vec<String> {
    messages.iter().map(|message| message.content.clone()).collect()
}

fn impossible(ended: Result<Vec<Sent>, SendError>) -> String {
    match ended {
        Err(SendError::Impossible { reason }) => reason,
        other => panic!("nothing can be done, and it ended as {other:?}"),
    }
}

fn permanent(ended: Result<Vec<Sent>, SendError>) -> String {
    match ended {
        Err(SendError::Permanent { reason }) => reason,
        other => panic!("somebody has to do something, and it ended as {other:?}"),
    }
}

fn refused(status: u16, code: u64) -> Fault {
    Fault::Answer { status, body: json!({ "code": code, "message": "No" }).to_string() }
}

/// As the next process does it, which knows nothing but what the outbox kept.
async fn by_the_next_process(scene: &mut Scene, outgoing: &Outgoing) -> Result<Vec<Sent>, SendError> {
    scene.driver = scene.another_driver();
    scene.deliver(outgoing).await
}

// === edits ===

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
    let both: Vec<Copied> = copies.into_iter().chain(self::copies(&corrected)).collect();
    scene.deliver(&self::edit(&scene, "a good morning", both)).await.expect("it is corrected");
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

async fn lose(scene: &Scene, sending: &Sending) {
    let ended = scene.driver.send(sending).await;
    assert!(matches!(ended, Err(SendError::Ambiguous { .. })), "{ended:?}");
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

// === who is called ===

#[tokio::test]
async fn who_is_mentioned_is_called_and_nobody_else() {
    for settings in [json!({}), by_bot()] {
        let scene = scene_with(DiscordScript::unlimited(), settings).await;
        let carol = scene.discord.add_person("carol", "Carol");
        scene.discord.join(scene.guild, carol);
        let calling = |mut outgoing: Outgoing| {
            outgoing.mentions = vec![scene.ann.to_string(), "everyone".to_owned()];
            outgoing
        };
        let text = format!("<@{}> <@{carol}> @everyone", scene.ann);
        let copies = copies(&scene.deliver(&calling(scene.outgoing(&text))).await.expect("it is sent"));
        let called = |scene: &Scene| scene.said()[0].pinged.clone();
        assert_eq!((called(&scene).users, called(&scene).everyone), (vec![scene.ann], false));
        scene.deliver(&calling(edit(&scene, &format!("{text}!"), copies.clone()))).await.expect("it is edited");
        assert_eq!((called(&scene).users, called(&scene).everyone), (vec![scene.ann], false));
        scene.deliver(&edit(&scene, &text, copies)).await.expect("it is edited");
        assert!(called(&scene).is_empty(), "an edit that mentions nobody calls nobody");
    }
    let scene = scene_with(DiscordScript::unlimited(), json!({ "allow_mentions_users": false })).await;
    let outgoing = Outgoing { mentions: vec![scene.ann.to_string()], ..scene.outgoing(&format!("<@{}>", scene.ann)) };
    scene.deliver(&outgoing).await.expect("it is sent");
    assert!(scene.said()[0].pinged.is_empty());
}

#[tokio::test]
async fn more_than_discord_takes_are_called_as_far_as_it_does() {
    let scene = scene().await;
    let mentions: Vec<String> = (0..120).map(|n| format!("10000000000000{n:04}")).collect();
    let text: Vec<String> = mentions.iter().map(|id| format!("<@{id}>")).collect();
    let outgoing = Outgoing { mentions, ..scene.outgoing(&text.join("")) };
    scene.deliver(&outgoing).await.expect("it is sent");
}

#[tokio::test]
async fn a_name_is_that_of_exactly_one_member() {
    let scene = scene().await;
    for (username, shown) in [("bob", "Bob"), ("robert", "Bob"), ("annette", "Annette"), ("dora", "")] {
        let member = scene.discord.add_person(username, shown);
        scene.discord.join(scene.guild, member);
    }
    scene.discord.set_nick(scene.guild, scene.ann, Some("Captain Ann"));
    let target = scene.outgoing("").target;
    let named = async |name: &str| scene.driver.account_named(&target, name).await;
    let ann = Some(scene.ann.to_string());
    for name in ["Ann", "ann.smith", "Captain Ann"] {
        assert_eq!(named(name).await, ann, "{name}");
    }
    for nobody in ["Bob", "Ann S", "CAPTAIN ANN", "", "captain", "x".repeat(99).as_str()] {
        assert_eq!(named(nobody).await, None, "{nobody}");
    }
    let asked = scene.discord.requests_to(Route::SearchMembers).len();
    assert_eq!((named("Ann").await, named("Bob").await), (ann, None));
    assert_eq!(scene.discord.requests_to(Route::SearchMembers).len(), asked, "answers are kept");
    scene.discord.faults().on(Route::SearchMembers).always(Fault::BadGateway);
    assert_eq!(named("dora").await, None, "in trouble nobody is");
    assert_eq!(scene.said(), []);
}

#[tokio::test]
async fn who_wrote_is_known_without_asking() {
    let scene = scene().await;
    let _running = scene.run().await;
    let message = scene.discord.person_writes(scene.channel, scene.ann, "hi");
    scene.inbound.wait_for(|event| event.message_id.as_str() == message.to_string()).await;
    let target = scene.outgoing("").target;
    assert_eq!(scene.driver.account_named(&target, "Ann").await, Some(scene.ann.to_string()));
    assert!(scene.discord.requests_to(Route::SearchMembers).is_empty());
}

// === deletions ===

#[tokio::test]
async fn copies_are_deleted_by_whoever_sent_them_and_once_is_enough() {
    for settings in [json!({}), by_bot()] {
        let mut scene = scene_with(DiscordScript::unlimited(), settings).await;
        let long = "word ".repeat(900);
        let copies = sent(&scene, &long).await;
        // It needs no permission.
        scene.discord.deny(scene.bot.user, scene.channel, Permission::ManageMessages);
        let delete = delete(&scene, copies.clone());
        for _ in 0..2 {
            let sent = by_the_next_process(&mut scene, &delete).await.expect("it is deleted");
            let gone: Vec<_> = sent.into_iter().flat_map(|sent| sent.gone).collect();
            assert_eq!(gone, copies.iter().map(|copy| copy.id.clone()).collect::<Vec<_>>());
        }
        assert_eq!(scene.said(), []);
    }
}

#[tokio::test]
async fn where_the_webhook_is_gone_the_bot_deletes() {
    let scene = scene().await;
    let copies = sent(&scene, "hello").await;
    scene.discord.delete_webhook(scene.discord.webhooks(scene.channel)[0].id);
    scene.deliver(&delete(&scene, copies)).await.expect("it is deleted");
    assert_eq!(scene.said(), []);
}

#[tokio::test]
async fn an_original_is_deleted_by_the_bot_if_it_may() {
    let scene = scene().await;
    let (first, second) = (
        scene.discord.person_writes(scene.channel, scene.ann, "one"),
        scene.discord.person_writes(scene.channel, scene.ann, "two"),
    );
    scene.deliver(&delete(&scene, vec![original(first)])).await.expect("it is deleted");
    assert!(scene.discord.message(first).is_none());
    scene.discord.deny(scene.bot.user, scene.channel, Permission::ManageMessages);
    let own = scene.first(&Outgoing { ..scene.outgoing("ours") });
    let own = copies(&[scene.driver.send(&own).await.expect("it is sent")]);
    let reason = permanent(scene.deliver(&delete(&scene, vec![original(second)])).await);
    assert!(reason.contains("`Manage Messages`"), "{reason}");
    assert!(scene.discord.message(second).is_some());
    let how = Some("bot".to_owned());
    let bots = Copied { how, ..original(scene.discord.say(scene.channel, scene.bot.user, Post::text("the bot's"))) };
    scene.deliver(&delete(&scene, vec![bots])).await.expect("what we wrote ourselves needs no permission");
    scene.deliver(&delete(&scene, own)).await.expect("what we wrote ourselves needs no permission");
    assert_eq!(scene.said(), []);
}

#[tokio::test]
async fn that_we_took_a_message_away_is_no_news() {
    let scene = scene().await;
    let _running = scene.run().await;
    let copies = sent(&scene, &"word ".repeat(900)).await;
    scene.deliver(&edit(&scene, "short", copies.clone())).await.expect("it is edited");
    scene.deliver(&delete(&scene, vec![copies[0].clone()])).await.expect("it is deleted");
    let other = scene.discord.person_writes(scene.channel, scene.ann, "one");
    scene.discord.delete(other);
    scene.inbound.wait_for(|event| event.kind() == "delete").await;
    let deleted: Vec<_> = scene.inbound.events().into_iter().filter(|event| event.kind() == "delete").collect();
    assert_eq!(deleted.len(), 1);
    assert_eq!(deleted[0].message_id.as_str(), other.to_string());
}

// === reactions ===

#[tokio::test]
async fn the_bot_reacts_and_takes_it_back_however_often_it_is_told() {
    let scene = scene().await;
    let message = scene.discord.person_writes(scene.channel, scene.ann, "who comes along?");
    let cat = scene.discord.add_emoji(scene.guild, "party_cat", true);
    let reactions = || scene.discord.message(message).expect("it is there").reactions;
    for (emoji, shown) in [("👍", Emoji::from("👍")), ("1️⃣", Emoji::from("1️⃣")), ("party_cat", cat)] {
        for _ in 0..2 {
            scene.deliver(&react(&scene, original(message), emoji, true)).await.expect("it reacts");
        }
        let [reaction] = &reactions()[..] else { panic!("one reaction, not {:?}", reactions()) };
        assert_eq!((&reaction.emoji, &reaction.users[..]), (&shown, &[scene.bot.user][..]));
        for _ in 0..2 {
            scene.deliver(&react(&scene, original(message), emoji, false)).await.expect("it takes it back");
        }
        assert_eq!(reactions(), []);
    }
    assert_eq!(scene.discord.requests_to(Route::Guild).len(), 1, "a server's emoji are asked for once");
    assert_eq!(scene.discord.violations(), []);
}

#[tokio::test]
async fn a_reaction_that_cannot_be_is_nobodys_to_put_right() {
    let scene = scene().await;
    let message = scene.discord.person_writes(scene.channel, scene.ann, "who comes along?");
    let give = async |emoji: &str| scene.deliver(&react(&scene, original(message), emoji, true)).await;
    assert!(impossible(give("no_such_cat").await).contains("`no_such_cat`"));
    for emoji in [
        "🍇", "🍈", "🍉", "🍊", "🍋", "🍌", "🍍", "🥭", "🍎", "🍏", "🍐", "🍑", "🍒", "🍓", "🫐", "🥝", "🍅", "🫒",
        "🥥", "🥑",
    ] {
        scene.discord.react(scene.ann, message, emoji);
    }
    assert!(impossible(give("👍").await).contains("20"));
    give("🍇").await.expect("one that is there already");
    scene.discord.clear_reactions(message, None);
    scene.discord.block(scene.ann, scene.bot.user);
    assert!(impossible(give("👍").await).contains("blocked"));
    scene.discord.faults().on(Route::AddReaction).next(1, refused(400, 50083));
    assert!(impossible(give("👍").await).contains("put away"));
    scene.discord.delete(message);
    assert!(impossible(give("👍").await).contains("not there any more"));
    scene.deliver(&react(&scene, original(message), "👍", false)).await.expect("there is nothing to take back");
}

#[tokio::test]
async fn a_bot_that_may_not_react_says_what_it_needs() {
    let scene = scene().await;
    let message = scene.discord.person_writes(scene.channel, scene.ann, "who comes along?");
    scene.discord.deny(scene.bot.user, scene.channel, Permission::AddReactions);
    let reason = permanent(scene.deliver(&react(&scene, original(message), "👍", true)).await);
    assert!(reason.contains("`Add Reactions`"), "{reason}");
}

#[tokio::test]
async fn a_rate_limit_of_a_change_is_waited_for() {
    let scene = scene().await;
    let copies = sent(&scene, "hello").await;
    let wait = std::time::Duration::from_secs(5);
    let limited = Fault::TooManyRequests { retry_after: wait, scope: tieline_testkit::discord::Scope::User };
    scene.discord.faults().on(Route::EditWebhookMessage).next(1, limited);
    let ended = scene.deliver(&edit(&scene, "hallo", copies)).await;
    assert!(matches!(ended, Err(SendError::RateLimited(_))), "{ended:?}");
}

// === typing ===

#[tokio::test]
async fn that_somebody_types_is_shown_once_in_a_while() {
    let scene = scene().await;
    let target = scene.outgoing("").target;
    for _ in 0..3 {
        scene.driver.show_typing(&target).await;
    }
    assert_eq!(scene.discord.requests_to(Route::Typing).len(), 1);
}
