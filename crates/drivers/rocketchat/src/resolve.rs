//! From written settings to a checked instance: what fits together, and what does not.

use tieline_core::driver::Defaults;
use tieline_core::id::InstanceId;
use tieline_core::problem::Problem;
use tieline_core::secret::Secret;
use tieline_core::settings;

use crate::hook::Hook;
use crate::instance::{Credentials, Instance, Sender, realm_of};
use crate::settings::{DEFAULT_PATH, ReceiveMethod, SendMethod, Settings};

/// Where a token and its user id are had.
const WHERE_FROM: &str = "create them in Rocket.Chat as the bot: My account → Personal access tokens";

/// Checks settings that could be read. `None` if anything in them is an error.
pub(crate) fn resolve(
    id: &InstanceId,
    written: &Settings,
    defaults: &Defaults,
    problems: &mut Vec<Problem>,
) -> Option<Instance> {
    let credentials = credentials(written, problems);
    let server = written.server_url.as_deref().and_then(|url| {
        settings::base_url(url, &["http", "https"], "https://chat.example.com")
            .map_err(|why| problems.push(Problem::error(format!("`server_url`: {why}")).at("server_url")))
            .ok()
    });
    let hook = written.webhook_url.as_deref().and_then(|url| {
        Hook::parse(url)
            .map_err(|why| problems.push(Problem::error(format!("`webhook_url`: {why}")).at("webhook_url")))
            .ok()
    });
    let sender = match written.send_method {
        SendMethod::Api => {
            if written.server_url.is_none() {
                problems.push(
                    Problem::error("`server_url` is missing: `send_method: \"api\"` needs it")
                        .help("for example \"https://chat.example.com\""),
                );
            }
            if !any_credentials(written) {
                problems.push(
                    Problem::error("`auth_token` and `user_id` are missing: `send_method: \"api\"` needs them")
                        .help(WHERE_FROM),
                );
            }
            Some(Sender::Api)
        }
        SendMethod::Webhook => {
            if written.webhook_url.is_none() {
                problems.push(
                    Problem::error("`webhook_url` is missing: `send_method: \"webhook\"` needs it")
                        .help("Rocket.Chat shows it under Administration → Integrations → Incoming"),
                );
            }
            hook.clone().map(Sender::Hook)
        }
    };
    let (realtime, by_hook) = (ReceiveMethod::Realtime, SendMethod::Webhook);
    if written.receive_method == realtime && written.send_method == by_hook && !any_credentials(written) {
        problems.push(
            Problem::error("`auth_token` and `user_id` are missing: `receive_method: \"realtime\"` needs them")
                .help(WHERE_FROM),
        );
    }
    let listen =
        settings::listen_at(&written.listen_host, written.listen_port, &written.listen_path, DEFAULT_PATH, problems);
    settings::file_size(written.max_file_size, problems);
    if written.webhook_token.is_empty() && written.receive_method == ReceiveMethod::Webhook {
        problems.push(
            Problem::warning("`webhook_token` is empty: anybody who reaches the listener can send messages")
                .help("enter the token that Rocket.Chat shows in the Outgoing Webhook's form"),
        );
    }
    let proxy = written.proxy.resolve(defaults, problems);
    if problems.iter().any(|problem| problem.severity == tieline_core::problem::Severity::Error) {
        return None;
    }
    let server = server.or_else(|| hook.map(|hook| hook.server))?;
    let sender = sender?;
    Some(Instance {
        id: id.clone(),
        realm: realm_of(&server),
        server,
        capabilities: Instance::capabilities_of(&sender, written.max_file_size),
        sender,
        credentials,
        listen,
        webhook_token: Secret::new(&written.webhook_token),
        proxy,
        reply_style: written.reply_style,
        receive: written.receive_method,
        catch_up: defaults.catch_up,
    })
}

fn any_credentials(written: &Settings) -> bool {
    [&written.auth_token, &written.user_id, &written.username, &written.password].into_iter().any(Option::is_some)
}

/// A token with its user id, or a user name with its password; half of a pair is an error, and so are both pairs.
fn credentials(written: &Settings, problems: &mut Vec<Problem>) -> Option<Credentials> {
    let token = pair("auth_token", written.auth_token.as_ref(), "user_id", written.user_id.as_ref(), problems);
    let login = pair("password", written.password.as_ref(), "username", written.username.as_ref(), problems);
    match (token, login) {
        (Some(_), Some(_)) => {
            problems.push(
                Problem::error("both a token and a password are given")
                    .at("password")
                    .on_key()
                    .help("keep either `auth_token` with `user_id`, or `username` with `password`"),
            );
            None
        }
        (Some((token, user_id)), None) => {
            Some(Credentials::Token { user_id: user_id.clone(), token: Secret::new(token) })
        }
        (None, Some((password, username))) => {
            Some(Credentials::Login { username: username.clone(), password: Secret::new(password) })
        }
        (None, None) => None,
    }
}

fn pair<'s>(
    secret_name: &str,
    secret: Option<&'s String>,
    name_name: &str,
    name: Option<&'s String>,
    problems: &mut Vec<Problem>,
) -> Option<(&'s String, &'s String)> {
    for (key, value) in [(secret_name, secret), (name_name, name)] {
        match value {
            Some(value) if matches!(key, "auth_token" | "user_id") => {
                settings::token(key, value, WHERE_FROM, problems);
            }
            Some(value) if value.is_empty() => problems.push(Problem::error(format!("`{key}` is empty")).at(key)),
            _ => {}
        }
    }
    match (secret, name) {
        (Some(secret), Some(name)) => Some((secret, name)),
        (None, None) => None,
        (Some(_), None) => {
            problems.push(Problem::error(format!("`{name_name}` is missing: it belongs to `{secret_name}`")));
            None
        }
        (None, Some(_)) => {
            problems.push(Problem::error(format!("`{secret_name}` is missing: it belongs to `{name_name}`")));
            None
        }
    }
}
