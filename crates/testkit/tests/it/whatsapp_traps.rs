//! The traps of the addon's API: what it takes and should not, and what it refuses in its own way.

use http::Method;
use serde_json::{Value, json};
use tieline_testkit::call;
use tieline_testkit::whatsapp::{AccountScript, Connection, FakeWhatsApp, Message, Route, WhatsAppScript};

use crate::client::PATIENCE;
use crate::whatsapp_client::{ALICE, GROUP, alice, get, post, raw, rig, script, take_webhooks};

#[tokio::test]
async fn a_number_that_is_no_string_is_sent_and_then_breaks_the_addon() {
    let fake = rig(script()).await;
    let (status, answer) =
        post(&fake, "/send_message", &json!({ "number": 491_700_000_001_u64, "message": "x" })).await;
    assert_eq!((status, &answer["detail"]), (500, &json!("target.includes is not a function")));
    assert_eq!(fake.account().messages(ALICE).len(), 1, "it was sent all the same");
    let edit = json!({ "number": 491_700_000_001_u64, "messageId": "A", "newText": "y" });
    assert_eq!(post(&fake, "/edit_message", &edit).await.0, 200, "what counts no send does not break");
}

#[tokio::test]
async fn what_cannot_be_quoted_is_sent_unquoted() {
    let fake = rig(script()).await;
    let id = fake.text(ALICE, &alice(), "hi");
    let known = json!({ "number": ALICE, "message": "to that", "quotedMessageId": id });
    let unknown = json!({ "number": ALICE, "message": "to what?", "quotedMessageId": "NOPE" });
    post(&fake, "/send_message", &known).await;
    post(&fake, "/send_message", &unknown).await;
    let quoted: Vec<_> = fake.sent().into_iter().map(|sent| sent.quoted).collect();
    assert_eq!(quoted, [Some(id.clone()), None]);
    let shown: Vec<_> = fake.account().messages(ALICE).into_iter().map(|message| message.quotes).collect();
    assert_eq!(shown, [None, Some(id), None]);
}

#[tokio::test]
async fn missing_fields_are_400_before_the_connection_is_looked_at() {
    let fake = rig(script()).await;
    fake.account().disconnect();
    let cases = [
        ("/send_message", json!({ "number": ALICE, "message": "" }), 400, "Missing number or message"),
        ("/send_image", json!({ "number": ALICE }), 400, "Missing number or url"),
        ("/send_poll", json!({ "number": ALICE, "question": "?" }), 400, "Missing number, name, or options array"),
        (
            "/send_poll",
            json!({ "number": ALICE, "question": "?", "options": ["a", "a "] }),
            400,
            "WhatsApp polls require unique voting options. Duplicate options are not supported by WhatsApp.",
        ),
        ("/edit_message", json!({ "number": ALICE, "messageId": "A" }), 400, "Missing number, messageId, or newText"),
        ("/send_message", json!({ "number": ALICE, "message": "x" }), 503, "Not connected"),
        ("/send_contact", json!({ "number": ALICE, "contactName": "A", "contactNumber": "1" }), 503, "Not connected"),
        ("/groups/info", json!({ "number": GROUP }), 503, "Not connected"),
    ];
    for (path, body, status, detail) in cases {
        assert_eq!(post(&fake, path, &body).await, (status, json!({ "detail": detail })), "{path} {body}");
    }
    assert_eq!(get(&fake, "/chats").await.0, 503);
    assert_eq!(get(&fake, &format!("/chats/messages?number={ALICE}")).await.0, 200, "from the store, connected or not");
    assert!(fake.sent().is_empty());
}

#[tokio::test]
async fn a_session_that_nobody_has_heard_of_is_made_and_not_connected() {
    let fake = rig(script()).await;
    let to_work = |id: &str| json!({ "number": ALICE, "message": "x", "session_id": id });
    assert_eq!(post(&fake, "/send_message", &to_work("WORK")).await.0, 200);
    assert_eq!(fake.sent()[0].session, "work");
    let (status, answer) = post(&fake, "/send_message?session_id=wrok", &to_work("work")).await;
    assert_eq!((status, answer), (503, json!({ "detail": "Not connected" })), "the query wins");
    assert_eq!(get(&fake, "/status?session_id=Wrok").await.1["session_id"], "wrok");
    let (_, dashboard) = get(&fake, "/api/dashboard").await;
    let list = json!([
        { "id": "default", "connected": true }, { "id": "work", "connected": true }, { "id": "wrok", "connected": false },
    ]);
    assert_eq!(dashboard["sessionList"], list);
    let (_, status) = get(&fake, "/status").await;
    let user = json!({ "id": "491555000001:7@s.whatsapp.net", "lid": "222000000000999:7@lid", "name": "Rig default" });
    assert_eq!((&status["connected"], &status["user"]), (&json!(true), &user));
}

#[tokio::test]
async fn while_connecting_a_call_waits_a_little() {
    let waiting = AccountScript { connection: Connection::Connecting, ..AccountScript::default() };
    let script = WhatsAppScript {
        accounts: vec![waiting.clone()],
        connect_wait: std::time::Duration::from_millis(20),
        ..WhatsAppScript::default()
    };
    let fake = FakeWhatsApp::start(script).await;
    let body = json!({ "number": ALICE, "message": "x" });
    assert_eq!(post(&fake, "/send_message", &body).await.0, 503);
    let fake = FakeWhatsApp::start(WhatsAppScript { accounts: vec![waiting], ..WhatsAppScript::default() }).await;
    let connect = async {
        fake.wait_for_request(|request| request.body.is_some()).await;
        fake.account().connect();
    };
    let (sent, ()) = tokio::join!(post(&fake, "/send_message", &body), connect);
    assert_eq!(sent.0, 200, "it was connected in time");
}

#[tokio::test]
async fn the_token_is_asked_for_as_each_call_wants_it() {
    let fake = rig(WhatsAppScript { ui_password: false, ..script() }).await;
    let locked = rig(WhatsAppScript { ui_password: true, ..script() }).await;
    let plain = async |fake: &FakeWhatsApp, path: &str, headers: &[(&str, &str)]| {
        let reply = call(Method::GET, &format!("{}{path}", fake.url()), headers, "".into(), PATIENCE).await.unwrap();
        (reply.status.as_u16(), serde_json::from_slice::<Value>(&reply.body).unwrap_or_default()["detail"].clone())
    };
    let (missing, invalid) = (json!("Missing X-Auth-Token"), json!("Invalid X-Auth-Token"));
    let wrong = [("x-auth-token", "wrong")];
    let outside = [("x-forwarded-for", "203.0.113.9, 10.0.0.1")];
    assert_eq!(plain(&fake, "/chats", &[]).await, (401, missing.clone()));
    assert_eq!(plain(&fake, "/chats", &wrong).await, (401, invalid.clone()));
    assert_eq!(plain(&fake, &format!("/chats?token={}", fake.token()), &[]).await.0, 200);
    assert_eq!(plain(&fake, "/status", &[]).await.0, 200, "a private address is let in");
    assert_eq!(plain(&fake, "/status", &wrong).await, (401, invalid));
    assert_eq!(plain(&fake, "/status", &outside).await.0, 302, "the proxy's word for the address is believed");
    assert_eq!(plain(&fake, "/api/avatar?jid=1", &outside).await, (401, missing));
    assert_eq!(plain(&locked, "/events", &[]).await.0, 302);
    for open in ["/health", "/api/dashboard"] {
        assert_eq!(plain(&locked, open, &outside).await.0, 200);
    }
    fake.set_token("new");
    let header = [("x-auth-token", "new")];
    assert_eq!(plain(&fake, "/chats", &header).await.0, 200);
}

#[tokio::test]
async fn bodies_are_taken_as_express_takes_them() {
    let fake = rig(script()).await;
    let form = format!("number={}&message=from+a+form", ALICE.replace('@', "%40"));
    let reply = raw(&fake, Method::POST, "/send_message", "application/x-www-form-urlencoded", form).await.unwrap();
    assert_eq!(reply.status, 200);
    assert_eq!(fake.sent()[0].content, json!({ "text": "from a form" }));
    for (mime, body) in [("text/plain", r#"{"number": "1"}"#), ("application/json", "")] {
        let reply = raw(&fake, Method::POST, "/send_message", mime, body).await.unwrap();
        let said = String::from_utf8_lossy(&reply.body);
        assert_eq!(reply.status, 500);
        assert!(said.starts_with(r#"{"detail":"Cannot destructure property "#), "{said}");
    }
    let reply = raw(&fake, Method::POST, "/send_message", "application/json", "\"text\"").await.unwrap();
    assert_eq!(reply.status, 400);
}

#[tokio::test]
async fn text_that_begins_like_a_command_is_one() {
    let fake = rig(WhatsAppScript { moderation: true, ..script() }).await;
    let send = async |number: &str, message: &str| {
        post(&fake, "/send_message", &json!({ "number": number, "message": message })).await;
    };
    send(ALICE, "  'ha-app-Logs'").await;
    send(ALICE, "!kick").await;
    send(GROUP, "!kick").await;
    send(GROUP, "Ann: !kick").await;
    fake.text(ALICE, &alice(), "ha-app-ping");
    let commands: Vec<_> = fake.commands().into_iter().map(|command| (command.text, command.from_me)).collect();
    assert_eq!(commands, [("ha-app-logs".into(), true), ("!kick".into(), true), ("ha-app-ping".into(), false)]);
    let shown = fake.account().messages(ALICE);
    assert!(shown[1].text.starts_with("📜 *Recent Connection Events:*"), "the customer gets the logs: {shown:#?}");
    assert_eq!(shown.last().unwrap().text, "Pong! 🏓");
}

#[tokio::test]
async fn the_webhook_setting_says_that_it_changed_and_does_not() {
    let fake = rig(script()).await;
    let _receiver = take_webhooks(&fake, true).await;
    let before = get(&fake, "/api/dashboard").await.1["webhookUrl"].clone();
    let body = json!({ "enabled": true, "url": "http://other.example/", "token": "x" });
    assert_eq!(
        post(&fake, "/settings/webhook", &body).await,
        (200, json!({ "status": "updated", "enabled": true, "url": before }))
    );
    assert_eq!(post(&fake, "/settings/webhook", &json!({ "url": "http://other.example/" })).await.0, 500);
    let id = fake.text(ALICE, &alice(), "still here");
    fake.wait_for_webhook(|call| call.id == id && call.status == Some(200)).await;
}

#[tokio::test]
async fn what_the_addon_does_not_know_is_noted() {
    let fake = rig(script()).await;
    let body = json!({ "number": ALICE, "message": "x", "quoted_message_id": "A", "session_id": 1 });
    assert_eq!(post(&fake, "/send_message?quotedMessageId=A", &body).await.0, 503, "session 1");
    let problems: Vec<_> =
        fake.violations().into_iter().map(|violation| (violation.route, violation.problem)).collect();
    let said = [
        "the body's key \"quoted_message_id\" is not known",
        "the body's \"session_id\" must be a string",
        "the query's key \"quotedMessageId\" is not known",
    ];
    assert_eq!(problems, said.map(|said| (Route::SendMessage, said.to_owned())));
    let request = &fake.requests_to(Route::SendMessage)[0];
    assert_eq!((&request.body, request.query.as_deref()), (&Some(body), Some("quotedMessageId=A")));
    assert_eq!(request.status, Some(503));
}

#[tokio::test]
async fn changes_and_reactions_show_on_the_phones_and_are_told_to_nobody() {
    let fake = rig(script()).await;
    let theirs = fake.text(ALICE, &alice(), "hi");
    let (_, ours) = post(&fake, "/send_message", &json!({ "number": ALICE, "message": "tpyo" })).await;
    let ours = ours["id"].as_str().unwrap().to_owned();
    post(&fake, "/send_reaction", &json!({ "number": ALICE, "messageId": theirs, "reaction": "👍" })).await;
    fake.account().react(&alice(), &ours, "🎉");
    for id in [&theirs, &ours] {
        let body = json!({ "number": ALICE, "messageId": id, "newText": "typo" });
        assert_eq!(post(&fake, "/edit_message", &body).await, (200, json!({ "status": "edited" })));
    }
    let account = fake.account();
    let (theirs, ours) = (account.message(&theirs).unwrap(), account.message(&ours).unwrap());
    assert_eq!((&*theirs.text, theirs.edited), ("hi", false), "only our own can be edited");
    assert_eq!((&*ours.text, ours.edited), ("typo", true));
    assert_eq!(theirs.reactions[&account.own_jid()], "👍");
    assert_eq!(ours.reactions[ALICE], "🎉");
    post(&fake, "/revoke_message", &json!({ "number": ALICE, "messageId": ours.id })).await;
    assert!(account.message(&ours.id).unwrap().revoked);
    let (_, events) = get(&fake, "/events").await;
    let told: Vec<bool> = events.as_array().unwrap().iter().map(Value::is_null).collect();
    assert_eq!(told, [false, false, true, true], "two messages, and nulls for the reactions");
    assert_eq!(get(&fake, "/events").await.1, json!([]), "each call empties the queue");
    let (_, store) = get(&fake, &format!("/chats/messages?number={ALICE}")).await;
    assert_eq!(store["messages"][0]["_reactions"][0]["emoji"], "🎉");
}

#[tokio::test]
async fn a_forward_needs_a_message_of_the_store() {
    let fake = rig(script()).await;
    let id = fake.say(ALICE, &alice(), Message::image("image/png", "pixels").caption("look"));
    let body = json!({ "number": ALICE, "messageId": id, "targetNumber": GROUP });
    let (status, answer) = post(&fake, "/forward_message", &body).await;
    assert_eq!((status, &answer["status"]), (200, &json!("forwarded")));
    let shown = &fake.account().messages(GROUP)[0];
    assert_eq!((&*shown.text, shown.media.as_ref().unwrap().read().unwrap()), ("look", b"pixels".to_vec()));
}
