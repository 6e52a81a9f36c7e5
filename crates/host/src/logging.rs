//! Logs: readable or JSON, on standard error, never with a secret in them.

use std::borrow::Cow;
use std::io::{self, Write};
use std::sync::Arc;

use anyhow::Context as _;
use tieline_config::{Configuration, Diagnostic, Log, LogFormat, LogLevel};
use tieline_core::secret::Secret;
use tieline_relay::SecretGuard;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

use crate::json_line::JsonLine;
use crate::setup;
use crate::terminal::Terminal;

/// Begins to log as the configuration wants it, first of all what it warns of.
pub(crate) fn start(configuration: &Configuration, warnings: &[Diagnostic]) -> anyhow::Result<()> {
    let stderr = Terminal::stderr();
    let Log { level, format } = &configuration.global.log;
    let json = match format {
        Some(LogFormat::Json) => true,
        Some(LogFormat::Pretty) => false,
        None => !stderr.is_terminal(),
    };
    begin(json, stderr.colours(), filter_of(*level), &configuration.secrets)?;
    if json {
        for Diagnostic { file, line, column, message, help, .. } in warnings {
            tracing::warn!(file, line, column, help, "{message}");
        }
    } else {
        setup::tell(warnings)?;
    }
    Ok(())
}

/// Logs only what is wrong, for people.
pub(crate) fn for_demo(configuration: &Configuration) -> anyhow::Result<()> {
    begin(false, Terminal::stderr().colours(), LevelFilter::WARN, &configuration.secrets)
}

fn begin(json: bool, colours: bool, level: LevelFilter, secrets: &[Secret]) -> anyhow::Result<()> {
    let writer = Masking { guard: Arc::new(guard_of_lines(secrets)) };
    let layer = fmt::layer().with_target(false).with_writer(writer);
    let layer = if json { layer.event_format(JsonLine).boxed() } else { layer.with_ansi(colours).boxed() };
    // Libraries below us speak of connections, not of messages: at the finer levels they would bury everything else.
    let libraries = level.min(LevelFilter::WARN);
    let filter = Targets::new().with_target("tieline", level).with_default(libraries);
    tracing_subscriber::registry().with(layer.with_filter(filter)).try_init().context("logging cannot start")?;
    // The default hook would write past the masks.
    std::panic::set_hook(Box::new(|panic| tracing::error!(%panic, "A bug of tieline: a task panicked")));
    Ok(())
}

fn filter_of(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    }
}

/// A guard that also knows how a secret looks where it was quoted: in JSON, by `Debug`, and by the one in the other.
fn guard_of_lines(secrets: &[Secret]) -> SecretGuard {
    let json = |text: &str| {
        let quoted = serde_json::Value::from(text).to_string();
        quoted[1..quoted.len() - 1].to_owned()
    };
    let forms = secrets.iter().flat_map(|secret| {
        let plain = secret.reveal();
        let debug = plain.escape_debug().to_string();
        [plain.to_owned(), json(plain), json(&debug), debug].map(Secret::new)
    });
    SecretGuard::new(&forms.collect::<Vec<_>>())
}

/// Writes lines to standard error, secrets replaced. The formatter hands over each line whole.
struct Masking {
    guard: Arc<SecretGuard>,
}

struct MaskedLine<'a> {
    guard: &'a SecretGuard,
}

impl<'a> MakeWriter<'a> for Masking {
    type Writer = MaskedLine<'a>;

    fn make_writer(&'a self) -> Self::Writer {
        MaskedLine { guard: &self.guard }
    }
}

impl Write for MaskedLine<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        io::stderr().lock().write_all(&mask_line(self.guard, line))?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

fn mask_line<'l>(guard: &SecretGuard, line: &'l [u8]) -> Cow<'l, [u8]> {
    let text = String::from_utf8_lossy(line);
    if guard.finds(&text) { Cow::Owned(guard.mask(&text).into_bytes()) } else { Cow::Borrowed(line) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked_however_they_were_quoted() {
        let secret = "pa\"ss\\word\u{e9}-1";
        let guard = guard_of_lines(&[Secret::new(secret)]);
        let json = serde_json::json!({ "plain": secret, "debug": format!("{secret:?}") }).to_string();
        for line in [format!("a {secret} b"), format!("a {secret:?} b"), json] {
            let masked = String::from_utf8(mask_line(&guard, line.as_bytes()).into_owned()).unwrap();
            assert!(masked.contains("•••") && !masked.contains("word"), "{masked}");
        }
    }
}
