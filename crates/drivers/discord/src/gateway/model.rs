//! The machine against a model of the server, which behaves in every way that the manual allows, and some that it does
//! not.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};
use tieline_core::secret::Secret;
use url::Url;

use super::budget::Budget;
use super::close::{Verdict, judge};
use super::machine::Machine;
use super::moves::{Move, moves};
use super::payload::{Command, INTENTS, Word};
use super::signal::{Entrance, Input, Output};

const INTERVAL: Duration = Duration::from_secs(41);

/// How far a connection has come, as the server sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
    Down,
    Asked,
    Dialled,
    Open,
    /// Greeted, and told a wish that is to be answered.
    Wished {
        resume: Option<u64>,
    },
    Up,
}

#[expect(clippy::struct_excessive_bools, reason = "each is something of its own that may be so or not")]
pub(super) struct World {
    pub(super) machine: Machine,
    pub(super) now: Duration,
    pub(super) line: Line,
    /// The session of the server: its number, and that of its last event. `None`: there is none, or it was forgotten.
    session: Option<(u64, u64)>,
    sessions: u64,
    acknowledging: bool,
    listening: bool,
    /// The session that the client may resume, as far as it was told.
    resumable: bool,
    /// Whether the connection was dialled to resume it.
    pub(super) resuming: bool,
    /// Connections in a row that did not, although something else could be had.
    failed: u32,
    /// The number of the last event that came out, by session.
    handed: Option<u64>,
    /// The client's regular heartbeats that it must have missed an answer to.
    missed: u32,
    sent: Vec<Duration>,
    ended: Option<Duration>,
    pub(super) dials: Vec<Duration>,
    pub(super) identifies: Vec<Duration>,
}

impl World {
    pub(super) fn new() -> Self {
        Self {
            machine: Machine::new(Secret::new("T"), INTENTS, None, None, Budget::default(), Duration::ZERO),
            now: Duration::ZERO,
            line: Line::Down,
            session: None,
            sessions: 0,
            acknowledging: true,
            listening: true,
            resumable: false,
            resuming: false,
            failed: 0,
            handed: None,
            missed: 0,
            sent: Vec::new(),
            ended: None,
            dials: Vec::new(),
            identifies: Vec::new(),
        }
    }

    fn is_connected(&self) -> bool {
        matches!(self.line, Line::Open | Line::Wished { .. } | Line::Up)
    }

    fn tell(&mut self, input: Input, chance: f64) {
        let forced = input == Input::Said(Word::Heartbeat);
        for output in self.machine.step(self.now, input, chance) {
            self.take(output, forced);
        }
    }

    fn say(&mut self, word: Word, chance: f64) {
        self.tell(Input::Said(word), chance);
    }

    fn event(&mut self, kind: &str, seq: u64, data: Value, chance: f64) {
        self.say(Word::Dispatch { kind: kind.to_owned(), seq: Some(seq), data }, chance);
    }

    /// The connection is over, whoever ended it.
    fn down(&mut self) {
        if self.line != Line::Up && self.resuming {
            self.failed += 1;
        }
        self.line = Line::Down;
        self.ended = Some(self.now);
    }

    fn take(&mut self, output: Output, forced: bool) {
        match output {
            Output::Ask => {
                self.begins();
                self.line = Line::Asked;
            }
            Output::Dial(url) => {
                let resumes = url.path() == "/resume";
                if self.line != Line::Asked {
                    self.begins();
                }
                assert!(!resumes || self.resumable, "there is nothing to resume");
                self.resuming = resumes;
                self.dials.push(self.now);
                self.line = Line::Dialled;
            }
            Output::Send(command) => {
                assert!(self.is_connected(), "{command:?} is sent to nobody");
                self.sent.push(self.now);
                self.check_sendings();
                self.hear(&command, forced);
            }
            Output::Close(code) => {
                assert_eq!(code, 4000, "another code would end the session");
                assert!(self.is_connected(), "nothing is open");
                self.down();
            }
            Output::Event(dispatch) => {
                assert!(matches!(self.line, Line::Wished { .. } | Line::Up));
                let expected = self.handed.map_or(1, |last| last + 1);
                assert_eq!(dispatch.seq, Some(expected), "each event once, and in order");
                assert!(dispatch.session.is_some());
                self.handed = Some(expected);
            }
            Output::Ready | Output::Failing(_) => {}
        }
    }

    /// A try begins: not before its time.
    fn begins(&self) {
        assert_eq!(self.line, Line::Down, "one connection at a time");
        if let Some(ended) = self.ended {
            assert!(self.now.saturating_sub(ended) >= Duration::from_secs(1), "a dial right after an end");
        }
    }

    fn check_sendings(&self) {
        let lately =
            self.sent.iter().rev().take_while(|sent| self.now.saturating_sub(**sent) < Duration::from_mins(1)).count();
        assert!(lately <= 120, "{lately} payloads in a minute");
    }

    fn hear(&mut self, command: &Command, forced: bool) {
        match command {
            Command::Heartbeat { seq } => {
                assert_eq!(*seq, self.handed);
                if !forced && self.listening && !self.acknowledging {
                    self.missed += 1;
                    assert!(self.missed <= 1, "nobody acknowledged the last heartbeat");
                }
                if self.acknowledging && self.listening {
                    self.missed = 0;
                    self.say(Word::HeartbeatAck, 0.5);
                }
            }
            Command::Identify { .. } => {
                assert!(!self.resumable || self.failed >= 3, "the session can be resumed");
                if let Some(last) = self.identifies.last() {
                    assert!(
                        self.now.saturating_sub(*last) >= Duration::from_secs(5),
                        "Discord takes one in five seconds"
                    );
                }
                self.identifies.push(self.now);
                self.resumable = false;
                self.handed = None;
                self.line = Line::Wished { resume: None };
            }
            Command::Resume { seq, .. } => {
                assert!(self.resumable);
                assert_eq!(
                    Some(*seq),
                    self.handed,
                    "what was handed out is not asked for again, and nothing is left out"
                );
                self.line = Line::Wished { resume: Some(*seq) };
            }
        }
    }

    pub(super) fn play(&mut self, next: &Move, chance: f64) {
        // Nobody reads what the server says to the deaf.
        let heard = self.is_connected() && self.listening;
        match next {
            Move::Answer => self.answer(chance),
            Move::Refuse { credentials } if self.line == Line::Asked => {
                self.line = Line::Down;
                self.ended = None;
                let why = "unreachable".to_owned();
                self.tell(Input::NotTold { why, refused: *credentials }, chance);
                if self.line == Line::Down {
                    self.failed = 0;
                    self.ended = Some(self.now);
                }
            }
            Move::Refuse { .. } if self.line == Line::Dialled => {
                self.down();
                if !self.resuming {
                    self.failed = 0;
                }
                self.tell(Input::NotOpened("unreachable".to_owned()), chance);
            }
            Move::Event => {
                if let Some((_, last)) = &mut self.session {
                    *last += 1;
                    let last = *last;
                    if self.line == Line::Up && self.listening {
                        self.event("TYPING_START", last, Value::Null, chance);
                    }
                }
            }
            Move::Repeat if self.line == Line::Up && heard => {
                if let Some((_, last)) = self.session {
                    for seq in last.saturating_sub(2).max(1)..=last.min(self.handed.unwrap_or(0)) {
                        self.event("TYPING_START", seq, Value::Null, chance);
                    }
                }
            }
            Move::Cut if heard => self.end(None, chance),
            Move::Close(code) if heard => self.end(Some(*code), chance),
            Move::Reconnect if heard => self.say(Word::Reconnect, chance),
            Move::Invalidate(resumable) if heard => {
                if !resumable {
                    self.session = None;
                    self.resumable = false;
                }
                self.say(Word::InvalidSession { resumable: *resumable }, chance);
            }
            Move::Garble if heard => self.tell(Input::Garbled("garbled".to_owned()), chance),
            Move::WantHeartbeat if heard && self.line == Line::Up => self.say(Word::Heartbeat, chance),
            Move::Forget if self.line == Line::Down => self.session = None,
            Move::Acknowledging(does) => {
                self.acknowledging = *does;
                self.missed = 0;
            }
            Move::Listening(does) if *does != self.listening => {
                self.listening = *does;
                self.missed = 0;
                self.tell(if *does { Input::Listening } else { Input::Deaf }, chance);
                self.catch_up(chance);
            }
            Move::Pass(millis) => {
                let until = self.now + Duration::from_millis(*millis);
                self.now = self.machine.due().map_or(until, |due| until.min(due)).max(self.now);
                self.tell(Input::Due, chance);
            }
            Move::Wait => {
                if let Some(due) = self.machine.due() {
                    self.now = self.now.max(due);
                }
                self.tell(Input::Due, chance);
            }
            _ => {}
        }
    }

    fn end(&mut self, code: Option<u16>, chance: f64) {
        if judge(code) != Verdict::Resume {
            self.session = None;
            self.resumable = false;
        }
        self.down();
        self.tell(Input::Ended(code), chance);
    }

    /// What the server said meanwhile is read.
    fn catch_up(&mut self, chance: f64) {
        if self.line == Line::Up
            && self.listening
            && let Some((_, last)) = self.session
        {
            for seq in self.handed.unwrap_or(0) + 1..=last {
                self.event("TYPING_START", seq, Value::Null, chance);
            }
        }
    }

    fn answer(&mut self, chance: f64) {
        match self.line {
            Line::Asked => {
                let url = Url::parse("wss://gateway.example").unwrap();
                self.tell(Input::Told(Entrance { url, remaining: Some(1), reset_after: Duration::ZERO }), chance);
            }
            Line::Dialled => {
                self.line = Line::Open;
                self.sent.clear();
                self.missed = 0;
                self.tell(Input::Opened, chance);
            }
            Line::Open if self.listening => {
                self.say(Word::Hello { heartbeat_interval: INTERVAL.as_millis() as u64 }, chance);
            }
            Line::Wished { resume: None } if self.listening => {
                self.sessions += 1;
                self.session = Some((self.sessions, 1));
                self.resumable = true;
                self.failed = 0;
                self.line = Line::Up;
                let ready = json!({
                    "session_id": self.sessions.to_string(), "resume_gateway_url": "wss://gateway.example/resume",
                });
                self.event("READY", 1, ready, chance);
            }
            Line::Wished { resume: Some(seq) } if self.listening => match self.session {
                None => {
                    self.resumable = false;
                    self.say(Word::InvalidSession { resumable: false }, chance);
                }
                Some((number, last)) => {
                    for missed in seq + 1..=last {
                        self.event("TYPING_START", missed, Value::Null, chance);
                    }
                    self.session = Some((number, last + 1));
                    self.failed = 0;
                    self.line = Line::Up;
                    self.event("RESUMED", last + 1, Value::Null, chance);
                }
            },
            Line::Down | Line::Up | Line::Open | Line::Wished { .. } => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]
    #[test]
    fn whatever_the_server_does_the_rules_are_kept(
        moves in proptest::collection::vec((moves(), 0.0_f64..1.0), 1..200)
    ) {
        let mut world = World::new();
        for (next, chance) in &moves {
            world.play(next, *chance);
        }
        // Whatever happened, a server that behaves well from now on is heard again, and completely.
        world.play(&Move::Listening(true), 0.5);
        world.play(&Move::Acknowledging(true), 0.5);
        for _ in 0..60 {
            if world.line == Line::Up {
                break;
            }
            world.play(&Move::Answer, 0.5);
            if matches!(world.line, Line::Down) {
                world.play(&Move::Wait, 0.5);
            }
        }
        prop_assert_eq!(world.line, Line::Up);
        world.play(&Move::Event, 0.5);
        prop_assert_eq!(world.handed, world.session.map(|(_, last)| last));
    }
}
