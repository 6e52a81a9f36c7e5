//! What became of dead letters that were just put back in line, as far as it shows in a moment.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::anyhow;
use tieline_core::id::DeliveryId;
use tieline_core::outbox::{DeadLetter, TracedDelivery};
use tokio::time::{Instant, sleep};

use crate::counter::Counter;
use crate::desk::{Answer, Question};
use crate::terminal::harmless;

/// A person waits so long without wondering; a letter that dies again mostly does so at its first try.
const PATIENCE: Duration = Duration::from_secs(2);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(50);

/// One letter that was put back in line.
pub(crate) struct Retried<'l> {
    id: DeliveryId,
    /// The number of its message.
    trace: &'l str,
    /// What is known of it; `None` if nothing is any more.
    found: Option<TracedDelivery>,
}

impl<'l> Retried<'l> {
    fn of(letter: &'l DeadLetter) -> Self {
        Self { id: letter.id, trace: &letter.trace, found: None }
    }

    /// Whether it may still go either way.
    fn is_open(&self) -> bool {
        self.found.as_ref().is_none_or(|found| found.state == "pending")
    }

    /// Whether it is a dead letter again.
    pub(crate) fn is_dead(&self) -> bool {
        self.found.as_ref().is_some_and(|found| found.state == "dead")
    }

    /// What became of it, in one line.
    pub(crate) fn line(&self) -> String {
        let (id, trace) = (self.id, harmless(self.trace));
        let Some(found) = &self.found else { return format!("  {id}: nothing is known of it any more") };
        let because = found.reason.as_deref().map(|reason| format!(": {}", harmless(reason))).unwrap_or_default();
        match found.state.as_str() {
            "delivered" => format!("  {id}: delivered"),
            "dead" => format!("  {id}: dead again{because}"),
            "pending" => format!("  {id}: still waiting; `tieline trace {trace}` tells what becomes of it"),
            state => format!("  {id}: {}{because}", harmless(state)),
        }
    }
}

/// Looks at these letters of a running relay until each has come to an end, but not for long.
pub(crate) async fn watch<'l>(
    counter: &Counter,
    letters: impl Iterator<Item = &'l DeadLetter>,
) -> anyhow::Result<Vec<Retried<'l>>> {
    let deadline = Instant::now() + PATIENCE;
    let mut watched: Vec<Retried<'l>> = letters.map(Retried::of).collect();
    loop {
        look(counter, &mut watched, deadline).await?;
        if watched.iter().all(|letter| !letter.is_open()) || Instant::now() >= deadline {
            return Ok(watched);
        }
        sleep(PAUSE).await;
    }
}

/// Looks once at each that is open. After the deadline only those are looked at of which nothing is known yet.
async fn look(counter: &Counter, watched: &mut [Retried<'_>], deadline: Instant) -> anyhow::Result<()> {
    let mut known = BTreeMap::new();
    for letter in watched.iter_mut().filter(|letter| letter.is_open()) {
        if letter.found.is_some() && Instant::now() >= deadline {
            continue;
        }
        if !known.contains_key(letter.trace) {
            let deliveries = match counter.ask(Question::Trace(letter.trace.to_owned())).await? {
                Answer::Traces(traces) => traces.into_iter().flat_map(|trace| trace.deliveries).collect::<Vec<_>>(),
                other => return Err(anyhow!("the running tieline gave another answer than was asked for: {other:?}")),
            };
            known.insert(letter.trace, deliveries);
        }
        let deliveries = &known[letter.trace];
        letter.found = deliveries.iter().find(|delivery| delivery.id == letter.id).cloned();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tieline_core::id::{Channel, ChannelKey, InstanceId};

    #[test]
    fn each_end_has_its_words() {
        let line = |state: &str, reason: Option<&str>| {
            let target = Channel { instance: InstanceId::new("lab").unwrap(), key: ChannelKey::new("R").unwrap() };
            let found = TracedDelivery {
                id: DeliveryId(17),
                rule: "r".into(),
                target,
                state: state.into(),
                attempts: 1,
                reason: reason.map(str::to_owned),
                addressed: None,
                copies: vec![],
            };
            let retried = Retried { id: DeliveryId(17), trace: "tl-9", found: Some(found) };
            (retried.line(), retried.is_dead(), retried.is_open())
        };
        assert_eq!(line("delivered", None), ("  17: delivered".into(), false, false));
        assert_eq!(line("dead", Some("archived")), ("  17: dead again: archived".into(), true, false));
        assert_eq!(line("filtered", Some("no")), ("  17: filtered: no".into(), false, false));
        let waiting = "  17: still waiting; `tieline trace tl-9` tells what becomes of it";
        assert_eq!(line("pending", Some("down")), (waiting.into(), false, true));
    }
}
