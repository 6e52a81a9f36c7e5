//! Targets that follow the conversation, and threads that keep conversations apart.

use std::sync::Arc;
use std::time::Duration;

use tieline_core::clock::Clock as _;
use tieline_core::event::Event;
use tieline_core::frame::{Frame, NamedFrame};
use tieline_core::id::MessageId;
use tieline_core::outbox::{Accepted, Outbox as _};
use tieline_core::plan::{Plan, Rule};
use tieline_core::send::{Reconciled, SendError, Trouble};
use tieline_core::template::Template;
use tokio::sync::Notify;

use crate::house::{House, Options};
use crate::scripted::{Script, Scripted, SystemClock, message, rule};

/// A workspace, and an account of a messenger.
fn pair() -> (Arc<Scripted>, Arc<Scripted>) {
    (Scripted::in_realm("workspace", "rc"), Scripted::in_realm("messenger", "wa"))
}

/// From every chat of `wa` into one room, and from there to the chat of the conversation.
fn inbox(threads: bool, instances: [&Arc<Scripted>; 2]) -> Arc<Plan> {
    inbox_and(threads, Vec::new(), instances)
}

/// The same, and other rules behind.
fn inbox_and(threads: bool, others: Vec<Rule>, instances: [&Arc<Scripted>; 2]) -> Arc<Plan> {
    let mut inward = rule("in", ("wa", "*"), &[("rc", "R")], "{user}: {msg}");
    inward.from[0].pattern.channel = None;
    if threads {
        change(&mut inward, |frame| frame.opener = Some(Template::parse("Chat with {room} ({msg})").unwrap()));
    }
    let mut outward = rule("out", ("rc", "R"), &[("wa", "*")], "{msg}");
    outward.to[0].open = true;
    let instances = instances.map(|one| Arc::clone(one) as _);
    Arc::new(Plan::new([vec![inward, outward], others].concat()).among(&instances))
}

fn change(rule: &mut Rule, change: impl FnOnce(&mut Frame)) {
    let mut frame = rule.to[0].frame.frame.clone();
    change(&mut frame);
    rule.to[0].frame = Arc::new(NamedFrame::new(frame));
}

fn answer(id: &str, to: &str, text: &str) -> Event {
    let mut event = message("rc", "R", id, text);
    event.message_mut().unwrap().reply_to = Some(MessageId::new(to).unwrap());
    event
}

#[tokio::test]
async fn an_answer_finds_the_chat_of_what_it_answers() {
    let (rc, wa) = pair();
    let house = House::open(&inbox(false, [&rc, &wa]), &[&rc, &wa]).await;
    wa.receive(message("wa", "111", "w1", "hello")).await;
    wa.receive(message("wa", "222", "w2", "hello")).await;
    let copies = rc.wait_for("R", 2).await;
    let of = |text: &str| copies.iter().find(|copy| copy.reply_to.is_none() && copy.text.ends_with(text)).unwrap();
    let first = of("hello").id.clone();
    house.settled().await;
    let trace = house.outbox.trace(&first).await.unwrap();
    let chat = trace[0].event.as_ref().unwrap().channel.to_string();
    rc.receive(answer("r1", &first, "to the first")).await;
    let arrived = &wa.wait_for(&chat, 1).await[0];
    assert_eq!(arrived.text, "to the first");
    assert!(arrived.reply_to.as_deref().is_some_and(|id| id.starts_with('w')), "{arrived:?}");
    // An answer to what was sent from here finds the same chat.
    rc.receive(answer("r2", "r1", "and again")).await;
    assert_eq!(wa.wait_for(&chat, 2).await[1].text, "and again");
    assert_eq!(house.settled().await.delivered, 4);
}

#[tokio::test]
async fn an_answer_that_overtakes_the_receipt_of_what_it_answers_waits_for_it() {
    let (rc, wa) = pair();
    let house = House::open(&inbox(false, [&rc, &wa]), &[&rc, &wa]).await;
    let receipt = Arc::new(Notify::new());
    rc.script("R", Script::ArriveThenWait(Arc::clone(&receipt)));
    wa.receive(message("wa", "111", "w1", "hello")).await;
    let copy = rc.wait_for("R", 1).await[0].id.clone();
    let accepted = rc.receive(answer("r1", &copy, "at once")).await;
    assert!(matches!(accepted, Accepted::Held { .. }), "{accepted:?}");
    receipt.notify_one();
    assert_eq!(wa.wait_for("111", 1).await[0].text, "at once");
    house.settled().await;
}

#[tokio::test]
async fn a_recipient_in_brackets_is_found_and_cut_off() {
    let (rc, wa) = pair();
    let house = House::open(&inbox(false, [&rc, &wa]), &[&rc, &wa]).await;
    rc.receive(message("rc", "R", "r1", "[333] hello\nsecond line")).await;
    assert_eq!(wa.wait_for("333", 1).await[0].text, "hello\nsecond line");
    // Colleagues talk here too.
    for (id, text) in [("r2", "hello"), ("r3", "[todo] hello")] {
        let accepted = rc.receive(message("rc", "R", id, text)).await;
        assert!(
            matches!(&accepted, Accepted::Filtered { reason, .. } if reason.contains("[recipient]")),
            "{accepted:?}"
        );
    }
    let tallies = house.settled().await;
    assert_eq!((tallies.delivered, tallies.filtered, tallies.dead), (1, 2, 0));
    assert!(rc.texts("R").is_empty(), "nobody is told");
}

#[tokio::test]
async fn a_stranger_cannot_write_to_others_through_the_account() {
    let (rc, wa) = pair();
    let mut both = rule("both", ("wa", "*"), &[("wa", "*")], "{msg}");
    both.from[0].pattern.channel = None;
    both.to[0].open = true;
    let instances = [&rc, &wa].map(|one| Arc::clone(one) as _);
    let house = House::open(&Arc::new(Plan::new(vec![both]).among(&instances)), &[&rc, &wa]).await;
    let accepted = wa.receive(message("wa", "111", "w1", "[333] hello")).await;
    assert!(matches!(accepted, Accepted::Filtered { .. }), "{accepted:?}");
    assert_eq!(house.settled().await.delivered, 0);
}

#[tokio::test]
async fn a_room_that_two_accounts_share_is_one_room() {
    let (a, b) = (Scripted::new("a"), Scripted::new("b"));
    let mut archive = rule("archive", ("a", "*"), &[("b", "T"), ("a", "T")], "{msg}");
    archive.from[0].pattern.channel = None;
    let instances = [&a, &b].map(|one| Arc::clone(one) as _);
    let house = House::open(&Arc::new(Plan::new(vec![archive]).among(&instances)), &[&a, &b]).await;
    a.receive(message("a", "R", "m1", "hello")).await;
    assert_eq!(b.wait_for("T", 1).await[0].text, "hello");
    let accepted = a.receive(message("a", "T", "m2", "said in the archive itself")).await;
    assert!(matches!(&accepted, Accepted::Filtered { reason, .. } if reason.contains("came from")), "{accepted:?}");
    assert_eq!(house.settled().await.delivered, 1, "once, though two accounts lead there");
}

#[tokio::test]
async fn a_writer_is_told_once_in_the_room_when_a_recipient_is_refused() {
    let (rc, wa) = pair();
    let house = House::open(&inbox(false, [&rc, &wa]), &[&rc, &wa]).await;
    wa.script("333", Script::Fail(SendError::Permanent { reason: "there is no such number".into() }));
    rc.receive(message("rc", "R", "r1", "[011] hello")).await;
    let notice = rc.wait_for("R", 1).await[0].clone();
    assert!(notice.text.contains("+011 was not sent: they are not on the list"), "{}", notice.text);
    rc.receive(message("rc", "R", "r2", "[333] hello")).await;
    let second = rc.wait_for("R", 2).await[1].clone();
    assert!(second.text.contains("+333 was not sent: there is no such number"), "{}", second.text);
    // The room hands the notice back; it is ours, and says `[recipient]` or not, nobody gets it.
    let accepted = rc.receive(message("rc", "R", &notice.id, "[333] a notice")).await;
    assert!(matches!(&accepted, Accepted::Filtered { reason, .. } if reason.contains("tieline sent")), "{accepted:?}");
    let tallies = house.settled().await;
    assert_eq!((tallies.dead, tallies.delivered), (2, 2));
    assert!(wa.texts("333").is_empty() && wa.texts("011").is_empty());
}

#[tokio::test]
async fn each_chat_has_a_thread_that_opens_with_who_it_is_also_after_a_restart() {
    let (rc, wa) = pair();
    let plan = inbox(true, [&rc, &wa]);
    let house = House::open(&plan, &[&rc, &wa]).await;
    for (id, chat) in [("w1", "111"), ("w2", "111"), ("w3", "222")] {
        wa.receive(message("wa", chat, id, id)).await;
    }
    let arrived = rc.wait_for("R", 5).await;
    let opener = |chat: &str| arrived.iter().find(|one| one.text == format!("Chat with +{chat} (wa)")).unwrap().clone();
    let in_thread = |chat: &str| -> Vec<String> {
        let opener = opener(chat);
        let first = arrived.iter().position(|one| one.id == opener.id).unwrap();
        let behind = arrived.iter().enumerate().filter(|(_, one)| one.thread.as_deref() == Some(&opener.id));
        behind.inspect(|(at, _)| assert!(*at > first)).map(|(_, one)| one.text.clone()).collect()
    };
    assert_eq!(in_thread("111"), ["ann: w1", "ann: w2"]);
    assert_eq!(in_thread("222"), ["ann: w3"]);
    assert_eq!(opener("111").thread, None);

    // Whoever answers in a thread answers that chat, and quotes nothing.
    rc.receive(answer("r1", &opener("222").id, "hello")).await;
    let told = wa.wait_for("222", 1).await[0].clone();
    assert_eq!((told.text.as_str(), told.reply_to), ("hello", None));

    house.settled().await;
    let (rc, wa) = pair();
    let house = house.kill_and_enter(&plan, &[&rc, &wa]).await;
    wa.receive(message("wa", "111", "w4", "w4")).await;
    let next = rc.wait_for("R", 1).await[0].clone();
    assert_eq!(next.thread, Some(opener("111").id), "{next:?}");
    let tallies = house.settled().await;
    assert_eq!((tallies.planned, tallies.delivered), (7, 7), "each opener is a delivery of its own");
}

#[tokio::test]
async fn a_thread_whose_opener_was_deleted_is_opened_anew() {
    let (rc, wa) = pair();
    let plan = inbox(true, [&rc, &wa]);
    let house = House::open(&plan, &[&rc, &wa]).await;
    wa.receive(message("wa", "111", "w1", "w1")).await;
    let before = rc.wait_for("R", 2).await;
    rc.script("R", Script::Fail(SendError::ThreadGone));
    wa.receive(message("wa", "111", "w2", "w2")).await;
    let after = rc.wait_for("R", 4).await;
    assert_eq!(after[2].text, before[0].text, "a new opener");
    assert_ne!(after[2].id, before[0].id);
    assert_eq!((after[3].text.as_str(), after[3].thread.clone()), ("ann: w2", Some(after[2].id.clone())));
    // The new one stays the thread, and answers in the old one still find the chat.
    house.settled().await;
    let (rc, wa) = pair();
    let house = house.kill_and_enter(&plan, &[&rc, &wa]).await;
    wa.receive(message("wa", "111", "w3", "w3")).await;
    assert_eq!(rc.wait_for("R", 1).await[0].thread, Some(after[2].id.clone()));
    rc.receive(answer("r1", &before[0].id, "late")).await;
    assert_eq!(wa.wait_for("111", 1).await[0].text, "late");
    house.settled().await;
}

#[tokio::test]
async fn messages_wait_for_their_threads_opener() {
    let (rc, wa) = pair();
    let plan = inbox(true, [&rc, &wa]);
    let house = House::open(&plan, &[&rc, &wa]).await;
    let broken = || SendError::Retryable { reason: "down".into(), trouble: Trouble::Unreachable, after: None };
    rc.script("R", Script::Fail(broken()));
    rc.script("R", Script::ArriveAndFail(SendError::Ambiguous { reason: "lost".into() }));
    for id in ["w1", "w2", "w3"] {
        wa.receive(message("wa", "111", id, id)).await;
    }
    rc.script_reconcile(Ok(Reconciled::Missing));
    house.settled().await;
    let texts = rc.texts("R");
    assert_eq!(texts[texts.len() - 3..], ["ann: w1", "ann: w2", "ann: w3"]);
    assert!(texts[..texts.len() - 3].iter().all(|text| text.starts_with("Chat with")), "{texts:?}");
}

/// The next send arrives, as it does without a script.
fn arrives() -> Script {
    let answer = Notify::new();
    answer.notify_one();
    Script::ArriveThenWait(Arc::new(answer))
}

fn permanent(reason: &str) -> Script {
    Script::Fail(SendError::Permanent { reason: reason.into() })
}

#[tokio::test]
async fn a_refused_recipient_is_not_reached_by_answers_either() {
    let (rc, wa) = pair();
    let house = House::open(&inbox(false, [&rc, &wa]), &[&rc, &wa]).await;
    rc.receive(message("rc", "R", "r1", "[011] hello")).await;
    let notice = rc.wait_for("R", 1).await[0].id.clone();
    house.settled().await;
    for (id, to) in [("r2", "r1"), ("r3", notice.as_str())] {
        let accepted = rc.receive(answer(id, to, "nevertheless")).await;
        assert!(
            matches!(&accepted, Accepted::Filtered { reason, .. } if reason.contains("neither answers")),
            "{to}: {accepted:?}"
        );
    }
    // Its own brackets still count.
    rc.receive(answer("r4", "r1", "[333] hello")).await;
    wa.wait_for("333", 1).await;
    house.settled().await;
    assert!(wa.texts("011").is_empty());
}

#[tokio::test]
async fn where_only_we_wrote_the_settings_say_who_may_go_on() {
    let (rc, wa) = pair();
    let others = vec![rule("board", ("rc", "S"), &[("wa", "077"), ("rc", "R")], "{msg}")];
    let house = House::open(&inbox_and(false, others, [&rc, &wa]), &[&rc, &wa]).await;
    rc.receive(message("rc", "S", "s1", "for the board")).await;
    let copy = rc.wait_for("R", 1).await[0].id.clone();
    house.settled().await;
    rc.receive(answer("r1", &copy, "from another room")).await;
    let notice = rc.wait_for("R", 2).await[1].text.clone();
    assert!(notice.contains("+077 was not sent: they are not on the list"), "{notice}");
    // They wrote first, so they may be answered.
    wa.receive(message("wa", "077", "w1", "hello")).await;
    let copy = rc.wait_for("R", 3).await[2].id.clone();
    house.settled().await;
    rc.receive(answer("r2", &copy, "hello yourself")).await;
    assert_eq!(wa.wait_for("077", 2).await[1].text, "hello yourself");
    assert_eq!(house.settled().await.dead, 1);
}

#[tokio::test]
async fn a_rule_that_names_the_chat_may_write_there_whatever_the_settings_say() {
    let (rc, wa) = pair();
    let others = vec![rule("both", ("rc", "R"), &[("wa", "077")], "{user}: {msg}")];
    let house = House::open(&inbox_and(false, others, [&rc, &wa]), &[&rc, &wa]).await;
    rc.receive(message("rc", "R", "r1", "one")).await;
    wa.wait_for("077", 1).await;
    house.settled().await;
    rc.receive(answer("r2", "r1", "two")).await;
    assert_eq!(wa.wait_for("077", 2).await[1].text, "ann: two");
    let tallies = house.settled().await;
    assert_eq!((tallies.delivered, tallies.dead), (2, 0));
}

#[tokio::test]
async fn a_quotation_from_another_room_names_no_chat() {
    let (rc, wa) = pair();
    let others = vec![rule("board", ("rc", "S"), &[("wa", "444")], "{msg}")];
    let house = House::open(&inbox_and(false, others, [&rc, &wa]), &[&rc, &wa]).await;
    rc.receive(message("rc", "S", "s1", "for the board")).await;
    wa.wait_for("444", 1).await;
    house.settled().await;
    let accepted = rc.receive(answer("r1", "s1", "from the other room")).await;
    assert!(matches!(accepted, Accepted::Filtered { .. }), "{accepted:?}");
    house.settled().await;
    assert_eq!(wa.texts("444"), ["for the board"]);
}

#[tokio::test]
async fn only_what_was_said_in_the_same_chat_is_answered() {
    let (rc, wa) = pair();
    let house = House::open(&inbox(false, [&rc, &wa]), &[&rc, &wa]).await;
    wa.receive(message("wa", "900", "g1", "said in a group")).await;
    let copy = rc.wait_for("R", 1).await[0].id.clone();
    house.settled().await;
    for (id, chat, text) in [("w1", "666", "forged"), ("w2", "900", "true")] {
        let mut event = message("wa", chat, id, text);
        event.message_mut().unwrap().reply_to = Some(MessageId::new("g1").unwrap());
        wa.receive(event).await;
        rc.wait_for("R", if id == "w1" { 2 } else { 3 }).await;
    }
    let all = rc.wait_for("R", 3).await;
    assert_eq!((all[1].text.as_str(), all[1].reply_to.as_ref()), ("ann: forged", None));
    assert_eq!((all[2].text.as_str(), all[2].reply_to.as_ref()), ("ann: true", Some(&copy)));
    house.settled().await;
}

#[tokio::test]
async fn a_stranger_cannot_write_to_others_through_a_second_account() {
    let (rc, wa) = pair();
    let wb = Scripted::in_realm("messenger", "wb");
    let mut across = rule("across", ("wa", "900"), &[("wb", "*")], "{msg}");
    across.to[0].open = true;
    let instances = [&rc, &wa, &wb].map(|one| Arc::clone(one) as _);
    let house = House::open(&Arc::new(Plan::new(vec![across]).among(&instances)), &[&rc, &wa, &wb]).await;
    let accepted = wa.receive(message("wa", "900", "w1", "[333] hello")).await;
    assert!(matches!(&accepted, Accepted::Filtered { reason, .. } if reason.contains("not passed on")), "{accepted:?}");
    assert_eq!(house.settled().await.delivered, 0);
}

#[tokio::test]
async fn openers_that_are_deleted_again_and_again_are_given_up() {
    let (rc, wa) = pair();
    let house = House::open(&inbox(true, [&rc, &wa]), &[&rc, &wa]).await;
    for _ in 0..3 {
        // Its opener, and the message, which finds it deleted.
        rc.script("R", arrives());
        rc.script("R", Script::Fail(SendError::ThreadGone));
    }
    rc.script("R", arrives());
    rc.script("R", Script::Fail(SendError::ThreadGone));
    wa.receive(message("wa", "111", "w1", "w1")).await;
    house.settled().await;
    let all = rc.wait_for("R", 5).await;
    assert!(all[..4].iter().all(|one| one.text.starts_with("Chat with")), "{all:?}");
    assert_eq!((all[4].text.as_str(), all[4].thread.as_ref()), ("ann: w1", None));
    let trace = house.outbox.trace("w1").await.unwrap();
    assert_eq!(house.settled().await.delivered, 5, "{trace:?}");
}

#[tokio::test]
async fn a_chat_whose_opener_was_refused_gets_a_thread_later() {
    let (rc, wa) = pair();
    let plan = inbox(true, [&rc, &wa]);
    let house = House::open(&plan, &[&rc, &wa]).await;
    rc.script("R", permanent("not now"));
    for id in ["w1", "w2"] {
        wa.receive(message("wa", "111", id, id)).await;
    }
    let all = rc.wait_for("R", 2).await;
    assert!(all.iter().all(|one| one.thread.is_none() && one.text.starts_with("ann: ")), "{all:?}");
    assert_eq!(house.settled().await.dead, 1, "not one for each message");
    // Another process does not know when it was.
    let (rc, wa) = pair();
    let house = house.kill_and_enter(&plan, &[&rc, &wa]).await;
    wa.receive(message("wa", "111", "w3", "w3")).await;
    let all = rc.wait_for("R", 2).await;
    assert!(all[0].text.starts_with("Chat with"), "{all:?}");
    assert_eq!(all[1].thread.as_ref(), Some(&all[0].id));
    assert_eq!(house.settled().await.dead, 1);
}

#[tokio::test]
async fn the_second_death_of_a_letter_is_told_too() {
    let (rc, wa) = pair();
    let house = House::open(&inbox(false, [&rc, &wa]), &[&rc, &wa]).await;
    rc.receive(message("rc", "R", "r1", "[011] hello")).await;
    rc.wait_for("R", 1).await;
    house.settled().await;
    let dead: Vec<_> = house.outbox.dead_letters().await.unwrap().iter().map(|letter| letter.id).collect();
    // Later than it was received, also by a clock that counts milliseconds.
    let later = SystemClock.now() + jiff::SignedDuration::from_secs(1);
    assert_eq!(house.outbox.retry_dead(&dead, later).await.unwrap(), dead);
    rc.wait_for("R", 2).await;
    assert_eq!(house.settled().await.dead, 1);
}

#[tokio::test]
async fn a_recipient_without_a_word_is_told_of() {
    let (rc, wa) = pair();
    let mut named = rule("named", ("rc", "R"), &[("wa", "*")], "{user}: {msg}");
    named.to[0].open = true;
    let instances = [&rc, &wa].map(|one| Arc::clone(one) as _);
    let house = House::open(&Arc::new(Plan::new(vec![named]).among(&instances)), &[&rc, &wa]).await;
    rc.receive(message("rc", "R", "r1", "[333]")).await;
    let notice = rc.wait_for("R", 1).await[0].text.clone();
    assert!(notice.contains("+333 was not sent: there is neither text nor a file in it"), "{notice}");
    let tallies = house.settled().await;
    assert_eq!((tallies.filtered, tallies.dead, tallies.delivered), (1, 0, 1));
    assert!(wa.texts("333").is_empty());
}

#[tokio::test]
async fn a_notice_is_one_line_and_keeps_the_operators_matters_back() {
    let (rc, wa) = pair();
    let options = Options { give_up_after: Duration::ZERO, ..Options::default() };
    let house = House::open_with(&inbox(false, [&rc, &wa]), &[&rc, &wa], options).await;
    let reason = "http://10.0.0.1:8066 does not answer";
    wa.script("1", permanent("`no`\nsaid http://10.0.0.1:8066/x"));
    wa.script("2", Script::Fail(SendError::Retryable { reason: reason.into(), trouble: Trouble::Other, after: None }));
    wa.script("3", Script::Fail(SendError::Ambiguous { reason: reason.into() }));
    wa.script_reconcile(Ok(Reconciled::Unknowable));
    for (number, said) in [
        ("1", "Ann, your message to +1 was not sent: no said …"),
        ("2", "Ann, your message to +2 was not sent: it could not be delivered; whoever runs tieline can say why"),
        (
            "3",
            "Ann, your message to +3 may not have been sent: it could not be delivered; whoever runs tieline can say why",
        ),
    ] {
        let mut event = message("rc", "R", &format!("r{number}"), &format!("[{number}] hello"));
        event.author.display_name = "A\u{202e}nn\n".into();
        rc.receive(event).await;
        let told = rc.wait_for("R", number.parse().unwrap()).await;
        assert_eq!(told.last().unwrap().text, said);
    }
    house.settled().await;
}
