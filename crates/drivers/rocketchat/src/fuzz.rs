//! The readers of what a server sends, open to the fuzzer: whatever comes, they read or refuse it.

use serde_json::json;
use tieline_core::driver::Defaults;
use tieline_core::id::InstanceId;

use crate::instance::Instance;
use crate::realtime::Word;
use crate::{inbound, payload, resolve, settings};

/// The body of a call of the Outgoing Webhook, up to the event that it is.
pub fn webhook(body: &[u8]) {
    if let Ok(payload) = payload::read(body) {
        let _read = inbound::event(&instance(), Some("me"), &payload, jiff::Timestamp::UNIX_EPOCH);
    }
}

/// A frame of the realtime API.
pub fn realtime(frame: &[u8]) {
    let _read = std::str::from_utf8(frame).ok().and_then(Word::read);
}

fn instance() -> Instance {
    let written = json!({ "server_url": "https://c.example", "auth_token": "t", "user_id": "me" });
    let (settings, mut problems) = settings::read(&written);
    let id = InstanceId::new("rc").expect("an id");
    let settings = settings.expect("sound settings");
    resolve::resolve(&id, &settings, &Defaults::default(), &mut problems).expect("sound settings")
}
