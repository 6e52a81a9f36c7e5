//! What time it is.

use jiff::Timestamp;

/// The only source of wall-clock time, so that tests decide what time it is.
pub trait Clock: Send + Sync + 'static {
    /// Now.
    fn now(&self) -> Timestamp;
}
