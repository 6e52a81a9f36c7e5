//! The relay under measurement: a process of its own, and what the system says about it.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

use crate::Options;

pub(crate) struct Relay {
    child: Child,
    pid: u32,
    pub(crate) webhook_port: u16,
    pub(crate) ready_after: Duration,
    _dir: TempDir,
}

/// What a process has used so far.
pub(crate) struct Usage {
    pub(crate) cpu: Duration,
    pub(crate) resident_mib: f64,
    pub(crate) peak_mib: f64,
}

/// A port that was free a moment ago.
async fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0").await?.local_addr()?.port())
}

fn configuration(options: &Options, dir: &Path, control: u16, webhook: u16, sink: u16) -> Value {
    let rooms = options.rooms;
    let rules: Vec<Value> = (0..rooms)
        .map(|room| {
            json!({
                "id": format!("room-{room}"),
                "from": { "in": { "room_id": format!("ROOM{room}") } },
                "to": { "out": {} },
                "msg": { "msg_format": "{msg}", "rc_alias": "{user}" }
            })
        })
        .collect();
    let out_port = json!(0);
    json!({
        "global": {
            "data_dir": dir.join("data"),
            "http": { "listen": format!("127.0.0.1:{control}") },
            "log": { "level": options.log_level }
        },
        "rocketchat": {
            "in": {
                "send_method": "webhook", "webhook_url": format!("http://127.0.0.1:{sink}/hooks/in/in-hook-secret"),
                "listen_host": "127.0.0.1", "listen_port": webhook, "webhook_token": "bench-token"
            },
            "out": {
                "send_method": "webhook", "webhook_url": format!("http://127.0.0.1:{sink}/hooks/out/out-hook-secret"),
                "listen_host": "127.0.0.1", "listen_port": out_port, "listen_path": "/out", "webhook_token": "bench-token"
            }
        },
        "rules": rules
    })
}

impl Relay {
    pub(crate) async fn start(options: &Options, sink: u16) -> Result<Self> {
        let binary = &options.binary;
        let dir = TempDir::new_in(&options.dir).context("no folder for the outbox")?;
        let (control, webhook_port) = (free_port().await?, free_port().await?);
        let file = dir.path().join("tieline.json");
        let text = configuration(options, dir.path(), control, webhook_port, sink).to_string();
        std::fs::write(&file, text)?;
        let log = std::fs::File::create(dir.path().join("log"))?;
        let began = Instant::now();
        let child = Command::new(binary)
            .arg("run")
            .arg("-c")
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("{} does not start", binary.display()))?;
        let pid = child.id().context("the relay ended at once")?;
        while !ready(control).await {
            ensure!(
                began.elapsed() < Duration::from_secs(20),
                "the relay does not become ready; see {}",
                dir.keep().display()
            );
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let ready_after = began.elapsed();
        // Idle memory is what stays after the start.
        tokio::time::sleep(Duration::from_millis(300)).await;
        Ok(Self { child, pid, webhook_port, ready_after, _dir: dir })
    }

    pub(crate) fn usage(&self) -> Result<Usage> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid))?;
        // The second field is the name in brackets and may hold spaces; user and system time are fields 14 and 15.
        let after = stat.rsplit_once(") ").context("an unreadable stat file")?.1;
        let ticks: u64 = after.split(' ').skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        let kib = |name: &str| -> f64 {
            let line = status.lines().find(|line| line.starts_with(name)).unwrap_or_default();
            line.split_whitespace().nth(1).and_then(|value| value.parse().ok()).unwrap_or_default()
        };
        Ok(Usage {
            // Linux counts these times in hundredths of a second.
            cpu: Duration::from_millis(ticks * 10),
            resident_mib: kib("VmRSS:") / 1024.0,
            peak_mib: kib("VmHWM:") / 1024.0,
        })
    }

    pub(crate) async fn stop(mut self) -> Result<()> {
        let asked = Command::new("kill").arg("-TERM").arg(self.pid.to_string()).status().await?;
        ensure!(asked.success(), "kill failed");
        let status = tokio::time::timeout(Duration::from_secs(12), self.child.wait()).await??;
        ensure!(status.success(), "it ended with {status}");
        Ok(())
    }
}

async fn ready(port: u16) -> bool {
    let ask = async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n").await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        std::io::Result::Ok(answer.starts_with("HTTP/1.1 200"))
    };
    ask.await.unwrap_or(false)
}
