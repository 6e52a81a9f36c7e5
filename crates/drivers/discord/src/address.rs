//! Channel addresses: `{"channel_id": "…"}`, and for targets `{"webhook_url": "…"}`.

use serde_json::{Value, json};
use tieline_core::address::Address;
use tieline_core::driver::{SourcePattern, TargetChannel};
use tieline_core::event::Event;
use tieline_core::id::ChannelKey;
use tieline_core::problem::{Problem, unknown_keys};
use tieline_core::secret::Secret;

use crate::instance::{Instance, SendMethod};
use crate::resolve::WHERE_FROM;
use crate::snowflake::Snowflake;
use crate::webhook_url::WebhookUrl;

/// The key that names a channel or a thread.
pub(crate) const CHANNEL: &str = "channel_id";
/// The key that names the server which the channel belongs to.
pub(crate) const SERVER: &str = "server_id";
/// The key that names the webhook to post through.
pub(crate) const WEBHOOK: &str = "webhook_url";
/// Every channel, as a source.
const ANY: &str = "*";

/// The JSON Schema of an address.
pub(crate) fn schema(as_target: bool) -> Value {
    let id = |about: &str| json!({ "type": "string", "minLength": 1, "description": about });
    let star = if as_target { "" } else { " `*` stands for every channel." };
    let mut properties = json!({
        CHANNEL: id(&format!("The id of a channel or a thread, in quotation marks; `tieline rooms` lists them.{star}")),
        SERVER: id("The id of the server that the channel belongs to."),
    });
    if !as_target {
        return json!({
            "type": "object", "additionalProperties": false, "required": [CHANNEL], "properties": properties,
        });
    }
    properties[WEBHOOK] = json!({
        "type": "string", "minLength": 1, "writeOnly": true,
        "description": "Only with `send_method: \"webhook\"`: the URL of the webhook to post through, instead of the one \
            that the bot finds or creates. `?thread_id=ID` at its end leads into a thread.",
    });
    json!({
        "type": "object", "additionalProperties": false, "properties": properties,
        "anyOf": [{ "required": [CHANNEL] }, { "required": [WEBHOOK] }],
    })
}

/// Understands a source address.
pub(crate) fn source(instance: &Instance, address: &Address) -> Result<SourcePattern, Vec<Problem>> {
    let mut problems = unknown_keys(address.keys(), &[CHANNEL, SERVER, WEBHOOK]);
    if address.keys().contains_key(WEBHOOK) {
        let problem = Problem::error(format!("`{WEBHOOK}` belongs to a target, and this is a source"));
        problems.push(problem.at(WEBHOOK).on_key().help(format!("name the channel by `{CHANNEL}`")));
    }
    if instance.bot_token.is_none() {
        problems.push(no_token(instance, "nothing is received from Discord"));
    }
    let every = address.text(CHANNEL) == Some(ANY);
    let channel = if every { None } else { id(address, CHANNEL, &mut problems) };
    if !address.keys().contains_key(CHANNEL) {
        problems.push(
            Problem::error(format!("a source must say which channel: `{CHANNEL}` is missing"))
                .help("`tieline rooms` lists the channels and their ids; in `from`, \"*\" stands for every channel"),
        );
    }
    let server = id(address, SERVER, &mut problems);
    if !problems.is_empty() {
        return Err(problems);
    }
    let also = server.map(|server| (SERVER.to_owned(), Value::from(server.to_string()))).into_iter().collect();
    Ok(SourcePattern { channel: channel.map(key), also })
}

/// Understands a target address.
pub(crate) fn target(instance: &Instance, address: &Address) -> Result<TargetChannel, Vec<Problem>> {
    let mut problems = unknown_keys(address.keys(), &[CHANNEL, SERVER, WEBHOOK]);
    let channel = id(address, CHANNEL, &mut problems);
    let server = id(address, SERVER, &mut problems);
    let webhook = webhook(instance, address, &mut problems);
    let named = |key: &str| address.keys().contains_key(key);
    if instance.send_method == SendMethod::Bot && named(WEBHOOK) {
        let problem = Problem::error(format!("`{WEBHOOK}` is only for `send_method: \"webhook\"`"));
        problems.push(problem.at(WEBHOOK).on_key().help("name the channel by `channel_id`, or change `send_method`"));
    } else if !named(CHANNEL) && !named(WEBHOOK) {
        let problem = Problem::error(format!("a target must say which channel: `{CHANNEL}` is missing"));
        problems.push(problem.help("`tieline rooms` lists the channels and their ids"));
    } else if !named(WEBHOOK) && instance.bot_token.is_none() {
        problems.push(no_token(instance, &format!("a target needs its `{WEBHOOK}`")));
    } else if !named(WEBHOOK) && instance.send_method == SendMethod::Webhook && !instance.manage_webhooks {
        let problem = Problem::error(format!(
            "`{WEBHOOK}` is missing: `manage_webhooks` of `{}` is false, so the webhook must be named",
            instance.id
        ));
        problems.push(problem.help(
            "Discord shows it under Edit Channel → Integrations → Webhooks → Copy Webhook URL; or set `manage_webhooks` \
                to true",
        ));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let posts_into = webhook.as_ref().and_then(|webhook| webhook.thread).filter(|thread| Some(*thread) != channel);
    let key = match (channel, &webhook) {
        (Some(channel), _) => key(channel),
        (None, Some(webhook)) => {
            ChannelKey::new(&webhook.channel()).map_err(|error| vec![Problem::error(error.to_string()).at(WEBHOOK)])?
        }
        (None, None) => return Err(problems),
    };
    let ids = [(CHANNEL, channel), (SERVER, server)];
    let ids: Vec<(&str, String)> = ids.into_iter().filter_map(|(key, id)| Some((key, id?.to_string()))).collect();
    let url = address.text(WEBHOOK);
    let written = ids.iter().map(|(key, id)| (*key, id.as_str())).chain(url.map(|url| (WEBHOOK, url)));
    Ok(TargetChannel {
        also_known_as: posts_into.map(self::key).into_iter().collect(),
        secrets: webhook.map(|webhook| webhook.token).into_iter().chain(url.map(Secret::new)).collect(),
        ..TargetChannel::new(key, Address::of(written))
    })
}

/// Problems of the addresses of one `connect` rule, seen together.
pub(crate) fn connect(instance: &Instance, addresses: &[Address]) -> Vec<Problem> {
    let posts_into = |address: &Address| Some(WebhookUrl::parse(address.text(WEBHOOK)?, &instance.api).ok()?.channel());
    let places: Vec<Option<String>> = addresses.iter().map(posts_into).collect();
    let again = |index: &usize| places[*index].is_some() && places[..*index].contains(&places[*index]);
    (0..addresses.len())
        .filter(again)
        .map(|index| {
            Problem::error("a webhook posts into one channel, and this rule names it for two")
                .at(WEBHOOK)
                .at_index(index)
                .help("copy the webhook's URL of each channel, or leave `webhook_url` out")
        })
        .collect()
}

/// The target that leads into the channel that an event came from; `None` for what is no channel's id.
pub(crate) fn target_for(channel: &ChannelKey) -> Option<TargetChannel> {
    let id = Snowflake::parse(channel.as_str())?.to_string();
    Some(TargetChannel::new(channel.clone(), Address::of([(CHANNEL, id.as_str())])))
}

/// What a target may be called that a webhook's message came from, where no `channel_id` was stated for it.
pub(crate) fn target_names(event: &Event) -> Vec<ChannelKey> {
    let Some(id) = Snowflake::parse(&event.author.id).filter(|_| event.author.kind.may_be_ours()) else {
        return Vec::new();
    };
    let webhook = |thread| WebhookUrl { id, token: Secret::new(""), thread }.channel();
    let thread = Snowflake::parse(event.channel.as_str());
    [None, thread].into_iter().filter_map(|thread| ChannelKey::new(&webhook(thread)).ok()).collect()
}

fn no_token(instance: &Instance, so: &str) -> Problem {
    Problem::error(format!("`bot_token` of `{}` is missing: without it {so}", instance.id)).help(WHERE_FROM)
}

fn key(id: Snowflake) -> ChannelKey {
    ChannelKey::new(&id.to_string()).expect("digits are a key")
}

/// The id under a key, if there is one.
fn id(address: &Address, key: &str, problems: &mut Vec<Problem>) -> Option<Snowflake> {
    let (message, help) = match address.keys().get(key)? {
        Value::String(text) => match Snowflake::parse(text) {
            Some(id) => return Some(id),
            None if text == ANY => (
                format!("`{key}`: \"*\" stands for every channel of a source, and here one must be named"),
                "`tieline rooms` lists the channels and their ids".to_owned(),
            ),
            None => (
                format!("`{key}`: `{text}` is no id of Discord, which is digits alone"),
                "`tieline rooms` lists the ids; Discord shows them by Copy ID once User Settings → Advanced → Developer \
                    Mode is on"
                    .to_owned(),
            ),
        },
        Value::Number(number) => (
            format!("`{key}` is a number, of which JSON may lose the last digits"),
            format!("write it in quotation marks, like \"{number}\""),
        ),
        _ => (format!("`{key}` must be a text"), "`tieline rooms` lists the ids".to_owned()),
    };
    problems.push(Problem::error(message).at(key).help(help));
    None
}

fn webhook(instance: &Instance, address: &Address, problems: &mut Vec<Problem>) -> Option<WebhookUrl> {
    let understood = match address.keys().get(WEBHOOK)? {
        Value::String(text) => WebhookUrl::parse(text, &instance.api),
        _ => Err("it must be a text".to_owned()),
    };
    understood.map_err(|why| problems.push(Problem::error(format!("`{WEBHOOK}`: {why}")).at(WEBHOOK))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{resolve, settings};
    use tieline_core::driver::Defaults;
    use tieline_core::id::InstanceId;

    const URL: &str = "https://discord.com/api/webhooks/12/t0ken";

    #[expect(clippy::needless_pass_by_value, reason = "a literal at every call")]
    fn instance(written: Value) -> Instance {
        let (settings, mut problems) = settings::read(&written);
        let id = InstanceId::new("dc").unwrap();
        let instance = resolve::resolve(&id, &settings.expect("read"), &Defaults::default(), &mut problems);
        instance.unwrap_or_else(|| panic!("{problems:?}"))
    }

    fn bot() -> Instance {
        instance(json!({ "bot_token": "t0k" }))
    }

    fn address(value: Value) -> Address {
        serde_json::from_value(value).expect("an object")
    }

    fn told(problems: &[Problem]) -> String {
        let lines: Vec<String> =
            problems.iter().map(|p| format!("{} {}", p.message, p.help.clone().unwrap_or_default())).collect();
        lines.join("\n")
    }

    #[test]
    fn a_source_names_its_channel_or_all() {
        let one = source(&bot(), &address(json!({ "channel_id": "12", "server_id": "7" }))).expect("sound");
        assert_eq!(one.channel.as_ref().map(ChannelKey::as_str), Some("12"));
        assert_eq!(one.also, [("server_id".to_owned(), json!("7"))]);
        let all = source(&bot(), &address(json!({ "channel_id": "*", "server_id": "7" }))).expect("sound");
        assert_eq!((all.channel, all.also.len()), (None, 1));
        for (wrong, why) in [
            (json!({}), "`channel_id` is missing"),
            (json!({ "server_id": "7" }), "`channel_id` is missing"),
            (json!({ "channel": "12", "channel_id": "1" }), "did you mean `channel_id`?"),
            (json!({ "channel_id": "general" }), "digits alone"),
            (json!({ "channel_id": 12 }), "in quotation marks, like \"12\""),
            (json!({ "channel_id": "1", "server_id": "*" }), "one must be named"),
            (json!({ "channel_id": "1", "webhook_url": URL }), "belongs to a target"),
        ] {
            let problems = source(&bot(), &address(wrong.clone())).expect_err("wrong");
            assert!(told(&problems).contains(why), "{wrong}: {problems:?}");
            assert_eq!(problems.len(), 1, "{problems:?}");
        }
        let webhooks_alone =
            source(&instance(json!({})), &address(json!({ "channel_id": "1" }))).expect_err("no token");
        assert!(told(&webhooks_alone).contains("nothing is received"), "{webhooks_alone:?}");
    }

    #[test]
    fn a_target_is_a_channel_or_a_webhook() {
        let one = target(&bot(), &address(json!({ "channel_id": "0012", "server_id": "7" }))).expect("sound");
        assert_eq!((one.key.as_str(), one.secrets.len()), ("12", 0));
        assert_eq!(one.address, address(json!({ "channel_id": "12", "server_id": "7" })));
        let both = target(&bot(), &address(json!({ "channel_id": "3", "webhook_url": URL }))).expect("sound");
        assert_eq!(both.key.as_str(), "3");
        assert_eq!(both.secrets, [Secret::new("t0ken"), Secret::new(URL)]);
        let alone = target(&instance(json!({})), &address(json!({ "webhook_url": URL }))).expect("sound");
        assert_eq!((alone.key.as_str(), alone.also_known_as.len()), ("webhook:12", 0));
        let thread = format!("{URL}?thread_id=34");
        let threaded = target(&bot(), &address(json!({ "webhook_url": thread }))).expect("sound");
        assert_eq!((threaded.key.as_str(), threaded.also_known_as[0].as_str()), ("webhook:12/34", "34"));
        let stated = target(&bot(), &address(json!({ "channel_id": "34", "webhook_url": thread }))).expect("sound");
        assert_eq!((stated.key.as_str(), stated.also_known_as.len()), ("34", 0));
    }

    #[test]
    fn what_cannot_be_posted_to_is_told_with_what_to_do() {
        let by_bot = instance(json!({ "bot_token": "t0k", "send_method": "bot" }));
        let unmanaged = instance(json!({ "bot_token": "t0k", "manage_webhooks": false }));
        let without_token = instance(json!({}));
        for (instance, wrong, why) in [
            (&bot(), json!({}), "`channel_id` is missing"),
            (&bot(), json!({ "channel_id": "*" }), "one must be named"),
            (&bot(), json!({ "channel_id": "1", "webhook_url": 5 }), "must be a text"),
            (&bot(), json!({ "webhook_url": "https://discord.com/t0ken" }), "/webhooks/ID/TOKEN"),
            (&by_bot, json!({ "channel_id": "1", "webhook_url": URL }), "only for `send_method: \"webhook\"`"),
            (&unmanaged, json!({ "channel_id": "1" }), "`manage_webhooks` of `dc` is false"),
            (&without_token, json!({ "channel_id": "1" }), "`bot_token` of `dc` is missing"),
        ] {
            let problems = target(instance, &address(wrong.clone())).expect_err("wrong");
            assert!(told(&problems).contains(why) && problems.len() == 1, "{wrong}: {problems:?}");
            assert!(!told(&problems).contains("t0ken"), "{problems:?}");
        }
        assert!(target(&by_bot, &address(json!({ "channel_id": "1" }))).is_ok());
        assert!(target(&unmanaged, &address(json!({ "channel_id": "1", "webhook_url": URL }))).is_ok());
        let two = target(&bot(), &address(json!({ "channel_id": "x", "server_id": 5 }))).expect_err("both are wrong");
        assert_eq!(two.len(), 2);
    }

    #[test]
    fn one_webhook_cannot_connect_two_channels() {
        let with = |channel: &str, url: &str| address(json!({ "channel_id": channel, "webhook_url": url }));
        let thread = format!("{URL}?thread_id=34");
        assert!(
            connect(&bot(), &[with("1", URL), with("34", &thread), address(json!({ "channel_id": "5" }))]).is_empty()
        );
        let problems = connect(&bot(), &[with("1", URL), with("2", URL)]);
        assert_eq!(problems.len(), 1);
        assert!(format!("{:?}", problems[0].path).contains("Index(1)"), "{problems:?}");
    }

    #[test]
    fn an_events_channel_is_a_target() {
        let channel = ChannelKey::new("12").unwrap();
        assert_eq!(target_for(&channel).map(|target| target.key), Some(channel));
        assert_eq!(target_for(&ChannelKey::new("webhook:12").unwrap()), None);
    }
}
