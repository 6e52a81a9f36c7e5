//! Scripted faults do what they say, and leave behind what they say.

use bytes::Bytes;
use http::Method;
use serde_json::json;
use tieline_testkit::call;
use tieline_testkit::rocketchat::{FakeRocketChat, Fault, RocketChatScript, RoomKind, Route};

use crate::client::PATIENCE;

#[tokio::test]
async fn a_fault_decides_whether_the_message_is_there_and_what_is_answered() {
    let cases = [
        (Fault::DropBefore, None, 0),
        (Fault::DropAfter, None, 1),
        (Fault::Status500, Some(500), 0),
        (Fault::Status500After, Some(500), 1),
        (Fault::TooManyRequests { reset_ms: 1_900_000_000_000 }, Some(429), 0),
        (Fault::Unauthorized, Some(401), 0),
        (Fault::Delay(std::time::Duration::from_millis(1)), Some(200), 1),
        (Fault::Answer { status: 202, body: "{}".to_owned() }, Some(202), 0),
        (Fault::AnswerAfter { status: 202, body: "{}".to_owned() }, Some(202), 1),
        (Fault::Drip(std::time::Duration::from_micros(1)), Some(200), 1),
    ];
    for (fault, status, left) in cases {
        let server = FakeRocketChat::start(RocketChatScript::default()).await;
        let bot = server.add_user("relay", "Relay", &["bot"]);
        server.add_room(RoomKind::Public, "GENERAL", "general");
        server.faults().on(Route::SendMessage).next(1, fault.clone());
        let url = format!("{}/api/v1/chat.sendMessage", server.url());
        let headers = [("x-auth-token", &*bot.token), ("x-user-id", &*bot.id), ("content-type", "application/json")];
        let send = || {
            let body = Bytes::from(json!({"message": {"rid": "GENERAL", "msg": "x"}}).to_string());
            call(Method::POST, &url, &headers, body, PATIENCE)
        };
        let reply = send().await;
        assert_eq!(reply.ok().map(|reply| reply.status.as_u16()), status, "{fault:?}");
        assert_eq!(server.messages("GENERAL").len(), left, "{fault:?}");
        assert_eq!(send().await.unwrap().status, 200, "the fault was used up");
        assert_eq!(server.requests_to(Route::SendMessage).len(), 2);
    }
}

#[tokio::test]
async fn a_closed_port_refuses_and_opens_again() {
    let server = FakeRocketChat::start(RocketChatScript::default()).await;
    let url = format!("{}/api/info", server.url());
    server.close_port().await;
    assert!(call(Method::GET, &url, &[], Bytes::new(), PATIENCE).await.is_err());
    server.open_port().await.unwrap();
    assert_eq!(
        call(Method::GET, &url, &[], Bytes::new(), PATIENCE).await.unwrap().body,
        r#"{"version":"8.1","success":true}"#
    );
}
