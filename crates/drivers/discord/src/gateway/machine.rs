//! The rules of the gateway, without a socket, a clock or chance.
//!
//! Whoever drives it tells what happened ([`Input`]) and when, and does what comes out ([`Output`]), in order; at
//! [`due`](Machine::due) it wants to be told that the time has come. Times are counted from the start of the driver.
//!
//! What must stay true, and is tested against a model of the server:
//! - While a session may still be resumed, nobody identifies. It may not when Discord says so, and is given up when
//!   three connections in a row did not resume it although another one can be had.
//! - No dial comes before its back-off, no identify before the [budget](Budget) allows it.
//! - Of one session each event is handed out once, and numbers never go back, unless the server begins to count anew
//!   when it resumes the session.
//! - Whoever does not acknowledge a heartbeat loses the connection, unless we did not listen.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tieline_core::secret::Secret;
use url::Url;

use super::backoff::{LOST, REFUSED};
use super::budget::Budget;
use super::close::{RESUMABLE, Verdict, describe, judge};
use super::heart::{Beat, Heart, Sendings};
use super::payload::{Command, Session, Word, dialled};
use super::phase::{Phase, Wish};
use super::signal::{Dispatch, Entrance, Input, Output};

/// How long the gateway may take to greet, and to begin or go on with the session between two events.
const PATIENCE: Duration = Duration::from_mins(1);
/// A session that lived for so long was a good one: the next wait is a short one again.
const GOOD: Duration = Duration::from_mins(1);
/// So many connections in a row may fail to resume the session.
const RESUMES: u32 = 3;
/// So many losses in a row are nothing to tell anybody of, if the session can begin or go on in between.
const ORDINARY: u32 = 2;
/// After an invalid session Discord wants a pause of one to five seconds before the next identify.
const INVALID: Duration = Duration::from_secs(1);
const INVALID_SPREAD: Duration = Duration::from_secs(4);

/// The rules, and how far things have come.
pub(crate) struct Machine {
    token: Secret,
    /// What a session that begins wants to hear of.
    intents: u64,
    /// Where the gateway is, if the settings say so.
    gateway: Option<Url>,
    /// Where it was when the API said so last.
    cached: Option<Url>,
    /// Whether the connection is encrypted.
    encrypted: bool,
    phase: Phase,
    session: Option<Arc<Session>>,
    seq: Option<u64>,
    heart: Option<Heart>,
    sendings: Sendings,
    budget: Budget,
    deaf: bool,
    /// Connections in a row that came to nothing, or did not live for long.
    failures: u32,
    /// How often in a row Discord refused the bot.
    refusals: u32,
    /// Connections in a row that did not resume the session.
    resumes: u32,
    /// What was said last about how it is.
    told: Option<Output>,
    out: Vec<Output>,
}

impl Machine {
    /// A machine that dials at once. `session`: where the last process stopped.
    pub(crate) fn new(
        token: Secret,
        intents: u64,
        gateway: Option<Url>,
        session: Option<(Arc<Session>, u64)>,
        budget: Budget,
        now: Duration,
    ) -> Self {
        let (session, seq) = session.unzip();
        Self {
            token,
            intents,
            gateway,
            cached: None,
            encrypted: false,
            phase: Phase::Waiting { until: now },
            session,
            seq,
            heart: None,
            sendings: Sendings::default(),
            budget,
            deaf: false,
            failures: 0,
            refusals: 0,
            resumes: 0,
            told: None,
            out: Vec::new(),
        }
    }

    /// The identifies that are left.
    pub(crate) fn into_budget(self) -> Budget {
        self.budget
    }

    /// When it wants to be told that it is due; `None`: never.
    pub(crate) fn due(&self) -> Option<Duration> {
        let beat = self.heart.as_ref().map(Heart::next);
        let deadline = match self.phase {
            Phase::Waiting { until } | Phase::Greeting { until, .. } | Phase::Introduced { until, .. } => Some(until),
            Phase::Asking | Phase::Dialling(_) | Phase::Live { .. } | Phase::Stopped => None,
        };
        beat.into_iter().chain(deadline).min()
    }

    /// Something happened. `chance` is drawn anew from 0 to 1 each time.
    pub(crate) fn step(&mut self, now: Duration, input: Input, chance: f64) -> Vec<Output> {
        match (input, self.phase) {
            (_, Phase::Stopped) => {}
            (Input::Stop, _) => self.stop(),
            (Input::Told(entrance), Phase::Asking) => self.enter(now, entrance),
            (Input::NotTold { why, refused }, Phase::Asking) => self.not_told(now, why, refused, chance),
            (Input::Opened, Phase::Dialling(wish)) => {
                self.sendings = Sendings::default();
                self.phase = Phase::Greeting { wish, until: now + PATIENCE };
            }
            (Input::NotOpened(why), Phase::Dialling(wish)) => {
                if wish == Wish::Identify {
                    // Nothing can be reached, so nothing speaks against the session.
                    self.resumes = 0;
                }
                self.fail(now, Verdict::Resume, Some(format!("Discord's gateway cannot be reached: {why}")), chance);
            }
            (Input::Said(word), Phase::Greeting { .. } | Phase::Introduced { .. } | Phase::Live { .. }) => {
                self.hear(now, word, chance);
            }
            (Input::Ended(code), Phase::Greeting { .. } | Phase::Introduced { .. } | Phase::Live { .. }) => {
                let why = format!("the connection to Discord's gateway was lost: {}", describe(code));
                self.fail(now, judge(code), Some(why), chance);
            }
            (Input::Garbled(why), Phase::Greeting { .. } | Phase::Introduced { .. } | Phase::Live { .. }) => {
                self.out.push(Output::Close(RESUMABLE));
                self.fail(now, Verdict::Resume, Some(why), chance);
            }
            (Input::Deaf, _) => {
                self.deaf = true;
                self.heart.iter_mut().for_each(Heart::excuse);
            }
            (Input::Listening, _) => {
                self.deaf = false;
                self.be_patient(now);
            }
            (Input::Due, _) => self.act(now, chance),
            // It is about a connection that is given up.
            _ => {}
        }
        std::mem::take(&mut self.out)
    }

    fn stop(&mut self) {
        if matches!(self.phase, Phase::Greeting { .. } | Phase::Introduced { .. } | Phase::Live { .. }) {
            self.out.push(Output::Close(RESUMABLE));
        }
        self.heart = None;
        self.phase = Phase::Stopped;
    }

    /// Does what is due.
    fn act(&mut self, now: Duration, chance: f64) {
        match self.phase {
            Phase::Waiting { until } if now >= until => return self.attempt(now),
            Phase::Greeting { until, .. } | Phase::Introduced { until, .. } if now >= until => {
                if !self.deaf {
                    let why = "Discord's gateway keeps silent after the connection was opened".to_owned();
                    self.out.push(Output::Close(RESUMABLE));
                    return self.fail(now, Verdict::Resume, Some(why), chance);
                }
                self.be_patient(now);
            }
            _ => {}
        }
        match self.heart.as_mut().map(|heart| heart.beat(now, self.deaf)) {
            None | Some(Beat::NotYet) => {}
            Some(Beat::Send) => self.heartbeat(now),
            Some(Beat::Dead) => {
                let why = "Discord's gateway does not answer heartbeats any more".to_owned();
                self.out.push(Output::Close(RESUMABLE));
                self.fail(now, Verdict::Resume, Some(why), chance);
            }
        }
    }

    /// What is waited for may take as long again.
    fn be_patient(&mut self, now: Duration) {
        if let Phase::Greeting { until, .. } | Phase::Introduced { until, .. } = &mut self.phase {
            *until = now + PATIENCE;
        }
    }

    /// Dials, or asks where to; to identify only if the budget allows it.
    fn attempt(&mut self, now: Duration) {
        if let Some(url) = self.resumable_at() {
            return self.dial(Wish::Resume, &url);
        }
        let earliest = self.budget.earliest(now);
        if earliest > now {
            self.tell_of_long_wait(earliest.saturating_sub(now));
            self.phase = Phase::Waiting { until: earliest };
        } else if let Some(url) = self.gateway.clone() {
            self.dial(Wish::Identify, &url);
        } else {
            self.phase = Phase::Asking;
            self.out.push(Output::Ask);
        }
    }

    /// Where to resume the session, if that is worth a try.
    fn resumable_at(&self) -> Option<Url> {
        let session = self.session.as_ref().filter(|_| self.seq.is_some() && self.resumes < RESUMES)?;
        session.resume_at.as_ref().or(self.gateway.as_ref()).or(self.cached.as_ref()).cloned()
    }

    fn dial(&mut self, wish: Wish, url: &Url) {
        self.encrypted = url.scheme() == "wss";
        self.phase = Phase::Dialling(wish);
        self.out.push(Output::Dial(dialled(url)));
    }

    fn not_told(&mut self, now: Duration, why: String, refused: bool, chance: f64) {
        match self.cached.clone() {
            Some(url) if !refused => return self.dial(Wish::Identify, &url),
            // Where nothing can be reached, nothing speaks against the session.
            _ => self.resumes = 0,
        }
        if refused {
            self.refused(now, why, chance);
        } else {
            self.fail(now, Verdict::Resume, Some(why), chance);
        }
    }

    fn enter(&mut self, now: Duration, entrance: Entrance) {
        if entrance.remaining == Some(0) {
            self.budget.exhausted(now, entrance.reset_after);
            let earliest = self.budget.earliest(now);
            self.tell_of_long_wait(earliest.saturating_sub(now));
            self.phase = Phase::Waiting { until: earliest };
        } else {
            self.dial(Wish::Identify, &entrance.url);
        }
        self.cached = Some(entrance.url);
    }

    fn tell_of_long_wait(&mut self, wait: Duration) {
        if wait > PATIENCE {
            let minutes = wait.as_secs().div_ceil(60);
            self.tell(Output::Failing(format!(
                "the bot has begun too many sessions today: Discord lets it begin the next one in {minutes} minutes; see \
                 whether something else uses the same token"
            )));
        }
    }

    fn hear(&mut self, now: Duration, word: Word, chance: f64) {
        match (word, self.phase) {
            (Word::Hello { heartbeat_interval }, Phase::Greeting { wish, .. }) => {
                self.heart = Some(Heart::start(Duration::from_millis(heartbeat_interval), now, chance));
                self.introduce(now, wish);
            }
            (Word::Dispatch { kind, seq, data }, Phase::Introduced { .. } | Phase::Live { .. }) => {
                self.dispatch(now, kind, seq, data);
            }
            (Word::Heartbeat, _) if self.heart.is_some() => self.heartbeat(now),
            (Word::HeartbeatAck, _) => self.heart.iter_mut().for_each(Heart::acknowledged),
            (Word::Reconnect, _) => {
                self.out.push(Output::Close(RESUMABLE));
                self.fail(now, Verdict::Resume, None, chance);
            }
            (Word::InvalidSession { resumable }, _) => {
                self.out.push(Output::Close(RESUMABLE));
                let verdict = if resumable { Verdict::Resume } else { Verdict::Identify };
                let why = "Discord refuses to begin a session".to_owned();
                self.fail(now, verdict, (self.failures >= ORDINARY).then_some(why), chance);
                if let Phase::Waiting { until } = self.phase {
                    self.phase = Phase::Waiting { until: until.max(now + INVALID + INVALID_SPREAD.mul_f64(chance)) };
                }
            }
            (Word::Dispatch { .. } | Word::Hello { .. } | Word::Heartbeat | Word::Unknown(_), _) => {}
        }
    }

    fn introduce(&mut self, now: Duration, wish: Wish) {
        let token = self.token.clone();
        let command = if let (Wish::Resume, Some(session), Some(seq)) = (wish, &self.session, self.seq) {
            Command::Resume { token, session: Arc::clone(session), seq }
        } else {
            self.session = None;
            self.seq = None;
            self.budget.spend(now);
            Command::Identify { token, intents: self.intents }
        };
        self.phase = Phase::Introduced { wish, until: now + PATIENCE };
        self.send(now, command);
    }

    fn dispatch(&mut self, now: Duration, kind: String, seq: Option<u64>, data: Value) {
        match (kind.as_str(), self.phase) {
            ("READY", _) => {
                self.session = Session::named_by(&data, self.encrypted).map(Arc::new);
                self.seq = None;
                self.live(now);
            }
            ("RESUMED", Phase::Introduced { wish: Wish::Resume, .. }) => {
                // The server has replayed what it has. If it counts from a lower number on, what follows would seem to be
                // known until it comes to the old one.
                if seq.is_some_and(|seq| self.seq.is_some_and(|seen| seq < seen)) {
                    self.seq = None;
                }
                self.live(now);
            }
            // Before READY there is no session that something could be an event of.
            (_, Phase::Introduced { wish: Wish::Identify, .. }) => return,
            _ => self.be_patient(now),
        }
        if let Some(seq) = seq {
            if self.seq.is_some_and(|seen| seq <= seen) {
                return;
            }
            self.seq = Some(seq);
        }
        let session = self.session.clone();
        self.out.push(Output::Event(Dispatch { kind, data, session, seq: self.seq }));
    }

    fn live(&mut self, now: Duration) {
        self.resumes = 0;
        if !matches!(self.phase, Phase::Live { .. }) {
            self.phase = Phase::Live { since: now };
        }
        self.tell(Output::Ready);
    }

    fn heartbeat(&mut self, now: Duration) {
        self.send(now, Command::Heartbeat { seq: self.seq });
    }

    /// Sends, if that is not too much; only heartbeats can be.
    fn send(&mut self, now: Duration, command: Command) {
        match (self.sendings.take(now), &mut self.heart) {
            (Err(until), Some(heart)) => heart.put_off(until),
            _ => self.out.push(Output::Send(command)),
        }
    }

    /// The connection is over, or there was none. `why` is told if the session does not live.
    fn fail(&mut self, now: Duration, verdict: Verdict, why: Option<String>, chance: f64) {
        if let Phase::Live { since } = self.phase
            && now.saturating_sub(since) >= GOOD
        {
            self.failures = 0;
            self.refusals = 0;
        }
        if let Phase::Dialling(Wish::Resume)
        | Phase::Greeting { wish: Wish::Resume, .. }
        | Phase::Introduced { wish: Wish::Resume, .. } = self.phase
        {
            self.resumes += 1;
        }
        match verdict {
            Verdict::Refused(why) => {
                self.session = None;
                return self.refused(now, why.to_owned(), chance);
            }
            Verdict::Identify => self.session = None,
            Verdict::Resume => {}
        }
        // A session that is lost is mostly there again in a moment.
        let ordinary = matches!(self.phase, Phase::Live { .. }) && self.failures < ORDINARY;
        if let Some(why) = why.filter(|_| !ordinary) {
            self.tell(Output::Failing(why));
        }
        self.failures = self.failures.saturating_add(1);
        self.heart = None;
        self.phase = Phase::Waiting { until: now + LOST.after(self.failures, chance) };
    }

    /// Discord refuses the bot: a person has to do something.
    fn refused(&mut self, now: Duration, why: String, chance: f64) {
        self.tell(Output::Failing(why));
        self.refusals = self.refusals.saturating_add(1);
        self.heart = None;
        self.phase = Phase::Waiting { until: now + REFUSED.after(self.refusals, chance) };
    }

    /// Says how it is, unless that is known.
    fn tell(&mut self, how: Output) {
        if self.told.as_ref() != Some(&how) {
            self.told = Some(how.clone());
            self.out.push(how);
        }
    }
}
