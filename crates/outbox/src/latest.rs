//! What stands in a channel, as far as is known.

use rusqlite::{OptionalExtension, params};
use tieline_core::id::{Channel, MessageId};

use crate::copies;
use crate::error::Failure;
use crate::read::Reading;

/// So many of the latest events and deliveries are looked through: no index leads from a channel to them.
const LOOKED_THROUGH: i64 = 20_000;

impl Reading<'_> {
    /// See [`Outbox::latest`](tieline_core::outbox::Outbox::latest).
    pub(crate) fn latest(&self, channel: &Channel, most: usize) -> Result<Vec<MessageId>, Failure> {
        let (instance, key) = (channel.instance.as_str(), channel.key.as_str());
        let id: Option<i64> = self
            .connection
            .prepare_cached("SELECT id FROM channels WHERE instance = ? AND key = ?")?
            .query_row([instance, key], |row| row.get(0))
            .optional()?;
        let mut found = Vec::new();
        let mut received = self.connection.prepare_cached(
            "SELECT message_id FROM events WHERE seq > (SELECT coalesce(max(seq), 0) FROM events) - ?1 \
             AND channel = ?2 AND state = 0 AND about IS NULL AND deleted = 0 ORDER BY seq DESC LIMIT ?3",
        )?;
        let mut rows = received.query(params![LOOKED_THROUGH, id, most as i64])?;
        while let Some(row) = rows.next()? {
            found.push(MessageId::new(&row.get::<_, String>(0)?)?);
        }
        let mut sent = self.connection.prepare_cached(
            "SELECT d.copies FROM deliveries d JOIN lanes l ON l.id = d.lane JOIN channels c ON c.id = l.target \
             JOIN events e ON e.seq = d.seq WHERE d.id > (SELECT coalesce(max(id), 0) FROM deliveries) - ?1 \
             AND (l.target = ?2 OR (c.instance = ?3 AND d.place = ?4)) AND d.copies IS NOT NULL AND e.deleted = 0 \
             ORDER BY d.id DESC LIMIT ?5",
        )?;
        let mut rows = sent.query(params![LOOKED_THROUGH, id, instance, key, most as i64])?;
        while let Some(row) = rows.next()? {
            found.extend(copies::read(&row.get::<_, String>(0)?)?.into_iter().map(|copy| copy.id));
        }
        found.retain(|message| !message.is_ours());
        Ok(found)
    }
}
