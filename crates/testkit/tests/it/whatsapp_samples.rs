//! What the real addon answered to calls, against what the fake answers: status, type, body, and what was asked of
//! WhatsApp.

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};
use tieline_testkit::call;
use tieline_testkit::whatsapp::{Addressing, FakeWhatsApp, Message, Person, Sent, WhatsAppScript};

use crate::client::PATIENCE;
use crate::whatsapp_client::{ALICE, GROUP, alice, fixture, rig, script};
use crate::whatsapp_payloads::{pixel, without_chance};

/// The chats as they were when the answers were recorded.
async fn recorded_state() -> FakeWhatsApp {
    let fake = rig(script()).await;
    let account = fake.account();
    let second = "3EB0A73CF903FD34ECB729";
    let offline = Message::text("sent while the addon was offline (append)").with_id("3EB0C46715F0585C6623E1");
    account.say(ALICE, &alice(), offline.at(1_795_155_349));
    let picture = Message::image("image/png", pixel()).caption("first").with_id("3EB0DCDFD0B0F60C093E09");
    account.say(ALICE, &alice(), picture.at(1_795_241_749));
    account.say(ALICE, &alice(), Message::text("second").with_id(second).at(1_795_241_749));
    // The cache names a group after who spoke last.
    account.own(GROUP, Message::text("typed on the phone to the group"));
    account.say(ALICE, &alice(), Message::text("by lid").addressed(Addressing::Lid));
    account.say("222000000000009@lid", &Person::hidden("222000000000009", "Nemo"), Message::text("who am I?"));
    account.say("120363000000000077@newsletter", &alice(), Message::text("news"));
    account.set_picture(ALICE, "https://pps.whatsapp.net/v/491700000001%40s.whatsapp.net.jpg");
    account.set_picture(GROUP, "https://pps.whatsapp.net/v/120363000000000001%40g.us.jpg");
    fake
}

/// Where the recorded calls name a port on which nobody listened, since the recording had no WhatsApp behind it: there
/// the fake needs a file.
fn with_files_at(sample: &mut Value, files: &FakeWhatsApp) {
    match sample {
        Value::String(text) => {
            let at = format!("{}/media/", files.url());
            *text = text.replace("http://127.0.0.1:1/x?sig=1", &format!("{at}x.bin?sig=1"));
            *text = text.replace("http://127.0.0.1:1/", &at);
        }
        Value::Array(values) => values.iter_mut().for_each(|value| with_files_at(value, files)),
        Value::Object(fields) => fields.values_mut().for_each(|value| with_files_at(value, files)),
        _ => {}
    }
}

/// What the recording says was asked of WhatsApp, in the words of the fake.
fn asked(sample: &Value) -> Option<(Value, Value, Value)> {
    let call = sample["socket"].get(0)?;
    let args = &call["args"];
    match call["method"].as_str()? {
        "sendMessage" => Some((args["jid"].clone(), args["content"].clone(), args["quotedId"].clone())),
        "sendPresenceUpdate" => Some((args[1].clone(), json!({ "presence": args[0] }), Value::Null)),
        "readMessages" => Some((args[0][0]["remoteJid"].clone(), json!({ "read": args[0] }), Value::Null)),
        // Questions are not kept.
        _ => None,
    }
}

#[tokio::test]
async fn every_recorded_call_is_answered_so() {
    let fake = recorded_state().await;
    let files = FakeWhatsApp::start(WhatsAppScript::default()).await;
    for name in ["x.mp4", "x.ogg", "x.bin", "x.webp"] {
        files.serve_media(name, b"bytes");
    }
    let samples = fixture("api_samples");
    let samples = samples.as_array().unwrap();
    assert_eq!(samples.len(), 36, "all that were recorded");
    for sample in samples {
        let mut sample = sample.clone();
        with_files_at(&mut sample, &files);
        let request = &sample["request"];
        let name = format!("{} {} {}", request["method"], request["path"], request["body"]);
        let body = match &request["body"] {
            Value::Null => Bytes::new(),
            Value::String(text) => match text.strip_prefix('<').and_then(|text| text.strip_suffix(" bytes>")) {
                Some(length) => Bytes::from(vec![b' '; length.parse().unwrap()]),
                None => Bytes::from(text.clone()),
            },
            body => Bytes::from(body.to_string()),
        };
        let before = fake.sent().len();
        let token = fake.token();
        let mut headers = vec![("content-type", "application/json")];
        if sample["status"] != 401 {
            headers.push(("x-auth-token", &token));
        }
        let url = format!("{}{}", fake.url(), request["path"].as_str().unwrap());
        let method: Method = request["method"].as_str().unwrap().parse().unwrap();
        let reply = call(method, &url, &headers, body, PATIENCE).await.unwrap();
        assert_eq!(reply.status.as_u16(), sample["status"].as_u64().unwrap() as u16, "{name}");
        assert_eq!(reply.headers["content-type"], sample["type"].as_str().unwrap(), "{name}");
        if let Some(page) = sample["response"].as_str() {
            let said = String::from_utf8(reply.body.to_vec()).unwrap();
            assert!(said.starts_with(page), "{name}: {said}");
            continue;
        }
        let mut answer: Value = serde_json::from_slice(&reply.body).unwrap();
        let mut recorded = sample["response"].clone();
        if answer["status"] == "sent" {
            let id = answer["id"].as_str().unwrap();
            assert!(id.starts_with("3EB0") && id.len() == 22, "{id}");
            answer["id"] = recorded["id"].clone();
        }
        without_chance(&mut answer);
        without_chance(&mut recorded);
        assert_eq!(answer, recorded, "{name}");
        let sent: Vec<Sent> = fake.sent().split_off(before);
        let sent = sent.first().map(|sent| (json!(sent.jid), sent.content.clone(), json!(sent.quoted)));
        assert_eq!(sent, asked(&sample), "{name}");
    }
    // `message_id`, where the addon does not know it, and a number that is no string; the rest was well formed.
    let violations: Vec<String> = fake.violations().into_iter().map(|violation| violation.problem).collect();
    assert_eq!(
        violations,
        [
            "the body's \"number\" must be a string",
            "the body's key \"quotedMessageId\" is not known",
            "the body's key \"latitude\" is not known",
            "the body's key \"longitude\" is not known",
            "the body's key \"message_id\" is not known",
        ]
    );
}
