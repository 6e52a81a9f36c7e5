//! Takes the events of the gateway: understands them, hands them in, and moves the cursor behind them.
//!
//! - The cursor never stands behind an event that is not on disk.
//! - When a session began although there was one before, channels are [filled up](crate::history) from their history,
//!   and what such a channel says meanwhile waits until that is done. Until then the cursor is not kept either: the next
//!   process would begin at the same place once more, and the outbox knows repeats. Which guilds are still to be told is
//!   kept in the cursor.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use serde_json::Value;
use tieline_core::driver::{CursorError, DriverContext, DriverError, InboundError};
use tieline_core::event::{Body, Event};
use tieline_core::id::ChannelKey;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::cursor::Cursor;
use super::signal::Dispatch;
use crate::driver::DiscordDriver;
use crate::fields::{flag, id, list};
use crate::history::{Filled, OVERLAP, later};
use crate::snowflake::Snowflake;

/// How often the cursor is kept at most.
const KEEP: Duration = Duration::from_secs(1);
/// How many histories are read at a time.
const FILLS: usize = 4;
/// How many events may wait for histories.
const PARKED: usize = 1000;

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

/// Takes events.
pub(crate) struct Intake<'d> {
    driver: &'d DiscordDriver,
    context: &'d DriverContext,
    cursor: Cursor,
    /// Whether the cursor moved since it was kept.
    moved: bool,
    /// When the cursor may be kept again.
    keep_at: Instant,
    filling: FuturesUnordered<BoxFuture<'d, Filled>>,
    to_fill: VecDeque<BoxFuture<'d, Filled>>,
    /// What channels said whose history is to be filled up first.
    parked: HashMap<ChannelKey, VecDeque<Event>>,
}

impl<'d> Intake<'d> {
    pub(crate) fn new(driver: &'d DiscordDriver, context: &'d DriverContext, cursor: Cursor) -> Self {
        Self {
            driver,
            context,
            cursor,
            moved: false,
            keep_at: Instant::now(),
            filling: FuturesUnordered::new(),
            to_fill: VecDeque::new(),
            parked: HashMap::new(),
        }
    }

    /// Takes events until shutdown, or until one cannot be kept.
    pub(crate) async fn take(mut self, mut events: mpsc::Receiver<Dispatch>) -> Result<(), DriverError> {
        let stop = loop {
            // What is dropped half-done here is not behind the cursor, so it comes again.
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
        let parked: usize = self.parked.values().map(VecDeque::len).sum();
        tokio::select! {
            biased;
            () = sleep_until(self.keep_at), if self.moved && self.parked.is_empty() => Ok(self.keep().await?),
            Some(filled) = self.filling.next(), if !self.filling.is_empty() => self.fill(filled).await,
            dispatch = events.recv(), if parked < PARKED => match dispatch {
                Some(dispatch) => self.hear(dispatch).await,
                None => Err(Stop::Asked),
            },
        }
    }

    /// Keeps the cursor, unless a gap before it is not filled yet.
    async fn keep(&mut self) -> Result<(), CursorError> {
        if self.moved && self.parked.is_empty() {
            self.cursor.write(&*self.context.cursors).await?;
            self.moved = false;
            self.keep_at = Instant::now() + KEEP;
        }
        Ok(())
    }

    async fn hear(&mut self, dispatch: Dispatch) -> Result<(), Stop> {
        let Dispatch { kind, data, session, seq } = dispatch;
        match kind.as_str() {
            "READY" => {
                self.fill_all().await?;
                self.begin(&data);
            }
            "GUILD_DELETE" => self.lose(&data),
            "TYPING_START" => {
                if let Some(typing) = self.driver.understand_typing(&data).await {
                    self.context.inbound.typing(typing).await;
                }
            }
            _ => {}
        }
        for event in self.driver.understand(&kind, &data).await {
            match self.parked.get_mut(&event.channel) {
                Some(parked) => parked.push_back(event),
                None => self.accept(event).await?,
            }
        }
        if kind == "GUILD_CREATE" && !flag(&data, "unavailable") {
            self.look_back(&data).await;
        }
        self.cursor.reach(session.as_deref(), seq);
        self.moved = true;
        Ok(())
    }

    /// A session begins. What was said since the last one is missed.
    fn begin(&mut self, ready: &Value) {
        let Some(since) = self.cursor.last_message else {
            // Nothing that was said before the first session is fetched, ever.
            self.cursor.last_message = Some(later(Snowflake::at(self.driver.services.clock.now()), OVERLAP));
            return;
        };
        if self.driver.instance.catch_up.is_none() {
            return;
        }
        let guilds: Vec<Snowflake> = list(ready, "guilds").iter().filter_map(|guild| id(guild, "id")).collect();
        self.cursor.missed.retain(|guild, _| guilds.contains(guild));
        for guild in guilds {
            self.cursor.missed.entry(guild).or_insert(since);
        }
    }

    /// A guild is gone: for good, or until an outage is over, of which something may be missed then.
    fn lose(&mut self, guild: &Value) {
        let Some(guild_id) = id(guild, "id") else { return };
        if !flag(guild, "unavailable") {
            self.cursor.missed.remove(&guild_id);
        } else if let Some(since) = self.cursor.last_message.filter(|_| self.driver.instance.catch_up.is_some()) {
            self.cursor.missed.entry(guild_id).or_insert(since);
        }
    }

    /// A guild is told. If something of it was missed, the histories of its channels are read.
    async fn look_back(&mut self, guild: &Value) {
        let Some(guild_id) = id(guild, "id") else { return };
        let Some(since) = self.cursor.missed.remove(&guild_id) else { return };
        if guild.get("threads").is_none() {
            self.driver.find_threads(guild_id).await;
        }
        for channel in self.driver.channels_to_look_at(guild_id, since, &*self.context.sources) {
            let Ok(key) = ChannelKey::new(&channel.id.to_string()) else { continue };
            if self.parked.contains_key(&key) {
                continue;
            }
            self.parked.insert(key.clone(), VecDeque::new());
            self.to_fill.push_back(Box::pin(self.driver.read_history(key, channel, since)));
        }
        self.start_fills();
    }

    fn start_fills(&mut self) {
        while self.filling.len() < FILLS
            && let Some(fill) = self.to_fill.pop_front()
        {
            self.filling.push(fill);
        }
    }

    /// A channel's history is there: it is handed in, and behind it what the channel said meanwhile.
    async fn fill(&mut self, filled: Filled) -> Result<(), Stop> {
        self.start_fills();
        for (kind, data) in &filled.happenings {
            for event in self.driver.understand(kind, data).await {
                self.accept(event).await?;
            }
        }
        while let Some(event) = self.parked.get_mut(&filled.channel).and_then(VecDeque::pop_front) {
            self.accept(event).await?;
        }
        self.parked.remove(&filled.channel);
        Ok(())
    }

    async fn fill_all(&mut self) -> Result<(), Stop> {
        while let Some(filled) = self.filling.next().await {
            self.fill(filled).await?;
        }
        Ok(())
    }

    async fn accept(&mut self, event: Event) -> Result<(), Stop> {
        let message = match event.body {
            Body::Message(_) => Snowflake::parse(event.message_id.as_str()),
            _ => None,
        };
        self.context.inbound.accept(event).await?;
        self.cursor.last_message = self.cursor.last_message.max(message);
        Ok(())
    }
}
