//! Forgetting, a bounded step at a time.
//!
//! Two sweeps walk from the oldest event upwards and end at the first that is too young; what a dead letter or an
//! unsettled delivery still needs is stepped over. A sweep that reached its end begins anew with the next call, so a
//! letter that was retried long after its neighbours were forgotten is found too. When the links' sweep has come to its
//! end, names that nothing needs any more follow ([`names`]).
//!
//! A step is small because sends wait for its commit: what is known of a message by its ids lies at random places, so
//! that each message forgotten reads and writes two pages and more.

use rusqlite::params;
use tieline_core::outbox::Retention;

use crate::copies;
use crate::error::Failure;
use crate::key::Name;
use crate::memory::CLAIMABLE_MS;
use crate::names;
use crate::writer::Batch;

/// How many rows a sweep looks at in one step.
const LOOK: usize = 500;
/// How many of them it forgets.
const FORGET: usize = 50;

/// One step. Returns whether there is more to forget.
pub(crate) fn step(batch: &mut Batch<'_, '_>, now: i64, retention: Retention) -> Result<bool, Failure> {
    let texts = sweep_bodies(batch, now.saturating_sub(retention.messages_ms))?;
    let links = sweep_events(batch, now.saturating_sub(retention.links_ms))?;
    let claims = sweep_claims(batch, now - CLAIMABLE_MS)?;
    let names = !links && names::step(batch, now)?;
    Ok(texts || links || claims || names)
}

/// What a sweep found in one step.
struct Found {
    /// The events that may be forgotten.
    seqs: Vec<i64>,
    /// Where it goes on, if it has not come to its end.
    next: Option<i64>,
}

/// The next events of a sweep that are old enough and settled since then.
fn candidates(batch: &Batch<'_, '_>, table: &str, after: i64, before: i64) -> Result<Found, Failure> {
    let mut rows = batch.connection.prepare_cached(&format!(
        "SELECT e.seq, e.received, e.state <> 2 AND coalesce(e.used, 0) <= ?2 AND NOT EXISTS (SELECT 1 FROM deliveries d \
         WHERE d.id BETWEEN e.first AND e.first + e.deliveries - 1 AND (d.state IN (0, 3) OR d.ended > ?2)) \
         FROM {table} t JOIN events e ON e.seq = t.seq WHERE t.seq > ?1 ORDER BY t.seq"
    ))?;
    let mut seqs = Vec::new();
    let mut looked_at = 0;
    let mut rows = rows.query(params![after, before])?;
    while let Some(row) = rows.next()? {
        if row.get::<_, i64>(1)? > before {
            break;
        }
        let seq = row.get(0)?;
        if row.get(2)? {
            seqs.push(seq);
        }
        looked_at += 1;
        if looked_at == LOOK || seqs.len() == FORGET {
            return Ok(Found { seqs, next: Some(seq) });
        }
    }
    Ok(Found { seqs, next: None })
}

fn sweep_bodies(batch: &mut Batch<'_, '_>, before: i64) -> Result<bool, Failure> {
    let found = candidates(batch, "bodies", batch.memory.swept_bodies, before)?;
    for seq in found.seqs {
        batch.execute("DELETE FROM bodies WHERE seq = ?", [seq])?;
    }
    batch.memory.swept_bodies = found.next.unwrap_or(0);
    Ok(found.next.is_some())
}

fn sweep_events(batch: &mut Batch<'_, '_>, before: i64) -> Result<bool, Failure> {
    let found = candidates(batch, "events", batch.memory.swept_events, before)?;
    batch.memory.forgot |= !found.seqs.is_empty();
    for seq in found.seqs {
        forget(batch, seq)?;
    }
    batch.memory.swept_events = found.next.unwrap_or(0);
    Ok(found.next.is_some())
}

/// Forgets an event with all that hangs on it.
fn forget(batch: &Batch<'_, '_>, seq: i64) -> Result<(), Failure> {
    let mut copies = batch.connection.prepare_cached(
        "SELECT r.name, d.copies FROM events e JOIN deliveries d ON d.id BETWEEN e.first AND e.first + e.deliveries - 1 \
         JOIN realms r ON r.id = d.realm WHERE e.seq = ? AND d.copies IS NOT NULL",
    )?;
    let copies: Vec<(String, String)> =
        copies.query_map([seq], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
    for (realm, ids) in copies {
        for id in copies::all_ids(&ids) {
            let key = Name::new(&realm, &id?).copy();
            batch.execute("DELETE FROM ids WHERE key = ? AND seq = ?", params![key, seq])?;
        }
    }
    // The row may be that of a later edit by now.
    batch.execute("DELETE FROM ids WHERE key = (SELECT key FROM events WHERE seq = ?1) AND seq = ?1", [seq])?;
    batch.execute(
        "DELETE FROM deliveries WHERE id >= (SELECT first FROM events WHERE seq = ?1) \
         AND id < (SELECT first + deliveries FROM events WHERE seq = ?1)",
        [seq],
    )?;
    batch.execute("DELETE FROM bodies WHERE seq = ?", [seq])?;
    batch.execute("DELETE FROM reactions WHERE seq = ?", [seq])?;
    batch.execute("DELETE FROM events WHERE seq = ?", [seq])?;
    Ok(())
}

/// Forgets claims that are too old to be taken, on disk and in memory.
fn sweep_claims(batch: &mut Batch<'_, '_>, before: i64) -> Result<bool, Failure> {
    let mut rows = batch.connection.prepare_cached("SELECT text, id, at FROM claims ORDER BY id LIMIT ?")?;
    let mut rows = rows.query([LOOK as i64])?;
    let mut old: Vec<(i64, i64)> = Vec::new();
    while let Some(row) = rows.next()?
        && row.get::<_, i64>(2)? < before
    {
        old.push((row.get(0)?, row.get(1)?));
    }
    for claim in &old {
        batch.memory.claims.remove(claim);
        batch.execute("DELETE FROM claims WHERE id = ?", [claim.1])?;
    }
    Ok(old.len() == LOOK)
}
