//! What can go wrong with a call.

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
    /// Nothing is processed and no answer comes, ever.
    Hang,
    /// The request is processed and no answer comes, ever.
    HangAfter,
    /// The request is processed, and the connection is closed in the middle of the answer's body.
    Truncated,
    /// 401, as for a token that is not valid any more.
    Unauthorized,
    /// 429; nothing is processed.
    TooManyRequests {
        /// How long the caller has to wait. Cloudflare says it in whole seconds, rounded up.
        retry_after: Duration,
        /// Whose limit it is, and so what the answer looks like.
        scope: Scope,
    },
    /// 502 with Cloudflare's page; nothing is processed.
    BadGateway,
    /// 502 with Cloudflare's page, although the request is processed.
    BadGatewayAfter,
    /// Another answer, before anything was processed.
    Answer {
        /// The HTTP status.
        status: u16,
        /// The body; it is labelled JSON where it is JSON, HTML else.
        body: String,
    },
    /// The request is processed, and something else is answered.
    AnswerAfter {
        /// The HTTP status.
        status: u16,
        /// The body; it is labelled JSON where it is JSON, HTML else.
        body: String,
    },
}

/// Whose limit was used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// The caller's on this route.
    User,
    /// That of the resource, whoever calls. Does not count as an invalid request.
    Shared,
    /// The caller's on all routes.
    Global,
    /// Cloudflare's for the address: a page instead of JSON, and only `Retry-After`.
    Cloudflare,
}

/// The faults that wait for requests.
pub type Faults = crate::faults::Faults<Route, Fault>;

/// The faults of one route, or of all.
pub type FaultsOn<'a> = crate::faults::FaultsOn<'a, Route, Fault>;
