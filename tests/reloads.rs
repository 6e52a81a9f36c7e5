//! Another configuration while the relay runs: taken over whole, or not at all.

use serde_json::{Value, json};
use tieline_e2e::Relay;

use crate::workspace::{Workspace, configuration, counts, forward};

const ROOM: &str = "GENERAL";

/// How often the relay has said so.
fn said(relay: &Relay, words: &str) -> usize {
    relay.log().matches(words).count()
}

/// Replaces the rules in the file.
fn write(relay: &Relay, rules: Value) {
    let text = std::fs::read_to_string(relay.configuration()).expect("it was written");
    let mut configuration: Value = serde_json::from_str(&text).expect("it is JSON");
    configuration["rules"] = rules;
    relay.write(&configuration);
}

async fn reload(relay: &mut Relay) {
    let before = said(relay, "Reloaded the configuration");
    relay.signal("HUP").await;
    relay.wait_for("the reload", async |relay| said(relay, "Reloaded the configuration") > before).await;
}

#[tokio::test]
async fn new_rules_are_taken_over_by_a_signal_and_mistakes_are_told() {
    let (hq, lab) = (Workspace::start("hq", &[ROOM]).await, Workspace::start("lab", &[ROOM, "second"]).await);
    let mut relay = Relay::start(configuration(&[&hq, &lab], &forward(&hq, &[&lab], ROOM))).await;
    hq.say(ROOM, "before").await;
    lab.server.wait_for_count(ROOM, 1).await;
    // A mistake: nothing changes, and it is told at its line.
    let good = std::fs::read_to_string(relay.configuration()).expect("it was written");
    std::fs::write(relay.configuration(), good.replacen("\"room_id\"", "\"rom_id\"", 1)).expect("it can be written");
    relay.signal("HUP").await;
    relay.wait_for("the refusal", async |relay| said(relay, "goes on with the one it has") == 1).await;
    assert!(relay.log().contains("rom_id"), "{}", relay.log());
    hq.say(ROOM, "meanwhile").await;
    lab.server.wait_for_count(ROOM, 2).await;
    std::fs::write(relay.configuration(), good).expect("it can be written");
    // Another target.
    let rules = json!([{ "id": "other", "from": { "hq": { "room_id": ROOM } }, "to": { "lab": { "room_id": "second" } },
        "msg": { "msg_format": "new: {msg}" } }]);
    write(&relay, rules);
    reload(&mut relay).await;
    hq.say(ROOM, "after").await;
    lab.server.wait_for_count("second", 1).await;
    relay.settled().await;
    assert_eq!(
        (lab.heard(ROOM), lab.heard("second")),
        (vec!["before".into(), "meanwhile".into()], vec!["new: after".into()])
    );
}

#[tokio::test]
async fn a_watched_file_is_taken_over_by_itself() {
    let (hq, lab) = (Workspace::start("hq", &[ROOM]).await, Workspace::start("lab", &[ROOM, "second"]).await);
    let mut watched = configuration(&[&hq, &lab], &forward(&hq, &[&lab], ROOM));
    watched["global"]["watch"] = json!(true);
    let mut relay = Relay::start(watched).await;
    let rules = json!([{ "id": "other", "from": { "hq": { "room_id": ROOM } }, "to": { "lab": { "room_id": "second" } },
        "msg": { "msg_format": "{msg}" } }]);
    write(&relay, rules);
    relay.wait_for("the reload", async |relay| said(relay, "Reloaded the configuration") > 0).await;
    hq.say(ROOM, "after").await;
    lab.server.wait_for_count("second", 1).await;
    relay.settled().await;
    assert!(lab.heard(ROOM).is_empty());
}

#[tokio::test]
async fn nothing_is_lost_or_doubled_while_rules_come_and_go_under_load() {
    const MESSAGES: usize = 200;
    let (hq, lab) = (Workspace::start("hq", &[ROOM]).await, Workspace::start("lab", &[ROOM]).await);
    let rules = |format: &str| {
        json!([{ "id": "one", "from": { "hq": { "room_id": ROOM } }, "to": { "lab": { "room_id": ROOM } },
            "msg": { "msg_format": format } }])
    };
    let mut relay = Relay::start(configuration(&[&hq, &lab], &rules("{msg}"))).await;
    for number in 0..MESSAGES {
        if number % 10 == 0 {
            let format = format!("{number}: {{msg}}");
            write(&relay, rules(&format));
            relay.signal("HUP").await;
        }
        hq.say(ROOM, &format!("message {number}")).await;
    }
    lab.server.wait_for_count(ROOM, MESSAGES).await;
    relay.settled().await;
    let heard: Vec<String> = lab.heard(ROOM);
    for (number, text) in heard.iter().enumerate() {
        assert!(text.ends_with(&format!("message {number}")), "{number} is {text:?}");
    }
    assert_eq!(counts(&relay).await, [MESSAGES as i64, MESSAGES as i64, 0, 0, 0, 0]);
}
