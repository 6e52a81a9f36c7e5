//! Where a command asks about stored messages: the running relay if there is one, else the outbox itself.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use tieline_core::outbox::{Delivery, Feed, Outbox};
use tieline_net::Spool;
use tieline_outbox::SqliteOutbox;
use tieline_relay::{SecretGuard, StoredMessages};
use tokio::time::Instant;

use crate::clock::SystemClock;
use crate::data_dir::DataDir;
use crate::desk::{Answer, Desk, Question};
use crate::lock::{DataLock, LockError};
use crate::socket;

/// How long a relay that starts or stops just now is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(50);

/// Whoever answers.
pub(crate) enum Counter {
    /// The relay that runs.
    Relay(DataDir),
    /// Nobody runs, and nobody has run here yet: a look makes no folder.
    Nothing,
    /// Nobody runs: we hold the lock.
    Here {
        /// Answers from the outbox.
        desk: Desk,
        /// To be closed in the end.
        outbox: Arc<SqliteOutbox>,
        /// Held until the outbox is closed.
        _lock: DataLock,
    },
}

/// Nothing is sent while no relay runs.
struct Nobody;

impl Feed for Nobody {
    fn committed(&self, _: Delivery) {}
}

impl Counter {
    /// Finds out whom to ask. `command` is what others read who find the lock taken.
    pub(crate) async fn open(dir: DataDir, guard: Arc<SecretGuard>, command: &str) -> anyhow::Result<Self> {
        let looked = || format!("{} cannot be looked at", dir.path().display());
        if !dir.has_outbox().with_context(looked)? && !dir.socket().exists() {
            return match dir.lost_outbox().with_context(looked)? {
                Some(lost) => Err(anyhow!("{lost}")),
                None => Ok(Self::Nothing),
            };
        }
        let deadline = Instant::now() + PATIENCE;
        loop {
            match DataLock::take(&dir, command) {
                Ok(lock) => return Self::here(&dir, &guard, lock).await,
                Err(LockError::Held { .. }) if dir.socket().exists() => return Ok(Self::Relay(dir)),
                Err(LockError::Held { .. }) if Instant::now() < deadline => tokio::time::sleep(PAUSE).await,
                Err(error) => return Err(error.into()),
            }
        }
    }

    async fn here(dir: &DataDir, guard: &SecretGuard, lock: DataLock) -> anyhow::Result<Self> {
        let outbox = SqliteOutbox::open(&dir.outbox())
            .with_context(|| format!("the outbox {} cannot be opened", dir.outbox().display()))?;
        let outbox = Arc::new(outbox);
        outbox.feed(Arc::new(Nobody));
        let whole = whole(&outbox).await;
        let whole = whole.with_context(|| format!("the outbox {} cannot be read", dir.outbox().display()));
        if let Err(error) = whole {
            outbox.close(outbox.was_closed()).await?;
            return Err(error);
        }
        let spool = Spool::open(dir.spool())
            .with_context(|| format!("the media spool {} cannot be opened", dir.spool().display()))?;
        let stored = StoredMessages::alone(outbox.clone(), Arc::new(spool), guard, Arc::new(SystemClock));
        Ok(Self::Here { desk: Desk::new(stored), outbox, _lock: lock })
    }

    /// Asks.
    pub(crate) async fn ask(&self, question: Question) -> anyhow::Result<Answer> {
        let answer = match self {
            Self::Nothing => match question {
                Question::DeadLetters => Answer::DeadLetters(Vec::new()),
                Question::Retry(_) | Question::Drop(_) => Answer::Done(Vec::new()),
                Question::Trace(_) => Answer::Traces(Vec::new()),
            },
            Self::Here { desk, .. } => desk.answer(question).await,
            Self::Relay(dir) => {
                let path = dir.socket();
                let asked = socket::ask(&path, &question).await;
                let asked = asked.with_context(|| format!("the running tieline cannot be asked at {}", path.display()));
                asked?
                    .with_context(|| format!("tieline is just stopping or starting ({}); try again", path.display()))?
            }
        };
        match answer {
            Answer::Failed(reason) => bail!(reason),
            answer => Ok(answer),
        }
    }

    /// Whether a relay runs.
    pub(crate) fn relay_runs(&self) -> bool {
        matches!(self, Self::Relay(_))
    }

    /// Closes what was opened.
    pub(crate) async fn close(self) -> anyhow::Result<()> {
        if let Self::Here { outbox, .. } = &self {
            // Whether the last relay left a send in flight is for the next relay to know, not changed by our look.
            outbox.close(outbox.was_closed()).await?;
        }
        Ok(())
    }
}

/// Looks whether as many dead letters are found as were counted: a damaged file may still open and show none.
async fn whole(outbox: &SqliteOutbox) -> anyhow::Result<()> {
    let found = outbox.dead_letters().await?.len() as i64;
    let counted = outbox.tallies().await?.dead;
    if found != counted {
        bail!("it is damaged: it counts {counted} dead letters and shows {found}; restore it from a backup");
    }
    Ok(())
}
