//! The relay is killed again and again in a run of messages, each time at another moment: while it starts, takes a
//! webhook, commits, sends, or waits for an answer. What it had accepted is delivered all the same.
//!
//! The moments come from a seed. They are counted in messages accepted or arrived, and spread by a short random delay;
//! what the machine makes of the delay differs from run to run, the plan does not.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use serde_json::{Value, json};
use tieline_e2e::{Relay, note, seed};
use tieline_testkit::rocketchat::{HookOptions, RoomKind};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use crate::outgoing_call::{insist, payload};
use crate::workspace::Workspace;

/// When a life of the relay ends.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// So long after its start, whatever it does.
    Started,
    /// When so many messages of a room have been answered with 200.
    Accepted { room: usize, count: usize },
    /// When so many copies of a room's messages have arrived, which is before the relay has heard that they did.
    Arrived { room: usize, count: usize },
}

/// One life of the relay.
#[derive(Debug)]
struct Life {
    /// How many messages are written in each room meanwhile.
    written: Vec<usize>,
    end: Moment,
    delay: Duration,
}

/// A run: so many messages in so many rooms, so many kills.
struct Run {
    rooms: usize,
    messages: usize,
    kills: usize,
}

impl Run {
    /// Each life with its share of the messages, and its end.
    fn lives(&self, rng: &mut Rng) -> Vec<Life> {
        let mut total = vec![0_usize; self.rooms];
        let mut left = self.messages;
        (0..self.kills)
            .map(|life| {
                let lives_left = self.kills - life;
                let share = if lives_left == 1 { left } else { rng.usize(0..=(2 * left / lives_left).min(left)) };
                left -= share;
                let mut written = vec![0; self.rooms];
                for _ in 0..share {
                    let room = rng.usize(..self.rooms);
                    written[room] += 1;
                    total[room] += 1;
                }
                let room = rng.usize(..self.rooms);
                // Of what is written by then, at most the last few are still to come.
                let count = total[room].saturating_sub(rng.usize(0..=written[room]));
                let end = match rng.u8(0..10) {
                    0 | 1 => Moment::Started,
                    2..=5 => Moment::Accepted { room, count },
                    _ => Moment::Arrived { room, count },
                };
                let longest = if matches!(end, Moment::Started) { 80_000 } else { 12_000 };
                Life { written, end, delay: Duration::from_micros(rng.u64(0..longest)) }
            })
            .collect()
    }
}

/// A room that people write in, and where it leads.
struct Room {
    /// The room's id, in both workspaces.
    id: String,
    /// Where the relay hears of it.
    listener: String,
    token: String,
    /// One permit for each message that may be written.
    allowed: Arc<Semaphore>,
    /// How many messages were answered with 200.
    accepted: watch::Sender<usize>,
}

impl Room {
    /// A room of a source in which somebody is to write.
    fn open(id: &str, source: &Arc<Workspace>, writers: &mut JoinSet<()>) -> Arc<Self> {
        let room = Arc::new(Self {
            id: id.to_owned(),
            listener: source.listener(),
            token: source.webhook_token(),
            allowed: Arc::new(Semaphore::new(0)),
            accepted: watch::Sender::new(0),
        });
        writers.spawn(write(Arc::clone(source), Arc::clone(&room)));
        room
    }
}

fn text(room: &str, number: usize) -> String {
    format!("{room} says {number}")
}

/// Writes a room's messages in order, each as soon as it is allowed and the one before it was accepted.
async fn write(source: Arc<Workspace>, room: Arc<Room>) {
    for number in 0.. {
        let Ok(permit) = room.allowed.acquire().await else { return };
        permit.forget();
        let text = text(&room.id, number);
        let message = source.server.post(&source.ann, &room.id, &text);
        insist(&room.listener, &payload(&room.token, &room.id, &source.ann, &message, &text)).await;
        room.accepted.send_modify(|accepted| *accepted += 1);
    }
}

/// How many messages were accepted, and have not arrived.
fn under_way(rooms: &[Arc<Room>], target: &Workspace) -> usize {
    rooms.iter().map(|room| room.accepted.borrow().saturating_sub(target.server.messages(&room.id).len())).sum()
}

/// Lets every life pass, then one more that nobody ends. Returns how many messages were written in each room.
async fn live(relay: &mut Relay, lives: &[Life], rooms: &[Arc<Room>], target: &Workspace) -> Vec<usize> {
    let mut total = vec![0; rooms.len()];
    let mut in_the_middle = 0;
    for life in lives {
        relay.spawn();
        for (room, written) in life.written.iter().enumerate() {
            rooms[room].allowed.add_permits(*written);
            total[room] += written;
        }
        match life.end {
            Moment::Started => {}
            Moment::Accepted { room, count } => {
                let mut accepted = rooms[room].accepted.subscribe();
                let reached = relay.unless_it_ends(accepted.wait_for(|accepted| *accepted >= count)).await;
                drop(reached.expect("the sender is in the list of rooms"));
            }
            Moment::Arrived { room, count } => {
                let arrived = target.server.wait_for_count(&rooms[room].id, count);
                relay.unless_it_ends(arrived).await;
            }
        }
        tokio::time::sleep(life.delay).await;
        relay.kill9().await;
        in_the_middle += usize::from(under_way(rooms, target) > 0);
    }
    note(format_args!("{in_the_middle} of {} kills left accepted messages under way", lives.len()));
    assert!(in_the_middle > lives.len() / 5, "the kills come too late to show anything");
    relay.spawn();
    for (room, total) in rooms.iter().zip(&total) {
        let mut accepted = room.accepted.subscribe();
        let all = relay.unless_it_ends(accepted.wait_for(|accepted| accepted == total)).await;
        drop(all.expect("the sender is in the list of rooms"));
    }
    relay.settled().await;
    total
}

fn names(rooms: usize) -> Vec<String> {
    (0..rooms).map(|room| format!("ROOM{room}")).collect()
}

async fn workspace(id: &'static str, rooms: &[String]) -> Workspace {
    let rooms: Vec<&str> = rooms.iter().map(String::as_str).collect();
    Workspace::start(id, &rooms).await
}

/// One rule for each room, from the first workspace that has it.
fn rules(names: &[String], source: impl Fn(usize) -> &'static str, target: impl Fn(&str) -> Value) -> Value {
    let rule = |(number, name): (usize, &String)| {
        json!({
            "id": name, "from": { source(number): { "room_id": name } }, "to": { "target": target(name) },
            "msg": { "rc_alias": "{user}" },
        })
    };
    names.iter().enumerate().map(rule).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_accepted_is_lost_and_nothing_is_doubled() {
    const RUN: Run = Run { rooms: 8, messages: 2_000, kills: 200 };
    let seed = seed("kill9_mid_send", 0x7E1E_11E5);
    let lives = RUN.lives(&mut Rng::with_seed(seed));
    let names = names(RUN.rooms);
    // Half of the rooms come by way of an instance without credentials, so their events are whole as they come in; the
    // others are completed by REST before their first send.
    let whole = Arc::new(workspace("whole", &names).await);
    let fetched = Arc::new(workspace("fetched", &names).await);
    let target = workspace("target", &names).await;
    for source in [&whole, &fetched] {
        // The test makes the calls itself.
        source.server.set_enabled(&source.outgoing, false);
    }
    let settings = json!({
        "whole": whole.settings_by(&whole.incoming("ROOM0")),
        "fetched": fetched.settings(),
        "target": target.settings(),
    });
    let source = |room: usize| if room.is_multiple_of(2) { &whole } else { &fetched };
    let rules = rules(&names, |room| source(room).id(), |name| json!({ "room_id": name }));
    let mut relay = Relay::new(json!({ "global": {}, "rocketchat": settings, "rules": rules }));
    let mut writers = JoinSet::new();
    let rooms: Vec<Arc<Room>> =
        names.iter().enumerate().map(|(room, name)| Room::open(name, source(room), &mut writers)).collect();

    let total = live(&mut relay, &lives, &rooms, &target).await;

    assert_eq!(total.iter().sum::<usize>(), RUN.messages);
    for (name, total) in names.iter().zip(&total) {
        let expected: Vec<String> = (0..*total).map(|number| text(name, number)).collect();
        assert_eq!(target.heard(name), expected, "{name}, seed {seed}");
    }
    assert_eq!(relay.messages("planned").await, RUN.messages as i64, "seed {seed}");
    assert_eq!(relay.messages("delivered").await, RUN.messages as i64, "seed {seed}");
    assert_eq!(relay.messages("dead").await, 0, "seed {seed}");
    assert_eq!(relay.messages("possible_duplicates").await, 0, "seed {seed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hook_may_double_what_was_under_way_but_loses_nothing() {
    const RUN: Run = Run { rooms: 4, messages: 300, kills: 30 };
    let seed = seed("kill9_mid_send", 0x7E1E_11E6);
    let lives = RUN.lives(&mut Rng::with_seed(seed));
    let names = names(RUN.rooms);
    let source = Arc::new(workspace("source", &names).await);
    source.server.set_enabled(&source.outgoing, false);
    let target = workspace("target", &names).await;
    target.server.add_room(RoomKind::Public, "HOOK", "hook");
    let hook = target.server.incoming_hook(
        "HOOK",
        &target.bot,
        HookOptions { allow_override: true, ..HookOptions::default() },
    );
    let settings = json!({ "source": source.settings(), "target": target.settings_by(&hook) });
    let rules = rules(&names, |_| "source", |name| json!({ "channel": name }));
    let mut relay = Relay::new(json!({ "global": {}, "rocketchat": settings, "rules": rules }));
    let mut writers = JoinSet::new();
    let rooms: Vec<Arc<Room>> = names.iter().map(|name| Room::open(name, &source, &mut writers)).collect();

    let total = live(&mut relay, &lives, &rooms, &target).await;

    let mut doubles = 0;
    for (name, total) in names.iter().zip(&total) {
        let mut heard = target.heard(name);
        let all = heard.len();
        // A message that is sent again follows itself: nothing of its lane overtakes it.
        heard.dedup();
        doubles += all - heard.len();
        let expected: Vec<String> = (0..*total).map(|number| text(name, number)).collect();
        assert_eq!(heard, expected, "{name}, seed {seed}");
    }
    let counted = relay.messages("possible_duplicates").await as usize;
    assert!(doubles <= counted, "{doubles} messages are there twice, but only {counted} were counted; seed {seed}");
    assert!(counted <= RUN.kills * RUN.rooms, "{counted} possible duplicates in {} kills; seed {seed}", RUN.kills);
    assert_eq!(relay.messages("delivered").await, RUN.messages as i64, "seed {seed}");
}
