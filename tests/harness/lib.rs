//! What the end-to-end tests stand on: the real binary as a process, with a folder and ports of its own.
//!
//! Nothing here knows a platform; the fakes are the testkit's.

mod binary;
mod note;
mod ports;
mod relay;
mod seed;

pub use binary::{run, tieline};
pub use note::note;
pub use ports::free_port;
pub use relay::Relay;
pub use seed::seed;
