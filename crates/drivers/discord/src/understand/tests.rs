//! The driver with Discord's REST API and CDN, but without a gateway: messages are read as the history tells them.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tieline_core::clock::Clock as _;
use tieline_core::driver::{Completed, Defaults, Services};
use tieline_core::event::{Attachment, Content};
use tieline_core::id::InstanceId;
use tieline_testkit::discord::{Bot, ChannelKind, DiscordScript, FakeDiscord, Fault, Post, Route, Scope};
use tieline_testkit::{FakeProxy, FixedClock, NothingKnown, RecordingLog, TempSpool};

use super::*;
use crate::me::Account;
use crate::snowflake::Snowflake;

type Id = tieline_testkit::discord::Snowflake;

fn as_ours(id: Id) -> Snowflake {
    Snowflake::parse(&id.to_string()).expect("an id")
}

struct Scene {
    discord: FakeDiscord,
    clock: Arc<FixedClock>,
    spool: Arc<TempSpool>,
    driver: DiscordDriver,
    guild: Id,
    channel: Id,
    ann: Id,
    bot: Bot,
}

async fn scene() -> Scene {
    scene_with(&json!({})).await
}

async fn scene_with(more: &Value) -> Scene {
    let clock = Arc::new(FixedClock::default());
    let script = DiscordScript { clock: Arc::clone(&clock) as _, ..DiscordScript::unlimited() };
    let discord = FakeDiscord::start(script).await;
    let guild = discord.add_guild("Workshop");
    let channel = discord.add_channel(guild, ChannelKind::Text, "general");
    let (ann, bot) = (discord.add_person("ann.smith", "Ann"), discord.add_bot("tieline"));
    discord.join(guild, ann);
    discord.join(guild, bot.user);
    let mut written = json!({ "bot_token": bot.token, "api_url": discord.url() });
    for (key, value) in more.as_object().expect("an object") {
        written[key] = value.clone();
    }
    let (settings, mut problems) = crate::settings::read(&written);
    let id = InstanceId::new("dc").unwrap();
    let instance =
        crate::resolve::resolve(&id, &settings.expect("sound"), &Defaults::default(), &mut problems).expect("sound");
    let spool = Arc::new(TempSpool::new().expect("a temporary folder"));
    let services =
        Services { spool: Arc::clone(&spool) as _, links: Arc::new(NothingKnown), clock: Arc::clone(&clock) as _ };
    let driver = DiscordDriver::new(Arc::new(instance), services).expect("it can be built");
    Scene { discord, clock, spool, driver, guild, channel, ann, bot }
}

impl Scene {
    /// A message as REST tells it, with its guild, as the gateway would.
    async fn told(&self, message: Id) -> Value {
        let channel = self.discord.message(message).expect("it was said").channel;
        let path = format!("channels/{channel}/messages/{message}");
        let mut told = self.driver.api.get(&path).await.expect("it can be read");
        told["guild_id"] = json!(self.guild.to_string());
        told
    }

    async fn event(&self, message: Id) -> Event {
        self.driver.understand("MESSAGE_CREATE", &self.told(message).await).await.remove(0)
    }

    async fn bytes(&self, file: &Attachment) -> Vec<u8> {
        use tieline_core::spool::MediaSpool as _;
        let Content::Spooled(id) = &file.content else { panic!("{file:?}") };
        std::fs::read(self.spool.open(id).await.expect("it is there")).expect("it can be read")
    }

    fn asked(&self, route: Route) -> usize {
        self.discord.requests_to(route).len()
    }
}

fn files(completed: &Completed) -> &[Attachment] {
    assert_eq!(completed.event.missing, None);
    &completed.event.message().expect("a message").attachments
}

fn why(file: &Attachment) -> &str {
    let Content::Unavailable(why) = &file.content else { panic!("{file:?}") };
    why
}

#[tokio::test]
async fn files_are_fetched_byte_for_byte_and_without_credentials() {
    let scene = scene().await;
    let large: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
    let sticker = Post::text("look")
        .file("data.bin", "application/octet-stream", &large)
        .file("SPOILER_a.png", "image/png", b"\x89PNG\r\n\x1a\nrest")
        .sticker(scene.channel, "wave", 1);
    let event = scene.event(scene.discord.say(scene.channel, scene.ann, sticker)).await;
    let completed = scene.driver.complete_event(&event, false).await.expect("all is there");
    let [data, picture, sticker] = files(&completed) else { panic!("{completed:?}") };
    assert_eq!((scene.bytes(data).await == large, data.size), (true, Some(1_200_000)));
    assert_eq!((scene.bytes(picture).await, picture.mime.as_str()), (b"\x89PNG\r\n\x1a\nrest".to_vec(), "image/png"));
    assert_eq!((sticker.name.as_str(), scene.bytes(sticker).await.starts_with(b"\x89PNG")), ("wave.png", true));
    assert_eq!(completed.notes, [""; 0]);
    let fetched = scene.discord.requests_to(Route::Cdn);
    assert_eq!(fetched.len(), 3);
    for request in fetched {
        assert!(!request.headers.contains_key("authorization"));
        assert!(request.headers["user-agent"].to_str().is_ok_and(|agent| agent.starts_with("DiscordBot (")));
    }
}

#[tokio::test]
async fn files_come_through_the_instances_proxy() {
    for proxy in [FakeProxy::http().await, FakeProxy::socks5().await] {
        let scene = scene_with(&json!({ "proxy": proxy.url() })).await;
        let post = Post::text("x").file("a.txt", "text/plain", b"one");
        let event = scene.event(scene.discord.say(scene.channel, scene.ann, post)).await;
        let before = proxy.targets().len();
        let completed = scene.driver.complete_event(&event, false).await.expect("it is there");
        assert_eq!(scene.bytes(&files(&completed)[0]).await, b"one");
        assert_eq!(proxy.targets().len(), before + 1);
    }
}

#[tokio::test]
async fn a_file_host_that_asks_to_wait_is_waited_for() {
    let scene = scene().await;
    let post = Post::text("x").file("a.txt", "text/plain", b"one");
    let event = scene.event(scene.discord.say(scene.channel, scene.ann, post)).await;
    let limited = Fault::TooManyRequests { retry_after: Duration::from_secs(7), scope: Scope::Cloudflare };
    scene.discord.faults().on(Route::Cdn).next(1, limited);
    let error = scene.driver.complete_event(&event, false).await.expect_err("not now");
    assert_eq!(error.pause, Some(scene.clock.now() + Duration::from_secs(7)));
    assert_eq!(scene.asked(Route::Cdn), 1, "it is not asked again at once");
    assert!(scene.driver.complete_event(&event, false).await.is_ok());
}

#[tokio::test]
async fn a_link_that_expired_is_renewed_by_asking_once_for_the_message() {
    let scene = scene().await;
    let post = Post::text("x").file("a.txt", "text/plain", b"one").file("b.txt", "text/plain", b"two");
    let event = scene.event(scene.discord.say(scene.channel, scene.ann, post)).await;
    scene.clock.advance(Duration::from_hours(25));
    let before = scene.asked(Route::Message);
    let completed = scene.driver.complete_event(&event, false).await.expect("all is there");
    let [one, two] = files(&completed) else { panic!("{completed:?}") };
    assert_eq!((scene.bytes(one).await, scene.bytes(two).await), (b"one".to_vec(), b"two".to_vec()));
    assert_eq!(scene.asked(Route::Message) - before, 1);
}

#[tokio::test]
async fn what_went_with_its_message_is_not_to_be_had() {
    let scene = scene().await;
    let message = scene.discord.say(scene.channel, scene.ann, Post::text("x").file("a.txt", "text/plain", b"one"));
    let event = scene.event(message).await;
    scene.discord.delete(message);
    let completed = scene.driver.complete_event(&event, false).await.expect("no try would bring it");
    assert!(why(&files(&completed)[0]).contains("10008"), "{completed:?}");
    assert!(completed.notes[0].contains("`a.txt`"), "{:?}", completed.notes);
}

#[tokio::test]
async fn a_download_that_breaks_off_is_begun_again() {
    let scene = scene().await;
    let post = Post::text("x").file("a.txt", "text/plain", b"the whole text");
    let event = scene.event(scene.discord.say(scene.channel, scene.ann, post)).await;
    scene.discord.faults().on(Route::Cdn).next(1, Fault::Truncated).next(1, Fault::BadGateway);
    let completed = scene.driver.complete_event(&event, false).await.expect("the third time");
    assert_eq!(scene.bytes(&files(&completed)[0]).await, b"the whole text");
    scene.discord.faults().on(Route::Cdn).always(Fault::DropBefore);
    let error = scene.driver.complete_event(&event, false).await.expect_err("not now");
    assert_eq!(error.pause, None);
    let completed = scene.driver.complete_event(&event, true).await.expect("without it");
    assert!(why(&files(&completed)[0]).contains("cannot be reached"), "{completed:?}");
}

#[tokio::test]
async fn what_is_larger_than_allowed_or_lies_elsewhere_is_not_fetched() {
    let scene = scene_with(&json!({ "max_file_size": 10 })).await;
    let post = Post::text("x").file("a.txt", "text/plain", b"eleven bytes");
    let mut event = scene.event(scene.discord.say(scene.channel, scene.ann, post)).await;
    let file = &mut event.message_mut().expect("a message").attachments[0];
    assert!(why(file).contains("larger than 10 bytes"));
    // As if Discord had said that it is small.
    let url = file.link.clone().expect("a link");
    file.content = Content::Remote(json!({ "url": url }));
    let completed = scene.driver.complete_event(&event, false).await.expect("it never fits");
    assert!(why(&files(&completed)[0]).contains("larger than 10 bytes"));
    for elsewhere in ["http://127.0.0.1:1/a", "https://evil.example/a", "file:///etc/passwd", ""] {
        event.message_mut().expect("a message").attachments[0].content = Content::Remote(json!({ "url": elsewhere }));
        let completed = scene.driver.complete_event(&event, false).await.expect("it is not asked for");
        assert_eq!(why(&files(&completed)[0]), "it does not lie with Discord", "{elsewhere}");
    }
}

#[tokio::test]
async fn what_a_resumed_session_does_not_tell_is_asked_once() {
    let scene = scene().await;
    let thread = scene.discord.add_thread(scene.channel, scene.ann, "plans");
    let role = scene.discord.add_role(scene.guild, "crew", true);
    let old = scene.discord.add_thread(scene.channel, scene.ann, "old plans");
    scene.discord.set_archived(old, true);
    let said = scene.discord.person_writes(thread, scene.ann, &format!("<@&{role}> <#{}>", scene.channel));
    let event = scene.event(said).await;
    assert_eq!(event.parent.as_ref().map(ToString::to_string), Some(scene.channel.to_string()));
    assert_eq!(event.room.as_deref(), Some("plans"));
    assert_eq!(event.message().expect("a message").text.to_plain(), "@crew #general");
    let account = scene.driver.me.account().expect("it was asked");
    let expected = Account { bot: as_ours(scene.bot.user), application: as_ours(scene.bot.application) };
    assert_eq!(account, expected);
    let asked = scene.discord.requests().len();
    scene
        .driver
        .understand("MESSAGE_CREATE", &json!({ "id": "5", "channel_id": scene.channel.to_string(), "content": "x" }))
        .await;
    assert_eq!(scene.discord.requests().len(), asked, "all of it is known now");
    let of_old =
        json!({ "id": "6", "channel_id": old.to_string(), "guild_id": scene.guild.to_string(), "content": "x" });
    let event = scene.driver.understand("MESSAGE_CREATE", &of_old).await.remove(0);
    assert_eq!(event.parent.as_ref().map(ToString::to_string), Some(scene.channel.to_string()));
    assert_eq!(scene.discord.requests().len(), asked + 1, "an archived thread is asked for by itself");
}

#[tokio::test]
async fn what_cannot_be_looked_up_is_relayed_as_it_stands_and_not_asked_for_again_at_once() {
    let log = RecordingLog::start();
    let scene = scene().await;
    scene.discord.faults().everywhere().always(Fault::Answer { status: 403, body: "{}".to_owned() });
    for id in 1..4 {
        let message = json!({ "id": id, "channel_id": "77", "guild_id": "78", "content": "x" });
        let event = scene.driver.understand("MESSAGE_CREATE", &message).await.remove(0);
        assert_eq!((event.channel.as_str(), event.parent), ("77", None));
    }
    let asked = scene.discord.requests().len();
    assert!(asked <= 4, "{asked}");
    let told = log.warnings().into_iter().filter(|line| line.contains("looked up")).count();
    assert_eq!(told, 1);
}

#[tokio::test]
async fn odd_dispatches_are_told_once_and_passed_over() {
    let log = RecordingLog::start();
    let scene = scene().await;
    for data in [json!(null), json!({ "id": {} }), json!([]), json!({ "channel_id": "0" })] {
        assert_eq!(scene.driver.understand("MESSAGE_CREATE", &data).await, []);
    }
    let warnings = log.warnings();
    assert_eq!(warnings.iter().filter(|line| line.contains("cannot be relayed")).count(), 1, "{warnings:?}");
}

#[tokio::test]
async fn a_channels_webhooks_are_forgotten_when_they_change() {
    let scene = scene().await;
    let channel = as_ours(scene.channel);
    let find = async || scene.driver.webhooks.of_channel(&scene.driver.api, channel, None).await.expect("it is there");
    let (made, found) = (find().await, find().await);
    assert_eq!((made.id, scene.asked(Route::ChannelWebhooks)), (found.id, 1));
    let changed = json!({ "guild_id": scene.guild.to_string(), "channel_id": scene.channel.to_string() });
    assert_eq!(scene.driver.understand("WEBHOOKS_UPDATE", &changed).await, []);
    assert_eq!((find().await.id, scene.asked(Route::ChannelWebhooks)), (made.id, 2));
    assert!(scene.driver.webhooks.is_ours(made.id));
}

#[tokio::test]
async fn threads_that_are_no_list_of_threads_are_told_and_passed_over() {
    let log = RecordingLog::start();
    let scene = scene().await;
    for odd in [json!([]), json!("x"), json!(7)] {
        scene.discord.faults().on(Route::ActiveThreads).next(1, Fault::Answer { status: 200, body: odd.to_string() });
        scene.driver.find_threads(as_ours(scene.guild)).await;
    }
    let warnings = log.warnings();
    assert_eq!(warnings.iter().filter(|line| line.contains("which threads there are")).count(), 3, "{warnings:?}");
}

#[tokio::test]
async fn webhooks_that_change_while_one_is_made_are_no_reason_to_make_another() {
    let scene = scene().await;
    let channel = as_ours(scene.channel);
    let find = async || scene.driver.webhooks.of_channel(&scene.driver.api, channel, None).await.expect("it is there");
    scene.discord.faults().on(Route::CreateWebhook).next(1, Fault::Delay(Duration::from_millis(300)));
    let later = async {
        scene.discord.wait_for_request(|request| request.route == Route::CreateWebhook).await;
        let changed = json!({ "guild_id": scene.guild.to_string(), "channel_id": scene.channel.to_string() });
        scene.driver.understand("WEBHOOKS_UPDATE", &changed).await;
        find().await
    };
    let (one, other) = tokio::join!(find(), later);
    assert_eq!((one.id, scene.asked(Route::CreateWebhook)), (other.id, 1));
}
