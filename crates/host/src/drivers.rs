//! The platforms that this binary knows: one line each.

use std::sync::Arc;

use tieline_core::driver::DriverFactory;

/// The one table of drivers.
pub(crate) fn all() -> Vec<Arc<dyn DriverFactory>> {
    vec![
        Arc::new(tieline_rocketchat::RocketChat),
        Arc::new(tieline_whatsapp::WhatsApp),
        Arc::new(tieline_discord::Discord),
    ]
}
