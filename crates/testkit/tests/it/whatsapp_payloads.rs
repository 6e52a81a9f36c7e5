//! What the fake tells is what the addon told: payload by payload, field by field.

use serde_json::{Value, json};
use tieline_testkit::whatsapp::{Addressing, FakeWhatsApp, Message, WebhookScript};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::whatsapp_client::{ALICE, GROUP, alice, bob, fixture, post, rig, script, take_webhooks};

/// The picture that the recorded files are of.
pub(crate) fn pixel() -> Vec<u8> {
    use base64::Engine;
    let text = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
    base64::engine::general_purpose::STANDARD.decode(text).unwrap()
}

/// Names of files carry the time and random digits: only folder and extension are compared. The recorded digests are not
/// those of the recorded picture.
pub(crate) fn without_chance(value: &mut Value) {
    match value {
        Value::String(text) if text.starts_with("/media/") || text.starts_with("/app/media/") => {
            let (folder, name) = text.rsplit_once('/').unwrap();
            let (stem, extension) = name.split_once('.').unwrap();
            let (ms, random) = stem.split_once('_').unwrap();
            assert!(ms.parse::<u64>().is_ok() && random.len() == 8, "{text}");
            *text = format!("{folder}/*.{extension}");
        }
        Value::Array(values) => values.iter_mut().for_each(without_chance),
        Value::Object(fields) => {
            if let Some(digest) = fields.get_mut("fileSha256") {
                assert_eq!(digest.as_str().map(str::len), Some(44), "SHA-256 in base64");
                *digest = Value::Null;
            }
            fields.values_mut().for_each(without_chance);
        }
        _ => {}
    }
}

/// What the fake tells of the message with this fixture's id.
async fn told(fake: &FakeWhatsApp, name: &str) -> Value {
    let id = fixture(name)["id"].as_str().unwrap().to_owned();
    fake.wait_for_webhook(|call| call.id == id && call.status == Some(200)).await.body
}

#[tokio::test]
async fn every_recorded_payload_is_told_so() {
    let fake = rig(script()).await;
    let _receiver = take_webhooks(&fake, true).await;
    let (pixel, default) = (pixel(), fake.account());
    let png = || Message::image("image/png", pixel.clone());
    let say = [
        ("direct_text", Message::text("Hello from WhatsApp!\nsecond line")),
        ("direct_text_lid", Message::text("direct, lid addressed").addressed(Addressing::Lid)),
        ("reply_quote", Message::text("answering that").quoting("3EB02866F65229FB4DCA19")),
        ("image_caption", png().caption("a caption")),
        ("image_no_caption", png()),
        ("image_download_failed", png().caption("lost").lost()),
        ("video", Message::video("video/mp4", pixel.clone()).caption("clip")),
        ("audio", Message::audio("audio/mpeg", pixel.clone())),
        ("voice_ptt", Message::voice(pixel.clone())),
        ("document", Message::document("offer.pdf", "application/pdf", pixel.clone())),
        (
            "document_with_caption",
            Message::document("offer.pdf", "application/pdf", pixel.clone()).caption("please read"),
        ),
        ("sticker", Message::sticker(pixel.clone())),
        ("location", Message::location(48.1351, 11.582, "Marienplatz", "Munich")),
        ("contact", Message::contact("Carl", "+49 170 0000003")),
        ("poll", Message::poll("Lunch?", &["Pizza", "Soup"])),
        ("forwarded", Message::text("passed on").forwarded()),
    ];
    let of = |name: &str, message: Message| {
        let fixture = fixture(name);
        let id = fixture["id"].as_str().unwrap();
        message.with_id(id).at(fixture["raw"]["messageTimestamp"].as_i64().unwrap())
    };
    let mut names: Vec<&str> = Vec::new();
    for (name, message) in say {
        default.say(ALICE, &alice(), of(name, message));
        names.push(name);
    }
    default.say(GROUP, &bob(), of("group_text", Message::text("hi group")));
    default.say(GROUP, &bob(), of("group_text_lid", Message::text("hi from a lid").addressed(Addressing::Lid)));
    let reply = Message::text("answer in group").quoting("3EB05C4B3C9CBEA8EDEEC6");
    default.say(GROUP, &alice(), of("group_reply_quote", reply));
    default.own(ALICE, of("fromme_phone_direct", Message::text("typed on the phone")));
    default.own(GROUP, of("fromme_phone_group", Message::text("typed on the phone to the group")));
    fake.account_of("work").say(ALICE, &alice(), of("second_session_text", Message::text("hello second account")));
    names.extend(["group_text", "group_text_lid", "group_reply_quote", "fromme_phone_direct", "fromme_phone_group"]);
    names.push("second_session_text");
    for name in names {
        let (mut told, mut recorded) = (told(&fake, name).await, fixture(name));
        without_chance(&mut told);
        without_chance(&mut recorded);
        assert_eq!(told, recorded, "{name}");
    }
}

#[tokio::test]
async fn the_echo_of_a_send_is_told_as_recorded() {
    let fake = rig(script()).await;
    let _receiver = take_webhooks(&fake, true).await;
    let quoted = Message::text("Hello from WhatsApp!\nsecond line").with_id("3EB02866F65229FB4DCA19");
    fake.say(ALICE, &alice(), quoted);
    let body =
        json!({ "number": ALICE, "message": "sent through the API", "quotedMessageId": "3EB02866F65229FB4DCA19" });
    let (_, answer) = post(&fake, "/send_message", &body).await;
    let mut told = fake.wait_for_webhook(|call| answer["id"] == *call.id).await.body;
    let recorded = fixture("fromme_api_echo");
    assert!(told["raw"]["messageTimestamp"].as_str().unwrap().parse::<i64>().is_ok(), "a string of digits");
    told["raw"]["messageTimestamp"] = recorded["raw"]["messageTimestamp"].clone();
    told["id"] = recorded["id"].clone();
    told["raw"]["key"]["id"] = recorded["id"].clone();
    assert_eq!(told, recorded);
    // In a group the device stays, and its digit is glued to the number.
    let (_, answer) = post(&fake, "/send_message", &json!({ "number": GROUP, "message": "hi" })).await;
    let told = fake.wait_for_webhook(|call| answer["id"] == *call.id).await.body;
    assert_eq!(told["person_jid"], "491555000001:7@s.whatsapp.net");
    assert_eq!(told["sender_number"], "4915550000017");
    assert_eq!(told["from"], GROUP);
}

#[tokio::test]
async fn the_request_has_exactly_the_recorded_headers() {
    let fake = rig(script()).await;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let at = listener.local_addr().unwrap();
    let webhook = WebhookScript { url: format!("http://user:secret@{at}/webhook?a=b"), token: String::new() };
    fake.set_webhook(Some(webhook));
    let id = fake.text(ALICE, &alice(), "grüß dich");
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut came = Vec::new();
    let body = loop {
        let mut chunk = [0; 4096];
        let read = stream.read(&mut chunk).await.unwrap();
        came.extend_from_slice(&chunk[..read]);
        let text = String::from_utf8_lossy(&came).into_owned();
        if let Some((_, body)) = text.split_once("\r\n\r\n")
            && serde_json::from_str::<Value>(body).is_ok()
        {
            break body.to_owned();
        }
    };
    stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
    let head = String::from_utf8(came).unwrap();
    let head = head.split("\r\n\r\n").next().unwrap();
    let mut lines = head.split("\r\n");
    assert_eq!(lines.next(), Some("POST /webhook?a=b HTTP/1.1"), "the query stays, user and password do not");
    let headers: Vec<(String, &str)> = lines
        .map(|line| line.split_once(": ").map(|(name, value)| (name.to_ascii_lowercase(), value)).unwrap())
        .collect();
    let recorded = fixture("direct_text.request");
    let names: Vec<&String> = headers.iter().map(|(name, _)| name).collect();
    assert_eq!(names, recorded["headers"].as_object().unwrap().keys().collect::<Vec<_>>());
    let values: Vec<&str> = headers.iter().map(|(_, value)| *value).collect();
    assert_eq!(values, ["application/json", &*body.len().to_string(), "", &*at.to_string(), "keep-alive"]);
    fake.wait_for_webhook(|call| call.id == id && call.status == Some(204)).await;
}

#[tokio::test]
async fn kinds_without_a_recording_are_told_as_the_reference_says() {
    let fake = rig(script()).await;
    let _receiver = take_webhooks(&fake, true).await;
    let poll = fake.say(ALICE, &alice(), Message::poll("Lunch?", &["Pizza", "Soup"]));
    let picture = || Message::image("image/png", pixel()).caption("look");
    let channel = "120363000000000077@newsletter";
    let cases = [
        (ALICE, Message::vote(&poll, &["Soup"]), "📊 [Poll Vote Update: Lunch?]\n🗳️ Vote: Soup", json!(null)),
        (ALICE, picture().ephemeral(), "look (Media Download Failed)", json!(null)),
        (ALICE, picture().view_once(), "look (Media Download Failed)", json!(null)),
        (ALICE, Message::text("gone soon").ephemeral(), "gone soon", json!(null)),
        (ALICE, Message::link("https://x.example", "Title", "Text"), "https://x.example\nText\nTitle", json!(null)),
        (ALICE, Message::gif(pixel()), "🎥 [GIF/Video]", json!("video")),
        (ALICE, Message::video_note(pixel()), "🎥 [GIF/Video]", json!("video")),
        (
            ALICE,
            Message::contacts("2 contacts", &[("A", "1"), ("B", "2")]),
            "👤 [Contact: 2 contacts]",
            json!("contact"),
        ),
        (ALICE, Message::location(1.0, 2.0, "", ""), "📍 [Location Share]", json!("location")),
        (ALICE, Message::key_distribution(), "", json!(null)),
        (channel, Message::text("news"), "news", json!(null)),
    ];
    for (chat, message, content, media_type) in cases {
        let id = fake.say(chat, &alice(), message);
        let told = fake.wait_for_webhook(|call| call.id == id).await.body;
        assert_eq!((&told["content"], &told["media_type"]), (&json!(content), &media_type));
        assert_eq!(told["media_url"].is_string(), media_type == "video");
        let hidden = chat == channel;
        assert_eq!(told["person_jid"] == "", hidden);
        assert_eq!(told["sender_number"] == "", hidden);
    }
    let votes: Vec<Value> = fake.webhooks().into_iter().map(|call| call.body["vote"].clone()).collect();
    assert_eq!(votes[1], json!(["Soup"]));
    let id = fake.say(ALICE, &alice(), Message::vote("NOT STORED", &["Soup"]));
    assert_eq!(fake.wait_for_webhook(|call| call.id == id).await.body["vote"], json!([]));
}

#[tokio::test]
async fn a_sender_is_named_by_whatever_id_comes_first() {
    let fake = rig(script()).await;
    let _receiver = take_webhooks(&fake, true).await;
    let (phone, lid) = (ALICE, "222000000000001@lid");
    let cases = [
        (Addressing::Usual, phone, phone, phone, "491700000001"),
        (Addressing::PhoneWithLid, phone, phone, lid, "222000000000001"),
        (Addressing::Lid, phone, phone, phone, "491700000001"),
        (Addressing::LidOnly, lid, lid, lid, "222000000000001"),
    ];
    for (addressing, from, sender, person, number) in cases {
        let id = fake.say(ALICE, &alice(), Message::text("x").addressed(addressing));
        let told = fake.wait_for_webhook(|call| call.id == id).await.body;
        let named = ["from", "sender", "person_jid", "sender_number"].map(|key| told[key].as_str().unwrap());
        assert_eq!(named, [from, sender, person, number], "{addressing:?}");
    }
}
