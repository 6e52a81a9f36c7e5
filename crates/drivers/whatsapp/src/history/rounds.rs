//! Rounds: every chat that a rule takes is read once after we began to listen.

use std::collections::HashSet;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, sleep};

use super::History;
use super::reading::Unread;
use crate::jid::{Jid, Server};
use crate::refusal::Failure;

/// How long the account must be connected without a break until the place moves on: then WhatsApp has told the addon what
/// it missed, and the addon us. A mere break of the connection begins no other round earlier.
pub(super) const SETTLED: Duration = Duration::from_mins(10);
/// The first wait after a round that was not finished. It doubles up to [`LONGEST`].
const SOON: Duration = Duration::from_secs(1);
/// The longest wait between two tries, and between two looks at the rules.
const LONGEST: Duration = Duration::from_secs(30);

impl History {
    /// Reads all chats after each time when we began to listen, and moves the place on, as long as it is polled.
    pub(crate) async fn follow(&self) {
        let mut soon = SOON;
        loop {
            let (round, due) = {
                let mut state = self.state();
                if state.whole && state.again {
                    self.begin_round(&mut state);
                }
                (state.round, state.connected.is_some() && !state.whole)
            };
            if due {
                let whole = self.read_all().await;
                let mut state = self.state();
                if state.round == round {
                    state.whole = whole;
                }
                soon = if whole { SOON } else { (soon * 2).min(LONGEST) };
            } else {
                soon = SOON;
            }
            self.move_on();
            self.keep_place().await;
            let open = {
                let state = self.state();
                state.connected.is_some() && (!state.whole || state.again)
            };
            tokio::select! {
                () = sleep(if open { soon } else { LONGEST }) => {}
                () = self.wake.notified() => {}
            }
        }
    }

    /// Reads all chats that are not read in this round. `false`: some are still to be read.
    async fn read_all(&self) -> bool {
        let chats = match self.due().await {
            Ok(chats) => chats,
            Err(failure) => return self.give_up(&failure).await,
        };
        let mut whole = true;
        for jid in chats {
            match self.read_once(&jid).await {
                Ok(()) => {}
                Err(Unread::Fetching) => whole = false,
                Err(Unread::Refused(error)) => {
                    tracing::debug!(instance = %self.driver.instance.id, %error, "What was missed is not taken now");
                    return false;
                }
                Err(Unread::Failed(failure)) => {
                    if !self.give_up(&failure).await {
                        return false;
                    }
                }
            }
        }
        whole
    }

    /// The chats in which something may have been missed.
    async fn due(&self) -> Result<Vec<Jid>, Failure> {
        let Some(earliest) = self.earliest().filter(|earliest| self.may_miss(*earliest)) else { return Ok(Vec::new()) };
        let named = self.sources.named();
        let every = named.is_none();
        let named = named.unwrap_or_default();
        let named = named.iter().filter(|chat| self.may_miss(self.begin_of(chat)));
        let mut chats: Vec<Jid> = named.filter_map(|chat| Jid::parse(chat.as_str())).collect();
        // A person whom a rule names by number may be stored under a LID.
        let listed = self.listed().await?.into_iter().filter(|jid| match jid.server() {
            Server::Broadcast => false,
            Server::Lid => self.may_miss(earliest),
            _ => every,
        });
        chats.extend(listed);
        let mut seen = HashSet::new();
        chats.retain(|jid| seen.insert(jid.clone()));
        Ok(chats)
    }

    fn earliest(&self) -> Option<Timestamp> {
        self.note_sources();
        self.state().place.earliest()
    }

    /// What cannot be read will never be; or else, it is tried again, no earlier than the addon says.
    async fn give_up(&self, failure: &Failure) -> bool {
        if failure.is_final() {
            tracing::warn!(
                instance = %self.driver.instance.id, %failure,
                "The WhatsApp addon does not show what was written while nobody listened; it is missed"
            );
            return true;
        }
        tracing::debug!(instance = %self.driver.instance.id, %failure, "What was missed is looked for again later");
        if let Some(until) = failure.until() {
            let wait = until.duration_since(self.driver.services.clock.now());
            sleep(Duration::try_from(wait).unwrap_or_default()).await;
        }
        false
    }

    /// Moves the place on, if nothing can have been missed until now.
    fn move_on(&self) {
        let now = self.driver.services.clock.now();
        self.note_sources();
        let mut state = self.state();
        let settled = state.connected.is_some_and(|since| since + SETTLED <= Instant::now());
        if settled && state.whole {
            state.unkept |= state.place.reach(now);
        }
    }

    /// Keeps the place, if it moved. If that fails, it is kept later.
    pub(super) async fn keep_place(&self) {
        self.note_sources();
        let place = {
            let mut state = self.state();
            if !std::mem::take(&mut state.unkept) {
                return;
            }
            state.place.clone()
        };
        if let Err(error) = place.write(&*self.cursors).await {
            tracing::warn!(instance = %self.driver.instance.id, %error, "The place in WhatsApp's history is not kept yet");
            self.state().unkept = true;
        }
    }
}
