//! Takes what the server tells of messages: finds out what is new about each, hands it in, and moves the cursor behind it.
//!
//! - The cursor of a room never stands behind a change that is not on disk.
//! - When a room is entered, what it said since the cursor is fetched and handed in first.
//! - A room that was never heard before begins behind the latest change in it: what was written there before is never
//!   handed in as new.
//!
//! Who says what there is to take is the realtime API's [session](crate::realtime), or, where an Outgoing Webhook tells
//! what is written, the [rounds](crate::catch_up) that find what it did not tell.

mod cursor;
mod gap;
mod kind;
mod memory;
mod missed;
mod news;
mod roster;

use std::collections::HashSet;
use std::time::Duration;

use serde_json::Value;
use tieline_core::driver::{CursorError, DriverContext, DriverError, InboundError};
use tieline_core::event::Event;
use tieline_core::id::{ChannelKey, MessageId};
use tokio::time::{Instant, sleep_until};

pub(crate) use self::roster::Roster;

use self::cursor::{Cursor, Place};
use self::gap::{Found, Gap};
use self::kind::Kind;
use self::memory::{Memory, Seen, Standing, millis};
use self::missed::{Pages, Unheard};
use self::news::as_rest;
use crate::driver::RocketChatDriver;

/// How often the cursor is kept at most.
const KEEP: Duration = Duration::from_secs(1);
/// How far before the cursor is looked, in milliseconds: changes need not be told in the order of their times.
const OVERLAP: i64 = 60_000;

/// Why the intake stops.
pub(crate) enum Stop {
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

/// Takes what the server tells.
pub(crate) struct Intake<'d> {
    driver: &'d RocketChatDriver,
    context: &'d DriverContext,
    roster: &'d Roster,
    cursor: Cursor,
    memory: Memory,
    /// Encrypted rooms that were told of.
    encrypted: HashSet<String>,
    /// Rooms of which the server does not say what was missed, and that were told of.
    untold: HashSet<String>,
    /// Whether the cursor moved since it was kept.
    moved: bool,
    /// When the cursor may be kept again.
    keep_at: Instant,
}

impl<'d> Intake<'d> {
    /// Goes on where the last one kept its place.
    pub(crate) async fn begin(
        driver: &'d RocketChatDriver,
        context: &'d DriverContext,
        roster: &'d Roster,
    ) -> Result<Self, CursorError> {
        let cursors = &*context.cursors;
        Ok(Self {
            driver,
            context,
            roster,
            cursor: Cursor::read(cursors, &driver.instance).await?,
            memory: Memory::recalling(Cursor::reactions(cursors, &driver.instance).await?),
            encrypted: HashSet::new(),
            untold: HashSet::new(),
            moved: false,
            keep_at: Instant::now(),
        })
    }

    /// Waits until the cursor is to be kept.
    pub(crate) async fn is_due(&self) {
        if self.moved {
            sleep_until(self.keep_at).await;
        } else {
            std::future::pending::<()>().await;
        }
    }

    /// Keeps the cursor, if it moved.
    pub(crate) async fn keep(&mut self) -> Result<(), CursorError> {
        if self.moved {
            if let Some(reactions) = self.memory.reactions() {
                self.cursor.write_reactions(&*self.context.cursors, &reactions).await?;
            }
            self.cursor.write(&*self.context.cursors).await?;
            self.moved = false;
            self.keep_at = Instant::now() + KEEP;
        }
        Ok(())
    }

    /// Whether a rule takes what a room says.
    pub(crate) fn listens_to(&self, room: &str) -> bool {
        ChannelKey::new(room).is_ok_and(|channel| self.context.sources.listens_to(&channel, None))
    }

    /// Forgets its place in rooms that no rule listens to: one that is a source again later begins anew.
    pub(crate) fn leave_others(&mut self) {
        let sources = &*self.context.sources;
        let heard = |room: &str| ChannelKey::new(room).is_ok_and(|channel| sources.listens_to(&channel, None));
        self.moved |= self.cursor.retain(heard);
    }

    /// A room is heard from now on. What it said since the cursor is handed in first. Returns since when an unknown message
    /// is new, in milliseconds since 1970; `Ok(Err(why))`: nobody could say now what was missed.
    pub(crate) async fn enter(&mut self, room: &str) -> Result<Result<i64, String>, Stop> {
        let now = self.driver.services.clock.now().as_millisecond();
        let Some(Place { from, reached, asked }) = self.cursor.of(room) else {
            let begins = match self.driver.latest(room).await {
                Ok(latest) => latest + 1,
                Err(Unheard::Later(why)) => return Ok(Err(why)),
                // A server without pages, or a room that is closed to the bot: our clock has to do.
                Err(Unheard::Never(_)) => now,
            };
            self.cursor.begin(room, begins, now);
            self.moved = true;
            self.keep().await?;
            return Ok(Ok(begins));
        };
        let Some(catch_up) = self.driver.instance.catch_up else { return Ok(Ok(reached)) };
        let oldest = now.saturating_sub(i64::try_from(catch_up.max_age.as_millis()).unwrap_or(i64::MAX));
        let since = (reached - OVERLAP).max(oldest);
        let floor = since.max(from);
        let driver = self.driver;
        let mut pages = Pages::new(driver, room, since, now - asked.max(reached));
        let mut gap = Gap::new(catch_up.max_messages as usize);
        let mut latest = reached;
        loop {
            let page = match pages.next().await {
                Ok(Some(page)) => page,
                Ok(None) => break,
                Err(Unheard::Later(why)) => return Ok(Err(why)),
                Err(Unheard::Never(failure)) => {
                    if self.untold.insert(room.to_owned()) {
                        tracing::warn!(
                            instance = %driver.instance.id, room, %failure,
                            "Rocket.Chat does not tell what was written in a room while nobody listened; it is missed"
                        );
                    }
                    return Ok(Ok(floor));
                }
            };
            for message in page.messages {
                latest = latest.max(millis(&message["_updatedAt"]).unwrap_or(latest));
                if let Some(found) = self.weigh(message, floor, false).await {
                    gap.add(found);
                }
            }
            gap.gone.extend(page.deleted);
        }
        self.untold.remove(room);
        let (found, gone) = gap.in_order();
        for found in found {
            self.tell(found).await?;
        }
        for gone in gone {
            self.gone(room, &gone).await?;
        }
        self.moved |= self.cursor.reach(room, latest);
        self.cursor.asked(room, now);
        Ok(Ok(floor))
    }

    /// The server told of a message in a room that was entered; `floor` is what [`enter`](Self::enter) returned.
    pub(crate) async fn hear(&mut self, room: &str, message: Value, floor: i64) -> Result<(), Stop> {
        let floor = self.cursor.of(room).map_or(floor, |place| floor.max(place.reached - OVERLAP));
        let updated = millis(&message["_updatedAt"]);
        if let Some(found) = self.weigh(message, floor, true).await {
            self.tell(found).await?;
        }
        if let Some(updated) = updated {
            self.cursor.reach(room, updated);
            self.moved = true;
        }
        Ok(())
    }

    /// Finds out whether a message is known; `None`: there is nothing to be told of it. One that nobody knows and that was
    /// posted before `floor` is not new; but what is told at once, `live`, and was just posted is, whatever the server's
    /// clock says.
    async fn weigh(&mut self, message: Value, floor: i64, live: bool) -> Option<Found> {
        let Some(seen) = Seen::read(&message) else {
            tracing::debug!(instance = %self.driver.instance.id, "A message without id, room or time is left out");
            return None;
        };
        if !self.is_told(&message, &seen) {
            return None;
        }
        let standing = if self.memory.holds(&seen.id) || self.is_known(&seen.id).await {
            Standing::Known
        } else if seen.posted < floor && !(live && seen.is_fresh()) {
            Standing::Old
        } else {
            Standing::New
        };
        if standing == Standing::Known && self.memory.is_plain(&seen) {
            self.memory.hear(seen, standing);
            return None;
        }
        Some(Found { message, seen, standing })
    }

    /// Hands in what is new about a message.
    async fn tell(&mut self, Found { message, seen, standing }: Found) -> Result<(), Stop> {
        if standing == Standing::New {
            self.cursor.heard(&seen.room, seen.posted);
        }
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

    /// Whether a message is anything that is told.
    fn is_told(&mut self, message: &Value, seen: &Seen) -> bool {
        let id = &self.driver.instance.id;
        match seen.kind {
            Kind::Said if message["private"] == true => false,
            Kind::Said | Kind::Removed | Kind::Joined | Kind::Left | Kind::Topic => true,
            Kind::Encrypted => {
                if self.encrypted.insert(seen.room.clone()) {
                    tracing::warn!(
                        instance = %id, room = seen.room,
                        "A room is encrypted end to end: nobody but its members' own apps can read what is said there"
                    );
                }
                false
            }
            Kind::Other => {
                let kind = message["t"].as_str().unwrap_or_default();
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

    /// A message is gone.
    pub(crate) async fn gone(&mut self, room: &str, message: &str) -> Result<(), Stop> {
        let event = self.driver.deletion(room, message, self.roster).filter(|_| self.memory.forget(message));
        match event {
            Some(event) => self.accept(event).await,
            None => Ok(()),
        }
    }

    /// A room was pruned. Older servers do not say which messages are gone, only from when to when; then those go that are
    /// remembered.
    pub(crate) async fn pruned(&mut self, room: &str, said: &Value) -> Result<(), Stop> {
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

    /// Somebody does something in a room, as `user-activity` tells it: who, and what.
    pub(crate) async fn busy(&self, room: &str, said: &[Value]) {
        let [who, what, ..] = said else { return };
        let types = what.as_array().is_some_and(|what| what.iter().any(|one| one == "user-typing"));
        let typing = self.driver.typing(room, who.as_str().unwrap_or_default(), self.roster);
        if let Some(typing) = typing.filter(|_| types) {
            self.context.inbound.typing(typing).await;
        }
    }

    async fn accept(&mut self, event: Event) -> Result<(), Stop> {
        self.context.inbound.accept(event).await?;
        Ok(())
    }
}
