//! From written settings to a checked instance: what fits together, and what does not.

use tieline_core::driver::{Defaults, ProxyChoice};
use tieline_core::id::InstanceId;
use tieline_core::problem::Problem;
use tieline_core::secret::Secret;
use tieline_core::webhook::ListenAt;
use url::Url;

use crate::hook::Hook;
use crate::instance::{Credentials, Instance, Sender, realm_of};
use crate::settings::{ReceiveMethod, SendMethod, Settings};

/// Checks settings that could be read. `None` if anything in them is an error.
pub(crate) fn resolve(
    id: &InstanceId,
    settings: &Settings,
    defaults: &Defaults,
    problems: &mut Vec<Problem>,
) -> Option<Instance> {
    let credentials = credentials(settings, problems);
    let server = settings.server_url.as_deref().and_then(|url| {
        server(url).map_err(|why| problems.push(Problem::error(format!("`server_url`: {why}")).at("server_url"))).ok()
    });
    let hook = settings.webhook_url.as_deref().and_then(|url| {
        Hook::parse(url)
            .map_err(|why| problems.push(Problem::error(format!("`webhook_url`: {why}")).at("webhook_url")))
            .ok()
    });
    let sender = match settings.send_method {
        SendMethod::Api => {
            if settings.server_url.is_none() {
                problems.push(
                    Problem::error("`server_url` is missing: `send_method: \"api\"` needs it")
                        .help("for example \"https://chat.example.com\""),
                );
            }
            if !any_credentials(settings) {
                problems.push(
                    Problem::error("`auth_token` and `user_id` are missing: `send_method: \"api\"` needs them")
                        .help("create them in Rocket.Chat as the bot: My account → Personal access tokens"),
                );
            }
            Some(Sender::Api)
        }
        SendMethod::Webhook => {
            if settings.webhook_url.is_none() {
                problems.push(
                    Problem::error("`webhook_url` is missing: `send_method: \"webhook\"` needs it")
                        .help("Rocket.Chat shows it under Administration → Integrations → Incoming"),
                );
            }
            hook.clone().map(Sender::Hook)
        }
    };
    if settings.receive_method == ReceiveMethod::Realtime {
        problems.push(
            Problem::error("`receive_method: \"realtime\"` comes with a later version of tieline")
                .at("receive_method")
                .help("use \"webhook\": an Outgoing Webhook in Rocket.Chat calls tieline"),
        );
    }
    let listen = listen(settings, problems);
    if settings.max_file_size == 0 {
        problems.push(Problem::error("`max_file_size` must be larger than 0").at("max_file_size"));
    }
    if settings.webhook_token.is_empty() {
        problems.push(
            Problem::warning("`webhook_token` is empty: anybody who reaches the listener can send messages")
                .help("enter the token that Rocket.Chat shows in the Outgoing Webhook's form"),
        );
    }
    let proxy = proxy(settings, defaults, problems);
    if problems.iter().any(|problem| problem.severity == tieline_core::problem::Severity::Error) {
        return None;
    }
    let server = server.or_else(|| hook.map(|hook| hook.server))?;
    let sender = sender?;
    Some(Instance {
        id: id.clone(),
        realm: realm_of(&server),
        server,
        capabilities: Instance::capabilities_of(&sender, settings.max_file_size),
        sender,
        credentials,
        listen,
        webhook_token: Secret::new(&settings.webhook_token),
        proxy,
        reply_style: settings.reply_style,
    })
}

fn any_credentials(settings: &Settings) -> bool {
    [&settings.auth_token, &settings.user_id, &settings.username, &settings.password].into_iter().any(Option::is_some)
}

/// A token with its user id, or a user name with its password; half of a pair is an error, and so are both pairs.
fn credentials(settings: &Settings, problems: &mut Vec<Problem>) -> Option<Credentials> {
    let token = pair("auth_token", settings.auth_token.as_ref(), "user_id", settings.user_id.as_ref(), problems);
    let login = pair("password", settings.password.as_ref(), "username", settings.username.as_ref(), problems);
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
        if value.is_some_and(String::is_empty) {
            problems.push(Problem::error(format!("`{key}` is empty")).at(key));
        } else if value.is_some_and(|text| !text.bytes().all(|byte| (0x20..0x7f).contains(&byte)))
            && matches!(key, "auth_token" | "user_id")
        {
            problems.push(
                Problem::error(format!("`{key}` holds characters that no token has"))
                    .at(key)
                    .help("is there a line break at its end?"),
            );
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

fn server(text: &str) -> Result<Url, String> {
    let example = "write it like https://chat.example.com";
    let mut url = Url::parse(text).map_err(|error| format!("it is not a URL ({error}); {example}"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return Err(format!("it must begin with http:// or https:// and name a host; {example}"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(format!("it must not hold a user name or a password; {example}"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(format!("it must end before `?` and `#`; {example}"));
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(url)
}

fn listen(settings: &Settings, problems: &mut Vec<Problem>) -> ListenAt {
    if settings.listen_host.trim().is_empty() {
        problems.push(
            Problem::error("`listen_host` is empty").at("listen_host").help("\"0.0.0.0\" listens on every address"),
        );
    }
    let path = &settings.listen_path;
    if !path.starts_with('/') || path.contains(['?', '#']) || path.chars().any(char::is_whitespace) {
        problems.push(
            Problem::error("`listen_path` must begin with `/` and be a path only")
                .at("listen_path")
                .help("for example \"/rocketchat/webhook\""),
        );
    }
    ListenAt { host: settings.listen_host.clone(), port: settings.listen_port, path: path.clone() }
}

fn proxy(settings: &Settings, defaults: &Defaults, problems: &mut Vec<Problem>) -> ProxyChoice {
    let text = match &settings.proxy {
        None => return defaults.proxy.clone(),
        Some(None) => return ProxyChoice::Direct,
        Some(Some(text)) if text == "environment" => return ProxyChoice::Environment,
        Some(Some(text)) => text,
    };
    let sound = Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https" | "socks5" | "socks5h") && url.host_str().is_some_and(|h| !h.is_empty())
    });
    if !sound {
        problems.push(
            Problem::error("`proxy` must be a URL that begins with http://, https:// or socks5:// and names a host")
                .at("proxy")
                .help("`null` means no proxy"),
        );
    }
    ProxyChoice::Url(Secret::new(text))
}
