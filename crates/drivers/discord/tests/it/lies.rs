//! A server that answers what Discord never would: it costs no more than the message that it is about.

use serde_json::{Map, Value, json};
use tieline_core::address::Address;
use tieline_core::send::{Outgoing, Reconciled, SendError};
use tieline_testkit::discord::{DiscordScript, Fault, Route};

use crate::scene::{Scene, scene, scene_with};

fn answer(body: &Value) -> Fault {
    Fault::Answer { status: 200, body: body.to_string() }
}

fn answer_after(body: &Value) -> Fault {
    Fault::AnswerAfter { status: 200, body: body.to_string() }
}

fn reason(ended: Result<impl std::fmt::Debug, SendError>) -> String {
    ended.expect_err("it is no success").to_string()
}

fn by_url(scene: &Scene, text: &str) -> Outgoing {
    let webhook = scene.discord.add_webhook(scene.channel, scene.ann, "hers");
    let url = format!("{}/webhooks/{}/{}", scene.discord.url(), webhook.id, webhook.token);
    Outgoing { target: Address::of([("webhook_url", url.as_str())]), ..scene.outgoing(text) }
}

#[tokio::test]
async fn where_the_webhooks_of_a_channel_are_not_told_none_is_made() {
    let scene = scene().await;
    for odd in [json!({}), json!("none"), json!({ "webhooks": [] })] {
        scene.discord.faults().on(Route::ChannelWebhooks).next(1, answer(&odd));
        let why = reason(scene.deliver(&scene.outgoing("hello")).await);
        assert!(why.contains("webhooks"), "{why}");
    }
    assert_eq!(scene.discord.webhooks(scene.channel).len(), 0);
    scene.deliver(&scene.outgoing("hello")).await.expect("now it is told");
    assert_eq!(scene.discord.webhooks(scene.channel).len(), 1);
}

#[tokio::test]
async fn a_webhook_of_which_nothing_but_its_token_is_told_is_not_made_again_and_again() {
    let scene = scene().await;
    let none = scene.discord.add_webhook(scene.channel, scene.ann, "hers");
    let made = json!({ "id": none.id.to_string(), "token": none.token });
    scene.discord.faults().on(Route::CreateWebhook).always(answer(&made));
    for text in ["one", "two"] {
        scene.deliver(&scene.outgoing(text)).await.expect("it is sent");
    }
    assert_eq!(scene.discord.requests_to(Route::CreateWebhook).len(), 1);
}

#[tokio::test]
async fn odd_answers_everywhere_end_no_process() {
    let odds = [json!([]), json!({}), json!("x"), json!(5), json!([[], {}, null]), json!({ "id": -1, "url": [] })];
    for odd in odds {
        for settings in [json!({}), json!({ "send_method": "bot" })] {
            let scene = scene_with(DiscordScript::unlimited(), settings).await;
            scene.discord.faults().everywhere().always(answer(&odd));
            let sending = scene.first(&scene.outgoing("hello"));
            let _ended = scene.driver.send(&sending).await;
            let _ended = scene.driver.reconcile(&sending, &[]).await;
            let _ended = scene.driver.rooms().await;
            let findings = scene.driver.doctor(&[Address::of([("channel_id", "5")])]).await;
            assert!(!findings.is_empty());
        }
    }
}

#[tokio::test]
async fn without_a_bot_a_message_that_was_taken_but_not_named_is_not_sent_again() {
    let mut scene = scene().await;
    scene.without_bot();
    let outgoing = by_url(&scene, "hello");
    for taken in [answer_after(&json!({})), Fault::AnswerAfter { status: 204, body: String::new() }] {
        scene.discord.faults().on(Route::ExecuteWebhook).next(1, taken);
        let sent = scene.deliver(&outgoing).await.expect("Discord took it");
        assert!(sent[0].ids.is_empty(), "{sent:?}");
    }
}

#[tokio::test]
async fn with_a_bot_the_history_names_it() {
    let scene = scene().await;
    scene.discord.faults().on(Route::ExecuteWebhook).next(1, answer_after(&json!({ "id": [1], "channel_id": {} })));
    let sending = scene.first(&scene.outgoing("hello"));
    assert!(matches!(scene.driver.send(&sending).await, Err(SendError::Ambiguous { .. })));
    let found = scene.driver.reconcile(&sending, &[]).await.expect("it can be read");
    assert!(matches!(found, Reconciled::Arrived(_)), "{found:?}");
}

#[tokio::test]
async fn a_refusal_that_names_countless_fields_is_a_short_sentence() {
    let scene = scene_with(DiscordScript::unlimited(), json!({ "send_method": "bot" })).await;
    let wrong = json!({ "_errors": [{ "code": "X".repeat(5000), "message": "no" }] });
    let errors: Map<String, Value> = (0..2000).map(|n| (format!("field{n}"), wrong.clone())).collect();
    let body = json!({ "code": 50035, "message": "Invalid Form Body", "errors": errors });
    scene.discord.faults().on(Route::CreateMessage).next(1, Fault::Answer { status: 400, body: body.to_string() });
    let why = reason(scene.deliver(&scene.outgoing("hello")).await);
    assert!(why.len() < 4000 && why.contains("field0"), "{} bytes", why.len());
}

#[tokio::test]
async fn a_webhooks_token_is_not_repeated_from_what_a_server_says() {
    let scene = scene().await;
    scene.deliver(&scene.outgoing("hello")).await.expect("it is sent");
    let webhook = scene.discord.webhooks(scene.channel).remove(0);
    let (token, path) = (&webhook.token, format!("/webhooks/{}/{}?wait=true", webhook.id, webhook.token));
    let errors = json!({ token: { "_errors": [{ "code": token }] }, "content": { "_errors": [{ "code": "LONG" }] } });
    let body = json!({ "code": 50035, "message": format!("cannot POST {path} ({token})"), "errors": errors });
    scene.discord.faults().on(Route::ExecuteWebhook).next(1, Fault::Answer { status: 400, body: body.to_string() });
    let why = reason(scene.deliver(&scene.outgoing("hello")).await);
    assert!(why.contains("cannot POST") && why.contains("LONG") && !why.contains(token), "{why}");
}
