//! The driver as a whole.

mod conformance;
mod limits;
mod looking;
mod receiving;
mod receiving_files;
mod reconciling;
mod scene;
mod sending;
