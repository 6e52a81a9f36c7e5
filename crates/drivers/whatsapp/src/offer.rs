//! Files that are too large for a call: offered on our own listener, and fetched from there by the addon.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tieline_core::offer::{FileOffer, OfferError};
use tieline_core::send::{SendError, Trouble};
use tieline_core::spool::SpoolId;
use tieline_core::webhook::{ListenAt, Webhooks};

use crate::part::Posted;

/// How long a link works. The addon fetches the file while we wait for its answer, as soon as it is connected.
const LIVES: Duration = Duration::from_mins(10);

/// Where files can be offered: our listener, while the driver receives.
#[derive(Default)]
pub(crate) struct Offers(Mutex<Option<(Arc<dyn Webhooks>, ListenAt)>>);

impl Offers {
    /// From now on files can be offered there; `None`: nowhere.
    pub(crate) fn at(&self, place: Option<(Arc<dyn Webhooks>, ListenAt)>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = place;
    }

    /// An address of the file under `base`. It is a secret until it has expired.
    pub(crate) async fn link(&self, base: &str, id: &SpoolId, file: &Posted) -> Result<String, SendError> {
        let later = |reason: String| SendError::Retryable { reason, trouble: Trouble::Other, after: None };
        let place = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some((webhooks, at)) = place else {
            return Err(later("a large file can be offered to the addon only while webhooks are received".to_owned()));
        };
        let offer = FileOffer { file: id.clone(), name: file.name.clone(), mime: file.mime.clone(), lives: LIVES };
        match webhooks.offer(&at, offer).await {
            Ok(offered) => Ok(offered.under(base)),
            Err(error @ OfferError::NotListening { .. }) => Err(later(error.to_string())),
            Err(error) => Err(SendError::Permanent { reason: error.to_string() }),
        }
    }
}
