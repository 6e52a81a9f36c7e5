//! How far we have come in what the gateway tells, as it is kept in the outbox.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tieline_core::driver::{CursorError, Cursors};
use url::Url;

use super::payload::Session;
use crate::instance::Instance;
use crate::snowflake::Snowflake;

/// The cursor's name.
const NAME: &str = "gateway";

/// The session, the last event of it that is on disk, and the newest message that is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Cursor {
    /// Where the ids are unique. What another server said is of no use.
    realm: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resume_url: Option<Url>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
    /// The newest message that is on disk. What is newer than this was missed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_message: Option<Snowflake>,
    /// Guilds of which something was missed, and since which message; they have not been told since.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) missed: BTreeMap<Snowflake, Snowflake>,
}

impl Cursor {
    /// Reads it. What cannot be understood, or is another server's, counts as none.
    pub(crate) async fn read(cursors: &dyn Cursors, instance: &Instance) -> Result<Self, CursorError> {
        let new = Self { realm: instance.realm.clone(), ..Self::default() };
        let Some(kept) = cursors.get(NAME).await? else { return Ok(new) };
        match serde_json::from_str::<Self>(&kept) {
            Ok(cursor) if cursor.realm == instance.realm => Ok(cursor),
            Ok(_) => Ok(new),
            Err(error) => {
                tracing::warn!(
                    instance = %instance.id, %error,
                    "The place in what Discord told cannot be read; what was written while tieline did not run is missed"
                );
                Ok(new)
            }
        }
    }

    /// Keeps it.
    pub(crate) async fn write(&self, cursors: &dyn Cursors) -> Result<(), CursorError> {
        let text = serde_json::to_string(self).unwrap_or_default();
        cursors.set(NAME, &text).await
    }

    /// The session, if it may be resumed.
    pub(crate) fn session(&self) -> Option<(Arc<Session>, u64)> {
        let session = Session { id: self.session_id.clone()?, resume_at: self.resume_url.clone() };
        Some((Arc::new(session), self.seq?))
    }

    /// All events of a session up to this number are on disk.
    pub(crate) fn reach(&mut self, session: Option<&Session>, seq: Option<u64>) {
        self.session_id = session.map(|session| session.id.clone());
        self.resume_url = session.and_then(|session| session.resume_at.clone());
        self.seq = seq;
    }
}
