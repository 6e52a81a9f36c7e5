//! Fakes of the platforms, with state and scripted faults; recording stand-ins for the traits of the core; a recording
//! proxy; and the driver conformance suite.
//!
//! Nothing here is linked by a driver outside its tests. The demo of the host runs on the same fakes, so what it uses
//! returns errors instead of panicking (`try_start`, `try_post`).

mod caller;
mod change;
mod clock;
pub mod conformance;
pub mod discord;
mod faults;
mod inbound;
mod log;
mod port;
mod proxy;
pub mod rocketchat;
mod running;
mod spool;
mod standins;
mod webhooks;
pub mod whatsapp;
mod written;

pub use caller::{CallError, Reply, call};
pub use change::put;
pub use clock::{FixedClock, SystemClock};
pub use faults::{Faults, FaultsOn};
pub use inbound::RecordingInbound;
pub use log::RecordingLog;
pub use proxy::{FakeProxy, ProxyScript};
pub use running::{Running, deliver, first_part, on_its_way};
pub use spool::TempSpool;
pub use standins::{EverySource, Health, KnownIds, NothingKnown, RecordingCursors, RecordingHealth};
pub use webhooks::LocalWebhooks;
