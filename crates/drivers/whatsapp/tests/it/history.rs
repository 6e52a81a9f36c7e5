//! What is written while nobody listens.

use std::sync::Arc;
use std::time::Duration;

use tieline_core::clock::Clock;
use tieline_core::driver::{CatchUp, DriverContext, DriverError, InboundError, Sources};
use tieline_core::event::{Content, Event};
use tieline_core::id::ChannelKey;
use tieline_testkit::whatsapp::{Addressing, Fault, Message, Person, Route, WebhookScript};
use tieline_testkit::{EverySource, LocalWebhooks, RecordingCursors, RecordingHealth, SystemClock};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::addon::{GROUP, Scene, TOKEN, scene_catching_up};

const DAY: CatchUp = CatchUp { max_age: Duration::from_hours(24), max_messages: 500 };

/// The rules name these chats.
struct Named(Vec<ChannelKey>);

impl Sources for Named {
    fn listens_to(&self, channel: &ChannelKey, _: Option<&ChannelKey>) -> bool {
        self.0.contains(channel)
    }

    fn named(&self) -> Option<Vec<ChannelKey>> {
        Some(self.0.clone())
    }
}

fn named(chats: &[&str]) -> Arc<dyn Sources> {
    Arc::new(Named(chats.iter().map(|chat| ChannelKey::new(chat).expect("a chat")).collect()))
}

/// A life of the driver.
struct Life {
    shutdown: CancellationToken,
    task: JoinHandle<Result<(), DriverError>>,
    health: Arc<RecordingHealth>,
}

impl Life {
    async fn begin(scene: &Scene, cursors: &Arc<RecordingCursors>, sources: Arc<dyn Sources>) -> Self {
        let (webhooks, health) = (Arc::new(LocalWebhooks::default()), Arc::new(RecordingHealth::default()));
        let shutdown = CancellationToken::new();
        let context = DriverContext {
            inbound: Arc::clone(&scene.inbound) as _,
            webhooks: Arc::clone(&webhooks) as _,
            health: Arc::clone(&health) as _,
            cursors: Arc::clone(cursors) as _,
            sources,
            shutdown: shutdown.clone(),
        };
        let task = tokio::spawn(Arc::clone(&scene.driver).run(context));
        let url = webhooks.url().await;
        scene.addon.set_webhook(Some(WebhookScript { url, token: TOKEN.to_owned() }));
        Self { shutdown, task, health }
    }

    /// The first life: it is over, and the next one has something to look back to.
    async fn over(scene: &Scene, cursors: &Arc<RecordingCursors>, sources: Arc<dyn Sources>) {
        let life = Self::begin(scene, cursors, sources).await;
        life.health.wait_until_ready().await;
        life.end(scene).await;
    }

    /// The driver stops; nobody hears the addon's webhook.
    async fn end(self, scene: &Scene) {
        scene.addon.set_webhook(None);
        self.shutdown.cancel();
        self.task.await.expect("no panic").expect("it ends well");
    }
}

fn every() -> Arc<dyn Sources> {
    Arc::new(EverySource)
}

fn text(event: &Event) -> String {
    event.message().expect("a message").text.to_plain()
}

/// What was accepted of a chat, in order.
fn told(scene: &Scene, chat: &str) -> Vec<String> {
    scene.inbound.events().iter().filter(|event| event.channel.as_str() == chat).map(text).collect()
}

async fn said(scene: &Scene, wanted: &str) -> Event {
    scene.inbound.wait_for(|event| text(event) == wanted).await
}

fn now() -> i64 {
    SystemClock.now().as_second()
}

#[tokio::test]
async fn at_the_first_start_nothing_is_fetched() {
    let scene = scene_catching_up(DAY).await;
    let cursors = Arc::default();
    scene.addon.say(&scene.alice.jid(), &scene.alice, Message::text("before us").at(now() - 60));
    let life = Life::begin(&scene, &cursors, every()).await;
    life.health.wait_until_ready().await;
    scene.addon.text(&scene.alice.jid(), &scene.alice, "hello");
    said(&scene, "hello").await;
    life.end(&scene).await;
    assert_eq!(told(&scene, &scene.alice.jid()), ["hello"]);
    for route in [Route::Chats, Route::ChatMessages] {
        assert!(scene.addon.requests_to(route).is_empty(), "{route:?}");
    }
    assert!(cursors.at("history").is_some());
}

#[tokio::test]
async fn what_was_missed_comes_oldest_first_with_its_own_time_and_before_what_is_said_now() {
    let scene = scene_catching_up(DAY).await;
    let (alice, bob) = (scene.alice.clone(), Person::new("491700000002", "Bob"));
    let cursors = Arc::default();
    Life::over(&scene, &cursors, every()).await;
    let begun = now();
    for number in 0..5 {
        for (chat, person) in [(alice.jid(), &alice), (bob.jid(), &bob), (GROUP.to_owned(), &bob)] {
            scene.addon.say(&chat, person, Message::text(&format!("missed {number}")).at(begun + number));
        }
    }
    scene.addon.own(&alice.jid(), Message::text("from the phone").at(begun + 5));
    // An old message that is used again moves up in the addon's store.
    let first = scene.addon.account().messages(&alice.jid())[0].id.clone();
    scene.addon.account().react(&bob, &first, "👍");

    let life = Life::begin(&scene, &cursors, every()).await;
    scene.addon.say(&alice.jid(), &alice, Message::text("now").at(begun + 6));
    let mut missed: Vec<String> = (0..5).map(|number| format!("missed {number}")).collect();
    for chat in [bob.jid(), GROUP.to_owned()] {
        let last = scene.inbound.wait_for(|event| event.channel.as_str() == chat && text(event) == "missed 4").await;
        assert_eq!(last.time.as_second(), begun + 4);
        assert_eq!(told(&scene, &chat), missed);
        assert_eq!(last.author.shown_name(), "Bob");
    }
    missed.extend(["from the phone".to_owned(), "now".to_owned()]);
    said(&scene, "now").await;
    assert_eq!(told(&scene, &alice.jid()), missed);
    let own = said(&scene, "from the phone").await;
    assert!(own.author.kind.may_be_ours());
    life.end(&scene).await;
    assert_eq!(scene.addon.violations(), []);
}

#[tokio::test]
async fn webhooks_that_race_are_put_in_order_by_the_store() {
    let scene = scene_catching_up(DAY).await;
    let cursors = Arc::default();
    Life::over(&scene, &cursors, every()).await;
    scene.addon.account().disconnect();
    let life = Life::begin(&scene, &cursors, every()).await;
    let texts: Vec<String> = (0..8).map(|number| format!("pushed {number}")).collect();
    for text in &texts {
        scene.addon.text(GROUP, &scene.alice, text);
    }
    scene.addon.account().connect();
    for text in &texts {
        said(&scene, text).await;
    }
    life.end(&scene).await;
    assert_eq!(told(&scene, GROUP), texts);
}

#[tokio::test]
async fn only_chats_that_rules_name_are_read_also_where_they_are_stored_under_a_hidden_number() {
    let scene = scene_catching_up(DAY).await;
    let cursors = Arc::default();
    let hidden = Person::new("491700000003", "Carol");
    let bob = Person::new("491700000002", "Bob");
    let sources = || named(&[GROUP, "491700000003@s.whatsapp.net"]);
    Life::over(&scene, &cursors, sources()).await;
    scene.addon.say(&hidden.jid(), &hidden, Message::text("hidden").addressed(Addressing::Lid));
    scene.addon.text(GROUP, &scene.alice, "in the group");
    scene.addon.text(&bob.jid(), &bob, "of no rule");
    let life = Life::begin(&scene, &cursors, sources()).await;
    said(&scene, "in the group").await;
    let event = said(&scene, "hidden").await;
    assert_eq!(event.channel.as_str(), "491700000003@s.whatsapp.net");
    life.end(&scene).await;
    assert!(scene.inbound.arrivals().iter().all(|event| text(event) != "of no rule"));
    let asked = scene.addon.requests_to(Route::ChatMessages);
    let asked = asked.iter().filter_map(|request| request.body.as_ref()?["number"].as_str());
    assert!(asked.clone().all(|chat| chat != bob.jid()), "{:?}", asked.collect::<Vec<_>>());
}

#[tokio::test]
async fn the_newest_of_many_are_fetched_and_none_that_is_too_old() {
    let scene = scene_catching_up(CatchUp { max_age: Duration::from_hours(1), max_messages: 3 }).await;
    let cursors: Arc<RecordingCursors> = Arc::default();
    // A rule has taken all chats for long.
    let place = serde_json::json!({ "every": 0, "chats": {}, "until": null }).to_string();
    tieline_core::driver::Cursors::set(&*cursors, "history", &place).await.expect("kept");
    for number in 0..5 {
        scene.addon.say(GROUP, &scene.alice, Message::text(&format!("{number}")).at(now() - 100 + number));
    }
    scene.addon.say(&scene.alice.jid(), &scene.alice, Message::text("too old").at(now() - 3700));
    scene.addon.say(&scene.alice.jid(), &scene.alice, Message::text("not too old").at(now() - 3500));
    let life = Life::begin(&scene, &cursors, every()).await;
    said(&scene, "4").await;
    said(&scene, "not too old").await;
    life.end(&scene).await;
    assert_eq!(told(&scene, GROUP), ["2", "3", "4"]);
    assert_eq!(told(&scene, &scene.alice.jid()), ["not too old"]);
}

#[tokio::test]
async fn history_that_is_pushed_is_told_and_declined() {
    let scene = scene_catching_up(DAY).await;
    let life = Life::begin(&scene, &Arc::default(), every()).await;
    life.health.wait_until_ready().await;
    let chat = scene.alice.jid();
    scene.addon.account().disconnect();
    for (text, age) in [("ancient", 25 * 3600), ("before us", 3600), ("just now", 0)] {
        scene.addon.say(&chat, &scene.alice, Message::text(text).at(now() - age));
    }
    scene.addon.account().connect();
    for (text, why) in [("ancient", Some("before a rule")), ("before us", Some("before a rule")), ("just now", None)] {
        let declined = scene.instance.declines(&said(&scene, text).await);
        assert_eq!(declined.is_some(), why.is_some(), "{text}: {declined:?}");
        assert!(why.is_none_or(|why| declined.as_ref().is_some_and(|said| said.contains(why))), "{text}: {declined:?}");
    }
    life.end(&scene).await;
}

#[tokio::test]
async fn what_is_pushed_and_too_old_is_declined() {
    let scene = scene_catching_up(CatchUp { max_age: Duration::from_hours(1), max_messages: 3 }).await;
    let cursors: Arc<RecordingCursors> = Arc::default();
    let place = serde_json::json!({ "every": 0 }).to_string();
    tieline_core::driver::Cursors::set(&*cursors, "history", &place).await.expect("kept");
    let life = Life::begin(&scene, &cursors, every()).await;
    scene.addon.say(GROUP, &scene.alice, Message::text("old").at(now() - 7200));
    scene.addon.say(GROUP, &scene.alice, Message::text("late").at(now() - 1800));
    let declined = scene.instance.declines(&said(&scene, "old").await);
    assert!(declined.as_ref().is_some_and(|why| why.contains("max_age")), "{declined:?}");
    assert_eq!(scene.instance.declines(&said(&scene, "late").await), None);
    life.end(&scene).await;
}

#[tokio::test]
async fn a_store_that_cannot_be_read_holds_nothing_up_and_is_read_later() {
    let scene = scene_catching_up(DAY).await;
    let cursors = Arc::default();
    Life::over(&scene, &cursors, every()).await;
    scene.addon.text(GROUP, &scene.alice, "missed");
    scene.addon.faults().on(Route::ChatMessages).always(Fault::Status500);
    let life = Life::begin(&scene, &cursors, every()).await;
    scene.addon.text(GROUP, &scene.alice, "now");
    said(&scene, "now").await;
    assert_eq!(told(&scene, GROUP), ["now"]);
    scene.addon.faults().on(Route::ChatMessages).clear();
    said(&scene, "missed").await;
    life.end(&scene).await;
}

#[tokio::test]
async fn a_file_that_the_addon_is_still_fetching_is_left_to_its_webhook() {
    let scene = scene_catching_up(DAY).await;
    let cursors = Arc::default();
    Life::over(&scene, &cursors, every()).await;
    let image = || Message::image("image/png", &b"cat"[..]);
    let failed = scene.addon.say(GROUP, &scene.alice, image().lost().at(now() - 1).caption("never there"));
    scene.addon.say(GROUP, &scene.alice, image().caption("fetched"));
    let cursor = cursors.at("history").expect("kept");
    assert!(cursor.contains("every"), "{cursor}");
    let place = serde_json::json!({ "every": (now() - 3600) * 1000 }).to_string();
    tieline_core::driver::Cursors::set(&*cursors, "history", &place).await.expect("kept");
    scene.addon.say(GROUP, &scene.alice, image().lost().at(now() - 600).caption("gone"));
    let life = Life::begin(&scene, &cursors, every()).await;
    let held = scene.addon.say(GROUP, &scene.alice, image().held().caption("under way"));
    scene.addon.text(GROUP, &scene.alice, "after it");
    said(&scene, "after it").await;
    let file = |event: &Event| event.message().expect("a message").attachments[0].content.clone();
    assert!(matches!(file(&said(&scene, "fetched").await), Content::Remote(_)));
    assert!(matches!(file(&said(&scene, "gone").await), Content::Unavailable(_)));
    let young = [&failed, &held];
    assert!(scene.inbound.arrivals().iter().all(|event| young.iter().all(|id| event.message_id.as_str() != *id)));
    scene.addon.release(&held);
    assert!(matches!(file(&said(&scene, "under way").await), Content::Remote(_)));
    life.end(&scene).await;
}

#[tokio::test]
async fn after_the_addon_was_out_of_reach_its_store_is_read() {
    let scene = scene_catching_up(DAY).await;
    let cursors = Arc::default();
    // The chat must have begun before this round.
    Life::over(&scene, &cursors, every()).await;
    let life = Life::begin(&scene, &cursors, every()).await;
    life.health.wait_until_ready().await;
    scene.addon.text(GROUP, &scene.alice, "heard");
    said(&scene, "heard").await;
    let webhook = scene.addon.webhooks().pop().expect("one").url;
    scene.addon.close_port().await;
    scene.addon.set_webhook(None);
    scene.addon.text(GROUP, &scene.alice, "unheard");
    // A send that cannot be made lets the driver look at once.
    scene.deliver(&scene.outgoing("anybody?")).await.expect_err("nobody is there");
    life.health.wait_for(|health| matches!(health, tieline_testkit::Health::Failing(_))).await;
    scene.addon.open_port().await.expect("the port is free");
    scene.addon.set_webhook(Some(WebhookScript { url: webhook, token: TOKEN.to_owned() }));
    said(&scene, "unheard").await;
    life.end(&scene).await;
}

#[tokio::test]
async fn what_the_disk_refused_is_taken_when_it_can_be_written_again() {
    let scene = scene_catching_up(DAY).await;
    let cursors = Arc::default();
    let place = serde_json::json!({ "every": (now() - 60) * 1000 }).to_string();
    tieline_core::driver::Cursors::set(&*cursors, "history", &place).await.expect("kept");
    let life = Life::begin(&scene, &cursors, every()).await;
    scene.addon.text(GROUP, &scene.alice, "before");
    said(&scene, "before").await;
    scene.inbound.fail(InboundError::Disk("full".to_owned()));
    let id = scene.addon.text(GROUP, &scene.alice, "refused");
    let call = scene.addon.wait_for_webhook(|call| call.id == id && call.status.is_some()).await;
    assert_eq!(call.status, Some(503));
    scene.inbound.open();
    said(&scene, "refused").await;
    life.end(&scene).await;
}
