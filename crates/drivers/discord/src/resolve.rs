//! From written settings to a checked instance: what fits together, and what does not.

use tieline_core::driver::Defaults;
use tieline_core::id::InstanceId;
use tieline_core::problem::{Problem, Severity};
use tieline_core::secret::Secret;
use tieline_core::settings;
use url::Url;

use crate::instance::{API, Instance, MentionsAllowed, SendMethod};
use crate::settings::Settings;

/// Where a bot's token is had.
pub(crate) const WHERE_FROM: &str = "the Developer Portal (https://discord.com/developers/applications) shows it under \
    the application → Bot → Reset Token";

/// Checks settings that could be read. `None` if anything in them is an error.
pub(crate) fn resolve(
    id: &InstanceId,
    written: &Settings,
    defaults: &Defaults,
    problems: &mut Vec<Problem>,
) -> Option<Instance> {
    let bot_token = written.bot_token.as_deref().and_then(|text| bot_token(text, problems));
    if written.send_method == SendMethod::Bot && written.bot_token.is_none() {
        problems.push(Problem::error("`bot_token` is missing: `send_method: \"bot\"` needs it").help(WHERE_FROM));
    }
    settings::file_size(written.max_file_size, problems);
    let api = url("api_url", &written.api_url, &["http", "https"], API, problems);
    let gateway = written
        .gateway_url
        .as_deref()
        .and_then(|text| url("gateway_url", text, &["ws", "wss"], "wss://gateway.discord.gg", problems));
    let proxy = written.proxy.resolve(defaults, problems);
    if problems.iter().any(|problem| problem.severity == Severity::Error) {
        return None;
    }
    let api = api?;
    Some(Instance {
        id: id.clone(),
        replies_as_bot: written.send_replies_as_bot && bot_token.is_some(),
        bot_token,
        send_method: written.send_method,
        mentions: MentionsAllowed {
            everyone: written.allow_mentions_everyone,
            users: written.allow_mentions_users,
            roles: written.allow_mentions_roles,
        },
        manage_webhooks: written.manage_webhooks,
        realm: Instance::realm_of(&api),
        api,
        gateway,
        proxy,
        catch_up: defaults.catch_up,
        capabilities: Instance::capabilities_of(written.max_file_size, written.send_method),
    })
}

fn bot_token(text: &str, problems: &mut Vec<Problem>) -> Option<Secret> {
    // Both stand in front of the token in the header, and examples show them.
    if let Some(scheme) = ["Bot ", "Bearer "].into_iter().find(|scheme| text.starts_with(scheme)) {
        problems.push(
            Problem::error(format!("`bot_token` begins with `{scheme}`, which is no part of the token"))
                .at("bot_token")
                .help("leave that word out: tieline puts it in front by itself"),
        );
        return None;
    }
    settings::token("bot_token", text, WHERE_FROM, problems)
}

fn url(key: &str, text: &str, schemes: &[&str], example: &str, problems: &mut Vec<Problem>) -> Option<Url> {
    settings::base_url(text, schemes, example)
        .map_err(|why| problems.push(Problem::error(format!("`{key}`: {why}")).at(key)))
        .ok()
}
