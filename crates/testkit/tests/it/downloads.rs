//! Downloads: who may, and where from.

use bytes::Bytes;
use http::Method;
use tieline_testkit::call;
use tieline_testkit::rocketchat::{FakeRocketChat, RocketChatScript, RoomKind};

use crate::client::{Client, PATIENCE};

#[tokio::test]
async fn only_members_get_a_file_and_the_rest_get_nothing() {
    let server = FakeRocketChat::start(RocketChatScript::default()).await;
    let (bot, ann) = (server.add_user("relay", "Relay", &["bot"]), server.add_user("ann", "Ann", &["user"]));
    server.add_room(RoomKind::Public, "GENERAL", "general");
    server.join("GENERAL", &ann);
    let message = server.post_file(&ann, "GENERAL", "a.png", "image/png", b"the picture", "").unwrap();
    let id = &message.files[0].id;
    let path = format!("/file-upload/{id}/a.png");
    let client = Client(&server, &bot);
    let get = || client.reply(Method::GET, &path, "", Bytes::new());
    let refused = get().await;
    assert_eq!((refused.status.as_u16(), refused.body.len()), (403, 0));
    server.join("GENERAL", &bot);
    let given = get().await;
    assert_eq!((given.status.as_u16(), &given.body[..]), (200, &b"the picture"[..]));
    let thumbnail = client.reply(Method::GET, &format!("/file-upload/{id}-thumb/a.png"), "", Bytes::new()).await;
    assert_ne!(thumbnail.body, given.body);
    let url = format!("{}{path}?rc_uid={}&rc_token={}", server.url(), bot.id, bot.token);
    assert_eq!(call(Method::GET, &url, &[], Bytes::new(), PATIENCE).await.unwrap().status, 200);
    assert_eq!(client.reply(Method::GET, "/file-upload/none/a.png", "", Bytes::new()).await.status, 404);
}

#[tokio::test]
async fn an_object_storage_is_another_origin() {
    let script = RocketChatScript { object_storage: true, ..RocketChatScript::default() };
    let server = FakeRocketChat::start(script).await;
    let ann = server.add_user("ann", "Ann", &["user"]);
    server.add_room(RoomKind::Private, "P", "private");
    server.join("P", &ann);
    let message = server.post_file(&ann, "P", "a.txt", "text/plain", b"bytes", "").unwrap();
    let path = format!("/file-upload/{}/a.txt", message.files[0].id);
    let redirect = Client(&server, &ann).reply(Method::GET, &path, "", Bytes::new()).await;
    let location = redirect.headers["location"].to_str().unwrap().to_owned();
    assert_eq!(redirect.status, 302);
    assert!(!location.starts_with(server.url()));
    let file = call(Method::GET, &location, &[], Bytes::new(), PATIENCE).await.unwrap();
    assert_eq!(&file.body[..], b"bytes");
    assert!(!server.storage_requests()[0].headers.contains_key("x-auth-token"));
}
