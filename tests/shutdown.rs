//! How the relay ends and begins: in time, in order, one at a time, and whatever the platforms do meanwhile.

use std::time::Duration;

use tieline_e2e::Relay;
use tieline_testkit::rocketchat::{Fault, Route};
use tokio::net::TcpStream;

use crate::workspace::{Workspace, configuration, counts, forward, health, numbered};

const ROOM: &str = "GENERAL";
/// What `run` promises after the first signal.
const PROMISE: Duration = Duration::from_secs(10);

async fn two() -> (Workspace, Workspace, Relay) {
    let (hq, lab) = (Workspace::start("hq", &[ROOM]).await, Workspace::start("lab", &[ROOM]).await);
    let relay = Relay::start(configuration(&[&hq, &lab], &forward(&hq, &[&lab], ROOM))).await;
    (hq, lab, relay)
}

/// Lets the next send hang and waits until it does.
async fn hang(hq: &Workspace, lab: &Workspace, fault: Fault) {
    lab.server.faults().on(Route::SendMessage).next(1, fault);
    hq.say(ROOM, "under way").await;
    lab.server.wait_for_request(|request| request.route == Route::SendMessage && !request.body.is_empty()).await;
}

/// After the next start everything is there, once and in order.
async fn assert_whole_after_restart(relay: &mut Relay, lab: &Workspace, texts: &[String]) {
    relay.spawn();
    relay.ready().await;
    lab.server.wait_for_count(ROOM, texts.len()).await;
    relay.settled().await;
    assert_eq!(lab.heard(ROOM), texts);
    let all = texts.len() as i64;
    assert_eq!(counts(relay).await, [all, all, 0, 0, 0, 0]);
    assert_eq!(relay.messages("possible_duplicates").await, 0);
}

#[tokio::test]
async fn it_ends_in_time_even_while_a_target_hangs() {
    let (hq, lab, mut relay) = two().await;
    hang(&hq, &lab, Fault::HangAfter).await;
    hq.say(ROOM, "behind it").await;
    relay.signal("TERM").await;
    let code = tokio::time::timeout(PROMISE, relay.ended()).await.expect("it ends within ten seconds");
    assert_eq!(code, Some(0), "{}", relay.log());
    assert_whole_after_restart(&mut relay, &lab, &["under way".to_owned(), "behind it".to_owned()]).await;
}

#[tokio::test]
async fn a_send_under_way_is_finished() {
    let (hq, lab, mut relay) = two().await;
    hang(&hq, &lab, Fault::Delay(Duration::from_secs(1))).await;
    assert_eq!(relay.terminate().await, Some(0), "{}", relay.log());
    assert_eq!(lab.heard(ROOM), ["under way"]);
    let calls = lab.server.requests_to(Route::SendMessage).len();
    let looks = lab.server.requests_to(Route::GetMessage).len();
    assert_whole_after_restart(&mut relay, &lab, &["under way".to_owned()]).await;
    assert_eq!(lab.server.requests_to(Route::SendMessage).len(), calls, "it was sent again");
    assert_eq!(
        lab.server.requests_to(Route::GetMessage).len(),
        looks,
        "after a proper end there is nothing to look up"
    );
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once_and_loses_nothing() {
    let (hq, lab, mut relay) = two().await;
    hang(&hq, &lab, Fault::HangAfter).await;
    hq.say(ROOM, "behind it").await;
    relay.signal("TERM").await;
    relay.wait_for("it to say that it stops", async |relay: &Relay| relay.log().contains("Stopping")).await;
    relay.signal("INT").await;
    assert_eq!(relay.ended().await, Some(1), "{}", relay.log());
    assert_whole_after_restart(&mut relay, &lab, &["under way".to_owned(), "behind it".to_owned()]).await;
}

#[tokio::test]
async fn while_it_stops_webhooks_find_no_listener_and_the_control_listener_answers() {
    let (hq, lab, mut relay) = two().await;
    hang(&hq, &lab, Fault::HangAfter).await;
    let url = hq.listener();
    let webhooks = url.trim_start_matches("http://").split('/').next().expect("host and port");
    drop(TcpStream::connect(webhooks).await.expect("it listens"));
    relay.signal("TERM").await;
    relay
        .wait_for("the webhooks' port to be closed", async |_: &Relay| TcpStream::connect(webhooks).await.is_err())
        .await;
    assert!(matches!(relay.get("/healthz").await, Some((200, _))));
    relay.signal("TERM").await;
    assert_eq!(relay.ended().await, Some(1), "{}", relay.log());
}

#[tokio::test]
async fn a_backlog_is_left_for_the_next_start() {
    let (hq, lab, mut relay) = two().await;
    lab.server.close_port().await;
    let texts = numbered("waits", 20);
    for text in &texts {
        hq.say(ROOM, text).await;
    }
    assert_eq!(relay.terminate().await, Some(0), "{}", relay.log());
    lab.server.open_port().await.expect("the same port");
    assert_whole_after_restart(&mut relay, &lab, &texts).await;
}

#[tokio::test]
async fn a_second_run_on_the_same_folder_is_refused() {
    let (hq, lab, mut relay) = two().await;
    let (code, out, err) = relay.command(&["run"]);
    assert_eq!((code, out.as_str()), (Some(1), ""), "{err}");
    assert!(err.contains(&format!("process {}", relay.pid())) && err.contains("global.data_dir"), "{err}");
    // What a person removes from the folder changes nothing.
    std::fs::remove_file(relay.data_dir().join("lock")).expect("it is there");
    let (code, out, err) = relay.command(&["run"]);
    assert_eq!((code, out.as_str()), (Some(1), ""), "{err}");
    assert!(err.contains("is in use by another tieline"), "{err}");
    // The first one was not disturbed.
    hq.say(ROOM, "still here").await;
    lab.server.wait_for_count(ROOM, 1).await;
    relay.kill9().await;
    relay.spawn();
    relay.ready().await;
}

#[tokio::test]
async fn a_target_that_is_away_at_the_start_is_waited_for() {
    let (hq, lab) = (Workspace::start("hq", &[ROOM]).await, Workspace::start("lab", &[ROOM]).await);
    let archive = Workspace::start("archive", &[ROOM]).await;
    let rules = forward(&hq, &[&lab, &archive], ROOM);
    let mut relay = Relay::new(configuration(&[&hq, &lab, &archive], &rules));
    lab.server.close_port().await;
    relay.spawn();
    relay.alive().await;
    relay
        .wait_for("the others to be ready", async |relay: &Relay| {
            health(relay, "hq").await["state"] == "ready" && health(relay, "archive").await["state"] == "ready"
        })
        .await;
    hq.say(ROOM, "while lab is away").await;
    archive.server.wait_for_count(ROOM, 1).await;
    relay
        .wait_for("readyz to name the trouble", async |relay: &Relay| health(relay, "lab").await["state"] == "failing")
        .await;
    lab.server.open_port().await.expect("the same port");
    lab.server.wait_for_count(ROOM, 1).await;
    relay.ready().await;
    lab.say(ROOM, "and lab is heard").await;
    relay.settled().await;
}

#[tokio::test]
async fn a_source_that_is_away_at_the_start_is_heard_later() {
    let (hq, lab) = (Workspace::start("hq", &[ROOM]).await, Workspace::start("lab", &[ROOM]).await);
    let mut relay = Relay::new(configuration(&[&hq, &lab], &forward(&hq, &[&lab], ROOM)));
    hq.server.close_port().await;
    relay.spawn();
    relay.alive().await;
    hq.server.open_port().await.expect("the same port");
    relay.ready().await;
    hq.say(ROOM, "here we are").await;
    lab.server.wait_for_count(ROOM, 1).await;
}
