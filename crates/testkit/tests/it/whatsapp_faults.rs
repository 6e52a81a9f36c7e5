//! Scripted faults do what they say, and leave behind what they say.

use std::time::Duration;

use http::Method;
use serde_json::json;
use tieline_testkit::whatsapp::{Fault, Route};

use crate::whatsapp_client::{ALICE, post, raw, rig, script};

#[tokio::test]
async fn a_fault_decides_whether_the_message_is_there_and_what_is_answered() {
    let answer = Fault::Answer { status: 502, body: "<html>Bad Gateway</html>".to_owned() };
    let cases = [
        (Fault::DropBefore, None, 0),
        (Fault::DropAfter, None, 1),
        (Fault::Status500, Some(500), 0),
        (Fault::Status500After, Some(500), 1),
        (Fault::NotConnected, Some(503), 0),
        (Fault::Unauthorized, Some(401), 0),
        (Fault::TooManyRequests { reset_s: 7 }, Some(429), 0),
        (Fault::Truncated, None, 1),
        (Fault::Delay(Duration::from_millis(1)), Some(200), 1),
        (answer, Some(502), 0),
    ];
    for (fault, status, left) in cases {
        let fake = rig(script()).await;
        fake.faults().on(Route::SendMessage).next(1, fault.clone());
        let body = json!({ "number": ALICE, "message": "x" });
        let send = || raw(&fake, Method::POST, "/send_message", "application/json", body.to_string());
        let reply = send().await.ok();
        assert_eq!(reply.as_ref().map(|reply| reply.status.as_u16()), status, "{fault:?}");
        if let Fault::TooManyRequests { .. } = fault {
            assert_eq!(reply.unwrap().headers["ratelimit-reset"], "7");
        }
        assert_eq!(fake.account().messages(ALICE).len(), left, "{fault:?}");
        assert_eq!(fake.sent().len(), left, "{fault:?}");
        assert_eq!(post(&fake, "/send_message", &body).await.0, 200, "the fault was used up");
        assert_eq!(fake.requests_to(Route::SendMessage).len(), 2);
    }
}

#[tokio::test]
async fn a_call_that_hangs_never_ends_and_may_have_been_heard() {
    let fake = rig(script()).await;
    fake.faults().on(Route::SendMessage).next(1, Fault::HangAfter);
    let body = json!({ "number": ALICE, "message": "x" });
    tokio::select! {
        _ = post(&fake, "/send_message", &body) => panic!("it was answered"),
        sent = fake.wait_for_sent(1) => assert_eq!(sent[0].jid, ALICE),
    }
}

#[tokio::test]
async fn a_closed_port_refuses_and_opens_again() {
    let fake = rig(script()).await;
    fake.close_port().await;
    assert!(raw(&fake, Method::GET, "/health", "application/json", "").await.is_err());
    fake.open_port().await.unwrap();
    assert_eq!(raw(&fake, Method::GET, "/health", "application/json", "").await.unwrap().status, 200);
}
