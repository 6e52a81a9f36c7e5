//! What comes back from the lanes: parts, links, and how deliveries end.

use rusqlite::params;
use tieline_core::id::{ChannelKey, DeliveryId, MessageId};
use tieline_core::outbox::Settlement;
use tieline_core::send::{Part, Sent};
use tieline_core::spool::SpoolId;

use crate::copies;
use crate::error::Failure;
use crate::key::{self, Name};
use crate::writer::Batch;

/// States of a delivery, as stored.
pub(crate) const PENDING: i64 = 0;
pub(crate) const DELIVERED: i64 = 1;
pub(crate) const NOT_WANTED: i64 = 2;
pub(crate) const DEAD: i64 = 3;
pub(crate) const DROPPED: i64 = 4;

/// What settling needs to know of a delivery.
struct Row {
    state: i64,
    seq: i64,
    lane: i64,
    cut: bool,
    /// Whether its event has files in the spool.
    files: bool,
    /// The delivery whose copies it changes, unless that is forgotten.
    amends: Option<i64>,
}

fn row(batch: &Batch<'_, '_>, delivery: DeliveryId) -> Result<Row, Failure> {
    let sql = "SELECT state, seq, lane, cut > 0, EXISTS (SELECT 1 FROM files f WHERE f.seq = d.seq), \
               (SELECT a.id FROM deliveries a WHERE a.id = d.amends) FROM deliveries d WHERE id = ?";
    let row = batch.statements.first(sql, [delivery.0], |row| {
        Ok(Row {
            state: row.get(0)?,
            seq: row.get(1)?,
            lane: row.get(2)?,
            cut: row.get(3)?,
            files: row.get(4)?,
            amends: row.get(5)?,
        })
    });
    row?.ok_or_else(|| Failure::Stored(format!("there is no delivery {delivery}")))
}

/// See [`Outbox::cut`](tieline_core::outbox::Outbox::cut).
pub(crate) fn cut(batch: &Batch<'_, '_>, delivery: DeliveryId, parts: &[String]) -> Result<(), Failure> {
    row(batch, delivery)?;
    batch.execute("DELETE FROM parts WHERE delivery = ?", [delivery.0])?;
    for (index, json) in (0_i64..).zip(parts) {
        batch.execute("INSERT INTO parts (delivery, part, json) VALUES (?, ?, ?)", params![delivery.0, index, json])?;
    }
    batch.execute("UPDATE deliveries SET cut = ? WHERE id = ?", params![parts.len() as i64, delivery.0])?;
    Ok(())
}

/// The parts of a delivery as they are stored.
pub(crate) fn encode(parts: &[Part]) -> Result<Vec<String>, Failure> {
    Ok(parts.iter().map(serde_json::to_string).collect::<Result<_, _>>()?)
}

/// See [`Outbox::part_sent`](tieline_core::outbox::Outbox::part_sent).
pub(crate) fn part_sent(
    batch: &mut Batch<'_, '_>,
    delivery: DeliveryId,
    part: usize,
    sent: &Sent,
    realm: &str,
) -> Result<(), Failure> {
    let row = row(batch, delivery)?;
    let changed = batch.execute(
        "UPDATE parts SET sent = ? WHERE delivery = ? AND part = ?",
        params![serde_json::to_string(sent)?, delivery.0, part as i64],
    )?;
    if changed == 0 {
        return Err(Failure::Stored(format!("delivery {delivery} has no part {part}")));
    }
    if let Some(amended) = row.amends {
        return amend(batch, amended, std::iter::once(sent), realm);
    }
    let linked = link(batch, delivery, &row, std::iter::once(sent), realm)?;
    if linked.realm.is_some() {
        batch.execute(
            "UPDATE deliveries SET realm = ?1, place = coalesce(?2, place), copies = CASE \
             WHEN copies IS NULL THEN ?3 WHEN ?3 IS NULL THEN copies ELSE copies || char(10) || ?3 END WHERE id = ?4",
            params![linked.realm, linked.place, linked.copies, delivery.0],
        )?;
    }
    Ok(())
}

/// See [`Outbox::settle`](tieline_core::outbox::Outbox::settle). A delivery that is settled already is left as it is.
pub(crate) fn settle(
    batch: &mut Batch<'_, '_>,
    delivery: DeliveryId,
    settlement: &Settlement,
    realm: &str,
    now: i64,
) -> Result<Vec<SpoolId>, Failure> {
    batch.memory.latest = batch.memory.latest.max(now);
    let row = row(batch, delivery)?;
    if row.state != PENDING {
        return Ok(Vec::new());
    }
    match settlement {
        Settlement::Delivered(sents) => {
            let known = if row.cut { sent_parts(batch, delivery)? } else { Vec::new() };
            let fresh = (0_i64..).zip(sents).filter(|(part, _)| !known.contains(part)).map(|(_, sent)| sent);
            let linked = match row.amends {
                Some(amended) => {
                    amend(batch, amended, fresh, realm)?;
                    Linked::default()
                }
                None => link(batch, delivery, &row, fresh, realm)?,
            };
            // One row, written once.
            batch.execute(
                "UPDATE deliveries SET realm = coalesce(?1, realm), place = coalesce(?2, place), copies = CASE \
                 WHEN copies IS NULL THEN ?3 WHEN ?3 IS NULL THEN copies ELSE copies || char(10) || ?3 END, \
                 state = ?4, ended = ?5, note = NULL WHERE id = ?6",
                params![linked.realm, linked.place, linked.copies, DELIVERED, now, delivery.0],
            )?;
            batch.memory.tallies.pending -= 1;
            batch.memory.tallies.delivered += 1;
        }
        Settlement::Filtered(reason) => {
            end(batch, delivery, NOT_WANTED, now, reason)?;
            batch.memory.tallies.pending -= 1;
            batch.memory.tallies.filtered += 1;
        }
        Settlement::Dead { attempts, reason } => {
            end(batch, delivery, DEAD, now, reason)?;
            batch.execute("UPDATE deliveries SET attempts = ? WHERE id = ?", params![attempts, delivery.0])?;
            batch.memory.tallies.pending -= 1;
            batch.memory.tallies.dead += 1;
            return Ok(Vec::new());
        }
        Settlement::Retry { attempts, not_before, error, waited_ms } => {
            batch.execute(
                "UPDATE deliveries SET attempts = ?, not_before = ?, note = ?, waited = ? WHERE id = ?",
                params![attempts, not_before.as_millisecond(), error, waited_ms, delivery.0],
            )?;
            return Ok(Vec::new());
        }
    }
    forget_parts(batch, delivery, row.cut)?;
    if row.files { freed(batch, row.seq) } else { Ok(Vec::new()) }
}

/// The parts of which it is stored what came of them: they are linked already.
fn sent_parts(batch: &Batch<'_, '_>, delivery: DeliveryId) -> Result<Vec<i64>, Failure> {
    let mut parts =
        batch.connection.prepare_cached("SELECT part FROM parts WHERE delivery = ? AND sent IS NOT NULL")?;
    Ok(parts.query_map([delivery.0], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

fn end(batch: &Batch<'_, '_>, delivery: DeliveryId, state: i64, now: i64, note: &str) -> Result<(), Failure> {
    batch.execute(
        "UPDATE deliveries SET state = ?, ended = ?, note = ? WHERE id = ?",
        params![state, now, note, delivery.0],
    )?;
    Ok(())
}

/// Parts hold text; nobody sends them again.
pub(crate) fn forget_parts(batch: &Batch<'_, '_>, delivery: DeliveryId, cut: bool) -> Result<(), Failure> {
    if cut {
        batch.execute("DELETE FROM parts WHERE delivery = ?", [delivery.0])?;
    }
    Ok(())
}

/// The files that an event needed, if none of its deliveries needs them any more and no other event does.
pub(crate) fn freed(batch: &Batch<'_, '_>, seq: i64) -> Result<Vec<SpoolId>, Failure> {
    let needed = |row: &rusqlite::Row<'_>| row.get::<_, String>(0);
    let files: Vec<String> = batch
        .connection
        .prepare_cached("SELECT file FROM files WHERE seq = ?")?
        .query_map([seq], needed)?
        .collect::<Result<_, _>>()?;
    if files.is_empty() {
        return Ok(Vec::new());
    }
    let unsettled: bool = batch
        .connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM events e JOIN deliveries d ON d.id BETWEEN e.first AND e.first + e.deliveries - 1 \
             WHERE e.seq = ? AND d.state IN (0, 3))",
        )?
        .query_row([seq], |row| row.get(0))?;
    if unsettled {
        return Ok(Vec::new());
    }
    batch.execute("DELETE FROM files WHERE seq = ?", [seq])?;
    let mut free = Vec::new();
    for file in files {
        let used: bool = batch
            .connection
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM files WHERE file = ?)")?
            .query_row([&file], |row| row.get(0))?;
        if !used {
            free.push(SpoolId::try_from(file).map_err(|why| Failure::Stored(why.to_owned()))?);
        }
    }
    Ok(free)
}

/// What a delivery's row says of the copies that were made.
#[derive(Default)]
struct Linked<'a> {
    /// `None` if there is nothing to say.
    realm: Option<i64>,
    place: Option<&'a str>,
    /// An id has no line break in it, so that lines can hold several.
    copies: Option<String>,
}

/// Makes links of the ids, and claims of the texts that arrived without one. The caller notes both in the row.
fn link<'a>(
    batch: &mut Batch<'_, '_>,
    delivery: DeliveryId,
    row: &Row,
    sents: impl Iterator<Item = &'a Sent> + Clone,
    realm: &str,
) -> Result<Linked<'a>, Failure> {
    let copies = copies::write(sents.clone());
    let mut place = None;
    for sent in sents {
        place = place.or(sent.channel.as_ref());
        for id in &sent.ids {
            batch.execute(
                "INSERT OR IGNORE INTO ids (key, seq, delivery) VALUES (?, ?, ?)",
                params![Name::new(realm, id).copy(), row.seq, delivery.0],
            )?;
        }
        if let Some(text) = &sent.unnamed_text {
            claimable(batch, delivery, row, sent, text, realm)?;
        }
    }
    if copies.is_none() && place.is_none() {
        return Ok(Linked::default());
    }
    let realm = Some(batch.memory.realm(batch.connection, realm)?);
    Ok(Linked { realm, place: place.map(ChannelKey::as_str), copies })
}

/// A change made messages, or took some away: those are copies of the message that it changes. All stay known as ours.
fn amend<'a>(
    batch: &mut Batch<'_, '_>,
    amended: i64,
    sents: impl Iterator<Item = &'a Sent> + Clone,
    realm: &str,
) -> Result<(), Failure> {
    let gone: Vec<MessageId> = sents.clone().flat_map(|sent| &sent.gone).cloned().collect();
    let delivery = DeliveryId(amended);
    let row = row(batch, delivery)?;
    let linked = link(batch, delivery, &row, sents, realm)?;
    if linked.copies.is_none() && gone.is_empty() {
        return Ok(());
    }
    let known: Option<String> = batch
        .connection
        .prepare_cached("SELECT copies FROM deliveries WHERE id = ?")?
        .query_row([amended], |row| row.get(0))?;
    let left = known.map(|known| copies::without(&known, &gone));
    let copies = [left, linked.copies].into_iter().flatten().collect::<Vec<_>>().join("\n");
    batch.execute(
        "UPDATE deliveries SET copies = ?, realm = coalesce(?, realm) WHERE id = ?",
        params![Some(copies).filter(|copies| !copies.is_empty()), linked.realm, amended],
    )?;
    Ok(())
}

/// Lets the echo of a copy without an id be recognised.
fn claimable(
    batch: &mut Batch<'_, '_>,
    delivery: DeliveryId,
    row: &Row,
    sent: &Sent,
    text: &str,
    realm: &str,
) -> Result<(), Failure> {
    let target: String;
    let channel = if let Some(channel) = &sent.channel {
        channel.as_str()
    } else {
        target = batch
            .connection
            .prepare_cached("SELECT c.key FROM lanes l JOIN channels c ON c.id = l.target WHERE l.id = ?")?
            .query_row([row.lane], |row| row.get(0))?;
        &target
    };
    let text = key::claim(realm, channel, text);
    let id = batch.memory.next_claim;
    batch.memory.next_claim += 1;
    batch.execute(
        "INSERT INTO claims (id, text, delivery, at) VALUES (?, ?, ?, ?)",
        params![id, text, delivery.0, batch.memory.latest],
    )?;
    batch.memory.claims.insert((text, id));
    Ok(())
}
