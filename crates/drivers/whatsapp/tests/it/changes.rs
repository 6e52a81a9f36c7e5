//! What is done to messages that were said before.

use tieline_core::event::AttachmentKind;
use tieline_core::id::MessageId;
use tieline_core::send::{Action, Copied, CutError, Outgoing, React, Reconciled, SendError, Sent};
use tieline_testkit::whatsapp::{FakeMessage, Fault, Message, Route, WhatsAppScript};
use tieline_testkit::{deliver, first_part};

use crate::addon::{GROUP, Scene, scene, scene_with};

/// The messages of a copy, as the relay remembers them.
fn copies(sent: &[Sent]) -> Vec<Copied> {
    let copied = |sent: &Sent, id: &MessageId| Copied {
        id: id.clone(),
        channel: sent.channel.clone(),
        how: sent.how.clone(),
        wordless: sent.wordless,
        original: false,
    };
    sent.iter().flat_map(|sent| sent.ids.iter().map(move |id| copied(sent, id))).collect()
}

fn original(id: &str) -> Copied {
    Copied { id: MessageId::new(id).expect("an id"), channel: None, how: None, wordless: false, original: true }
}

fn change(scene: &Scene, action: Action, text: &str) -> Outgoing {
    Outgoing { action, ..scene.outgoing(text) }
}

/// Lets a copy say something else. What becomes of the copy.
async fn edit(scene: &Scene, copy: Vec<Copied>, text: &str) -> Vec<Copied> {
    let sent = scene.deliver(&change(scene, Action::Edit(copy.clone()), text)).await.expect("edited");
    let gone: Vec<&MessageId> = sent.iter().flat_map(|sent| &sent.gone).collect();
    let stays = copy.into_iter().filter(|copied| !gone.contains(&&copied.id));
    stays.chain(copies(&sent)).collect()
}

/// What the phones show of what we said.
fn shown(scene: &Scene) -> Vec<String> {
    scene.said().into_iter().filter(|message| !message.revoked).map(|message| message.text).collect()
}

fn reactions(message: &FakeMessage) -> Vec<&str> {
    message.reactions.values().map(String::as_str).collect()
}

#[tokio::test]
async fn a_text_is_overwritten_and_stays_harmless() {
    let script = WhatsAppScript { moderation: true, ..WhatsAppScript::default() };
    let scene = scene_with(script, serde_json::json!({})).await;
    let sent = scene.deliver(&scene.outgoing("first")).await.expect("sent");
    edit(&scene, copies(&sent), "ha-app-restart").await;
    let said = scene.said();
    assert_eq!((said.len(), said[0].edited), (1, true));
    assert!(said[0].text.ends_with("ha-app-restart") && said[0].text.len() > "ha-app-restart".len(), "{said:?}");
    let body = scene.addon.requests_to(Route::EditMessage).remove(0).body.expect("JSON");
    assert_eq!(body["messageId"], said[0].id.as_str());
    assert_eq!(body.as_object().expect("an object").len(), 3, "{body}");
}

#[tokio::test]
async fn a_long_text_shrinks_and_grows() {
    let scene = scene().await;
    let long = |letter: &str| letter.repeat(150_000);
    let sent = scene.deliver(&scene.outgoing(&long("a"))).await.expect("sent");
    assert_eq!(sent.len(), 3);
    let copy = edit(&scene, copies(&sent), "short").await;
    assert_eq!((shown(&scene), copy.len()), (vec!["short".to_owned()], 1));
    let copy = edit(&scene, copy, &long("b")).await;
    assert_eq!((shown(&scene).concat(), copy.len()), (long("b"), 3));
    let copy = edit(&scene, copy, "").await;
    assert_eq!((shown(&scene), copy.len()), (Vec::new(), 0), "nothing is left to be said");
}

#[tokio::test]
async fn files_stay_and_their_captions_are_corrected_by_an_answer() {
    let scene = scene().await;
    let image = scene.file(AttachmentKind::Image, "cat.png", "image/png", &b"cat"[..]).await;
    let voice = scene.file(AttachmentKind::Voice, "v.ogg", "audio/ogg", &b"voice"[..]).await;
    let mut outgoing = scene.outgoing("my cat");
    outgoing.attachments = vec![voice.clone(), image];
    let sent = scene.deliver(&outgoing).await.expect("sent");
    assert_eq!(sent.iter().map(|sent| sent.wordless).collect::<Vec<_>>(), [true, false]);
    let mut copy = copies(&sent);
    for text in ["my dog", "my horse"] {
        copy = edit(&scene, copy, text).await;
        let said = scene.said();
        assert_eq!(said.len(), 3, "{said:?}");
        assert_eq!((said[1].text.as_str(), said[1].edited), ("my cat", false));
        assert_eq!(said[2].text, format!("✏️ {text}"));
        assert_eq!(said[2].quotes.as_ref(), Some(&said[1].id));
    }
    let captioned = copies(&sent[1..]);
    let ended = scene.driver.cut(&change(&scene, Action::Edit(captioned), ""));
    assert!(matches!(ended, Err(CutError::Impossible(_))), "{ended:?}");

    // A file alone gets a text beside it.
    let mut only = scene.outgoing("");
    only.attachments = vec![voice];
    let sent = scene.deliver(&only).await.expect("sent");
    let copy = edit(&scene, copies(&sent), "listen").await;
    assert_eq!((shown(&scene).pop().as_deref(), copy.len()), (Some("listen"), 2));
}

#[tokio::test]
async fn a_refused_edit_is_a_correction_that_is_corrected_next_time() {
    let scene = scene().await;
    let sent = scene.deliver(&scene.outgoing("five o'clock")).await.expect("sent");
    let refusal = Fault::Answer { status: 500, body: r#"{"detail":"Edit window expired"}"#.to_owned() };
    scene.addon.faults().on(Route::EditMessage).next(1, refusal);
    let copy = edit(&scene, copies(&sent), "six o'clock").await;
    assert_eq!(shown(&scene), ["five o'clock", "✏️ six o'clock"]);
    assert_eq!(scene.said()[1].quotes.as_ref(), Some(&scene.said()[0].id));
    edit(&scene, copy, "seven o'clock").await;
    assert_eq!(shown(&scene), ["five o'clock", "✏️ seven o'clock"]);
}

#[tokio::test]
async fn a_correction_whose_answer_is_lost_is_not_sent_twice() {
    let scene = scene().await;
    let sent = scene.deliver(&scene.outgoing("five o'clock")).await.expect("sent");
    let sending = first_part(&*scene.driver, &change(&scene, Action::Edit(copies(&sent)), "six o'clock"));
    let refusal = Fault::Answer { status: 500, body: r#"{"detail":"Edit window expired"}"#.to_owned() };
    scene.addon.faults().on(Route::EditMessage).next(1, refusal);
    scene.addon.faults().on(Route::SendMessage).next(1, Fault::DropAfter);
    let ended = scene.driver.send(&sending).await;
    assert!(matches!(ended, Err(SendError::Ambiguous { .. })), "{ended:?}");
    let Ok(Reconciled::Arrived(found)) = scene.driver.reconcile(&sending, &[]).await else { panic!("it is there") };
    assert_eq!(found.ids[0].as_str(), scene.said()[1].id);
    assert_eq!(found.how.as_deref(), Some("correction"));
}

#[tokio::test]
async fn an_edit_of_unknown_end_is_made_again() {
    let scene = scene().await;
    let sent = scene.deliver(&scene.outgoing("one")).await.expect("sent");
    let _running = scene.run().await;
    for fault in [Fault::DropAfter, Fault::Status500After, Fault::Status500] {
        let sending = first_part(&*scene.driver, &change(&scene, Action::Edit(copies(&sent)), "two"));
        scene.addon.faults().on(Route::EditMessage).next(1, fault);
        let ended = scene.driver.send(&sending).await;
        assert!(matches!(ended, Err(SendError::Ambiguous { .. })), "{ended:?}");
        assert_eq!(scene.driver.reconcile(&sending, &[]).await, Ok(Reconciled::Missing));
        scene.driver.send(&sending).await.expect("edited");
        assert_eq!(shown(&scene), ["two"]);
    }
    scene.addon.account().disconnect();
    for action in [Action::Edit(copies(&sent)), Action::Delete(copies(&sent))] {
        let ended = scene.deliver(&change(&scene, action, "three")).await;
        assert!(matches!(ended, Err(SendError::Retryable { .. })), "{ended:?}");
    }
}

#[tokio::test]
async fn our_messages_are_taken_away_and_nobody_elses() {
    let scene = scene().await;
    let mut outgoing = scene.outgoing(&"word ".repeat(300));
    outgoing.attachments.push(scene.file(AttachmentKind::Image, "c.png", "image/png", &b"c"[..]).await);
    let sent = scene.deliver(&outgoing).await.expect("sent");
    let delete = change(&scene, Action::Delete(copies(&sent)), "");
    scene.addon.faults().on(Route::RevokeMessage).next(1, Fault::DropAfter);
    let sending = first_part(&*scene.driver, &delete);
    assert!(matches!(scene.driver.send(&sending).await, Err(SendError::Ambiguous { .. })));
    assert_eq!(scene.driver.reconcile(&sending, &[]).await, Ok(Reconciled::Missing));
    // Also what is gone already is taken away.
    for _ in 0..2 {
        let gone: Vec<MessageId> =
            deliver(&*scene.driver, &delete).await.expect("gone").into_iter().flat_map(|s| s.gone).collect();
        assert_eq!(gone, copies(&sent).into_iter().map(|copy| copy.id).collect::<Vec<_>>());
        assert_eq!(shown(&scene), [] as [&str; 0]);
    }
    let refusal = Fault::Answer { status: 500, body: r#"{"detail":"not-allowed"}"#.to_owned() };
    scene.addon.faults().on(Route::RevokeMessage).next(1, refusal);
    let ended = scene.deliver(&delete).await;
    assert!(matches!(ended, Err(SendError::Impossible { .. })), "{ended:?}");

    let hers = scene.addon.text(&scene.alice.jid(), &scene.alice, "mine");
    for action in [Action::Delete(vec![original(&hers)]), Action::Edit(vec![original(&hers)])] {
        let ended = scene.driver.cut(&change(&scene, action, "x"));
        assert!(matches!(ended, Err(CutError::Impossible(_))), "{ended:?}");
    }
    assert_eq!(scene.addon.violations(), []);
}

fn react(to: Copied, emoji: &str, added: bool, standing: &[&str]) -> Action {
    let standing = standing.iter().map(|emoji| (*emoji).to_owned()).collect();
    Action::React(React { to, emoji: emoji.to_owned(), added, standing })
}

#[tokio::test]
async fn the_account_shows_the_newest_reaction_that_stands() {
    let scene = scene().await;
    let _running = scene.run().await;
    let hers = scene.addon.text(&scene.alice.jid(), &scene.alice, "done!");
    scene.inbound.wait_for(|event| event.message_id.as_str() == hers).await;
    for (emoji, added, standing, wanted) in [
        ("👍", true, &["👍"][..], &["👍"][..]),
        ("🎉", true, &["🎉", "👍"], &["🎉"]),
        ("party_parrot", true, &["party_parrot", "🎉", "👍"], &["🎉"]),
        ("🎉", false, &["👍"], &["👍"]),
        ("", false, &[], &[]),
        ("👍", true, &[], &["👍"]),
        ("👍", false, &[], &[]),
    ] {
        scene.deliver(&change(&scene, react(original(&hers), emoji, added, standing), "")).await.expect("shown");
        let message = scene.addon.account().message(&hers).expect("there");
        assert_eq!(reactions(&message), wanted, "{emoji} {added}");
    }
    for added in [true, false] {
        let ended = scene.driver.cut(&change(&scene, react(original(&hers), "party_parrot", added, &[]), ""));
        assert!(matches!(&ended, Err(CutError::Impossible(why)) if why.contains("party_parrot")), "{ended:?}");
    }
}

#[tokio::test]
async fn who_types_is_shown_once_in_a_while() {
    let scene = scene().await;
    let group = scene.outgoing_to(GROUP, "").target;
    for _ in 0..3 {
        scene.driver.show_typing(&group).await;
    }
    scene.addon.faults().on(Route::SetPresence).next(1, Fault::NotConnected);
    scene.driver.show_typing(&scene.outgoing("").target).await;
    let shown: Vec<_> =
        scene.addon.sent().into_iter().map(|sent| (sent.jid, sent.content["presence"].clone())).collect();
    assert_eq!(shown, [(GROUP.to_owned(), "composing".into())]);
    assert_eq!(scene.addon.violations(), []);
}

#[tokio::test]
async fn in_a_group_only_what_the_addon_remembers_gets_a_reaction() {
    let scene = scene().await;
    let id = scene.addon.say(GROUP, &scene.alice, Message::text("who comes?"));
    let give =
        |emoji: &str| Outgoing { action: react(original(&id), emoji, true, &[emoji]), ..scene.outgoing_to(GROUP, "") };
    scene.deliver(&give("👍")).await.expect("taken");
    scene.addon.account().uncache(&id);
    scene.deliver(&give("🎉")).await.expect("the addon says that it was sent");
    assert_eq!(reactions(&scene.addon.account().message(&id).expect("there")), ["👍"]);
}
