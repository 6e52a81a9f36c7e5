//! The outbox, tested by what it promises.

mod bindings;
mod changes;
mod company;
mod copying;
mod full_disk;
mod ground;
mod incoming;
mod latest;
mod links;
mod model;
mod outgoing;
mod retention;
