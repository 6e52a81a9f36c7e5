//! Faults that a test scripts, route by route. Each fake says which routes (`R`) and which faults (`F`) it has.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The faults that wait for requests.
#[derive(Debug)]
pub struct Faults<R, F> {
    waiting: Mutex<HashMap<Option<R>, Waiting<F>>>,
}

#[derive(Debug)]
struct Waiting<F> {
    next: VecDeque<F>,
    always: Option<F>,
}

impl<R, F> Default for Faults<R, F> {
    fn default() -> Self {
        Self { waiting: Mutex::default() }
    }
}

impl<F> Default for Waiting<F> {
    fn default() -> Self {
        Self { next: VecDeque::new(), always: None }
    }
}

/// The faults of one route, or of all.
#[derive(Debug)]
pub struct FaultsOn<'a, R, F> {
    faults: &'a Faults<R, F>,
    route: Option<R>,
}

impl<R: Copy + Eq + Hash, F: Clone> Faults<R, F> {
    /// The faults of a route.
    pub fn on(&self, route: R) -> FaultsOn<'_, R, F> {
        FaultsOn { faults: self, route: Some(route) }
    }

    /// The faults of every route. Those of the route itself come first.
    pub fn everywhere(&self) -> FaultsOn<'_, R, F> {
        FaultsOn { faults: self, route: None }
    }

    /// Takes all faults away.
    pub fn clear(&self) {
        self.lock().clear();
    }

    /// The fault of the next request to a route.
    pub(crate) fn take(&self, route: R) -> Option<F> {
        let mut waiting = self.lock();
        [Some(route), None].into_iter().find_map(|key| {
            let waiting = waiting.get_mut(&key)?;
            waiting.next.pop_front().or_else(|| waiting.always.clone())
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Option<R>, Waiting<F>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<R: Copy + Eq + Hash, F: Clone> FaultsOn<'_, R, F> {
    /// The next `count` requests meet this fault, after those that were scripted before.
    pub fn next(&self, count: usize, fault: F) -> &Self {
        self.change(|waiting| waiting.next.extend(std::iter::repeat_n(fault, count)));
        self
    }

    /// Every request meets this fault, once those of [`next`](Self::next) are used up.
    pub fn always(&self, fault: F) -> &Self {
        self.change(|waiting| waiting.always = Some(fault));
        self
    }

    /// No fault any more.
    pub fn clear(&self) {
        self.change(|waiting| *waiting = Waiting::default());
    }

    fn change(&self, change: impl FnOnce(&mut Waiting<F>)) {
        change(self.faults.lock().entry(self.route).or_default());
    }
}
