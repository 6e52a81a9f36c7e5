//! What became of a message.

use rusqlite::{OptionalExtension, params};
use tieline_core::id::{DeliveryId, EventSeq, MessageId};
use tieline_core::outbox::{Trace, TracedDelivery};

use crate::accept::{FILTERED, HELD};
use crate::copies;
use crate::error::Failure;
use crate::key::Name;
use crate::read::Reading;
use crate::rows;
use crate::settle::{DEAD, DELIVERED, DROPPED, NOT_WANTED};

impl Reading<'_> {
    /// All events that an id may mean: a number of ours, a platform's id of a message, a platform's id of a copy.
    pub(crate) fn trace(&self, id: &str) -> Result<Vec<Trace>, Failure> {
        let mut seqs: Vec<i64> = id.parse::<EventSeq>().into_iter().map(|seq| seq.0).collect();
        if let Ok(message) = MessageId::new(id) {
            let mut realms = self.connection.prepare_cached("SELECT name FROM realms ORDER BY id")?;
            for realm in realms.query_map([], |row| row.get::<_, String>(0))? {
                let (from, to) = Name::new(&realm?, &message).range();
                let mut found = self.connection.prepare_cached("SELECT seq FROM ids WHERE key BETWEEN ? AND ?")?;
                for seq in found.query_map(params![from, to], |row| row.get(0))? {
                    seqs.push(seq?);
                }
            }
        }
        seqs.sort_unstable();
        seqs.dedup();
        let mut traces = Vec::new();
        for seq in seqs {
            traces.extend(self.trace_event(seq)?);
        }
        Ok(traces)
    }

    fn trace_event(&self, seq: i64) -> Result<Option<Trace>, Failure> {
        let found = self
            .connection
            .prepare_cached("SELECT state, received, notes, first, deliveries FROM events WHERE seq = ?")?
            .query_row([seq], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get::<_, Option<String>>(2)?, row.get(3)?, row.get(4)?))
            })
            .optional()?;
        let Some((state, received, notes, first, count)) = found else { return Ok(None) };
        let state = match state {
            FILTERED => "filtered",
            HELD => "held",
            _ => "planned",
        };
        Ok(Some(Trace {
            trace: EventSeq(seq).to_string(),
            state: state.to_owned(),
            notes: notes.map(|json| serde_json::from_str(&json)).transpose()?.unwrap_or_default(),
            event: rows::event(self.connection, seq)?,
            received: rows::time(received)?,
            deliveries: self.trace_deliveries(first, count)?,
        }))
    }

    fn trace_deliveries(&self, first: i64, count: i64) -> Result<Vec<TracedDelivery>, Failure> {
        let mut found = self.connection.prepare_cached(
            "SELECT id, frame, lane, state, attempts, note, copies FROM deliveries WHERE id >= ? AND id < ? ORDER BY id",
        )?;
        let mut found = found.query([first, first + count])?;
        let mut deliveries = Vec::new();
        while let Some(row) = found.next()? {
            let state = match row.get(3)? {
                DELIVERED => "delivered",
                NOT_WANTED => "filtered",
                DEAD => "dead",
                DROPPED => "dropped",
                _ => "pending",
            };
            let lines = row.get::<_, Option<String>>(6)?.unwrap_or_default();
            let frame = rows::frame(self.connection, row.get(1)?)?;
            deliveries.push(TracedDelivery {
                id: DeliveryId(row.get(0)?),
                rule: frame.frame.rule.to_string(),
                target: rows::lane(self.connection, row.get(2)?)?.target,
                state: state.to_owned(),
                attempts: row.get(4)?,
                reason: row.get(5)?,
                addressed: frame.frame.addressed.clone(),
                copies: copies::ids(&lines).collect::<Result<_, _>>()?,
            });
        }
        Ok(deliveries)
    }
}
