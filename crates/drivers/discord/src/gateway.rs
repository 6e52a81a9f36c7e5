//! The gateway: the WebSocket over which Discord tells what happens (`/developers/events/gateway`, version 10).
//!
//! The [machine] holds the rules and knows no socket; the [line](mod@line) is the socket; the [intake] hands events in.

pub(crate) mod backoff;
mod budget;
#[cfg(test)]
mod cases;
mod close;
mod compression;
mod cursor;
mod entrance;
mod heart;
mod intake;
mod line;
mod machine;
#[cfg(test)]
mod model;
#[cfg(test)]
mod moves;
mod payload;
mod phase;
mod signal;

use std::sync::{Arc, Mutex, PoisonError};

use tieline_core::driver::{DriverContext, DriverError};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::driver::DiscordDriver;
use crate::gateway::budget::Budget;
#[cfg(feature = "fuzz")]
pub(crate) use crate::gateway::compression::Unpacking;
use crate::gateway::cursor::Cursor;
use crate::gateway::intake::Intake;
use crate::gateway::line::Line;
use crate::gateway::machine::Machine;
#[cfg(feature = "fuzz")]
pub(crate) use crate::gateway::payload::Word;
use crate::gateway::payload::{GUILD_MESSAGE_TYPING, INTENTS};

/// How many events may wait to be taken.
const WAITING: usize = 64;

/// How often the bot identified, over all runs of the driver.
#[derive(Debug)]
pub(crate) struct Identified {
    /// What the budget's times are counted from.
    epoch: Instant,
    budget: Mutex<Budget>,
}

impl Default for Identified {
    fn default() -> Self {
        Self { epoch: Instant::now(), budget: Mutex::default() }
    }
}

impl Identified {
    fn budget(&self) -> Budget {
        self.budget.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn keep(&self, budget: Budget) {
        *self.budget.lock().unwrap_or_else(PoisonError::into_inner) = budget;
    }
}

impl DiscordDriver {
    /// Receives until shutdown, or until something cannot be kept.
    pub(crate) async fn receive(&self, context: &DriverContext) -> Result<(), DriverError> {
        let Some(token) = self.instance.bot_token.clone() else {
            // It can only be written to.
            context.health.ready();
            context.shutdown.cancelled().await;
            return Ok(());
        };
        let cursor = Cursor::read(&*context.cursors, &self.instance).await;
        let cursor = cursor.map_err(|error| DriverError(error.to_string()))?;
        self.content.tell(Arc::clone(&context.health));
        let epoch = self.identified.epoch;
        let budget = self.identified.budget();
        let typing = if context.sources.wants("typing") { GUILD_MESSAGE_TYPING } else { 0 };
        let gateway = self.instance.gateway.clone();
        let mut machine = Machine::new(token, INTENTS | typing, gateway, cursor.session(), budget, epoch.elapsed());
        let (events, taken) = mpsc::channel(WAITING);
        let line = Line::new(self, context, &mut machine, epoch).hold(events);
        let ((), ended) = tokio::join!(line, Intake::new(self, context, cursor).take(taken));
        self.identified.keep(machine.into_budget());
        ended
    }
}
