//! The driver as a whole.

mod change_scene;
mod conformance;
mod deleting;
mod editing;
mod gateway_connection;
mod gateway_history;
mod gateway_scene;
mod lies;
mod limits;
mod looking;
mod mentioning;
mod reacting;
mod receiving;
mod receiving_files;
mod receiving_resumed;
mod reconciling;
mod scene;
mod sending;
