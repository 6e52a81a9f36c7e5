//! What is told over the gateway of what people, bots and webhooks do.

use http::Method;
use serde_json::{Value, json};
use tieline_testkit::discord::{ChannelKind, Post};

use crate::discord_client::{Rig, id};
use crate::discord_gateway_client::{Client, MESSAGE_CONTENT};

/// Guilds, webhooks, messages, reactions, typing, direct messages and what they say.
const ALL: u64 = 1 | 1 << 5 | 1 << 9 | 1 << 10 | 1 << 11 | 1 << 12 | 1 << 13 | 1 << 14 | MESSAGE_CONTENT;

impl Rig {
    /// The bot at the gateway with these intents, and what it is told of its guild.
    async fn listen(&self, intents: u64) -> (Client, Value) {
        let mut client = Client::connect(&self.fake).await;
        client.expect(10).await;
        client.identify(&self.bot.token, intents).await;
        let ready = client.event("READY").await;
        assert_eq!(ready["d"]["user"]["id"], self.bot.user.to_string());
        assert_eq!(ready["d"]["application"]["id"], self.bot.application.to_string());
        let guild = if intents & 1 == 1 { client.event("GUILD_CREATE").await["d"].clone() } else { Value::Null };
        (client, guild)
    }
}

#[tokio::test]
async fn a_bot_is_told_of_its_guild() {
    let rig = Rig::new().await;
    let role = rig.fake.add_role(rig.guild, "staff", true);
    rig.fake.add_emoji(rig.guild, "party", false);
    let thread = rig.fake.add_thread(rig.channel, rig.ann, "topic");
    let (_client, guild) = rig.listen(ALL).await;
    assert_eq!((&guild["id"], &guild["name"]), (&json!(rig.guild.to_string()), &json!("Home")));
    assert_eq!(guild["channels"][0]["id"], rig.channel.to_string());
    assert_eq!(guild["threads"][0]["id"], thread.to_string());
    assert_eq!(guild["roles"][2]["id"], role.to_string());
    assert_eq!(guild["emojis"][0]["name"], "party");
    let members = guild["members"].as_array().unwrap();
    assert!(members.len() == 1 && members[0]["user"]["id"] == rig.bot.user.to_string(), "only itself: {guild}");
}

#[tokio::test]
async fn a_persons_message_brings_all_that_a_bridge_needs() {
    let rig = Rig::new().await;
    rig.fake.set_nick(rig.guild, rig.ann, Some("Annie"));
    let (mut client, _) = rig.listen(ALL).await;
    let text = format!("hello <@{}>", rig.bot.user);
    let message = rig.fake.say(rig.channel, rig.ann, Post::text(&text).file("a.txt", "text/plain", b"bytes"));
    let told = client.event("MESSAGE_CREATE").await["d"].clone();
    assert_eq!((id(&told), &told["content"]), (message, &json!(text)));
    assert_eq!((&told["guild_id"], &told["channel_type"]), (&json!(rig.guild.to_string()), &json!(0)));
    assert_eq!((&told["member"]["nick"], told["member"].get("user")), (&json!("Annie"), None));
    assert_eq!(told["author"]["global_name"], "Ann");
    assert_eq!(told["mentions"][0]["id"], rig.bot.user.to_string());
    assert!(told["mentions"][0]["member"]["joined_at"].is_string(), "a mention brings its member");
    assert!(told["attachments"][0]["url"].as_str().unwrap().contains("&hm="));
}

#[tokio::test]
async fn an_own_message_comes_back_as_an_event() {
    let rig = Rig::new().await;
    let (mut client, _) = rig.listen(ALL).await;
    let hook = rig.hook();
    client.event("WEBHOOKS_UPDATE").await;
    rig.write(&json!({ "content": "as the bot", "nonce": "7" })).await;
    let told = client.event("MESSAGE_CREATE").await["d"].clone();
    assert_eq!((&told["author"]["id"], &told["nonce"]), (&json!(rig.bot.user.to_string()), &json!("7")));
    rig.execute(&hook, &json!({ "content": "as Ann", "username": "Ann" })).await;
    let told = client.event("MESSAGE_CREATE").await["d"].clone();
    assert_eq!(
        (&told["webhook_id"], told.get("member")),
        (&json!(hook.id.to_string()), None),
        "a webhook is no member"
    );
    assert_eq!((&told["author"]["username"], &told["author"]["bot"]), (&json!("Ann"), &json!(true)));
}

#[tokio::test]
async fn previews_and_pins_are_updates_without_an_edit() {
    let rig = Rig::new().await;
    let (mut client, _) = rig.listen(ALL).await;
    let message = rig.fake.person_writes(rig.channel, rig.ann, "https://example.com");
    client.event("MESSAGE_CREATE").await;
    rig.fake.unfurl(message, json!({ "type": "link", "url": "https://example.com" }));
    let told = client.event("MESSAGE_UPDATE").await["d"].clone();
    assert_eq!((&told["edited_timestamp"], &told["embeds"][0]["type"]), (&Value::Null, &json!("link")));
    rig.fake.pin(message);
    assert_eq!(client.event("MESSAGE_UPDATE").await["d"]["edited_timestamp"], Value::Null);
    rig.fake.edit(message, "changed");
    let told = client.event("MESSAGE_UPDATE").await["d"].clone();
    assert!(told["edited_timestamp"].is_string() && told["content"] == "changed" && told["guild_id"].is_string());
}

#[tokio::test]
async fn a_bot_that_thinks_says_its_answer_by_an_edit() {
    let rig = Rig::new().await;
    let foreign = rig.fake.add_bot("weather");
    rig.fake.join(rig.guild, foreign.user);
    let (mut client, _) = rig.listen(ALL).await;
    let answer = rig.fake.say(rig.channel, foreign.user, Post::loading());
    let told = client.event("MESSAGE_CREATE").await["d"].clone();
    assert_eq!((&told["type"], &told["content"], &told["flags"]), (&json!(20), &json!(""), &json!(1 << 7)));
    rig.fake.edit(answer, "Rain");
    let told = client.event("MESSAGE_UPDATE").await["d"].clone();
    assert_eq!((&told["content"], &told["flags"]), (&json!("Rain"), &json!(0)));
}

#[tokio::test]
async fn deletions_name_ids_and_nothing_else() {
    let rig = Rig::new().await;
    let ids: Vec<_> = (0..3).map(|_| rig.fake.person_writes(rig.channel, rig.ann, "x")).collect();
    let (mut client, _) = rig.listen(ALL).await;
    rig.fake.delete(ids[0]);
    let (channel, guild) = (rig.channel.to_string(), rig.guild.to_string());
    let expected = json!({ "id": ids[0].to_string(), "channel_id": channel, "guild_id": guild });
    assert_eq!(client.event("MESSAGE_DELETE").await["d"], expected);
    rig.fake.bulk_delete(rig.channel, &ids[1..]);
    let both = [ids[1].to_string(), ids[2].to_string()];
    let expected = json!({ "ids": both, "channel_id": channel, "guild_id": guild });
    assert_eq!(client.event("MESSAGE_DELETE_BULK").await["d"], expected);
}

#[tokio::test]
async fn reactions_and_typing_are_told_to_who_wants_them() {
    let rig = Rig::new().await;
    let message = rig.fake.person_writes(rig.channel, rig.ann, "x");
    let (mut client, _) = rig.listen(ALL).await;
    let (mut deaf, _) = rig.listen(1 | 1 << 9 | MESSAGE_CONTENT).await;
    rig.fake.react(rig.ann, message, "👍");
    let told = client.event("MESSAGE_REACTION_ADD").await["d"].clone();
    assert_eq!((&told["user_id"], &told["emoji"]["name"]), (&json!(rig.ann.to_string()), &json!("👍")));
    assert_eq!(told["message_author_id"], rig.ann.to_string());
    assert_eq!(told["member"]["user"]["username"], "ann");
    rig.fake.react(rig.ann, message, "👍");
    rig.fake.unreact(rig.ann, message, "👍");
    client.event("MESSAGE_REACTION_REMOVE").await;
    rig.fake.types(rig.ann, rig.channel);
    client.event("TYPING_START").await;
    rig.bare(Method::POST, &format!("channels/{}/typing", rig.channel)).await;
    assert_eq!(client.event("TYPING_START").await["d"]["user_id"], rig.bot.user.to_string());
    deaf.hears_nothing().await;
}

#[tokio::test]
async fn threads_are_told_and_one_of_a_message_has_its_id() {
    let rig = Rig::new().await;
    let (mut client, _) = rig.listen(ALL).await;
    let thread = rig.fake.add_thread(rig.channel, rig.ann, "topic");
    let told = client.event("THREAD_CREATE").await["d"].clone();
    assert_eq!((id(&told), &told["parent_id"], &told["type"]), (thread, &json!(rig.channel.to_string()), &json!(11)));
    assert_eq!(told["newly_created"], true);
    let message = rig.fake.person_writes(rig.channel, rig.ann, "start");
    client.event("MESSAGE_CREATE").await;
    assert_eq!(rig.fake.add_thread_of(message, rig.ann, "from it"), message);
    assert_eq!(id(&client.event("THREAD_CREATE").await["d"]), message);
    let starter = client.event("MESSAGE_CREATE").await["d"].clone();
    assert_eq!((&starter["type"], &starter["content"]), (&json!(21), &json!("")));
    assert_eq!(starter["referenced_message"]["content"], "start");
    let flagged = client.event("MESSAGE_UPDATE").await["d"].clone();
    assert_eq!((&flagged["flags"], &flagged["edited_timestamp"]), (&json!(1 << 5), &Value::Null));
    rig.fake.set_archived(thread, true);
    assert_eq!(client.event("THREAD_UPDATE").await["d"]["thread_metadata"]["archived"], true);
    rig.fake.person_writes(thread, rig.ann, "wake up");
    assert_eq!(client.event("THREAD_UPDATE").await["d"]["thread_metadata"]["archived"], false);
    assert_eq!(client.event("MESSAGE_CREATE").await["d"]["channel_type"], 11);
    let news = rig.fake.add_channel(rig.guild, ChannelKind::News, "news");
    client.event("CHANNEL_CREATE").await;
    rig.fake.add_thread(news, rig.ann, "about it");
    assert_eq!(client.event("THREAD_CREATE").await["d"]["type"], 10);
    rig.fake.delete_channel(thread);
    assert_eq!(id(&client.event("THREAD_DELETE").await["d"]), thread);
}

#[tokio::test]
async fn foreign_bots_and_webhooks_are_told_like_any_other() {
    let rig = Rig::new().await;
    let foreign = rig.fake.add_bot("weather");
    rig.fake.join(rig.guild, foreign.user);
    let hook = rig.fake.add_webhook(rig.channel, rig.ann, "builds");
    let (mut client, _) = rig.listen(ALL).await;
    rig.fake.say(rig.channel, foreign.user, Post::default().embed(json!({ "type": "rich", "title": "Rain" })).kind(20));
    let told = client.event("MESSAGE_CREATE").await["d"].clone();
    assert_eq!((&told["author"]["bot"], &told["type"], told.get("webhook_id")), (&json!(true), &json!(20), None));
    rig.fake.webhook_says(&hook, Some("Build 7"), Post::text("done @everyone"));
    let told = client.event("MESSAGE_CREATE").await["d"].clone();
    assert_eq!((&told["author"]["username"], &told["mention_everyone"]), (&json!("Build 7"), &json!(false)));
    rig.fake.dispatch("MESSAGE_CREATE", 1 << 9, json!({ "id": "1", "odd": true }));
    assert_eq!(client.event("MESSAGE_CREATE").await["d"]["odd"], true);
}

#[tokio::test]
async fn direct_messages_have_no_guild_and_an_intent_of_their_own() {
    let rig = Rig::new().await;
    let direct = rig.fake.add_direct(rig.ann, rig.bot.user);
    let (mut client, _) = rig.listen(ALL).await;
    let (mut deaf, _) = rig.listen(1 | 1 << 9).await;
    let message = rig.fake.person_writes(direct, rig.ann, "psst");
    let told = client.event("MESSAGE_CREATE").await["d"].clone();
    assert_eq!((told.get("guild_id"), &told["channel_type"], &told["content"]), (None, &json!(1), &json!("psst")));
    rig.fake.react(rig.ann, message, "👍");
    assert_eq!(client.event("MESSAGE_REACTION_ADD").await["d"].get("guild_id"), None);
    deaf.hears_nothing().await;
    let (status, _) = rig.post(&format!("channels/{direct}/messages"), &json!({ "content": "yes?" })).await;
    assert_eq!(status, 200);
}
