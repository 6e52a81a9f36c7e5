//! `demo`: simulated platforms, joined by the real relay.

mod guild;
mod phone;
mod side;
mod workspace;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use async_trait::async_trait;
use serde_json::{Map, Value, json};
use tieline_config::Configuration;
use tieline_core::offer::{FileOffer, OfferError, OfferedFile};
use tieline_core::webhook::{ListenAt, Mount, MountError, Mounted, Webhooks};
use tieline_net::Listeners;
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

use self::guild::Guild;
use self::phone::Phone;
use self::side::{Line, Side};
use self::workspace::Workspace;

const ABOUT: [&str; 8] = [
    "Two simulated Rocket.Chat workspaces, A and B, a simulated WhatsApp group, W, and a simulated Discord server, D,",
    "run inside this process; no account is needed. The real relay joins A's room #bridge, B's room #engine, W's group",
    "Crew and D's channel #lounge, over HTTP and WebSocket, through a real outbox.",
    "Type a line, and Ada says it in A; begin it with `b:` and Ben says it in B, with `w:` and Cleo says it in W, with",
    "`d:` and Dan says it in D.",
    "Each message is shown four times: where it was written, and where tieline brought it.",
    "In a pipe, the lines that are given are relayed; if there are none, five samples are.",
    "Ctrl-D or Ctrl-C ends it; nothing is left behind.",
];

const SAMPLES: [&str; 5] = [
    "Hello over there!",
    "b: Hello yourself. It *works*, both ways.",
    "w: And here on my phone, too.",
    "d: **Discord** is with you.",
    "Then let us talk.",
];

/// How often the rooms are looked at; faster than anybody reads.
const GLANCE: Duration = Duration::from_millis(25);
/// How long messages may take to arrive. On one machine it is a matter of milliseconds; but webhooks of Discord take
/// thirty messages a minute in one channel, and tieline keeps to that here, too.
const PATIENCE: Duration = Duration::from_secs(90);

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
    let sides: [Box<dyn Side>; 4] = [
        Box::new(Workspace::start("A", "bridge", ("ada", "Ada")).await?),
        Box::new(Workspace::start("B", "engine", ("ben", "Ben")).await?),
        Box::new(Phone::start().await?),
        Box::new(Guild::start().await?),
    ];
    let configuration = configuration(folder.path(), &sides)?;
    logging::for_demo(&configuration)?;
    let listeners = Arc::new(Listeners::default());
    let (webhooks, mut bound) = Announcing::new(Arc::clone(&listeners));
    let dir = DataDir::new(&configuration.global.data_dir);
    let running = Running::start(configuration, &dir, listeners, Arc::new(webhooks)).await?;
    for side in &sides {
        let Some(path) = side.path() else { continue };
        let mounted = bound.wait_for(|bound| bound.contains_key(&path));
        let bound = timeout(PATIENCE, mounted).await.context("no webhook listener came up")??;
        if let Some(address) = bound.get(&path) {
            side.call_us_at(*address);
        }
    }
    let heard = async {
        while !sides.iter().all(|side| side.is_heard()) {
            tokio::time::sleep(GLANCE).await;
        }
    };
    timeout(PATIENCE, heard).await.context("the relay did not connect to the simulated Discord")?;
    let mut stage = Stage { sides, shown: [0; 4], said: 0, commands: [0; 4], terminal };
    let played = tokio::select! {
        played = stage.play(seconds) => played,
        _ = signals.stop() => Ok(()),
    };
    running.stop().await?;
    played
}

/// The configuration of the demo, read from a file like any other.
fn configuration(folder: &Path, sides: &[Box<dyn Side>]) -> anyhow::Result<Configuration> {
    let channels: Map<String, Value> = sides.iter().map(|side| (side.instance(), side.address())).collect();
    let mut document = json!({
        "global": { "data_dir": folder.join("data"), "http": { "listen": "127.0.0.1:0" } },
        "rules": [{ "id": "demo", "type": "connect", "channels": channels }],
    });
    for side in sides {
        document[side.platform()][side.instance()] = side.settings();
    }
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

/// The rooms, and how much of them has been shown.
struct Stage {
    sides: [Box<dyn Side>; 4],
    shown: [usize; 4],
    /// How many messages were written, in all rooms together.
    said: usize,
    /// How many lines commands make in each room: themselves and their answers.
    commands: [usize; 4],
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
        match self.sides[room].say(text) {
            Ok(()) => {
                // A command is answered where it was given, and goes nowhere else.
                if text.starts_with(['/', '!']) && text[1..].starts_with("tie") {
                    self.commands[room] += 2;
                } else {
                    self.said += 1;
                }
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
            // Every message has one copy in each other room, so each holds them all.
            let arrived = |(shown, commands): (&usize, &usize)| *shown >= self.said + commands;
            if self.shown.iter().zip(&self.commands).all(arrived) {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("not every message arrived within {} s", PATIENCE.as_secs());
            }
            tokio::time::sleep(GLANCE).await;
        }
    }

    fn show_new(&mut self) -> io::Result<()> {
        for (side, shown) in self.sides.iter().zip(&mut self.shown) {
            let lines = side.lines();
            for line in &lines[*shown..] {
                let place = self.terminal.paint(Style::Bold, side.place());
                self.terminal.line(format!("{place}  {}", transcript(line)))?;
            }
            *shown = lines.len();
        }
        Ok(())
    }
}

/// Which room a line is for, and what is said there.
fn addressed(line: &str) -> (usize, &str) {
    let line = line.trim();
    for (room, letter) in ['a', 'b', 'w', 'd'].into_iter().enumerate() {
        let marks = [format!("{letter}:"), format!("{}:", letter.to_ascii_uppercase()), format!("/{letter} ")];
        if let Some(text) = marks.iter().find_map(|mark| line.strip_prefix(mark.as_str())) {
            return (room, text.trim_start());
        }
    }
    (0, line)
}

fn transcript(line: &Line) -> String {
    let by = if line.brought { " (brought by tieline)" } else { "" };
    harmless(&format!("{}{by}: {}", line.name, line.text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_knows_all_sides_and_samples() {
        use clap::CommandFactory as _;

        let mut cli = crate::cli::Cli::command();
        let help = cli.find_subcommand_mut("demo").unwrap().render_long_help().to_string();
        let about = ABOUT.join("\n");
        let number = ["no", "one", "two", "three", "four", "five"][SAMPLES.len()];
        assert!(help.contains(&format!("{number} sample messages")) && about.contains(&format!("{number} samples")));
        assert!(help.contains("Discord") && help.contains("`w: hello`") && help.contains("`d: hello`"), "{help}");
    }

    #[test]
    fn a_line_names_its_room() {
        assert_eq!(addressed("hello b: x"), (0, "hello b: x"));
        assert_eq!(addressed(" b: hello "), (1, "hello"));
        assert_eq!(addressed("/b hello"), (1, "hello"));
        assert_eq!(addressed("A:hello"), (0, "hello"));
        assert_eq!(addressed("w: hello"), (2, "hello"));
        assert_eq!(addressed("D: hello"), (3, "hello"));
        assert_eq!(addressed("b:"), (1, ""));
    }
}
