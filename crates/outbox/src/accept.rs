//! Taking events in: what is new, what is a repeat, what is our own, and where the rest goes.

use std::borrow::Cow;
use std::sync::Arc;

use rusqlite::{OptionalExtension, params};
use tieline_core::event::{Authorship, Body, Event};
use tieline_core::id::{Channel, ChannelKey, DeliveryId, EventSeq};
use tieline_core::markup::Markup;
use tieline_core::outbox::{Accepted, Delivery, Intake, Planned, Position, Routing};
use tieline_core::spool::SpoolId;

use crate::change::{self, Outcome};
use crate::complete::{files, need_files};
use crate::error::Failure;
use crate::key::{self, As, Key, Name};
use crate::memory::CLAIMABLE_MS;
use crate::writer::Batch;

/// Why nobody gets what we sent ourselves.
const OWN_COPY: &str = "a copy that tieline sent";
/// Why nobody gets an event that was routed to no channel at all.
const NOWHERE: &str = "no rule takes it";

/// States of an event, as stored.
pub(crate) const PLANNED: i64 = 0;
pub(crate) const FILTERED: i64 = 1;
pub(crate) const HELD: i64 = 2;

/// An event on its way in, with all that can be made ready before the writer has it.
pub(crate) struct Arrival {
    intake: Intake,
    json: String,
    name: Name,
    key: Key,
    twin: Option<Key>,
    opposite: Option<Key>,
    /// The hash of what it says.
    text: Option<i64>,
    /// The hashes by which it may be the echo of a copy without an id.
    claims: Vec<i64>,
    files: Vec<SpoolId>,
}

/// What is known of an event that was accepted.
struct Known {
    state: i64,
    deliveries: usize,
    notes: Option<String>,
}

/// What the rules made of an event, as its row says it.
#[derive(Default)]
struct Fate {
    state: i64,
    first: i64,
    deliveries: i64,
    notes: Option<String>,
}

/// A row of `ids` about a message.
struct Mention {
    key: Key,
    seq: i64,
}

impl Arrival {
    /// Makes an event ready.
    pub(crate) fn new(intake: Intake) -> Result<Self, Failure> {
        let event = &intake.event;
        let name = Name::new(&intake.realm, &event.message_id);
        let json = match intake.routing {
            Routing::Filtered(_) => String::new(),
            Routing::Deliver(_) | Routing::Hold => serde_json::to_string(event)?,
        };
        let claims = match &event.body {
            Body::Message(message) | Body::Files(message) if event.author.kind == Authorship::BotOrOurs => {
                let text = message.text.to_plain();
                let names = std::iter::once(&event.channel).chain(&intake.target_names);
                names.map(|name| key::claim(&intake.realm, name.as_str(), &text)).collect()
            }
            _ => Vec::new(),
        };
        Ok(Self {
            key: name.event(event),
            twin: name.twin(event),
            opposite: name.opposite(event),
            text: key::text(event)?,
            files: files(event),
            json,
            name,
            claims,
            intake,
        })
    }

    /// Commits it, unless it is a repeat. See [`Outbox::accept`](tieline_core::outbox::Outbox::accept).
    pub(crate) fn accept(&self, batch: &mut Batch<'_, '_>) -> Result<Accepted, Failure> {
        let mentions = self.mentions(batch)?;
        let source = batch.memory.channel(batch.connection, &self.source())?;
        let mut without_text = None;
        match self.repeats(batch, &mentions, source)? {
            Standing::Repeat(seq) => {
                batch.memory.tallies.repeats += 1;
                return Ok(Accepted::Repeat { seq: EventSeq(seq) });
            }
            Standing::OnlyFiles => without_text = Some(self.without_text()?),
            Standing::New => {}
        }
        let arrival = without_text.as_ref().unwrap_or(self);
        batch.memory.latest = batch.memory.latest.max(self.intake.received.as_millisecond());
        let seq = batch.memory.next_event;
        batch.memory.next_event += 1;
        batch.memory.realm(batch.connection, &self.intake.realm)?;
        batch.execute("INSERT OR REPLACE INTO ids (key, seq) VALUES (?, ?)", params![self.key, seq])?;
        if let Some(opposite) = self.opposite {
            batch.execute("DELETE FROM ids WHERE key = ?", params![opposite])?;
        }
        let ours = arrival.is_ours(batch, &mentions)?;
        arrival.plan(batch, EventSeq(seq), ours, Some(source))
    }

    /// Plans a held event. See [`Outbox::release`](tieline_core::outbox::Outbox::release).
    pub(crate) fn release(&self, batch: &mut Batch<'_, '_>, seq: EventSeq) -> Result<Accepted, Failure> {
        let known = known(batch, seq)?.ok_or_else(|| Failure::Stored(format!("there is no event {seq} to release")))?;
        if known.state != HELD {
            return Ok(match known.state {
                FILTERED => Accepted::Filtered { seq, reason: known.notes.unwrap_or_default() },
                _ => Accepted::Planned { seq, deliveries: known.deliveries },
            });
        }
        let mentions = self.mentions(batch)?;
        let ours = self.is_ours(batch, &mentions)?;
        self.plan(batch, seq, ours, None)
    }

    fn source(&self) -> Channel {
        Channel { instance: self.intake.event.instance.clone(), key: self.intake.event.channel.clone() }
    }

    /// All that is known under the message's id.
    fn mentions(&self, batch: &Batch<'_, '_>) -> Result<Vec<Mention>, Failure> {
        let (from, to) = self.name.range();
        batch.statements.all("SELECT key, seq FROM ids WHERE key BETWEEN ? AND ?", params![from, to], |row| {
            Ok(Mention { key: row.get(0)?, seq: row.get(1)? })
        })
    }

    fn repeats(&self, batch: &Batch<'_, '_>, mentions: &[Mention], source: i64) -> Result<Standing, Failure> {
        let event = &self.intake.event;
        let same = mentions.iter().find(|mention| mention.key == self.key);
        if matches!(event.body, Body::Edit(_)) && event.revision.is_none() {
            return self.repeats_text(batch, mentions, source);
        }
        // Who takes away everybody's reactions may do so again: nothing else tells the two apart.
        let is_sweep = matches!(event.body, Body::Reaction(_)) && event.author.id.is_empty();
        if let Some(mention) = same.filter(|_| !is_sweep) {
            return Ok(Standing::Repeat(mention.seq));
        }
        let Some(twin) = mentions.iter().find(|mention| Some(mention.key) == self.twin) else {
            return Ok(Standing::New);
        };
        if matches!(event.body, Body::Message(_)) {
            return Ok(Standing::Repeat(twin.seq));
        }
        let (incomplete, files): (bool, i64) = batch
            .connection
            .prepare_cached("SELECT incomplete, files FROM events WHERE seq = ?")?
            .query_row([twin.seq], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(if incomplete || files == 0 { Standing::OnlyFiles } else { Standing::Repeat(twin.seq) })
    }

    /// An edit that the platform gives no revision is a repeat if it says what was accepted last.
    fn repeats_text(&self, batch: &Batch<'_, '_>, mentions: &[Mention], source: i64) -> Result<Standing, Failure> {
        let said = |mention: &&Mention| [As::Message as u8, As::Files as u8, As::Edit as u8].contains(&mention.key[16]);
        let mut last: Option<(i64, i64)> = None;
        for mention in mentions.iter().filter(said) {
            let text = batch
                .connection
                .prepare_cached("SELECT text FROM events WHERE seq = ? AND channel = ? AND text IS NOT NULL")?
                .query_row(params![mention.seq, source], |row| row.get(0))
                .optional()?;
            last = last.max(text.map(|text| (mention.seq, text)));
        }
        Ok(match last {
            Some((seq, text)) if Some(text) == self.text => Standing::Repeat(seq),
            _ => Standing::New,
        })
    }

    /// Whether it is a copy that we sent: known by its id, or claimed by its text.
    fn is_ours(&self, batch: &mut Batch<'_, '_>, mentions: &[Mention]) -> Result<bool, Failure> {
        if !matches!(self.intake.event.body, Body::Message(_) | Body::Files(_)) {
            return Ok(false);
        }
        if mentions.iter().any(|mention| mention.key == self.name.copy()) {
            return Ok(true);
        }
        let claims = &batch.memory.claims;
        let of = |text: &i64| claims.range((*text, i64::MIN)..=(*text, i64::MAX)).copied();
        let rows: Vec<(i64, i64)> = self.claims.iter().flat_map(of).collect();
        for (text, row) in rows {
            let (delivery, seq, at): (i64, i64, i64) = batch
                .connection
                .prepare_cached(
                    "SELECT c.delivery, d.seq, c.at FROM claims c JOIN deliveries d ON d.id = c.delivery WHERE c.id = ?",
                )?
                .query_row([row], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
            if self.intake.received.as_millisecond() - at > CLAIMABLE_MS {
                continue;
            }
            batch.memory.claims.remove(&(text, row));
            batch.execute("DELETE FROM claims WHERE id = ?", [row])?;
            self.link(batch, delivery, seq)?;
            return Ok(true);
        }
        Ok(false)
    }

    /// Gives the copy that was recognised its id.
    fn link(&self, batch: &mut Batch<'_, '_>, delivery: i64, seq: i64) -> Result<(), Failure> {
        let realm = batch.memory.realm(batch.connection, &self.intake.realm)?;
        let event = &self.intake.event;
        batch.execute(
            "INSERT OR IGNORE INTO ids (key, seq, delivery) VALUES (?, ?, ?)",
            params![self.name.copy(), seq, delivery],
        )?;
        batch.execute(
            "UPDATE deliveries SET realm = ?1, place = ?2, \
             copies = CASE WHEN copies IS NULL THEN ?3 ELSE copies || char(10) || ?3 END WHERE id = ?4",
            params![realm, event.channel.as_str(), event.message_id.as_str(), delivery],
        )?;
        Ok(())
    }

    /// Does what the rules say: with a new event, which has its source channel, or with one that was held.
    fn plan(
        &self,
        batch: &mut Batch<'_, '_>,
        seq: EventSeq,
        ours: bool,
        new: Option<i64>,
    ) -> Result<Accepted, Failure> {
        let was_held = i64::from(new.is_none());
        let reason = match &self.intake.routing {
            _ if ours => OWN_COPY,
            Routing::Filtered(reason) => reason,
            Routing::Deliver(planned) if planned.is_empty() => NOWHERE,
            Routing::Hold => {
                self.store_body(batch, seq)?;
                self.record(batch, seq, new, &Fate { state: HELD, ..Fate::default() })?;
                batch.memory.tallies.held += 1 - was_held;
                return Ok(Accepted::Held { seq });
            }
            Routing::Deliver(planned) => match self.going(batch, seq, planned)? {
                Outcome::Goes(planned) => {
                    self.store_body(batch, seq)?;
                    let first = self.deliver(batch, seq, &planned)?;
                    let fate = Fate { state: PLANNED, first, deliveries: planned.len() as i64, notes: None };
                    self.record(batch, seq, new, &fate)?;
                    batch.memory.tallies.held -= was_held;
                    return Ok(Accepted::Planned { seq, deliveries: planned.len() });
                }
                Outcome::Filtered(reason) => reason,
            },
        };
        let notes = Some(serde_json::to_string(&[reason])?);
        self.record(batch, seq, new, &Fate { state: FILTERED, notes, ..Fate::default() })?;
        if new.is_none() {
            batch.execute("DELETE FROM bodies WHERE seq = ?", [seq.0])?;
            batch.execute("DELETE FROM files WHERE seq = ?", [seq.0])?;
        }
        batch.memory.tallies.held -= was_held;
        batch.memory.tallies.planned += 1;
        batch.memory.tallies.filtered += 1;
        Ok(Accepted::Filtered { seq, reason: reason.to_owned() })
    }

    /// Which of the planned channels it goes to: a change may be needed in fewer.
    fn going<'p>(
        &self,
        batch: &mut Batch<'_, '_>,
        seq: EventSeq,
        planned: &'p [Planned],
    ) -> Result<Outcome<'p>, Failure> {
        match self.intake.about {
            Some(about) => change::apply(batch, seq, self.name, &self.intake.event, about, planned),
            None => Ok(Outcome::Goes(Cow::Borrowed(planned))),
        }
    }

    /// Writes the event's row, once.
    fn record(&self, batch: &Batch<'_, '_>, seq: EventSeq, new: Option<i64>, fate: &Fate) -> Result<(), Failure> {
        let Some(source) = new else {
            batch.execute(
                "UPDATE events SET state = ?, first = ?, deliveries = ?, notes = coalesce(?, notes), about = ? WHERE seq = ?",
                params![fate.state, fate.first, fate.deliveries, fate.notes, self.about(), seq.0],
            )?;
            return Ok(());
        };
        let event = &self.intake.event;
        batch.execute(
            "INSERT INTO events (seq, state, channel, received, key, message_id, text, incomplete, files, first, \
             deliveries, notes, parent, about) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            params![
                seq.0,
                fate.state,
                source,
                self.intake.received.as_millisecond(),
                self.key,
                event.message_id.as_str(),
                self.text,
                event.missing.is_some(),
                event.message().map_or(0, |message| message.attachments.len() as i64),
                fate.first,
                fate.deliveries,
                fate.notes,
                event.parent.as_ref().map(ChannelKey::as_str),
                self.about()
            ],
        )?;
        Ok(())
    }

    fn about(&self) -> Option<i64> {
        self.intake.about.map(|seq| seq.0)
    }

    fn store_body(&self, batch: &Batch<'_, '_>, seq: EventSeq) -> Result<(), Failure> {
        batch.execute("INSERT OR REPLACE INTO bodies (seq, json) VALUES (?, ?)", params![seq.0, self.json])?;
        need_files(batch, seq, &self.files)
    }

    /// Adds the deliveries. Returns the number of the first.
    fn deliver(&self, batch: &mut Batch<'_, '_>, seq: EventSeq, planned: &[Planned]) -> Result<i64, Failure> {
        let source = self.source();
        let first = batch.memory.next_delivery;
        batch.memory.next_delivery += planned.len() as i64;
        for (id, planned) in (first..).zip(planned) {
            let (lane, ends) = batch.memory.lane(batch.connection, &source, &planned.target)?;
            let mut frames = Vec::with_capacity(planned.frames.len());
            for frame in &planned.frames {
                frames.push(batch.memory.frame(batch.connection, frame)?);
            }
            let Some((frame, others)) = frames.split_first() else {
                return Err(Failure::Stored(format!("a delivery to {} was planned without a frame", planned.target)));
            };
            let others = if others.is_empty() { None } else { Some(serde_json::to_string(others)?) };
            let amends = match self.intake.about {
                Some(about) => change::amended(batch, about, &planned.target)?,
                None => None,
            };
            batch.execute(
                "INSERT INTO deliveries (id, seq, lane, position, frame, others, amends) \
                 VALUES (?1, ?2, ?3, ?1, ?4, ?5, ?6)",
                params![id, seq.0, lane.0, frame, others, amends],
            )?;
            batch.feed.push(Delivery {
                id: DeliveryId(id),
                position: Position(id),
                lane,
                ends,
                seq,
                event: Arc::clone(&self.intake.event),
                received: self.intake.received,
                frames: planned.frames.clone(),
                attempts: 0,
                not_before: None,
                waited_ms: 0,
                parts: Vec::new(),
                about: self.intake.about,
                deleted: false,
            });
        }
        batch.memory.tallies.planned += planned.len() as i64;
        batch.memory.tallies.pending += planned.len() as i64;
        Ok(first)
    }

    /// The same event without its text: the message that it belongs to says it.
    fn without_text(&self) -> Result<Self, Failure> {
        let mut event = Event::clone(&self.intake.event);
        if let Some(message) = event.message_mut() {
            message.text = Markup::default();
        }
        let arrival = Self::new(Intake { event: Arc::new(event), ..self.intake.clone() })?;
        Ok(Self { text: None, claims: Vec::new(), ..arrival })
    }
}

/// How an event stands to those that were accepted before.
enum Standing {
    New,
    /// Its message said the text already.
    OnlyFiles,
    Repeat(i64),
}

fn known(batch: &Batch<'_, '_>, seq: EventSeq) -> Result<Option<Known>, Failure> {
    let found = batch
        .connection
        .prepare_cached("SELECT state, deliveries, notes FROM events WHERE seq = ?")?
        .query_row([seq.0], |row| Ok((row.get(0)?, row.get::<_, i64>(1)? as usize, row.get::<_, Option<String>>(2)?)))
        .optional()?;
    let Some((state, deliveries, notes)) = found else { return Ok(None) };
    let notes = notes.map(|json| serde_json::from_str::<Vec<String>>(&json)).transpose()?;
    Ok(Some(Known { state, deliveries, notes: notes.map(|notes| notes.join("; ")) }))
}
