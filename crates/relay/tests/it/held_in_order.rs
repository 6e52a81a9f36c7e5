//! Events that are held keep their order, hold up nobody else's channel, and are not held for ever.

use std::sync::Arc;
use std::time::Duration;

use tieline_core::event::{Authorship, Event};
use tieline_core::frame::NamedFrame;
use tieline_core::id::MessageId;
use tieline_core::outbox::{Accepted, Outbox as _};
use tieline_core::plan::{Plan, Rule};
use tokio::sync::Notify;

use crate::house::House;
use crate::scripted::{Script, Scripted, message, plan, rule};

/// From A to B, and from there and from C back to A.
fn rooms() -> Arc<Plan> {
    let forth = rule("forth", ("chat", "A"), &[("chat", "B")], "{msg}");
    plan(vec![forth, back("B"), back("C")])
}

fn back(from: &str) -> Rule {
    let mut back = rule(&format!("back from {from}"), ("chat", from), &[("chat", "A")], "{msg}");
    let mut named = (*back.to[0].frame).clone();
    named.frame.filter.bots = true;
    back.to[0].frame = Arc::new(NamedFrame::new(named.frame));
    back
}

/// Something that the owner of the account types elsewhere, or an echo.
fn typed(room: &str, id: &str, text: &str) -> Event {
    let mut event = message("chat", room, id, text);
    event.author.kind = Authorship::PersonOrOurs;
    event
}

/// A house in which a send into B hangs until the answer comes.
async fn hanging(plan: &Arc<Plan>, chat: &Arc<Scripted>) -> (House, Arc<Notify>) {
    let house = House::open(plan, &[chat]).await;
    let answer = Arc::new(Notify::new());
    chat.script("B", Script::ArriveThenWait(Arc::clone(&answer)));
    chat.receive(message("chat", "A", "m1", "one")).await;
    chat.wait_for("B", 1).await;
    (house, answer)
}

fn is_held(accepted: &Accepted) -> bool {
    matches!(accepted, Accepted::Held { .. })
}

fn numbered(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{prefix} {number:02}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn they_arrive_in_order_and_before_what_came_later() {
    let chat = Scripted::new("chat");
    let (house, answer) = hanging(&rooms(), &chat).await;
    let (own, later) = (numbered("own", 12), numbered("later", 12));
    for text in &own {
        assert!(is_held(&chat.receive(typed("B", text, text)).await), "{text}");
    }
    let first = chat.receive(message("chat", "B", &later[0], &later[0])).await;
    assert!(is_held(&first), "it would overtake what is held: {first:?}");
    assert!(matches!(chat.receive(typed("B", &own[3], &own[3])).await, Accepted::Repeat { .. }));
    answer.notify_one();
    // The rest comes while they are released.
    for text in &later[1..] {
        chat.receive(message("chat", "B", text, text)).await;
    }
    house.settled().await;
    assert_eq!(chat.texts("A"), [own, later].concat());
    let after = chat.receive(message("chat", "B", "after", "after")).await;
    assert!(matches!(after, Accepted::Planned { .. }), "nothing is held any more: {after:?}");
    house.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn they_arrive_in_order_also_after_a_restart() {
    let chat = Scripted::new("chat");
    let plan = rooms();
    let (house, _answer) = hanging(&plan, &chat).await;
    let own = numbered("own", 8);
    for text in &own {
        assert!(is_held(&chat.receive(typed("B", text, text)).await), "{text}");
    }
    let chat = Scripted::new("chat");
    let again = Arc::new(Notify::new());
    chat.script("B", Script::ArriveThenWait(Arc::clone(&again)));
    let house = house.kill_and_enter(&plan, &[&chat]).await;
    chat.receive(message("chat", "B", "later", "later")).await;
    again.notify_one();
    house.settled().await;
    assert_eq!(chat.texts("A"), [own, vec!["later".into()]].concat());
}

#[tokio::test]
async fn a_send_that_hangs_holds_nothing_of_other_channels() {
    let chat = Scripted::new("chat");
    let (house, answer) = hanging(&rooms(), &chat).await;
    assert!(is_held(&chat.receive(typed("B", "b1", "here")).await));
    let elsewhere = chat.receive(typed("C", "c1", "elsewhere")).await;
    assert!(matches!(elsewhere, Accepted::Planned { .. }), "{elsewhere:?}");
    assert_eq!(chat.wait_for("A", 1).await[0].text, "elsewhere");
    answer.notify_one();
    house.settled().await;
    assert_eq!(chat.texts("A"), ["elsewhere", "here"]);
}

#[tokio::test]
async fn an_answer_waits_a_minute_for_what_it_answers_and_an_echo_longer() {
    let chat = Scripted::new("chat");
    let (house, answer) = hanging(&rooms(), &chat).await;
    let mut reply = message("chat", "B", "reply", "as it stands");
    reply.message_mut().unwrap().reply_to = Some(MessageId::new("unknown").unwrap());
    assert!(is_held(&chat.receive(reply).await));
    assert!(is_held(&chat.receive(typed("B", "typed", "perhaps ours")).await));
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(61)).await;
    tokio::time::resume();
    assert_eq!(chat.wait_for("A", 1).await[0].text, "as it stands");
    assert_eq!(house.outbox.tallies().await.unwrap().held, 1, "the other waits for the end of the send");
    answer.notify_one();
    house.settled().await;
    assert_eq!(chat.texts("A"), ["as it stands", "perhaps ours"]);
}
