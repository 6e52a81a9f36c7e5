//! Forgetting names: channels, lanes and frames that nothing stored names any more.
//!
//! No index leads from a name to what names it, since every send would pay for that. A walk looks for the names instead:
//! through what is stored, newest first, until each name was met, which for names in use is soon. Those that were not met
//! when it has come to the oldest row are forgotten. What is stored meanwhile, [`Memory`] notes as met.
//!
//! The newest name of each kind stays, so that no number is given to another one later: lanes and frames are remembered
//! by their numbers elsewhere.
//!
//! [`Memory`]: crate::memory::Memory

use std::collections::HashSet;

use rusqlite::{Connection, params};

use crate::error::Failure;
use crate::writer::Batch;

/// How many rows one step looks at.
const LOOK: i64 = 500;
/// How long one walk begins after another at the earliest, in milliseconds.
const REST_MS: i64 = 24 * 60 * 60 * 1000;

/// The names of one kind.
struct Names {
    /// How many there were when the walk began.
    count: usize,
    /// The newest of them then.
    newest: i64,
    met: HashSet<i64>,
}

impl Names {
    fn load(connection: &Connection, table: &str) -> Result<Self, Failure> {
        let sql = format!("SELECT count(*), coalesce(max(id), 0) FROM {table}");
        let (count, newest) =
            connection.query_row(&sql, [], |row| Ok((row.get::<_, i64>(0)? as usize, row.get(1)?)))?;
        Ok(Self { count, newest, met: HashSet::from([newest]) })
    }

    fn meet(&mut self, id: i64) {
        if id < self.newest {
            self.met.insert(id);
        }
    }

    fn all_met(&self) -> bool {
        self.met.len() >= self.count
    }

    /// Whether nothing names it.
    fn is_free(&self, id: i64) -> bool {
        id < self.newest && !self.met.contains(&id)
    }
}

/// Where a walk is. Each has the number that it came to last.
enum Stage {
    /// Looks at deliveries, downwards.
    Deliveries(i64),
    /// Forgets frames, upwards.
    Frames(i64),
    /// Forgets lanes, and looks at the ends of the others, upwards.
    Lanes(i64),
    /// Looks at events and reactions, downwards.
    Events(i64),
    /// Forgets channels, upwards.
    Channels(i64),
}

/// A walk under way.
pub(crate) struct Walk {
    stage: Stage,
    channels: Names,
    lanes: Names,
    frames: Names,
}

impl Walk {
    fn begin(connection: &Connection) -> Result<Self, Failure> {
        Ok(Self {
            stage: Stage::Deliveries(i64::MAX),
            channels: Names::load(connection, "channels")?,
            lanes: Names::load(connection, "lanes")?,
            frames: Names::load(connection, "frames")?,
        })
    }

    pub(crate) fn meet_channel(&mut self, id: i64) {
        self.channels.meet(id);
    }

    pub(crate) fn meet_lane(&mut self, id: i64) {
        self.lanes.meet(id);
    }

    pub(crate) fn meet_frame(&mut self, id: i64) {
        self.frames.meet(id);
    }

    /// Goes on by at most [`LOOK`] rows of what it looks at. Returns how many those were, and `false` at its end.
    fn go_on(&mut self, batch: &mut Batch<'_, '_>) -> Result<(i64, bool), Failure> {
        let (looked_at, next) = match self.stage {
            Stage::Deliveries(before) => {
                let (looked_at, last) = self.look_at_deliveries(batch, before)?;
                let done = looked_at < LOOK || (self.lanes.all_met() && self.frames.all_met());
                (looked_at, if done { Stage::Frames(0) } else { Stage::Deliveries(last) })
            }
            Stage::Frames(after) => {
                let found = names_after(batch, "SELECT id, 0, 0 FROM frames WHERE id > ? ORDER BY id LIMIT ?", after)?;
                for (id, ..) in found.iter().filter(|(id, ..)| self.frames.is_free(*id)) {
                    batch.execute("DELETE FROM frames WHERE id = ?", [id])?;
                }
                (found.len() as i64, onwards(&found, Stage::Frames).unwrap_or(Stage::Lanes(0)))
            }
            Stage::Lanes(after) => {
                let sql = "SELECT id, source, target FROM lanes WHERE id > ? ORDER BY id LIMIT ?";
                let found = names_after(batch, sql, after)?;
                for (id, source, target) in &found {
                    if self.lanes.is_free(*id) {
                        batch.execute("DELETE FROM lanes WHERE id = ?", [id])?;
                    } else {
                        self.channels.meet(*source);
                        self.channels.meet(*target);
                    }
                }
                (found.len() as i64, onwards(&found, Stage::Lanes).unwrap_or(Stage::Events(i64::MAX)))
            }
            Stage::Events(_) if self.channels.all_met() => return Ok((0, false)),
            Stage::Events(before) => {
                let (looked_at, last) = self.look_at_events(batch, before)?;
                (looked_at, if looked_at < LOOK { Stage::Channels(0) } else { Stage::Events(last) })
            }
            Stage::Channels(after) => {
                let sql = "SELECT id, 0, 0 FROM channels WHERE id > ? ORDER BY id LIMIT ?";
                let found = names_after(batch, sql, after)?;
                for (id, ..) in found.iter().filter(|(id, ..)| self.channels.is_free(*id)) {
                    batch.execute("DELETE FROM channels WHERE id = ?", [id])?;
                }
                match onwards(&found, Stage::Channels) {
                    Some(next) => (found.len() as i64, next),
                    None => return Ok((found.len() as i64, false)),
                }
            }
        };
        self.stage = next;
        Ok((looked_at, true))
    }

    /// Meets the lanes and frames of the deliveries before one. Returns how many it looked at, and the last.
    fn look_at_deliveries(&mut self, batch: &Batch<'_, '_>, before: i64) -> Result<(i64, i64), Failure> {
        let mut found = batch
            .connection
            .prepare_cached("SELECT id, lane, frame, others FROM deliveries WHERE id < ? ORDER BY id DESC LIMIT ?")?;
        let mut found = found.query([before, LOOK])?;
        let (mut looked_at, mut last) = (0, before);
        while let Some(row) = found.next()? {
            self.lanes.meet(row.get(1)?);
            self.frames.meet(row.get(2)?);
            if let Some(others) = row.get::<_, Option<String>>(3)? {
                serde_json::from_str::<Vec<i64>>(&others)?.into_iter().for_each(|frame| self.frames.meet(frame));
            }
            looked_at += 1;
            last = row.get(0)?;
        }
        Ok((looked_at, last))
    }

    /// Meets the channels of the events before one, and of the reactions to them. Returns the same.
    fn look_at_events(&mut self, batch: &Batch<'_, '_>, before: i64) -> Result<(i64, i64), Failure> {
        let mut found = batch
            .connection
            .prepare_cached("SELECT seq, channel FROM events WHERE seq < ? ORDER BY seq DESC LIMIT ?")?;
        let mut found = found.query([before, LOOK])?;
        let (mut looked_at, mut last) = (0, before);
        while let Some(row) = found.next()? {
            self.channels.meet(row.get(1)?);
            looked_at += 1;
            last = row.get(0)?;
        }
        let mut reactions =
            batch.connection.prepare_cached("SELECT DISTINCT channel FROM reactions WHERE seq >= ? AND seq < ?")?;
        for channel in reactions.query_map([last, before], |row| row.get(0))? {
            self.channels.meet(channel?);
        }
        Ok((looked_at, last))
    }
}

/// The next names, each with two numbers that belong to it.
fn names_after(batch: &Batch<'_, '_>, sql: &str, after: i64) -> Result<Vec<(i64, i64, i64)>, Failure> {
    let mut found = batch.connection.prepare_cached(sql)?;
    let found = found.query_map(params![after, LOOK], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    Ok(found.collect::<Result<_, _>>()?)
}

/// The same stage behind what was found, if there may be more.
fn onwards(found: &[(i64, i64, i64)], stage: impl FnOnce(i64) -> Stage) -> Option<Stage> {
    found.last().filter(|_| found.len() as i64 == LOOK).map(|(last, ..)| stage(*last))
}

/// Goes on with the walk, or begins one if something was forgotten since the last. Returns whether there is more to do.
pub(crate) fn step(batch: &mut Batch<'_, '_>, now: i64) -> Result<bool, Failure> {
    let mut walk = match batch.memory.walk.take() {
        Some(walk) => walk,
        None if batch.memory.forgot && now.saturating_sub(batch.memory.walked) >= REST_MS => {
            batch.memory.forgot = false;
            batch.memory.walked = now;
            Walk::begin(batch.connection)?
        }
        None => return Ok(false),
    };
    let mut looked_at = 0;
    while looked_at < LOOK {
        let (rows, more) = walk.go_on(batch)?;
        if !more {
            batch.memory.forget_names();
            return Ok(false);
        }
        looked_at += rows;
    }
    // What was just forgotten may be remembered.
    batch.memory.forget_names();
    batch.memory.walk = Some(walk);
    Ok(true)
}
