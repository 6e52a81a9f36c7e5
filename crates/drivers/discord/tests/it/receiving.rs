//! What people, bots and webhooks do on Discord, as the relay hears of it.

use serde_json::json;
use tieline_core::event::{Authorship, Body, Event, Reaction};
use tieline_core::id::{ChannelKey, MessageId};
use tieline_testkit::discord::{Emoji, Post, Snowflake};
use tieline_testkit::{Health, RecordingLog};

use crate::scene::{Scene, scene};

/// Guild messages, and what they say.
const MESSAGES: u64 = 1 << 9;

impl Scene {
    /// What becomes of a message.
    async fn heard(&self, message: Snowflake) -> Event {
        let id = message.to_string();
        self.inbound.wait_for(|event| event.message_id.as_str() == id).await
    }

    /// All that was heard until a message that somebody writes now.
    async fn heard_so_far(&self) -> Vec<Event> {
        self.heard(self.discord.person_writes(self.channel, self.ann, "that is all")).await;
        let mut heard = self.inbound.arrivals();
        heard.pop();
        heard
    }
}

fn plain(event: &Event) -> String {
    event.message().expect("a message").text.to_plain()
}

fn kinds(events: &[Event]) -> Vec<&'static str> {
    events.iter().map(Event::kind).collect()
}

#[tokio::test]
async fn a_message_comes_with_its_writer_and_its_place() {
    let scene = scene().await;
    scene.discord.set_nick(scene.guild, scene.ann, Some("Annie"));
    scene.discord.set_avatar(scene.ann, Some("a_0123"));
    let crew = scene.discord.add_role(scene.guild, "crew", true);
    let _running = scene.run().await;
    let text = format!("**hi** <@{}> <@&{crew}> <#{}>", scene.bot.user, scene.channel);
    let event = scene.heard(scene.discord.person_writes(scene.channel, scene.ann, &text)).await;
    assert_eq!(plain(&event), "hi @tieline @crew #general");
    assert_eq!((event.author.shown_name(), event.author.username.as_str()), ("Annie", "ann.smith"));
    assert_eq!(event.author.avatar, format!("{}/avatars/{}/a_0123.png?size=128", scene.discord.cdn_url(), scene.ann));
    assert_eq!((event.author.kind, event.room.as_deref()), (Authorship::Person, Some("general")));
    assert_eq!(event.address.text("channel_id"), Some(scene.channel.to_string().as_str()));
    assert_eq!(event.address.text("server_id"), Some(scene.guild.to_string().as_str()));
    assert_eq!((event.revision, event.missing), (None, None));
}

#[tokio::test]
async fn edits_deletions_and_reactions_are_told_and_previews_and_pins_are_not() {
    let scene = scene().await;
    let _running = scene.run().await;
    let message = scene.discord.person_writes(scene.channel, scene.ann, "see https://e.example");
    scene.discord.unfurl(message, json!({ "type": "link", "url": "https://e.example", "title": "Example" }));
    scene.discord.edit(message, "see *nothing*");
    scene.discord.pin(message);
    scene.discord.react(scene.ann, message, Emoji::from("🔥"));
    scene.discord.unreact(scene.ann, message, Emoji::from("🔥"));
    let other = scene.discord.person_writes(scene.channel, scene.ann, "two");
    scene.discord.delete(message);
    scene.discord.bulk_delete(scene.channel, &[other]);
    let heard = scene.heard_so_far().await;
    let all = ["message", "edit", "edit", "reaction", "reaction", "message", "delete", "delete"];
    assert_eq!(kinds(&heard), all, "{heard:#?}");
    assert_eq!(plain(&heard[1]), "see nothing");
    assert!(heard[1].revision.is_some() && heard[1].revision == heard[2].revision, "a pin repeats the edit");
    let edits = scene.inbound.events().iter().filter(|event| event.kind() == "edit").count();
    assert_eq!(edits, 1, "and so it is known");
    let added =
        |event: &Event| matches!(&event.body, Body::Reaction(reaction) if reaction.emoji == "🔥" && reaction.added);
    assert!(added(&heard[3]) && !added(&heard[4]));
    assert_eq!(heard[7].message_id.as_str(), other.to_string());
}

#[tokio::test]
async fn answers_forwards_and_threads_say_where_they_belong() {
    let scene = scene().await;
    let _running = scene.run().await;
    let first = scene.discord.person_writes(scene.channel, scene.ann, "first");
    let answer = scene.discord.say(scene.channel, scene.ann, Post::text("yes").reply_to(first));
    let answer = scene.heard(answer).await;
    assert_eq!(
        answer.message().expect("a message").reply_to.as_ref().map(MessageId::as_str),
        Some(first.to_string().as_str())
    );
    let forward = scene.heard(scene.discord.say(scene.channel, scene.ann, Post::forward(first))).await;
    assert_eq!(
        (plain(&forward).as_str(), &forward.message().expect("a message").reply_to),
        ("Forwarded\nfirst", &None)
    );
    let thread = scene.discord.add_thread_of(first, scene.ann, "about it");
    let inside = scene.heard(scene.discord.person_writes(thread, scene.ann, "inside")).await;
    assert_eq!(inside.parent.as_ref().map(ChannelKey::as_str), Some(scene.channel.to_string().as_str()));
    assert_eq!(inside.room.as_deref(), Some("about it"));
    let about = inside.message().expect("a message").reply_to.clone().expect("what the thread is about");
    assert_eq!(about.as_str(), first.to_string());
}

#[tokio::test]
async fn bots_and_webhooks_are_told_apart_and_our_own_are_ours() {
    let scene = scene().await;
    let dice = scene.discord.add_bot("dice");
    scene.discord.join(scene.guild, dice.user);
    let foreign = scene.discord.add_webhook(scene.channel, scene.ann, "News");
    let _running = scene.run().await;
    let embed = json!({ "type": "rich", "title": "You rolled", "description": "**6**" });
    let rolled = scene.heard(scene.discord.say(scene.channel, dice.user, Post::default().embed(embed))).await;
    assert_eq!((rolled.author.kind, plain(&rolled).as_str()), (Authorship::Bot, "You rolled\n6"));
    assert_eq!(scene.instance.declines(&rolled), None, "the rule's filter decides");
    let news = scene.heard(scene.discord.webhook_says(&foreign, Some("Ticker"), Post::text("news"))).await;
    assert_eq!((news.author.kind, news.author.shown_name()), (Authorship::BotOrOurs, "Ticker"));
    assert_eq!(scene.instance.declines(&news), None, "links decide");
    let sent = scene.deliver(&scene.outgoing("relayed")).await.expect("it is sent");
    let echo = scene.inbound.wait_for(|event| sent[0].ids.contains(&event.message_id)).await;
    assert!(echo.author.kind.may_be_ours());
    assert!(scene.instance.declines(&echo).is_some_and(|why| why.contains("webhook")), "{echo:?}");
}

#[tokio::test]
async fn a_bots_announced_answer_is_heard_when_it_says_something() {
    let scene = scene().await;
    let dice = scene.discord.add_bot("dice");
    scene.discord.join(scene.guild, dice.user);
    let _running = scene.run().await;
    let answer = scene.discord.say(scene.channel, dice.user, Post::loading());
    scene.discord.edit(answer, "six");
    scene.discord.edit(answer, "seven");
    let heard = scene.heard_so_far().await;
    assert_eq!(kinds(&heard), ["message", "edit"], "{heard:#?}");
    assert_eq!((plain(&heard[0]), plain(&heard[1])), ("six".to_owned(), "seven".to_owned()));
}

#[tokio::test]
async fn what_is_odd_is_passed_over_and_nothing_else() {
    let log = RecordingLog::start();
    let scene = scene().await;
    let _running = scene.run().await;
    for odd in [json!({}), json!({ "id": [], "channel_id": 7 }), json!([1]), json!({ "id": "1" })] {
        scene.discord.dispatch("MESSAGE_CREATE", MESSAGES, odd);
    }
    let numbers =
        json!({ "id": 5, "channel_id": scene.channel.to_string().parse::<u64>().expect("a number"), "content": 42 });
    scene.discord.dispatch("MESSAGE_CREATE", MESSAGES, numbers);
    let heard = scene.heard_so_far().await;
    assert_eq!((heard.len(), plain(&heard[0]).as_str()), (1, "42"));
    let told = log.warnings().into_iter().filter(|line| line.contains("cannot be relayed")).count();
    assert_eq!(told, 1);
}

#[tokio::test]
async fn messages_without_content_are_explained_once() {
    let log = RecordingLog::start();
    let scene = scene().await;
    let _running = scene.run().await;
    let empty = |id: u64| {
        json!({
            "id": id.to_string(), "channel_id": scene.channel.to_string(), "guild_id": scene.guild.to_string(), "type": 0,
            "author": { "id": scene.ann.to_string(), "username": "ann.smith" }, "content": "", "embeds": [], "attachments": [],
            "components": [], "mentions": [],
        })
    };
    scene.discord.dispatch("MESSAGE_CREATE", MESSAGES, empty(1));
    scene.discord.dispatch("MESSAGE_CREATE", MESSAGES, empty(2));
    scene
        .health
        .wait_for(|health| matches!(health, Health::Failing(why) if why.contains("MESSAGE CONTENT INTENT")))
        .await;
    assert_eq!(scene.heard_so_far().await, []);
    assert_eq!(scene.health.said().last(), Some(&Health::Ready), "content is there after all");
    let told = log.warnings().into_iter().filter(|line| line.contains("MESSAGE CONTENT INTENT")).count();
    assert_eq!(told, 1);
}

#[tokio::test]
async fn who_comes_what_a_channel_is_about_and_removed_reactions_are_told() {
    let scene = scene().await;
    scene.discord.set_topic(scene.channel, Some("tea"));
    let _running = scene.run().await;
    let cat = scene.discord.add_emoji(scene.guild, "cat", false);
    let message = scene.discord.person_writes(scene.channel, scene.ann, "hi");
    scene.discord.say(scene.channel, scene.ann, Post::default().kind(7));
    scene.discord.set_topic(scene.channel, Some("coffee"));
    scene.discord.rename(scene.channel, "lobby");
    for emoji in [Emoji::from("👍"), cat.clone()] {
        scene.discord.react(scene.ann, message, emoji.clone());
        scene.discord.clear_reactions(message, Some(&emoji));
    }
    scene.discord.react(scene.ann, message, cat);
    scene.discord.clear_reactions(message, None);
    let heard = scene.heard_so_far().await;
    let bodies: Vec<&Body> = heard.iter().skip(1).map(|event| &event.body).collect();
    let reaction = |emoji: &str, added| Body::Reaction(Reaction { emoji: emoji.to_owned(), added });
    let expected = [
        Body::Joined,
        Body::Topic("coffee".to_owned()),
        reaction("👍", true),
        reaction("👍", false),
        reaction("cat", true),
        reaction("cat", false),
        reaction("cat", true),
        reaction("", false),
    ];
    assert_eq!(bodies, expected.iter().collect::<Vec<_>>());
    let authors: Vec<&str> = heard.iter().skip(1).map(|event| event.author.id.as_str()).collect();
    let ann = scene.ann.to_string();
    assert_eq!(authors, [&ann, "", &ann, "", &ann, "", &ann, ""], "nobody says who removed them");
    let topic = &heard[2];
    assert_eq!(topic.channel.as_str(), scene.channel.to_string());
    assert!(topic.address.text("server_id").is_some());
}

#[tokio::test]
async fn what_the_bot_gave_itself_is_no_reaction_of_anybody() {
    let scene = scene().await;
    let _running = scene.run().await;
    let message = scene.discord.person_writes(scene.channel, scene.ann, "hi");
    scene.discord.react(scene.bot.user, message, Emoji::from("👍"));
    scene.discord.unreact(scene.bot.user, message, Emoji::from("👍"));
    assert_eq!(kinds(&scene.heard_so_far().await), ["message"]);
}
