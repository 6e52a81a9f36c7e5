//! What a new process hears of a session that it takes over: Discord tells it neither who the bot is nor which channels
//! there are.

use tieline_core::id::ChannelKey;
use tieline_testkit::discord::Post;

use crate::gateway_scene::listening;

#[tokio::test]
async fn threads_names_and_our_own_posts_are_known_all_the_same() {
    let scene = listening().await;
    let crew = scene.discord.add_role(scene.guild, "crew", true);
    let thread = scene.discord.add_thread(scene.channel, scene.ann, "plans");
    let process = scene.started().await;
    scene.hears("before").await;
    scene.keeps_its_place().await;
    process.stop().await;
    let _process = scene.started().await;
    assert_eq!((scene.gateway().identifies().len(), scene.gateway().resumes().len()), (1, 1));

    scene.discord.say(scene.channel, scene.bot.user, Post::text("ours"));
    let ours = scene.arrives("ours").await;
    assert!(scene.instance.declines(&ours).is_some_and(|why| why.contains("the bot")), "{ours:?}");
    scene.discord.person_writes(thread, scene.ann, &format!("<@&{crew}> in <#{}>", scene.channel));
    let inside = scene.arrives("@crew in #general").await;
    assert_eq!(inside.parent.as_ref().map(ChannelKey::as_str), Some(scene.channel.to_string().as_str()));
    assert_eq!(inside.room.as_deref(), Some("plans"));
}
