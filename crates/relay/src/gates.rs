//! Waits that a platform asked for.
//!
//! A gate belongs to a scope of an instance: a route, a hook, the whole account. While it is closed nothing is sent in
//! that scope; it never opens earlier than the platform said, also not because the process was restarted meanwhile:
//! an instance's closed gates are kept in the outbox.

use std::time::Duration;

use dashmap::DashMap;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tieline_core::id::InstanceId;
use tieline_core::send::{Pause, Scope};

#[derive(Debug, Default)]
pub(crate) struct Gates {
    closed: DashMap<(InstanceId, Scope), Timestamp>,
}

impl Gates {
    /// Closes a gate until the platform's time, unless it is closed for longer already.
    pub(crate) fn close(&self, instance: &InstanceId, pause: &Pause) {
        self.closed
            .entry((instance.clone(), pause.scope.clone()))
            .and_modify(|until| *until = (*until).max(pause.until))
            .or_insert(pause.until);
    }

    /// An instance's closed gates, to be kept.
    pub(crate) fn stored(&self, instance: &InstanceId) -> String {
        let gates: Vec<Stored> = self
            .closed
            .iter()
            .filter(|gate| gate.key().0 == *instance)
            .map(|gate| {
                let scope = match &gate.key().1 {
                    Scope::Instance => None,
                    Scope::Named(name) => Some(name.clone()),
                };
                Stored { scope, until: *gate.value() }
            })
            .collect();
        serde_json::to_string(&gates).expect("names and times are JSON")
    }

    /// Closes the gates that were kept.
    pub(crate) fn restore(&self, instance: &InstanceId, stored: &str) -> Result<(), serde_json::Error> {
        for Stored { scope, until } in serde_json::from_str::<Vec<Stored>>(stored)? {
            let scope = scope.map_or(Scope::Instance, Scope::Named);
            self.close(instance, &Pause { scope, until });
        }
        Ok(())
    }

    /// Whether no gate is closed, whatever the scope.
    pub(crate) fn are_open(&self) -> bool {
        self.closed.is_empty()
    }

    /// When the last of these gates opens; `None` if all are open.
    pub(crate) fn opens(&self, instance: &InstanceId, scopes: &[Scope], now: Timestamp) -> Option<Timestamp> {
        if self.closed.is_empty() {
            return None;
        }
        std::iter::once(&Scope::Instance)
            .chain(scopes)
            .filter_map(|scope| {
                let key = (instance.clone(), scope.clone());
                let until = *self.closed.get(&key)?;
                if until <= now {
                    self.closed.remove_if(&key, |_, until| *until <= now);
                    return None;
                }
                Some(until)
            })
            .max()
    }
}

/// A closed gate, as it is kept.
#[derive(Debug, Serialize, Deserialize)]
struct Stored {
    /// `None` for the whole instance.
    scope: Option<String>,
    until: Timestamp,
}

/// How long it is until a time; zero if it has passed.
pub(crate) fn until(time: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(time.duration_since(now)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_gate_opens_when_the_platform_said_and_not_earlier() {
        let gates = Gates::default();
        let rc = InstanceId::new("rc").unwrap();
        let hook = Scope::Named("hook".into());
        assert!(gates.are_open());
        gates.close(&rc, &Pause { scope: hook.clone(), until: at(10) });
        assert!(!gates.are_open());
        gates.close(&rc, &Pause { scope: hook.clone(), until: at(5) });
        assert_eq!(gates.opens(&rc, std::slice::from_ref(&hook), at(9)), Some(at(10)));
        assert_eq!(gates.opens(&rc, &[Scope::Named("other".into())], at(9)), None);
        assert_eq!(gates.opens(&InstanceId::new("rc2").unwrap(), std::slice::from_ref(&hook), at(9)), None);
        assert_eq!(gates.opens(&rc, &[hook], at(10)), None);
        assert!(gates.are_open());
    }

    #[test]
    fn gates_are_as_they_were_after_a_restart() {
        let (before, after) = (Gates::default(), Gates::default());
        let rc = InstanceId::new("rc").unwrap();
        before.close(&rc, &Pause { scope: Scope::Instance, until: at(7) });
        before.close(&rc, &Pause { scope: Scope::Named("hook".into()), until: at(9) });
        before.close(&InstanceId::new("rc2").unwrap(), &Pause { scope: Scope::Instance, until: at(99) });
        after.restore(&rc, &before.stored(&rc)).unwrap();
        assert_eq!(after.opens(&rc, &[], at(1)), Some(at(7)));
        assert_eq!(after.opens(&rc, &[Scope::Named("hook".into())], at(1)), Some(at(9)));
        assert_eq!(after.closed.len(), 2);
    }

    #[test]
    fn the_instance_gate_holds_for_every_scope() {
        let gates = Gates::default();
        let rc = InstanceId::new("rc").unwrap();
        gates.close(&rc, &Pause { scope: Scope::Instance, until: at(7) });
        assert_eq!(gates.opens(&rc, &[Scope::Named("any".into())], at(1)), Some(at(7)));
        assert_eq!(gates.opens(&rc, &[], at(1)), Some(at(7)));
    }
}
