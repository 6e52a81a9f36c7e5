//! `trace`: what became of a message.

use std::sync::Arc;

use anyhow::anyhow;
use jiff::tz::TimeZone;
use tieline_core::outbox::{Trace, TracedDelivery};
use tieline_relay::SecretGuard;

use crate::counter::Counter;
use crate::data_dir::DataDir;
use crate::desk::{Answer, Question};
use crate::failure::Failure;
use crate::terminal::{Style, Terminal, harmless, one_line};

/// Fits beside its label on a terminal of 80 columns.
const TEXT_WIDTH: usize = 66;

pub(crate) async fn trace(
    id: &str,
    json: bool,
    dir: DataDir,
    guard: Arc<SecretGuard>,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    let counter = Counter::open(dir, guard, "trace").await?;
    let asked = counter.ask(Question::Trace(id.to_owned())).await;
    counter.close().await?;
    let traces = match asked? {
        Answer::Traces(traces) => traces,
        other => return Err(anyhow!("the running tieline gave another answer than was asked for: {other:?}").into()),
    };
    if traces.is_empty() {
        let known = "a trace id from the log (`tl-42`) or a platform's message id is understood";
        return Err(anyhow!("no message is known as `{id}`: {known}, until retention takes it").into());
    }
    if json {
        terminal.line(serde_json::to_string_pretty(&traces).map_err(anyhow::Error::from)?)?;
        return Ok(());
    }
    for trace in &traces {
        for line in page(trace, &TimeZone::system(), terminal) {
            terminal.line(line)?;
        }
    }
    Ok(())
}

fn page(trace: &Trace, zone: &TimeZone, terminal: &Terminal) -> Vec<String> {
    let received = trace.received.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string();
    let mut lines = vec![format!("{} {}, received {received}", terminal.paint(Style::Bold, &trace.trace), trace.state)];
    match &trace.event {
        Some(event) => {
            let from = format!("{}/{}, message {}", event.instance, event.channel, event.message_id);
            lines.push(format!("  from  {} ({})", harmless(&from), event.kind()));
            lines.push(format!("  by    {}", one_line(event.author.shown_name(), TEXT_WIDTH)));
            if let Some(message) = event.message() {
                lines.push(format!("  text  {}", one_line(&message.text.to_plain(), TEXT_WIDTH)));
            }
        }
        None if trace.deliveries.is_empty() => lines.push("  its text was not kept, since nobody got it".to_owned()),
        None => lines.push("  its text is gone, as `global.retention` asks".to_owned()),
    }
    lines.extend(trace.notes.iter().map(|note| format!("  note  {}", harmless(note))));
    lines.extend(trace.deliveries.iter().map(|delivery| delivery_line(delivery, terminal)));
    lines
}

fn delivery_line(delivery: &TracedDelivery, terminal: &Terminal) -> String {
    let style = match delivery.state.as_str() {
        "delivered" => Style::Good,
        "dead" => Style::Bad,
        _ => Style::Warning,
    };
    let copies = delivery.copies.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let copies = if copies.is_empty() { copies } else { format!(", as {}", harmless(&copies)) };
    let reason = delivery.reason.as_deref().map(|reason| format!("\n      {}", harmless(reason))).unwrap_or_default();
    format!(
        "  → {}: {}, rule `{}`, tries: {}{copies}{reason}",
        harmless(&delivery.target.to_string()),
        terminal.paint(style, &delivery.state),
        harmless(&delivery.rule),
        delivery.attempts
    )
}
