//! The outbox as others see it.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::params;
use tieline_core::event::Event;
use tieline_core::family::Family;
use tieline_core::id::{Channel, DeliveryId, EventSeq, InstanceId, LaneId, MessageId};
use tieline_core::outbox::{
    Accepted, DeadLetter, Delivery, Feed, Intake, Lane, Outbox, OutboxError, Position, Retention, Settlement, Tallies,
    Trace,
};
use tieline_core::send::{Part, Sent};
use tieline_core::spool::SpoolId;

use crate::accept::Arrival;
use crate::error::{Failure, OpenError, opening};
use crate::memory::Memory;
use crate::read::Readers;
use crate::writer::Writer;
use crate::{complete, dead, precede, prune, schema, settle};

/// The outbox in one SQLite file.
pub struct SqliteOutbox {
    pub(crate) name: String,
    was_closed: bool,
    pub(crate) writer: Writer,
    pub(crate) readers: Readers,
}

impl SqliteOutbox {
    /// Opens the file, makes it if it is not there, and starts the writer. It blocks for a few milliseconds.
    ///
    /// From here on the outbox counts as not closed, until [`close`](Outbox::close) says otherwise; a command that only
    /// looks at it should hand [`was_closed`](Outbox::was_closed) on.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let connection = schema::open_writer(path)?;
        Self::start(path, connection)
    }

    fn start(path: &Path, connection: rusqlite::Connection) -> Result<Self, OpenError> {
        let begin = || -> Result<_, Failure> {
            let (name, was_closed) = connection
                .query_row("SELECT name, closed FROM outbox", [], |row| Ok((row.get(0)?, row.get::<_, bool>(1)?)))?;
            connection.execute("UPDATE outbox SET closed = 0", [])?;
            Ok((name, was_closed, Memory::load(&connection)?))
        };
        let (name, was_closed, memory) = begin().map_err(|failure| opening(path, failure))?;
        let writer = Writer::start(connection, memory)
            .map_err(|error| OpenError::Unwritable { path: path.to_owned(), reason: error.to_string() })?;
        Ok(Self { name, was_closed, writer, readers: Readers::new(path.to_owned()) })
    }
}

impl std::fmt::Debug for SqliteOutbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteOutbox").field("name", &self.name).finish_non_exhaustive()
    }
}

#[expect(clippy::redundant_closure_for_method_calls, reason = "the method's path names one lifetime, `ask` needs any")]
#[async_trait]
impl Outbox for SqliteOutbox {
    fn feed(&self, feed: Arc<dyn Feed>) {
        self.writer.feed(feed);
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn was_closed(&self) -> bool {
        self.was_closed
    }

    async fn accept(&self, intake: Intake) -> Result<Accepted, OutboxError> {
        let arrival = Arrival::new(intake)?;
        self.writer.ask(move |batch| arrival.accept(batch)).await
    }

    async fn held(&self, instance: Option<&InstanceId>) -> Result<Vec<(EventSeq, Event)>, OutboxError> {
        let instance = instance.cloned();
        self.readers.ask(move |reading| reading.held(instance.as_ref())).await
    }

    async fn release(&self, seq: EventSeq, intake: Intake) -> Result<Accepted, OutboxError> {
        let arrival = Arrival::new(intake)?;
        self.writer.ask(move |batch| arrival.release(batch, seq)).await
    }

    async fn complete(&self, seq: EventSeq, event: Arc<Event>, notes: Vec<String>) -> Result<(), OutboxError> {
        let json = serde_json::to_string(&*event).map_err(Failure::from)?;
        self.writer.ask(move |batch| complete::complete(batch, seq, &event, &json, &notes)).await
    }

    async fn event(&self, seq: EventSeq) -> Result<Option<Arc<Event>>, OutboxError> {
        self.readers.ask(move |reading| Ok(crate::rows::event(reading.connection, seq.0)?.map(Arc::new))).await
    }

    async fn pending_lanes(&self) -> Result<Vec<(LaneId, Lane)>, OutboxError> {
        self.readers.ask(|reading| reading.pending_lanes()).await
    }

    async fn pending(&self, lane: LaneId, after: Option<Position>, limit: usize) -> Result<Vec<Delivery>, OutboxError> {
        self.readers.ask(move |reading| reading.pending(lane, after, limit)).await
    }

    async fn cut(&self, delivery: DeliveryId, parts: Vec<Part>) -> Result<(), OutboxError> {
        let parts = settle::encode(&parts)?;
        self.writer.ask(move |batch| settle::cut(batch, delivery, &parts)).await
    }

    async fn part_sent(&self, delivery: DeliveryId, part: usize, sent: Sent, realm: &str) -> Result<(), OutboxError> {
        let realm = realm.to_owned();
        self.writer.ask(move |batch| settle::part_sent(batch, delivery, part, &sent, &realm)).await
    }

    async fn settle(
        &self,
        delivery: DeliveryId,
        settlement: Settlement,
        realm: &str,
        now: Timestamp,
    ) -> Result<Vec<SpoolId>, OutboxError> {
        let realm = realm.to_owned();
        let now = now.as_millisecond();
        // A retry or a dead letter is rare, and somebody may be waiting to see it.
        let patient = matches!(settlement, Settlement::Delivered(_) | Settlement::Filtered(_));
        let work =
            move |batch: &mut crate::writer::Batch<'_, '_>| settle::settle(batch, delivery, &settlement, &realm, now);
        if patient { self.writer.ask_in_company(delivery, work).await } else { self.writer.ask(work).await }
    }

    async fn count_possible_duplicate(&self) -> Result<(), OutboxError> {
        let count = |batch: &mut crate::writer::Batch<'_, '_>| {
            batch.memory.tallies.possible_duplicates += 1;
            Ok(())
        };
        self.writer.ask(count).await
    }

    async fn is_known(&self, realm: &str, message: &MessageId) -> Result<bool, OutboxError> {
        let (realm, message) = (realm.to_owned(), message.clone());
        self.readers.ask(move |reading| reading.is_known(&realm, &message)).await
    }

    async fn copy_in(
        &self,
        realm: &str,
        message: &MessageId,
        near: &Channel,
        target: &Channel,
    ) -> Result<Option<MessageId>, OutboxError> {
        let (realm, message, near, target) = (realm.to_owned(), message.clone(), near.clone(), target.clone());
        self.readers.ask(move |reading| reading.copy_in(&realm, &message, &near, &target)).await
    }

    async fn latest(&self, channel: &Channel, most: usize) -> Result<Vec<MessageId>, OutboxError> {
        let channel = channel.clone();
        self.readers.ask(move |reading| reading.latest(&channel, most)).await
    }

    async fn places(&self, realm: &str, message: &MessageId) -> Result<Vec<Channel>, OutboxError> {
        let (realm, message) = (realm.to_owned(), message.clone());
        self.readers.ask(move |reading| reading.places(&realm, &message)).await
    }

    async fn family(&self, realm: &str, message: &MessageId, near: &Channel) -> Result<Option<Family>, OutboxError> {
        let (realm, message, near) = (realm.to_owned(), message.clone(), near.clone());
        self.readers.ask(move |reading| reading.family(&realm, &message, &near)).await
    }

    async fn family_of(&self, seq: EventSeq) -> Result<Option<Family>, OutboxError> {
        self.readers.ask(move |reading| reading.family_of(seq)).await
    }

    async fn reactions(&self, seq: EventSeq) -> Result<Vec<(String, Channel)>, OutboxError> {
        self.readers.ask(move |reading| reading.reactions(seq)).await
    }

    async fn precede(&self, delivery: DeliveryId, intake: Intake) -> Result<Option<Delivery>, OutboxError> {
        let arrival = Arrival::new(intake)?;
        self.writer.ask(move |batch| precede::precede(batch, delivery, &arrival)).await
    }

    async fn still_used(&self, realm: &str, copy: &MessageId, now: Timestamp) -> Result<(), OutboxError> {
        let (realm, copy) = (realm.to_owned(), copy.clone());
        self.writer.ask(move |batch| precede::still_used(batch, &realm, &copy, now.as_millisecond())).await
    }

    async fn dead_letters(&self) -> Result<Vec<DeadLetter>, OutboxError> {
        self.readers.ask(|reading| dead::letters(reading.connection)).await
    }

    async fn retry_dead(&self, ids: &[DeliveryId], now: Timestamp) -> Result<Vec<DeliveryId>, OutboxError> {
        let ids = ids.to_vec();
        self.writer.ask(move |batch| dead::retry(batch, &ids, now.as_millisecond())).await
    }

    async fn drop_dead(
        &self,
        ids: &[DeliveryId],
        now: Timestamp,
    ) -> Result<(Vec<DeliveryId>, Vec<SpoolId>), OutboxError> {
        let ids = ids.to_vec();
        self.writer.ask(move |batch| dead::drop_for_good(batch, &ids, now.as_millisecond())).await
    }

    async fn cursor(&self, instance: &InstanceId, name: &str) -> Result<Option<String>, OutboxError> {
        let (instance, name) = (instance.clone(), name.to_owned());
        self.readers.ask(move |reading| reading.cursor(&instance, &name)).await
    }

    async fn set_cursor(&self, instance: &InstanceId, name: &str, value: &str) -> Result<(), OutboxError> {
        let (instance, name, value) = (instance.clone(), name.to_owned(), value.to_owned());
        let set = move |batch: &mut crate::writer::Batch<'_, '_>| {
            batch.execute(
                "INSERT OR REPLACE INTO cursors (instance, name, value) VALUES (?, ?, ?)",
                params![instance.as_str(), name, value],
            )?;
            Ok(())
        };
        self.writer.ask(set).await
    }

    async fn tallies(&self) -> Result<Tallies, OutboxError> {
        self.readers.ask(|reading| reading.tallies()).await
    }

    async fn trace(&self, id: &str) -> Result<Vec<Trace>, OutboxError> {
        let id = id.to_owned();
        self.readers.ask(move |reading| reading.trace(&id)).await
    }

    async fn prune(&self, now: Timestamp, retention: Retention) -> Result<bool, OutboxError> {
        self.writer.ask(move |batch| prune::step(batch, now.as_millisecond(), retention)).await
    }

    async fn spooled(&self) -> Result<Vec<SpoolId>, OutboxError> {
        self.readers.ask(|reading| reading.spooled()).await
    }

    async fn close(&self, clean: bool) -> Result<(), OutboxError> {
        self.readers.close().await;
        self.writer.close(clean).await
    }
}
