//! A configured proxy really is in the path, one that is switched off is not, and the environment counts only when asked.

use serde_json::{Value, json};
use tieline_e2e::Relay;
use tieline_testkit::FakeProxy;
use tieline_testkit::rocketchat::Route;

use crate::workspace::{Workspace, configuration, forward};

const ROOM: &str = "GENERAL";

/// `host:port` of a workspace, as a proxy is asked for it.
fn place(workspace: &Workspace) -> String {
    workspace.server.url().trim_start_matches("http://").to_owned()
}

async fn two() -> (Workspace, Workspace, Value) {
    let (hq, lab) = (Workspace::start("hq", &[ROOM]).await, Workspace::start("lab", &[ROOM]).await);
    let written = configuration(&[&hq, &lab], &forward(&hq, &[&lab], ROOM));
    (hq, lab, written)
}

/// A text and a file, so that every kind of call is made.
async fn relay_something(hq: &Workspace, lab: &Workspace) {
    hq.say(ROOM, "by a detour").await;
    hq.put(ROOM, "file.txt", "text/plain", b"by a detour too", "a file").await;
    let arrived = lab.server.wait_for_count(ROOM, 2).await;
    assert_eq!(arrived[1].files.len(), 1, "the file arrived as a file: {:?}", arrived[1]);
}

#[tokio::test]
async fn each_instance_goes_through_its_own() {
    let (hq, lab, mut written) = two().await;
    let (http, socks) = (FakeProxy::http().await, FakeProxy::socks5().await);
    written["rocketchat"]["hq"]["proxy"] = json!(socks.url());
    written["rocketchat"]["lab"]["proxy"] = json!(http.url());
    let _relay = Relay::start(written).await;
    relay_something(&hq, &lab).await;
    assert!(!socks.targets().is_empty() && !http.targets().is_empty());
    assert!(socks.targets().iter().all(|target| *target == place(&hq)), "{:?}", socks.targets());
    assert!(http.targets().iter().all(|target| *target == place(&lab)), "{:?}", http.targets());
    // One request for each connection through the HTTP proxy: none went past it.
    assert_eq!(http.targets().len(), lab.server.requests().len());
}

#[tokio::test]
async fn without_the_proxy_nothing_gets_through_and_with_it_again_everything() {
    let (hq, lab, mut written) = two().await;
    let proxy = FakeProxy::socks5().await;
    written["rocketchat"]["lab"]["proxy"] = json!(proxy.url());
    let mut relay = Relay::start(written).await;
    proxy.close_port().await;
    let before = lab.server.requests().len();
    hq.say(ROOM, "waits for the proxy").await;
    relay
        .wait_for("a failed send", async |relay: &Relay| {
            relay.metric("tieline_send_failures_total{instance=\"lab\",outcome=\"retryable\"}").await > 0.0
        })
        .await;
    assert_eq!(lab.server.requests().len(), before, "something went past the proxy");
    proxy.open_port().await.expect("the same port");
    lab.server.wait_for(ROOM, |message| message.text == "waits for the proxy").await;
}

#[tokio::test]
async fn the_global_proxy_holds_for_all_but_those_that_say_null() {
    let (hq, lab, mut written) = two().await;
    let proxy = FakeProxy::http().await;
    written["global"]["proxy"] = json!(proxy.url());
    written["rocketchat"]["hq"]["proxy"] = Value::Null;
    let _relay = Relay::start(written).await;
    relay_something(&hq, &lab).await;
    assert!(hq.server.requests_to(Route::GetMessage).len() + hq.server.requests_to(Route::Download).len() > 1);
    assert!(!proxy.targets().is_empty());
    assert!(proxy.targets().iter().all(|target| *target == place(&lab)), "{:?}", proxy.targets());
}

/// Starts with a proxy in the environment, in every spelling.
async fn with_environment(written: Value, proxy: &FakeProxy) -> Relay {
    let mut relay = Relay::new(written);
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        relay.set_environment(name, &proxy.url());
    }
    for name in ["NO_PROXY", "no_proxy"] {
        relay.set_environment(name, "");
    }
    relay.spawn();
    relay.ready().await;
    relay
}

#[tokio::test]
async fn the_environment_is_not_looked_at() {
    let (hq, lab, written) = two().await;
    let proxy = FakeProxy::http().await;
    let _relay = with_environment(written, &proxy).await;
    relay_something(&hq, &lab).await;
    assert_eq!(proxy.targets(), Vec::<String>::new());
}

#[tokio::test]
async fn the_environment_counts_where_the_configuration_says_so() {
    let (hq, lab, mut written) = two().await;
    let proxy = FakeProxy::http().await;
    written["global"]["proxy"] = json!("environment");
    written["rocketchat"]["hq"]["proxy"] = Value::Null;
    let _relay = with_environment(written, &proxy).await;
    relay_something(&hq, &lab).await;
    assert!(!proxy.targets().is_empty());
    assert!(proxy.targets().iter().all(|target| *target == place(&lab)), "{:?}", proxy.targets());
}
