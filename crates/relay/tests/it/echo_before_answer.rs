//! Our own message comes back before the answer to its send.

use std::sync::Arc;

use tieline_core::event::{Authorship, Event};
use tieline_core::outbox::Accepted;
use tokio::sync::Notify;

use crate::house::House;
use crate::scripted::{Script, Scripted, message, plan, rule};

fn by_a_bot(mut event: Event) -> Event {
    event.author.kind = Authorship::BotOrOurs;
    event
}

#[tokio::test]
async fn the_echo_is_held_until_the_answer_names_it() {
    let chat = Scripted::new("chat");
    let plan = plan(vec![
        rule("there", ("chat", "A"), &[("chat", "B")], "{msg}"),
        rule("back", ("chat", "B"), &[("chat", "A")], "{msg}"),
    ]);
    let house = House::open(&plan, &[&chat]).await;
    let answer = Arc::new(Notify::new());
    chat.script("B", Script::ArriveThenWait(Arc::clone(&answer)));
    chat.receive(message("chat", "A", "m1", "one")).await;
    let copy = chat.wait_for("B", 1).await.remove(0);
    let echo = chat.receive(by_a_bot(message("chat", "B", &copy.id, "one"))).await;
    assert!(matches!(echo, Accepted::Held { .. }), "{echo:?}");
    answer.notify_one();
    let tallies = house.settled().await;
    assert_eq!((tallies.delivered, tallies.filtered), (1, 1));
    assert!(chat.texts("A").is_empty(), "the copy did not come back");
}

#[tokio::test]
async fn what_was_held_and_is_not_ours_goes_its_way() {
    let chat = Scripted::new("chat");
    let mut back = rule("back", ("chat", "B"), &[("chat", "A")], "{msg}");
    let mut named = (*back.to[0].frame).clone();
    named.frame.filter.bots = true;
    back.to[0].frame = Arc::new(tieline_core::frame::NamedFrame::new(named.frame));
    let plan = plan(vec![rule("there", ("chat", "A"), &[("chat", "B")], "{msg}"), back]);
    let house = House::open(&plan, &[&chat]).await;
    let answer = Arc::new(Notify::new());
    chat.script("B", Script::ArriveThenWait(Arc::clone(&answer)));
    chat.receive(message("chat", "A", "m1", "one")).await;
    chat.wait_for("B", 1).await;
    let other = chat.receive(by_a_bot(message("chat", "B", "somebody-elses", "news"))).await;
    assert!(matches!(other, Accepted::Held { .. }), "{other:?}");
    answer.notify_one();
    chat.wait_for("A", 1).await;
    house.settled().await;
    assert_eq!(chat.texts("A"), ["news"]);
}

#[tokio::test]
async fn an_account_beside_the_sending_one_knows_the_message_too() {
    let sender = Scripted::new("sender");
    let witness = Scripted::new("witness");
    *sender.takes_keys.lock().unwrap() = true;
    let plan = plan(vec![
        rule("there", ("sender", "A"), &[("sender", "B")], "{msg}"),
        rule("back", ("witness", "B"), &[("sender", "A")], "{msg}"),
    ]);
    let house = House::open(&plan, &[&sender, &witness]).await;
    let answer = Arc::new(Notify::new());
    sender.script("B", Script::ArriveThenWait(Arc::clone(&answer)));
    sender.receive(message("sender", "A", "m1", "one")).await;
    let copy = sender.wait_for("B", 1).await.remove(0);
    // To the other account the bot that wrote it is a person like any other.
    let seen = witness.receive(message("witness", "B", &copy.id, "one")).await;
    assert!(matches!(seen, Accepted::Filtered { .. }), "{seen:?}");
    answer.notify_one();
    house.settled().await;
    assert!(sender.texts("A").is_empty(), "the copy did not come back");
}

#[tokio::test]
async fn an_account_beside_the_sending_one_waits_for_an_id_of_the_servers_own() {
    let (sender, witness) = (Scripted::new("sender"), Scripted::new("witness"));
    let mut back = rule("back", ("witness", "B"), &[("sender", "A")], "{msg}");
    let mut named = (*back.to[0].frame).clone();
    named.frame.filter.bots = true;
    back.to[0].frame = Arc::new(tieline_core::frame::NamedFrame::new(named.frame));
    let plan = plan(vec![rule("there", ("sender", "A"), &[("sender", "B")], "{msg}"), back]);
    let house = House::open(&plan, &[&sender, &witness]).await;
    let answer = Arc::new(Notify::new());
    sender.script("B", Script::ArriveThenWait(Arc::clone(&answer)));
    sender.receive(message("sender", "A", "m1", "one")).await;
    let copy = sender.wait_for("B", 1).await.remove(0);
    let mut seen = message("witness", "B", &copy.id, "one");
    seen.author.id = "sender".into();
    let echo = witness.receive(seen).await;
    assert!(matches!(echo, Accepted::Held { .. }), "{echo:?}");
    answer.notify_one();
    let tallies = house.settled().await;
    assert_eq!((tallies.delivered, tallies.filtered), (1, 1));
    assert!(sender.texts("A").is_empty(), "the copy did not come back");
}

#[tokio::test]
async fn what_the_instance_keeps_back_is_held_like_any_other_until_it_is_known_not_to_be_ours() {
    let declined = |mut event: Event| {
        event.author.kind = Authorship::PersonOrOurs;
        event.author.alias = "declined".to_owned();
        event
    };
    let chat = Scripted::new("chat");
    let rules = vec![
        rule("there", ("chat", "A"), &[("chat", "B")], "{msg}"),
        rule("back", ("chat", "B"), &[("chat", "A")], "{msg}"),
    ];
    let plan = Arc::new(tieline_core::plan::Plan::new(rules).among(&[Arc::clone(&chat) as _]));
    let house = House::open(&plan, &[&chat]).await;
    let answer = Arc::new(Notify::new());
    chat.script("B", Script::ArriveThenWait(Arc::clone(&answer)));
    chat.receive(message("chat", "A", "m1", "one")).await;
    let copy = chat.wait_for("B", 1).await.remove(0);
    let echo = chat.receive(declined(message("chat", "B", &copy.id, "one"))).await;
    assert!(matches!(echo, Accepted::Held { .. }), "a lost answer would be found by it: {echo:?}");
    answer.notify_one();
    let tallies = house.settled().await;
    assert_eq!((tallies.delivered, tallies.filtered), (1, 1));
    let typed = chat.receive(declined(message("chat", "B", "typed", "by hand"))).await;
    let Accepted::Filtered { reason, .. } = typed else { panic!("{typed:?}") };
    assert_eq!(reason, "its settings keep it back");
    assert!(chat.texts("A").is_empty());
    let event = declined(message("chat", "B", "typed", "by hand"));
    let verdicts = plan.explain(&event, &tieline_core::plan::Links::default());
    assert!(verdicts.iter().all(|verdict| verdict.refusal.as_deref() == Some("its settings keep it back")));
}
