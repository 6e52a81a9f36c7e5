//! Dead letters: read, put back at the end of their lanes, or dropped for good.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, params};
use tieline_core::id::{DeliveryId, EventSeq, MessageId};
use tieline_core::outbox::DeadLetter;
use tieline_core::spool::SpoolId;

use crate::error::Failure;
use crate::rows::{self, Stored};
use crate::settle::{DEAD, DROPPED, PENDING, forget_parts, freed};
use crate::writer::Batch;

/// Every dead letter, oldest first.
pub(crate) fn letters(connection: &Connection) -> Result<Vec<DeadLetter>, Failure> {
    let mut rows = connection.prepare_cached(
        "SELECT d.id, d.seq, d.ended, e.received, d.frame, d.lane, e.message_id, d.attempts, d.note \
         FROM deliveries d JOIN events e ON e.seq = d.seq WHERE d.state = 3 ORDER BY d.id",
    )?;
    let mut letters = Vec::new();
    let mut found = rows.query([])?;
    while let Some(row) = found.next()? {
        let seq: i64 = row.get(1)?;
        let lane = rows::lane(connection, row.get(5)?)?;
        let event = rows::event(connection, seq)?;
        let message = event.as_ref().and_then(|event| event.message());
        letters.push(DeadLetter {
            id: DeliveryId(row.get(0)?),
            trace: EventSeq(seq).to_string(),
            died: rows::time(row.get(2)?)?,
            received: rows::time(row.get(3)?)?,
            rule: rows::frame(connection, row.get(4)?)?.frame.rule.to_string(),
            source: lane.source,
            target: lane.target,
            message_id: MessageId::new(&row.get::<_, String>(6)?)?,
            user: event.as_ref().map(|event| event.author.shown_name().to_owned()).unwrap_or_default(),
            text: message.map(|message| message.text.to_plain()).unwrap_or_default(),
            files: message.map(|m| m.attachments.iter().map(|file| file.name.clone()).collect()).unwrap_or_default(),
            attempts: row.get(7)?,
            reason: row.get::<_, Option<String>>(8)?.unwrap_or_default(),
        });
    }
    Ok(letters)
}

/// Puts dead letters at the end of their lanes. They have as much time again as a new message: their
/// [`received`](tieline_core::outbox::Delivery::received) is the time of the retry from now on.
pub(crate) fn retry(batch: &mut Batch<'_, '_>, ids: &[DeliveryId], now: i64) -> Result<Vec<DeliveryId>, Failure> {
    let mut retried = Vec::new();
    for id in ids {
        if dead(batch, *id)?.is_none() {
            continue;
        }
        let position = batch.memory.next_delivery;
        batch.memory.next_delivery += 1;
        batch.execute(
            "UPDATE deliveries SET state = ?, position = ?, revived = ?, attempts = 0, not_before = NULL, waited = 0, \
             ended = NULL WHERE id = ?",
            params![PENDING, position, now, id.0],
        )?;
        batch.memory.tallies.dead -= 1;
        batch.memory.tallies.pending += 1;
        let stored = batch
            .connection
            .prepare_cached(&format!("{} WHERE d.id = ?", rows::DELIVERY))?
            .query_row([id.0], |row| Ok((Stored::read(row)?, row.get(2)?)))?;
        let ends = Arc::new(rows::lane(batch.connection, stored.1)?);
        let delivery = stored.0.delivery(batch.connection, &ends, |frame| rows::frame(batch.connection, frame))?;
        batch.feed.push(delivery);
        retried.push(*id);
    }
    Ok(retried)
}

/// Drops dead letters for good.
pub(crate) fn drop_for_good(
    batch: &mut Batch<'_, '_>,
    ids: &[DeliveryId],
    now: i64,
) -> Result<(Vec<DeliveryId>, Vec<SpoolId>), Failure> {
    let mut dropped = Vec::new();
    let mut files = Vec::new();
    for id in ids {
        let Some(seq) = dead(batch, *id)? else { continue };
        batch.execute("UPDATE deliveries SET state = ?, ended = ? WHERE id = ?", params![DROPPED, now, id.0])?;
        forget_parts(batch, *id, true)?;
        batch.memory.tallies.dead -= 1;
        batch.memory.tallies.dropped += 1;
        files.extend(freed(batch, seq)?);
        dropped.push(*id);
    }
    Ok((dropped, files))
}

/// The event of a delivery, if that is dead.
fn dead(batch: &Batch<'_, '_>, id: DeliveryId) -> Result<Option<i64>, Failure> {
    Ok(batch
        .connection
        .prepare_cached("SELECT seq FROM deliveries WHERE id = ? AND state = ?")?
        .query_row(params![id.0, DEAD], |row| row.get(0))
        .optional()?)
}
