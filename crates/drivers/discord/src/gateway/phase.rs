//! How far a connection has come.

use std::time::Duration;

/// The wish with which a connection is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    Resume,
    Identify,
}

/// Where the machine stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// There is no connection, and none is tried before then.
    Waiting { until: Duration },
    /// The API was asked where the gateway is.
    Asking,
    /// A connection is dialled.
    Dialling(Wish),
    /// The gateway is to greet.
    Greeting { wish: Wish, until: Duration },
    /// The wish was told; the session is to begin or to go on.
    Introduced { wish: Wish, until: Duration },
    /// The session lives.
    Live { since: Duration },
    /// It is over.
    Stopped,
}
