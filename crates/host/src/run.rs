//! `run`: the relay, in the foreground, until a signal.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};
use tieline_config::Configuration;
use tieline_net::Listeners;
use tieline_relay::SecretGuard;
use tokio::runtime::{Builder, Runtime};

use crate::cli::ConfigArgs;
use crate::data_dir::DataDir;
use crate::failure::{Failure, sentence};
use crate::lock::{DataLock, LockError, RUN};
use crate::reload::{Watch, changed, reload};
use crate::running::Running;
use crate::signals::{Asked, Signals};
use crate::{logging, setup};

/// How long a short command (`dead`, `trace`) that uses the folder is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);

pub(crate) fn run(args: &ConfigArgs) -> Result<(), Failure> {
    let (configuration, warnings) = setup::configuration(args)?;
    logging::start(&configuration, &warnings)?;
    let dir = DataDir::new(&configuration.global.data_dir);
    let _lock = lock(&dir)?;
    let runtime = runtime()?;
    let guard = SecretGuard::new(&configuration.secrets);
    let ended = runtime.block_on(relay(configuration, &dir, args));
    // What still runs is a blocking call that outlived the grace period: it is not waited for.
    runtime.shutdown_background();
    ended.map_err(|error| Failure::Wrong(anyhow!(guard.mask(&sentence(&error)))))
}

/// A runtime for a process whose work is to wait: two threads are enough, and each costs memory.
pub(crate) fn runtime() -> anyhow::Result<Runtime> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    Builder::new_multi_thread()
        .worker_threads(cores.min(2))
        .max_blocking_threads(16)
        .thread_name("tieline")
        .enable_all()
        .build()
        .context("no threads can be started")
}

fn lock(dir: &DataDir) -> anyhow::Result<DataLock> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match DataLock::take(dir, RUN) {
            Err(LockError::Held { by: Some(holder), .. }) if holder.command != RUN && Instant::now() < deadline => {
                thread::sleep(PAUSE);
            }
            Err(error @ LockError::Held { .. }) => {
                return Err(anyhow!("{error}; stop it first, or name another folder in `global.data_dir`"));
            }
            taken => return Ok(taken?),
        }
    }
}

async fn relay(configuration: Configuration, dir: &DataDir, args: &ConfigArgs) -> anyhow::Result<()> {
    let watched = configuration.global.watch;
    let mut signals = Signals::catch()?;
    let listeners = Arc::new(Listeners::default());
    let running = tokio::select! {
        running = Running::start(configuration, dir, Arc::clone(&listeners), listeners) => running?,
        signal = signals.stop() => {
            tracing::info!(signal, "Stopped before it had started");
            return Ok(());
        }
    };
    let mut changes = watched.then(|| Watch::begin(args)).transpose()?;
    let signal = loop {
        tokio::select! {
            asked = signals.next() => match asked {
                Asked::Stop(signal) => break signal,
                Asked::Reload => reload(&running, args, "SIGHUP").await,
            },
            () = changed(&mut changes) => reload(&running, args, "a changed file").await,
        }
    };
    tracing::info!(signal, "Stopping: sends under way may finish; a second signal ends at once");
    tokio::select! {
        stopped = running.stop() => stopped,
        signal = signals.stop() => {
            tracing::warn!(signal, "Ended at once; what was under way is looked after at the next start");
            // Nothing may hold us up any more, and nothing needs to: all that was accepted is on disk.
            std::process::exit(1);
        }
    }
}
