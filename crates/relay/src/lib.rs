//! The running relay.
//!
//! Drivers hand events to the intake ([`intake`]), which asks the plan where they go and commits them to the outbox. The
//! outbox feeds each committed delivery to its lane ([`lanes`], [`mailbox`]), which makes it whole ([`completion`]),
//! waits where a platform asked to wait ([`gates`], [`credentials`]), sends it ([`attempt`]) and settles it
//! ([`delivery`]). [`supervisor`] keeps drivers running, [`disk`] finds out when a full disk has space again, and
//! [`health`] tells how everything is. What is stored is looked at through [`stored_messages`].
//!
//! What must stay true here:
//!
//! - An event is answered for only after its commit; a delivery leaves its lane only after its settlement is committed.
//! - What may belong to a send under way ([`unsettled`], [`sighting`]) is held, and so is what its channel says after it
//!   ([`held`]).
//! - One delivery of a lane is in flight; no lane holds a thread or a connection while it waits.
//! - Whatever a driver does, panics included, stays in its own lanes.

mod alerts;
mod answer;
mod attempt;
mod backoff;
mod change;
mod commands;
mod completion;
mod credentials;
mod delivery;
mod disk;
mod exchange;
mod gates;
mod health;
mod held;
mod instances;
mod intake;
mod lanes;
mod mailbox;
mod mentions;
mod notice;
mod overtaken;
mod relay;
mod reload;
mod retention;
mod secret_guard;
mod services;
mod settlement;
mod sighting;
mod stored_messages;
mod supervisor;
mod telemetry;
mod threads;
mod tries;
mod typing;
mod unsettled;

pub use alerts::Alerts;
pub use health::{InstanceHealth, State};
pub use instances::Fingerprint;
pub use relay::{Relay, Rooms, Settings, StartError};
pub use reload::Reloaded;
pub use secret_guard::SecretGuard;
pub use stored_messages::StoredMessages;
pub use telemetry::OwnEvent;
