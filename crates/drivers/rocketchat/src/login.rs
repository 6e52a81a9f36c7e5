//! Who we are to the server: a personal access token, or a login that is renewed when it expires.

use std::sync::{Arc, OnceLock};

use tieline_core::secret::Secret;
use tokio::sync::Mutex;

use crate::instance::Credentials;

/// What goes into the headers of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Session {
    /// `X-User-Id`.
    pub(crate) user_id: String,
    /// `X-Auth-Token`.
    pub(crate) token: Secret,
}

/// The session in use, if any.
#[derive(Debug)]
pub(crate) struct Login {
    credentials: Option<Credentials>,
    /// Held while a login is under way, so that there is one at a time.
    pub(crate) session: Mutex<Option<Arc<Session>>>,
    user_id: OnceLock<String>,
    username: OnceLock<String>,
}

impl Login {
    pub(crate) fn new(credentials: Option<Credentials>) -> Self {
        let user_id = OnceLock::new();
        let session = match &credentials {
            Some(Credentials::Token { user_id: id, token }) => {
                user_id.get_or_init(|| id.clone());
                Some(Arc::new(Session { user_id: id.clone(), token: token.clone() }))
            }
            _ => None,
        };
        Self { credentials, session: Mutex::new(session), user_id, username: OnceLock::new() }
    }

    /// User name and password, if that is how we log in.
    pub(crate) fn password(&self) -> Option<(&str, &Secret)> {
        match &self.credentials {
            Some(Credentials::Login { username, password }) => Some((username, password)),
            _ => None,
        }
    }

    /// Whether there is any way to call the server as somebody.
    pub(crate) fn is_possible(&self) -> bool {
        self.credentials.is_some()
    }

    /// Our user id, once it is known.
    pub(crate) fn user_id(&self) -> Option<&str> {
        self.user_id.get().map(String::as_str)
    }

    /// Notes the name of our account.
    pub(crate) fn learn_name(&self, username: &str) {
        if !username.is_empty() {
            self.username.get_or_init(|| username.to_owned());
        }
    }

    /// The name of our account, once it is known: reactions and typing name nobody otherwise.
    pub(crate) fn username(&self) -> Option<&str> {
        self.username.get().map(String::as_str)
    }

    /// Notes the user id that a login told. It is the same account at every login.
    pub(crate) fn learn(&self, user_id: &str) {
        self.user_id.get_or_init(|| user_id.to_owned());
    }
}
