//! Faults that a test scripts, route by route.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::route::Route;

/// What goes wrong with one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The answer comes later; nothing else is wrong.
    Delay(Duration),
    /// The connection is closed before anything was processed.
    DropBefore,
    /// The request is processed, then the connection is closed without an answer.
    DropAfter,
    /// 500 before anything was processed.
    Status500,
    /// The request is processed, and answered 500 all the same.
    Status500After,
    /// 429 with the headers of a rate limit.
    TooManyRequests {
        /// When the limit ends, in milliseconds since 1970, as `X-RateLimit-Reset` says it.
        reset_ms: i64,
    },
    /// 401, as for a token that is not valid any more.
    Unauthorized,
    /// Nothing is processed and no answer comes, ever.
    Hang,
    /// The request is processed and no answer comes, ever.
    HangAfter,
    /// Another answer, before anything was processed.
    Answer {
        /// The HTTP status.
        status: u16,
        /// The body.
        body: String,
    },
}

/// The faults that wait for requests.
#[derive(Debug, Default)]
pub struct Faults {
    waiting: Mutex<HashMap<Option<Route>, Waiting>>,
}

#[derive(Debug, Default)]
struct Waiting {
    next: VecDeque<Fault>,
    always: Option<Fault>,
}

/// The faults of one route, or of all.
#[derive(Debug)]
pub struct FaultsOn<'a> {
    faults: &'a Faults,
    route: Option<Route>,
}

impl Faults {
    /// The faults of a route.
    pub fn on(&self, route: Route) -> FaultsOn<'_> {
        FaultsOn { faults: self, route: Some(route) }
    }

    /// The faults of every route. Those of the route itself come first.
    pub fn everywhere(&self) -> FaultsOn<'_> {
        FaultsOn { faults: self, route: None }
    }

    /// Takes all faults away.
    pub fn clear(&self) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The fault of the next request to a route.
    pub(crate) fn take(&self, route: Route) -> Option<Fault> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        [Some(route), None].into_iter().find_map(|key| {
            let waiting = waiting.get_mut(&key)?;
            waiting.next.pop_front().or_else(|| waiting.always.clone())
        })
    }
}

impl FaultsOn<'_> {
    /// The next `count` requests meet this fault, after those that were scripted before.
    pub fn next(&self, count: usize, fault: Fault) -> &Self {
        self.change(|waiting| waiting.next.extend(std::iter::repeat_n(fault, count)));
        self
    }

    /// Every request meets this fault, once those of [`next`](Self::next) are used up.
    pub fn always(&self, fault: Fault) -> &Self {
        self.change(|waiting| waiting.always = Some(fault));
        self
    }

    /// No fault any more.
    pub fn clear(&self) {
        self.change(|waiting| *waiting = Waiting::default());
    }

    fn change(&self, change: impl FnOnce(&mut Waiting)) {
        let mut waiting = self.faults.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        change(waiting.entry(self.route).or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_come_in_order_and_those_of_the_route_first() {
        let faults = Faults::default();
        faults.on(Route::SendMessage).next(1, Fault::Hang).next(1, Fault::DropAfter);
        faults.everywhere().always(Fault::Status500);
        let taken: Vec<_> = (0..3).map(|_| faults.take(Route::SendMessage)).collect();
        assert_eq!(taken, [Some(Fault::Hang), Some(Fault::DropAfter), Some(Fault::Status500)]);
        assert_eq!(faults.take(Route::Me), Some(Fault::Status500));
        faults.clear();
        assert_eq!(faults.take(Route::Me), None);
    }
}
