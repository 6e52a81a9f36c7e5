//! Routes that Discord refused a moment ago, so that it is not asked again and again: a channel where a permission is
//! missing, a webhook that was deleted, a token that is not good. Too many refused calls bring a ban of the address.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use super::Route;
use crate::refusal::Refusal;

/// How many are kept before those that are over are forgotten.
const KEPT: usize = 4096;

/// What is refused.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Refused {
    /// The bot's token.
    Token,
    /// A route, and what the call is about, if another permission is needed for that.
    Route(Route, About),
}

/// What a call is about, where other permissions are needed than for the like of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(crate) enum About {
    /// Nothing special.
    #[default]
    Own,
    /// Files.
    Files,
    /// What others wrote.
    Others,
}

/// What was refused, and how.
#[derive(Debug, Default)]
pub(crate) struct RefusedRoutes(HashMap<Refused, Kept>);

#[derive(Debug)]
struct Kept {
    refusal: Refusal,
    until: Instant,
}

impl RefusedRoutes {
    /// The refusal that a call would meet again, with how long that is believed.
    pub(crate) fn get(&self, call: &Refused, now: Instant) -> Option<Refusal> {
        let kept = self.0.get(call).filter(|kept| kept.until > now)?;
        Some(kept.refusal.clone().believed_for(kept.until - now))
    }

    /// Keeps a refusal for a while. `true`: it is the first since the last success.
    pub(crate) fn note(&mut self, call: Refused, refusal: &Refusal, keep: Duration, now: Instant) -> bool {
        if self.0.len() >= KEPT {
            self.0.retain(|_, kept| kept.until > now);
        }
        self.0.insert(call, Kept { refusal: refusal.clone(), until: now + keep }).is_none()
    }

    /// A call succeeded.
    pub(crate) fn clear(&mut self, call: &Refused) {
        if !self.0.is_empty() {
            self.0.remove(call);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{Method, StatusCode};
    use serde_json::json;

    #[test]
    fn a_refusal_is_told_once_and_believed_for_a_while() {
        let (mut routes, now) = (RefusedRoutes::default(), Instant::now());
        let route = Route::of(&Method::POST, "channels/1/messages");
        let (call, with_files) =
            (Refused::Route(route.clone(), About::Own), Refused::Route(route.clone(), About::Files));
        let refusal = Refusal::read(&route, StatusCode::FORBIDDEN, &json!({ "code": 50013, "message": "No" }));
        let keep = Duration::from_mins(5);
        assert!(routes.note(call.clone(), &refusal, keep, now));
        let again = routes.get(&call, now + Duration::from_mins(1)).expect("it is fresh");
        assert_eq!((again.code, again.again_in), (Some(50013), Some(Duration::from_mins(4))));
        assert_eq!(routes.get(&with_files, now), None);
        assert_eq!(routes.get(&call, now + keep), None);
        assert!(!routes.note(call.clone(), &refusal, keep, now + keep), "it was told already");
        routes.clear(&call);
        assert_eq!(routes.get(&call, now + keep), None);
        assert!(routes.note(call, &refusal, keep, now));
    }
}
