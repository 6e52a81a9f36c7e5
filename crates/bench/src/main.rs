//! Measures the whole binary: Rocket.Chat Outgoing Webhook in, Incoming Webhook out, on loopback.
//!
//! Load and sink are this process; the relay is a process of its own, started with an outbox on the disk that `--dir`
//! names. Figures are printed side by side, run by run, with the median; nothing is asserted.

mod load;
mod process;
mod sink;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Parser;

use crate::load::Load;
use crate::process::{Relay, Usage};
use crate::sink::Sink;

/// Measures a tieline binary as a whole process.
#[derive(Debug, Parser)]
#[command(name = "tieline-bench")]
pub(crate) struct Options {
    /// The binary to measure.
    #[arg(long, default_value = "target/release/tieline")]
    pub(crate) binary: PathBuf,
    /// A folder on the disk that the outbox shall lie on.
    #[arg(long, default_value = "target")]
    pub(crate) dir: PathBuf,
    /// How often each figure is taken.
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Messages of one throughput run.
    #[arg(long, default_value_t = 100_000)]
    messages: usize,
    /// Webhooks under way at once in a throughput run.
    #[arg(long, default_value_t = 64)]
    in_flight: usize,
    /// Source rooms.
    #[arg(long, default_value_t = 16)]
    pub(crate) rooms: usize,
    /// Messages per second of a latency run.
    #[arg(long, default_value_t = 200)]
    rate: usize,
    /// The relay's `global.log.level`.
    #[arg(long, default_value = "info")]
    pub(crate) log_level: String,
    /// Seconds of a latency run.
    #[arg(long, default_value_t = 10)]
    seconds: usize,
}

/// A figure, run by run.
struct Figure {
    name: &'static str,
    unit: &'static str,
    values: Vec<f64>,
}

impl Figure {
    fn new(name: &'static str, unit: &'static str) -> Self {
        Self { name, unit, values: Vec::new() }
    }

    fn row(&self) -> String {
        let mut sorted = self.values.clone();
        sorted.sort_by(f64::total_cmp);
        let show = |value: f64| if value >= 100.0 { format!("{value:.0}") } else { format!("{value:.3}") };
        let (least, most) = (sorted.first().copied().unwrap_or_default(), sorted.last().copied().unwrap_or_default());
        let median = sorted.get(sorted.len() / 2).copied().unwrap_or_default();
        format!("| {} | {} | {} | {} | {} |", self.name, show(least), show(median), show(most), self.unit)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let options = Options::parse();
    let mut start = Figure::new("start to ready", "ms");
    let mut idle = Figure::new("idle memory (RSS)", "MiB");
    let mut bare = Figure::new("load and sink without a relay", "messages/s");
    let mut throughput = Figure::new("throughput", "messages/s");
    let mut busy_cpu = Figure::new("CPU per 1,000 messages, throughput", "s");
    let mut answers = Figure::new("webhook answered, throughput, p50", "ms");
    let mut peak = Figure::new("peak memory (RSS)", "MiB");
    let mut p50 = Figure::new("added latency p50", "ms");
    let mut p99 = Figure::new("added latency p99", "ms");
    let mut calm_cpu = Figure::new("CPU per 1,000 messages, latency", "s");

    for _ in 0..options.runs {
        let sink = Sink::start().await?;
        let relay = Relay::start(&options, sink.port()).await?;
        start.values.push(millis(relay.ready_after));
        idle.values.push(relay.usage()?.resident_mib);

        let load = Load::connect(sink.port(), options.in_flight, options.rooms).await?;
        let began = Instant::now();
        load.flood(options.messages).await?;
        bare.values.push(options.messages as f64 / began.elapsed().as_secs_f64());
        sink.forget();

        let load = Load::connect(relay.webhook_port, options.in_flight, options.rooms).await?;
        let before = relay.usage()?;
        let began = Instant::now();
        let answered = load.flood(options.messages).await?;
        sink.wait_for(options.messages).await;
        let took = began.elapsed();
        let after = relay.usage()?;
        throughput.values.push(options.messages as f64 / took.as_secs_f64());
        busy_cpu.values.push(per_thousand(&before, &after, options.messages));
        answers.values.push(millis(percentile(answered, 50)));

        let direct = Load::connect(sink.port(), 1, options.rooms).await?.pace(options.rate, 2, &sink).await?;
        let base = percentile(direct, 50);
        let before = relay.usage()?;
        let load = Load::connect(relay.webhook_port, 8, options.rooms).await?;
        let latencies = load.pace(options.rate, options.seconds, &sink).await?;
        let after = relay.usage()?;
        p50.values.push(millis(percentile(latencies.clone(), 50).saturating_sub(base)));
        p99.values.push(millis(percentile(latencies, 99).saturating_sub(base)));
        calm_cpu.values.push(per_thousand(&before, &after, options.rate * options.seconds));
        peak.values.push(after.peak_mib);
        relay.stop().await.context("the relay did not stop as it should")?;
    }

    let mut out = String::from("| figure | least | median | most | unit |\n|---|---|---|---|---|\n");
    for figure in [&bare, &throughput, &busy_cpu, &answers, &p50, &p99, &calm_cpu, &start, &idle, &peak] {
        out.push_str(&figure.row());
        out.push('\n');
    }
    print(&out)
}

fn print(text: &str) -> Result<()> {
    use std::io::Write;
    std::io::stdout().write_all(text.as_bytes()).context("the table could not be printed")
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn per_thousand(before: &Usage, after: &Usage, messages: usize) -> f64 {
    after.cpu.saturating_sub(before.cpu).as_secs_f64() * 1000.0 / messages as f64
}

fn percentile(mut values: Vec<Duration>, percent: usize) -> Duration {
    values.sort_unstable();
    values.get((values.len() * percent / 100).min(values.len().saturating_sub(1))).copied().unwrap_or_default()
}
