//! How a fake gateway is set up.

use std::sync::Arc;
use std::time::Duration;

use tieline_core::clock::Clock;

use super::close::UNKNOWN_ERROR;
use crate::clock::SystemClock;

/// How a fake gateway is set up. The default is Discord's, where Discord says a number.
#[derive(Clone)]
pub struct GatewayScript {
    /// How often a client shall send a heartbeat; told in Hello. Discord's example: 45 s.
    pub heartbeat_interval: Duration,
    /// How much later than that a heartbeat may come before the connection is closed. Discord names no number; here
    /// 20 s.
    pub heartbeat_tolerance: Duration,
    /// The close code for a client that sent no heartbeat in time. Discord says that the client must then resume: 4000.
    pub silence_code: u16,
    /// How long a session without a connection can be resumed. Discord says "a few minutes"; here 3.
    pub session_timeout: Duration,
    /// How many events of a session are kept for a resume. Discord names no number; here 10,000.
    pub kept_events: usize,
    /// How many identifies are taken in an [`identify_window`](Self::identify_window). Most bots' is 1.
    pub max_concurrency: u32,
    /// Over how long [`max_concurrency`](Self::max_concurrency) counts. Discord's is 5 s.
    pub identify_window: Duration,
    /// How many identifies a bot has in 24 hours; one more, and its token is reset. Discord's is 1000.
    pub identifies_per_day: u32,
    /// How many payloads a client may send in 60 s over one connection. Discord's is 120.
    pub payloads_per_minute: usize,
    /// The intents that the bot may not name, because they are not switched on in the portal. All privileged ones are
    /// switched on by default.
    pub disallowed_intents: u64,
    /// Whether `compress=zlib-stream` is honoured. Otherwise everything is sent as plain text.
    pub compression: bool,
    /// What READY gives as `resume_gateway_url`; `None`: `/gateway/resume` of the host that the client dialled.
    pub resume_url: Option<String>,
    /// What time the gateway has. Heartbeats alone are waited for in real time.
    pub clock: Arc<dyn Clock>,
}

impl Default for GatewayScript {
    fn default() -> Self {
        Self {
            heartbeat_interval: Duration::from_secs(45),
            heartbeat_tolerance: Duration::from_secs(20),
            silence_code: UNKNOWN_ERROR,
            session_timeout: Duration::from_mins(3),
            kept_events: 10_000,
            max_concurrency: 1,
            identify_window: Duration::from_secs(5),
            identifies_per_day: 1000,
            payloads_per_minute: 120,
            disallowed_intents: 0,
            compression: true,
            resume_url: None,
            clock: Arc::new(SystemClock),
        }
    }
}
