//! The realtime API of the fake Rocket.Chat, by a client as small as these tests need it.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tieline_testkit::rocketchat::{FakeRocketChat, RocketChatScript, RoomKind, User};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::client::PATIENCE;

struct Client(WebSocketStream<TcpStream>);

impl Client {
    async fn dial(server: &FakeRocketChat) -> Self {
        let origin = server.url().trim_start_matches("http://");
        let stream = TcpStream::connect(origin).await.unwrap();
        let (socket, _) = client_async(format!("ws://{origin}/websocket"), stream).await.unwrap();
        let mut client = Self(socket);
        assert_eq!(client.read().await, Ok(json!({ "server_id": "0" })));
        client
    }

    async fn connect(server: &FakeRocketChat) -> Self {
        let mut client = Self::dial(server).await;
        client.say(&json!({ "msg": "connect", "version": "1", "support": ["1"] })).await;
        assert_eq!(client.read().await.unwrap()["msg"], "connected");
        client
    }

    async fn login(server: &FakeRocketChat, user: &User) -> Self {
        let mut client = Self::connect(server).await;
        let result = client.call_login(&json!({ "resume": user.token })).await;
        assert_eq!((&result["result"]["id"], &result["result"]["type"]), (&json!(user.id), &json!("resume")));
        client
    }

    async fn call_login(&mut self, wish: &Value) -> Value {
        self.say(&json!({ "msg": "method", "method": "login", "id": "1", "params": [wish] })).await;
        let result = self.read().await.unwrap();
        assert_eq!(self.read().await, Ok(json!({ "msg": "updated", "methods": ["1"] })));
        result
    }

    async fn subscribe(&mut self, id: &str, stream: &str, key: &str) -> Value {
        let params = json!([key, { "useCollection": false, "args": [] }]);
        self.say(&json!({ "msg": "sub", "id": id, "name": stream, "params": params })).await;
        self.read().await.unwrap()
    }

    async fn hears(&mut self, id: &str, stream: &str, key: &str) {
        assert_eq!(self.subscribe(id, stream, key).await, json!({ "msg": "ready", "subs": [id] }));
    }

    async fn say(&mut self, frame: &Value) {
        self.0.send(Message::text(frame.to_string())).await.unwrap();
    }

    /// A frame, or the code of the close.
    async fn read(&mut self) -> Result<Value, u16> {
        loop {
            match timeout(PATIENCE, self.0.next()).await.expect("the server says something") {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(frame))) => return Err(frame.map_or(1005, |frame| frame.code.into())),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(1006),
            }
        }
    }

    /// The arguments of the next event, after its stream and key.
    async fn event(&mut self) -> (String, String, Value) {
        let frame = self.read().await.unwrap();
        assert_eq!(frame["msg"], "changed", "{frame}");
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (text(&frame["collection"]), text(&frame["fields"]["eventName"]), frame["fields"]["args"].clone())
    }

    async fn message(&mut self) -> Value {
        let (stream, _, args) = self.event().await;
        assert_eq!(stream, "stream-room-messages");
        args[0].clone()
    }
}

async fn started(script: RocketChatScript) -> (FakeRocketChat, User, User) {
    let server = FakeRocketChat::start(script).await;
    let (bot, ann) = (server.add_user("bot", "Bot", &["bot"]), server.add_user("ann", "Ann", &["user"]));
    server.add_room(RoomKind::Private, "R1", "lounge");
    server.join("R1", &bot);
    server.join("R1", &ann);
    (server, bot, ann)
}

#[tokio::test]
async fn who_may_log_in() {
    let (server, bot, _) = started(RocketChatScript::default()).await;
    let mut client = Client::connect(&server).await;
    let refused = client.call_login(&json!({ "resume": "no token" })).await;
    assert_eq!(refused["error"]["error"], 403);
    let by = |digest: String| json!({ "user": { "username": "bot" }, "password": { "digest": digest, "algorithm": "sha-256" } });
    assert_eq!(client.call_login(&by("password of bot".to_owned())).await["error"]["error"], 403);
    let good = client.call_login(&by(format!("{:x}", Sha256::digest("password of bot")))).await;
    assert_eq!(good["result"]["id"], bot.id);
    let again = client.call_login(&json!({ "resume": good["result"]["token"] })).await;
    assert_eq!(again["result"]["type"], "resume");
    assert_eq!(server.realtime().logins(), 2);
    let frames = json!(server.realtime().frames()).to_string();
    assert!(!frames.contains(&bot.token) && !frames.contains("digest"), "credentials are not remembered");
}

#[tokio::test]
async fn what_breaks_the_protocol_is_closed() {
    let (server, _, _) = started(RocketChatScript::default()).await;
    let mut client = Client::dial(&server).await;
    client.say(&json!({ "msg": "sub", "id": "1", "name": "stream-room-messages", "params": ["R1"] })).await;
    assert_eq!(client.read().await, Err(1002));
    let mut client = Client::connect(&server).await;
    client.0.send(Message::text("{")).await.unwrap();
    assert_eq!(client.read().await, Err(1007));
    let mut client = Client::connect(&server).await;
    client.say(&json!({ "msg": "method", "id": "1" })).await;
    assert_eq!(client.read().await, Err(1002));
    let mut client = Client::dial(&server).await;
    client.say(&json!({ "msg": "connect", "version": "2", "support": ["2"] })).await;
    assert_eq!(client.read().await, Ok(json!({ "msg": "failed", "version": "1" })));
}

#[tokio::test]
async fn who_may_subscribe_to_what() {
    let (server, bot, ann) = started(RocketChatScript::default()).await;
    server.add_room(RoomKind::Public, "OPEN", "open");
    server.add_room(RoomKind::Private, "SHUT", "shut");
    let mut stranger = Client::connect(&server).await;
    assert_eq!(stranger.subscribe("1", "stream-room-messages", "OPEN").await["msg"], "nosub");
    let mut client = Client::login(&server, &bot).await;
    let own = format!("{}/subscriptions-changed", bot.id);
    let others = format!("{}/subscriptions-changed", ann.id);
    for (stream, key, may) in [
        ("stream-room-messages", "R1", true),
        ("stream-room-messages", "OPEN", true),
        ("stream-room-messages", "SHUT", false),
        ("stream-room-messages", "__my_messages__", true),
        ("stream-notify-room", "R1/deleteMessage", true),
        ("stream-notify-room", "OPEN/deleteMessage", false),
        ("stream-notify-room", "OPEN/deleteMessageBulk", false),
        ("stream-notify-user", own.as_str(), true),
        ("stream-notify-user", others.as_str(), false),
        ("stream-nothing", "R1", false),
    ] {
        let answer = client.subscribe("s", stream, key).await;
        assert_eq!(answer["msg"], if may { "ready" } else { "nosub" }, "{stream} {key}: {answer}");
    }
    assert_eq!(server.realtime().subscribed().iter().filter(|one| one.refused).count(), 6);
}

#[tokio::test]
async fn a_message_is_told_whole_at_every_change() {
    let (server, bot, ann) = started(RocketChatScript::default()).await;
    let mut client = Client::login(&server, &bot).await;
    client.hears("a", "stream-room-messages", "R1").await;
    let id = server.post(&ann, "R1", "hi");
    let new = client.message().await;
    assert_eq!((&new["_id"], &new["msg"], &new["u"]["name"]), (&json!(id), &json!("hi"), &json!("Ann")));
    assert!(new["ts"]["$date"].is_i64() && new["_updatedAt"]["$date"].is_i64(), "{new}");
    server.edit(&ann, &id, "hello").unwrap();
    let edited = client.message().await;
    assert_eq!((&edited["msg"], edited["editedAt"]["$date"].is_i64()), (&json!("hello"), true));
    server.react(&ann, &id, "tada", true).unwrap();
    assert_eq!(client.message().await["reactions"], json!({ ":tada:": { "usernames": ["ann"] } }));
    server.pin(&id).unwrap();
    assert_eq!(client.message().await["pinned"], true);
    let reply = server.post_in_thread(&ann, "R1", &id, "re").unwrap();
    assert_eq!(client.message().await["_id"], reply);
    assert_eq!(client.message().await["tcount"], 1, "the opener is told again");
    server.announce("R1", &ann, "room_changed_topic", "tea").unwrap();
    assert_eq!(client.message().await["t"], "room_changed_topic");
}

#[tokio::test]
async fn a_message_goes_in_two_ways() {
    let (server, bot, ann) = started(RocketChatScript::default()).await;
    let mut client = Client::login(&server, &bot).await;
    client.hears("a", "stream-notify-room", "R1/deleteMessage").await;
    client.hears("b", "stream-notify-room", "R1/deleteMessageBulk").await;
    let (gone, opener) = (server.post(&ann, "R1", "gone"), server.post(&ann, "R1", "opener"));
    server.delete(&ann, &gone).unwrap();
    assert_eq!(client.event().await.2, json!([{ "_id": gone }]));
    server.post_in_thread(&ann, "R1", &opener, "re").unwrap();
    client.hears("c", "stream-room-messages", "R1").await;
    server.delete(&ann, &opener).unwrap();
    let emptied = client.message().await;
    assert_eq!((&emptied["_id"], &emptied["t"], &emptied["msg"]), (&json!(opener), &json!("rm"), &json!("")));
    server.prune("R1", true);
    let (_, key, args) = client.event().await;
    assert_eq!((key.as_str(), args[0]["ids"].as_array().unwrap().len()), ("R1/deleteMessageBulk", 2));
    assert!(server.messages("R1").is_empty());

    let keeping = RocketChatScript { show_deleted_status: true, ..RocketChatScript::default() };
    let (server, bot, ann) = started(keeping).await;
    let mut client = Client::login(&server, &bot).await;
    client.hears("a", "stream-room-messages", "R1").await;
    let id = server.post(&ann, "R1", "kept");
    client.message().await;
    server.delete(&ann, &id).unwrap();
    assert_eq!(client.message().await["t"], "rm");
}

#[tokio::test]
async fn two_subscriptions_tell_twice_and_none_tells_nothing() {
    let (server, bot, ann) = started(RocketChatScript::default()).await;
    server.add_room(RoomKind::Public, "OPEN", "open");
    let mut client = Client::login(&server, &bot).await;
    client.hears("a", "stream-room-messages", "R1").await;
    client.hears("b", "stream-room-messages", "R1").await;
    server.post(&ann, "R1", "one");
    assert_eq!(client.message().await, client.message().await);
    for id in ["a", "b"] {
        client.say(&json!({ "msg": "unsub", "id": id })).await;
        assert_eq!(client.read().await.unwrap()["msg"], "nosub");
    }
    client.hears("c", "stream-room-messages", "__my_messages__").await;
    server.post(&ann, "OPEN", "two");
    let (_, key, args) = client.event().await;
    assert_eq!((key.as_str(), &args[0]["msg"]), ("__my_messages__", &json!("two")));
    assert_eq!(args[1], json!({ "roomParticipant": false, "roomType": "c", "roomName": "open" }));
}

#[tokio::test]
async fn joining_and_leaving_is_told_and_ends_the_stream() {
    let (server, bot, ann) = started(RocketChatScript::default()).await;
    let mut client = Client::login(&server, &bot).await;
    client.hears("a", "stream-notify-user", &format!("{}/subscriptions-changed", bot.id)).await;
    client.hears("b", "stream-room-messages", "R1").await;
    server.leave("R1", &bot);
    let (_, _, args) = client.event().await;
    assert_eq!((&args[0], &args[1]["rid"]), (&json!("removed"), &json!("R1")));
    server.post(&ann, "R1", "not for the bot");
    server.join("R1", &bot);
    assert_eq!(client.event().await.2[0], "inserted", "what was written between was not told");
}

#[tokio::test]
async fn both_sides_may_ask_for_a_sign_of_life() {
    let script = RocketChatScript { ddp_heartbeat: Duration::from_millis(50), ..RocketChatScript::default() };
    let (server, ..) = started(script).await;
    let mut client = Client::connect(&server).await;
    client.say(&json!({ "msg": "ping", "id": "7" })).await;
    assert_eq!(client.read().await, Ok(json!({ "msg": "pong", "id": "7" })));
    assert_eq!(client.read().await, Ok(json!({ "msg": "ping" })));
    assert_eq!(client.read().await, Err(4000), "a client that keeps silent is closed");

    let (server, ..) = started(RocketChatScript::default()).await;
    let mut client = Client::connect(&server).await;
    server.realtime().ping("9");
    assert_eq!(client.read().await, Ok(json!({ "msg": "ping", "id": "9" })));
    server.realtime().close_with(1013);
    assert_eq!(client.read().await, Err(1013));
    let mut client = Client::connect(&server).await;
    server.realtime().cut();
    assert_eq!(client.read().await, Err(1006));
    server.realtime().refuse(1);
    let origin = server.url().trim_start_matches("http://").to_owned();
    let stream = TcpStream::connect(&origin).await.unwrap();
    assert!(client_async(format!("ws://{origin}/websocket"), stream).await.is_err());
    assert_eq!(server.realtime().dials().pop().unwrap().refused, Some(503));
}
