//! Files in both directions.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use serde_json::json;
use tieline_testkit::call;
use tieline_testkit::whatsapp::{FakeWhatsApp, Fault, Message, Route, WhatsAppScript};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::client::PATIENCE;
use crate::whatsapp_client::{ALICE, alice, get, post, rig, script};

#[tokio::test]
async fn a_large_video_is_fetched_and_a_small_picture_decoded() {
    let fake = rig(script()).await;
    let files = FakeWhatsApp::start(WhatsAppScript::default()).await;
    let film: Vec<u8> = (0..30 * 1024 * 1024_u32).map(|at| (at / 7) as u8).collect();
    files.serve_media("film.mp4", &film);
    let body = json!({ "number": ALICE, "url": format!("{}/media/film.mp4", files.url()), "caption": "film" });
    assert_eq!(post(&fake, "/send_video", &body).await.0, 200);
    let sent = fake.sent().remove(0);
    let media = sent.media.unwrap();
    assert_eq!((media.size, media.mime.as_str()), (film.len() as u64, "video/mp4"));
    assert!(media.read().unwrap() == film, "byte for byte");
    let data = format!("data:image/png;base64,{}", STANDARD.encode(&film[..300_000]));
    let body = json!({ "number": ALICE, "url": data, "caption": "picture" });
    assert_eq!(post(&fake, "/send_image", &body).await.0, 200);
    let sent = fake.sent().remove(1);
    let media = sent.media.unwrap();
    assert!(media.read().unwrap() == film[..300_000], "byte for byte");
    assert_eq!(media.mime, "image/jpeg", "whatever it is");
    let kept = sent.content["image"]["url"].as_str().unwrap();
    assert!(kept.len() < 200 && kept.starts_with("data:image/png;base64,"), "a long url is not kept: {kept}");
    let shown = fake.account().messages(ALICE).pop().unwrap();
    assert_eq!((shown.text.as_str(), shown.media.unwrap().size), ("picture", 300_000));
}

#[tokio::test]
async fn what_cannot_be_fetched_is_500_and_nothing_is_sent() {
    let fake = rig(script()).await;
    let files = FakeWhatsApp::start(WhatsAppScript::default()).await;
    for url in ["/etc/hostname", "file:///etc/hostname", "/media/x.png", &format!("{}/media/none.png", files.url())] {
        let (status, answer) = post(&fake, "/send_image", &json!({ "number": ALICE, "url": url })).await;
        let detail = answer["detail"].as_str().unwrap();
        assert_eq!((status, detail.contains("ENOENT")), (500, !url.starts_with("http")), "{url}: {detail}");
    }
    files.close_port().await;
    let url = format!("{}/media/none.png", files.url());
    assert_eq!(post(&fake, "/send_image", &json!({ "number": ALICE, "url": url })).await.0, 500);
    assert!(fake.sent().is_empty() && fake.account().messages(ALICE).is_empty());
}

#[tokio::test]
async fn redirects_are_followed() {
    let fake = rig(script()).await;
    let files = FakeWhatsApp::start(WhatsAppScript::default()).await;
    files.serve_media("a.webp", b"sticker");
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let at = listener.local_addr().unwrap();
    let target = format!("{}/media/a.webp", files.url());
    let moved = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let answer = format!("HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n");
        stream.write_all(answer.as_bytes()).await.unwrap();
    };
    let body = json!({ "number": ALICE, "url": format!("http://{at}/signed?x=1") });
    let ((status, _), ()) = tokio::join!(post(&fake, "/send_sticker", &body), moved);
    assert_eq!(status, 200);
    assert_eq!(fake.sent()[0].media.as_ref().unwrap().read().unwrap(), b"sticker");
    assert_eq!(files.requests_to(Route::Media)[0].headers.get("x-auth-token"), None);
}

#[tokio::test]
async fn a_document_is_labelled_by_what_is_said_of_it() {
    let fake = rig(script()).await;
    let url = format!("data:;base64,{}", STANDARD.encode("x"));
    let cases = [
        (json!({ "fileName": "a.pdf" }), "application/pdf", "a.pdf"),
        (json!({ "fileName": "a.pdf", "mime_type": "text/plain" }), "text/plain", "a.pdf"),
        (json!({}), "application/octet-stream", "document"),
    ];
    for (mut body, mime, name) in cases {
        body["number"] = json!(ALICE);
        body["url"] = json!(url);
        assert_eq!(post(&fake, "/send_document", &body).await.0, 200);
        let media = fake.sent().pop().unwrap().media.unwrap();
        assert_eq!((media.mime.as_str(), media.name.as_deref()), (mime, Some(name)));
    }
}

#[tokio::test]
async fn received_files_are_served_without_a_token_until_they_are_gone() {
    let fake = rig(script()).await;
    fake.say(ALICE, &alice(), Message::voice("voice"));
    let (_, events) = get(&fake, "/events").await;
    let path = events[0]["media_url"].as_str().unwrap();
    let url = format!("{}{path}", fake.url());
    let fetch = || call(Method::GET, &url, &[], "".into(), PATIENCE);
    let reply = fetch().await.unwrap();
    assert_eq!((&*reply.body, &reply.headers["content-type"]), (&b"voice"[..], &"audio/ogg".parse().unwrap()));
    fake.faults().on(Route::Media).next(1, Fault::Truncated);
    assert!(fetch().await.is_err(), "cut off in the middle");
    fake.delete_media(path);
    let reply = fetch().await.unwrap();
    assert_eq!(reply.status, 404);
    assert!(String::from_utf8_lossy(&reply.body).contains("<pre>Cannot GET /media/"));
}
