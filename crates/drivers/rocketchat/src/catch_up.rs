//! Finds what an Outgoing Webhook did not tell.
//!
//! Its calls come in no order, and one that is not answered is forgotten. So they move no cursor: every minute, and at the
//! start, each room is asked what changed since it was asked last. Most of that is known, as the calls told it. The rest is
//! what was lost, and what no call tells: what was deleted, and who reacted.

use std::time::Duration;

use tieline_core::driver::DriverContext;
use tokio::time::sleep;

use crate::driver::RocketChatDriver;
use crate::gate::Gate;
use crate::intake::{Intake, Roster, Stop};

/// How long after a round the next one begins.
const EVERY: Duration = Duration::from_mins(1);

impl RocketChatDriver {
    /// Whether it can be asked what was missed.
    pub(crate) fn catches_up(&self) -> bool {
        self.instance.catch_up.is_some() && self.api.login.is_possible()
    }

    /// Asks round by round until shutdown. `gate`: what waits for the first round.
    pub(crate) async fn catch_up(&self, context: &DriverContext, gate: &Gate) {
        let roster = Roster::default();
        let mut before: Option<String> = None;
        loop {
            let outcome = match Intake::begin(self, context, &roster).await {
                Ok(intake) => self.rounds(intake, context, gate, &roster, &mut before).await,
                Err(error) => Stop::from(error),
            };
            gate.open();
            let Stop::Failed(error) = outcome else { return };
            // What was handed in last may not be on disk, so the next one begins where the cursor stands.
            self.not_caught_up(&mut before, error.to_string());
            sleep(EVERY).await;
        }
    }

    /// Rounds, until something cannot be kept.
    async fn rounds(
        &self,
        mut intake: Intake<'_>,
        context: &DriverContext,
        gate: &Gate,
        roster: &Roster,
        before: &mut Option<String>,
    ) -> Stop {
        loop {
            match self.round(&mut intake, context, gate, roster).await {
                Ok(None) => *before = None,
                Ok(Some(why)) => self.not_caught_up(before, why),
                Err(stop) => return stop,
            }
            gate.open();
            sleep(EVERY).await;
        }
    }

    /// Asks each room once. Returns why some could not be asked.
    async fn round(
        &self,
        intake: &mut Intake<'_>,
        context: &DriverContext,
        gate: &Gate,
        roster: &Roster,
    ) -> Result<Option<String>, Stop> {
        if let Err(failure) = roster.look_up(&self.api).await {
            return Ok(Some(failure.to_string()));
        }
        let rooms = roster.wanted(&*context.sources).rooms;
        intake.leave_others();
        gate.expect(&rooms);
        let mut failed = None;
        for room in &rooms {
            if let Err(why) = intake.enter(room).await? {
                failed = Some(why);
            }
            gate.pass(room);
        }
        intake.keep().await?;
        Ok(failed)
    }

    /// Says once what keeps it from being asked.
    fn not_caught_up(&self, before: &mut Option<String>, why: String) {
        if before.as_ref() != Some(&why) {
            tracing::warn!(
                instance = %self.instance.id, why,
                "Rocket.Chat cannot be asked what its Outgoing Webhook did not tell; it is asked again every minute"
            );
            *before = Some(why);
        }
    }
}
