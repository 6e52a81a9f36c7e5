//! The inside of a fake Discord, shared by its connections and the test that holds it.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::request::Parts;
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio::sync::watch;

use super::calls::{RecordedRequest, Violation};
use super::fault::Faults;
use super::gateway::{Gateway, GatewayScript, ReadyData};
use super::limits::{Ledger, Limits};
use super::links::Links;
use super::route::Route;
use super::script::DiscordScript;
use super::shape::{self, Viewing};
use super::snowflake::Snowflake;
use super::state::State;
use super::telling::Events;
use crate::written::hex;

pub(crate) struct Inside {
    pub(crate) script: DiscordScript,
    pub(crate) faults: Faults,
    pub(crate) gateway: Gateway,
    pub(crate) links: Links,
    pub(crate) limits: Mutex<Limits>,
    pub(crate) ledger: Mutex<Ledger>,
    pub(crate) violations: Mutex<Vec<Violation>>,
    /// Where files lie.
    files: TempDir,
    state: Mutex<State>,
    /// Held from a change of the state until its events are told: they come in the order of the changes.
    telling: Mutex<()>,
    changes: watch::Sender<u64>,
    requests: Mutex<Vec<RecordedRequest>>,
    secrets: Mutex<u64>,
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What a panicking test left behind is still the state of the fake.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Inside {
    pub(crate) fn new(script: DiscordScript, origin: String, files: TempDir) -> Self {
        let clock = script.clock.clone();
        Self {
            faults: Faults::default(),
            gateway: Gateway::new(GatewayScript { clock, ..script.gateway.clone() }),
            links: Links { origin, lifetime: script.link_lifetime },
            limits: Mutex::new(script.limits),
            ledger: Mutex::default(),
            violations: Mutex::default(),
            files,
            state: Mutex::default(),
            telling: Mutex::default(),
            changes: watch::Sender::new(0),
            requests: Mutex::default(),
            secrets: Mutex::default(),
            script,
        }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.script.clock.now()
    }

    /// Changes the state, tells what is to be told of it, and wakes whoever waits.
    pub(crate) fn act<T>(&self, change: impl FnOnce(&mut State, &mut Events) -> T) -> T {
        let told = lock(&self.telling);
        let mut events = Events::default();
        let done = change(&mut self.state(), &mut events);
        let outages: Vec<String> =
            self.state().guilds.iter().filter(|guild| guild.unavailable).map(|guild| guild.id.to_string()).collect();
        let is_silent =
            |data: &Value| data["guild_id"].as_str().is_some_and(|guild| outages.iter().any(|one| one == guild));
        for (event, needs, data) in events.told().into_iter().filter(|(_, _, data)| !is_silent(data)) {
            self.gateway.dispatch(event, needs, &data);
        }
        drop(told);
        self.changed();
        done
    }

    /// The state as somebody sees it.
    pub(crate) fn viewing<'a>(&'a self, state: &'a State, viewer: Option<Snowflake>) -> Viewing<'a> {
        Viewing { state, links: &self.links, now: self.now(), viewer }
    }

    /// What a bot is told when it identifies; `None`: there is no such token.
    pub(crate) fn ready(&self, token: &str) -> Option<ReadyData> {
        let state = self.state();
        let bot = state.bot_of_token(token)?;
        let guilds = state.guilds.iter().filter(|guild| state.member(guild.id, bot.user).is_some());
        Some(ReadyData {
            user: state.user(bot.user).map(shape::user).into(),
            application_id: bot.application.to_string(),
            guilds: guilds
                .map(|guild| {
                    if guild.unavailable {
                        json!({ "id": guild.id.to_string(), "unavailable": true })
                    } else {
                        shape::guild_create(&state, guild, bot.user)
                    }
                })
                .collect(),
        })
    }

    /// Wakes whoever waits for something to change.
    pub(crate) fn changed(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Looks again whenever something changes, until there is something or patience ends.
    pub(crate) async fn until<T>(&self, patience: Duration, look: impl Fn() -> Option<T>) -> Option<T> {
        let mut changes = self.watch();
        let found = async {
            loop {
                if let Some(found) = look() {
                    return Some(found);
                }
                if changes.changed().await.is_err() {
                    return None;
                }
            }
        };
        tokio::time::timeout(patience, found).await.ok().flatten()
    }

    /// 64 hexadecimal digits that no other fake has: a token.
    pub(crate) fn new_token(&self) -> String {
        let mut secrets = lock(&self.secrets);
        *secrets += 1;
        hex(Sha256::new_with_prefix(format!("{} {} {secrets}", self.links.origin, self.files.path().display())))
    }

    /// A place for a file.
    pub(crate) fn new_path(&self) -> PathBuf {
        self.files.path().join(self.new_token())
    }

    pub(crate) fn note(&self, route: Route, problem: impl Into<String>) {
        lock(&self.violations).push(Violation { route, problem: problem.into() });
    }

    /// Notes a request as soon as its head is there. Returns its number.
    pub(crate) fn record(&self, route: Route, head: &Parts) -> usize {
        let request = RecordedRequest {
            route,
            method: head.method.clone(),
            path: head.uri.path().to_owned(),
            query: head.uri.query().map(str::to_owned),
            headers: head.headers.clone(),
            body: None,
            files: Vec::new(),
            length: 0,
            time: self.now(),
            status: None,
        };
        let mut requests = lock(&self.requests);
        requests.push(request);
        let number = requests.len() - 1;
        drop(requests);
        self.changed();
        number
    }

    /// Notes more of a request.
    pub(crate) fn record_more(&self, number: usize, more: impl FnOnce(&mut RecordedRequest)) {
        if let Some(request) = lock(&self.requests).get_mut(number) {
            more(request);
        }
        self.changed();
    }

    pub(crate) fn requests(&self) -> Vec<RecordedRequest> {
        lock(&self.requests).clone()
    }
}
