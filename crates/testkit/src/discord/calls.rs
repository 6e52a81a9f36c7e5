//! What is remembered of calls.

use http::{HeaderMap, Method};
use jiff::Timestamp;
use serde_json::Value;

use super::route::Route;

/// A request that reached the fake. Requests to the gateway are [its](super::gateway::Gateway) own.
#[derive(Debug, Clone)]
pub struct RecordedRequest {
    /// Which call it is.
    pub route: Route,
    /// Its method.
    pub method: Method,
    /// Its path, without the query.
    pub path: String,
    /// Its query, without `?`.
    pub query: Option<String>,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its JSON: the body, or `payload_json`.
    pub body: Option<Value>,
    /// The names of the files that it brought, by their number.
    pub files: Vec<(u64, String)>,
    /// The length of its body in bytes.
    pub length: u64,
    /// When it arrived, by the fake's clock.
    pub time: Timestamp,
    /// The status of its answer; `None` while there is none.
    pub status: Option<u16>,
}

/// A call that Discord took although something was wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which call it was.
    pub route: Route,
    /// What was wrong.
    pub problem: String,
}
