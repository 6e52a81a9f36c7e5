//! Telling in a chat that something is wrong, and that all is well again (`global.alerts`).
//!
//! An alert is an event of our own like every notice: on disk first, tried again while its own instance is down, and
//! known as ours when it comes back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tieline_core::driver::TargetChannel;
use tieline_core::id::{Channel, InstanceId, MessageId, RuleId};
use tieline_core::outbox::OutboxError;

use crate::exchange::Exchange;
use crate::health::{InstanceHealth, State};
use crate::intake::intake;
use crate::notice::{into_room, own_words};

/// How often it is looked at.
const LOOK: Duration = Duration::from_secs(5);

/// How long an instance may be down before anybody is told.
const PATIENCE: SignedDuration = SignedDuration::from_mins(2);

/// How long dead letters are gathered before they are told.
const GATHERED: SignedDuration = SignedDuration::from_secs(60);

/// The name that stands for a rule in alerts. Dead letters of theirs are no reason for further alerts.
const RULE: &str = "alerts";

/// Where to tell of trouble.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alerts {
    /// The instance.
    pub instance: InstanceId,
    /// The channel.
    pub target: TargetChannel,
}

/// What was told so far.
#[derive(Debug, Default)]
struct Told {
    down: BTreeSet<InstanceId>,
    /// All dead letters by the outbox' count, and how many of them are no alerts.
    counted: (i64, usize),
    /// How many were told.
    letters: usize,
    last_letters: Option<Timestamp>,
}

/// Begins to look, and does until the relay stops. What lies in the outbox now is no news.
pub(crate) async fn begin(exchange: &Arc<Exchange>) -> Result<(), OutboxError> {
    let told = match exchange.house_rules.load().alerts {
        Some(_) => {
            let (dead, letters) = letters(exchange, None).await?;
            Some(Told { counted: (dead, letters), letters, ..Told::default() })
        }
        None => None,
    };
    exchange.tasks.spawn(run(Arc::clone(exchange), told));
    Ok(())
}

async fn run(exchange: Arc<Exchange>, mut told: Option<Told>) {
    while exchange.sleep(LOOK).await.is_ok() {
        let Some(alerts) = exchange.house_rules.load().alerts.clone() else {
            told = None;
            continue;
        };
        let known = told.as_ref().map(|told| told.counted);
        let (dead, letters) = match letters(&exchange, known).await {
            Ok(counted) => counted,
            Err(error) => {
                tracing::debug!(%error, "The dead letters cannot be counted");
                continue;
            }
        };
        // A reload may have said where to tell.
        let told = told.get_or_insert_with(|| Told { letters, ..Told::default() });
        told.counted = (dead, letters);
        for words in told.news(&exchange.health.show(), letters, exchange.now()) {
            if let Err(error) = tell(&exchange, &alerts, &words).await {
                exchange.disk_refused("telling of trouble", &error);
            }
        }
    }
}

/// How many dead letters there are, and how many of them are no alerts. They are read only if their number has changed:
/// `known` is what was counted last.
async fn letters(exchange: &Exchange, known: Option<(i64, usize)>) -> Result<(i64, usize), OutboxError> {
    let dead = exchange.outbox.tallies().await?.dead;
    match known {
        Some((before, letters)) if before == dead => Ok((dead, letters)),
        _ if dead == 0 => Ok((0, 0)),
        _ => {
            let all = exchange.outbox.dead_letters().await?;
            Ok((dead, all.iter().filter(|letter| letter.rule != RULE).count()))
        }
    }
}

impl Told {
    /// What is to be told now.
    fn news(&mut self, health: &BTreeMap<InstanceId, InstanceHealth>, letters: usize, now: Timestamp) -> Vec<String> {
        let mut news = Vec::new();
        let mut recovered = false;
        for (id, health) in health {
            if health.state == State::Ready {
                recovered |= self.down.remove(id);
                continue;
            }
            if now.duration_since(health.since) >= PATIENCE && self.down.insert(id.clone()) {
                let why = health.error.as_deref().unwrap_or("it has not become ready since it was started");
                news.push(format!("⚠️ {id} has been down for two minutes: {why}"));
            }
        }
        let gone = |id: &InstanceId| !health.contains_key(id);
        recovered |= self.down.iter().any(gone);
        self.down.retain(|id| health.contains_key(id));
        if recovered {
            let still: Vec<String> = self.down.iter().map(ToString::to_string).collect();
            news.push(match still.as_slice() {
                [] => "✅ All is well again.".to_owned(),
                still => format!("✅ Better: still down are {}.", still.join(", ")),
            });
        }
        let waits = self.last_letters.is_some_and(|told| now.duration_since(told) < GATHERED);
        if letters < self.letters {
            self.letters = letters;
        } else if letters > self.letters && !waits {
            let more = letters - self.letters;
            let messages = if more == 1 { "One message" } else { &format!("{more} messages") };
            news.push(format!(
                "⚠️ {messages} could not be delivered. \"tieline dead list\" says which, and why; {letters} in all."
            ));
            self.letters = letters;
            self.last_letters = Some(now);
        }
        news
    }
}

async fn tell(exchange: &Exchange, alerts: &Alerts, words: &str) -> Result<(), OutboxError> {
    let Some(instance) = exchange.instances.get(&alerts.instance) else { return Ok(()) };
    let room = Channel { instance: alerts.instance.clone(), key: alerts.target.key.clone() };
    let number = exchange.now().as_nanosecond();
    let (Ok(id), Ok(rule)) = (MessageId::ours(&format!("notice alert {number}")), RuleId::new(RULE)) else {
        return Ok(());
    };
    let words = exchange.guard.mask(words);
    let event = Arc::new(own_words(exchange, &instance, &room, &alerts.target.address, id, &words, None));
    let routing = into_room(rule, alerts.instance.clone(), alerts.target.clone());
    let accepted = exchange.outbox.accept(intake(exchange, &event, routing)).await?;
    exchange.telemetry.accepted(&event, &accepted);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn health(all: &[(&str, State, i64)]) -> BTreeMap<InstanceId, InstanceHealth> {
        let one = |(id, state, since): &(&str, State, i64)| {
            let error = (*state == State::Failing).then(|| "no server".to_owned());
            (InstanceId::new(id).unwrap(), InstanceHealth { state: *state, since: at(*since), error })
        };
        all.iter().map(one).collect()
    }

    #[test]
    fn trouble_is_told_once_after_two_minutes_and_its_end_as_well() {
        let mut told = Told::default();
        let down = health(&[("a", State::Failing, 0), ("b", State::Starting, 60)]);
        assert!(told.news(&down, 0, at(119)).is_empty());
        assert_eq!(told.news(&down, 0, at(120)), ["⚠️ a has been down for two minutes: no server"]);
        let b = "⚠️ b has been down for two minutes: it has not become ready since it was started";
        assert_eq!(told.news(&down, 0, at(180)), [b]);
        assert!(told.news(&down, 0, at(900)).is_empty());
        let better = health(&[("a", State::Ready, 901), ("b", State::Starting, 60)]);
        assert_eq!(told.news(&better, 0, at(902)), ["✅ Better: still down are b."]);
        assert_eq!(told.news(&health(&[("a", State::Ready, 901)]), 0, at(903)), ["✅ All is well again."]);
        let blip = health(&[("a", State::Failing, 1000)]);
        assert!(told.news(&blip, 0, at(1100)).is_empty(), "a short trouble is told to nobody");
        assert!(told.news(&health(&[("a", State::Ready, 1101)]), 0, at(1101)).is_empty());
    }

    #[test]
    fn dead_letters_are_gathered() {
        let mut told = Told::default();
        let fine = BTreeMap::new();
        let one = told.news(&fine, 1, at(0));
        assert!(one.len() == 1 && one[0].starts_with("⚠️ One message could not be delivered."), "{one:?}");
        assert!(told.news(&fine, 3, at(30)).is_empty());
        let more = told.news(&fine, 5, at(60));
        assert!(more.len() == 1 && more[0].contains("4 messages") && more[0].contains("5 in all"), "{more:?}");
        assert!(told.news(&fine, 0, at(200)).is_empty(), "dropped, or retried");
        assert_eq!(told.news(&fine, 1, at(300)).len(), 1);
    }
}
