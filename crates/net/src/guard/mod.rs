//! The guard: fetching addresses that strangers name.
//!
//! A link in a message may name the router, the cloud's metadata service, or a server that answers forever. So:
//!
//! 1. Only `http` and `https`, and no user name in the address.
//! 2. A literal address must be [public](is_public), in whatever form it is written: the URL's parser has turned
//!    `2130706433`, `0x7f.1` and `0177.0.0.1` into `127.0.0.1` by then.
//! 3. A name is resolved by a resolver that hands only public addresses to the connection. What was checked is what is
//!    connected to; there is no second look-up that could answer something else.
//! 4. Redirects are followed here, at most five, each through 1 to 3 again.
//! 5. Size and time are capped. Nothing of ours is sent along: no token, no cookie, no referer.
//!
//! Origins that the operator configured may be private. A proxy resolves names itself, where 3 cannot look; through one,
//! only configured origins are fetched.

mod address;
mod fetch;

pub use address::is_public;
pub use fetch::{Fetched, GuardError, GuardedFetch};
