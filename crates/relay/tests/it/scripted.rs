//! A platform of the tests' own: it does what its script says and notes what it was told.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::json;
use tieline_core::address::Address;
use tieline_core::clock::Clock;
use tieline_core::driver::{
    BuildError, Capabilities, CompleteError, Completed, Driver, DriverContext, DriverError, Finding, InstanceConfig,
    Recipient, Room, Services, SourcePattern, TargetChannel, TextUnit,
};
use tieline_core::event::{Author, Authorship, Body, Event, Message};
use tieline_core::frame::{Frame, NamedFrame};
use tieline_core::id::{Channel, ChannelKey, InstanceId, MessageId, RuleId};
use tieline_core::markup::{Dialect, Markup};
use tieline_core::plan::{Events, Plan, Rule, Source, Target};
use tieline_core::problem::Problem;
use tieline_core::secret::Secret;
use tieline_core::send::{
    Action, Copied, CutError, Outgoing, Part, React, Reconciled, Scope, SendError, Sending, Sent,
};
use tieline_core::template::Template;
use tokio::sync::{Notify, watch};

use crate::people::{People, calling};

/// How the next send into a room ends.
pub(crate) enum Script {
    /// It ends so, and nothing arrives.
    Fail(SendError),
    /// It arrives, and the answer is lost.
    ArriveAndFail(SendError),
    /// It arrives; the answer comes when the test says so.
    ArriveThenWait(Arc<Notify>),
    /// The driver panics.
    Panic,
}

/// Each instance that a test makes has settings of its own.
static GENERATION: AtomicU8 = AtomicU8::new(0);

/// One instance of the scripted platform.
pub(crate) struct Scripted {
    pub(crate) id: InstanceId,
    /// What stands for its settings: two of one generation are the same.
    pub(crate) generation: u8,
    realm: &'static str,
    dialect: Plain,
    capabilities: Capabilities,
    scripts: Mutex<HashMap<String, VecDeque<Script>>>,
    reconciles: Mutex<VecDeque<Result<Reconciled, SendError>>>,
    arrived: watch::Sender<Vec<Arrived>>,
    /// How often the driver was asked what became of a send.
    pub(crate) asked: watch::Sender<usize>,
    completions: Mutex<VecDeque<Result<(), CompleteError>>>,
    pub(crate) context: watch::Sender<Option<DriverContext>>,
    /// Whether it takes our key as a message's id, instead of an id of its own.
    pub(crate) takes_keys: Mutex<bool>,
    /// How often `run` fails before it works.
    pub(crate) failing_runs: Mutex<usize>,
    /// How often it was run.
    runs: AtomicUsize,
    /// Who is in its rooms.
    pub(crate) people: People,
}

/// A message that arrived.
#[derive(Debug, Clone)]
pub(crate) struct Arrived {
    pub(crate) room: String,
    pub(crate) text: String,
    pub(crate) id: String,
    pub(crate) at: Timestamp,
    /// What it answers, and the thread that it is in.
    pub(crate) reply_to: Option<String>,
    pub(crate) thread: Option<String>,
    /// The accounts that it may call.
    pub(crate) mentions: Vec<String>,
}

impl fmt::Debug for Scripted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scripted({})", self.id)
    }
}

struct Plain;

impl Dialect for Plain {
    fn render(&self, markup: &Markup) -> String {
        calling(markup).to_plain()
    }

    fn parse(&self, text: &str) -> Markup {
        Markup::plain(text)
    }

    fn escape(&self, text: &str) -> String {
        text.to_owned()
    }
}

impl Scripted {
    pub(crate) fn new(id: &str) -> Arc<Self> {
        Self::in_realm("scripted", id)
    }

    pub(crate) fn in_realm(realm: &'static str, id: &str) -> Arc<Self> {
        Arc::new(Self {
            id: InstanceId::new(id).unwrap(),
            generation: GENERATION.fetch_add(1, Ordering::Relaxed),
            realm,
            dialect: Plain,
            capabilities: Capabilities {
                identity_key: None,
                max_text: 1000,
                text_unit: TextUnit::Chars,
                max_file_size: 1,
                idempotent: false,
            },
            scripts: Mutex::default(),
            reconciles: Mutex::default(),
            arrived: watch::Sender::default(),
            asked: watch::Sender::default(),
            completions: Mutex::default(),
            context: watch::Sender::default(),
            takes_keys: Mutex::default(),
            failing_runs: Mutex::default(),
            runs: AtomicUsize::new(0),
            people: People::default(),
        })
    }

    pub(crate) fn runs(&self) -> usize {
        self.runs.load(Ordering::Relaxed)
    }

    pub(crate) fn script(&self, room: &str, script: Script) {
        self.scripts.lock().unwrap().entry(room.to_owned()).or_default().push_back(script);
    }

    pub(crate) fn script_reconcile(&self, answer: Result<Reconciled, SendError>) {
        self.reconciles.lock().unwrap().push_back(answer);
    }

    pub(crate) fn script_completion(&self, answer: Result<(), CompleteError>) {
        self.completions.lock().unwrap().push_back(answer);
    }

    /// Texts that arrived in a room, in order.
    pub(crate) fn texts(&self, room: &str) -> Vec<String> {
        self.arrived.borrow().iter().filter(|m| m.room == room).map(|m| m.text.clone()).collect()
    }

    /// Waits until so many messages arrived in a room.
    pub(crate) async fn wait_for(&self, room: &str, count: usize) -> Vec<Arrived> {
        let mut watch = self.arrived.subscribe();
        let in_room = |all: &Vec<Arrived>| all.iter().filter(|m| m.room == room).cloned().collect::<Vec<_>>();
        let all =
            tokio::time::timeout(std::time::Duration::from_secs(20), watch.wait_for(|all| in_room(all).len() >= count))
                .await
                .unwrap_or_else(|_| panic!("{count} messages in {room}, there are {:?}", self.texts(room)));
        in_room(&all.expect("the sender lives"))
    }

    fn arrive(&self, sending: &Sending) -> Sent {
        let text = |key: &str| sending.part.body[key].as_str().unwrap_or_default().to_owned();
        let id =
            if *self.takes_keys.lock().unwrap() { sending.key.to_string() } else { format!("own-{}", sending.key) };
        let arrived = Arrived {
            room: text("room"),
            text: text("text"),
            id: id.clone(),
            at: SystemClock.now(),
            reply_to: sending.part.body["reply_to"].as_str().map(str::to_owned),
            thread: sending.thread.as_ref().map(ToString::to_string),
            mentions: serde_json::from_value(sending.part.body["mentions"].clone()).unwrap_or_default(),
        };
        self.arrived.send_modify(|all| all.push(arrived));
        if sending.part.body["is_change"] == true {
            return Sent::default();
        }
        Sent { ids: vec![MessageId::new(&id).unwrap()], ..Sent::default() }
    }

    /// Hands an event in, as the driver would.
    pub(crate) async fn receive(&self, event: Event) -> tieline_core::outbox::Accepted {
        let mut context = self.context.subscribe();
        let context = context.wait_for(Option::is_some).await.expect("the sender lives").clone();
        context.expect("it runs").inbound.accept(event).await.expect("accepted")
    }
}

impl InstanceConfig for Scripted {
    fn id(&self) -> &InstanceId {
        &self.id
    }

    fn platform(&self) -> &'static str {
        "scripted"
    }

    fn realm(&self) -> &'static str {
        self.realm
    }

    fn source(&self, _: &Address) -> Result<SourcePattern, Vec<Problem>> {
        Err(Vec::new())
    }

    fn target(&self, _: &Address) -> Result<TargetChannel, Vec<Problem>> {
        Err(Vec::new())
    }

    /// What somebody says under this name is kept back.
    fn declines(&self, event: &Event) -> Option<String> {
        (event.author.alias == "declined").then(|| "its settings keep it back".to_owned())
    }

    fn target_for(&self, channel: &ChannelKey) -> Option<TargetChannel> {
        Some(TargetChannel::new(channel.clone(), Address::of([("room", channel.as_str())])))
    }

    /// People are called by numbers; those that begin with 0 may not be written to.
    fn recipient(&self, named: &str) -> Option<Recipient> {
        named.bytes().all(|byte| byte.is_ascii_digit()).then(|| {
            let target = self.target_for(&ChannelKey::new(named).unwrap()).unwrap();
            Recipient { target, refused: named.starts_with('0').then(|| "they are not on the list".into()) }
        })
    }

    fn describe(&self, channel: &ChannelKey) -> String {
        format!("+{channel}")
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn dialect(&self) -> &dyn Dialect {
        &self.dialect
    }

    fn secrets(&self) -> Vec<Secret> {
        Vec::new()
    }

    fn build(self: Arc<Self>, _: Services) -> Result<Arc<dyn Driver>, BuildError> {
        Ok(self)
    }
}

#[async_trait]
impl Driver for Scripted {
    async fn run(self: Arc<Self>, context: DriverContext) -> Result<(), DriverError> {
        self.runs.fetch_add(1, Ordering::Relaxed);
        {
            let mut failing = self.failing_runs.lock().unwrap();
            if *failing > 0 {
                *failing -= 1;
                return Err(DriverError("the script says so".into()));
            }
        }
        context.health.ready();
        self.context.send_replace(Some(context.clone()));
        context.shutdown.cancelled().await;
        Ok(())
    }

    async fn complete(&self, event: &Event, last_try: bool) -> Result<Completed, CompleteError> {
        let scripted = self.completions.lock().unwrap().pop_front();
        match scripted {
            Some(Err(error)) if !last_try => Err(error),
            Some(_) | None => {
                let mut event = event.clone();
                event.author.display_name = if last_try { String::new() } else { "Completed Name".into() };
                event.missing = None;
                let notes = if last_try { vec!["the name could not be had".into()] } else { Vec::new() };
                Ok(Completed { event, notes })
            }
        }
    }

    fn cut(&self, outgoing: &Outgoing) -> Result<Vec<Part>, CutError> {
        if outgoing.text.contains("uncuttable") {
            return Err(CutError::Permanent("this cannot be said here".into()));
        }
        let room = outgoing.target.text("room").unwrap_or_default().to_owned();
        let reply_to = outgoing.reply_to.as_ref();
        // A change is noted as a line of its own in the room.
        let ids = |copies: &[Copied]| copies.iter().map(|copy| copy.id.as_str()).collect::<Vec<_>>().join(",");
        let done = match &outgoing.action {
            Action::Say => None,
            Action::Edit(copies) => Some(format!("EDIT {}: {}", ids(copies), outgoing.text)),
            Action::Delete(copies) => Some(format!("DELETE {}", ids(copies))),
            Action::React(React { emoji, .. }) if emoji == "unknown" => {
                return Err(CutError::Impossible("there is no such emoji here".into()));
            }
            Action::React(React { to, emoji, added, standing }) => {
                let sign = if *added { '+' } else { '-' };
                Some(format!("REACT {} {sign}{emoji} [{}]", to.id, standing.join(",")))
            }
        };
        if let Some(done) = done {
            let body = json!({ "room": room, "text": done, "is_change": true });
            return Ok(vec![Part { body, files: Vec::new() }]);
        }
        let part = |text: &str| {
            let body = json!({ "room": room, "text": text, "reply_to": reply_to, "mentions": outgoing.mentions });
            Part { body, files: Vec::new() }
        };
        Ok(outgoing.text.split(" | ").map(part).collect())
    }

    async fn account_named(&self, _: &Address, name: &str) -> Option<String> {
        self.people.find(name).await
    }

    fn account(&self) -> Option<String> {
        Some(self.id.to_string())
    }

    fn scopes(&self, sending: &Sending) -> Vec<Scope> {
        vec![Scope::Named(sending.part.body["room"].as_str().unwrap_or_default().to_owned())]
    }

    async fn send(&self, sending: &Sending) -> Result<Sent, SendError> {
        let room = sending.part.body["room"].as_str().unwrap_or_default().to_owned();
        let script = self.scripts.lock().unwrap().get_mut(&room).and_then(VecDeque::pop_front);
        match script {
            None => Ok(self.arrive(sending)),
            Some(Script::Fail(error)) => Err(error),
            Some(Script::ArriveAndFail(error)) => {
                self.arrive(sending);
                Err(error)
            }
            Some(Script::ArriveThenWait(answer)) => {
                let sent = self.arrive(sending);
                answer.notified().await;
                Ok(sent)
            }
            Some(Script::Panic) => panic!("the script says so"),
        }
    }

    async fn reconcile(&self, _: &Sending, _: &[Event]) -> Result<Reconciled, SendError> {
        self.asked.send_modify(|asked| *asked += 1);
        self.reconciles.lock().unwrap().pop_front().unwrap_or(Ok(Reconciled::Missing))
    }

    async fn rooms(&self) -> Result<Vec<Room>, DriverError> {
        Ok(Vec::new())
    }

    async fn doctor(&self, _: &[Address]) -> Vec<Finding> {
        Vec::new()
    }
}

/// The real time, moved by what the test adds.
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the tests' clock")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// A rule from one room to others.
pub(crate) fn rule(id: &str, from: (&str, &str), to: &[(&str, &str)], format: &str) -> Rule {
    let rule = RuleId::new(id).unwrap();
    let target = |(instance, room): &(&str, &str)| {
        let address = Address::of([("room", *room)]);
        let frame = Frame::new(rule.clone(), channel(instance, room), address, Template::parse(format).unwrap());
        Target { frame: Arc::new(NamedFrame::new(frame)), also_known_as: Vec::new(), open: false }
    };
    Rule {
        id: rule.clone(),
        from: vec![Source {
            instance: InstanceId::new(from.0).unwrap(),
            pattern: SourcePattern { channel: Some(ChannelKey::new(from.1).unwrap()), also: Vec::new() },
            address: Address::of([("room", from.1)]),
        }],
        to: to.iter().map(target).collect(),
        events: Events::default(),
    }
}

pub(crate) fn plan(rules: Vec<Rule>) -> Arc<Plan> {
    Arc::new(Plan::new(rules))
}

pub(crate) fn channel(instance: &str, room: &str) -> Channel {
    Channel { instance: InstanceId::new(instance).unwrap(), key: ChannelKey::new(room).unwrap() }
}

/// A message of a person.
pub(crate) fn message(instance: &str, room: &str, id: &str, text: &str) -> Event {
    Event {
        instance: InstanceId::new(instance).unwrap(),
        platform: "scripted".into(),
        channel: ChannelKey::new(room).unwrap(),
        parent: None,
        address: Address::of([("room", room)]),
        room: None,
        message_id: MessageId::new(id).unwrap(),
        revision: None,
        time: Timestamp::UNIX_EPOCH,
        author: Author { id: "u1".into(), username: "ann".into(), kind: Authorship::Person, ..Author::default() },
        body: Body::Message(Message { text: Markup::plain(text), ..Message::default() }),
        missing: None,
    }
}
