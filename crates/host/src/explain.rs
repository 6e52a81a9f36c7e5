//! `explain`: a dry run of one message through the rules, up to the very requests that would be sent.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::Value;
use tieline_config::Configuration;
use tieline_core::address::Address;
use tieline_core::clock::Clock as _;
use tieline_core::compose::compose;
use tieline_core::driver::InstanceConfig;
use tieline_core::event::{Author, Authorship, Body, Event, Message};
use tieline_core::frame::{Addressed, NamedFrame};
use tieline_core::id::{Channel, DeliveryId, MessageId};
use tieline_core::outbox::Routing;
use tieline_core::plan::{Links, Verdict};
use tieline_core::problem::{Problem, nearest};
use tieline_core::send::Outgoing;
use tieline_relay::SecretGuard;

use crate::cli::ExplainArgs;
use crate::clock::SystemClock;
use crate::dry;
use crate::failure::Failure;
use crate::terminal::{Style, Terminal, harmless};

/// What one rule says.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Said {
    rule: String,
    matched: bool,
    /// The first condition that failed.
    refusal: Option<String>,
    targets: Vec<Told>,
}

/// What one rule says in one target channel.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Told {
    instance: String,
    channel: String,
    /// Why it gets nothing from this rule.
    refusal: Option<String>,
    #[serde(flatten)]
    sends: Option<Sends>,
}

/// What would be sent.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Sends {
    /// The text where the identity is shown.
    text: String,
    /// The text where it cannot be.
    named_text: String,
    /// The identity: the platform's message keys.
    identity: BTreeMap<String, String>,
    /// Why nothing of it would be sent.
    stopped: Option<&'static str>,
    /// What the driver makes of it, in its own words.
    parts: Vec<Value>,
    /// Why the driver cannot send it.
    error: Option<String>,
}

/// There is nothing that a target could show.
const EMPTY: &str = "nothing to send: empty text";
/// It would be a dead letter.
const GUARDED: &str = "the secret guard would stop it: it contains a configured secret, and would become a dead letter";

pub(crate) fn explain(
    args: &ExplainArgs,
    configuration: &Configuration,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    let event = event(args, configuration)?;
    let verdicts = configuration.plan.explain(&event, &Links::default());
    let routing = configuration.plan.route(&event, &Links::default());
    let guard = SecretGuard::new(&configuration.secrets);
    let said = verdicts
        .iter()
        .map(|verdict| say(verdict, &routing, &event, configuration, &guard))
        .collect::<anyhow::Result<Vec<Said>>>()?;
    if args.json {
        let json = serde_json::to_string_pretty(&said).map_err(anyhow::Error::from)?;
        terminal.line(guard.mask(&json))?;
        return Ok(());
    }
    for line in render(&said, terminal) {
        terminal.line(guard.mask(&line))?;
    }
    if let Routing::Filtered(reason) = &routing {
        let nobody = terminal.paint(Style::Warning, format!("Nobody gets it: {reason}"));
        terminal.line(guard.mask(&nobody))?;
    }
    Ok(())
}

/// The message that is asked about, as the instance's driver would have received it.
fn event(args: &ExplainArgs, configuration: &Configuration) -> Result<Event, Failure> {
    let instance = instance(configuration, &args.instance)?;
    let address: Address = serde_json::from_str(&args.channel)
        .context("--channel is a JSON object, as a rule has it: {\"room_id\": \"GENERAL\"}")
        .map_err(Failure::Usage)?;
    let pattern = instance.source(&address).map_err(|problems| refused(&problems))?;
    let channel = pattern
        .channel
        .ok_or_else(|| anyhow!("--channel: a message is written in one channel; name it, instead of all of them"))?;
    let author = Author {
        id: args.user_id.clone(),
        username: args.username.clone().unwrap_or_else(|| args.user.clone()),
        display_name: args.nickname.clone().unwrap_or_else(|| args.user.clone()),
        // Only where the names differ did this one message come under another.
        alias: if args.nickname.is_some() { args.user.clone() } else { String::new() },
        avatar: args.avatar.clone(),
        kind: if args.bot { Authorship::Bot } else { Authorship::Person },
    };
    Ok(Event {
        instance: instance.id().clone(),
        platform: Arc::from(instance.platform()),
        channel,
        parent: None,
        address,
        room: args.room.clone(),
        message_id: MessageId::new("explain").map_err(anyhow::Error::from)?,
        revision: None,
        time: SystemClock.now(),
        author,
        body: Body::Message(Message { text: instance.dialect().parse(&args.text), ..Message::default() }),
        missing: None,
    })
}

/// The instance of an id; the error names the nearest.
pub(crate) fn instance<'c>(configuration: &'c Configuration, id: &str) -> anyhow::Result<&'c Arc<dyn InstanceConfig>> {
    let known = || configuration.instances.iter().map(|instance| instance.id().as_str());
    configuration.instances.iter().find(|instance| instance.id().as_str() == id).ok_or_else(|| {
        match nearest(id, known()) {
            Some(near) => anyhow!("there is no instance `{id}`; did you mean `{near}`?"),
            None => anyhow!("there is no instance `{id}`; there are: {}", known().collect::<Vec<_>>().join(", ")),
        }
    })
}

fn refused(problems: &[Problem]) -> anyhow::Error {
    let sentence = |problem: &Problem| match &problem.help {
        Some(help) => format!("{} ({help})", problem.message),
        None => problem.message.clone(),
    };
    anyhow!("--channel: {}", problems.iter().map(sentence).collect::<Vec<_>>().join("; "))
}

fn say(
    verdict: &Verdict,
    routing: &Routing,
    event: &Event,
    configuration: &Configuration,
    guard: &SecretGuard,
) -> anyhow::Result<Said> {
    let targets = verdict.targets.iter().map(|(channel, refusal)| {
        let frame = if refusal.is_none() { planned(routing, verdict, channel) } else { None };
        Ok(Told {
            instance: channel.instance.to_string(),
            channel: channel.key.to_string(),
            refusal: refusal.clone(),
            sends: frame.map(|frame| sends(frame, event, configuration, guard)).transpose()?,
        })
    });
    Ok(Said {
        rule: verdict.rule.to_string(),
        matched: verdict.refusal.is_none(),
        refusal: verdict.refusal.clone(),
        targets: targets.collect::<anyhow::Result<_>>()?,
    })
}

fn planned<'r>(routing: &'r Routing, verdict: &Verdict, channel: &Channel) -> Option<&'r NamedFrame> {
    let Routing::Deliver(planned) = routing else { return None };
    let frames = planned.iter().filter(|planned| planned.target == *channel).flat_map(|planned| &planned.frames);
    frames.map(AsRef::as_ref).find(|frame| frame.frame.rule == verdict.rule)
}

fn sends(
    named: &NamedFrame,
    event: &Event,
    configuration: &Configuration,
    guard: &SecretGuard,
) -> anyhow::Result<Sends> {
    let frame = &named.frame;
    let target = instance(configuration, frame.target.instance.as_str())?;
    let composed = compose(event, frame, target.dialect(), &TimeZone::system());
    let outgoing = Outgoing {
        delivery: DeliveryId(0),
        target: frame.address.clone(),
        text: composed.text.clone(),
        named_text: composed.named_text.clone(),
        keys: composed.keys.clone(),
        attachments: Vec::new(),
        reply_to: None,
        time: event.time,
    };
    let (stopped, parts, error) = if let Some(Addressed::Refused(reason)) = &frame.addressed {
        (None, Vec::new(), Some(format!("{reason}. It would become a dead letter, and the writer would be told")))
    } else if event.message().is_some_and(|message| message.text.is_blank()) {
        (Some(EMPTY), Vec::new(), None)
    } else if configuration.global.secret_guard && guard.finds_in_message(event, &outgoing) {
        (Some(GUARDED), Vec::new(), None)
    } else {
        let driver = Arc::clone(target).build(dry::services())?;
        match driver.cut(&outgoing) {
            Ok(parts) if parts.is_empty() => (Some(EMPTY), Vec::new(), None),
            Ok(parts) if configuration.global.secret_guard && parts.iter().any(|part| guard.finds_in(&part.body)) => {
                (Some(GUARDED), Vec::new(), None)
            }
            Ok(parts) => (None, parts.into_iter().map(|part| part.body).collect(), None),
            Err(reason) => (None, Vec::new(), Some(reason)),
        }
    };
    Ok(Sends { text: composed.text, named_text: composed.named_text, identity: composed.keys, stopped, parts, error })
}

fn render(said: &[Said], terminal: &Terminal) -> Vec<String> {
    let mut lines = Vec::new();
    for rule in said {
        let verdict = match &rule.refusal {
            None => terminal.paint(Style::Good, "matched"),
            Some(refusal) => terminal.paint(Style::Warning, format!("not matched: {}", harmless(refusal))),
        };
        lines.push(format!("{} {verdict}", terminal.paint(Style::Bold, format!("rule `{}`:", harmless(&rule.rule)))));
        for told in &rule.targets {
            let head = format!("  → {}/{}", told.instance, told.channel);
            match (&told.refusal, &told.sends) {
                (Some(refusal), _) => lines.push(format!("{head}: nothing, {}", harmless(refusal))),
                (None, None) => lines.push(head),
                (None, Some(sends)) => {
                    let stopped = sends.stopped.map(|why| format!(": {}", terminal.paint(Style::Warning, why)));
                    lines.push(head + &stopped.unwrap_or_default());
                    lines.extend(render_sends(sends, terminal));
                }
            }
        }
    }
    lines
}

fn render_sends(sends: &Sends, terminal: &Terminal) -> Vec<String> {
    if sends.stopped == Some(EMPTY) {
        return Vec::new();
    }
    let mut entries = vec![("text", sends.text.clone())];
    if sends.named_text != sends.text {
        entries.push(("text, if the identity cannot be shown", sends.named_text.clone()));
    }
    entries.extend(sends.identity.iter().map(|(key, value)| (key.as_str(), value.clone())));
    entries.extend(sends.parts.iter().map(|part| ("sent as", part.to_string())));
    entries.extend(sends.error.iter().map(|error| ("cannot be sent", error.clone())));
    let line = |(name, value): (&str, String)| {
        format!(
            "      {} {}",
            terminal.paint(Style::Dim, format!("{name}:")),
            harmless(&value).replace('\n', "\n        ")
        )
    };
    entries.into_iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terminal() -> Terminal {
        Terminal::into_memory(Arc::default())
    }

    #[test]
    fn a_rule_is_shown_with_what_it_says_and_why_not() {
        let sends = Sends {
            text: "Hello\nall".into(),
            named_text: "Ada: Hello\nall".into(),
            identity: BTreeMap::from([("rc_alias".into(), "Ada".into())]),
            stopped: None,
            parts: vec![serde_json::json!({ "text": "Hello\nall" })],
            error: None,
        };
        let told = |channel: &str, refusal: Option<&str>, sends| Told {
            instance: "rc".into(),
            channel: channel.into(),
            refusal: refusal.map(str::to_owned),
            sends,
        };
        let said = [
            Said {
                rule: "support".into(),
                matched: true,
                refusal: None,
                targets: vec![told("R1", None, Some(sends)), told("R2", Some("it came from there"), None)],
            },
            Said { rule: "team".into(), matched: false, refusal: Some("another channel".into()), targets: vec![] },
        ];
        let expected = [
            "rule `support`: matched",
            "  → rc/R1",
            "      text: Hello\n        all",
            "      text, if the identity cannot be shown: Ada: Hello\n        all",
            "      rc_alias: Ada",
            "      sent as: {\"text\":\"Hello\\nall\"}",
            "  → rc/R2: nothing, it came from there",
            "rule `team`: not matched: another channel",
        ];
        assert_eq!(render(&said, &terminal()), expected);
    }

    /// What `explain` answers to a text in the room A of `hq`, from which a rule leads to `lab`.
    fn answer(text: &str, secret_guard: bool) -> String {
        use clap::Parser as _;

        let folder = tempfile::tempdir().unwrap();
        let instance = |id: &str| {
            serde_json::json!({
                "server_url": format!("https://{id}.example.com"), "auth_token": "t0p-s3cret", "user_id": "u",
                "webhook_token": "w", "listen_path": format!("/{id}"),
            })
        };
        let written = serde_json::json!({
            "global": { "secret_guard": secret_guard },
            "rocketchat": { "hq": instance("hq"), "lab": instance("lab") },
            "rules": [{
                "id": "r", "from": { "hq": { "room_id": "A" } }, "to": { "lab": { "room_id": "B" } },
                "filter": { "replace": [["^gone$", ""]] }, "msg": { "msg_format": "{msg}" },
            }],
        });
        let file = folder.path().join("tieline.json");
        std::fs::write(&file, written.to_string()).unwrap();
        let line = ["tieline", "explain", "--instance", "hq", "--channel", r#"{"room_id": "A"}"#, "--text", text];
        let crate::cli::Command::Explain(args) = crate::cli::Cli::try_parse_from(line).unwrap().command else {
            panic!("another command")
        };
        let configuration = crate::setup::configuration(&crate::cli::ConfigArgs::of_file(file)).unwrap().0;
        let sink = <Arc<std::sync::Mutex<Vec<u8>>>>::default();
        explain(&args, &configuration, &mut Terminal::into_memory(Arc::clone(&sink))).unwrap();
        let told = sink.lock().unwrap().clone();
        String::from_utf8(told).unwrap()
    }

    #[test]
    fn what_the_relay_would_not_send_is_not_shown_as_sent() {
        tieline_net::install_crypto();
        let guarded = answer("my token is t0p-s3cret", true);
        assert!(guarded.contains("→ lab/B: the secret guard would stop it"), "{guarded}");
        assert!(!guarded.contains("sent as") && guarded.contains("text: my token is •••"), "{guarded}");
        for (text, secret_guard) in [("my token is t0p-s3cret", false), ("hello", true)] {
            let told = answer(text, secret_guard);
            assert!(told.contains("→ lab/B\n") && told.contains("sent as"), "{told}");
        }
        for empty in ["", " \n"] {
            let told = answer(empty, true);
            assert!(told.ends_with("→ lab/B: nothing to send: empty text\n"), "{told}");
        }
    }
}
