//! The readers of what the gateway says, open to the fuzzer: whatever comes, they read or refuse it.

use jiff::Timestamp;
use serde_json::json;
use tieline_core::driver::Defaults;
use tieline_core::id::InstanceId;

use crate::change::TakenAway;
use crate::deferred::Deferred;
use crate::directory::Directory;
use crate::gateway::{Unpacking, Word};
use crate::instance::Instance;
use crate::parse::{Listener, received};
use crate::webhooks::Webhooks;
use crate::{resolve, settings};

/// A payload of the gateway, up to the events that it is.
pub fn gateway(payload: &[u8]) {
    if let Ok(Word::Dispatch { kind, data, .. }) = Word::read(payload) {
        let listener = Listener {
            instance: &instance(),
            directory: &Directory::default(),
            deferred: &Deferred::default(),
            me: None,
            taken_away: &TakenAway::default(),
            webhooks: &Webhooks::default(),
            now: Timestamp::UNIX_EPOCH,
        };
        let _read = received(&listener, &kind, &data);
    }
}

/// A compressed message of the gateway.
pub fn compressed(message: &[u8]) {
    let _read = Unpacking::default().take(message);
}

fn instance() -> Instance {
    let (settings, mut problems) = settings::read(&json!({ "bot_token": "t0k" }));
    let id = InstanceId::new("dc").expect("an id");
    let settings = settings.expect("sound settings");
    resolve::resolve(&id, &settings, &Defaults::default(), &mut problems).expect("sound settings")
}
