//! One running bot.

use std::sync::Arc;

use tieline_core::driver::{BuildError, Services};
use tieline_core::throttle::Throttle;

use crate::api::Api;
use crate::claims::Claims;
use crate::deferred::Deferred;
use crate::directory::Directory;
use crate::gateway::Identified;
use crate::instance::Instance;
use crate::intent::ContentIntent;
use crate::look_up::LookUps;
use crate::me::Me;
use crate::media::Files;
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
    pub(crate) look_ups: LookUps,
    pub(crate) deferred: Deferred,
    pub(crate) content: ContentIntent,
    pub(crate) files: Files,
    pub(crate) identified: Identified,
    /// The warning of events that cannot be relayed.
    pub(crate) odd: Throttle,
}

impl DiscordDriver {
    pub(crate) fn new(instance: Arc<Instance>, services: Services) -> Result<Self, BuildError> {
        let api = Api::new(Arc::clone(&instance), Arc::clone(&services.clock))?;
        let files = Files::new(&instance)?;
        Ok(Self {
            instance,
            services,
            api,
            me: Me::default(),
            directory: Directory::default(),
            webhooks: Webhooks::default(),
            claims: Claims::default(),
            look_ups: LookUps::default(),
            deferred: Deferred::default(),
            content: ContentIntent::default(),
            files,
            identified: Identified::default(),
            odd: Throttle::default(),
        })
    }
}
