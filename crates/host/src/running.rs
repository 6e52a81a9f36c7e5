//! The running relay with its doors: webhooks, control listener and socket. `run` and `demo` start the same.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use hyper_util::service::TowerToHyperService;
use tieline_config::{Configuration, Global};
use tieline_core::outbox::Outbox as _;
use tieline_core::secret::Secret;
use tieline_core::webhook::Webhooks;
use tieline_net::{ListenerLimits, Listeners, Spool, install_crypto, serve};
use tieline_outbox::SqliteOutbox;
use tieline_relay::{Alerts, Relay, Reloaded, Rooms, Settings};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::SystemClock;
use crate::control::{self, Control};
use crate::data_dir::DataDir;
use crate::desk::Desk;
use crate::socket::Socket;

/// How long sends under way may take to finish. With what follows it stays within the 10 s that `run` promises.
const GRACE: Duration = Duration::from_secs(8);
/// How long requests in flight may take after that.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// How long the tasks that serve may take to end.
const FAREWELL: Duration = Duration::from_secs(1);

/// Everything that runs.
pub(crate) struct Running {
    relay: Arc<Relay>,
    listeners: Arc<Listeners>,
    /// Ends the control listener and the socket.
    farewell: CancellationToken,
    tasks: TaskTracker,
    /// What cannot be changed while it runs.
    begun_with: Global,
}

impl Running {
    /// Starts. `webhooks` is what drivers are given to receive on; it stands in front of `listeners`, or is the same.
    ///
    /// A platform that cannot be reached is no error; what is wrong on this machine is.
    pub(crate) async fn start(
        configuration: Configuration,
        dir: &DataDir,
        listeners: Arc<Listeners>,
        webhooks: Arc<dyn Webhooks>,
    ) -> anyhow::Result<Self> {
        let global = configuration.global.clone();
        install_crypto();
        dir.create().with_context(|| format!("the folder {} cannot be made", dir.path().display()))?;
        let listener = bind(&global.http.listen).await?;
        let address = listener.local_addr()?;
        let lost = dir.lost_outbox().with_context(|| format!("{} cannot be looked at", dir.path().display()))?;
        let outbox = Arc::new(SqliteOutbox::open(&dir.outbox()).context("the outbox cannot be opened")?);
        let spool = Arc::new(Spool::open(dir.spool()).context("the media spool cannot be opened")?);
        if let Some(lost) = lost {
            // The files are left until the next start: perhaps they are all that is left of somebody's messages.
            tracing::warn!("{lost}. A new outbox is begun: what the old one held is not delivered");
        } else {
            let wanted = outbox.spooled().await?.into_iter().collect();
            spool.sweep(&wanted).await.context("the media spool cannot be swept")?;
        }
        listeners.offer_from(spool.clone());
        let (instance_count, rule_count) = (configuration.instances.len(), configuration.plan.rules().len());
        let settings = settings(configuration);
        let rooms = Rooms { outbox, spool, webhooks, clock: Arc::new(SystemClock) };
        let relay = Relay::start(settings, rooms).await?;
        let farewell = CancellationToken::new();
        let tasks = TaskTracker::new();
        let running = Self { relay, listeners, farewell, tasks, begun_with: global.clone() };
        running.serve_control(listener, global.http.token);
        let path = dir.socket();
        let socket = Socket::open(&path).with_context(|| format!("the socket {} cannot be opened", path.display()))?;
        let desk = Arc::new(Desk::new(running.relay.stored()));
        running.tasks.spawn(socket.serve(desk, running.farewell.clone()));
        ready(address, dir, instance_count, rule_count);
        Ok(running)
    }

    fn serve_control(&self, listener: TcpListener, token: Option<Secret>) {
        let router = control::router(Control { relay: Arc::clone(&self.relay), token });
        let farewell = self.farewell.clone();
        self.tasks.spawn(async move {
            let stop = async {
                farewell.cancelled().await;
                LAST_WORDS
            };
            serve(listener, |_| TowerToHyperService::new(router.clone()), &ListenerLimits::default(), stop).await;
        });
    }

    /// Takes over another configuration. What only a restart can change is told.
    pub(crate) async fn reload(&self, configuration: Configuration) -> anyhow::Result<Reloaded> {
        let stays = needs_restart(&self.begun_with, &configuration.global);
        if !stays.is_empty() {
            tracing::warn!("These settings changed, and are used after a restart only: {}", stays.join(", "));
        }
        self.relay.reload(settings(configuration)).await.context("the configuration could not be taken over")
    }

    /// Stops to receive, lets sends finish, closes the outbox, then the doors.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        let in_time = self.relay.stop(GRACE).await;
        self.farewell.cancel();
        self.tasks.close();
        let doors = async { tokio::join!(self.listeners.stop(LAST_WORDS), self.tasks.wait()) };
        if tokio::time::timeout(FAREWELL, doors).await.is_err() {
            tracing::warn!("Some connections were cut off");
        }
        if !in_time.context("the outbox could not be closed")? {
            tracing::warn!("Some sends did not finish; the next start looks whether they arrived");
        }
        tracing::info!("Stopped");
        Ok(())
    }
}

/// What the relay is told of a configuration.
fn settings(configuration: Configuration) -> Settings {
    let Configuration { global, instances, fingerprints, plan, secrets } = configuration;
    Settings {
        plan,
        instances,
        fingerprints,
        secrets,
        secret_guard: global.secret_guard,
        alerts: global.alerts.map(|alerts| Alerts { instance: alerts.instance, target: alerts.target }),
        command_prefix: global.command_prefix,
        give_up_after: global.give_up_after,
        retention: global.retention,
    }
}

/// The settings that differ and cannot be changed while the relay runs.
fn needs_restart(begun_with: &Global, now: &Global) -> Vec<&'static str> {
    let token = |global: &Global| global.http.token.as_ref().map(|token| token.reveal().to_owned());
    let differing = [
        ("`global.data_dir`", begun_with.data_dir != now.data_dir),
        ("`global.http.listen`", begun_with.http.listen != now.http.listen),
        ("`global.http.token`", token(begun_with) != token(now)),
        ("`global.log`", begun_with.log != now.log),
        ("`global.watch`", begun_with.watch != now.watch),
    ];
    differing.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
}

async fn bind(address: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!("the control listener cannot listen at {address}; name another address in `global.http.listen`")
    })
}

fn ready(control: SocketAddr, dir: &DataDir, instances: usize, rules: usize) {
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        pid = std::process::id(),
        %control,
        data_dir = %dir.path().display(),
        instances,
        rules,
        "Ready"
    );
}
