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

/// The published validators judge the same table: `scripts/validators.sh`.
#[tokio::test]
async fn bodies_are_judged_as_by_the_published_schemas() {
    let (server, bot, _) = server(RocketChatScript::default()).await;
    let client = Client(&server, &bot);
    let table: Vec<(String, bool, Value)> = serde_json::from_str(include_str!("bodies.json")).unwrap();
    for (call, fits, body) in table {
        let before = server.messages("GENERAL").len();
        let (status, answer) = client.post(&call, &body).await;
        assert_eq!(status == 200, fits, "{call} {body} {answer}");
        if !fits {
            assert_eq!((status, answer["errorType"].as_str()), (400, Some("invalid-params")), "{call} {body}");
            assert_eq!(server.messages("GENERAL").len(), before, "a refused body posts nothing");
        }
    }
}

#[tokio::test]
async fn a_repeated_id_inserts_nothing_and_trips_the_endpoint() {
    let (server, bot, _) = server(RocketChatScript::default()).await;
    let client = Client(&server, &bot);
    let body =
        json!({"message": {"_id": "k1", "rid": "GENERAL", "msg": "x", "alias": "Ann", "avatar": "https://a/b.png"}});
    let (status, answer) = client.post("chat.sendMessage", &body).await;
    assert_eq!(
        (status, answer["message"]["_id"].as_str(), answer["message"]["alias"].as_str()),
        (200, Some("k1"), Some("Ann"))
    );
    let (status, answer) = client.post("chat.sendMessage", &body).await;
    assert_eq!((status, error(&answer)), (400, "Cannot read properties of undefined (reading 'starred')"));
    assert_eq!(server.messages("GENERAL").len(), 1);
    assert_eq!(client.get("chat.getMessage?msgId=k1").await.1["message"]["msg"], "x");
    let (status, answer) = client.get("chat.getMessage?msgId=nope").await;
    assert_eq!((status, answer), (400, json!({"success": false})));
}

#[tokio::test]
async fn who_may_not_impersonate_is_refused() {
    let (server, _, ann) = server(RocketChatScript::default()).await;
    let client = Client(&server, &ann);
    for body in [
        json!({"message": {"rid": "GENERAL", "msg": "x", "alias": "Bob"}}),
        json!({"message": {"rid": "GENERAL", "msg": "x", "avatar": "https://a/b.png"}}),
    ] {
        let (status, answer) = client.post("chat.sendMessage", &body).await;
        assert_eq!((status, answer), (400, json!({"success": false, "error": "Not enough permission"})));
    }
    let (status, _) =
        client.post("chat.sendMessage", &json!({"message": {"rid": "GENERAL", "msg": "x", "emoji": ":cat:"}})).await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn long_texts_and_mass_mentions_are_refused_whole() {
    let (server, bot, ann) = server(RocketChatScript::default()).await;
    let bot = Client(&server, &bot);
    let text = |text: &str| json!({"message": {"rid": "GENERAL", "msg": text}});
    // 2,500 faces are 5,000 UTF-16 units.
    assert_eq!(bot.post("chat.sendMessage", &text(&"😀".repeat(2500))).await.0, 200);
    let (status, answer) = bot.post("chat.sendMessage", &text(&format!("{}x", "😀".repeat(2500)))).await;
    assert_eq!((status, answer["errorType"].as_str()), (400, Some("error-message-size-exceeded")));
    let (status, answer) = bot.post("chat.sendMessage", &text("hi @here")).await;
    assert_eq!((status, error(&answer)), (400, "Notify here in this room not allowed [error-action-not-allowed]"));
    assert_eq!(bot.post("chat.sendMessage", &text("hi @\u{200b}all")).await.0, 200);
    assert_eq!(Client(&server, &ann).post("chat.sendMessage", &text("hi @all")).await.0, 200);
}

#[tokio::test]
async fn a_link_to_a_message_quotes_it_wherever_the_site_stands_in_the_address() {
    let (server, bot, ann) = server(RocketChatScript::default()).await;
    let client = Client(&server, &ann);
    let (known, hidden) = (server.post(&ann, "SECRET", "known"), server.post(&bot, "GENERAL", "seen by all"));
    let site = server.url();
    for (text, quotes) in [
        (format!("see {site}/group/secret?msg={known}"), 1),
        (format!("x{site}/group/secret?msg={known} and [t]({site}/x?a=1&%6Dsg={hidden}#top)"), 2),
        (format!("{site}/group/secret?\u{200b}msg={known}"), 0),
        (format!("{site}/group/secret#?msg={known} {site}?msg=nobody"), 0),
        (format!("https://other.example/?msg={known}"), 0),
    ] {
        let (status, answer) = client.post("chat.postMessage", &json!({ "roomId": "SECRET", "text": text })).await;
        let found = answer["message"]["attachments"].as_array().map_or(0, Vec::len);
        assert_eq!((status, found), (200, quotes), "{text}");
    }
    let client = Client(&server, &bot);
    let link = json!({ "roomId": "GENERAL", "text": format!("{site}/group/secret?msg={known}") });
    let (_, answer) = client.post("chat.postMessage", &link).await;
    assert_eq!(answer["message"]["attachments"], Value::Null, "the bot may not read it");
}

#[tokio::test]
async fn only_post_message_joins_public_rooms() {
    let (server, bot, _) = server(RocketChatScript::default()).await;
    server.add_room(RoomKind::Public, "R2", "second");
    let client = Client(&server, &bot);
    assert_eq!(client.post("chat.sendMessage", &json!({"message": {"rid": "R2", "msg": "x"}})).await.0, 200);
    assert!(!server.is_member("R2", &bot));
    assert_eq!(client.post("chat.postMessage", &json!({"roomId": "R2", "text": "x"})).await.0, 200);
    assert!(server.is_member("R2", &bot));
    let (status, answer) = client.post("chat.sendMessage", &json!({"message": {"rid": "SECRET", "msg": "x"}})).await;
    assert_eq!((status, answer), (400, json!({"success": false, "error": "error-not-allowed"})));
    let (status, answer) = client.post("chat.sendMessage", &json!({"message": {"rid": "NONE", "msg": "x"}})).await;
    assert_eq!((status, answer), (400, json!({"success": false, "error": "error-invalid-room"})));
    let (status, answer) = client.post("chat.sendMessage", &json!({"message": {"msg": "x"}})).await;
    assert_eq!((status, error(&answer)), (400, "The 'rid' property on the message object is missing."));
    let (status, answer) = client.post("chat.postMessage", &json!({"roomId": "NONE", "text": "x"})).await;
    assert_eq!((status, error(&answer), &answer["errorType"]), (400, "[invalid-channel]", &json!("invalid-channel")));
}

#[tokio::test]
async fn uploads_follow_the_version_and_the_names() {
    let (server, bot, _) = server(RocketChatScript::default()).await;
    let client = Client(&server, &bot);
    assert_eq!(client.upload("rooms.upload/GENERAL", "file", "a.png", "image/png", b"x").await.0, 404);
    let (status, answer) = client.upload("rooms.media/GENERAL", "upload", "a.png", "image/png", b"x").await;
    assert_eq!((status, answer["errorType"].as_str()), (400, Some("invalid-field")));
    let (status, answer) = client.upload("rooms.media/GENERAL", "file", "a.svg", "image/svg+xml", b"x").await;
    assert_eq!((status, answer["errorType"].as_str()), (400, Some("error-invalid-file-type")));
    let (_, answer) = client.upload("rooms.media/GENERAL", "file", "a b.png", "image/png", b"picture").await;
    let id = answer["file"]["_id"].as_str().unwrap().to_owned();
    assert_eq!(answer["file"]["url"], format!("/file-upload/{id}/a%20b.png"));
    assert!(server.messages("GENERAL").is_empty(), "an upload alone posts nothing");
    let confirm = format!("rooms.mediaConfirm/GENERAL/{id}");
    assert_eq!(error(&client.post(&confirm, &json!({"text": "x"})).await.1), "Match failed [400]");
    let (status, _) = client.post(&confirm, &json!({"msg": "look", "alias": "Ann"})).await;
    assert_eq!(status, 200);
    let (status, answer) = client.post(&confirm, &json!({})).await;
    assert_eq!((status, answer["errorType"].as_str()), (400, Some("invalid-file")));
    let messages = server.messages("GENERAL");
    assert_eq!((messages.len(), &*messages[0].text, messages[0].alias.as_deref()), (1, "look", Some("Ann")));
    assert_eq!(messages[0].files[0].read().unwrap(), b"picture");
}

#[tokio::test]
async fn old_servers_have_only_the_old_upload() {
    let (server, bot, _) = server(RocketChatScript { version: "6.9.0", ..RocketChatScript::default() }).await;
    let client = Client(&server, &bot);
    assert_eq!(client.upload("rooms.media/GENERAL", "file", "a.png", "image/png", b"x").await.0, 404);
    let (status, answer) = client.upload("rooms.upload/GENERAL", "file", "a.png", "image/png", b"x").await;
    assert_eq!((status, answer["message"]["msg"].as_str()), (200, Some("ignored?")));
}

#[tokio::test]
async fn credentials_are_asked_for() {
    let (server, bot, _) = server(RocketChatScript::default()).await;
    let text = "You must be logged in to do this.";
    server.expire_tokens(&bot);
    let (status, answer) = Client(&server, &bot).get("me").await;
    assert_eq!((status, answer), (401, json!({"success": false, "status": "error", "message": text, "error": text})));
    let login = json!({"user": "relay", "password": "password of relay"});
    let (status, answer) = Client(&server, &bot).post("login", &login).await;
    assert_eq!((status, answer["data"]["userId"].as_str()), (200, Some(&*bot.id)));
    let renewed = User { token: answer["data"]["authToken"].as_str().unwrap().to_owned(), ..bot };
    assert_eq!(Client(&server, &renewed).get("me").await.1["roles"], json!(["bot"]));
    let (status, _) = Client(&server, &renewed).post("login", &json!({"user": "relay", "password": "no"})).await;
    assert_eq!(status, 401);
    assert_eq!(Client(&server, &renewed).post("chat.shout", &json!({})).await.0, 404);
}
