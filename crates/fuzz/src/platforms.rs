//! The platforms' dialects, as rules would use them.

use std::sync::Arc;

use serde_json::{Value, json};
use tieline_core::driver::{Defaults, DriverFactory, InstanceConfig};
use tieline_core::id::InstanceId;

/// One instance of each platform.
pub fn all() -> [Arc<dyn InstanceConfig>; 3] {
    [rocketchat(), discord(), whatsapp()]
}

/// A Rocket.Chat server.
pub fn rocketchat() -> Arc<dyn InstanceConfig> {
    let settings = json!({ "server_url": "https://c.example", "auth_token": "t", "user_id": "me" });
    instance(&tieline_rocketchat::RocketChat, &settings)
}

/// A Discord bot.
pub fn discord() -> Arc<dyn InstanceConfig> {
    instance(&tieline_discord::Discord, &json!({ "bot_token": "t0k" }))
}

/// A WhatsApp addon.
pub fn whatsapp() -> Arc<dyn InstanceConfig> {
    let settings = json!({ "addon_url": "http://addon:8066", "api_token": "t", "webhook_token": "hook-token" });
    instance(&tieline_whatsapp::WhatsApp, &settings)
}

fn instance(platform: &dyn DriverFactory, settings: &Value) -> Arc<dyn InstanceConfig> {
    let id = InstanceId::new("fuzz").expect("an id");
    let resolved = platform.resolve(&id, settings, &Defaults::default());
    resolved.instance.unwrap_or_else(|| panic!("{}: {:?}", platform.platform(), resolved.problems))
}
