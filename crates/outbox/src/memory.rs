//! What the writer remembers between two transactions: the counts, the next numbers, and the names it has numbered.
//!
//! Nothing here is more than a copy of what is on disk. After a rollback it is read anew, so that nothing of a
//! transaction that failed is remembered.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, params};
use tieline_core::frame::{FrameId, NamedFrame};
use tieline_core::id::{Channel, LaneId};
use tieline_core::outbox::{Lane, Tallies};

use crate::error::Failure;
use crate::names::Walk;
use crate::statements::Statements;

/// How many names of one kind are remembered; above it all are forgotten and read again as they are needed.
const REMEMBERED: usize = 8192;

/// How long the text of a copy without an id is waited for, in milliseconds.
pub(crate) const CLAIMABLE_MS: i64 = 10 * 60 * 1000;

/// The writer's memory.
pub(crate) struct Memory {
    pub(crate) tallies: Tallies,
    pub(crate) next_event: i64,
    pub(crate) next_delivery: i64,
    pub(crate) next_claim: i64,
    /// The latest time that a caller named, in milliseconds since 1970.
    pub(crate) latest: i64,
    /// Copies without an id that may be claimed: the hash of the text, and the row in `claims`. A map in memory,
    /// since the same on disk would dirty one page at random for every message; 10,000 claims take about 250 KB.
    pub(crate) claims: BTreeSet<(i64, i64)>,
    /// Where the sweeps of [`prune`](crate::prune) stand.
    pub(crate) swept_bodies: i64,
    pub(crate) swept_events: i64,
    /// Whether an event may have been forgotten since the last walk of [`names`](crate::names) began.
    pub(crate) forgot: bool,
    /// When that was.
    pub(crate) walked: i64,
    /// The walk under way.
    pub(crate) walk: Option<Walk>,
    realms: HashMap<Arc<str>, i64>,
    channels: HashMap<Channel, i64>,
    lanes: HashMap<(i64, i64), (LaneId, Arc<Lane>)>,
    frames: HashMap<FrameId, i64>,
}

impl Memory {
    /// Reads it from disk.
    pub(crate) fn load(connection: &Connection) -> Result<Self, Failure> {
        let mut memory = connection.query_row(
            "SELECT next_event, next_delivery, next_claim, planned, delivered, filtered, dead, dropped, pending, \
             repeats, possible_duplicates, held, \
             coalesce((SELECT received FROM events ORDER BY seq DESC LIMIT 1), 0) FROM outbox",
            [],
            |row| {
                Ok(Self {
                    tallies: tallies(row, 3)?,
                    next_event: row.get(0)?,
                    next_delivery: row.get(1)?,
                    next_claim: row.get(2)?,
                    latest: row.get(12)?,
                    claims: BTreeSet::new(),
                    swept_bodies: 0,
                    swept_events: 0,
                    forgot: true,
                    walked: i64::MIN,
                    walk: None,
                    realms: HashMap::new(),
                    channels: HashMap::new(),
                    lanes: HashMap::new(),
                    frames: HashMap::new(),
                })
            },
        )?;
        let mut claims = connection.prepare("SELECT text, id FROM claims")?;
        for claim in claims.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))? {
            memory.claims.insert(claim?);
        }
        Ok(memory)
    }

    /// Writes counts and numbers, once per transaction.
    pub(crate) fn store(&self, statements: &Statements<'_>) -> Result<(), Failure> {
        let t = &self.tallies;
        statements.execute(
            "UPDATE outbox SET next_event = ?, next_delivery = ?, next_claim = ?, planned = ?, delivered = ?, \
             filtered = ?, dead = ?, dropped = ?, pending = ?, repeats = ?, possible_duplicates = ?, held = ?",
            params![
                self.next_event,
                self.next_delivery,
                self.next_claim,
                t.planned,
                t.delivered,
                t.filtered,
                t.dead,
                t.dropped,
                t.pending,
                t.repeats,
                t.possible_duplicates,
                t.held
            ],
        )?;
        Ok(())
    }

    /// The number of a realm.
    pub(crate) fn realm(&mut self, connection: &Connection, name: &str) -> Result<i64, Failure> {
        if let Some(id) = self.realms.get(name) {
            return Ok(*id);
        }
        let id = numbered(
            connection,
            "SELECT id FROM realms WHERE name = ?",
            "INSERT INTO realms (name) VALUES (?)",
            params![name],
        )?;
        remember(&mut self.realms, Arc::from(name), id);
        Ok(id)
    }

    /// The number of a channel.
    pub(crate) fn channel(&mut self, connection: &Connection, channel: &Channel) -> Result<i64, Failure> {
        let id = if let Some(id) = self.channels.get(channel) {
            *id
        } else {
            let id = numbered(
                connection,
                "SELECT id FROM channels WHERE instance = ? AND key = ?",
                "INSERT INTO channels (instance, key) VALUES (?, ?)",
                params![channel.instance.as_str(), channel.key.as_str()],
            )?;
            remember(&mut self.channels, channel.clone(), id);
            id
        };
        if let Some(walk) = &mut self.walk {
            walk.meet_channel(id);
        }
        Ok(id)
    }

    /// The lane between two channels.
    pub(crate) fn lane(
        &mut self,
        connection: &Connection,
        source: &Channel,
        target: &Channel,
    ) -> Result<(LaneId, Arc<Lane>), Failure> {
        let ends = (self.channel(connection, source)?, self.channel(connection, target)?);
        let (id, lane) = if let Some((id, lane)) = self.lanes.get(&ends) {
            (*id, Arc::clone(lane))
        } else {
            let id = LaneId(numbered(
                connection,
                "SELECT id FROM lanes WHERE source = ? AND target = ?",
                "INSERT INTO lanes (source, target) VALUES (?, ?)",
                params![ends.0, ends.1],
            )?);
            let lane = Arc::new(Lane { source: source.clone(), target: target.clone() });
            remember(&mut self.lanes, ends, (id, Arc::clone(&lane)));
            (id, lane)
        };
        if let Some(walk) = &mut self.walk {
            walk.meet_lane(id.0);
        }
        Ok((id, lane))
    }

    /// The number of a frame; it is stored when it is first seen.
    pub(crate) fn frame(&mut self, connection: &Connection, frame: &NamedFrame) -> Result<i64, Failure> {
        let id = match self.frames.get(&frame.id) {
            Some(id) => *id,
            None => self.read_frame(connection, frame)?,
        };
        if let Some(walk) = &mut self.walk {
            walk.meet_frame(id);
        }
        Ok(id)
    }

    fn read_frame(&mut self, connection: &Connection, frame: &NamedFrame) -> Result<i64, Failure> {
        let found: Option<i64> = connection
            .prepare_cached("SELECT id FROM frames WHERE name = ?")?
            .query_row(params![frame.id.0], |row| row.get(0))
            .optional()?;
        let id = if let Some(id) = found {
            id
        } else {
            connection
                .prepare_cached("INSERT INTO frames (name, json) VALUES (?, ?)")?
                .execute(params![frame.id.0, frame.json])?;
            connection.last_insert_rowid()
        };
        remember(&mut self.frames, frame.id, id);
        Ok(id)
    }

    /// Lets go of the names that may have been forgotten on disk; the others are read again as they are needed.
    pub(crate) fn forget_names(&mut self) {
        self.channels.clear();
        self.lanes.clear();
        self.frames.clear();
    }
}

/// Reads the counts from columns that stand in the order in which they are stored.
pub(crate) fn tallies(row: &rusqlite::Row<'_>, from: usize) -> rusqlite::Result<Tallies> {
    Ok(Tallies {
        planned: row.get(from)?,
        delivered: row.get(from + 1)?,
        filtered: row.get(from + 2)?,
        dead: row.get(from + 3)?,
        dropped: row.get(from + 4)?,
        pending: row.get(from + 5)?,
        repeats: row.get(from + 6)?,
        possible_duplicates: row.get(from + 7)?,
        held: row.get(from + 8)?,
    })
}

fn remember<K: std::hash::Hash + Eq, V>(map: &mut HashMap<K, V>, key: K, value: V) {
    if map.len() >= REMEMBERED {
        map.clear();
    }
    map.insert(key, value);
}

fn numbered(
    connection: &Connection,
    find: &str,
    insert: &str,
    values: &[&dyn rusqlite::ToSql],
) -> Result<i64, Failure> {
    if let Some(id) = connection.prepare_cached(find)?.query_row(values, |row| row.get(0)).optional()? {
        return Ok(id);
    }
    connection.prepare_cached(insert)?.execute(values)?;
    Ok(connection.last_insert_rowid())
}
