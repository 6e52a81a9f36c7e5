//! A client that others wrote for real servers gets along with the fake's realtime API.

use std::process::Stdio;

use serde_json::Value;
use tieline_testkit::rocketchat::{FakeRocketChat, RocketChatScript, RoomKind};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/published_client.py");

#[tokio::test]
#[ignore = "needs a Python with rocketchat-async, named by TIELINE_PYTHON: just published-client"]
async fn rocketchat_async_logs_in_listens_and_types() {
    #[expect(clippy::disallowed_methods, reason = "a setting of the test run")]
    let python = std::env::var("TIELINE_PYTHON").expect("TIELINE_PYTHON names a Python with rocketchat-async");
    let server = FakeRocketChat::start(RocketChatScript::default()).await;
    let ann = server.add_user("ann", "Ann", &["user"]);
    let bob = server.add_user("bob", "Bob", &["user"]);
    server.add_room(RoomKind::Private, "R1", "lounge");
    server.join("R1", &ann);
    server.join("R1", &bob);
    let address = format!("{}/websocket", server.url().replace("http://", "ws://"));
    let mut client = Command::new(python)
        .args([SCRIPT, &address, "R1", "ann", &ann.token, "bob", "password of bob"])
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("that Python runs");
    let mut lines = BufReader::new(client.stdout.take().expect("it is piped")).lines();
    let mut told = async || -> Value {
        let line = lines.next_line().await.expect("it can be read").expect("the client says why it ended");
        serde_json::from_str(&line).expect("JSON")
    };
    assert_eq!(told().await, serde_json::json!([ann.id, bob.id]));
    server.realtime().wait_for_subscription("R1").await;
    let said = server.post(&bob, "R1", "hi *all*");
    let heard = told().await;
    assert_eq!((heard["_id"].as_str(), heard["msg"].as_str()), (Some(said.as_str()), Some("hi *all*")));
    assert!(heard["ts"]["$date"].is_i64() && heard["u"]["username"] == "bob", "{heard}");
    assert!(client.wait().await.expect("it ends").success());
    let frames = server.realtime().frames();
    assert!(frames.iter().any(|frame| frame["method"] == "stream-notify-room" && frame["params"][1] == "bob"));
    assert!(frames.iter().any(|frame| frame["msg"] == "unsub"));
}
