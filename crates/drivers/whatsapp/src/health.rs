//! How the account is. The addon tells nobody when its connection changes, so it is asked.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use http::StatusCode;
use serde_json::Value;
use tieline_core::driver::DriverContext;
use tieline_net::Transport;
use tokio::sync::Notify;

use crate::driver::WhatsAppDriver;
use crate::history::History;
use crate::refusal::{Failure, WRONG_TOKEN};

/// How long a connected account is left alone; varied by a fifth, so that several do not ask in step.
const EVERY: Duration = Duration::from_secs(15);
/// The first wait after something was found wrong. It doubles up to [`EVERY`].
const SOON: Duration = Duration::from_secs(1);
/// How long the addon may take to say how it is.
const PATIENCE: Duration = Duration::from_secs(10);

/// How an account is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Condition {
    /// It is connected to WhatsApp.
    Ready,
    /// It is paired, but not connected.
    Disconnected(String),
    /// It is about to be connected.
    Connecting(String),
    /// No phone is paired with the session.
    Unpaired(String),
    /// The addon refuses the token.
    WrongToken,
    /// The addon has no such session.
    NoSession(String),
    /// Nobody answers, or not in time.
    Unreachable(String),
    /// Somebody else answers, or in a way that cannot be understood.
    Strange(String),
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready => f.write_str("the WhatsApp account is connected"),
            Self::Disconnected(session) => {
                write!(
                    f,
                    "the WhatsApp account of session `{session}` is not connected; if this stays, look at the addon's page"
                )
            }
            Self::Connecting(session) => write!(f, "the WhatsApp account of session `{session}` is connecting"),
            Self::Unpaired(session) => write!(
                f,
                "no phone is paired with session `{session}`: open the addon's page and scan its code with WhatsApp"
            ),
            Self::WrongToken => f.write_str(WRONG_TOKEN),
            Self::NoSession(why) | Self::Unreachable(why) | Self::Strange(why) => f.write_str(why),
        }
    }
}

/// What is remembered of the account's condition.
#[derive(Debug, Default)]
pub(crate) struct Pulse {
    /// Whether it was connected when it was last asked.
    ready: AtomicBool,
    /// Something speaks against that.
    doubted: Notify,
}

impl WhatsAppDriver {
    /// Asks how the account is, again and again, and tells each change once.
    pub(crate) async fn watch(&self, context: &DriverContext, history: Option<&History>) {
        let mut last = None;
        let mut soon = SOON;
        loop {
            let condition = self.condition().await;
            let ready = condition == Condition::Ready;
            self.pulse.ready.store(ready, Relaxed);
            if let Some(history) = history {
                history.seen(&condition);
            }
            if last.as_ref() != Some(&condition) {
                self.tell(context, &condition);
                last = Some(condition);
            }
            let wait = if ready { EVERY.mul_f64(0.8 + 0.4 * fastrand::f64()) } else { soon };
            soon = if ready { SOON } else { (soon * 2).min(EVERY) };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.pulse.doubted.notified() => {}
            }
        }
    }

    fn tell(&self, context: &DriverContext, condition: &Condition) {
        let id = &self.instance.id;
        if *condition == Condition::Ready {
            tracing::info!(instance = %id, "The WhatsApp account is connected");
            context.health.ready();
        } else {
            let why = condition.to_string();
            tracing::warn!(instance = %id, why, "The WhatsApp account cannot be used");
            context.health.failing(&why);
        }
    }

    /// A send failed in a way that speaks against the account's condition: it is looked at right away.
    pub(crate) fn doubt(&self, failure: &Failure) {
        let telling = match failure {
            Failure::Lost { outcome, .. } => *outcome == Transport::NotSent,
            Failure::NoSession { .. } => true,
            _ => matches!(failure.status(), Some(StatusCode::UNAUTHORIZED | StatusCode::SERVICE_UNAVAILABLE)),
        };
        // While something is known to be wrong, it is looked at often anyway.
        if telling && self.pulse.ready.swap(false, Relaxed) {
            self.pulse.doubted.notify_one();
        }
    }

    /// How the account is now.
    pub(crate) async fn condition(&self) -> Condition {
        let session = || self.instance.session.clone();
        let status = match self.api.get("/status", &[], PATIENCE).await {
            Ok(status) => status,
            Err(failure) if failure.is_token() => return Condition::WrongToken,
            Err(failure @ Failure::NoSession { .. }) => return Condition::NoSession(failure.to_string()),
            Err(failure @ Failure::Lost { .. }) => {
                return Condition::Unreachable(failure.of_question(self.api.base()));
            }
            Err(failure) => return Condition::Strange(failure.of_question(self.api.base())),
        };
        let says = |key: &str| status.get(key).and_then(Value::as_bool);
        let Some(connected) = says("connected") else {
            let base = self.api.base();
            return Condition::Strange(format!("what answers at `addon_url` ({base}) is no WhatsApp addon"));
        };
        self.names.note_owner(&status);
        if connected {
            return Condition::Ready;
        }
        let paired = status.get("user").is_some_and(Value::is_object);
        if !paired {
            // Somebody may have removed the session, and the next call would make it again.
            self.api.forget_session();
        }
        match says("connecting") {
            Some(true) => Condition::Connecting(session()),
            _ if paired => Condition::Disconnected(session()),
            _ => Condition::Unpaired(session()),
        }
    }
}
