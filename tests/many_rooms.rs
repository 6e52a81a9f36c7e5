//! Sixteen rooms, five targets, and rules that name them in every way: one, a list, all; with words of their own.

use std::collections::BTreeMap;

use serde_json::json;
use tieline_e2e::Relay;

use crate::workspace::{Workspace, configuration, counts};

const ROOMS: [&str; 16] =
    ["r00", "r01", "r02", "r03", "r04", "r05", "r06", "r07", "r08", "r09", "r10", "r11", "r12", "r13", "r14", "r15"];
const EACH: usize = 3;

fn list(rooms: &[&str]) -> serde_json::Value {
    rooms.iter().map(|room| json!({ "room_id": room })).collect()
}

#[tokio::test]
async fn every_room_reaches_the_targets_of_its_rules_once_and_in_order() {
    let hq = Workspace::start("hq", &ROOMS).await;
    let lab = Workspace::start("lab", &["first", "second", "both"]).await;
    let archive = Workspace::start("archive", &["all", "both"]).await;
    let rules = json!([
        {
            "id": "first ten", "from": { "hq": list(&ROOMS[..10]) },
            "to": { "lab": [
                { "room_id": "first" },
                { "room_id": "second", "msg": { "msg_format": "2nd {room}: {msg}" } },
            ] },
            "msg": { "msg_format": "{room}: {msg}" },
        },
        { "id": "archive", "from": { "hq": "*" }, "to": { "archive": { "room_id": "all" } },
          "msg": { "msg_format": "{room}/{username}/{platform}/{from}: {msg}" } },
        // The first rule that names a channel decides: nothing more comes of this one.
        { "id": "too late", "from": { "hq": { "room_id": "r03" } }, "to": { "lab": { "room_id": "first" } },
          "msg": { "msg_format": "NEVER {msg}" } },
        { "id": "last six", "from": { "hq": list(&ROOMS[10..]) },
          "to": { "lab": { "room_id": "both" }, "archive": { "room_id": "both" } },
          "msg": { "msg_format": "{room}: {msg}", "rc_alias": "{user} of {room}" } },
    ]);
    let mut relay = Relay::start(configuration(&[&hq, &lab, &archive], &rules)).await;

    for number in 0..EACH {
        for room in ROOMS {
            hq.say(room, &format!("message {number}")).await;
        }
    }
    relay.settled().await;

    let expect = |prefix: &str, rooms: &[&str], infix: &str| -> BTreeMap<String, Vec<String>> {
        let texts = |room: &str| (0..EACH).map(|n| format!("{prefix}{room}{infix}: message {n}")).collect();
        rooms.iter().map(|room| ((*room).to_owned(), texts(room))).collect()
    };
    // By source room, each list in the order in which the messages came.
    let found = |target: &Workspace, room: &str| -> BTreeMap<String, Vec<String>> {
        let mut found = BTreeMap::<String, Vec<String>>::new();
        for text in target.heard(room) {
            let source = ROOMS.iter().find(|room| text.contains(**room)).expect("a room's name");
            found.entry((*source).to_owned()).or_default().push(text);
        }
        found
    };
    assert_eq!(found(&lab, "first"), expect("", &ROOMS[..10], ""));
    assert_eq!(found(&lab, "second"), expect("2nd ", &ROOMS[..10], ""));
    assert_eq!(found(&lab, "both"), expect("", &ROOMS[10..], ""));
    assert_eq!(found(&archive, "both"), expect("", &ROOMS[10..], ""));
    assert_eq!(found(&archive, "all"), expect("", &ROOMS, "/ann/rocketchat/hq"));
    assert!(
        lab.copies("both").iter().all(|copy| copy.alias.as_deref().is_some_and(|a| a.starts_with("Ann Example of r1")))
    );
    assert_eq!(counts(&relay).await, [144, 144, 0, 0, 0, 0], "each of 48 messages goes to three places");
}
