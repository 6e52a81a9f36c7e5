//! What moderators do, who is called what, outages, and what is told of them.

use http::Method;
use serde_json::{Value, json};
use tieline_testkit::discord::Emoji;

use crate::discord_client::{Rig, code, wrong};
use crate::discord_gateway_client::{Client, MESSAGE_CONTENT};

/// Guilds, messages, reactions and what messages say.
const INTENTS: u64 = 1 | 1 << 9 | 1 << 10 | MESSAGE_CONTENT;

async fn listen(rig: &Rig) -> Client {
    let mut client = Client::connect(&rig.fake).await;
    client.expect(10).await;
    client.identify(&rig.bot.token, INTENTS).await;
    client.event("READY").await;
    client.event("GUILD_CREATE").await;
    client
}

#[tokio::test]
async fn reactions_are_removed_all_at_once_or_by_emoji() {
    let rig = Rig::new().await;
    let mut client = listen(&rig).await;
    let message = rig.fake.person_writes(rig.channel, rig.ann, "hi");
    client.event("MESSAGE_CREATE").await;
    for emoji in ["👍", "🔥", "🎉"] {
        rig.fake.react(rig.ann, message, emoji);
        client.event("MESSAGE_REACTION_ADD").await;
    }
    rig.fake.clear_reactions(message, Some(&Emoji::from("🔥")));
    rig.fake.clear_reactions(message, Some(&Emoji::from("🔥")));
    let told = client.event("MESSAGE_REACTION_REMOVE_EMOJI").await["d"].clone();
    assert_eq!((&told["emoji"]["name"], told.get("user_id")), (&json!("🔥"), None));
    rig.fake.clear_reactions(message, None);
    let told = client.event("MESSAGE_REACTION_REMOVE_ALL").await["d"].clone();
    assert_eq!((&told["message_id"], told.get("emoji")), (&json!(message.to_string()), None));
    assert_eq!(rig.fake.message(message).unwrap().reactions, []);
}

#[tokio::test]
async fn a_channel_tells_its_topic_and_the_last_message_that_it_had() {
    let rig = Rig::new().await;
    let mut client = listen(&rig).await;
    let message = rig.fake.person_writes(rig.channel, rig.ann, "hi");
    client.event("MESSAGE_CREATE").await;
    rig.fake.delete(message);
    client.event("MESSAGE_DELETE").await;
    rig.fake.set_topic(rig.channel, Some("tea"));
    let told = client.event("CHANNEL_UPDATE").await["d"].clone();
    assert_eq!((&told["topic"], &told["last_message_id"]), (&json!("tea"), &json!(message.to_string())), "though gone");
    rig.fake.set_topic(rig.channel, None);
    assert_eq!(client.event("CHANNEL_UPDATE").await["d"]["topic"], Value::Null);
}

#[tokio::test]
async fn of_a_guild_with_an_outage_nothing_is_told_until_it_is_over() {
    let rig = Rig::new().await;
    let mut client = listen(&rig).await;
    rig.fake.begin_outage(rig.guild);
    assert_eq!(client.event("GUILD_DELETE").await["d"]["unavailable"], true);
    rig.fake.person_writes(rig.channel, rig.ann, "unheard");
    rig.fake.end_outage(rig.guild, &rig.bot);
    assert_eq!(client.event("GUILD_CREATE").await["d"]["id"], rig.guild.to_string());
    rig.fake.person_writes(rig.channel, rig.ann, "heard");
    assert_eq!(client.event("MESSAGE_CREATE").await["d"]["content"], "heard");
}

#[tokio::test]
async fn members_are_found_by_how_their_names_begin() {
    let rig = Rig::new().await;
    rig.fake.set_nick(rig.guild, rig.ann, Some("Captain"));
    let annette = rig.fake.add_person("annette", "");
    rig.fake.join(rig.guild, annette);
    let search = async |query: &str| rig.get(&format!("guilds/{}/members/search?{query}", rig.guild)).await;
    let found = async |query: &str| {
        let (status, members) = search(query).await;
        assert_eq!(status, 200, "{members}");
        members.as_array().unwrap().iter().map(|member| member["user"]["id"].clone()).collect::<Vec<_>>()
    };
    let (ann, annette) = (json!(rig.ann.to_string()), json!(annette.to_string()));
    assert_eq!(found("query=ann&limit=10").await, [ann.clone(), annette]);
    assert_eq!(found("query=ann").await, std::slice::from_ref(&ann), "one, unless more are asked for");
    assert_eq!(found("query=CAPT&limit=10").await, [ann]);
    assert_eq!(found("query=nobody&limit=10").await, [Value::Null; 0]);
    assert_eq!(wrong(&search("limit=10").await, "query"), Some("BASE_TYPE_REQUIRED"));
    assert_eq!(wrong(&search("query=a&limit=1001").await, "limit"), Some("NUMBER_TYPE_MAX"));
}

#[tokio::test]
async fn who_blocked_the_bot_gets_no_reaction_of_it() {
    let rig = Rig::new().await;
    let message = rig.fake.person_writes(rig.channel, rig.ann, "hi");
    rig.fake.block(rig.ann, rig.bot.user);
    let path = format!("channels/{}/messages/{message}/reactions/%F0%9F%94%A5/@me", rig.channel);
    assert_eq!(code(&rig.bare(Method::PUT, &path).await), (403, 90001));
    assert_eq!(rig.fake.message(message).unwrap().reactions, []);
}
