//! Reactions, and that somebody types.

use tieline_core::send::SendError;
use tieline_testkit::discord::{Emoji, Fault, Permission, Route};

use crate::change_scene::{edit, impossible, original, permanent, react, refused, sent};
use crate::scene::scene;

#[tokio::test]
async fn the_bot_reacts_and_takes_it_back_however_often_it_is_told() {
    let scene = scene().await;
    let message = scene.discord.person_writes(scene.channel, scene.ann, "who comes along?");
    let cat = scene.discord.add_emoji(scene.guild, "party_cat", true);
    let reactions = || scene.discord.message(message).expect("it is there").reactions;
    for (emoji, shown) in [("👍", Emoji::from("👍")), ("1️⃣", Emoji::from("1️⃣")), ("party_cat", cat)] {
        for _ in 0..2 {
            scene.deliver(&react(&scene, original(message), emoji, true)).await.expect("it reacts");
        }
        let [reaction] = &reactions()[..] else { panic!("one reaction, not {:?}", reactions()) };
        assert_eq!((&reaction.emoji, &reaction.users[..]), (&shown, &[scene.bot.user][..]));
        for _ in 0..2 {
            scene.deliver(&react(&scene, original(message), emoji, false)).await.expect("it takes it back");
        }
        assert_eq!(reactions(), []);
    }
    assert_eq!(scene.discord.requests_to(Route::Guild).len(), 1, "a server's emoji are asked for once");
    assert_eq!(scene.discord.violations(), []);
}

#[tokio::test]
async fn a_reaction_that_cannot_be_is_nobodys_to_put_right() {
    let scene = scene().await;
    let message = scene.discord.person_writes(scene.channel, scene.ann, "who comes along?");
    let give = async |emoji: &str| scene.deliver(&react(&scene, original(message), emoji, true)).await;
    assert!(impossible(give("no_such_cat").await).contains("`no_such_cat`"));
    for emoji in [
        "🍇", "🍈", "🍉", "🍊", "🍋", "🍌", "🍍", "🥭", "🍎", "🍏", "🍐", "🍑", "🍒", "🍓", "🫐", "🥝", "🍅", "🫒",
        "🥥", "🥑",
    ] {
        scene.discord.react(scene.ann, message, emoji);
    }
    assert!(impossible(give("👍").await).contains("20"));
    give("🍇").await.expect("one that is there already");
    scene.discord.clear_reactions(message, None);
    scene.discord.block(scene.ann, scene.bot.user);
    assert!(impossible(give("👍").await).contains("blocked"));
    scene.discord.faults().on(Route::AddReaction).next(1, refused(400, 50083));
    assert!(impossible(give("👍").await).contains("put away"));
    scene.discord.delete(message);
    assert!(impossible(give("👍").await).contains("not there any more"));
    scene.deliver(&react(&scene, original(message), "👍", false)).await.expect("there is nothing to take back");
}

#[tokio::test]
async fn a_bot_that_may_not_react_says_what_it_needs() {
    let scene = scene().await;
    let message = scene.discord.person_writes(scene.channel, scene.ann, "who comes along?");
    scene.discord.deny(scene.bot.user, scene.channel, Permission::AddReactions);
    let reason = permanent(scene.deliver(&react(&scene, original(message), "👍", true)).await);
    assert!(reason.contains("`Add Reactions`"), "{reason}");
}

#[tokio::test]
async fn a_rate_limit_of_a_change_is_waited_for() {
    let scene = scene().await;
    let copies = sent(&scene, "hello").await;
    let wait = std::time::Duration::from_secs(5);
    let limited = Fault::TooManyRequests { retry_after: wait, scope: tieline_testkit::discord::Scope::User };
    scene.discord.faults().on(Route::EditWebhookMessage).next(1, limited);
    let ended = scene.deliver(&edit(&scene, "hallo", copies)).await;
    assert!(matches!(ended, Err(SendError::RateLimited(_))), "{ended:?}");
}

#[tokio::test]
async fn that_somebody_types_is_shown_once_in_a_while() {
    let scene = scene().await;
    let target = scene.outgoing("").target;
    for _ in 0..3 {
        scene.driver.show_typing(&target).await;
    }
    assert_eq!(scene.discord.requests_to(Route::Typing).len(), 1);
}
