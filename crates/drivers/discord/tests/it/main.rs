//! The driver as a whole.

mod changing;
mod conformance;
mod gateway_connection;
mod gateway_history;
mod gateway_scene;
mod lies;
mod limits;
mod looking;
mod receiving;
mod receiving_files;
mod receiving_resumed;
mod reconciling;
mod scene;
mod sending;
