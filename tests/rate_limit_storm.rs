//! Rate limits are obeyed, cost nothing but time, and hold for nobody else.

use serde_json::json;
use tieline_e2e::Relay;
use tieline_testkit::rocketchat::{Fault, Limit, RecordedRequest, RocketChatScript, Route};

use crate::workspace::{Workspace, configuration, counts, forward, numbered};

const ROOM: &str = "GENERAL";
/// Long enough that many messages come in while it lasts.
const PAUSE_MS: i64 = 2_000;

fn millis(request: &RecordedRequest) -> i64 {
    request.time.as_millisecond()
}

#[tokio::test]
async fn no_call_comes_before_the_time_that_the_server_named() {
    let hq = Workspace::start("hq", &[ROOM]).await;
    let (lab, archive) = (Workspace::start("lab", &[ROOM]).await, Workspace::start("archive", &[ROOM]).await);
    let rules = forward(&hq, &[&lab, &archive], ROOM);
    let mut relay = Relay::start(configuration(&[&hq, &lab, &archive], &rules)).await;
    hq.say(ROOM, "before").await;
    lab.server.wait_for_count(ROOM, 1).await;
    archive.server.wait_for_count(ROOM, 1).await;

    // Three times in a row: the first reset lies behind the second and so on.
    let first = millis(lab.server.requests_to(Route::SendMessage).last().expect("a call")) + PAUSE_MS;
    let resets = [first, first + PAUSE_MS / 2, first + PAUSE_MS];
    for reset_ms in resets {
        lab.server.faults().on(Route::SendMessage).next(1, Fault::TooManyRequests { reset_ms });
    }
    let texts = numbered("message", 30);
    for text in &texts {
        hq.say(ROOM, text).await;
    }
    archive.server.wait_for_count(ROOM, 31).await;
    assert!(lab.heard(ROOM).len() < 31, "the other target was done while this one still waited");
    lab.server.wait_for_count(ROOM, 31).await;
    relay.settled().await;

    let calls = lab.server.requests_to(Route::SendMessage);
    let refused: Vec<&RecordedRequest> = calls.iter().filter(|call| call.status == Some(429)).collect();
    assert_eq!(refused.len(), 3, "each limit was met once: nobody asked again before its time");
    for (reset, refusal) in resets.iter().zip(&refused) {
        let early = calls.iter().find(|call| call.time > refusal.time && millis(call) < *reset);
        assert!(early.is_none(), "before {reset}: {early:?}");
    }
    assert_eq!(lab.heard(ROOM)[1..], texts);
    assert_eq!(archive.heard(ROOM)[1..], texts);
    assert_eq!(counts(&relay).await, [62, 62, 0, 0, 0, 0]);
}

/// The limit of a hook, from several rooms at once. The server says in each answer how many posts are left, so a lane
/// that reads it runs into the limit only with what was under way together with the last that was taken.
#[tokio::test]
async fn many_rooms_share_the_limit_of_a_hook() {
    const ROOMS: [&str; 3] = ["one", "two", "three"];
    const EACH: usize = 5;
    const LIMIT: Limit = Limit { calls: 5, window_ms: 1_500 };
    let hq = Workspace::start("hq", &ROOMS).await;
    let script = RocketChatScript { hook_limit: Some(LIMIT), ..RocketChatScript::default() };
    let lab = Workspace::with("lab", &[ROOM, "free"], script).await;
    let archive = Workspace::start("archive", &["one"]).await;
    let sources: Vec<_> = ROOMS.iter().map(|room| json!({ "room_id": room })).collect();
    let rules = json!([
        { "id": "by hook", "from": { "hq": sources }, "to": { "lab": {}, }, "msg": { "rc_alias": "{user}" } },
        { "id": "by another hook", "from": { "hq": { "room_id": "one" } }, "to": { "lab2": {} }, "msg": { "rc_alias": "{user}" } },
        { "id": "by rest", "from": { "hq": { "room_id": "one" } }, "to": { "archive": { "room_id": "one" } } },
    ]);
    let mut written = configuration(&[&hq, &archive], &rules);
    written["rocketchat"]["lab"] = lab.settings_by(&lab.incoming(ROOM));
    let other = lab.incoming("free");
    let mut second = lab.settings_by(&other);
    second["listen_path"] = json!("/lab2");
    written["rocketchat"]["lab2"] = second;
    let mut relay = Relay::start(written).await;

    for number in 0..EACH {
        for room in ROOMS {
            hq.say(room, &format!("{room} {number}")).await;
        }
    }
    lab.server.wait_for_count("free", EACH).await;
    archive.server.wait_for_count("one", EACH).await;
    assert!(lab.heard(ROOM).len() < 3 * EACH, "the exhausted hook slowed nobody down");
    lab.server.wait_for_count(ROOM, 3 * EACH).await;
    relay.settled().await;

    for room in ROOMS {
        let of_room: Vec<String> = lab.heard(ROOM).into_iter().filter(|text| text.starts_with(room)).collect();
        assert_eq!(of_room, numbered(room, EACH));
    }
    let calls = lab.server.requests_to(Route::Hook);
    let limited: Vec<&RecordedRequest> = calls.iter().filter(|call| !other.url.ends_with(&call.path)).collect();
    let refused = limited.iter().filter(|call| call.status == Some(429)).count();
    let windows = 3 * EACH / LIMIT.calls as usize;
    assert!(refused <= (ROOMS.len() - 1) * windows, "{refused} calls ran into the limit");
    lab.all_told(ROOM).await;
    lab.all_told("free").await;
    relay.settled().await;
    assert_eq!(counts(&relay).await, [45, 25, 20, 0, 0, 0], "what the hooks posted came back and was filtered");
    assert_eq!(relay.messages("possible_duplicates").await, 0);
}

/// To complete a message is a call too: while its limit lasts no other message is completed either.
#[tokio::test]
async fn a_limited_source_is_not_asked_before_its_time() {
    let (hq, lab) = (Workspace::start("hq", &[ROOM]).await, Workspace::start("lab", &[ROOM]).await);
    let mut relay = Relay::start(configuration(&[&hq, &lab], &forward(&hq, &[&lab], ROOM))).await;
    hq.say(ROOM, "before").await;
    lab.server.wait_for_count(ROOM, 1).await;

    let reset_ms = millis(hq.server.requests_to(Route::GetMessage).last().expect("a call")) + PAUSE_MS;
    hq.server.faults().on(Route::GetMessage).next(1, Fault::TooManyRequests { reset_ms });
    let texts = numbered("message", 10);
    hq.say(ROOM, &texts[0]).await;
    let refused = hq.server.wait_for_request(|call| call.route == Route::GetMessage && call.status == Some(429)).await;
    relay
        .wait_for("the relay to know of the limit", async |relay: &Relay| {
            relay.log().contains("asked to wait before the event is completed")
        })
        .await;
    for text in &texts[1..] {
        hq.say(ROOM, text).await;
    }
    lab.server.wait_for_count(ROOM, 11).await;
    relay.settled().await;
    let calls = hq.server.requests_to(Route::GetMessage);
    let early: Vec<_> = calls.iter().filter(|call| call.time > refused.time && millis(call) < reset_ms).collect();
    assert!(early.is_empty(), "{} calls came before {reset_ms}", early.len());
    assert_eq!(lab.heard(ROOM)[1..], texts);
    assert!(lab.copies(ROOM).iter().all(|copy| copy.alias.as_deref() == Some("Ann Example")));
}
