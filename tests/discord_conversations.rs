//! Rocket.Chat, WhatsApp and Discord in one run: each hears the others, under the writers' names as far as it can show
//! them.

use serde_json::{Value, json};
use tieline_e2e::Relay;
use tieline_testkit::discord::{Post, Route};
use tieline_testkit::whatsapp::{Group, Message, Person};

use crate::addon::Addon;
use crate::guild::Guild;
use crate::workspace::{Workspace, counts};

const ROOM: &str = "TEAM";
const GROUP: &str = "120363000000000001@g.us";

struct Three {
    desk: Workspace,
    addon: Addon,
    guild: Guild,
}

impl Three {
    async fn start() -> Self {
        let (desk, addon, guild) =
            (Workspace::start("desk", &[ROOM]).await, Addon::start().await, Guild::start().await);
        let bob = Person::new("491700000002", "Bob");
        addon.server.account().add_group(Group::new(GROUP, "Neighbours", &[&addon.alice, &bob]));
        Self { desk, addon, guild }
    }

    fn connected(&self) -> Value {
        json!({
            "global": {},
            "rocketchat": { "desk": self.desk.settings() },
            "whatsapp": { "wa": self.addon.settings() },
            "discord": { "dc": self.guild.settings() },
            "rules": [{
                "id": "team", "type": "connect",
                "channels": {
                    "desk": { "room_id": ROOM }, "wa": { "chat_id": GROUP }, "dc": self.guild.address(),
                },
                "msg": {
                    "rc_alias": "{user}", "rc_avatar": "{user_avatar}",
                    "webhook_title": "{user}", "webhook_avatar": "{user_avatar}",
                },
            }],
        })
    }

    fn was_called_properly(&self) {
        self.addon.was_called_properly();
        self.guild.was_called_properly();
    }
}

#[tokio::test]
async fn each_platform_hears_the_others() {
    let three = Three::start().await;
    let Three { desk, addon, guild } = &three;
    let mut relay = Relay::start(three.connected()).await;
    guild.server.gateway().wait_until_connected().await;

    desk.say(ROOM, "*Hello* from Rocket.Chat").await;
    let posted = guild.server.wait_for_count(guild.general, 1).await.remove(0);
    assert_eq!((posted.content.as_str(), posted.author_name.as_str()), ("**Hello** from Rocket.Chat", "Ann Example"));
    assert!(posted.avatar.as_deref().is_some_and(|avatar| avatar.contains("/avatar/ann")), "{posted:?}");
    let sent = addon.server.wait_for_sent(1).await.remove(0);
    assert_eq!(sent.content["text"], "[rocketchat] Ann Example: *Hello* from Rocket.Chat");

    guild.say("_Hello_ from **Discord**");
    let copy = desk.server.wait_for(ROOM, |message| message.text.contains("Discord")).await;
    assert_eq!((copy.text.as_str(), copy.alias.as_deref()), ("_Hello_ from *Discord*", Some("Carol Example")));
    // Rocket.Chat is given pictures by https only, and the fake's are not.
    assert_eq!(copy.avatar, None);
    let sent = addon.server.wait_for_sent(2).await.remove(1);
    assert_eq!(sent.content["text"], "[discord] Carol Example: _Hello_ from *Discord*");

    let id = addon.server.text(GROUP, &addon.alice, "Hello from ~nowhere~ *WhatsApp*");
    addon.taken(&id).await;
    let posted = guild.server.wait_for_count(guild.general, 3).await.remove(2);
    assert_eq!(posted.content, "Hello from ~~nowhere~~ **WhatsApp**");
    assert_eq!(posted.author_name, "Alice");
    desk.server.wait_for(ROOM, |message| message.text == "Hello from ~nowhere~ *WhatsApp*").await;

    desk.all_told(ROOM).await;
    relay.settled().await;
    assert_eq!(guild.heard(guild.general).len(), 2, "one copy of each, and none of their own");
    assert_eq!(desk.heard(ROOM).len(), 2);
    assert_eq!(addon.server.sent().len(), 2);
    assert_eq!(guild.server.webhooks(guild.general).len(), 1, "one webhook serves all writers");
    assert_eq!(counts(&relay).await[3], 0);
    three.was_called_properly();
}

#[tokio::test]
async fn files_arrive_byte_for_byte_everywhere() {
    let three = Three::start().await;
    let Three { desk, addon, guild } = &three;
    let mut relay = Relay::start(three.connected()).await;
    guild.server.gateway().wait_until_connected().await;
    let noise = |seed: u64, length: usize| -> Vec<u8> {
        let mut random = fastrand::Rng::with_seed(seed);
        std::iter::repeat_with(|| random.u8(..)).take(length).collect()
    };
    let (first, second) = (noise(1, 3_000_000), noise(2, 40_000));

    let post = Post::text("two files").file("notes.bin", "application/octet-stream", &first).file(
        "b.bin",
        "application/octet-stream",
        &second,
    );
    guild.server.say(guild.general, guild.carol, post);
    let in_room = desk.server.wait_for(ROOM, |message| message.files.iter().any(|file| file.name == "b.bin")).await;
    assert!(in_room.files.last().expect("a file").read().expect("readable") == second);
    let all: Vec<_> = desk.copies(ROOM).into_iter().flat_map(|copy| copy.files).collect();
    assert!(all.iter().any(|file| file.read().expect("readable") == first), "the first file");
    addon.server.wait_for_sent(2).await;

    let file = desk.put(ROOM, "plan.bin", "application/octet-stream", &first, "the *plan*").await;
    assert_eq!(file.files.len(), 1);
    let posted =
        guild.server.wait_for(guild.general, |message| message.files.len() == 1 && message.webhook_id.is_some()).await;
    assert_eq!((posted.content.as_str(), posted.author_name.as_str()), ("the **plan**", "Ann Example"));
    assert_eq!(posted.files[0].name, "plan.bin");
    assert!(posted.files[0].read().expect("readable") == first);

    let voice = addon.server.say(GROUP, &addon.alice, Message::voice(second.clone()));
    addon.taken(&voice).await;
    let posted = guild.server.wait_for(guild.general, |message| message.author_name == "Alice").await;
    assert!(posted.files[0].read().expect("readable") == second);
    relay.settled().await;
    three.was_called_properly();
}

#[tokio::test]
async fn what_is_larger_than_discord_takes_becomes_a_label() {
    let three = Three::start().await;
    let Three { desk, guild, .. } = &three;
    let mut relay = Relay::start(three.connected()).await;
    desk.put(ROOM, "film.bin", "application/octet-stream", &vec![7; 11 * 1024 * 1024], "look").await;
    let posted = guild.server.wait_for_count(guild.general, 1).await.remove(0);
    relay.settled().await;
    let said = guild.heard(guild.general).join("\n");
    assert!(posted.files.is_empty() && said.contains("look") && said.contains("[File: film.bin]"), "{said}");
    assert!(said.contains("larger than"), "{said}");
}

#[tokio::test]
async fn answers_find_what_they_answer() {
    let three = Three::start().await;
    let Three { desk, guild, .. } = &three;
    let mut relay = Relay::start(three.connected()).await;
    guild.server.gateway().wait_until_connected().await;
    let question = guild.say("Who has the key?");
    let copy = desk.server.wait_for_count(ROOM, 1).await.remove(0);
    let answer = desk.server.post_in_thread(&desk.ann, ROOM, &copy.id, "I have").expect("Ann may do that");
    desk.taken(&answer).await;
    let posted = guild.server.wait_for_count(guild.general, 2).await.remove(1);
    assert_eq!(posted.reference.as_ref().map(|reference| reference.message), Some(question), "{posted:?}");
    assert_eq!(posted.author, guild.bot.user, "only the bot can answer");
    assert!(posted.content.contains("Ann Example") && posted.content.contains("I have"), "{}", posted.content);

    guild.server.say(guild.general, guild.carol, Post::text("Thanks").reply_to(posted.id));
    let thanks = desk.server.wait_for(ROOM, |message| message.text == "Thanks").await;
    assert_eq!(thanks.tmid, Some(copy.id), "an answer to an answer stays in the thread");
    relay.settled().await;
    three.was_called_properly();
}

#[tokio::test]
async fn threads_belong_to_their_channel_unless_a_rule_names_them() {
    let (desk, guild) = (Workspace::start("desk", &[ROOM, "OWN"]).await, Guild::start().await);
    let (plain, named) = (
        guild.server.add_thread(guild.general, guild.carol, "plans"),
        guild.server.add_thread(guild.general, guild.carol, "secrets"),
    );
    let configuration = json!({
        "global": {},
        "rocketchat": { "desk": desk.settings() },
        "discord": { "dc": guild.settings() },
        "rules": [
            { "id": "all", "from": { "dc": guild.address() }, "to": { "desk": { "room_id": ROOM } },
              "msg": { "msg_format": "{room}: {msg}" } },
            { "id": "own", "type": "connect",
              "channels": { "dc": { "channel_id": named.to_string() }, "desk": { "room_id": "OWN" } } },
        ],
    });
    let mut relay = Relay::start(configuration).await;
    guild.server.gateway().wait_until_connected().await;
    guild.server.person_writes(plain, guild.carol, "in a thread");
    guild.server.person_writes(named, guild.carol, "in another");
    desk.server.wait_for_count(ROOM, 1).await;
    desk.server.wait_for_count("OWN", 1).await;
    desk.say("OWN", "back").await;
    let posted = guild.server.wait_for(named, |message| message.webhook_id.is_some()).await;
    assert!(posted.content.contains("back"));
    let hooks = guild.server.requests_to(Route::ExecuteWebhook);
    assert!(
        hooks
            .iter()
            .all(|call| call.query.as_deref().is_some_and(|query| query.contains(&format!("thread_id={named}"))))
    );
    relay.settled().await;
    assert!(desk.heard(ROOM)[0].ends_with(": in a thread"), "{:?}", desk.heard(ROOM));
    assert_eq!(desk.heard(ROOM).len(), 1);
    guild.was_called_properly();
}

#[tokio::test]
async fn the_seeds_example_works_as_it_stands() {
    let (desk, guild) = (Workspace::start("desk", &[ROOM]).await, Guild::start().await);
    let configuration = json!({
        "global": {},
        "rocketchat": { "desk": desk.settings() },
        "discord": { "dc": guild.settings() },
        "rules": [{
            "id": "support", "from": { "dc": guild.address() }, "to": { "desk": { "room_id": ROOM } },
            "msg": { "msg_format": "[Discord] {user}: {msg}", "rc_alias": "{user}", "rc_avatar": "{user_avatar}" },
        }],
    });
    let mut relay = Relay::start(configuration).await;
    guild.server.gateway().wait_until_connected().await;
    guild.say("Hi <@everyone> <3");
    let copy = desk.server.wait_for_count(ROOM, 1).await.remove(0);
    assert_eq!(copy.alias.as_deref(), Some("Carol Example"));
    assert!(copy.text.starts_with("[Discord] Carol Example: Hi "), "{}", copy.text);
    relay.settled().await;
}
