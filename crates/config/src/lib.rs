//! From configuration files to a checked plan, with every problem named at its line.
//!
//! [`load()`] is the way in. It reads each text with its positions, lays the texts over each other, puts in what
//! `{"env": …}` and `{"file": …}` refer to, and checks everything: the section `global`, each instance through its
//! driver, each rule through the instances it names. Nothing stops at the first error, and what is wrong in one place is
//! not told again in another.
//!
//! What must stay true:
//!
//! 1. The running program sees [`Configuration`] alone, and there is one only if nothing is wrong.
//! 2. A [`Diagnostic`] names the text that won: the last one that has the value.
//! 3. No diagnostic and no error shows a secret, also not in the line that it quotes.
//! 4. Keys and ids are compared as they are written, and no type is turned into another.
//! 5. Nothing here knows a platform; what is said about an instance or an address comes from its driver.

mod configuration;
mod corrected;
mod diagnostic;
mod document;
mod duration;
mod findings;
mod global;
mod instances;
mod layers;
mod listen;
mod load;
mod outline;
mod pointer;
mod references;
mod rules;
mod scan;
mod schema;
mod sensitive;
mod setting;
mod surroundings;

pub use configuration::{Alerts, Configuration, Global, Http, Log, LogFormat, LogLevel};
pub use diagnostic::{Diagnostic, Excerpt};
pub use load::{LoadError, Loaded, load};
pub use schema::schema;
pub use surroundings::{ProcessSurroundings, Surroundings};
