//! Takes what the realtime API tells: finds out what is new about it, hands it in, and moves the cursor behind it.
//!
//! - The cursor of a room never stands behind a change that is not on disk.
//! - Nothing that was missed is told by the API itself. When a room begins in a session, what it said since the cursor is
//!   fetched and handed in first; what it says meanwhile waits. If that cannot be fetched the session is given up, and the
//!   next one begins at the same place.
//! - A room that was never heard before begins now: what was written there before is never handed in as new.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use serde_json::Value;
use tieline_core::driver::{CursorError, DriverContext, DriverError, InboundError};
use tieline_core::event::Event;
use tieline_core::id::{ChannelKey, MessageId};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::cursor::{Cursor, Place};
use super::memory::{Memory, Seen, Standing, millis};
use super::news::as_rest;
use super::roster::Roster;
use super::signal::{Dispatch, What};
use super::word::{Changed, MESSAGES, MY_MESSAGES, ROOM};
use crate::driver::RocketChatDriver;

/// How often the cursor is kept at most.
const KEEP: Duration = Duration::from_secs(1);
/// How far before the cursor is looked, in milliseconds: changes need not be told in the order of their times.
const OVERLAP: i64 = 60_000;
/// How many messages may wait for what their rooms said before.
const PARKED: usize = 1000;

/// Why the intake stops.
enum Stop {
    /// The relay is stopping.
    Asked,
    /// Something cannot be kept.
    Failed(DriverError),
}

impl From<InboundError> for Stop {
    fn from(error: InboundError) -> Self {
        match error {
            InboundError::Stopping => Self::Asked,
            InboundError::Disk(_) => Self::Failed(DriverError(error.to_string())),
        }
    }
}

impl From<CursorError> for Stop {
    fn from(error: CursorError) -> Self {
        Self::Failed(DriverError(error.to_string()))
    }
}

/// Takes events.
pub(crate) struct Intake<'d> {
    driver: &'d RocketChatDriver,
    context: &'d DriverContext,
    roster: &'d Roster,
    cursor: Cursor,
    memory: Memory,
    /// Tells the line that this session is of no use any more.
    behind: mpsc::Sender<String>,
    session: u64,
    /// Whether the session is given up.
    stale: bool,
    /// Whether the session hears every room, also those that the bot joins in it.
    every: bool,
    /// By room that has begun in this session: what was posted earlier than this and is not known is not new.
    open: HashMap<String, i64>,
    /// What rooms said that have not begun.
    parked: Vec<Value>,
    /// Encrypted rooms that were told of.
    encrypted: HashSet<String>,
    /// Whether the cursor moved since it was kept.
    moved: bool,
    /// When the cursor may be kept again.
    keep_at: Instant,
}

impl<'d> Intake<'d> {
    pub(crate) fn new(
        driver: &'d RocketChatDriver,
        context: &'d DriverContext,
        roster: &'d Roster,
        cursor: Cursor,
        behind: mpsc::Sender<String>,
    ) -> Self {
        Self {
            driver,
            context,
            roster,
            cursor,
            memory: Memory::default(),
            behind,
            session: 0,
            stale: false,
            every: false,
            open: HashMap::new(),
            parked: Vec::new(),
            encrypted: HashSet::new(),
            moved: false,
            keep_at: Instant::now(),
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
            Stop::Asked => self.keep().await.map_err(|error| DriverError(error.to_string())),
        }
    }

    async fn next(&mut self, events: &mut mpsc::Receiver<Dispatch>) -> Result<(), Stop> {
        tokio::select! {
            biased;
            () = sleep_until(self.keep_at), if self.moved => Ok(self.keep().await?),
            dispatch = events.recv() => match dispatch {
                Some(dispatch) => self.hear(dispatch).await,
                None => Err(Stop::Asked),
            },
        }
    }

    async fn keep(&mut self) -> Result<(), CursorError> {
        if self.moved {
            self.cursor.write(&*self.context.cursors).await?;
            self.moved = false;
            self.keep_at = Instant::now() + KEEP;
        }
        Ok(())
    }

    async fn hear(&mut self, dispatch: Dispatch) -> Result<(), Stop> {
        if dispatch.session != self.session {
            self.session = dispatch.session;
            self.stale = false;
            self.every = false;
            self.open.clear();
            self.parked.clear();
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

    /// A room is heard from now on. What it said since the cursor is handed in first.
    async fn begin(&mut self, room: &str) -> Result<(), Stop> {
        if self.stale {
            return Ok(());
        }
        let now = self.driver.services.clock.now().as_millisecond();
        let Some(Place { from, reached }) = self.cursor.of(room) else {
            self.open.insert(room.to_owned(), now);
            self.cursor.begin(room, now);
            self.moved = true;
            return Ok(());
        };
        let Some(catch_up) = self.driver.instance.catch_up else {
            self.open.insert(room.to_owned(), reached);
            return Ok(());
        };
        let oldest = now.saturating_sub(i64::try_from(catch_up.max_age.as_millis()).unwrap_or(i64::MAX));
        let since = (reached - OVERLAP).max(oldest);
        let missed = match self.driver.missed(room, since).await {
            Ok(missed) => missed,
            Err(why) => {
                self.give_up(why);
                return Ok(());
            }
        };
        let floor = since.max(from);
        let posted = |message: &Value| millis(&message["ts"]).is_some_and(|posted| posted >= floor);
        let news = missed.messages.iter().filter(|message| posted(message)).count();
        let mut too_many = news.saturating_sub(catch_up.max_messages as usize);
        let mut latest = reached;
        for message in missed.messages {
            latest = latest.max(millis(&message["_updatedAt"]).unwrap_or(latest));
            if posted(&message) && too_many > 0 {
                too_many -= 1;
                continue;
            }
            self.message(message, floor, false).await?;
        }
        for gone in missed.deleted {
            self.gone(room, &gone).await?;
        }
        self.open.insert(room.to_owned(), floor);
        self.cursor.reach(room, latest);
        self.moved = true;
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
                Some((room, "deleteMessage")) if self.open.contains_key(room) => {
                    for gone in changed.args.iter().filter_map(|gone| gone["_id"].as_str()) {
                        self.gone(room, gone).await?;
                    }
                    Ok(())
                }
                Some((room, "deleteMessageBulk")) if self.open.contains_key(room) => {
                    for said in &changed.args {
                        self.pruned(room, said).await?;
                    }
                    Ok(())
                }
                _ => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// A message that the API told goes where it belongs: to be handed in, or to wait for what its room said before.
    async fn route(&mut self, message: Value) -> Result<(), Stop> {
        let Some(room) = message["rid"].as_str().map(str::to_owned) else { return Ok(()) };
        let listened = ChannelKey::new(&room).is_ok_and(|channel| self.context.sources.listens_to(&channel, None));
        if !listened {
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
        let Some(begun) = self.open.get(&room).copied().filter(|_| !self.stale) else { return Ok(()) };
        let floor = self.cursor.of(&room).map_or(begun, |place| begun.max(place.reached - OVERLAP));
        let updated = millis(&message["_updatedAt"]);
        self.message(message, floor, true).await?;
        if let Some(updated) = updated {
            self.cursor.reach(&room, updated);
            self.moved = true;
        }
        Ok(())
    }

    /// Hands in what is new about a message. One that nobody knows and that was posted before `floor` is not new; but what
    /// is told at once, `live`, and was just posted is, whatever the server's clock says.
    async fn message(&mut self, message: Value, floor: i64, live: bool) -> Result<(), Stop> {
        let Some(seen) = Seen::read(&message) else {
            tracing::debug!(instance = %self.driver.instance.id, "A message without id, room or time is left out");
            return Ok(());
        };
        if !self.is_said(&message, &seen) {
            return Ok(());
        }
        let standing = if self.memory.holds(&seen.id) || self.is_known(&seen.id).await {
            Standing::Known
        } else if seen.posted < floor && !(live && seen.is_fresh()) {
            Standing::Old
        } else {
            self.cursor.heard(&seen.room, seen.posted);
            Standing::New
        };
        let turns = self.memory.hear(seen.clone(), standing);
        if turns.is_empty() {
            return Ok(());
        }
        let own = self.driver.own_id().await.map_err(|why| Stop::Failed(DriverError(why)))?;
        let message = as_rest(message);
        for turn in turns {
            if let Some(event) = self.driver.news(&message, &seen, &turn, own.as_deref(), self.roster) {
                self.accept(event).await?;
            }
        }
        Ok(())
    }

    /// Whether somebody said it, and we can read it.
    fn is_said(&mut self, message: &Value, seen: &Seen) -> bool {
        let id = &self.driver.instance.id;
        match seen.kind.as_deref() {
            None if message["private"] == true => false,
            None | Some("rm") => true,
            Some("e2e") => {
                if self.encrypted.insert(seen.room.clone()) {
                    tracing::warn!(
                        instance = %id, room = seen.room,
                        "A room is encrypted end to end: nobody but its members' own apps can read what is said there"
                    );
                }
                false
            }
            Some(kind) => {
                tracing::debug!(instance = %id, message = seen.id, kind, "A message of the server itself is not relayed");
                false
            }
        }
    }

    async fn is_known(&self, message: &str) -> bool {
        match MessageId::new(message) {
            Ok(message) => self.driver.services.links.is_known(self.driver.realm(), &message).await,
            Err(_) => false,
        }
    }

    async fn gone(&mut self, room: &str, message: &str) -> Result<(), Stop> {
        let event = self.driver.deletion(room, message, self.roster).filter(|_| self.memory.forget(message));
        match event {
            Some(event) => self.accept(event).await,
            None => Ok(()),
        }
    }

    /// A room was pruned. Older servers do not say which messages are gone, only from when to when; then those go that are
    /// remembered.
    async fn pruned(&mut self, room: &str, said: &Value) -> Result<(), Stop> {
        let names = |key: &str| said[key].as_array().into_iter().flatten().filter_map(Value::as_str);
        let mut gone: Vec<String> = names("ids").map(str::to_owned).collect();
        if gone.is_empty() {
            let bound =
                |key: [&str; 2], none: i64| key.iter().find_map(|key| millis(&said["ts"][*key])).unwrap_or(none);
            let users: Vec<&str> = names("users").collect();
            gone = self.memory.between(room, bound(["$gt", "$gte"], 0), bound(["$lt", "$lte"], i64::MAX), &users);
            tracing::info!(
                instance = %self.driver.instance.id, room, known = gone.len(),
                "A room was pruned, and Rocket.Chat does not say which messages are gone"
            );
        }
        for message in gone {
            self.gone(room, &message).await?;
        }
        Ok(())
    }

    async fn accept(&mut self, event: Event) -> Result<(), Stop> {
        self.context.inbound.accept(event).await?;
        Ok(())
    }
}
