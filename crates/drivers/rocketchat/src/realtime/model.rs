//! The machine against a model of the server, by whatever may happen.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;
use serde_json::json;
use tieline_core::secret::Secret;

use super::machine::{DEAD, Machine, PING};
use super::signal::{Dispatch, Input, Output, Wanted, What};
use super::word::{CallError, Changed, Command, MESSAGES, ROOM, USER, Word};

/// What the world does next.
#[derive(Debug, Clone)]
enum Move {
    /// What was asked for is answered: the token, the dial, the login, the rooms, one subscription.
    Answer,
    /// It fails.
    Refuse,
    /// Something is said in a room.
    Event(usize),
    /// The bot joins or leaves a room.
    Member(usize, bool),
    /// The rules name these rooms.
    Rules(BTreeSet<usize>),
    Cut,
    Behind,
    Listening(bool),
    Ping,
    /// So many milliseconds pass, at most until something is due.
    Pass(u64),
    /// Time passes until something is due.
    Wait,
}

fn moves() -> impl Strategy<Value = Move> {
    prop_oneof![
        14 => Just(Move::Answer),
        1 => Just(Move::Refuse),
        4 => (0_usize..4).prop_map(Move::Event),
        1 => (0_usize..4, any::<bool>()).prop_map(|(room, joined)| Move::Member(room, joined)),
        1 => proptest::collection::btree_set(0_usize..4, 0..4).prop_map(Move::Rules),
        1 => Just(Move::Cut),
        1 => Just(Move::Behind),
        1 => any::<bool>().prop_map(Move::Listening),
        1 => Just(Move::Ping),
        2 => (0_u64..90_000).prop_map(Move::Pass),
        4 => Just(Move::Wait),
    ]
}

/// The other side, and what it has seen of the machine.
struct World {
    machine: Machine,
    now: Duration,
    /// What was asked for and is not answered.
    asked: Vec<Asked>,
    open: bool,
    connected: bool,
    wanted: Wanted,
    subs: BTreeMap<u64, String>,
    answered: BTreeSet<u64>,
    session: u64,
    begun: BTreeSet<String>,
    heard_at: Duration,
    deaf: bool,
    lost_at: Option<Duration>,
}

#[derive(Debug, Clone, PartialEq)]
enum Asked {
    Token,
    Dial,
    Connect,
    Login,
    List,
    Sub(u64),
}

fn room(number: usize) -> String {
    format!("R{number}")
}

impl World {
    fn new() -> Self {
        Self {
            machine: Machine::new(false),
            now: Duration::ZERO,
            asked: Vec::new(),
            open: false,
            connected: false,
            wanted: Wanted { every: false, rooms: BTreeSet::from([room(0), room(1)]) },
            subs: BTreeMap::new(),
            answered: BTreeSet::new(),
            session: 0,
            begun: BTreeSet::new(),
            heard_at: Duration::ZERO,
            deaf: false,
            lost_at: None,
        }
    }

    fn lose(&mut self) {
        self.open = false;
        self.connected = false;
        self.asked.clear();
        self.subs.clear();
        self.answered.clear();
        self.lost_at = Some(self.now);
    }

    fn tell(&mut self, input: Input) {
        if let Input::Said(_) = input {
            self.heard_at = self.now;
        }
        let due = matches!(input, Input::Due);
        for output in self.machine.step(self.now, input, 0.5) {
            self.watch(output, due);
        }
    }

    fn watch(&mut self, output: Output, due: bool) {
        match output {
            Output::AskToken { .. } => {
                assert!(!self.open && self.asked.is_empty(), "one connection at a time: {:?}", self.asked);
                if let Some(lost) = self.lost_at {
                    assert!(self.now >= lost + Duration::from_secs(1), "the back-off is kept");
                }
                self.asked.push(Asked::Token);
            }
            Output::Dial => self.asked.push(Asked::Dial),
            Output::List => self.asked.push(Asked::List),
            Output::Send(command) => {
                assert!(self.open, "{command:?} over no connection");
                match command {
                    Command::Connect => self.asked.push(Asked::Connect),
                    Command::Login(_) => self.asked.push(Asked::Login),
                    Command::Sub { id, key, .. } => {
                        assert!(self.connected);
                        assert!(self.subs.values().all(|other| *other != key), "{key} is subscribed to twice");
                        self.subs.insert(id, key);
                        self.asked.push(Asked::Sub(id));
                    }
                    Command::Unsub(id) => {
                        assert!(self.subs.remove(&id).is_some());
                        self.asked.retain(|asked| *asked != Asked::Sub(id));
                        let subs = &self.subs;
                        self.begun.retain(|room| subs.values().any(|key| key == room));
                    }
                    Command::Ping => assert!(self.now >= self.heard_at + PING, "it asks only where there is silence"),
                    Command::Pong(_) | Command::Typing { .. } => {}
                }
            }
            Output::Close => {
                if due && self.connected && self.asked.is_empty() {
                    assert!(!self.deaf && self.now >= self.heard_at + DEAD, "it lives");
                }
                self.lose();
            }
            Output::Event(Dispatch { session, what }) => {
                if session != self.session {
                    assert!(session > self.session);
                    self.session = session;
                    self.begun.clear();
                }
                if let What::Began { rooms, .. } = what {
                    for room in rooms {
                        let of_room = |key: &&String| {
                            key.split('/').next() == Some(room.as_str()) && !key.ends_with("/user-activity")
                        };
                        let ready =
                            |key: &str| self.subs.iter().any(|(id, one)| one == key && self.answered.contains(id));
                        assert!(ready(&room), "{room} begins without its messages");
                        let open = self.subs.iter().filter(|(id, _)| !self.answered.contains(*id));
                        assert!(!open.map(|(_, key)| key).any(|key| of_room(&key)), "{room} is not all subscribed to");
                        assert!(self.begun.insert(room.clone()), "{room} begins twice");
                    }
                }
            }
            Output::Membership(_)
            | Output::Unheard { .. }
            | Output::DeletionsUnheard { .. }
            | Output::Ready
            | Output::Failing(_) => {}
        }
    }

    fn answer(&mut self, well: bool) {
        if self.asked.is_empty() || (self.deaf && self.open) {
            return;
        }
        let asked = self.asked.remove(0);
        let why = || "no".to_owned();
        let input = match (asked, well) {
            (Asked::Token, true) => Input::Token(Secret::new("t")),
            (Asked::Token, false) => self.fails(Input::NoToken { why: why(), refused: false }),
            (Asked::Dial, true) => {
                self.open = true;
                self.heard_at = self.now;
                Input::Opened
            }
            (Asked::Dial, false) => self.fails(Input::NotOpened(why())),
            (Asked::Connect, true) => Input::Said(Word::Connected),
            (Asked::Connect, false) => Input::Said(Word::Unsupported),
            (Asked::Login, true) => {
                self.connected = true;
                Input::Said(Word::Result(Ok("me".to_owned())))
            }
            (Asked::Login, false) => {
                let error = CallError { credentials: true, wait: None, why: why() };
                Input::Said(Word::Result(Err(error)))
            }
            (Asked::List, true) => Input::Listed(self.wanted.clone()),
            (Asked::List, false) => Input::NotListed(why()),
            (Asked::Sub(id), true) => {
                self.answered.insert(id);
                Input::Said(Word::Ready(vec![id]))
            }
            (Asked::Sub(id), false) => {
                self.subs.remove(&id);
                Input::Said(Word::NoSub { id, why: why() })
            }
        };
        self.tell(input);
    }

    fn fails(&mut self, input: Input) -> Input {
        self.lose();
        input
    }

    fn says(&mut self, stream: &str, key: String, args: Vec<serde_json::Value>) {
        if self.open && !self.deaf {
            let changed = Changed { stream: stream.to_owned(), key, args };
            self.tell(Input::Said(Word::Changed(changed)));
        }
    }

    fn happens(&mut self, what: Move) {
        match what {
            Move::Answer => self.answer(true),
            Move::Refuse => self.answer(false),
            Move::Event(number) => {
                self.says(MESSAGES, room(number), vec![json!({ "_id": "m" })]);
                self.says(ROOM, format!("{}/deleteMessage", room(number)), vec![json!({ "_id": "m" })]);
            }
            Move::Member(number, joined) => {
                let how = if joined { "inserted" } else { "removed" };
                if self.connected {
                    let args = vec![json!(how), json!({ "rid": room(number) })];
                    self.says(USER, "me/subscriptions-changed".to_owned(), args);
                }
            }
            Move::Rules(rooms) => {
                self.wanted = Wanted { every: false, rooms: rooms.into_iter().map(room).collect() };
                // While the rooms are looked up, nobody has said yet what is wanted.
                if self.connected && !self.asked.contains(&Asked::List) {
                    self.tell(Input::Wanted(self.wanted.clone()));
                }
            }
            Move::Cut if self.open => {
                self.lose();
                self.tell(Input::Ended(None));
            }
            Move::Behind => self.tell(Input::Behind("no".to_owned())),
            Move::Listening(listening) => {
                if self.deaf == listening {
                    self.deaf = !listening;
                    if listening {
                        self.heard_at = self.now;
                    }
                    self.tell(if listening { Input::Listening } else { Input::Deaf });
                }
            }
            Move::Ping if self.open && !self.deaf => self.tell(Input::Said(Word::Ping(None))),
            Move::Pass(millis) => self.pass(Duration::from_millis(millis)),
            Move::Wait => self.pass(Duration::MAX),
            Move::Cut | Move::Ping => {}
        }
    }

    fn pass(&mut self, longest: Duration) {
        let Some(due) = self.machine.due() else { return };
        let then = self.now.saturating_add(longest);
        self.now = self.now.max(due.min(then));
        if self.now >= due {
            self.tell(Input::Due);
            assert!(self.machine.due().is_none_or(|due| due > self.now), "it is not due over and over");
        }
    }
}

proptest! {
    #[test]
    fn it_keeps_its_promises_whatever_happens(moves in proptest::collection::vec(moves(), 0..400)) {
        let mut world = World::new();
        for what in moves {
            world.happens(what);
        }
        // When all goes well from here on, every room that rules name is heard.
        world.happens(Move::Listening(true));
        for _ in 0..200 {
            world.happens(if world.asked.is_empty() { Move::Wait } else { Move::Answer });
        }
        world.happens(Move::Cut);
        while !world.connected || !world.asked.is_empty() {
            world.happens(if world.asked.is_empty() { Move::Wait } else { Move::Answer });
        }
        prop_assert_eq!(&world.begun, &world.wanted.rooms);
    }
}
