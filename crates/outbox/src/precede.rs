//! Threads: their openers go before what is said in them, and live as long as they are used.

use rusqlite::params;
use tieline_core::id::{DeliveryId, MessageId};
use tieline_core::outbox::{Accepted, Delivery, Position};

use crate::accept::Arrival;
use crate::error::Failure;
use crate::key::Name;
use crate::writer::Batch;

/// See [`Outbox::precede`](tieline_core::outbox::Outbox::precede).
///
/// The place before the head of a lane is free: whoever had it is settled, and no other lane shares it.
pub(crate) fn precede(
    batch: &mut Batch<'_, '_>,
    delivery: DeliveryId,
    arrival: &Arrival,
) -> Result<Option<Delivery>, Failure> {
    let position: i64 = batch
        .connection
        .prepare_cached("SELECT position FROM deliveries WHERE id = ?")?
        .query_row([delivery.0], |row| row.get(0))?;
    let fed = batch.feed.len();
    let Accepted::Planned { .. } = arrival.accept(batch)? else { return Ok(None) };
    let Some(mut opener) = batch.feed.drain(fed..).next() else { return Ok(None) };
    opener.position = Position(position - 1);
    batch.execute("UPDATE deliveries SET position = ? WHERE id = ?", params![opener.position.0, opener.id.0])?;
    Ok(Some(opener))
}

/// See [`Outbox::still_used`](tieline_core::outbox::Outbox::still_used).
pub(crate) fn still_used(batch: &Batch<'_, '_>, realm: &str, copy: &MessageId, now: i64) -> Result<(), Failure> {
    batch.execute(
        "UPDATE events SET used = ? WHERE seq = (SELECT seq FROM ids WHERE key = ?) AND message_id LIKE 'tieline %'",
        params![now, Name::new(realm, copy).copy()],
    )?;
    Ok(())
}
