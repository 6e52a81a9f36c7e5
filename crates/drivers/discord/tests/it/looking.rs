//! What `rooms` and `doctor` find.

use serde_json::json;
use tieline_core::address::Address;
use tieline_core::driver::{Finding, Verdict};
use tieline_testkit::discord::{ChannelKind, DiscordScript, Fault, Permission, Route, Snowflake};

use crate::scene::{Scene, scene, scene_with};

/// The intent for what messages say.
const MESSAGE_CONTENT: u64 = 1 << 15;

fn room(channel: Snowflake) -> Address {
    Address::of([("channel_id", channel.to_string().as_str())])
}

/// The one finding that says this.
fn the<'f>(findings: &'f [Finding], says: &str) -> &'f Finding {
    findings.iter().find(|finding| finding.what.contains(says)).unwrap_or_else(|| panic!("{says}: {findings:#?}"))
}

async fn examine(scene: &Scene, channel: Snowflake) -> Vec<Finding> {
    scene.driver.doctor(&[room(channel)]).await
}

#[tokio::test]
async fn rooms_are_those_that_the_bot_can_see() {
    let scene = scene().await;
    let discord = &scene.discord;
    let news = discord.add_channel(scene.guild, ChannelKind::News, "news");
    let hidden = discord.add_channel(scene.guild, ChannelKind::Text, "hidden");
    discord.deny(scene.bot.user, hidden, Permission::ViewChannel);
    let thread = discord.add_thread(scene.channel, scene.ann, "A question");
    let forum = discord.add_channel(scene.guild, ChannelKind::Forum, "help");
    let post = discord.add_thread(forum, scene.ann, "How do I?");
    let rooms = scene.driver.rooms().await.expect("Discord lists them");
    let listed: Vec<(&str, &str, Address)> =
        rooms.iter().map(|room| (room.name.as_str(), room.kind.as_str(), room.address.clone())).collect();
    assert_eq!(
        listed,
        [
            ("#general (Workshop)", "text", room(scene.channel)),
            ("#news (Workshop)", "announcement", room(news)),
            ("#help (Workshop)", "forum", room(forum)),
            ("A question in #general (Workshop)", "thread", room(thread)),
            ("How do I? in #help (Workshop)", "forum post", room(post)),
        ]
    );
}

#[tokio::test]
async fn all_is_well_at_first() {
    let scene = scene().await;
    let findings = examine(&scene, scene.channel).await;
    assert!(findings.iter().all(|finding| finding.verdict == Verdict::Good), "{findings:#?}");
    for says in ["the bot is `tieline`", "message content intent is on", "identify", "#general (Workshop)"] {
        the(&findings, says);
    }
}

#[tokio::test]
async fn a_wrong_token_is_told_once_and_not_shown() {
    let scene = scene().await;
    scene.discord.reset_token(&scene.bot);
    let findings = examine(&scene, scene.channel).await;
    assert_eq!(findings.len(), 1, "{findings:#?}");
    assert_eq!(findings[0].verdict, Verdict::Bad);
    assert!(findings[0].what.contains("bot_token") && !findings[0].what.contains(&scene.bot.token), "{findings:#?}");
    assert!(findings[0].what.contains("Reset Token"), "what to do is said: {findings:#?}");
    assert_eq!(findings[0].remedy, None, "it is not said twice");
}

#[tokio::test]
async fn whoever_is_not_discord_is_told_by_what_to_look_at() {
    let scene = scene().await;
    let page = Fault::Answer { status: 404, body: "<h1>Not here</h1>".to_owned() };
    scene.discord.faults().on(Route::Me).next(1, page);
    let findings = examine(&scene, scene.channel).await;
    let remedy = the(&findings, "Discord answered 404").remedy.as_deref();
    assert!(remedy.is_some_and(|remedy| remedy.contains("`api_url`")), "{findings:#?}");
}

#[tokio::test]
async fn a_switch_that_is_off_in_the_portal_is_named() {
    let scene = scene().await;
    scene.discord.gateway().disallow_intents(MESSAGE_CONTENT);
    let findings = examine(&scene, scene.channel).await;
    let finding = the(&findings, "message content intent is off");
    assert_eq!(finding.verdict, Verdict::Bad);
    assert!(finding.remedy.as_deref().is_some_and(|remedy| remedy.contains("Message Content Intent")), "{finding:?}");
}

#[tokio::test]
async fn missing_permissions_are_named_with_the_link_that_gives_them() {
    let scene = scene().await;
    let bits = "permissions=275414903872";
    scene.discord.deny(scene.bot.user, scene.channel, Permission::AttachFiles);
    let findings = examine(&scene, scene.channel).await;
    let finding = the(&findings, "`Attach Files`");
    assert_eq!(finding.verdict, Verdict::Warning, "texts can still be written");
    assert!(finding.what.ends_with("the bot lacks `Attach Files`: files that the bot itself posts are refused"));
    assert!(finding.remedy.as_deref().is_some_and(|remedy| remedy.contains(bits)), "{finding:?}");

    scene.discord.deny(scene.bot.user, scene.channel, Permission::ManageWebhooks);
    let findings = examine(&scene, scene.channel).await;
    assert_eq!(the(&findings, "`Manage Webhooks`, `Attach Files`").verdict, Verdict::Bad);

    scene.discord.deny(scene.bot.user, scene.channel, Permission::ViewChannel);
    let findings = examine(&scene, scene.channel).await;
    let finding = the(&findings, "cannot be seen by the bot");
    assert_eq!(finding.verdict, Verdict::Bad);
    assert!(finding.remedy.as_deref().is_some_and(|remedy| remedy.contains("View Channel")), "{finding:?}");
}

#[tokio::test]
async fn what_cannot_be_written_into_is_told_with_what_to_name_instead() {
    let scene = scene().await;
    let forum = scene.discord.add_channel(scene.guild, ChannelKind::Forum, "help");
    let locked = scene.discord.add_thread(scene.channel, scene.ann, "Done");
    scene.discord.set_locked(locked, true);
    for (channel, says) in [(forum, "#help (Workshop) is a forum"), (locked, "Done in #general (Workshop) is locked")] {
        let findings = examine(&scene, channel).await;
        let finding = the(&findings, says);
        assert_eq!(finding.verdict, Verdict::Warning, "{finding:?}");
        assert!(finding.remedy.is_some());
    }
    let findings = scene.driver.doctor(&[room("12".parse().expect("an id"))]).await;
    assert_eq!(the(&findings, "channel 12 does not exist").verdict, Verdict::Bad);
}

#[tokio::test]
async fn a_webhook_that_a_target_names_is_looked_at() {
    let scene = scene().await;
    let other = scene.discord.add_channel(scene.guild, ChannelKind::Text, "other");
    let webhook = scene.discord.add_webhook(other, scene.ann, "hook");
    let of = |channel: Snowflake| {
        let channel = channel.to_string();
        Address::of([("channel_id", channel.as_str()), ("webhook_url", webhook.url.as_str())])
    };
    let findings = scene.driver.doctor(&[of(other)]).await;
    assert!(findings.iter().all(|finding| finding.verdict == Verdict::Good), "{findings:#?}");
    let findings = scene.driver.doctor(&[of(scene.channel)]).await;
    assert_eq!(the(&findings, "posts into channel").verdict, Verdict::Bad);

    let alone = scene_with(DiscordScript::unlimited(), json!({ "bot_token": null })).await;
    assert!(the(&alone.driver.doctor(&[]).await, "there is no `bot_token`").verdict == Verdict::Good);
    let nobody = alone.driver.rooms().await.expect_err("nobody can ask").to_string();
    assert!(nobody.contains("`bot_token` is missing"), "{nobody}");
    let gone = format!("{}/webhooks/12/t0ken", alone.discord.url());
    let findings = alone.driver.doctor(&[Address::of([("webhook_url", gone.as_str())])]).await;
    let finding = the(&findings, "the webhook 12");
    assert_eq!(finding.verdict, Verdict::Bad);
    assert!(!findings.iter().any(|finding| format!("{finding:?}").contains("t0ken")), "{findings:#?}");
}

#[tokio::test]
async fn a_channel_that_is_full_of_webhooks_is_told() {
    let scene = scene().await;
    for number in 0..15 {
        scene.discord.add_webhook(scene.channel, scene.ann, &format!("hook {number}"));
    }
    let findings = examine(&scene, scene.channel).await;
    assert_eq!(the(&findings, "has 15 webhooks").verdict, Verdict::Bad);
}
