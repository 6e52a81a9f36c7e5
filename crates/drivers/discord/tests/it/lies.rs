//! A server that answers what Discord never would: it costs no more than the message that it is about.

use serde_json::{Value, json};
use tieline_core::address::Address;
use tieline_core::send::SendError;
use tieline_testkit::discord::{DiscordScript, Fault, Route};

use crate::scene::{scene, scene_with};

fn answer(body: &Value) -> Fault {
    Fault::Answer { status: 200, body: body.to_string() }
}

fn reason(ended: Result<impl std::fmt::Debug, SendError>) -> String {
    ended.expect_err("it is no success").to_string()
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
