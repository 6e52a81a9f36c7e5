//! Text that would ping, format or break the other side arrives as the text that it is.

use serde_json::json;
use tieline_e2e::Relay;
use tieline_testkit::discord::{FakeMessage, Post};

use crate::guild::Guild;
use crate::workspace::{Workspace, numbered};

const ROOM: &str = "TEAM";

async fn linked() -> (Guild, Workspace, Relay) {
    let (guild, desk) = (Guild::start().await, Workspace::start("desk", &[ROOM]).await);
    let configuration = json!({
        "global": {},
        "rocketchat": { "desk": desk.settings() },
        "discord": { "dc": guild.settings() },
        "rules": [{
            "id": "both", "type": "connect", "channels": { "desk": { "room_id": ROOM }, "dc": guild.address() },
            "msg": { "rc_alias": "{user}", "webhook_title": "{user}" },
        }],
    });
    let relay = Relay::start(configuration).await;
    guild.server.gateway().wait_until_connected().await;
    (guild, desk, relay)
}

#[tokio::test]
async fn nothing_typed_in_rocket_chat_pings_or_links_on_discord() {
    let (guild, desk, mut relay) = linked().await;
    let role = guild.server.add_role(guild.id, "mods", true);
    let hostile = [
        "@everyone @here".to_owned(),
        "@all @here".to_owned(),
        format!("<@&{role}> <@{}> <@!{}>", guild.carol, guild.carol),
        "[x](javascript:alert(1)) <javascript:x>".to_owned(),
        "||hidden|| `@everyone` ```\n@here\n```".to_owned(),
        "https://example.com/@everyone".to_owned(),
    ];
    for text in &hostile {
        desk.say(ROOM, text).await;
    }
    let posted = guild.server.wait_for_count(guild.general, hostile.len()).await;
    relay.settled().await;
    for message in &posted {
        assert!(message.pinged.is_empty(), "{message:?}");
        assert!(!message.content.contains("](javascript:"), "{}", message.content);
    }
    guild.was_called_properly();
}

#[tokio::test]
async fn nothing_typed_on_discord_pings_in_rocket_chat() {
    let (guild, desk, mut relay) = linked().await;
    // Nobody in the room is called exactly so; who is may be called, by a word of its own.
    for text in ["@everyone", "@all hello", "@here", "[x](javascript:alert(1))", "@anne @an @Ann-Example"] {
        guild.say(text);
    }
    let copies = desk.server.wait_for_count(ROOM, 5).await;
    relay.settled().await;
    for copy in &copies {
        let called = ["@everyone", "@all", "@here", "@an", "@Ann"].iter().any(|name| copy.text.contains(name));
        assert!(!called && !copy.text.contains("](javascript:"), "{}", copy.text);
    }
}

#[tokio::test]
async fn walls_of_text_are_cut_and_whole_on_both_sides() {
    let (guild, desk, mut relay) = linked().await;
    let wall = numbered("word", 600).join("_").replace(' ', "").replace('_', " ");
    desk.say(ROOM, &wall).await;
    let posted = guild.server.wait_for(guild.general, |message| message.content.contains("word599")).await;
    relay.settled().await;
    let all = guild.heard(guild.general);
    assert!(all.len() > 2 && all.iter().all(|part| part.encode_utf16().count() <= 2000), "{}", all.len());
    let words: Vec<&str> = all.iter().flat_map(|part| part.split_whitespace()).collect();
    assert_eq!(words, wall.split_whitespace().collect::<Vec<_>>());
    assert_eq!(posted.author_name, "Ann Example");
    let emoji = "👨‍👩‍👧‍👦".repeat(181);
    guild.server.say(guild.general, guild.carol, Post::text(&emoji));
    let copy = desk.server.wait_for(ROOM, |message| message.text.starts_with('👨')).await;
    assert_eq!(copy.text, emoji);
    guild.was_called_properly();
}

#[tokio::test]
async fn any_name_can_be_shown() {
    let (guild, desk, mut relay) = linked().await;
    let long = "x".repeat(200);
    let names = ["Clyde", "Discord Support", "everyone", "here", "@#:```", "   ", "\u{200b}", long.as_str(), "👩 Ümit"];
    for (index, name) in names.iter().enumerate() {
        let user = desk.server.add_user(&format!("user{index}"), name, &["user"]);
        desk.server.join(ROOM, &user);
        let id = desk.server.post(&user, ROOM, &format!("message {index}"));
        desk.taken(&id).await;
    }
    let posted = guild.server.wait_for_count(guild.general, names.len()).await;
    relay.settled().await;
    // A name that cannot be shown stands in the text.
    let said = |(index, message): (usize, &FakeMessage)| message.content.ends_with(&format!("message {index}"));
    assert!(posted.iter().enumerate().all(said), "{posted:?}");
    assert_eq!(posted[8].author_name, "👩 Ümit");
    assert_eq!(relay.messages("dead").await, 0);
    guild.was_called_properly();
}
