//! What the world around the machine does.

use proptest::prelude::*;

/// What the world does next.
#[derive(Debug, Clone)]
pub(super) enum Move {
    /// What was asked for is answered: the API, the dial, the greeting, the wish.
    Answer,
    /// It fails.
    Refuse {
        credentials: bool,
    },
    /// Something happens in the session.
    Event,
    /// The server sends the last events once more.
    Repeat,
    Cut,
    Close(u16),
    Reconnect,
    Invalidate(bool),
    Garble,
    WantHeartbeat,
    /// The session times out while nobody hears it.
    Forget,
    Acknowledging(bool),
    Listening(bool),
    /// Time passes, at most until something is due.
    Pass(u64),
    /// Time passes until something is due.
    Wait,
}

/// Any of them, good ones more often than bad ones.
pub(super) fn moves() -> impl Strategy<Value = Move> {
    prop_oneof![
        12 => Just(Move::Answer),
        1 => any::<bool>().prop_map(|credentials| Move::Refuse { credentials }),
        6 => Just(Move::Event),
        1 => Just(Move::Repeat),
        1 => Just(Move::Cut),
        1 => prop_oneof![4000_u16..4015, Just(1000), Just(1001)].prop_map(Move::Close),
        1 => Just(Move::Reconnect),
        1 => any::<bool>().prop_map(Move::Invalidate),
        1 => Just(Move::Garble),
        1 => Just(Move::WantHeartbeat),
        1 => Just(Move::Forget),
        1 => any::<bool>().prop_map(Move::Acknowledging),
        1 => any::<bool>().prop_map(Move::Listening),
        3 => (0_u64..90_000).prop_map(Move::Pass),
        8 => Just(Move::Wait),
    ]
}
