//! What the webhook leaves out.

use tieline_core::event::{Content, Event};
use tieline_core::spool::MediaSpool;
use tieline_testkit::whatsapp::{Fault, Message, Person, Route, WhatsAppScript};

use crate::addon::{GROUP, Scene, scene, scene_with};

async fn event(scene: &Scene, id: &str) -> Event {
    scene.inbound.wait_for(|event| event.message_id.as_str() == id).await
}

async fn whole(scene: &Scene, id: &str) -> Event {
    let event = event(scene, id).await;
    scene.driver.complete(&event, false).await.expect("it can be completed").event
}

#[tokio::test]
async fn a_received_file_is_fetched_at_once_from_the_addon() {
    let scene = scene().await;
    let _running = scene.run().await;
    let sent = Message::document("Offer 1.pdf", "application/pdf", &b"the bytes"[..]);
    let id = scene.addon.say(&scene.alice.jid(), &scene.alice, sent);
    // A download that breaks off is begun again.
    scene.addon.faults().on(Route::Media).next(1, Fault::Truncated).next(1, Fault::DropBefore);
    let whole = whole(&scene, &id).await;
    assert_eq!(whole.missing, None);
    let file = &whole.message().expect("a message").attachments[0];
    let Content::Spooled(spooled) = &file.content else { panic!("{file:?}") };
    let path = scene.spool.open(spooled).await.expect("it is there");
    assert_eq!(std::fs::read(path).expect("readable"), b"the bytes");
    assert_eq!((file.name.as_str(), file.size), ("Offer 1.pdf", Some(9)));
    assert!(scene.addon.requests_to(Route::Media).iter().all(|request| !request.headers.contains_key("x-auth-token")));
}

#[tokio::test]
async fn a_file_that_is_gone_or_too_large_says_so() {
    let scene = scene_with(WhatsAppScript::default(), serde_json::json!({ "max_file_size": 5 })).await;
    let _running = scene.run().await;
    let id = scene.addon.say(&scene.alice.jid(), &scene.alice, Message::image("image/png", &b"the bytes"[..]));
    let large = whole(&scene, &id).await;
    let content = |event: &Event| event.message().expect("a message").attachments[0].content.clone();
    assert!(matches!(content(&large), Content::Unavailable(why) if why.contains("larger than 5 bytes")), "{large:?}");
    let id = scene.addon.say(&scene.alice.jid(), &scene.alice, Message::image("image/png", &b"tiny"[..]));
    let event = event(&scene, &id).await;
    let Content::Remote(place) = content(&event) else { panic!("{event:?}") };
    scene.addon.delete_media(place["path"].as_str().expect("a path"));
    let gone = scene.driver.complete(&event, false).await.expect("there is no use in waiting");
    assert!(matches!(content(&gone.event), Content::Unavailable(why) if why.contains("any more")), "{gone:?}");
    assert_eq!(gone.notes.len(), 1);
}

#[tokio::test]
async fn while_the_addon_is_away_a_file_is_waited_for_and_then_given_up() {
    let scene = scene().await;
    let _running = scene.run().await;
    let id = scene.addon.say(&scene.alice.jid(), &scene.alice, Message::voice(&b"the bytes"[..]));
    let event = event(&scene, &id).await;
    scene.addon.close_port().await;
    let error = scene.driver.complete(&event, false).await.expect_err("it may come back");
    assert!(error.pause.is_none() && error.reason.contains("cannot be reached"), "{error:?}");
    let given_up = scene.driver.complete(&event, true).await.expect("the last try gives up").event;
    assert!(matches!(given_up.message().expect("a message").attachments[0].content, Content::Unavailable(_)));
}

#[tokio::test]
async fn a_group_and_its_people_are_named_and_asked_for_once() {
    let scene = scene().await;
    let account = scene.addon.account();
    let carl = Person::new("491700000003", "Carl");
    account.save_contact(&carl, "Carl from work");
    account.set_picture(&scene.alice.jid(), "https://pps.whatsapp.net/alice.jpg");
    account.set_picture(&carl.jid(), "http://insecure.example/carl.jpg");
    let _running = scene.run().await;
    let mention = Message::text("ask @491700000003").mentioning(&carl.jid());
    let first = whole(&scene, &scene.addon.say(GROUP, &scene.alice, mention)).await;
    assert_eq!(first.room.as_deref(), Some("Rig Group"));
    assert_eq!(
        (first.author.shown_name(), first.author.avatar.as_str()),
        ("Alice", "https://pps.whatsapp.net/alice.jpg")
    );
    assert!(first.message().expect("a message").text.to_plain().contains("Carl from work"), "{first:?}");
    let second = whole(&scene, &scene.addon.text(GROUP, &scene.alice, "again")).await;
    assert_eq!((second.room, second.author.avatar), (first.room, first.author.avatar));
    let count = |route| scene.addon.requests_to(route).len();
    assert_eq!((count(Route::GroupInfo), count(Route::ProfilePicture), count(Route::Contacts)), (1, 1, 1));
    let third = whole(&scene, &scene.addon.text(GROUP, &carl, "hello")).await;
    assert_eq!(third.author.avatar, "", "only what is fetched over TLS is shown");
}

#[tokio::test]
async fn the_owner_and_the_partner_are_named() {
    let scene = scene().await;
    scene.addon.account().save_contact(&scene.alice, "Alice from work");
    let _running = scene.run().await;
    let own = whole(&scene, &scene.addon.own(&scene.alice.jid(), Message::text("from the phone"))).await;
    assert_eq!(own.room.as_deref(), Some("Alice from work"));
    assert_eq!((own.author.id.as_str(), own.author.display_name.as_str()), ("491555000001", "Our phone"));
}

#[tokio::test]
async fn names_that_do_not_come_hold_no_message_up() {
    let scene = scene().await;
    let _running = scene.run().await;
    for route in [Route::GroupInfo, Route::ProfilePicture, Route::Contacts] {
        scene.addon.faults().on(route).always(Fault::Hang);
    }
    let id = scene.addon.text(GROUP, &scene.alice, "hello");
    let nameless = whole(&scene, &id).await;
    assert_eq!((nameless.room, nameless.author.avatar.as_str()), (None, ""));
    // What failed is not asked for again for a while.
    let second = scene.addon.text(GROUP, &scene.alice, "hello again");
    whole(&scene, &second).await;
    assert_eq!(scene.addon.requests_to(Route::GroupInfo).len(), 1);
}

#[tokio::test]
async fn what_is_answered_is_quoted_under_its_authors_name() {
    let scene = scene().await;
    let bob = Person::new("491700000002", "Bob");
    let _running = scene.run().await;
    scene.health.wait_until_ready().await;
    scene.addon.account().save_contact(&bob, "Bob from next door");
    let asked = scene.addon.say(GROUP, &bob, Message::image("image/png", &b"cat"[..]).caption("whose cat?"));
    let ours = scene.addon.own(GROUP, Message::text("not ours"));
    for (quoted, author, text) in [(&asked, "Bob from next door", "whose cat?"), (&ours, "Our phone", "not ours")] {
        let id = scene.addon.say(GROUP, &scene.alice, Message::text("mine").quoting(quoted));
        let whole = whole(&scene, &id).await;
        let shown = whole.message().expect("a message").quoted.clone().expect("it quotes");
        assert_eq!((shown.author.as_str(), shown.text.to_plain().as_str()), (author, text));
    }
}
