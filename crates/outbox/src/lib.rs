//! The outbox on SQLite: every message is on disk before anyone is told that it was taken.
//!
//! One file in WAL mode with `synchronous = FULL`, so that a commit survives a power cut. One thread (`writer`) owns the
//! connection that writes; it takes every command that is queued, runs them in one transaction, and answers after one
//! commit. Readers have connections of their own and never wait for it.
//!
//! What holds at every commit:
//!
//! - The counts stand in one row that is written with every transaction, so `planned = delivered + filtered + dead +
//!   dropped + pending` is true on disk, also after a crash.
//! - Numbers (events, deliveries, positions) are counted there too and never given twice, since send keys are made from
//!   them. Positions and deliveries come from one counter: the order of positions is the order of commits.
//! - The deliveries of an event have consecutive numbers, so no index leads from an event to them.
//! - A row in `files` means that a file in the spool is still needed.
//! - Memory (`memory`) holds nothing that is not on disk; it is read anew after a rollback.
//!
//! What keeps it fast: whatever grows with every message is appended (`events`, `bodies`, `deliveries`, `claims`), but
//! for one row at a random place for each message id (`ids`), which serves at once as the mark of what was seen, as the
//! link of a copy, and as the way back from a platform's id. Its key begins with a hash of (realm, message id), so that
//! everything known of a message lies side by side.
//!
//! A dead letter that is retried has as much time again as a new message: its
//! [`received`](tieline_core::outbox::Delivery::received) is then the time of the retry.
//!
//! # Migrations
//!
//! `migrations/` holds numbered SQL files; a file's `user_version` is the number of the last that it has seen. A landed
//! migration is never edited: its files are out there. New columns get a default, so that rows need not be rewritten.

mod accept;
mod binding;
mod change;
mod complete;
mod copies;
mod dead;
mod error;
mod family;
mod key;
mod latest;
mod memory;
mod names;
mod precede;
mod prune;
mod queue;
mod read;
mod rows;
mod schema;
mod settle;
mod statements;
mod store;
mod trace;
mod writer;

#[cfg(test)]
mod tests;

pub use error::OpenError;
pub use store::SqliteOutbox;
