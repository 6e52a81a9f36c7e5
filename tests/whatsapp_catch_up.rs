//! The relay or the addon is away while people write on WhatsApp: all of it arrives once, in order, with its own time.

use jiff::Timestamp;
use serde_json::{Value, json};
use tieline_e2e::Relay;
use tieline_testkit::whatsapp::{Echo, Group, Message, Person, WhatsAppScript};

use crate::addon::{Addon, bridge};
use crate::workspace::{Workspace, counts, numbered};

const ROOM: &str = "DESK";
const GROUP: &str = "120363000000000001@g.us";

/// Alice writes in her chat, Bob in the group; each message a second after the one before it.
struct Street {
    desk: Workspace,
    addon: Addon,
    bob: Person,
    next: i64,
    written: Vec<(String, i64)>,
}

impl Street {
    async fn start() -> Self {
        let desk = Workspace::start("desk", &[ROOM]).await;
        let addon = Addon::with(WhatsAppScript { echo: Echo::Off, ..WhatsAppScript::default() }).await;
        let bob = Person::new("491700000002", "Bob");
        addon.server.account().add_group(Group::new(GROUP, "Neighbours", &[&addon.alice, &bob]));
        let next = now() + 1;
        Self { desk, addon, bob, next, written: Vec::new() }
    }

    fn configuration(&self) -> Value {
        let mut configuration = bridge(&self.desk, &self.addon);
        configuration["rules"][0]["msg"]["msg_format"] = json!("{time}|{user}|{msg}");
        configuration
    }

    /// Both write so many messages.
    fn write(&mut self, name: &str, count: usize) {
        for text in numbered(name, count) {
            for (chat, person) in [(self.addon.alice.jid(), &self.addon.alice), (GROUP.to_owned(), &self.bob)] {
                self.addon.server.say(&chat, person, Message::text(&text).at(self.next));
                self.written.push((format!("{}|{text}", person.name), self.next));
                self.next += 1;
            }
        }
    }

    /// Both write so many messages, each when the relay has taken the one before it: the addon's calls race.
    async fn tell(&mut self, name: &str, count: usize) {
        for number in 0..count {
            self.write(&format!("{name} {number}"), 1);
            for chat in [self.addon.alice.jid(), GROUP.to_owned()] {
                let last = self.addon.server.account().messages(&chat).pop().expect("it was just written");
                self.addon.taken(&last.id).await;
            }
        }
    }

    /// Waits for all copies, and compares them with what was written: each person's once, in order, with its time.
    async fn arrived(&self, relay: &mut Relay) {
        let answers = self.desk.server.messages(ROOM).len() - self.desk.copies(ROOM).len();
        relay.unless_it_ends(self.desk.server.wait_for_count(ROOM, answers + self.written.len())).await;
        relay.settled().await;
        let heard = self.desk.heard(ROOM);
        let heard: Vec<(String, i64)> = heard
            .iter()
            .map(|text| {
                let (time, said) = text.split_once('|').expect("the format has a time");
                (said.to_owned(), time.parse::<Timestamp>().expect("a time").as_second())
            })
            .collect();
        for person in ["Alice|", "Bob|"] {
            let of = |all: &[(String, i64)]| -> Vec<(String, i64)> {
                all.iter().filter(|(said, _)| said.starts_with(person)).cloned().collect()
            };
            assert_eq!(of(&heard), of(&self.written), "{person}");
        }
        assert_eq!(heard.len(), self.written.len());
        let [_, _, _, dead, ..] = counts(relay).await;
        assert_eq!((dead, relay.messages("possible_duplicates").await), (0, 0));
        assert_eq!(self.addon.server.violations(), []);
    }
}

#[expect(clippy::disallowed_methods, reason = "people write when it is, and the relay has no other clock")]
fn now() -> i64 {
    Timestamp::now().as_second()
}

#[tokio::test]
async fn what_is_written_while_the_relay_is_stopped_arrives() {
    let mut street = Street::start().await;
    let alice = street.addon.alice.jid();
    street.addon.server.say(&alice, &street.addon.alice, Message::text("before us").at(now() - 3600));
    let mut relay = Relay::start(street.configuration()).await;
    street.tell("heard", 1).await;
    street.desk.say(ROOM, "[491700000001] from the desk").await;
    street.addon.server.wait_for_sent(1).await;
    street.arrived(&mut relay).await;

    for round in 0..2 {
        assert_eq!(relay.terminate().await, Some(0));
        street.write(&format!("stopped {round}"), 5);
        // WhatsApp tells the addon later what was written while that one was away, and the addon calls nobody again.
        street.addon.server.account().disconnect();
        street.write(&format!("away {round}"), 5);
        street.addon.server.account().connect();
        relay.spawn();
        street.write(&format!("starting {round}"), 5);
        relay.ready().await;
        street.tell(&format!("again {round}"), 2).await;
        street.arrived(&mut relay).await;
    }
    assert_eq!(street.addon.heard(&alice), ["from the desk"], "and nothing came back");
}

#[tokio::test]
async fn an_addon_that_was_away_is_caught_up_with() {
    let mut street = Street::start().await;
    let mut relay = Relay::start(street.configuration()).await;
    street.tell("heard", 2).await;
    street.arrived(&mut relay).await;
    assert_eq!(relay.terminate().await, Some(0));
    street.addon.server.account().disconnect();
    relay.spawn();
    relay.alive().await;
    street.write("away", 5);
    street.addon.server.account().connect();
    street.arrived(&mut relay).await;
}

#[tokio::test]
async fn killed_while_it_catches_up_it_loses_and_doubles_nothing() {
    let mut street = Street::start().await;
    let mut relay = Relay::start(street.configuration()).await;
    street.tell("heard", 1).await;
    street.arrived(&mut relay).await;
    relay.kill9().await;
    street.write("missed", 40);
    for step in 1..=4 {
        relay.spawn();
        relay.alive().await;
        relay.unless_it_ends(street.desk.server.wait_for_count(ROOM, 2 + 15 * step)).await;
        relay.kill9().await;
        street.write(&format!("after life {step}"), 2);
    }
    relay.spawn();
    relay.alive().await;
    street.arrived(&mut relay).await;
}
