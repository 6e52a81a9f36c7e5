//! Passes on that somebody types elsewhere, while there is a session to say it over.

use std::sync::{Mutex, PoisonError};

use tokio::sync::mpsc;

/// How many rooms may wait to be told.
const WAITING: usize = 16;

/// The way from the sending side to the line.
#[derive(Debug, Default)]
pub(crate) struct TypingLine(Mutex<Option<mpsc::Sender<String>>>);

impl TypingLine {
    /// What is to be shown from now on: rooms' ids.
    pub(crate) fn open(&self) -> mpsc::Receiver<String> {
        let (rooms, told) = mpsc::channel(WAITING);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(rooms);
        told
    }

    /// Shows in a room that somebody types. Where nobody takes it, or too much waits, it is not worth keeping.
    pub(crate) fn show(&self, room: &str) {
        let line = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(line) = &*line
            && line.try_send(room.to_owned()).is_err()
        {
            tracing::trace!(room, "Nobody is told that somebody types");
        }
    }
}
