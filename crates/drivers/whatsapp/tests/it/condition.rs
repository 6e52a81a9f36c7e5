//! How the account is, and what its operator is told.

use tieline_core::address::Address;
use tieline_core::driver::Verdict;
use tieline_testkit::Health;
use tieline_testkit::whatsapp::{AccountScript, Connection, Fault, Message, Route, WhatsAppScript};

use crate::addon::{GROUP, scene, scene_with};

fn failing(scene: &crate::addon::Scene) -> Vec<String> {
    let said = scene.health.said().into_iter();
    said.filter_map(|health| if let Health::Failing(why) = health { Some(why) } else { None }).collect()
}

#[tokio::test]
async fn each_change_is_told_once() {
    let connecting = AccountScript { connection: Connection::Connecting, ..AccountScript::default() };
    let script = WhatsAppScript { accounts: vec![connecting], ..WhatsAppScript::default() };
    let scene = scene_with(script, serde_json::json!({})).await;
    let _running = scene.run().await;
    scene.health.wait_for(|health| matches!(health, Health::Failing(why) if why.contains("connecting"))).await;
    // It is asked often while something is wrong.
    scene.addon.wait_until(|addon| addon.requests_to(Route::Status).len() >= 3).await;
    assert_eq!(failing(&scene).len(), 1, "{:?}", scene.health.said());
    scene.addon.account().connect();
    scene.health.wait_until_ready().await;
    scene.addon.account().disconnect();
    scene.deliver(&scene.outgoing("hello?")).await.expect_err("not connected");
    scene.health.wait_for(|health| matches!(health, Health::Failing(why) if why.contains("not connected"))).await;
    assert_eq!(scene.health.said().len(), 3, "{:?}", scene.health.said());
}

#[tokio::test]
async fn the_account_is_known_once_the_addon_has_named_it() {
    let scene = scene_with(WhatsAppScript::default(), serde_json::json!({})).await;
    assert_eq!(scene.driver.account(), None);
    let _running = scene.run().await;
    scene.health.wait_until_ready().await;
    assert_eq!(scene.driver.account().as_deref(), Some("491555000001"), "other accounts of ours must know it");
}

#[tokio::test]
async fn every_kind_of_trouble_has_its_own_words() {
    let unpaired = |settings: serde_json::Value| {
        scene_with(WhatsAppScript { accounts: Vec::new(), ..WhatsAppScript::default() }, settings)
    };
    for (scene, words) in [
        (scene_with(WhatsAppScript::default(), serde_json::json!({ "api_token": "wrong" })).await, "`api_token`"),
        (scene_with(WhatsAppScript::default(), serde_json::json!({ "session_id": "wrok" })).await, "no session `wrok`"),
        (unpaired(serde_json::json!({})).await, "no phone is paired"),
        (
            scene_with(WhatsAppScript::default(), serde_json::json!({ "addon_url": "http://127.0.0.1:9" })).await,
            "cannot be reached",
        ),
    ] {
        let _running = scene.run().await;
        scene.health.wait_for(|health| matches!(health, Health::Failing(why) if why.contains(words))).await;
        let findings = scene.driver.doctor(&[]).await;
        let bad = findings.iter().any(|finding| finding.verdict == Verdict::Bad && finding.what.contains(words));
        assert!(bad, "{words}: {findings:#?}");
    }
    let scene = scene().await;
    let page = Fault::Answer { status: 200, body: "<h1>Home Assistant</h1>".to_owned() };
    scene.addon.faults().on(Route::Status).always(page);
    let _running = scene.run().await;
    scene.health.wait_for(|health| matches!(health, Health::Failing(why) if why.contains("no WhatsApp addon"))).await;
}

#[tokio::test]
async fn another_server_at_the_address_is_called_so() {
    let scene = scene().await;
    let page = "<!DOCTYPE HTML><title>Error response</title><p>Error code: 404".to_owned();
    for route in [Route::Status, Route::Groups] {
        scene.addon.faults().on(route).always(Fault::Answer { status: 404, body: page.clone() });
    }
    let _running = scene.run().await;
    scene
        .health
        .wait_for(|health| matches!(health, Health::Failing(why) if why.contains("is no WhatsApp addon")))
        .await;
    let findings = scene.driver.doctor(&[]).await;
    let told = |what: &str| what.starts_with("what answers at `addon_url` (http://127.0.0.1:") && what.contains("404");
    assert!(findings.iter().any(|finding| told(&finding.what)), "{findings:#?}");
    let refused = scene.driver.rooms().await.expect_err("no addon");
    assert!(told(&refused.to_string()), "{refused}");
}

#[tokio::test]
async fn rooms_with_a_wrong_token_say_which_key_to_check() {
    let scene = scene_with(WhatsAppScript::default(), serde_json::json!({ "api_token": "wrong" })).await;
    let refused = scene.driver.rooms().await.expect_err("the token is wrong").to_string();
    assert!(refused.contains("check `api_token`"), "{refused}");
}

#[tokio::test]
async fn rooms_are_listed_with_their_addresses() {
    let scene = scene().await;
    scene.addon.text(&scene.alice.jid(), &scene.alice, "hi");
    scene.addon.say("120363000000000077@newsletter", &scene.alice, Message::text("news"));
    let rooms = scene.driver.rooms().await.expect("listed");
    let shown: Vec<(String, String, String)> = rooms
        .into_iter()
        .map(|room| (room.name, room.kind, room.address.text("chat_id").expect("a chat").to_owned()))
        .collect();
    let expected = [
        ("Rig Group", "group", GROUP),
        ("Alice", "chat", "491700000001@s.whatsapp.net"),
        ("120363000000000077", "channel", "120363000000000077@newsletter"),
    ];
    assert_eq!(shown, expected.map(|(name, kind, chat)| (name.to_owned(), kind.to_owned(), chat.to_owned())));
}

#[tokio::test]
async fn the_doctor_looks_at_the_webhook_and_at_the_chats() {
    let scene = scene().await;
    let rooms = [GROUP, "120363000000000099@g.us", "491700000001@s.whatsapp.net", "491799999999@s.whatsapp.net", "*"];
    let rooms = rooms.map(|chat| Address::of([("chat_id", chat)]));
    let findings = scene.driver.doctor(&rooms).await;
    let bad: Vec<&str> = findings
        .iter()
        .filter(|finding| finding.verdict == Verdict::Bad)
        .map(|finding| finding.what.as_str())
        .collect();
    assert_eq!(
        bad,
        [
            "the addon's webhook is switched off: nothing is received",
            "the account is not in the group 120363000000000099@g.us",
            "+491799999999 is not on WhatsApp",
        ]
    );
    assert!(findings.iter().any(|finding| finding.what.contains("connected as +491555000001")), "{findings:#?}");
    let _running = scene.run().await;
    let findings = scene.driver.doctor(&[]).await;
    assert!(findings.iter().all(|finding| finding.verdict != Verdict::Bad), "{findings:#?}");
}
