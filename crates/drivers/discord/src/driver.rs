//! One running bot.

use std::sync::Arc;

use tieline_core::driver::{BuildError, Services};

use crate::api::Api;
use crate::claims::Claims;
use crate::directory::Directory;
use crate::instance::Instance;
use crate::me::Me;
use crate::webhooks::Webhooks;

/// The driver of one instance.
pub(crate) struct DiscordDriver {
    pub(crate) instance: Arc<Instance>,
    pub(crate) services: Services,
    pub(crate) api: Api,
    pub(crate) me: Me,
    pub(crate) directory: Directory,
    pub(crate) webhooks: Webhooks,
    pub(crate) claims: Claims,
}

impl DiscordDriver {
    pub(crate) fn new(instance: Arc<Instance>, services: Services) -> Result<Self, BuildError> {
        let api = Api::new(Arc::clone(&instance), Arc::clone(&services.clock))?;
        Ok(Self {
            instance,
            services,
            api,
            me: Me::default(),
            directory: Directory::default(),
            webhooks: Webhooks::default(),
            claims: Claims::default(),
        })
    }
}
