//! The machine, case by case.

use std::time::Duration;

use serde_json::json;
use tieline_core::secret::Secret;

use super::machine::Machine;
use super::signal::{Dispatch, Input, Output, Wanted, What};
use super::word::{CallError, Changed, Command, MESSAGES, USER, Word};

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn wanted(rooms: &[&str]) -> Wanted {
    Wanted { every: false, rooms: rooms.iter().map(|room| (*room).to_owned()).collect() }
}

fn subs(out: &[Output]) -> Vec<(u64, &str)> {
    let subs = out.iter().filter_map(|output| match output {
        Output::Send(Command::Sub { id, key, .. }) => Some((*id, key.as_str())),
        _ => None,
    });
    subs.collect()
}

fn began(session: u64, rooms: &[&str]) -> Output {
    let rooms = rooms.iter().map(|room| (*room).to_owned()).collect();
    Output::Event(Dispatch { session, what: What::Began { rooms, every: false } })
}

/// Brings it to where the rooms are looked up.
fn listing(machine: &mut Machine, now: Duration) {
    let due = machine.due().expect("it wants to dial").max(now);
    assert!(matches!(machine.step(due, Input::Due, 0.0)[..], [Output::AskToken { .. }]));
    assert_eq!(machine.step(due, Input::Token(Secret::new("t")), 0.0), [Output::Dial]);
    assert_eq!(machine.step(due, Input::Opened, 0.0), [Output::Send(Command::Connect)]);
    let login = machine.step(due, Input::Said(Word::Connected), 0.0);
    assert_eq!(login, [Output::Send(Command::Login(Secret::new("t")))]);
    let out = machine.step(due, Input::Said(Word::Result(Ok("me".to_owned()))), 0.0);
    assert_eq!(subs(&out).len(), 1);
    assert_eq!(out.last(), Some(&Output::List));
}

/// Brings it to life with these rooms. Returns what it said when it came to life.
fn live(machine: &mut Machine, now: Duration, rooms: &[&str]) -> Vec<Output> {
    listing(machine, now);
    let out = machine.step(now, Input::Listed(wanted(rooms)), 0.0);
    let mut ids: Vec<u64> = subs(&out).into_iter().map(|(id, _)| id).collect();
    // The first is that of the memberships.
    ids.insert(0, ids.first().map_or(1, |first| first - 1));
    machine.step(now, Input::Said(Word::Ready(ids)), 0.0)
}

#[test]
fn a_room_begins_when_all_that_it_tells_is_subscribed_to() {
    let mut machine = Machine::new(false);
    listing(&mut machine, at(0));
    let out = machine.step(at(0), Input::Listed(wanted(&["A"])), 0.0);
    let wanted = [(2, "A"), (3, "A/deleteMessage"), (4, "A/deleteMessageBulk"), (5, "A/user-activity")];
    assert_eq!(subs(&out), wanted);
    assert_eq!(machine.step(at(1), Input::Said(Word::Ready(vec![1, 2, 4])), 0.0), []);
    let early = Changed { stream: MESSAGES.to_owned(), key: "A".to_owned(), args: Vec::new() };
    let told = machine.step(at(1), Input::Said(Word::Changed(early.clone())), 0.0);
    assert_eq!(told, [Output::Event(Dispatch { session: 1, what: What::Changed(early) })]);
    assert_eq!(machine.step(at(1), Input::Said(Word::Ready(vec![3])), 0.0), [Output::Ready, began(1, &["A"])]);
    assert_eq!(machine.step(at(1), Input::Said(Word::Ready(vec![3])), 0.0), [], "once");
}

#[test]
fn a_room_that_is_refused_does_not_hold_up_the_others() {
    let mut machine = Machine::new(false);
    listing(&mut machine, at(0));
    machine.step(at(0), Input::Listed(wanted(&["A", "B"])), 0.0);
    machine.step(at(0), Input::Said(Word::Ready(vec![1, 6, 7, 8])), 0.0);
    let out = machine.step(at(0), Input::Said(Word::NoSub { id: 2, why: "no".to_owned() }), 0.0);
    assert!(matches!(&out[..], [.., Output::Ready, _]) && out.contains(&began(1, &["B"])), "{out:?}");
    assert!(out.iter().any(|output| matches!(output, Output::Unheard { room, .. } if room == "A")));
    // It is invited, and what was refused is asked for once more.
    let inserted = vec![json!("inserted"), json!({ "rid": "A" })];
    let joined = Changed { stream: USER.to_owned(), key: "me/subscriptions-changed".to_owned(), args: inserted };
    let out = machine.step(at(1), Input::Said(Word::Changed(joined)), 0.0);
    let ids: Vec<u64> = subs(&out).into_iter().map(|(id, _)| id).collect();
    assert_eq!(machine.step(at(1), Input::Said(Word::Ready(ids)), 0.0), [began(1, &["A"])]);
}

#[test]
fn a_stranger_hears_a_public_room_without_its_deletions() {
    let mut machine = Machine::new(false);
    listing(&mut machine, at(0));
    machine.step(at(0), Input::Listed(wanted(&["A"])), 0.0);
    machine.step(at(0), Input::Said(Word::Ready(vec![1, 2])), 0.0);
    let out = machine.step(at(0), Input::Said(Word::NoSub { id: 3, why: "no".to_owned() }), 0.0);
    let unsub = Output::Send(Command::Unsub(4));
    assert_eq!(out, [Output::DeletionsUnheard { room: "A".to_owned() }, unsub, Output::Ready, began(1, &["A"])]);
    assert_eq!(machine.step(at(0), Input::Said(Word::NoSub { id: 4, why: "no".to_owned() }), 0.0), []);
}

#[test]
fn silence_is_asked_about_and_then_ends_the_connection() {
    let mut machine = Machine::new(false);
    live(&mut machine, at(0), &["A"]);
    assert_eq!(machine.due(), Some(at(25)));
    assert_eq!(machine.step(at(25), Input::Due, 0.0), [Output::Send(Command::Ping)]);
    machine.step(at(26), Input::Said(Word::Other), 0.0);
    assert_eq!(machine.due(), Some(at(51)));
    assert_eq!(machine.step(at(51), Input::Due, 0.0), [Output::Send(Command::Ping)]);
    assert_eq!(machine.step(at(76), Input::Due, 0.0), [Output::Send(Command::Ping)]);
    assert_eq!(machine.step(at(86), Input::Due, 0.0), [Output::Close]);
    assert_eq!(machine.due(), Some(at(87)), "it is dialled again soon");
}

#[test]
fn whoever_does_not_listen_hears_no_sign_of_life() {
    let mut machine = Machine::new(false);
    live(&mut machine, at(0), &["A"]);
    machine.step(at(1), Input::Deaf, 0.0);
    for now in [25, 50, 75, 100] {
        assert_eq!(machine.step(at(now), Input::Due, 0.0), [Output::Send(Command::Ping)], "{now}");
    }
    machine.step(at(110), Input::Listening, 0.0);
    machine.step(at(135), Input::Due, 0.0);
    machine.step(at(160), Input::Due, 0.0);
    assert_eq!(machine.step(at(170), Input::Due, 0.0), [Output::Close]);
}

#[test]
fn a_ping_is_answered_with_its_id() {
    let mut machine = Machine::new(false);
    live(&mut machine, at(0), &[]);
    let id = Some(json!("7"));
    assert_eq!(machine.step(at(1), Input::Said(Word::Ping(id.clone())), 0.0), [Output::Send(Command::Pong(id))]);
}

#[test]
fn a_token_that_expired_is_renewed_once_and_a_wrong_one_waits() {
    let refused = || {
        let error = CallError { credentials: true, wait: None, why: "logged out".to_owned() };
        Input::Said(Word::Result(Err(error)))
    };
    let attempt = |machine: &mut Machine, renews: bool| {
        let now = machine.due().expect("it dials");
        assert_eq!(machine.step(now, Input::Due, 0.0), [Output::AskToken { renew: renews }]);
        machine.step(now, Input::Token(Secret::new("t")), 0.0);
        machine.step(now, Input::Opened, 0.0);
        machine.step(now, Input::Said(Word::Connected), 0.0);
        (machine.step(now, refused(), 0.0), machine.due().expect("it dials").saturating_sub(now))
    };
    let mut machine = Machine::new(true);
    assert_eq!(attempt(&mut machine, false), (vec![Output::Close], at(1)));
    let (out, wait) = attempt(&mut machine, true);
    assert!(matches!(&out[..], [Output::Close, Output::Failing(_)]) && wait >= at(10), "{out:?} {wait:?}");
    let mut machine = Machine::new(false);
    let mut waits = Vec::new();
    for _ in 0..8 {
        waits.push(attempt(&mut machine, false).1);
    }
    assert!(waits.is_sorted() && waits[0] >= at(10) && waits[7] <= at(300), "{waits:?}");
}

#[test]
fn a_limit_is_waited_for() {
    let mut machine = Machine::new(false);
    machine.step(at(0), Input::Due, 0.0);
    machine.step(at(0), Input::Token(Secret::new("t")), 0.0);
    machine.step(at(0), Input::Opened, 0.0);
    machine.step(at(0), Input::Said(Word::Connected), 0.0);
    let error = CallError { credentials: false, wait: Some(at(40)), why: "slow down".to_owned() };
    machine.step(at(0), Input::Said(Word::Result(Err(error))), 0.0);
    assert_eq!(machine.due(), Some(at(40)));
}

#[test]
fn rules_that_change_change_what_is_subscribed_to() {
    let mut machine = Machine::new(false);
    live(&mut machine, at(0), &["A", "B"]);
    let out = machine.step(at(1), Input::Wanted(wanted(&["B", "C"])), 0.0);
    let unsubscribed = out.iter().filter(|output| matches!(output, Output::Send(Command::Unsub(_)))).count();
    let keys: Vec<_> = subs(&out).into_iter().map(|(_, key)| key).collect();
    assert_eq!((unsubscribed, keys), (4, vec!["C", "C/deleteMessage", "C/deleteMessageBulk", "C/user-activity"]));
    let every = Wanted { every: true, ..wanted(&["B"]) };
    assert_eq!(machine.step(at(2), Input::Wanted(every), 0.0), [Output::Close], "another stream is needed");
}

#[test]
fn it_says_that_somebody_types_while_it_lives_and_waits_for_no_word_of_who_does() {
    let mut machine = Machine::new(false);
    let typing = || Input::Typing { room: "A".to_owned(), username: "bot".to_owned() };
    assert_eq!(machine.step(at(0), typing(), 0.0), []);
    listing(&mut machine, at(0));
    machine.step(at(0), Input::Listed(wanted(&["A"])), 0.0);
    let out = machine.step(at(0), Input::Said(Word::Ready(vec![1, 2, 3, 4])), 0.0);
    assert_eq!(out, [Output::Ready, began(1, &["A"])]);
    assert_eq!(machine.step(at(0), Input::Said(Word::NoSub { id: 5, why: "no".to_owned() }), 0.0), []);
    let said = machine.step(at(1), typing(), 0.0);
    assert_eq!(said, [Output::Send(Command::Typing { room: "A".to_owned(), username: "bot".to_owned() })]);
}

#[test]
fn a_session_without_rooms_lives_too() {
    let mut machine = Machine::new(false);
    assert_eq!(live(&mut machine, at(0), &[]), [Output::Ready, began(1, &[])]);
    assert_eq!(machine.step(at(1), Input::Stop, 0.0), [Output::Close]);
    assert_eq!(machine.due(), None);
}
