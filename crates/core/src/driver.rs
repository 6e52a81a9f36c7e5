//! What a platform must be able to do: the driver traits.
//!
//! A platform is three things. A [`DriverFactory`] knows how its part of the configuration looks. From checked settings
//! it makes an [`InstanceConfig`], which is pure: it understands addresses and the platform's dialect, and never opens a
//! socket, so `check` and `explain` work on it. From that a [`Driver`] is built, which runs.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::Value;

use crate::address::Address;
use crate::event::{Author, Event};
use crate::frame::MessageKey;
use crate::id::{ChannelKey, InstanceId};
use crate::markup::Dialect;
use crate::problem::Problem;
use crate::secret::Secret;
use crate::send::{CutError, Outgoing, Part, Reconciled, Scope, SendError, Sending, Sent};
use crate::template::Template;
use crate::webhook::ListenAt;

pub use crate::context::{
    CursorError, Cursors, DriverContext, HealthReport, Inbound, InboundError, KnownMessages, Services, Sources, Typing,
};

/// A platform: its name, how its settings look, and how they become an instance.
pub trait DriverFactory: Send + Sync + 'static {
    /// The platform's name, as it stands at the top level of the configuration and in `{platform}`.
    fn platform(&self) -> &'static str;

    /// The JSON Schema of one instance's settings, with the documentation of each key.
    fn instance_schema(&self) -> Value;

    /// The JSON Schema of an address. `as_target` adds what only a target may say.
    fn address_schema(&self, as_target: bool) -> Value;

    /// The message keys that rules may set for this platform (`rc_alias`), beside `msg_format`.
    fn message_keys(&self) -> &'static [MessageKey];

    /// Checks one instance's settings. References to the environment and to files are resolved already.
    ///
    /// Problems are all found at once; errors among them mean that there is no instance.
    fn resolve(&self, instance: &InstanceId, settings: &Value, defaults: &Defaults) -> Resolved;
}

/// What an instance inherits from `global`.
#[derive(Debug, Clone, Default)]
pub struct Defaults {
    /// The proxy, where the instance names none.
    pub proxy: ProxyChoice,
    /// How much of what was missed is fetched; `None`: nothing.
    pub catch_up: Option<CatchUp>,
}

/// How much of what was written while nobody listened is fetched when an instance receives again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CatchUp {
    /// Nothing older than this.
    pub max_age: Duration,
    /// For each room at most this many messages, the newest.
    pub max_messages: u32,
}

/// Which proxy requests go through.
#[derive(Debug, Clone, Default)]
pub enum ProxyChoice {
    /// None, whatever the environment says.
    #[default]
    Direct,
    /// What the process environment says (`HTTPS_PROXY` and its kin).
    Environment,
    /// This one: `http://`, `https://`, `socks5://` or `socks5h://`.
    Url(Secret),
}

/// What came of checking an instance's settings.
pub struct Resolved {
    /// The instance, if nothing is wrong with it.
    pub instance: Option<Arc<dyn InstanceConfig>>,
    /// What is wrong or worth a look.
    pub problems: Vec<Problem>,
}

/// The checked settings of one instance. Pure: no socket, no clock.
pub trait InstanceConfig: fmt::Debug + Send + Sync + 'static {
    /// The instance's id.
    fn id(&self) -> &InstanceId;

    /// The platform's name.
    fn platform(&self) -> &'static str;

    /// Where the message ids of this instance are unique: the server, for instance. Two accounts on one server share it,
    /// so a copy that one of them posted is known when the other one sees it.
    fn realm(&self) -> &str;

    /// Understands a source address. The bare `"*"` of a rule never gets here.
    fn source(&self, address: &Address) -> Result<SourcePattern, Vec<Problem>>;

    /// Understands a target address. The keys `msg` and those of message templates are taken out already.
    fn target(&self, address: &Address) -> Result<TargetChannel, Vec<Problem>>;

    /// Problems that only show when the addresses of one `connect` rule are seen together.
    fn connect(&self, addresses: &[Address]) -> Vec<Problem> {
        let _: &[Address] = addresses;
        Vec::new()
    }

    /// What the platform can show.
    fn capabilities(&self) -> &Capabilities;

    /// How the platform writes text.
    fn dialect(&self) -> &dyn Dialect;

    /// The values that must never be sent, shown or logged.
    fn secrets(&self) -> Vec<Secret>;

    /// Other names under which the channel of an event may have been a target: a hook that posts there. What may be the
    /// echo of a copy without an id is looked for under these too.
    fn target_names(&self, event: &Event) -> Vec<ChannelKey> {
        let _: &Event = event;
        Vec::new()
    }

    /// Why the instance's own settings keep an event from being relayed; `None` if they do not. The driver hands such an
    /// event in nevertheless: it may be our own copy, for which a send of unknown end is looking.
    fn declines(&self, event: &Event) -> Option<String> {
        let _: &Event = event;
        None
    }

    /// Whether a channel's key means the same channel to every account of the realm: a room of a server does, while the
    /// chat with a person is another one for each account.
    fn is_shared(&self, channel: &ChannelKey) -> bool {
        let _: &ChannelKey = channel;
        true
    }

    /// The target that leads into a channel which events come from; `None` if nothing can be said there.
    fn target_for(&self, channel: &ChannelKey) -> Option<TargetChannel> {
        let _: &ChannelKey = channel;
        None
    }

    /// Understands what a text names in leading brackets, where a target follows the conversation
    /// ([`TargetChannel::open`]). `None`: it is no recipient, but something that people write in brackets.
    fn recipient(&self, named: &str) -> Option<Recipient> {
        let _: &str = named;
        None
    }

    /// How the dialect writes a mention of an author of this platform. See [`Person::account`](crate::markup::Person).
    fn mention_of(&self, author: &Author) -> String {
        author.id.clone()
    }

    /// How a channel is called towards people who do not know it: a phone number instead of an id.
    fn describe(&self, channel: &ChannelKey) -> String {
        channel.to_string()
    }

    /// Where it wants to receive webhooks, if it does.
    fn listen(&self) -> Option<ListenAt> {
        None
    }

    /// What a request must carry to be for this instance, where several instances may listen at the same place and path:
    /// two of them with equal values are an error. `None`: nobody may share the path.
    fn told_apart_by(&self) -> Option<Secret> {
        None
    }

    /// Builds the running driver. Nothing is opened before [`Driver::run`].
    fn build(self: Arc<Self>, services: Services) -> Result<Arc<dyn Driver>, BuildError>;
}

/// Which events a source address takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourcePattern {
    /// The channel; `None` for every channel of the instance.
    pub channel: Option<ChannelKey>,
    /// Further address keys that must be equal.
    pub also: Vec<(String, Value)>,
}

/// Where a target address leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetChannel {
    /// What identifies the channel.
    pub key: ChannelKey,
    /// Other names under which events come from that same channel: a message from one of these never goes there.
    pub also_known_as: Vec<ChannelKey>,
    /// The address in the driver's canonical spelling, as it will be handed to [`Driver::cut`].
    pub address: Address,
    /// Secrets within the address (a webhook's URL).
    pub secrets: Vec<Secret>,
    /// The address names no channel: each message goes to the channel of the conversation that it belongs to, which is
    /// the one of the message that it answers, else the [recipient](InstanceConfig::recipient) that its text names.
    pub open: bool,
    /// What opens the thread that each source channel gets in the target, if the address asks for threads.
    pub opener: Option<Template>,
}

impl TargetChannel {
    /// A channel that is named by its address alone.
    pub fn new(key: ChannelKey, address: Address) -> Self {
        Self { key, also_known_as: Vec::new(), address, secrets: Vec::new(), open: false, opener: None }
    }
}

/// Whom a text names in leading brackets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// The channel in which to reach them.
    pub target: TargetChannel,
    /// Why nothing may be sent there, for the writer to read.
    pub refused: Option<String>,
}

/// What a platform can show and take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// The message key that shows the sender's own name (`rc_alias`), if the platform has one.
    pub identity_key: Option<&'static str>,
    /// Longest text of one message.
    pub max_text: usize,
    /// What `max_text` counts.
    pub text_unit: TextUnit,
    /// Largest file in bytes, in both directions.
    pub max_file_size: u64,
    /// Whether a repeat of a send under the same [`SendKey`](crate::send::SendKey) is recognised.
    pub idempotent: bool,
}

/// What the length of a text is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextUnit {
    /// UTF-16 code units, as JavaScript counts.
    Utf16,
    /// Unicode scalar values.
    Chars,
    /// Bytes of UTF-8.
    Bytes,
}

impl TextUnit {
    /// The length of a text in this unit.
    pub fn count(self, text: &str) -> usize {
        match self {
            Self::Utf16 => text.encode_utf16().count(),
            Self::Chars => text.chars().count(),
            Self::Bytes => text.len(),
        }
    }
}

/// A driver could not be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BuildError(pub String);

/// One running instance of a platform.
#[async_trait]
pub trait Driver: Send + Sync + 'static {
    /// Receives until shutdown. An `Err` is told to the operator and the driver is run again after a back-off;
    /// sends go on meanwhile.
    async fn run(self: Arc<Self>, context: DriverContext) -> Result<(), DriverError>;

    /// Fetches what [`Event::missing`] names and returns the event whole (`missing` is `None`, no attachment is
    /// [`Remote`](crate::event::Content::Remote)). Called after the event is on disk, as often as it takes.
    ///
    /// `last_try`: give up on what cannot be had now and return the event as it stands, with a note for the trace.
    async fn complete(&self, event: &Event, last_try: bool) -> Result<Completed, CompleteError>;

    /// Cuts a message, or a change, into the parts that will be sent one after the other. Pure.
    ///
    /// A change ([`Action`](crate::send::Action)) that the platform cannot do in full is done as far as
    /// `docs/conversation.md` says for it. Parts of changes may be sent again without harm, so
    /// [`reconcile`](Self::reconcile) finds them missing.
    fn cut(&self, outgoing: &Outgoing) -> Result<Vec<Part>, CutError>;

    /// The account that a mention of this name calls in a channel, as the dialect writes it; `None` if nobody there is
    /// called exactly so, or several are. Asked for each name that a message mentions; must answer soon.
    async fn account_named(&self, target: &Address, name: &str) -> Option<String> {
        let _: (&Address, &str) = (target, name);
        None
    }

    /// Shows that somebody is typing. Nothing is kept, nothing is repeated.
    async fn show_typing(&self, target: &Address) {
        let _: &Address = target;
    }

    /// The limits that a part falls under, so that it waits where one of them is exhausted.
    fn scopes(&self, sending: &Sending) -> Vec<Scope>;

    /// The id of the account that it writes as, as [`Author::id`](crate::event::Author::id) shows it, as soon as it is
    /// known. What another instance of the realm receives from that account may be ours. Must not block.
    fn account(&self) -> Option<String> {
        None
    }

    /// Whether an author is the account that it writes as. Some events name the author otherwise than messages do. Must not
    /// block.
    fn is_own(&self, author: &Author) -> bool {
        self.account().is_some_and(|account| account == author.id)
    }

    /// Sends one part, once.
    async fn send(&self, sending: &Sending) -> Result<Sent, SendError>;

    /// Finds out whether a part whose send had an unknown outcome arrived. `held`: events of this instance that may be
    /// its echo, oldest first. A message for which [`KnownMessages::is_known`] says yes is never taken.
    async fn reconcile(&self, sending: &Sending, held: &[Event]) -> Result<Reconciled, SendError>;

    /// The rooms that the account can see.
    async fn rooms(&self) -> Result<Vec<Room>, DriverError>;

    /// Looks for what goes wrong in practice: credentials, roles, membership of the rooms that rules name.
    async fn doctor(&self, rooms: &[Address]) -> Vec<Finding>;
}

/// An event whose missing pieces were fetched.
#[derive(Debug, Clone, PartialEq)]
pub struct Completed {
    /// The event, whole.
    pub event: Event,
    /// What could not be had, for the trace.
    pub notes: Vec<String>,
}

/// Why an event could not be completed now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct CompleteError {
    /// What happened, for people.
    pub reason: String,
    /// A wait that the platform asked for. Waiting for it does not use up the time for completing.
    pub pause: Option<Timestamp>,
}

/// A driver stopped for a reason that is not shutdown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DriverError(pub String);

/// A room that the account can see.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Room {
    /// Its name.
    pub name: String,
    /// What kind of room it is, in the platform's own word.
    pub kind: String,
    /// Its address, ready to be pasted into a rule.
    pub address: Address,
}

/// One line of a doctor's report.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    /// How it is.
    pub verdict: Verdict,
    /// What was looked at and found.
    pub what: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// How a check of the doctor ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Fine.
    Good,
    /// It works, but not as well as it could.
    Warning,
    /// It does not work.
    Bad,
}
