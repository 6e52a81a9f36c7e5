//! The conformance suite, once for each way to send and to receive.

use std::sync::Arc;

use tieline_core::driver::Services;
use tieline_testkit::TempSpool;
use tieline_testkit::rocketchat::RocketChatScript;

use crate::server::{Mode, Scene};

async fn conforming(script: RocketChatScript, mode: Mode, services: Services) -> Scene {
    let spool = Arc::new(TempSpool::new().expect("a temporary folder"));
    Scene::new(script, mode, services, spool, Arc::default()).await
}

mod api {
    use super::*;

    tieline_testkit::driver_conformance!(|services| conforming(RocketChatScript::default(), Mode::Api, services));
}

mod realtime {
    use super::*;

    tieline_testkit::driver_conformance!(|services| conforming(RocketChatScript::default(), Mode::Realtime, services));
}

mod webhook {
    use super::*;

    tieline_testkit::driver_conformance!(|services| conforming(RocketChatScript::default(), Mode::Hook, services));
}

/// With the bot's credentials beside the hook, what became of a post can be found out.
mod webhook_with_bot {
    use super::*;

    tieline_testkit::driver_conformance!(|services| {
        conforming(RocketChatScript::default(), Mode::HookWithBot, services)
    });
}

/// Older servers tell no ids of what a hook posted.
mod webhook_without_ids {
    use super::*;

    tieline_testkit::driver_conformance!(|services| {
        let script = RocketChatScript { separate_response: Some(false), ..RocketChatScript::default() };
        conforming(script, Mode::Hook, services)
    });
}
