//! Reading the configuration again while the relay runs: on a signal, or when a file of it changes.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tieline_config::{Diagnostic, Loaded};
use tieline_core::problem::Severity;
use tokio::sync::mpsc;

use crate::cli::ConfigArgs;
use crate::running::Running;
use crate::setup;

/// Editors write a file in several steps: what follows within this time belongs to the same change.
const SETTLED: Duration = Duration::from_millis(300);

/// Reads the configuration and takes it over, whole or not at all. What is wrong with it is told in the log.
pub(crate) async fn reload(running: &Running, args: &ConfigArgs, because: &'static str) {
    let Loaded { diagnostics, configuration } = match setup::read(args) {
        Ok(loaded) => loaded,
        Err(error) => {
            tracing::error!(because, %error, "The configuration cannot be read; the relay goes on with the one it has");
            return;
        }
    };
    let Some(configuration) = configuration else {
        diagnostics.iter().for_each(tell);
        tracing::error!(because, "The configuration has mistakes; the relay goes on with the one it has");
        return;
    };
    diagnostics.iter().for_each(tell);
    if let Err(error) = running.reload(configuration).await {
        tracing::error!(because, error = format!("{error:#}"), "The relay goes on with the configuration it has");
    }
}

fn tell(diagnostic: &Diagnostic) {
    match diagnostic.severity {
        Severity::Error => tracing::error!("{}", diagnostic.render(false)),
        Severity::Warning => tracing::warn!("{}", diagnostic.render(false)),
    }
}

/// Hears when a file of the configuration changes.
pub(crate) struct Watch {
    /// It hears as long as it lives.
    _watcher: RecommendedWatcher,
    changes: mpsc::Receiver<()>,
}

impl Watch {
    /// Begins to listen. The folders are watched, since editors put a new file in the place of the old one.
    pub(crate) fn begin(args: &ConfigArgs) -> anyhow::Result<Self> {
        let files: Vec<PathBuf> = args.files().iter().map(std::path::absolute).collect::<Result<_, _>>()?;
        let mut folders: BTreeMap<PathBuf, Vec<PathBuf>> = BTreeMap::new();
        for file in files {
            let folder = file.parent().unwrap_or(&file).to_owned();
            folders.entry(folder).or_default().push(file);
        }
        let (sender, changes) = mpsc::channel(1);
        let watched = folders.clone();
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let Ok(event) = event else { return };
            let ours = |path: &PathBuf| watched.values().flatten().any(|file| file == path);
            if !event.kind.is_access() && event.paths.iter().any(ours) {
                // One that waits already stands for this one too.
                if let Err(mpsc::error::TrySendError::Closed(())) = sender.try_send(()) {
                    tracing::debug!("A change of the configuration came too late to be heard");
                }
            }
        })
        .context("the configuration cannot be watched; set `global.watch` to false")?;
        for folder in folders.keys() {
            watcher
                .watch(folder, RecursiveMode::NonRecursive)
                .with_context(|| format!("{} cannot be watched; set `global.watch` to false", folder.display()))?;
        }
        Ok(Self { _watcher: watcher, changes })
    }
}

/// Waits for a change that has come to rest; for ever if nothing is watched.
pub(crate) async fn changed(watch: &mut Option<Watch>) {
    let Some(Watch { changes, .. }) = watch else { return std::future::pending().await };
    if changes.recv().await.is_none() {
        return std::future::pending().await;
    }
    while let Ok(Some(())) = tokio::time::timeout(SETTLED, changes.recv()).await {}
}
