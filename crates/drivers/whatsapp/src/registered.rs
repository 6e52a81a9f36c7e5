//! Who has WhatsApp. The addon sends to any number and hears nothing of it if nobody is there, so a number that we have
//! never heard of is looked up before the first message to it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::api::Api;
use crate::book::Book;
use crate::jid::Jid;
use crate::refusal::Failure;

/// How many numbers are remembered.
const REMEMBERED: usize = 20_000;
/// How long somebody counts as having WhatsApp.
const KEEP: Duration = Duration::from_hours(24);
/// How long somebody counts as not having it: they may get it, and a person who retries wants to see that.
const KEEP_ABSENT: Duration = Duration::from_hours(1);
/// How long the look may take; then the message is sent anyway.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is known about numbers.
#[derive(Debug)]
pub(crate) struct Registered(Book<Jid, bool>);

impl Default for Registered {
    fn default() -> Self {
        Self(Book::new(REMEMBERED))
    }
}

impl Registered {
    /// A message came from there, or went there: somebody is there.
    pub(crate) fn note(&self, chat: &Jid) {
        if chat.is_phone() {
            self.0.note(chat, true, KEEP);
        }
    }

    /// Whether the addon says that nobody with WhatsApp has this number. Where it cannot say, the send itself shows.
    pub(crate) async fn is_absent(&self, api: &Api, chat: &Jid) -> bool {
        // Only numbers can be looked up.
        chat.is_phone() && self.0.get(chat, look_up(api, chat)).await == Some(false)
    }
}

async fn look_up(api: &Api, chat: &Jid) -> Result<(bool, Duration), Failure> {
    let answer = api.post("/contacts/check", &json!({ "number": chat.user() }), PATIENCE).await?;
    match answer.get("exists").and_then(Value::as_bool) {
        Some(true) => Ok((true, KEEP)),
        Some(false) => Ok((false, KEEP_ABSENT)),
        None => Err(Failure::Unusable("the WhatsApp addon does not say whether the number exists".to_owned())),
    }
}
