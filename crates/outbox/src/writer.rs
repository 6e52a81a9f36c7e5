//! The writer: one thread that owns the write connection and commits for many at once.
//!
//! While one transaction is being made durable, commands queue ([`queue`](crate::queue)); the next transaction takes all
//! of them. If a transaction fails, it is rolled back, the [`Memory`] is read anew, and its commands are run again one by
//! one, so that one bad command does not fail its neighbours, and a disk that is nearly full still takes what fits.

use std::sync::{Arc, OnceLock};
use std::thread;

use rusqlite::Connection;
use tieline_core::id::DeliveryId;
use tieline_core::outbox::{Delivery, Feed, OutboxError};
use tokio::sync::oneshot;

use crate::error::Failure;
use crate::memory::Memory;
use crate::queue::{Queue, Taken, Urgency};
use crate::statements::Statements;

/// After how many commands what they wrote is copied from SQLite's log to its place, when nobody waits. That is before the
/// log has the size at which a commit does it, while somebody waits for that (`wal_autocheckpoint`): a command alone in its
/// commit writes five pages. More often would hold up more messages, since a copy costs two syncs however much it is.
pub(crate) const ENOUGH_TO_COPY: usize = 400;

/// A transaction, as a command sees it.
pub(crate) struct Batch<'a, 'c> {
    pub(crate) connection: &'c Connection,
    pub(crate) statements: &'a Statements<'c>,
    pub(crate) memory: &'a mut Memory,
    /// Deliveries to be fed once it is committed.
    pub(crate) feed: &'a mut Vec<Delivery>,
}

impl Batch<'_, '_> {
    /// Runs a statement.
    pub(crate) fn execute(&self, sql: &'static str, values: impl rusqlite::Params) -> Result<usize, Failure> {
        self.statements.execute(sql, values)
    }
}

/// A command that waits for its turn. It can be run again after a rollback.
pub(crate) trait Command: Send {
    fn run(&mut self, batch: &mut Batch<'_, '_>) -> Result<(), Failure>;
    fn answer(self: Box<Self>, failed: Option<OutboxError>);
}

struct Asked<T, F> {
    work: F,
    done: Option<T>,
    reply: oneshot::Sender<Result<T, OutboxError>>,
}

impl<T: Send, F: FnMut(&mut Batch<'_, '_>) -> Result<T, Failure> + Send> Command for Asked<T, F> {
    fn run(&mut self, batch: &mut Batch<'_, '_>) -> Result<(), Failure> {
        self.done = Some((self.work)(batch)?);
        Ok(())
    }

    fn answer(self: Box<Self>, failed: Option<OutboxError>) {
        let answer = match (failed, self.done) {
            (Some(error), _) => Err(error),
            (None, Some(done)) => Ok(done),
            (None, None) => Err(OutboxError::Closed),
        };
        // Whoever asked may have gone; what was done stays done.
        drop(self.reply.send(answer));
    }
}

/// The way to the writer.
pub(crate) struct Writer {
    queue: Arc<Queue>,
    feed: Arc<OnceLock<Arc<dyn Feed>>>,
}

impl Writer {
    /// Starts the thread.
    pub(crate) fn start(connection: Connection, memory: Memory) -> std::io::Result<Self> {
        let queue = Arc::new(Queue::default());
        let feed = Arc::new(OnceLock::new());
        let thread =
            Thread { memory, queue: Arc::clone(&queue), feed: Arc::clone(&feed), fed: Vec::new(), uncopied: 0 };
        thread::Builder::new().name("outbox".to_owned()).spawn(move || thread.run(connection))?;
        Ok(Self { queue, feed })
    }

    /// Names who hears of deliveries.
    pub(crate) fn feed(&self, feed: Arc<dyn Feed>) {
        if self.feed.set(feed).is_err() {
            tracing::error!("The outbox was given a second feed, which will hear nothing");
        }
    }

    /// Has a command run and committed.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        work: impl FnMut(&mut Batch<'_, '_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, OutboxError> {
        self.hand_in(Urgency::Now, work).await
    }

    /// Has a command that settles a delivery run and committed: at once if something waits for it in its lane, else
    /// with the next command that comes, or soon. See [`queue`](crate::queue).
    pub(crate) async fn ask_in_company<T: Send + 'static>(
        &self,
        delivery: DeliveryId,
        work: impl FnMut(&mut Batch<'_, '_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, OutboxError> {
        self.hand_in(Urgency::Settles(delivery), work).await
    }

    async fn hand_in<T: Send + 'static>(
        &self,
        urgency: Urgency,
        work: impl FnMut(&mut Batch<'_, '_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, OutboxError> {
        let (reply, answer) = oneshot::channel();
        self.queue.push(Box::new(Asked { work, done: None, reply }), urgency).await?;
        answer.await.map_err(|_| OutboxError::Closed)?
    }

    /// Ends the thread after everything that was handed in.
    pub(crate) async fn close(&self, clean: bool) -> Result<(), OutboxError> {
        let (reply, answer) = oneshot::channel();
        self.queue.close(clean, reply)?;
        answer.await.map_err(|_| OutboxError::Closed)?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue.abandon();
    }
}

/// What the thread writes with.
struct Store<'c> {
    connection: &'c Connection,
    statements: Statements<'c>,
}

struct Thread {
    memory: Memory,
    queue: Arc<Queue>,
    feed: Arc<OnceLock<Arc<dyn Feed>>>,
    fed: Vec<Delivery>,
    /// How many commands were committed since the log was last copied.
    uncopied: usize,
}

impl Thread {
    fn run(mut self, connection: Connection) {
        let queue = Arc::clone(&self.queue);
        // Whoever still waits when this thread is gone, however that came, is told that the outbox is closed.
        let _leaving = queue.leaving();
        let mut commands = Vec::new();
        let farewell = {
            let store = Store { connection: &connection, statements: Statements::new(&connection) };
            loop {
                match queue.take(&mut commands) {
                    Taken::Commands => {
                        self.uncopied += commands.len();
                        self.commit(&store, &mut commands);
                        self.copy_in_peace(&store);
                    }
                    Taken::End(farewell) => break farewell,
                }
            }
        };
        if let Some((clean, reply)) = farewell {
            drop(reply.send(end(connection, clean)));
        }
    }

    /// Commits commands together, or if that fails one by one, and answers them.
    fn commit(&mut self, store: &Store<'_>, commands: &mut Vec<Box<dyn Command>>) {
        if commands.is_empty() {
            return;
        }
        match self.transact(store, commands) {
            Ok(()) => {
                self.hand_over();
                commands.drain(..).for_each(|command| command.answer(None));
            }
            Err(failure) if commands.len() == 1 => {
                commands.drain(..).for_each(|command| command.answer(Some(failure.clone())));
            }
            Err(_) => {
                for command in commands.drain(..) {
                    let mut alone = [command];
                    let failed = self.transact(store, &mut alone).err();
                    if failed.is_none() {
                        self.hand_over();
                    }
                    let [command] = alone;
                    command.answer(failed);
                }
            }
        }
    }

    /// Copies what stands in the log to its place, if it is much and nobody waits. After that the log is written anew from
    /// its beginning, which is faster than to let it grow.
    fn copy_in_peace(&mut self, store: &Store<'_>) {
        if self.uncopied < ENOUGH_TO_COPY || self.queue.is_due() {
            return;
        }
        self.uncopied = 0;
        let copied = store.connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
        if let Err(error) = copied {
            tracing::warn!(%error, "The outbox' log could not be copied to its place; it grows until it can be");
        }
    }

    /// Feeds what was committed, in order.
    fn hand_over(&mut self) {
        self.queue.fed(&self.fed);
        match self.feed.get() {
            Some(feed) => self.fed.drain(..).for_each(|delivery| feed.committed(delivery)),
            None => self.fed.clear(),
        }
    }

    fn transact(&mut self, store: &Store<'_>, commands: &mut [Box<dyn Command>]) -> Result<(), OutboxError> {
        let done = self.try_transact(store, commands);
        done.map_err(|failure| {
            self.fed.clear();
            self.roll_back(store.connection);
            let error = OutboxError::from(failure);
            tracing::warn!(%error, "A transaction of the outbox failed and was rolled back");
            error
        })
    }

    fn try_transact(&mut self, store: &Store<'_>, commands: &mut [Box<dyn Command>]) -> Result<(), Failure> {
        let Store { connection, statements } = store;
        statements.execute("BEGIN IMMEDIATE", [])?;
        let mut batch = Batch { connection, statements, memory: &mut self.memory, feed: &mut self.fed };
        for command in commands {
            command.run(&mut batch)?;
        }
        self.memory.store(statements)?;
        statements.execute("COMMIT", [])?;
        Ok(())
    }

    fn roll_back(&mut self, connection: &Connection) {
        // A full disk may have made SQLite roll back by itself.
        if !connection.is_autocommit()
            && let Err(error) = connection.execute_batch("ROLLBACK")
        {
            tracing::error!(%error, "The outbox could not roll back");
        }
        match Memory::load(connection) {
            Ok(memory) => self.memory = memory,
            Err(error) => tracing::error!(%error, "The outbox could not be read again after a rollback"),
        }
    }
}

/// Marks the store as closed and leaves one whole file behind.
fn end(connection: Connection, clean: bool) -> Result<(), OutboxError> {
    if clean {
        connection.execute("UPDATE outbox SET closed = 1", []).map_err(Failure::from)?;
    }
    connection.close().map_err(|(_, error)| OutboxError::from(Failure::Sql(error)))
}
