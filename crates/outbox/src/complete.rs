//! An event that was fetched whole, and the files that it needs.

use std::collections::BTreeSet;

use rusqlite::params;
use tieline_core::event::{Body, Event};
use tieline_core::id::EventSeq;
use tieline_core::spool::SpoolId;

use crate::error::Failure;
use crate::key;
use crate::rows;
use crate::writer::Batch;

/// Stores a completed event. A repeat of an edit is known by what that said when it was accepted: the completed text may
/// name people otherwise. See [`Outbox::complete`](tieline_core::outbox::Outbox::complete).
pub(crate) fn complete(
    batch: &Batch<'_, '_>,
    seq: EventSeq,
    event: &Event,
    json: &str,
    notes: &[String],
) -> Result<(), Failure> {
    let notes = if notes.is_empty() { None } else { Some(serde_json::to_string(notes)?) };
    let text = if matches!(event.body, Body::Edit(_)) { None } else { key::text(event)? };
    let changed = batch.execute(
        "UPDATE events SET incomplete = ?, files = ?, text = coalesce(?, text), notes = coalesce(?, notes) WHERE seq = ?",
        params![
            event.missing.is_some(),
            event.message().map_or(0, |message| message.attachments.len() as i64),
            text,
            notes,
            seq.0
        ],
    )?;
    if changed == 0 {
        return Err(Failure::Stored(format!("there is no event {seq} to complete")));
    }
    let edited = newest_text(batch, seq, event)?;
    let json = edited.as_deref().unwrap_or(json);
    batch.execute("INSERT OR REPLACE INTO bodies (seq, json) VALUES (?, ?)", params![seq.0, json])?;
    batch.execute("DELETE FROM files WHERE seq = ?", [seq.0])?;
    need_files(batch, seq, &files(event))
}

/// The completed event with the text that it has on disk, if it was edited while it was completed.
fn newest_text(batch: &Batch<'_, '_>, seq: EventSeq, event: &Event) -> Result<Option<String>, Failure> {
    let sql = "SELECT EXISTS (SELECT 1 FROM events WHERE about = ? AND substr(key, 17, 1) = x'03')";
    let edited: bool = batch.connection.prepare_cached(sql)?.query_row([seq.0], |row| row.get(0))?;
    let stored = if edited { rows::event(batch.connection, seq.0)? } else { None };
    let mut event = event.clone();
    let (Some(stored), Some(message)) = (stored.as_ref().and_then(|stored| stored.message()), event.message_mut())
    else {
        return Ok(None);
    };
    message.text = stored.text.clone();
    Ok(Some(serde_json::to_string(&event)?))
}

/// The files that an event refers to, each once.
pub(crate) fn files(event: &Event) -> Vec<SpoolId> {
    event.spooled().collect::<BTreeSet<_>>().into_iter().cloned().collect()
}

/// Notes that an event needs files.
pub(crate) fn need_files(batch: &Batch<'_, '_>, seq: EventSeq, files: &[SpoolId]) -> Result<(), Failure> {
    for file in files {
        batch.execute("INSERT OR IGNORE INTO files (seq, file) VALUES (?, ?)", params![seq.0, file.as_str()])?;
    }
    Ok(())
}
