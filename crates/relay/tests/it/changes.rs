//! What people do to a message after it was said.

use std::sync::Arc;

use tieline_core::event::{Body, Event, Message, Quoted, Reaction};
use tieline_core::id::MessageId;
use tieline_core::markup::Markup;
use tieline_core::outbox::{Accepted, Outbox};
use tieline_core::plan::Plan;
use tieline_core::send::{Reconciled, SendError, Trouble};
use tokio::sync::Notify;

use crate::house::House;
use crate::scripted::{Script, Scripted, message, plan, rule};

/// Three rooms that hear each other.
fn all_rooms() -> Arc<Plan> {
    let rooms = [("a", "A"), ("b", "B"), ("c", "C")];
    let rules = rooms.map(|from| {
        let to: Vec<_> = rooms.into_iter().filter(|room| *room != from).collect();
        rule(from.1, from, &to, "{msg}")
    });
    plan(rules.into())
}

struct Scene {
    house: House,
    plan: Arc<Plan>,
    a: Arc<Scripted>,
    b: Arc<Scripted>,
    c: Arc<Scripted>,
}

impl Scene {
    async fn open() -> Self {
        let plan = all_rooms();
        let [a, b, c] = ["a", "b", "c"].map(|id| {
            Scripted::in_realm(
                match id {
                    "a" => "realm a",
                    "b" => "realm b",
                    _ => "realm c",
                },
                id,
            )
        });
        let house = House::open(&plan, &[&a, &b, &c]).await;
        Self { house, plan, a, b, c }
    }

    /// Somebody says something in A; the ids of the copies in B and C.
    async fn say(&self, id: &str, text: &str) -> [String; 2] {
        let before = [self.b.texts("B").len(), self.c.texts("C").len()];
        self.a.receive(message("a", "A", id, text)).await;
        let b = self.b.wait_for("B", before[0] + 1).await.pop().expect("a copy");
        let c = self.c.wait_for("C", before[1] + 1).await.pop().expect("a copy");
        self.house.settled().await;
        [b.id, c.id]
    }

    async fn restart(self) -> Self {
        let Self { house, plan, a, b, c } = self;
        let house = house.kill_and_enter(&plan, &[&a, &b, &c]).await;
        Self { house, plan, a, b, c }
    }
}

fn change(instance: &str, room: &str, id: &str, body: Body) -> Event {
    Event { body, ..message(instance, room, id, "") }
}

fn edit(instance: &str, room: &str, id: &str, text: &str) -> Event {
    change(instance, room, id, Body::Edit(Message { text: Markup::plain(text), ..Message::default() }))
}

fn reaction(emoji: &str, added: bool) -> Body {
    Body::Reaction(Reaction { emoji: emoji.into(), added })
}

fn unreachable() -> SendError {
    SendError::Retryable { reason: "no server".into(), trouble: Trouble::Unreachable, after: None }
}

fn reason(accepted: &Accepted) -> &str {
    match accepted {
        Accepted::Filtered { reason, .. } => reason,
        other => panic!("not filtered, but {other:?}"),
    }
}

#[tokio::test]
async fn a_change_reaches_every_copy_from_any_copy_also_after_a_restart() {
    let scene = Scene::open().await;
    let [in_b, in_c] = scene.say("m1", "hello").await;
    scene.a.receive(edit("a", "A", "m1", "hullo")).await;
    let scene = scene.restart().await;
    // Somebody likes the copy in B: the original and the copy in C show it.
    scene.b.receive(change("b", "B", &in_b, reaction("👍", true))).await;
    assert_eq!(scene.a.wait_for("A", 1).await[0].text, "REACT m1 +👍 [👍]");
    assert_eq!(scene.b.wait_for("B", 2).await[1].text, format!("EDIT {in_b}: hullo"));
    assert_eq!(scene.c.wait_for("C", 3).await[2].text, format!("REACT {in_c} +👍 [👍]"));
    scene.b.receive(change("b", "B", &in_b, reaction("👍", false))).await;
    assert_eq!(scene.a.wait_for("A", 2).await[1].text, "REACT m1 -👍 []");
    // Somebody who may deletes the copy in C.
    scene.c.receive(change("c", "C", &in_c, Body::Delete)).await;
    assert_eq!(scene.a.wait_for("A", 3).await[2].text, "DELETE m1");
    assert_eq!(scene.b.wait_for("B", 3).await[2].text, format!("DELETE {in_b}"));
    scene.house.settled().await;
    // The deletions that followed come back as events. The original's settles it for all.
    let echo = scene.a.receive(change("a", "A", "m1", Body::Delete)).await;
    assert!(matches!(echo, Accepted::Planned { deliveries: 2, .. }), "{echo:?}");
    scene.house.settled().await;
    let echo = scene.b.receive(change("b", "B", &in_b, Body::Delete)).await;
    assert_eq!(reason(&echo), "the message was deleted before");
    scene.house.settled().await;
}

#[tokio::test]
async fn what_nobody_holds_a_copy_of_is_not_changed_anywhere() {
    let scene = Scene::open().await;
    let [in_b, _] = scene.say("m1", "hello").await;
    let unknown = scene.a.receive(edit("a", "A", "m0", "new")).await;
    assert_eq!(reason(&unknown), "the message that it changes is not known");
    let of_copy = scene.b.receive(edit("b", "B", &in_b, "by a moderator")).await;
    assert_eq!(reason(&of_copy), "a copy was edited, which says what its original says");
    let elsewhere = scene.b.receive(change("b", "Z", &in_b, Body::Delete)).await;
    assert_eq!(reason(&elsewhere), "the message that it changes is not known here");
    let mut own = change("b", "B", &in_b, reaction("👍", true));
    own.author.id = "b".into();
    assert_eq!(reason(&scene.b.receive(own).await), "a reaction that tieline gave");
}

#[tokio::test]
async fn a_message_that_waits_is_sent_as_it_is_now() {
    let scene = Scene::open().await;
    let [_, _] = scene.say("m0", "first").await;
    // C is away for a moment; what is next there waits.
    let go = Arc::new(Notify::new());
    scene.c.script("C", Script::ArriveThenWait(Arc::clone(&go)));
    scene.a.receive(message("a", "A", "m1", "in the way")).await;
    scene.c.wait_for("C", 2).await;
    scene.a.receive(message("a", "A", "m2", "old")).await;
    scene.a.receive(message("a", "A", "m3", "not meant")).await;
    scene.a.receive(edit("a", "A", "m2", "newer")).await;
    scene.a.receive(edit("a", "A", "m2", "newest")).await;
    scene.a.receive(change("a", "A", "m3", Body::Delete)).await;
    scene.a.receive(message("a", "A", "m4", "last")).await;
    scene.b.wait_for("B", 8).await;
    go.notify_one();
    scene.c.wait_for("C", 4).await;
    scene.house.settled().await;
    assert_eq!(scene.c.texts("C"), ["first", "in the way", "newest", "last"]);
    let in_b = scene.b.texts("B");
    assert_eq!(in_b[..4], ["first", "in the way", "old", "not meant"]);
    assert!(in_b[4].ends_with(": newer") && in_b[5].ends_with(": newest") && in_b[6].starts_with("DELETE"), "{in_b:?}");
}

#[tokio::test]
async fn a_message_between_two_tries_is_sent_as_it_is_now() {
    let scene = Scene::open().await;
    scene.c.script("C", Script::Fail(unreachable()));
    scene.a.receive(message("a", "A", "m1", "old")).await;
    scene.b.wait_for("B", 1).await;
    scene.a.receive(edit("a", "A", "m1", "new")).await;
    scene.c.wait_for("C", 1).await;
    scene.house.settled().await;
    assert_eq!(scene.c.texts("C"), ["new"]);
    scene.c.script("C", Script::Fail(unreachable()));
    scene.a.receive(message("a", "A", "m2", "not meant")).await;
    scene.b.wait_for("B", 3).await;
    scene.a.receive(change("a", "A", "m2", Body::Delete)).await;
    scene.house.settled().await;
    assert_eq!(scene.c.texts("C"), ["new"], "it is never shown");
}

#[tokio::test]
async fn a_change_waits_for_its_message_in_another_lane() {
    let scene = Scene::open().await;
    let go = Arc::new(Notify::new());
    scene.c.script("C", Script::ArriveThenWait(Arc::clone(&go)));
    scene.a.receive(message("a", "A", "m1", "hello")).await;
    let in_b = scene.b.wait_for("B", 1).await[0].id.clone();
    let in_c = scene.c.wait_for("C", 1).await[0].id.clone();
    // Its copy in B is deleted by somebody who may, while the one in C is not settled.
    scene.b.receive(change("b", "B", &in_b, Body::Delete)).await;
    scene.a.wait_for("A", 1).await;
    go.notify_one();
    assert_eq!(scene.c.wait_for("C", 2).await[1].text, format!("DELETE {in_c}"));
    scene.house.settled().await;
}

#[tokio::test]
async fn an_answer_carries_a_quotation_where_its_message_is_not() {
    let scene = Scene::open().await;
    let mut answer = message("a", "A", "m2", "me too");
    let said = answer.message_mut().expect("a message");
    said.reply_to = MessageId::new("before-us").ok();
    said.quoted = Some(Quoted { author: "Eve".into(), text: Markup::plain("who likes\ntea?") });
    scene.a.receive(answer).await;
    assert_eq!(scene.b.wait_for("B", 1).await[0].text, "> Eve: who likes tea?\nme too");
    scene.house.settled().await;
    // What could not be delivered is quoted from the store.
    scene.c.script("C", Script::Fail(SendError::Permanent { reason: "no".into() }));
    scene.a.receive(message("a", "A", "m3", "coffee?")).await;
    let in_b = scene.b.wait_for("B", 2).await[1].id.clone();
    scene.house.settled().await;
    let mut answer = message("a", "A", "m4", "always");
    answer.message_mut().expect("a message").reply_to = MessageId::new("m3").ok();
    scene.a.receive(answer).await;
    let [b, c] = [scene.b.wait_for("B", 3).await, scene.c.wait_for("C", 2).await];
    assert_eq!((b[2].text.as_str(), b[2].reply_to.as_deref()), ("always", Some(in_b.as_str())));
    assert_eq!((c[1].text.as_str(), c[1].reply_to.as_deref()), ("> ann: coffee?\nalways", None));
}

#[tokio::test]
async fn what_a_platform_cannot_do_is_recorded_and_no_dead_letter() {
    let scene = Scene::open().await;
    let _copies = scene.say("m1", "hello").await;
    scene.a.receive(change("a", "A", "m1", reaction("unknown", true))).await;
    let tallies = scene.house.settled().await;
    assert_eq!((tallies.filtered, tallies.dead), (2, 0));
    let traces = scene.house.outbox.trace("m1").await.unwrap();
    let reasons: Vec<_> =
        traces.iter().flat_map(|trace| &trace.deliveries).filter_map(|to| to.reason.clone()).collect();
    assert_eq!(reasons, ["there is no such emoji here", "there is no such emoji here"]);
}

#[tokio::test]
async fn everybodys_reactions_are_taken_back_at_once() {
    let scene = Scene::open().await;
    let [in_b, _] = scene.say("m1", "hello").await;
    for emoji in ["👍", "🎉"] {
        scene.a.receive(change("a", "A", "m1", reaction(emoji, true))).await;
    }
    let mut all = change("a", "A", "m1", reaction("", false));
    all.author.id = String::new();
    scene.a.receive(all).await;
    let done = scene.b.wait_for("B", 5).await;
    let mut taken: Vec<_> = done[3..].iter().map(|done| done.text.clone()).collect();
    taken.sort();
    let gone = |emoji: &str| format!("REACT {in_b} -{emoji} ");
    assert!(taken.len() == 2 && taken[0].starts_with(&gone("🎉")) && taken[1].starts_with(&gone("👍")), "{taken:?}");
}

#[tokio::test]
async fn a_change_that_was_under_way_at_a_crash_is_made_again() {
    let scene = Scene::open().await;
    let [in_b, _] = scene.say("m1", "hello").await;
    scene.b.script("B", Script::ArriveThenWait(Arc::new(Notify::new())));
    scene.a.receive(edit("a", "A", "m1", "hullo")).await;
    scene.b.wait_for("B", 2).await;
    scene.b.script_reconcile(Ok(Reconciled::Missing));
    let scene = scene.restart().await;
    let all = scene.b.wait_for("B", 3).await;
    assert_eq!(all[2].text, format!("EDIT {in_b}: hullo"));
    assert_eq!(scene.house.settled().await.possible_duplicates, 0);
}

#[tokio::test]
async fn who_deletes_a_copy_has_no_say_where_no_rule_leads_from_there() {
    let rules =
        vec![rule("a", ("a", "A"), &[("b", "B"), ("c", "C")], "{msg}"), rule("b", ("b", "B"), &[("a", "A")], "{msg}")];
    let plan = plan(rules);
    let [a, b, c] =
        [("realm a", "a"), ("realm b", "b"), ("realm c", "c")].map(|(realm, id)| Scripted::in_realm(realm, id));
    let house = House::open(&plan, &[&a, &b, &c]).await;
    a.receive(message("a", "A", "m1", "hello")).await;
    let in_b = b.wait_for("B", 1).await[0].id.clone();
    let in_c = c.wait_for("C", 1).await[0].id.clone();
    house.settled().await;
    b.receive(change("b", "B", &in_b, Body::Delete)).await;
    assert_eq!(a.wait_for("A", 1).await[0].text, "DELETE m1");
    house.settled().await;
    assert_eq!(c.texts("C"), ["hello"]);
    // The original is gone now, and that is told.
    a.receive(change("a", "A", "m1", Body::Delete)).await;
    assert_eq!(c.wait_for("C", 2).await[1].text, format!("DELETE {in_c}"));
}

#[tokio::test]
async fn what_was_deleted_is_neither_said_nor_quoted_again() {
    let scene = Scene::open().await;
    let _copies = scene.say("m1", "a secret").await;
    scene.a.receive(change("a", "A", "m1", Body::Delete)).await;
    scene.house.settled().await;
    let mut answer = message("a", "A", "m2", "what was that?");
    answer.message_mut().expect("a message").reply_to = MessageId::new("m1").ok();
    scene.a.receive(answer).await;
    scene.house.settled().await;
    let said = scene.b.texts("B").pop().expect("the answer");
    assert_eq!(said, "what was that?");
}
