//! A frame: how one rule says messages in one target channel.
//!
//! A frame holds everything of the configuration that a send needs: the address, the templates, the replacements and the
//! filter. The outbox stores it beside the delivery, so no send reads the plan, and a reload changes nothing that is
//! already on its way. Frames are named by their content; the many deliveries of one rule share one stored frame.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::address::Address;
use crate::filter::{Filter, Replacement};
use crate::id::{Channel, RuleId};
use crate::template::Template;

/// A message key of a platform, beside `msg_format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageKey {
    /// Its name in `msg`: `rc_alias`.
    pub name: &'static str,
    /// What it does, for the schema.
    pub about: &'static str,
}

/// How one rule says messages in one target channel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Frame {
    /// The rule.
    pub rule: RuleId,
    /// The target channel.
    pub target: Channel,
    /// The target's address in the driver's canonical spelling.
    pub address: Address,
    /// `msg_format`, the default filled in.
    pub format: Template,
    /// The platform's message keys that the rule sets.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub keys: BTreeMap<String, Template>,
    /// Which of `keys` shows the sender's own name (`rc_alias`), if the rule sets that one. See
    /// [`Capabilities::identity_key`](crate::driver::Capabilities::identity_key).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// Which messages it takes.
    #[serde(default, skip_serializing_if = "Filter::takes_all")]
    pub filter: Filter,
    /// What is replaced in the text, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replace: Vec<Replacement>,
    /// How the message named this channel, where the rule's target follows the conversation. Then the writer is told
    /// when the message cannot be delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub addressed: Option<Addressed>,
    /// What opens the thread that each source channel gets in the target, if it gets one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opener: Option<Template>,
}

/// How a message named the channel that it goes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Addressed {
    /// It answers a message of that channel.
    Reply,
    /// Its text begins with `[recipient]`, which is not part of what is said.
    Prefix,
    /// Its text begins with a `[recipient]` who may not be written to, for this reason.
    Refused(String),
}

impl Frame {
    /// A frame that says every message as its format has it, and nothing else.
    pub fn new(rule: RuleId, target: Channel, address: Address, format: Template) -> Self {
        Self {
            rule,
            target,
            address,
            format,
            keys: BTreeMap::new(),
            identity: None,
            filter: Filter::default(),
            replace: Vec::new(),
            addressed: None,
            opener: None,
        }
    }
}

/// The name of a frame: the first 16 bytes of the SHA-256 of its JSON.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FrameId(pub [u8; 16]);

impl fmt::Debug for FrameId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A frame with its name and its JSON, made once when the plan is made or when the outbox is read.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedFrame {
    /// Its name.
    pub id: FrameId,
    /// The frame.
    pub frame: Frame,
    /// Its JSON, as the outbox stores it.
    pub json: String,
}

impl NamedFrame {
    /// Names a frame.
    pub fn new(frame: Frame) -> Self {
        let json = serde_json::to_string(&frame).expect("a frame has only text keys");
        let digest: [u8; 32] = Sha256::digest(json.as_bytes()).into();
        let mut id = [0; 16];
        id.copy_from_slice(&digest[..16]);
        Self { id: FrameId(id), frame, json }
    }

    /// Reads a stored frame back.
    pub fn from_json(json: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(json).map(Self::new)
    }
}
