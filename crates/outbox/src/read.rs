//! Reading beside the writer: connections of their own, on threads where blocking is allowed.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, OptionalExtension, params};
use tieline_core::event::Event;
use tieline_core::frame::NamedFrame;
use tieline_core::id::{Channel, EventSeq, InstanceId, LaneId, MessageId};
use tieline_core::outbox::{Delivery, Lane, OutboxError, Position, Tallies};
use tieline_core::spool::SpoolId;
use tokio::sync::Semaphore;

use crate::copies;
use crate::error::Failure;
use crate::key::Name;
use crate::rows::{self, Stored};
use crate::{memory, schema};

/// How many reads run side by side.
const READERS: usize = 2;
/// How many frames are remembered.
const FRAMES: usize = 1024;

/// The read connections, made as they are needed.
pub(crate) struct Readers {
    shelf: Arc<Shelf>,
    turns: Semaphore,
}

/// What readers share.
struct Shelf {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    frames: Mutex<HashMap<i64, Arc<NamedFrame>>>,
}

/// One read, with its connection.
pub(crate) struct Reading<'a> {
    pub(crate) connection: &'a Connection,
    shelf: &'a Shelf,
}

impl Readers {
    pub(crate) fn new(path: PathBuf) -> Self {
        let shelf = Shelf { path, idle: Mutex::default(), frames: Mutex::default() };
        Self { shelf: Arc::new(shelf), turns: Semaphore::new(READERS) }
    }

    /// Has something read, all of it from one state of the store.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Reading<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, OutboxError> {
        let _turn = self.turns.acquire().await.map_err(|_| OutboxError::Closed)?;
        let shelf = Arc::clone(&self.shelf);
        let read = move || shelf.read(work).map_err(OutboxError::from);
        tokio::task::spawn_blocking(read).await.map_err(|_| OutboxError::Closed)?
    }

    /// Lets go of all connections, and refuses further reads.
    pub(crate) async fn close(&self) {
        // Reads that run hold their turns; the last of them gives its connection back before.
        drop(self.turns.acquire_many(READERS as u32).await);
        self.turns.close();
        self.shelf.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Shelf {
    fn read<T>(&self, work: impl FnOnce(&Reading<'_>) -> Result<T, Failure>) -> Result<T, Failure> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => schema::open_reader(&self.path)?,
        };
        let read = {
            let transaction = connection.unchecked_transaction()?;
            work(&Reading { connection: &transaction, shelf: self })?
        };
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        Ok(read)
    }
}

impl Reading<'_> {
    fn frame(&self, id: i64) -> Result<Arc<NamedFrame>, Failure> {
        let frames = || self.shelf.frames.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(frame) = frames().get(&id) {
            return Ok(Arc::clone(frame));
        }
        let frame = rows::frame(self.connection, id)?;
        let mut frames = frames();
        if frames.len() >= FRAMES {
            frames.clear();
        }
        frames.insert(id, Arc::clone(&frame));
        Ok(frame)
    }

    /// The lanes that have unsettled deliveries: one look into the index for each lane, however many deliveries wait.
    pub(crate) fn pending_lanes(&self) -> Result<Vec<(LaneId, Lane)>, Failure> {
        let mut ids = self.connection.prepare_cached(
            "SELECT id FROM lanes l WHERE EXISTS (SELECT 1 FROM deliveries d WHERE d.state = 0 AND d.lane = l.id) \
             ORDER BY id",
        )?;
        let mut lanes = Vec::new();
        let mut found = ids.query([])?;
        while let Some(row) = found.next()? {
            let id = row.get(0)?;
            lanes.push((LaneId(id), rows::lane(self.connection, id)?));
        }
        Ok(lanes)
    }

    pub(crate) fn pending(
        &self,
        lane: LaneId,
        after: Option<Position>,
        limit: usize,
    ) -> Result<Vec<Delivery>, Failure> {
        let mut found = self.connection.prepare_cached(&format!(
            "{} WHERE d.state = 0 AND d.lane = ? AND d.position > ? ORDER BY d.position LIMIT ?",
            rows::DELIVERY
        ))?;
        let mut found = found.query(params![lane.0, after.map_or(i64::MIN, |after| after.0), limit as i64])?;
        let mut ends: Option<Arc<Lane>> = None;
        let mut deliveries = Vec::new();
        while let Some(row) = found.next()? {
            let ends = match &mut ends {
                Some(ends) => ends,
                none => none.insert(Arc::new(rows::lane(self.connection, lane.0)?)),
            };
            deliveries.push(Stored::read(row)?.delivery(self.connection, ends, |id| self.frame(id))?);
        }
        Ok(deliveries)
    }

    pub(crate) fn held(&self, instance: Option<&InstanceId>) -> Result<Vec<(EventSeq, Event)>, Failure> {
        let mut found = self.connection.prepare_cached(
            "SELECT e.seq, b.json FROM events e JOIN bodies b ON b.seq = e.seq JOIN channels c ON c.id = e.channel \
             WHERE e.state = 2 AND (?1 IS NULL OR c.instance = ?1) ORDER BY e.seq",
        )?;
        let mut found = found.query([instance.map(InstanceId::as_str)])?;
        let mut held = Vec::new();
        while let Some(row) = found.next()? {
            held.push((EventSeq(row.get(0)?), serde_json::from_str(&row.get::<_, String>(1)?)?));
        }
        Ok(held)
    }

    pub(crate) fn is_known(&self, realm: &str, message: &MessageId) -> Result<bool, Failure> {
        let (from, to) = Name::new(realm, message).range();
        Ok(self
            .connection
            .prepare_cached(
                // As a copy, a message or its files: what is known of it by an edit or a reaction alone, we never had.
                // What is held may be a copy that nobody has linked yet, so it counts for nothing.
                "SELECT EXISTS (SELECT 1 FROM ids i JOIN events e ON e.seq = i.seq WHERE i.key BETWEEN ? AND ? \
                 AND substr(i.key, 17, 1) < x'03' AND (substr(i.key, 17, 1) = x'00' OR e.state <> 2))",
            )?
            .query_row(params![from, to], |row| row.get(0))?)
    }

    /// See [`Outbox::copy_in`](tieline_core::outbox::Outbox::copy_in): all events and copies known under the id, and
    /// of their events the message itself or a copy, whichever is in the channel.
    pub(crate) fn copy_in(
        &self,
        realm: &str,
        message: &MessageId,
        near: &Channel,
        target: &Channel,
    ) -> Result<Option<MessageId>, Failure> {
        let (from, to) = Name::new(realm, message).range();
        let mut seqs = self.connection.prepare_cached(
            "SELECT DISTINCT i.seq, c.instance = ?3 AND c.key = ?4 AS near FROM ids i JOIN events e ON e.seq = i.seq \
             JOIN channels c ON c.id = e.channel WHERE i.key BETWEEN ?1 AND ?2 AND substr(i.key, 17, 1) < x'03' \
             ORDER BY near DESC, i.seq",
        )?;
        let mut seqs = seqs.query(params![from, to, near.instance.as_str(), near.key.as_str()])?;
        while let Some(row) = seqs.next()? {
            let seq: i64 = row.get(0)?;
            let values = params![seq, target.instance.as_str(), target.key.as_str()];
            let found: Option<String> = self
                .connection
                .prepare_cached(
                    "SELECT d.copies FROM events e \
                     JOIN deliveries d ON d.id BETWEEN e.first AND e.first + e.deliveries - 1 \
                     JOIN lanes l ON l.id = d.lane JOIN channels c ON c.id = l.target \
                     WHERE e.seq = ? AND c.instance = ? AND (c.key = ?3 OR d.place = ?3) AND d.copies IS NOT NULL \
                     UNION ALL SELECT e.message_id FROM events e JOIN channels c ON c.id = e.channel \
                     WHERE e.seq = ?1 AND c.instance = ?2 AND c.key = ?3 LIMIT 1",
                )?
                .query_row(values, |row| row.get(0))
                .optional()?;
            if let Some(first) = found.as_deref().and_then(|lines| copies::ids(lines).next()) {
                return Ok(Some(first?));
            }
        }
        Ok(None)
    }

    /// See [`Outbox::places`](tieline_core::outbox::Outbox::places).
    pub(crate) fn places(&self, realm: &str, message: &MessageId) -> Result<Vec<Channel>, Failure> {
        let (from, to) = Name::new(realm, message).range();
        let mut found = self.connection.prepare_cached(
            // A notice stands for nothing that anybody said. A delivery makes its target a place if something arrived
            // there, or may still: one that was refused, or died, must not open a way to whom it named.
            "WITH known AS MATERIALIZED \
             (SELECT DISTINCT i.seq FROM ids i JOIN events e ON e.seq = i.seq WHERE i.key BETWEEN ?1 AND ?2 \
             AND substr(i.key, 17, 1) < x'03' AND e.message_id NOT LIKE 'tieline notice %'), \
             reached AS (SELECT c.instance, c.key, d.place FROM known k JOIN events e ON e.seq = k.seq \
             JOIN deliveries d ON d.id BETWEEN e.first AND e.first + e.deliveries - 1 \
             JOIN lanes l ON l.id = d.lane JOIN channels c ON c.id = l.target JOIN frames f ON f.id = d.frame \
             WHERE d.state = 1 OR d.copies IS NOT NULL \
             OR (d.state = 0 AND json_extract(f.json, '$.addressed.refused') IS NULL)) \
             SELECT c.instance, c.key FROM known k JOIN events e ON e.seq = k.seq JOIN channels c ON c.id = e.channel \
             UNION ALL SELECT instance, key FROM reached \
             UNION ALL SELECT instance, place FROM reached WHERE place IS NOT NULL",
        )?;
        let mut found = found.query(params![from, to])?;
        let mut places = Vec::new();
        while let Some(row) = found.next()? {
            places.push(rows::channel(&row.get::<_, String>(0)?, &row.get::<_, String>(1)?)?);
        }
        Ok(places)
    }

    pub(crate) fn cursor(&self, instance: &InstanceId, name: &str) -> Result<Option<String>, Failure> {
        Ok(self
            .connection
            .prepare_cached("SELECT value FROM cursors WHERE instance = ? AND name = ?")?
            .query_row(params![instance.as_str(), name], |row| row.get(0))
            .optional()?)
    }

    pub(crate) fn tallies(&self) -> Result<Tallies, Failure> {
        Ok(self
            .connection
            .prepare_cached(
                "SELECT planned, delivered, filtered, dead, dropped, pending, repeats, possible_duplicates, held \
                 FROM outbox",
            )?
            .query_row([], |row| memory::tallies(row, 0))?)
    }

    pub(crate) fn spooled(&self) -> Result<Vec<SpoolId>, Failure> {
        let mut files = self.connection.prepare_cached("SELECT DISTINCT file FROM files")?;
        let files = files.query_map([], |row| row.get::<_, String>(0))?;
        files.map(|file| SpoolId::try_from(file?).map_err(|why| Failure::Stored(why.to_owned()))).collect()
    }
}
