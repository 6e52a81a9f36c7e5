//! Files between WhatsApp and Rocket.Chat, byte for byte; and every payload that the real addon emitted.

use std::path::{Path, PathBuf};

use serde_json::Value;
use tieline_e2e::Relay;
use tieline_testkit::whatsapp::{Message, Route};

use crate::addon::{Addon, bridge, of_any_age};
use crate::workspace::Workspace;

const ROOM: &str = "DESK";

fn noise(length: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(7);
    std::iter::repeat_with(|| random.u8(..)).take(length).collect()
}

fn fixtures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/whatsapp");
    let mut all: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("the fixtures are there")
        .map(|entry| entry.expect("a file").path())
        .filter(|path| !path.ends_with("api_samples.json") && !path.to_string_lossy().contains(".request."))
        .collect();
    all.sort();
    all
}

#[tokio::test]
async fn every_recorded_payload_reaches_the_room_with_its_file() {
    let (desk, addon) = (Workspace::start("desk", &[ROOM]).await, Addon::start().await);
    let mut relay = Relay::start(of_any_age(bridge(&desk, &addon))).await;
    let bytes = b"\x89PNG\r\n\x1a\n what the addon serves, whatever its name says";
    let mut expected = 0;
    let mut files = 0;
    for path in fixtures() {
        let payload: Value = serde_json::from_slice(&std::fs::read(&path).expect("a file")).expect("JSON");
        let id = payload["id"].as_str().expect("an id").to_owned();
        if let Some(media) = payload["media_url"].as_str() {
            addon.server.serve_media(media, bytes);
            files += 1;
        }
        // The second session is another account's, and nobody's here.
        expected += usize::from(payload["session_id"] == "default");
        addon.server.emit_raw(payload);
        addon.taken(&id).await;
    }
    relay.settled().await;
    let copies = desk.copies(ROOM);
    let texts: Vec<&str> = copies.iter().map(|copy| copy.text.as_str()).collect();
    assert!(copies.len() >= expected, "{} of {expected}: {texts:#?}", copies.len());
    let arrived: Vec<_> = copies.iter().flat_map(|copy| &copy.files).collect();
    assert_eq!(arrived.len(), files, "{texts:#?}");
    for file in arrived {
        assert!(file.read().expect("the file") == bytes, "{}", file.name);
    }
    for said in ["Hello from WhatsApp!\nsecond line", "hi group", "hi from a lid", "a caption", "Marienplatz", "Lunch?"]
    {
        assert!(texts.iter().any(|text| text.contains(said)), "{said:?} is missing in {texts:#?}");
    }
    assert_eq!(relay.messages("dead").await, 0);
}

#[tokio::test]
async fn a_large_video_goes_both_ways() {
    let (desk, addon) = (Workspace::start("desk", &[ROOM]).await, Addon::start().await);
    let mut relay = Relay::start(bridge(&desk, &addon)).await;
    let bytes = noise(30 << 20);
    let id =
        addon.server.say(&addon.alice.jid(), &addon.alice, Message::video("video/mp4", bytes.clone()).caption("look"));
    addon.taken(&id).await;
    let copy = desk.server.wait_for(ROOM, |message| !message.files.is_empty()).await;
    assert!(copy.files[0].read().expect("the file") == bytes, "the bytes differ");
    assert!(copy.text.contains("look"), "{}", copy.text);

    desk.put(ROOM, "answer.mp4", "video/mp4", &bytes, "[491700000001] and look at this").await;
    let sent = addon.server.wait_for(|sent| sent.media.is_some()).await;
    let media = sent.media.expect("a file");
    assert_eq!((sent.route, sent.jid.as_str()), (Route::SendVideo, addon.alice.jid().as_str()));
    assert!(media.read().expect("the file") == bytes, "the bytes differ");
    assert_eq!(sent.content["caption"], "and look at this");
    relay.settled().await;
    addon.was_called_properly();
    assert_eq!(relay.messages("dead").await, 0);
}

#[tokio::test]
async fn a_voice_note_and_a_document_keep_what_they_are() {
    let (desk, addon) = (Workspace::start("desk", &[ROOM]).await, Addon::start().await);
    let mut relay = Relay::start(bridge(&desk, &addon)).await;
    let voice = [b"OggS\0\x02".as_slice(), &noise(9_000), b"OpusHead"].concat();
    let id = addon.server.say(&addon.alice.jid(), &addon.alice, Message::voice(voice.clone()));
    addon.taken(&id).await;
    let paper = noise(5_000);
    let document = Message::document("the bill, 1st.pdf", "application/pdf", paper.clone());
    let id = addon.server.say(&addon.alice.jid(), &addon.alice, document);
    addon.taken(&id).await;
    let of = |name: &'static str| {
        desk.server.wait_for(ROOM, move |message| message.files.iter().any(|file| file.name.contains(name)))
    };
    let copy = of("bill").await;
    assert_eq!(copy.files[0].name, "the bill, 1st.pdf");
    assert!(copy.files[0].read().expect("the file") == paper);
    let arrived = desk.server.wait_for_count(ROOM, 2).await;
    assert!(arrived.iter().flat_map(|copy| &copy.files).any(|file| file.read().expect("the file") == voice));

    desk.put(ROOM, "bill two.pdf", "application/pdf", &paper, "[491700000001]").await;
    let sent = addon.server.wait_for(|sent| sent.route == Route::SendDocument).await;
    assert_eq!(sent.content["fileName"], "bill two.pdf");
    assert!(sent.media.expect("a file").read().expect("the file") == paper);
    relay.settled().await;
    addon.was_called_properly();
}

#[tokio::test]
async fn a_file_over_the_addons_limit_is_offered_by_a_link_that_it_can_fetch() {
    let (desk, addon) = (Workspace::start("desk", &[ROOM]).await, Addon::start().await);
    let mut configuration = bridge(&desk, &addon);
    let listener = addon.listener();
    let base = listener.trim_end_matches("/whatsapp/webhook").to_owned();
    configuration["whatsapp"]["wa"]["media_url"] = Value::from(base);
    let mut relay = Relay::start(configuration).await;
    let bytes = noise(45 << 20);
    desk.put(ROOM, "long film.mp4", "video/mp4", &bytes, "[491700000001] the film").await;
    let sent = addon.server.wait_for(|sent| sent.media.is_some()).await;
    assert!(sent.media.expect("a file").read().expect("the file") == bytes, "the bytes differ");
    relay.settled().await;

    // Without `media_url` it becomes a label that says why.
    let mut without = relay.configuration();
    without.set_extension("json");
    assert_eq!(relay.terminate().await, Some(0));
    relay.write(&{
        let mut plain = bridge(&desk, &addon);
        plain["global"] = serde_json::json!({
            "data_dir": relay.data_dir(), "http": { "listen": relay.control() },
        });
        plain
    });
    relay.spawn();
    relay.ready().await;
    desk.put(ROOM, "another film.mp4", "video/mp4", &bytes, "[491700000001] and this").await;
    let label =
        addon.server.wait_for(|sent| sent.content["text"].as_str().is_some_and(|t| t.contains("another film"))).await;
    assert_eq!(label.route, Route::SendMessage);
    relay.settled().await;
}
