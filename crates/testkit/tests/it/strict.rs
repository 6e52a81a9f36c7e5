//! What Rocket.Chat refuses, the fake refuses, with the same status and words.

use serde_json::{Value, json};
use tieline_testkit::rocketchat::{FakeRocketChat, RocketChatScript, RoomKind, User};

use crate::client::Client;

async fn server(script: RocketChatScript) -> (FakeRocketChat, User, User) {
    let server = FakeRocketChat::start(RocketChatScript { rest_limit: None, ..script }).await;
    let (bot, ann) = (server.add_user("relay", "Relay", &["bot"]), server.add_user("ann", "Ann Smith", &["user"]));
    server.add_room(RoomKind::Public, "GENERAL", "general");
    server.add_room(RoomKind::Private, "SECRET", "secret");
    server.join("GENERAL", &bot);
    server.join("GENERAL", &ann);
    server.join("SECRET", &ann);
    (server, bot, ann)
}

fn error(answer: &Value) -> &str {
    answer["error"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn bodies_with_unknown_or_missing_keys_are_refused() {
    let (server, bot, _) = server(RocketChatScript::default()).await;
    let client = Client(&server, &bot);
    let bodies = [
        ("chat.sendMessage", json!({"message": {"rid": "GENERAL", "msg": "x", "bogus": 1}})),
        ("chat.sendMessage", json!({"message": {"msg": "x"}})),
        ("chat.sendMessage", json!({"message": {"rid": "GENERAL", "msg": 5}})),
        ("chat.postMessage", json!({"text": "x"})),
        ("chat.postMessage", json!({"roomId": "GENERAL", "channel": "#general", "text": "x"})),
        ("chat.postMessage", json!({"channel": "#general", "tmid": "t", "text": "x"})),
        ("chat.postMessage", json!({"roomId": "GENERAL", "msg": "x"})),
        ("chat.postMessage", json!({"roomId": "GENERAL", "text": "x", "groupable": false})),
        ("chat.update", json!({"roomId": "GENERAL", "msgId": "m", "text": "x", "alias": "Ann"})),
    ];
    for (call, body) in bodies {
        let (status, answer) = client.post(call, &body).await;
        assert_eq!((status, answer["errorType"].as_str()), (400, Some("invalid-params")), "{call} {body} {answer}");
    }
    assert!(server.messages("GENERAL").is_empty());
}
