//! The reader of what the addon sends, open to the fuzzer: whatever comes, it is read or refused.

use jiff::Timestamp;
use serde_json::json;
use tieline_core::driver::Defaults;
use tieline_core::id::InstanceId;

use crate::instance::Instance;
use crate::{parse, payload, resolve, settings};

/// The body of a call of the webhook, up to the event that it is.
pub fn webhook(body: &[u8]) {
    if let Ok(payload) = payload::read(body) {
        let _read = parse::event(&instance(), &payload, Timestamp::UNIX_EPOCH);
    }
}

fn instance() -> Instance {
    let written = json!({ "addon_url": "http://addon:8066", "api_token": "t", "webhook_token": "hook-token" });
    let (settings, mut problems) = settings::read(&written);
    let id = InstanceId::new("wa").expect("an id");
    let settings = settings.expect("sound settings");
    resolve::resolve(&id, &settings, &Defaults::default(), &mut problems).expect("sound settings")
}
