//! How a session begins, and how it goes on over another connection.

use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use serde_json::json;

use super::super::intent::GUILDS;
use super::allowance::MayIdentify;
use super::close::{
    AUTHENTICATION_FAILED, DISALLOWED_INTENTS, INVALID_INTENTS, INVALID_SEQ, INVALID_SHARD, UNKNOWN_ERROR,
};
use super::intents;
use super::payload::{Identification, Resumption};
use super::records::{Identify, Resume};
use super::server::ReadyData;
use super::session::Session;
use super::state::{Outgoing, Phase, State};

/// So many sessions were begun by all gateways of the process: none takes another's session for its own.
static SESSIONS: AtomicU64 = AtomicU64::new(0);

impl State {
    pub(crate) fn identify(
        &mut self,
        number: u64,
        identification: Identification,
        ready: Option<ReadyData>,
        now: Timestamp,
    ) {
        let Some(connection) = self.connections.get(&number) else { return };
        let record = Identify {
            connection: number,
            path: connection.path.clone(),
            token: identification.token.clone(),
            intents: identification.intents,
            time: now,
            session: None,
        };
        self.records.identifies.push(record);
        let at = self.records.identifies.len() - 1;
        let Some(ready) = ready else { return self.close(number, AUTHENTICATION_FAILED, now) };
        // There is one shard, as `GET /gateway/bot` says.
        if identification.shard.as_ref().is_some_and(|shard| *shard != json!([0, 1])) {
            return self.close(number, INVALID_SHARD, now);
        }
        let identifies = self.identifies.entry(identification.token.clone()).or_default();
        let may = identifies.take(now, &self.script);
        if may == MayIdentify::NeverAgain {
            return self.end_bot(number, &identification, now);
        }
        if identification.intents & !intents::ALL != 0 {
            return self.close(number, INVALID_INTENTS, now);
        }
        if identification.intents & self.disallowed_intents != 0 {
            return self.close(number, DISALLOWED_INTENTS, now);
        }
        if may == MayIdentify::TooSoon {
            return self.invalidate(number, false, now);
        }
        self.records.identifies[at].session = self.begin(number, identification, ready, now);
    }

    /// The bot identified too often: its sessions are over, and its token is none any more.
    fn end_bot(&mut self, number: u64, identification: &Identification, now: Timestamp) {
        let of_bot = self.sessions.values().filter(|session| session.token == identification.token);
        let heard: Vec<_> = of_bot.filter_map(|session| session.connection).collect();
        for number in heard.into_iter().chain([number]) {
            self.close(number, AUTHENTICATION_FAILED, now);
        }
        self.sessions.retain(|_, session| session.token != identification.token);
    }

    /// A session begins: READY, and then the guilds, if they are wanted. Returns its id.
    fn begin(
        &mut self,
        number: u64,
        identification: Identification,
        ready: ReadyData,
        now: Timestamp,
    ) -> Option<String> {
        let connection = self.connections.get_mut(&number)?;
        let count = SESSIONS.fetch_add(1, Ordering::Relaxed);
        let id = format!("{:016x}{count:016x}", now.as_nanosecond() as u64);
        let Identification { token, intents, shard } = identification;
        let bot = ready.user["id"].as_str().unwrap_or_default().to_owned();
        let mut session = Session::new(id.clone(), token, intents, bot, number, now);
        let resume_url = self.script.resume_url.clone();
        let stubs: Vec<_> =
            ready.guilds.iter().map(|guild| json!({ "id": guild["id"], "unavailable": true })).collect();
        let flags = intents::application_flags(self.disallowed_intents);
        let mut said = json!({
            "v": 10,
            "user": ready.user,
            "guilds": stubs,
            "session_id": id,
            "resume_gateway_url": resume_url.unwrap_or_else(|| format!("ws://{}/gateway/resume", connection.host)),
            "application": { "id": ready.application_id, "flags": flags },
        });
        if let Some(shard) = shard {
            said["shard"] = shard;
        }
        // Those that have an outage are told when it is over.
        let guilds = ready.guilds.into_iter().filter(|guild| guild["unavailable"] != true);
        let guilds: Vec<_> = if session.wants(GUILDS) { guilds.collect() } else { Vec::new() };
        let events = [("READY", said)].into_iter().chain(guilds.into_iter().map(|guild| ("GUILD_CREATE", guild)));
        for (event, data) in events {
            connection.queue.push_back(Outgoing::Event(session.happen(event, &data, &self.script)));
        }
        connection.phase = Phase::Identified(id.clone());
        self.sessions.insert(id.clone(), session);
        Some(id)
    }

    pub(crate) fn resume(&mut self, number: u64, resumption: Resumption, known: bool, now: Timestamp) {
        let Some(connection) = self.connections.get(&number) else { return };
        let Resumption { token, session, seq } = resumption;
        let path = connection.path.clone();
        let mut record = Resume { connection: number, path, token, session, seq, time: now, resumed: false };
        record.resumed = self.continue_session(number, &record, known, now);
        self.records.resumes.push(record);
    }

    /// Hands a session to another connection. Returns whether that could be.
    fn continue_session(&mut self, number: u64, wish: &Resume, known: bool, now: Timestamp) -> bool {
        let reset = self.identifies.get(&wish.token).is_some_and(|identifies| identifies.token_reset);
        if !known || reset {
            self.close(number, AUTHENTICATION_FAILED, now);
            return false;
        }
        self.forget_timed_out(now);
        let session = self.sessions.get(&wish.session).filter(|session| session.token == wish.token);
        let Some(before) = session.map(|session| session.connection) else {
            self.invalidate(number, false, now);
            return false;
        };
        if let Some(before) = before {
            // Discord does not say how the connection ends that heard the session until now.
            self.close(before, UNKNOWN_ERROR, now);
        }
        let Some(session) = self.sessions.get_mut(&wish.session) else { return false };
        if wish.seq > session.seq {
            self.sessions.remove(&wish.session);
            self.close(number, INVALID_SEQ, now);
            return false;
        }
        let Some(missed) = session.resume(wish.seq) else {
            self.sessions.remove(&wish.session);
            self.invalidate(number, false, now);
            return false;
        };
        session.connection = Some(number);
        if let Some(connection) = self.connections.get_mut(&number) {
            connection.queue.extend(missed.into_iter().map(Outgoing::Event));
            connection.phase = Phase::Identified(wish.session.clone());
        }
        true
    }
}
