//! What is sent, and as what.

use tieline_core::event::{AttachmentKind, Content};
use tieline_core::id::MessageId;
use tieline_core::send::SendError;
use tieline_testkit::whatsapp::{AccountScript, Echo, Fault, Message, Route, WhatsAppScript};

use crate::addon::{GROUP, Scene, scene, scene_with};

/// Bytes without a pattern that a cut would hide.
fn bytes(size: usize) -> Vec<u8> {
    (0..size).map(|at| (at as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes()[0]).collect()
}

/// The bodies' fields of every send, in order, without the file's bytes.
fn bodies(scene: &Scene) -> Vec<(Route, serde_json::Value)> {
    let sends = scene.addon.requests().into_iter().filter(|request| request.path.starts_with("/send_"));
    let body = |mut body: serde_json::Value| {
        if let Some(url) = body.get("url").and_then(serde_json::Value::as_str) {
            let head = url.split_once(',').map_or(url, |(head, _)| head).to_owned();
            body["url"] = head.into();
        }
        body
    };
    sends.map(|request| (request.route, body(request.body.expect("JSON")))).collect()
}

#[tokio::test]
async fn each_kind_goes_by_its_own_call_with_its_bytes() {
    let scene = scene().await;
    let kinds = [
        (AttachmentKind::Image, "cat.png", "image/png", Route::SendImage),
        (AttachmentKind::Video, "cat.mp4", "video/mp4", Route::SendVideo),
        (AttachmentKind::Audio, "song.mp3", "audio/mpeg", Route::SendAudio),
        (AttachmentKind::Voice, "voice.ogg", "audio/ogg; codecs=opus", Route::SendAudio),
        (AttachmentKind::Document, "Offer 1.pdf", "application/pdf", Route::SendDocument),
        (AttachmentKind::Sticker, "smile.webp", "image/webp", Route::SendSticker),
        (AttachmentKind::Image, "moving.gif", "image/gif", Route::SendDocument),
    ];
    for (index, (kind, name, mime, route)) in kinds.into_iter().enumerate() {
        let content = bytes(1000 + index);
        let mut outgoing = scene.outgoing("");
        outgoing.attachments.push(scene.file(kind, name, mime, content.clone()).await);
        let sent = scene.deliver(&outgoing).await.expect("sent");
        let message = scene.said().pop().expect("there");
        assert_eq!(sent.last().expect("one").ids, [MessageId::new(&message.id).expect("an id")]);
        assert_eq!(message.media.expect("a file").read().expect("readable"), content, "{name}");
        assert_eq!(bodies(&scene).pop().map(|(route, _)| route), Some(route), "{name}");
    }
    insta::assert_json_snapshot!(bodies(&scene).into_iter().map(|(_, body)| body).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_film_of_30_mb_arrives_byte_for_byte() {
    let scene = scene().await;
    let content = bytes(30_000_001);
    let mut outgoing = scene.outgoing("look at this");
    outgoing.attachments.push(scene.file(AttachmentKind::Video, "film.mp4", "video/mp4", content.clone()).await);
    scene.deliver(&outgoing).await.expect("sent");
    let said = scene.said();
    assert_eq!((said.len(), said[0].text.as_str()), (1, "look at this"));
    assert!(said[0].media.as_ref().expect("a file").read().expect("readable") == content, "the bytes differ");
    let request = scene.addon.requests_to(Route::SendVideo).remove(0);
    let declared = request.headers.get("content-length").and_then(|length| length.to_str().ok()?.parse().ok());
    assert_eq!(declared, Some(request.length));
}

#[tokio::test]
async fn a_text_goes_with_the_first_file_that_can_carry_it() {
    let scene = scene().await;
    let mut outgoing = scene.outgoing("listen and look");
    outgoing.attachments.push(scene.file(AttachmentKind::Voice, "v.ogg", "audio/ogg", bytes(10)).await);
    outgoing.attachments.push(scene.file(AttachmentKind::Image, "c.png", "image/png", bytes(11)).await);
    outgoing.attachments.push(scene.file(AttachmentKind::Image, "d.png", "image/png", bytes(12)).await);
    scene.deliver(&outgoing).await.expect("sent");
    let texts: Vec<String> = scene.said().into_iter().map(|message| message.text).collect();
    assert_eq!(texts, ["", "listen and look", ""]);

    let mut only_sound = scene.outgoing("listen");
    only_sound.attachments.push(scene.file(AttachmentKind::Audio, "s.mp3", "audio/mpeg", bytes(13)).await);
    scene.deliver(&only_sound).await.expect("sent");
    let said = scene.said();
    assert_eq!((said[3].text.as_str(), said[3].media.is_none(), said[4].media.is_some()), ("listen", true, true));

    let mut long = scene.outgoing(&"word ".repeat(300));
    long.attachments.push(scene.file(AttachmentKind::Image, "c.png", "image/png", bytes(14)).await);
    scene.deliver(&long).await.expect("sent");
    assert!(scene.said()[6].media.is_some() && scene.said()[6].text.is_empty(), "too long for a caption");
}

#[tokio::test]
async fn what_cannot_be_sent_is_named_with_its_reason() {
    let scene = scene_with(WhatsAppScript::default(), serde_json::json!({ "max_file_size": 100 })).await;
    let mut outgoing = scene.outgoing("see");
    outgoing.attachments.push(scene.file(AttachmentKind::Image, "big.png", "image/png", bytes(101)).await);
    outgoing.attachments.push(scene.file(AttachmentKind::Document, "none.txt", "text/plain", Vec::new()).await);
    let mut gone = scene.file(AttachmentKind::Video, "gone.mp4", "video/mp4", bytes(5)).await;
    gone.content = Content::Unavailable("the server does not have it any more".to_owned());
    gone.link = Some("https://chat.example.com/gone_now.mp4".to_owned());
    outgoing.attachments.push(gone);
    scene.deliver(&outgoing).await.expect("sent");
    let text = scene.said().remove(0).text.replace('\u{2060}', "");
    assert_eq!(
        text,
        "see\n[Image: big.png] (larger than 100 bytes)\n[File: none.txt] (it is empty)\n\
        [Video: gone.mp4] https://chat.example.com/gone_now.mp4 (the server does not have it any more)"
    );
}

#[tokio::test]
async fn a_file_of_over_37_mib_needs_media_url() {
    let scene = scene().await;
    let mut outgoing = scene.outgoing("look");
    outgoing.attachments.push(scene.file(AttachmentKind::Video, "film.mp4", "video/mp4", vec![7; 40_000_000]).await);
    scene.deliver(&outgoing).await.expect("sent");
    let said = scene.said();
    assert!(
        said.len() == 1
            && said[0].media.is_none()
            && said[0].text == "look\n[Video: film.mp4] (too large for the WhatsApp addon)",
        "{said:?}"
    );
}

#[tokio::test]
async fn a_file_that_something_in_between_refuses_is_named() {
    let scene = scene().await;
    let mut outgoing = scene.outgoing("look");
    outgoing.attachments.push(scene.file(AttachmentKind::Image, "c.png", "image/png", bytes(10)).await);
    let fault = Fault::Answer { status: 413, body: "<h1>413 Request Entity Too Large</h1>".to_owned() };
    scene.addon.faults().on(Route::SendImage).next(1, fault);
    scene.deliver(&outgoing).await.expect("sent");
    let said = scene.said();
    assert!(said.len() == 1 && said[0].text.starts_with("look\n[Image: c.png]"), "{said:?}");
}

#[tokio::test]
async fn an_answer_quotes_by_its_text() {
    let scene = scene().await;
    let asked = scene.addon.text(&scene.alice.jid(), &scene.alice, "which cat?");
    let mut outgoing = scene.outgoing("this one");
    outgoing.reply_to = Some(MessageId::new(&asked).expect("an id"));
    scene.deliver(&outgoing).await.expect("sent");
    assert_eq!(scene.said()[0].quotes.as_deref(), Some(asked.as_str()));
    outgoing.attachments.push(scene.file(AttachmentKind::Image, "cat.png", "image/png", bytes(10)).await);
    scene.deliver(&outgoing).await.expect("sent");
    outgoing.text = String::new();
    scene.deliver(&outgoing).await.expect("sent");
    let said = scene.said();
    let shown: Vec<(&str, bool, bool)> =
        said.iter().map(|said| (said.text.as_str(), said.quotes.is_some(), said.media.is_some())).collect();
    assert_eq!(
        shown,
        [
            ("this one", true, false),
            ("this one", true, false),
            ("", false, true),
            ("📎 cat.png", true, false),
            ("", false, true)
        ]
    );
}

#[tokio::test]
async fn no_text_commands_the_addon() {
    let script = WhatsAppScript { moderation: true, ..WhatsAppScript::default() };
    let scene = scene_with(script, serde_json::json!({})).await;
    for text in ["ha-app-restart", "  \"HA-APP-logs", "!kick", "/ban", "#x", "hello\n!kick"] {
        for chat in [scene.alice.jid(), GROUP.to_owned()] {
            let mut outgoing = scene.outgoing_to(&chat, text);
            scene.deliver(&outgoing).await.expect("sent");
            outgoing.attachments.push(scene.file(AttachmentKind::Image, "c.png", "image/png", bytes(10)).await);
            scene.deliver(&outgoing).await.expect("sent");
        }
    }
    assert_eq!(scene.addon.commands(), []);
    assert_eq!(scene.said().len(), 12, "and the addon answered nothing of its own");
    // Each part of a long text begins a message.
    let long = format!("{}\n{}", "x".repeat(59_990), "ha-app-restart ".repeat(100));
    scene.deliver(&scene.outgoing(&long)).await.expect("sent");
    assert_eq!((scene.addon.commands(), scene.said().len()), (Vec::new(), 14));
}

#[tokio::test]
async fn every_call_names_its_session_and_a_whole_jid() {
    let work =
        AccountScript { session: "Work".to_owned(), number: "491555000002".to_owned(), ..AccountScript::default() };
    let script = WhatsAppScript { accounts: vec![AccountScript::default(), work], ..WhatsAppScript::default() };
    let scene = scene_with(script, serde_json::json!({ "session_id": "Work" })).await;
    scene.addon.account_of("work").add_person(&scene.alice);
    scene.addon.account_of("work").set_picture(GROUP, "https://pps.whatsapp.net/x.jpg");
    let _running = scene.run().await;
    scene.health.wait_until_ready().await;
    let mut outgoing = scene.outgoing("hello");
    outgoing.attachments.push(scene.file(AttachmentKind::Image, "c.png", "image/png", bytes(10)).await);
    scene.deliver(&outgoing).await.expect("sent");
    scene.driver.rooms().await.expect("listed");
    scene.driver.doctor(&[]).await;
    scene.addon.account_of("work").text(GROUP, &scene.alice, "good morning");
    let event = scene.inbound.wait_for(|event| event.author.display_name == "Alice").await;
    scene.driver.complete(&event, true).await.expect("completed");
    assert!(scene.addon.sent().iter().all(|sent| sent.session == "work"));
    for request in scene.addon.requests() {
        let query = request.query.unwrap_or_default();
        match request.route {
            // The addon's own page; with a session in it, that one would be made.
            Route::Dashboard => assert_eq!(query, ""),
            Route::Media => {}
            route => assert!(query.contains("session_id=work"), "{route:?} {query}"),
        }
        if let Some(number) = request.body.as_ref().and_then(|body| body.get("number")) {
            assert!(number.is_string(), "{number}");
        }
    }
    assert_eq!(scene.addon.violations(), []);
}

#[tokio::test]
async fn a_session_that_the_addon_does_not_have_is_not_made() {
    let scene = scene_with(WhatsAppScript::default(), serde_json::json!({ "session_id": "wrok" })).await;
    let Err(SendError::Retryable { reason, .. }) = scene.deliver(&scene.outgoing("hello")).await else {
        panic!("it may be corrected");
    };
    assert!(reason.contains("`wrok`") && reason.contains("`default`"), "{reason}");
    assert!(scene.addon.requests().iter().all(|request| request.route == Route::Dashboard));
}

#[tokio::test]
async fn a_number_that_we_never_heard_of_is_looked_up_once() {
    let scene = scene().await;
    for _ in 0..2 {
        scene.deliver(&scene.outgoing("hello")).await.expect("sent");
        let nobody = scene.outgoing_to("491799999999@s.whatsapp.net", "hello?");
        let Err(SendError::Permanent { reason }) = scene.deliver(&nobody).await else { panic!("nobody is there") };
        assert!(reason.contains("+491799999999 is not on WhatsApp"), "{reason}");
        scene.deliver(&scene.outgoing_to(GROUP, "all of you")).await.expect("sent");
    }
    assert_eq!(scene.addon.requests_to(Route::ContactsCheck).len(), 2);
}

#[tokio::test]
async fn whoever_wrote_to_us_is_there_and_a_failed_look_holds_nothing_up() {
    let script = WhatsAppScript { echo: Echo::Off, ..WhatsAppScript::default() };
    let scene = scene_with(script, serde_json::json!({})).await;
    let _running = scene.run().await;
    let id = scene.addon.say(&scene.alice.jid(), &scene.alice, Message::text("hi"));
    scene.inbound.wait_for(|event| event.message_id.as_str() == id).await;
    scene.deliver(&scene.outgoing("hello")).await.expect("sent");
    assert!(scene.addon.requests_to(Route::ContactsCheck).is_empty());
    scene.addon.faults().on(Route::ContactsCheck).always(Fault::Status500);
    let stranger = "491799999999@s.whatsapp.net";
    scene.deliver(&scene.outgoing_to(stranger, "hello?")).await.expect("sent all the same");
    assert_eq!(scene.said_in(stranger).len(), 1);
}
