//! Commands in chat.

use std::sync::Arc;

use tieline_core::binding::Bindings as _;
use tieline_core::clock::Clock as _;
use tieline_core::event::{Authorship, Body, Event};
use tieline_core::outbox::{Accepted, Intake, Outbox as _, Routing};
use tieline_core::plan::Plan;

use crate::house::{House, Options};
use crate::scripted::{Scripted, SystemClock, message, plan, rule};

/// A workspace and a messenger, with a room of each joined.
fn joined() -> (Arc<Plan>, Arc<Scripted>, Arc<Scripted>) {
    let rules =
        vec![rule("there", ("rc", "R"), &[("wa", "W")], "{msg}"), rule("back", ("wa", "W"), &[("rc", "R")], "{msg}")];
    (plan(rules), Scripted::in_realm("workspace", "rc"), Scripted::in_realm("messenger", "wa"))
}

/// What a person says in the room of an instance.
fn says(instance: &str, id: &str, text: &str) -> Event {
    message(instance, if instance == "rc" { "R" } else { "W" }, id, text)
}

fn is_command(accepted: &Accepted) -> bool {
    matches!(accepted, Accepted::Filtered { reason, .. } if reason == "a command to tieline")
}

/// The code in an answer.
fn code(answer: &str) -> String {
    answer.split_once("confirm ").unwrap().1[..8].to_owned()
}

/// What `rc` answers to the command, which is the `count`th thing said there.
async fn answer(chat: &Scripted, event: Event, count: usize) -> String {
    let room = event.channel.to_string();
    let accepted = chat.receive(event).await;
    assert!(is_command(&accepted), "{accepted:?}");
    chat.wait_for(&room, count).await[count - 1].text.clone()
}

#[tokio::test]
async fn a_person_shows_to_have_two_accounts() {
    let (plan, rc, wa) = joined();
    let house = House::open(&plan, &[&rc, &wa]).await;
    let told = answer(&rc, says("rc", "r1", "/tie bind"), 1).await;
    assert!(told.starts_with("ann, ") && told.contains("/tie bind confirm "), "{told}");
    let code = code(&told);
    assert_eq!(answer(&rc, says("rc", "r2", "/tie bind list"), 2).await, "ann, this account is bound to no other");

    let confirmed = answer(&wa, says("wa", "w1", &format!("!tie bind confirm {}", code.to_lowercase())), 1).await;
    assert!(confirmed.starts_with("ann, you are ann on scripted (rc), too."), "{confirmed}");
    let warned = rc.wait_for("R", 3).await[2].text.clone();
    assert!(warned.starts_with("ann, your code was said by an account on scripted"), "{warned}");
    let list = answer(&wa, says("wa", "w2", "/tie bind list"), 2).await;
    assert_eq!(list, "ann, you are\nann on scripted (wa)\nann on scripted (rc)");
    let bound = house.outbox.bound_accounts("messenger", "u1").await.unwrap();
    assert_eq!(bound.iter().map(|account| &*account.realm).collect::<Vec<_>>(), ["messenger", "workspace"]);

    let elsewhere = answer(&rc, says("rc", "r3", "/tie bind remove dc"), 4).await;
    assert!(elsewhere.starts_with("ann, none of your accounts is there"), "{elsewhere}");
    let gone = answer(&rc, says("rc", "r4", "/tie bind remove wa"), 5).await;
    assert_eq!(gone, "ann, ann on scripted (wa) is not taken for you any more");
    assert!(house.outbox.bound_accounts("workspace", "u1").await.unwrap().is_empty());
    let none = answer(&rc, says("rc", "r5", "/tie bind remove"), 6).await;
    assert_eq!(none, "ann, this account is bound to no other");
    let tallies = house.settled().await;
    assert_eq!((tallies.delivered, tallies.filtered), (8, 7), "answers are delivered, commands go nowhere");
    assert_eq!((rc.texts("R").len(), wa.texts("W").len()), (6, 2), "no command is relayed");
}

#[tokio::test]
async fn nobody_sees_or_changes_anybody_elses_accounts() {
    let (plan, rc, wa) = joined();
    let house = House::open(&plan, &[&rc, &wa]).await;
    let code = code(&answer(&rc, says("rc", "r1", "/tie bind"), 1).await);
    answer(&wa, says("wa", "w1", &format!("/tie bind confirm {code}")), 1).await;
    rc.wait_for("R", 2).await;
    // The id is what counts: somebody else has a name that reads like it.
    for (id, username) in [("u2", "u1"), ("ann", "bob")] {
        let of_eve = |text: &str| {
            let mut event = says("rc", &format!("{id} {text}"), text);
            (event.author.id, event.author.username) = (id.into(), username.into());
            event
        };
        let before = rc.texts("R").len();
        let list = answer(&rc, of_eve("/tie bind list"), before + 1).await;
        let removed = answer(&rc, of_eve("/tie bind remove"), before + 2).await;
        let used = answer(&rc, of_eve(&format!("/tie bind confirm {code}")), before + 3).await;
        for told in [list, removed] {
            assert_eq!(told, format!("{username}, this account is bound to no other"));
        }
        assert!(used.contains("on this very server"), "{used}");
    }
    assert_eq!(house.outbox.bound_accounts("workspace", "u1").await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_command_that_comes_again_is_done_once() {
    let (plan, rc, wa) = joined();
    let house = House::open(&plan, &[&rc, &wa]).await;
    let event = says("rc", "r1", "/tie bind");
    let (one, other) = tokio::join!(rc.receive(event.clone()), rc.receive(event.clone()));
    assert!(is_command(&one) != is_command(&other), "{one:?} {other:?}");
    let told = rc.wait_for("R", 1).await[0].text.clone();
    let house = {
        let (rc, wa) = (Scripted::in_realm("workspace", "rc"), Scripted::in_realm("messenger", "wa"));
        let house = house.kill_and_enter(&plan, &[&rc, &wa]).await;
        assert!(matches!(rc.receive(event).await, Accepted::Repeat { .. }));
        let confirmed = answer(&wa, says("wa", "w1", &format!("/tie bind confirm {}", code(&told))), 1).await;
        assert!(confirmed.contains("you are ann"), "the first code stands: {confirmed}");
        assert_eq!(rc.wait_for("R", 1).await.len(), 1, "only the warning");
        house
    };
    house.settled().await;
}

#[tokio::test]
async fn a_command_whose_answer_is_on_disk_is_not_done_again() {
    let (plan, rc, wa) = joined();
    let house = House::open(&plan, &[&rc, &wa]).await;
    // The last process was killed before the command itself was committed.
    let answer = Intake {
        event: Arc::new(says("rc", "tieline notice to command r1", "the answer")),
        realm: "workspace".into(),
        target_names: Vec::new(),
        received: SystemClock.now(),
        routing: Routing::Filtered("it was said".into()),
        about: None,
    };
    house.outbox.accept(answer).await.unwrap();
    assert!(is_command(&rc.receive(says("rc", "r1", "/tie bind")).await));
    house.settled().await;
    assert!(rc.texts("R").is_empty(), "nothing is said twice");
}

#[tokio::test]
async fn what_only_looks_like_a_command_is_none() {
    let (plan, rc, wa) = joined();
    let house = House::open(&plan, &[&rc, &wa]).await;
    let by = |id: &str, kind| {
        let mut event = says("rc", id, "/tie bind");
        event.author.kind = kind;
        event
    };
    let nameless = {
        let mut event = says("rc", "m3", "/tie bind");
        event.author.id = String::new();
        event
    };
    let declined = {
        let mut event = says("rc", "m4", "/tie bind");
        event.author.alias = "declined".into();
        event
    };
    let edit = {
        let mut event = says("rc", "m5", "/tie bind");
        let Body::Message(message) = event.body else { unreachable!() };
        event.body = Body::Edit(message);
        event
    };
    let elsewhere = message("rc", "nowhere", "m6", "/tie bind");
    let events = [by("m1", Authorship::Bot), by("m2", Authorship::BotOrOurs), nameless, declined, edit, elsewhere];
    for event in events {
        let id = event.message_id.clone();
        let accepted = rc.receive(event).await;
        assert!(!is_command(&accepted), "{id}: {accepted:?}");
    }
    house.settled().await;
    assert!(rc.texts("R").is_empty(), "nothing is answered: {:?}", rc.texts("R"));
}

#[tokio::test]
async fn a_copy_of_ours_that_reads_like_a_command_is_none() {
    let rules = vec![
        rule("there", ("rc", "R"), &[("wa", "W")], "/tie {msg}"),
        rule("back", ("wa", "W"), &[("rc", "R")], "{msg}"),
    ];
    let (rc, wa) = (Scripted::in_realm("workspace", "rc"), Scripted::in_realm("messenger", "wa"));
    let house = House::open(&plan(rules), &[&rc, &wa]).await;
    rc.receive(says("rc", "r1", "bind")).await;
    let copy = wa.wait_for("W", 1).await.remove(0);
    assert_eq!(copy.text, "/tie bind");
    house.settled().await;
    let mut echo = says("wa", &copy.id, &copy.text);
    echo.author.kind = Authorship::PersonOrOurs;
    let accepted = wa.receive(echo).await;
    assert!(
        matches!(&accepted, Accepted::Filtered { reason, .. } if reason == "a copy that tieline sent"),
        "{accepted:?}"
    );
    house.settled().await;
    assert_eq!(wa.texts("W").len(), 1);
}

#[tokio::test]
async fn who_says_too_much_is_not_heard() {
    let (plan, rc, wa) = joined();
    let house = House::open(&plan, &[&rc, &wa]).await;
    for n in 0..10 {
        assert!(is_command(&rc.receive(says("rc", &format!("r{n}"), "/tie help")).await));
    }
    let accepted = rc.receive(says("rc", "r10", "/tie help")).await;
    assert!(matches!(&accepted, Accepted::Filtered { reason, .. } if reason.contains("too many")), "{accepted:?}");
    let mut other = says("rc", "r11", "/tie dance");
    other.author.id = "u2".into();
    assert!(is_command(&rc.receive(other).await), "others are");
    house.settled().await;
    let texts = rc.texts("R");
    assert_eq!(texts.len(), 11);
    assert!(texts[0].contains("/tie bind confirm CODE"), "{}", texts[0]);
    assert_eq!(texts[10], "ann, tieline has no such command; /tie help lists them all");
}

#[tokio::test]
async fn who_guesses_codes_must_wait() {
    let (plan, rc, wa) = joined();
    let house = House::open(&plan, &[&rc, &wa]).await;
    let code = code(&answer(&rc, says("rc", "r1", "/tie bind"), 1).await);
    for n in 1..=5 {
        let told = answer(&wa, says("wa", &format!("w{n}"), "/tie bind confirm AAAABBBB"), n).await;
        assert!(told.contains("no code that can be confirmed"), "{told}");
    }
    let told = answer(&wa, says("wa", "w6", &format!("/tie bind confirm {code}")), 6).await;
    assert!(told.starts_with("ann, too many codes were wrong. Try again in "), "{told}");
    assert!(house.outbox.bound_accounts("messenger", "u1").await.unwrap().is_empty());
}

#[tokio::test]
async fn the_word_can_be_another_one() {
    let (plan, rc, wa) = joined();
    let options = Options { command_prefix: "nb".into(), ..Options::default() };
    let house = House::open_with(&plan, &[&rc, &wa], options).await;
    let told = answer(&rc, says("rc", "r1", "/nb bind setup"), 1).await;
    assert!(told.contains("/nb bind confirm "), "{told}");
    assert!(!is_command(&rc.receive(says("rc", "r2", "/tie bind")).await));
    assert_eq!(wa.wait_for("W", 1).await[0].text, "/tie bind", "it is a message like any other");
    house.settled().await;
}

#[tokio::test]
async fn a_command_that_another_account_heard_first_is_done() {
    let (plan, rc, wa) = joined();
    // Sits in the same room, and has no rule there.
    let beside = Scripted::in_realm("workspace", "beside");
    let _house = House::open(&plan, &[&rc, &wa, &beside]).await;
    let heard = beside.receive(message("beside", "R", "r1", "/tie bind list")).await;
    assert!(matches!(heard, Accepted::Filtered { .. }) && !is_command(&heard), "{heard:?}");
    assert_eq!(answer(&rc, says("rc", "r1", "/tie bind list"), 1).await, "ann, this account is bound to no other");
}
