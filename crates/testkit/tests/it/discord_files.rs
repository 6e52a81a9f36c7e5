//! Files: how they are sent, and how they are fetched from the CDN.

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use serde_json::json;
use tieline_testkit::discord::{DiscordScript, Post, Route};
use tieline_testkit::{Reply, call};

use crate::client::PATIENCE;
use crate::discord_client::{FORM, Rig, code, form, id, parsed, wrong};

async fn fetch(url: &str) -> Reply {
    call(Method::GET, url, &[], Bytes::new(), PATIENCE).await.unwrap()
}

#[tokio::test]
async fn files_arrive_byte_for_byte_in_the_order_of_the_list() {
    let rig = Rig::new().await;
    let path = format!("channels/{}/messages", rig.channel);
    let payload = json!({
        "content": "two", "attachments": [{ "id": 1, "description": "second" }, { "id": 0, "filename": "new name.txt" }],
    });
    let body = form(&payload, &[("files[0]", "a.txt", b"first bytes"), ("files[1]", "Über.txt", b"\r\n--front")]);
    let (status, sent) = parsed(&rig.raw(Method::POST, &path, FORM, body).await);
    assert_eq!(status, 200, "{sent}");
    let shown = rig.fake.message(id(&sent)).unwrap();
    let files: Vec<_> = shown.files.iter().map(|file| (file.name.as_str(), file.read().unwrap())).collect();
    assert_eq!(files, [("Über.txt", b"\r\n--front".to_vec()), ("new name.txt", b"first bytes".to_vec())]);
    let attachment = &sent["attachments"][0];
    assert_eq!((&attachment["filename"], &attachment["title"]), (&json!("ber.txt"), &json!("Über")));
    assert_eq!((&attachment["description"], &attachment["size"]), (&json!("second"), &json!(9)));
    let fetched = fetch(sent["attachments"][1]["url"].as_str().unwrap()).await;
    assert_eq!((fetched.status.as_u16(), &fetched.body[..]), (200, &b"first bytes"[..]));
    assert_eq!(fetched.headers["content-type"], "text/plain");
    let request = &rig.fake.requests_to(Route::CreateMessage)[0];
    assert_eq!(request.files, [(0, "a.txt".to_owned()), (1, "Über.txt".to_owned())]);
    assert_eq!(request.body.as_ref().unwrap()["content"], "two");
}

#[tokio::test]
async fn a_file_that_the_list_forgets_is_lost() {
    let rig = Rig::new().await;
    let path = format!("channels/{}/messages", rig.channel);
    let body = form(
        &json!({ "content": "x", "attachments": [{ "id": "0" }] }),
        &[("files[0]", "a", b"a"), ("files[1]", "b", b"b")],
    );
    let (_, sent) = parsed(&rig.raw(Method::POST, &path, FORM, body).await);
    assert_eq!(sent["attachments"].as_array().unwrap().len(), 1);
    assert_eq!(rig.fake.violations()[0].problem, "files[1] is not in attachments, and so is lost");
    let all = form(&json!({}), &[("files[0]", "a", b"a"), ("files[1]", "b", b"b")]);
    let (_, sent) = parsed(&rig.raw(Method::POST, &path, FORM, all).await);
    assert_eq!(sent["attachments"].as_array().unwrap().len(), 2, "without a list all are meant");
}

#[tokio::test]
async fn an_edit_keeps_only_the_files_that_it_lists() {
    let rig = Rig::new().await;
    let hook = rig.hook();
    let path = format!("webhooks/{}/{}", hook.id, hook.token);
    let body = form(&json!({ "content": "x" }), &[("files[0]", "a", b"a"), ("files[1]", "b", b"b")]);
    let (_, sent) = parsed(&rig.raw(Method::POST, &format!("{path}?wait=true"), FORM, body).await);
    let message = format!("{path}/messages/{}", id(&sent));
    let names = |rig: &Rig| -> Vec<String> {
        rig.fake.message(id(&sent)).unwrap().files.into_iter().map(|file| file.name).collect()
    };
    let more = form(&json!({ "content": "y" }), &[("files[0]", "c", b"c")]);
    assert_eq!(rig.raw(Method::PATCH, &message, FORM, more).await.status, 200);
    assert_eq!(names(&rig), ["a", "b", "c"], "without a list all stay");
    let kept = json!({ "attachments": [{ "id": sent["attachments"][1]["id"] }, { "id": 0 }] });
    let body = form(&kept, &[("files[0]", "d", b"d")]);
    assert_eq!(rig.raw(Method::PATCH, &message, FORM, body).await.status, 200);
    assert_eq!(names(&rig), ["b", "d"]);
    let gone = json!({ "attachments": [{ "id": sent["attachments"][0]["id"] }] });
    let refused = rig.send(Method::PATCH, &message, &gone).await;
    assert_eq!(wrong(&refused, "attachments.0.id"), Some("ATTACHMENT_NOT_FOUND"));
}

#[tokio::test]
async fn parts_have_the_names_that_discord_wants() {
    let rig = Rig::new().await;
    let path = format!("channels/{}/messages", rig.channel);
    let send = async |parts: &[(&str, &str, &[u8])]| {
        parsed(&rig.raw(Method::POST, &path, FORM, form(&json!({ "content": "x" }), parts)).await)
    };
    assert_eq!(wrong(&send(&[("file", "a", b"a")]).await, "file"), Some("UNKNOWN_PART"));
    assert_eq!(wrong(&send(&[("files[x]", "a", b"a")]).await, "files[x]"), Some("UNKNOWN_PART"));
    assert_eq!(
        wrong(&send(&[("files[0]", "a", b"a"), ("files[0]", "b", b"b")]).await, "files[0]"),
        Some("DUPLICATE_PART")
    );
    let names: Vec<_> = (0..11).map(|n| format!("files[{n}]")).collect();
    let parts: Vec<_> = names.iter().map(|name| (name.as_str(), "a", &b"a"[..])).collect();
    assert_eq!(code(&send(&parts).await), (400, 30015));
    assert_eq!(send(&parts[..10]).await.0, 200);
}

#[tokio::test]
async fn a_picture_has_its_size_and_a_hidden_file_its_flag() {
    let rig = Rig::new().await;
    let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x01\x40\0\0\0\xf0";
    let post = Post::default().file("cat.png", "image/png", png).file("SPOILER_end.txt", "text/plain", b"he dies");
    let message = rig.fake.say(rig.channel, rig.ann, post);
    let (_, read) = rig.get(&format!("channels/{}/messages/{message}", rig.channel)).await;
    let (picture, hidden) = (&read["attachments"][0], &read["attachments"][1]);
    assert_eq!((&picture["width"], &picture["height"], picture.get("flags")), (&json!(320), &json!(240), None));
    assert_eq!((hidden.get("width"), &hidden["flags"]), (None, &json!(8)));
}

#[tokio::test]
async fn what_is_too_large_is_refused() {
    let script = DiscordScript { max_file_size: 1000, max_request_size: 2500, ..DiscordScript::unlimited() };
    let rig = Rig::with(script).await;
    let path = format!("channels/{}/messages", rig.channel);
    let send = async |sizes: &[usize]| {
        let bytes = vec![b'x'; 2000];
        let names: Vec<_> = (0..sizes.len()).map(|n| format!("files[{n}]")).collect();
        let parts: Vec<_> = names.iter().zip(sizes).map(|(name, size)| (name.as_str(), "a", &bytes[..*size])).collect();
        parsed(&rig.raw(Method::POST, &path, FORM, form(&json!({}), &parts)).await)
    };
    assert_eq!(send(&[1000]).await.0, 200);
    assert_eq!(send(&[1001]).await, (413, json!({ "message": "Request entity too large", "code": 40005 })));
    assert_eq!(code(&send(&[900, 900, 900]).await), (413, 40005), "each is small enough, together they are not");
    assert_eq!(DiscordScript::default().max_file_size, 10 * 1024 * 1024);
    assert_eq!(DiscordScript::default().max_request_size, 25 * 1024 * 1024);
}

#[tokio::test]
async fn links_to_files_expire_and_are_fresh_in_what_is_fetched_again() {
    let rig = Rig::new().await;
    let message =
        rig.fake.say(rig.channel, rig.ann, Post::text("x").file("a.png", "image/png", b"pixels").described("alt"));
    let url = async || {
        let (_, read) = rig.get(&format!("channels/{}/messages/{message}", rig.channel)).await;
        read["attachments"][0]["url"].as_str().unwrap().to_owned()
    };
    let old = url().await;
    assert_eq!(&fetch(&old).await.body[..], b"pixels");
    let (unsigned, query) = old.split_once('?').unwrap();
    assert!(query.contains("ex=") && query.contains("&is=") && query.contains("&hm="), "{query}");
    let forged = old.replace("hm=", "hm=0");
    let later = old.replace("ex=6", "ex=7");
    for url in [unsigned, &forged, &later, &unsigned.replace("a.png", "b.png")] {
        assert_eq!(fetch(url).await.status, 404, "{url}");
    }
    rig.clock.advance(Duration::from_hours(24));
    let expired = fetch(&old).await;
    assert_eq!((expired.status.as_u16(), &expired.body[..]), (404, &b"This content is no longer available."[..]));
    let fresh = url().await;
    assert_ne!(fresh, old);
    assert_eq!(&fetch(&fresh).await.body[..], b"pixels");
    rig.fake.delete(message);
    assert_eq!(fetch(&fresh).await.status, 404, "it went with its message");
}

#[tokio::test]
async fn pictures_are_open_to_everybody_and_never_expire() {
    let rig = Rig::new().await;
    rig.fake.set_avatar(rig.ann, Some("a_0123"));
    rig.fake.set_member_avatar(rig.guild, rig.ann, Some("4567"));
    let tieline_testkit::discord::Emoji::Custom { id: emoji, .. } = rig.fake.add_emoji(rig.guild, "dance", true) else {
        panic!("it is a custom one");
    };
    rig.fake.say(rig.channel, rig.ann, Post::default().sticker(emoji, "wave", 3));
    let (_, sent) =
        rig.execute(&rig.hook(), &json!({ "content": "x", "avatar_url": "https://example.com/a.png" })).await;
    let of_webhook = format!(
        "/avatars/{}/{}.png",
        sent["author"]["id"].as_str().unwrap(),
        sent["author"]["avatar"].as_str().unwrap()
    );
    rig.clock.advance(Duration::from_hours(1000));
    let (ann, guild) = (rig.ann, rig.guild);
    let cases = [
        (format!("/avatars/{ann}/a_0123.gif?size=128"), 200, "image/gif"),
        (format!("/avatars/{ann}/a_0123.webp"), 200, "image/webp"),
        (format!("/avatars/{ann}/other.png"), 404, ""),
        (format!("/guilds/{guild}/users/{ann}/avatars/4567.png"), 200, "image/png"),
        (format!("/guilds/{guild}/users/{ann}/avatars/4567.gif"), 415, ""),
        (format!("/embed/avatars/{}.png", ann.default_avatar()), 200, "image/png"),
        ("/embed/avatars/6.png".to_owned(), 404, ""),
        (format!("/emojis/{emoji}.webp"), 200, "image/webp"),
        ("/emojis/1.webp".to_owned(), 404, ""),
        (format!("/stickers/{emoji}.json"), 200, "application/json"),
        (format!("/stickers/{emoji}.png"), 404, ""),
        (of_webhook, 200, "image/png"),
    ];
    for (path, status, mime) in cases {
        let reply = fetch(&format!("{}{path}", rig.fake.cdn_url())).await;
        assert_eq!(reply.status.as_u16(), status, "{path}");
        assert!(mime.is_empty() || reply.headers["content-type"] == mime, "{path}");
    }
    assert_eq!(rig.fake.invalid(), 0, "the CDN has no part in the count");
    assert_eq!(rig.fake.requests_to(Route::Cdn).len(), 12);
}
