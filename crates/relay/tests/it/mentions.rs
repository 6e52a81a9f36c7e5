//! Who is called in the target.

use std::sync::Arc;

use jiff::Timestamp;
use tieline_core::binding::{Bindings as _, BoundAccount, Confirmed};
use tieline_core::event::Event;
use tieline_core::markup::{Block, Markup, Mention, Person, Span};

use crate::house::House;
use crate::scripted::{Arrived, Scripted, channel, message, plan, rule};

struct Talk {
    house: House,
    rc: Arc<Scripted>,
    wa: Arc<Scripted>,
    said: usize,
}

impl Talk {
    async fn begin() -> Self {
        let (rc, wa) = (Scripted::in_realm("workspace", "rc"), Scripted::in_realm("messenger", "wa"));
        let rules = vec![
            rule("there", ("rc", "R"), &[("wa", "W")], "{msg}"),
            rule("aside", ("rc", "beside"), &[("rc", "R")], "{msg}"),
        ];
        let house = House::open(&plan(rules), &[&rc, &wa]).await;
        Self { house, rc, wa, said: 0 }
    }

    fn said_in(&mut self, room: &str, spans: Vec<Span>) -> Event {
        self.said += 1;
        let mut event = message("rc", room, &format!("r{}", self.said), "");
        event.message_mut().unwrap().text = Markup { blocks: vec![Block::Line(spans)] };
        event
    }

    /// Says something, and how it arrives.
    async fn say(&mut self, spans: Vec<Span>) -> (String, Vec<String>) {
        let event = self.said_in("R", spans);
        self.rc.receive(event).await;
        let Arrived { text, mentions, .. } = self.wa.wait_for("W", self.said).await.remove(self.said - 1);
        (text, mentions)
    }

    async fn bind(&self, one: BoundAccount, other: BoundAccount) {
        let room = channel(one.instance.as_str(), "R");
        self.house.outbox.offer_binding(one, room, "CODE", Timestamp::UNIX_EPOCH).await.unwrap();
        let confirmed = self.house.outbox.confirm_binding(other, "CODE", Timestamp::UNIX_EPOCH).await.unwrap();
        assert!(matches!(confirmed, Confirmed::Bound { .. }), "{confirmed:?}");
    }
}

fn account(realm: &str, instance: &str, id: &str) -> BoundAccount {
    BoundAccount {
        instance: channel(instance, "R").instance,
        platform: "scripted".into(),
        realm: realm.into(),
        id: id.into(),
        username: format!("{id}.name"),
        mention: format!("account-{id}"),
        name: id.into(),
    }
}

fn user(name: &str, id: &str) -> Span {
    Span::Mention(Mention::User(Person::with_id(name, id)))
}

fn text(text: &str) -> Span {
    Span::Text(text.into())
}

#[tokio::test]
async fn whoever_bound_an_account_is_called_by_it() {
    let mut talk = Talk::begin().await;
    talk.bind(account("workspace", "rc", "ann"), account("messenger", "wa", "49")).await;
    talk.wa.people.know("Ann", "namesake");
    for id in ["ann", "ann.name"] {
        let (said, mentions) = talk.say(vec![text("hi "), Span::Bold(vec![user("Ann", id)]), user("Ann", id)]).await;
        assert_eq!(said, "hi <account-49><account-49>");
        assert_eq!(mentions, ["account-49"], "each once");
    }
    assert!(talk.wa.people.asked_for().is_empty(), "nobody is looked for by name");
}

#[tokio::test]
async fn else_whoever_has_the_very_name_there_is_called() {
    let mut talk = Talk::begin().await;
    talk.wa.people.know("Ann Smith", "account-a");
    for _ in 0..2 {
        let (said, mentions) = talk.say(vec![user("Ann Smith", "ann"), text(" and "), user("bob", "bob")]).await;
        assert_eq!((said.as_str(), mentions), ("<account-a> and @bob", vec!["account-a".to_owned()]));
    }
    assert_eq!(talk.wa.people.asked_for(), ["Ann Smith", "bob"], "what was found out is remembered");
}

#[tokio::test]
async fn names_that_are_typed_are_looked_for_a_few_at_a_time() {
    let mut talk = Talk::begin().await;
    talk.wa.people.know("ann", "account-a");
    let (said, mentions) = talk.say(vec![text("(@ann), ann@example.com @bob!"), Span::Code("@ann".into())]).await;
    assert_eq!(said, "(<account-a>), ann@example.com @bob!@ann");
    assert_eq!(mentions, ["account-a"]);
    let (said, _) = talk.say(vec![text("@a @b @c @d @e @ann")]).await;
    assert_eq!(said, "@a @b @c @d @e @ann", "five are enough");
    assert_eq!(talk.wa.people.asked_for(), ["ann", "bob", "a", "b", "c", "d", "e"]);
}

#[tokio::test]
async fn everybody_is_never_called() {
    let mut talk = Talk::begin().await;
    for name in ["all", "here", "everyone"] {
        talk.wa.people.know(name, name);
    }
    talk.wa.people.know("eve", "all");
    let all = Span::Mention(Mention::Everybody("all".into()));
    let (said, mentions) = talk.say(vec![all, text(" @all @Everyone @eve "), user("here", "here")]).await;
    assert_eq!((said.as_str(), mentions.len()), ("@all @all @Everyone @eve @here", 0));
    assert_eq!(talk.wa.people.asked_for(), ["eve"]);
}

#[tokio::test]
async fn in_another_room_of_the_server_it_is_the_same_account() {
    let mut talk = Talk::begin().await;
    let event = talk.said_in("beside", vec![text("hi "), user("Ann", "ann")]);
    talk.rc.receive(event).await;
    let arrived = talk.rc.wait_for("R", 1).await.remove(0);
    assert_eq!((arrived.text.as_str(), arrived.mentions), ("hi <ann>", vec!["ann".to_owned()]));
    assert!(talk.rc.people.asked_for().is_empty());
}

#[tokio::test]
async fn a_target_that_does_not_say_who_is_there_gets_the_message_without() {
    let mut talk = Talk::begin().await;
    talk.wa.people.hang_for("slow");
    talk.wa.people.know("ann", "account-a");
    let (said, mentions) = talk.say(vec![text("@slow @ann")]).await;
    assert_eq!((said.as_str(), mentions.len()), ("@slow @ann", 0), "nobody else is asked for");
    let (said, _) = talk.say(vec![text("@slow @ann")]).await;
    assert_eq!(said, "@slow <account-a>", "it is not asked the same again");
}
