//! What is done to messages after they were said: edits, deletions, reactions.

use serde_json::json;
use tieline_core::driver::Services;
use tieline_core::id::{DeliveryId, MessageId};
use tieline_core::send::{Action, Copied, CutError, Outgoing, React, Reconciled, SendError, Sending, Sent};
use tieline_testkit::first_part;
use tieline_testkit::rocketchat::{FakeMessage, Fault, HookOptions, RocketChatScript, Route};

use crate::server::{Mode, ROOM, Scene, resolve, scene};

fn no_limit() -> RocketChatScript {
    RocketChatScript { rest_limit: None, hook_limit: None, ..RocketChatScript::default() }
}

/// A server on which nobody without the role `bot` may edit or delete what is older than the moment.
async fn with_windows() -> Scene {
    let clock = std::sync::Arc::new(tieline_testkit::FixedClock::default());
    let script = RocketChatScript { edit_minutes: 10, delete_minutes: 10, clock: clock.clone(), ..no_limit() };
    let scene = scene(script, Mode::Api).await;
    scene.server.set_roles(&scene.bot, &["user"]);
    scene.deliver(&scene.outgoing("old")).await.expect("sent");
    clock.advance(std::time::Duration::from_mins(10));
    scene
}

/// The messages of a copy, as the relay keeps them.
fn copied(sent: &[Sent]) -> Vec<Copied> {
    let of = |sent: &Sent| {
        let (channel, how, wordless) = (sent.channel.clone(), sent.how.clone(), sent.wordless);
        let copy =
            move |id: MessageId| Copied { id, channel: channel.clone(), how: how.clone(), wordless, original: false };
        sent.ids.clone().into_iter().map(copy).collect::<Vec<_>>()
    };
    sent.iter().flat_map(of).collect()
}

/// What somebody on the server wrote.
fn original(id: &str) -> Copied {
    let id = MessageId::new(id).expect("an id");
    Copied { id, channel: None, how: None, wordless: false, original: true }
}

/// A change is a delivery of its own; so is each further message.
fn change(scene: &Scene, delivery: i64, text: &str, action: Action) -> Outgoing {
    Outgoing { delivery: DeliveryId(delivery), action, ..scene.outgoing(text) }
}

fn edit(scene: &Scene, delivery: i64, text: &str, copies: Vec<Copied>) -> Outgoing {
    change(scene, delivery, text, Action::Edit(copies))
}

fn delete(scene: &Scene, copies: Vec<Copied>) -> Outgoing {
    change(scene, 9, "", Action::Delete(copies))
}

fn react(scene: &Scene, to: Copied, emoji: &str, added: bool) -> Outgoing {
    let react = React { to, emoji: emoji.to_owned(), added, standing: Vec::new() };
    change(scene, 9, "", Action::React(react))
}

fn texts(scene: &Scene) -> Vec<String> {
    scene.server.messages(ROOM).into_iter().map(|message| message.text).collect()
}

fn permanent(ended: Result<Vec<Sent>, SendError>) -> String {
    match ended {
        Err(SendError::Permanent { reason }) => reason,
        other => panic!("it did not end for good: {other:?}"),
    }
}

fn impossible(ended: Result<Vec<Sent>, SendError>) -> String {
    match ended {
        Err(SendError::Impossible { reason }) => reason,
        other => panic!("it was not impossible: {other:?}"),
    }
}

fn cut_impossible(scene: &Scene, outgoing: &Outgoing) -> String {
    match scene.driver.cut(outgoing) {
        Err(CutError::Impossible(why)) => why,
        other => panic!("it was not impossible: {other:?}"),
    }
}

#[tokio::test]
async fn an_edit_changes_the_text_and_nothing_else() {
    for mode in [Mode::Api, Mode::HookWithBot] {
        let scene = scene(no_limit(), mode).await;
        let copies = copied(&scene.deliver(&scene.outgoing("teh")).await.expect("sent"));
        let sent = scene.deliver(&edit(&scene, 2, "the", copies.clone())).await.expect("edited");
        assert_eq!((sent[0].ids.len(), &sent[0].gone), (0, &Vec::new()));
        let said = scene.server.messages(ROOM);
        assert_eq!((said.len(), said[0].text.as_str(), said[0].alias.as_deref()), (1, "the", Some("Bob")));
        assert!(said[0].edited.is_some());
        // Once more is once.
        scene.deliver(&edit(&scene, 2, "the", copies)).await.expect("nothing changes");
        assert_eq!(scene.server.messages(ROOM)[0].edited, said[0].edited);
    }
}

#[tokio::test]
async fn a_text_in_several_messages_grows_and_shrinks() {
    let scene = scene(no_limit(), Mode::Api).await;
    let long = |letter: &str, count: usize| vec![letter.repeat(4000); count].join("\n");
    let mut sent = scene.deliver(&scene.outgoing(&long("a", 2))).await.expect("sent");
    let longer = scene.deliver(&edit(&scene, 2, &long("b", 3), copied(&sent))).await.expect("edited");
    assert_eq!(longer.iter().map(|sent| sent.ids.len()).collect::<Vec<_>>(), [0, 0, 1]);
    assert_eq!(texts(&scene).iter().map(|text| &text[..1]).collect::<String>(), "bbb");
    sent.extend(longer);
    let shorter = scene.deliver(&edit(&scene, 3, "c", copied(&sent))).await.expect("edited");
    let gone: Vec<MessageId> = shorter.into_iter().flat_map(|sent| sent.gone).collect();
    let ids: Vec<MessageId> = copied(&sent).into_iter().map(|copy| copy.id).collect();
    assert_eq!(gone, ids[1..]);
    assert_eq!(texts(&scene), ["c"]);
}

#[tokio::test]
async fn a_caption_is_edited_with_its_file_and_never_taken_away() {
    let scene = scene(no_limit(), Mode::Api).await;
    let with_file = crate::files::with_file(&scene, "a cta", b"bytes").await;
    let copies = copied(&scene.deliver(&with_file).await.expect("sent"));
    assert_eq!((copies.len(), copies[0].wordless), (1, false));
    scene.deliver(&edit(&scene, 2, "a cat", copies.clone())).await.expect("edited");
    scene.deliver(&edit(&scene, 3, "", copies)).await.expect("edited");
    let said = scene.server.messages(ROOM);
    assert_eq!((said.len(), said[0].text.as_str(), said[0].files.len()), (1, "", 1));
}

#[tokio::test]
async fn a_file_without_words_is_left_alone() {
    let scene = scene(no_limit(), Mode::Api).await;
    let with_file = crate::files::with_file(&scene, "", b"bytes").await;
    let copies = copied(&scene.deliver(&with_file).await.expect("sent"));
    assert!(copies.iter().all(|copy| copy.wordless));
    scene.deliver(&edit(&scene, 2, "a cat", copies)).await.expect("said");
    let said: Vec<_> = scene.server.messages(ROOM).into_iter().map(|m| (m.text, m.files.len())).collect();
    assert_eq!(said, [(String::new(), 1), ("a cat".to_owned(), 0)]);
}

#[tokio::test]
async fn what_cannot_be_edited_any_more_is_corrected_once() {
    let scene = with_windows().await;
    let old = scene.server.messages(ROOM).remove(0);
    let mut copies = vec![Copied { original: false, how: Some("named".into()), ..original(&old.id) }];
    let outgoing = edit(&scene, 2, "new", copies.clone());
    let first = scene.deliver(&outgoing).await.expect("corrected");
    assert_eq!(scene.deliver(&outgoing).await.expect("the same").remove(0).ids, first[0].ids);
    assert_eq!(texts(&scene), ["Bob: old", "✏️ Bob: new"]);
    // From then on the correction is what is edited.
    copies.extend(copied(&first));
    scene.deliver(&edit(&scene, 3, "newest", copies)).await.expect("edited");
    assert_eq!(texts(&scene), ["Bob: old", "✏️ Bob: newest"]);
}

#[tokio::test]
async fn a_correction_whose_answer_was_lost_is_found() {
    let scene = with_windows().await;
    let old = scene.server.messages(ROOM).remove(0);
    let sending = scene.first(&edit(&scene, 2, "new", vec![Copied { original: false, ..original(&old.id) }]));
    scene.server.faults().on(Route::SendMessage).next(1, Fault::DropAfter);
    assert_eq!(scene.driver.reconcile(&sending, &[]).await, Ok(Reconciled::Missing));
    let ended = scene.driver.send(&sending).await;
    assert!(matches!(ended, Err(SendError::Ambiguous { .. })), "{ended:?}");
    let found = scene.driver.reconcile(&sending, &[]).await;
    let Ok(Reconciled::Arrived(sent)) = found else { panic!("{found:?}") };
    assert_eq!((sent.ids[0].as_str(), sent.how.as_deref()), (sending.key.as_str(), Some("named correction")));
}

#[tokio::test]
async fn a_name_that_stands_in_the_text_stays_there() {
    let scene = scene(no_limit(), Mode::Api).await;
    scene.server.set_roles(&scene.bot, &["user"]);
    let sent = scene.deliver(&scene.outgoing("teh")).await.expect("sent");
    scene.deliver(&edit(&scene, 2, "the", copied(&sent))).await.expect("edited");
    assert_eq!(texts(&scene), ["Bob: the"]);
}

#[tokio::test]
async fn an_edit_keeps_what_is_quoted() {
    let scene = scene(no_limit(), Mode::Quoting).await;
    let question = scene.server.post(&scene.ann, ROOM, "why?");
    let mut outgoing = scene.outgoing("becuase");
    outgoing.reply_to = Some(MessageId::new(&question).expect("an id"));
    let copies = copied(&scene.deliver(&outgoing).await.expect("sent"));
    let edited = Outgoing { reply_to: outgoing.reply_to, ..edit(&scene, 2, "because", copies) };
    scene.deliver(&edited).await.expect("edited");
    let said = scene.server.messages(ROOM).pop().expect("said");
    assert!(said.text.ends_with(&format!("?msg={question}) because")), "{}", said.text);
    assert_eq!(said.attachments.len(), 1, "{:?}", said.attachments);
}

#[tokio::test]
async fn a_correction_goes_into_the_thread() {
    let scene = with_windows().await;
    let opener = scene.server.post(&scene.bot, ROOM, "Chat with Alice");
    let old = scene.server.messages(ROOM).remove(0);
    let first = scene.first(&edit(&scene, 2, "new", vec![Copied { original: false, ..original(&old.id) }]));
    let sending = Sending { thread: Some(MessageId::new(&opener).expect("an id")), ..first };
    scene.driver.send(&sending).await.expect("corrected");
    let said = scene.server.wait_for(ROOM, |message| message.text.starts_with("✏️")).await;
    assert_eq!(said.tmid.as_deref(), Some(opener.as_str()));
}

#[tokio::test]
async fn what_is_gone_cannot_be_edited_and_is_deleted_already() {
    let scene = scene(no_limit(), Mode::Api).await;
    let copies = copied(&scene.deliver(&scene.outgoing("hello")).await.expect("sent"));
    for _ in 0..2 {
        let sent = scene.deliver(&delete(&scene, copies.clone())).await.expect("gone");
        assert_eq!(sent[0].gone, [copies[0].id.clone()]);
    }
    assert_eq!(texts(&scene), Vec::<String>::new());
    assert!(impossible(scene.deliver(&edit(&scene, 2, "x", copies.clone())).await).contains("deleted"));
    assert!(impossible(scene.deliver(&react(&scene, copies[0].clone(), "👍", true)).await).contains("deleted"));
}

#[tokio::test]
async fn a_deletion_that_is_not_allowed_says_what_is_missing() {
    let scene = scene(no_limit(), Mode::Api).await;
    scene.server.set_roles(&scene.bot, &["bot"]);
    let own = copied(&scene.deliver(&scene.outgoing("mine")).await.expect("sent"));
    let hers = vec![original(&scene.server.post(&scene.ann, ROOM, "hers"))];
    assert!(permanent(scene.deliver(&delete(&scene, own.clone())).await).contains("`delete-own-message`"));
    assert!(permanent(scene.deliver(&delete(&scene, hers.clone())).await).contains("`delete-message`"));
    scene.server.set_roles(&scene.bot, &["bot", "user", "moderator"]);
    scene.deliver(&delete(&scene, own)).await.expect("gone");
    let sent = scene.deliver(&delete(&scene, hers)).await.expect("gone");
    assert_eq!(sent[0].gone, Vec::new(), "it was no copy");
    assert_eq!(texts(&scene), Vec::<String>::new());
}

#[tokio::test]
async fn a_reaction_is_given_once_and_taken_back() {
    let scene = scene(no_limit(), Mode::Api).await;
    let to = original(&scene.server.post(&scene.ann, ROOM, "hi"));
    let reactions = || {
        let message: FakeMessage = scene.server.message(to.id.as_str()).expect("it is there");
        message.reactions.into_iter().collect::<Vec<_>>()
    };
    for _ in 0..2 {
        scene.deliver(&react(&scene, to.clone(), "👍", true)).await.expect("given");
        assert_eq!(reactions(), [(":thumbsup:".to_owned(), vec!["tieline".to_owned()])]);
    }
    for _ in 0..2 {
        scene.deliver(&react(&scene, to.clone(), "👍", false)).await.expect("taken back");
        assert_eq!(reactions(), []);
    }
}

#[tokio::test]
async fn an_emoji_is_called_as_the_server_calls_it() {
    let script = RocketChatScript {
        unknown_emoji: vec!["slight_smile".to_owned()],
        custom_emoji: vec!["party_parrot".to_owned()],
        ..no_limit()
    };
    let scene = scene(script, Mode::Api).await;
    let to = original(&scene.server.post(&scene.ann, ROOM, "hi"));
    for emoji in ["🙂", "party_parrot", "👍🏽", "🇩🇪"] {
        scene.deliver(&react(&scene, to.clone(), emoji, true)).await.expect(emoji);
    }
    let given: Vec<String> = scene.server.message(to.id.as_str()).expect("it is there").reactions.into_keys().collect();
    assert_eq!(given, [":flag_de:", ":party_parrot:", ":slightly_smiling_face:", ":thumbsup_tone3:"]);
    let why = impossible(scene.deliver(&react(&scene, to.clone(), "blob_cat", true)).await);
    assert!(why.contains("`:blob_cat:`"), "{why}");
    assert!(cut_impossible(&scene, &react(&scene, to, "", true)).contains("no short code"));
}

#[tokio::test]
async fn a_room_that_only_the_copy_names_is_found() {
    let scene = scene(no_limit(), Mode::HookWithBot).await;
    let sent = scene.deliver(&scene.outgoing("teh")).await.expect("sent");
    // A target without a room: the hook decides over it.
    let nowhere = |outgoing: Outgoing| Outgoing { target: tieline_core::address::Address::default(), ..outgoing };
    scene.deliver(&nowhere(edit(&scene, 2, "the", copied(&sent)))).await.expect("the copy's channel is known");
    let unplaced: Vec<Copied> = copied(&sent).into_iter().map(|copy| Copied { channel: None, ..copy }).collect();
    scene.deliver(&nowhere(edit(&scene, 3, "The", unplaced.clone()))).await.expect("the server tells the room");
    assert_eq!(texts(&scene), ["The"]);
    scene.deliver(&nowhere(delete(&scene, unplaced.clone()))).await.expect("gone");
    for change in [delete(&scene, unplaced.clone()), edit(&scene, 4, "x", unplaced)] {
        let why = impossible(scene.deliver(&nowhere(change)).await);
        assert!(why.contains("deleted in Rocket.Chat, or the bot may not see it"), "{why}");
    }
}

/// A hook that posts as somebody else than the account whose credentials there are.
async fn foreign_hook() -> Scene {
    let mut scene = scene(no_limit(), Mode::HookWithBot).await;
    let other = scene.server.add_user("poster", "Poster", &["bot", "user"]);
    scene.server.join(ROOM, &other);
    let hook = scene.server.incoming_hook(&format!("#{ROOM}"), &other, HookOptions::default());
    scene.instance = resolve(&json!({
        "send_method": "webhook", "webhook_url": hook.url, "webhook_token": "s3cret-webhook",
        "auth_token": scene.bot.token, "user_id": scene.bot.id,
    }));
    let services = Services {
        spool: scene.spool.clone(),
        links: scene.known.clone(),
        clock: std::sync::Arc::new(tieline_testkit::SystemClock),
    };
    scene.driver = scene.instance.clone().build(services).expect("the driver can be built");
    scene
}

#[tokio::test]
async fn what_another_account_posted_is_corrected_by_the_hook() {
    let scene = foreign_hook().await;
    let copies = copied(&scene.deliver(&scene.outgoing("teh")).await.expect("sent"));
    let sent = scene.deliver(&edit(&scene, 2, "the", copies.clone())).await.expect("corrected");
    let said: Vec<_> = scene.server.messages(ROOM).into_iter().map(|m| (m.text, m.user, m.bot.is_some())).collect();
    let line = |text: &str| (text.to_owned(), "poster".to_owned(), true);
    assert_eq!(said, [line("teh"), line("✏️ the")]);
    assert_eq!((sent[0].ids.len(), sent[0].how.as_deref()), (1, Some("correction")));
    assert!(permanent(scene.deliver(&delete(&scene, copies.clone())).await).contains("`delete-message`"));
    scene.deliver(&react(&scene, copies[0].clone(), "🎉", true)).await.expect("anybody may react");
    assert_eq!(scene.server.messages(ROOM)[0].reactions[":tada:"], ["tieline"]);
}

#[tokio::test]
async fn a_hook_alone_can_only_correct() {
    let scene = scene(no_limit(), Mode::Hook).await;
    let copies = copied(&scene.deliver(&scene.outgoing("teh")).await.expect("sent"));
    scene.deliver(&edit(&scene, 2, "the", copies.clone())).await.expect("corrected");
    assert_eq!(texts(&scene), ["teh", "✏️ the"]);
    for (change, what) in [
        (delete(&scene, copies.clone()), "take messages away"),
        (react(&scene, copies[0].clone(), "👍", true), "react"),
        (edit(&scene, 3, "", copies), "take a text away"),
    ] {
        let why = cut_impossible(&scene, &change);
        assert!(why.contains(what) && why.contains("`auth_token`"), "{why}");
    }
}

#[tokio::test]
async fn a_hooks_correction_whose_answer_was_lost_is_found_among_held_events() {
    let scene = scene(no_limit(), Mode::Hook).await;
    let copies = copied(&scene.deliver(&scene.outgoing("teh")).await.expect("sent"));
    let _running = scene.run().await;
    let sending = scene.first(&edit(&scene, 2, "the", copies));
    scene.server.faults().on(Route::Hook).next(1, Fault::DropAfter);
    assert!(matches!(scene.driver.send(&sending).await, Err(SendError::Ambiguous { .. })));
    let echo = scene.inbound.wait_for(|_| true).await;
    let found = scene.driver.reconcile(&sending, std::slice::from_ref(&echo)).await;
    let Ok(Reconciled::Arrived(sent)) = found else { panic!("{found:?}") };
    assert_eq!((&sent.ids[0], sent.how.as_deref()), (&echo.message_id, Some("correction")));
}

#[tokio::test]
async fn a_copy_without_ids_can_only_be_corrected() {
    let script = RocketChatScript { separate_response: Some(false), ..no_limit() };
    let scene = scene(script, Mode::HookWithBot).await;
    let copies = copied(&scene.deliver(&scene.outgoing("teh")).await.expect("sent"));
    assert_eq!(copies, Vec::new());
    scene.deliver(&edit(&scene, 2, "the", copies.clone())).await.expect("corrected");
    assert_eq!(texts(&scene), ["teh", "✏️ the"]);
    assert!(cut_impossible(&scene, &delete(&scene, copies)).contains("no id"));
}

#[tokio::test]
async fn limits_lost_answers_and_silent_servers_wait() {
    let scene = scene(no_limit(), Mode::Api).await;
    let copies = copied(&scene.deliver(&scene.outgoing("teh")).await.expect("sent"));
    let changes = [
        (Route::Update, edit(&scene, 2, "the", copies.clone())),
        (Route::React, react(&scene, copies[0].clone(), "👍", true)),
        (Route::Delete, delete(&scene, copies)),
    ];
    for (route, change) in changes {
        let sending = first_part(&*scene.driver, &change);
        assert_eq!(scene.driver.reconcile(&sending, &[]).await, Ok(Reconciled::Missing), "{route:?}");
        let faults = scene.server.faults();
        faults.on(route).next(1, Fault::TooManyRequests { reset_ms: 4_000_000_000_000 });
        let Err(SendError::RateLimited(pause)) = scene.driver.send(&sending).await else { panic!("{route:?}") };
        assert_eq!(pause.until.as_millisecond(), 4_000_000_000_000);
        assert!(scene.driver.scopes(&sending).contains(&pause.scope), "{route:?} waits where its limit is");
        for fault in [Fault::DropAfter, Fault::Status500, Fault::Unauthorized] {
            faults.on(route).next(1, fault);
            let ended = scene.driver.send(&sending).await;
            assert!(matches!(ended, Err(SendError::Retryable { .. })), "{route:?} {ended:?}");
        }
        scene.driver.send(&sending).await.expect("once more does no harm");
    }
    assert_eq!(texts(&scene), Vec::<String>::new());
}

#[tokio::test]
async fn the_last_call_that_a_limit_allows_says_so() {
    let scene = scene(RocketChatScript::default(), Mode::Api).await;
    scene.server.set_roles(&scene.bot, &["user"]);
    let to = original(&scene.server.post(&scene.ann, ROOM, "hi"));
    let outgoing = react(&scene, to, "👍", true);
    let mut pauses = Vec::new();
    for _ in 0..10 {
        pauses.push(scene.deliver(&outgoing).await.expect("given").remove(0).pause);
    }
    let last = pauses.pop().flatten().expect("the tenth was the last");
    assert!(pauses.iter().all(Option::is_none));
    assert!(scene.driver.scopes(&first_part(&*scene.driver, &outgoing)).contains(&last.scope));
    assert!(matches!(scene.deliver(&outgoing).await, Err(SendError::RateLimited(_))));
}

#[tokio::test]
async fn a_room_without_the_bot_says_what_to_do() {
    let scene = scene(no_limit(), Mode::Api).await;
    let to = original(&scene.server.post(&scene.ann, ROOM, "hi"));
    scene.server.leave(ROOM, &scene.bot);
    assert!(permanent(scene.deliver(&react(&scene, to, "👍", true)).await).contains("invite"));
}

#[tokio::test]
async fn the_doctor_says_what_deleting_needs() {
    let scene = scene(no_limit(), Mode::Api).await;
    let told = async || {
        let findings = scene.driver.doctor(&[]).await;
        findings.into_iter().any(|finding| finding.what.contains("`delete-own-message`"))
    };
    assert!(!told().await);
    scene.server.set_roles(&scene.bot, &["bot"]);
    assert!(told().await);
}
