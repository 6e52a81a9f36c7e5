//! Ports for listeners that must be named before they are opened, and again after a restart.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};

/// A port that nobody listens on.
///
/// It lies below the range from which the system takes the ports of outgoing connections, so none of those can take it
/// between this moment and a later one; and no two calls in one process return the same.
pub fn free_port() -> u16 {
    const FIRST: u16 = 15_000;
    const COUNT: u16 = 15_000;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Test processes side by side have numbers side by side; they begin further apart than one of them counts.
    let offset = (std::process::id().wrapping_mul(2_003) % u32::from(COUNT)) as u16;
    for _ in 0..COUNT {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = FIRST + (u32::from(offset) + u32::from(step) * 7).rem_euclid(u32::from(COUNT)) as u16;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no free port between {FIRST} and {}", FIRST + COUNT);
}
