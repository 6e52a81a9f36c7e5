//! Reading rows back into the words of the trade.

use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use tieline_core::event::Event;
use tieline_core::frame::NamedFrame;
use tieline_core::id::{Channel, ChannelKey, DeliveryId, EventSeq, InstanceId, LaneId};
use tieline_core::outbox::{Delivery, Lane, Position};
use tieline_core::send::{Part, Sent};

use crate::error::Failure;

/// The columns that [`Stored`] holds, from `deliveries d JOIN events e`.
pub(crate) const DELIVERY: &str = "SELECT d.id, d.position, d.lane, d.seq, d.attempts, d.not_before, d.waited, \
     coalesce(d.revived, e.received), d.frame, d.others, d.cut, b.json, e.about, e.deleted \
     FROM deliveries d JOIN events e ON e.seq = d.seq LEFT JOIN bodies b ON b.seq = d.seq ";

/// A row of [`DELIVERY`], not looked into yet.
pub(crate) struct Stored {
    id: i64,
    position: i64,
    lane: i64,
    seq: i64,
    attempts: u32,
    not_before: Option<i64>,
    waited_ms: i64,
    received: i64,
    frame: i64,
    others: Option<String>,
    cut: i64,
    json: Option<String>,
    about: Option<i64>,
    deleted: bool,
}

impl Stored {
    pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            position: row.get(1)?,
            lane: row.get(2)?,
            seq: row.get(3)?,
            attempts: row.get(4)?,
            not_before: row.get(5)?,
            waited_ms: row.get(6)?,
            received: row.get(7)?,
            frame: row.get(8)?,
            others: row.get(9)?,
            cut: row.get(10)?,
            json: row.get(11)?,
            about: row.get(12)?,
            deleted: row.get(13)?,
        })
    }

    /// The delivery, whole.
    pub(crate) fn delivery(
        self,
        connection: &Connection,
        ends: &Arc<Lane>,
        mut frame: impl FnMut(i64) -> Result<Arc<NamedFrame>, Failure>,
    ) -> Result<Delivery, Failure> {
        let json = self.json.ok_or_else(|| Failure::Stored(format!("delivery {} has lost its message", self.id)))?;
        let mut frames = vec![frame(self.frame)?];
        for id in self.others.map(|json| serde_json::from_str::<Vec<i64>>(&json)).transpose()?.unwrap_or_default() {
            frames.push(frame(id)?);
        }
        Ok(Delivery {
            id: DeliveryId(self.id),
            position: Position(self.position),
            lane: LaneId(self.lane),
            ends: Arc::clone(ends),
            seq: EventSeq(self.seq),
            event: Arc::new(serde_json::from_str(&json)?),
            received: time(self.received)?,
            frames,
            attempts: self.attempts,
            not_before: self.not_before.map(time).transpose()?,
            waited_ms: self.waited_ms,
            parts: if self.cut > 0 { parts(connection, self.id)? } else { Vec::new() },
            about: self.about.map(EventSeq),
            deleted: self.deleted,
        })
    }
}

/// A stored time.
pub(crate) fn time(ms: i64) -> Result<Timestamp, Failure> {
    Timestamp::from_millisecond(ms).map_err(|error| Failure::Stored(error.to_string()))
}

/// The ends of a lane.
pub(crate) fn lane(connection: &Connection, id: i64) -> Result<Lane, Failure> {
    let ends: [String; 4] = connection
        .prepare_cached(
            "SELECT s.instance, s.key, t.instance, t.key FROM lanes l \
             JOIN channels s ON s.id = l.source JOIN channels t ON t.id = l.target WHERE l.id = ?",
        )?
        .query_row([id], |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?]))?;
    let [source, source_key, target, target_key] = ends;
    Ok(Lane { source: channel(&source, &source_key)?, target: channel(&target, &target_key)? })
}

/// A stored channel.
pub(crate) fn channel(instance: &str, key: &str) -> Result<Channel, Failure> {
    Ok(Channel { instance: InstanceId::new(instance)?, key: ChannelKey::new(key)? })
}

/// A stored frame.
pub(crate) fn frame(connection: &Connection, id: i64) -> Result<Arc<NamedFrame>, Failure> {
    let json: String =
        connection.prepare_cached("SELECT json FROM frames WHERE id = ?")?.query_row([id], |row| row.get(0))?;
    Ok(Arc::new(NamedFrame::from_json(&json)?))
}

/// An event as it is stored; `None` if retention took it.
pub(crate) fn event(connection: &Connection, seq: i64) -> Result<Option<Event>, Failure> {
    let json: Option<String> = connection
        .prepare_cached("SELECT json FROM bodies WHERE seq = ?")?
        .query_row([seq], |row| row.get(0))
        .optional()?;
    Ok(json.map(|json| serde_json::from_str(&json)).transpose()?)
}

fn parts(connection: &Connection, delivery: i64) -> Result<Vec<(Part, Option<Sent>)>, Failure> {
    let mut rows = connection.prepare_cached("SELECT json, sent FROM parts WHERE delivery = ? ORDER BY part")?;
    let rows =
        rows.query_map(params![delivery], |row| Ok((row.get::<_, String>(0)?, row.get::<_, Option<String>>(1)?)))?;
    let mut parts = Vec::new();
    for row in rows {
        let (part, sent) = row?;
        parts.push((serde_json::from_str(&part)?, sent.map(|json| serde_json::from_str(&json)).transpose()?));
    }
    Ok(parts)
}
