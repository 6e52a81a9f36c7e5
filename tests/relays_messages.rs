//! What people write and send in one workspace arrives in the other as they meant it.

use serde_json::{Value, json};
use tieline_e2e::Relay;
use tieline_testkit::rocketchat::{RocketChatScript, Route};

use crate::workspace::{Workspace, configuration, counts, forward};

const ROOM: &str = "GENERAL";
const PICTURE: &str = "https://img.example.com/{username}.png";

/// Links the room of two workspaces both ways, with names and pictures.
fn connect(one: &Workspace, other: &Workspace) -> Value {
    json!([{
        "id": "team", "type": "connect",
        "channels": { one.id(): { "room_id": ROOM }, other.id(): { "room_id": ROOM } },
        "msg": { "rc_alias": "{user}", "rc_avatar": PICTURE },
    }])
}

/// Bytes that no compression and no accident can reproduce, and that are the same at every run.
fn noise(length: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(42);
    std::iter::repeat_with(|| random.u8(..)).take(length).collect()
}

fn body(request: &tieline_testkit::rocketchat::RecordedRequest) -> Value {
    serde_json::from_slice(&request.body).expect("a JSON body")
}

#[tokio::test]
async fn text_goes_both_ways_with_name_and_picture() {
    let (hq, lab) = (Workspace::start("hq", &[ROOM]).await, Workspace::start("lab", &[ROOM]).await);
    let mut relay = Relay::start(configuration(&[&hq, &lab], &connect(&hq, &lab))).await;

    hq.say(ROOM, "hello over there").await;
    let copy = lab.server.wait_for(ROOM, |message| message.text == "hello over there").await;
    // The webhook only tells `ann`; the name that people see was asked for.
    assert_eq!(copy.alias.as_deref(), Some("Ann Example"));
    assert_eq!(copy.avatar.as_deref(), Some("https://img.example.com/ann.png"));
    assert_eq!(copy.user, "relay.bot");

    lab.say(ROOM, "hello yourself").await;
    let copy = hq.server.wait_for(ROOM, |message| message.text == "hello yourself").await;
    assert_eq!(copy.alias.as_deref(), Some("Ann Example"));

    hq.all_told(ROOM).await;
    lab.all_told(ROOM).await;
    relay.settled().await;
    assert_eq!((hq.server.messages(ROOM).len(), lab.server.messages(ROOM).len()), (2, 2));
    assert_eq!(counts(&relay).await[1], 2);
}

#[tokio::test]
async fn formatting_survives() {
    let (hq, lab) = (Workspace::start("hq", &[ROOM]).await, Workspace::start("lab", &[ROOM]).await);
    let _relay = Relay::start(configuration(&[&hq, &lab], &connect(&hq, &lab))).await;
    let written = [
        "*bold* _italic_ ~struck~ `code` and [a link](https://example.com/a_b?c=d) :tada:",
        "> quoted\nand answered",
        "# Heading\n- one\n- two\n1. first",
        "```rust\nlet answer = 6 * 7; // *not bold*\n```",
        "snake_case, 2 * 3, a@b.example, 50 % & \"quotes\" <tag> {braces} 日本語 👩\u{200d}👩\u{200d}👧",
    ];
    for text in written {
        hq.say(ROOM, text).await;
    }
    let arrived = lab.server.wait_for_count(ROOM, written.len()).await;
    let seen: Vec<String> = arrived.iter().map(|message| message.text.replace(['\u{200b}', '\\'], "")).collect();
    assert_eq!(seen, written);
}

#[tokio::test]
async fn nobody_is_called_by_a_text_from_elsewhere() {
    let (hq, lab) = (Workspace::start("hq", &[ROOM]).await, Workspace::start("lab", &[ROOM]).await);
    // Without the role `user` the bot may not mention all: the server refuses such a message whole.
    lab.server.set_roles(&lab.bot, &["bot"]);
    let mut relay = Relay::start(configuration(&[&hq, &lab], &connect(&hq, &lab))).await;
    hq.say(ROOM, "@all look, @here, @ann").await;
    let copy = lab.server.wait_for_count(ROOM, 1).await.remove(0);
    assert_eq!(copy.text.replace('\u{200b}', ""), "@all look, @here, @ann");
    relay.settled().await;
    assert_eq!(relay.messages("dead").await, 0);
}

#[tokio::test]
async fn a_large_file_arrives_byte_for_byte() {
    let (hq, lab) = (Workspace::start("hq", &[ROOM]).await, Workspace::start("lab", &[ROOM]).await);
    let mut relay = Relay::start(configuration(&[&hq, &lab], &connect(&hq, &lab))).await;
    let bytes = noise(20 << 20);

    let sent = hq.put(ROOM, "measured data.bin", "application/octet-stream", &bytes, "*last* night's run").await;
    let copy = lab.server.wait_for(ROOM, |message| !message.files.is_empty()).await;

    let file = &copy.files[0];
    assert_eq!((file.size, &file.sha256), (bytes.len() as u64, &sent.files[0].sha256));
    assert!(file.read().expect("the file") == bytes, "the bytes differ");
    assert_eq!(file.name, "measured data.bin");
    assert_eq!(copy.text, "*last* night's run", "the caption stands with the file, not in a message of its own");
    assert_eq!(copy.alias.as_deref(), Some("Ann Example"));
    assert_eq!(copy.avatar.as_deref(), Some("https://img.example.com/ann.png"));
    relay.settled().await;
    assert_eq!(lab.server.messages(ROOM).len(), 1);
    let spooled = std::fs::read_dir(relay.data_dir().join("spool")).expect("the spool").count();
    assert_eq!(spooled, 0, "a file that arrived everywhere is not kept");
}

#[tokio::test]
async fn files_keep_their_order_and_types_even_with_equal_bytes() {
    let (hq, lab) = (Workspace::start("hq", &[ROOM]).await, Workspace::start("lab", &[ROOM]).await);
    let archive = Workspace::start("archive", &[ROOM]).await;
    let all = configuration(&[&hq, &lab, &archive], &forward(&hq, &[&lab, &archive], ROOM));
    let mut relay = Relay::start(all).await;
    let png = [&b"\x89PNG\r\n\x1a\n"[..], &noise(2_000)].concat();
    let files: [(&str, &str, &[u8], &str); 5] = [
        ("cat.png", "image/png", &png, "the cat"),
        ("notes.txt", "text/plain", b"one line\n", ""),
        ("cat again.png", "image/png", &png, "the same cat"),
        ("notes.txt", "text/plain", b"one line\n", "once more"),
        ("empty.txt", "text/plain", b"", "nothing in it"),
    ];
    for (name, mime, bytes, caption) in files {
        hq.put(ROOM, name, mime, bytes, caption).await;
    }
    for target in [&lab, &archive] {
        let arrived = target.server.wait_for_count(ROOM, files.len()).await;
        for (copy, (name, mime, bytes, caption)) in arrived.iter().zip(files) {
            assert_eq!(copy.text, caption);
            let file = copy.files.first().unwrap_or_else(|| panic!("no file with `{caption}`: {copy:?}"));
            assert_eq!((file.name.as_str(), file.mime.as_str()), (name, mime));
            assert_eq!(file.read().expect("the file"), bytes);
        }
    }
    relay.settled().await;
    assert_eq!(counts(&relay).await[1], 10);
}

#[tokio::test]
async fn a_file_that_is_too_large_becomes_a_label_with_reason_and_link() {
    let (hq, lab) = (Workspace::start("hq", &[ROOM]).await, Workspace::start("lab", &[ROOM]).await);
    let mut written = configuration(&[&hq, &lab], &connect(&hq, &lab));
    written["rocketchat"]["hq"]["max_file_size"] = json!(1_000);
    let _relay = Relay::start(written).await;

    let sent = hq.put(ROOM, "film.mp4", "video/mp4", &noise(1_001), "watch this").await;
    let copy = lab.server.wait_for_count(ROOM, 1).await.remove(0);

    let text = copy.text.replace(['\u{200b}', '\\'], "");
    assert!(copy.files.is_empty());
    let link = format!("{}/file-upload/{}/film.mp4", hq.server.url(), sent.files[0].id);
    assert_eq!(text, format!("watch this\n[Video: film.mp4] {link} (larger than 1000 bytes)"));
    assert_eq!(hq.server.requests_to(Route::Download).len(), 0, "what was announced as too large was fetched");
}

#[tokio::test]
async fn a_hook_shows_name_and_picture_and_its_ids_are_known() {
    let (hq, lab) = (Workspace::start("hq", &[ROOM]).await, Workspace::start("lab", &[ROOM]).await);
    let hook = lab.incoming(ROOM);
    let mut written = configuration(&[&hq], &connect(&hq, &lab));
    written["rocketchat"]["lab"] = lab.settings_by(&hook);
    let mut relay = Relay::start(written).await;

    let id = hq.say(ROOM, "*hello* by hook").await;
    let copy = lab.server.wait_for_count(ROOM, 1).await.remove(0);
    assert_eq!((copy.text.as_str(), copy.alias.as_deref()), ("*hello* by hook", Some("Ann Example")));
    assert_eq!(copy.avatar.as_deref(), Some("https://img.example.com/ann.png"));
    let request = lab.server.requests_to(Route::Hook).remove(0);
    let posted = body(&request);
    assert_eq!(posted["separateResponse"], json!(true), "{posted}");
    assert!(posted["channel"].is_null() && posted["roomId"].is_null(), "the hook decides the room: {posted}");

    lab.all_told(ROOM).await;
    relay.settled().await;
    let (code, out, err) = relay.command(&["trace", &id, "--json"]);
    assert_eq!(code, Some(0), "{err}");
    let traces: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(traces[0]["deliveries"][0]["copies"], json!([copy.id]), "{traces:#}");

    lab.say(ROOM, "an answer").await;
    hq.server.wait_for(ROOM, |message| message.text == "an answer").await;
    relay.settled().await;
    assert_eq!((hq.server.messages(ROOM).len(), lab.server.messages(ROOM).len()), (2, 2), "no copy came back");
}

#[tokio::test]
async fn a_hook_says_files_as_labels() {
    let hq = Workspace::start("hq", &[ROOM]).await;
    let lab = Workspace::start("lab", &[ROOM]).await;
    let hook = lab.incoming(ROOM);
    let mut written = configuration(&[&hq], &connect(&hq, &lab));
    written["rocketchat"]["lab"] = lab.settings_by(&hook);
    let _relay = Relay::start(written).await;
    let sent = hq.put(ROOM, "plan.pdf", "application/pdf", b"%PDF-1.7 plan", "the plan").await;
    let copy = lab.server.wait_for_count(ROOM, 1).await.remove(0);
    let text = copy.text.replace(['\u{200b}', '\\'], "");
    assert!(copy.files.is_empty());
    let link = format!("{}/file-upload/{}/plan.pdf", hq.server.url(), sent.files[0].id);
    assert_eq!(text, format!("the plan\n[File: plan.pdf] {link} (an Incoming Webhook cannot carry files)"));
    assert_eq!(copy.alias.as_deref(), Some("Ann Example"));
}

#[tokio::test]
async fn a_hook_of_an_old_server_that_names_no_ids_works_too() {
    let hq = Workspace::start("hq", &[ROOM]).await;
    let script = RocketChatScript { version: "6.5.0", hook_limit: None, ..RocketChatScript::default() };
    let lab = Workspace::with("lab", &[ROOM], script).await;
    let hook = lab.incoming(ROOM);
    let mut written = configuration(&[&hq], &connect(&hq, &lab));
    written["rocketchat"]["lab"] = lab.settings_by(&hook);
    let mut relay = Relay::start(written).await;
    hq.say(ROOM, "hello").await;
    lab.server.wait_for_count(ROOM, 1).await;
    lab.all_told(ROOM).await;
    relay.settled().await;
    assert_eq!((hq.server.messages(ROOM).len(), lab.server.messages(ROOM).len()), (1, 1), "no copy came back");
}

#[tokio::test]
async fn an_answer_stays_in_its_thread_on_both_sides() {
    let (hq, lab) = (Workspace::start("hq", &[ROOM]).await, Workspace::start("lab", &[ROOM]).await);
    let _relay = Relay::start(configuration(&[&hq, &lab], &connect(&hq, &lab))).await;
    let opener = hq.say(ROOM, "who comes along?").await;
    let copy = lab.server.wait_for(ROOM, |message| message.text == "who comes along?").await;

    lab.server.post_in_thread(&lab.ann, ROOM, &copy.id, "I do").expect("threads are on");
    let answer = hq.server.wait_for(ROOM, |message| message.text == "I do").await;
    assert_eq!(answer.tmid.as_ref(), Some(&opener));

    hq.server.post_in_thread(&hq.ann, ROOM, &opener, "good").expect("threads are on");
    let answer = lab.server.wait_for(ROOM, |message| message.text == "good").await;
    assert_eq!(answer.tmid, Some(copy.id));
}

#[tokio::test]
async fn a_long_text_arrives_whole_in_parts() {
    let script = RocketChatScript { max_message_size: 50_000, ..RocketChatScript::default() };
    let hq = Workspace::with("hq", &[ROOM], script).await;
    let lab = Workspace::start("lab", &[ROOM]).await;
    let mut relay = Relay::start(configuration(&[&hq, &lab], &connect(&hq, &lab))).await;
    let lines: Vec<String> = (0..600).map(|line| format!("line {line} of a report 👩\u{200d}👩\u{200d}👧")).collect();
    hq.say(ROOM, &lines.join("\n")).await;
    hq.say(ROOM, "the end").await;
    lab.server.wait_for(ROOM, |message| message.text == "the end").await;
    relay.settled().await;
    let mut copies = lab.copies(ROOM);
    assert_eq!(copies.pop().map(|copy| copy.text).as_deref(), Some("the end"), "the next message waits for all parts");
    assert!(copies.len() > 3, "{} parts", copies.len());
    assert!(copies.iter().all(|copy| copy.text.encode_utf16().count() <= 5_000));
    assert!(copies.iter().all(|copy| copy.alias.as_deref() == Some("Ann Example")));
    let arrived: Vec<&str> = copies.iter().flat_map(|copy| copy.text.lines()).collect();
    assert_eq!(arrived, lines);
}

#[tokio::test]
async fn other_bots_are_heard_only_where_the_rule_says_so() {
    let (hq, lab) = (Workspace::start("hq", &[ROOM]).await, Workspace::start("lab", &["with", "without"]).await);
    let rules = json!([
        { "id": "with", "from": { "hq": { "room_id": ROOM } }, "to": { "lab": { "room_id": "with" } },
          "filter": { "bots": true }, "msg": { "rc_alias": "{user}" } },
        { "id": "without", "from": { "hq": { "room_id": ROOM } }, "to": { "lab": { "room_id": "without" } } },
    ]);
    let mut relay = Relay::start(configuration(&[&hq, &lab], &rules)).await;
    let hook = hq.incoming(ROOM);
    let headers = [("content-type", "application/json")];
    let post = r#"{"text": "build 7 failed", "username": "builder"}"#;
    let limit = std::time::Duration::from_secs(20);
    tieline_testkit::call(http::Method::POST, &hook.url, &headers, post.into(), limit).await.expect("an answer");
    let copy = lab.server.wait_for_count("with", 1).await.remove(0);
    assert_eq!((copy.text.as_str(), copy.alias.as_deref()), ("build 7 failed", Some("builder")));
    hq.say(ROOM, "oh no").await;
    lab.server.wait_for_count("without", 1).await;
    relay.settled().await;
    assert_eq!(lab.heard("without"), ["[rocketchat] Ann Example: oh no"]);
    assert_eq!(lab.heard("with"), ["build 7 failed", "oh no"]);
}
