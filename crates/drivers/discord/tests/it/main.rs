//! The driver as a whole.

mod conformance;
mod looking;
mod receiving;
mod receiving_files;
mod scene;
