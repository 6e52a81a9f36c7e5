//! A message with all its copies, read back.

use rusqlite::{Connection, OptionalExtension, params};
use tieline_core::family::{Family, Kin, KinState};
use tieline_core::id::{Channel, ChannelKey, DeliveryId, EventSeq, LaneId, MessageId};

use crate::copies;
use crate::error::Failure;
use crate::key::{Key, Name};
use crate::read::Reading;
use crate::rows;
use crate::settle::{DEAD, DELIVERED, PENDING};

/// The events of a message, by the number of one of them: its text and, where they came apart, its files. The first is
/// the message's own. Empty if there is no such event.
pub(crate) fn events(connection: &Connection, seq: EventSeq) -> Result<Vec<i64>, Failure> {
    let found: Option<(Key, i64)> = connection
        .prepare_cached("SELECT key, channel FROM events WHERE seq = ?")?
        .query_row([seq.0], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((key, channel)) = found else { return Ok(Vec::new()) };
    let (from, to) = Name::of(&key).range_said();
    let mut twins = connection.prepare_cached(
        "SELECT i.seq FROM ids i JOIN events e ON e.seq = i.seq WHERE i.key BETWEEN ? AND ? AND e.channel = ?",
    )?;
    let twins = twins.query_map(params![from, to, channel], |row| row.get(0))?;
    let mut events = twins.collect::<Result<Vec<i64>, _>>()?;
    events.push(seq.0);
    events.sort_unstable();
    events.dedup();
    Ok(events)
}

impl Reading<'_> {
    /// See [`Outbox::family`](tieline_core::outbox::Outbox::family).
    pub(crate) fn family(&self, realm: &str, message: &MessageId, near: &Channel) -> Result<Option<Family>, Failure> {
        let (from, to) = Name::new(realm, message).range();
        let seq: Option<i64> = self
            .connection
            .prepare_cached(
                // What we sent is a copy, whatever else was heard under its id: its echo is an event without copies.
                "SELECT i.seq FROM ids i JOIN events e ON e.seq = i.seq JOIN channels c ON c.id = e.channel \
                 WHERE i.key BETWEEN ?1 AND ?2 AND substr(i.key, 17, 1) < x'03' \
                 AND (substr(i.key, 17, 1) = x'00' OR e.state <> 2) \
                 ORDER BY substr(i.key, 17, 1) = x'00' DESC, c.instance = ?3 AND c.key = ?4 DESC, i.seq LIMIT 1",
            )?
            .query_row(params![from, to, near.instance.as_str(), near.key.as_str()], |row| row.get(0))
            .optional()?;
        match seq {
            Some(seq) => self.family_of(EventSeq(seq)),
            None => Ok(None),
        }
    }

    /// See [`Outbox::family_of`](tieline_core::outbox::Outbox::family_of).
    pub(crate) fn family_of(&self, seq: EventSeq) -> Result<Option<Family>, Failure> {
        let seqs = events(self.connection, seq)?;
        let Some(first) = seqs.first() else { return Ok(None) };
        let found = self
            .connection
            .prepare_cached(
                "SELECT c.instance, c.key, e.parent, e.message_id, e.deleted FROM events e \
                 JOIN channels c ON c.id = e.channel WHERE e.seq = ?",
            )?
            .query_row([first], |row| {
                Ok((
                    row.get::<_, String>(0)?,
                    row.get::<_, String>(1)?,
                    row.get::<_, Option<String>>(2)?,
                    row.get::<_, String>(3)?,
                    row.get(4)?,
                ))
            })
            .optional()?;
        let Some((instance, key, parent, message_id, deleted)) = found else { return Ok(None) };
        let mut copies = Vec::new();
        for seq in &seqs {
            self.kin(*seq, &mut copies)?;
        }
        Ok(Some(Family {
            seq: EventSeq(*first),
            origin: rows::channel(&instance, &key)?,
            parent: parent.as_deref().map(ChannelKey::new).transpose()?,
            message_id: MessageId::new(&message_id)?,
            deleted,
            copies,
        }))
    }

    /// Adds the copies of one event.
    fn kin(&self, seq: i64, copies: &mut Vec<Kin>) -> Result<(), Failure> {
        let mut found = self.connection.prepare_cached(
            "SELECT d.id, c.instance, c.key, d.place, d.state, d.copies, d.lane, \
             EXISTS (SELECT 1 FROM deliveries a WHERE a.state = 0 AND a.amends = d.id) FROM events e \
             JOIN deliveries d ON d.id BETWEEN e.first AND e.first + e.deliveries - 1 \
             JOIN lanes l ON l.id = d.lane JOIN channels c ON c.id = l.target WHERE e.seq = ? ORDER BY d.id",
        )?;
        let mut found = found.query([seq])?;
        while let Some(row) = found.next()? {
            let place = row.get::<_, Option<String>>(3)?.as_deref().map(ChannelKey::new).transpose()?;
            let lines: Option<String> = row.get(5)?;
            let mut messages = copies::read(lines.as_deref().unwrap_or_default())?;
            for message in &mut messages {
                message.channel.clone_from(&place);
            }
            copies.push(Kin {
                delivery: DeliveryId(row.get(0)?),
                lane: LaneId(row.get(6)?),
                channel: rows::channel(&row.get::<_, String>(1)?, &row.get::<_, String>(2)?)?,
                place,
                state: match row.get(4)? {
                    PENDING => KinState::Pending,
                    DELIVERED => KinState::Delivered,
                    DEAD => KinState::Dead,
                    _ => KinState::NotWanted,
                },
                gone: lines.is_some() && messages.is_empty(),
                messages,
                amended: row.get(7)?,
            });
        }
        Ok(())
    }

    /// See [`Outbox::reactions`](tieline_core::outbox::Outbox::reactions).
    pub(crate) fn reactions(&self, seq: EventSeq) -> Result<Vec<(String, Channel)>, Failure> {
        let mut found = self.connection.prepare_cached(
            "SELECT r.emoji, c.instance, c.key FROM reactions r JOIN channels c ON c.id = r.channel \
             WHERE r.seq = ? GROUP BY r.emoji, r.channel ORDER BY max(r.at) DESC",
        )?;
        let mut found = found.query([seq.0])?;
        let mut reactions = Vec::new();
        while let Some(row) = found.next()? {
            let channel = rows::channel(&row.get::<_, String>(1)?, &row.get::<_, String>(2)?)?;
            reactions.push((row.get(0)?, channel));
        }
        Ok(reactions)
    }
}
