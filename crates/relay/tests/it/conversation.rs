//! Targets that follow the conversation, and threads that keep conversations apart.

use std::sync::Arc;

use tieline_core::event::Event;
use tieline_core::frame::{Frame, NamedFrame};
use tieline_core::id::MessageId;
use tieline_core::outbox::{Accepted, Outbox as _};
use tieline_core::plan::{Plan, Rule};
use tieline_core::send::SendError;
use tieline_core::template::Template;
use tokio::sync::Notify;

use crate::house::House;
use crate::scripted::{Script, Scripted, message, rule};

/// From every chat of `wa` into one room, and from there to the chat of the conversation.
fn inbox(threads: bool, instances: [&Arc<Scripted>; 2]) -> Arc<Plan> {
    let mut inward = rule("in", ("wa", "*"), &[("rc", "R")], "{user}: {msg}");
    inward.from[0].pattern.channel = None;
    if threads {
        change(&mut inward, |frame| frame.opener = Some(Template::parse("Chat with {room} ({msg})").unwrap()));
    }
    let mut outward = rule("out", ("rc", "R"), &[("wa", "*")], "{msg}");
    outward.to[0].open = true;
    let instances = instances.map(|one| Arc::clone(one) as _);
    Arc::new(Plan::new(vec![inward, outward]).among(&instances))
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
    let (rc, wa) = (Scripted::new("rc"), Scripted::new("wa"));
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
    let (rc, wa) = (Scripted::new("rc"), Scripted::new("wa"));
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
    let (rc, wa) = (Scripted::new("rc"), Scripted::new("wa"));
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
    let (rc, wa) = (Scripted::new("rc"), Scripted::new("wa"));
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
    let (rc, wa) = (Scripted::new("rc"), Scripted::new("wa"));
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
    let (rc, wa) = (Scripted::new("rc"), Scripted::new("wa"));
    let plan = inbox(true, [&rc, &wa]);
    let house = House::open(&plan, &[&rc, &wa]).await;
    for (id, chat) in [("w1", "111"), ("w2", "111"), ("w3", "222")] {
        wa.receive(message("wa", chat, id, id)).await;
    }
    let arrived = rc.wait_for("R", 5).await;
    let opener = |chat: &str| arrived.iter().find(|one| one.text.ends_with(&format!("(+{chat})"))).unwrap().clone();
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
    let (rc, wa) = (Scripted::new("rc"), Scripted::new("wa"));
    let house = house.kill_and_enter(&plan, &[&rc, &wa]).await;
    wa.receive(message("wa", "111", "w4", "w4")).await;
    let next = rc.wait_for("R", 1).await[0].clone();
    assert_eq!(next.thread, Some(opener("111").id), "{next:?}");
    let tallies = house.settled().await;
    assert_eq!((tallies.planned, tallies.delivered), (7, 7), "each opener is a delivery of its own");
}

#[tokio::test]
async fn a_thread_whose_opener_was_deleted_is_opened_anew() {
    let (rc, wa) = (Scripted::new("rc"), Scripted::new("wa"));
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
    let (rc, wa) = (Scripted::new("rc"), Scripted::new("wa"));
    let house = house.kill_and_enter(&plan, &[&rc, &wa]).await;
    wa.receive(message("wa", "111", "w3", "w3")).await;
    assert_eq!(rc.wait_for("R", 1).await[0].thread, Some(after[2].id.clone()));
    rc.receive(answer("r1", &before[0].id, "late")).await;
    assert_eq!(wa.wait_for("111", 1).await[0].text, "late");
    house.settled().await;
}

#[tokio::test]
async fn messages_wait_for_their_threads_opener() {
    let (rc, wa) = (Scripted::new("rc"), Scripted::new("wa"));
    let plan = inbox(true, [&rc, &wa]);
    let house = House::open(&plan, &[&rc, &wa]).await;
    let broken = || SendError::Retryable {
        reason: "down".into(),
        trouble: tieline_core::send::Trouble::Unreachable,
        after: None,
    };
    rc.script("R", Script::Fail(broken()));
    rc.script("R", Script::ArriveAndFail(SendError::Ambiguous { reason: "lost".into() }));
    for id in ["w1", "w2", "w3"] {
        wa.receive(message("wa", "111", id, id)).await;
    }
    rc.script_reconcile(Ok(tieline_core::send::Reconciled::Missing));
    house.settled().await;
    let texts = rc.texts("R");
    assert_eq!(texts[texts.len() - 3..], ["ann: w1", "ann: w2", "ann: w3"]);
    assert!(texts[..texts.len() - 3].iter().all(|text| text.starts_with("Chat with")), "{texts:?}");
}
