//! What can go wrong with a call to the addon.

use std::time::Duration;

use tokio::time::Instant;

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
    /// The request is processed (a message is sent), and answered 500 all the same.
    Status500After,
    /// 503 as when the account is not connected; nothing was processed.
    NotConnected,
    /// The same until that moment; from then on nothing is wrong any more.
    NotConnectedUntil(Instant),
    /// 401, as for a token that is not valid any more.
    Unauthorized,
    /// 429 as plain text, with `RateLimit-*` headers.
    TooManyRequests {
        /// `RateLimit-Reset`: seconds until the limit ends.
        reset_s: u64,
    },
    /// Nothing is processed and no answer comes, ever.
    Hang,
    /// The request is processed and no answer comes, ever.
    HangAfter,
    /// The request is processed, and the connection is closed in the middle of the answer's body.
    Truncated,
    /// Another answer, before anything was processed.
    Answer {
        /// The HTTP status.
        status: u16,
        /// The body; it is labelled JSON where it is JSON, HTML else.
        body: String,
    },
}

/// The faults that wait for requests.
pub type Faults = crate::faults::Faults<Route, Fault>;

/// The faults of one route, or of all.
pub type FaultsOn<'a> = crate::faults::FaultsOn<'a, Route, Fault>;
