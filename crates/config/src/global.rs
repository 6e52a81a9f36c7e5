//! The section `global`.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Map, Value};
use tieline_core::driver::{CatchUp, ProxyChoice};
use tieline_core::outbox::Retention;
use tieline_core::problem::Problem;
use tieline_core::secret::Secret;

use crate::configuration::{Global, Http, Log, LogFormat, LogLevel};
use crate::corrected::meant;
use crate::findings::{At, Findings};
use crate::listen::HostPort;

/// Every key.
pub(crate) const KEYS: [&str; 11] = [
    "data_dir",
    "proxy",
    "http",
    "log",
    "retention",
    "give_up_after",
    "catch_up",
    "watch",
    "alerts",
    "command_prefix",
    "secret_guard",
];

/// The keys that hold an object.
pub(crate) const SECTIONS: [&str; 4] = ["http", "log", "retention", "catch_up"];

pub(crate) const HTTP_KEYS: [&str; 2] = ["listen", "token"];
pub(crate) const LOG_KEYS: [&str; 2] = ["level", "format"];
pub(crate) const RETENTION_KEYS: [&str; 2] = ["messages", "links"];
pub(crate) const CATCH_UP_KEYS: [&str; 2] = ["max_age", "max_messages"];

pub(crate) const LEVELS: [(&str, LogLevel); 5] = [
    ("trace", LogLevel::Trace),
    ("debug", LogLevel::Debug),
    ("info", LogLevel::Info),
    ("warn", LogLevel::Warn),
    ("error", LogLevel::Error),
];
pub(crate) const FORMATS: [(&str, LogFormat); 2] = [("pretty", LogFormat::Pretty), ("json", LogFormat::Json)];

const DAY: Duration = Duration::from_hours(24);

impl Default for Global {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("data"),
            proxy: ProxyChoice::Direct,
            http: Http { listen: "127.0.0.1:8090".to_owned(), token: None },
            log: Log { level: LogLevel::Info, format: None },
            retention: Retention { messages_ms: milliseconds(7 * DAY), links_ms: milliseconds(90 * DAY) },
            give_up_after: DAY,
            catch_up: Some(CatchUp { max_age: DAY, max_messages: 500 }),
            watch: false,
            alerts: None,
            command_prefix: "tie".to_owned(),
            secret_guard: true,
        }
    }
}

/// Checks the section. What is wrong in it has its default in the result; `alerts` is read once the instances are known.
pub(crate) fn resolve(section: Option<&Value>, at: &At<'_>, findings: &mut Findings) -> Global {
    let mut global = Global::default();
    let Some(section) = section.and_then(|section| findings.section(at, section, &KEYS)) else { return global };
    let mut reader = Reader { section, at, findings };
    if let Some(text) = reader.read("data_dir", Findings::text) {
        if text.is_empty() {
            reader.tell("data_dir", Problem::error("the folder's name is empty").help("leave it out for \"data\""));
        } else {
            global.data_dir = PathBuf::from(text);
        }
    }
    if let Some(proxy) = reader.read("proxy", proxy) {
        global.proxy = proxy;
    }
    match section.get("catch_up") {
        Some(Value::Bool(false)) => global.catch_up = None,
        _ => global.catch_up = reader.read("catch_up", catch_up).or(global.catch_up),
    }
    if let Some(http) = reader.read("http", http) {
        global.http = http;
    }
    if let Some(log) = reader.read("log", log) {
        global.log = log;
    }
    if let Some(retention) = reader.read("retention", retention) {
        global.retention = retention;
    }
    global.give_up_after = reader.read("give_up_after", Findings::duration).unwrap_or(global.give_up_after);
    global.watch = reader.read("watch", Findings::flag).unwrap_or(global.watch);
    global.secret_guard = reader.read("secret_guard", Findings::flag).unwrap_or(global.secret_guard);
    if let Some(prefix) = reader.read("command_prefix", Findings::text) {
        if prefix.is_empty() || prefix.contains(|c: char| c == '/' || c.is_whitespace()) {
            let problem =
                Problem::error("the word that commands begin with must not be empty or hold a slash or a space");
            reader.tell("command_prefix", problem.help("write \"tie\" for commands like `/tie help`"));
        } else {
            prefix.clone_into(&mut global.command_prefix);
        }
    }
    global
}

/// Reads the keys of one object.
struct Reader<'r, 'v> {
    section: &'v Map<String, Value>,
    at: &'r At<'r>,
    findings: &'r mut Findings,
}

impl<'v> Reader<'_, 'v> {
    fn read<T>(&mut self, key: &str, read: impl FnOnce(&mut Findings, &At<'_>, &'v Value) -> Option<T>) -> Option<T> {
        read(self.findings, &self.at.key(key), self.section.get(key)?)
    }

    fn tell(&mut self, key: &str, problem: Problem) {
        self.findings.add(&self.at.key(key), problem);
    }
}

fn http(findings: &mut Findings, at: &At<'_>, value: &Value) -> Option<Http> {
    let section = findings.section(at, value, &HTTP_KEYS)?;
    let mut http = Global::default().http;
    let mut reader = Reader { section, at, findings };
    let written = reader.read("listen", Findings::text);
    let token_given = section.get("token").is_some_and(|token| !token.is_null());
    if token_given && let Some(token) = reader.read("token", Findings::secret) {
        if token.is_empty() {
            let problem = Problem::error("the token is empty").help("write a long random text, or leave the key out");
            reader.tell("token", problem);
        } else {
            http.token = Some(Secret::new(token));
        }
    }
    // A token under a misspelt key was told; without it, the listener would be told to lack one.
    let token_given = token_given || section.keys().any(|key| meant(key, section, &HTTP_KEYS) == Some("token"));
    if let Some(written) = written {
        match HostPort::parse(written) {
            None => {
                let problem = Problem::error("this is no host with a port");
                reader.tell("listen", problem.help("write it like \"127.0.0.1:8090\", or \"[::1]:8090\" for IPv6"));
            }
            Some(host_port) if !host_port.is_loopback() && !token_given => {
                let problem =
                    Problem::error(format!("`{written}` can be reached from other machines, so a token is required"));
                reader.tell(
                    "listen",
                    problem.help("set `token` beside it, e.g. {\"env\": \"TIELINE_TOKEN\"}, or listen on 127.0.0.1"),
                );
            }
            Some(_) => written.clone_into(&mut http.listen),
        }
    }
    Some(http)
}

fn log(findings: &mut Findings, at: &At<'_>, value: &Value) -> Option<Log> {
    let section = findings.section(at, value, &LOG_KEYS)?;
    let mut reader = Reader { section, at, findings };
    let level = reader.read("level", |findings, at, value| findings.choice(at, value, &LEVELS));
    let format = reader.read("format", |findings, at, value| findings.choice(at, value, &FORMATS));
    Some(Log { level: level.unwrap_or(LogLevel::Info), format })
}

fn retention(findings: &mut Findings, at: &At<'_>, value: &Value) -> Option<Retention> {
    let section = findings.section(at, value, &RETENTION_KEYS)?;
    let mut retention = Global::default().retention;
    let mut reader = Reader { section, at, findings };
    if let Some(messages) = reader.read("messages", Findings::duration) {
        retention.messages_ms = milliseconds(messages);
    }
    if let Some(links) = reader.read("links", Findings::duration) {
        retention.links_ms = milliseconds(links);
    }
    Some(retention)
}

fn catch_up(findings: &mut Findings, at: &At<'_>, value: &Value) -> Option<CatchUp> {
    if !value.is_object() {
        findings.mismatch(at, "false or an object such as {\"max_age\": \"24h\", \"max_messages\": 500}", value);
        return None;
    }
    let section = findings.section(at, value, &CATCH_UP_KEYS)?;
    let mut reader = Reader { section, at, findings };
    let max_age = reader.read("max_age", Findings::duration).unwrap_or(DAY);
    let max_messages = reader.read("max_messages", Findings::count).unwrap_or(500);
    Some(CatchUp { max_age, max_messages })
}

/// A proxy's URL is never shown: there may be a password in it.
fn proxy(findings: &mut Findings, at: &At<'_>, value: &Value) -> Option<ProxyChoice> {
    let help = "write `http://`, `https://`, `socks5://` or `socks5h://` with host and port, \"environment\", or null";
    match value {
        Value::Null => Some(ProxyChoice::Direct),
        Value::String(text) => {
            let choice = ProxyChoice::parse(text);
            if choice.is_none() {
                findings.add(at, Problem::error("this is no proxy that can be used").help(help));
            }
            choice
        }
        _ => {
            findings.mismatch(at, "a proxy's URL, \"environment\" or null", value);
            None
        }
    }
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
