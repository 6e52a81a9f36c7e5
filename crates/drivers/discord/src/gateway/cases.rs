//! Single things that the machine must do.

use std::sync::Arc;
use std::time::Duration;

use tieline_core::secret::Secret;
use url::Url;

use super::budget::Budget;
use super::machine::Machine;
use super::model::{Line, World};
use super::moves::Move;
use super::payload::{Command, Session, Word};
use super::signal::{Entrance, Input, Output};

/// What the machine does when every dial comes to this end, in an hour.
fn hour_of(end: impl Fn(&mut World)) -> World {
    let mut world = World::new();
    let mut steps = 0;
    while world.now < Duration::from_hours(1) {
        steps += 1;
        assert!(steps < 10_000, "time does not pass");
        match world.line {
            Line::Down => world.play(&Move::Wait, 0.0),
            Line::Asked => world.play(&Move::Answer, 0.0),
            _ => end(&mut world),
        }
    }
    world
}

#[test]
fn no_end_makes_a_storm() {
    let refused = hour_of(|world| world.play(&Move::Refuse { credentials: false }, 0.0));
    // 1, 2, 4 … 32 s, and then each 48 s.
    assert!((70..85).contains(&refused.dials.len()), "{}", refused.dials.len());
    let closed = hour_of(|world| match world.line {
        Line::Dialled => world.play(&Move::Answer, 0.0),
        _ => world.play(&Move::Close(4000), 0.0),
    });
    assert!((70..85).contains(&closed.dials.len()), "{}", closed.dials.len());
    let short = hour_of(|world| match world.line {
        Line::Up => world.play(&Move::Cut, 0.0),
        _ => world.play(&Move::Answer, 0.0),
    });
    assert!((70..85).contains(&short.dials.len()), "{}", short.dials.len());
    assert_eq!(short.identifies.len(), 1, "it was resumed each time");
    for code in [4004, 4014] {
        let forbidden = hour_of(|world| match world.line {
            Line::Wished { .. } => world.play(&Move::Close(code), 0.0),
            _ => world.play(&Move::Answer, 0.0),
        });
        assert!((15..25).contains(&forbidden.identifies.len()), "10 s up to 5 min: {}", forbidden.identifies.len());
    }
}

#[test]
fn a_session_of_the_last_process_is_resumed_where_it_said() {
    let resume_at = Some(Url::parse("ws://there/resume?a=b").unwrap());
    let session = Arc::new(Session { id: "S".to_owned(), resume_at });
    let mut machine =
        Machine::new(Secret::new("T"), 7, None, Some((Arc::clone(&session), 7)), Budget::default(), Duration::ZERO);
    assert_eq!(machine.due(), Some(Duration::ZERO));
    let url = Url::parse("ws://there/resume?v=10&encoding=json&compress=zlib-stream&a=b").unwrap();
    assert_eq!(machine.step(Duration::ZERO, Input::Due, 0.5), [Output::Dial(url)]);
    assert_eq!(machine.step(Duration::ZERO, Input::Opened, 0.5), []);
    let hello = Input::Said(Word::Hello { heartbeat_interval: 1000 });
    let resume = Command::Resume { token: Secret::new("T"), session, seq: 7 };
    assert_eq!(machine.step(Duration::ZERO, hello, 0.5), [Output::Send(resume)]);
    assert_eq!(machine.due(), Some(Duration::from_millis(500)));
    let stopped = machine.step(Duration::from_millis(1), Input::Stop, 0.5);
    assert_eq!((stopped, machine.due()), (vec![Output::Close(4000)], None));
}

#[test]
fn a_server_that_counts_anew_when_it_resumes_is_heard_on() {
    let session = Arc::new(Session { id: "S".to_owned(), resume_at: Some(Url::parse("ws://there/resume").unwrap()) });
    let cursor = Some((session, 500));
    let mut machine = Machine::new(Secret::new("T"), 7, None, cursor, Budget::default(), Duration::ZERO);
    let mut told = |input: Input| {
        let numbers = machine.step(Duration::ZERO, input, 0.5).into_iter().filter_map(|output| match output {
            Output::Event(dispatch) => dispatch.seq,
            _ => None,
        });
        numbers.collect::<Vec<_>>()
    };
    let event = |kind: &str, seq: u64| {
        Input::Said(Word::Dispatch { kind: kind.to_owned(), seq: Some(seq), data: serde_json::Value::Null })
    };
    for input in [Input::Due, Input::Opened, Input::Said(Word::Hello { heartbeat_interval: 1000 })] {
        told(input);
    }
    assert_eq!(told(event("TYPING_START", 499)), [0_u64; 0], "a replay of what is known");
    assert_eq!(told(event("RESUMED", 3)), [3]);
    assert_eq!(told(event("TYPING_START", 4)), [4]);
    assert_eq!(told(event("TYPING_START", 4)), [0_u64; 0], "once");
}

/// A world whose session has begun.
fn live() -> World {
    let mut world = World::new();
    world.play(&Move::Wait, 0.5);
    for _ in ["the API", "the dial", "the greeting", "the wish"] {
        world.play(&Move::Answer, 0.5);
    }
    assert_eq!(world.line, Line::Up);
    world
}

fn said(world: &mut World, input: Input) -> Vec<Output> {
    world.machine.step(world.now, input, 0.5)
}

#[test]
fn an_ordinary_reconnect_is_not_told_and_a_failed_dial_is() {
    let mut world = live();
    assert_eq!(said(&mut world, Input::Said(Word::Reconnect)), [Output::Close(4000)]);
    world.now = world.machine.due().unwrap();
    assert!(matches!(&said(&mut world, Input::Due)[..], [Output::Dial(_)]));
    let failed = said(&mut world, Input::NotOpened("connection refused".to_owned()));
    let told = "Discord's gateway cannot be reached: connection refused".to_owned();
    assert_eq!(failed, [Output::Failing(told)]);
    world.now = world.machine.due().unwrap();
    said(&mut world, Input::Due);
    assert_eq!(said(&mut world, Input::NotOpened("connection refused".to_owned())), [], "it is known");
}

#[test]
fn when_no_identify_is_left_it_waits_as_long_as_discord_says() {
    let mut world = World::new();
    assert_eq!(said(&mut world, Input::Due), [Output::Ask]);
    let entrance = Entrance {
        url: Url::parse("wss://gateway.example").unwrap(),
        remaining: Some(0),
        reset_after: Duration::from_hours(3),
    };
    let told = said(&mut world, Input::Told(entrance));
    assert!(matches!(&told[..], [Output::Failing(why)] if why.contains("180 minutes")), "{told:?}");
    assert_eq!(world.machine.due(), Some(Duration::from_hours(3)));
    assert_eq!(said(&mut world, Input::Due), [], "not yet");
    world.now = Duration::from_hours(3);
    assert_eq!(said(&mut world, Input::Due), [Output::Ask]);
}

#[test]
fn a_server_that_wants_many_heartbeats_gets_no_more_than_discord_takes() {
    let mut world = live();
    for _ in 0..500 {
        world.play(&Move::WantHeartbeat, 0.5);
    }
    assert_eq!(world.line, Line::Up);
    for _ in 0..500 {
        world.play(&Move::Wait, 0.5);
        world.play(&Move::WantHeartbeat, 0.5);
    }
    assert_eq!(world.line, Line::Up, "and it is not taken for dead");
}

#[test]
fn a_gateway_that_keeps_silent_is_left() {
    let mut world = World::new();
    world.play(&Move::Wait, 0.5);
    for _ in ["the API", "the dial"] {
        world.play(&Move::Answer, 0.5);
    }
    assert_eq!(world.line, Line::Open);
    world.play(&Move::Wait, 0.5);
    assert_eq!(world.line, Line::Down);
}

#[test]
fn whoever_does_not_acknowledge_a_heartbeat_is_left_at_the_next() {
    let mut world = live();
    world.play(&Move::Wait, 0.5);
    assert_eq!(world.line, Line::Up, "it was acknowledged");
    world.play(&Move::Acknowledging(false), 0.5);
    world.play(&Move::Wait, 0.5);
    assert_eq!(world.line, Line::Up, "the acknowledgement may be on its way");
    world.play(&Move::Wait, 0.5);
    assert_eq!(world.line, Line::Down);
}

#[test]
fn an_acknowledgement_that_waits_unread_is_not_missed() {
    let mut world = live();
    world.play(&Move::Acknowledging(false), 0.5);
    world.play(&Move::Wait, 0.5);
    world.play(&Move::Listening(false), 0.5);
    world.play(&Move::Pass(1000), 0.5);
    world.play(&Move::Listening(true), 0.5);
    world.play(&Move::Wait, 0.5);
    assert_eq!(world.line, Line::Up, "nobody has looked yet");
    world.play(&Move::Wait, 0.5);
    assert_eq!(world.line, Line::Down, "somebody has");
}

#[test]
fn a_session_is_given_up_only_for_another_that_can_be_had() {
    let mut world = live();
    let refuse = |world: &mut World| world.play(&Move::Refuse { credentials: false }, 0.5);
    let resumed_in_vain = |world: &mut World| {
        for _ in 0..3 {
            world.play(&Move::Wait, 0.5);
            assert!(world.line == Line::Dialled && world.resuming);
            refuse(world);
        }
        world.play(&Move::Wait, 0.5);
        assert_eq!(world.line, Line::Asked, "where else");
    };
    world.play(&Move::Cut, 0.5);
    resumed_in_vain(&mut world);
    refuse(&mut world);
    assert!(world.line == Line::Dialled && !world.resuming, "where the gateway was before");
    refuse(&mut world);
    resumed_in_vain(&mut world);
    for _ in ["the API", "the dial", "the greeting", "the wish"] {
        world.play(&Move::Answer, 0.5);
    }
    assert_eq!((world.line, world.identifies.len()), (Line::Up, 2));
}
