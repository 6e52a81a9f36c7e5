//! Files, in both directions.

use std::sync::Arc;
use std::time::Duration;

use tieline_core::event::{AttachmentKind, Body, Content};
use tieline_core::markup::{Block, Span};
use tieline_core::send::Outgoing;
use tieline_core::spool::MediaSpool;
use tieline_testkit::rocketchat::{FakeRocketChat, Fault, HookEvent, OutgoingHook, RocketChatScript, Route};

use crate::server::{Mode, ROOM, Scene, outgoing_hook, scene, time_flies};

/// A message with one file from the spool.
pub(crate) async fn with_file(scene: &Scene, text: &str, bytes: &'static [u8]) -> Outgoing {
    let file = scene.spool.attachment(AttachmentKind::Image, "cat.png", "image/png", bytes).await;
    let mut outgoing = scene.outgoing(text);
    outgoing.attachments.push(file.expect("the spool takes it"));
    outgoing
}

fn no_limit() -> RocketChatScript {
    RocketChatScript { rest_limit: None, ..RocketChatScript::default() }
}

#[tokio::test]
async fn a_caption_travels_with_its_file() {
    let scene = scene(no_limit(), Mode::Api).await;
    scene.deliver(&with_file(&scene, "look", b"bytes").await).await.expect("sent");
    let said = scene.server.messages(ROOM);
    assert_eq!((said.len(), said[0].text.as_str(), said[0].alias.as_deref()), (1, "look", Some("Bob")));
    assert_eq!(said[0].files[0].read().expect("there"), b"bytes");
}

#[tokio::test]
async fn an_old_server_gets_the_file_the_old_way() {
    let scene = scene(RocketChatScript { version: "6.5.0", ..no_limit() }, Mode::Api).await;
    scene.deliver(&with_file(&scene, "look", b"bytes").await).await.expect("sent");
    let said = scene.server.messages(ROOM);
    assert_eq!((said.len(), said[0].files.len(), said[0].text.as_str()), (1, 1, "Bob: look"));
}

#[tokio::test]
async fn a_file_that_the_server_refuses_becomes_a_label() {
    let scene = scene(RocketChatScript { max_file_size: 3, ..no_limit() }, Mode::Api).await;
    scene.deliver(&with_file(&scene, "look", b"bytes").await).await.expect("sent");
    let said = scene.server.messages(ROOM);
    assert_eq!(said.len(), 1);
    assert!(said[0].text.starts_with("look\n[Image: cat.png]"), "{}", said[0].text);
}

#[tokio::test]
async fn what_could_not_be_fetched_becomes_a_label_with_its_reason() {
    let scene = scene(no_limit(), Mode::Api).await;
    let mut outgoing = with_file(&scene, "look", b"bytes").await;
    outgoing.attachments[0].content = Content::Unavailable("larger than 5 bytes".into());
    outgoing.attachments[0].link = Some("https://files.example.com/cat.png".into());
    scene.deliver(&outgoing).await.expect("sent");
    let said = scene.server.messages(ROOM);
    assert_eq!(said[0].text, "look\n[Image: cat.png] https://files.example.com/cat.png (larger than 5 bytes)");
}

async fn received(scene: &Scene, bytes: &'static [u8]) -> tieline_core::event::Event {
    scene.server.post_file(&scene.ann, ROOM, "cat.png", "image/png", bytes, "look").expect("posted");
    scene.inbound.wait_for(|event| matches!(event.body, Body::Message(_))).await
}

#[tokio::test]
async fn a_received_file_is_fetched_from_the_server() {
    let scene = scene(no_limit(), Mode::Api).await;
    let _running = scene.run().await;
    let event = received(&scene, b"the bytes").await;
    let whole = scene.driver.complete(&event, false).await.expect("the server answers").event;
    let file = &whole.message().expect("a message").attachments[0];
    let Content::Spooled(id) = &file.content else { panic!("{file:?}") };
    let path = scene.spool.open(id).await.expect("it is there");
    assert_eq!(std::fs::read(path).expect("readable"), b"the bytes");
    assert_eq!((file.name.as_str(), file.size), ("cat.png", Some(9)));
}

#[tokio::test]
async fn a_caption_in_the_files_description_is_the_text() {
    let scene = scene(no_limit(), Mode::Api).await;
    let _running = scene.run().await;
    scene.server.post_described(&scene.ann, ROOM, b"bytes", "*look* at it").expect("posted");
    let event = scene.inbound.wait_for(|event| matches!(event.body, Body::Message(_))).await;
    assert!(event.message().expect("a message").text.blocks.is_empty(), "the call has no caption");
    let whole = scene.driver.complete(&event, false).await.expect("the server answers").event;
    let message = whole.message().expect("a message");
    let expected = vec![Span::Bold(vec![Span::Text("look".into())]), Span::Text(" at it".into())];
    assert_eq!((&message.text.blocks, message.attachments.len()), (&vec![Block::Line(expected)], 1));
}

#[tokio::test]
async fn a_file_in_object_storage_is_fetched_without_credentials() {
    let scene = scene(RocketChatScript { object_storage: true, ..no_limit() }, Mode::Api).await;
    let _running = scene.run().await;
    let event = received(&scene, b"the bytes").await;
    let whole = scene.driver.complete(&event, false).await.expect("the server answers").event;
    assert!(matches!(whole.message().expect("a message").attachments[0].content, Content::Spooled(_)));
    let requests = scene.server.storage_requests();
    assert_eq!(requests.len(), 1);
    let shown = format!("{requests:?}").to_lowercase();
    assert!(!shown.contains("x-auth-token") && !shown.contains(&scene.bot.token.to_lowercase()), "{shown}");
}

#[tokio::test]
async fn a_download_that_breaks_off_is_begun_again() {
    let scene = scene(no_limit(), Mode::Api).await;
    let _running = scene.run().await;
    let event = received(&scene, b"the bytes").await;
    scene.server.faults().on(Route::Download).next(2, Fault::DropAfter);
    let whole = scene.driver.complete(&event, false).await.expect("the third download is whole").event;
    assert!(matches!(whole.message().expect("a message").attachments[0].content, Content::Spooled(_)));
    assert_eq!(scene.server.requests_to(Route::Download).len(), 3);
}

#[tokio::test]
async fn a_download_that_stalls_is_begun_again() {
    let scene = scene(no_limit(), Mode::Api).await;
    let _running = scene.run().await;
    let event = received(&scene, b"the bytes").await;
    scene.server.faults().on(Route::Download).always(Fault::Drip(Duration::from_hours(1)));
    time_flies();
    let tried = tokio::time::timeout(Duration::from_mins(5), scene.driver.complete(&event, false)).await;
    let error = tried.expect("three tries end within minutes").expect_err("no file comes");
    assert!(error.reason.contains("broke off") && error.pause.is_none(), "{error:?}");
    assert_eq!(scene.server.requests_to(Route::Download).len(), 3);
}

#[tokio::test]
async fn a_download_that_only_drips_is_given_up() {
    let scene = scene(no_limit(), Mode::Api).await;
    let _running = scene.run().await;
    let event = received(&scene, &[b'x'; 400]).await;
    // Often enough that no pause between two bytes is too long.
    scene.server.faults().on(Route::Download).always(Fault::Drip(Duration::from_secs(20)));
    time_flies();
    let tried = tokio::time::timeout(Duration::from_hours(1), scene.driver.complete(&event, false)).await;
    let whole = tried.expect("it ends, whatever drips").expect("waiting longer would bring the same");
    let file = &whole.event.message().expect("a message").attachments[0];
    // A minute, and what `max_file_size` takes at 64 KiB/s.
    assert!(matches!(&file.content, Content::Unavailable(why) if why == "it did not arrive within 860 s"), "{file:?}");
    assert_eq!((whole.notes.len(), scene.server.requests_to(Route::Download).len()), (1, 1));
}

#[tokio::test]
async fn slow_downloads_hold_up_neither_lookups_nor_more_than_eight_turns() {
    let scene = scene(no_limit(), Mode::Api).await;
    let _running = scene.run().await;
    scene.server.faults().on(Route::Download).always(Fault::Hang);
    let mut slow = Vec::new();
    for _ in 0..9 {
        let id = scene.server.post_file(&scene.ann, ROOM, "cat.png", "image/png", b"bytes", "look").expect("posted").id;
        let event = scene.inbound.wait_for(|event| event.message_id.as_str() == id).await;
        let driver = Arc::clone(&scene.driver);
        slow.push(tokio::spawn(async move { driver.complete(&event, false).await }));
        let wanted = slow.len();
        let asked = |server: &FakeRocketChat| {
            server.requests_to(Route::GetMessage).iter().filter(|r| r.status.is_some()).count()
        };
        let mut changes = scene.server.changes();
        while asked(&scene.server) < wanted {
            changes.changed().await.expect("the server lives");
        }
    }
    let id = scene.server.post(&scene.ann, ROOM, "hi");
    let event = scene.inbound.wait_for(|event| event.message_id.as_str() == id).await;
    let whole = scene.driver.complete(&event, false).await.expect("a text waits for no file");
    assert_eq!(whole.event.author.shown_name(), "Ann Smith");
    let downloads = |server: &FakeRocketChat| server.requests_to(Route::Download).len();
    let mut changes = scene.server.changes();
    while downloads(&scene.server) < 8 {
        changes.changed().await.expect("the server lives");
    }
    assert_eq!(downloads(&scene.server), 8, "the ninth waits");
    slow[0].abort();
    while downloads(&scene.server) < 9 {
        changes.changed().await.expect("the server lives");
    }
    slow.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test]
async fn a_file_uploaded_event_brings_its_file() {
    let scene = scene(no_limit(), Mode::Hook).await;
    let _running = scene.run().await;
    let url = scene.webhooks.url().await;
    scene.server.outgoing_hook(OutgoingHook { event: HookEvent::FileUploaded, ..outgoing_hook(url) });
    scene.server.post_file(&scene.ann, ROOM, "cat.png", "image/png", b"bytes", "look").expect("posted");
    let event = scene.inbound.wait_for(|event| matches!(event.body, Body::Files(_))).await;
    assert_eq!(event.author.shown_name(), "Ann Smith");
    let whole = scene.driver.complete(&event, true).await.expect("the last try gives up");
    // Without credentials the server gives the file to nobody.
    let file = &whole.event.message().expect("a message").attachments[0];
    assert!(matches!(&file.content, Content::Unavailable(why) if why.contains("credentials")), "{file:?}");
    assert_eq!(whole.notes.len(), 1);
}
