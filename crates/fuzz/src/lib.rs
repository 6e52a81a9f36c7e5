//! What holds for any text, whatever somebody types, on every platform.
//!
//! The laws take bytes. A fuzzer runs them (`just fuzz`, in `targets/`, which the workspace does not build), and the
//! tests run the same functions over a small corpus and over random bytes.

pub mod platforms;
