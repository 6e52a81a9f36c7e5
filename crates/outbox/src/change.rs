//! What a change does to the message that it is about, beside going its way.

use std::borrow::Cow;

use rusqlite::{OptionalExtension, params};
use tieline_core::event::{Body, Event, Message, Reaction};
use tieline_core::id::{Channel, DeliveryId, EventSeq};
use tieline_core::outbox::Planned;

use crate::error::Failure;
use crate::family::events;
use crate::key::Name;
use crate::settle::{DEAD, NOT_WANTED, forget_parts, freed};
use crate::writer::Batch;

/// What becomes of a change.
pub(crate) enum Outcome<'p> {
    /// It goes to these of the planned channels.
    Goes(Cow<'p, [Planned]>),
    /// Nobody gets it, for this reason.
    Filtered(&'static str),
}

/// Applies a change that was planned. `about` is the event of the message.
pub(crate) fn apply<'p>(
    batch: &mut Batch<'_, '_>,
    seq: EventSeq,
    name: Name,
    event: &Event,
    about: EventSeq,
    planned: &'p [Planned],
) -> Result<Outcome<'p>, Failure> {
    match is_deleted(batch, about)? {
        Some(false) => {}
        Some(true) => return Ok(Outcome::Filtered("the message was deleted before")),
        // Between the look for it and now.
        None => return Ok(Outcome::Filtered("the message that it changes was forgotten")),
    }
    let outcome = match &event.body {
        Body::Reaction(reaction) => react(batch, seq, name, event, reaction, about, planned)?,
        body => {
            match body {
                // Who deletes a copy has no say over all the others; the original's own deletion, which follows, has.
                Body::Delete if is_original(batch, event, about)? => delete(batch, about)?,
                Body::Edit(message) => edit(batch, about, message)?,
                _ => {}
            }
            Outcome::Goes(Cow::Borrowed(planned))
        }
    };
    if let Outcome::Goes(going) = &outcome {
        supersede(batch, event, about, going)?;
    }
    Ok(outcome)
}

/// The delivery whose copies a change of a message changes in a channel, if the message has any there.
pub(crate) fn amended(batch: &mut Batch<'_, '_>, about: EventSeq, target: &Channel) -> Result<Option<i64>, Failure> {
    let target = batch.memory.channel(batch.connection, target)?;
    let sql = "SELECT d.id FROM events e JOIN deliveries d ON d.id BETWEEN e.first AND e.first + e.deliveries - 1 \
               JOIN lanes l ON l.id = d.lane WHERE e.seq = ? AND l.target = ?";
    for seq in events(batch.connection, about)? {
        let found =
            batch.connection.prepare_cached(sql)?.query_row(params![seq, target], |row| row.get(0)).optional()?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// `None` if there is no such message.
fn is_deleted(batch: &Batch<'_, '_>, about: EventSeq) -> Result<Option<bool>, Failure> {
    let sql = "SELECT deleted FROM events WHERE seq = ?";
    Ok(batch.connection.prepare_cached(sql)?.query_row([about.0], |row| row.get(0)).optional()?)
}

/// The message is gone: what did not arrive is not wanted any more. Pending deliveries are settled by their lanes, which
/// may be sending them right now.
fn delete(batch: &mut Batch<'_, '_>, about: EventSeq) -> Result<(), Failure> {
    for seq in events(batch.connection, about)? {
        batch.execute("UPDATE events SET deleted = 1 WHERE seq = ?", [seq])?;
        end_dead(batch, seq, None, "the message was deleted before it could be delivered")?;
    }
    Ok(())
}

/// Dead letters of an event are not wanted any more: all of them, or those that lead to one channel.
fn end_dead(batch: &mut Batch<'_, '_>, seq: i64, target: Option<i64>, note: &str) -> Result<(), Failure> {
    let sql = "SELECT d.id FROM events e JOIN deliveries d ON d.id BETWEEN e.first AND e.first + e.deliveries - 1 \
               JOIN lanes l ON l.id = d.lane WHERE e.seq = ?1 AND d.state = ?2 AND (?3 IS NULL OR l.target = ?3)";
    let dead: Vec<i64> = {
        let mut dead = batch.connection.prepare_cached(sql)?;
        dead.query_map(params![seq, DEAD, target], |row| row.get(0))?.collect::<Result<_, _>>()?
    };
    for delivery in &dead {
        forget_parts(batch, DeliveryId(*delivery), true)?;
        batch.execute("UPDATE deliveries SET state = ?, note = ? WHERE id = ?", params![NOT_WANTED, note, delivery])?;
    }
    batch.memory.tallies.dead -= dead.len() as i64;
    batch.memory.tallies.filtered += dead.len() as i64;
    // Whoever hands the change in lets go of the files that are named nowhere any more.
    freed(batch, seq)?;
    Ok(())
}

/// What did not arrive says the new text when it does.
fn edit(batch: &Batch<'_, '_>, about: EventSeq, message: &Message) -> Result<(), Failure> {
    let waits: bool = batch
        .connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM events e JOIN deliveries d ON d.id BETWEEN e.first AND e.first + e.deliveries - 1 \
             WHERE e.seq = ? AND d.state IN (0, 3))",
        )?
        .query_row([about.0], |row| row.get(0))?;
    let stored = if waits { crate::rows::event(batch.connection, about.0)? } else { None };
    if let Some(mut event) = stored
        && let Some(stored) = event.message_mut()
    {
        stored.text = message.text.clone();
        let json = serde_json::to_string(&event)?;
        batch.execute("UPDATE bodies SET json = ? WHERE seq = ?", params![json, about.0])?;
        // Parts of which none was sent are cut anew, from the new text.
        let uncut = "SELECT d.id FROM events e JOIN deliveries d ON d.id BETWEEN e.first AND e.first + e.deliveries - 1 \
                     WHERE e.seq = ? AND d.state = 3 AND d.cut > 0 \
                     AND NOT EXISTS (SELECT 1 FROM parts p WHERE p.delivery = d.id AND p.sent IS NOT NULL)";
        let mut uncut = batch.connection.prepare_cached(uncut)?;
        let uncut: Vec<i64> = uncut.query_map([about.0], |row| row.get(0))?.collect::<Result<_, _>>()?;
        for delivery in uncut {
            batch.execute("DELETE FROM parts WHERE delivery = ?", [delivery])?;
            batch.execute("UPDATE deliveries SET cut = 0 WHERE id = ?", [delivery])?;
        }
    }
    Ok(())
}

/// Notes a reaction. In each place stands one of ours for all that were given elsewhere.
fn react(
    batch: &mut Batch<'_, '_>,
    seq: EventSeq,
    name: Name,
    event: &Event,
    reaction: &Reaction,
    about: EventSeq,
    planned: &[Planned],
) -> Result<Outcome<'static>, Failure> {
    let here = Channel { instance: event.instance.clone(), key: event.channel.clone() };
    let here = batch.memory.channel(batch.connection, &here)?;
    let who = &event.author.id;
    let emoji = &reaction.emoji;
    let mut going = Vec::new();
    if reaction.added {
        for one in planned {
            if !stands_elsewhere(batch, about, emoji, &one.target)? {
                going.push(one.clone());
            }
        }
        batch.execute(
            "INSERT OR REPLACE INTO reactions (seq, emoji, channel, who, at) VALUES (?, ?, ?, ?, ?)",
            params![about.0, emoji, here, who, seq.0],
        )?;
    } else {
        // Nobody's in particular: everybody's were taken away.
        let removed = if who.is_empty() {
            forget_given(batch, name, event, emoji, about, here)?;
            let sql = "DELETE FROM reactions WHERE seq = ? AND emoji = ? AND channel = ?";
            batch.execute(sql, params![about.0, emoji, here])?
        } else {
            let sql = "DELETE FROM reactions WHERE seq = ? AND emoji = ? AND channel = ? AND who = ?";
            batch.execute(sql, params![about.0, emoji, here, who])?
        };
        if removed == 0 {
            return Ok(Outcome::Filtered("the reaction that was taken back is not known"));
        }
        for one in planned {
            if !stands_elsewhere(batch, about, emoji, &one.target)? {
                going.push(one.clone());
            }
        }
    }
    Ok(if going.is_empty() {
        Outcome::Filtered("others have given the same reaction, which stands for all of them")
    } else {
        Outcome::Goes(Cow::Owned(going))
    })
}

/// Everybody's reactions are taken away: whoever gives one again gives a new one.
fn forget_given(
    batch: &Batch<'_, '_>,
    name: Name,
    event: &Event,
    emoji: &str,
    about: EventSeq,
    here: i64,
) -> Result<(), Failure> {
    let sql = "SELECT who FROM reactions WHERE seq = ? AND emoji = ? AND channel = ?";
    let mut givers = batch.connection.prepare_cached(sql)?;
    let givers: Vec<String> =
        givers.query_map(params![about.0, emoji, here], |row| row.get(0))?.collect::<Result<_, _>>()?;
    for who in givers {
        let mut given = event.clone();
        given.author.id = who;
        given.revision = None;
        given.body = Body::Reaction(Reaction { emoji: emoji.to_owned(), added: true });
        batch.execute("DELETE FROM ids WHERE key = ?", [name.event(&given)])?;
    }
    Ok(())
}

/// Whether a change happened to the original itself.
fn is_original(batch: &mut Batch<'_, '_>, event: &Event, about: EventSeq) -> Result<bool, Failure> {
    let here = Channel { instance: event.instance.clone(), key: event.channel.clone() };
    let here = batch.memory.channel(batch.connection, &here)?;
    let sql = "SELECT EXISTS (SELECT 1 FROM events WHERE seq = ? AND channel = ? AND message_id = ?)";
    let values = params![about.0, here, event.message_id.as_str()];
    Ok(batch.connection.prepare_cached(sql)?.query_row(values, |row| row.get(0))?)
}

/// Older changes that could not be made where this one goes, and that it makes up for, are not to be made any more:
/// retried, they would put an older state in the place of a newer one.
fn supersede(batch: &mut Batch<'_, '_>, event: &Event, about: EventSeq, going: &[Planned]) -> Result<(), Failure> {
    let sql = "SELECT e.seq FROM events e WHERE e.about = ? AND EXISTS (SELECT 1 FROM deliveries d \
               WHERE d.id BETWEEN e.first AND e.first + e.deliveries - 1 AND d.state = 3)";
    let older: Vec<i64> = {
        let mut older = batch.connection.prepare_cached(sql)?;
        older.query_map([about.0], |row| row.get(0))?.collect::<Result<_, _>>()?
    };
    for seq in older {
        let same = match (crate::rows::event(batch.connection, seq)?.map(|older| older.body), &event.body) {
            (Some(Body::Edit(_)), Body::Edit(_) | Body::Delete) | (Some(Body::Reaction(_)), Body::Delete) => true,
            (Some(Body::Reaction(older)), Body::Reaction(newer)) => older.emoji == newer.emoji,
            _ => false,
        };
        if same {
            for one in going {
                let target = batch.memory.channel(batch.connection, &one.target)?;
                end_dead(batch, seq, Some(target), "a later change has made up for it")?;
            }
        }
    }
    Ok(())
}

/// Whether somebody gave a reaction anywhere but in a channel.
fn stands_elsewhere(
    batch: &mut Batch<'_, '_>,
    about: EventSeq,
    emoji: &str,
    channel: &Channel,
) -> Result<bool, Failure> {
    let channel = batch.memory.channel(batch.connection, channel)?;
    let sql = "SELECT EXISTS (SELECT 1 FROM reactions WHERE seq = ? AND emoji = ? AND channel <> ?)";
    Ok(batch.connection.prepare_cached(sql)?.query_row(params![about.0, emoji, channel], |row| row.get(0))?)
}
