//! Scripted faults, the port, and what is remembered of calls.

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use serde_json::json;
use tieline_testkit::call;
use tieline_testkit::discord::{Fault, Route};

use crate::client::PATIENCE;
use crate::discord_client::{AGENT, Rig};
use crate::discord_gateway_client::{Client, Said};

impl Rig {
    async fn try_execute(&self, hook: &str, limit: Duration) -> Option<u16> {
        let headers = [("user-agent", AGENT), ("content-type", "application/json")];
        let body = Bytes::from_static(b"{\"content\":\"x\"}");
        call(Method::POST, &format!("{hook}?wait=true"), &headers, body, limit)
            .await
            .ok()
            .map(|reply| reply.status.as_u16())
    }
}

#[tokio::test]
async fn a_fault_comes_before_or_after_the_message() {
    let rig = Rig::new().await;
    let hook = rig.hook().url;
    let faults = [
        (Fault::DropBefore, None, false),
        (Fault::DropAfter, None, true),
        (Fault::Truncated, None, true),
        (Fault::Unauthorized, Some(401), false),
        (Fault::BadGateway, Some(502), false),
        (Fault::BadGatewayAfter, Some(502), true),
        (Fault::Answer { status: 500, body: "{}".into() }, Some(500), false),
        (Fault::AnswerAfter { status: 503, body: "<html>".into() }, Some(503), true),
        (Fault::Delay(Duration::from_millis(1)), Some(200), true),
    ];
    for (fault, status, arrives) in faults {
        let before = rig.fake.messages(rig.channel).len();
        rig.fake.faults().on(Route::ExecuteWebhook).next(1, fault.clone());
        assert_eq!(rig.try_execute(&hook, PATIENCE).await, status, "{fault:?}");
        assert_eq!(rig.fake.messages(rig.channel).len() > before, arrives, "{fault:?}");
    }
    assert_eq!(rig.try_execute(&hook, PATIENCE).await, Some(200));
    assert_eq!(rig.fake.invalid(), 1);
}

#[tokio::test]
async fn a_call_hangs_before_or_after_the_message() {
    let rig = Rig::new().await;
    let hook = rig.hook().url;
    for (fault, arrived) in [(Fault::Hang, 0), (Fault::HangAfter, 1)] {
        rig.fake.faults().on(Route::ExecuteWebhook).next(1, fault);
        let hanging = rig.try_execute(&hook, PATIENCE);
        let seen = async {
            rig.fake.wait_for_request(|request| request.status.is_none()).await;
            if arrived > 0 {
                rig.fake.wait_for_count(rig.channel, arrived).await;
            }
        };
        tokio::select! {
            status = hanging => panic!("it was answered {status:?}"),
            () = seen => {}
        }
        assert_eq!(rig.fake.messages(rig.channel).len(), arrived);
    }
}

#[tokio::test]
async fn faults_reach_the_cdn_too() {
    let rig = Rig::new().await;
    let url = format!("{}/embed/avatars/0.png", rig.fake.cdn_url());
    rig.fake.faults().on(Route::Cdn).next(1, Fault::Truncated).next(1, Fault::BadGateway);
    assert!(call(Method::GET, &url, &[], Bytes::new(), PATIENCE).await.is_err());
    assert_eq!(call(Method::GET, &url, &[], Bytes::new(), PATIENCE).await.unwrap().status, 502);
    assert_eq!(call(Method::GET, &url, &[], Bytes::new(), PATIENCE).await.unwrap().status, 200);
}

#[tokio::test]
async fn the_port_closes_and_opens_and_nothing_is_forgotten() {
    let rig = Rig::new().await;
    let hook = rig.hook().url;
    assert_eq!(rig.try_execute(&hook, PATIENCE).await, Some(200));
    let mut client = Client::connect(&rig.fake).await;
    client.expect(10).await;
    rig.fake.close_port().await;
    assert_eq!(client.next().await, Said::Cut, "the gateway goes with it");
    assert_eq!(rig.try_execute(&hook, PATIENCE).await, None);
    rig.fake.open_port().await.unwrap();
    assert_eq!(rig.try_execute(&hook, PATIENCE).await, Some(200));
    assert_eq!(rig.fake.messages(rig.channel).len(), 2);
    let request = &rig.fake.requests_to(Route::ExecuteWebhook)[1];
    assert_eq!(
        (request.body.as_ref(), request.query.as_deref()),
        (Some(&json!({ "content": "x" })), Some("wait=true"))
    );
    assert_eq!(
        (request.status, request.length, request.headers["user-agent"].to_str().unwrap()),
        (Some(200), 15, AGENT)
    );
}
