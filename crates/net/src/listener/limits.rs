use std::time::Duration;

/// What a stranger may take of us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenerLimits {
    /// Connections at one time for each host and port; a further one waits for its [turn](Self::turn), and if none of
    /// them ends meanwhile it is answered 503 and closed. Connections to which
    /// everything is said and that only [linger](Self::linger) are not counted; of these there may be as many again, and
    /// those beyond are closed at once. Default: 512.
    pub connections: usize,
    /// How long nobody may get a place before those who come are refused. Until then they wait in the system's queue: some
    /// platforms never call a second time. Default: 2 s.
    pub turn: Duration,
    /// How many connections are taken on at one time for each host and port: those that have no answer yet and came less
    /// than [`newcomer_time`](Self::newcomer_time) ago. More wait in the system's queue. A flood of callers that behave is
    /// so served a few at a time, and takes the memory of a few. Default: 8.
    pub newcomers: usize,
    /// How long a connection without an answer counts as a newcomer: those that stall hold up the others for no longer.
    /// Default: 100 ms.
    pub newcomer_time: Duration,
    /// Longest time for the head of a request, counted from the connection's start or the answer before it: also how
    /// long a connection may be idle. Default: 10 s.
    pub head_time: Duration,
    /// Largest head of a request in bytes; a larger one is answered 431. Default: 16 KiB.
    pub head_size: usize,
    /// Size in bytes up to which a body is always taken, whatever others send. Default: 64 KiB.
    pub small_body: usize,
    /// How many bytes the parts of bodies beyond `small_body` may take together, for each host and port; a request that
    /// needs more is answered 503. It must hold the largest body that a mount allows. Default: 32 MiB.
    pub large_bodies: usize,
    /// Longest wait for the next piece of a webhook's body. Default: 30 s.
    pub body_stall: Duration,
    /// Longest time for the whole body of a webhook. Default: 120 s.
    pub body_time: Duration,
    /// How long a client may take next to nothing of what we send it: less than 4 KiB in this time. It is cut off then.
    /// Default: 30 s.
    pub answer_stall: Duration,
    /// How long a connection that we close is still read, so that the peer sees our answer and not a reset while it is
    /// busy sending. Default: 1 s.
    pub linger: Duration,
    /// How long requests in flight may take when the last mount of a port is gone. Default: 5 s.
    pub grace: Duration,
}

impl Default for ListenerLimits {
    fn default() -> Self {
        Self {
            connections: 512,
            turn: Duration::from_secs(2),
            newcomers: 8,
            newcomer_time: Duration::from_millis(100),
            head_time: Duration::from_secs(10),
            head_size: 16 * 1024,
            small_body: 64 * 1024,
            large_bodies: 32 * 1024 * 1024,
            body_stall: Duration::from_secs(30),
            body_time: Duration::from_mins(2),
            answer_stall: Duration::from_secs(30),
            linger: Duration::from_secs(1),
            grace: Duration::from_secs(5),
        }
    }
}
