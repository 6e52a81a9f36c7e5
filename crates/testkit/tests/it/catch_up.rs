//! What a client that was away can learn.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tieline_testkit::FixedClock;
use tieline_testkit::rocketchat::{FakeRocketChat, RocketChatScript, RoomKind};

use crate::client::Client;

fn ids(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|message| message["_id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn sync_messages_tells_what_changed_and_history_what_there_is() {
    let clock = Arc::new(FixedClock::default());
    let script = RocketChatScript { clock: Arc::clone(&clock) as _, ..RocketChatScript::default() };
    let server = FakeRocketChat::start(script).await;
    let (bot, ann) = (server.add_user("relay", "Relay", &["bot"]), server.add_user("ann", "Ann", &["user"]));
    server.add_room(RoomKind::Private, "P", "private");
    server.join("P", &ann);
    let mut posted = Vec::new();
    for text in ["opener", "untouched", "edited later", "deleted later"] {
        posted.push(server.post(&ann, "P", text));
        clock.advance(Duration::from_secs(1));
    }
    let sync = "chat.syncMessages?roomId=P&lastUpdate=2026-03-01T10:00:04.000Z";
    clock.advance(Duration::from_secs(1));
    let reply = server.post_in_thread(&ann, "P", &posted[0], "reply").unwrap();
    server.edit(&ann, &posted[2], "edited").unwrap();
    server.delete(&ann, &posted[3]).unwrap();
    let client = Client(&server, &bot);
    assert_eq!(client.get(sync).await.0, 400, "only members may ask");
    server.join("P", &bot);
    let (status, answer) = client.get(sync).await;
    assert_eq!(status, 200);
    assert_eq!(ids(&answer["result"]["updated"]), [&*reply, &*posted[2], &*posted[0]], "newest first");
    assert_eq!(ids(&answer["result"]["deleted"]), [&*posted[3]]);
    let (_, answer) = client.get("groups.history?roomId=P&count=2&showThreadMessages=false").await;
    assert_eq!(ids(&answer["messages"]), [&*posted[2], &*posted[1]]);
    let (_, answer) = client.get("groups.history?roomId=P&oldest=2026-03-01T10:00:01.000Z&inclusive=true").await;
    assert_eq!(ids(&answer["messages"]), [&*reply, &*posted[2], &*posted[1]]);
    assert_eq!(client.get("channels.history?roomId=P").await.0, 400, "it is no channel");
}
