//! Deletions, by whom they are made, and what is told of them.

use serde_json::json;
use tieline_core::send::{Copied, Outgoing};
use tieline_testkit::discord::{DiscordScript, Permission, Post};

use crate::change_scene::{by_bot, by_the_next_process, copies, delete, edit, original, permanent, sent};
use crate::scene::{scene, scene_with};

#[tokio::test]
async fn copies_are_deleted_by_whoever_sent_them_and_once_is_enough() {
    for settings in [json!({}), by_bot()] {
        let mut scene = scene_with(DiscordScript::unlimited(), settings).await;
        let long = "word ".repeat(900);
        let copies = sent(&scene, &long).await;
        // It needs no permission.
        scene.discord.deny(scene.bot.user, scene.channel, Permission::ManageMessages);
        let delete = delete(&scene, copies.clone());
        for _ in 0..2 {
            let sent = by_the_next_process(&mut scene, &delete).await.expect("it is deleted");
            let gone: Vec<_> = sent.into_iter().flat_map(|sent| sent.gone).collect();
            assert_eq!(gone, copies.iter().map(|copy| copy.id.clone()).collect::<Vec<_>>());
        }
        assert_eq!(scene.said(), []);
    }
}

#[tokio::test]
async fn where_the_webhook_is_gone_the_bot_deletes() {
    let scene = scene().await;
    let copies = sent(&scene, "hello").await;
    scene.discord.delete_webhook(scene.discord.webhooks(scene.channel)[0].id);
    scene.deliver(&delete(&scene, copies)).await.expect("it is deleted");
    assert_eq!(scene.said(), []);
}

#[tokio::test]
async fn an_original_is_deleted_by_the_bot_if_it_may() {
    let scene = scene().await;
    let (first, second) = (
        scene.discord.person_writes(scene.channel, scene.ann, "one"),
        scene.discord.person_writes(scene.channel, scene.ann, "two"),
    );
    scene.deliver(&delete(&scene, vec![original(first)])).await.expect("it is deleted");
    assert!(scene.discord.message(first).is_none());
    scene.discord.deny(scene.bot.user, scene.channel, Permission::ManageMessages);
    let own = scene.first(&Outgoing { ..scene.outgoing("ours") });
    let own = copies(&[scene.driver.send(&own).await.expect("it is sent")]);
    let reason = permanent(scene.deliver(&delete(&scene, vec![original(second)])).await);
    assert!(reason.contains("`Manage Messages`"), "{reason}");
    assert!(scene.discord.message(second).is_some());
    let how = Some("bot".to_owned());
    let bots = Copied { how, ..original(scene.discord.say(scene.channel, scene.bot.user, Post::text("the bot's"))) };
    scene.deliver(&delete(&scene, vec![bots])).await.expect("what we wrote ourselves needs no permission");
    scene.deliver(&delete(&scene, own)).await.expect("what we wrote ourselves needs no permission");
    assert_eq!(scene.said(), []);
}

#[tokio::test]
async fn that_we_took_a_message_away_is_no_news() {
    let scene = scene().await;
    let _running = scene.run().await;
    let copies = sent(&scene, &"word ".repeat(900)).await;
    scene.deliver(&edit(&scene, "short", copies.clone())).await.expect("it is edited");
    scene.deliver(&delete(&scene, vec![copies[0].clone()])).await.expect("it is deleted");
    let other = scene.discord.person_writes(scene.channel, scene.ann, "one");
    scene.discord.delete(other);
    scene.inbound.wait_for(|event| event.kind() == "delete").await;
    let deleted: Vec<_> = scene.inbound.events().into_iter().filter(|event| event.kind() == "delete").collect();
    assert_eq!(deleted.len(), 1);
    assert_eq!(deleted[0].message_id.as_str(), other.to_string());
}
