//! From written settings to a checked instance: what fits together, and what does not.

use tieline_core::driver::Defaults;
use tieline_core::id::InstanceId;
use tieline_core::problem::{Problem, Severity};
use tieline_core::secret::Secret;
use tieline_core::settings;
use url::Url;

use crate::instance::Instance;
use crate::recipient::AllowTo;
use crate::settings::{DEFAULT_PATH, Settings};

/// Checks settings that could be read. `None` if anything in them is an error.
pub(crate) fn resolve(
    id: &InstanceId,
    written: &Settings,
    defaults: &Defaults,
    problems: &mut Vec<Problem>,
) -> Option<Instance> {
    let addon = addon(written, problems);
    let api_token =
        token("api_token", written.api_token.as_ref(), "the addon's page shows it as *API Bearer Token*", problems);
    let webhook_token = token(
        "webhook_token",
        written.webhook_token.as_ref(),
        "choose a long random text and enter it here and as `webhook_token` in the addon's settings",
        problems,
    );
    let session = session(written, addon.as_ref().and_then(|(_, session)| session.as_deref()), problems);
    let listen =
        settings::listen_at(&written.listen_host, written.listen_port, &written.listen_path, DEFAULT_PATH, problems);
    settings::file_size(written.max_file_size, problems);
    let media_url = media_url(written, problems);
    let allow_to = allow_to(written, problems);
    let proxy = written.proxy.resolve(defaults, problems);
    if problems.iter().any(|problem| problem.severity == Severity::Error) {
        return None;
    }
    Some(Instance {
        id: id.clone(),
        addon: addon?.0,
        api_token: api_token?,
        session: session?,
        listen,
        webhook_token: webhook_token?,
        media_url,
        relay_own: written.relay_own,
        allow_to: allow_to?,
        catch_up: defaults.catch_up,
        proxy,
        capabilities: Instance::capabilities_of(written.max_file_size),
    })
}

/// The addon's base URL, and the session that stands at its end.
fn addon(written: &Settings, problems: &mut Vec<Problem>) -> Option<(Url, Option<String>)> {
    let Some(text) = &written.addon_url else {
        problems.push(Problem::error("`addon_url` is missing").help("for example \"http://192.168.1.50:8066\""));
        return None;
    };
    let example = "write it like http://192.168.1.50:8066";
    let mut wrong = |why: String| {
        problems.push(Problem::error(format!("`addon_url`: {why}; {example}")).at("addon_url"));
    };
    // Without it, a host and a port would be called a relative path, or the host a scheme.
    if !["http://", "https://"].iter().any(|scheme| starts(text.trim_start(), scheme)) {
        wrong("it must begin with http:// or https://".to_owned());
        return None;
    }
    let mut url = match Url::parse(text) {
        Ok(url) => url,
        Err(error) => {
            wrong(format!("it is not a URL ({error})"));
            return None;
        }
    };
    if !url.username().is_empty() || url.password().is_some() {
        wrong("it must not hold a user name or a password".to_owned());
        return None;
    }
    let query: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let session = match &query[..] {
        [] => None,
        [(key, session)] if key == "session_id" => Some(session.clone()),
        _ => {
            wrong("behind `?` only session_id=NAME may stand".to_owned());
            return None;
        }
    };
    if url.fragment().is_some() {
        wrong("it must end before `#`".to_owned());
        return None;
    }
    url.set_query(None);
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Some((url, session))
}

fn starts(text: &str, with: &str) -> bool {
    text.get(..with.len()).is_some_and(|head| head.eq_ignore_ascii_case(with))
}

/// A token that every instance needs.
fn token(key: &str, written: Option<&String>, where_from: &str, problems: &mut Vec<Problem>) -> Option<Secret> {
    let Some(text) = written else {
        problems.push(Problem::error(format!("`{key}` is missing")).help(where_from));
        return None;
    };
    settings::token(key, text, where_from, problems)
}

/// The session, by its own key or from the end of the URL.
fn session(written: &Settings, in_url: Option<&str>, problems: &mut Vec<Problem>) -> Option<String> {
    let written = written.session_id.as_deref().unwrap_or("default");
    let own = session_name(written);
    let name = match in_url.map(session_name) {
        Some(in_url) if own != "default" && own != in_url => {
            problems.push(
                Problem::error(format!("`session_id` is `{own}`, but `addon_url` ends in `?session_id={in_url}`"))
                    .at("session_id")
                    .help("name the session in one place"),
            );
            return None;
        }
        Some(in_url) => in_url,
        None => own,
    };
    if name.bytes().all(|byte| byte == b'.') {
        problems.push(
            Problem::error("`session_id` must hold a letter or a digit")
                .at("session_id")
                .help("the addon's page lists its sessions; the first one is `default`"),
        );
        return None;
    }
    Some(name)
}

/// A session's name as the addon makes it of what it is given (`getReqSession` in `app/src/session.js`): the last piece of
/// a path, only `[A-Za-z0-9_.-]` of it, in lower case; `default` if nothing is left.
pub(crate) fn session_name(written: &str) -> String {
    let last = written.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let kept = last.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'));
    let name: String = kept.collect::<String>().to_ascii_lowercase();
    if name.is_empty() { "default".to_owned() } else { name }
}

/// The base under which the addon fetches files from us. It may hold a password for a proxy before us.
fn media_url(written: &Settings, problems: &mut Vec<Problem>) -> Option<Secret> {
    let text = written.media_url.as_deref()?;
    let sound = Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.host_str().is_some_and(|host| !host.is_empty())
            && url.query().is_none()
            && url.fragment().is_none()
    });
    if !sound {
        problems.push(
            Problem::error("`media_url` must begin with http:// or https://, name a host, and end before `?` and `#`")
                .at("media_url")
                .help("it is how the addon reaches `listen_port`, for example \"http://192.168.1.20:8094\""),
        );
        return None;
    }
    Some(Secret::new(text.trim_end_matches('/')))
}

fn allow_to(written: &Settings, problems: &mut Vec<Problem>) -> Option<AllowTo> {
    match AllowTo::parse(&written.allow_to) {
        Ok(allowed) => {
            if allowed.is_open() {
                let written: Vec<String> = written.allow_to.iter().flatten().map(|text| format!("{text:?}")).collect();
                problems.push(
                    Problem::warning(format!(
                        "`allow_to` is [{}]: whoever may write in a room that leads to `\"chat_id\": \"*\"` can write \
                            to any WhatsApp number",
                        written.join(", ")
                    ))
                    .help("name the numbers and groups that may be written to, for example [\"49*\", \"*@g.us\"]"),
                );
            }
            Some(allowed)
        }
        Err(wrong) => {
            for (index, why) in wrong {
                problems.push(Problem::error(format!("`allow_to`: {why}")).at_index(index).at("allow_to"));
            }
            None
        }
    }
}
