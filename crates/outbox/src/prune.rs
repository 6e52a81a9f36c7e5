//! Forgetting, a bounded step at a time.
//!
//! Two sweeps walk from the oldest event upwards and end at the first that is too young; what a dead letter or an
//! unsettled delivery still needs is stepped over. A sweep that reached its end begins anew with the next call, so a
//! letter that was retried long after its neighbours were forgotten is found too.

use rusqlite::params;
use tieline_core::id::MessageId;
use tieline_core::outbox::Retention;

use crate::copies;
use crate::error::Failure;
use crate::key::Name;
use crate::memory::CLAIMABLE_MS;
use crate::writer::Batch;

/// How many rows one step looks at.
const STEP: i64 = 500;

/// One step. Returns whether there is more to forget.
pub(crate) fn step(batch: &mut Batch<'_, '_>, now: i64, retention: Retention) -> Result<bool, Failure> {
    let texts = sweep_bodies(batch, now.saturating_sub(retention.messages_ms))?;
    let links = sweep_events(batch, now.saturating_sub(retention.links_ms))?;
    let claims = sweep_claims(batch, now - CLAIMABLE_MS)?;
    Ok(texts || links || claims)
}

/// The next events of a sweep that are old enough, each with whether it is settled since then.
fn candidates(batch: &Batch<'_, '_>, table: &str, after: i64, before: i64) -> Result<Vec<(i64, bool)>, Failure> {
    let mut rows = batch.connection.prepare_cached(&format!(
        "SELECT e.seq, e.received, e.state <> 2 AND coalesce(e.used, 0) <= ?3 AND NOT EXISTS (SELECT 1 FROM deliveries d \
         WHERE d.id BETWEEN e.first AND e.first + e.deliveries - 1 AND (d.state IN (0, 3) OR d.ended > ?3)) \
         FROM {table} t JOIN events e ON e.seq = t.seq WHERE t.seq > ?1 ORDER BY t.seq LIMIT ?2"
    ))?;
    let mut found = Vec::new();
    let mut rows = rows.query(params![after, STEP, before])?;
    while let Some(row) = rows.next()? {
        if row.get::<_, i64>(1)? > before {
            break;
        }
        found.push((row.get(0)?, row.get(2)?));
    }
    Ok(found)
}

fn sweep_bodies(batch: &mut Batch<'_, '_>, before: i64) -> Result<bool, Failure> {
    let found = candidates(batch, "bodies", batch.memory.swept_bodies, before)?;
    for (seq, _) in found.iter().filter(|(_, settled)| *settled) {
        batch.execute("DELETE FROM bodies WHERE seq = ?", [seq])?;
    }
    let more = found.len() as i64 == STEP;
    batch.memory.swept_bodies = found.last().filter(|_| more).map_or(0, |(seq, _)| *seq);
    Ok(more)
}

fn sweep_events(batch: &mut Batch<'_, '_>, before: i64) -> Result<bool, Failure> {
    let found = candidates(batch, "events", batch.memory.swept_events, before)?;
    for (seq, _) in found.iter().filter(|(_, settled)| *settled) {
        forget(batch, *seq)?;
    }
    let more = found.len() as i64 == STEP;
    batch.memory.swept_events = found.last().filter(|_| more).map_or(0, |(seq, _)| *seq);
    Ok(more)
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
        for line in ids.lines() {
            let key = Name::new(&realm, &MessageId::new(copies::id(line))?).copy();
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
    let rows: Vec<(i64, i64, i64)> =
        rows.query_map([STEP], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?.collect::<Result<_, _>>()?;
    let old: Vec<_> = rows.iter().take_while(|(_, _, at)| *at < before).collect();
    for (text, id, _) in &old {
        batch.memory.claims.remove(&(*text, *id));
        batch.execute("DELETE FROM claims WHERE id = ?", [id])?;
    }
    Ok(old.len() as i64 == STEP)
}
