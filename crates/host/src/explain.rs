//! `explain`: a dry run of one message through the rules, up to the very requests that would be sent.

mod said;

use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use jiff::tz::TimeZone;
use serde_json::Value;
use tieline_config::Configuration;
use tieline_core::address::Address;
use tieline_core::clock::Clock as _;
use tieline_core::compose::compose;
use tieline_core::driver::InstanceConfig;
use tieline_core::event::{Author, Authorship, Body, Event, Message};
use tieline_core::frame::{Addressed, Frame, NamedFrame};
use tieline_core::id::{Channel, DeliveryId, MessageId};
use tieline_core::markup::Markup;
use tieline_core::outbox::Routing;
use tieline_core::plan::{Links, Verdict};
use tieline_core::problem::{Problem, nearest};
use tieline_core::send::Outgoing;
use tieline_core::template::Template;
use tieline_relay::SecretGuard;

use crate::cli::ExplainArgs;
use crate::clock::SystemClock;
use crate::dry;
use crate::failure::Failure;
use crate::terminal::{Style, Terminal};

use self::said::{EMPTY, GUARDED, Said, Sends, Told, render};

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
    let address = address(&args.channel).map_err(Failure::Usage)?;
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

fn address(written: &str) -> anyhow::Result<Address> {
    const EXPECTED: &str = "--channel is a JSON object, as a rule has it: {\"room_id\": \"GENERAL\"}";
    match serde_json::from_str(written).context(EXPECTED)? {
        Value::Object(keys) => Ok(Address::new(keys)),
        Value::String(all) if all == "*" => {
            Err(anyhow!("{EXPECTED}; \"*\" means all channels, and a message is written in one of them: name it"))
        }
        other => Err(anyhow!("{EXPECTED}; {other} is none")),
    }
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
    let zone = TimeZone::system();
    if let Some(Addressed::Refused(reason)) = &frame.addressed {
        let error = format!("{reason}. It would become a dead letter, and the writer would be told");
        return Ok(Sends { error: Some(error), ..Sends::default() });
    }
    let composed = compose(event, frame, target.dialect(), &zone);
    let outgoing = Outgoing {
        delivery: DeliveryId(0),
        action: tieline_core::send::Action::Say,
        mentions: Vec::new(),
        target: frame.address.clone(),
        text: composed.text.clone(),
        named_text: composed.named_text.clone(),
        keys: composed.keys.clone(),
        attachments: Vec::new(),
        reply_to: None,
        time: event.time,
    };
    let (stopped, parts, error) = if event.message().is_some_and(|message| message.text.is_blank()) {
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
    let thread_opener = match &frame.opener {
        Some(format) => {
            let called = instance(configuration, event.instance.as_str())?.describe(&event.channel);
            Some(compose(&opener(event, &called), &opening(frame, format), target.dialect(), &zone).text)
        }
        None => None,
    };
    let shows_identity = target.capabilities().identity_key.is_some();
    Ok(Sends {
        text: Some(composed.text),
        named_text: shows_identity.then_some(composed.named_text),
        thread_opener,
        identity: composed.keys,
        stopped,
        parts,
        error: error.map(|error| error.to_string()),
    })
}

/// The event that the relay opens a thread with, for the chat of this one.
fn opener(event: &Event, called: &str) -> Event {
    Event {
        room: event.room.clone().or_else(|| Some(called.to_owned())),
        body: Body::Message(Message { text: Markup::plain(called), ..Message::default() }),
        ..event.clone()
    }
}

/// How it says it.
fn opening(frame: &Frame, format: &Template) -> Frame {
    Frame::new(frame.rule.clone(), frame.target.clone(), frame.address.clone(), format.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `explain` answers to such arguments.
    fn told(written: &serde_json::Value, args: &[&str]) -> Result<String, Failure> {
        use clap::Parser as _;

        tieline_net::install_crypto();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tieline.json");
        std::fs::write(&file, written.to_string()).unwrap();
        let line = ["tieline", "explain"].iter().chain(args);
        let crate::cli::Command::Explain(args) = crate::cli::Cli::try_parse_from(line).unwrap().command else {
            panic!("another command")
        };
        let configuration = crate::setup::configuration(&crate::cli::ConfigArgs::of_file(file)).unwrap().0;
        let sink = <Arc<std::sync::Mutex<Vec<u8>>>>::default();
        explain(&args, &configuration, &mut Terminal::into_memory(Arc::clone(&sink)))?;
        let told = sink.lock().unwrap().clone();
        Ok(String::from_utf8(told).unwrap())
    }

    fn workspace(id: &str) -> serde_json::Value {
        serde_json::json!({
            "server_url": format!("https://{id}.example.com"), "auth_token": "t0p-s3cret", "user_id": "u",
            "webhook_token": "w", "listen_path": format!("/{id}"),
        })
    }

    /// What it answers to a text in the room A of `hq`, from which a rule leads to `lab`.
    fn answer(text: &str, secret_guard: bool) -> String {
        let written = serde_json::json!({
            "global": { "secret_guard": secret_guard },
            "rocketchat": { "hq": workspace("hq"), "lab": workspace("lab") },
            "rules": [{
                "id": "r", "from": { "hq": { "room_id": "A" } }, "to": { "lab": { "room_id": "B" } },
                "filter": { "replace": [["^gone$", ""]] }, "msg": { "msg_format": "{msg}" },
            }],
        });
        told(&written, &["--instance", "hq", "--channel", r#"{"room_id": "A"}"#, "--text", text]).unwrap()
    }

    /// What it answers between the room A of `hq` and all chats of `wa`, each in a thread of its own.
    fn inbox(instance: &str, channel: &str, text: &str) -> Result<String, Failure> {
        let written = serde_json::json!({
            "rocketchat": { "hq": workspace("hq") },
            "whatsapp": { "wa": {
                "addon_url": "http://127.0.0.1:8066", "api_token": "a", "webhook_token": "w", "allow_to": ["49*"],
            } },
            "rules": [
                { "id": "in", "from": { "wa": { "chat_id": "*" } },
                  "to": { "hq": { "room_id": "A", "thread_per_chat": true } }, "msg": { "rc_alias": "{user}" } },
                { "id": "out", "from": { "hq": { "room_id": "A" } }, "to": { "wa": { "chat_id": "*" } },
                  "msg": { "msg_format": "{msg}" } },
            ],
        });
        told(&written, &["--instance", instance, "--channel", channel, "--user", "Ada", "--text", text])
    }

    #[test]
    fn a_thread_is_named_with_its_opener() {
        let told = inbox("wa", r#"{"chat_id": "491700000001@s.whatsapp.net"}"#, "hello").unwrap();
        let opener = told.lines().find(|line| line.contains("in the chat's thread, which begins with:"));
        assert!(opener.is_some_and(|opener| opener.contains("+491700000001")), "{told}");
        assert!(told.contains("text: hello") && told.contains("rc_alias: Ada"), "{told}");
        assert!(told.contains("text, if the identity cannot be shown: Ada: hello"), "{told}");
    }

    #[test]
    fn no_text_is_shown_that_can_never_be_sent() {
        let taken = inbox("hq", r#"{"room_id": "A"}"#, "[+49 170 0000001] hello").unwrap();
        assert!(taken.contains("      text: hello\n") && !taken.contains("identity"), "{taken}");
        let refused = inbox("hq", r#"{"room_id": "A"}"#, "[+33 170 0000001] hello").unwrap();
        assert!(refused.contains("cannot be sent:") && !refused.contains("text:"), "{refused}");
        assert!(!refused.contains("hello"), "{refused}");
    }

    #[test]
    fn a_channel_that_is_no_object_is_told_what_is_expected() {
        for (written, said) in [
            (r#""*""#, "\"*\" means all channels"),
            ("*", "expected value"),
            (r#""GENERAL""#, "\"GENERAL\" is none"),
            ("[1]", "[1] is none"),
        ] {
            let failure = inbox("hq", written, "hello").expect_err(written);
            assert!(matches!(failure, Failure::Usage(_)), "{failure:?}");
            let sentence = failure.sentence().unwrap();
            assert!(sentence.starts_with("--channel is a JSON object, as a rule has it: {\"room_id\""), "{sentence}");
            assert!(sentence.contains(said) && !sentence.contains("invalid type"), "{sentence}");
        }
    }

    #[test]
    fn what_the_relay_would_not_send_is_not_shown_as_sent() {
        let guarded = answer("my token is t0p-s3cret", true);
        assert!(guarded.contains("→ lab/B: the secret guard would stop it"), "{guarded}");
        assert!(!guarded.contains("as the driver") && guarded.contains("text: my token is •••"), "{guarded}");
        for (text, secret_guard) in [("my token is t0p-s3cret", false), ("hello", true)] {
            let told = answer(text, secret_guard);
            assert!(told.contains("→ lab/B\n") && told.contains("as the driver"), "{told}");
        }
        for empty in ["", " \n"] {
            let told = answer(empty, true);
            assert!(told.ends_with("→ lab/B: nothing to send: empty text\n"), "{told}");
        }
    }
}
