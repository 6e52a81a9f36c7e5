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
use crate::terminal::{Style, Terminal, harmless, local, one_line};

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
    let received = local(trace.received, zone);
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
    let letter = match delivery.state.as_str() {
        "dead" => format!("\n      dead letter {id}: `tieline dead show {id}`", id = delivery.id),
        _ => String::new(),
    };
    format!(
        "  → {}: {}, rule `{}`, tries: {}{copies}{reason}{letter}",
        harmless(&delivery.target.to_string()),
        terminal.paint(style, &delivery.state),
        harmless(&delivery.rule),
        delivery.attempts
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use jiff::tz::Offset;
    use tieline_core::id::{Channel, ChannelKey, DeliveryId, InstanceId};

    #[test]
    fn a_page_names_the_local_time_with_its_offset_and_the_dead_letter() {
        let target = Channel { instance: InstanceId::new("lab").unwrap(), key: ChannelKey::new("GENERAL").unwrap() };
        let trace = Trace {
            trace: "tl-9".into(),
            state: "planned".into(),
            notes: vec![],
            event: None,
            received: Timestamp::from_second(1_700_000_000).unwrap(),
            deliveries: vec![TracedDelivery {
                id: DeliveryId(17),
                rule: "support".into(),
                target,
                state: "dead".into(),
                attempts: 3,
                reason: Some("the room is archived".into()),
                copies: vec![],
            }],
        };
        let zone = TimeZone::fixed(Offset::from_seconds(-(3 * 3600 + 1800)).unwrap());
        let page = page(&trace, &zone, &Terminal::into_memory(Arc::default())).join("\n");
        assert!(page.starts_with("tl-9 planned, received 2023-11-14T18:43:20-03:30\n"), "{page}");
        let end = "tries: 3\n      the room is archived\n      dead letter 17: `tieline dead show 17`";
        assert!(page.ends_with(end), "{page}");
    }
}
