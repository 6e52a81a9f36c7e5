//! What holds for any text, whatever somebody types, on every platform.
//!
//! The laws take texts, the targets bytes. A fuzzer runs the targets (`just fuzz`, in `targets/`, which the workspace does
//! not build), and the tests run the same functions over a small corpus and over random bytes.

pub mod calls;
pub mod code;
pub mod laws;
pub mod platforms;
pub mod seen;
pub mod targets;
