//! A token that is refused: the relay says so in plain words, what is for that workspace waits, and once the token is
//! good again everything arrives without a restart.

use tieline_e2e::Relay;
use tieline_testkit::rocketchat::{Fault, Route};

use crate::workspace::{Workspace, configuration, counts, forward, health, numbered};

const ROOM: &str = "GENERAL";

/// Takes as long as the first back-off, which is ten seconds.
#[tokio::test]
async fn messages_wait_until_the_token_is_good_again() {
    let hq = Workspace::start("hq", &[ROOM, "second"]).await;
    let lab = Workspace::start("lab", &[ROOM, "second"]).await;
    let archive = Workspace::start("archive", &[ROOM]).await;
    let mut rules = forward(&hq, &[&lab, &archive], ROOM);
    rules.as_array_mut().expect("a list").push(forward(&hq, &[&lab], "second")[0].clone());
    rules[1]["id"] = "second".into();
    let mut relay = Relay::start(configuration(&[&hq, &lab, &archive], &rules)).await;

    lab.server.faults().everywhere().always(Fault::Unauthorized);
    let texts = numbered("message", 5);
    for text in &texts {
        hq.say(ROOM, text).await;
        hq.say("second", text).await;
    }
    archive.server.wait_for_count(ROOM, texts.len()).await;
    relay
        .wait_for("readyz to answer 503", async |relay: &Relay| matches!(relay.get("/readyz").await, Some((503, _))))
        .await;
    let lab_health = health(&relay, "lab").await;
    assert_eq!(lab_health["state"], "failing");
    let error = lab_health["error"].as_str().expect("an error");
    assert!(error.contains("401") && error.contains("auth_token"), "{error}");
    assert!(!error.contains(&lab.bot.token), "{error}");
    assert_eq!(health(&relay, "hq").await["state"], "ready");
    assert_eq!(health(&relay, "archive").await["state"], "ready");
    relay.wait_for("the other target to be settled", async |relay: &Relay| relay.messages("pending").await == 10).await;
    let tries = lab.server.requests_to(Route::SendMessage).len();
    assert!(tries <= 4, "{tries} calls with refused credentials, from two lanes");

    lab.server.faults().clear();
    relay.settled().await;
    relay.ready().await;
    assert_eq!(lab.heard(ROOM), texts);
    assert_eq!(lab.heard("second"), texts);
    assert_eq!(counts(&relay).await, [15, 15, 0, 0, 0, 0]);
}
