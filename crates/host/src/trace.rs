//! `trace`: what became of a message.

use std::sync::Arc;

use anyhow::anyhow;
use jiff::tz::TimeZone;
use tieline_core::frame::Addressed;
use tieline_core::outbox::{Trace, TracedDelivery};
use tieline_relay::{OwnEvent, SecretGuard};

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
    let when = local(trace.received, zone);
    let own = trace.event.as_ref().and_then(|event| OwnEvent::of(&event.message_id));
    let when = if own.is_some() { format!("made {when}") } else { format!("received {when}") };
    let mut lines = vec![format!("{} {}, {when}", terminal.paint(Style::Bold, &trace.trace), sum(trace))];
    match &trace.event {
        Some(event) if let Some(own) = own => {
            lines.push(format!("  {own}, made by tieline"));
            lines.push(format!("  about {}", harmless(&format!("{}/{}", event.instance, event.channel))));
            // An opener is said in a format of its own, so it has no text yet.
            if let (Some(message), OwnEvent::Notice) = (event.message(), own) {
                lines.push(format!("  text  {}", one_line(&message.text.to_plain(), TEXT_WIDTH)));
            }
        }
        Some(event) => {
            let from = format!("{}/{}, message {}", event.instance, event.channel, event.message_id);
            lines.push(format!("  from  {} ({})", harmless(&from), event.kind()));
            lines.push(format!("  by    {}", one_line(event.author.shown_name(), TEXT_WIDTH)));
            if let Some(message) = event.message() {
                lines.extend(message.reply_to.iter().map(|parent| {
                    format!("  to    {}, which it answers, or whose thread it is in", harmless(parent.as_str()))
                }));
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

/// How it stands with a message: what became of its deliveries, or why it has none.
fn sum(trace: &Trace) -> String {
    let count = |state: &str| trace.deliveries.iter().filter(|delivery| delivery.state == state).count();
    let counts = ["delivered", "dead", "pending", "filtered", "dropped"].map(|state| (state, count(state)));
    let there: Vec<_> = counts.into_iter().filter(|(_, count)| *count > 0).collect();
    match there[..] {
        [] => trace.state.clone(),
        [(state, _)] => state.to_owned(),
        _ => there.iter().map(|(state, count)| format!("{count} {state}")).collect::<Vec<_>>().join(", "),
    }
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
    let addressed = match &delivery.addressed {
        Some(Addressed::Reply) => ", reached by answering",
        Some(Addressed::Prefix) => ", named as `[recipient]`",
        Some(Addressed::Refused(_)) => ", named as `[recipient]` who may not be written to",
        None => "",
    };
    format!(
        "  → {}: {}, rule `{}`{addressed}, tries: {}{copies}{reason}{letter}",
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
    use tieline_core::address::Address;
    use tieline_core::event::{Author, Body, Event, Message};
    use tieline_core::id::{Channel, ChannelKey, DeliveryId, InstanceId, MessageId};
    use tieline_core::markup::Markup;

    fn delivery(state: &str, addressed: Option<Addressed>) -> TracedDelivery {
        TracedDelivery {
            id: DeliveryId(17),
            rule: "support".into(),
            target: Channel { instance: InstanceId::new("lab").unwrap(), key: ChannelKey::new("GENERAL").unwrap() },
            state: state.into(),
            attempts: 1,
            reason: None,
            addressed,
            copies: vec![],
        }
    }

    fn message(id: MessageId, reply_to: Option<&str>) -> Event {
        let reply_to = reply_to.map(|id| MessageId::new(id).unwrap());
        let (instance, channel) = (InstanceId::new("wa").unwrap(), ChannelKey::new("4917@s").unwrap());
        Event {
            instance,
            platform: "whatsapp".into(),
            channel,
            parent: None,
            address: Address::default(),
            room: None,
            message_id: id,
            revision: None,
            time: Timestamp::UNIX_EPOCH,
            author: Author { id: "4917".into(), username: "Alice".into(), ..Author::default() },
            body: Body::Message(Message { text: Markup::plain("hello"), reply_to, ..Message::default() }),
            missing: None,
        }
    }

    fn shown(event: Event, deliveries: Vec<TracedDelivery>) -> Vec<String> {
        let trace = Trace {
            trace: "tl-2".into(),
            state: "planned".into(),
            notes: vec![],
            event: Some(event),
            received: Timestamp::UNIX_EPOCH,
            deliveries,
        };
        page(&trace, &TimeZone::UTC, &Terminal::into_memory(Arc::default()))
    }

    #[test]
    fn what_tieline_made_itself_is_no_message_of_a_person() {
        let of = |what: &str| shown(message(MessageId::ours(what).unwrap(), None), vec![]);
        let opener =
            ["tl-2 planned, made 1970-01-01T00:00:00+00:00", "  thread opener, made by tieline", "  about wa/4917@s"];
        assert_eq!(of("thread 1.0"), opener);
        assert_eq!(
            of("notice 1.0")[1..],
            ["  notice to the writer, made by tieline", "  about wa/4917@s", "  text  hello"]
        );
    }

    #[test]
    fn an_answer_is_shown_with_what_it_answers_and_how_it_found_its_way() {
        let answer = || message(MessageId::new("m1").unwrap(), Some("m0"));
        let page = shown(answer(), vec![delivery("delivered", Some(Addressed::Reply)), delivery("delivered", None)]);
        assert_eq!(page[0], "tl-2 delivered, received 1970-01-01T00:00:00+00:00");
        assert_eq!(page[2..4], ["  by    Alice", "  to    m0, which it answers, or whose thread it is in"]);
        assert_eq!(page[5], "  → lab/GENERAL: delivered, rule `support`, reached by answering, tries: 1");
        assert!(page[6].contains("rule `support`, tries"), "{page:?}");
        for (addressed, words) in [
            (Addressed::Prefix, "named as `[recipient]`, tries"),
            (Addressed::Refused("no".into()), "named as `[recipient]` who may not be written to"),
        ] {
            let page = shown(answer(), vec![delivery("dead", Some(addressed)), delivery("delivered", None)]);
            assert!(page[0].starts_with("tl-2 1 delivered, 1 dead, received"), "{page:?}");
            assert!(page[5].contains(words), "{page:?}");
        }
    }

    #[test]
    fn a_page_names_the_local_time_with_its_offset_and_the_dead_letter() {
        let trace = Trace {
            trace: "tl-9".into(),
            state: "planned".into(),
            notes: vec![],
            event: None,
            received: Timestamp::from_second(1_700_000_000).unwrap(),
            deliveries: vec![TracedDelivery {
                attempts: 3,
                reason: Some("the room is archived".into()),
                ..delivery("dead", None)
            }],
        };
        let zone = TimeZone::fixed(Offset::from_seconds(-(3 * 3600 + 1800)).unwrap());
        let page = page(&trace, &zone, &Terminal::into_memory(Arc::default())).join("\n");
        assert!(page.starts_with("tl-9 dead, received 2023-11-14T18:43:20-03:30\n"), "{page}");
        let end = "tries: 3\n      the room is archived\n      dead letter 17: `tieline dead show 17`";
        assert!(page.ends_with(end), "{page}");
    }
}
