//! Faults that a test scripts, route by route.

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
    /// The request is processed, and something else is answered.
    AnswerAfter {
        /// The HTTP status.
        status: u16,
        /// The body.
        body: String,
    },
    /// The request is processed; of the answer's body one byte comes each time so long has passed.
    Drip(Duration),
}

/// The faults that wait for requests.
pub type Faults = crate::faults::Faults<Route, Fault>;

/// The faults of one route, or of all.
pub type FaultsOn<'a> = crate::faults::FaultsOn<'a, Route, Fault>;

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
