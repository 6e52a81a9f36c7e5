//! The realtime API: the WebSocket over which Rocket.Chat tells what happens, in the words of DDP, version 1.
//!
//! The [machine] holds the rules and knows no socket; the [line](mod@line) is the socket; the [session] takes what is told.
//! What is sent goes by REST all the same: the realtime API takes no alias and swallows errors.

#[cfg(test)]
mod cases;
mod line;
mod machine;
#[cfg(test)]
mod model;
mod session;
mod signal;
mod typing;
mod word;

use tieline_core::driver::{DriverContext, DriverError};
use tokio::sync::mpsc;
use url::Url;

use crate::driver::RocketChatDriver;
use crate::instance::Instance;
use crate::intake::{Intake, Roster};
use crate::realtime::line::Line;
use crate::realtime::machine::Machine;
use crate::realtime::session::Session;

pub(crate) use crate::realtime::signal::Wanted;
pub(crate) use crate::realtime::typing::TypingLine;
#[cfg(feature = "fuzz")]
pub(crate) use crate::realtime::word::Word;

/// How many events may wait to be taken.
const WAITING: usize = 256;

/// Where the realtime API is.
pub(crate) fn address(instance: &Instance) -> Option<Url> {
    let mut url = Url::parse(&instance.on_server("/websocket")).ok()?;
    let scheme = if url.scheme() == "https" { "wss" } else { "ws" };
    url.set_scheme(scheme).ok()?;
    Some(url)
}

impl RocketChatDriver {
    /// Receives over the realtime API until shutdown, or until something cannot be kept.
    pub(crate) async fn receive_realtime(&self, context: &DriverContext) -> Result<(), DriverError> {
        let url = address(&self.instance)
            .ok_or_else(|| DriverError("`server_url` has no address of the realtime API".to_owned()))?;
        let roster = Roster::default();
        let intake = Intake::begin(self, context, &roster).await.map_err(|error| DriverError(error.to_string()))?;
        let machine = Machine::new(self.api.login.password().is_some());
        let (events, taken) = mpsc::channel(WAITING);
        let (behind, broken) = mpsc::channel(1);
        let line = Line::new(self, context, &roster, machine, url).hold(events, broken);
        let ((), ended) = tokio::join!(line, Session::new(self, context, intake, behind).take(taken));
        ended
    }
}
