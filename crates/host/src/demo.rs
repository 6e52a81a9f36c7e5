//! `demo`: two simulated workspaces, joined by the real relay.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use async_trait::async_trait;
use serde_json::json;
use tieline_config::Configuration;
use tieline_core::offer::{FileOffer, OfferError, OfferedFile};
use tieline_core::webhook::{ListenAt, Mount, MountError, Mounted, Webhooks};
use tieline_net::Listeners;
use tieline_testkit::rocketchat::{FakeMessage, FakeRocketChat, OutgoingHook, RocketChatScript, RoomKind, User};
use tokio::io::{AsyncBufReadExt, BufReader, Lines, Stdin};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use crate::cli::ConfigArgs;
use crate::data_dir::DataDir;
use crate::failure::Failure;
use crate::running::Running;
use crate::signals::Signals;
use crate::terminal::{Style, Terminal, harmless};
use crate::{logging, run, setup};

const ABOUT: [&str; 6] = [
    "Two simulated Rocket.Chat workspaces, A and B, run inside this process; no account is needed.",
    "The real relay joins A's room #bridge with B's room #engine, over HTTP, through a real outbox.",
    "Type a line, and Ada says it in A; begin it with `b:` and Ben says it in B.",
    "Each message is shown twice: where it was written, and where tieline brought it.",
    "In a pipe, the lines that are given are relayed; if there are none, three samples are.",
    "Ctrl-D or Ctrl-C ends it; nothing is left behind.",
];

const SAMPLES: [&str; 3] = ["Hello over there!", "b: Hello yourself. It *works*, both ways.", "Then let us talk."];

/// How often the rooms are looked at; faster than anybody reads.
const GLANCE: Duration = Duration::from_millis(25);
/// How long messages may take to arrive. On one machine it is a matter of milliseconds.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn demo(seconds: Option<u32>, terminal: Terminal) -> Result<(), Failure> {
    let runtime = run::runtime()?;
    let ended = runtime.block_on(show(seconds, terminal));
    // The thread that reads standard input may wait for a line for ever.
    runtime.shutdown_background();
    Ok(ended?)
}

async fn show(seconds: Option<u32>, mut terminal: Terminal) -> anyhow::Result<()> {
    for line in ABOUT {
        let line = terminal.paint(Style::Dim, line);
        terminal.line(line)?;
    }
    terminal.line("")?;
    let mut signals = Signals::catch()?;
    let folder = tempfile::tempdir().context("no temporary folder can be made")?;
    let [a, b] = [
        Workspace::start("A", "bridge", ("ada", "Ada")).await?,
        Workspace::start("B", "engine", ("ben", "Ben")).await?,
    ];
    let configuration = configuration(folder.path(), [&a, &b])?;
    logging::for_demo(&configuration)?;
    let listeners = Arc::new(Listeners::default());
    let (webhooks, mut bound) = Announcing::new(Arc::clone(&listeners));
    let dir = DataDir::new(&configuration.global.data_dir);
    let running = Running::start(configuration, &dir, listeners, Arc::new(webhooks)).await?;
    for workspace in [&a, &b] {
        let mounted = bound.wait_for(|bound| bound.contains_key(&workspace.path()));
        let bound = timeout(PATIENCE, mounted).await.context("no webhook listener came up")??;
        if let Some(address) = bound.get(&workspace.path()) {
            workspace.call_us_at(*address);
        }
    }
    let mut stage = Stage { rooms: [a, b], shown: [0, 0], said: 0, terminal };
    let played = tokio::select! {
        played = stage.play(seconds) => played,
        _ = signals.stop() => Ok(()),
    };
    running.stop().await?;
    played
}

/// One simulated server with one room, one person and the relay's bot.
struct Workspace {
    label: &'static str,
    room: &'static str,
    server: FakeRocketChat,
    person: User,
    bot: User,
}

impl Workspace {
    async fn start(label: &'static str, room: &'static str, (username, name): (&str, &str)) -> anyhow::Result<Self> {
        // The demo is about relaying; how tieline waits for a platform's limits would only look like a stall.
        let script = RocketChatScript { rest_limit: None, hook_limit: None, ..RocketChatScript::default() };
        let server = FakeRocketChat::try_start(script).await.context("a simulated server cannot start")?;
        server.add_room(RoomKind::Public, room, room);
        let person = server.add_user(username, name, &["user"]);
        let bot = server.add_user("tieline", "tieline", &["bot"]);
        server.join(room, &person);
        server.join(room, &bot);
        Ok(Self { label, room, server, person, bot })
    }

    fn instance(&self) -> String {
        format!("demo_{}", self.label.to_lowercase())
    }

    fn path(&self) -> String {
        format!("/{}", self.instance())
    }

    fn token(&self) -> String {
        format!("outgoing-webhook-of-{}", self.instance())
    }

    /// Lets the server tell the relay of each message.
    fn call_us_at(&self, address: SocketAddr) {
        self.server.outgoing_hook(OutgoingHook {
            channels: vec![format!("#{}", self.room)],
            urls: vec![format!("http://{address}{}", self.path())],
            token: self.token(),
            ..OutgoingHook::default()
        });
    }

    fn settings(&self) -> serde_json::Value {
        json!({
            "server_url": self.server.url(),
            "auth_token": self.bot.token,
            "user_id": self.bot.id,
            "listen_host": "127.0.0.1",
            "listen_port": 0,
            "listen_path": self.path(),
            "webhook_token": self.token(),
        })
    }
}

/// The configuration of the demo, read from a file like any other.
fn configuration(folder: &Path, [a, b]: [&Workspace; 2]) -> anyhow::Result<Configuration> {
    let document = json!({
        "global": { "data_dir": folder.join("data"), "http": { "listen": "127.0.0.1:0" } },
        "rocketchat": { a.instance(): a.settings(), b.instance(): b.settings() },
        "rules": [{
            "id": "demo",
            "type": "connect",
            "channels": { a.instance(): { "room_id": a.room }, b.instance(): { "room_id": b.room } },
            "msg": { "rc_alias": "{user}" },
        }],
    });
    let file = folder.join("tieline.json");
    std::fs::write(&file, document.to_string())?;
    match setup::configuration(&ConfigArgs::of_file(file)) {
        Ok((configuration, _)) => Ok(configuration),
        Err(Failure::Wrong(error) | Failure::Usage(error)) => Err(error),
        Err(Failure::Told) => bail!("the demo's own configuration is wrong, as shown above"),
    }
}

/// Listeners that tell where each path is received: the system chooses the port.
struct Announcing {
    listeners: Arc<Listeners>,
    bound: watch::Sender<HashMap<String, SocketAddr>>,
}

impl Announcing {
    fn new(listeners: Arc<Listeners>) -> (Self, watch::Receiver<HashMap<String, SocketAddr>>) {
        let (bound, receiver) = watch::channel(HashMap::new());
        (Self { listeners, bound }, receiver)
    }
}

#[async_trait]
impl Webhooks for Announcing {
    async fn mount(&self, mount: Mount) -> Result<Mounted, MountError> {
        let path = mount.at.path.clone();
        let mounted = self.listeners.mount(mount).await?;
        self.bound.send_modify(|bound| {
            bound.insert(path, mounted.local);
        });
        Ok(mounted)
    }

    async fn offer(&self, at: &ListenAt, offer: FileOffer) -> Result<OfferedFile, OfferError> {
        self.listeners.offer(at, offer).await
    }
}

/// The two rooms, and how much of them has been shown.
struct Stage {
    rooms: [Workspace; 2],
    shown: [usize; 2],
    /// How many messages were written, in both rooms together.
    said: usize,
    terminal: Terminal,
}

impl Stage {
    /// Says what is typed and shows what is said, until the input ends and all has arrived, or the time is over.
    async fn play(&mut self, seconds: Option<u32>) -> anyhow::Result<()> {
        let end = seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds.into()));
        let over = async {
            match end {
                Some(end) => sleep_until(end).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            played = self.relay_input() => played,
            () = over => Ok(()),
        }
    }

    async fn relay_input(&mut self) -> anyhow::Result<()> {
        let mut lines: Lines<BufReader<Stdin>> = BufReader::new(tokio::io::stdin()).lines();
        loop {
            tokio::select! {
                line = lines.next_line() => match line? {
                    Some(line) => self.converse(&line).await?,
                    None => break,
                },
                () = tokio::time::sleep(GLANCE) => self.show_new()?,
            }
        }
        if self.said == 0 && !self.terminal.is_terminal() {
            for line in SAMPLES {
                self.converse(line).await?;
            }
        }
        self.wait_until_all_arrived().await
    }

    /// Says a line. In a pipe the next one waits until this one has arrived: two servers that are told two things at
    /// once pass them on in any order, and the transcript should read like a conversation.
    async fn converse(&mut self, line: &str) -> anyhow::Result<()> {
        self.say(line)?;
        if self.terminal.is_terminal() { Ok(()) } else { self.wait_until_all_arrived().await }
    }

    /// Lets the person say it whose room it is for.
    fn say(&mut self, line: &str) -> io::Result<()> {
        let (room, text) = addressed(line);
        if text.is_empty() {
            return Ok(());
        }
        let workspace = &self.rooms[room];
        match workspace.server.try_post(&workspace.person, workspace.room, text) {
            Ok(_) => {
                self.said += 1;
                self.show_new()
            }
            Err(refused) => {
                let refused = self.terminal.paint(Style::Bad, refused);
                self.terminal.line(refused)
            }
        }
    }

    async fn wait_until_all_arrived(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            self.show_new()?;
            // Every message has one copy in the other room, so each holds them all.
            if self.shown.iter().all(|shown| *shown >= self.said) {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("not every message arrived within {} s", PATIENCE.as_secs());
            }
            tokio::time::sleep(GLANCE).await;
        }
    }

    fn show_new(&mut self) -> io::Result<()> {
        for (workspace, shown) in self.rooms.iter().zip(&mut self.shown) {
            let messages = workspace.server.messages(workspace.room);
            for message in &messages[*shown..] {
                let place = self.terminal.paint(Style::Bold, format!("{} #{}", workspace.label, workspace.room));
                self.terminal.line(format!("{place}  {}", transcript(message, &workspace.bot)))?;
            }
            *shown = messages.len();
        }
        Ok(())
    }
}

/// Which room a line is for, and what is said there.
fn addressed(line: &str) -> (usize, &str) {
    let line = line.trim();
    for (mark, room) in [("b:", 1), ("B:", 1), ("/b ", 1), ("a:", 0), ("A:", 0), ("/a ", 0)] {
        if let Some(text) = line.strip_prefix(mark) {
            return (room, text.trim_start());
        }
    }
    (0, line)
}

fn transcript(message: &FakeMessage, bot: &User) -> String {
    let name = message.alias.as_deref().unwrap_or(&message.user_name);
    let by = if message.user_id == bot.id { " (brought by tieline)" } else { "" };
    harmless(&format!("{name}{by}: {}", message.text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_its_room() {
        assert_eq!(addressed("hello b: x"), (0, "hello b: x"));
        assert_eq!(addressed(" b: hello "), (1, "hello"));
        assert_eq!(addressed("/b hello"), (1, "hello"));
        assert_eq!(addressed("A:hello"), (0, "hello"));
        assert_eq!(addressed("b:"), (1, ""));
    }
}
