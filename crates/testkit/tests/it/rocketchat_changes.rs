//! What Rocket.Chat lets accounts do to messages, and what it shows afterwards.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tieline_testkit::FixedClock;
use tieline_testkit::rocketchat::{FakeRocketChat, RocketChatScript, RoomKind, User};

use crate::client::Client;

/// A room with somebody and a bot that lacks the role `user`.
async fn server(script: RocketChatScript) -> (FakeRocketChat, User, User) {
    let server = FakeRocketChat::start(RocketChatScript { rest_limit: None, ..script }).await;
    let (bot, ann) = (server.add_user("relay", "Relay", &["bot"]), server.add_user("ann", "Ann Smith", &["user"]));
    server.add_room(RoomKind::Private, "R", "room");
    server.join("R", &bot);
    server.join("R", &ann);
    (server, bot, ann)
}

/// The code and the text of a refusal.
fn refusal((status, answer): (u16, Value)) -> (String, String) {
    assert_eq!((status, &answer["success"]), (400, &json!(false)), "{answer}");
    let text = |key: &str| answer[key].as_str().unwrap_or_default().to_owned();
    (text("errorType"), text("error"))
}

fn update(id: &str, text: &str) -> Value {
    json!({ "roomId": "R", "msgId": id, "text": text })
}

fn delete(id: &str) -> Value {
    json!({ "roomId": "R", "msgId": id })
}

fn react(id: &str, emoji: &str, wanted: bool) -> Value {
    json!({ "messageId": id, "emoji": emoji, "shouldReact": wanted })
}

#[tokio::test]
async fn an_edit_is_the_authors_or_a_moderators() {
    let (server, bot, ann) = server(RocketChatScript::default()).await;
    let (hers, client) = (server.post(&ann, "R", "teh"), Client(&server, &bot));
    let (code, text) = refusal(client.post("chat.update", &update(&hers, "the")).await);
    assert_eq!(
        (code.as_str(), text.as_str()),
        ("error-action-not-allowed", "Message editing not allowed [error-action-not-allowed]")
    );
    // The same text is nobody's business.
    assert_eq!(client.post("chat.update", &update(&hers, "teh")).await.0, 200);
    assert_eq!(server.message(&hers).unwrap().edited, None);
    server.set_roles(&bot, &["bot", "moderator"]);
    let (_, answer) = client.post("chat.update", &update(&hers, "the")).await;
    assert_eq!(
        (&answer["message"]["msg"], &answer["message"]["editedBy"]["username"]),
        (&json!("the"), &json!("relay"))
    );
    let (_, text) = refusal(client.post("chat.update", &update("nope", "x")).await);
    assert_eq!(text, "No message found with the id of \"nope\".");
    let elsewhere = json!({ "roomId": "S", "msgId": hers, "text": "x" });
    let (_, text) = refusal(client.post("chat.update", &elsewhere).await);
    assert_eq!(text, "The room id provided does not match where the message is from.");
    for unknown in ["alias", "avatar", "tmid"] {
        let mut body = update(&hers, "x");
        body[unknown] = json!("x");
        assert_eq!(refusal(client.post("chat.update", &body).await).0, "invalid-params", "{unknown}");
    }
    server.set_archived("R", true);
    assert_eq!(refusal(client.post("chat.update", &update(&hers, "x")).await).1, "room_is_archived");
}

#[tokio::test]
async fn the_time_to_change_a_message_ends_for_all_but_bots() {
    let clock = Arc::new(FixedClock::default());
    let script = RocketChatScript { edit_minutes: 5, delete_minutes: 5, clock: clock.clone(), ..Default::default() };
    let (server, bot, ann) = server(script).await;
    let (hers, its) = (server.post(&ann, "R", "teh"), server.post(&bot, "R", "teh"));
    let (ann, bot) = (Client(&server, &ann), Client(&server, &bot));
    clock.advance(Duration::from_secs(299));
    assert_eq!(ann.post("chat.update", &update(&hers, "the")).await.0, 200);
    clock.advance(Duration::from_secs(1));
    let (code, _) = refusal(ann.post("chat.update", &update(&hers, "The")).await);
    assert_eq!(code, "error-message-editing-blocked");
    assert_eq!(refusal(ann.post("chat.delete", &delete(&hers)).await).0, "error-action-not-allowed");
    assert_eq!(bot.post("chat.update", &update(&its, "The")).await.0, 200);
}

#[tokio::test]
async fn settings_forbid_changes() {
    let script = RocketChatScript { allow_editing: false, allow_deleting: false, ..Default::default() };
    let (server, _, ann) = server(script).await;
    let id = server.post(&ann, "R", "teh");
    let client = Client(&server, &ann);
    assert_eq!(refusal(client.post("chat.update", &update(&id, "the")).await).0, "error-action-not-allowed");
    assert_eq!(refusal(client.post("chat.delete", &delete(&id)).await).0, "error-action-not-allowed");
    server.set_roles(&ann, &["admin"]);
    assert_eq!(client.post("chat.delete", &delete(&id)).await.0, 200, "by force");
}

#[tokio::test]
async fn an_edit_changes_the_description_of_a_file_and_what_is_quoted() {
    let (server, _, ann) = server(RocketChatScript::default()).await;
    let file = server.post_described(&ann, "R", b"bytes", "a cta").unwrap().id;
    server.edit(&ann, &file, "a cat").unwrap();
    let file = server.message(&file).unwrap();
    assert_eq!((file.text.as_str(), file.files[0].description.as_str()), ("", "a cat"));
    let quoted = server.post(&ann, "R", "why?");
    let answer = server.post(&ann, "R", &format!("[ ]({}/group/room?msg={quoted}) so", server.url()));
    assert_eq!(server.message(&answer).unwrap().attachments.len(), 1);
    server.edit(&ann, &answer, "so").unwrap();
    assert_eq!(server.message(&answer).unwrap().attachments.len(), 0);
}

#[tokio::test]
async fn the_role_bot_may_not_delete_what_it_wrote() {
    let (server, bot, ann) = server(RocketChatScript::default()).await;
    let (its, hers) = (server.post(&bot, "R", "its"), server.post(&ann, "R", "hers"));
    let client = Client(&server, &bot);
    let (code, text) = refusal(client.post("chat.delete", &delete(&its)).await);
    assert_eq!((code.as_str(), text.as_str()), ("error-action-not-allowed", "Not allowed [error-action-not-allowed]"));
    server.set_roles(&bot, &["bot", "user"]);
    let (status, answer) = client.post("chat.delete", &delete(&its)).await;
    assert_eq!((status, &answer["message"]["rid"]), (200, &json!("R")));
    assert_eq!(server.message(&its), None);
    assert_eq!(refusal(client.post("chat.delete", &delete(&hers)).await).0, "error-action-not-allowed");
    let (_, text) = refusal(client.post("chat.delete", &delete(&its)).await);
    assert_eq!(text, format!("No message found with the id of \"{its}\"."));
    server.set_roles(&bot, &["bot", "moderator"]);
    server.leave("R", &bot);
    assert_eq!(refusal(client.post("chat.delete", &delete(&hers)).await).0, "error-action-not-allowed");
}

#[tokio::test]
async fn a_reaction_is_given_by_name_and_once() {
    let script = RocketChatScript {
        custom_emoji: vec!["party_parrot".to_owned()],
        unknown_emoji: vec!["wave".to_owned()],
        ..Default::default()
    };
    let (server, bot, ann) = server(script).await;
    let id = server.post(&ann, "R", "hi");
    let client = Client(&server, &bot);
    for name in [":tada:", "tada", "party_parrot"] {
        assert_eq!(client.post("chat.react", &react(&id, name, true)).await.0, 200, "{name}");
    }
    let before = server.message(&id).unwrap();
    assert_eq!(before.reactions[":tada:"], ["relay"]);
    // What is so already changes nothing.
    assert_eq!(client.post("chat.react", &react(&id, "tada", true)).await.0, 200);
    assert_eq!(client.post("chat.react", &react(&id, "eyes", false)).await.0, 200);
    assert_eq!(server.message(&id).unwrap(), before);
    let toggle = json!({ "messageId": id, "reaction": "tada" });
    assert_eq!(client.post("chat.react", &toggle).await.0, 200);
    assert!(!server.message(&id).unwrap().reactions.contains_key(":tada:"));
    for name in ["🎉", "wave", "blob_cat", "no such"] {
        let (code, text) = refusal(client.post("chat.react", &react(&id, name, true)).await);
        let expected = ("error-not-allowed", "Invalid emoji provided. [error-not-allowed]");
        assert_eq!((code.as_str(), text.as_str()), expected, "{name}");
    }
    assert_eq!(refusal(client.post("chat.react", &react("nope", "tada", true)).await).0, "error-message-not-found");
    server.leave("R", &bot);
    assert_eq!(refusal(client.post("chat.react", &react(&id, "tada", true)).await).0, "error-not-allowed");
}

#[tokio::test]
async fn members_are_found_by_parts_of_their_names() {
    let (server, bot, ann) = server(RocketChatScript::default()).await;
    let client = Client(&server, &bot);
    let (_, answer) = client.get("groups.members?roomId=R&filter=SMI&count=100").await;
    let member = json!({ "_id": ann.id, "username": "ann", "name": "Ann Smith", "status": "online" });
    assert_eq!(answer, json!({ "members": [member], "count": 1, "offset": 0, "total": 1, "success": true }));
    let (_, answer) = client.get("groups.members?roomId=R&count=1").await;
    assert_eq!((&answer["count"], &answer["total"]), (&json!(1), &json!(2)));
    assert_eq!(refusal(client.get("channels.members?roomId=R").await).0, "error-room-not-found");
    server.leave("R", &bot);
    assert_eq!(refusal(client.get("groups.members?roomId=R").await).0, "error-room-not-found");
}
