//! Two workspaces whose rooms share an id, linked both ways: each message is in each room once, whatever comes back.

use serde_json::{Value, json};
use tieline_e2e::Relay;
use tieline_testkit::rocketchat::{HookOptions, RocketChatScript};

use crate::workspace::{Workspace, configuration, counts, numbered};

const ROOM: &str = "GENERAL";
const EACH: usize = 50;

fn connect() -> Value {
    json!([{
        "id": "general", "type": "connect",
        "channels": { "hq": { "room_id": ROOM }, "lab": { "room_id": ROOM } },
        "msg": { "rc_alias": "{user}" },
        // Other bots are let through, so nothing but the knowledge of our own copies keeps those back.
        "filter": { "bots": true },
    }])
}

/// Fifty messages each way at the same time.
async fn both_talk(hq: &Workspace, lab: &Workspace) -> [Vec<String>; 2] {
    let said = [numbered("from hq", EACH), numbered("from lab", EACH)];
    let talk = async |workspace: &Workspace, texts: &[String]| {
        for text in texts {
            workspace.say(ROOM, text).await;
        }
    };
    tokio::join!(talk(hq, &said[0]), talk(lab, &said[1]));
    said
}

/// Waits until every copy was told back to the relay, and asserts that each room holds each message once, in order.
async fn assert_each_once(relay: &mut Relay, hq: &Workspace, lab: &Workspace, said: [Vec<String>; 2]) {
    for workspace in [hq, lab] {
        workspace.server.wait_for_count(ROOM, 2 * EACH).await;
        workspace.all_told(ROOM).await;
    }
    relay.settled().await;
    let [from_hq, from_lab] = said;
    assert_eq!(lab.heard(ROOM), from_hq);
    assert_eq!(hq.heard(ROOM), from_lab);
    let [_, delivered, _, dead, dropped, pending] = counts(relay).await;
    assert_eq!([delivered, dead, dropped, pending], [100, 0, 0, 0]);
}

#[tokio::test]
async fn by_rest() {
    let (hq, lab) = (Workspace::start("hq", &[ROOM]).await, Workspace::start("lab", &[ROOM]).await);
    let mut relay = Relay::start(configuration(&[&hq, &lab], &connect())).await;
    let said = both_talk(&hq, &lab).await;
    assert_each_once(&mut relay, &hq, &lab, said).await;
}

/// Where nothing but the hook knows the room that it posts into, its echo must be known all the same.
#[tokio::test]
async fn by_hooks_whose_rooms_no_rule_names() {
    let script = RocketChatScript { hook_limit: None, separate_response: Some(false), ..RocketChatScript::default() };
    let hq = Workspace::with("hq", &[ROOM], script.clone()).await;
    let lab = Workspace::with("lab", &[ROOM], script).await;
    let rules = json!([
        { "id": "there", "from": { "hq": { "room_id": ROOM } }, "to": { "lab": {} }, "filter": { "bots": true } },
        { "id": "back", "from": { "lab": { "room_id": ROOM } }, "to": { "hq": { "channel": "#general" } },
          "filter": { "bots": true } },
    ]);
    let mut written = configuration(&[], &rules);
    written["rocketchat"]["lab"] = lab.settings_by(&lab.incoming(ROOM));
    let options = HookOptions { allow_override: true, ..HookOptions::default() };
    written["rocketchat"]["hq"] = hq.settings_by(&hq.server.incoming_hook("@ann", &hq.bot, options));
    let mut relay = Relay::start(written).await;
    let said = both_talk(&hq, &lab).await;
    let shown = said.map(|texts| texts.into_iter().map(|text| format!("[rocketchat] ann: {text}")).collect());
    assert_each_once(&mut relay, &hq, &lab, shown).await;
}

/// Both workspaces post by hooks, and nobody has credentials: what comes back is told apart by the ids in the hooks'
/// answers, or, on servers that answer none, by its text.
async fn by_hooks(script: RocketChatScript) {
    let hq = Workspace::with("hq", &[ROOM], script.clone()).await;
    let lab = Workspace::with("lab", &[ROOM], script).await;
    let mut written = configuration(&[], &connect());
    for workspace in [&hq, &lab] {
        written["rocketchat"][workspace.id()] = workspace.settings_by(&workspace.incoming(ROOM));
    }
    let mut relay = Relay::start(written).await;
    let said = both_talk(&hq, &lab).await;
    assert_each_once(&mut relay, &hq, &lab, said).await;
}

#[tokio::test]
async fn by_hooks_with_a_plain_bot_mark() {
    by_hooks(RocketChatScript { hook_limit: None, ..RocketChatScript::default() }).await;
}

#[tokio::test]
async fn by_hooks_with_a_bot_mark_that_is_an_object() {
    by_hooks(RocketChatScript { hook_limit: None, bot_flag_as_object: true, ..RocketChatScript::default() }).await;
}

#[tokio::test]
async fn by_hooks_that_answer_no_ids() {
    by_hooks(RocketChatScript { hook_limit: None, separate_response: Some(false), ..RocketChatScript::default() })
        .await;
}
