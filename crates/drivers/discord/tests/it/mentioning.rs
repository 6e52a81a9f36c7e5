//! Who is called by what is sent and edited.

use serde_json::json;
use tieline_core::send::Outgoing;
use tieline_testkit::discord::{DiscordScript, Fault, Route};

use crate::change_scene::{by_bot, copies, edit};
use crate::scene::{Scene, scene, scene_with};

#[tokio::test]
async fn who_is_mentioned_is_called_and_nobody_else() {
    for settings in [json!({}), by_bot()] {
        let scene = scene_with(DiscordScript::unlimited(), settings).await;
        let carol = scene.discord.add_person("carol", "Carol");
        scene.discord.join(scene.guild, carol);
        let calling = |mut outgoing: Outgoing| {
            outgoing.mentions = vec![scene.ann.to_string(), "everyone".to_owned()];
            outgoing
        };
        let text = format!("<@{}> <@{carol}> @everyone", scene.ann);
        let copies = copies(&scene.deliver(&calling(scene.outgoing(&text))).await.expect("it is sent"));
        let called = |scene: &Scene| scene.said()[0].pinged.clone();
        assert_eq!((called(&scene).users, called(&scene).everyone), (vec![scene.ann], false));
        scene.deliver(&calling(edit(&scene, &format!("{text}!"), copies.clone()))).await.expect("it is edited");
        assert_eq!((called(&scene).users, called(&scene).everyone), (vec![scene.ann], false));
        scene.deliver(&edit(&scene, &text, copies)).await.expect("it is edited");
        assert!(called(&scene).is_empty(), "an edit that mentions nobody calls nobody");
    }
    let scene = scene_with(DiscordScript::unlimited(), json!({ "allow_mentions_users": false })).await;
    let outgoing = Outgoing { mentions: vec![scene.ann.to_string()], ..scene.outgoing(&format!("<@{}>", scene.ann)) };
    scene.deliver(&outgoing).await.expect("it is sent");
    assert!(scene.said()[0].pinged.is_empty());
}

#[tokio::test]
async fn more_than_discord_takes_are_called_as_far_as_it_does() {
    let scene = scene().await;
    let mentions: Vec<String> = (0..120).map(|n| format!("10000000000000{n:04}")).collect();
    let text: Vec<String> = mentions.iter().map(|id| format!("<@{id}>")).collect();
    let outgoing = Outgoing { mentions, ..scene.outgoing(&text.join("")) };
    scene.deliver(&outgoing).await.expect("it is sent");
}

#[tokio::test]
async fn a_name_is_that_of_exactly_one_member() {
    let scene = scene().await;
    for (username, shown) in [("bob", "Bob"), ("robert", "Bob"), ("annette", "Annette"), ("dora", "")] {
        let member = scene.discord.add_person(username, shown);
        scene.discord.join(scene.guild, member);
    }
    scene.discord.set_nick(scene.guild, scene.ann, Some("Captain Ann"));
    let target = scene.outgoing("").target;
    let named = async |name: &str| scene.driver.account_named(&target, name).await;
    let ann = Some(scene.ann.to_string());
    for name in ["Ann", "ann.smith", "Captain Ann"] {
        assert_eq!(named(name).await, ann, "{name}");
    }
    for nobody in ["Bob", "Ann S", "CAPTAIN ANN", "", "captain", "x".repeat(99).as_str()] {
        assert_eq!(named(nobody).await, None, "{nobody}");
    }
    let asked = scene.discord.requests_to(Route::SearchMembers).len();
    assert_eq!((named("Ann").await, named("Bob").await), (ann, None));
    assert_eq!(scene.discord.requests_to(Route::SearchMembers).len(), asked, "answers are kept");
    scene.discord.faults().on(Route::SearchMembers).always(Fault::BadGateway);
    assert_eq!(named("dora").await, None, "in trouble nobody is");
    assert_eq!(scene.said(), []);
}

#[tokio::test]
async fn who_wrote_is_known_without_asking() {
    let scene = scene().await;
    let _running = scene.run().await;
    let message = scene.discord.person_writes(scene.channel, scene.ann, "hi");
    scene.inbound.wait_for(|event| event.message_id.as_str() == message.to_string()).await;
    let target = scene.outgoing("").target;
    assert_eq!(scene.driver.account_named(&target, "Ann").await, Some(scene.ann.to_string()));
    assert!(scene.discord.requests_to(Route::SearchMembers).is_empty());
}
