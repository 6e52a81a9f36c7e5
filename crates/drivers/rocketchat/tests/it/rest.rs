//! Sending and receiving with the bot's credentials.

use tieline_core::event::{Authorship, Body};
use tieline_core::id::{DeliveryId, MessageId};
use tieline_core::markup::{Block, Markup, Span};
use tieline_core::send::{Reconciled, SendError, Trouble};
use tieline_testkit::rocketchat::{Fault, RocketChatScript, RoomKind, Route};
use tieline_testkit::{Health, on_its_way};

use crate::server::{Mode, ROOM, scene};

#[tokio::test]
async fn a_repeat_under_the_same_key_is_the_same_message() {
    let scene = scene(RocketChatScript::default(), Mode::Api).await;
    let sending = scene.first(&scene.outgoing("once"));
    let first = scene.driver.send(&sending).await.expect("sent");
    let second = scene.driver.send(&sending).await.expect("known");
    assert_eq!(first.ids, second.ids);
    assert_eq!(scene.server.messages(ROOM).len(), 1);
}

#[tokio::test]
async fn a_public_room_is_joined_first() {
    let scene = scene(RocketChatScript::default(), Mode::Api).await;
    scene.server.add_room(RoomKind::Public, "P1", "plaza");
    let mut outgoing = scene.outgoing("hello");
    outgoing.target = tieline_core::address::Address::of([("room_id", "P1")]);
    scene.deliver(&outgoing).await.expect("sent");
    assert!(scene.server.is_member("P1", &scene.bot));
}

#[tokio::test]
async fn a_refused_alias_stands_in_the_text_from_then_on() {
    let scene = scene(RocketChatScript { rest_limit: None, ..RocketChatScript::default() }, Mode::Api).await;
    scene.server.set_roles(&scene.bot, &["user"]);
    scene.deliver(&scene.outgoing("one")).await.expect("sent");
    let mut second = scene.outgoing("two");
    second.delivery = tieline_core::id::DeliveryId(2);
    scene.deliver(&second).await.expect("sent");
    let said: Vec<_> = scene.server.messages(ROOM).into_iter().map(|m| (m.text, m.alias)).collect();
    assert_eq!(said, [("Bob: one".to_owned(), None), ("Bob: two".to_owned(), None)]);
    assert_eq!(scene.server.requests_to(Route::SendMessage).len(), 3, "the second message does not try again");
}

#[tokio::test]
async fn a_room_without_the_bot_is_a_permanent_failure_with_its_remedy() {
    let scene = scene(RocketChatScript::default(), Mode::Api).await;
    scene.server.leave(ROOM, &scene.bot);
    let Err(SendError::Permanent { reason }) = scene.deliver(&scene.outgoing("x")).await else {
        panic!("a private room cannot be joined")
    };
    assert!(reason.contains("invite"), "{reason}");
}

#[tokio::test]
async fn a_login_is_renewed_once_and_never_in_a_loop() {
    let scene = scene(RocketChatScript { rest_limit: None, ..RocketChatScript::default() }, Mode::Login).await;
    scene.deliver(&scene.outgoing("one")).await.expect("sent");
    scene.server.expire_tokens(&scene.bot);
    let mut second = scene.outgoing("two");
    second.delivery = tieline_core::id::DeliveryId(2);
    scene.deliver(&second).await.expect("sent after a new login");
    assert_eq!(scene.server.requests_to(Route::Login).len(), 2);
    scene.server.faults().on(Route::SendMessage).always(Fault::Unauthorized);
    let mut third = scene.outgoing("three");
    third.delivery = tieline_core::id::DeliveryId(3);
    let ended = scene.deliver(&third).await;
    assert!(matches!(ended, Err(SendError::Retryable { trouble: Trouble::Credentials, .. })), "{ended:?}");
    assert_eq!(scene.server.requests_to(Route::Login).len(), 3);
}

#[tokio::test]
async fn an_event_is_made_whole_by_rest() {
    let scene = scene(RocketChatScript::default(), Mode::Api).await;
    let _running = scene.run().await;
    let id = scene.server.post(&scene.ann, ROOM, "hi *all*");
    let event = scene.inbound.wait_for(|event| event.message_id.as_str() == id).await;
    assert_eq!(event.author.kind, Authorship::Person);
    assert_eq!(event.author.shown_name(), "ann", "the webhook does not carry the display name");
    let whole = scene.driver.complete(&event, false).await.expect("the server answers");
    assert_eq!((whole.event.author.shown_name(), whole.event.missing), ("Ann Smith", None));
    assert!(whole.notes.is_empty());
}

#[tokio::test]
async fn an_event_that_cannot_be_made_whole_goes_as_it_stands() {
    let scene = scene(RocketChatScript::default(), Mode::Api).await;
    let _running = scene.run().await;
    scene.server.post(&scene.ann, ROOM, "hi");
    let event = scene.inbound.wait_for(|_| true).await;
    scene.server.faults().on(Route::GetMessage).always(Fault::Status500);
    assert!(scene.driver.complete(&event, false).await.is_err(), "a broken server may answer later");
    let whole = scene.driver.complete(&event, true).await.expect("the last try gives up");
    assert_eq!(whole.event.body, event.body);
    assert_eq!(whole.notes.len(), 1);
    scene.server.faults().on(Route::GetMessage).always(Fault::TooManyRequests { reset_ms: 4_000_000_000_000 });
    let error = scene.driver.complete(&event, false).await.expect_err("limited");
    assert_eq!(error.pause.map(jiff::Timestamp::as_millisecond), Some(4_000_000_000_000));
}

#[tokio::test]
async fn an_edit_has_the_servers_revision() {
    let scene = scene(RocketChatScript::default(), Mode::Api).await;
    let _running = scene.run().await;
    let id = scene.server.post(&scene.ann, ROOM, "tpyo");
    scene.server.edit(&scene.ann, &id, "typo").expect("an own message");
    let edit = scene.inbound.wait_for(|event| matches!(event.body, Body::Edit(_))).await;
    let whole = scene.driver.complete(&edit, false).await.expect("the server answers");
    assert!(whole.event.revision.is_some());
}

#[tokio::test]
async fn wrong_credentials_are_told_and_others_are_not_confused_with_them() {
    let scene = scene(RocketChatScript::default(), Mode::Api).await;
    scene.server.expire_tokens(&scene.bot);
    let _running = scene.run().await;
    scene.health.wait_for(|health| matches!(health, Health::Failing(why) if why.contains("auth_token"))).await;
    let findings = scene.driver.doctor(&[]).await;
    assert!(findings.iter().any(|finding| finding.what.contains("refuses the bot's credentials")));
    let refused = scene.driver.rooms().await.expect_err("the token is no longer valid").to_string();
    assert!(refused.contains("refuses the bot's credentials: check `auth_token` and `user_id`"), "{refused}");
}

#[tokio::test]
async fn rooms_and_doctor_say_what_the_bot_sees() {
    let scene = scene(RocketChatScript { rest_limit: None, ..RocketChatScript::default() }, Mode::Api).await;
    let rooms = scene.driver.rooms().await.expect("the server answers");
    assert!(rooms.iter().any(|room| room.name == "lounge" && room.kind == "private group"));
    let address = |id| tieline_core::address::Address::of([("room_id", id)]);
    let told: Vec<String> = scene
        .driver
        .doctor(&[address(ROOM), address("nowhere")])
        .await
        .into_iter()
        .map(|f| format!("{:?} {}", f.verdict, f.what))
        .collect();
    assert!(told.iter().any(|line| line.starts_with("Good") && line.contains("lounge")), "{told:#?}");
    assert!(told.iter().any(|line| line.starts_with("Bad") && line.contains("nowhere")), "{told:#?}");
}

#[tokio::test]
async fn a_confirmation_whose_answer_was_lost_is_found_by_its_file() {
    let scene = scene(RocketChatScript { rest_limit: None, ..RocketChatScript::default() }, Mode::Api).await;
    let outgoing = crate::files::with_file(&scene, "caption", b"some bytes").await;
    let parts = scene.cut(&outgoing);
    assert_eq!(parts.len(), 2);
    let uploaded = scene.driver.send(&on_its_way(&outgoing, parts[0].clone(), 0, &[])).await.expect("uploaded");
    let confirm = on_its_way(&outgoing, parts[1].clone(), 1, &[uploaded]);
    scene.server.faults().on(Route::MediaConfirm).next(1, Fault::DropAfter);
    assert!(matches!(scene.driver.send(&confirm).await, Err(SendError::Ambiguous { .. })));
    let found = scene.driver.reconcile(&confirm, &[]).await.expect("the server can be asked");
    let Reconciled::Arrived(sent) = found else { panic!("{found:?}") };
    let said = scene.server.messages(ROOM);
    assert_eq!((said.len(), said[0].text.as_str()), (1, "caption"));
    assert_eq!(sent.ids, [MessageId::new(&said[0].id).unwrap()]);
    scene.known.add(sent.ids[0].clone());
    assert_eq!(
        scene.driver.reconcile(&confirm, &[]).await,
        Ok(Reconciled::Missing),
        "a linked message is never taken twice"
    );
}

#[tokio::test]
async fn a_link_that_somebody_typed_quotes_nothing_with_the_bots_rights() {
    let scene = scene(RocketChatScript { rest_limit: None, ..RocketChatScript::default() }, Mode::Api).await;
    scene.server.add_room(RoomKind::Private, "BOARD", "board");
    scene.server.join("BOARD", &scene.bot);
    let secret = scene.server.post(&scene.bot, "BOARD", "the merger is on friday");
    let link = format!("{}/group/board?msg={secret}", scene.server.url());
    for (delivery, typed) in (1..).zip([link.clone(), format!("x{link}"), format!("`{link}`"), format!("[a]({link})")])
    {
        let mut outgoing = scene.outgoing(&scene.instance.dialect().render(&Markup::plain(&typed)));
        outgoing.delivery = DeliveryId(delivery);
        scene.deliver(&outgoing).await.expect("sent");
    }
    let markup = Markup { blocks: vec![Block::Line(vec![Span::Link(link.clone(), vec![Span::Text("look".into())])])] };
    let mut outgoing = scene.outgoing(&scene.instance.dialect().render(&markup));
    outgoing.delivery = DeliveryId(5);
    scene.deliver(&outgoing).await.expect("sent");
    let said = scene.server.messages(ROOM);
    assert_eq!(said.len(), 5);
    for message in said {
        assert!(message.attachments.is_empty(), "{message:?}");
        assert!(message.text.replace('\u{200b}', "").contains(&link), "it stays readable: {}", message.text);
    }
}

#[tokio::test]
async fn an_answer_is_shown_with_the_quotation_that_is_meant() {
    let settings = RocketChatScript { rest_limit: None, ..RocketChatScript::default() };
    let scene = scene(settings, Mode::Quoting).await;
    let asked = scene.server.post(&scene.ann, ROOM, "who is there?");
    let mut outgoing = scene.outgoing("me");
    outgoing.reply_to = MessageId::new(&asked).ok();
    scene.deliver(&outgoing).await.expect("sent");
    let said = scene.server.messages(ROOM).pop().expect("a message");
    assert_eq!(said.attachments.len(), 1, "{said:?}");
    assert_eq!(said.attachments[0]["text"], "who is there?");
}

#[tokio::test]
async fn the_account_is_known_from_the_settings_or_once_it_is_logged_in() {
    let known = scene(RocketChatScript::default(), Mode::Api).await;
    assert_eq!(known.driver.account(), Some(known.bot.id.clone()), "other accounts of ours must know it");
    let login = scene(RocketChatScript::default(), Mode::Login).await;
    assert_eq!(login.driver.account(), None);
    login.driver.send(&login.first(&login.outgoing("hello"))).await.expect("sent");
    assert_eq!(login.driver.account(), Some(login.bot.id.clone()));
    let hook = scene(RocketChatScript::default(), Mode::HookWithBot).await;
    assert_eq!(hook.driver.account(), None, "whom a hook posts as is not known");
}
