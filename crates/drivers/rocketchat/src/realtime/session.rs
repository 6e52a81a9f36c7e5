//! Takes what a session of the realtime API tells, in order.
//!
//! Nothing that was missed is told by the API itself. When a room begins in a session it is
//! [entered](Intake::enter) first, and what it says meanwhile waits. If what was missed cannot be fetched the session is
//! given up, and the next one begins at the same place.

use std::collections::HashMap;

use serde_json::Value;
use tieline_core::driver::{DriverContext, DriverError};
use tokio::sync::mpsc;

use super::signal::{Dispatch, What};
use super::word::{ACTIVITY, Changed, MESSAGES, MY_MESSAGES, ROOM};
use crate::driver::RocketChatDriver;
use crate::intake::{Intake, Stop};

/// How many messages may wait for what their rooms said before.
const PARKED: usize = 1000;

/// A session, and how far it is.
pub(crate) struct Session<'d> {
    driver: &'d RocketChatDriver,
    context: &'d DriverContext,
    intake: Intake<'d>,
    /// Tells the line that this session is of no use any more.
    behind: mpsc::Sender<String>,
    number: u64,
    /// Whether the session is given up.
    stale: bool,
    /// Whether the session hears every room, also those that the bot joins in it.
    every: bool,
    /// By room that has begun in this session: what was posted earlier than this and is not known is not new.
    open: HashMap<String, i64>,
    /// What rooms said that have not begun.
    parked: Vec<Value>,
}

impl<'d> Session<'d> {
    pub(crate) fn new(
        driver: &'d RocketChatDriver,
        context: &'d DriverContext,
        intake: Intake<'d>,
        behind: mpsc::Sender<String>,
    ) -> Self {
        Self {
            driver,
            context,
            intake,
            behind,
            number: 0,
            stale: false,
            every: false,
            open: HashMap::new(),
            parked: Vec::new(),
        }
    }

    /// Takes events until shutdown, or until one cannot be kept.
    pub(crate) async fn take(mut self, mut events: mpsc::Receiver<Dispatch>) -> Result<(), DriverError> {
        let stop = loop {
            // What is dropped half-done here is not behind the cursor, so it is fetched again.
            let next = tokio::select! {
                biased;
                () = self.context.shutdown.cancelled() => Err(Stop::Asked),
                next = self.next(&mut events) => next,
            };
            if let Err(stop) = next {
                break stop;
            }
        };
        match stop {
            Stop::Failed(error) => Err(error),
            Stop::Asked => self.intake.keep().await.map_err(|error| DriverError(error.to_string())),
        }
    }

    async fn next(&mut self, events: &mut mpsc::Receiver<Dispatch>) -> Result<(), Stop> {
        let dispatch = tokio::select! {
            biased;
            () = self.intake.is_due() => None,
            dispatch = events.recv() => Some(dispatch),
        };
        match dispatch {
            None => Ok(self.intake.keep().await?),
            Some(Some(dispatch)) => self.hear(dispatch).await,
            Some(None) => Err(Stop::Asked),
        }
    }

    async fn hear(&mut self, dispatch: Dispatch) -> Result<(), Stop> {
        if dispatch.session != self.number {
            self.number = dispatch.session;
            self.stale = false;
            self.every = false;
            self.open.clear();
            self.parked.clear();
            self.intake.leave_others();
        }
        if self.stale {
            return Ok(());
        }
        match dispatch.what {
            What::Began { rooms, every } => {
                self.every = every;
                for room in rooms {
                    self.begin(&room).await?;
                }
                let parked = std::mem::take(&mut self.parked);
                for message in parked {
                    self.route(message).await?;
                }
                Ok(())
            }
            What::Changed(changed) => self.changed(changed).await,
        }
    }

    /// This session is of no use.
    fn give_up(&mut self, why: String) {
        self.stale = true;
        if self.behind.try_send(why).is_err() {
            tracing::debug!(instance = %self.driver.instance.id, "The line was told already that the session is of no use");
        }
    }

    /// A room is heard from now on.
    async fn begin(&mut self, room: &str) -> Result<(), Stop> {
        if self.stale {
            return Ok(());
        }
        match self.intake.enter(room).await? {
            Ok(floor) => {
                self.open.insert(room.to_owned(), floor);
            }
            Err(why) => self.give_up(why),
        }
        Ok(())
    }

    async fn changed(&mut self, changed: Changed) -> Result<(), Stop> {
        match changed.stream.as_str() {
            MESSAGES => {
                let joined = changed.args.get(1).is_some_and(|facts| facts["roomParticipant"] == true);
                if changed.key == MY_MESSAGES && !joined {
                    return Ok(());
                }
                match changed.args.into_iter().next() {
                    Some(message) => self.route(message).await,
                    None => Ok(()),
                }
            }
            ROOM => match changed.key.split_once('/') {
                Some((room, what)) if self.open.contains_key(room) => self.notified(room, what, &changed.args).await,
                _ => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// Something happened in a room that is no message.
    async fn notified(&mut self, room: &str, what: &str, said: &[Value]) -> Result<(), Stop> {
        match what {
            "deleteMessage" => {
                for gone in said.iter().filter_map(|gone| gone["_id"].as_str()) {
                    self.intake.gone(room, gone).await?;
                }
            }
            "deleteMessageBulk" => {
                for said in said {
                    self.intake.pruned(room, said).await?;
                }
            }
            ACTIVITY => self.intake.busy(room, said).await,
            _ => {}
        }
        Ok(())
    }

    /// A message that the API told goes where it belongs: to be handed in, or to wait for what its room said before.
    async fn route(&mut self, message: Value) -> Result<(), Stop> {
        let Some(room) = message["rid"].as_str().map(str::to_owned) else { return Ok(()) };
        if !self.intake.listens_to(&room) {
            return Ok(());
        }
        if !self.open.contains_key(&room) {
            if !self.every {
                if self.parked.len() >= PARKED {
                    self.give_up("too much is said while it is fetched".to_owned());
                } else {
                    self.parked.push(message);
                }
                return Ok(());
            }
            self.begin(&room).await?;
        }
        match self.open.get(&room).copied().filter(|_| !self.stale) {
            Some(floor) => self.intake.hear(&room, message, floor).await,
            None => Ok(()),
        }
    }
}
