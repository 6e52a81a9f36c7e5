//! A checked configuration: all that the running program sees.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tieline_core::driver::{CatchUp, InstanceConfig, ProxyChoice, TargetChannel};
use tieline_core::id::InstanceId;
use tieline_core::outbox::Retention;
use tieline_core::plan::Plan;
use tieline_core::secret::Secret;

/// A configuration in which no error was found.
#[derive(Debug)]
pub struct Configuration {
    /// What holds for the whole process.
    pub global: Global,
    /// The instances, in the order of the configuration.
    pub instances: Vec<Arc<dyn InstanceConfig>>,
    /// For each instance a hash of its settings and of what it inherits, to tell whether another configuration changes it.
    pub fingerprints: HashMap<InstanceId, [u8; 32]>,
    /// The rules.
    pub plan: Arc<Plan>,
    /// Every value that must never be sent, shown or logged.
    pub secrets: Vec<Secret>,
}

/// The section `global`.
#[derive(Debug, Clone)]
pub struct Global {
    /// Where the outbox and the files lie. A relative path counts from the working directory.
    pub data_dir: PathBuf,
    /// The proxy of every instance that names none.
    pub proxy: ProxyChoice,
    /// The control listener.
    pub http: Http,
    /// What is logged.
    pub log: Log,
    /// How long things are kept.
    pub retention: Retention,
    /// How long a message is tried, counted from its receipt.
    pub give_up_after: Duration,
    /// How much of what was missed is fetched; `None`: nothing.
    pub catch_up: Option<CatchUp>,
    /// Whether changes of the configuration's files are taken over by themselves.
    pub watch: bool,
    /// Where the relay tells of trouble.
    pub alerts: Option<Alerts>,
    /// The word that commands in a chat begin with.
    pub command_prefix: String,
    /// Whether messages with one of our secrets in them are held back.
    pub secret_guard: bool,
}

/// The control listener.
#[derive(Debug, Clone)]
pub struct Http {
    /// Host and port: `127.0.0.1:8090`, `[::1]:8090`, `localhost:8090`.
    pub listen: String,
    /// What requests must carry; always there unless the listener is on loopback.
    pub token: Option<Secret>,
}

/// What is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Log {
    /// How much.
    pub level: LogLevel,
    /// How it looks; `None`: readable on a terminal, JSON else.
    pub format: Option<LogFormat>,
}

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Everything.
    Trace,
    /// What helps to find a fault.
    Debug,
    /// What happens.
    Info,
    /// What somebody should look at.
    Warn,
    /// What does not work.
    Error,
}

/// How the log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Pretty,
    /// One JSON object a line.
    Json,
}

/// Where the relay tells of trouble.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alerts {
    /// The instance.
    pub instance: InstanceId,
    /// The channel.
    pub target: TargetChannel,
}
